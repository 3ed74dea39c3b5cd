/*
 * clock.h - where time comes from. Nothing else in ferula asks the operating system for it.
 *
 * ts_ms is a point in time, milliseconds since 1970-01-01 UTC; dur_ms a span in milliseconds.
 * A clock may be read by any number of threads.
 */
#ifndef FERULA_BASE_CLOCK_H
#define FERULA_BASE_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

typedef int64_t ts_ms;
typedef int64_t dur_ms;

struct clock {
    ts_ms (*now_ms)(const struct clock *c);    /* wall clock */
    int64_t (*mono_ns)(const struct clock *c); /* never goes back; for spans and deadlines */
};

const struct clock *clock_system(void);

static inline ts_ms clock_now_ms(const struct clock *c)
{
    return c->now_ms(c);
}

static inline int64_t clock_mono_ns(const struct clock *c)
{
    return c->mono_ns(c);
}

/* A clock that a test or the simulator sets by hand. */
struct clock_manual {
    struct clock base;
    _Atomic int64_t at_ms;
};

void clock_manual_init(struct clock_manual *c, ts_ms at);
void clock_manual_set(struct clock_manual *c, ts_ms at);
void clock_manual_advance(struct clock_manual *c, dur_ms by);

#endif
