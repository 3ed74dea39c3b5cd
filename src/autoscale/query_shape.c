/*
 * query_shape.c - what a query's tree alone says about its result: how many elements, how large.
 */
#include <math.h>

#include "ferula/base/check.h"
#include "lint_priv.h"

static const struct promql_expr *bare(const struct promql_expr *e)
{
    while (e->kind == PROMQL_E_PAREN)
        e = e->u.paren;
    return e;
}

static bool is_number(const struct promql_expr *e, double *out)
{
    e = bare(e);
    if (e->kind == PROMQL_E_UNARY && is_number(e->u.unary.expr, out)) {
        *out = e->u.unary.op == PROMQL_SUB ? -*out : *out;
        return true;
    }
    if (e->kind != PROMQL_E_NUMBER)
        return false;
    *out = e->u.number.value;
    return true;
}

/* The argument whose elements the call's result has; NULL: there is none. */
static const struct promql_expr *series_arg(const struct promql_call *c)
{
    for (size_t i = 0; i < c->n_args; i++)
        if (c->args[i]->type == PROMQL_VECTOR || c->args[i]->type == PROMQL_MATRIX)
            return c->args[i];
    return NULL;
}

/* ---- one element ------------------------------------------------------------------------ */

/* True when all elements have the same value of the label, because a matcher says so. */
static bool pins(const struct promql_expr *e, struct str label)
{
    const struct promql_expr *arg;

    e = bare(e);
    switch (e->kind) {
    case PROMQL_E_VECTOR_SELECTOR:
        for (size_t i = 0; i < e->u.vector.n_matchers; i++)
            if (e->u.vector.matchers[i].op == MATCH_EQ &&
                str_eq(e->u.vector.matchers[i].name, label))
                return true;
        return false;
    case PROMQL_E_MATRIX_SELECTOR:
        return pins(e->u.matrix.selector, label);
    case PROMQL_E_SUBQUERY:
        return pins(e->u.subquery.expr, label);
    case PROMQL_E_AGGREGATE:
        return e->u.aggregate.op != PROMQL_COUNT_VALUES && pins(e->u.aggregate.expr, label);
    case PROMQL_E_CALL:
        if (e->u.call.func == PROMQL_FN_label_replace || e->u.call.func == PROMQL_FN_label_join)
            return false;
        arg = series_arg(&e->u.call);
        return arg != NULL && pins(arg, label);
    default:
        return false;
    }
}

static bool chooses(enum promql_agg op)
{
    return op == PROMQL_TOPK || op == PROMQL_BOTTOMK || op == PROMQL_LIMITK ||
           op == PROMQL_LIMIT_RATIO;
}

/* sum by (le) (...): histogram_quantile() makes one element of it. */
static bool is_one_histogram(const struct promql_expr *e)
{
    const struct promql_aggregate *g;

    e = bare(e);
    g = &e->u.aggregate;
    if (e->kind != PROMQL_E_AGGREGATE || g->without || g->op == PROMQL_COUNT_VALUES ||
        chooses(g->op))
        return false;
    for (size_t i = 0; i < g->n_grouping; i++)
        if (!str_is(g->grouping[i], "le") && !pins(g->expr, g->grouping[i]))
            return false;
    return true;
}

static bool is_bare_element(const struct promql_expr *e);

static bool call_is_bare(const struct promql_call *c)
{
    const struct promql_expr *arg = series_arg(c);
    const struct promql_aggregate *g;

    switch (c->func) {
    case PROMQL_FN_vector:
        return true;
    case PROMQL_FN_absent:
    case PROMQL_FN_absent_over_time:
    case PROMQL_FN_histogram_quantiles:
    case PROMQL_FN_info:
    case PROMQL_FN_label_join:
    case PROMQL_FN_label_replace:
        return false;
    case PROMQL_FN_histogram_fraction:
    case PROMQL_FN_histogram_quantile:
        g = &bare(arg)->u.aggregate;
        if (is_one_histogram(arg) && g->n_grouping == 1 && str_is(g->grouping[0], "le"))
            return true;
        break;
    default:
        break;
    }
    return arg == NULL || is_bare_element(arg);
}

