/*
 * names.c - the names of PromQL's types, operators, aggregators and functions.
 */
#include "ferula/base/check.h"
#include "ferula/promql.h"

#define V PROMQL_VECTOR
#define M PROMQL_MATRIX
#define S PROMQL_SCALAR
#define T PROMQL_STRING
#define ARGS(...)                                                                                  \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

const struct promql_func_info promql_funcs[N_PROMQL_FUNCS] = {
#define F(id, ret, n_args, args, variadic, experimental)                                           \
    [PROMQL_FN_##id] = {#id, ret, n_args, args, variadic, experimental},
#include "ferula/promql/functions.tbl.h"
#undef F
};

static const char *const types[] = {
    [PROMQL_NONE] = "none",     [PROMQL_SCALAR] = "scalar", [PROMQL_VECTOR] = "vector",
    [PROMQL_MATRIX] = "matrix", [PROMQL_STRING] = "string",
};

static const char *const ops[] = {
    [PROMQL_ADD] = "+",
    [PROMQL_DIV] = "/",
    [PROMQL_EQL] = "==",
    [PROMQL_GTE] = ">=",
    [PROMQL_GTR] = ">",
    [PROMQL_TRIM_UPPER] = "</",
    [PROMQL_TRIM_LOWER] = ">/",
    [PROMQL_AND] = "and",
    [PROMQL_OR] = "or",
    [PROMQL_LSS] = "<",
    [PROMQL_LTE] = "<=",
    [PROMQL_UNLESS] = "unless",
    [PROMQL_MOD] = "%",
    [PROMQL_MUL] = "*",
    [PROMQL_NEQ] = "!=",
    [PROMQL_POW] = "^",
    [PROMQL_SUB] = "-",
    [PROMQL_ATAN2] = "atan2",
    [PROMQL_DUR_STEP] = "step",
    [PROMQL_DUR_RANGE] = "range",
    [PROMQL_DUR_MIN_OF] = "min_of",
    [PROMQL_DUR_MAX_OF] = "max_of",
};

static const char *const aggs[N_PROMQL_AGGS] = {
    [PROMQL_AVG] = "avg",       [PROMQL_BOTTOMK] = "bottomk",
    [PROMQL_COUNT] = "count",   [PROMQL_COUNT_VALUES] = "count_values",
    [PROMQL_GROUP] = "group",   [PROMQL_MAX] = "max",
    [PROMQL_MIN] = "min",       [PROMQL_QUANTILE] = "quantile",
    [PROMQL_STDDEV] = "stddev", [PROMQL_STDVAR] = "stdvar",
    [PROMQL_SUM] = "sum",       [PROMQL_TOPK] = "topk",
    [PROMQL_LIMITK] = "limitk", [PROMQL_LIMIT_RATIO] = "limit_ratio",
};

static const char *const cards[] = {
    [CARD_ONE_TO_ONE] = "one-to-one",
    [CARD_MANY_TO_ONE] = "many-to-one",
    [CARD_ONE_TO_MANY] = "one-to-many",
    [CARD_MANY_TO_MANY] = "many-to-many",
};

const char *promql_type_name(enum promql_type t)
{
    CHECK((size_t)t < COUNT(types));
    return types[t];
}

const char *promql_type_documented(enum promql_type t)
{
    if (t == PROMQL_VECTOR)
        return "instant vector";
    return t == PROMQL_MATRIX ? "range vector" : promql_type_name(t);
}

const char *promql_op_text(enum promql_op op)
{
    CHECK((size_t)op < COUNT(ops) && ops[op] != NULL);
    return ops[op];
}

bool promql_op_is_comparison(enum promql_op op)
{
    return op == PROMQL_EQL || op == PROMQL_NEQ || op == PROMQL_LTE || op == PROMQL_LSS ||
           op == PROMQL_GTE || op == PROMQL_GTR;
}

bool promql_op_is_set(enum promql_op op)
{
    return op == PROMQL_AND || op == PROMQL_OR || op == PROMQL_UNLESS;
}

const char *promql_agg_text(enum promql_agg agg)
{
    CHECK((size_t)agg < COUNT(aggs));
    return aggs[agg];
}

const char *promql_card_text(enum promql_card card)
{
    CHECK((size_t)card < COUNT(cards));
    return cards[card];
}
