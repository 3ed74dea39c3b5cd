/*
 * sim.h - the KEDA operator and the HPA controller in virtual time.
 *
 * A discrete-event simulation: KEDA polls, HPA syncs and what happens in the world in between, in
 * the order of their times (at the same time: world, KEDA, HPA). Deterministic: the same setup
 * gives the same trace, byte for byte. One simulation is used by one thread; any number run at
 * once.
 *
 * Sources: KEDA pkg/scaling (scale_handler.go, executor/scale_scaledobjects.go, fallback), v2.17 to
 * v2.20.2; Kubernetes pkg/controller/podautoscaler (horizontal.go, replica_calculator.go), 1.31 to
 * 1.35.
 */
#ifndef FERULA_AUTOSCALE_SIM_H
#define FERULA_AUTOSCALE_SIM_H

#include "ferula/autoscale/manifest.h"
#include "ferula/autoscale/scaler.h"

/* What the simulation acts upon: the metric and the pods. */
struct world {
    void *ctx;
    /* What trigger `i` of the object is answered when it is asked at `now`. */
    int (*ask)(void *ctx, size_t i, ts_ms now, struct arena *a, struct answer *out);
    /* Lets time pass: pods start and end, samples are scraped. Called with ascending times. */
    int (*advance)(void *ctx, ts_ms now);
    /* The scale target was told to have so many replicas. */
    void (*scale)(void *ctx, ts_ms now, int32_t replicas);
    int32_t (*status_replicas)(void *ctx); /* that the target reports */
    int32_t (*ready_replicas)(void *ctx);
};

/*
 * The ScaledObject is another one from a time on: annotated, unpaused, edited. KEDA reconciles it
 * at once, and what is due at that time comes after it. Another spec and the end of a pause start
 * the loop, which polls then; annotations alone do not.
 */
struct sim_change {
    ts_ms t;
    const struct scaled_object *object; /* of as many triggers */
};

struct sim_event;

struct sim_setup {
    const struct scaled_object *object;
    const struct sim_change *changes; /* ascending times; may be NULL */
    size_t n_changes;
    struct autoscale_versions versions;
    struct world world;
    ts_ms start, end;   /* the ScaledObject is created at `start`, and so is its HPA */
    int32_t replicas;   /* that the target has then */
    dur_ms sync_period; /* of the HPA controller; 0: 15 s */
    /*
     * When set, events are given to it and not kept: `e` and all in it live until it returns. Below
     * 0: the simulation ends with that. For long ones, whose memory is bounded then.
     */
    int (*sink)(void *ctx, const struct sim_event *e);
    void *sink_ctx;
};

/* Who did something. */
enum actor { ACTOR_WORLD, ACTOR_KEDA, ACTOR_HPA };

/*
 * Why a replica count is what it is: the rule that decided. A row each in reasons.tbl.h with a name
 * ("ScaleUpLimit"), a sentence, and where it is from.
 */
enum reason {
#define R(name, text, source) REASON_##name,
#include "ferula/autoscale/reasons.tbl.h"
#undef R
    N_REASONS
};

const char *reason_name(enum reason r);
const char *reason_text(enum reason r);
bool reason_parse(struct str name, enum reason *out);

enum condition_status { COND_UNKNOWN, COND_TRUE, COND_FALSE };

struct condition {
    enum condition_status status;
    const char *reason;
    struct str message;
};

/* What one trigger said and what came of it. */
struct metric_view {
    struct verdict verdict;
    int64_t target_milli;
    int64_t shown_milli; /* TARGETS of kubectl; INT64_MIN: <unknown> */
    int32_t proposal;    /* of the HPA; -1: none */
};

