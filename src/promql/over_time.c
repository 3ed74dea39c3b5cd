/*
 * over_time.c - the ..._over_time() family: statistics of the values in a window.
 */
#include <math.h>

#include "eval.h"
#include "gomath.h"
#include "kahan.h"

bool promql__avg_over_time(const struct sample *s, size_t n, const struct promql__window *w,
                           double *out)
{
    struct kahan_mean m;

    (void)w;
    kahan_mean_first(&m, s[0].v);
    for (size_t i = 1; i < n; i++)
        kahan_mean_add(&m, s[i].v);
    *out = kahan_mean_value(&m);
    return true;
}

bool promql__sum_over_time(const struct sample *s, size_t n, const struct promql__window *w,
                           double *out)
{
    struct kahan k = {0};

    (void)w;
    for (size_t i = 0; i < n; i++)
        kahan_add(&k, s[i].v);
    *out = isinf(k.sum) ? k.sum : k.sum + k.c;
    return true;
}

bool promql__count_over_time(const struct sample *s, size_t n, const struct promql__window *w,
                             double *out)
{
    (void)s;
    (void)w;
    *out = (double)n;
    return true;
}

bool promql__present_over_time(const struct sample *s, size_t n, const struct promql__window *w,
                               double *out)
{
    (void)s;
    (void)n;
    (void)w;
    *out = 1;
    return true;
}

bool promql__first_over_time(const struct sample *s, size_t n, const struct promql__window *w,
                             double *out)
{
    (void)n;
    (void)w;
    *out = s[0].v;
    return true;
}

bool promql__last_over_time(const struct sample *s, size_t n, const struct promql__window *w,
                            double *out)
{
    (void)w;
    *out = s[n - 1].v;
    return true;
}

bool promql__ts_of_first_over_time(const struct sample *s, size_t n, const struct promql__window *w,
                                   double *out)
{
    (void)n;
    (void)w;
    *out = (double)s[0].t / 1000;
    return true;
}

/* Never before the epoch: Prometheus takes the greater of this and a missing histogram's 0. */
bool promql__ts_of_last_over_time(const struct sample *s, size_t n, const struct promql__window *w,
                                  double *out)
{
    (void)w;
    *out = s[n - 1].t > 0 ? (double)s[n - 1].t / 1000 : 0;
    return true;
}

bool promql__max_over_time(const struct sample *s, size_t n, const struct promql__window *w,
                           double *out)
{
    double v = s[0].v;

    (void)w;
    for (size_t i = 1; i < n; i++)
        if (s[i].v > v || isnan(v))
            v = s[i].v;
    *out = v;
    return true;
}

bool promql__min_over_time(const struct sample *s, size_t n, const struct promql__window *w,
                           double *out)
{
    double v = s[0].v;

    (void)w;
    for (size_t i = 1; i < n; i++)
        if (s[i].v < v || isnan(v))
            v = s[i].v;
    *out = v;
    return true;
}

/* Among equals the latest. */
bool promql__ts_of_max_over_time(const struct sample *s, size_t n, const struct promql__window *w,
                                 double *out)
{
    size_t at = 0;

    (void)w;
    for (size_t i = 0; i < n; i++)
        if (s[i].v >= s[at].v || isnan(s[at].v))
            at = i;
    *out = (double)s[at].t / 1000;
    return true;
}

bool promql__ts_of_min_over_time(const struct sample *s, size_t n, const struct promql__window *w,
                                 double *out)
{
    size_t at = 0;

    (void)w;
    for (size_t i = 0; i < n; i++)
        if (s[i].v <= s[at].v || isnan(s[at].v))
            at = i;
    *out = (double)s[at].t / 1000;
    return true;
}

/* Welford's method with both running values kept exact. */
bool promql__stdvar_over_time(const struct sample *s, size_t n, const struct promql__window *w,
                              double *out)
{
    struct kahan mean = {0}, squares = {0};
    double count = 0;

    (void)w;
    for (size_t i = 0; i < n; i++) {
        double delta = s[i].v - (mean.sum + mean.c);

        count++;
        kahan_add(&mean, delta / count);
        kahan_add(&squares, delta * (s[i].v - (mean.sum + mean.c)));
    }
    *out = (squares.sum + squares.c) / count;
    return true;
}

bool promql__stddev_over_time(const struct sample *s, size_t n, const struct promql__window *w,
                              double *out)
{
    (void)promql__stdvar_over_time(s, n, w, out);
    *out = sqrt(*out);
    return true;
}

bool promql__quantile_over_time(const struct sample *s, size_t n, const struct promql__window *w,
                                double *out)
{
    for (size_t i = 0; i < n; i++)
        w->scratch[i] = s[i].v;
    *out = promql__quantile(w->arg[0], w->scratch, n);
    return true;
}

/* The median distance from the median; a NaN makes it undefined. */
bool promql__mad_over_time(const struct sample *s, size_t n, const struct promql__window *w,
                           double *out)
{
    double median;

    *out = go_nan();
    for (size_t i = 0; i < n; i++) {
        if (isnan(s[i].v))
            return true;
        w->scratch[i] = s[i].v;
    }
    median = promql__quantile(0.5, w->scratch, n);
    for (size_t i = 0; i < n; i++)
        w->scratch[i] = fabs(w->scratch[i] - median);
    *out = promql__quantile(0.5, w->scratch, n);
    return true;
}
