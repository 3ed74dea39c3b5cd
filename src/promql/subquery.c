/*
 * subquery.c - e[range:step]: e evaluated on a grid of its own, whose times are multiples of the
 * step.
 */
#include "eval.h"

/*
 * Times are multiples of the step counted from the epoch, the first one after `after`. Division
 * cuts towards zero, as Prometheus' does, also for times before the epoch.
 */
static struct promql__grid aligned(ts_ms after, ts_ms last, dur_ms step)
{
    struct promql__grid g = {.start = step * (after / step), .end = last, .step = step};

    if (g.start <= after && __builtin_add_overflow(g.start, step, &g.start))
        return g;
    if (last >= g.start)
        g.n = (size_t)((last - g.start) / step) + 1;
    return g;
}

void promql__forget_resets(struct promql__ev *ev, struct promql__matrix *m)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct histogram *before = NULL, *after = NULL;

        for (size_t k = 0; k < m->v[i].nh; k++) {
            const struct histogram *h = m->v[i].h[k].h;
            struct histogram *copy;

            if (h->hint != HISTOGRAM_RESET && h->hint != HISTOGRAM_NOT_RESET)
                continue;
            /* Neighbours are often one and the same. */
            if (h != before) {
                copy = arena_new(ev->arena, struct histogram);
                *copy = *h;
                copy->hint = HISTOGRAM_UNKNOWN;
                before = h;
                after = copy;
            }
            m->v[i].h[k].h = after;
        }
    }
}

/* The times of the inner expression for all steps of `g`. */
static struct promql__grid inner_grid(const struct promql__ev *ev, const struct promql__grid *g,
                                      const struct promql_subquery *sq,
                                      const struct promql__shift *shift, dur_ms range)
{
    dur_ms step = promql__duration(ev, sq->step_expr, sq->step);

    if (step == 0)
        step = ev->default_step;
    return aligned(promql__minus(promql__reference(shift, g, 0), range),
                   promql__reference(shift, g, g->n - 1), step);
}

bool promql__subquery_newest(const struct promql__ev *ev, const struct promql_subquery *sq, ts_ms t,
                             ts_ms *out)
{
    const struct promql__grid g = {t, t, 1, 1};
    struct promql__shift shift = promql__shift_of(ev, &sq->shift);
    struct promql__grid inner =
        inner_grid(ev, &g, sq, &shift, promql__duration(ev, sq->range_expr, sq->range));

    if (inner.n > 0)
        *out = promql__time(&inner, inner.n - 1);
    return inner.n > 0;
}

/* As the query itself all of it is seen. */
static int eval(struct promql__ev *ev, const struct promql__grid *g, const struct promql_expr *e,
                bool windows, struct promql__matrix *out)
{
    const struct promql_subquery *sq = &e->u.subquery;
    struct promql__shift shift = promql__shift_of(ev, &sq->shift);
    dur_ms range = promql__duration(ev, sq->range_expr, sq->range);
    struct promql__use use = {.outer = g, .by_step = ev->counts.read_at != NULL};
    struct promql__counts outer = ev->counts, mine;
    enum promql__decoding decoding = ev->decoding;
    struct promql__grid inner;
    int rc;

    inner = inner_grid(ev, g, sq, &shift, range);
    if (windows) {
        use.offset = shift.offset;
        use.range = range;
        use.pinned = shift.pinned;
    }
    promql__counts_init(&ev->counts, 0, promql__use_splits(&use) ? inner.n : 0);
    ev->decoding = promql__decoding_below(decoding, e);
    rc = promql__eval(ev, &inner, sq->expr, out);
    ev->decoding = decoding;
    mine = ev->counts;
    ev->counts = outer;
    promql__count_subquery(&ev->counts, &use, &inner, &mine);
    if (!windows)
        promql__count(&ev->counts, g->n - 1, mine.seen, 0);
    promql__counts_release(&mine);
    return rc;
}

int promql__eval_subquery(struct promql__ev *ev, const struct promql__grid *g,
                          const struct promql_expr *e, struct promql__matrix *out)
{
    return eval(ev, g, e, false, out);
}

int promql__eval_windows(struct promql__ev *ev, const struct promql__grid *g,
                         const struct promql_expr *e, struct promql__matrix *out)
{
    return eval(ev, g, e, true, out);
}
