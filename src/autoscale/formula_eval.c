/*
 * formula_eval.c - operators of a formula. What fails there, fails in expr-lang too.
 */
#include "formula_priv.h"

#include <math.h>

struct value formula__float(double f)
{
    return (struct value){.kind = VALUE_FLOAT, .f = f};
}

struct value formula__int(int64_t i)
{
    return (struct value){.kind = VALUE_INT, .i = i};
}

struct value formula__bool(bool b)
{
    return (struct value){.kind = VALUE_BOOL, .i = b};
}

const char *formula__type(const struct value *v)
{
    static const char *const names[] = {"<nil>", "bool", "int", "float64", "[]interface {}"};

    return names[v->kind];
}

bool formula__number(const struct value *v, double *out)
{
    if (v->kind != VALUE_INT && v->kind != VALUE_FLOAT)
        return false;
    *out = v->kind == VALUE_INT ? (double)v->i : v->f;
    return true;
}

bool formula__equal(const struct value *a, const struct value *b)
{
    double x, y;

    if (formula__number(a, &x) && formula__number(b, &y))
        return x == y;
    if (a->kind != b->kind || a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!formula__equal(&a->v[i], &b->v[i]))
            return false;
    return a->kind != VALUE_BOOL || a->i == b->i;
}

int formula__fail(struct formula_run *r, const struct node *node, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)fault_vset(r->f, FER_EEXEC, node->at, fmt, ap);
    va_end(ap);
    return FER_EEXEC;
}

static int mismatch(struct formula_run *r, const struct node *node, const struct value *a,
                    const struct value *b)
{
    return formula__fail(r, node, "invalid operation: %s %s %s", formula__type(a), node->op_text,
                         formula__type(b));
}

static int eval_bool(struct formula_run *r, const struct node *node, bool *out)
{
    struct value v;
    int rc = formula__eval(r, node, &v);

    if (rc < 0)
        return rc;
    if (v.kind != VALUE_BOOL)
        return formula__fail(r, node, "a condition is %s, not bool", formula__type(&v));
    *out = v.i != 0;
    return 0;
}

static int eval_logic(struct formula_run *r, const struct node *node, struct value *out)
{
    bool b;
    int rc = eval_bool(r, node->kids[0], &b);

    if (rc == 0 && b == (node->op == OP_AND))
        rc = eval_bool(r, node->kids[1], &b);
    if (rc == 0)
        *out = formula__bool(b);
    return rc;
}

static struct value compare(enum node_op op, double x, double y)
{
    switch (op) {
    case OP_LT:
        return formula__bool(x < y);
    case OP_GT:
        return formula__bool(x > y);
    case OP_GE:
        return formula__bool(x >= y);
    default:
        return formula__bool(x <= y);
    }
}

/* Wraps as Go does. */
static int64_t int_of(enum node_op op, int64_t x, int64_t y)
{
    uint64_t a = (uint64_t)x, b = (uint64_t)y;

    return (int64_t)(op == OP_ADD ? a + b : (op == OP_SUB ? a - b : a * b));
}

static double float_of(enum node_op op, double x, double y)
{
    return op == OP_ADD ? x + y : (op == OP_SUB ? x - y : x * y);
}

static int arithmetic(struct formula_run *r, const struct node *node, const struct value *a,
                      const struct value *b, struct value *out)
{
    bool whole = a->kind == VALUE_INT && b->kind == VALUE_INT;
    double x, y;

    if (!formula__number(a, &x) || !formula__number(b, &y))
        return mismatch(r, node, a, b);
    switch (node->op) {
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
        *out = whole ? formula__int(int_of(node->op, a->i, b->i))
                     : formula__float(float_of(node->op, x, y));
        return 0;
    case OP_DIV:
        *out = formula__float(x / y);
        return 0;
    case OP_POW:
        *out = formula__float(pow(x, y));
        return 0;
    case OP_MOD:
        if (!whole)
            return mismatch(r, node, a, b);
        if (b->i == 0)
            return formula__fail(r, node, "integer divide by zero");
        *out = formula__int(b->i == -1 ? 0 : a->i % b->i);
        return 0;
    default:
        *out = compare(node->op, x, y);
        return 0;
    }
}

