/*
 * timing.h - how long something took lately: count, sum and quantiles of the last few hundred.
 */
#ifndef API_TIMING_H
#define API_TIMING_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define API_TIMING_KEPT 256

struct api__timing {
    pthread_mutex_t lock;
    uint64_t count;
    double sum_s;
    float last_s[API_TIMING_KEPT]; /* ring; count % API_TIMING_KEPT is the next place */
};

struct api__timing_view {
    uint64_t count;
    double sum_s;
    double quantile_s[3]; /* 0.5, 0.9, 0.99; NaN when nothing was seen */
};

void api__timing_init(struct api__timing *t);
void api__timing_release(struct api__timing *t);
void api__timing_add(struct api__timing *t, double seconds); /* any thread */
void api__timing_read(struct api__timing *t, struct api__timing_view *out);

#endif
