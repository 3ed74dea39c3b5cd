/*
 * latency.h - spans of time, kept one by one, and their percentiles. One thread at a time.
 */
#ifndef BENCH_LOAD_LATENCY_H
#define BENCH_LOAD_LATENCY_H

#include <stddef.h>
#include <stdint.h>

/* All zero is empty. */
struct latency {
    uint32_t *us; /* heap */
    size_t n, cap;
};

void latency_release(struct latency *l);
void latency_add(struct latency *l, int64_t ns);
void latency_add_all(struct latency *to, const struct latency *from);

/* Sorts; the percentile is the smallest span that `percent` of all do not exceed. 0 when empty. */
double latency_ms(struct latency *l, unsigned percent);

#endif
