/*
 * picture.h - what came of simulations: figures, and a picture for people.
 */
#ifndef FERULA_AUTOSCALE_PICTURE_H
#define FERULA_AUTOSCALE_PICTURE_H

#include "ferula/autoscale/sim.h"
#include "ferula/autoscale/world.h"
#include "ferula/base/buf.h"

/* A simulation with a name; all of a list are over the same time. */
struct picture_run {
    struct str name;
    const struct sim_trace *trace;
    const struct world_sample *samples;
    size_t n_samples;
    double capacity; /* of a pod, requests a second; 0: not known */
};

struct picture_summary {
    double replica_seconds; /* replicas, by how long there were so many */
    double under_s;         /* seconds in which what was asked for was more than the pods could do:
                               by the app's capacity, else by the first trigger's target */
    double lost;            /* requests that no pod could serve; 0 without a capacity */
    int32_t least, most, last;
    size_t changes;
    size_t flaps; /* changes of direction: out and in again, or in and out again */
};

void picture_summary(const struct picture_run *run, struct picture_summary *out);

/* One SVG document: the metric with its target, replicas that are wanted and are, and why. */
void picture_svg(struct buf *out, const struct picture_run *v, size_t n, struct str title);

#endif
