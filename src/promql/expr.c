/*
 * expr.c - expressions: operators by precedence, signs, parentheses, calls, aggregations.
 */
#include "parser.h"

#include "ferula/base/check.h"

enum { PREC_OR = 1, PREC_AND, PREC_COMPARE, PREC_ADD, PREC_MUL, PREC_POW };

static const struct {
    enum tok tok;
    enum promql_op op;
    int prec;
} binary_ops[] = {
    {TOK_ADD,        PROMQL_ADD,        PREC_ADD    },
    {TOK_DIV,        PROMQL_DIV,        PREC_MUL    },
    {TOK_EQLC,       PROMQL_EQL,        PREC_COMPARE},
    {TOK_GTE,        PROMQL_GTE,        PREC_COMPARE},
    {TOK_GTR,        PROMQL_GTR,        PREC_COMPARE},
    {TOK_TRIM_UPPER, PROMQL_TRIM_UPPER, PREC_COMPARE},
    {TOK_TRIM_LOWER, PROMQL_TRIM_LOWER, PREC_COMPARE},
    {TOK_LAND,       PROMQL_AND,        PREC_AND    },
    {TOK_LOR,        PROMQL_OR,         PREC_OR     },
    {TOK_LSS,        PROMQL_LSS,        PREC_COMPARE},
    {TOK_LTE,        PROMQL_LTE,        PREC_COMPARE},
    {TOK_LUNLESS,    PROMQL_UNLESS,     PREC_AND    },
    {TOK_MOD,        PROMQL_MOD,        PREC_MUL    },
    {TOK_MUL,        PROMQL_MUL,        PREC_MUL    },
    {TOK_NEQ,        PROMQL_NEQ,        PREC_COMPARE},
    {TOK_POW,        PROMQL_POW,        PREC_POW    },
    {TOK_SUB,        PROMQL_SUB,        PREC_ADD    },
    {TOK_ATAN2,      PROMQL_ATAN2,      PREC_MUL    },
};

static struct promql_expr *expr(struct parser *p, int min_prec);

/* ---- calls ------------------------------------------------------------------------------ */

struct args {
    struct promql_expr **v;
    size_t n, cap;
};

bool promql__starts_expr(enum tok t)
{
    return promql__starts_selector(t) || t == TOK_NUMBER || t == TOK_DURATION || t == TOK_STRING ||
           t == TOK_ADD || t == TOK_SUB || t == TOK_LEFT_PAREN;
}

/* (a, b): at the parenthesis. */
static void arguments(struct parser *p, struct args *args)
{
    (void)promql__take(p);
    if (promql__take_if(p, TOK_RIGHT_PAREN))
        return;
    for (;;) {
        struct promql_expr *arg = expr(p, PREC_OR);
        size_t comma;

        if (p->failed)
            return;
        ARENA_GROW(p->a, args->v, args->n, args->cap, struct promql_expr *);
        args->v[args->n++] = arg;
        if (promql__peek(p) != TOK_COMMA)
            break;
        comma = promql__take(p).pos;
        if (!promql__starts_expr(promql__peek(p)))
            promql__fail(p, comma, "trailing commas not allowed in function call args");
    }
    (void)promql__need(p, TOK_RIGHT_PAREN);
}

static int find_func(struct str name)
{
    size_t lo = 0, hi = N_PROMQL_FUNCS;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        int c = str_cmp(name, str_of(promql_funcs[mid].name));

        if (c == 0)
            return (int)mid;
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return -1;
}

/* info()'s second argument may select everything. */
static void free_info_selector(struct promql_expr *arg)
{
    if (arg->kind == PROMQL_E_VECTOR_SELECTOR && arg->u.vector.name.n == 0)
        arg->u.vector.any_matchers = true;
}

struct promql_expr *promql__call(struct parser *p, const struct lex_item *name)
{
    struct args args = {0};
    struct promql_expr *e;
    const struct promql_expr **v;
    int func = find_func(name->val);

    arguments(p, &args);
    if (p->failed)
        return NULL;
    if (func < 0) {
        promql__fail(p, name->pos, "unknown function with name " STR_FMT,
                     STR_ARG(promql__quoted(p->a, name->val)));
        return NULL;
    }
    if (promql_funcs[func].experimental && !p->features.experimental_functions)
        promql__fail(p, name->pos, "function \"" STR_FMT "\" is not enabled", STR_ARG(name->val));
    e = promql__node(p, PROMQL_E_CALL, promql_funcs[func].ret, name->pos, p->last_closing);
    if (func == PROMQL_FN_info && args.n > 1)
        free_info_selector(args.v[1]);
    v = arena_array(p->a, const struct promql_expr *, args.n + 1);
    for (size_t i = 0; i < args.n; i++) {
        v[i] = args.v[i];
        promql__adopt(p, e, v[i]);
    }
    e->u.call = (struct promql_call){.func = (enum promql_func)func, .args = v, .n_args = args.n};
    return e;
}

