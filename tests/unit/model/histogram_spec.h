/*
 * histogram_spec.h - native histograms as rows of tables.
 */
#ifndef FERULA_TESTS_UNIT_MODEL_HISTOGRAM_SPEC_H
#define FERULA_TESTS_UNIT_MODEL_HISTOGRAM_SPEC_H

#include "cases.h"

#include "ferula/model/histogram.h"

#define MAX_SPEC 8

struct spec {
    int32_t schema;
    enum histogram_hint hint;
    bool integer, stale;
    double z_width, z, count, sum;
    struct {
        int32_t index;
        double count;
    } pos[MAX_SPEC], neg[MAX_SPEC]; /* up to {0, 0} */
    size_t n_bounds;
    double bounds[MAX_SPEC];
};

#define SPEC_SIDE(a, side, from)                                                                   \
    do {                                                                                           \
        (side)->index = arena_array((a), int32_t, MAX_SPEC);                                       \
        (side)->count = arena_array((a), double, MAX_SPEC);                                        \
        while ((side)->n < MAX_SPEC &&                                                             \
               ((from)[(side)->n].index != 0 || (from)[(side)->n].count != 0)) {                   \
            (side)->index[(side)->n] = (from)[(side)->n].index;                                    \
            (side)->count[(side)->n] = (from)[(side)->n].count;                                    \
            (side)->n++;                                                                           \
        }                                                                                          \
    } while (0)

static inline struct histogram *spec_make(struct arena *a, const struct spec *s)
{
    struct histogram *h = arena_new(a, struct histogram);

    h->schema = s->schema;
    h->hint = s->hint;
    h->integer = s->integer;
    h->zero_threshold = s->z_width;
    h->zero_count = s->z;
    h->count = s->count;
    h->sum = s->stale ? f64_from_bits(STALE_NAN_BITS) : s->sum;
    SPEC_SIDE(a, &h->pos, s->pos);
    SPEC_SIDE(a, &h->neg, s->neg);
    h->n_bounds = s->n_bounds;
    h->bounds = s->bounds;
    return h;
}

static inline void assert_expression(const struct histogram *h, const char *want)
{
    struct buf b = {0};

    histogram_print_expression(&b, h);
    assert_str(buf_str(&b), want);
    buf_release(&b);
}

#endif
