/*
 * pack.h - a sequence of integers in few bits, in two passes: plan, then write.
 *
 * Below timestamps (times.h) and values (values.h) of sealed chunks. Any 64-bit integers; all
 * arithmetic wraps. The layout is drawn in pack.c. No state, any thread.
 */
#ifndef TSDB_PACK_H
#define TSDB_PACK_H

#include <stdint.h>

#include "wire.h"

#define TSDB__PACK_CODE_BITS 5
#define TSDB__PACK_CODE_MASK 0x1f

/* How a sequence is going to be written. */
struct tsdb__plan {
    uint8_t code; /* 5 bits that the caller stores and hands to tsdb__unpack() */
    uint8_t model, layout, shift, wide, narrow;
    uint64_t base, step;
    size_t n_bits; /* the size, about; never much less than it will be */
};

/* n >= 1. */
void tsdb__plan(const uint64_t *x, size_t n, struct tsdb__plan *out);

/* Appends x[0..n), which is used up. */
void tsdb__pack(const struct tsdb__plan *plan, uint64_t *x, size_t n, struct buf *out);

/*
 * Reads n >= 1 integers (and fewer than 2^32), which take all of `in`, into the 8 bytes at `to`, to
 * + stride... FER_ECORRUPT; then what was written is of no meaning.
 */
int tsdb__unpack(unsigned code, struct tsdb__in *in, uint8_t *to, size_t stride, size_t n);

#endif
