/*
 * hist.c - rich samples as bytes.
 *
 * A sample in full form is
 *
 *     u8      1: a histogram; 2: a start follows; 4: whole counts; its hint << 4
 *     varint  zigzag(start), with a start
 *     8       bytes of the value: a float; or
 *     layout  and numbers: a histogram
 *
 *     layout  i8 schema, double zero threshold, positive side, negative side, and with custom
 *             buckets their bounds: varint n, n doubles
 *     side    varint n, number of spans, n x {varint zigzag(first index - end of the span before,
 *             from 0), varint length - 1}
 *     numbers count, zero count, sum, counts of the positive, of the negative side
 *     number  varint v + 1 for a whole v from 0 to 2^53, else 0 and 8 bytes
 *     double  u8 n, 0 to 8, then its upper n bytes; the lower ones are zero
 *
 * In a stream a sample is
 *
 *     varint  zigzag(its distance to the sample before - that one's), but for the first
 *     u8      0, and the full form; or bits 0: as the sample before but for what follows; 1:
 * another start; 2: the same numbers; its hint << 4 varint  zigzag(start - start before), with 1
 *     change  of each number (a float has one), without 2: varint zigzag(v - before) + 1 when both
 *             are whole, else 0, u8 zero bytes above << 4 | below, and the other bytes of the XOR
 *
 * A sealed run is cut where the layout or the kind changes, or at 2^20 numbers. Each part is
 *
 *     varint  (number of samples - 1) << 1 | in columns; one alone is in full form, without it
 *     u8      flags as above, of the first; start of it; and its layout
 *     u8      hint of the others, or 4: there is a list of them, a byte each; | 8: a list of starts
 *     list    of starts: varint bytes, u8 code, integers (pack.c); it counts the first, too
 *     columns a number each: varint bytes, then values (values.c)
 */
#include "hist.h"

#include "ferula/tsdb.h"

#include <stdlib.h>

#include "pack.h"
#include "tables.h"
#include "values.h"

#include "ferula/base/check.h"
#include "ferula/base/hash.h"
#include "ferula/base/mem.h"

enum { IS_HISTOGRAM = 1, HAS_START = 2, IS_INTEGER = 4, FULL_MASK = 7, HINT_SHIFT = 4 };
enum { AS_BEFORE = 1, OTHER_START = 2, SAME_NUMBERS = 4 };
enum { HINTS_DIFFER = 4, STARTS_DIFFER = 8 };

#define SURELY_BYTES_MAX 16 /* of a bucket or a bound, with its place */
#define WHOLE_MAX        (UINT64_C(1) << 53)
#define BUCKETS_MAX      TSDB__BODY_MAX /* each takes a byte of a row */
#define N_NUMBERS        3              /* that every histogram has */

/* Of all samples of a part of a run: what a reader takes memory for at once. */
#define PART_NUMBERS_MAX (UINT64_C(1) << 20)

/* ---- numbers ---------------------------------------------------------------------------- */

static bool is_whole(double v, uint64_t *out)
{
    if (!(v >= 0 && v <= (double)WHOLE_MAX))
        return false;
    *out = (uint64_t)v;
    return same_bits((double)*out, v);
}

static void put_number(struct buf *b, double v)
{
    uint64_t whole;

    if (is_whole(v, &whole)) {
        tsdb__add_varint(b, whole + 1);
        return;
    }
    buf_putc(b, 0);
    buf_add(b, &v, sizeof(v));
}

static double get_number(struct tsdb__in *in)
{
    uint64_t n = tsdb__in_varint(in);

    if (n == 0)
        return f64_from_bits(tsdb__in_le(in, 8));
    if (n - 1 > WHOLE_MAX)
        in->bad = true;
    return (double)(n - 1);
}

static void put_double(struct buf *b, double v)
{
    uint64_t bits = f64_bits(v);
    unsigned n = bits == 0 ? 0 : 8 - (unsigned)__builtin_ctzll(bits) / 8;

    buf_putc(b, (char)n);
    if (n > 0)
        bits >>= 64 - 8 * n;
    buf_add(b, &bits, n);
}

