/*
 * formula_array.c - functions of a formula: expr-lang's builtins on arrays of numbers.
 */
#include "formula_priv.h"

#include <stdlib.h>

static int the_array(struct formula_run *r, const struct node *call, struct value *out)
{
    int rc = formula__eval(r, call->kids[0], out);

    if (rc < 0)
        return rc;
    return out->kind == VALUE_ARRAY ? 0 : formula__bad_argument(r, call, out);
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

static int truth(struct formula_run *r, const struct node *call, const struct value *array,
                 size_t i, bool *out)
{
    struct value v;
    int rc = of_element(r, call, array, i, &v);

    if (rc == 0 && v.kind != VALUE_BOOL)
        rc = formula__fail(r, call, "predicate should return boolean (got %s)", formula__type(&v));
    *out = rc == 0 && v.i != 0;
    return rc;
}

/* The array, and a truth for each element. */
static int truths(struct formula_run *r, const struct node *call, struct value *array, bool **out)
{
    int rc = the_array(r, call, array);

    if (rc < 0)
        return rc;
    *out = arena_array(r->arena, bool, array->n + 1);
    for (size_t i = 0; rc == 0 && i < array->n; i++)
        rc = truth(r, call, array, i, &(*out)[i]);
    return rc;
}

/* The first element whose truth is `wanted`; *at: array->n when there is none. */
static int seek(struct formula_run *r, const struct node *call, bool wanted, struct value *array,
                size_t *at)
{
    int rc = the_array(r, call, array);

    for (*at = 0; rc == 0 && *at < array->n; ++*at) {
        bool yes = false;

        rc = truth(r, call, array, *at, &yes);
        if (rc < 0 || yes == wanted)
            break;
    }
    return rc;
}

static int exists(struct formula_run *r, const struct node *call, bool wanted, bool result,
                  struct value *out)
{
    struct value array;
    size_t at;
    int rc = seek(r, call, wanted, &array, &at);

    if (rc == 0)
        *out = formula__bool(at < array.n ? result : !result);
    return rc;
}

static int call_all(struct formula_run *r, const struct node *call, struct value *out)
{
    return exists(r, call, false, false, out);
}

static int call_any(struct formula_run *r, const struct node *call, struct value *out)
{
    return exists(r, call, true, true, out);
}

static int call_none(struct formula_run *r, const struct node *call, struct value *out)
{
    return exists(r, call, true, false, out);
}

static int count_true(struct formula_run *r, const struct node *call, size_t *n)
{
    struct value array;
    bool *yes = NULL;
    int rc = truths(r, call, &array, &yes);

    *n = 0;
    for (size_t i = 0; rc == 0 && i < array.n; i++)
        *n += yes[i];
    return rc;
}

static int call_count(struct formula_run *r, const struct node *call, struct value *out)
{
    size_t n;
    int rc = count_true(r, call, &n);

    *out = formula__int((int64_t)n);
    return rc;
}

static int call_one(struct formula_run *r, const struct node *call, struct value *out)
{
    size_t n;
    int rc = count_true(r, call, &n);

    *out = formula__bool(n == 1);
    return rc;
}

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

static int find(struct formula_run *r, const struct node *call, bool index, struct value *out)
{
    struct value array;
    size_t at;
    int rc = seek(r, call, true, &array, &at);

    if (rc < 0)
        return rc;
    if (at == array.n)
        *out = (struct value){.kind = VALUE_NIL};
    else
        *out = index ? formula__int((int64_t)at) : array.v[at];
    return 0;
}

static int call_find(struct formula_run *r, const struct node *call, struct value *out)
{
    return find(r, call, false, out);
}

static int call_find_index(struct formula_run *r, const struct node *call, struct value *out)
{
    return find(r, call, true, out);
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
            return formula__bad_argument(r, call, &v);
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
        return formula__fail(r, call, "reduce of empty array with no initial value");
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

/* nil when there is no such element, also when it is no array at all. */
static int element(struct formula_run *r, const struct node *call, bool last, struct value *out)
{
    struct value array;
    int rc = formula__eval(r, call->kids[0], &array);

    if (rc < 0)
        return rc;
    *out = array.kind == VALUE_ARRAY && array.n > 0 ? array.v[last ? array.n - 1 : 0]
                                                    : (struct value){.kind = VALUE_NIL};
    return 0;
}

static int call_first(struct formula_run *r, const struct node *call, struct value *out)
{
    return element(r, call, false, out);
}

static int call_last(struct formula_run *r, const struct node *call, struct value *out)
{
    return element(r, call, true, out);
}

/* ---- arrays out of arrays ---------------------------------------------------------------- */

static struct value array_of(struct value *v, size_t n)
{
    return (struct value){.kind = VALUE_ARRAY, .v = v, .n = n};
}

static struct value *copy(struct formula_run *r, const struct value *array)
{
    struct value *v = arena_array(r->arena, struct value, array->n + 1);

    for (size_t i = 0; i < array->n; i++)
        v[i] = array->v[i];
    return v;
}

static int call_reverse(struct formula_run *r, const struct node *call, struct value *out)
{
    struct value array, *v;
    int rc = the_array(r, call, &array);

    if (rc < 0)
        return rc;
    v = copy(r, &array);
    for (size_t i = 0; i < array.n; i++)
        v[i] = array.v[array.n - 1 - i];
    *out = array_of(v, array.n);
    return 0;
}

static int call_uniq(struct formula_run *r, const struct node *call, struct value *out)
{
    struct value array, *v;
    size_t n = 0;
    int rc = the_array(r, call, &array);

    if (rc < 0)
        return rc;
    v = copy(r, &array);
    for (size_t i = 0; i < array.n; i++) {
        size_t k = 0;

        while (k < n && !formula__equal(&v[k], &array.v[i]))
            k++;
        if (k == n)
            v[n++] = array.v[i];
    }
    *out = array_of(v, n);
    return 0;
}

struct growing {
    struct value *v;
    size_t n, cap;
};

static void flatten(struct formula_run *r, const struct value *v, bool deep, struct growing *out)
{
    for (size_t i = 0; i < v->n; i++) {
        if (deep && v->v[i].kind == VALUE_ARRAY) {
            flatten(r, &v->v[i], true, out);
            continue;
        }
        ARENA_GROW(r->arena, out->v, out->n, out->cap, struct value);
        out->v[out->n++] = v->v[i];
    }
}

static int call_flatten(struct formula_run *r, const struct node *call, struct value *out)
{
    struct growing all = {0};
    struct value array;
    int rc = the_array(r, call, &array);

    if (rc < 0)
        return rc;
    flatten(r, &array, true, &all);
    *out = array_of(all.v, all.n);
    return 0;
}

static int call_concat(struct formula_run *r, const struct node *call, struct value *out)
{
    struct growing all = {0};

    for (size_t i = 0; i < call->n; i++) {
        struct value array;
        int rc = formula__eval(r, call->kids[i], &array);

        if (rc == 0 && array.kind != VALUE_ARRAY)
            rc = formula__bad_argument(r, call, &array);
        if (rc < 0)
            return rc;
        flatten(r, &array, false, &all);
    }
    *out = array_of(all.v, all.n);
    return 0;
}

static int call_take(struct formula_run *r, const struct node *call, struct value *out)
{
    struct value array, n;
    int rc = the_array(r, call, &array);

    rc = rc < 0 ? rc : formula__eval(r, call->kids[1], &n);
    if (rc == 0 && (n.kind != VALUE_INT || n.i < 0))
        rc = formula__bad_argument(r, call, &n);
    if (rc < 0)
        return rc;
    array.n = MIN(array.n, (uint64_t)n.i);
    *out = array;
    return 0;
}

/* An element and what it is sorted by. */
struct sortable {
    double by;
    size_t i;
};

static int by_number(const void *pa, const void *pb)
{
    const struct sortable *a = pa, *b = pb;

    if (a->by != b->by)
        return a->by < b->by ? -1 : 1;
    return a->i < b->i ? -1 : 1;
}

/* By itself, or by the predicate. */
static int call_sort(struct formula_run *r, const struct node *call, struct value *out)
{
    struct value array, *v;
    struct sortable *s;
    int rc = the_array(r, call, &array);

    if (rc < 0)
        return rc;
    s = arena_array(r->arena, struct sortable, array.n + 1);
    for (size_t i = 0; i < array.n; i++) {
        struct value by;

        rc = of_element(r, call, &array, i, &by);
        s[i].i = i;
        if (rc == 0 && !formula__number(&by, &s[i].by) && array.n > 1)
            rc = formula__bad_argument(r, call, &by);
        if (rc < 0)
            return rc;
    }
    qsort(s, array.n, sizeof(*s), by_number);
    v = arena_array(r->arena, struct value, array.n + 1);
    for (size_t i = 0; i < array.n; i++)
        v[i] = array.v[s[i].i];
    *out = array_of(v, array.n);
    return 0;
}

static const struct builtin builtins[] = {
    {"count",     1, 2,        ARGS_COUNT,   call_count     },
    {"all",       2, 2,        ARGS_TRUTH,   call_all       },
    {"any",       2, 2,        ARGS_TRUTH,   call_any       },
    {"one",       2, 2,        ARGS_TRUTH,   call_one       },
    {"none",      2, 2,        ARGS_TRUTH,   call_none      },
    {"filter",    2, 2,        ARGS_FILTER,  call_filter    },
    {"find",      2, 2,        ARGS_FIND,    call_find      },
    {"findIndex", 2, 2,        ARGS_COUNT,   call_find_index},
    {"map",       2, 2,        ARGS_MAP,     call_map       },
    {"sum",       1, 2,        ARGS_SUM,     call_sum       },
    {"reduce",    2, 3,        ARGS_REDUCE,  call_reduce    },
    {"sortBy",    2, 2,        ARGS_SORT_BY, call_sort      },
    {"sort",      1, 1,        ARGS_ARRAYS,  call_sort      },
    {"reverse",   1, 1,        ARGS_ARRAYS,  call_reverse   },
    {"uniq",      1, 1,        ARGS_ARRAYS,  call_uniq      },
    {"flatten",   1, 1,        ARGS_ARRAYS,  call_flatten   },
    {"concat",    1, SIZE_MAX, ARGS_ARRAYS,  call_concat    },
    {"take",      2, 2,        ARGS_TAKE,    call_take      },
    {"len",       1, 1,        ARGS_LEN,     call_len       },
    {"first",     1, 1,        ARGS_FIRST,   call_first     },
    {"last",      1, 1,        ARGS_FIRST,   call_last      },
};

const struct builtin *formula__array_builtin(struct str name)
{
    for (size_t i = 0; i < COUNT(builtins); i++)
        if (str_is(name, builtins[i].name))
            return &builtins[i];
    return NULL;
}
