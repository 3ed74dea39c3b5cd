/*
 * math_funcs.c - arithmetic on values one by one: deg, rad, sgn, clamp*, round, min_of, max_of; and
 * the functions that turn scalars into vectors and back.
 */
#include <math.h>

#include "ferula/base/check.h"

#include "eval.h"
#include "gomath.h"

double promql__deg(double v)
{
    return v * 180 / M_PI;
}

double promql__rad(double v)
{
    return v * M_PI / 180;
}

double promql__sgn(double v)
{
    if (v < 0)
        return -1;
    return v > 0 ? 1 : v;
}

/* clamp(v, min, max), clamp_min(v, min), clamp_max(v, max) */
int promql__fn_clamp(struct promql__ev *ev, const struct promql__grid *g,
                     const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_call *call = &e->u.call;
    const double *lo = NULL, *hi = NULL;
    size_t n = 0;
    int rc = promql__eval(ev, g, promql__unparen(call->args[0]), out);

    if (rc == 0 && call->func != PROMQL_FN_clamp_max)
        rc = promql__eval_scalar(ev, g, call->args[1], &lo);
    if (rc == 0 && call->func != PROMQL_FN_clamp_min)
        rc = promql__eval_scalar(ev, g, call->args[call->n_args - 1], &hi);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < out->n; i++) {
        struct promql__series *s = &out->v[i];
        size_t kept = 0;

        for (size_t k = 0; k < s->n; k++) {
            size_t step = promql__step_at(g, s->s[k].t);
            double min = lo == NULL ? -INFINITY : lo[step], max = hi == NULL ? INFINITY : hi[step];

            if (!(max < min))
                s->s[kept++] = (struct sample){s->s[k].t, go_max(min, go_min(max, s->s[k].v))};
        }
        s->n = kept;
        s->nh = 0;
        promql__drop_name(ev, s);
        if (kept > 0)
            out->v[n++] = *s;
    }
    out->n = n;
    return promql__matrix_settle(ev, g, out);
}

/* round(v, nearest = 1): ties go up. The inverse is taken first, which rounds less. */
int promql__fn_round(struct promql__ev *ev, const struct promql__grid *g,
                     const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_call *call = &e->u.call;
    const double *nearest = NULL;
    int rc = promql__eval(ev, g, promql__unparen(call->args[0]), out);

    if (rc == 0 && call->n_args > 1)
        rc = promql__eval_scalar(ev, g, call->args[1], &nearest);
    promql__keep_floats(out);
    for (size_t i = 0; rc == 0 && i < out->n; i++) {
        struct promql__series *s = &out->v[i];

        for (size_t k = 0; k < s->n; k++) {
            double inverse = nearest == NULL ? 1 : 1 / nearest[promql__step_at(g, s->s[k].t)];

            s->s[k].v = floor(s->s[k].v * inverse + 0.5) / inverse;
        }
        promql__drop_name(ev, s);
        rc = promql__tick(ev, s->n);
    }
    return rc != 0 ? rc : promql__matrix_settle(ev, g, out);
}

/* min_of(a, b), max_of(a, b) of scalars */
int promql__fn_pair(struct promql__ev *ev, const struct promql__grid *g,
                    const struct promql_expr *e, struct promql__matrix *out)
{
    bool max = e->u.call.func == PROMQL_FN_max_of;
    const double *a, *b;
    double *v;
    int rc = promql__eval_scalar(ev, g, e->u.call.args[0], &a);

    if (rc == 0)
        rc = promql__eval_scalar(ev, g, e->u.call.args[1], &b);
    if (rc != 0)
        return rc;
    v = arena_array(ev->arena, double, g->n);
    for (size_t i = 0; i < g->n; i++)
        v[i] = max ? go_max(a[i], b[i]) : go_min(a[i], b[i]);
    return promql__fill(ev, g, v, out);
}

static int constant(struct promql__ev *ev, const struct promql__grid *g, double x,
                    struct promql__matrix *out)
{
    double *v = arena_array(ev->arena, double, g->n);

    for (size_t i = 0; i < g->n; i++)
        v[i] = x;
    return promql__fill(ev, g, v, out);
}

int promql__fn_pi(struct promql__ev *ev, const struct promql__grid *g, const struct promql_expr *e,
                  struct promql__matrix *out)
{
    (void)e;
    return constant(ev, g, M_PI, out);
}

/* start(), end(), range(), step(): of the whole query, also inside subqueries. */
int promql__fn_query_time(struct promql__ev *ev, const struct promql__grid *g,
                          const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_query *q = ev->q;
    int64_t ms = 0;

    switch ((int)e->u.call.func) {
    case PROMQL_FN_start:
        ms = q->start;
        break;
    case PROMQL_FN_end:
        ms = q->end;
        break;
    case PROMQL_FN_range:
        ms = q->end - q->start;
        break;
    case PROMQL_FN_step:
        ms = q->start == q->end ? 0 : q->step;
        break;
    }
    return constant(ev, g, (double)ms / 1000, out);
}

int promql__fn_time(struct promql__ev *ev, const struct promql__grid *g,
                    const struct promql_expr *e, struct promql__matrix *out)
{
    double *v = arena_array(ev->arena, double, g->n);

    (void)e;
    for (size_t i = 0; i < g->n; i++)
        v[i] = (double)promql__time(g, i) / 1000;
    return promql__fill(ev, g, v, out);
}

/* vector(s): the same samples, called a vector. */
int promql__fn_vector(struct promql__ev *ev, const struct promql__grid *g,
                      const struct promql_expr *e, struct promql__matrix *out)
{
    return promql__eval(ev, g, promql__unparen(e->u.call.args[0]), out);
}

/* scalar(v): the value when there is just one float, else NaN. */
int promql__fn_scalar(struct promql__ev *ev, const struct promql__grid *g,
                      const struct promql_expr *e, struct promql__matrix *out)
{
    struct promql__matrix in;
    uint8_t *n;
    double *v;
    int rc = promql__eval(ev, g, promql__unparen(e->u.call.args[0]), &in);

    if (rc != 0)
        return rc;
    v = arena_array(ev->arena, double, g->n);
    n = arena_array(ev->arena, uint8_t, g->n);
    for (size_t i = 0; i < in.n; i++)
        for (size_t k = 0; k < in.v[i].n; k++) {
            size_t step = promql__step_at(g, in.v[i].s[k].t);

            v[step] = in.v[i].s[k].v;
            n[step] = n[step] == 0 ? 1 : 2;
        }
    for (size_t i = 0; i < g->n; i++)
        if (n[i] != 1)
            v[i] = go_nan();
    return promql__fill(ev, g, v, out);
}