static double get_double(struct tsdb__in *in)
{
    unsigned n = tsdb__in_u8(in);
    uint64_t bits;

    if (n > 8) {
        in->bad = true;
        return 0;
    }
    bits = tsdb__in_le(in, n);
    return f64_from_bits(n == 0 ? 0 : bits << (64 - 8 * n));
}

static void put_change(struct buf *b, double before, double v)
{
    uint64_t x = f64_bits(before) ^ f64_bits(v), from, to;
    unsigned above, below, n;

    if (is_whole(before, &from) && is_whole(v, &to)) {
        tsdb__add_varint(b, tsdb__zigzag((int64_t)(to - from)) + 1);
        return;
    }
    above = x == 0 ? 8 : (unsigned)__builtin_clzll(x) / 8;
    below = x == 0 ? 0 : (unsigned)__builtin_ctzll(x) / 8;
    n = 8 - above - below;
    buf_putc(b, 0);
    buf_putc(b, (char)(above << 4 | below));
    x >>= 8 * below;
    buf_add(b, &x, n);
}

static double get_change(struct tsdb__in *in, double before)
{
    uint64_t n = tsdb__in_varint(in), from = 0;
    unsigned above, below;

    if (n != 0) {
        uint64_t to;

        if (!is_whole(before, &from))
            in->bad = true;
        to = from + (uint64_t)tsdb__unzigzag(n - 1);
        if (to > WHOLE_MAX)
            in->bad = true;
        return in->bad ? 0 : (double)to;
    }
    below = tsdb__in_u8(in);
    above = below >> 4;
    below &= 15;
    if (above + below > 8) {
        in->bad = true;
        return 0;
    }
    n = tsdb__in_le(in, 8 - above - below);
    return f64_from_bits(f64_bits(before) ^ (below == 8 ? 0 : n << (8 * below)));
}

/* The i-th number of a sample. */
static double number_of(const struct tsdb__rich *r, size_t i)
{
    const struct histogram *h = r->h;

    if (h == NULL)
        return r->v;
    switch (i) {
    case 0:
        return h->count;
    case 1:
        return h->zero_count;
    case 2:
        return h->sum;
    default:
        i -= N_NUMBERS;
        return i < h->pos.n ? h->pos.count[i] : h->neg.count[i - h->pos.n];
    }
}

static void set_number(struct histogram *h, size_t i, double v)
{
    switch (i) {
    case 0:
        h->count = v;
        break;
    case 1:
        h->zero_count = v;
        break;
    case 2:
        h->sum = v;
        break;
    default:
        i -= N_NUMBERS;
        *(i < h->pos.n ? &h->pos.count[i] : &h->neg.count[i - h->pos.n]) = v;
    }
}

static size_t n_numbers(const struct tsdb__rich *r)
{
    return r->h == NULL ? 1 : N_NUMBERS + r->h->pos.n + r->h->neg.n;
}

/* ---- layouts ---------------------------------------------------------------------------- */

static void put_side(struct buf *b, const struct histogram_side *s)
{
    struct histogram_span span = {0};

    tsdb__add_varint(b, histogram_n_spans(s));
    while (histogram_span_next(s, &span)) {
        tsdb__add_varint(b, tsdb__zigzag(span.gap));
        tsdb__add_varint(b, span.n - 1);
    }
}

/* Counts stay zero. */
static void get_side(struct tsdb__in *in, struct arena *a, struct histogram_side *s)
{
    size_t n_spans = tsdb__in_varint32(in), cap = 0;
    int64_t end = 0;

    for (size_t i = 0; i < n_spans && !in->bad; i++) {
        int64_t gap = tsdb__unzigzag(tsdb__in_varint(in));
        size_t n = tsdb__in_varint32(in) + (size_t)1;

        if (in->bad || (i > 0 && gap <= 0) || gap < INT32_MIN || gap > INT32_MAX ||
            s->n + n > BUCKETS_MAX || end + gap < INT32_MIN ||
            end + gap + (int64_t)n > (int64_t)INT32_MAX + 1) {
            in->bad = true;
            return;
        }
        end += gap;
        for (size_t k = 0; k < n; k++) {
            ARENA_GROW(a, s->index, s->n, cap, int32_t);
            s->index[s->n++] = (int32_t)end++;
        }
    }
}

