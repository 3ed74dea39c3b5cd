/*
 * shrink.c - the least that shows a difference.
 */
#include "fuzz.h"

#define MAX_ATTEMPTS 3000
#define MAX_NODES    256

struct shrinker {
    const struct judge *j;
    struct data_set *d;
    struct test_case *c;
    size_t attempts;
};

static void load(const struct judge *j, const struct data_set *d)
{
    data_load(d, j->source);
    peer_data(j->peer, d);
}

static bool still_differs(struct shrinker *s, const struct test_case *c)
{
    struct answer own, peer;
    struct str what;

    if (++s->attempts > MAX_ATTEMPTS)
        return false;
    return judge_case(s->j, s->d, c, &own, &peer, &what) == DIFFERS;
}

static bool try_text(struct shrinker *s, struct str text)
{
    struct test_case c = *s->c;

    c.text = text;
    if (text.n >= s->c->text.n || !still_differs(s, &c))
        return false;
    *s->c = c;
    return true;
}

/* ---- the expression ---- */

struct nodes {
    const struct promql_expr *v[MAX_NODES];
    size_t n;
};

static void collect(struct nodes *all, const struct promql_expr *e)
{
    if (e == NULL || all->n == MAX_NODES)
        return;
    all->v[all->n++] = e;
    switch (e->kind) {
    case PROMQL_E_CALL:
        for (size_t i = 0; i < e->u.call.n_args; i++)
            collect(all, e->u.call.args[i]);
        break;
    case PROMQL_E_AGGREGATE:
        collect(all, e->u.aggregate.expr);
        collect(all, e->u.aggregate.param);
        break;
    case PROMQL_E_BINARY:
        collect(all, e->u.binary.lhs);
        collect(all, e->u.binary.rhs);
        break;
    case PROMQL_E_UNARY:
        collect(all, e->u.unary.expr);
        break;
    case PROMQL_E_PAREN:
        collect(all, e->u.paren);
        break;
    case PROMQL_E_SUBQUERY:
        collect(all, e->u.subquery.expr);
        break;
    default:
        break;
    }
}

static struct str slice(struct str text, struct promql_pos pos)
{
    return (struct str){text.p + pos.start, (size_t)(pos.end - pos.start)};
}

/* The text with what is at `a` replaced by what is at `b`. */
static struct str replaced(struct arena *a, struct str text, struct promql_pos at, struct str by)
{
    struct str head = {text.p, (size_t)at.start}, tail = str_cut(text, (size_t)at.end);

    return arena_printf(a, STR_FMT STR_FMT STR_FMT, STR_ARG(head), STR_ARG(by), STR_ARG(tail));
}

static bool inside(struct promql_pos in, struct promql_pos out)
{
    return in.start >= out.start && in.end <= out.end && in.end - in.start < out.end - out.start;
}

/* One step to a shorter text; false when there is none. */
static bool shorten(struct shrinker *s)
{
    static const struct promql_features features = PROMQL_FEATURES_ALL;
    struct nodes *all = arena_new(s->j->arena, struct nodes);
    struct str text = s->c->text;
    const struct promql_expr *e;

    if (promql_parse(s->j->arena, text, &features, &e, NULL) != 0)
        return false;
    collect(all, e);
    for (size_t i = all->n; i-- > 1;)
        if (try_text(s, slice(text, all->v[i]->pos)))
            return true;
    for (size_t i = 0; i < all->n; i++) {
        const struct promql_expr *out = all->v[i];

        if (out->type == PROMQL_SCALAR &&
            try_text(s, replaced(s->j->arena, text, out->pos, STR("1"))))
            return true;
        if (out->type == PROMQL_VECTOR &&
            try_text(s, replaced(s->j->arena, text, out->pos, STR("m"))))
            return true;
        for (size_t k = i + 1; k < all->n; k++)
            if (all->v[k]->type == out->type && inside(all->v[k]->pos, out->pos) &&
                try_text(s, replaced(s->j->arena, text, out->pos, slice(text, all->v[k]->pos))))
                return true;
    }
    return false;
}

/* ---- times ---- */

static bool try_times(struct shrinker *s, ts_ms start, ts_ms end, dur_ms step)
{
    struct test_case c = *s->c;

    c.start = start;
    c.end = end;
    c.step = step;
    if (!still_differs(s, &c))
        return false;
    *s->c = c;
    return true;
}

static void fewer_steps(struct shrinker *s)
{
    dur_ms step = s->c->step;

    for (ts_ms t = s->c->start; step > 0 && t <= s->c->end; t += step)
        if (try_times(s, t, t, 0) || try_times(s, t, t, step))
            return;
    while (s->c->end - s->c->start >= step && step > 0 &&
           (try_times(s, s->c->start + step, s->c->end, step) ||
            try_times(s, s->c->start, s->c->end - step, step)))
        ;
}

/* ---- data ---- */

static void fewer_series(struct shrinker *s)
{
    struct data_set *d = s->d;

    for (size_t i = d->n_series; i-- > 0;) {
        struct series gone = d->series[i];

        memmove(&d->series[i], &d->series[i + 1], (d->n_series - i - 1) * sizeof(gone));
        d->n_series--;
        load(s->j, d);
        if (still_differs(s, s->c))
            continue;
        memmove(&d->series[i + 1], &d->series[i], (d->n_series - i) * sizeof(gone));
        d->series[i] = gone;
        d->n_series++;
    }
    load(s->j, d);
}

static void fewer_points(struct shrinker *s, struct series *series)
{
    for (size_t size = series->n / 2 + 1; size > 0; size /= 2) {
        for (size_t at = 0; at + size <= series->n;) {
            struct series old = *series;

            series->points = arena_array(s->j->arena, struct point, old.n);
            series->n = old.n - size;
            memcpy(series->points, old.points, at * sizeof(struct point));
            memcpy(series->points + at, old.points + at + size,
                   (series->n - at) * sizeof(struct point));
            load(s->j, s->d);
            if (still_differs(s, s->c))
                continue;
            *series = old;
            at += size;
        }
    }
    load(s->j, s->d);
}

void shrink(const struct judge *j, struct data_set *d, struct test_case *c)
{
    struct shrinker s = {j, d, c, 0};

    load(j, d);
    while (shorten(&s))
        ;
    fewer_steps(&s);
    fewer_series(&s);
    while (shorten(&s))
        ;
    for (size_t i = 0; i < d->n_series; i++)
        fewer_points(&s, &d->series[i]);
}
