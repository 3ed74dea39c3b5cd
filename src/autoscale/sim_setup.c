/*
 * sim_setup.c - a ScaledObject as the simulation takes it over: KEDA's checks, defaults,
 * annotations, and the HPA's behavior.
 */
#include "sim_priv.h"

#include "ferula/base/num.h"
#include "pauses.h"

#include <math.h>

#define POLLING_INTERVAL_S 30
#define MAX_REPLICAS       100

int32_t sim__min(const struct sim *s)
{
    return s->object->min_replicas.given ? (int32_t)s->object->min_replicas.v : 0;
}

int32_t sim__hpa_min(const struct sim *s)
{
    return MAX(sim__min(s), 1);
}

int32_t sim__max(const struct sim *s)
{
    return s->object->max_replicas.given ? (int32_t)s->object->max_replicas.v : MAX_REPLICAS;
}

bool sim__annotation(const struct scaled_object *o, const char *name, struct str *value)
{
    static const char prefix[] = "autoscaling.keda.sh/";

    for (size_t i = 0; i < o->annotations.n; i++) {
        struct str key = o->annotations.v[i].key.s;

        if (str_starts(key, prefix) && str_is(str_cut(key, sizeof(prefix) - 1), name)) {
            *value = o->annotations.v[i].value.s;
            return true;
        }
    }
    return false;
}

bool sim__paused_replicas(const struct sim *s, int64_t *n)
{
    struct str text;

    if (!sim__annotation(s->object, "paused-replicas", &text))
        return false;
    if (!str_to_i64(text, n) || *n < INT32_MIN || *n > INT32_MAX)
        *n = -1;
    return true;
}

static void take_annotations(struct sim *s)
{
    struct pauses p = autoscale__pauses_of(s->object, &s->rules);

    s->paused = p.all;
    s->pause_in = p.in;
    s->pause_out = p.out;
    s->force = p.force;
    s->hpa.has_behavior = autoscale__behavior_of(s->object, &p, &s->hpa.behavior);
}

static int check_bounds(struct sim *s, struct fault *f)
{
    const struct scaled_object *o = s->object;
    int64_t min = o->min_replicas.given ? MAX(o->min_replicas.v, 1) : 0;
    int64_t max = o->max_replicas.given ? o->max_replicas.v : MAX_REPLICAS;
    const int64_t numbers[] = {o->polling_interval_s.v,
                               o->cooldown_s.v,
                               o->initial_cooldown_s.v,
                               o->idle_replicas.v,
                               o->fallback.replicas,
                               o->fallback.failure_threshold,
                               min,
                               max};

    if (min > max)
        return fault_set(f, FER_EINVAL, 0,
                         "MinReplicaCount=%lld must be less than "
                         "MaxReplicaCount=%lld",
                         (long long)min, (long long)max);
    if (o->idle_replicas.given && o->idle_replicas.v >= min)
        return fault_set(f, FER_EINVAL, 0,
                         "IdleReplicaCount=%lld must be less than "
                         "MinReplicaCount=%lld",
                         (long long)o->idle_replicas.v, (long long)min);
    for (size_t i = 0; i < COUNT(numbers); i++)
        if (numbers[i] < INT32_MIN || numbers[i] > INT32_MAX)
            return fault_set(f, FER_EINVAL, 0, "%lld does not fit into an int32",
                             (long long)numbers[i]);
    return 0;
}

/* ValidateTriggers */
static int check_triggers(const struct scaled_object *o, struct fault *f)
{
    if (o->n_triggers == 0)
        return fault_set(f, FER_EINVAL, 0, "no triggers defined in the ScaledObject/ScaledJob");
    for (size_t i = 0; i < o->n_triggers; i++) {
        const struct trigger *t = &o->triggers[i];

        if (t->use_cached_metrics && (trigger_is_resource(t) || str_is(t->type.s, "cron")))
            return fault_set(f, FER_EINVAL, 0,
                             "property \"useCachedMetrics\" is not supported for \"" STR_FMT
                             "\" scaler",
                             STR_ARG(t->type.s));
        for (size_t k = 0; k < i; k++)
            if (t->name.s.n > 0 && str_eq(t->name.s, o->triggers[k].name.s))
                return fault_set(f, FER_EINVAL, 0,
                                 "triggerName \"" STR_FMT
                                 "\" is defined multiple times in the ScaledObject/ScaledJob, but "
                                 "it must be unique",
                                 STR_ARG(t->name.s));
    }
    return 0;
}

