/*
 * histogram_priv.h - what the files of native histograms share.
 */
#ifndef FERULA_MODEL_HISTOGRAM_PRIV_H
#define FERULA_MODEL_HISTOGRAM_PRIV_H

#include "ferula/base/kahan.h"
#include "ferula/model/histogram.h"

/* The upper bound of a bucket of a positive side; below all: of the bucket before the first. */
double model__histogram_bound(const struct histogram *h, int32_t index);

/* How far a bucket reaches from zero, as positive numbers for either side. */
static inline double model__bucket_near(const struct histogram_bucket *b, bool negative)
{
    return negative ? -b->upper : b->lower;
}

static inline double model__bucket_far(const struct histogram_bucket *b, bool negative)
{
    return negative ? -b->lower : b->upper;
}

/* `c` is what `sum` has lost. */
static inline void model__kahan_inc(double x, double *sum, double *c)
{
    struct kahan k = {*sum, *c};

    kahan_add(&k, x);
    *sum = k.sum;
    *c = k.c;
}

/* The bucket of a schema that is `shift` coarser which holds all of bucket `index`. */
static inline int32_t model__coarser_index(int32_t index, int shift)
{
    int all = shift < 31 ? shift : 31; /* further there are two buckets only, 0 and 1 */

    return (int32_t)((uint32_t)((int32_t)((uint32_t)index - 1) >> all) + 1);
}

/* The buckets of a side at a schema that is `shift` coarser. */
struct model__merge {
    const struct histogram_side *side;
    int shift;
    size_t i;
};

struct model__merged {
    int32_t index;
    double count, c; /* c: what the sum has lost, when it is Kahan's */
};

bool model__merge_next(struct model__merge *m, bool kahan, struct model__merged *out);

/* Buckets empty in `count` and, when it is not NULL, in `c` go. */
void model__compact_side(struct histogram_side *side, double *c);
/* `c` is NULL or a compensation that goes along. */
void model__reduce(struct histogram *h, struct histogram *c, int32_t schema);

/* A zero bucket; c: what its count has lost. */
struct model__zero {
    double count, c, threshold;
};

/*
 * The zero bucket of `h` when it reaches to `threshold` (not less than its own), or to the end of
 * the populated bucket that this falls into. `c`: NULL, or the compensation of `h`.
 */
struct model__zero model__wider_zero(const struct histogram *h, const struct histogram *c,
                                     double threshold);

/*
 * Custom buckets with different bounds: `h` gets the bounds that both have and the sum, or the
 * difference, of the counts. `c`: NULL, or the compensation of `h`.
 */
void model__custom_add(struct arena *a, struct histogram *h, struct histogram *c,
                       const struct histogram *other, bool negative);
bool model__custom_bounds_match(const struct histogram *x, const struct histogram *y);
/* Whether a count fell in what the bounds of both can tell apart. */
bool model__custom_decreased(const struct histogram *h, const struct histogram *prev);

#endif
