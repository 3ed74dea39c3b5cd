/*
 * duration_expr.c - arithmetic on durations inside brackets and after offset.
 */
#include "parser.h"

enum { PREC_ADD = 1, PREC_MUL, PREC_POW };

static const struct {
    enum tok tok;
    enum promql_op op;
    int prec;
} binary_ops[] = {
    {TOK_ADD, PROMQL_ADD, PREC_ADD},
    {TOK_SUB, PROMQL_SUB, PREC_ADD},
    {TOK_MUL, PROMQL_MUL, PREC_MUL},
    {TOK_DIV, PROMQL_DIV, PREC_MUL},
    {TOK_MOD, PROMQL_MOD, PREC_MUL},
    {TOK_POW, PROMQL_POW, PREC_POW},
};

static struct promql_expr *duration(struct parser *p, int min_prec);
static struct promql_expr *more(struct parser *p, struct promql_expr *lhs, int min_prec);

static struct promql_expr *node(struct parser *p, enum promql_op op, size_t start, size_t end)
{
    struct promql_expr *e = promql__node(p, PROMQL_E_DURATION, PROMQL_SCALAR, start, end);

    e->u.duration.op = op;
    return e;
}

static void need_feature(struct parser *p, const struct promql_expr *e)
{
    if (!p->features.duration_expressions)
        promql__fail(p, (size_t)e->pos.start, "experimental duration expression is not enabled");
}

/* Prometheus keeps spans in 64 bits of nanoseconds. */
static void check_range(struct parser *p, double seconds, size_t at)
{
    const double limit = 9223372036.854775808;

    if (seconds > limit || seconds < -limit)
        promql__fail(p, at, "duration out of range");
}

static struct promql_expr *literal(struct parser *p)
{
    struct promql_expr *e = promql__number_node(p);

    check_range(p, e->u.number.value, (size_t)e->pos.start);
    return e;
}

/* step(), range(), max_of(a, b), min_of(a, b): at the word. */
static struct promql_expr *function(struct parser *p)
{
    enum tok word = promql__peek(p);
    enum promql_op op = word == TOK_STEP     ? PROMQL_DUR_STEP
                        : word == TOK_RANGE  ? PROMQL_DUR_RANGE
                        : word == TOK_MAX_OF ? PROMQL_DUR_MAX_OF
                                             : PROMQL_DUR_MIN_OF;
    struct promql_expr *e = node(p, op, promql__take(p).pos, 0), *lhs, *rhs;

    if (!promql__need(p, TOK_LEFT_PAREN))
        return e;
    if (op == PROMQL_DUR_MAX_OF || op == PROMQL_DUR_MIN_OF) {
        lhs = duration(p, PREC_ADD);
        if (p->failed || !promql__need(p, TOK_COMMA))
            return e;
        rhs = duration(p, PREC_ADD);
        if (p->failed)
            return e;
        e->u.duration.lhs = lhs;
        e->u.duration.rhs = rhs;
        promql__adopt(p, e, lhs);
        promql__adopt(p, e, rhs);
    }
    if (promql__need(p, TOK_RIGHT_PAREN)) {
        e->pos.end = (int)p->last_closing;
        need_feature(p, e);
    }
    return e;
}

/* A number in parentheses is an expression, so that it is printed with them. */
static struct promql_expr *wrap(struct parser *p, struct promql_expr *inner, size_t start,
                                size_t end)
{
    struct promql_expr *e = inner;

    if (inner->kind == PROMQL_E_NUMBER) {
        e = node(p, PROMQL_ADD, start, end);
        e->u.duration.rhs = inner;
        promql__adopt(p, e, inner);
    }
    e->u.duration.wrapped = true;
    return e;
}

static struct promql_expr *paren(struct parser *p)
{
    size_t start = promql__take(p).pos;
    struct promql_expr *e = duration(p, PREC_ADD);

    if (p->failed || !promql__need(p, TOK_RIGHT_PAREN))
        return e;
    need_feature(p, e);
    return wrap(p, e, start, p->last_closing);
}

/* The sign of a number becomes part of it; + before anything else means nothing. */
static struct promql_expr *sign(struct parser *p, const struct lex_item *op, struct promql_expr *e)
{
    struct promql_expr *signed_e;

    if (e->kind == PROMQL_E_NUMBER) {
        if (op->type == TOK_SUB)
            e->u.number.value = -e->u.number.value;
        check_range(p, e->u.number.value, op->pos);
        e->pos.start = (int)op->pos;
        return e;
    }
    if (op->type == TOK_ADD)
        return e;
    signed_e = node(p, PROMQL_SUB, op->pos, (size_t)e->pos.end);
    signed_e->u.duration.rhs = e;
    promql__adopt(p, signed_e, e);
    return signed_e;
}

static struct promql_expr *operand(struct parser *p)
{
    struct lex_item op;
    struct promql_expr *e;

