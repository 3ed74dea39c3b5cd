/*
 * explain.c - the value of each part of a query: every node of the tree is evaluated on its own, at
 * the time at which the query does it.
 */
#include "ferula/promql/explain.h"

#include "ferula/base/check.h"

#include "eval.h"

#define DEFAULT_NODES    100
#define DEFAULT_ELEMENTS 5
#define DEFAULT_SAMPLES  5

struct explain {
    struct source *src;
    struct arena *arena;
    const struct promql_query *q;
    struct promql_explain_opts opts;
    struct promql_explanation *out;
    size_t cap;
    struct fault *f;
};

/* Where a node hangs, and when it is evaluated. */
struct place {
    size_t parent, depth;
    ts_ms at;
    bool in_subquery;
};

static bool is_literal(const struct promql_expr *e)
{
    return e->kind == PROMQL_E_NUMBER || e->kind == PROMQL_E_STRING;
}

/* ---- values ----------------------------------------------------------------------------- */

static const struct hsample *copy_hists(struct arena *a, const struct hsample *h, size_t n)
{
    struct hsample *copy = arena_array(a, struct hsample, MAX(n, 1));

    for (size_t i = 0; i < n; i++)
        copy[i] = (struct hsample){h[i].t, histogram_copy(a, h[i].h)};
    return copy;
}

/* The newest samples of a series, out of the memory of its evaluation. */
static struct promql_element keep_element(const struct explain *x, const struct promql_series *s)
{
    struct promql_element e = {
        .labels = labels_copy(x->arena, s->labels),
        .n_samples = s->n + s->n_hists,
        .n = MIN(s->n, x->opts.max_samples),
        .n_hists = MIN(s->n_hists, x->opts.max_samples),
    };
    struct sample *copy = arena_array(x->arena, struct sample, MAX(e.n, 1));

    for (size_t i = 0; i < e.n; i++)
        copy[i] = s->samples[s->n - e.n + i];
    e.samples = copy;
    e.hists = copy_hists(x->arena, s->hists + (s->n_hists - e.n_hists), e.n_hists);
    return e;
}

static void keep_series(const struct explain *x, const struct promql_result *r,
                        struct promql_node *node)
{
    struct promql_element *v;

    node->n_series = r->n_series;
    for (size_t i = 0; i < r->n_series; i++)
        node->n_samples += r->series[i].n + r->series[i].n_hists;
    node->n_elements = MIN(r->n_series, x->opts.max_elements);
    v = arena_array(x->arena, struct promql_element, MAX(node->n_elements, 1));
    for (size_t i = 0; i < node->n_elements; i++)
        v[i] = keep_element(x, &r->series[i]);
    node->elements = v;
}

/* ---- notes ------------------------------------------------------------------------------ */

static void keep_notes(const struct explain *x, const struct promql_result *r,
                       struct promql_node *node)
{
    struct str *v = arena_array(x->arena, struct str, r->n_warnings + r->n_infos + 1);

    for (size_t i = 0; i < r->n_warnings; i++)
        v[node->n_notes++] = arena_str(x->arena, r->warnings[i]);
    for (size_t i = 0; i < r->n_infos; i++)
        v[node->n_notes++] = arena_str(x->arena, r->infos[i]);
    node->notes = v;
}

static bool has_note(const struct promql_node *node, struct str note)
{
    for (size_t i = 0; i < node->n_notes; i++)
        if (str_eq(node->notes[i], note))
            return true;
    return false;
}

/* A note stays with the lowest nodes that have it. Those below a node come after it. */
static void sink_notes(const struct explain *x, size_t i)
{
    struct promql_node *node = &x->out->nodes[i];
    struct str *kept = arena_array(x->arena, struct str, node->n_notes + 1);
    size_t n = 0;

    for (size_t k = 0; k < node->n_notes; k++) {
        bool below = false;

        for (size_t c = i + 1; c < x->out->n_nodes && x->out->nodes[c].depth > node->depth; c++)
            below |= has_note(&x->out->nodes[c], node->notes[k]);
        if (!below)
            kept[n++] = node->notes[k];
    }
    node->notes = kept;
    node->n_notes = n;
}

/* ---- the walk --------------------------------------------------------------------------- */

static void set_window(const struct promql__ev *ev, struct promql_node *node)
{
    const struct promql__grid g = {node->at, node->at, 1, 1};
    const struct promql_expr *e = node->expr;
    const struct promql_expr *selector =
        e->kind == PROMQL_E_MATRIX_SELECTOR ? e->u.matrix.selector : e;
    struct promql__shift shift;

    if (selector->kind != PROMQL_E_VECTOR_SELECTOR)
        return;
    shift = promql__shift_of(ev, &selector->u.vector.shift);
    node->has_window = true;
    node->to = promql__reference(&shift, &g, 0);
    node->from = promql__minus(
        node->to, selector == e ? ev->lookback
                                : promql__duration(ev, e->u.matrix.range_expr, e->u.matrix.range));
}