/* ---- aggregations ----------------------------------------------------------------------- */

static bool agg_has_param(enum promql_agg op)
{
    return op == PROMQL_TOPK || op == PROMQL_BOTTOMK || op == PROMQL_COUNT_VALUES ||
           op == PROMQL_QUANTILE || op == PROMQL_LIMITK || op == PROMQL_LIMIT_RATIO;
}

/* by (...) or without (...), when it is there. */
static bool modifier(struct parser *p, struct promql_aggregate *agg)
{
    enum tok t = promql__peek(p);

    if (t != TOK_BY && t != TOK_WITHOUT)
        return false;
    (void)promql__take(p);
    agg->without = t == TOK_WITHOUT;
    agg->has_grouping = true;
    agg->n_grouping = promql__grouping(p, &agg->grouping);
    return true;
}

static void set_agg_args(struct parser *p, struct promql_expr *e, const struct args *args)
{
    struct promql_aggregate *agg = &e->u.aggregate;
    bool param = agg_has_param(agg->op);
    size_t want = param ? 2 : 1, at = (size_t)e->pos.start;

    if (args->n == 0)
        promql__fail(p, at, "no arguments for aggregate expression provided");
    else if ((agg->op == PROMQL_LIMITK || agg->op == PROMQL_LIMIT_RATIO) &&
             !p->features.experimental_functions)
        promql__fail(p, at,
                     "%s() is experimental and must be enabled with "
                     "--enable-feature=promql-experimental-functions",
                     promql_agg_text(agg->op));
    else if (args->n != want)
        promql__fail(
            p, at,
            "wrong number of arguments for aggregate expression provided, expected %zu, got %zu",
            want, args->n);
    if (p->failed)
        return;
    agg->param = param ? args->v[0] : NULL;
    agg->expr = args->v[want - 1];
    for (size_t i = 0; i < want; i++)
        promql__adopt(p, e, args->v[i]);
}

struct promql_expr *promql__aggregate(struct parser *p, const struct lex_item *op)
{
    static const struct expectation in_aggregation = {"aggregation", NULL};
    const struct expectation *outer = p->expect;
    struct promql_expr *e = promql__node(p, PROMQL_E_AGGREGATE, PROMQL_VECTOR, op->pos, 0);
    struct args args = {0};
    bool before;

    e->u.aggregate.op = (enum promql_agg)(op->type - TOK_AVG);
    p->expect = &in_aggregation;
    before = modifier(p, &e->u.aggregate);
    if (!p->failed) {
        if (promql__peek(p) == TOK_LEFT_PAREN)
            arguments(p, &args);
        else
            promql__unexpected(p);
    }
    e->pos.end = (int)p->last_closing;
    if (!p->failed && !before && modifier(p, &e->u.aggregate))
        e->pos.end = (int)p->last_closing;
    p->expect = outer;
    if (!p->failed)
        set_agg_args(p, e, &args);
    return e;
}

/* ---- operands --------------------------------------------------------------------------- */

static struct promql_expr *paren(struct parser *p)
{
    size_t start = promql__take(p).pos;
    struct promql_expr *inner = expr(p, PREC_OR), *e;

    if (p->failed || !promql__need(p, TOK_RIGHT_PAREN))
        return NULL;
    e = promql__node(p, PROMQL_E_PAREN, inner->type, start, p->last_closing);
    e->u.paren = inner;
    promql__adopt(p, e, inner);
    return e;
}

static struct promql_expr *string(struct parser *p)
{
    struct lex_item item = promql__take(p);
    struct promql_expr *e =
        promql__node(p, PROMQL_E_STRING, PROMQL_STRING, item.pos, item.pos + item.val.n);

    e->u.string = promql__unquote(p->a, item.val);
    return e;
}

/* A sign in front of a number becomes part of it. It binds like *, so -1^2 is -(1^2). */
static struct promql_expr *sign(struct parser *p)
{
    struct lex_item op = promql__take(p);
    struct promql_expr *inner = expr(p, PREC_MUL + 1), *e;

