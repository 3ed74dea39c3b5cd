/*
 * modifiers.c - what follows an operand ([5m], [5m:1m], offset, @, anchored, smoothed) and what
 * follows a binary operator (bool, on, ignoring, group_left, group_right, fill).
 */
#include "parser.h"

#include <math.h>

#include "ferula/base/check.h"

/* ---- behind an operand ------------------------------------------------------------------ */

/* The selector or subquery that the modifiers apply to; `e` is what has been read. */
struct target {
    struct promql_expr *e;
    struct promql_expr *selector; /* of a range selector, else e */
    bool offset_set;
};

/* Where offset and @ go; NULL (and failed) when `e` cannot have them. */
static struct promql_shift *shift_of(struct parser *p, struct target *t, const char *what)
{
    size_t at = (size_t)t->e->pos.start;

    switch (t->e->kind) {
    case PROMQL_E_VECTOR_SELECTOR:
    case PROMQL_E_MATRIX_SELECTOR:
        return &t->selector->u.vector.shift;
    case PROMQL_E_SUBQUERY:
        return &t->e->u.subquery.shift;
    default:
        promql__fail(p, at,
                     "%s modifier must be preceded by an instant vector selector or range vector "
                     "selector or a subquery",
                     what);
        return NULL;
    }
}

static void offset(struct parser *p, struct target *t)
{
    static const struct expectation in_offset = {"offset", "number, duration, step(), or range()"};
    const struct expectation *outer = p->expect;
    struct promql_shift *shift;
    struct promql_expr *by;

    (void)promql__take(p);
    p->expect = &in_offset;
    by = promql__offset_duration(p);
    /* What begins with a parenthesis is over only where the next token is no operator. */
    p->expect = outer;
    shift = p->failed ? NULL : shift_of(p, t, "offset");
    if (shift == NULL)
        return;
    if (t->offset_set)
        promql__fail(p, (size_t)t->e->pos.start, "offset may not be set multiple times");
    if (by->kind == PROMQL_E_NUMBER) {
        shift->offset = promql__ms_of_seconds(by->u.number.value);
        t->offset_set = by->u.number.value != 0;
    } else {
        shift->offset_expr = by;
        t->offset_set = true;
        promql__adopt(p, t->e, by);
    }
    t->e->pos.end = (int)p->last_closing;
}

static void set_at(struct parser *p, struct target *t, enum promql_at kind, ts_ms ts)
{
    struct promql_shift *shift = shift_of(p, t, "@");

    if (shift == NULL)
        return;
    if (shift->at != AT_NONE)
        promql__fail(p, (size_t)t->e->pos.start, "@ <timestamp> may not be set multiple times");
    shift->at = kind;
    shift->timestamp = ts;
    t->e->pos.end = (int)p->last_closing;
}

static void at_number(struct parser *p, struct target *t, bool negative)
{
    double v = promql__number(p), ms;
    const char *text = isnan(v) ? "NaN" : negative ? "-Inf" : "+Inf";

    if (p->failed)
        return;
    v = negative ? -v : v;
    if (!isfinite(v))
        promql__fail(p, (size_t)t->e->pos.start, "timestamp out of bounds for @ modifier: %s",
                     text);
    else if (v >= 9223372036854775808.0 || v <= -9223372036854775808.0)
        promql__fail(p, (size_t)t->e->pos.start, "timestamp out of bounds for @ modifier: %f", v);
    if (p->failed)
        return;
    ms = round(v * 1000);
    set_at(p, t, AT_TIMESTAMP, fabs(ms) < 9223372036854775808.0 ? (ts_ms)ms : INT64_MIN);
}