static int evaluate(const struct explain *x, struct promql_node *node)
{
    struct arena scratch = {0};
    struct fault f = {0};
    struct promql__ev ev = promql__ev_of(x->src, &scratch, x->q, &f);
    struct promql_result r;
    int rc = promql__eval_part(&ev, node->expr, node->at, &r);

    node->rc = rc;
    if (rc == 0) {
        node->type = r.type;
        node->scalar = r.scalar;
        node->string = arena_str(x->arena, r.string);
        keep_series(x, &r, node);
        keep_notes(x, &r, node);
        set_window(&ev, node);
    } else {
        node->error = arena_str(x->arena, str_of(f.text));
        rc =
            rc == FER_ETIMEOUT || rc == FER_ECANCELED ? fault_set(x->f, rc, f.at, "%s", f.text) : 0;
    }
    arena_release(&scratch);
    return rc;
}

static int walk(struct explain *x, const struct promql_expr *e, struct place place);

/* One below the node `i`, unless there is nothing to tell of it. */
static int below(struct explain *x, size_t i, const struct promql_expr *e)
{
    const struct promql_node *node = &x->out->nodes[i];

    e = promql__unparen(e);
    if (e == NULL || is_literal(e))
        return 0;
    return walk(x, e, (struct place){i, node->depth + 1, node->at, node->in_subquery});
}

static int below_subquery(struct explain *x, size_t i, const struct promql_subquery *sq)
{
    const struct promql_expr *e = promql__unparen(sq->expr);
    struct promql__ev ev = promql__ev_of(x->src, x->arena, x->q, NULL);
    struct place place = {i, x->out->nodes[i].depth + 1, 0, true};

    if (is_literal(e) || x->out->nodes[i].rc != 0 ||
        !promql__subquery_newest(&ev, sq, x->out->nodes[i].at, &place.at))
        return 0;
    return walk(x, e, place);
}

static int below_call(struct explain *x, size_t i, const struct promql_call *call)
{
    /* The second argument of info() is no vector, but matchers for what is joined. */
    size_t n = call->func == PROMQL_FN_info ? 1 : call->n_args;
    int rc = 0;

    for (size_t k = 0; k < n && rc == 0; k++)
        rc = below(x, i, call->args[k]);
    return rc;
}

static int walk(struct explain *x, const struct promql_expr *e, struct place place)
{
    size_t i = x->out->n_nodes;
    struct buf text = {0};
    int rc;

    if (i == x->opts.max_nodes) {
        x->out->cut = true;
        return 0;
    }
    ARENA_GROW(x->arena, x->out->nodes, x->out->n_nodes, x->cap, struct promql_node);
    promql_print(&text, e);
    x->out->nodes[x->out->n_nodes++] = (struct promql_node){
        .expr = e,
        .text = arena_str(x->arena, buf_str(&text)),
        .depth = place.depth,
        .parent = place.parent,
        .at = place.at,
        .in_subquery = place.in_subquery,
    };
    buf_release(&text);
    rc = evaluate(x, &x->out->nodes[i]);
    if (rc < 0)
        return rc;
    switch ((int)e->kind) {
    case PROMQL_E_SUBQUERY:
        return below_subquery(x, i, &e->u.subquery);
    case PROMQL_E_CALL:
        return below_call(x, i, &e->u.call);
    case PROMQL_E_AGGREGATE:
        rc = below(x, i, e->u.aggregate.param);
        return rc < 0 ? rc : below(x, i, e->u.aggregate.expr);
    case PROMQL_E_BINARY:
        rc = below(x, i, e->u.binary.lhs);
        return rc < 0 ? rc : below(x, i, e->u.binary.rhs);
    case PROMQL_E_UNARY:
        return below(x, i, e->u.unary.expr);
    }
    return 0;
}

int promql_explain(struct source *src, struct arena *a, const struct promql_query *q,
                   const struct promql_explain_opts *opts, struct promql_explanation *out,
                   struct fault *f)
{
    struct explain x = {.src = src, .arena = a, .q = q, .out = out, .f = f};
    int rc;

    CHECK(q->start == q->end && q->step == 0);
    if (opts != NULL)
        x.opts = *opts;
    x.opts.max_nodes = x.opts.max_nodes > 0 ? x.opts.max_nodes : DEFAULT_NODES;
    x.opts.max_elements = x.opts.max_elements > 0 ? x.opts.max_elements : DEFAULT_ELEMENTS;
    x.opts.max_samples = x.opts.max_samples > 0 ? x.opts.max_samples : DEFAULT_SAMPLES;
    *out = (struct promql_explanation){0};
    rc = walk(&x, promql__unparen(q->expr), (struct place){.at = q->start});
    for (size_t i = 0; i < out->n_nodes && rc == 0; i++)
        sink_notes(&x, i);
    return rc;
}
