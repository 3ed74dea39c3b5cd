/*
 * nhcb.c - classic histograms as native ones with custom buckets, as load_with_nhcb wants.
 */
#include "load.h"

#include <math.h>
#include <stdlib.h>

#include "ferula/base/num.h"
#include "ferula/model/histogram.h"

/* A sample of a series *_bucket, *_count, *_sum. */
struct part {
    struct labels labels; /* of the native histogram */
    ts_ms t;
    enum { PART_BUCKET, PART_COUNT, PART_SUM } kind;
    double le, v;
    size_t order; /* of writing: the first of equal buckets, the last of counts holds */
};

struct parts {
    struct part *v;
    size_t n, cap;
};

static int by_place(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    int order = labels_cmp(x->labels, y->labels);

    if (order != 0)
        return order;
    if (x->t != y->t)
        return x->t < y->t ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->le < y->le || x->le > y->le)
        return x->le < y->le ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static void collect(struct arena *a, struct parts *parts, const struct loaded *s)
{
    static const char *const suffixes[] = {
        [PART_BUCKET] = "_bucket", [PART_COUNT] = "_count", [PART_SUM] = "_sum"};
    struct str name = labels_name(s->labels);
    struct part part = {0};
    int kind = 0;

    while (kind < 3 && !str_ends(name, suffixes[kind]))
        kind++;
    if (kind == 3)
        return;
    if (kind == PART_BUCKET &&
        (!num_parse(labels_get(s->labels, STR("le")), &part.le, NULL) || isnan(part.le)))
        return;
    name.n -= strlen(suffixes[kind]);
    part.kind = kind;
    part.labels = labels_set(a, labels_without(a, s->labels, STR("le")), STR(LABEL_NAME), name);
    for (size_t i = 0; i < s->n; i++) {
        if (s->samples[i].h != NULL)
            continue;
        part.t = s->samples[i].t;
        part.v = s->samples[i].v;
        part.order = parts->n;
        ARENA_GROW(a, parts->v, parts->n, parts->cap, struct part);
        parts->v[parts->n++] = part;
    }
}

/* Takes over the cumulative counts of `parts`, buckets in order of their bounds. */
static int fill(struct histogram *h, double *bounds, const struct part *parts, size_t n)
{
    bool counted = false;
    double below = 0, last = 0, infinite = -1;

    for (size_t i = 0; i < n; i++) {
        const struct part *p = &parts[i];

        if (p->kind != PART_SUM && p->v < 0)
            return FER_EINVAL;
        if (p->kind == PART_SUM) {
            h->sum = p->v;
        } else if (p->kind == PART_COUNT) {
            h->count = p->v;
            counted = true;
        } else if (i == 0 || p->le > parts[i - 1].le) {
            if (p->v < last)
                return FER_EINVAL;
            last = p->v;
            if (isinf(p->le) && p->le > 0) {
                infinite = p->v;
                continue;
            }
            bounds[h->n_bounds] = p->le;
            h->pos.count[h->n_bounds++] = p->v - below;
            below = p->v;
        }
    }
    if (!counted)
        h->count = last;
    if (infinite >= 0 && !(infinite == h->count))
        return FER_EINVAL;
    h->pos.count[h->n_bounds] = h->count - below;
    return 0;
}

/* The histogram of `n` parts that have labels and time in common. */
static int convert(struct script *s, const struct part *parts, size_t n)
{
    struct histogram *h = arena_new(s->a, struct histogram);
    double *bounds = arena_array(s->a, double, n + 1);
    int rc;

    h->schema = HISTOGRAM_CUSTOM;
    h->pos.count = arena_array(s->a, double, n + 1);
    h->pos.index = arena_array(s->a, int32_t, n + 1);
    rc = fill(h, bounds, parts, n);
    if (rc < 0)
        return rc;
    h->bounds = bounds;
    h->pos.n = h->n_bounds + 1;
    for (size_t i = 0; i < h->pos.n; i++)
        h->pos.index[i] = (int32_t)i;
    histogram_compact(h);
    rc = histogram_validate(h, &(struct fault){0});
    return rc < 0 ? rc : mem_source_append(s->source, parts->labels, parts->t, 0, 0, h);
}

int load_custom_buckets(struct script *s, const struct loaded *v, size_t n)
{
    struct parts parts = {0};
    size_t end;
    int rc = 0;

    for (size_t i = 0; i < n; i++)
        collect(s->a, &parts, &v[i]);
    if (parts.n > 1)
        qsort(parts.v, parts.n, sizeof(*parts.v), by_place);
    for (size_t i = 0; i < parts.n && rc == 0; i = end) {
        for (end = i + 1; end < parts.n && parts.v[end].t == parts.v[i].t &&
                          labels_eq(parts.v[end].labels, parts.v[i].labels);
             end++)
            ;
        rc = convert(s, &parts.v[i], end - i);
    }
    return rc;
}
