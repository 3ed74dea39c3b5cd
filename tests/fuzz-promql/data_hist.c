/*
 * data_hist.c - native histograms as an application would count them: buckets that grow, are reset,
 * come and go; of any schema, with and without a zero bucket and negative observations; gauges,
 * too.
 */
#include <math.h>

#include "fuzz.h"

#define MOST_BUCKETS 12

struct hist_maker {
    struct arena *a;
    struct rng rng;
    bool custom, gauge, fractions;
    struct histogram h; /* the last one; its arrays have room for MOST_BUCKETS */
};

static const double *make_bounds(struct hist_maker *m, size_t *n)
{
    static const double bounds[][4] = {
        {0.1, 1, 5,  10 },
        {-1,  0, 1,  2  },
        {0.1, 1, 5,  20 },
        {1,   5, 10, 100}
    };

    *n = 1 + rng_below(&m->rng, 4);
    return PICK(&m->rng, bounds);
}

static struct histogram_side room(struct hist_maker *m)
{
    return (struct histogram_side){arena_array(m->a, int32_t, MOST_BUCKETS),
                                   arena_array(m->a, double, MOST_BUCKETS), 0};
}

static void pick_layout(struct hist_maker *m)
{
    static const int32_t schemas[] = {0, 0, 0, 1, 2, 3, 8, -1, -4};
    static const double thresholds[] = {0, 0.001, 0.001, 1e-128, 0.5, 2};

    if (m->custom) {
        m->h.schema = HISTOGRAM_CUSTOM;
        m->h.bounds = make_bounds(m, &m->h.n_bounds);
        return;
    }
    m->h.schema = PICK(&m->rng, schemas);
    m->h.zero_threshold = PICK(&m->rng, thresholds);
}

/* All counts at 0 again, and the layout may change. */
static void reset(struct hist_maker *m)
{
    m->h.zero_count = m->h.count = m->h.sum = 0;
    m->h.pos.n = m->h.neg.n = 0;
    if (rng_chance(&m->rng, 0.5))
        pick_layout(m);
}

struct hist_maker *hist_maker_new(struct arena *a, struct rng r, bool custom)
{
    struct hist_maker *m = arena_new(a, struct hist_maker);

    m->a = a;
    m->rng = r;
    m->custom = custom;
    m->gauge = rng_chance(&m->rng, 0.25);
    m->fractions = rng_chance(&m->rng, 0.2);
    m->h.pos = room(m);
    m->h.neg = room(m);
    m->h.hint = m->gauge ? HISTOGRAM_GAUGE : HISTOGRAM_UNKNOWN;
    pick_layout(m);
    return m;
}

static double more(struct hist_maker *m)
{
    return (double)(1 + rng_below(&m->rng, 4)) + (m->fractions ? rng_unit(&m->rng) : 0);
}

/* Counts `by` observations in bucket `index`; false: there is no room for another bucket. */
static bool count(struct histogram_side *s, int32_t index, double by)
{
    size_t i = 0;

    while (i < s->n && s->index[i] < index)
        i++;
    if (i < s->n && s->index[i] == index) {
        s->count[i] += by;
        return true;
    }
    if (s->n == MOST_BUCKETS)
        return false;
    for (size_t k = s->n++; k > i; k--) {
        s->index[k] = s->index[k - 1];
        s->count[k] = s->count[k - 1];
    }
    s->index[i] = index;
    s->count[i] = by;
    return true;
}

static void observe(struct hist_maker *m)
{
    struct histogram *h = &m->h;
    double by = more(m), roll = rng_unit(&m->rng);

    if (m->custom) {
        if (!count(&h->pos, (int32_t)rng_below(&m->rng, h->n_bounds + 1), by))
            return;
        h->sum += by * rng_unit(&m->rng) * 10;
    } else if (roll < 0.15 && h->zero_threshold > 0) {
        h->zero_count += by;
    } else if (roll < 0.35) {
        if (!count(&h->neg, (int32_t)rng_between(&m->rng, -3, 5), by))
            return;
        h->sum -= by * rng_unit(&m->rng);
    } else {
        if (!count(&h->pos, (int32_t)rng_between(&m->rng, -4, 6), by))
            return;
        h->sum += by * rng_unit(&m->rng) * 10;
    }
    h->count += by;
}

const struct histogram *hist_maker_next(struct hist_maker *m)
{
    size_t n = rng_below(&m->rng, 4);

    if (m->gauge ? rng_chance(&m->rng, 0.4) : rng_chance(&m->rng, 0.06))
        reset(m);
    for (size_t i = 0; i < n; i++)
        observe(m);
    if (rng_chance(&m->rng, 0.01)) {
        struct histogram odd = m->h;

        odd.sum = NAN;
        odd.count += 1;
        return histogram_copy(m->a, &odd);
    }
    return histogram_copy(m->a, &m->h);
}

const struct histogram *hist_stale(struct arena *a)
{
    struct histogram *h = arena_new(a, struct histogram);

    h->sum = f64_from_bits(STALE_NAN_BITS);
    return h;
}