    switch (promql__peek(p)) {
    case TOK_NUMBER:
    case TOK_DURATION:
        return literal(p);
    case TOK_STEP:
    case TOK_RANGE:
    case TOK_MAX_OF:
    case TOK_MIN_OF:
        return function(p);
    case TOK_LEFT_PAREN:
        return paren(p);
    case TOK_ADD:
    case TOK_SUB:
        op = promql__take(p);
        e = duration(p, PREC_MUL + 1);
        return p->failed ? e : sign(p, &op, e);
    default:
        promql__unexpected(p);
        return NULL;
    }
}

static struct promql_expr *binary(struct parser *p, size_t i, struct promql_expr *lhs, size_t at,
                                  struct promql_expr *rhs)
{
    enum promql_op op = binary_ops[i].op;
    struct promql_expr *e;

    need_feature(p, lhs);
    if ((op == PROMQL_DIV || op == PROMQL_MOD) && rhs->kind == PROMQL_E_NUMBER &&
        rhs->u.number.value == 0)
        promql__fail(p, at, "%s by zero", op == PROMQL_DIV ? "division" : "modulo");
    e = node(p, op, (size_t)lhs->pos.start, (size_t)rhs->pos.end);
    e->u.duration.lhs = lhs;
    e->u.duration.rhs = rhs;
    promql__adopt(p, e, lhs);
    promql__adopt(p, e, rhs);
    return e;
}

static size_t binary_op(struct parser *p, int min_prec)
{
    enum tok t = promql__peek(p);
    size_t i = 0;

    while (i < sizeof(binary_ops) / sizeof(binary_ops[0]) &&
           (binary_ops[i].tok != t || binary_ops[i].prec < min_prec))
        i++;
    return i;
}

static struct promql_expr *more(struct parser *p, struct promql_expr *lhs, int min_prec)
{
    size_t i;

    while (!p->failed &&
           (i = binary_op(p, min_prec)) < sizeof(binary_ops) / sizeof(binary_ops[0])) {
        size_t at = promql__take(p).pos;
        int prec = binary_ops[i].prec;
        struct promql_expr *rhs = duration(p, prec == PREC_POW ? prec : prec + 1);

        if (p->failed)
            break;
        lhs = binary(p, i, lhs, at, rhs);
    }
    return lhs;
}

static struct promql_expr *duration(struct parser *p, int min_prec)
{
    struct promql_expr *e = NULL;

    (void)promql__peek(p);
    if (promql__enter(p, p->tok.pos)) {
        e = operand(p);
        e = more(p, e, min_prec);
    }
    promql__leave(p);
    return e;
}

struct promql_expr *promql__range_duration(struct parser *p)
{
    struct promql_expr *e = duration(p, PREC_ADD);

    if (!p->failed && e->kind == PROMQL_E_NUMBER && e->u.number.value <= 0)
        promql__fail(p, (size_t)e->pos.start, "duration must be greater than 0");
    return e;
}

/*
 * - -5m + 3 after offset goes on, as it does in Prometheus. It is printed in parentheses: without
 * the signs, which are part of the number then, it would end before the operator.
 */
static struct promql_expr *twice_signed_offset(struct parser *p, const struct lex_item *op)
{
    struct promql_expr *e = duration(p, PREC_MUL + 1), *first;

    if (p->failed)
        return e;
    first = sign(p, op, e);
    e = more(p, first, PREC_ADD);
    if (e != first)
        e->u.duration.wrapped = true;
    return e;
}

/* -5m, -step(), -(...) after offset: what follows belongs to the expression around. */
static struct promql_expr *signed_offset(struct parser *p)
{
    struct lex_item op = promql__take(p);
    struct promql_expr *e;
    enum tok t = promql__peek(p);

    if (t == TOK_LEFT_PAREN) {
        (void)promql__take(p);
        e = duration(p, PREC_ADD);
        if (p->failed || !promql__need(p, TOK_RIGHT_PAREN))
            return e;
        return sign(p, &op, wrap(p, e, (size_t)e->pos.start, (size_t)e->pos.end));
    }
    if (t == TOK_ADD || t == TOK_SUB)
        return twice_signed_offset(p, &op);
    e = operand(p);
    if (p->failed)
        return e;
    /* Prometheus leaves the parenthesis out of the range here. */
    if (t == TOK_MAX_OF || t == TOK_MIN_OF)
        e->pos.end = e->u.duration.rhs->pos.end;
    return sign(p, &op, e);
}

/*
 * After offset only a plain value ends the offset; what begins with a parenthesis goes on as far as
 * it can: `x offset 5m + 3` adds 3 to x, `x offset (5m) + 3` is an offset of 303 seconds.
 */
struct promql_expr *promql__offset_duration(struct parser *p)
{
    enum tok t = promql__peek(p);

    if (t == TOK_ADD || t == TOK_SUB)
        return signed_offset(p);
    if (t == TOK_LEFT_PAREN)
        return duration(p, PREC_ADD);
    return operand(p);
}
