/*
 * aggregate.h - what the two ways of an aggregation share: groups of floats (aggregate.c) and
 * groups that have histograms, too (hist_aggregate.c).
 */
#ifndef FERULA_PROMQL_AGGREGATE_H
#define FERULA_PROMQL_AGGREGATE_H

#include "eval.h"
#include "kahan.h"

/* The floats of one group in one step; which members matter depends on the aggregator. */
struct promql__acc {
    struct kahan_mean m; /* sum and avg; m.n also counts */
    double v, mean;
};

/* What an aggregator does with histograms. */
enum promql__hists {
    HISTS_IGNORED, /* and says so */
    HISTS_COUNTED, /* as any value */
    HISTS_ADDED,   /* to a histogram */
};

struct promql__aggregator {
    void (*first)(struct promql__acc *a, double v);
    void (*next)(struct promql__acc *a, double v);
    double (*result)(const struct promql__acc *a);
    enum promql__hists hists;
};

/*
 * Group `k`, which has histograms, into ev->out and ev->hout. Sets *marked when the name of its
 * last step is to go.
 */
int promql__aggregate_mixed(struct promql__ev *ev, const struct promql__grid *g,
                            const struct promql__aggregator *fn, const struct promql_aggregate *agg,
                            const struct promql__groups *gr, size_t k, bool *marked);

#endif
