/*
 * kahan.h - sums that keep what rounding loses (Kahan's method in Neumaier's form).
 *
 * The additions stand in Prometheus' order, because results are compared to the last bit.
 */
#ifndef FERULA_BASE_KAHAN_H
#define FERULA_BASE_KAHAN_H

#include <math.h>

struct kahan {
    double sum, c; /* the true sum is sum + c */
};

static inline void kahan_add(struct kahan *k, double x)
{
    double t = k->sum + x;

    if (isinf(t))
        k->c = 0;
    else if (fabs(k->sum) >= fabs(x))
        k->c += (k->sum - t) + x;
    else
        k->c += (x - t) + k->sum;
    k->sum = t;
}

#endif
