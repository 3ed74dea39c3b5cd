/*
 * format.c - format_query and parse_query: an expression as pretty text, and as a JSON tree.
 *
 * Keys of the tree's objects come in alphabetical order, as Go prints its maps.
 */
#include "handlers.h"

#include <math.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"

static int parse(struct http_req *req, const struct promql_expr **out, struct fault *f)
{
    const struct api *api = api__from(req->ctx);

    return promql_parse(&req->arena, http_param(req, "query"), &api->opts.features, out, f);
}

int api__format_query(struct http_req *req)
{
    const struct promql_expr *expr;
    struct buf text = {0};
    struct fault f;
    struct json j;

    if (parse(req, &expr, &f) < 0)
        return api__fail(req, API_BAD_DATA, "invalid parameter \"query\": %s", f.text);
    promql_prettify(&text, expr);
    api__ok_begin(req, &j);
    json_str(&j, buf_str(&text));
    buf_release(&text);
    return api__ok_end(&j, NULL);
}

/* ---- the tree --------------------------------------------------------------------------- */

static void write_expr(struct json *j, const struct promql_expr *e); /* null for NULL */

static void key_expr(struct json *j, const char *key, const struct promql_expr *e)
{
    json_key(j, key);
    write_expr(j, e);
}

static void key_strs(struct json *j, const char *key, const struct str *v, size_t n)
{
    json_key(j, key);
    json_array_begin(j);
    for (size_t i = 0; i < n; i++)
        json_str(j, v[i]);
    json_array_end(j);
}

static void key_number_text(struct json *j, const char *key, double v)
{
    char digits[NUM_TEXT_MAX];
    size_t n = num_format(digits, v, 'f');

    json_member_str(j, key, (struct str){digits, n});
}

/* JSON has no NaN and no infinity: fill(NaN) is shown like no fill (Prometheus answers 500). */
static void key_fill(struct json *j, const char *key, bool given, double v)
{
    json_key(j, key);
    if (given && isfinite(v))
        json_float(j, v);
    else
        json_null(j);
}

static void key_at(struct json *j, const struct promql_shift *shift)
{
    json_key(j, "startOrEnd");
    if (shift->at == AT_START || shift->at == AT_END)
        json_cstr(j, shift->at == AT_START ? "start" : "end");
    else
        json_null(j);
}

static void key_timestamp(struct json *j, const struct promql_shift *shift)
{
    json_key(j, "timestamp");
    if (shift->at == AT_TIMESTAMP)
        json_int(j, shift->timestamp);
    else
        json_null(j);
}

static void key_matchers(struct json *j, const struct matcher *m, size_t n)
{
    json_key(j, "matchers");
    json_array_begin(j);
    for (size_t i = 0; i < n; i++) {
        json_object_begin(j);
        json_member_str(j, "name", m[i].name);
        json_member_cstr(j, "type", match_op_text(m[i].op));
        json_member_str(j, "value", m[i].value);
        json_object_end(j);
    }
    json_array_end(j);
}

/* A vector selector, or with `matrix` the matrix selector around it. */
static void write_selector(struct json *j, const struct promql_vector_selector *vs,
                           const struct promql_matrix_selector *matrix)
{
    json_member_bool(j, "anchored", vs->anchored);
    key_matchers(j, vs->matchers, vs->n_matchers);
    json_member_str(j, "name", vs->name);
    json_member_int(j, "offset", vs->shift.offset);
    key_expr(j, "offsetExpr", vs->shift.offset_expr);
    if (matrix != NULL) {
        json_member_int(j, "range", matrix->range);
        key_expr(j, "rangeExpr", matrix->range_expr);
    }
    json_member_bool(j, "smoothed", vs->smoothed);
    key_at(j, &vs->shift);
    key_timestamp(j, &vs->shift);
    json_member_cstr(j, "type", matrix != NULL ? "matrixSelector" : "vectorSelector");
}

static void write_vector_selector(struct json *j, const struct promql_expr *e)
{
    write_selector(j, &e->u.vector, NULL);
}

static void write_matrix_selector(struct json *j, const struct promql_expr *e)
{
    write_selector(j, &e->u.matrix.selector->u.vector, &e->u.matrix);
}

static void write_subquery(struct json *j, const struct promql_expr *e)
{
    const struct promql_subquery *sq = &e->u.subquery;

    key_expr(j, "expr", sq->expr);
    json_member_int(j, "offset", sq->shift.offset);
    key_expr(j, "offsetExpr", sq->shift.offset_expr);
    json_member_int(j, "range", sq->range);
    key_expr(j, "rangeExpr", sq->range_expr);
    key_at(j, &sq->shift);
    json_member_int(j, "step", sq->step);
    key_expr(j, "stepExpr", sq->step_expr);
    key_timestamp(j, &sq->shift);
    json_member_cstr(j, "type", "subquery");
}

static void write_aggregate(struct json *j, const struct promql_expr *e)
{
    const struct promql_aggregate *agg = &e->u.aggregate;

    key_expr(j, "expr", agg->expr);
    key_strs(j, "grouping", agg->grouping, agg->n_grouping);
    json_member_cstr(j, "op", promql_agg_text(agg->op));
    key_expr(j, "param", agg->param);
    json_member_cstr(j, "type", "aggregation");
    json_member_bool(j, "without", agg->without);
}

