/*
 * chunk.c - Prometheus' chunks: bits, the highest first; times as differences of differences,
 * values as what an exclusive or with the value before leaves.
 */
#include "chunk.h"

#include <math.h>

#include "ferula/base/check.h"

#include "pb.h"

/* ---- bits ------------------------------------------------------------------------------- */

struct bits {
    struct buf *out;
    unsigned free; /* low bits of the last byte that are not used */
};

static void put(struct bits *b, uint64_t v, unsigned n)
{
    while (n > 0) {
        unsigned take;

        if (b->free == 0) {
            buf_putc(b->out, 0);
            b->free = 8;
        }
        take = MIN(n, b->free);
        n -= take;
        b->free -= take;
        b->out->p[b->out->n - 1] |= (char)(uint8_t)((v >> n & ((1u << take) - 1)) << b->free);
    }
}

static void put_byte(struct bits *b, uint8_t byte)
{
    put(b, byte, 8);
}

/* As encoding/binary's varints, seven bits a byte. */
static void put_uvarint(struct bits *b, uint64_t v)
{
    for (; v > 0x7f; v >>= 7)
        put_byte(b, (uint8_t)(v | 0x80));
    put_byte(b, (uint8_t)v);
}

/* n bits hold -(2^(n-1) - 1) to 2^(n-1). */
static bool fits(int64_t v, unsigned n)
{
    return v >= -((INT64_C(1) << (n - 1)) - 1) && v <= INT64_C(1) << (n - 1);
}

/* A length class: `n_prefix` bits of `prefix`, then `n` bits of the number. */
struct class
{
    unsigned prefix, n_prefix, n;
};

static const struct class varbit[] = {
    {0x2,  2, 3 },
    {0x6,  3, 6 },
    {0xe,  4, 9 },
    {0x1e, 5, 12},
    {0x3e, 6, 18},
    {0x7e, 7, 25},
    {0xfe, 8, 56},
};

static const struct class time_classes[] = {
    {0x2, 2, 14},
    {0x6, 3, 17},
    {0xe, 4, 20},
};

static void put_class(struct bits *b, const struct class *c, uint64_t v)
{
    put(b, c->prefix, c->n_prefix);
    put(b, c->n == 64 ? v : v & ((UINT64_C(1) << c->n) - 1), c->n);
}

static void put_varbit_int(struct bits *b, int64_t v)
{
    if (v == 0) {
        put(b, 0, 1);
        return;
    }
    for (size_t i = 0; i < COUNT(varbit); i++)
        if (fits(v, varbit[i].n)) {
            put_class(b, &varbit[i], (uint64_t)v);
            return;
        }
    put(b, 0xff, 8);
    put(b, (uint64_t)v, 64);
}

static void put_varbit_uint(struct bits *b, uint64_t v)
{
    if (v == 0) {
        put(b, 0, 1);
        return;
    }
    for (size_t i = 0; i < COUNT(varbit); i++)
        if (v < UINT64_C(1) << varbit[i].n) {
            put_class(b, &varbit[i], v);
            return;
        }
    put(b, 0xff, 8);
    put(b, v, 64);
}

/* One number that changes from sample to sample. */
struct xor_value {
    double v;
    unsigned leading, trailing;
    bool known; /* leading and trailing are those of an earlier change */
};

static void put_xor(struct bits *b, struct xor_value *x, double v)
{
    uint64_t delta = f64_bits(v) ^ f64_bits(x->v);
    unsigned leading, trailing;

    x->v = v;
    if (delta == 0) {
        put(b, 0, 1);
        return;
    }
    put(b, 1, 1);
    leading = MIN((unsigned)__builtin_clzll(delta), 31u);
    trailing = (unsigned)__builtin_ctzll(delta);
    if (x->known && leading >= x->leading && trailing >= x->trailing) {
        put(b, 0, 1);
        put(b, delta >> x->trailing, 64 - x->leading - x->trailing);
        return;
    }
    x->leading = leading;
    x->trailing = trailing;
    x->known = true;
    put(b, 1, 1);
    put(b, leading, 5);
    put(b, (64 - leading - trailing) & 0x3f, 6);
    put(b, delta >> trailing, 64 - leading - trailing);
}

/* ---- floats ----------------------------------------------------------------------------- */

static void put_time_change(struct bits *b, int64_t dod)
{
    if (dod == 0) {
        put(b, 0, 1);
        return;
    }
    for (size_t i = 0; i < COUNT(time_classes); i++)
        if (fits(dod, time_classes[i].n)) {
            put_class(b, &time_classes[i], (uint64_t)dod);
            return;
        }
    put(b, 0xf, 4);
    put(b, (uint64_t)dod, 64);
}

static void put_count(struct bits *b, size_t n)
{
    put_byte(b, (uint8_t)(n >> 8));
    put_byte(b, (uint8_t)n);
}

void ingest__chunk_floats(struct buf *out, const struct sample *s, size_t n)
{
    struct bits b = {.out = out};
    struct xor_value x = {.v = s[0].v};
    int64_t delta = 0;

    CHECK(n >= 1 && n <= CHUNK_SAMPLES);
    put_count(&b, n);
    put_uvarint(&b, pb_zigzag(s[0].t));
    put(&b, f64_bits(s[0].v), 64);
    for (size_t i = 1; i < n; i++) {
        int64_t now = s[i].t - s[i - 1].t;

        if (i == 1)
            put_uvarint(&b, (uint64_t)now);
        else
            put_time_change(&b, now - delta);
        delta = now;
        put_xor(&b, &x, s[i].v);
    }
}

