/*
 * mix.h - the load: series as a Kubernetes cluster has them, and their values, from a seed.
 *
 * A pod has MIX_POD_SERIES series of one set of labels; the first pod lives in the namespace
 * "keda-demo". Labels depend on (seed, pod, generation, row) and values on the round, too, so any
 * thread may make its pods' samples without the others, and two runs send the same bytes.
 */
#ifndef BENCH_LOAD_MIX_H
#define BENCH_LOAD_MIX_H

#include <stddef.h>
#include <stdint.h>

#include "ferula/base/buf.h"
#include "ferula/base/clock.h"

#define MIX_POD_SERIES 100

/* One pod as it is now. All zero, then mix_pod_init(). */
struct mix_pod {
    uint64_t seed;
    uint32_t pod, generation;
    double state[MIX_POD_SERIES]; /* what each series' next value is made from */
    struct mix_label {
        const char *name;
        char value[48];
    } labels[9]; /* shared by its series, sorted by name */
};

/* A pod that just started; `generation` counts the pods that had this place before. */
void mix_pod_init(struct mix_pod *p, uint64_t seed, uint32_t pod, uint32_t generation);

/* The next value of the pod's series `row`; to be called once a round, for every round. */
double mix_next(struct mix_pod *p, unsigned row, uint32_t round);

/* How the values of series `row` move: "constant", "bytes" and so on. */
const char *mix_kind(unsigned row);

/* Appends a prometheus.TimeSeries, as a field of a WriteRequest, with one sample. */
void mix_add_series(struct buf *message, const struct mix_pod *p, unsigned row, ts_ms t, double v);

#endif
