/*
 * pauses.h - what the annotations of a ScaledObject stop or force, and the HPA's behavior with
 * them.
 */
#ifndef FERULA_AUTOSCALE_PAUSES_H
#define FERULA_AUTOSCALE_PAUSES_H

#include "ferula/autoscale/scaler.h"

struct pauses {
    bool all;         /* paused, paused-replicas: KEDA's loop is stopped, and there is no HPA */
    int32_t replicas; /* of paused-replicas; -1: it stays as it is */
    bool in, out;     /* no scale-in, no scale-out */
    bool force;       /* force-activation: as if a trigger was active */
};

struct pauses autoscale__pauses_of(const struct scaled_object *o,
                                   const struct autoscale_rules *rules);

/* What the HPA is given; false: no behavior. */
bool autoscale__behavior_of(const struct scaled_object *o, const struct pauses *p,
                            struct behavior *out);

#endif
