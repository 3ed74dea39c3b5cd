/*
 * durations.c - arithmetic on durations inside [ ] and after offset. All are evaluated before the
 * query runs, so that their errors come first; later they are evaluated again where they are used.
 */
#include <math.h>

#include "ferula/base/check.h"

#include "eval.h"
#include "gomath.h"

/* Seconds that fit a Go time.Duration (int64 nanoseconds). */
#define MAX_DURATION_S (0x1p63 / 1e9)

struct duration {
    const struct promql_query *q;
    struct fault *f;
    int rc;
};

static double seconds(struct duration *d, const struct promql_expr *e);

/* Where Prometheus says that an expression is: from its first number to its last, so of max_of()
 * and of parentheses it is the inside. */
static struct promql_pos position(const struct promql_expr *e)
{
    const struct promql_expr *l, *r;

    if (e->kind != PROMQL_E_DURATION || e->u.duration.rhs == NULL)
        return e->pos;
    l = e->u.duration.lhs;
    r = e->u.duration.rhs;
    if (l == NULL && e->u.duration.op == PROMQL_ADD)
        return position(r);
    return (struct promql_pos){l == NULL ? e->pos.start : position(l).start, position(r).end};
}

static double divide(struct duration *d, const struct promql_expr *e, double l, double r)
{
    bool mod = e->u.duration.op == PROMQL_MOD;
    struct promql_pos pos = position(e);

    if (r == 0 && d->rc == 0)
        d->rc = fault_set(d->f, FER_EEXEC, (size_t)pos.start, "%d:%d: %s by zero", pos.start,
                          pos.end, mod ? "modulo" : "division");
    if (r == 0)
        return 0;
    return mod ? fmod(l, r) : l / r;
}

static double seconds(struct duration *d, const struct promql_expr *e)
{
    const struct promql_duration *x = &e->u.duration;
    double l, r;

    if (e->kind == PROMQL_E_PAREN)
        return seconds(d, e->u.paren);
    if (e->kind == PROMQL_E_NUMBER)
        return e->u.number.value;
    CHECK(e->kind == PROMQL_E_DURATION);
    l = x->lhs == NULL ? 0 : seconds(d, x->lhs);
    r = x->rhs == NULL ? 0 : seconds(d, x->rhs);
    switch ((int)x->op) {
    case PROMQL_DUR_STEP:
        return (double)d->q->step / 1000;
    case PROMQL_DUR_RANGE:
        return (double)(d->q->end - d->q->start) / 1000;
    case PROMQL_DUR_MIN_OF:
        return go_min(l, r);
    case PROMQL_DUR_MAX_OF:
        return go_max(l, r);
    case PROMQL_ADD:
        return x->lhs == NULL ? r : l + r;
    case PROMQL_SUB:
        return x->lhs == NULL ? -r : l - r;
    case PROMQL_MUL:
        return l * r;
    case PROMQL_DIV:
    case PROMQL_MOD:
        return divide(d, e, l, r);
    case PROMQL_POW:
        return pow(l, r);
    default:
        CHECK_UNREACHABLE("an operator that durations do not have");
    }
}

/* Milliseconds; on an error d->rc is set and 0 returned. */
static dur_ms evaluate(struct duration *d, const struct promql_expr *e, bool may_be_negative)
{
    double s = seconds(d, e);
    struct promql_pos pos = position(e);
    const char *what = NULL;

    if (d->rc != 0)
        return 0;
    if (isnan(s) || isinf(s))
        what = "duration is NaN or infinite";
    else if (s <= 0 && !may_be_negative)
        what = "duration must be greater than 0";
    else if (fabs(s) > MAX_DURATION_S)
        what = "duration is out of range";
    if (what == NULL)
        return (dur_ms)(s * 1000);
    d->rc = fault_set(d->f, FER_EEXEC, (size_t)pos.start, "%d:%d: %s", pos.start, pos.end, what);
    return 0;
}

dur_ms promql__duration(const struct promql__ev *ev, const struct promql_expr *expr, dur_ms literal)
{
    struct duration d = {.q = ev->q};

    return expr == NULL ? literal : evaluate(&d, expr, true);
}

static void check(struct duration *d, const struct promql_expr *expr, bool may_be_negative)
{
    if (expr != NULL && d->rc == 0)
        (void)evaluate(d, expr, may_be_negative);
}

static int walk(struct duration *d, const struct promql_expr *e)
{
    if (e == NULL || d->rc != 0)
        return d->rc;
    switch (e->kind) {
    case PROMQL_E_VECTOR_SELECTOR:
        check(d, e->u.vector.shift.offset_expr, true);
        return d->rc;
    case PROMQL_E_MATRIX_SELECTOR:
        check(d, e->u.matrix.range_expr, false);
        return walk(d, e->u.matrix.selector);
    case PROMQL_E_SUBQUERY:
        check(d, e->u.subquery.shift.offset_expr, true);
        check(d, e->u.subquery.step_expr, false);
        check(d, e->u.subquery.range_expr, false);
        return walk(d, e->u.subquery.expr);
    case PROMQL_E_CALL:
        for (size_t i = 0; i < e->u.call.n_args; i++)
            (void)walk(d, e->u.call.args[i]);
        return d->rc;
    case PROMQL_E_AGGREGATE:
        (void)walk(d, e->u.aggregate.expr);
        return walk(d, e->u.aggregate.param);
    case PROMQL_E_BINARY:
        (void)walk(d, e->u.binary.lhs);
        return walk(d, e->u.binary.rhs);
    case PROMQL_E_UNARY:
        return walk(d, e->u.unary.expr);
    case PROMQL_E_PAREN:
        return walk(d, e->u.paren);
    case PROMQL_E_NUMBER:
    case PROMQL_E_STRING:
    case PROMQL_E_DURATION:
        break;
    }
    return d->rc;
}

int promql__check_durations(struct promql__ev *ev, const struct promql_expr *e)
{
    struct duration d = {.q = ev->q, .f = ev->f};

    return walk(&d, e);
}
