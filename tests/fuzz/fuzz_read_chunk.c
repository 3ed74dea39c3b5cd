/*
 * fuzz_read_chunk.c - samples that the input describes, as the chunks of remote read, and back
 * through a reader of Prometheus' formats that shares no code with the writer.
 *
 * Floats and histograms come back with the same times and bits; histograms with the same buckets
 * and the hint that they had. The formats are those of Prometheus' tsdb/chunkenc.
 */
#include "chunk.h"

#include <math.h>
#include <string.h>

#include "ferula/base/check.h"

#define SAMPLES_MAX (2 * CHUNK_SAMPLES)
#define BUCKETS_MAX 24
#define TIME_MOST   (INT64_C(1) << 53) /* ms; the store's bounds are narrower */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* ---- what the input describes ----------------------------------------------------------- */

struct in {
    const uint8_t *p, *end;
};

/* Zeros when the input is at its end. */
static uint64_t take(struct in *in, size_t n)
{
    uint64_t v = 0;

    for (; n > 0 && in->p < in->end; n--)
        v = v << 8 | *in->p++;
    return v;
}

static ts_ms first_time(struct in *in)
{
    return (ts_ms)(take(in, 7) % (2 * TIME_MOST)) - TIME_MOST;
}

/* Regular steps, nearly regular ones and jumps. */
static ts_ms next_time(struct in *in, ts_ms t)
{
    uint64_t kind = take(in, 1);

    if (kind < 128)
        return t + 15000 + (ts_ms)(kind % 8);
    return t + 1 + (ts_ms)(take(in, 1 + kind % 6));
}

static double next_value(struct in *in, double v)
{
    uint64_t kind = take(in, 1);

    switch (kind % 8) {
    case 0:
        return v;
    case 1:
        return f64_from_bits(STALE_NAN_BITS);
    case 2:
        return f64_from_bits(take(in, 8)); /* NaNs with any payload among them */
    case 3:
        return f64_from_bits(f64_bits(v) ^ take(in, 2) << kind / 8);
    default:
        return v + (double)(kind / 8);
    }
}

static size_t take_floats(struct in *in, struct sample *s)
{
    size_t n = 1;

    s[0] = (struct sample){first_time(in), next_value(in, 0)};
    for (; in->p < in->end && n < SAMPLES_MAX; n++)
        s[n] = (struct sample){next_time(in, s[n - 1].t), next_value(in, s[n - 1].v)};
    return n;
}

static void take_side(struct in *in, struct arena *a, struct histogram_side *s, int64_t from)
{
    size_t n = take(in, 1) % BUCKETS_MAX;
    int64_t next = from;

    s->index = arena_array(a, int32_t, n + 1);
    s->count = arena_array(a, double, n + 1);
    for (; s->n < n && next < INT32_MAX; s->n++) {
        uint64_t gap = take(in, 1);

        next += gap < 192 ? 0 : (int64_t)take(in, 1 + gap % 4);
        if (next >= INT32_MAX)
            return;
        s->index[s->n] = (int32_t)next++;
    }
}

static void take_bounds(struct in *in, struct arena *a, struct histogram *h)
{
    double *bounds = arena_array(a, double, h->pos.n + 1);
    double bound = (double)(int64_t)take(in, 2) / 1000;

    for (h->pos.n = MIN(h->pos.n, BUCKETS_MAX); h->n_bounds < h->pos.n; h->n_bounds++) {
        bounds[h->n_bounds] = bound;
        h->pos.index[h->n_bounds] = (int32_t)h->n_bounds;
        bound += take(in, 1) % 2 ? (double)(1 + take(in, 3)) / 1000 : 1.0 / 3;
    }
    h->bounds = bounds;
}

/* Other buckets, all empty. */
static struct histogram *take_layout(struct in *in, struct arena *a)
{
    struct histogram *h = arena_new(a, struct histogram);
    uint64_t kind = take(in, 1);

    h->schema = kind % 16 == 13 ? HISTOGRAM_CUSTOM : (int32_t)(kind % 13) + HISTOGRAM_SCHEMA_MIN;
    h->integer = kind & 0x80;
    take_side(in, a, &h->pos, histogram_is_custom(h) ? 0 : (int32_t)take(in, 1 + kind % 4));
    if (histogram_is_custom(h)) {
        take_bounds(in, a, h);
        return h;
    }
    take_side(in, a, &h->neg, -(int64_t)take(in, 1));
    h->zero_threshold = kind & 0x40 ? fabs(f64_from_bits(take(in, 8)))
                                    : ldexp(0.5, (int)(take(in, 2) % 2200) - 1080);
    return h;
}

