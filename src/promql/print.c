/*
 * print.c - the canonical text of an expression.
 */
#include "print.h"

#include <math.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"
#include "ferula/model/duration.h"

/* ---- parts ------------------------------------------------------------------------------ */

static void print_labels(struct buf *out, const struct str *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_puts(out, ", ");
        if (label_name_is_legacy(v[i]))
            buf_add_str(out, v[i]);
        else
            buf_add_go_quoted(out, v[i]);
    }
}

static void print_list(struct buf *out, const char *before, const struct str *v, size_t n)
{
    buf_puts(out, before);
    buf_puts(out, " (");
    print_labels(out, v, n);
    buf_putc(out, ')');
}

/* Rounded, where Prometheus cuts and prints 1s1ms as 1s: the text must parse to the same number. */
static void print_seconds(struct buf *out, double seconds)
{
    if (seconds < 0)
        buf_putc(out, '-');
    duration_print(out, (dur_ms)round(fabs(seconds) * 1000));
}

static void print_span(struct buf *out, dur_ms ms, const struct promql_expr *by)
{
    if (by != NULL)
        promql_print(out, by);
    else
        duration_print(out, ms);
}

static void print_offset(struct buf *out, const struct promql_shift *shift)
{
    if (shift->offset_expr == NULL && shift->offset == 0)
        return;
    buf_puts(out, " offset ");
    if (shift->offset_expr == NULL && shift->offset < 0)
        buf_putc(out, '-');
    print_span(out, shift->offset < 0 ? -shift->offset : shift->offset, shift->offset_expr);
}

static void print_at(struct buf *out, const struct promql_shift *shift)
{
    if (shift->at == AT_TIMESTAMP)
        buf_addf(out, " @ %.3f", (double)shift->timestamp / 1000.0);
    else if (shift->at != AT_NONE)
        buf_puts(out, shift->at == AT_START ? " @ start()" : " @ end()");
}

/* ---- selectors -------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* The name in front says it already. */
static bool is_shown(const struct promql_vector_selector *vs, const struct matcher *m)
{
    return m->op != MATCH_EQ || !str_is(m->name, LABEL_NAME) || m->value.n == 0 ||
           !str_eq(m->value, vs->name);
}

static void print_name_and_matchers(struct buf *out, const struct promql_vector_selector *vs)
{
    struct arena tmp = {0};
    struct str *texts = arena_array(&tmp, struct str, vs->n_matchers + 1);
    size_t n = 0;

    for (size_t i = 0; i < vs->n_matchers; i++) {
        struct buf one = {0};

        if (!is_shown(vs, &vs->matchers[i]))
            continue;
        matcher_print(&one, &vs->matchers[i]);
        texts[n++] = arena_str(&tmp, buf_str(&one));
        buf_release(&one);
    }
    qsort(texts, n, sizeof(*texts), by_text);
    buf_add_str(out, vs->name);
    if (n > 0 || vs->name.n == 0) {
        buf_putc(out, '{');
        for (size_t i = 0; i < n; i++) {
            if (i > 0)
                buf_putc(out, ',');
            buf_add_str(out, texts[i]);
        }
        buf_putc(out, '}');
    }
    arena_release(&tmp);
}

static void print_extension(struct buf *out, const struct promql_vector_selector *vs)
{
    if (vs->anchored)
        buf_puts(out, " anchored");
    else if (vs->smoothed)
        buf_puts(out, " smoothed");
}

static void print_vector(struct buf *out, const struct promql_expr *e)
{
    const struct promql_vector_selector *vs = &e->u.vector;

    print_name_and_matchers(out, vs);
    print_at(out, &vs->shift);
    print_extension(out, vs);
    print_offset(out, &vs->shift);
}

static void print_matrix(struct buf *out, const struct promql_expr *e)
{
    const struct promql_vector_selector *vs = &e->u.matrix.selector->u.vector;

    print_name_and_matchers(out, vs);
    buf_putc(out, '[');
    print_span(out, e->u.matrix.range, e->u.matrix.range_expr);
    buf_putc(out, ']');
    print_extension(out, vs);
    print_at(out, &vs->shift);
    print_offset(out, &vs->shift);
}

void promql__print_subquery_tail(struct buf *out, const struct promql_subquery *sq)
{
    buf_putc(out, '[');
    print_span(out, sq->range, sq->range_expr);
    buf_putc(out, ':');
    if (sq->step != 0 || sq->step_expr != NULL)
        print_span(out, sq->step, sq->step_expr);
    buf_putc(out, ']');
    print_at(out, &sq->shift);
    print_offset(out, &sq->shift);
}

static void print_subquery(struct buf *out, const struct promql_expr *e)
{
    promql_print(out, e->u.subquery.expr);
    promql__print_subquery_tail(out, &e->u.subquery);
}

/* ---- the rest --------------------------------------------------------------------------- */

static void print_number(struct buf *out, const struct promql_expr *e)
{
    if (e->u.number.duration)
        print_seconds(out, e->u.number.value);
    else
        buf_add_num(out, e->u.number.value, 'f');
}

static void print_string(struct buf *out, const struct promql_expr *e)
{
    buf_add_go_quoted(out, e->u.string);
}