static void put_layout(struct buf *b, const struct histogram *h)
{
    buf_putc(b, (char)h->schema);
    put_double(b, h->zero_threshold);
    put_side(b, &h->pos);
    put_side(b, &h->neg);
    if (!histogram_is_custom(h))
        return;
    tsdb__add_varint(b, h->n_bounds);
    for (size_t i = 0; i < h->n_bounds; i++)
        put_double(b, h->bounds[i]);
}

/* A histogram with empty buckets, without room for their counts. NULL when `in` is bad. */
static struct histogram *get_layout(struct tsdb__in *in, struct arena *a)
{
    struct histogram *h = arena_new(a, struct histogram);
    double *bounds;
    size_t n;

    h->schema = (int8_t)tsdb__in_u8(in);
    h->zero_threshold = get_double(in);
    get_side(in, a, &h->pos);
    get_side(in, a, &h->neg);
    if (histogram_is_custom(h)) {
        n = tsdb__in_varint32(in);
        if (n > tsdb__in_left(in))
            in->bad = true;
        bounds = arena_array(a, double, in->bad ? 0 : n);
        for (size_t i = 0; i < n && !in->bad; i++)
            bounds[i] = get_double(in);
        h->bounds = bounds;
        h->n_bounds = n;
    }
    return in->bad ? NULL : h;
}

static void make_counts(struct histogram *h, struct arena *a)
{
    h->pos.count = arena_array(a, double, h->pos.n + h->neg.n);
    h->neg.count = h->pos.count + h->pos.n;
}

/* The same but for its numbers, which it has no room for yet. */
static struct histogram *like(struct arena *a, const struct histogram *h)
{
    struct histogram *copy = arena_new(a, struct histogram);

    *copy = *h;
    return copy;
}

static bool same_indexes(const struct histogram_side *x, const struct histogram_side *y)
{
    return x->n == y->n && (x->n == 0 || x->index == y->index ||
                            memcmp(x->index, y->index, x->n * sizeof(*x->index)) == 0);
}

static bool same_layout(const struct tsdb__rich *x, const struct tsdb__rich *y)
{
    const struct histogram *a = x->h, *b = y->h;

    if (a == NULL || b == NULL)
        return a == b;
    return a->schema == b->schema && a->integer == b->integer &&
           same_bits(a->zero_threshold, b->zero_threshold) && same_indexes(&a->pos, &b->pos) &&
           same_indexes(&a->neg, &b->neg) && a->n_bounds == b->n_bounds &&
           (a->n_bounds == 0 || a->bounds == b->bounds ||
            memcmp(a->bounds, b->bounds, a->n_bounds * sizeof(*a->bounds)) == 0);
}

/* ---- full form -------------------------------------------------------------------------- */

static unsigned hint_of(const struct tsdb__rich *r)
{
    return r->h == NULL ? 0 : (unsigned)r->h->hint;
}

/* All but the numbers. */
static void put_head(const struct tsdb__rich *r, struct buf *out)
{
    unsigned flags = hint_of(r) << HINT_SHIFT;

    flags |= r->h != NULL ? IS_HISTOGRAM : 0;
    flags |= r->h != NULL && r->h->integer ? IS_INTEGER : 0;
    flags |= r->start != 0 ? HAS_START : 0;
    buf_putc(out, (char)flags);
    if (r->start != 0)
        tsdb__add_varint(out, tsdb__zigzag(r->start));
    if (r->h != NULL)
        put_layout(out, r->h);
}

void tsdb__rich_put(const struct tsdb__rich *r, struct buf *out)
{
    put_head(r, out);
    if (r->h == NULL)
        buf_add(out, &r->v, sizeof(r->v));
    for (size_t i = 0; r->h != NULL && i < n_numbers(r); i++)
        put_number(out, number_of(r, i));
}

bool tsdb_histogram_fits(const struct histogram *h)
{
    const struct tsdb__rich r = {.t = INT64_MAX, .start = INT64_MAX, .h = h};
    struct buf full = {0};
    bool fits;

    /* Most are far below any doubt. */
    if ((h->pos.n + h->neg.n + h->n_bounds) * SURELY_BYTES_MAX < TSDB__RICH_BYTES_MAX / 2)
        return true;
    tsdb__rich_put(&r, &full);
    fits = full.n <= TSDB__RICH_BYTES_MAX;
    buf_release(&full);
    return fits;
}

