/*
 * stream.c - the series of a selector, or of a range function over one, made one by one.
 *
 * What is asked for in whole becomes a matrix; aggregators take series as they are made (waves.c).
 */
#include "ferula/base/check.h"

#include "stream.h"

int promql__stream_vector(struct promql__ev *ev, const struct promql__grid *g,
                          const struct promql_expr *e, enum promql__wanted wanted,
                          struct promql__stream *st)
{
    struct promql__span span = {&st->shift, ev->lookback, e->u.vector.smoothed ? ev->lookback : 0};
    int rc;

    *st = (struct promql__stream){
        .grid = g,
        .vector = &e->u.vector,
        .shift = promql__shift_of(ev, &e->u.vector.shift),
        .wanted = wanted,
        .apart = true,
    };
    rc = promql__select(ev, g, st->vector, &span, &st->sel);
    /* timestamp(x @ t offset d) forgets the offset in Prometheus, save for what it selects. */
    if (wanted != PROMQL__VALUE && st->shift.pinned)
        st->shift.offset = 0;
    return rc;
}

static bool has_type_or_unit(struct labels ls)
{
    for (size_t i = 0; i < ls.n && ls.v[i].name.p[0] <= '_'; i++)
        if (str_is(ls.v[i].name, LABEL_TYPE) || str_is(ls.v[i].name, LABEL_UNIT))
            return true;
    return false;
}

/*
 * Series of a source differ in their labels, and still do without their names when those are one
 * and the same and there are no types and units to go with them.
 */
static bool differ_without_name(const struct source_selection *sel)
{
    for (size_t i = 0; i < sel->n; i++) {
        struct labels ls = sel->series[i].labels;

        if (!str_eq(labels_name(ls), labels_name(sel->series[0].labels)) || has_type_or_unit(ls))
            return false;
    }
    return true;
}

void promql__stream_range(const struct promql__grid *g, struct promql__range_call *range,
                          struct promql__stream *st)
{
    *st = (struct promql__stream){
        .grid = g,
        .range = range,
        .sel = range->range.sel,
        .drop = promql__range_call_drops_name(range),
    };
    st->apart = !st->drop || differ_without_name(st->sel);
}

int promql__stream_open(struct promql__ev *ev, const struct promql__grid *g,
                        const struct promql_expr *e, struct promql__stream *st)
{
    struct promql__range_call *range;
    int rc;

    if (!promql__is_instant(g) && promql__is_invariant(e))
        return 0;
    if (e->kind == PROMQL_E_VECTOR_SELECTOR && !e->u.vector.smoothed) {
        rc = promql__stream_vector(ev, g, e, PROMQL__VALUE, st);
        return rc < 0 ? rc : 1;
    }
    if (e->kind != PROMQL_E_CALL || !promql__call_streams(&e->u.call))
        return 0;
    rc = promql__range_call_open(ev, g, &e->u.call, &range);
    if (rc == 1)
        promql__stream_range(g, range, st);
    return rc;
}

struct labels promql__stream_labels(struct promql__ev *ev, const struct promql__stream *st,
                                    size_t i)
{
    struct labels ls = st->sel->series[i].labels;

    return st->drop && !ev->q->delayed_name_removal ? labels_without_metadata(ev->arena, ls) : ls;
}

static int make_vector(struct promql__ev *ev, const struct promql__stream *st, size_t i,
                       struct promql__load *load)
{
    int rc = promql__read(ev, st->sel, i);

    *load = (struct promql__load){0};
    promql__out_begin(ev);
    if (rc != 0 || ev->in.f.n + ev->in.h.n == 0)
        return rc;
    if (ev->decoding == PROMQL__STATS && ev->in.h.n > 0)
        promql__read_stats(ev, st->grid, &st->shift,
                           (struct promql__reach){ev->lookback, ev->lookback});
    rc = promql__pick(ev, st->grid, &st->shift, st->wanted);
    if (rc != 0)
        return rc;
    promql__count_made(ev, st->grid);
    load->kept = load->most = (int64_t)promql__made(ev);
    return 0;
}

int promql__stream_make(struct promql__ev *ev, const struct promql__stream *st, size_t i,
                        struct promql__load *load)
{
    struct promql__range_series rs = {0};

    return st->range == NULL ? make_vector(ev, st, i, load)
                             : promql__range_call_make(ev, st->grid, st->range, i, &rs, load);
}

/* ---- a matrix --------------------------------------------------------------------------- */

struct blocks {
    const struct promql__stream *st;
    size_t size;                 /* in series */
    struct promql__matrix *made; /* by block, in the arena of the worker that made it */
};

static int make_block(void *ctx, struct promql__ev *w, size_t i)
{
    struct blocks *b = ctx;
    size_t end = MIN((i + 1) * b->size, b->st->sel->n);

    for (size_t k = i * b->size; k < end; k++) {
        struct promql__load load;
        int rc = promql__stream_make(w, b->st, k, &load);

        if (rc == 0)
            rc = promql__hold_load(w, &load);
        if (rc != 0)
            return rc;
        if (w->out.n + w->hout.n > 0)
            promql__matrix_keep(w, &b->made[i], promql__stream_labels(w, b->st, k), b->st->drop);
    }
    return 0;
}

static void join(struct promql__ev *ev, const struct blocks *b, size_t n,
                 struct promql__matrix *out)
{
    size_t total = 0;

    for (size_t i = 0; i < n; i++)
        total += b->made[i].n;
    if (total == 0)
        return;
    out->v = arena_alloc_raw(ev->arena, total * sizeof(*out->v), _Alignof(struct promql__series));
    out->cap = total;
    for (size_t i = 0; i < n; i++) {
        if (b->made[i].n == 0)
            continue;
        memcpy(out->v + out->n, b->made[i].v, b->made[i].n * sizeof(*out->v));
        out->n += b->made[i].n;
    }
}

int promql__stream_matrix(struct promql__ev *ev, const struct promql__stream *st,
                          struct promql__matrix *out)
{
    struct blocks b = {.st = st};
    struct promql__crew crew;
    struct promql__item *items;
    size_t n;
    int rc;

    promql__crew_begin(&crew, ev, st->sel->n);
    b.size = crew.block;
    n = (st->sel->n + b.size - 1) / b.size;
    b.made = arena_array(ev->arena, struct promql__matrix, MAX(n, 1));
    items = arena_array(ev->arena, struct promql__item, MAX(n, 1));
    rc = promql__crew_run(&crew, n, items, make_block, &b);
    promql__crew_end(&crew);
    if (rc != 0)
        return rc;
    if (n == 1)
        *out = b.made[0];
    else
        join(ev, &b, n, out);
    if (!st->apart && !ev->q->delayed_name_removal && promql__matrix_has_twins(ev, out))
        return promql__same_labelset(ev);
    return 0;
}
