/*
 * histogram.c - native histograms: copies, scaling, and what needs no bounds.
 */
#include "ferula/model/histogram.h"

#include <math.h>

#include "ferula/base/check.h"
#include "histogram_priv.h"

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
    if (histogram_is_custom(h)) /* a factor of infinity makes NaN of 0 */
        copy->zero_threshold = copy->zero_count = 0;
    if (h->n_bounds > 0) {
        double *bounds = arena_array(a, double, h->n_bounds);

        for (size_t i = 0; i < h->n_bounds; i++)
            bounds[i] = h->bounds[i];
        copy->bounds = bounds;
    }
    return copy;
}

/* ---- arithmetic ------------------------------------------------------------------------- */

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

void histogram_div(struct histogram *h, double divisor)
{
    h->zero_count /= divisor;
    h->count /= divisor;
    h->sum /= divisor;
    if (divisor == 0) {
        h->pos.n = h->neg.n = 0;
        return;
    }
    for (size_t i = 0; i < h->pos.n; i++)
        h->pos.count[i] /= divisor;
    for (size_t i = 0; i < h->neg.n; i++)
        h->neg.count[i] /= divisor;
    if (divisor < 0)
        h->hint = HISTOGRAM_GAUGE;
}

void model__compact_side(struct histogram_side *side, double *c)
{
    size_t n = 0;

    for (size_t i = 0; i < side->n; i++) {
        if (side->count[i] == 0 && (c == NULL || c[i] == 0))
            continue;
        side->index[n] = side->index[i];
        side->count[n] = side->count[i];
        if (c != NULL)
            c[n] = c[i];
        n++;
    }
    side->n = n;
}

void histogram_compact(struct histogram *h)
{
    model__compact_side(&h->pos, NULL);
    model__compact_side(&h->neg, NULL);
}

static void compact_both(struct histogram_side *side, struct histogram_side *c)
{
    model__compact_side(side, c->count);
    c->index = side->index;
    c->n = side->n;
}

void histogram_kahan_compact(struct histogram *h, struct histogram *c)
{
    compact_both(&h->pos, &c->pos);
    compact_both(&h->neg, &c->neg);
}

bool model__merge_next(struct model__merge *m, bool kahan, struct model__merged *out)
{
    const struct histogram_side *s = m->side;

    if (m->i == s->n)
        return false;
    *out =
        (struct model__merged){model__coarser_index(s->index[m->i], m->shift), s->count[m->i], 0};
    m->i++;
    for (; m->shift > 0 && m->i < s->n; m->i++) {
        if (model__coarser_index(s->index[m->i], m->shift) != out->index)
            break;
        if (kahan) {
            model__kahan_inc(s->count[m->i], &out->count, &out->c);
            model__kahan_inc(0, &out->count, &out->c); /* Prometheus adds the empty loss */
        } else {
            out->count += s->count[m->i];
        }
    }
    return true;
}

static void reduce_side(struct histogram_side *side, double *c, int shift)
{
    size_t n = 0;

    for (size_t i = 0; i < side->n; i++) {
        int32_t index = model__coarser_index(side->index[i], shift);

        if (n > 0 && side->index[n - 1] == index) {
            if (c != NULL) {
                model__kahan_inc(side->count[i], &side->count[n - 1], &c[n - 1]);
                model__kahan_inc(c[i], &side->count[n - 1], &c[n - 1]);
            } else {
                side->count[n - 1] += side->count[i];
            }
            continue;
        }
        side->index[n] = index;
        side->count[n] = side->count[i];
        if (c != NULL)
            c[n] = c[i];
        n++;
    }
    side->n = n;
}

void model__reduce(struct histogram *h, struct histogram *c, int32_t schema)
{
    int shift = h->schema - schema;

    reduce_side(&h->pos, c == NULL ? NULL : c->pos.count, shift);
    reduce_side(&h->neg, c == NULL ? NULL : c->neg.count, shift);
    h->schema = schema;
    if (c != NULL) {
        c->pos.n = h->pos.n;
        c->neg.n = h->neg.n;
        c->schema = schema;
    }
}

void histogram_reduce(struct histogram *h, int32_t schema)
{
    CHECK(!histogram_is_custom(h) && schema <= h->schema);
    model__reduce(h, NULL, schema);
}

/* ---- questions -------------------------------------------------------------------------- */

static bool side_overflows(const struct histogram_side *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (isinf(s->count[i]))
            return true;
    }
    return false;
}

bool histogram_has_overflow(const struct histogram *h)
{
    if (isinf(h->zero_count) || isinf(h->count) || isinf(h->sum))
        return true;
    for (size_t i = 0; i < h->n_bounds; i++) {
        if (isinf(h->bounds[i]))
            return true;
    }
    return side_overflows(&h->pos) || side_overflows(&h->neg);
}

static bool sides_equal(const struct histogram_side *x, const struct histogram_side *y)
{
    if (x->n != y->n)
        return false;
    for (size_t i = 0; i < x->n; i++) {
        if (x->index[i] != y->index[i] || !same_bits(x->count[i], y->count[i]))
            return false;
    }
    return true;
}

bool histogram_equal(const struct histogram *x, const struct histogram *y)
{
    if (x->schema != y->schema || !same_bits(x->count, y->count) || !same_bits(x->sum, y->sum))
        return false;
    if (histogram_is_custom(x) && !model__custom_bounds_match(x, y))
        return false;
    return x->zero_threshold == y->zero_threshold && same_bits(x->zero_count, y->zero_count) &&
           sides_equal(&x->neg, &y->neg) && sides_equal(&x->pos, &y->pos);
}

bool histogram_span_next(const struct histogram_side *s, struct histogram_span *span)
{
    size_t at = span->at + span->n, n = 1;
    int64_t end = at == 0 ? 0 : (int64_t)s->index[at - 1] + 1;

    if (at == s->n)
        return false;
    while (at + n < s->n && s->index[at + n] == (int64_t)s->index[at + n - 1] + 1)
        n++;
    *span = (struct histogram_span){at, n, s->index[at] - end};
    return true;
}

size_t histogram_n_spans(const struct histogram_side *s)
{
    struct histogram_span span = {0};
    size_t n = 0;

    while (histogram_span_next(s, &span))
        n++;
    return n;
}

/* A run of neighbours is a span in Prometheus; both spans and counts take 8 bytes. */
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
