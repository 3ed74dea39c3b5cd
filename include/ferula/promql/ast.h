/*
 * ast.h - PromQL expressions as a typed tree. The tree lives in the arena given to promql_parse()
 * and is not changed afterwards, so any number of threads may read it.
 *
 * Node kinds, fields and positions are those of Prometheus' promql/parser/ast.go, because error
 * texts, the canonical printer and the parse_query endpoint depend on them.
 */
#ifndef FERULA_PROMQL_AST_H
#define FERULA_PROMQL_AST_H

#include <stdbool.h>
#include <stddef.h>

#include "ferula/base/clock.h"
#include "ferula/base/str.h"
#include "ferula/model/matcher.h"

enum promql_type { PROMQL_NONE, PROMQL_SCALAR, PROMQL_VECTOR, PROMQL_MATRIX, PROMQL_STRING };

/* "scalar", "vector", "matrix", "string", "none": names of the API. */
const char *promql_type_name(enum promql_type t);
/* "scalar", "instant vector", "range vector", "string", "none": names in messages. */
const char *promql_type_documented(enum promql_type t);

/* Binary and unary operators, in the order of Prometheus' token list. */
enum promql_op {
    PROMQL_ADD,
    PROMQL_DIV,
    PROMQL_EQL, /* == */
    PROMQL_GTE,
    PROMQL_GTR,
    PROMQL_TRIM_UPPER, /* </ */
    PROMQL_TRIM_LOWER, /* >/ */
    PROMQL_AND,
    PROMQL_OR,
    PROMQL_LSS,
    PROMQL_LTE,
    PROMQL_UNLESS,
    PROMQL_MOD,
    PROMQL_MUL,
    PROMQL_NEQ,
    PROMQL_POW,
    PROMQL_SUB,
    PROMQL_ATAN2,
    N_PROMQL_OPS,
    /* leaves and calls of duration expressions */
    PROMQL_DUR_STEP,
    PROMQL_DUR_RANGE,
    PROMQL_DUR_MIN_OF,
    PROMQL_DUR_MAX_OF,
};

const char *promql_op_text(enum promql_op op); /* "+", "and", "</" ... */
bool promql_op_is_comparison(enum promql_op op);
bool promql_op_is_set(enum promql_op op);

enum promql_agg {
    PROMQL_AVG,
    PROMQL_BOTTOMK,
    PROMQL_COUNT,
    PROMQL_COUNT_VALUES,
    PROMQL_GROUP,
    PROMQL_MAX,
    PROMQL_MIN,
    PROMQL_QUANTILE,
    PROMQL_STDDEV,
    PROMQL_STDVAR,
    PROMQL_SUM,
    PROMQL_TOPK,
    PROMQL_LIMITK,
    PROMQL_LIMIT_RATIO,
    N_PROMQL_AGGS
};

const char *promql_agg_text(enum promql_agg agg);

enum promql_card { CARD_ONE_TO_ONE, CARD_MANY_TO_ONE, CARD_ONE_TO_MANY, CARD_MANY_TO_MANY };

const char *promql_card_text(enum promql_card card); /* "one-to-one" ... */

/* Functions: a row each in functions.tbl.h, sorted by name. */
enum promql_func {
#define F(id, ret, n_args, args, variadic, experimental) PROMQL_FN_##id,
#include "ferula/promql/functions.tbl.h"
#undef F
    N_PROMQL_FUNCS
};

struct promql_func_info {
    const char *name;
    enum promql_type ret;
    unsigned n_args;
    enum promql_type args[6];
    int variadic; /* how many more or fewer; as in Prometheus: 0 fixed, >0 optional, <0 unlimited */
    bool experimental;
};

extern const struct promql_func_info promql_funcs[N_PROMQL_FUNCS];

/* [start, end) as byte offsets in the query. */
struct promql_pos {
    int start, end;
};

