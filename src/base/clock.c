/*
 * clock.c - the system's clocks, and one that is set by hand.
 */
#include "ferula/base/clock.h"

#include <time.h>

#include "ferula/base/check.h"

static ts_ms system_now_ms(const struct clock *c)
{
    struct timespec ts;

    (void)c;
    CHECK(clock_gettime(CLOCK_REALTIME, &ts) == 0);
    return (ts_ms)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t system_mono_ns(const struct clock *c)
{
    struct timespec ts;

    (void)c;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static const struct clock system_clock = {system_now_ms, system_mono_ns};

const struct clock *clock_system(void)
{
    return &system_clock;
}

/* `base` is the first member, so a clock made by clock_manual_init() is its struct clock_manual. */
static ts_ms manual_now_ms(const struct clock *c)
{
    return atomic_load(&((const struct clock_manual *)(const void *)c)->at_ms);
}

static int64_t manual_mono_ns(const struct clock *c)
{
    return manual_now_ms(c) * 1000000;
}

void clock_manual_init(struct clock_manual *c, ts_ms at)
{
    c->base.now_ms = manual_now_ms;
    c->base.mono_ns = manual_mono_ns;
    atomic_init(&c->at_ms, at);
}

void clock_manual_set(struct clock_manual *c, ts_ms at)
{
    atomic_store(&c->at_ms, at);
}

void clock_manual_advance(struct clock_manual *c, dur_ms by)
{
    atomic_fetch_add(&c->at_ms, by);
}
