/*
 * sim_priv.h - the state of one simulation, shared by KEDA's parts and the event loop.
 */
#ifndef FERULA_AUTOSCALE_SIM_PRIV_H
#define FERULA_AUTOSCALE_SIM_PRIV_H

#include "autoscale_priv.h"
#include "formula.h"

#define NEVER       INT64_MIN
#define LATER       INT64_MAX
#define SYNC_PERIOD ((dur_ms)15000)

/* An entry of status.health. A patch has of the two what is another one in the object it is from.
 */
struct sim_health {
    int64_t failures; /* in a row; -1: there is no entry */
    bool failing;
};

/* One trigger, as its scaler and its status.health entry know it. */
struct sim_trigger {
    const struct trigger *t;
    bool is_prometheus, is_resource;
    struct prometheus_trigger prom;
    double activation;
    int64_t target_milli;
    struct str metric;        /* "s0-prometheus" */
    struct str hpa_name;      /* as the HPA's messages name it */
    struct sim_health health; /* in the cluster; counted only when a fallback is given */
    struct sim_health copied; /* in the scalers' object */
    bool has_record;          /* useCachedMetrics: what the last poll left */
    struct verdict record;
    bool record_nameless; /* it goes by the composite metric's name: the formula does not find it */
};

/* What a trigger's value is after fallback. */
struct sim_reading {
    struct verdict verdict;
    bool fallback; /* the value is the fallback's */
    bool nil;      /* for ?? in the formula */
};

/* status.conditions of the ScaledObject. */
struct sim_status {
    struct condition ready, active, fallback, paused, hpa_active;
};

struct sim_hpa {
    bool exists;
    ts_ms made;
    ts_ms next; /* sync; LATER: there is none */
    int32_t min, max;
    struct hpa_state state;
    bool has_behavior;
    struct behavior behavior; /* with the annotations' directions disabled */
    struct condition able_to_scale, scaling_active, scaling_limited;
};

struct sim {
    const struct sim_setup *setup;
    const struct scaled_object *object; /* of now */
    struct autoscale_rules rules;
    struct arena *life;     /* of the simulation: the trace, the object as it was taken over */
    struct arena *arena;    /* of the event: `life`, or with a sink one of the two below */
    struct arena turns[2];  /* with a sink, used in turn */
    struct sim_event event; /* with a sink: the one there is */
    struct sim_trace *trace;
    size_t cap_events, cap_warnings;
    ts_ms now, created;
    dur_ms sync_period, poll_period;
    dur_ms loop_period; /* poll_period of when the loop began */
    int32_t replicas;   /* spec.replicas */

    struct sim_trigger *triggers;
    size_t n;
    struct formula *formula; /* NULL: no scalingModifiers */
    double composite_target, composite_activation;
    int64_t composite_milli;

    bool paused, pause_in, pause_out, force;
    ts_ms next_poll, last_active;           /* LATER: no loop runs */
    const struct scaled_object *looped;     /* what the loop began with */
    const struct scaled_object *scalers_of; /* what the scalers were built for */
    bool fallback;                          /* one is in force */
    bool scalers_dropped;                   /* after an error; who needs them builds them anew */
    bool scalers_copy;                      /* they have a copy of the object, as old as they are */
    bool held;                              /* status.pausedReplicaCount is there */
    bool failed;                            /* the last reconcile, which is tried again */
    bool turned_ready;        /* Ready was True in between, be it or not after the poll */
    struct sim_status status; /* in the cluster */
    struct sim_status copied; /* in the scalers' object */
    struct sim_hpa hpa;
};

/* sim_setup.c: checks the object as KEDA does, and takes it over. */
int sim__adopt(struct sim *s, const struct scaled_object *object, struct fault *f);
/* Of KEDA's annotations the one of that name, less "autoscaling.keda.sh/". */
bool sim__annotation(const struct scaled_object *o, const char *name, struct str *value);
int32_t sim__min(const struct sim *s);     /* minReplicaCount, 0 unless given */
int32_t sim__hpa_min(const struct sim *s); /* at least 1 */
int32_t sim__max(const struct sim *s);
/* Whether there is an annotation paused-replicas, and its number: below 0 for what is none. */
bool sim__paused_replicas(const struct sim *s, int64_t *n);

/* sim_ask.c: values of triggers. */
int sim__ask(struct sim *s, size_t i, struct verdict *out);
void sim__composite(struct sim *s, const struct sim_reading *r, bool of_sync, struct verdict *out);

/* fallback.c */
bool sim__has_fallback(const struct sim *s); /* given and valid */
/* It leaves what failed to the formula's ??. */
bool sim__falls_to_formula(const struct sim *s);
void sim__fallback(struct sim *s, size_t i, bool of_sync, struct sim_reading *r);
/* Failures in a row, as whoever polls or syncs sees them. */
int64_t sim__failures(const struct sim *s, size_t i, bool of_sync);
/* Before triggers are read: builds scalers that were dropped or, for a poll, are of another spec.
 */
void sim__scalers(struct sim *s, bool of_sync);
/* The scalers' object is as it is in the cluster. */
void sim__refresh(struct sim *s);
void sim__forget_records(struct sim *s);
/* After triggers are read: is a fallback in force? */
void sim__fallback_seen(struct sim *s);

/* sim_reconcile.c: the object is new, or another one than it was (NULL: new). */
int sim__reconcile(struct sim *s, const struct scaled_object *was);
/* metadata.generation is the same: annotations and labels do not count. */
bool sim__same_spec(const struct scaled_object *a, const struct scaled_object *b);

/* sim.c: what is done between the two becomes an event. */
struct sim_event *sim__event_begin(struct sim *s, enum actor actor);
int sim__event_end(struct sim *s, struct sim_event *ev);

/* keda.c and sim_hpa.c: one poll, one sync. */
int sim__poll(struct sim *s, struct sim_event *ev);
int sim__sync(struct sim *s, struct sim_event *ev);
void sim__scale(struct sim *s, int32_t replicas);
void sim__warn(struct sim *s, const char *text);
struct condition sim__condition(enum condition_status status, const char *reason, const char *text);

#endif