enum promql_kind {
    PROMQL_E_NUMBER,
    PROMQL_E_STRING,
    PROMQL_E_VECTOR_SELECTOR,
    PROMQL_E_MATRIX_SELECTOR,
    PROMQL_E_SUBQUERY,
    PROMQL_E_CALL,
    PROMQL_E_AGGREGATE,
    PROMQL_E_BINARY,
    PROMQL_E_UNARY,
    PROMQL_E_PAREN,
    PROMQL_E_DURATION, /* inside [], [:] and after offset only */
};

enum promql_at { AT_NONE, AT_TIMESTAMP, AT_START, AT_END };

struct promql_expr;

/* The offset and @ of a selector or a subquery. */
struct promql_shift {
    dur_ms offset;                         /* as written; 0 when an expression gives it */
    const struct promql_expr *offset_expr; /* PROMQL_E_DURATION or NULL */
    enum promql_at at;
    ts_ms timestamp; /* for AT_TIMESTAMP */
};

struct promql_vector_selector {
    struct str name;                /* empty when not written in front of the braces */
    const struct matcher *matchers; /* the name's matcher is among them, last, as in Prometheus */
    size_t n_matchers;
    struct promql_shift shift;
    bool anchored, smoothed;
    bool any_matchers; /* may match everything: the second argument of info() */
};

struct promql_matrix_selector {
    const struct promql_expr *selector; /* PROMQL_E_VECTOR_SELECTOR; has the shift */
    dur_ms range;
    const struct promql_expr *range_expr; /* PROMQL_E_DURATION or NULL */
};

struct promql_subquery {
    const struct promql_expr *expr;
    dur_ms range;
    const struct promql_expr *range_expr;
    dur_ms step; /* 0: the default */
    const struct promql_expr *step_expr;
    struct promql_shift shift;
};

struct promql_call {
    enum promql_func func;
    const struct promql_expr **args;
    size_t n_args;
};

struct promql_aggregate {
    enum promql_agg op;
    const struct promql_expr *expr;
    const struct promql_expr *param; /* NULL when the aggregator has none */
    const struct str *grouping;
    size_t n_grouping;
    bool without;
    bool has_grouping; /* by or without was written, maybe with no labels */
};

struct promql_matching {
    enum promql_card card;
    const struct str *labels; /* of on() or ignoring() */
    size_t n_labels;
    bool on;
    const struct str *include; /* of group_left() or group_right() */
    size_t n_include;
    bool has_fill_lhs, has_fill_rhs;
    double fill_lhs, fill_rhs;
};

struct promql_binary {
    enum promql_op op;
    const struct promql_expr *lhs, *rhs;
    const struct promql_matching *matching; /* NULL unless both sides are vectors */
    const struct promql_matching *written;  /* the clauses as written, for the type check */
    bool return_bool;
};

struct promql_unary {
    enum promql_op op; /* PROMQL_ADD or PROMQL_SUB */
    const struct promql_expr *expr;
};

/* lhs op rhs; a sign or +expr has lhs NULL; step() and range() have neither. */
struct promql_duration {
    enum promql_op op;
    const struct promql_expr *lhs, *rhs; /* PROMQL_E_NUMBER or PROMQL_E_DURATION */
    bool wrapped;                        /* in parentheses */
};

struct promql_number {
    double value;
    bool duration; /* written as a duration; printed as one */
};

struct promql_expr {
    enum promql_kind kind;
    enum promql_type type;
    struct promql_pos pos;
    unsigned height; /* of the tree; a leaf has 1, nothing more than PROMQL_MAX_DEPTH */
    union {
        struct promql_number number;
        struct str string;
        struct promql_vector_selector vector;
        struct promql_matrix_selector matrix;
        struct promql_subquery subquery;
        struct promql_call call;
        struct promql_aggregate aggregate;
        struct promql_binary binary;
        struct promql_unary unary;
        const struct promql_expr *paren;
        struct promql_duration duration;
    } u;
};

#endif
