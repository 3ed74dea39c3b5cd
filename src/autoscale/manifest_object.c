/*
 * manifest_object.c - the ScaledObject.
 *
 * Fields, bounds and defaults are those of KEDA v2.20.2: apis/keda/v1alpha1/scaledobject_types.go,
 * scaletriggers_types.go and the CRD made from them.
 */
#include <stdlib.h>
#include <string.h>

#include "ferula/base/check.h"
#include "manifest_priv.h"

#define AT(member) offsetof(struct scaled_object, member)

static const char *const fallback_names[] = {"static",
                                             "currentReplicas",
                                             "currentReplicasIfHigher",
                                             "currentReplicasIfLower",
                                             "scalingModifiers",
                                             NULL};
static const char *const auth_kinds[] = {"TriggerAuthentication", "ClusterTriggerAuthentication",
                                         NULL};
static const char *const modifier_types[] = {"AverageValue", "Value", NULL};

static bool is_resource(struct str type)
{
    return str_is(type, "cpu") || str_is(type, "memory");
}

/* ---- triggers --------------------------------------------------------------------------- */

static const struct field auth_ref_fields[] = {
    {"name", FIELD_TEXT,   0,                      true,  0, 0, NULL,       NULL},
    {"kind", FIELD_CHOICE, sizeof(struct text_at), false, 0, 0, auth_kinds, NULL},
};

static void read_auth_ref(struct reading *r, const struct tree *t, void *target)
{
    struct {
        struct text_at name;
        int kind;
    } ref = {0};

    autoscale__fields(r, t, auth_ref_fields, COUNT(auth_ref_fields), &ref);
    *(struct text_at *)target = ref.name;
}

struct trigger_read {
    struct trigger trigger;
    struct text_at metric_type;
};

// clang-format off
static const struct field trigger_fields[] = {
    {"type",              FIELD_TEXT,   .at = offsetof(struct trigger_read, trigger.type), .required = true},
    {"name",              FIELD_TEXT,   .at = offsetof(struct trigger_read, trigger.name)},
    {"metadata",          FIELD_PAIRS,  .at = offsetof(struct trigger_read, trigger.metadata), .required = true},
    {"metricType",        FIELD_TEXT,   .at = offsetof(struct trigger_read, metric_type)},
    {"useCachedMetrics",  FIELD_BOOL,   .at = offsetof(struct trigger_read, trigger.use_cached_metrics)},
    {"authenticationRef", FIELD_OBJECT, .at = offsetof(struct trigger_read, trigger.authentication), .read = read_auth_ref},
};
// clang-format on

static void read_metric_type(struct reading *r, const struct text_at *written, struct trigger *t)
{
    bool resource = is_resource(t->type.s);

    t->metric_type = resource ? METRIC_UTILIZATION : METRIC_AVERAGE_VALUE;
    if (written->s.n == 0 || autoscale__unfilled(r, written))
        return;
    if (str_is(written->s, "AverageValue"))
        t->metric_type = METRIC_AVERAGE_VALUE;
    else if (str_is(written->s, "Value") && !resource)
        t->metric_type = METRIC_VALUE;
    else if (resource && !str_is(written->s, "Utilization"))
        complain(r->complaints, written->at, true,
                 "unknown metric type: " STR_FMT
                 ", allowed values are 'Utilization' or 'AverageValue'",
                 STR_ARG(written->s));
    else if (!resource && str_is(written->s, "Utilization"))
        complain(r->complaints, written->at, true,
                 "error getting scaler metric type: 'Utilization' metric type is unsupported for "
                 "external metrics, allowed values are 'Value' or 'AverageValue'");
    else if (!resource)
        complain(r->complaints, written->at, true,
                 "%s.metricType: Invalid value: \"" STR_FMT
                 "\": must be either Utilization, Value, or AverageValue",
                 r->path, STR_ARG(written->s));
}

static void read_triggers(struct reading *r, const struct tree *list, void *target)
{
    struct scaled_object *so = target;

    so->triggers = arena_array(r->a, struct trigger, list->n);
    for (size_t i = 0; i < list->n; i++) {
        const struct tree *t = list->items[i];
        struct trigger_read read = {0};
        size_t before = autoscale__path_push_index(r, i);

        if (autoscale__is(r, t, TREE_MAP)) {
            read.trigger.at = t->at;
            autoscale__fields(r, t, trigger_fields, COUNT(trigger_fields), &read);
            read_metric_type(r, &read.metric_type, &read.trigger);
            so->triggers[so->n_triggers++] = read.trigger;
        }
        if (read.trigger.type.at.line > 0 && read.trigger.type.s.n == 0) {
            (void)autoscale__path_push(r, "type");
            autoscale__refuse(r, read.trigger.type.at,
                              "Invalid value: \"\": %s in body should be at least 1 chars long",
                              r->path);
        }
        autoscale__path_pop(r, before);
    }
    if (list->n == 0)
        autoscale__refuse(r, list->at, "Invalid value: 0: %s in body should have at least 1 items",
                          r->path);
}

