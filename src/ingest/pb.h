/*
 * pb.h - writing protobuf's wire format into a buffer, for messages that are made in one pass.
 *
 * As protobuf's own encoders do, numbers that are 0 and texts that are empty are left out.
 */
#ifndef INGEST_PB_H
#define INGEST_PB_H

#include "ferula/base/buf.h"
#include "ferula/model/sample.h"

#include "wire.h"

static inline void pb_varint(struct buf *b, uint64_t v)
{
    for (; v > 0x7f; v >>= 7)
        buf_putc(b, (char)(uint8_t)(v | 0x80));
    buf_putc(b, (char)v);
}

static inline void pb_tag(struct buf *b, unsigned field, unsigned type)
{
    pb_varint(b, field << 3 | type);
}

static inline uint64_t pb_zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static inline void pb_u64(struct buf *b, unsigned field, uint64_t v)
{
    if (v == 0)
        return;
    pb_tag(b, field, WIRE_VARINT);
    pb_varint(b, v);
}

static inline void pb_i64(struct buf *b, unsigned field, int64_t v)
{
    pb_u64(b, field, (uint64_t)v);
}

static inline void pb_s64(struct buf *b, unsigned field, int64_t v)
{
    pb_u64(b, field, pb_zigzag(v));
}

/* Eight bytes, little end first. */
static inline void pb_bits64(struct buf *b, uint64_t bits)
{
    for (int i = 0; i < 8; i++)
        buf_putc(b, (char)(uint8_t)(bits >> (8 * i)));
}

static inline void pb_f64(struct buf *b, unsigned field, double v)
{
    if (f64_bits(v) == 0)
        return;
    pb_tag(b, field, WIRE_FIXED64);
    pb_bits64(b, f64_bits(v));
}

static inline void pb_bytes(struct buf *b, unsigned field, struct str s)
{
    pb_tag(b, field, WIRE_BYTES);
    pb_varint(b, s.n);
    buf_add(b, s.p, s.n);
}

static inline void pb_text(struct buf *b, unsigned field, struct str s)
{
    if (s.n > 0)
        pb_bytes(b, field, s);
}

/* Appends what is in `inner` as a message, which may be empty, and empties it for the next one. */
static inline void pb_nest(struct buf *b, unsigned field, struct buf *inner)
{
    pb_bytes(b, field, buf_str(inner));
    buf_reset(inner);
}

#endif