/* *h: the histogram as get_layout() gives it, or NULL. */
static int get_head(struct tsdb__in *in, struct arena *a, struct tsdb__rich *out,
                    struct histogram **h)
{
    unsigned flags = tsdb__in_u8(in);

    *h = NULL;
    out->v = 0;
    out->start = 0;
    out->h = NULL;
    if (flags >> HINT_SHIFT > HISTOGRAM_GAUGE || (flags & 8) != 0)
        return FER_ECORRUPT;
    if ((flags & HAS_START) != 0)
        out->start = tsdb__unzigzag(tsdb__in_varint(in));
    if ((flags & IS_HISTOGRAM) != 0) {
        *h = get_layout(in, a);
        if (*h == NULL)
            return FER_ECORRUPT;
        (*h)->integer = (flags & IS_INTEGER) != 0;
        (*h)->hint = (enum histogram_hint)(flags >> HINT_SHIFT);
        out->h = *h;
    }
    return in->bad ? FER_ECORRUPT : 0;
}

int tsdb__rich_get(struct tsdb__in *in, struct arena *a, struct tsdb__rich *out)
{
    struct histogram *h;
    int rc = get_head(in, a, out, &h);

    if (rc < 0)
        return rc;
    if (h == NULL) {
        out->v = f64_from_bits(tsdb__in_le(in, 8));
        return in->bad ? FER_ECORRUPT : 0;
    }
    make_counts(h, a);
    for (size_t i = 0; i < n_numbers(out) && !in->bad; i++)
        set_number(h, i, get_number(in));
    return in->bad ? FER_ECORRUPT : 0;
}

struct tsdb__rich_bits tsdb__rich_bits(struct str full)
{
    struct tsdb__in in = tsdb__in_of(full.p, full.n);
    unsigned flags = tsdb__in_u8(&in);

    if ((flags & HAS_START) != 0)
        (void)tsdb__in_varint(&in);
    if ((flags & IS_HISTOGRAM) == 0)
        return (struct tsdb__rich_bits){false, tsdb__in_le(&in, 8)};
    return (struct tsdb__rich_bits){true, hash_stable64(in.p, tsdb__in_left(&in)) ^
                                              ((flags & IS_INTEGER) != 0)};
}

/* ---- streams ---------------------------------------------------------------------------- */

static bool same_numbers(const struct tsdb__rich *x, const struct tsdb__rich *y)
{
    for (size_t i = 0; i < n_numbers(x); i++)
        if (!same_bits(number_of(x, i), number_of(y, i)))
            return false;
    return true;
}

void tsdb__rich_put_first(const struct tsdb__rich *r, struct buf *out)
{
    buf_putc(out, 0);
    tsdb__rich_put(r, out);
}

void tsdb__rich_put_next(const struct tsdb__rich_stream *s, const struct tsdb__rich *r,
                         struct buf *out)
{
    const struct tsdb__rich *prev = &s->prev;
    uint64_t delta = (uint64_t)r->t - (uint64_t)prev->t;
    unsigned flags = AS_BEFORE | hint_of(r) << HINT_SHIFT;

    tsdb__add_varint(out, tsdb__zigzag((int64_t)(delta - s->delta)));
    if (!same_layout(prev, r)) {
        tsdb__rich_put_first(r, out);
        return;
    }
    flags |= r->start != prev->start ? OTHER_START : 0;
    flags |= same_numbers(prev, r) ? SAME_NUMBERS : 0;
    buf_putc(out, (char)flags);
    if ((flags & OTHER_START) != 0)
        tsdb__add_varint(out, tsdb__zigzag((int64_t)((uint64_t)r->start - (uint64_t)prev->start)));
    for (size_t i = 0; (flags & SAME_NUMBERS) == 0 && i < n_numbers(r); i++)
        put_change(out, number_of(prev, i), number_of(r, i));
}

