/*
 * histograms.h - native histograms for tests: any at all, and such as programs expose.
 */
#ifndef TEST_TSDB_HISTOGRAMS_H
#define TEST_TSDB_HISTOGRAMS_H

#include "hist.h"
#include "series_kinds.h"

/* The same in all but the hint. */
static inline bool hist_same(const struct histogram *x, const struct histogram *y)
{
    return x->integer == y->integer && histogram_equal(x, y);
}

static inline void hist_side(struct arena *a, uint64_t *random, bool whole,
                             struct histogram_side *out)
{
    int32_t index = (int32_t)(fx_random(random) % 200) - 100;

    out->n = fx_random(random) % 12;
    out->index = arena_array(a, int32_t, out->n + 1);
    out->count = arena_array(a, double, out->n + 1);
    for (size_t i = 0; i < out->n; i++, index++) {
        uint64_t r = fx_random(random);

        index += r % 5 == 0 ? (int32_t)(r >> 8 & 0xff) : 0;
        out->index[i] = index;
        out->count[i] = whole ? (double)(r >> 60) : f64_from_bits(r);
    }
}

/* Any histogram, which the number tells from others: no two have the same sum. */
static inline struct histogram *hist_any(struct arena *a, uint64_t number)
{
    static const double thresholds[] = {0, 0x1p-128, 0.001, 1.5};
    struct histogram *h = arena_new(a, struct histogram);
    uint64_t random = number;

    h->schema = (int32_t)(fx_random(&random) % 13) + HISTOGRAM_SCHEMA_MIN;
    h->integer = fx_random(&random) % 4 != 0;
    h->hint = fx_random(&random) % 8 == 0 ? HISTOGRAM_GAUGE : HISTOGRAM_UNKNOWN;
    h->count = h->integer ? (double)(fx_random(&random) >> 11) : f64_from_bits(fx_random(&random));
    h->sum = f64_from_bits(number);
    hist_side(a, &random, h->integer, &h->pos);
    if (fx_random(&random) % 8 == 0) {
        double *bounds = arena_array(a, double, 12);

        h->schema = HISTOGRAM_CUSTOM;
        for (size_t i = 0; i < 12; i++)
            bounds[i] = (double)i / 8;
        h->bounds = bounds;
        h->n_bounds = 12;
        return h;
    }
    h->zero_threshold = thresholds[fx_random(&random) % COUNT(thresholds)];
    h->zero_count = (double)(fx_random(&random) % 100);
    hist_side(a, &random, h->integer, &h->neg);
    return h;
}

/* A counter of latencies in `n_buckets` neighbouring buckets, after `mean` more observations. */
static inline struct histogram *hist_latencies(struct arena *a, const struct histogram *before,
                                               size_t n_buckets, double mean, uint64_t *random)
{
    struct histogram *h = arena_new(a, struct histogram);

    *h = (struct histogram){.schema = 3, .integer = true, .zero_threshold = 0x1p-128};
    if (before != NULL)
        *h = *before;
    h->pos.n = n_buckets;
    h->pos.index = arena_array(a, int32_t, n_buckets);
    h->pos.count = arena_array(a, double, n_buckets);
    for (size_t i = 0; i < n_buckets; i++) {
        double at = ((double)i - (double)n_buckets / 2) / ((double)n_buckets / 5);
        unsigned n = kind_poisson(random, mean * exp(-at * at / 2) * 2 / (double)n_buckets);

        h->pos.index[i] = (int32_t)i - 40;
        h->pos.count[i] = (before == NULL ? 0 : before->pos.count[i]) + n;
        h->count += n;
        h->sum += n * exp2(((double)i - 40.5 + kind_uniform(random)) / 8);
    }
    return h;
}

#endif
