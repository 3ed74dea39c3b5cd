/*
 * series_kinds.h - how the values of series behave: what Kubernetes and its nodes export, and what
 * nobody should.
 */
#ifndef TEST_TSDB_SERIES_KINDS_H
#define TEST_TSDB_SERIES_KINDS_H

#include "fixture.h"

#include <math.h>

struct series_kind {
    const char *name;
    void (*fill)(uint64_t *random, struct sample *s, size_t n); /* the values; times are kept */
    unsigned percent; /* of the series of a cluster, about */
    double want;      /* bytes a value that a chunk of 120 may cost, on average; 0: not known */
};

/* In [0, 1). */
static inline double kind_uniform(uint64_t *random)
{
    return (double)(fx_random(random) >> 11) / 9007199254740992.0;
}

static inline double kind_normal(uint64_t *random)
{
    double radius = sqrt(-2 * log(kind_uniform(random) + 1e-300));

    return radius * cos(6.283185307179586 * kind_uniform(random));
}

static inline unsigned kind_poisson(uint64_t *random, double mean)
{
    double part = exp(-mean), sum = part, u = kind_uniform(random);
    unsigned k = 0;

    while (u > sum && k < 1000) {
        k++;
        part *= mean / k;
        sum += part;
    }
    return k;
}

static inline void kind_constant(uint64_t *random, struct sample *s, size_t n)
{
    static const double v[] = {0, 0, 0, 1, 1, 1, 2, 3, 100, 0.25, 16777216, 1700000000.123};
    double one = v[fx_random(random) % COUNT(v)];

    for (size_t i = 0; i < n; i++)
        s[i].v = one;
}

static inline void kind_slow_counter(uint64_t *random, struct sample *s, size_t n)
{
    double x = (double)(fx_random(random) % 100000), mean = 0.5 + 4 * kind_uniform(random);

    for (size_t i = 0; i < n; i++)
        s[i].v = x += kind_poisson(random, mean);
}

static inline void kind_byte_counter(uint64_t *random, struct sample *s, size_t n)
{
    double x = (double)(fx_random(random) % UINT64_C(10000000000));
    double mean = 1e4 * exp(4 * kind_uniform(random));

    for (size_t i = 0; i < n; i++)
        s[i].v = x += floor(mean * (0.5 + kind_uniform(random)));
}

static inline void kind_cpu_seconds(uint64_t *random, struct sample *s, size_t n)
{
    double ns = (double)(fx_random(random) % UINT64_C(1000000000000));
    double mean = 1e7 * exp(4 * kind_uniform(random));

    for (size_t i = 0; i < n; i++) {
        ns += floor(mean * (1 + 0.2 * kind_normal(random)));
        s[i].v = ns / 1e9;
    }
}

static inline void kind_memory(uint64_t *random, struct sample *s, size_t n)
{
    double pages = (double)(fx_random(random) % 100000);

    for (size_t i = 0; i < n; i++) {
        if (kind_uniform(random) < 0.7)
            pages = MAX(100, pages + floor(60 * kind_normal(random)));
        s[i].v = pages * 4096;
    }
}

static inline void kind_small_gauge(uint64_t *random, struct sample *s, size_t n)
{
    double x = (double)(fx_random(random) % 20);

    for (size_t i = 0; i < n; i++) {
        if (kind_uniform(random) < 0.5)
            x = MAX(0, x + (double)(fx_random(random) % 9) - 4);
        s[i].v = x;
    }
}

static inline void kind_two_decimals(uint64_t *random, struct sample *s, size_t n)
{
    double x = (double)(fx_random(random) % 10000);

    for (size_t i = 0; i < n; i++) {
        x = MAX(0, x + floor(8 * kind_normal(random)));
        s[i].v = x / 100;
    }
}

static inline void kind_random(uint64_t *random, struct sample *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s[i].v = kind_uniform(random);
}

static inline void kind_sum(uint64_t *random, struct sample *s, size_t n)
{
    double x = 1000 * kind_uniform(random);

    for (size_t i = 0; i < n; i++) {
        for (unsigned k = kind_poisson(random, 3); k > 0; k--)
            x += 0.05 * exp(kind_normal(random));
        s[i].v = x;
    }
}

static inline void kind_rare_steps(uint64_t *random, struct sample *s, size_t n)
{
    double x = 3;

    for (size_t i = 0; i < n; i++) {
        if (fx_random(random) % 40 == 0)
            x = (double)(fx_random(random) % 50);
        s[i].v = x;
    }
}

static inline void kind_noise(uint64_t *random, struct sample *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s[i].v = 40 + (double)(fx_random(random) % 60);
}

static inline void kind_line(uint64_t *random, struct sample *s, size_t n)
{
    double step = (double)(fx_random(random) % 1000) / 8;

    for (size_t i = 0; i < n; i++)
        s[i].v = -500 + step * (double)i;
}

/* An integer counter that goes now and then. */
static inline void kind_stale(uint64_t *random, struct sample *s, size_t n)
{
    kind_slow_counter(random, s, n);
    for (size_t i = 0; i < n; i++)
        if (fx_random(random) % 30 == 0)
            s[i].v = f64_from_bits(STALE_NAN_BITS);
}

