/*
 * formula_call.c - functions of a formula: expr-lang's builtins on numbers and arrays.
 */
#include "formula_priv.h"

#include <math.h>
#include <stdlib.h>

int formula__bad_argument(struct formula_run *r, const struct node *call, const struct value *v)
{
    return formula__fail(r, call, "invalid argument for %s (type %s)", call->call->name,
                         formula__type(v));
}

/* ---- of one number ----------------------------------------------------------------------- */

static int one_number(struct formula_run *r, const struct node *call, struct value *v, double *x)
{
    int rc = formula__eval(r, call->kids[0], v);

    if (rc < 0)
        return rc;
    return formula__number(v, x) ? 0 : formula__bad_argument(r, call, v);
}

#define ROUNDING(name, fn)                                                                         \
    static int name(struct formula_run *r, const struct node *call, struct value *out)             \
    {                                                                                              \
        struct value v;                                                                            \
        double x;                                                                                  \
        int rc = one_number(r, call, &v, &x);                                                      \
                                                                                                   \
        if (rc == 0)                                                                               \
            *out = formula__float(fn(x));                                                          \
        return rc;                                                                                 \
    }

ROUNDING(call_ceil, ceil)
ROUNDING(call_floor, floor)
ROUNDING(call_round, round)
ROUNDING(call_float, )

static int call_int(struct formula_run *r, const struct node *call, struct value *out)
{
    struct value v;
    double x;
    int rc = one_number(r, call, &v, &x);

    if (rc < 0)
        return rc;
    if (v.kind == VALUE_FLOAT)
        v = formula__int(x >= -9223372036854775808.0 && x < 9223372036854775808.0 ? (int64_t)x
                                                                                  : INT64_MIN);
    *out = v;
    return 0;
}

static int call_abs(struct formula_run *r, const struct node *call, struct value *out)
{
    struct value v;
    double x;
    int rc = one_number(r, call, &v, &x);

    if (rc < 0)
        return rc;
    v.f = v.f < 0 ? -v.f : v.f;
    v.i = v.i < 0 ? (int64_t)(0 - (uint64_t)v.i) : v.i;
    *out = v;
    return 0;
}

/* ---- of many numbers, in arrays or not --------------------------------------------------- */

struct numbers {
    struct value *v;
    size_t n, cap;
};

static int collect(struct formula_run *r, const struct node *call, const struct value *v,
                   struct numbers *out)
{
    double x;

    if (v->kind == VALUE_ARRAY) {
        for (size_t i = 0; i < v->n; i++) {
            int rc = collect(r, call, &v->v[i], out);

            if (rc < 0)
                return rc;
        }
        return 0;
    }
    if (!formula__number(v, &x))
        return formula__bad_argument(r, call, v);
    ARENA_GROW(r->arena, out->v, out->n, out->cap, struct value);
    out->v[out->n++] = *v;
    return 0;
}

static int all_numbers(struct formula_run *r, const struct node *call, struct numbers *out)
{
    for (size_t i = 0; i < call->n; i++) {
        struct value v;
        int rc = formula__eval(r, call->kids[i], &v);

        if (rc == 0)
            rc = collect(r, call, &v, out);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int extreme(struct formula_run *r, const struct node *call, double sign, struct value *out)
{
    struct numbers all = {0};
    double best = 0, x = 0;
    int rc;

    if (call->n == 1) { /* what is no number stays what it is */
        rc = formula__eval(r, call->kids[0], out);
        rc = rc < 0 || out->kind != VALUE_ARRAY ? rc : collect(r, call, out, &all);
        if (rc < 0 || out->kind != VALUE_ARRAY)
            return rc;
    } else {
        rc = all_numbers(r, call, &all);
    }
    if (rc < 0)
        return rc;
    *out = (struct value){.kind = VALUE_NIL};
    for (size_t i = 0; i < all.n; i++) {
        (void)formula__number(&all.v[i], &x);
        if (i == 0 || sign * x > sign * best) {
            best = x;
            *out = all.v[i];
        }
    }
    return 0;
}

static int call_max(struct formula_run *r, const struct node *call, struct value *out)
{
    return extreme(r, call, 1, out);
}

static int call_min(struct formula_run *r, const struct node *call, struct value *out)
{
    return extreme(r, call, -1, out);
}

static int call_mean(struct formula_run *r, const struct node *call, struct value *out)
{
    struct numbers all = {0};
    int rc = all_numbers(r, call, &all);
    double sum = 0, x = 0;

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < all.n; i++) {
        (void)formula__number(&all.v[i], &x);
        sum += x;
    }
    *out = formula__float(all.n == 0 ? 0 : sum / (double)all.n);
    return 0;
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static int call_median(struct formula_run *r, const struct node *call, struct value *out)
{
    struct numbers all = {0};
    int rc = all_numbers(r, call, &all);
    double *v;

    if (rc < 0)
        return rc;
    v = arena_array(r->arena, double, all.n + 1);
    for (size_t i = 0; i < all.n; i++)
        (void)formula__number(&all.v[i], &v[i]);
    qsort(v, all.n, sizeof(*v), by_size);
    if (all.n == 0)
        *out = formula__float(0);
    else if (all.n % 2 == 1)
        *out = formula__float(v[all.n / 2]);
    else
        *out = formula__float((v[all.n / 2 - 1] + v[all.n / 2]) / 2);
    return 0;
}

static const struct builtin builtins[] = {
    {"abs",    1, 1,        ARGS_NUMBER, call_abs   },
    {"ceil",   1, 1,        ARGS_ROUND,  call_ceil  },
    {"floor",  1, 1,        ARGS_ROUND,  call_floor },
    {"round",  1, 1,        ARGS_ROUND,  call_round },
    {"int",    1, 1,        ARGS_INT,    call_int   },
    {"float",  1, 1,        ARGS_ROUND,  call_float },
    {"max",    1, SIZE_MAX, ARGS_MANY,   call_max   },
    {"min",    1, SIZE_MAX, ARGS_MANY,   call_min   },
    {"mean",   1, SIZE_MAX, ARGS_MANY,   call_mean  },
    {"median", 1, SIZE_MAX, ARGS_MANY,   call_median},
};

const struct builtin *formula__builtin(struct str name)
{
    for (size_t i = 0; i < COUNT(builtins); i++)
        if (str_is(name, builtins[i].name))
            return &builtins[i];
    return formula__array_builtin(name);
}
