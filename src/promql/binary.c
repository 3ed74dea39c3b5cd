/*
 * binary.c - operators between two numbers, and those with a scalar on at least one side. What they
 * do with histograms is in hist_binary.c.
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
        CHECK_UNREACHABLE("an operator that two numbers do not have");
    }
}

bool promql__op_changes_name(enum promql_op op)
{
    return !promql_op_is_comparison(op) && !promql_op_is_set(op) && promql__op_takes_floats(op);
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
    if (!promql__op_takes_floats(b->op))
        return fault_set(ev->f, FER_EEXEC, 0, "operator \"%s\" not allowed for Scalar operations",
                         promql_op_text(b->op));
    v = arena_array(ev->arena, double, g->n);
    for (size_t i = 0; i < g->n; i++) {
        struct promql__binary_result res = promql__combine(b->op, l[i], r[i]);

        v[i] = promql_op_is_comparison(b->op) ? res.keep : res.v;
    }
    return promql__fill(ev, g, v, out);
}

/* An operator between a vector and a scalar. */
struct scaling {
    struct promql__ev *ev;
    const struct promql__grid *g;
    const struct promql_binary *b;
    bool swapped; /* the scalar is on the left */
    const double *scalar;
    uint8_t *quarrels; /* by step: what the last element that had something to say said */
};

/* The series of the vector become those of the result, sample by sample. */
static void scale_floats(const struct scaling *sc, struct promql__series *s)
{
    const struct promql_binary *b = sc->b;
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++) {
        double v = s->s[i].v, c = sc->scalar[promql__step_at(sc->g, s->s[i].t)];
        struct promql__binary_result res =
            sc->swapped ? promql__combine(b->op, c, v) : promql__combine(b->op, v, c);

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

static struct promql__pair_result scale_hist(struct scaling *sc, ts_ms t, struct promql__value v)
{
    size_t step = promql__step_at(sc->g, t);
    struct promql__value c = {.v = sc->scalar[step]};
    struct promql__pair_result res = sc->swapped ? promql__combine_hists(sc->ev, sc->b->op, c, v)
                                                 : promql__combine_hists(sc->ev, sc->b->op, v, c);

    if (res.quarrel != QUARREL_NONE && sc->quarrels == NULL)
        sc->quarrels = arena_array(sc->ev->arena, uint8_t, sc->g->n);
    if (res.quarrel != QUARREL_NONE)
        sc->quarrels[step] = (uint8_t)res.quarrel;
    return res;
}

/* Comparisons do not know histograms beside floats, so what has a result is a histogram. */
static int scale_hists(struct scaling *sc, struct promql__series *s)
{
    size_t n = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < s->nh; i++) {
        struct hsample x = s->h[i];
        struct promql__pair_result res = scale_hist(sc, x.t, (struct promql__value){.h = x.h});

        if (res.failed)
            continue;
        s->h[n++] = (struct hsample){x.t, res.v.h};
        rc = promql__hold(sc->ev, promql__weight(res.v.h));
    }
    s->nh = n;
    return rc;
}

static int scale_series(struct scaling *sc, struct promql__series *s)
{
    if (promql__op_takes_floats(sc->b->op)) {
        scale_floats(sc, s);
    } else {
        for (size_t i = 0; i < s->n; i++)
            (void)scale_hist(sc, s->s[i].t, (struct promql__value){.v = s->s[i].v});
        s->n = 0;
    }
    return s->nh == 0 ? 0 : scale_hists(sc, s);
}

static int scale_matrix(struct scaling *sc, struct promql__matrix *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n; i++) {
        struct promql__series *s = &m->v[i];
        int rc = scale_series(sc, s);

        if (rc == 0)
            rc = promql__tick(sc->ev, s->n + s->nh);
        if (rc != 0)
            return rc;
        if (s->n + s->nh == 0)
            continue;
        if (promql__op_changes_name(sc->b->op) || sc->b->return_bool)
            promql__drop_name(sc->ev, s);
        m->v[n++] = *s;
    }
    m->n = n;
    return 0;
}

static int vector_and_scalar(struct promql__ev *ev, const struct promql__grid *g,
                             const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_binary *b = &e->u.binary;
    struct scaling sc = {
        .ev = ev,
        .g = g,
        .b = b,
        .swapped = b->lhs->type == PROMQL_SCALAR,
    };
    int rc;

    /* In the order of the text: annotations keep it. */
    if (sc.swapped)
        rc = promql__eval_scalar(ev, g, b->lhs, &sc.scalar);
    else
        rc = promql__eval(ev, g, b->lhs, out);
    if (rc == 0 && sc.swapped)
        rc = promql__eval(ev, g, b->rhs, out);
    else if (rc == 0)
        rc = promql__eval_scalar(ev, g, b->rhs, &sc.scalar);
    if (rc == 0)
        rc = scale_matrix(&sc, out);
    if (rc != 0)
        return rc;
    for (size_t i = 0; sc.quarrels != NULL && i < g->n; i++)
        promql__note_quarrel(ev, e, (enum promql__quarrel)sc.quarrels[i]);
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