    if (p->failed)
        return NULL;
    if (inner->kind == PROMQL_E_NUMBER) {
        if (op.type == TOK_SUB)
            inner->u.number.value = -inner->u.number.value;
        inner->pos.start = (int)op.pos;
        return inner;
    }
    e = promql__node(p, PROMQL_E_UNARY, inner->type, op.pos, (size_t)inner->pos.end);
    e->u.unary.op = op.type == TOK_SUB ? PROMQL_SUB : PROMQL_ADD;
    e->u.unary.expr = inner;
    promql__adopt(p, e, inner);
    return e;
}

/* A word: the name of a metric, of a function that is called, or an aggregation. */
static struct promql_expr *word(struct parser *p)
{
    struct lex_item name = promql__take(p);
    enum tok_kind kind = promql__toks[name.type].kind;
    enum tok then = promql__peek(p);

    if (kind == TOK_KIND_AGGREGATOR &&
        (then == TOK_LEFT_PAREN || then == TOK_BY || then == TOK_WITHOUT))
        return promql__aggregate(p, &name);
    if ((kind == TOK_KIND_NAME || name.type == TOK_IDENTIFIER) && then == TOK_LEFT_PAREN)
        return promql__call(p, &name);
    return promql__selector(p, &name);
}

static struct promql_expr *operand(struct parser *p)
{
    enum tok t = promql__peek(p);

    if (p->failed)
        return NULL;
    switch (t) {
    case TOK_NUMBER:
    case TOK_DURATION:
        return promql__number_node(p);
    case TOK_STRING:
        return string(p);
    case TOK_LEFT_PAREN:
        return paren(p);
    case TOK_LEFT_BRACE:
        return promql__selector(p, NULL);
    default:
        if (promql__starts_selector(t))
            return word(p);
        promql__unexpected(p);
        return NULL;
    }
}

/* ---- binary operators ------------------------------------------------------------------- */

/* The row of the operator that peek sees; COUNT(binary_ops) when it binds less than min_prec. */
static size_t binary_op(struct parser *p, int min_prec)
{
    enum tok t = promql__peek(p);
    size_t i = 0;

    while (i < COUNT(binary_ops) && (binary_ops[i].tok != t || binary_ops[i].prec < min_prec))
        i++;
    return i;
}

/* The clauses as they hold between two vectors: set operators match many to many. */
static const struct promql_matching *effective(struct parser *p, enum promql_op op,
                                               const struct promql_matching *written)
{
    struct promql_matching *m;

    if (!promql_op_is_set(op) || written->card != CARD_ONE_TO_ONE)
        return written;
    m = arena_new(p->a, struct promql_matching);
    *m = *written;
    m->card = CARD_MANY_TO_MANY;
    return m;
}

static struct promql_expr *binary(struct parser *p, size_t row, struct promql_expr *lhs)
{
    int prec = binary_ops[row].prec;
    struct promql_binary b = {.op = binary_ops[row].op, .lhs = lhs};
    struct promql_expr *e;
    enum promql_type type = PROMQL_VECTOR;

    (void)promql__take(p);
    b.written = promql__matching(p, &b.return_bool);
    if (p->failed)
        return lhs;
    b.rhs = expr(p, prec == PREC_POW ? prec : prec + 1);
    if (p->failed)
        return lhs;
    if (!p->features.fill_modifiers && (b.written->has_fill_lhs || b.written->has_fill_rhs))
        promql__fail(p, (size_t)lhs->pos.start,
                     "binop fill modifiers are experimental and not enabled");
    if (lhs->type == PROMQL_SCALAR && b.rhs->type == PROMQL_SCALAR)
        type = PROMQL_SCALAR;
    if (lhs->type == PROMQL_VECTOR && b.rhs->type == PROMQL_VECTOR)
        b.matching = effective(p, b.op, b.written);
    e = promql__node(p, PROMQL_E_BINARY, type, (size_t)lhs->pos.start, (size_t)b.rhs->pos.end);
    e->u.binary = b;
    promql__adopt(p, e, lhs);
    promql__adopt(p, e, b.rhs);
    return e;
}

static struct promql_expr *expr(struct parser *p, int min_prec)
{
    struct promql_expr *e = NULL;
    enum tok t = promql__peek(p);
    size_t row;

    if (promql__enter(p, p->tok.pos)) {
        if (t == TOK_ADD || t == TOK_SUB)
            e = sign(p);
        else
            e = operand(p);
        if (!p->failed)
            e = promql__postfix(p, e);
        while (!p->failed && (row = binary_op(p, min_prec)) < COUNT(binary_ops))
            e = binary(p, row, e);
    }
    promql__leave(p);
    return e;
}

struct promql_expr *promql__expr(struct parser *p)
{
    return expr(p, PREC_OR);
}
