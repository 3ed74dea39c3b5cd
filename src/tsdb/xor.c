/*
 * xor.c - samples as a bit stream.
 *
 * The first sample of a chunk is its 64 value bits; its time stands beside the stream. Then, with
 * dod = change of the distance to the sample before:
 *
 *     0                         dod = 0, value unchanged
 *     10    value               dod = 0
 *     110   dod  0              value unchanged
 *     110   dod  1 value
 *     1110                      dod = 0, stale marker
 *     1111  dod                 stale marker
 *
 *     dod   (zigzag)            0 + 7 bits | 10 + 12 | 110 + 20 | 1110 + 32 | 1111 + 64
 *     value (XOR to the last)   0 + the meaningful bits of the last window
 *                               1 + leading zeros (6 bits) + width - 1 (6 bits) + meaningful bits
 *
 * All arithmetic on times wraps, so that no pair of timestamps is out of range.
 */
#include "xor.h"

#include <stddef.h>

#include "wire.h"

#include "ferula/base/check.h"

/* A new window costs 12 bits more than the old one does, so a wider old one is kept up to that. */
#define WINDOW_BITS 12

static const struct dod_class {
    uint8_t prefix, n_prefix, n_bits;
} dod_classes[] = {
    {0x0, 1, 7 },
    {0x2, 2, 12},
    {0x6, 3, 20},
    {0xe, 4, 32},
    {0xf, 4, 64},
};

static void add(struct tsdb__xor_code *c, uint64_t v, unsigned n)
{
    c->field[c->n_fields].v = v;
    c->field[c->n_fields].n = n;
    c->n_fields++;
    c->n_bits += n;
}

static void add_dod(struct tsdb__xor_code *c, uint64_t dod)
{
    uint64_t z = tsdb__zigzag((int64_t)dod);
    const struct dod_class *k = dod_classes;

    while (k->n_bits < 64 && (z >> k->n_bits) != 0)
        k++;
    add(c, k->prefix, k->n_prefix);
    add(c, z, k->n_bits);
}

static void add_value(struct tsdb__xor_code *c, struct tsdb__xor *x, uint64_t diff)
{
    unsigned lead = (unsigned)__builtin_clzll(diff), trail = (unsigned)__builtin_ctzll(diff);
    unsigned width = 64 - lead - trail;
    unsigned old_trail = 64u - x->lead - x->width;

    if (x->width != 0 && lead >= x->lead && trail >= old_trail && x->width <= width + WINDOW_BITS) {
        add(c, 0, 1);
        add(c, diff >> old_trail, x->width);
        return;
    }
    x->lead = (uint8_t)lead;
    x->width = (uint8_t)width;
    add(c, UINT64_C(1) << 12 | (uint64_t)lead << 6 | (width - 1), 13);
    add(c, diff >> trail, width);
}

void tsdb__xor_first(struct tsdb__xor *x, struct sample s, struct tsdb__xor_code *out)
{
    out->n_fields = out->n_bits = 0;
    *x = (struct tsdb__xor){.t = s.t, .bits = f64_bits(s.v)};
    add(out, x->bits, 64);
}

void tsdb__xor_next(struct tsdb__xor *x, struct sample s, struct tsdb__xor_code *out)
{
    uint64_t delta = (uint64_t)s.t - (uint64_t)x->t, dod = delta - x->delta;
    uint64_t bits = f64_bits(s.v), diff = bits ^ x->bits;

    out->n_fields = out->n_bits = 0;
    if (diff != 0 && bits == STALE_NAN_BITS) {
        add(out, dod == 0 ? 0xe : 0xf, 4);
        if (dod != 0)
            add_dod(out, dod);
    } else if (dod == 0) {
        add(out, diff == 0 ? 0x0 : 0x2, diff == 0 ? 1 : 2);
        if (diff != 0)
            add_value(out, x, diff);
    } else {
        add(out, 0x6, 3);
        add_dod(out, dod);
        add(out, diff != 0, 1);
        if (diff != 0)
            add_value(out, x, diff);
    }
    x->t = s.t;
    x->bits = bits;
    x->delta = delta;
}

static void put_bits(uint8_t *p, unsigned at, uint64_t v, unsigned n)
{
    while (n > 0) {
        unsigned used = at & 7, take = MIN(8 - used, n);
        unsigned part = (unsigned)(v >> (n - take)) & ((1u << take) - 1);

        /* Bits from `at` on are not ours yet: whatever stands there goes. */
        p[at >> 3] = (uint8_t)((p[at >> 3] & ~(0xffu >> used)) | part << (8 - used - take));
        at += take;
        n -= take;
    }
}

/* A code that fits one word beside the bits that stand before it: nearly every one. */
static void write_word(uint8_t *p, unsigned used, const struct tsdb__xor_code *code)
{
    uint64_t word = p[0] & ~(0xffu >> used) & 0xffu, bits = 0;

    for (unsigned i = 0; i < code->n_fields; i++)
        bits = bits << code->field[i].n | code->field[i].v;
    word = __builtin_bswap64(word << 56 | bits << (64 - used - code->n_bits));
    memcpy(p, &word, sizeof(word));
}

