/*
 * types.c - the type check of a parsed query; gives the first error that Prometheus gives.
 */
#include "parser.h"

#include <stdlib.h>

#include "ferula/base/check.h"

struct checker {
    struct str text; /* the query */
    struct fault *f;
};

static int check(const struct checker *c, const struct promql_expr *e);

#define FAIL_AT(c, at, ...) promql__parse_fault((c)->f, FER_EINVAL, (c)->text, (at), __VA_ARGS__)
#define FAIL(c, e, ...)     FAIL_AT(c, (size_t)(e)->pos.start, __VA_ARGS__)

static int expect(const struct checker *c, const struct promql_expr *e, enum promql_type want,
                  const char *where)
{
    int rc = check(c, e);

    if (rc < 0 || e->type == want)
        return rc;
    return FAIL(c, e, "expected type %s in %s, got %s", promql_type_documented(want), where,
                promql_type_documented(e->type));
}

static int check_aggregate(const struct checker *c, const struct promql_expr *e)
{
    const struct promql_aggregate *agg = &e->u.aggregate;
    int rc = expect(c, agg->expr, PROMQL_VECTOR, "aggregation expression");

    if (rc < 0 || agg->param == NULL)
        return rc;
    return expect(c, agg->param, agg->op == PROMQL_COUNT_VALUES ? PROMQL_STRING : PROMQL_SCALAR,
                  "aggregation parameter");
}

/* The first character of the operator, for messages about it. */
static size_t op_start(const struct checker *c, const struct promql_expr *e)
{
    static const char blanks[] = {' ', '\t', '\n', '\r'};
    size_t i = (size_t)e->u.binary.lhs->pos.end;

    while (i < c->text.n && memchr(blanks, c->text.p[i], sizeof(blanks)) != NULL)
        i++;
    return i;
}

static int in_on_and_group(const struct checker *c, const struct promql_expr *e, struct str label)
{
    struct buf name = {0};
    int rc;

    buf_add_go_quoted(&name, label);
    rc = FAIL_AT(c, op_start(c, e), "label %s must not occur in ON and GROUP clause at once",
                 name.p);
    buf_release(&name);
    return rc;
}

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Sorted first: a query may have tens of thousands of labels in both. */
static int check_on_and_group(const struct checker *c, const struct promql_expr *e)
{
    const struct promql_matching *m = e->u.binary.written;
    struct arena tmp = {0};
    struct str *include;
    int rc = 0;

    if (!m->on || m->n_include == 0)
        return 0;
    include = arena_array(&tmp, struct str, m->n_include);
    memcpy(include, m->include, m->n_include * sizeof(*include));
    qsort(include, m->n_include, sizeof(*include), by_text);
    for (size_t i = 0; rc == 0 && i < m->n_labels; i++) {
        if (bsearch(&m->labels[i], include, m->n_include, sizeof(*include), by_text) != NULL)
            rc = in_on_and_group(c, e, m->labels[i]);
    }
    arena_release(&tmp);
    return rc;
}

/* What may be said of the operator itself. */
static int check_operator(const struct checker *c, const struct promql_expr *e)
{
    const struct promql_binary *b = &e->u.binary;
    bool compares = promql_op_is_comparison(b->op);

    if (b->return_bool && !compares)
        return FAIL_AT(c, op_start(c, e), "bool modifier can only be used on comparison operators");
    if (compares && !b->return_bool && b->lhs->type == PROMQL_SCALAR &&
        b->rhs->type == PROMQL_SCALAR)
        return FAIL_AT(c, op_start(c, e), "comparisons between scalars must use BOOL modifier");
    return check_on_and_group(c, e);
}

static bool is_value(const struct promql_expr *e)
{
    return e->type == PROMQL_SCALAR || e->type == PROMQL_VECTOR;
}

static int check_matching(const struct checker *c, const struct promql_expr *e)
{
    const struct promql_binary *b = &e->u.binary;
    const struct promql_matching *m = b->written;
    bool filled = m->has_fill_lhs || m->has_fill_rhs, set = promql_op_is_set(b->op);

    if (b->matching == NULL) {
        if (m->n_labels > 0)
            return FAIL(c, e, "vector matching only allowed between instant vectors");
        if (filled)
            return FAIL(c, e, "filling in missing series only allowed between instant vectors");
    } else if (set) {
        if (m->card == CARD_ONE_TO_MANY || m->card == CARD_MANY_TO_ONE)
            return FAIL(c, e, "no grouping allowed for \"%s\" operation", promql_op_text(b->op));
        if (filled)
            return FAIL(c, e, "filling in missing series not allowed for set operators");
    }
    if (set && (b->lhs->type == PROMQL_SCALAR || b->rhs->type == PROMQL_SCALAR))
        return FAIL(c, e, "set operator \"%s\" not allowed in binary scalar expression",
                    promql_op_text(b->op));
    return 0;
}

static int check_binary(const struct checker *c, const struct promql_expr *e)
{
    const struct promql_binary *b = &e->u.binary;
    int rc = check(c, b->lhs);

    if (rc == 0)
        rc = check(c, b->rhs);
    if (rc == 0)
        rc = check_operator(c, e);
    if (rc < 0)
        return rc;
    if (!is_value(b->lhs))
        return FAIL(c, b->lhs,
                    "binary expression must contain only scalar and instant vector types");
    if (!is_value(b->rhs))
        return FAIL(c, b->rhs,
                    "binary expression must contain only scalar and instant vector types");
    return check_matching(c, e);
}

