/*
 * eval.c - the way of a query: checks, the tree, the result; and its limits.
 */
#include "eval.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

#define DEFAULT_LOOKBACK_MS  (5 * 60 * 1000)
#define DEFAULT_SUBQ_STEP_MS (60 * 1000)
#define DEFAULT_MAX_SAMPLES  50000000
/* More steps than this cannot be worked on, whatever the limit on samples. */
#define MAX_STEPS 20000000

int promql__poll(struct promql__ev *ev)
{
    const struct promql_query *q = ev->q;
    int rc;

    ev->work = 0;
    if (ev->failed != NULL && atomic_load_explicit(ev->failed, memory_order_relaxed) < ev->item)
        return FER_ECANCELED;
    if (ev->helper) /* only the query's own thread may ask */
        return 0;
    rc = q->interrupted == NULL ? 0 : q->interrupted(q->interrupted_ctx);
    if (rc == 0)
        return 0;
    return fault_set(ev->f, rc, 0, "query %s in expression evaluation",
                     rc == FER_ETIMEOUT ? "timed out" : "was canceled");
}

int promql__too_many(struct promql__ev *ev)
{
    return fault_set(ev->f, FER_ELIMIT, 0,
                     "query processing would load too many samples into memory in query execution");
}

double *promql__scratch(struct promql__ev *ev, size_t n)
{
    if (n > ev->scratch_cap) {
        ev->scratch_cap = MAX(n, 2 * ev->scratch_cap);
        free(ev->scratch);
        ev->scratch = xcalloc(ev->scratch_cap, sizeof(*ev->scratch));
    }
    return ev->scratch;
}

const struct promql_expr *promql__unparen(const struct promql_expr *e)
{
    while (e != NULL && e->kind == PROMQL_E_PAREN)
        e = e->u.paren;
    return e;
}

int promql__fill(struct promql__ev *ev, const struct promql__grid *g, const double *values,
                 struct promql__matrix *out)
{
    int rc = promql__hold(ev, g->n);
    struct promql__series *s;

    if (rc != 0)
        return rc;
    s = promql__matrix_add(ev, out, (struct labels){0}, g->n);
    for (size_t i = 0; i < g->n; i++)
        s->s[i] = (struct sample){promql__time(g, i), values[i]};
    s->n = g->n;
    return 0;
}

static int eval_number(struct promql__ev *ev, const struct promql__grid *g,
                       const struct promql_expr *e, struct promql__matrix *out)
{
    int rc = promql__hold(ev, g->n);
    struct promql__series *s;

    if (rc != 0)
        return rc;
    s = promql__matrix_add(ev, out, (struct labels){0}, g->n);
    for (size_t i = 0; i < g->n; i++)
        s->s[i] = (struct sample){promql__time(g, i), e->u.number.value};
    s->n = g->n;
    return 0;
}

static int eval_unary(struct promql__ev *ev, const struct promql__grid *g,
                      const struct promql_expr *e, struct promql__matrix *out)
{
    int rc = promql__eval(ev, g, e->u.unary.expr, out);

    if (rc != 0 || e->u.unary.op != PROMQL_SUB)
        return rc;
    for (size_t i = 0; i < out->n; i++) {
        promql__drop_name(ev, &out->v[i]);
        for (size_t j = 0; j < out->v[i].n; j++)
            out->v[i].s[j].v = -out->v[i].s[j].v;
        for (size_t j = 0; j < out->v[i].nh; j++) {
            struct histogram *h = histogram_copy(ev->arena, out->v[i].h[j].h);

            histogram_mul(h, -1);
            out->v[i].h[j].h = h;
        }
    }
    return ev->q->delayed_name_removal ? 0 : promql__matrix_merge(ev, out);
}

static int eval_plain_vector(struct promql__ev *ev, const struct promql__grid *g,
                             const struct promql_expr *e, struct promql__matrix *out)
{
    return promql__eval_vector(ev, g, e, PROMQL__VALUE, out);
}

static int eval_paren(struct promql__ev *ev, const struct promql__grid *g,
                      const struct promql_expr *e, struct promql__matrix *out)
{
    return promql__eval(ev, g, e->u.paren, out);
}

