/*
 * exemplars.c - /api/v1/query_exemplars: the exemplars of all selectors in an expression.
 */
#include "handlers.h"

/* The selectors of a query. */
struct selectors {
    struct arena *a;
    struct tsdb_match *v;
    size_t n, cap;
};

static void collect(struct selectors *s, const struct promql_expr *e);

static void collect_all(struct selectors *s, const struct promql_expr *const *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        collect(s, v[i]);
}

static void add(struct selectors *s, const struct promql_vector_selector *vs)
{
    ARENA_GROW(s->a, s->v, s->n, s->cap, struct tsdb_match);
    s->v[s->n++] = (struct tsdb_match){vs->matchers, vs->n_matchers};
}

static void collect(struct selectors *s, const struct promql_expr *e)
{
    if (e == NULL)
        return;
    switch (e->kind) {
    case PROMQL_E_VECTOR_SELECTOR:
        add(s, &e->u.vector);
        break;
    case PROMQL_E_MATRIX_SELECTOR:
        collect(s, e->u.matrix.selector);
        break;
    case PROMQL_E_SUBQUERY:
        collect(s, e->u.subquery.expr);
        break;
    case PROMQL_E_CALL:
        collect_all(s, e->u.call.args, e->u.call.n_args);
        break;
    case PROMQL_E_AGGREGATE:
        collect(s, e->u.aggregate.expr);
        collect(s, e->u.aggregate.param);
        break;
    case PROMQL_E_BINARY:
        collect(s, e->u.binary.lhs);
        collect(s, e->u.binary.rhs);
        break;
    case PROMQL_E_UNARY:
        collect(s, e->u.unary.expr);
        break;
    case PROMQL_E_PAREN:
        collect(s, e->u.paren);
        break;
    case PROMQL_E_NUMBER:
    case PROMQL_E_STRING:
    case PROMQL_E_DURATION:
        break;
    }
}

static void write_exemplar(struct json *j, const struct exemplar *x)
{
    json_object_begin(j);
    json_key(j, "labels");
    api__labels(j, x->labels);
    json_member_sample_value(j, "value", x->v);
    json_member_timestamp(j, "timestamp", x->t);
    json_object_end(j);
}

static void write_series(struct json *j, const struct tsdb_exemplars *x)
{
    json_object_begin(j);
    json_key(j, "seriesLabels");
    api__labels(j, x->labels);
    json_key(j, "exemplars");
    json_array_begin(j);
    for (size_t i = 0; i < x->n; i++)
        write_exemplar(j, &x->v[i]);
    json_array_end(j);
    json_object_end(j);
}

static int answer(struct http_req *req, const struct selectors *s, struct source_range range)
{
    struct tsdb_exemplars *v;
    struct fault f;
    struct json j;
    size_t n;
    int rc = tsdb_query_exemplars(api__from(req->ctx)->opts.db, &req->arena, s->v, s->n, range, &v,
                                  &n, &f);

    if (rc < 0)
        return api__fail(req, api__store_error(rc, API_EXECUTION), "%s", f.text);
    api__ok_begin(req, &j);
    json_array_begin(&j);
    for (size_t i = 0; i < n; i++)
        write_series(&j, &v[i]);
    json_array_end(&j);
    return api__ok_end(&j, NULL);
}

int api__query_exemplars(struct http_req *req)
{
    const struct api *api = api__from(req->ctx);
    struct selectors s = {.a = &req->arena};
    const struct promql_expr *expr;
    struct source_range range;
    struct fault f;

    if (api__range_params(req, &range, &f) < 0)
        return api__fail(req, API_BAD_DATA, "%s", f.text);
    if (range.to < range.from)
        return api__fail(req, API_BAD_DATA, "end timestamp must not be before start timestamp");
    if (promql_parse(&req->arena, http_param(req, "query"), &api->opts.features, &expr, &f) < 0)
        return api__fail(req, API_BAD_DATA, "%s", f.text);
    collect(&s, expr);
    if (s.n == 0) {
        req->reply.status = 204;
        return 0;
    }
    return answer(req, &s, range);
}
