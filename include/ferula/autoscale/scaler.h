/*
 * scaler.h - what KEDA makes of an answer: triggers' metadata, values, quantities; and which rules
 * hold in which versions.
 *
 * Sources: KEDA pkg/scalers/prometheus_scaler.go and pkg/scalers/scaler.go (v2.17 to v2.20.2);
 * Kubernetes pkg/controller/podautoscaler.
 */
#ifndef FERULA_AUTOSCALE_SCALER_H
#define FERULA_AUTOSCALE_SCALER_H

#include "ferula/autoscale/manifest.h"
#include "ferula/base/buf.h"

/* Versions as numbers that compare: KEDA 2.20.2 is 22002, Kubernetes 1.33 is 133. */
struct autoscale_versions {
    int keda, k8s;
};

#define AUTOSCALE_VERSIONS_DEFAULT                                                                 \
    {                                                                                              \
        22002, 133                                                                                 \
    }

/* "2.20.2", "v2.19", "1.33": FER_EINVAL for what is no version or not known. */
int autoscale_parse_keda(struct str text, int *out, struct fault *f);
int autoscale_parse_k8s(struct str text, int *out, struct fault *f);

/* What differs from version to version; one row a rule in rules.tbl.h, with since and source. */
struct autoscale_rules {
    bool nan_is_no_value;      /* NaN is treated as Inf is; before, what HPA does is undefined */
    bool says_promtheus;       /* that typing error in the text about Inf */
    bool quantities_round;     /* %.3f; before, truncation towards zero */
    bool negatives_are_zero;   /* of quantities */
    bool body_in_errors;       /* the answer's body is part of an error's text */
    bool timeouts_have_units;  /* "5s"; before, whole milliseconds alone */
    bool polls_count_failures; /* for fallback, beside the HPA's requests */
    bool fallback_activates;
    bool fallback_of_values;       /* for metricType Value, too */
    bool fallback_by_formula;      /* fallback.behavior scalingModifiers */
    bool missing_is_nil;           /* in a formula; before, it is 0 */
    bool conditions_anew;          /* a poll tells Ready and Active, be they the same or not */
    bool fallback_told_at_once;    /* the Fallback condition; before, one reading later */
    bool pauses_in_full;           /* by the controller; before, partly by the loop and an HPA */
    bool hpa_makes_unready;        /* Ready is False while the HPA cannot have its metrics */
    bool hpa_condition;            /* HPAActive mirrors the HPA's ScalingActive */
    bool paused_at_first_false;    /* the Paused condition; before, Unknown */
    bool paused_before_done;       /* before, only once the target has the annotation's number */
    bool pauses_one_way;           /* paused-scale-in, paused-scale-out, force-activation */
    bool tolerance_is_an_interval; /* 1 - t <= r <= 1 + t; before, |1 - r| <= t */
    bool tolerance_by_behavior;    /* behavior.scaleUp.tolerance */
};

struct autoscale_rules autoscale_rules_of(const struct autoscale_versions *v);

/* ---- quantities: thousandths, as Kubernetes prints them ---------------------------------- */

int64_t quantity_of(double v, const struct autoscale_rules *rules);
void quantity_print(struct buf *out, int64_t milli); /* 5792m, 15, 1k, 1500 */

/* ---- answers ---------------------------------------------------------------------------- */

/* What comes back from the server that a trigger asks. */
enum answer_kind {
    ANSWER_VECTOR,  /* of a query: 200 and a list of elements */
    ANSWER_SCALAR,  /* or string: 200, but KEDA cannot decode it */
    ANSWER_MATRIX,  /* elements without a value */
    ANSWER_STATUS,  /* an HTTP status that is not 2xx */
    ANSWER_TIMEOUT, /* none in time */
    ANSWER_GARBLED, /* 200, but no JSON */
    ANSWER_NUMBER,  /* of a scaler of another type: the value itself */
    ANSWER_ERROR,   /* the query failed: text has why, status what the server answers */
};

struct answer {
    enum answer_kind kind;
    int status;
    size_t n;     /* elements */
    double value; /* of the only element */
    struct str text;
};

/* What KEDA makes of it. */
struct verdict {
    bool failed;
    bool undefined; /* NaN before KEDA 2.20: what follows depends on the machine */
    bool active;
    double value;   /* 0 for what is not there and may be ignored */
    int64_t milli;  /* the quantity that the HPA is told */
    struct str why; /* the error as KEDA words it, or what was ignored; in the arena */
};

/* A prometheus trigger's metadata, checked as KEDA does. */
struct prometheus_trigger {
    struct str server_address, query, ns;
    double threshold, activation_threshold;
    bool ignore_null_values;
    dur_ms timeout;
};

/* FER_EINVAL: f->text is KEDA's error. */
int prometheus_trigger_read(const struct trigger *t, const struct autoscale_rules *rules,
                            struct arena *a, struct prometheus_trigger *out, struct fault *f);

void prometheus_verdict(const struct prometheus_trigger *t, const struct answer *answer,
                        const struct autoscale_rules *rules, struct arena *a, struct verdict *out);

/* The same for a trigger of another type, whose answer is the value itself. */
void number_verdict(const struct trigger *t, double activation, const struct answer *answer,
                    const struct autoscale_rules *rules, struct arena *a, struct verdict *out);

/*
 * The trigger that a word means: its name, or its place from 0 on. SIZE_MAX: the object has none
 * that is called so.
 */
size_t trigger_find(const struct scaled_object *object, struct str word);

/* cpu and memory: the HPA asks the resource metrics API, KEDA itself never does. */
bool trigger_is_resource(const struct trigger *t);

/*
 * The target of a trigger of any type that is known: threshold, targetValue, queueLength... For cpu
 * and memory it is percent (Utilization) or what a pod has on average; for cron 1, and its answer
 * is desiredReplicas inside of the interval and 0 outside.
 */
int trigger_target(const struct trigger *t, struct arena *a, double *target, double *activation,
                   struct fault *f);

#endif
