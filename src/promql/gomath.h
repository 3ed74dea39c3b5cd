/*
 * gomath.h - where Go's arithmetic is not C's: minimum and maximum, and its quiet NaN.
 */
#ifndef FERULA_PROMQL_GOMATH_H
#define FERULA_PROMQL_GOMATH_H

#include <math.h>
#include <stdbool.h>

#include "ferula/model/sample.h"

static inline double go_nan(void)
{
    return f64_from_bits(NORMAL_NAN_BITS);
}

/* Infinity wins over NaN, NaN over numbers, +0 over -0 (the other way round in go_min). */
static inline double go_max(double a, double b)
{
    if ((isinf(a) && a > 0) || (isinf(b) && b > 0))
        return INFINITY;
    if (isnan(a) || isnan(b))
        return go_nan();
    if (a == 0 && a == b)
        return signbit(a) ? b : a;
    return a > b ? a : b;
}

static inline double go_min(double a, double b)
{
    if ((isinf(a) && a < 0) || (isinf(b) && b < 0))
        return -INFINITY;
    if (isnan(a) || isnan(b))
        return go_nan();
    if (a == 0 && a == b)
        return signbit(a) ? a : b;
    return a < b ? a : b;
}

/* int64(v) as amd64 does it: what does not fit, NaN too, is the smallest integer. */
static inline int64_t go_int64(double v)
{
    return v >= -0x1p63 && v < 0x1p63 ? (int64_t)v : INT64_MIN;
}

#endif
