/*
 * formula_call.c - functions of a formula: expr-lang's builtins on numbers and arrays.
 */
#include "formula_priv.h"

#include <math.h>
#include <stdlib.h>

static int bad_argument(struct formula_run *r, const struct node *call, const struct value *v)
{
    return fault_set(r->f, FER_EEXEC, 0, "invalid argument for %s (type %s)", call->call->name,
                     formula__type(v));
}

/* ---- of one number ----------------------------------------------------------------------- */

static int one_number(struct formula_run *r, const struct node *call, struct value *v, double *x)
{
    int rc = formula__eval(r, call->kids[0], v);

    if (rc < 0)
        return rc;
    return formula__number(v, x) ? 0 : bad_argument(r, call, v);
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
        return bad_argument(r, call, v);
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
    int rc = all_numbers(r, call, &all);
    double best = 0, x = 0;

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

/* ---- of an array ------------------------------------------------------------------------- */

static int the_array(struct formula_run *r, const struct node *call, struct value *out)
{
    int rc = formula__eval(r, call->kids[0], out);

    if (rc < 0)
        return rc;
    return out->kind == VALUE_ARRAY ? 0 : bad_argument(r, call, out);
}

/* The predicate for element `i`; without one the element itself. */
static int of_element(struct formula_run *r, const struct node *call, const struct value *array,
                      size_t i, struct value *out)
{
    struct value element = r->element, index = r->index;
    int rc;

    if (call->n < 2) {
        *out = array->v[i];
        return 0;
    }
    r->element = array->v[i];
    r->index = formula__int((int64_t)i);
    rc = formula__eval(r, call->kids[1], out);
    r->element = element;
    r->index = index;
    return rc;
}

/* The array, and a truth for each element. */
static int truths(struct formula_run *r, const struct node *call, struct value *array, bool **out)
{
    int rc = the_array(r, call, array);

    if (rc < 0)
        return rc;
    *out = arena_array(r->arena, bool, array->n + 1);
    for (size_t i = 0; i < array->n; i++) {
        struct value v;

        rc = of_element(r, call, array, i, &v);
        if (rc == 0 && v.kind != VALUE_BOOL)
            rc = fault_set(r->f, FER_EEXEC, 0, "predicate should return boolean (got %s)",
                           formula__type(&v));
        if (rc < 0)
            return rc;
        (*out)[i] = v.i != 0;
    }
    return 0;
}

static int count_true(struct formula_run *r, const struct node *call, size_t *n, size_t *of)
{
    struct value array;
    bool *yes = NULL;
    int rc = truths(r, call, &array, &yes);

    *n = 0;
    if (rc < 0)
        return rc;
    *of = array.n;
    for (size_t i = 0; i < array.n; i++)
        *n += yes[i];
    return 0;
}

#define QUANTIFIER(name, result)                                                                   \
    static int name(struct formula_run *r, const struct node *call, struct value *out)             \
    {                                                                                              \
        size_t n, of = 0;                                                                          \
        int rc = count_true(r, call, &n, &of);                                                     \
                                                                                                   \
        (void)of;                                                                                  \
        if (rc == 0)                                                                               \
            *out = (result);                                                                       \
        return rc;                                                                                 \
    }

QUANTIFIER(call_count, formula__int((int64_t)n))
QUANTIFIER(call_all, formula__bool(n == of))
QUANTIFIER(call_any, formula__bool(n > 0))
QUANTIFIER(call_one, formula__bool(n == 1))
QUANTIFIER(call_none, formula__bool(n == 0))

static int call_filter(struct formula_run *r, const struct node *call, struct value *out)
{
    struct value array, *v;
    bool *yes = NULL;
    size_t n = 0;
    int rc = truths(r, call, &array, &yes);

    if (rc < 0)
        return rc;
    v = arena_array(r->arena, struct value, array.n + 1);
    for (size_t i = 0; i < array.n; i++)
        if (yes[i])
            v[n++] = array.v[i];
    *out = (struct value){.kind = VALUE_ARRAY, .v = v, .n = n};
    return 0;
}

static int call_find(struct formula_run *r, const struct node *call, struct value *out)
{
    struct value found;
    int rc = call_filter(r, call, &found);

    if (rc == 0)
        *out = found.n > 0 ? found.v[0] : (struct value){.kind = VALUE_NIL};
    return rc;
}

static int call_map(struct formula_run *r, const struct node *call, struct value *out)
{
    struct value array, *v;
    int rc = the_array(r, call, &array);

    if (rc < 0)
        return rc;
    v = arena_array(r->arena, struct value, array.n + 1);
    for (size_t i = 0; rc == 0 && i < array.n; i++)
        rc = of_element(r, call, &array, i, &v[i]);
    *out = (struct value){.kind = VALUE_ARRAY, .v = v, .n = array.n};
    return rc;
}

static int call_sum(struct formula_run *r, const struct node *call, struct value *out)
{
    struct value array, sum = formula__int(0);
    int rc = the_array(r, call, &array);

    for (size_t i = 0; rc == 0 && i < array.n; i++) {
        struct value v;
        double x, y;

        rc = of_element(r, call, &array, i, &v);
        if (rc < 0)
            break;
        if (!formula__number(&v, &x))
            return bad_argument(r, call, &v);
        (void)formula__number(&sum, &y);
        sum = v.kind == VALUE_INT && sum.kind == VALUE_INT
                  ? formula__int((int64_t)((uint64_t)sum.i + (uint64_t)v.i))
                  : formula__float(x + y);
    }
    *out = sum;
    return rc;
}

static int call_reduce(struct formula_run *r, const struct node *call, struct value *out)
{
    struct value array, acc = r->acc;
    size_t i = 0;
    int rc = the_array(r, call, &array);

    if (rc < 0)
        return rc;
    if (call->n > 2) {
        rc = formula__eval(r, call->kids[2], &r->acc);
    } else if (array.n > 0) {
        r->acc = array.v[i++];
    } else {
        return fault_set(r->f, FER_EEXEC, 0, "reduce of empty array with no initial value");
    }
    for (; rc == 0 && i < array.n; i++) {
        struct value v;

        rc = of_element(r, call, &array, i, &v);
        if (rc == 0)
            r->acc = v;
    }
    *out = r->acc;
    r->acc = acc;
    return rc;
}

static int call_len(struct formula_run *r, const struct node *call, struct value *out)
{
    struct value array;
    int rc = the_array(r, call, &array);

    if (rc == 0)
        *out = formula__int((int64_t)array.n);
    return rc;
}

static int call_first(struct formula_run *r, const struct node *call, struct value *out)
{
    struct value array;
    int rc = the_array(r, call, &array);

    if (rc == 0)
        *out = array.n > 0 ? array.v[0] : (struct value){.kind = VALUE_NIL};
    return rc;
}

static int call_last(struct formula_run *r, const struct node *call, struct value *out)
{
    struct value array;
    int rc = the_array(r, call, &array);

    if (rc == 0)
        *out = array.n > 0 ? array.v[array.n - 1] : (struct value){.kind = VALUE_NIL};
    return rc;
}

static const struct builtin builtins[] = {
    {"abs",    1, 1,        false, call_abs   },
    {"ceil",   1, 1,        false, call_ceil  },
    {"floor",  1, 1,        false, call_floor },
    {"round",  1, 1,        false, call_round },
    {"int",    1, 1,        false, call_int   },
    {"float",  1, 1,        false, call_float },
    {"max",    1, SIZE_MAX, false, call_max   },
    {"min",    1, SIZE_MAX, false, call_min   },
    {"mean",   1, SIZE_MAX, false, call_mean  },
    {"median", 1, SIZE_MAX, false, call_median},
    {"count",  1, 2,        true,  call_count },
    {"all",    2, 2,        true,  call_all   },
    {"any",    2, 2,        true,  call_any   },
    {"one",    2, 2,        true,  call_one   },
    {"none",   2, 2,        true,  call_none  },
    {"filter", 2, 2,        true,  call_filter},
    {"find",   2, 2,        true,  call_find  },
    {"map",    2, 2,        true,  call_map   },
    {"sum",    1, 2,        true,  call_sum   },
    {"reduce", 2, 3,        true,  call_reduce},
    {"len",    1, 1,        false, call_len   },
    {"first",  1, 1,        false, call_first },
    {"last",   1, 1,        false, call_last  },
};

const struct builtin *formula__builtin(struct str name)
{
    for (size_t i = 0; i < COUNT(builtins); i++)
        if (str_is(name, builtins[i].name))
            return &builtins[i];
    return NULL;
}
