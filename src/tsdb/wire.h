/*
 * wire.h - varints and little-endian numbers in rows and WAL records.
 *
 * A reader (struct tsdb__in) is sticky: after the first read past the end, `bad` stays set and
 * every further read gives 0, so that a decoder checks once, at its end.
 */
#ifndef TSDB_WIRE_H
#define TSDB_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "ferula/base/buf.h"
#include "ferula/base/str.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the store's format is little-endian");

struct tsdb__in {
    const uint8_t *p, *end;
    bool bad;
};

static inline struct tsdb__in tsdb__in_of(const void *p, size_t n)
{
    return (struct tsdb__in){.p = p, .end = (const uint8_t *)p + n};
}

static inline size_t tsdb__in_left(const struct tsdb__in *in)
{
    return (size_t)(in->end - in->p);
}

/* `n` raw bytes, or NULL. */
static inline const uint8_t *tsdb__in_bytes(struct tsdb__in *in, size_t n)
{
    const uint8_t *p = in->p;

    if (in->bad || tsdb__in_left(in) < n) {
        in->bad = true;
        return NULL;
    }
    in->p += n;
    return p;
}

static inline uint8_t tsdb__in_u8(struct tsdb__in *in)
{
    const uint8_t *p = tsdb__in_bytes(in, 1);

    return p == NULL ? 0 : *p;
}

/* Little-endian, in the n <= 8 bytes given; the rest is zero. */
static inline uint64_t tsdb__in_le(struct tsdb__in *in, unsigned n)
{
    const uint8_t *p = tsdb__in_bytes(in, n);
    uint64_t v = 0;

    if (p != NULL)
        memcpy(&v, p, n);
    return v;
}

static inline uint64_t tsdb__in_varint(struct tsdb__in *in)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t b = tsdb__in_u8(in);

        v |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80)
            return v;
    }
    in->bad = true;
    return 0;
}

static inline uint32_t tsdb__in_varint32(struct tsdb__in *in)
{
    uint64_t v = tsdb__in_varint(in);

    if (v > UINT32_MAX)
        in->bad = true;
    return in->bad ? 0 : (uint32_t)v;
}

static inline uint64_t tsdb__zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline int64_t tsdb__unzigzag(uint64_t v)
{
    return (int64_t)((v >> 1) ^ (0 - (v & 1)));
}

/* At most 10 bytes; returns how many were written. */
static inline size_t tsdb__put_varint(uint8_t *p, uint64_t v)
{
    size_t n = 0;

    for (; v >= 0x80; v >>= 7)
        p[n++] = (uint8_t)(v | 0x80);
    p[n++] = (uint8_t)v;
    return n;
}

static inline void tsdb__add_varint(struct buf *b, uint64_t v)
{
    uint8_t text[10];

    buf_add(b, text, tsdb__put_varint(text, v));
}

static inline void tsdb__put_be32(uint8_t *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof(v));
}

static inline uint32_t tsdb__get_be32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return __builtin_bswap32(v);
}

static inline void tsdb__put_be64(uint8_t *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof(v));
}

#endif
