/*
 * sample.h - one measurement, and the NaN that ends a series.
 *
 * Values are kept bit for bit: NaN payloads and -0 matter. Compare with same_bits(), never
 * copy a value through arithmetic.
 */
#ifndef FERULA_MODEL_SAMPLE_H
#define FERULA_MODEL_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "ferula/base/clock.h"

struct sample {
    ts_ms t;
    double v;
};

struct histogram; /* histogram.h */

/* A native histogram at a time; the histogram is shared, and not changed. */
struct hsample {
    ts_ms t;
    const struct histogram *h;
};

/* Prometheus model/value: what a scraper writes when a series has gone. */
#define STALE_NAN_BITS  UINT64_C(0x7ff0000000000002)
#define NORMAL_NAN_BITS UINT64_C(0x7ff8000000000001)

static inline uint64_t f64_bits(double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof(bits));
    return bits;
}

static inline double f64_from_bits(uint64_t bits)
{
    double v;

    memcpy(&v, &bits, sizeof(v));
    return v;
}

static inline bool is_stale(double v)
{
    return f64_bits(v) == STALE_NAN_BITS;
}

static inline bool same_bits(double a, double b)
{
    return f64_bits(a) == f64_bits(b);
}

#endif