static int make_range(struct formula_run *r, const struct node *node, const struct value *a,
                      const struct value *b, struct value *out)
{
    struct value *v;
    size_t n;

    if (a->kind != VALUE_INT || b->kind != VALUE_INT)
        return mismatch(r, node, a, b);
    n = b->i < a->i ? 0 : (size_t)((uint64_t)b->i - (uint64_t)a->i + 1);
    if (n > FORMULA_RANGE_MAX)
        return formula__fail(r, node, "a range of more than %d", FORMULA_RANGE_MAX);
    r->steps += n;
    v = arena_array(r->arena, struct value, n + 1);
    for (size_t i = 0; i < n; i++)
        v[i] = formula__int(a->i + (int64_t)i);
    *out = (struct value){.kind = VALUE_ARRAY, .v = v, .n = n};
    return 0;
}

static int contains(struct formula_run *r, const struct node *node, const struct value *a,
                    const struct value *b, struct value *out)
{
    if (b->kind != VALUE_ARRAY)
        return mismatch(r, node, a, b);
    *out = formula__bool(false);
    for (size_t i = 0; i < b->n; i++)
        if (formula__equal(a, &b->v[i]))
            *out = formula__bool(true);
    return 0;
}

static int eval_binary(struct formula_run *r, const struct node *node, struct value *out)
{
    struct value a, b;
    int rc;

    if (node->op == OP_AND || node->op == OP_OR)
        return eval_logic(r, node, out);
    rc = formula__eval(r, node->kids[0], &a);
    if (rc == 0 && node->op == OP_COALESCE && a.kind != VALUE_NIL) {
        *out = a;
        return 0;
    }
    if (rc == 0)
        rc = formula__eval(r, node->kids[1], &b);
    if (rc < 0)
        return rc;
    switch (node->op) {
    case OP_COALESCE:
        *out = b;
        return 0;
    case OP_EQ:
    case OP_NE:
        *out = formula__bool(formula__equal(&a, &b) == (node->op == OP_EQ));
        return 0;
    case OP_IN:
        return contains(r, node, &a, &b, out);
    case OP_RANGE:
        return make_range(r, node, &a, &b, out);
    default:
        return arithmetic(r, node, &a, &b, out);
    }
}

static int eval_unary(struct formula_run *r, const struct node *node, struct value *out)
{
    struct value v;
    bool b;
    int rc;

    if (node->op == OP_NOT) {
        rc = eval_bool(r, node->kids[0], &b);
        if (rc == 0)
            *out = formula__bool(!b);
        return rc;
    }
    rc = formula__eval(r, node->kids[0], &v);
    if (rc < 0)
        return rc;
    if (v.kind != VALUE_INT && v.kind != VALUE_FLOAT && node->op != OP_PLUS)
        return formula__fail(r, node, "invalid operation: %s%s", node->op_text, formula__type(&v));
    if (node->op == OP_NEG) {
        v.f = -v.f;
        v.i = (int64_t)(0 - (uint64_t)v.i);
    }
    *out = v;
    return 0;
}

static int eval_array(struct formula_run *r, const struct node *node, struct value *out)
{
    struct value *v = arena_array(r->arena, struct value, node->n + 1);

    for (size_t i = 0; i < node->n; i++) {
        int rc = formula__eval(r, node->kids[i], &v[i]);

        if (rc < 0)
            return rc;
    }
    *out = (struct value){.kind = VALUE_ARRAY, .v = v, .n = node->n};
    return 0;
}

static int eval_at(struct formula_run *r, const struct node *node, struct value *out)
{
    struct value array, index;
    int64_t i;
    int rc = formula__eval(r, node->kids[0], &array);

    if (rc == 0)
        rc = formula__eval(r, node->kids[1], &index);
    if (rc < 0)
        return rc;
    if (array.kind != VALUE_ARRAY || index.kind != VALUE_INT)
        return formula__fail(r, node, "cannot fetch %s from %s", formula__type(&index),
                             formula__type(&array));
    i = index.i < 0 ? index.i + (int64_t)array.n : index.i;
    if (i < 0 || i >= (int64_t)array.n)
        return formula__fail(r, node, "index out of range: %lld (array length is %zu)",
                             (long long)index.i, array.n);
    *out = array.v[i];
    return 0;
}

