/*
 * extended.h - what extended.c (floats) and hist_extended.c (native histograms) share.
 */
#ifndef FERULA_PROMQL_EXTENDED_H
#define FERULA_PROMQL_EXTENDED_H

#include "eval.h"

/* The times of floats or of histograms: both begin with theirs. */
struct promql__times {
    const void *p;
    size_t stride, n; /* n is at least 1 */
};

/* The samples at or around the edges of a window (from, to]. */
struct promql__edges {
    ts_ms from, to;
    bool smoothed;
    size_t first, last;
};

/* Sets first and last. False: there is no sample after the window's start. */
bool promql__find_edges(const struct promql__times *ts, struct promql__edges *e);

/* rate(), increase() and delta() of a window of histograms; as promql__mixed_fn. */
int promql__extended_hists(struct promql__ev *ev, const struct promql__mixed *m,
                           struct promql__edges *e, struct promql__value *out);

/* The samples within the lookback of a step, on both sides; `at`: from the step's time on. */
struct promql__around {
    size_t lo, at, hi;
};

/* The histogram that a smoothed selector sees at `t`. NULL: none. */
const struct histogram *promql__smooth_hist(struct promql__ev *ev, const struct promql_expr *e,
                                            struct labels ls, const struct promql__around *a,
                                            ts_ms t);

#endif