/* ---- fallback and advanced -------------------------------------------------------------- */

struct fallback_read {
    struct number_at failure_threshold, replicas;
    int behavior;
};

// clang-format off
static const struct field fallback_fields[] = {
    {"failureThreshold", FIELD_NUMBER, .at = offsetof(struct fallback_read, failure_threshold), .required = true},
    {"replicas",         FIELD_NUMBER, .at = offsetof(struct fallback_read, replicas), .required = true},
    {"behavior",         FIELD_CHOICE, .at = offsetof(struct fallback_read, behavior), .choices = fallback_names},
};
// clang-format on

static void read_fallback(struct reading *r, const struct tree *t, void *target)
{
    struct fallback_read read = {0};

    autoscale__fields(r, t, fallback_fields, COUNT(fallback_fields), &read);
    *(struct fallback *)target = (struct fallback){
        .given = true,
        .failure_threshold = read.failure_threshold.v,
        .replicas = read.replicas.given ? read.replicas.v : -1,
        .behavior = (enum fallback_behavior)read.behavior,
        .at = t->at,
    };
}

struct modifiers_read {
    struct scaling_modifiers modifiers;
    int metric_type;
};

// clang-format off
static const struct field modifiers_fields[] = {
    {"formula",          FIELD_TEXT,   .at = offsetof(struct modifiers_read, modifiers.formula)},
    {"target",           FIELD_TEXT,   .at = offsetof(struct modifiers_read, modifiers.target)},
    {"activationTarget", FIELD_TEXT,   .at = offsetof(struct modifiers_read, modifiers.activation_target)},
    {"metricType",       FIELD_CHOICE, .at = offsetof(struct modifiers_read, metric_type), .choices = modifier_types},
};
// clang-format on

static void read_modifiers(struct reading *r, const struct tree *t, void *target)
{
    struct modifiers_read read = {0};

    autoscale__fields(r, t, modifiers_fields, COUNT(modifiers_fields), &read);
    read.modifiers.given = read.modifiers.formula.s.n > 0 || read.modifiers.target.s.n > 0 ||
                           read.modifiers.activation_target.s.n > 0 ||
                           autoscale__tree_get(t, "metricType") != NULL;
    read.modifiers.metric_type = read.metric_type == 1 ? METRIC_VALUE : METRIC_AVERAGE_VALUE;
    read.modifiers.at = t->at;
    *(struct scaling_modifiers *)target = read.modifiers;
}

static void read_behavior(struct reading *r, const struct tree *t, void *target)
{
    autoscale__read_behavior(r, t, target);
}

static const struct field hpa_config_fields[] = {
    {"name",     FIELD_TEXT,   AT(hpa_name), false, 0, 0, NULL, NULL         },
    {"behavior", FIELD_OBJECT, AT(behavior), false, 0, 0, NULL, read_behavior},
};

static void read_hpa_config(struct reading *r, const struct tree *t, void *target)
{
    autoscale__fields(r, t, hpa_config_fields, COUNT(hpa_config_fields), target);
}

static const struct field advanced_fields[] = {
    {"horizontalPodAutoscalerConfig", FIELD_OBJECT, 0,             false, 0, 0, NULL, read_hpa_config     },
    {"scalingModifiers",              FIELD_OBJECT, AT(modifiers), false, 0, 0, NULL, read_modifiers      },
    {"restoreToOriginalReplicaCount", FIELD_ANY,    0,             false, 0, 0, NULL, autoscale__only_bool},
};

static void read_advanced(struct reading *r, const struct tree *t, void *target)
{
    autoscale__fields(r, t, advanced_fields, COUNT(advanced_fields), target);
}

/* ---- the object ------------------------------------------------------------------------- */

static void read_so_target(struct reading *r, const struct tree *t, void *target)
{
    struct scaled_object *so = target;
    struct target_ref ref = {0};

    autoscale__read_target(r, t, &ref);
    so->target_name = ref.name;
    if (ref.kind.s.n > 0)
        so->target_kind = ref.kind;
}

