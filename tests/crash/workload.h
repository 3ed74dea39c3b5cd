/*
 * workload.h - what `workload` writes, and the marks it leaves in its trace.
 */
#ifndef TEST_WORKLOAD_H
#define TEST_WORKLOAD_H

#include "model.h"

/* Four clients over some hours of the store's time: slots of half an hour fill up and end. */
static inline struct model workload_model(uint64_t seed)
{
    return (struct model){.seed = seed,
                          .n_clients = 4,
                          .n_requests = 250,
                          .n_steady = 25,
                          .new_every = 10,
                          .step = 60 * 1000,
                          .late = 80 * 60 * 1000,
                          .retention = 150 * 60 * 1000};
}

/* The last requests of each client are left to whoever goes on with the store. */
#define WORKLOAD_SPARE 5

static inline struct tsdb_opts workload_opts(const struct model *m, const char *dir,
                                             const struct clock *clock)
{
    return (struct tsdb_opts){.dir = dir,
                              .map_bytes = (size_t)64 << 20,
                              .retention = m->retention,
                              .ooo_window = m->late + 10 * m->step,
                              .max_exemplars = MODEL_EXEMPLARS,
                              .clock = clock};
}

/* Written to the file of marks before a request is submitted, and when it is done. */
struct workload_mark {
    uint32_t client, request;
    uint32_t fate;     /* FATE_OPEN, FATE_STORED */
    uint32_t deletion; /* 1: `request` is the number of one */
};

#endif