static void take_numbers(struct in *in, struct histogram *h)
{
    h->hint = (enum histogram_hint)(take(in, 1) % 4);
    h->count = next_value(in, h->count);
    h->sum = next_value(in, h->sum);
    h->zero_count = next_value(in, h->zero_count);
    for (size_t i = 0; i < h->pos.n; i++)
        h->pos.count[i] = next_value(in, h->pos.count[i]);
    for (size_t i = 0; i < h->neg.n; i++)
        h->neg.count[i] = next_value(in, h->neg.count[i]);
}

static size_t take_histograms(struct in *in, struct arena *a, struct hsample *hs)
{
    const struct histogram *before = NULL;
    ts_ms t = first_time(in);
    size_t n = 0;

    while (n == 0 || (in->p < in->end && n < SAMPLES_MAX)) {
        bool same = before != NULL && take(in, 1) % 8 != 0;
        struct histogram *h = same ? histogram_copy(a, before) : take_layout(in, a);

        take_numbers(in, h);
        hs[n++] = (struct hsample){t, h};
        t = next_time(in, t);
        before = h;
    }
    return n;
}

/* ---- an independent reader -------------------------------------------------------------- */

struct reader {
    const uint8_t *p;
    size_t n_bits, at;
};

static uint64_t get(struct reader *r, unsigned n)
{
    uint64_t v = 0;

    CHECK(r->at + n <= r->n_bits);
    for (; n > 0; n--, r->at++)
        v = v << 1 | (r->p[r->at / 8] >> (7 - r->at % 8) & 1);
    return v;
}

/* How many ones there are before a zero, `most` at most. */
static unsigned ones(struct reader *r, unsigned most)
{
    unsigned n = 0;

    while (n < most && get(r, 1) == 1)
        n++;
    return n;
}

static const unsigned widths[] = {0, 3, 6, 9, 12, 18, 25, 56, 64};

static uint64_t get_uint(struct reader *r)
{
    return get(r, widths[ones(r, 8)]);
}

/* Of n bits, where all but the positive half is negative: its highest number is 2^(n-1). */
static int64_t widen(uint64_t v, unsigned n)
{
    if (n > 0 && n < 64 && v > UINT64_C(1) << (n - 1))
        return (int64_t)v - (INT64_C(1) << n);
    return (int64_t)v;
}

static int64_t get_int(struct reader *r)
{
    unsigned n = widths[ones(r, 8)];

    return widen(get(r, n), n);
}

static uint64_t get_uvarint(struct reader *r)
{
    uint64_t v = 0, byte = 0x80;

    for (unsigned shift = 0; byte & 0x80; shift += 7) {
        CHECK(shift < 64);
        byte = get(r, 8);
        v |= (byte & 0x7f) << shift;
    }
    return v;
}

static int64_t get_varint(struct reader *r)
{
    uint64_t v = get_uvarint(r);

    return v & 1 ? (int64_t) ~(v >> 1) : (int64_t)(v >> 1);
}

struct number {
    uint64_t bits;
    unsigned leading, width;
};

static double get_number(struct reader *r, struct number *x)
{
    if (get(r, 1) == 1) {
        if (get(r, 1) == 1) {
            x->leading = (unsigned)get(r, 5);
            x->width = (unsigned)get(r, 6);
            x->width = x->width == 0 ? 64 : x->width;
        }
        CHECK(x->width > 0 && x->leading + x->width <= 64);
        x->bits ^= get(r, x->width) << (64 - x->leading - x->width);
    }
    return f64_from_bits(x->bits);
}

static double get_first(struct reader *r, struct number *x)
{
    *x = (struct number){.bits = get(r, 64)};
    return f64_from_bits(x->bits);
}

/* Only zeros fill the last byte. */
static void check_end(struct reader *r)
{
    CHECK(r->n_bits - r->at < 8);
    CHECK(get(r, (unsigned)(r->n_bits - r->at)) == 0);
}

static struct reader reader_of(const struct buf *b)
{
    return (struct reader){(const uint8_t *)b->p, b->n * 8, 0};
}

/* ---- floats ----------------------------------------------------------------------------- */

static int64_t get_time_change(struct reader *r)
{
    static const unsigned time_widths[] = {0, 14, 17, 20, 64};
    unsigned n = time_widths[ones(r, 4)];

    return widen(get(r, n), n);
}

static void check_floats(struct reader r, const struct sample *s, size_t n)
{
    struct number x;
    int64_t step = 0;
    ts_ms t;

    CHECK(get(&r, 16) == n);
    t = get_varint(&r);
    CHECK(t == s[0].t && same_bits(get_first(&r, &x), s[0].v));
    for (size_t i = 1; i < n; i++) {
        step = i == 1 ? (int64_t)get_uvarint(&r) : step + get_time_change(&r);
        t += step;
        CHECK(t == s[i].t && same_bits(get_number(&r, &x), s[i].v));
    }
    check_end(&r);
}