/* One element without labels: sum(...), vector(0). Two such elements are the same one. */
static bool is_bare_element(const struct promql_expr *e)
{
    const struct promql_binary *b;

    e = bare(e);
    b = &e->u.binary;
    switch (e->kind) {
    case PROMQL_E_BINARY:
        if (b->op == PROMQL_AND || b->op == PROMQL_UNLESS)
            return is_bare_element(b->lhs);
        return (b->lhs->type == PROMQL_SCALAR || is_bare_element(b->lhs)) &&
               (b->rhs->type == PROMQL_SCALAR || is_bare_element(b->rhs));
    case PROMQL_E_UNARY:
        return is_bare_element(e->u.unary.expr);
    case PROMQL_E_SUBQUERY:
        return is_bare_element(e->u.subquery.expr);
    case PROMQL_E_AGGREGATE:
        if (e->u.aggregate.op == PROMQL_COUNT_VALUES)
            return false;
        if (is_bare_element(e->u.aggregate.expr))
            return true;
        return !chooses(e->u.aggregate.op) && !e->u.aggregate.without &&
               e->u.aggregate.n_grouping == 0;
    case PROMQL_E_CALL:
        return call_is_bare(&e->u.call);
    default:
        return false;
    }
}

/* One element, but another one at another time: topk(1, x). */
static bool changes(const struct promql_expr *e)
{
    const struct promql_expr *arg;

    e = bare(e);
    switch (e->kind) {
    case PROMQL_E_AGGREGATE:
        return chooses(e->u.aggregate.op) &&
               (!autoscale__is_single(e->u.aggregate.expr) || changes(e->u.aggregate.expr));
    case PROMQL_E_CALL:
        arg = series_arg(&e->u.call);
        return arg != NULL && changes(arg);
    case PROMQL_E_BINARY:
        return changes(e->u.binary.lhs) || changes(e->u.binary.rhs);
    case PROMQL_E_UNARY:
        return changes(e->u.unary.expr);
    default:
        return false;
    }
}

static bool aggregate_is_single(const struct promql_aggregate *g)
{
    double k = 0;

    switch (g->op) {
    case PROMQL_COUNT_VALUES:
        return false;
    case PROMQL_TOPK:
    case PROMQL_BOTTOMK:
    case PROMQL_LIMITK:
        if (g->param == NULL || !is_number(g->param, &k) || k >= 2)
            return autoscale__is_single(g->expr);
        break;
    case PROMQL_LIMIT_RATIO:
        return autoscale__is_single(g->expr);
    default:
        break;
    }
    if (autoscale__is_single(g->expr))
        return true;
    if (g->without)
        return false;
    for (size_t i = 0; i < g->n_grouping; i++)
        if (!pins(g->expr, g->grouping[i]))
            return false;
    return true;
}

static bool call_is_single(const struct promql_call *c)
{
    const struct promql_expr *arg = series_arg(c);

    if (arg == NULL || c->func == PROMQL_FN_absent || c->func == PROMQL_FN_absent_over_time ||
        c->func == PROMQL_FN_vector)
        return true;
    if (c->func == PROMQL_FN_histogram_quantiles)
        return false;
    if ((c->func == PROMQL_FN_histogram_quantile || c->func == PROMQL_FN_histogram_fraction) &&
        is_one_histogram(arg))
        return true;
    return autoscale__is_single(arg);
}

static bool binary_is_single(const struct promql_binary *b)
{
    bool lhs, rhs;

    if (b->lhs->type == PROMQL_SCALAR || b->rhs->type == PROMQL_SCALAR)
        return autoscale__is_single(b->lhs->type == PROMQL_SCALAR ? b->rhs : b->lhs);
    lhs = autoscale__is_single(b->lhs);
    rhs = autoscale__is_single(b->rhs);
    if (b->op == PROMQL_AND || b->op == PROMQL_UNLESS)
        return lhs;
    if (b->op == PROMQL_OR)
        return lhs && rhs &&
               ((is_bare_element(b->lhs) && is_bare_element(b->rhs)) ||
                (b->matching != NULL && b->matching->on && b->matching->n_labels == 0));
    if (b->matching != NULL && (b->matching->has_fill_lhs || b->matching->has_fill_rhs))
        return is_bare_element(b->lhs) && is_bare_element(b->rhs);
    if (b->matching != NULL && b->matching->card == CARD_MANY_TO_ONE)
        return lhs;
    if (b->matching != NULL && b->matching->card == CARD_ONE_TO_MANY)
        return rhs;
    return lhs || rhs;
}