static int get_changed(struct tsdb__in *in, struct arena *a, struct tsdb__rich_stream *s,
                       unsigned flags)
{
    struct tsdb__rich r = s->prev;
    struct histogram *h = NULL;

    if ((flags & OTHER_START) != 0)
        r.start = (ts_ms)((uint64_t)r.start + (uint64_t)tsdb__unzigzag(tsdb__in_varint(in)));
    if (r.h != NULL) {
        h = like(a, r.h);
        h->hint = (enum histogram_hint)(flags >> HINT_SHIFT);
        r.h = h;
    }
    if (h != NULL && (flags & SAME_NUMBERS) == 0)
        make_counts(h, a);
    for (size_t i = 0; (flags & SAME_NUMBERS) == 0 && i < n_numbers(&r) && !in->bad; i++) {
        double v = get_change(in, number_of(&s->prev, i));

        if (h == NULL)
            r.v = v;
        else
            set_number(h, i, v);
    }
    s->prev = r;
    return in->bad ? FER_ECORRUPT : 0;
}

int tsdb__rich_get_first(struct tsdb__in *in, struct arena *a, struct tsdb__rich_stream *s)
{
    s->delta = 0;
    return tsdb__in_u8(in) == 0 ? tsdb__rich_get(in, a, &s->prev) : FER_ECORRUPT;
}

int tsdb__rich_get_next(struct tsdb__in *in, struct arena *a, struct tsdb__rich_stream *s)
{
    unsigned flags;
    ts_ms t;

    s->delta += (uint64_t)tsdb__unzigzag(tsdb__in_varint(in));
    t = (ts_ms)((uint64_t)s->prev.t + s->delta);
    flags = tsdb__in_u8(in);
    if (in->bad || t <= s->prev.t || flags >> HINT_SHIFT > HISTOGRAM_GAUGE || (flags & 8) != 0)
        return FER_ECORRUPT;
    if (flags == 0) {
        s->prev.t = t;
        return tsdb__rich_get(in, a, &s->prev);
    }
    if ((flags & AS_BEFORE) == 0 || get_changed(in, a, s, flags) < 0)
        return FER_ECORRUPT;
    s->prev.t = t;
    return 0;
}

/* ---- sealed runs ------------------------------------------------------------------------ */

static void put_starts(const struct tsdb__rich *r, size_t n, struct buf *out)
{
    uint64_t *starts = xcalloc(n, sizeof(*starts));
    struct tsdb__plan plan;
    struct buf packed = {0};

    for (size_t i = 0; i < n; i++)
        starts[i] = (uint64_t)r[i].start;
    tsdb__plan(starts, n, &plan);
    buf_putc(&packed, (char)plan.code);
    tsdb__pack(&plan, starts, n, &packed);
    tsdb__add_varint(out, packed.n);
    buf_add_str(out, buf_str(&packed));
    buf_release(&packed);
    free(starts);
}

static void put_columns(const struct tsdb__rich *r, size_t n, struct buf *out)
{
    struct sample *room = xcalloc(n, sizeof(*room));
    struct buf column = {0};

    for (size_t k = 0; k < n_numbers(r); k++) {
        for (size_t i = 0; i < n; i++)
            room[i].v = number_of(&r[i], k);
        buf_reset(&column);
        tsdb__values_encode(room, n, &column);
        tsdb__add_varint(out, column.n);
        buf_add_str(out, buf_str(&column));
    }
    buf_release(&column);
    free(room);
}

/* Two samples or more that have one layout. */
static void put_part(const struct tsdb__rich *r, size_t n, struct buf *out)
{
    unsigned flags = hint_of(&r[1]);

    for (size_t i = 1; i < n; i++) {
        if (hint_of(&r[i]) != hint_of(&r[1]))
            flags = (flags & STARTS_DIFFER) | HINTS_DIFFER;
        if (r[i].start != r[0].start)
            flags |= STARTS_DIFFER;
    }
    put_head(r, out);
    buf_putc(out, (char)flags);
    for (size_t i = 1; (flags & HINTS_DIFFER) != 0 && i < n; i++)
        buf_putc(out, (char)hint_of(&r[i]));
    if ((flags & STARTS_DIFFER) != 0)
        put_starts(r, n, out);
    put_columns(r, n, out);
}

void tsdb__rich_encode(const struct tsdb__rich *r, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;

        while (end < n && same_layout(&r[i], &r[end]) &&
               (end + 1 - i) * n_numbers(&r[i]) <= PART_NUMBERS_MAX)
            end++;
        tsdb__add_varint(out, (end - i - 1) << 1 | (end - i > 1));
        if (end - i > 1)
            put_part(r + i, end - i, out);
        else
            tsdb__rich_put(r + i, out);
        i = end;
    }
}