static promql__call_fn *const node_fns[] = {
    [PROMQL_E_NUMBER] = eval_number,
    [PROMQL_E_VECTOR_SELECTOR] = eval_plain_vector,
    [PROMQL_E_MATRIX_SELECTOR] = promql__eval_matrix,
    [PROMQL_E_SUBQUERY] = promql__eval_subquery,
    [PROMQL_E_CALL] = promql__eval_call,
    [PROMQL_E_AGGREGATE] = promql__eval_aggregate,
    [PROMQL_E_BINARY] = promql__eval_binary,
    [PROMQL_E_UNARY] = eval_unary,
    [PROMQL_E_PAREN] = eval_paren,
    [PROMQL_E_DURATION] = NULL,
};

/* What holds in the first step holds in all: its sample is repeated. */
static int spread_series(struct promql__ev *ev, const struct promql__grid *g,
                         struct promql__series *s)
{
    int rc = promql__hold(ev, (g->n - 1) * (s->nh > 0 ? promql__weight(s->h[0].h) : 1));

    if (rc != 0)
        return rc;
    if (s->nh > 0) {
        const struct histogram *h = s->h[0].h;

        s->h = arena_alloc_raw(ev->arena, g->n * sizeof(*s->h), _Alignof(struct hsample));
        for (size_t k = 0; k < g->n; k++)
            s->h[k] = (struct hsample){promql__time(g, k), h};
        s->nh = g->n;
    } else {
        double v = s->s[0].v;

        s->s = arena_alloc_raw(ev->arena, g->n * sizeof(*s->s), _Alignof(struct sample));
        for (size_t k = 0; k < g->n; k++)
            s->s[k] = (struct sample){promql__time(g, k), v};
        s->n = g->n;
    }
    return promql__tick(ev, g->n);
}

static int spread(struct promql__ev *ev, const struct promql__grid *g, struct promql__matrix *m)
{
    int rc = 0;

    for (size_t i = 0; i < m->n && rc == 0; i++)
        rc = spread_series(ev, g, &m->v[i]);
    return rc;
}

static enum promql__holding holding_of(const struct promql_expr *e)
{
    switch ((int)e->kind) {
    case PROMQL_E_NUMBER:
    case PROMQL_E_BINARY:
        return PROMQL__STEPS;
    case PROMQL_E_AGGREGATE:
        return e->u.aggregate.op == PROMQL_COUNT_VALUES ? PROMQL__STEPS : PROMQL__GROUPS;
    case PROMQL_E_CALL:
        return promql__call_holding(&e->u.call);
    }
    return PROMQL__PASSES;
}

/* A node on its grid; what it holds is accounted for when it is done. */
static int eval_node(struct promql__ev *ev, const struct promql__grid *g,
                     const struct promql_expr *e, struct promql__matrix *out)
{
    struct promql__operands *outer = ev->operands, mine = {.held = ev->held};
    enum promql__holding holding = holding_of(e);
    int64_t before = ev->held;
    int rc;

    ev->operands = holding == PROMQL__STEPS || holding == PROMQL__JOINS ? &mine : NULL;
    rc = node_fns[e->kind](ev, g, e, out);
    if (rc == 0 && ev->operands != NULL)
        rc = promql__hold_steps(ev, g, out);
    else if (rc == FER_EEXEC && ev->operands != NULL && !promql__steps_fit(ev))
        rc = promql__too_many(ev); /* which Prometheus sees before it comes to the error */
    else if (rc == 0 && holding == PROMQL__GROUPS && ev->held > ev->max_samples)
        rc = promql__too_many(ev);
    if (rc == 0 && holding != PROMQL__PASSES) {
        ev->held = holding == PROMQL__JOINS ? mine.held : before;
        ev->held += (int64_t)promql__matrix_samples(out);
        ev->peak = MAX(ev->peak, ev->held);
    }
    ev->operands = outer;
    free(mine.change);
    return rc;
}