static void write_matching(struct json *j, const struct promql_matching *m)
{
    if (m == NULL) {
        json_null(j);
        return;
    }
    json_object_begin(j);
    json_member_cstr(j, "card", promql_card_text(m->card));
    json_key(j, "fillValues");
    json_object_begin(j);
    key_fill(j, "lhs", m->has_fill_lhs, m->fill_lhs);
    key_fill(j, "rhs", m->has_fill_rhs, m->fill_rhs);
    json_object_end(j);
    key_strs(j, "include", m->include, m->n_include);
    key_strs(j, "labels", m->labels, m->n_labels);
    json_member_bool(j, "on", m->on);
    json_object_end(j);
}

static void write_binary(struct json *j, const struct promql_expr *e)
{
    const struct promql_binary *bin = &e->u.binary;

    json_member_bool(j, "bool", bin->return_bool);
    key_expr(j, "lhs", bin->lhs);
    json_key(j, "matching");
    write_matching(j, bin->matching);
    json_member_cstr(j, "op", promql_op_text(bin->op));
    key_expr(j, "rhs", bin->rhs);
    json_member_cstr(j, "type", "binaryExpr");
}

static void write_call(struct json *j, const struct promql_expr *e)
{
    const struct promql_call *call = &e->u.call;
    const struct promql_func_info *func = &promql_funcs[call->func];

    json_key(j, "args");
    json_array_begin(j);
    for (size_t i = 0; i < call->n_args; i++)
        write_expr(j, call->args[i]);
    json_array_end(j);
    json_key(j, "func");
    json_object_begin(j);
    json_key(j, "argTypes");
    json_array_begin(j);
    for (size_t i = 0; i < func->n_args; i++)
        json_cstr(j, promql_type_name(func->args[i]));
    json_array_end(j);
    json_member_cstr(j, "name", func->name);
    json_member_cstr(j, "returnType", promql_type_name(func->ret));
    json_member_int(j, "variadic", func->variadic);
    json_object_end(j);
    json_member_cstr(j, "type", "call");
}

static void write_number(struct json *j, const struct promql_expr *e)
{
    json_member_cstr(j, "type", "numberLiteral");
    key_number_text(j, "val", e->u.number.value);
}

static void write_string(struct json *j, const struct promql_expr *e)
{
    json_member_cstr(j, "type", "stringLiteral");
    json_member_str(j, "val", e->u.string);
}

static void write_unary(struct json *j, const struct promql_expr *e)
{
    key_expr(j, "expr", e->u.unary.expr);
    json_member_cstr(j, "op", promql_op_text(e->u.unary.op));
    json_member_cstr(j, "type", "unaryExpr");
}

static void write_paren(struct json *j, const struct promql_expr *e)
{
    key_expr(j, "expr", e->u.paren);
    json_member_cstr(j, "type", "parenExpr");
}

/* A leaf or a side of a duration expression; here numbers say whether they were durations. */
static void key_duration_side(struct json *j, const char *key, const struct promql_expr *e)
{
    json_key(j, key);
    if (e == NULL || e->kind != PROMQL_E_NUMBER) {
        write_expr(j, e);
        return;
    }
    json_object_begin(j);
    json_member_bool(j, "duration", e->u.number.duration);
    write_number(j, e);
    json_object_end(j);
}

static void write_duration(struct json *j, const struct promql_expr *e)
{
    const struct promql_duration *d = &e->u.duration;

    key_duration_side(j, "lhs", d->lhs);
    json_member_cstr(j, "op", promql_op_text(d->op));
    key_duration_side(j, "rhs", d->rhs);
    json_member_cstr(j, "type", "durationExpr");
    json_member_bool(j, "wrapped", d->wrapped);
}

static void write_expr(struct json *j, const struct promql_expr *e)
{
    static void (*const writers[])(struct json * j, const struct promql_expr *e) = {
        [PROMQL_E_NUMBER] = write_number,
        [PROMQL_E_STRING] = write_string,
        [PROMQL_E_VECTOR_SELECTOR] = write_vector_selector,
        [PROMQL_E_MATRIX_SELECTOR] = write_matrix_selector,
        [PROMQL_E_SUBQUERY] = write_subquery,
        [PROMQL_E_CALL] = write_call,
        [PROMQL_E_AGGREGATE] = write_aggregate,
        [PROMQL_E_BINARY] = write_binary,
        [PROMQL_E_UNARY] = write_unary,
        [PROMQL_E_PAREN] = write_paren,
        [PROMQL_E_DURATION] = write_duration,
    };

    if (e == NULL) {
        json_null(j);
        return;
    }
    CHECK(e->kind < COUNT(writers));
    json_object_begin(j);
    writers[e->kind](j, e);
    json_object_end(j);
}

int api__parse_query(struct http_req *req)
{
    const struct promql_expr *expr;
    struct fault f;
    struct json j;

    if (parse(req, &expr, &f) < 0)
        return api__fail(req, API_BAD_DATA, "invalid parameter \"query\": %s", f.text);
    api__ok_begin(req, &j);
    write_expr(&j, expr);
    return api__ok_end(&j, NULL);
}