static void at(struct parser *p, struct target *t)
{
    static const struct expectation in_at = {"@", "timestamp"};
    enum tok sign, word;

    (void)promql__take(p);
    sign = word = promql__peek(p);
    if (sign == TOK_ADD || sign == TOK_SUB)
        (void)promql__take(p);
    if (promql__peek(p) == TOK_NUMBER || promql__peek(p) == TOK_DURATION) {
        at_number(p, t, sign == TOK_SUB);
        return;
    }
    if (word == TOK_START || word == TOK_END) {
        (void)promql__take(p);
        if (promql__take_if(p, TOK_LEFT_PAREN) && promql__take_if(p, TOK_RIGHT_PAREN)) {
            set_at(p, t, word == TOK_START ? AT_START : AT_END, 0);
            return;
        }
    }
    promql__unexpected_in(p, &in_at);
}

static void extend(struct parser *p, struct target *t)
{
    bool anchored = promql__take(p).type == TOK_ANCHORED;
    const char *name = anchored ? "anchored" : "smoothed";
    size_t start = (size_t)t->e->pos.start;
    struct promql_vector_selector *vs = &t->selector->u.vector;

    if (!p->features.extended_ranges)
        promql__fail(p, start, "%s modifier is experimental and not enabled", name);
    else if (t->e->kind == PROMQL_E_SUBQUERY)
        promql__fail(p, start, "%s modifier is not supported for subqueries", name);
    else if (t->e->kind != PROMQL_E_VECTOR_SELECTOR && t->e->kind != PROMQL_E_MATRIX_SELECTOR)
        promql__fail(p, start, "%s modifier not implemented", name);
    else if (anchored ? vs->smoothed : vs->anchored)
        promql__fail(p, start, "anchored and smoothed modifiers cannot be used together");
    if (p->failed)
        return;
    if (anchored)
        vs->anchored = true;
    else
        vs->smoothed = true;
}

static void set_duration(const struct promql_expr *e, dur_ms *ms, const struct promql_expr **by)
{
    if (e->kind == PROMQL_E_NUMBER)
        *ms = promql__ms_of_seconds(e->u.number.value);
    else
        *by = e;
}

static void range_selector(struct parser *p, struct target *t, size_t bracket,
                           const struct promql_expr *range)
{
    const struct promql_shift *shift = &t->e->u.vector.shift;
    struct promql_expr *e = promql__node(p, PROMQL_E_MATRIX_SELECTOR, PROMQL_MATRIX,
                                         (size_t)t->e->pos.start, p->last_closing);

    if (t->e->kind != PROMQL_E_VECTOR_SELECTOR)
        promql__fail(p, bracket, "ranges only allowed for vector selectors");
    else if (t->offset_set)
        promql__fail(p, bracket, "no offset modifiers allowed before range");
    else if (shift->at != AT_NONE)
        promql__fail(p, bracket, "no @ modifiers allowed before range");
    if (p->failed)
        return;
    e->u.matrix.selector = t->e;
    set_duration(range, &e->u.matrix.range, &e->u.matrix.range_expr);
    promql__adopt(p, e, t->e);
    promql__adopt(p, e, range);
    t->selector = t->e;
    t->e = e;
}

static void subquery(struct parser *p, struct target *t, const struct promql_expr *range,
                     const struct promql_expr *step)
{
    struct promql_expr *e =
        promql__node(p, PROMQL_E_SUBQUERY, PROMQL_MATRIX, (size_t)t->e->pos.start, p->last_closing);

    e->u.subquery.expr = t->e;
    set_duration(range, &e->u.subquery.range, &e->u.subquery.range_expr);
    promql__adopt(p, e, t->e);
    promql__adopt(p, e, range);
    if (step != NULL) {
        set_duration(step, &e->u.subquery.step, &e->u.subquery.step_expr);
        promql__adopt(p, e, step);
    }
    *t = (struct target){.e = e, .selector = e};
}