/* ---- histograms ------------------------------------------------------------------------- */

/* Powers of two are a byte; the numbers are those of Prometheus' format. */
static void put_zero_threshold(struct bits *b, double v)
{
    int exponent;
    double fraction = frexp(v, &exponent);

    if (v == 0) {
        put_byte(b, 0);
    } else if (fraction != 0.5 || exponent < -242 || exponent > 11) {
        put_byte(b, 255);
        put(b, f64_bits(v), 64);
    } else {
        put_byte(b, (uint8_t)(exponent + 243));
    }
}

/* Bounds of at most three decimals are whole thousandths. */
static void put_bound(struct bits *b, double v)
{
    double thousandths = round(v * 1000);

    if (v * 1000 >= 0 && v * 1000 <= 33554430 && thousandths / 1000 == v) {
        put_varbit_uint(b, (uint64_t)thousandths + 1);
        return;
    }
    put(b, 0, 1);
    put(b, f64_bits(v), 64);
}

static void put_spans(struct bits *b, const struct histogram_side *s)
{
    struct histogram_span span = {0};

    put_varbit_uint(b, histogram_n_spans(s));
    while (histogram_span_next(s, &span)) {
        put_varbit_uint(b, span.n);
        put_varbit_int(b, span.gap);
    }
}

static void put_layout(struct bits *b, const struct histogram *h)
{
    put_zero_threshold(b, h->zero_threshold);
    put_varbit_int(b, h->schema);
    put_spans(b, &h->pos);
    put_spans(b, &h->neg);
    if (!histogram_is_custom(h))
        return;
    put_varbit_uint(b, h->n_bounds);
    for (size_t i = 0; i < h->n_bounds; i++)
        put_bound(b, h->bounds[i]);
}

static bool same_indexes(const struct histogram_side *x, const struct histogram_side *y)
{
    return x->n == y->n && (x->n == 0 || memcmp(x->index, y->index, x->n * sizeof(*x->index)) == 0);
}

static bool same_layout(const struct histogram *x, const struct histogram *y)
{
    return x->schema == y->schema && same_bits(x->zero_threshold, y->zero_threshold) &&
           same_indexes(&x->pos, &y->pos) && same_indexes(&x->neg, &y->neg) &&
           x->n_bounds == y->n_bounds &&
           (x->n_bounds == 0 || memcmp(x->bounds, y->bounds, x->n_bounds * sizeof(double)) == 0);
}

/* Whether `h` may stand in a chunk behind `prev`: then it is read as "not reset", or as a gauge. */
static bool goes_on(const struct histogram *h, const struct histogram *prev)
{
    if (histogram_is_stale(h) || histogram_is_stale(prev) || !same_layout(h, prev))
        return false;
    return h->hint == (prev->hint == HISTOGRAM_GAUGE ? HISTOGRAM_GAUGE : HISTOGRAM_NOT_RESET);
}

static uint8_t reset_flags(const struct histogram *h)
{
    static const uint8_t flags[] = {
        [HISTOGRAM_UNKNOWN] = 0,
        [HISTOGRAM_RESET] = 0x80,
        [HISTOGRAM_NOT_RESET] = 0x40,
        [HISTOGRAM_GAUGE] = 0xc0,
    };

    return flags[h->hint];
}

/* The n-th number of a histogram in the order of the format. */
static double number(const struct histogram *h, size_t n)
{
    const double first[] = {h->count, h->zero_count, h->sum};

    if (n < COUNT(first))
        return first[n];
    n -= COUNT(first);
    return n < h->pos.n ? h->pos.count[n] : h->neg.count[n - h->pos.n];
}

static void put_histograms(struct bits *b, const struct hsample *h, size_t n)
{
    size_t n_numbers = 3 + h[0].h->pos.n + h[0].h->neg.n;
    struct arena a = {0};
    struct xor_value *x = arena_array(&a, struct xor_value, n_numbers);
    int64_t delta = 0;

    put_varbit_int(b, h[0].t);
    for (size_t k = 0; k < n_numbers; k++) {
        x[k].v = number(h[0].h, k);
        put(b, f64_bits(x[k].v), 64);
    }
    for (size_t i = 1; i < n; i++) {
        int64_t now = h[i].t - h[i - 1].t;

        put_varbit_int(b, now - delta);
        delta = now;
        for (size_t k = 0; k < n_numbers; k++)
            put_xor(b, &x[k], number(h[i].h, k));
    }
    arena_release(&a);
}

size_t ingest__chunk_histograms(struct buf *out, const struct hsample *h, size_t n)
{
    const struct histogram stale = {.sum = f64_from_bits(STALE_NAN_BITS)};
    const struct hsample end = {h[0].t, &stale};
    struct bits b = {.out = out};
    size_t len = 1;

    if (histogram_is_stale(h[0].h))
        h = &end;
    else
        while (len < n && len < CHUNK_SAMPLES && goes_on(h[len].h, h[len - 1].h))
            len++;
    put_count(&b, len);
    put_byte(&b, reset_flags(h[0].h));
    put_layout(&b, h[0].h);
    put_histograms(&b, h, len);
    return len;
}