/* One poll or one sync; or the beginning of a pause, or a change in it: then `actor` is KEDA. */
struct sim_event {
    ts_ms t;
    enum actor actor;
    int32_t before, after;       /* spec.replicas */
    int32_t desired;             /* of the HPA, after all rules; -1: it decided nothing */
    int32_t proposal;            /* before stabilization and limits; -1 */
    enum reason reason;          /* what decided */
    struct metric_view *metrics; /* one a trigger; the composite one alone with scalingModifiers */
    size_t n_metrics;
    int32_t status_replicas, ready_replicas;
    bool active;       /* KEDA: a trigger is active */
    bool fallback;     /* a fallback is in force */
    ts_ms last_active; /* INT64_MIN: never */
    struct condition ready, active_cond, fallback_cond, paused, hpa_active; /* ScaledObject's */
    struct condition able_to_scale, scaling_active, scaling_limited;        /* HPA's */
    struct str note; /* a sentence with the numbers; in the arena */
};

struct sim_trace {
    const struct sim_setup *setup;
    struct sim_event *events; /* NULL with a sink */
    size_t n_events;
    size_t event_bytes;    /* with a sink: most that events had in memory at once */
    const char **warnings; /* what is undefined upstream and was met */
    size_t n_warnings;
};

/*
 * FER_EINVAL: KEDA would refuse the object (f->text in its words). FER_ELIMIT: more than
 * HPA_METRICS_MAX triggers. What the world's calls return is returned. The trace is in the arena.
 */
int sim_run(struct arena *a, const struct sim_setup *setup, struct sim_trace *out, struct fault *f);

/* Replicas at a time: after the last event at or before it. Of a trace made without a sink. */
int32_t sim_replicas_at(const struct sim_trace *tr, ts_ms t);

/* ---- the HPA's arithmetic alone, for tests against Kubernetes' own code ------------------- */

#define HPA_METRICS_MAX 16 /* of one HPA */

/* Where a metric is from. Pods that are not ready use nothing yet when it is their cpu. */
enum hpa_source { HPA_EXTERNAL, HPA_CPU, HPA_MEMORY };

struct hpa_metric {
    enum target_type type; /* METRIC_UTILIZATION: of cpu and memory alone, in percent */
    enum hpa_source source;
    bool failed;
    int64_t usage_milli, target_milli; /* of cpu and memory: what a pod has on average */
    struct str name;  /* in messages: "external metric s0-prometheus(...)"; may be empty */
    struct str error; /* in messages; may be empty */
    size_t number;    /* in notes; 0: its place, from 1 on */
};

struct hpa_event {
    int32_t change;
    ts_ms t;
    bool outdated;
};

struct hpa_recommendation {
    int32_t replicas;
    ts_ms t;
};

/* All that the controller keeps about an HPA from sync to sync. */
struct hpa_state {
    struct hpa_recommendation *recommendations; /* heap */
    size_t n_recommendations, cap_recommendations;
    struct hpa_event *up, *down; /* heap */
    size_t n_up, cap_up, n_down, cap_down;
};

void hpa_state_release(struct hpa_state *s);

struct hpa_input {
    ts_ms now;
    int32_t spec_replicas, status_replicas, ready_replicas;
    int32_t min, max;
    const struct behavior *behavior;
    const struct hpa_metric *metrics;
    size_t n_metrics;
    const struct autoscale_rules *rules;
};

struct hpa_output {
    int32_t desired;    /* what the target is told; equal to spec_replicas: nothing is */
    int32_t proposal;   /* -1: none */
    int32_t stabilized; /* the proposal after stabilization */
    int32_t limit;      /* that cut it; equal to `desired` then */
    bool rescale, failed;
    enum reason reason;
    size_t deciding; /* metric that the proposal is from, or the first one that failed */
    int32_t proposals[HPA_METRICS_MAX];
    int64_t shown_milli[HPA_METRICS_MAX]; /* INT64_MIN: <unknown> */
    struct str note;                      /* a sentence with the numbers */
    struct condition able_to_scale, scaling_active,
        scaling_limited; /* messages are static or in the arena */
};

/* False: this sync does not look at the metrics (0 replicas, or out of bounds). */
bool hpa_wants_metrics(int32_t replicas, int32_t min, int32_t max);

/* One sync of the controller. */
void hpa_sync(struct hpa_state *state, const struct hpa_input *in, struct arena *a,
              struct hpa_output *out);

#endif