static inline void kind_any_bits(uint64_t *random, struct sample *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s[i].v = f64_from_bits(fx_random(random));
}

static inline double kind_awkward_value(uint64_t *random)
{
    static const uint64_t v[] = {0,
                                 UINT64_C(0x8000000000000000), /* -0 */
                                 1,                            /* denormals */
                                 UINT64_C(0x000fffffffffffff),
                                 UINT64_C(0x8000000000000001),
                                 UINT64_C(0x7ff0000000000000), /* infinities, NaNs */
                                 UINT64_C(0xfff0000000000000),
                                 STALE_NAN_BITS,
                                 NORMAL_NAN_BITS,
                                 UINT64_C(0x7ff8000000000000),
                                 UINT64_C(0xffffffffffffffff),
                                 UINT64_C(0x7ff0000000000001),
                                 UINT64_C(0x7fefffffffffffff), /* the largest */
                                 UINT64_C(0x433fffffffffffff), /* 2^53 - 1, 2^53, -2^53 */
                                 UINT64_C(0x4340000000000000),
                                 UINT64_C(0xc340000000000000),
                                 UINT64_C(0x4340000000000001),
                                 UINT64_C(0x43e0000000000000), /* 2^63, -2^63 */
                                 UINT64_C(0xc3e0000000000000)};

    return f64_from_bits(v[fx_random(random) % COUNT(v)]);
}

static inline void kind_awkward(uint64_t *random, struct sample *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s[i].v = kind_awkward_value(random);
}

static inline void kind_odd_ones(uint64_t *random, struct sample *s, size_t n)
{
    kind_small_gauge(random, s, n);
    for (size_t i = 0; i < n; i++)
        if (fx_random(random) % 20 == 0)
            s[i].v = kind_awkward_value(random);
}

/* Decimals of all sizes up to where a double cannot hold them. */
static inline void kind_digits(uint64_t *random, struct sample *s, size_t n)
{
    static const double scale[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10};
    uint64_t mask = UINT64_MAX >> (fx_random(random) % 60);

    for (size_t i = 0; i < n; i++)
        s[i].v =
            (double)(int64_t)(fx_random(random) & mask) / scale[fx_random(random) % COUNT(scale)];
}

static inline void kind_edge(uint64_t *random, struct sample *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        s[i].v = 9007199254740992.0 + (double)(fx_random(random) % 32) - 16;
        if (fx_random(random) % 4 == 0)
            s[i].v = -s[i].v;
    }
}

static inline void kind_denormals(uint64_t *random, struct sample *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s[i].v = f64_from_bits(fx_random(random) & UINT64_C(0x800000000000ffff));
}

/* First the lowest bits change, then the highest: no width suits both. */
static inline void kind_two_regimes(uint64_t *random, struct sample *s, size_t n)
{
    uint64_t bits = f64_bits(1.1);

    for (size_t i = 0; i < n; i++) {
        bits ^= (fx_random(random) & 15) << (i < n / 2 ? 0 : 50);
        s[i].v = f64_from_bits(bits);
    }
}

static const struct series_kind series_kinds[] = {
    {"constant",           kind_constant,     55, 0.03},
    {"slow counter",       kind_slow_counter, 15, 0.46},
    {"byte counter",       kind_byte_counter, 8,  2.58},
    {"cpu seconds",        kind_cpu_seconds,  5,  3.75},
    {"memory gauge",       kind_memory,       7,  0.93},
    {"small gauge",        kind_small_gauge,  5,  0.39},
    {"two decimals",       kind_two_decimals, 2,  0.74},
    {"random",             kind_random,       1,  7.22},
    {"sum",                kind_sum,          2,  5.69},
    {"rare steps",         kind_rare_steps,   0,  0   },
    {"noise",              kind_noise,        0,  0   },
    {"line",               kind_line,         0,  0   },
    {"counter with gaps",  kind_stale,        0,  0   },
    {"any bits",           kind_any_bits,     0,  0   },
    {"awkward",            kind_awkward,      0,  0   },
    {"integers, odd ones", kind_odd_ones,     0,  0   },
    {"any digits",         kind_digits,       0,  0   },
    {"around 2^53",        kind_edge,         0,  0   },
    {"denormals",          kind_denormals,    0,  0   },
    {"two regimes",        kind_two_regimes,  0,  0   },
};

/* A kind as often as a cluster has it. */
static inline const struct series_kind *series_kind_of_cluster(uint64_t *random)
{
    unsigned at = (unsigned)(fx_random(random) % 100);

    for (size_t i = 0; i < COUNT(series_kinds); i++) {
        if (at < series_kinds[i].percent)
            return &series_kinds[i];
        at -= series_kinds[i].percent;
    }
    return &series_kinds[0];
}

/* How often tests of random series repeat. */
static inline size_t series_rounds(size_t usual)
{
    const char *env = getenv("FERULA_TEST_ROUNDS");

    return env != NULL ? strtoull(env, NULL, 0) : usual;
}

#endif
