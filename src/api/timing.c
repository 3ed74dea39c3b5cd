/*
 * timing.c - durations of the last API_TIMING_KEPT events, for summaries in /metrics.
 */
#include "timing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ferula/base/check.h"

void api__timing_init(struct api__timing *t)
{
    memset(t, 0, sizeof(*t));
    CHECK(pthread_mutex_init(&t->lock, NULL) == 0);
}

void api__timing_release(struct api__timing *t)
{
    CHECK(pthread_mutex_destroy(&t->lock) == 0);
}

void api__timing_add(struct api__timing *t, double seconds)
{
    CHECK(pthread_mutex_lock(&t->lock) == 0);
    t->last_s[t->count % API_TIMING_KEPT] = (float)seconds;
    t->count++;
    t->sum_s += seconds;
    CHECK(pthread_mutex_unlock(&t->lock) == 0);
}

static int by_value(const void *a, const void *b)
{
    const float *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

void api__timing_read(struct api__timing *t, struct api__timing_view *out)
{
    static const double quantiles[] = {0.5, 0.9, 0.99};
    float sorted[API_TIMING_KEPT];
    size_t n;

    CHECK(pthread_mutex_lock(&t->lock) == 0);
    out->count = t->count;
    out->sum_s = t->sum_s;
    memcpy(sorted, t->last_s, sizeof(sorted));
    CHECK(pthread_mutex_unlock(&t->lock) == 0);

    n = out->count < API_TIMING_KEPT ? (size_t)out->count : API_TIMING_KEPT;
    qsort(sorted, n, sizeof(sorted[0]), by_value);
    for (size_t i = 0; i < COUNT(quantiles); i++)
        out->quantile_s[i] =
            n == 0 ? NAN : (double)sorted[(size_t)(quantiles[i] * (double)(n - 1) + 0.5)];
}