static void run_floats(struct in in)
{
    static struct sample s[SAMPLES_MAX];
    size_t n = take_floats(&in, s);
    struct buf b = {0};

    for (size_t i = 0, len; i < n; i += len) {
        len = MIN(n - i, CHUNK_SAMPLES);
        buf_reset(&b);
        ingest__chunk_floats(&b, &s[i], len);
        check_floats(reader_of(&b), &s[i], len);
    }
    buf_release(&b);
}

/* ---- histograms ------------------------------------------------------------------------- */

static double get_zero_threshold(struct reader *r)
{
    uint64_t byte = get(r, 8);

    if (byte == 255)
        return f64_from_bits(get(r, 64));
    return byte == 0 ? 0 : ldexp(0.5, (int)byte - 243);
}

static double get_bound(struct reader *r)
{
    uint64_t v = get_uint(r);

    return v == 0 ? f64_from_bits(get(r, 64)) : (double)(v - 1) / 1000;
}

static void check_side(struct reader *r, const struct histogram_side *s)
{
    uint64_t n_spans = get_uint(r);
    int64_t index = 0;
    size_t at = 0;

    for (; n_spans > 0; n_spans--) {
        uint64_t len = get_uint(r);

        index += get_int(r);
        for (; len > 0; len--)
            CHECK(at < s->n && s->index[at++] == index++);
    }
    CHECK(at == s->n);
}

static void check_layout(struct reader *r, const struct histogram *h)
{
    CHECK(get_zero_threshold(r) == h->zero_threshold || isnan(h->zero_threshold));
    CHECK(get_int(r) == h->schema);
    check_side(r, &h->pos);
    check_side(r, &h->neg);
    if (!histogram_is_custom(h))
        return;
    CHECK(get_uint(r) == h->n_bounds);
    for (size_t i = 0; i < h->n_bounds; i++)
        CHECK(get_bound(r) == h->bounds[i]);
}

static void check_numbers(struct reader *r, struct number *x, bool first, const struct histogram *h)
{
    double (*const read)(struct reader *, struct number *) = first ? get_first : get_number;

    CHECK(same_bits(read(r, x++), h->count));
    CHECK(same_bits(read(r, x++), h->zero_count));
    CHECK(same_bits(read(r, x++), h->sum));
    for (size_t i = 0; i < h->pos.n; i++)
        CHECK(same_bits(read(r, x++), h->pos.count[i]));
    for (size_t i = 0; i < h->neg.n; i++)
        CHECK(same_bits(read(r, x++), h->neg.count[i]));
}

/* The hint of the i-th sample of a chunk with these flags, as Prometheus' reader gives it. */
static enum histogram_hint read_hint(uint64_t flags, size_t i)
{
    static const enum histogram_hint first[] = {
        HISTOGRAM_UNKNOWN,
        HISTOGRAM_NOT_RESET,
        HISTOGRAM_RESET,
        HISTOGRAM_GAUGE,
    };

    CHECK((flags & 0x3f) == 0);
    return i > 0 && flags >> 6 != 3 ? HISTOGRAM_NOT_RESET : first[flags >> 6];
}

/* Of a stale marker nothing but the marker is kept. */
static void check_histograms(struct reader r, const struct hsample *hs, size_t n)
{
    static const struct histogram stale = {.sum = 0};
    struct number x[3 + 2 * BUCKETS_MAX];
    bool is_stale = histogram_is_stale(hs[0].h);
    struct histogram end = stale;
    int64_t step = 0;
    uint64_t flags;
    ts_ms t = 0;

    end.sum = f64_from_bits(STALE_NAN_BITS);
    CHECK(get(&r, 16) == n && (!is_stale || n == 1));
    flags = get(&r, 8);
    check_layout(&r, is_stale ? &end : hs[0].h);
    for (size_t i = 0; i < n; i++) {
        const struct histogram *h = is_stale ? &end : hs[i].h;

        step = i == 0 ? get_int(&r) : i == 1 ? get_int(&r) : step + get_int(&r);
        t += step;
        CHECK(t == hs[i].t && read_hint(flags, i) == h->hint);
        check_numbers(&r, x, i == 0, h);
    }
    check_end(&r);
}

static void run_histograms(struct in in)
{
    static struct hsample hs[SAMPLES_MAX];
    struct arena a = {0};
    size_t n = take_histograms(&in, &a, hs);
    struct buf b = {0};

    for (size_t i = 0, len; i < n; i += len) {
        buf_reset(&b);
        len = ingest__chunk_histograms(&b, &hs[i], n - i);
        CHECK(len >= 1 && len <= MIN(n - i, CHUNK_SAMPLES));
        check_histograms(reader_of(&b), &hs[i], len);
    }
    buf_release(&b);
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0 || n > 65536)
        return 0;
    if (data[0] & 1)
        run_histograms((struct in){data + 1, data + n});
    else
        run_floats((struct in){data + 1, data + n});
    return 0;
}