void tsdb__xor_write(uint8_t *p, unsigned at, const struct tsdb__xor_code *code)
{
    if (code->n_bits <= 56) {
        write_word(p + at / 8, at % 8, code);
        return;
    }
    for (unsigned i = 0; i < code->n_fields; i++) {
        put_bits(p, at, code->field[i].v, code->field[i].n);
        at += code->field[i].n;
    }
}

/* The 64 bits from bit `at` on, zeros past the end. */
static uint64_t peek(const struct tsdb__xor_reader *r)
{
    size_t byte = r->at >> 3, n_bytes = (r->n_bits + 7) >> 3;
    unsigned shift = r->at & 7;
    uint64_t word = 0, tail = 0;

    if (byte + 9 <= n_bytes) {
        memcpy(&word, r->p + byte, 8);
        word = __builtin_bswap64(word);
        tail = r->p[byte + 8];
    } else {
        memcpy(&word, r->p + byte, MIN(n_bytes - byte, sizeof(word)));
        word = __builtin_bswap64(word);
        tail = byte + 8 < n_bytes ? r->p[byte + 8] : 0;
    }
    return shift == 0 ? word : word << shift | tail >> (8 - shift);
}

static inline void skip(struct tsdb__xor_reader *r, unsigned n)
{
    r->at += n;
    if (r->at > r->n_bits) {
        r->at = r->n_bits;
        r->bad = true;
    }
}

static uint64_t take(struct tsdb__xor_reader *r, unsigned n)
{
    uint64_t v = peek(r) >> (64 - n);

    skip(r, n);
    return v;
}

/* How many 1 bits come first, at most `most`; they and the 0 that ends a shorter run are taken. */
static unsigned take_ones(struct tsdb__xor_reader *r, unsigned most)
{
    uint64_t inv = ~peek(r);
    unsigned n = inv == 0 ? 64 : (unsigned)__builtin_clzll(inv);

    n = MIN(n, most);
    skip(r, n < most ? n + 1 : n);
    return n;
}

static uint64_t take_dod(struct tsdb__xor_reader *r)
{
    return (uint64_t)tsdb__unzigzag(take(r, dod_classes[take_ones(r, 4)].n_bits));
}

static uint64_t take_value(struct tsdb__xor_reader *r)
{
    unsigned trail;

    if (take(r, 1) != 0) {
        uint64_t window = take(r, 12);

        r->x.lead = (uint8_t)(window >> 6);
        r->x.width = (uint8_t)((window & 63) + 1);
    }
    if (r->x.width == 0 || r->x.lead + r->x.width > 64) {
        r->bad = true;
        return 0;
    }
    trail = 64u - r->x.lead - r->x.width;
    return take(r, r->x.width) << trail;
}

void tsdb__xor_reader_init(struct tsdb__xor_reader *r, const uint8_t *p, unsigned n_bits,
                           ts_ms first_t)
{
    *r = (struct tsdb__xor_reader){.p = p, .n_bits = n_bits, .x.t = first_t};
}

/* A sample that is not one of the two usual kinds. */
static void read_other(struct tsdb__xor_reader *r)
{
    struct tsdb__xor *x = &r->x;
    unsigned kind = take_ones(r, 4);

    if (kind == 2 || kind == 4)
        x->delta += take_dod(r);
    if (kind >= 3)
        x->bits = STALE_NAN_BITS;
    else if (kind == 1 || (kind == 2 && take(r, 1) != 0))
        x->bits ^= take_value(r);
}

/* A value at an unchanged distance, from the 57 bits or more in `w`; false: not all of it is there.
 */
static bool read_value(struct tsdb__xor_reader *r, uint64_t w)
{
    struct tsdb__xor *x = &r->x;
    unsigned lead = x->lead, width = x->width, used = 3;

    if ((w >> 61 & 1) != 0) {
        lead = w >> 55 & 63;
        width = (w >> 49 & 63) + 1;
        used = 15;
    }
    if (width == 0 || lead + width > 64 || used + width > 57)
        return false;
    x->lead = (uint8_t)lead;
    x->width = (uint8_t)width;
    x->bits ^= w << used >> (64 - width) << (64 - lead - width);
    skip(r, used + width);
    return true;
}

struct sample tsdb__xor_read(struct tsdb__xor_reader *r)
{
    struct tsdb__xor *x = &r->x;
    size_t byte = r->at >> 3;
    uint64_t w;

    if (r->at == 0) {
        x->bits = take(r, 64);
        return (struct sample){x->t, f64_from_bits(x->bits)};
    }
    if (byte + 8 <= (r->n_bits + 7u) >> 3) {
        memcpy(&w, r->p + byte, 8);
        w = __builtin_bswap64(w) << (r->at & 7);
    } else {
        w = peek(r);
    }
    if (w >> 63 == 0)
        skip(r, 1);
    else if (w >> 62 != 2 || !read_value(r, w))
        read_other(r);
    x->t = (ts_ms)((uint64_t)x->t + x->delta);
    return (struct sample){x->t, f64_from_bits(x->bits)};
}
