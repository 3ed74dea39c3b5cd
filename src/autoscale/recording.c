/*
 * recording.c - what the queries of a ScaledObject look at, copied out of a source.
 */
#include <stdlib.h>

#include "ferula/autoscale/world.h"
#include "ferula/base/check.h"

#define LOOKBACK_MS (5 * 60 * 1000)

/* A copy on its way. */
struct copying {
    struct source *from;
    struct source_range range; /* for all selectors */
    struct mem_source *to;
    struct arena arena; /* of one selection */
    struct fault *f;
};

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

static int copy_selector(struct copying *c, const struct promql_vector_selector *sel,
                         struct source_range range)
{
    struct series_samples ss = {.arena = &c->arena};
    struct source_selection *found;
    int rc = c->from->ops->select(c->from, &c->arena, sel->matchers, sel->n_matchers, range, &found,
                                  c->f);

    for (size_t i = 0; rc == 0 && i < found->n; i++) {
        series_samples_reset(&ss);
        rc = c->from->ops->read(found, i, &ss, c->f);
        rc = rc < 0 ? rc : copy_samples(c, found->series[i].labels, &ss);
    }
    series_samples_release(&ss);
    arena_reset(&c->arena);
    return rc;
}

/* ---- what selectors look at --------------------------------------------------------------- */

/* The times that a part of a query is evaluated at. */
struct spot {
    struct source_range when;
    bool pinned;  /* by an @, whenever the query is asked */
    bool unknown; /* the query computes durations */
};

struct walk {
    struct source_range top; /* the times that the query is asked at */
    int (*fn)(void *ctx, const struct promql_vector_selector *sel, const struct spot *seen);
    void *ctx;
};

static void shift(const struct walk *w, struct spot *s, const struct promql_shift *by)
{
    if (by->at != AT_NONE) {
        s->pinned = by->at == AT_TIMESTAMP;
        s->when = s->pinned ? (struct source_range){by->timestamp, by->timestamp} : w->top;
    }
    s->when.from -= by->offset;
    s->when.to -= by->offset;
    s->unknown = s->unknown || by->offset_expr != NULL;
}

/* `back`: how far a selector looks. */
static int see(const struct walk *w, const struct promql_vector_selector *sel, dur_ms back,
               struct spot s)
{
    shift(w, &s, &sel->shift);
    s.when.from -= back;
    return w->fn(w->ctx, sel, &s);
}

static int walk(const struct walk *w, const struct promql_expr *e, struct spot s)
{
    int rc = 0;

    if (e == NULL)
        return 0;
    switch (e->kind) {
    case PROMQL_E_VECTOR_SELECTOR:
        return see(w, &e->u.vector, LOOKBACK_MS, s);
    case PROMQL_E_MATRIX_SELECTOR:
        s.unknown = s.unknown || e->u.matrix.range_expr != NULL;
        return see(w, &e->u.matrix.selector->u.vector, MAX(e->u.matrix.range, LOOKBACK_MS), s);
    case PROMQL_E_SUBQUERY:
        shift(w, &s, &e->u.subquery.shift);
        s.when.from -= e->u.subquery.range;
        s.unknown = s.unknown || e->u.subquery.range_expr != NULL;
        return walk(w, e->u.subquery.expr, s);
    case PROMQL_E_CALL:
        for (size_t i = 0; rc == 0 && i < e->u.call.n_args; i++)
            rc = walk(w, e->u.call.args[i], s);
        return rc;
    case PROMQL_E_AGGREGATE:
        rc = walk(w, e->u.aggregate.expr, s);
        return rc < 0 ? rc : walk(w, e->u.aggregate.param, s);
    case PROMQL_E_BINARY:
        rc = walk(w, e->u.binary.lhs, s);
        return rc < 0 ? rc : walk(w, e->u.binary.rhs, s);
    case PROMQL_E_UNARY:
        return walk(w, e->u.unary.expr, s);
    case PROMQL_E_PAREN:
        return walk(w, e->u.paren, s);
    default:
        return 0;
    }
}

struct reach {
    dur_ms span;
    bool unbounded;
};

static int add_reach(void *ctx, const struct promql_vector_selector *sel, const struct spot *seen)
{
    struct reach *r = ctx;

    (void)sel;
    if (!seen->pinned)
        r->span = MAX(r->span, -seen->when.from);
    r->unbounded = r->unbounded || seen->pinned || seen->unknown;
    return 0;
}

static struct reach reach_of(const struct promql_expr *e)
{
    struct reach r = {.span = LOOKBACK_MS};
    const struct walk w = {.fn = add_reach, .ctx = &r};

