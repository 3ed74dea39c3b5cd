/*
 * hist_classic.c - quantiles and fractions of classic histograms, whose buckets count what lies
 * below their bounds.
 */
#include <math.h>

#include "gomath.h"
#include "histograms.h"

/* Counts that differ by less than this, relatively, differ by rounding only. */
#define TOLERANCE 1e-12

static bool nearly_equal(double a, double b)
{
    double sum = fabs(a) + fabs(b), diff = fabs(a - b);

    if (is_stale(a) || is_stale(b))
        return is_stale(a) && is_stale(b);
    if (a == b || (isnan(a) && isnan(b)))
        return true;
    if (a == 0 || b == 0 || sum < 0x1p-1022)
        return diff < TOLERANCE * 0x1p-1022;
    return diff / go_min(sum, 0x1.fffffffffffffp1023) < TOLERANCE;
}

/* Counts must not fall from bucket to bucket; where they do they are raised. True: some were. */
static bool mend(struct promql__bucket *b, size_t n, struct promql__mended *m)
{
    double before = b[0].count;
    bool mended = false;

    m->min_bucket = INFINITY;
    m->max_bucket = -INFINITY;
    m->max_diff = 0;
    for (size_t i = 1; i < n; i++) {
        double count = b[i].count;

        if (count == before)
            continue;
        if (nearly_equal(before, count)) {
            b[i].count = before;
        } else if (count < before) {
            b[i].count = before;
            mended = true;
            m->min_bucket = fmin(m->min_bucket, b[i].bound);
            m->max_bucket = fmax(m->max_bucket, b[i].bound);
            m->max_diff = fmax(m->max_diff, before - count);
        } else {
            before = count;
        }
    }
    return mended;
}

/* Where the rank falls in the buckets, which are mended. */
static double interpolate(const struct promql__bucket *b, size_t n, double phi)
{
    double rank = phi * b[n - 1].count, start = 0, count;
    size_t i = 0, end = n - 1;

    while (i < end) {
        size_t mid = i + (end - i) / 2;

        if (b[mid].count >= rank)
            end = mid;
        else
            i = mid + 1;
    }
    if (i == n - 1)
        return b[n - 2].bound;
    if (i == 0 && b[0].bound <= 0)
        return b[0].bound;
    count = b[i].count;
    if (i > 0) {
        start = b[i - 1].bound;
        count -= b[i - 1].count;
        rank -= b[i - 1].count;
    }
    return start + (b[i].bound - start) * (rank / count);
}

double promql__classic_quantile(struct promql__hists *hs, double phi, struct promql__mended *m,
                                bool *mended)
{
    size_t n = hs->n_now;

    *mended = false;
    if (isnan(phi))
        return go_nan();
    if (phi < 0 || phi > 1)
        return phi < 0 ? -INFINITY : INFINITY;
    if (!(isinf(hs->now[n - 1].bound) && hs->now[n - 1].bound > 0))
        return go_nan();
    *mended = mend(hs->now, n, m);
    if (n < 2 || hs->now[n - 1].count == 0)
        return go_nan();
    return interpolate(hs->now, n, phi);
}

/* How many observations lie below `v`, which is not in front of bucket `i`'s lower bound. */
struct rank {
    double v, rank;
    bool set;
};

static void meet(struct rank *r, double lower, const struct promql__bucket *b, double before)
{
    if (r->set || !(lower >= r->v || b->bound > r->v))
        return;
    r->set = true;
    if (lower >= r->v)
        r->rank = before;
    else if (isinf(lower))
        r->rank = b->count;
    else
        r->rank = before + (b->count - before) * (r->v - lower) / (b->bound - lower);
}

double promql__classic_fraction(const struct promql__hists *hs, double lo, double hi)
{
    const struct promql__bucket *b = hs->now;
    size_t n = hs->n_now;
    struct rank l = {.v = lo}, h = {.v = hi};
    double before = 0, lower = b[0].bound <= 0 ? -INFINITY : 0, total = b[n - 1].count;

    if (!(isinf(b[n - 1].bound) && b[n - 1].bound > 0))
        return go_nan();
    if (total == 0 || isnan(lo) || isnan(hi))
        return go_nan();
    if (lo >= hi)
        return 0;
    for (size_t i = 0; i < n && !(l.set && h.set); i++) {
        if (i > 0)
            lower = b[i - 1].bound;
        meet(&l, lower, &b[i], before);
        meet(&h, lower, &b[i], before);
        before = b[i].count;
    }
    if (!l.set || l.rank > total)
        l.rank = total;
    if (!h.set || h.rank > total)
        h.rank = total;
    return (h.rank - l.rank) / total;
}