/* Those that a patch may change come first. */
static const struct field spec_fields[] = {
    {"pollingInterval",       FIELD_NUMBER, AT(polling_interval_s), false, 1, 0, NULL, NULL          },
    {"cooldownPeriod",        FIELD_NUMBER, AT(cooldown_s),         false, 0, 0, NULL, NULL          },
    {"initialCooldownPeriod", FIELD_NUMBER, AT(initial_cooldown_s), false, 0, 0, NULL, NULL          },
    {"idleReplicaCount",      FIELD_NUMBER, AT(idle_replicas),      false, 0, 0, NULL, NULL          },
    {"minReplicaCount",       FIELD_NUMBER, AT(min_replicas),       false, 0, 0, NULL, NULL          },
    {"maxReplicaCount",       FIELD_NUMBER, AT(max_replicas),       false, 1, 0, NULL, NULL          },
    {"advanced",              FIELD_OBJECT, 0,                      false, 0, 0, NULL, read_advanced },
    {"fallback",              FIELD_OBJECT, AT(fallback),           false, 0, 0, NULL, read_fallback },
    {"triggers",              FIELD_LIST,   0,                      true,  0, 0, NULL, read_triggers },
    {"scaleTargetRef",        FIELD_OBJECT, 0,                      true,  0, 0, NULL, read_so_target},
};

#define N_NOT_PATCHED 2

void autoscale__read_scaled_object(struct reading *r, const struct tree *object,
                                   struct scaled_object *out)
{
    const struct tree *spec = autoscale__tree_get(object, "spec");
    struct object_meta meta = {0};

    out->at = object->at;
    out->target_kind.s = STR("Deployment");
    out->polling_interval_s.v = 30;
    out->cooldown_s.v = 300;
    out->max_replicas.v = 100;
    autoscale__read_meta(r, object, &meta);
    out->name = meta.name;
    out->ns = meta.ns;
    out->labels = meta.labels;
    out->annotations = meta.annotations;
    (void)autoscale__path_push(r, "spec");
    if (spec == NULL || spec->kind == TREE_NULL)
        autoscale__refuse(r, object->at, "Required value");
    else if (autoscale__is(r, spec, TREE_MAP))
        autoscale__fields(r, spec, spec_fields, COUNT(spec_fields), out);
}

/* ---- patches ---------------------------------------------------------------------------- */

static void patch_annotation(struct reading *r, const struct tree_pair *patch, struct pairs *p)
{
    size_t i = 0;

    while (i < p->n && !str_eq(p->v[i].key.s, patch->key.s))
        i++;
    if (patch->value->kind == TREE_NULL) {
        if (i < p->n)
            p->v[i] = p->v[--p->n];
        return;
    }
    if (!autoscale__is(r, patch->value, TREE_TEXT))
        return;
    p->v[i] = (struct pair_at){
        patch->key, {patch->value->text, patch->value->at}
    };
    p->n = MAX(p->n, i + 1);
}

static void patch_annotations(struct reading *r, const struct tree *t, struct pairs *p)
{
    struct pair_at *v = arena_array(r->a, struct pair_at, p->n + t->n);

    if (p->n > 0)
        memcpy(v, p->v, p->n * sizeof(v[0]));
    p->v = v;
    for (size_t i = 0; i < t->n; i++) {
        size_t before = autoscale__path_push(r, arena_strdup(r->a, t->pairs[i].key.s));

        patch_annotation(r, &t->pairs[i], p);
        autoscale__path_pop(r, before);
    }
}

void autoscale__patch_scaled_object(struct reading *r, const struct tree *annotations,
                                    const struct tree *spec, struct scaled_object *so)
{
    size_t before = autoscale__path_push(r, "metadata.annotations");

    if (annotations != NULL && autoscale__is(r, annotations, TREE_MAP))
        patch_annotations(r, annotations, &so->annotations);
    autoscale__path_pop(r, before);
    (void)autoscale__path_push(r, "spec");
    if (spec != NULL && autoscale__is(r, spec, TREE_MAP))
        autoscale__fields(r, spec, spec_fields, COUNT(spec_fields) - N_NOT_PATCHED, so);
    autoscale__path_pop(r, before);
    autoscale__check_scaled_object(so, r->complaints);
}

/* ---- what the webhook refuses ----------------------------------------------------------- */

static void check_replicas(const struct scaled_object *so, struct complaints *c)
{
    /* A minimum of 0 that is written counts as 1 here. */
    int64_t min = so->min_replicas.given && so->min_replicas.v == 0 ? 1 : so->min_replicas.v;

    if (min > so->max_replicas.v)
        complain(c, so->min_replicas.at, true,
                 "MinReplicaCount=%lld must be less than MaxReplicaCount=%lld", (long long)min,
                 (long long)so->max_replicas.v);
    if (so->idle_replicas.given && so->idle_replicas.v >= min)
        complain(c, so->idle_replicas.at, true,
                 "IdleReplicaCount=%lld must be less than MinReplicaCount=%lld",
                 (long long)so->idle_replicas.v, (long long)min);
}

static int by_name(const void *a, const void *b)
{
    const struct trigger *x = *(const struct trigger *const *)a;
    const struct trigger *y = *(const struct trigger *const *)b;
    int order = str_cmp(x->name.s, y->name.s);

    return order != 0 ? order : (x > y) - (x < y);
}

