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
                               by the app's capacity, else by the first metric's target */
    double lost;            /* requests that no pod could serve; 0 without a capacity */
    int32_t least, most, last;
    size_t changes;
    size_t flaps; /* changes of direction: out and in again, or in and out again */
};

/*
 * The same from events and samples as they come. For a picture a thinned series of events is kept
 * (of each: time, replicas, proposal and first metric): a bounded number, however long the run is.
 */
#define PICTURE_POINTS 3000
#define PICTURE_MARKS  24 /* changes with their reasons */

struct picture_tally {
    struct sim_trace points; /* for picture_run; heap; none unless it draws */
    struct picture_summary sum;
    const struct sim_setup *setup; /* borrowed */
    double capacity;
    bool draws;
    struct arena texts;          /* of the marks */
    struct metric_view *metrics; /* heap; one a point */
    dur_ms span;                 /* what is in one becomes one point; 0: all are kept yet */
    ts_ms at;
    int32_t replicas;
    int direction;
    bool over, has_sample;
    struct world_sample sample; /* the last one */
};

/*
 * How many targets of the first metric so many replicas can take: one each, but one at all when it
 * is a Value, or what a pod has on average (cpu, memory).
 */
int32_t picture_targets(const struct sim_setup *setup, int32_t replicas);

void picture_tally_begin(struct picture_tally *t, const struct sim_setup *setup, double capacity,
                         bool draws);
void picture_tally_event(struct picture_tally *t, const struct sim_event *e);
void picture_tally_sample(struct picture_tally *t, const struct world_sample *s);
/* At the end of the simulation: t->sum is complete. */
void picture_tally_end(struct picture_tally *t);
void picture_tally_release(struct picture_tally *t);

void picture_summary(const struct picture_run *run, struct picture_summary *out);

/* One SVG document: the metric with its target, replicas that are wanted and are, and why. */
void picture_svg(struct buf *out, const struct picture_run *v, size_t n, struct str title);

#endif
