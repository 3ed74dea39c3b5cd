/*
 * hist_native.c - quantiles and fractions of native histograms.
 *
 * Within a bucket observations are taken to lie evenly: on a scale of logarithms in exponential
 * buckets, on a linear one in custom buckets and around zero. A NaN that was observed is counted
 * but is in no bucket, and makes the sum NaN.
 */
#include <math.h>

#include "gomath.h"
#include "histograms.h"

/* Around zero, a side without buckets has no observations. */
static void cut_at_zero(const struct histogram *h, struct histogram_bucket *b)
{
    if (h->neg.n == 0 && h->pos.n > 0)
        b->lower = 0;
    else if (h->pos.n == 0 && h->neg.n > 0)
        b->upper = 0;
}

/* ---- quantiles ---- */

/* A place among the observations: `rank` of them away from where counting began. */
struct walk {
    const struct histogram *h;
    struct histogram_iter it;
    struct histogram_bucket b; /* the last one seen */
    double count, rank;
    bool backwards;
};

static void walk_to(struct walk *w, const struct histogram *h, double phi)
{
    *w = (struct walk){.h = h, .backwards = !isnan(h->sum) && !(phi < 0.5)};
    w->rank = (w->backwards ? 1 - phi : phi) * h->count;
    histogram_iter_begin(&w->it, h, w->backwards);
    while (histogram_iter_next(&w->it, &w->b)) {
        if (w->b.count == 0)
            continue;
        w->count += w->b.count;
        if (w->count >= w->rank)
            break;
    }
}

/* Counts on to the end. Prometheus looks at the last bucket from there on. */
static bool misses_observations(struct walk *w)
{
    while (histogram_iter_next(&w->it, &w->b))
        w->count += w->b.count;
    return w->count < w->h->count;
}

static double interpolate(const struct walk *w, double fraction)
{
    const struct histogram_bucket *b = &w->b;
    double lower, upper;

    if (histogram_is_custom(w->h) || (b->lower <= 0 && b->upper >= 0))
        return b->lower + (b->upper - b->lower) * fraction;
    lower = log2(fabs(b->lower));
    upper = log2(fabs(b->upper));
    if (b->lower > 0)
        return exp2(lower + (upper - lower) * fraction);
    return -exp2(upper + (lower - upper) * (1 - fraction));
}

/* Where the walk ended: in a bucket, or at the end of all of them. */
static double quantile_at(struct walk *w, enum promql__hist_note *note)
{
    const struct histogram *h = w->h;
    double rank = w->rank;

    if (w->count > h->count)
        w->count = h->count;
    if (w->count < rank) {
        if (!isnan(h->sum))
            return w->b.upper;
        *note = PROMQL__NAN_RESULT;
        return go_nan();
    }
    if (w->backwards)
        rank = w->count - rank;
    else
        rank -= w->count - w->b.count;
    if (isnan(h->sum) && misses_observations(w))
        *note = PROMQL__NAN_SKEW;
    return interpolate(w, rank / w->b.count);
}

double promql__native_quantile(const struct histogram *h, double phi, enum promql__hist_note *note)
{
    struct walk w;

    if (phi < 0 || phi > 1)
        return phi < 0 ? -INFINITY : INFINITY;
    if (h->count == 0 || isnan(phi))
        return go_nan();
    walk_to(&w, h, phi);
    if (!histogram_is_custom(h)) {
        if (w.b.lower < 0 && w.b.upper > 0)
            cut_at_zero(h, &w.b);
    } else if (isinf(w.b.lower) && w.b.lower < 0) {
        if (w.b.upper <= 0)
            return w.b.upper;
        w.b.lower = 0;
    } else if (isinf(w.b.upper) && w.b.upper > 0) {
        return w.b.lower;
    }
    return quantile_at(&w, note);
}

/* ---- fractions ---- */

/* How many observations lie below `v`. */
struct rank {
    double v, rank;
    bool set;
};

/* What part of the bucket lies below `v`, which is inside it. */
static double part_below(const struct histogram_bucket *b, double v, bool linear)
{
    double lower, upper, at;

    if (linear)
        return (v - b->lower) / (b->upper - b->lower);
    lower = log2(fabs(b->lower));
    upper = log2(fabs(b->upper));
    at = log2(fabs(v));
    if (v > 0)
        return (at - lower) / (upper - lower);
    return 1 - (at - upper) / (lower - upper);
}

/* Sets the rank when it is inside bucket `b` or at its lower bound; `before` lie below that. */
static void meet(struct rank *r, const struct histogram_bucket *b, bool linear, double before)
{
    if (r->set || !(b->lower >= r->v || b->upper > r->v))
        return;
    r->set = true;
    if (b->lower >= r->v)
        r->rank = before;
    else if (linear && isinf(b->lower))
        r->rank = b->count;
    else
        r->rank = before + b->count * part_below(b, r->v, linear);
}

double promql__native_fraction(const struct histogram *h, double lo, double hi,
                               enum promql__hist_note *note)
{
    struct rank l = {.v = lo}, u = {.v = hi};
    double count = 0, before = 0;
    struct histogram_bucket b;
    struct histogram_iter it;

    if (h->count == 0 || isnan(lo) || isnan(hi))
        return go_nan();
    if (lo >= hi)
        return 0;
    histogram_iter_begin(&it, h, false);
    while (!(l.set && u.set) && histogram_iter_next(&it, &b)) {
        bool zero = b.lower <= 0 && b.upper >= 0;

        count += b.count;
        if (zero)
            cut_at_zero(h, &b);
        meet(&l, &b, zero || histogram_is_custom(h), before);
        meet(&u, &b, zero || histogram_is_custom(h), before);
        before += b.count;
    }
    if (isnan(h->sum)) {
        while (histogram_iter_next(&it, &b))
            count += b.count;
        if (count < h->count)
            *note = PROMQL__NAN_FRACTION;
    } else {
        count = h->count;
    }
    if (!l.set || l.rank > count)
        l.rank = count;
    if (!u.set || u.rank > count)
        u.rank = count;
    return (u.rank - l.rank) / h->count;
}