static int read_trigger(struct sim *s, size_t i, struct fault *f)
{
    struct sim_trigger *t = &s->triggers[i];
    const struct trigger *of = &s->object->triggers[i];
    double target;
    int rc;

    t->t = of;
    t->is_resource = trigger_is_resource(of);
    t->is_prometheus = str_is(of->type.s, "prometheus");
    if (t->is_prometheus) {
        rc = prometheus_trigger_read(of, &s->rules, s->life, &t->prom, f);
        target = t->prom.threshold;
        t->activation = t->prom.activation_threshold;
    } else {
        rc = trigger_target(of, s->life, &target, &t->activation, f);
    }
    if (rc < 0)
        return rc;
    t->target_milli = quantity_of(target, &s->rules);
    if (t->target_milli <= 0 && s->formula == NULL)
        return fault_set(f, FER_EINVAL, 0,
                         "trigger %zu: a target of %g is none: it must be "
                         "greater than zero",
                         i, target);
    t->metric = t->is_resource ? of->type.s
                               : arena_printf(s->life, "s%zu-" STR_FMT, i, STR_ARG(of->type.s));
    if (t->is_resource)
        t->hpa_name = arena_printf(s->life,
                                   t->t->metric_type == METRIC_UTILIZATION ? STR_FMT
                                       " resource utilization (percentage of request)"
                                                                           : STR_FMT " resource",
                                   STR_ARG(of->type.s));
    else
        t->hpa_name = arena_printf(
            s->life,
            "external metric " STR_FMT
            "(&LabelSelector{MatchLabels:map[string]string{scaledobject.keda.sh/name: " STR_FMT
            ",},MatchExpressions:[]LabelSelectorRequirement{},})",
            STR_ARG(t->metric), STR_ARG(s->object->name.s));
    return 0;
}

static int read_number(struct str text, double *out)
{
    return num_parse(text, out, NULL) ? 0 : FER_EINVAL;
}

static int read_modifiers(struct sim *s, struct fault *f)
{
    const struct scaling_modifiers *m = &s->object->modifiers;
    struct str *names = arena_array(s->life, struct str, s->object->n_triggers);
    size_t n = 0;

    s->formula = NULL;
    if (!m->given)
        return 0;
    if (m->formula.s.n == 0)
        return fault_set(f, FER_EINVAL, 0, "error ScalingModifiers.Formula is mandatory");
    if (m->target.s.n == 0)
        return fault_set(f, FER_EINVAL, 0,
                         "error validating formula in ScalingModifiers\n"
                         "formula is given but target is empty");
    if (read_number(m->target.s, &s->composite_target) < 0 || !(s->composite_target > 0))
        return fault_set(f, FER_EINVAL, 0,
                         "error validating target in ScalingModifiers\n"
                         "error converting target for scalingModifiers (string->float) to valid "
                         "target: \"" STR_FMT "\"",
                         STR_ARG(m->target.s));
    s->composite_activation = 0;
    if (m->activation_target.s.n > 0 &&
        read_number(m->activation_target.s, &s->composite_activation) < 0)
        return fault_set(f, FER_EINVAL, 0,
                         "scalingModifiers.ActivationTarget parsing error \"" STR_FMT "\"",
                         STR_ARG(m->activation_target.s));
    s->composite_milli = (int64_t)(s->composite_target * 1000);
    for (size_t i = 0; i < s->object->n_triggers; i++)
        if (!trigger_is_resource(&s->object->triggers[i]))
            names[n++] = s->object->triggers[i].name.s;
    return formula_compile(s->life, m->formula.s, names, n, &s->formula, f);
}

int sim__adopt(struct sim *s, const struct scaled_object *object, struct fault *f)
{
    int rc = check_triggers(object, f);

    if (rc < 0)
        return rc;
    s->object = object;
    if (object->n_triggers > HPA_METRICS_MAX)
        return fault_set(f, FER_ELIMIT, 0, "%zu triggers: %d can be simulated", object->n_triggers,
                         HPA_METRICS_MAX);
    if (s->n != 0 && s->n != object->n_triggers)
        return fault_set(f, FER_EUNSUP, 0, "a change of the number of triggers");
    s->n = object->n_triggers;
    if (s->triggers == NULL) {
        s->triggers = arena_array(s->life, struct sim_trigger, s->n);
        for (size_t i = 0; i < s->n; i++)
            s->triggers[i].health.failures = -1;
    }
    rc = check_bounds(s, f);
    if (rc < 0)
        return rc;
    s->poll_period = 1000 * (object->polling_interval_s.given ? object->polling_interval_s.v
                                                              : POLLING_INTERVAL_S);
    if (s->poll_period <= 0)
        return fault_set(f, FER_EINVAL, 0, "pollingInterval must be at least 1");
    rc = read_modifiers(s, f);
    for (size_t i = 0; rc == 0 && i < s->n; i++)
        rc = read_trigger(s, i, f);
    if (rc < 0)
        return rc;
    take_annotations(s);
    return 0;
}