/* An end of a slice: from the end when negative, and never beyond it. */
static int slice_end(struct formula_run *r, const struct node *kid, const struct value *array,
                     size_t *out)
{
    struct value v;
    int64_t i;
    int rc = kid == NULL ? 0 : formula__eval(r, kid, &v);

    if (kid == NULL || rc < 0)
        return rc;
    if (v.kind != VALUE_INT)
        return formula__fail(r, kid, "cannot slice with %s", formula__type(&v));
    i = v.i < 0 ? v.i + (int64_t)array->n : v.i;
    *out = (size_t)MAX(0, MIN(i, (int64_t)array->n));
    return 0;
}

static int eval_slice(struct formula_run *r, const struct node *node, struct value *out)
{
    struct value array;
    size_t from = 0, to;
    int rc = formula__eval(r, node->kids[0], &array);

    if (rc == 0 && array.kind != VALUE_ARRAY)
        rc = formula__fail(r, node, "cannot slice %s", formula__type(&array));
    if (rc < 0)
        return rc;
    to = array.n;
    rc = slice_end(r, node->kids[2], &array, &to);
    rc = rc < 0 ? rc : slice_end(r, node->kids[1], &array, &from);
    if (rc < 0)
        return rc;
    from = MIN(from, to);
    *out = (struct value){.kind = VALUE_ARRAY, .v = array.v + from, .n = to - from};
    return 0;
}

static int eval_first_then(struct formula_run *r, const struct node *node, struct value *out)
{
    struct value first;
    int rc = formula__eval(r, node->kids[0], &first);

    if (rc < 0)
        return rc;
    if (node->kind == NODE_LET)
        r->locals[node->slot] = first;
    return formula__eval(r, node->kids[1], out);
}

static int eval_cond(struct formula_run *r, const struct node *node, struct value *out)
{
    bool yes;
    int rc = eval_bool(r, node->kids[0], &yes);

    return rc < 0 ? rc : formula__eval(r, node->kids[yes ? 1 : 2], out);
}

int formula__eval(struct formula_run *r, const struct node *node, struct value *out)
{
    if (++r->steps > FORMULA_STEPS_MAX)
        return formula__fail(r, node, "memory budget exceeded: more than %d steps",
                             FORMULA_STEPS_MAX);
    switch (node->kind) {
    case NODE_NIL:
        *out = (struct value){.kind = VALUE_NIL};
        return 0;
    case NODE_BOOL:
        *out = formula__bool(node->i != 0);
        return 0;
    case NODE_INT:
        *out = formula__int(node->i);
        return 0;
    case NODE_FLOAT:
        *out = formula__float(node->f);
        return 0;
    case NODE_VAR:
        *out = r->vars[node->slot].nil ? (struct value){.kind = VALUE_NIL}
                                       : formula__float(r->vars[node->slot].v);
        return 0;
    case NODE_LOCAL:
        *out = r->locals[node->slot];
        return 0;
    case NODE_ELEMENT:
        *out = r->element;
        return 0;
    case NODE_INDEX:
        *out = r->index;
        return 0;
    case NODE_ACC:
        *out = r->acc;
        return 0;
    case NODE_ARRAY:
        return eval_array(r, node, out);
    case NODE_UNARY:
        return eval_unary(r, node, out);
    case NODE_BINARY:
        return eval_binary(r, node, out);
    case NODE_COND:
        return eval_cond(r, node, out);
    case NODE_LET:
    case NODE_SEQUENCE:
        return eval_first_then(r, node, out);
    case NODE_CALL:
        return node->call->fn(r, node, out);
    case NODE_AT:
        return eval_at(r, node, out);
    case NODE_SLICE:
        return eval_slice(r, node, out);
    }
    CHECK_UNREACHABLE("an unknown kind of node");
}
