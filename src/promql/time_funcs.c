/*
 * time_funcs.c - timestamp() and the date functions, all in UTC.
 */
#include "ferula/base/check.h"
#include "ferula/model/duration.h"

#include "eval.h"
#include "gomath.h"

static struct civil civil_of(double v)
{
    struct civil c;
    int64_t s = go_int64(v);

    /* Go counts its seconds from an earlier year: below its smallest time it wraps around. */
    civil_from_unix(s == INT64_MIN ? INT64_MAX : s, &c);
    return c;
}

double promql__day_of_month(double v)
{
    return civil_of(v).day;
}

double promql__day_of_week(double v)
{
    return civil_of(v).weekday;
}

double promql__day_of_year(double v)
{
    return civil_of(v).yearday;
}

double promql__days_in_month(double v)
{
    return civil_of(v).days_in_month;
}

double promql__hour(double v)
{
    return civil_of(v).hour;
}

double promql__minute(double v)
{
    return civil_of(v).minute;
}

double promql__month(double v)
{
    return civil_of(v).month;
}

double promql__year(double v)
{
    return (double)civil_of(v).year;
}

promql__math_fn *promql__date_fn(enum promql_func func)
{
    static promql__math_fn *const fns[N_PROMQL_FUNCS] = {
        [PROMQL_FN_day_of_month] = promql__day_of_month,
        [PROMQL_FN_day_of_week] = promql__day_of_week,
        [PROMQL_FN_day_of_year] = promql__day_of_year,
        [PROMQL_FN_days_in_month] = promql__days_in_month,
        [PROMQL_FN_hour] = promql__hour,
        [PROMQL_FN_minute] = promql__minute,
        [PROMQL_FN_month] = promql__month,
        [PROMQL_FN_year] = promql__year,
    };

    CHECK(fns[func] != NULL);
    return fns[func];
}

/* hour(v = vector(time())) and the like; seconds of the default are whole. */
int promql__fn_date(struct promql__ev *ev, const struct promql__grid *g,
                    const struct promql_expr *e, struct promql__matrix *out)
{
    promql__math_fn *fn = promql__date_fn(e->u.call.func);
    double *v;

    if (e->u.call.n_args > 0)
        return promql__map(ev, g, e->u.call.args[0], fn, out);
    v = arena_array(ev->arena, double, g->n);
    for (size_t i = 0; i < g->n; i++) {
        int64_t seconds = promql__time(g, i) / 1000; /* whole ones */

        v[i] = fn((double)seconds);
    }
    return promql__fill(ev, g, v, out);
}

/* The times of the series' samples, of either kind, as its floats. */
static void put_times(struct promql__ev *ev, struct promql__series *s)
{
    struct sample *times =
        arena_alloc_raw(ev->arena, MAX(s->n + s->nh, 1) * sizeof(*times), _Alignof(struct sample));
    size_t n = 0, i = 0, k = 0;

    while (i < s->n || k < s->nh) {
        bool is_float = k == s->nh || (i < s->n && s->s[i].t < s->h[k].t);
        ts_ms t = is_float ? s->s[i++].t : s->h[k++].t;

        times[n++] = (struct sample){t, (double)t / 1000};
    }
    s->s = times;
    s->n = n;
    s->nh = 0;
}

/* Of a selector: the times of its samples; of anything else: the times of the steps. */
int promql__fn_timestamp(struct promql__ev *ev, const struct promql__grid *g,
                         const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_expr *arg = promql__unparen(e->u.call.args[0]);
    bool selector = arg->kind == PROMQL_E_VECTOR_SELECTOR;
    int rc = selector ? promql__eval_times(ev, g, arg, PROMQL__TIME, out)
                      : promql__eval(ev, g, arg, out);

    for (size_t i = 0; rc == 0 && i < out->n; i++) {
        struct promql__series *s = &out->v[i];

        if (!selector)
            put_times(ev, s);
        promql__drop_name(ev, s);
        rc = promql__tick(ev, s->n);
    }
    return rc != 0 ? rc : promql__matrix_settle(ev, g, out);
}