static void print_call(struct buf *out, const struct promql_expr *e)
{
    buf_puts(out, promql_funcs[e->u.call.func].name);
    buf_putc(out, '(');
    for (size_t i = 0; i < e->u.call.n_args; i++) {
        if (i > 0)
            buf_puts(out, ", ");
        promql_print(out, e->u.call.args[i]);
    }
    buf_putc(out, ')');
}

void promql__print_agg_head(struct buf *out, const struct promql_aggregate *agg)
{
    buf_puts(out, promql_agg_text(agg->op));
    if (!agg->without && agg->n_grouping == 0)
        return;
    print_list(out, agg->without ? " without" : " by", agg->grouping, agg->n_grouping);
    buf_putc(out, ' ');
}

static void print_aggregate(struct buf *out, const struct promql_expr *e)
{
    promql__print_agg_head(out, &e->u.aggregate);
    buf_putc(out, '(');
    if (e->u.aggregate.param != NULL) {
        promql_print(out, e->u.aggregate.param);
        buf_puts(out, ", ");
    }
    promql_print(out, e->u.aggregate.expr);
    buf_putc(out, ')');
}

static void print_fill(struct buf *out, const char *name, double v)
{
    buf_addf(out, " %s (", name);
    buf_add_num(out, v, 'g');
    buf_putc(out, ')');
}

void promql__print_operator(struct buf *out, const struct promql_binary *b)
{
    const struct promql_matching *m = b->matching;
    bool grouped;

    buf_puts(out, promql_op_text(b->op));
    if (b->return_bool)
        buf_puts(out, " bool");
    if (m == NULL)
        return;
    grouped = m->card == CARD_MANY_TO_ONE || m->card == CARD_ONE_TO_MANY;
    if (m->n_labels > 0 || m->on || grouped)
        print_list(out, m->on ? " on" : " ignoring", m->labels, m->n_labels);
    if (grouped)
        print_list(out, m->card == CARD_MANY_TO_ONE ? " group_left" : " group_right", m->include,
                   m->n_include);
    if (m->has_fill_lhs && m->has_fill_rhs && m->fill_lhs == m->fill_rhs) {
        print_fill(out, "fill", m->fill_lhs);
        return;
    }
    if (m->has_fill_lhs)
        print_fill(out, "fill_left", m->fill_lhs);
    if (m->has_fill_rhs)
        print_fill(out, "fill_right", m->fill_rhs);
}

static void print_binary(struct buf *out, const struct promql_expr *e)
{
    promql_print(out, e->u.binary.lhs);
    buf_putc(out, ' ');
    promql__print_operator(out, &e->u.binary);
    buf_putc(out, ' ');
    promql_print(out, e->u.binary.rhs);
}

static void print_unary(struct buf *out, const struct promql_expr *e)
{
    buf_puts(out, promql_op_text(e->u.unary.op));
    promql_print(out, e->u.unary.expr);
}

static void print_paren(struct buf *out, const struct promql_expr *e)
{
    buf_putc(out, '(');
    promql_print(out, e->u.paren);
    buf_putc(out, ')');
}

static void print_duration_op(struct buf *out, const struct promql_duration *d)
{
    const char *op = promql_op_text(d->op);

    if (d->op == PROMQL_DUR_STEP || d->op == PROMQL_DUR_RANGE) {
        buf_addf(out, "%s()", op);
    } else if (d->op == PROMQL_DUR_MIN_OF || d->op == PROMQL_DUR_MAX_OF) {
        buf_addf(out, "%s(", op);
        promql_print(out, d->lhs);
        buf_puts(out, ", ");
        promql_print(out, d->rhs);
        buf_putc(out, ')');
    } else {
        if (d->lhs != NULL) {
            promql_print(out, d->lhs);
            buf_addf(out, " %s ", op);
        } else if (d->op == PROMQL_SUB) {
            buf_putc(out, '-');
        }
        promql_print(out, d->rhs);
    }
}

static void print_duration(struct buf *out, const struct promql_expr *e)
{
    if (e->u.duration.wrapped)
        buf_putc(out, '(');
    print_duration_op(out, &e->u.duration);
    if (e->u.duration.wrapped)
        buf_putc(out, ')');
}

void promql_print(struct buf *out, const struct promql_expr *e)
{
    static void (*const by_kind[])(struct buf *, const struct promql_expr *) = {
        [PROMQL_E_NUMBER] = print_number,
        [PROMQL_E_STRING] = print_string,
        [PROMQL_E_VECTOR_SELECTOR] = print_vector,
        [PROMQL_E_MATRIX_SELECTOR] = print_matrix,
        [PROMQL_E_SUBQUERY] = print_subquery,
        [PROMQL_E_CALL] = print_call,
        [PROMQL_E_AGGREGATE] = print_aggregate,
        [PROMQL_E_BINARY] = print_binary,
        [PROMQL_E_UNARY] = print_unary,
        [PROMQL_E_PAREN] = print_paren,
        [PROMQL_E_DURATION] = print_duration,
    };

    CHECK((size_t)e->kind < COUNT(by_kind));
    by_kind[e->kind](out, e);
}