    (void)walk(&w, e, (struct spot){0});
    return r;
}

dur_ms recording_reach(const struct promql_expr *e)
{
    struct reach r = reach_of(e);

    return r.unbounded ? INT64_MAX : r.span;
}

/* ---- copying ---------------------------------------------------------------------------- */

/* What a selector with an @ looks at. */
struct pin {
    const struct promql_vector_selector *sel;
    struct source_range range;
};

struct pins {
    struct arena *arena;
    struct pin *v;
    size_t n, cap;
};

static int add_pin(void *ctx, const struct promql_vector_selector *sel, const struct spot *seen)
{
    struct pins *p = ctx;

    if (!seen->pinned)
        return 0;
    ARENA_GROW(p->arena, p->v, p->n, p->cap, struct pin);
    p->v[p->n++] = (struct pin){sel, seen->when};
    return 0;
}

static int by_from(const void *pa, const void *pb)
{
    const struct pin *a = pa, *b = pb;

    return (a->range.from > b->range.from) - (a->range.from < b->range.from);
}

/* What is before the time that is copied for all, the oldest first. */
static int copy_pins(struct copying *c, struct pins *p)
{
    int rc = 0;

    if (p->n > 0)
        qsort(p->v, p->n, sizeof(*p->v), by_from);
    for (size_t i = 0; rc == 0 && i < p->n; i++) {
        struct source_range range = p->v[i].range;

        range.to = MIN(range.to, c->range.from - 1);
        if (range.from <= range.to)
            rc = copy_selector(c, p->v[i].sel, range);
    }
    return rc;
}

static int copy_seen(void *ctx, const struct promql_vector_selector *sel, const struct spot *seen)
{
    struct copying *c = ctx;

    (void)seen;
    return copy_selector(c, sel, c->range);
}

struct recorded {
    const struct scaled_object *objects;
    size_t n;
};

struct queries {
    struct arena *arena;
    const struct promql_expr **v;
    size_t n, cap;
};

/* Not those of other scalers, nor what is no query, which is told when it is asked. */
static void add_queries(struct queries *q, const struct scaled_object *so)
{
    const struct promql_features features = PROMQL_FEATURES_DEFAULT;

    for (size_t i = 0; i < so->n_triggers; i++) {
        struct str text = pairs_get(&so->triggers[i].metadata, "query");
        const struct promql_expr *e;
        struct fault ignored;

        if (!str_is(so->triggers[i].type.s, "prometheus") ||
            promql_parse(q->arena, str_trim(text), &features, &e, &ignored) < 0)
            continue;
        ARENA_GROW(q->arena, q->v, q->n, q->cap, const struct promql_expr *);
        q->v[q->n++] = e;
    }
}

/*
 * One past for all, and before it what an @ looks at (`pinned`): triggers and objects share series,
 * and older samples cannot follow newer ones.
 */
static int copy(struct source *from, const struct recorded *what, struct source_range range,
                bool pinned, struct mem_source *to, struct fault *f)
{
    struct copying c = {.from = from, .range = range, .to = to, .f = f};
    struct walk w = {.top = range};
    struct arena a = {0};
    struct queries queries = {.arena = &a};
    struct pins pins = {.arena = &a};
    dur_ms span = LOOKBACK_MS;
    int rc = 0;

    for (size_t i = 0; i < what->n; i++)
        add_queries(&queries, &what->objects[i]);
    for (size_t i = 0; i < queries.n; i++) {
        span = MAX(span, reach_of(queries.v[i]).span);
        w.fn = add_pin;
        w.ctx = &pins;
        if (pinned)
            (void)walk(&w, queries.v[i], (struct spot){.when = range});
    }
    c.range.from -= span;
    rc = copy_pins(&c, &pins);
    w.fn = copy_seen;
    w.ctx = &c;
    for (size_t i = 0; rc == 0 && i < queries.n; i++)
        rc = walk(&w, queries.v[i], (struct spot){.when = range});
    arena_release(&c.arena);
    arena_release(&a);
    return rc;
}

int recording_copy(struct source *from, const struct scaled_object *objects, size_t n,
                   struct source_range range, struct mem_source *to, struct fault *f)
{
    return copy(from, &(struct recorded){objects, n}, range, true, to, f);
}

int recording_feed(void *windows, ts_ms oldest, ts_ms to)
{
    struct recording_windows *w = windows;
    struct source_range range = {w->at, to};
    bool first = !w->begun;

    mem_source_drop(w->to, oldest);
    w->begun = true;
    w->at = to + 1;
    return copy(w->from, &(struct recorded){w->so, 1}, range, first, w->to, w->f);
}