static int get_starts(struct tsdb__in *in, struct tsdb__rich *r, size_t n)
{
    size_t len = tsdb__in_varint32(in);
    const uint8_t *p = len == 0 ? NULL : tsdb__in_bytes(in, len);
    struct tsdb__in part;

    if (p == NULL || p[0] > TSDB__PACK_CODE_MASK)
        return FER_ECORRUPT;
    part = tsdb__in_of(p + 1, len - 1);
    return tsdb__unpack(p[0], &part, (uint8_t *)&r[0].start, sizeof(*r), n);
}

static int get_column(struct tsdb__in *in, struct sample *room, size_t n)
{
    size_t len = tsdb__in_varint32(in);
    const uint8_t *p = tsdb__in_bytes(in, len);

    return p == NULL || len == 0 ? FER_ECORRUPT : tsdb__values_decode(p, len, room, n);
}

static int get_columns(struct tsdb__in *in, struct tsdb__rich *r, struct histogram *const *h,
                       size_t n)
{
    struct sample *room = xcalloc(n, sizeof(*room));
    int rc = 0;

    for (size_t k = 0; k < n_numbers(r) && rc == 0; k++) {
        rc = get_column(in, room, n);
        for (size_t i = 0; i < n && rc == 0; i++) {
            if (h == NULL)
                r[i].v = room[i].v;
            else
                set_number(h[i], k, room[i].v);
        }
    }
    free(room);
    return rc;
}

/* The hints and starts of all but the first. *h: the histograms; NULL: floats. */
static int get_others(struct tsdb__in *in, struct arena *a, struct tsdb__rich *r, size_t n,
                      struct histogram ***h)
{
    struct histogram *first = (*h)[0];
    unsigned flags = tsdb__in_u8(in);

    if (flags > (HINTS_DIFFER | STARTS_DIFFER) || (flags & 7) > HINTS_DIFFER)
        return FER_ECORRUPT;
    for (size_t i = 1; i < n; i++) {
        unsigned hint = (flags & HINTS_DIFFER) != 0 ? tsdb__in_u8(in) : flags & 3;

        if (in->bad || hint > HISTOGRAM_GAUGE)
            return FER_ECORRUPT;
        r[i] = (struct tsdb__rich){.t = r[i].t, .start = r[0].start};
        if (first == NULL)
            continue;
        (*h)[i] = like(a, first);
        (*h)[i]->hint = (enum histogram_hint)hint;
        r[i].h = (*h)[i];
    }
    if (first == NULL)
        *h = NULL;
    return (flags & STARTS_DIFFER) != 0 ? get_starts(in, r, n) : 0;
}

static int get_part(struct tsdb__in *in, struct arena *a, struct tsdb__rich *r, size_t n)
{
    struct histogram **h = arena_array(a, struct histogram *, n);
    int rc = get_head(in, a, &r[0], &h[0]);

    if (rc == 0)
        rc = get_others(in, a, r, n, &h);
    /* A column takes a byte at least. */
    if (rc == 0 && (n_numbers(r) > tsdb__in_left(in) || n * n_numbers(r) > PART_NUMBERS_MAX))
        rc = FER_ECORRUPT;
    for (size_t i = 0; rc == 0 && h != NULL && i < n; i++)
        make_counts(h[i], a);
    return rc == 0 ? get_columns(in, r, h, n) : rc;
}

int tsdb__rich_decode(const uint8_t *p, size_t len, struct arena *a, struct tsdb__rich *r, size_t n)
{
    struct tsdb__in in = tsdb__in_of(p, len);
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0;) {
        uint64_t head = tsdb__in_varint(&in), more = head >> 1;

        if (in.bad || more >= n - i || ((head & 1) != 0) != (more > 0))
            return FER_ECORRUPT;
        rc = more > 0 ? get_part(&in, a, r + i, more + 1) : tsdb__rich_get(&in, a, r + i);
        i += more + 1;
    }
    return rc == 0 && (in.bad || tsdb__in_left(&in) != 0) ? FER_ECORRUPT : rc;
}
