/*
 * order.c - sorting values that may be NaN, heaps, and quantiles. Among equals the order is that of
 * Go's sort and container/heap for the small inputs where one can tell.
 */
#include <math.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

#include "eval.h"
#include "gomath.h"

/* Up to here Go's sort is an insertion sort. */
#define SMALL 12

bool promql__less_up(const void *ctx, const struct promql__ranked *a,
                     const struct promql__ranked *b)
{
    (void)ctx;
    return isnan(a->v) || a->v < b->v;
}

bool promql__less_down(const void *ctx, const struct promql__ranked *a,
                       const struct promql__ranked *b)
{
    (void)ctx;
    return isnan(a->v) || a->v > b->v;
}

struct order {
    promql__less_fn *less;
    const void *ctx;
    bool reverse;
};

static bool before(const struct order *o, const struct promql__ranked *a,
                   const struct promql__ranked *b)
{
    return o->reverse ? o->less(o->ctx, b, a) : o->less(o->ctx, a, b);
}

static void insertion_sort(struct promql__ranked *v, size_t n, const struct order *o)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && before(o, &v[j], &v[j - 1]); j--) {
            struct promql__ranked x = v[j];

            v[j] = v[j - 1];
            v[j - 1] = x;
        }
}

static void merge_sort(struct promql__ranked *v, size_t n, struct promql__ranked *room,
                       const struct order *o)
{
    size_t half = n / 2, i = 0, j = half, k = 0;

    if (n <= SMALL) {
        insertion_sort(v, n, o);
        return;
    }
    merge_sort(v, half, room, o);
    merge_sort(v + half, n - half, room, o);
    memcpy(room, v, n * sizeof(*v));
    while (i < half || j < n)
        v[k++] = j == n || (i < half && !before(o, &room[j], &room[i])) ? room[i++] : room[j++];
}

static void sort(struct promql__ranked *v, size_t n, const struct order *o)
{
    struct promql__ranked *room;

    if (n <= SMALL) {
        insertion_sort(v, n, o);
        return;
    }
    room = xcalloc(n, sizeof(*room));
    merge_sort(v, n, room, o);
    free(room);
}

void promql__sort(struct promql__ranked *v, size_t n, promql__less_fn *less, const void *ctx)
{
    sort(v, n, &(struct order){less, ctx, false});
}

void promql__sort_reverse(struct promql__ranked *v, size_t n, promql__less_fn *less,
                          const void *ctx)
{
    sort(v, n, &(struct order){less, ctx, true});
}

static void swap(struct promql__ranked *a, struct promql__ranked *b)
{
    struct promql__ranked x = *a;

    *a = *b;
    *b = x;
}

void promql__heap_push(struct promql__ranked *v, size_t *n, struct promql__ranked x,
                       promql__less_fn *less)
{
    size_t i = (*n)++;

    v[i] = x;
    while (i > 0) {
        size_t parent = (i - 1) / 2;

        if (!less(NULL, &v[i], &v[parent]))
            break;
        swap(&v[i], &v[parent]);
        i = parent;
    }
}

void promql__heap_sink(struct promql__ranked *v, size_t n, promql__less_fn *less)
{
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= n)
            break;
        if (child + 1 < n && less(NULL, &v[child + 1], &v[child]))
            child++;
        if (!less(NULL, &v[child], &v[i]))
            break;
        swap(&v[i], &v[child]);
        i = child;
    }
}

static int nan_first(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    if (isnan(x) || isnan(y))
        return isnan(y) - isnan(x);
    return (x > y) - (x < y);
}

/* Few values are the common case, and then qsort's calls cost more than they save. */
static void sort_values(double *v, size_t n)
{
    if (n > 4 * SMALL) {
        qsort(v, n, sizeof(*v), nan_first);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        double x = v[i];
        size_t j = i;

        for (; j > 0 && nan_first(&x, &v[j - 1]) < 0; j--)
            v[j] = v[j - 1];
        v[j] = x;
    }
}

double promql__quantile(double phi, double *v, size_t n)
{
    double rank, floor_rank, lower, upper, weight;

    if (n == 0 || isnan(phi))
        return go_nan();
    if (phi < 0)
        return -INFINITY;
    if (phi > 1)
        return INFINITY;
    sort_values(v, n);
    rank = phi * ((double)n - 1);
    floor_rank = floor(rank);
    lower = floor_rank > 0 ? floor_rank : 0;
    upper = lower + 1 < (double)n - 1 ? lower + 1 : (double)n - 1;
    weight = rank - floor_rank;
    return v[(size_t)lower] * (1 - weight) + v[(size_t)upper] * weight;
}
