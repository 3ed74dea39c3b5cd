/*
 * prettify.c - an expression on several lines (format_query). A node that fits the width stays on
 * one line; otherwise its children go on lines of their own, indented by two blanks more.
 */
#include "print.h"

struct layout {
    struct buf *out;
    size_t width; /* bytes; a line may be longer by its indentation */
};

static void pretty(const struct layout *l, const struct promql_expr *e, int level);

static void indent(const struct layout *l, int level)
{
    for (int i = 0; i < level; i++)
        buf_puts(l->out, "  ");
}

/* Prints `e` in one line when it fits; else leaves the buffer as it was. */
static bool fits(const struct layout *l, const struct promql_expr *e, int level)
{
    size_t before = l->out->n, start;

    indent(l, level);
    start = l->out->n;
    promql_print(l->out, e);
    if (l->out->n - start <= l->width)
        return true;
    l->out->n = before;
    return false;
}

static void pretty_aggregate(const struct layout *l, const struct promql_expr *e, int level)
{
    indent(l, level);
    promql__print_agg_head(l->out, &e->u.aggregate);
    buf_puts(l->out, "(\n");
    if (e->u.aggregate.param != NULL) {
        pretty(l, e->u.aggregate.param, level + 1);
        buf_puts(l->out, ",\n");
    }
    pretty(l, e->u.aggregate.expr, level + 1);
    buf_putc(l->out, '\n');
    indent(l, level);
    buf_putc(l->out, ')');
}

static void pretty_binary(const struct layout *l, const struct promql_expr *e, int level)
{
    pretty(l, e->u.binary.lhs, level + 1);
    buf_putc(l->out, '\n');
    indent(l, level);
    promql__print_operator(l->out, &e->u.binary);
    buf_putc(l->out, '\n');
    pretty(l, e->u.binary.rhs, level + 1);
}

static void pretty_call(const struct layout *l, const struct promql_expr *e, int level)
{
    indent(l, level);
    buf_puts(l->out, promql_funcs[e->u.call.func].name);
    buf_puts(l->out, "(\n");
    for (size_t i = 0; i < e->u.call.n_args; i++) {
        if (i > 0)
            buf_puts(l->out, ",\n");
        pretty(l, e->u.call.args[i], level + 1);
    }
    buf_putc(l->out, '\n');
    indent(l, level);
    buf_putc(l->out, ')');
}

static void pretty_paren(const struct layout *l, const struct promql_expr *e, int level)
{
    indent(l, level);
    buf_puts(l->out, "(\n");
    pretty(l, e->u.paren, level + 1);
    buf_putc(l->out, '\n');
    indent(l, level);
    buf_putc(l->out, ')');
}

/* The operand's own indentation goes in front of the sign. */
static void pretty_unary(const struct layout *l, const struct promql_expr *e, int level)
{
    struct buf inner = {0};
    struct layout into = {&inner, l->width};

    pretty(&into, e->u.unary.expr, level);
    indent(l, level);
    buf_puts(l->out, promql_op_text(e->u.unary.op));
    buf_add_str(l->out, str_trim(buf_str(&inner)));
    buf_release(&inner);
}

/* A subquery that fits is not indented: Prometheus' output is copied here, odd as it is. */
static void pretty_subquery(const struct layout *l, const struct promql_expr *e, int level)
{
    if (fits(l, e, 0))
        return;
    pretty(l, e->u.subquery.expr, level);
    promql__print_subquery_tail(l->out, &e->u.subquery);
}

static void pretty(const struct layout *l, const struct promql_expr *e, int level)
{
    static void (*const by_kind[])(const struct layout *, const struct promql_expr *, int) = {
        [PROMQL_E_CALL] = pretty_call,     [PROMQL_E_AGGREGATE] = pretty_aggregate,
        [PROMQL_E_BINARY] = pretty_binary, [PROMQL_E_PAREN] = pretty_paren,
        [PROMQL_E_UNARY] = pretty_unary,   [PROMQL_E_SUBQUERY] = pretty_subquery,
        [PROMQL_E_DURATION] = NULL,
    };
    bool own = e->kind == PROMQL_E_UNARY || e->kind == PROMQL_E_SUBQUERY;

    if (!own && by_kind[e->kind] == NULL) {
        indent(l, level);
        promql_print(l->out, e);
    } else if (own || !fits(l, e, level)) {
        by_kind[e->kind](l, e, level);
    }
}

void promql__prettify_width(struct buf *out, const struct promql_expr *e, size_t width)
{
    struct layout l = {out, width};

    pretty(&l, e, 0);
}

void promql_prettify(struct buf *out, const struct promql_expr *e)
{
    promql__prettify_width(out, e, 100);
}
