/*
 * invariant.c - which parts of a query have the same value in every step, so that one evaluation
 * serves all: what depends on selectors pinned by @ and on literals only.
 */
#include "eval.h"

/* Their results change with the time of evaluation though their arguments do not. */
static const bool unsafe[N_PROMQL_FUNCS] = {
    [PROMQL_FN_day_of_month] = true, [PROMQL_FN_day_of_week] = true,
    [PROMQL_FN_day_of_year] = true,  [PROMQL_FN_days_in_month] = true,
    [PROMQL_FN_hour] = true,         [PROMQL_FN_minute] = true,
    [PROMQL_FN_month] = true,        [PROMQL_FN_predict_linear] = true,
    [PROMQL_FN_time] = true,         [PROMQL_FN_timestamp] = true,
    [PROMQL_FN_year] = true,
};

static bool call_is_invariant(const struct promql_call *call)
{
    const struct promql_expr *arg;

    if (call->func == PROMQL_FN_timestamp) {
        /* The samples' own times, when straight from a pinned selector. */
        arg = promql__unparen(call->args[0]);
        return arg->kind == PROMQL_E_VECTOR_SELECTOR && promql__is_invariant(arg);
    }
    if (unsafe[call->func])
        return false;
    for (size_t i = 0; i < call->n_args; i++)
        if (!promql__is_invariant(call->args[i]))
            return false;
    return true;
}

bool promql__is_invariant(const struct promql_expr *e)
{
    switch (e->kind) {
    case PROMQL_E_NUMBER:
    case PROMQL_E_STRING:
        return true;
    case PROMQL_E_VECTOR_SELECTOR:
        return e->u.vector.shift.at != AT_NONE;
    case PROMQL_E_MATRIX_SELECTOR:
        return promql__is_invariant(e->u.matrix.selector);
    case PROMQL_E_SUBQUERY:
        return e->u.subquery.shift.at != AT_NONE;
    case PROMQL_E_CALL:
        return call_is_invariant(&e->u.call);
    case PROMQL_E_AGGREGATE:
        return promql__is_invariant(e->u.aggregate.expr);
    case PROMQL_E_BINARY:
        return promql__is_invariant(e->u.binary.lhs) && promql__is_invariant(e->u.binary.rhs);
    case PROMQL_E_UNARY:
        return promql__is_invariant(e->u.unary.expr);
    case PROMQL_E_PAREN:
        return promql__is_invariant(e->u.paren);
    case PROMQL_E_DURATION:
        break;
    }
    return false;
}

/* Literals are cheaper to write out; range vectors have times of their own. */
bool promql__wants_wrap(const struct promql_expr *e)
{
    return e->kind != PROMQL_E_NUMBER && e->kind != PROMQL_E_MATRIX_SELECTOR &&
           e->kind != PROMQL_E_SUBQUERY;
}
