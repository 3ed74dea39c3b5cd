/*
 * sender.h - one connection of the load: its pods, their encoded requests, and what came of them.
 *
 * A sender is used by one thread at a time.
 */
#ifndef BENCH_LOAD_SENDER_H
#define BENCH_LOAD_SENDER_H

#include <stdbool.h>

#include "client.h"
#include "ferula/base/clock.h"
#include "latency.h"
#include "mix.h"

/* The same for all senders. */
struct sender_plan {
    uint64_t seed;
    size_t n_series, n_senders, series_per_request, churn_percent;
    ts_ms start;
    dur_ms interval, retry;
    uint32_t first_round;
    int64_t round_ns, begin_ns; /* a round begins so long after the one before; 0: at once */
    bool spread;                /* each pod is scraped at a moment of its own within the interval */
    const char *path;
};

struct sender_counts {
    uint64_t samples, requests, bytes; /* acknowledged with a 2xx */
    uint64_t retried;                  /* answers 503, each asked again */
    uint64_t refused_requests, refused_samples;
    int refused_status; /* the last one that was not 2xx; and what it said: */
    char refused_text[160];
};

struct sender_request {
    size_t at, n; /* in `bodies` */
    uint32_t n_samples, round;
    bool ends_round;
};

struct sender {
    const struct sender_plan *plan; /* borrowed */
    struct client client;
    struct mix_pod *pods; /* heap: pods first, first + n_senders, ... */
    size_t first, n_pods;
    struct buf bodies, message;
    struct sender_request *requests; /* heap */
    size_t n_requests, cap_requests;
    struct sender_counts counts;
    struct latency latency;
    int64_t acked_rounds; /* rounds that are acknowledged up to their end */
    uint64_t acked_after; /* samples acknowledged after those */
    bool lost;            /* the server went away */
    struct fault fault;   /* why */
};

/* Sender `index` of plan->n_senders. FER_EINVAL: no good URL. */
int sender_init(struct sender *s, const struct sender_plan *plan, size_t index, const char *url,
                struct fault *f);
void sender_release(struct sender *s);

/* Encodes rounds [from, to), which follow those encoded before. Replaces what was encoded. */
void sender_encode(struct sender *s, uint32_t from, uint32_t to);

/* Sends what is encoded, one request at a time. Stops, with `lost` set, when the server is gone. */
void sender_send(struct sender *s);

/* The time of round `round` of a pod without a moment of its own. */
static inline ts_ms sender_time(const struct sender_plan *plan, uint32_t round)
{
    return plan->start + (ts_ms)round * plan->interval;
}

#endif