static int check_arg_count(const struct checker *c, const struct promql_expr *e)
{
    const struct promql_func_info *fn = &promql_funcs[e->u.call.func];
    size_t n = e->u.call.n_args, declared = fn->n_args;
    size_t most = declared - 1 + (size_t)fn->variadic;

    if (fn->variadic == 0 && n != declared)
        return FAIL(c, e, "expected %zu argument(s) in call to \"%s\", got %zu", declared, fn->name,
                    n);
    if (fn->variadic != 0 && n + 1 < declared)
        return FAIL(c, e, "expected at least %zu argument(s) in call to \"%s\", got %zu",
                    declared - 1, fn->name, n);
    if (fn->variadic > 0 && n > most)
        return FAIL(c, e, "expected at most %zu argument(s) in call to \"%s\", got %zu", most,
                    fn->name, n);
    return 0;
}

/* info()'s second argument is a selector without a name. */
static int check_info(const struct checker *c, const struct promql_expr *e)
{
    const struct promql_expr *arg;

    if (e->u.call.func != PROMQL_FN_info || e->u.call.n_args < 2)
        return 0;
    arg = e->u.call.args[1];
    if (arg->type != PROMQL_VECTOR)
        return FAIL(c, e, "expected type instant vector in call to function \"info\", got %s",
                    promql_type_documented(arg->type));
    if (arg->kind != PROMQL_E_VECTOR_SELECTOR)
        return FAIL(c, arg, "expected label selectors only");
    if (arg->u.vector.name.n > 0)
        return FAIL(c, arg, "expected label selectors only, got vector selector instead");
    return 0;
}

static int check_call(const struct checker *c, const struct promql_expr *e)
{
    const struct promql_func_info *fn = &promql_funcs[e->u.call.func];
    int rc = check_arg_count(c, e);

    if (rc == 0)
        rc = check_info(c, e);
    for (size_t i = 0; rc == 0 && i < e->u.call.n_args; i++) {
        const struct promql_expr *arg = e->u.call.args[i];
        enum promql_type want = fn->args[i < fn->n_args ? i : fn->n_args - 1];

        rc = check(c, arg);
        if (rc == 0 && arg->type != want)
            return FAIL(c, arg, "expected type %s in call to function \"%s\", got %s",
                        promql_type_documented(want), fn->name, promql_type_documented(arg->type));
    }
    return rc;
}

static int check_unary(const struct checker *c, const struct promql_expr *e)
{
    int rc = check(c, e->u.unary.expr);

    if (rc < 0 || is_value(e->u.unary.expr))
        return rc;
    return FAIL(
        c, e,
        "unary expression only allowed on expressions of type scalar or instant vector, got "
        "\"%s\"",
        promql_type_documented(e->u.unary.expr->type));
}

static int check_subquery(const struct checker *c, const struct promql_expr *e)
{
    const struct promql_expr *inner = e->u.subquery.expr;
    int rc = check(c, inner);

    if (rc < 0 || inner->type == PROMQL_VECTOR)
        return rc;
    return FAIL(c, e, "subquery is only allowed on instant vector, got %s instead",
                promql_type_name(inner->type));
}

static int name_set_twice(const struct checker *c, const struct promql_expr *e, struct str other)
{
    struct buf a = {0}, b = {0};
    int rc;

    buf_add_go_quoted(&a, e->u.vector.name);
    buf_add_go_quoted(&b, other);
    rc = FAIL(c, e, "metric name must not be set twice: %s or %s", a.p, b.p);
    buf_release(&a);
    buf_release(&b);
    return rc;
}

static int check_vector_selector(const struct checker *c, const struct promql_expr *e)
{
    const struct promql_vector_selector *vs = &e->u.vector;

    if (vs->name.n > 0) {
        for (size_t i = 0; i + 1 < vs->n_matchers; i++) {
            if (str_is(vs->matchers[i].name, LABEL_NAME))
                return name_set_twice(c, e, vs->matchers[i].value);
        }
        return 0;
    }
    for (size_t i = 0; i < vs->n_matchers; i++) {
        if (!matcher_matches(&vs->matchers[i], (struct str){"", 0}))
            return 0;
    }
    if (vs->any_matchers)
        return 0;
    return FAIL(c, e, "vector selector must contain at least one non-empty matcher");
}

static int check_matrix_selector(const struct checker *c, const struct promql_expr *e)
{
    return check(c, e->u.matrix.selector);
}

static int check_paren(const struct checker *c, const struct promql_expr *e)
{
    return check(c, e->u.paren);
}

static int check_literal(const struct checker *c, const struct promql_expr *e)
{
    (void)c;
    (void)e;
    return 0;
}

static int check(const struct checker *c, const struct promql_expr *e)
{
    static int (*const by_kind[])(const struct checker *, const struct promql_expr *) = {
        [PROMQL_E_NUMBER] = check_literal,
        [PROMQL_E_STRING] = check_literal,
        [PROMQL_E_VECTOR_SELECTOR] = check_vector_selector,
        [PROMQL_E_MATRIX_SELECTOR] = check_matrix_selector,
        [PROMQL_E_SUBQUERY] = check_subquery,
        [PROMQL_E_CALL] = check_call,
        [PROMQL_E_AGGREGATE] = check_aggregate,
        [PROMQL_E_BINARY] = check_binary,
        [PROMQL_E_UNARY] = check_unary,
        [PROMQL_E_PAREN] = check_paren,
        [PROMQL_E_DURATION] = check_literal,
    };

    return by_kind[e->kind](c, e);
}

int promql__check_types(struct str text, const struct promql_expr *e, struct fault *f)
{
    struct checker c = {text, f};

    return check(&c, e);
}
