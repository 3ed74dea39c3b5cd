/*
 * num_digits.h - what num.c asks of the C++ library: digits of a double, a double of digits.
 */
#ifndef FERULA_BASE_NUM_DIGITS_PRIV_H
#define FERULA_BASE_NUM_DIGITS_PRIV_H

#include <stddef.h>

#define BASE__MAX_DIGITS 17

enum base__num_rc { BASE__NUM_OK, BASE__NUM_MALFORMED, BASE__NUM_RANGE };

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The shortest digits of `v` (finite, above zero), without point or trailing zeros: how many.
 * The value is d.ddd * 10^*exponent.
 */
size_t base__num_digits(double v, char digits[BASE__MAX_DIGITS], int *exponent);

/* Unsigned decimal text; the whole of it must be used. *out is set for BASE__NUM_OK only. */
enum base__num_rc base__num_from_decimal(const char *p, size_t n, double *out);

#ifdef __cplusplus
}
#endif

#endif
