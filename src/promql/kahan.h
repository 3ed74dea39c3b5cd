/*
 * kahan.h - means that keep what rounding loses, in Prometheus' order of additions.
 */
#ifndef FERULA_PROMQL_KAHAN_H
#define FERULA_PROMQL_KAHAN_H

#include "ferula/base/kahan.h"

/*
 * A mean that adds up while the sum is finite, and goes on with a running mean after that: the sum
 * of large values may overflow where their mean does not.
 */
struct kahan_mean {
    struct kahan k; /* of the values, or of the mean when `running` */
    double n;
    int running;
};

static inline void kahan_mean_first(struct kahan_mean *m, double x)
{
    *m = (struct kahan_mean){.k.sum = x, .n = 1};
}

static inline void kahan_mean_add(struct kahan_mean *m, double x)
{
    m->n++;
    if (!m->running) {
        struct kahan next = m->k;

        kahan_add(&next, x);
        if (!isinf(next.sum)) {
            m->k = next;
            return;
        }
        m->running = 1;
        m->k.sum /= m->n - 1;
        m->k.c /= m->n - 1;
    }
    double q = (m->n - 1) / m->n;

    m->k.sum *= q;
    m->k.c *= q;
    kahan_add(&m->k, x / m->n);
}

static inline double kahan_mean_value(const struct kahan_mean *m)
{
    return m->running ? m->k.sum + m->k.c : m->k.sum / m->n + m->k.c / m->n;
}

#endif
