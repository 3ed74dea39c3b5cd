/*
 * values.h - the values of a sealed chunk: a lossless codec of doubles.
 *
 * Bit-exact for every pattern: NaN payloads, -0, denormals, infinities. The layout is drawn in
 * values.c. No state, any thread.
 */
#ifndef TSDB_VALUES_H
#define TSDB_VALUES_H

#include <stddef.h>
#include <stdint.h>

#include "ferula/base/buf.h"
#include "ferula/model/sample.h"

/* The upper 3 bits of the first byte. */
enum tsdb__values_form {
    TSDB__VALUES_SAME,     /* one value */
    TSDB__VALUES_INTEGERS, /* all are integers */
    TSDB__VALUES_DECIMALS, /* all are integers / 10^e */
    TSDB__VALUES_MIXED,    /* integers / 10^e but for a few, which are listed */
    TSDB__VALUES_BITS,     /* the doubles' bits as integers */
    TSDB__VALUES_XOR,
    TSDB__N_VALUES_FORMS
};

#define TSDB__VALUES_FORM(first_byte) ((first_byte) >> 5)

/* Appends s[0..n).v, n >= 1, in the form that is shortest for it. */
void tsdb__values_encode(const struct sample *s, size_t n, struct buf *out);

/* Reads exactly n values into s[0..n).v, from exactly these bytes. FER_ECORRUPT. */
int tsdb__values_decode(const uint8_t *p, size_t len, struct sample *s, size_t n);

#endif
