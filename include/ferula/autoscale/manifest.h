/*
 * manifest.h - ScaledObjects and what belongs to them, as people have them in files.
 *
 * Multi-document YAML, JSON, lists as kubectl prints them, output of Helm. Unknown kinds are passed
 * over. Every field that a message may be about knows its place in the file. Everything is in the
 * arena given; nothing is changed afterwards. Rules and texts are those of KEDA v2.20.2
 * (apis/keda/v1alpha1, pkg/scalers, pkg/scaling) and of Kubernetes' autoscaling/v2.
 */
#ifndef FERULA_AUTOSCALE_MANIFEST_H
#define FERULA_AUTOSCALE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferula/base/arena.h"
#include "ferula/base/clock.h"
#include "ferula/base/err.h"

/* A place in a file; line and column count from 1, 0: not known (a default). */
struct place {
    const char *file;
    int line, column;
};

struct text_at {
    struct str s;
    struct place at;
};

/* Where it is written but could not be read, `given` is false and the line above 0. */
struct number_at {
    int64_t v;
    bool given;
    struct place at;
};

/* A key of a mapping of texts: metadata of a trigger, labels, annotations. */
struct pair_at {
    struct text_at key, value;
};

struct pairs {
    struct pair_at *v;
    size_t n;
};

/* The value of a key; p == NULL when there is none. Texts are not trimmed. */
struct str pairs_get(const struct pairs *p, const char *key);
const struct pair_at *pairs_find(const struct pairs *p, const char *key);

enum target_type { METRIC_AVERAGE_VALUE, METRIC_VALUE, METRIC_UTILIZATION };

struct trigger {
    struct text_at type; /* "prometheus", "cron", "cpu", "azure-queue"... */
    struct text_at name;
    struct pairs metadata;
    enum target_type metric_type; /* as written, or the type's default */
    bool use_cached_metrics;
    struct text_at authentication; /* name of a (Cluster)TriggerAuthentication; p == NULL: none */
    struct place at;
};

enum fallback_behavior {
    FALLBACK_STATIC,
    FALLBACK_CURRENT,
    FALLBACK_CURRENT_IF_HIGHER,
    FALLBACK_CURRENT_IF_LOWER,
    FALLBACK_SCALING_MODIFIERS,
};

struct fallback {
    bool given;
    int64_t failure_threshold;
    int64_t replicas; /* -1: they could not be read */
    enum fallback_behavior behavior;
    struct place at;
};

/* One direction of an HPA's behavior; defaults are filled in when the behavior is given at all. */
enum select_policy { SELECT_MAX, SELECT_MIN, SELECT_DISABLED };
enum policy_type { POLICY_PODS, POLICY_PERCENT };

struct scaling_policy {
    enum policy_type type;
    int32_t value, period_s;
};

struct scaling_rules {
    int32_t window_s; /* -1: the controller's */
    enum select_policy select;
    struct scaling_policy *policies;
    size_t n_policies;
    double tolerance; /* negative: the controller's */
    struct place at;
};

struct behavior {
    bool given;
    struct scaling_rules up, down;
    struct place at;
};

/* What the API server fills in for a behavior that is there; its policies are not to be changed. */
struct behavior behavior_default(void);

struct scaling_modifiers {
    bool given;
    struct text_at formula, target, activation_target;
    enum target_type metric_type;
    struct place at;
};

struct scaled_object {
    struct text_at name, ns;
    struct pairs labels, annotations;
    struct text_at target_name, target_kind; /* "Deployment" unless written */
    struct number_at polling_interval_s, cooldown_s, initial_cooldown_s;
    struct number_at idle_replicas, min_replicas, max_replicas;
    struct fallback fallback;
    struct behavior behavior;
    struct text_at hpa_name;
    struct scaling_modifiers modifiers;
    struct trigger *triggers;
    size_t n_triggers;
    struct place at;
};

/* A TriggerAuthentication or ClusterTriggerAuthentication, as far as messages need it. */
struct trigger_auth {
    struct text_at name, ns, provider, identity_id;
    bool cluster;
    struct place at;
};

/* An HPA that a person wrote, or a cluster has. */
struct hpa_object {
    struct text_at name, ns, target_name, target_kind;
    struct pairs annotations;
    struct str owner; /* name of the ScaledObject that it was made for; p == NULL: of none */
    struct number_at min_replicas, max_replicas;
    struct behavior behavior; /* not given in autoscaling/v1 */
    struct place at;
};

struct manifests {
    struct scaled_object *scaled_objects;
    size_t n_scaled_objects;
    struct trigger_auth *auths;
    size_t n_auths;
    struct hpa_object *hpas;
    size_t n_hpas;
    size_t n_passed_over; /* documents of other kinds */
};

/* What is wrong or odd, in the order of the file. */
struct complaint {
    struct place at;
    struct str text; /* KEDA's own words where it has some */
    bool fatal;      /* KEDA, the API server or this program would refuse it */
    bool unfilled;   /* for it has a placeholder where no text can be */
};

struct complaints {
    struct arena *arena;
    struct complaint *v;
    size_t n, cap;
    size_t n_before; /* of the files before the one at hand: each has its own limit */
};

__attribute__((format(printf, 4, 5))) void complain(struct complaints *c, struct place at,
                                                    bool fatal, const char *fmt, ...);

/*
 * Adds what is in the text to `out`. FER_EINVAL: it is no YAML or JSON (f->text has
 * "FILE:LINE:COLUMN: ..."), FER_ELIMIT: too deep, too large, or aliases that blow up. What parses
 * but is wrong goes to `complaints`: fields of the wrong type, missing ones, bounds, names used
 * twice; a ScaledObject with a fatal complaint is in `out` as far as it could be read.
 */
int manifests_read(struct arena *a, struct str text, const char *file, struct manifests *out,
                   struct complaints *complaints, struct fault *f);
/* The same for a file or "-"; FER_EIO with the system's reason. */
int manifests_load(struct arena *a, const char *path, struct manifests *out,
                   struct complaints *complaints, struct fault *f);

#endif
