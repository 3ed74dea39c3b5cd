/*
 * explain.h - why KEDA and the HPA come to the replica count they come to, at one moment: the query
 * part by part, what KEDA makes of the answer, and the HPA's arithmetic.
 *
 * Everything is in the arena given. One thread, which may be any.
 */
#ifndef FERULA_AUTOSCALE_EXPLAIN_H
#define FERULA_AUTOSCALE_EXPLAIN_H

#include "ferula/autoscale/autopsy.h"
#include "ferula/autoscale/manifest.h"
#include "ferula/autoscale/scaler.h"
#include "ferula/autoscale/sim.h"

/* A trigger's number, which is taken instead of asking it. */
struct explain_number {
    struct str trigger; /* its name, or its place from 0 on */
    double value;       /* of cpu and memory: what a pod has on average, in percent or a quantity */
};

struct explain_opts {
    struct source *source;
    ts_ms at; /* KEDA asks for whole seconds; nothing is rounded here */
    struct promql_features features;
    size_t max_elements;           /* of a node that are kept; 0: 1000 */
    int (*interrupted)(void *ctx); /* as of promql_eval(); may be NULL */
    void *interrupted_ctx;
    struct autoscale_versions versions;   /* these four are of objects only */
    int32_t replicas;                     /* that there are now, all ready; negative: not known */
    const struct explain_number *numbers; /* of two for one trigger the last counts */
    size_t n_numbers;
};

struct explained_query {
    struct str text;
    int rc; /* FER_EINVAL: it is none, as `error` says; the rest is empty then */
    struct str error;
    struct str experimental; /* what a server answers that has no experimental parts on; empty: the
                                same */
    struct promql_explanation tree;          /* the first node is the query */
    struct autopsies empty;                  /* why it is */
    const struct differing_label *differing; /* when it has more than one element */
    size_t n_differing;
};

/* FER_ETIMEOUT, FER_ECANCELED, and what the source reports; a query that fails is explained, too.
 */
int explain_query(struct arena *a, struct str text, const struct explain_opts *opts,
                  struct explained_query *out, struct fault *f);

/* Where a trigger's answer is from. */
enum explained_by {
    EXPLAINED_BY_NOTHING, /* `text` says why there is none */
    EXPLAINED_BY_QUERY,
    EXPLAINED_BY_SCHEDULE, /* cron: `text` says which */
    EXPLAINED_BY_NUMBER,   /* of the options */
};

struct explained_trigger {
    const struct trigger *trigger;
    enum explained_by by;
    bool refused;  /* by KEDA, as `text` says: it does nothing with the whole object then */
    bool resource; /* cpu, memory: the HPA asks them, and KEDA never does */
    struct str text;
    struct explained_query query;
    struct answer answer;
    struct verdict verdict;
    double target, activation;
    int32_t proposal; /* of the HPA; -1: none */
};

/* What scalingModifiers make of the triggers, in whose place it is; cpu and memory stay. */
struct explained_formula {
    bool given, known; /* known: all that it needs have an answer */
    double target;
    int64_t target_milli;
    struct verdict verdict; /* `why`: the formula's error */
};

struct explained_object {
    const struct scaled_object *object;
    struct explained_trigger *triggers;
    size_t n_triggers;
    struct explained_formula formula;
    bool active;           /* a trigger is, or the formula, or it is forced to be */
    bool complete;         /* all triggers have an answer */
    bool known;            /* enough of them for the rest, which is empty otherwise */
    int32_t min, max, now; /* of the HPA; replicas that are taken to be there */
    bool assumed;          /* `now` was not given: the minimum */
    struct hpa_output hpa;
    int32_t replicas;        /* what comes out */
    const struct str *lines; /* the arithmetic, a line a step */
    size_t n_lines;
};

int explain_object(struct arena *a, const struct scaled_object *object,
                   const struct explain_opts *opts, struct explained_object *out, struct fault *f);

#endif
