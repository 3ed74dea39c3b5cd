/*
 * pin.c - an expression with @ on every selector and subquery that has none, as Prometheus' own
 * test runner rewrites it. Nothing inside a subquery with @ is changed.
 */
#include "runner.h"

#include "ferula/base/check.h"

/* Their values differ from time to time although their arguments do not. */
static bool is_unsafe(enum promql_func func)
{
    static const enum promql_func unsafe[] = {
        PROMQL_FN_days_in_month, PROMQL_FN_day_of_month, PROMQL_FN_day_of_week,
        PROMQL_FN_day_of_year,   PROMQL_FN_end,          PROMQL_FN_hour,
        PROMQL_FN_minute,        PROMQL_FN_month,        PROMQL_FN_predict_linear,
        PROMQL_FN_range,         PROMQL_FN_start,        PROMQL_FN_step,
        PROMQL_FN_time,          PROMQL_FN_timestamp,    PROMQL_FN_year,
    };

    for (size_t i = 0; i < COUNT(unsafe); i++) {
        if (unsafe[i] == func)
            return true;
    }
    return false;
}

struct pinning {
    struct arena *a;
    ts_ms at;
    bool unsafe;
};

static void set_at(const struct pinning *pin, struct promql_shift *shift)
{
    if (shift->at == AT_TIMESTAMP)
        return;
    shift->at = AT_TIMESTAMP;
    shift->timestamp = pin->at;
}

static struct promql_expr *copy(struct pinning *pin, const struct promql_expr *e);

static struct promql_expr *copy_call(struct pinning *pin, struct promql_expr *e)
{
    const struct promql_expr **args =
        arena_array(pin->a, const struct promql_expr *, e->u.call.n_args + 1);

    for (size_t i = 0; i < e->u.call.n_args; i++)
        args[i] = copy(pin, e->u.call.args[i]);
    e->u.call.args = args;
    pin->unsafe = pin->unsafe || is_unsafe(e->u.call.func);
    return e;
}

static struct promql_expr *copy(struct pinning *pin, const struct promql_expr *from)
{
    struct promql_expr *e;

    if (from == NULL)
        return NULL;
    e = arena_new(pin->a, struct promql_expr);
    *e = *from;
    switch (e->kind) {
    case PROMQL_E_VECTOR_SELECTOR:
        set_at(pin, &e->u.vector.shift);
        break;
    case PROMQL_E_MATRIX_SELECTOR:
        e->u.matrix.selector = copy(pin, e->u.matrix.selector);
        break;
    case PROMQL_E_SUBQUERY:
        /* Has @ now, so that nothing inside is changed. */
        set_at(pin, &e->u.subquery.shift);
        break;
    case PROMQL_E_CALL:
        return copy_call(pin, e);
    case PROMQL_E_AGGREGATE:
        e->u.aggregate.expr = copy(pin, e->u.aggregate.expr);
        e->u.aggregate.param = copy(pin, e->u.aggregate.param);
        break;
    case PROMQL_E_BINARY:
        e->u.binary.lhs = copy(pin, e->u.binary.lhs);
        e->u.binary.rhs = copy(pin, e->u.binary.rhs);
        break;
    case PROMQL_E_UNARY:
        e->u.unary.expr = copy(pin, e->u.unary.expr);
        break;
    case PROMQL_E_PAREN:
        e->u.paren = copy(pin, e->u.paren);
        break;
    default:
        break;
    }
    return e;
}

struct str pin(struct arena *a, const struct promql_expr *e, ts_ms at)
{
    struct pinning pinning = {.a = a, .at = at};
    const struct promql_expr *pinned = copy(&pinning, e);
    struct buf b = {0};
    struct str s = {0};

    if (pinning.unsafe)
        return s;
    promql_print(&b, pinned);
    s = arena_str(a, buf_str(&b));
    buf_release(&b);
    return s;
}
