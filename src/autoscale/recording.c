/*
 * recording.c - what the queries of a ScaledObject look at, copied out of a source.
 */
#include "ferula/autoscale/world.h"
#include "ferula/base/check.h"

#define LOOKBACK_MS (5 * 60 * 1000)

/* A copy on its way. */
struct copying {
    struct source *from;
    struct source_range range;
    struct mem_source *to;
    struct arena arena; /* of one selection */
    struct fault *f;
};

static dur_ms magnitude(dur_ms d)
{
    return d < 0 ? -d : d;
}

/* In order of time; what a selector that came before has copied stays as it is. */
static int copy_samples(struct copying *c, struct labels ls, const struct series_samples *ss)
{
    bool f_starts = ss->f_start.n > 0, h_starts = ss->h_start.n > 0;
    size_t i = 0, k = 0;

    while (i < ss->f.n || k < ss->h.n) {
        bool is_float = k == ss->h.n || (i < ss->f.n && ss->f.v[i].t < ss->h.v[k].t);

        if (is_float)
            (void)mem_source_append(c->to, ls, ss->f.v[i].t, f_starts ? ss->f_start.v[i] : 0,
                                    ss->f.v[i].v, NULL);
        else
            (void)mem_source_append(c->to, ls, ss->h.v[k].t, h_starts ? ss->h_start.v[k] : 0, 0,
                                    ss->h.v[k].h);
        i += is_float;
        k += !is_float;
    }
    return 0;
}

static int copy_selector(struct copying *c, const struct promql_vector_selector *sel)
{
    struct series_samples ss = {.arena = &c->arena};
    struct source_selection *found;
    int rc = c->from->ops->select(c->from, &c->arena, sel->matchers, sel->n_matchers, c->range,
                                  &found, c->f);

    for (size_t i = 0; rc == 0 && i < found->n; i++) {
        series_samples_reset(&ss);
        rc = c->from->ops->read(found, i, &ss, c->f);
        rc = rc < 0 ? rc : copy_samples(c, found->series[i].labels, &ss);
    }
    series_samples_release(&ss);
    arena_reset(&c->arena);
    return rc;
}

/* ---- walking a tree --------------------------------------------------------------------- */

typedef int visit(void *ctx, const struct promql_expr *e);

static int walk(const struct promql_expr *e, visit *fn, void *ctx)
{
    int rc = e == NULL ? 0 : fn(ctx, e);

    if (rc < 0 || e == NULL)
        return rc;
    switch (e->kind) {
    case PROMQL_E_MATRIX_SELECTOR:
        return walk(e->u.matrix.selector, fn, ctx);
    case PROMQL_E_SUBQUERY:
        return walk(e->u.subquery.expr, fn, ctx);
    case PROMQL_E_CALL:
        for (size_t i = 0; rc == 0 && i < e->u.call.n_args; i++)
            rc = walk(e->u.call.args[i], fn, ctx);
        return rc;
    case PROMQL_E_AGGREGATE:
        rc = walk(e->u.aggregate.expr, fn, ctx);
        return rc < 0 ? rc : walk(e->u.aggregate.param, fn, ctx);
    case PROMQL_E_BINARY:
        rc = walk(e->u.binary.lhs, fn, ctx);
        return rc < 0 ? rc : walk(e->u.binary.rhs, fn, ctx);
    case PROMQL_E_UNARY:
        return walk(e->u.unary.expr, fn, ctx);
    case PROMQL_E_PAREN:
        return walk(e->u.paren, fn, ctx);
    default:
        return 0;
    }
}

static int visit_selector(void *ctx, const struct promql_expr *e)
{
    return e->kind == PROMQL_E_VECTOR_SELECTOR ? copy_selector(ctx, &e->u.vector) : 0;
}

struct reach {
    dur_ms span;
    bool unbounded;
};

static void add_shift(struct reach *r, const struct promql_shift *shift)
{
    r->span += magnitude(shift->offset);
    r->unbounded = r->unbounded || shift->at != AT_NONE || shift->offset_expr != NULL;
}

/* All spans of the tree together: never less than how far back it looks. */
static int visit_reach(void *ctx, const struct promql_expr *e)
{
    struct reach *r = ctx;

    if (e->kind == PROMQL_E_VECTOR_SELECTOR) {
        add_shift(r, &e->u.vector.shift);
    } else if (e->kind == PROMQL_E_MATRIX_SELECTOR) {
        r->span += e->u.matrix.range;
        r->unbounded = r->unbounded || e->u.matrix.range_expr != NULL;
    } else if (e->kind == PROMQL_E_SUBQUERY) {
        r->span += e->u.subquery.range;
        r->unbounded = r->unbounded || e->u.subquery.range_expr != NULL;
        add_shift(r, &e->u.subquery.shift);
    }
    return 0;
}

dur_ms recording_reach(const struct promql_expr *e)
{
    struct reach r = {.span = LOOKBACK_MS};

    (void)walk(e, visit_reach, &r);
    return r.unbounded ? INT64_MAX : r.span;
}

/* NULL: another scaler's trigger, or no query, which is told when it is asked. */
static const struct promql_expr *query_of(struct arena *a, const struct trigger *t)
{
    const struct promql_features features = PROMQL_FEATURES_DEFAULT;
    struct str query = pairs_get(&t->metadata, "query");
    const struct promql_expr *e = NULL;
    struct fault ignored;

    if (!str_is(t->type.s, "prometheus") ||
        promql_parse(a, str_trim(query), &features, &e, &ignored) < 0)
        return NULL;
    return e;
}

int recording_copy(struct source *from, const struct scaled_object *so, struct source_range range,
                   struct mem_source *to, struct fault *f)
{
    struct arena a = {0};
    dur_ms span = LOOKBACK_MS;
    int rc = 0;

    /* One past for all: triggers share series, and older samples cannot follow newer ones. */
    for (size_t i = 0; i < so->n_triggers; i++) {
        const struct promql_expr *e = query_of(&a, &so->triggers[i]);
        struct reach reach = {.span = LOOKBACK_MS};

        if (e != NULL)
            (void)walk(e, visit_reach, &reach);
        span = MAX(span, reach.span);
    }
    range.from -= span;
    for (size_t i = 0; rc == 0 && i < so->n_triggers; i++) {
        const struct promql_expr *e = query_of(&a, &so->triggers[i]);
        struct copying c = {.from = from, .range = range, .to = to, .f = f};

        if (e == NULL)
            continue;
        rc = walk(e, visit_selector, &c);
        arena_release(&c.arena);
    }
    arena_release(&a);
    return rc;
}

int recording_feed(void *windows, ts_ms oldest, ts_ms to)
{
    struct recording_windows *w = windows;
    struct source_range range = {w->at, to};

    mem_source_drop(w->to, oldest);
    w->at = to + 1;
    return recording_copy(w->from, w->so, range, w->to, w->f);
}