/* A node that no step changes is evaluated for the first one. */
static int eval_once(struct promql__ev *ev, const struct promql__grid *g,
                     const struct promql_expr *e, struct promql__matrix *out)
{
    struct promql__grid first = {g->start, g->start, g->step, 1};
    struct promql__counts outer = ev->counts, mine;
    int rc;

    ev->counts = (struct promql__counts){0};
    rc = eval_node(ev, &first, e, out);
    mine = ev->counts;
    ev->counts = outer;
    promql__count_once(&ev->counts, &mine, g->n);
    if (rc == 0 && e->type != PROMQL_MATRIX)
        rc = spread(ev, g, out);
    ev->peak = MAX(ev->peak, ev->held);
    return rc;
}

int promql__eval(struct promql__ev *ev, const struct promql__grid *g, const struct promql_expr *e,
                 struct promql__matrix *out)
{
    enum promql__decoding decoding = ev->decoding;
    int rc;

    *out = (struct promql__matrix){0};
    if (g->n == 0)
        return 0;
    if (g->n > MAX_STEPS)
        return promql__too_many(ev);
    CHECK(e->kind < COUNT(node_fns) && node_fns[e->kind] != NULL);
    ev->decoding = promql__decoding_below(decoding, e);
    if (!promql__is_instant(g) && !ev->in_param && promql__wants_wrap(e) && promql__is_invariant(e))
        rc = eval_once(ev, g, e, out);
    else
        rc = eval_node(ev, g, e, out);
    ev->decoding = decoding;
    if (rc != 0 && ev->operands != NULL)
        ev->operands->failed = true;
    if (rc != 0)
        return rc;
    promql__operand(ev, g, out);
    return promql__tick(ev, 0);
}

int promql__eval_scalar(struct promql__ev *ev, const struct promql__grid *g,
                        const struct promql_expr *e, const double **out)
{
    struct promql__matrix m;
    double *v;
    int rc = promql__eval(ev, g, e, &m);

    if (rc != 0)
        return rc;
    CHECK(g->n == 0 || (m.n == 1 && m.v[0].n == g->n));
    v = arena_alloc_raw(ev->arena, MAX(g->n, 1) * sizeof(*v), _Alignof(double));
    for (size_t i = 0; i < g->n; i++)
        v[i] = m.v[0].s[i].v;
    *out = v;
    return 0;
}

static void give_series(struct promql__ev *ev, const struct promql__matrix *m, ts_ms at,
                        struct promql_result *out)
{
    struct promql_series *v = arena_array(ev->arena, struct promql_series, MAX(m->n, 1));

    for (size_t i = 0; i < m->n; i++) {
        v[i] = (struct promql_series){m->v[i].labels, m->v[i].s, m->v[i].n, m->v[i].h, m->v[i].nh};
        if (out->type == PROMQL_VECTOR && m->v[i].nh > 0)
            m->v[i].h[0].t = at;
        else if (out->type == PROMQL_VECTOR)
            m->v[i].s[0].t = at;
    }
    out->series = v;
    out->n_series = m->n;
}

/* With delayed name removal, the marked names go now, and series may turn out to be one. */
static int drop_marked_names(struct promql__ev *ev, struct promql__matrix *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->v[i].drop_name)
            m->v[i].labels = labels_without_metadata(ev->arena, m->v[i].labels);
    return promql__matrix_merge(ev, m);
}

/* `e` is the query or, for an explanation, a part of it. */
static int run(struct promql__ev *ev, const struct promql_expr *e, const struct promql__grid *g,
               bool instant, struct promql_result *out)
{
    const struct promql_query *q = ev->q;
    struct promql__matrix m;
    int rc;

    if (q->per_step_stats && g->n <= MAX_STEPS)
        promql__counts_init(&ev->counts, g->n, g->n);
    rc = promql__eval(ev, g, e, &m);
    if (rc == 0 && q->delayed_name_removal)
        rc = drop_marked_names(ev, &m);
    if (rc != 0)
        return rc;
    out->type = instant ? e->type : PROMQL_MATRIX;
    if (out->type == PROMQL_SCALAR)
        out->scalar = (struct sample){g->start, m.v[0].s[0].v};
    if (out->type == PROMQL_MATRIX)
        promql__matrix_sort(&m);
    if (out->type != PROMQL_SCALAR)
        give_series(ev, &m, g->start, out);
    return 0;
}

