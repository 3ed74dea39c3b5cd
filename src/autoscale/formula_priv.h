/*
 * formula_priv.h - the tree of a formula, and values.
 */
#ifndef FERULA_AUTOSCALE_FORMULA_PRIV_H
#define FERULA_AUTOSCALE_FORMULA_PRIV_H

#include "formula.h"

#include "ferula/base/check.h"

#define FORMULA_DEPTH_MAX  100
#define FORMULA_NODES_MAX  10000 /* as in expr-lang */
#define FORMULA_LOCALS_MAX 32
#define FORMULA_RANGE_MAX  10000   /* elements of a..b */
#define FORMULA_STEPS_MAX  1000000 /* of one run; expr-lang stops at as many elements made */

enum node_kind {
    NODE_NIL,
    NODE_BOOL,
    NODE_INT,
    NODE_FLOAT,
    NODE_VAR,   /* a trigger: `slot` */
    NODE_LOCAL, /* of let: `slot` */
    NODE_ELEMENT,
    NODE_INDEX,
    NODE_ACC, /* #, #index, #acc */
    NODE_ARRAY,
    NODE_UNARY,
    NODE_BINARY,
    NODE_COND,
    NODE_LET, /* kids: value, rest */
    NODE_SEQUENCE,
    NODE_CALL,
    NODE_AT,    /* kids: array, index */
    NODE_SLICE, /* kids: array, from, to; NULL: not given */
};

enum node_op {
    OP_OR,
    OP_AND,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_GT,
    OP_GE,
    OP_LE,
    OP_IN,
    OP_RANGE,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_MOD,
    OP_POW,
    OP_COALESCE,
    OP_PIPE,
    OP_NOT,
    OP_NEG,
    OP_PLUS,
};

struct builtin;

struct node {
    enum node_kind kind;
    size_t at; /* in the text */
    enum node_op op;
    const char *op_text; /* as written, for messages */
    const struct builtin *call;
    size_t slot;
    int64_t i; /* also of NODE_BOOL */
    double f;
    struct node **kids;
    size_t n, cap;
};

struct formula {
    struct node *root;
    struct str text; /* that places are in */
    size_t n_vars;
};

enum value_kind { VALUE_NIL, VALUE_BOOL, VALUE_INT, VALUE_FLOAT, VALUE_ARRAY };

struct value {
    enum value_kind kind;
    int64_t i;
    double f;
    const struct value *v;
    size_t n;
};

/* One run: what names stand for. */
struct formula_run {
    struct arena *arena;
    const struct formula_var *vars;
    struct value locals[FORMULA_LOCALS_MAX];
    struct value element, index, acc;
    size_t steps;
    struct fault *f;
};

/* What the arguments of a function have to be. The first ones: an array, and a predicate. */
enum builtin_args {
    ARGS_TRUTH,
    ARGS_COUNT,
    ARGS_FILTER,
    ARGS_FIND,
    ARGS_MAP,
    ARGS_SUM,
    ARGS_REDUCE,
    ARGS_SORT_BY,
    ARGS_ARRAYS, /* without a predicate from here on */
    ARGS_TAKE,
    ARGS_LEN,
    ARGS_FIRST,
    ARGS_NUMBER,
    ARGS_ROUND,
    ARGS_INT,
    ARGS_MANY,
};

/* A predicate, the second argument, is evaluated for each element. */
struct builtin {
    const char *name;
    size_t min_args, max_args;
    enum builtin_args args;
    int (*fn)(struct formula_run *r, const struct node *call, struct value *out);
};

static inline bool formula__has_predicate(const struct builtin *b)
{
    return b->args < ARGS_ARRAYS;
}

const struct builtin *formula__builtin(struct str name);
const struct builtin *formula__array_builtin(struct str name);
int formula__parse(struct arena *a, struct str text, const struct str *names, size_t n,
                   struct node **out, struct fault *f);
/* What expr-lang's checker refuses before anything is run; `text` is for places. */
int formula__check(struct arena *a, struct str text, const struct node *root, struct fault *f);
/* A sentence with the line and column of a place in the text; the code. */
__attribute__((format(printf, 5, 6))) int
formula__refuse(struct fault *f, int code, struct str text, size_t at, const char *fmt, ...);
/* While it runs; the place is the node's. FER_EEXEC. */
__attribute__((format(printf, 3, 4))) int
formula__fail(struct formula_run *r, const struct node *node, const char *fmt, ...);
int formula__bad_argument(struct formula_run *r, const struct node *call, const struct value *v);
int formula__eval(struct formula_run *r, const struct node *node, struct value *out);

const char *formula__type(const struct value *v); /* Go's name of it */
bool formula__number(const struct value *v, double *out);
bool formula__equal(const struct value *a, const struct value *b);
struct value formula__float(double f);
struct value formula__int(int64_t i);
struct value formula__bool(bool b);

#endif
