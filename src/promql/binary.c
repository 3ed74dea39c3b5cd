/*
 * binary.c - operators between two numbers, and those with a scalar on at least one side.
 */
#include <math.h>

#include "ferula/base/check.h"

#include "eval.h"

struct promql__binary_result promql__combine(enum promql_op op, double l, double r)
{
    switch ((int)op) {
    case PROMQL_ADD:
        return (struct promql__binary_result){l + r, true};
    case PROMQL_SUB:
        return (struct promql__binary_result){l - r, true};
    case PROMQL_MUL:
        return (struct promql__binary_result){l * r, true};
    case PROMQL_DIV:
        return (struct promql__binary_result){l / r, true};
    case PROMQL_POW:
        return (struct promql__binary_result){pow(l, r), true};
    case PROMQL_MOD:
        return (struct promql__binary_result){fmod(l, r), true};
    case PROMQL_ATAN2:
        return (struct promql__binary_result){atan2(l, r), true};
    case PROMQL_EQL:
        return (struct promql__binary_result){l, l == r};
    case PROMQL_NEQ:
        return (struct promql__binary_result){l, l != r};
    case PROMQL_GTR:
        return (struct promql__binary_result){l, l > r};
    case PROMQL_LSS:
        return (struct promql__binary_result){l, l < r};
    case PROMQL_GTE:
        return (struct promql__binary_result){l, l >= r};
    case PROMQL_LTE:
        return (struct promql__binary_result){l, l <= r};
    default:
        CHECK(!"operator of two numbers");
        return (struct promql__binary_result){0};
    }
}

bool promql__op_changes_name(enum promql_op op)
{
    return !promql_op_is_comparison(op) && !promql_op_is_set(op) && op != PROMQL_TRIM_UPPER &&
           op != PROMQL_TRIM_LOWER;
}

void promql__note_bad_trim(struct promql__ev *ev, const struct promql_expr *e)
{
    const char *op = promql_op_text(e->u.binary.op);

    promql__info(ev, e,
                 "incompatible sample types encountered for binary operator \"%s\": float %s float",
                 op, op);
}

static int scalars(struct promql__ev *ev, const struct promql__grid *g,
                   const struct promql_binary *b, struct promql__matrix *out)
{
    const double *l, *r;
    double *v;
    int rc = promql__eval_scalar(ev, g, b->lhs, &l);

    if (rc == 0)
        rc = promql__eval_scalar(ev, g, b->rhs, &r);
    if (rc != 0)
        return rc;
    if (b->op == PROMQL_TRIM_UPPER || b->op == PROMQL_TRIM_LOWER)
        return fault_set(ev->f, FER_EEXEC, 0, "operator \"%s\" not allowed for Scalar operations",
                         promql_op_text(b->op));
    v = arena_array(ev->arena, double, g->n);
    for (size_t i = 0; i < g->n; i++) {
        struct promql__binary_result res = promql__combine(b->op, l[i], r[i]);

        v[i] = promql_op_is_comparison(b->op) ? res.keep : res.v;
    }
    return promql__fill(ev, g, v, out);
}

/* The series of the vector become those of the result, sample by sample. */
static void with_scalar(const struct promql__grid *g, const struct promql_binary *b, bool swapped,
                        const double *scalar, struct promql__series *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++) {
        double v = s->s[i].v, c = scalar[promql__step_at(g, s->s[i].t)];
        struct promql__binary_result res =
            swapped ? promql__combine(b->op, c, v) : promql__combine(b->op, v, c);

        /* A comparison passes the vector's value on, on whichever side it stands. */
        if (promql_op_is_comparison(b->op))
            res.v = v;
        if (b->return_bool)
            res = (struct promql__binary_result){res.keep, true};
        if (res.keep)
            s->s[n++] = (struct sample){s->s[i].t, res.v};
    }
    s->n = n;
}

static int vector_and_scalar(struct promql__ev *ev, const struct promql__grid *g,
                             const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_binary *b = &e->u.binary;
    bool swapped = b->lhs->type == PROMQL_SCALAR;
    const double *scalar;
    size_t n = 0;
    int rc;

    /* In the order of the text: annotations keep it. */
    if (swapped)
        rc = promql__eval_scalar(ev, g, b->lhs, &scalar);
    else
        rc = promql__eval(ev, g, b->lhs, out);
    if (rc == 0 && swapped)
        rc = promql__eval(ev, g, b->rhs, out);
    else if (rc == 0)
        rc = promql__eval_scalar(ev, g, b->rhs, &scalar);
    if (rc != 0)
        return rc;
    if (b->op == PROMQL_TRIM_UPPER || b->op == PROMQL_TRIM_LOWER) {
        if (out->n > 0)
            promql__note_bad_trim(ev, e);
        out->n = 0;
    }
    for (size_t i = 0; i < out->n; i++) {
        struct promql__series *s = &out->v[i];

        with_scalar(g, b, swapped, scalar, s);
        if (s->n == 0)
            continue;
        if (promql__op_changes_name(b->op) || b->return_bool)
            promql__drop_name(ev, s);
        out->v[n++] = *s;
        rc = promql__tick(ev, s->n);
        if (rc != 0)
            return rc;
    }
    out->n = n;
    return promql__matrix_settle(ev, g, out);
}

int promql__eval_binary(struct promql__ev *ev, const struct promql__grid *g,
                        const struct promql_expr *e, struct promql__matrix *out)
{
    bool l = e->u.binary.lhs->type == PROMQL_VECTOR, r = e->u.binary.rhs->type == PROMQL_VECTOR;

    if (l && r)
        return promql__eval_matching(ev, g, e, out);
    return l || r ? vector_and_scalar(ev, g, e, out) : scalars(ev, g, &e->u.binary, out);
}
