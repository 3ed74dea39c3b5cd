/*
 * sample_vec.c - decoded samples, in memory that is used again from series to series.
 */
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/model/source.h"

#define LEAST_SAMPLES 64

void sample_vec_reserve(struct sample_vec *sv, size_t more)
{
    size_t cap;

    CHECK(more <= SIZE_MAX / sizeof(*sv->v) / 4 && sv->n <= SIZE_MAX / sizeof(*sv->v) / 4);
    if (sv->n + more <= sv->cap)
        return;
    cap = MAX(sv->cap * 2, LEAST_SAMPLES);
    sv->cap = MAX(cap, sv->n + more);
    sv->v = xrealloc(sv->v, sv->cap, sizeof(*sv->v));
}

void sample_vec_push(struct sample_vec *sv, struct sample s)
{
    if (sv->n == sv->cap)
        sample_vec_reserve(sv, 1);
    sv->v[sv->n++] = s;
}

void sample_vec_release(struct sample_vec *sv)
{
    free(sv->v);
    *sv = (struct sample_vec){0};
}
