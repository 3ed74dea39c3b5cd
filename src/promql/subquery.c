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

int promql__eval_subquery(struct promql__ev *ev, const struct promql__grid *g,
                          const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_subquery *sq = &e->u.subquery;
    struct promql__shift shift = promql__shift_of(ev, &sq->shift);
    dur_ms range = promql__duration(ev, sq->range_expr, sq->range);
    dur_ms step = promql__duration(ev, sq->step_expr, sq->step);
    struct promql__grid inner;

    if (step == 0)
        step = ev->default_step;
    inner = aligned(promql__minus(promql__reference(&shift, g, 0), range),
                    promql__reference(&shift, g, g->n - 1), step);
    return promql__eval(ev, &inner, sq->expr, out);
}
