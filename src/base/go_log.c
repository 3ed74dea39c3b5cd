/*
 * go_log.c - the natural logarithm by the series that Sun's fdlibm made known, which Go follows.
 *
 * With s = f / (2 + f), log(1 + f) = log(1 + s) - log(1 - s) = 2s + s * R(s^2), where R is a
 * polynomial of the seven coefficients below. Results depend on the order of the operations.
 */
#include "ferula/base/go_log.h"

#include <math.h>

#define HALF_SQRT2 0x1.6a09e667f3bcdp-1
#define LN2_HIGH   0x1.62e42feep-1
#define LN2_LOW    0x1.a39ef35793c76p-33
#define PER_LN2    0x1.71547652b82fep+0

/* Of odd and of even powers of s^2, from the highest. */
static const double odd[] = {0x1.2f112df3e5244p-3, 0x1.7466496cb03dep-3, 0x1.2492494229359p-2,
                             0x1.5555555555593p-1};
static const double even[] = {0x1.39a09d078c69fp-3, 0x1.c71c51d8e78afp-3, 0x1.999999997fa04p-2};

/* The natural logarithm of a number in [0.5, 1). */
static double log_fraction(double v)
{
    double k = v <= HALF_SQRT2 ? -1 : 0;
    double f = (k < 0 ? v * 2 : v) - 1;
    double s = f / (2 + f), s2 = s * s, s4 = s2 * s2;
    double t1 = s2 * (odd[3] + s4 * (odd[2] + s4 * (odd[1] + s4 * odd[0])));
    double t2 = s4 * (even[2] + s4 * (even[1] + s4 * even[0]));
    double half_f2 = 0.5 * f * f;

    return k * LN2_HIGH - ((half_f2 - (s * (half_f2 + (t1 + t2)) + k * LN2_LOW)) - f);
}

double go_log2(double v)
{
    int exponent;
    double fraction = frexp(v, &exponent);

    if (!(v > 0))
        return v == 0 ? -INFINITY : NAN;
    if (isinf(v))
        return v;
    if (fraction == 0.5)
        return exponent - 1;
    return log_fraction(fraction) * PER_LN2 + exponent;
}
