/*
 * value.c - two values, floats or native histograms, with Prometheus' tolerance.
 */
#include "runner.h"

#include <float.h>
#include <math.h>

#include "ferula/base/num.h"
#include "ferula/model/histogram.h"

static bool nearly_equal(double a, double b)
{
    const double epsilon = 0.000001;
    double sum = fabs(a) + fabs(b), diff = fabs(a - b);

    if (is_stale(a) || is_stale(b))
        return is_stale(a) && is_stale(b);
    if ((isnan(a) && isnan(b)) || a == b)
        return true;
    if (a == 0 || b == 0 || sum < DBL_MIN)
        return diff < epsilon * DBL_MIN;
    return diff / fmin(sum, DBL_MAX) < epsilon;
}

static struct str float_text(struct arena *a, double v)
{
    char text[NUM_TEXT_MAX];

    return arena_str(a, (struct str){text, num_format(text, v, 'g')});
}

static struct str value_text(struct arena *a, const struct promql_series_value *v)
{
    struct buf b = {0};
    struct str s;

    if (v->h == NULL)
        return float_text(a, v->v);
    histogram_print_expression(&b, v->h);
    s = arena_str(a, buf_str(&b));
    buf_release(&b);
    return s;
}

static bool same_side(const struct histogram_side *x, const struct histogram_side *y)
{
    if (x->n != y->n)
        return false;
    for (size_t i = 0; i < x->n; i++) {
        if (x->index[i] != y->index[i] || !nearly_equal(x->count[i], y->count[i]))
            return false;
    }
    return true;
}

static bool same_bounds(const struct histogram *x, const struct histogram *y)
{
    if (x->n_bounds != y->n_bounds)
        return false;
    for (size_t i = 0; i < x->n_bounds; i++) {
        if (x->bounds[i] != y->bounds[i])
            return false;
    }
    return true;
}

/* Numbers may be rounded, bounds and the zero threshold not; empty buckets do not matter. */
static bool same_histogram(struct arena *a, const struct promql_series_value *want,
                           const struct histogram *got)
{
    struct histogram *x = histogram_copy(a, want->h), *y = histogram_copy(a, got);

    histogram_compact(x);
    histogram_compact(y);
    return x->schema == y->schema && nearly_equal(x->count, y->count) &&
           nearly_equal(x->sum, y->sum) && (!histogram_is_custom(x) || same_bounds(x, y)) &&
           x->zero_threshold == y->zero_threshold && nearly_equal(x->zero_count, y->zero_count) &&
           same_side(&x->pos, &y->pos) && same_side(&x->neg, &y->neg) &&
           (!want->has_hint || x->hint == y->hint);
}

struct str check_value(struct arena *a, struct labels ls, const struct promql_series_value *want,
                       const struct promql_series_value *got)
{
    struct buf b = {0};
    struct str why;

    if (want->h != NULL && got->h != NULL ? same_histogram(a, want, got->h)
                                          : want->h == got->h && nearly_equal(want->v, got->v))
        return (struct str){0};
    labels_print(&b, ls);
    why = arena_printf(a, STR_FMT ": expected " STR_FMT ", got " STR_FMT, STR_ARG(buf_str(&b)),
                       STR_ARG(value_text(a, want)), STR_ARG(value_text(a, got)));
    buf_release(&b);
    return why;
}