static uint64_t *copy_steps(struct promql__ev *ev, const uint64_t *v)
{
    uint64_t *copy = arena_array(ev->arena, uint64_t, MAX(ev->counts.n_steps, 1));

    if (v != NULL)
        memcpy(copy, v, ev->counts.n_steps * sizeof(*v));
    return copy;
}

static void give_stats(struct promql__ev *ev, struct promql_result *out)
{
    out->stats = (struct promql_stats){
        .total_samples = ev->counts.seen,
        .samples_read = ev->counts.read,
        .peak_samples = (uint64_t)ev->peak,
    };
    if (ev->q->per_step_stats) {
        out->stats.n_steps = MAX(ev->counts.n_steps, 1);
        out->stats.total_by_step = copy_steps(ev, ev->counts.seen_at);
        out->stats.read_by_step = copy_steps(ev, ev->counts.read_at);
    }
    promql__counts_release(&ev->counts);
}

static int check_query(struct promql__ev *ev, bool instant)
{
    const struct promql_query *q = ev->q;
    enum promql_type type = q->expr->type;

    if (!instant && type != PROMQL_SCALAR && type != PROMQL_VECTOR)
        return fault_set(ev->f, FER_EINVAL, 0,
                         "invalid expression type \"%s\" for range query, must be Scalar or "
                         "instant Vector",
                         promql_type_documented(type));
    return promql__check_durations(ev, q->expr);
}

static int evaluate(struct promql__ev *ev, const struct promql_expr *e,
                    const struct promql__grid *g, bool instant, struct promql_result *out)
{
    int rc;

    *out = (struct promql_result){0};
    ev->in.arena = ev->arena;
    ev->notes_end = &ev->notes;
    rc = check_query(ev, instant);
    if (rc == 0)
        rc = promql__poll(ev);
    if (rc == 0 && e->type == PROMQL_STRING) {
        out->type = PROMQL_STRING;
        out->string = promql__unparen(e)->u.string;
        out->scalar.t = g->start;
    } else if (rc == 0) {
        rc = run(ev, e, g, instant, out);
    }
    promql__notes_finish(ev, out);
    give_stats(ev, out);
    series_samples_release(&ev->in);
    sample_vec_release(&ev->out);
    hsample_vec_release(&ev->hout);
    free(ev->scratch);
    return rc;
}

struct promql__ev promql__ev_of(struct source *src, struct arena *a, const struct promql_query *q,
                                struct fault *f)
{
    return (struct promql__ev){
        .src = src,
        .arena = a,
        .q = q,
        .f = f,
        .lookback = q->lookback > 0 ? q->lookback : DEFAULT_LOOKBACK_MS,
        .default_step =
            q->default_subquery_step > 0 ? q->default_subquery_step : DEFAULT_SUBQ_STEP_MS,
        .max_samples = q->max_samples > 0 ? (int64_t)MIN(q->max_samples, (size_t)INT64_MAX)
                                          : DEFAULT_MAX_SAMPLES,
    };
}

int promql_eval(struct source *src, struct arena *a, const struct promql_query *q,
                struct promql_result *out, struct fault *f)
{
    bool instant = q->start == q->end && q->step == 0;
    struct promql__ev ev = promql__ev_of(src, a, q, f);
    struct promql__grid g = {
        .start = q->start,
        .end = q->end,
        .step = instant ? 1 : q->step,
    };

    CHECK(instant || q->step > 0);
    if (q->end >= q->start)
        g.n = (size_t)((q->end - q->start) / g.step) + 1;
    return evaluate(&ev, q->expr, &g, instant, out);
}

int promql__eval_part(struct promql__ev *ev, const struct promql_expr *part, ts_ms t,
                      struct promql_result *out)
{
    const struct promql__grid g = {t, t, 1, 1};

    return evaluate(ev, part, &g, true, out);
}
