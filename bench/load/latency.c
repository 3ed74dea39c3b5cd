/*
 * latency.c - microseconds in a growing array.
 */
#include "latency.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

void latency_release(struct latency *l)
{
    free(l->us);
    *l = (struct latency){0};
}

void latency_add(struct latency *l, int64_t ns)
{
    if (l->n == l->cap) {
        l->cap = l->cap == 0 ? 1024 : l->cap * 2;
        l->us = xrealloc(l->us, l->cap, sizeof(*l->us));
    }
    l->us[l->n++] = (uint32_t)MIN(ns / 1000, (int64_t)UINT32_MAX);
}

void latency_add_all(struct latency *to, const struct latency *from)
{
    for (size_t i = 0; i < from->n; i++)
        latency_add(to, (int64_t)from->us[i] * 1000);
}

static int by_size(const void *pa, const void *pb)
{
    uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

    return a < b ? -1 : a > b;
}

double latency_ms(struct latency *l, unsigned percent)
{
    if (l->n == 0)
        return 0;
    qsort(l->us, l->n, sizeof(*l->us), by_size);
    return l->us[MIN((l->n * percent + 99) / 100, l->n) - (percent > 0)] / 1000.0;
}