bool autoscale__is_single(const struct promql_expr *e)
{
    if (e->type == PROMQL_SCALAR || e->type == PROMQL_STRING)
        return true;
    switch (e->kind) {
    case PROMQL_E_PAREN:
        return autoscale__is_single(e->u.paren);
    case PROMQL_E_UNARY:
        return autoscale__is_single(e->u.unary.expr);
    case PROMQL_E_AGGREGATE:
        return aggregate_is_single(&e->u.aggregate);
    case PROMQL_E_CALL:
        return call_is_single(&e->u.call);
    case PROMQL_E_BINARY:
        return binary_is_single(&e->u.binary);
    case PROMQL_E_SUBQUERY:
        return autoscale__is_single(e->u.subquery.expr) && !changes(e->u.subquery.expr);
    default:
        return false;
    }
}

/* ---- bounds ----------------------------------------------------------------------------- */

static bool call_bound(const struct promql_call *c, double *out)
{
    switch (c->func) {
    case PROMQL_FN_vector:
        return autoscale__upper_bound(c->args[0], out);
    case PROMQL_FN_clamp_max:
        return is_number(c->args[1], out);
    case PROMQL_FN_clamp:
        return is_number(c->args[2], out);
    case PROMQL_FN_absent:
    case PROMQL_FN_absent_over_time:
    case PROMQL_FN_present_over_time:
    case PROMQL_FN_sgn:
        *out = 1;
        return true;
    case PROMQL_FN_ceil:
    case PROMQL_FN_floor:
    case PROMQL_FN_sort:
    case PROMQL_FN_sort_desc:
        if (!autoscale__upper_bound(c->args[0], out))
            return false;
        *out = ceil(*out);
        return true;
    default:
        return false;
    }
}

/* What is left by a filter: x < 5 is under 5, and so is 5 > x, whose elements are those of x. */
static bool comparison_bound(const struct promql_binary *b, double *out)
{
    bool left = b->lhs->type == PROMQL_SCALAR;
    bool limits = b->op == PROMQL_EQL || b->op == (left ? PROMQL_GTR : PROMQL_LSS) ||
                  b->op == (left ? PROMQL_GTE : PROMQL_LTE);

    if (limits && is_number(left ? b->lhs : b->rhs, out))
        return !isnan(*out);
    if (b->matching != NULL && b->matching->card == CARD_ONE_TO_MANY)
        return false;
    return autoscale__upper_bound(left ? b->rhs : b->lhs, out);
}

static bool binary_bound(const struct promql_binary *b, double *out)
{
    double lhs, rhs;

    if (b->return_bool) {
        *out = 1;
        return true;
    }
    if (promql_op_is_comparison(b->op))
        return comparison_bound(b, out);
    if (b->op == PROMQL_AND || b->op == PROMQL_UNLESS)
        return autoscale__upper_bound(b->lhs, out);
    if (!autoscale__upper_bound(b->lhs, &lhs))
        return false;
    if (b->op == PROMQL_OR || b->op == PROMQL_ADD) {
        if (!autoscale__upper_bound(b->rhs, &rhs))
            return false;
        *out = b->op == PROMQL_ADD ? lhs + rhs : fmax(lhs, rhs);
        return true;
    }
    if (!is_number(b->rhs, &rhs) || (b->op != PROMQL_SUB && rhs <= 0))
        return false;
    *out = b->op == PROMQL_MUL   ? lhs * rhs
           : b->op == PROMQL_DIV ? lhs / rhs
           : b->op == PROMQL_SUB ? lhs - rhs
                                 : NAN;
    return !isnan(*out);
}

bool autoscale__upper_bound(const struct promql_expr *e, double *out)
{
    e = bare(e);
    if (is_number(e, out))
        return !isnan(*out);
    switch (e->kind) {
    case PROMQL_E_CALL:
        return call_bound(&e->u.call, out);
    case PROMQL_E_BINARY:
        return binary_bound(&e->u.binary, out);
    case PROMQL_E_AGGREGATE:
        switch (e->u.aggregate.op) {
        case PROMQL_GROUP:
            *out = 1;
            return true;
        case PROMQL_AVG:
        case PROMQL_MIN:
        case PROMQL_MAX:
        case PROMQL_TOPK:
        case PROMQL_BOTTOMK:
            return autoscale__upper_bound(e->u.aggregate.expr, out);
        default:
            return false;
        }
    default:
        return false;
    }
}
