/*
 * histograms.h - the input of histogram_quantile() and its kin, sorted into histograms: classic
 * ones, whose buckets are series of floats, and native ones.
 *
 * The series are sorted once for all steps. Then promql__hists_step() goes from step to step; where
 * a native histogram meets a classic one with its labels, neither has a value.
 */
#ifndef FERULA_PROMQL_HISTOGRAMS_H
#define FERULA_PROMQL_HISTOGRAMS_H

#include "eval.h"

struct promql__bucket {
    double bound, count; /* cumulative */
};

struct promql__bucket_series {
    double bound;
    uint32_t histogram, series;
    size_t next; /* the first sample not yet seen */
};

struct promql__classic {
    struct labels labels; /* without le */
    size_t first, n;      /* in promql__hists.buckets */
    bool ignored;         /* in this step */
};

struct promql__native {
    struct labels labels;
    const struct promql__series *series;
    size_t next;                  /* the first sample not yet seen */
    struct promql__classic *twin; /* with the same labels; may be NULL */
    const struct histogram *now;  /* in this step; may be NULL */
};

struct promql__hists {
    struct promql__ev *ev;
    const struct promql__grid *g;
    const struct promql_expr *arg;
    struct promql__matrix in;
    struct promql__bucket_series *buckets; /* histogram by histogram, by bound */
    size_t n_buckets;
    struct promql__classic *classics;
    size_t n_classics;
    struct promql__native *natives;
    size_t n_natives;
    struct promql__bucket *now; /* of one classic histogram in one step, by bound */
    size_t n_now;
};

int promql__hists_begin(struct promql__hists *hs, struct promql__ev *ev,
                        const struct promql__grid *g, const struct promql_expr *arg);
/* Finds the native histograms of the step at `t`, and what is to be ignored in it. */
void promql__hists_step(struct promql__hists *hs, ts_ms t);
/* Takes the buckets of classic histogram `i` at `t`; to be called in each step. False: none. */
bool promql__hists_gather(struct promql__hists *hs, size_t i, ts_ms t);

/* Of hs->now, whose buckets are mended; *mended says whether they needed it. */
double promql__classic_quantile(struct promql__hists *hs, double phi, struct promql__mended *m,
                                bool *mended);
double promql__classic_fraction(const struct promql__hists *hs, double lo, double hi);

/* *note is set to what there is to tell, else left alone. */
double promql__native_quantile(const struct histogram *h, double phi, enum promql__hist_note *note);
double promql__native_fraction(const struct histogram *h, double lo, double hi,
                               enum promql__hist_note *note);

#endif
