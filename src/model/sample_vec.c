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

void hsample_vec_push(struct hsample_vec *hv, struct hsample h)
{
    if (hv->n == hv->cap) {
        hv->cap = MAX(hv->cap * 2, LEAST_SAMPLES);
        hv->v = xrealloc(hv->v, hv->cap, sizeof(*hv->v));
    }
    hv->v[hv->n++] = h;
}

void hsample_vec_release(struct hsample_vec *hv)
{
    free(hv->v);
    *hv = (struct hsample_vec){0};
}

void ts_vec_push(struct ts_vec *tv, ts_ms t)
{
    if (tv->n == tv->cap) {
        tv->cap = MAX(tv->cap * 2, LEAST_SAMPLES);
        tv->v = xrealloc(tv->v, tv->cap, sizeof(*tv->v));
    }
    tv->v[tv->n++] = t;
}

void ts_vec_release(struct ts_vec *tv)
{
    free(tv->v);
    *tv = (struct ts_vec){0};
}

void series_samples_reset(struct series_samples *ss)
{
    ss->f.n = ss->h.n = ss->f_start.n = ss->h_start.n = 0;
}

void series_samples_release(struct series_samples *ss)
{
    sample_vec_release(&ss->f);
    hsample_vec_release(&ss->h);
    ts_vec_release(&ss->f_start);
    ts_vec_release(&ss->h_start);
}

int source_read_floats(const struct source_selection *sel, size_t i, struct sample_vec *out,
                       struct fault *f)
{
    struct arena a = {0};
    struct series_samples ss = {.arena = &a};
    int rc = sel->source->ops->read(sel, i, &ss, f);

    if (rc == 0) {
        sample_vec_reserve(out, ss.f.n);
        for (size_t k = 0; k < ss.f.n; k++)
            sample_vec_push(out, ss.f.v[k]);
    }
    series_samples_release(&ss);
    arena_release(&a);
    return rc;
}