static void brackets(struct parser *p, struct target *t)
{
    static const struct expectation want_range = {"subquery or range selector",
                                                  "number, duration, step(), or range()"};
    static const struct expectation want_end = {"subquery or range", "\":\" or \"]\""};
    static const struct expectation want_step = {"subquery selector",
                                                 "number, duration, step(), range(), or \"]\""};
    static const struct expectation want_bracket = {"subquery selector", "\"]\""};
    const struct expectation *outer = p->expect;
    size_t bracket = promql__take(p).pos;
    const struct promql_expr *range, *step = NULL;

    p->expect = &want_range;
    range = promql__range_duration(p);
    p->expect = &want_end;
    if (p->failed || promql__take_if(p, TOK_RIGHT_BRACKET)) {
        p->expect = outer;
        if (!p->failed)
            range_selector(p, t, bracket, range);
        return;
    }
    (void)promql__need(p, TOK_COLON);
    p->expect = &want_step;
    if (!p->failed && promql__peek(p) != TOK_RIGHT_BRACKET)
        step = promql__range_duration(p);
    p->expect = &want_bracket;
    if (!p->failed && promql__need(p, TOK_RIGHT_BRACKET))
        subquery(p, t, range, step);
    p->expect = outer;
}

struct promql_expr *promql__postfix(struct parser *p, struct promql_expr *e)
{
    struct target t = {.e = e, .selector = e};

    while (!p->failed) {
        switch (promql__peek(p)) {
        case TOK_LEFT_BRACKET:
            brackets(p, &t);
            break;
        case TOK_OFFSET:
            offset(p, &t);
            break;
        case TOK_AT:
            at(p, &t);
            break;
        case TOK_ANCHORED:
        case TOK_SMOOTHED:
            extend(p, &t);
            break;
        default:
            return t.e;
        }
    }
    return t.e;
}

/* ---- behind a binary operator ----------------------------------------------------------- */

/* (1), (-5m) */
static double fill_value(struct parser *p)
{
    enum tok sign;
    double v = 0;

    if (!promql__need(p, TOK_LEFT_PAREN))
        return 0;
    sign = promql__peek(p);
    if (sign == TOK_ADD || sign == TOK_SUB)
        (void)promql__take(p);
    if (promql__peek(p) == TOK_NUMBER || promql__peek(p) == TOK_DURATION)
        v = promql__number(p);
    else
        promql__unexpected(p);
    if (!p->failed)
        (void)promql__need(p, TOK_RIGHT_PAREN);
    return sign == TOK_SUB ? -v : v;
}

/* fill(v), or fill_left(v) and fill_right(v) in any order, each once. */
static void fill(struct parser *p, struct promql_matching *m)
{
    if (promql__take_if(p, TOK_FILL)) {
        m->has_fill_lhs = m->has_fill_rhs = true;
        m->fill_lhs = m->fill_rhs = fill_value(p);
        return;
    }
    while (!p->failed) {
        enum tok t = promql__peek(p);

        if (t == TOK_FILL_LEFT && !m->has_fill_lhs) {
            (void)promql__take(p);
            m->has_fill_lhs = true;
            m->fill_lhs = fill_value(p);
        } else if (t == TOK_FILL_RIGHT && !m->has_fill_rhs) {
            (void)promql__take(p);
            m->has_fill_rhs = true;
            m->fill_rhs = fill_value(p);
        } else {
            return;
        }
    }
}

const struct promql_matching *promql__matching(struct parser *p, bool *return_bool)
{
    struct promql_matching *m = arena_new(p->a, struct promql_matching);
    enum tok t;

    *return_bool = promql__take_if(p, TOK_BOOL);
    t = promql__peek(p);
    if (t == TOK_ON || t == TOK_IGNORING) {
        (void)promql__take(p);
        m->on = t == TOK_ON;
        m->n_labels = promql__grouping(p, &m->labels);
        t = p->failed ? TOK_ERROR : promql__peek(p);
        if (t == TOK_GROUP_LEFT || t == TOK_GROUP_RIGHT) {
            (void)promql__take(p);
            m->card = t == TOK_GROUP_LEFT ? CARD_MANY_TO_ONE : CARD_ONE_TO_MANY;
            if (promql__peek(p) == TOK_LEFT_PAREN || !promql__starts_expr(promql__peek(p)))
                m->n_include = promql__grouping(p, &m->include);
        }
    }
    if (!p->failed)
        fill(p, m);
    return m;
}
