/*
 * range_funcs.c - functions of change over a window: rates, differences, trends, resets.
 */
#include <math.h>

#include "eval.h"
#include "gomath.h"
#include "kahan.h"

/* A counter that drops was reset and went on from zero: what it had is part of the increase. */
static double change(const struct sample *s, size_t n, bool counter)
{
    double d = s[n - 1].v - s[0].v;

    if (counter)
        for (size_t i = 1; i < n; i++)
            if (s[i].v < s[i - 1].v)
                d += s[i - 1].v;
    return d;
}

/*
 * Samples do not sit on the edges of the window, so the change between the first and the last is
 * stretched to the edges: all the way when an edge is within 1.1 sample intervals, else by half an
 * interval, and never to before a counter was zero. This is the factor of the stretch.
 */
static inline double factor(struct promql__change c, const struct promql__window *w)
{
    double to_start = (double)(c.first_t - w->from) / 1000;
    double to_end = (double)(w->to - c.last_t) / 1000;
    double sampled = (double)(c.last_t - c.first_t) / 1000;
    double interval = c.n > 1 ? sampled / (double)(c.n - 1) : 0;
    double threshold = interval * 1.1;

    if (c.begin != 0) {
        to_start = 0;
        sampled = (double)(c.last_t - c.begin) / 1000;
    } else if (to_start >= threshold) {
        to_start = interval / 2;
    }
    if (c.begin == 0 && c.counter && c.increase > 0 && c.first >= 0) {
        double to_zero = sampled * (c.first / c.increase);

        if (to_zero < to_start)
            to_start = to_zero;
    }
    if (to_end >= threshold)
        to_end = interval / 2;
    return sampled == 0 ? 1 : (sampled + to_start + to_end) / sampled;
}

double promql__stretch(const struct promql__change *c, const struct promql__window *w)
{
    return factor(*c, w);
}

static double stretch(const struct sample *s, size_t n, const struct promql__window *w,
                      bool counter, double increase)
{
    return factor((struct promql__change){s[0].t, s[n - 1].t, n, counter, s[0].v, increase, 0}, w);
}

bool promql__delta(const struct sample *s, size_t n, const struct promql__window *w, double *out)
{
    if (n < 2)
        return false;
    *out = change(s, n, false);
    *out *= stretch(s, n, w, false, *out);
    return true;
}

bool promql__increase(const struct sample *s, size_t n, const struct promql__window *w, double *out)
{
    if (n < 2)
        return false;
    *out = change(s, n, true);
    *out *= stretch(s, n, w, true, *out);
    return true;
}

bool promql__rate(const struct sample *s, size_t n, const struct promql__window *w, double *out)
{
    if (n < 2)
        return false;
    *out = change(s, n, true);
    *out *= stretch(s, n, w, true, *out) / ((double)w->range / 1000);
    return true;
}

bool promql__idelta(const struct sample *s, size_t n, const struct promql__window *w, double *out)
{
    (void)w;
    if (n < 2 || s[n - 1].t == s[n - 2].t)
        return false;
    *out = s[n - 1].v - s[n - 2].v;
    return true;
}

bool promql__irate(const struct sample *s, size_t n, const struct promql__window *w, double *out)
{
    if (!promql__idelta(s, n, w, out))
        return false;
    if (s[n - 1].v < s[n - 2].v)
        *out = s[n - 1].v;
    *out /= (double)(s[n - 1].t - s[n - 2].t) / 1000;
    return true;
}

bool promql__resets(const struct sample *s, size_t n, const struct promql__window *w, double *out)
{
    size_t resets = 0;

    (void)w;
    for (size_t i = 1; i < n; i++)
        resets += s[i].v < s[i - 1].v;
    *out = (double)resets;
    return true;
}

bool promql__changes(const struct sample *s, size_t n, const struct promql__window *w, double *out)
{
    size_t changes = 0;

    (void)w;
    for (size_t i = 1; i < n; i++)
        changes += s[i].v != s[i - 1].v && !(isnan(s[i].v) && isnan(s[i - 1].v));
    *out = (double)changes;
    return true;
}

/* Least squares; the line's value at `origin` is *intercept. */
static double slope(const struct sample *s, size_t n, ts_ms origin, double *intercept)
{
    struct kahan x = {0}, y = {0}, xy = {0}, xx = {0};
    double count = (double)n, sx, sy, cov, var, k;
    bool flat = true;

    for (size_t i = 0; i < n; i++) {
        double xi = (double)(s[i].t - origin) / 1e3;

        flat = flat && (i == 0 || s[i].v == s[0].v);
        kahan_add(&x, xi);
        kahan_add(&y, s[i].v);
        kahan_add(&xy, xi * s[i].v);
        kahan_add(&xx, xi * xi);
    }
    if (flat) {
        *intercept = isinf(s[0].v) ? go_nan() : s[0].v;
        return isinf(s[0].v) ? go_nan() : 0;
    }
    sx = x.sum + x.c;
    sy = y.sum + y.c;
    cov = (xy.sum + xy.c) - sx * sy / count;
    var = (xx.sum + xx.c) - sx * sx / count;
    k = cov / var;
    *intercept = sy / count - k * sx / count;
    return k;
}

bool promql__deriv(const struct sample *s, size_t n, const struct promql__window *w, double *out)
{
    double intercept;

    (void)w;
    if (n < 2)
        return false;
    *out = slope(s, n, s[0].t, &intercept);
    return true;
}

/* From the step's time on, which an offset does not move. */
bool promql__predict_linear(const struct sample *s, size_t n, const struct promql__window *w,
                            double *out)
{
    double intercept, k;

    if (n < 2)
        return false;
    k = slope(s, n, w->time, &intercept);
    *out = k * w->arg[0] + intercept;
    return true;
}

bool promql__double_exponential_smoothing(const struct sample *s, size_t n,
                                          const struct promql__window *w, double *out)
{
    double sf = w->arg[0], tf = w->arg[1];
    double before = 0, now, trend;

    if (n < 2)
        return false;
    now = s[0].v;
    trend = s[1].v - s[0].v;
    for (size_t i = 1; i < n; i++) {
        double part = sf * s[i].v;
        double next;

        if (i > 1)
            trend = tf * (now - before) + (1 - tf) * trend;
        next = part + (1 - sf) * (now + trend);
        before = now;
        now = next;
    }
    *out = now;
    return true;
}
