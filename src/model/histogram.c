/*
 * histogram.c - native histograms: copies, and what storage does to their hints.
 */
#include "ferula/model/histogram.h"

#include "ferula/base/check.h"

static void copy_side(struct arena *a, struct histogram_side *to, const struct histogram_side *from)
{
    to->n = from->n;
    to->index = arena_alloc_raw(a, MAX(from->n, 1) * sizeof(*to->index), _Alignof(int32_t));
    to->count = arena_alloc_raw(a, MAX(from->n, 1) * sizeof(*to->count), _Alignof(double));
    for (size_t i = 0; i < from->n; i++) {
        to->index[i] = from->index[i];
        to->count[i] = from->count[i];
    }
}

struct histogram *histogram_copy(struct arena *a, const struct histogram *h)
{
    struct histogram *copy = arena_new(a, struct histogram);

    *copy = *h;
    copy_side(a, &copy->pos, &h->pos);
    copy_side(a, &copy->neg, &h->neg);
    if (h->n_bounds > 0) {
        double *bounds = arena_array(a, double, h->n_bounds);

        for (size_t i = 0; i < h->n_bounds; i++)
            bounds[i] = h->bounds[i];
        copy->bounds = bounds;
    }
    return copy;
}

enum histogram_hint histogram_stored_hint(const struct histogram *h, const struct histogram *prev)
{
    if (h->hint == HISTOGRAM_GAUGE)
        return HISTOGRAM_GAUGE;
    return prev == NULL ? HISTOGRAM_UNKNOWN : HISTOGRAM_NOT_RESET;
}

void histogram_mul(struct histogram *h, double factor)
{
    h->zero_count *= factor;
    h->count *= factor;
    h->sum *= factor;
    for (size_t i = 0; i < h->pos.n; i++)
        h->pos.count[i] *= factor;
    for (size_t i = 0; i < h->neg.n; i++)
        h->neg.count[i] *= factor;
    if (factor < 0)
        h->hint = HISTOGRAM_GAUGE;
}

static size_t side_size(const struct histogram_side *s)
{
    size_t spans = 0;

    for (size_t i = 0; i < s->n; i++)
        spans += i == 0 || s->index[i] != s->index[i - 1] + 1;
    return spans * 8 + s->n * 8;
}

size_t histogram_size(const struct histogram *h)
{
    return 168 + side_size(&h->pos) + side_size(&h->neg) + h->n_bounds * 8;
}