static void check_trigger_names(const struct scaled_object *so, struct complaints *c)
{
    const struct trigger **sorted =
        arena_array(c->arena, const struct trigger *, so->n_triggers + 1);

    for (size_t i = 0; i < so->n_triggers; i++)
        sorted[i] = &so->triggers[i];
    if (so->n_triggers > 1)
        qsort(sorted, so->n_triggers, sizeof(sorted[0]), by_name);
    for (size_t i = 1; i < so->n_triggers; i++)
        if (sorted[i]->name.s.n > 0 && str_eq(sorted[i]->name.s, sorted[i - 1]->name.s))
            complain(c, sorted[i]->name.at, true,
                     "triggerName \"" STR_FMT
                     "\" is defined multiple times in the ScaledObject/ScaledJob, but it must be "
                     "unique",
                     STR_ARG(sorted[i]->name.s));
}

static void check_triggers(const struct scaled_object *so, struct complaints *c)
{
    for (size_t i = 0; i < so->n_triggers; i++) {
        const struct trigger *t = &so->triggers[i];

        if (t->use_cached_metrics && (is_resource(t->type.s) || str_is(t->type.s, "cron")))
            complain(c, t->at, true,
                     "property \"useCachedMetrics\" is not supported for \"" STR_FMT "\" scaler",
                     STR_ARG(t->type.s));
    }
    check_trigger_names(so, c);
}

static bool only_resources(const struct scaled_object *so)
{
    for (size_t i = 0; i < so->n_triggers; i++)
        if (!is_resource(so->triggers[i].type.s))
            return false;
    return so->n_triggers > 0;
}

static void check_modifiers(const struct scaled_object *so, struct complaints *c)
{
    const struct scaling_modifiers *m = &so->modifiers;

    if (so->fallback.given && so->fallback.behavior == FALLBACK_SCALING_MODIFIERS &&
        m->formula.s.n == 0)
        complain(c, so->fallback.at, true,
                 "scalingModifiers fallback behavior requires scalingModifiers.formula to be "
                 "defined");
    if (m->given && m->formula.s.n == 0)
        complain(c, m->at, true, "error ScalingModifiers.Formula is mandatory");
    else if (m->given && m->target.s.n == 0)
        complain(c, m->at, true,
                 "error validating formula in ScalingModifiers\nformula is given but target is "
                 "empty");
}

static void check_names(const struct scaled_object *so, struct complaints *c)
{
    enum { LABEL_MAX = 63 };
    struct str prefix = so->hpa_name.s.n > 0 ? STR("") : STR("keda-hpa-");
    struct str hpa = so->hpa_name.s.n > 0 ? so->hpa_name.s : so->name.s;

    if (so->name.s.n > LABEL_MAX)
        complain(c, so->name.at, true,
                 "scaledobject name \"" STR_FMT
                 "\" is %zu characters long; must be no more than %d characters because it is used "
                 "as the \"scaledobject.keda.sh/name\" label value",
                 STR_ARG(so->name.s), so->name.s.n, LABEL_MAX);
    else if (prefix.n + hpa.n > LABEL_MAX)
        complain(c, so->hpa_name.s.n > 0 ? so->hpa_name.at : so->name.at, true,
                 "HPA name \"" STR_FMT STR_FMT
                 "\" derived from scaledobject is %zu characters long; must be no more than %d "
                 "characters; set spec.advanced.horizontalPodAutoscalerConfig.name to a shorter "
                 "name or shorten the scaledobject name",
                 STR_ARG(prefix), STR_ARG(hpa), prefix.n + hpa.n, LABEL_MAX);
}

static void check_annotations(const struct scaled_object *so, struct complaints *c)
{
    const struct pair_at *paused =
        pairs_find(&so->annotations, "autoscaling.keda.sh/paused-replicas");
    int64_t n;

    bool number = paused != NULL && str_to_i64(paused->value.s, &n);

    if (paused != NULL && (!number || n < INT32_MIN || n > INT32_MAX))
        complain(c, paused->value.at, true, "strconv.ParseInt: parsing \"" STR_FMT "\": %s",
                 STR_ARG(paused->value.s), number ? "value out of range" : "invalid syntax");
}

void autoscale__check_scaled_object(const struct scaled_object *so, struct complaints *c)
{
    check_names(so, c);
    check_replicas(so, c);
    check_triggers(so, c);
    check_modifiers(so, c);
    check_annotations(so, c);
    if (so->fallback.given && !so->modifiers.given && only_resources(so))
        complain(c, so->fallback.at, true,
                 "at least one trigger (that is not cpu or memory) has to have the `AverageValue` "
                 "type for the fallback to be enabled");
    if (only_resources(so) && so->min_replicas.v == 0)
        complain(c, so->triggers[0].at, true,
                 "scaledobject has only cpu/memory triggers AND minReplica is 0 (scale to zero "
                 "doesn't work in this case)");
}
