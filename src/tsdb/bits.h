/*
 * bits.h - streams of bits, lowest bit of a byte first: the payloads of sealed chunks.
 *
 * A reader never looks past its bytes; what lies there reads as zeros. Whoever reads compares `at`
 * with the size: before a loop where the sum of the widths is known, else after each step.
 */
#ifndef TSDB_BITS_H
#define TSDB_BITS_H

#include <stdint.h>
#include <string.h>

#include "ferula/base/buf.h"

/* A fast read takes 9 bytes, and the tail must have them from each of its real bytes on. */
#define TSDB__BITS_TAIL 16

struct tsdb__bits_in {
    const uint8_t *p;
    size_t n;       /* bytes */
    size_t at;      /* bit */
    size_t tail_at; /* byte of p that is tail[0] */
    uint8_t tail[2 * TSDB__BITS_TAIL];
};

static inline void tsdb__bits_in_init(struct tsdb__bits_in *in, const uint8_t *p, size_t n)
{
    size_t n_tail = n < TSDB__BITS_TAIL ? n : TSDB__BITS_TAIL;

    in->p = p;
    in->n = n;
    in->at = 0;
    in->tail_at = n - n_tail;
    memset(in->tail, 0, sizeof(in->tail));
    if (n_tail > 0)
        memcpy(in->tail, p + in->tail_at, n_tail);
}

/* The 64 bits from bit `at` on. */
static inline uint64_t tsdb__bits_peek(const struct tsdb__bits_in *in, size_t at)
{
    size_t byte = at >> 3;
    unsigned shift = at & 7;
    const uint8_t *p = in->p + byte;
    uint64_t v;

    if (__builtin_expect(byte + 9 > in->n, 0)) {
        if (byte >= in->n)
            return 0;
        p = in->tail + (byte - in->tail_at);
    }
    memcpy(&v, p, sizeof(v));
    return v >> shift | (uint64_t)p[8] << 1 << (63 - shift);
}

static inline uint64_t tsdb__bits_mask(unsigned n)
{
    return n == 0 ? 0 : UINT64_MAX >> (64 - n);
}

static inline uint64_t tsdb__bits_take(struct tsdb__bits_in *in, unsigned n)
{
    uint64_t v = tsdb__bits_peek(in, in->at) & tsdb__bits_mask(n);

    in->at += n;
    return v;
}

/* Writes to memory that has room for all bits and 8 bytes more. */
struct tsdb__bits_out {
    uint8_t *p;
    uint64_t word;
    unsigned n; /* bits in word, below 64 */
};

/* The lower `n` bits of `v`, 0 <= n <= 64; the others must be zero. */
static inline void tsdb__bits_put(struct tsdb__bits_out *out, uint64_t v, unsigned n)
{
    unsigned sum = out->n + n;

    out->word |= v << out->n;
    if (sum >= 64) {
        memcpy(out->p, &out->word, sizeof(out->word));
        out->p += sizeof(out->word);
        out->word = out->n == 0 ? 0 : v >> (64 - out->n);
        sum -= 64;
    }
    out->n = sum;
}

/* Fills the last byte with zeros; returns the end. */
static inline uint8_t *tsdb__bits_end(struct tsdb__bits_out *out)
{
    memcpy(out->p, &out->word, sizeof(out->word));
    out->p += (out->n + 7) / 8;
    out->word = out->n = 0;
    return out->p;
}

#endif
