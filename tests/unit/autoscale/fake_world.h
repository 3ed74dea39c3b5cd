/*
 * fake_world.h - a world whose metric is a function of time, and a ScaledObject built from a row.
 *
 * Times are seconds after the ScaledObject was made.
 */
#ifndef FERULA_TESTS_FAKE_WORLD_H
#define FERULA_TESTS_FAKE_WORLD_H

#include "cases.h"

#include <math.h>
#include <stdio.h>

#include "ferula/autoscale/sim.h"

#define T0         ((ts_ms)1767225600000)
#define MAX_PIECES 16

/* From `from_s` on the metric is v + slope * (t - from_s), but at least `floor`. */
struct piece {
    int from_s;
    double v;
    enum answer_kind kind;
    int n; /* elements beyond the first; -1: none */
    double slope, floor;
};

struct fake {
    const struct piece *pieces[2];
    int32_t replicas;
    int32_t ready_at_most; /* 0: all are ready */
    int asked;             /* times */
    ts_ms last;
};

static inline int fake_ask(void *ctx, size_t i, ts_ms now, struct arena *a, struct answer *out)
{
    struct fake *w = ctx;
    const struct piece *p = w->pieces[i];
    double t = (double)(now - T0) / 1000;

    (void)a;
    w->asked++;
    for (size_t k = 1; k < MAX_PIECES && p[1].from_s > 0 && t >= p[1].from_s; k++)
        p++;
    *out = (struct answer){
        .kind = p->kind,
        .status = 503,
        .n = (size_t)(1 + p->n),
        .value = fmax(p->v + p->slope * (t - p->from_s), p->slope < 0 ? p->floor : -INFINITY),
    };
    if (isnan(p->v))
        out->value = NAN;
    return 0;
}

static inline int fake_advance(void *ctx, ts_ms now)
{
    struct fake *w = ctx;

    assert_true(now >= w->last);
    w->last = now;
    return 0;
}

static inline void fake_scale(void *ctx, ts_ms now, int32_t replicas)
{
    struct fake *w = ctx;

    assert_int_equal(now, w->last);
    w->replicas = replicas;
}

static inline int32_t fake_status(void *ctx)
{
    const struct fake *w = ctx;

    return w->replicas;
}

static inline int32_t fake_ready(void *ctx)
{
    const struct fake *w = ctx;

    return w->ready_at_most > 0 ? MIN(w->ready_at_most, w->replicas) : w->replicas;
}

static inline struct world fake_world(struct fake *w)
{
    return (struct world){w, fake_ask, fake_advance, fake_scale, fake_status, fake_ready};
}

static inline struct text_at text_of(const char *s)
{
    return (struct text_at){.s = str_of(s)};
}

static inline struct number_at number_of(int64_t v)
{
    return (struct number_at){.v = v, .given = true};
}

#endif
