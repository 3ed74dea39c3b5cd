/*
 * test_keda.c - the operator: what one poll does (scale_scaledobjects_test.go), fallback
 * (fallback_test.go), conditions and their texts, scalingModifiers, the order of metrics.
 */
#include "played.h"

/* ---- one poll ---------------------------------------------------------------------------- */

// clang-format off
static struct poll_case {
    const char *name;
    int idle, min, replicas; /* idle: one more than it is; 0: not given */
    bool active, error;
    const char *annotation, *value;
    struct fallback fallback;
    int32_t want;
    enum reason reason;
    const char *active_reason, *ready_reason;
} polls[] = {
    {"TestScaleToMinReplicasWhenNotActive", 0, 0, 10, false, false, NULL, NULL, {0}, 0,
     REASON_DeactivatedInitially, "ScalerNotActive", "ScaledObjectReady"},
    {"TestScaleToMinReplicasFromLowerInitialReplicaCount", 0, 5, 1, false, false, NULL, NULL, {0}, 5,
     REASON_RaisedToMin, "ScalerNotActive", "ScaledObjectReady"},
    {"TestScaleFromMinReplicasWhenActive", 0, 0, 0, true, false, NULL, NULL, {0}, 1,
     REASON_Activated, "ScalerActive", "ScaledObjectReady"},
    {"TestScaleToIdleReplicasWhenNotActive", 1, 5, 10, false, false, NULL, NULL, {0}, 0,
     REASON_Idled, "ScalerNotActive", "ScaledObjectReady"},
    {"TestScaleFromIdleToMinReplicasWhenActive", 1, 5, 0, true, false, NULL, NULL, {0}, 5,
     REASON_Activated, "ScalerActive", "ScaledObjectReady"},
    {"TestEventWitTriggerInfo", 1, 5, 2, true, false, NULL, NULL, {0}, 5,
     REASON_Activated, "ScalerActive", "ScaledObjectReady"},
    {"TestScaleToPausedReplicasCount", 0, 0, 2, true, false, "autoscaling.keda.sh/paused-replicas", "0", {0}, 0,
     REASON_PausedReplicas, NULL, "ScaledObjectReady"},
    {"paused: no boolean is true", 0, 0, 2, false, false, "autoscaling.keda.sh/paused", "yes", {0}, 2,
     REASON_Paused, NULL, NULL},
    {"paused: false is false", 0, 0, 2, false, false, "autoscaling.keda.sh/paused", "false", {0}, 0,
     REASON_DeactivatedInitially, "ScalerNotActive", "ScaledObjectReady"},
    {"TestNoScaleToMinReplicasWhenNotActiveAndPauseScaleInAnnotationSet", 0, 0, 10, false, false,
     "autoscaling.keda.sh/paused-scale-in", "true", {0}, 10, REASON_Paused, "ScalerNotActive", "ScaledObjectReady"},
    {"TestNoScaleToIdleReplicasWhenNotActiveAndPauseScaleInAnnotationSet", 1, 5, 10, false, false,
     "autoscaling.keda.sh/paused-scale-in", "true", {0}, 10, REASON_Paused, "ScalerNotActive", "ScaledObjectReady"},
    {"TestNoScaleFromMinReplicasWhenActivePausedScaleOutAnnotationSet", 0, 0, 0, true, false,
     "autoscaling.keda.sh/paused-scale-out", "true", {0}, 0, REASON_Paused, "ScalerActive", "ScaledObjectReady"},
    {"TestNoScaleFromIdleReplicasWhenActivePausedScaleOutAnnotationSet", 1, 5, 0, true, false,
     "autoscaling.keda.sh/paused-scale-out", "true", {0}, 0, REASON_Paused, "ScalerActive", "ScaledObjectReady"},
    {"TestScaleFromMinReplicasWhenActivationForced", 0, 0, 0, false, false,
     "autoscaling.keda.sh/force-activation", "true", {0}, 1, REASON_ForceActivated, "ScalerActive", "ScaledObjectReady"},
    {"TestRequestScale active", 0, 1, 1, true, false, NULL, NULL, {0}, 1,
     REASON_ScalerActive, "ScalerActive", "ScaledObjectReady"},
    {"TestRequestScale error", 0, 1, 1, false, true, NULL, NULL, {0}, 1,
     REASON_TriggerError, "ScalerNotActive", "TriggerError"},
    {"TestRequestScale active and error", 0, 1, 1, true, true, NULL, NULL, {0}, 1,
     REASON_PartialTriggerError, "ScalerActive", "PartialTriggerError"},
    {"an error keeps it from sleeping", 0, 0, 5, false, true, NULL, NULL, {0}, 5,
     REASON_TriggerError, "ScalerNotActive", "TriggerError"},
    {"so does a fallback to come", 0, 0, 5, false, true, NULL, NULL, {true, 3, 6, FALLBACK_STATIC, {0}}, 5,
     REASON_TriggerError, "ScalerNotActive", "ScaledObjectReady"},
    {"but not one to no replicas", 0, 0, 5, false, true, NULL, NULL, {true, 3, 0, FALLBACK_STATIC, {0}}, 0,
     REASON_DeactivatedInitially, "ScalerNotActive", "ScaledObjectReady"},
};
// clang-format on

static void test_poll(void **state)
{
    const struct poll_case *c = *state;
    const struct piece m[2] = {
        {.from_s = 0, .v = c->active ? 5 : 0}
    };
    const struct piece bad[2] = {{.kind = ANSWER_STATUS}};
    struct object o;
    struct played *p;
    const struct sim_event *ev;

    object_init(&o, 2);
    o.so.min_replicas.v = c->min;
    o.so.idle_replicas = (struct number_at){.v = c->idle - 1, .given = c->idle > 0};
    o.so.fallback = c->fallback;
    annotate(&o, c->annotation, c->value);
    p = play(&o, m, c->error ? bad : m, c->replicas, 0);
    run(p);
    assert_int_equal(p->trace.n_events, 1);
    ev = &p->trace.events[0];
    assert_int_equal(ev->after, c->want);
    assert_int_equal(p->fake.replicas, c->want);
    assert_string_equal(reason_name(ev->reason), reason_name(c->reason));
    if (c->ready_reason == NULL)
        assert_null(ev->ready.reason);
    else
        assert_string_equal(ev->ready.reason, c->ready_reason);
    if (c->active_reason == NULL)
        assert_null(ev->active_cond.reason);
    else
        assert_string_equal(ev->active_cond.reason, c->active_reason);
    assert_int_equal(ev->paused.status == COND_TRUE, c->annotation != NULL &&
                                                         strstr(c->annotation, "paused") != NULL &&
                                                         strcmp(c->value, "false") != 0);
    played_free(p);
}

/* ---- fallback ---------------------------------------------------------------------------- */

// clang-format off
static struct fallback_case {
    const char *name;
    struct fallback fallback;
    enum target_type type;
    const char *threshold;
    int replicas, ready_at_most;
    struct autoscale_versions versions;
    int64_t milli; /* of the HPA's second sync, failure 5 or 2; -1: it fails */
} fallbacks[] = {
    {"static", {true, 3, 10, FALLBACK_STATIC, {0}}, METRIC_AVERAGE_VALUE, "10", 4, 0, {22002, 133}, 100000},
    {"not yet", {true, 9, 10, FALLBACK_STATIC, {0}}, METRIC_AVERAGE_VALUE, "10", 4, 0, {22002, 133}, -1},
    {"a negative threshold is none", {true, -3, 10, FALLBACK_STATIC, {0}}, METRIC_AVERAGE_VALUE, "10", 4, 0, {22002, 133}, -1},
    {"currentReplicas", {true, 3, 10, FALLBACK_CURRENT, {0}}, METRIC_AVERAGE_VALUE, "10", 6, 0, {22002, 133}, 60000},
    {"if higher: the fallback's", {true, 3, 10, FALLBACK_CURRENT_IF_HIGHER, {0}}, METRIC_AVERAGE_VALUE, "10", 4, 0, {22002, 133}, 100000},
    {"if higher: the current ones", {true, 3, 3, FALLBACK_CURRENT_IF_HIGHER, {0}}, METRIC_AVERAGE_VALUE, "10", 4, 0, {22002, 133}, 40000},
    {"if lower: the fallback's", {true, 3, 3, FALLBACK_CURRENT_IF_LOWER, {0}}, METRIC_AVERAGE_VALUE, "10", 4, 0, {22002, 133}, 30000},
    {"if lower: the current ones", {true, 3, 10, FALLBACK_CURRENT_IF_LOWER, {0}}, METRIC_AVERAGE_VALUE, "10", 4, 0, {22002, 133}, 40000},
    {"a Value by ready pods", {true, 3, 6, FALLBACK_STATIC, {0}}, METRIC_VALUE, "10", 4, 2, {22002, 133}, 30000},
    {"a Value before 2.18", {true, 1, 6, FALLBACK_STATIC, {0}}, METRIC_VALUE, "10", 4, 2, {21703, 133}, -1},
    {"half a target", {true, 3, 6, FALLBACK_STATIC, {0}}, METRIC_AVERAGE_VALUE, "0.5", 4, 0, {22002, 133}, 3000},
    {"half a target before 2.18", {true, 1, 6, FALLBACK_STATIC, {0}}, METRIC_AVERAGE_VALUE, "0.5", 4, 0, {21703, 133}, 0},
};
// clang-format on

static void test_fallback(void **state)
{
    const struct fallback_case *c = *state;
    const struct piece bad[2] = {{.kind = ANSWER_STATUS}};
    const struct sim_event *ev;
    struct object o;
    struct played *p;

    object_init(&o, 1);
    o.so.min_replicas.v = 1;
    o.so.fallback = c->fallback;
    o.triggers[0].metric_type = c->type;
    o.metadata[0][2].value = text_of(c->threshold);
    p = play(&o, bad, bad, c->replicas, 30);
    p->setup.versions = c->versions;
    p->fake.ready_at_most = c->ready_at_most;
    run(p);
    ev = event_at(p, ACTOR_HPA, 30);
    assert_int_equal(ev->metrics[0].verdict.failed, c->milli < 0);
    assert_int_equal(ev->fallback, c->milli >= 0);
    if (c->milli >= 0)
        assert_int_equal(ev->metrics[0].verdict.milli, c->milli);
    played_free(p);
}

/* A poll leaves the fallback's value in the cache, and reading it counts as a success. */
static void test_cached_fallback_flaps(void **state)
{
    static const struct {
        int at_s;
        bool fallback;
    } want[] = {
        {0,  false},
        {15, true },
        {30, false},
        {45, true },
    };
    const struct piece bad[2] = {{.kind = ANSWER_STATUS}};
    struct object o;
    struct played *p;

    (void)state;
    object_init(&o, 1);
    o.so.min_replicas.v = 1;
    o.so.fallback = (struct fallback){true, 1, 4, FALLBACK_STATIC, {0}};
    o.triggers[0].use_cached_metrics = true;
    p = play(&o, bad, bad, 4, 60);
    run(p);
    for (size_t i = 0; i < COUNT(want); i++)
        assert_int_equal(event_at(p, ACTOR_KEDA, want[i].at_s)->fallback, want[i].fallback);
    assert_condition(&event_at(p, ACTOR_KEDA, 15)->fallback_cond, COND_TRUE, "FallbackExists",
                     "At least one trigger is falling back on this scaled object");
    played_free(p);
}

/* ---- conditions -------------------------------------------------------------------------- */

#define LABELS                                                                                     \
    "&LabelSelector{MatchLabels:map[string]string{scaledobject.keda.sh/name: app,},"               \
    "MatchExpressions:[]LabelSelectorRequirement{},}"
#define EXTERNAL_ERROR                                                                             \
    "the HPA was unable to compute the replica count: unable to get external metric "              \
    "demo/s0-prometheus/" LABELS ": unable to fetch metrics from external metrics API: rpc "       \
    "error: code = Unknown desc = error when getting metric values metric:s0-prometheus "          \
    "encountered error"

static void test_conditions(void **state)
{
    const struct piece m[3] = {
        {.v = 25               },
        { .from_s = 20, .kind = ANSWER_STATUS}
    };
    const struct sim_event *ev;
    struct object o;
    struct played *p;

    (void)state;
    object_init(&o, 1);
    o.so.min_replicas.v = 1;
    p = play(&o, m, m, 1, 60);
    run(p);
    ev = event_at(p, ACTOR_HPA, 15);
    assert_condition(&ev->scaling_active, COND_TRUE, "ValidMetricFound",
                     "the HPA was able to successfully calculate a replica count from external "
                     "metric s0-prometheus(" LABELS ")");
    assert_condition(&ev->able_to_scale, COND_TRUE, "SucceededRescale",
                     "the HPA controller was able to update the target scale to 3");
    ev = event_at(p, ACTOR_HPA, 30);
    assert_condition(&ev->scaling_active, COND_FALSE, "FailedGetExternalMetric", EXTERNAL_ERROR);
    assert_str(ev->note, "a metric could not be had, so it stays at 3: prometheus query api "
                         "returned error. status: 503");
    assert_int_equal(ev->desired, -1);
    ev = event_at(p, ACTOR_KEDA, 45);
    assert_condition(&ev->hpa_active, COND_FALSE, "FailedGetExternalMetric",
                     "HPA is not actively scaling: " EXTERNAL_ERROR);
    assert_condition(&ev->ready, COND_FALSE, "TriggerError",
                     "Triggers defined in ScaledObject are not working correctly");
    assert_condition(&ev->fallback_cond, COND_FALSE, "NoFallbackFound",
                     "No fallbacks are active on this scaled object");
    played_free(p);
}

/* A failing trigger is asked twice each time. */
static void test_retry(void **state)
{
    const struct piece bad[2] = {{.kind = ANSWER_STATUS}};
    struct object o;
    struct played *p;

    (void)state;
    object_init(&o, 1);
    o.so.min_replicas.v = 1;
    p = play(&o, bad, bad, 1, 15);
    run(p);
    assert_int_equal(p->trace.n_events, 3);
    assert_int_equal(p->fake.asked, 6);
    played_free(p);
}

/* ---- scalingModifiers -------------------------------------------------------------------- */

// clang-format off
static struct modifier_case {
    const char *name, *formula, *target, *activation;
    struct piece first[2], second[2];
    struct fallback fallback;
    int64_t milli; /* of the HPA's second sync; -1: it fails */
    bool active;   /* at the poll before it */
    bool cached;   /* the first trigger's */
} modifiers[] = {
    {"the sum", "first + second", "2", "", {{.v = 3}}, {{.v = 4}}, {0}, 7000, true, false},
    {"thousandths are cut", "first / 3", "2", "", {{.v = 2}}, {{.v = 4}}, {0}, 666, true, false},
    {"activationTarget", "first + second", "2", "7", {{.v = 3}}, {{.v = 4}}, {0}, 7000, false, false},
    {"KEDA's example", "count([first, second],{#>1}) > 1 ? 5 : 0", "2", "", {{.v = 3}}, {{.v = 4}}, {0}, 5000, true, false},
    {"an error", "first + second", "2", "", {{.kind = ANSWER_STATUS}}, {{.v = 4}}, {0}, -1, false, false},
    {"no number", "first > 0 ? float(1) : 0 / 0", "2", "", {{.v = 3}}, {{.v = 4}}, {0}, 1000, true, false},
    {"a fallback goes around the formula", "first + second", "2", "", {{.kind = ANSWER_STATUS}}, {{.v = 4}},
     {true, 1, 6, FALLBACK_STATIC, {0}}, 12000, true, false},
    {"nil stands in", "first ?? second", "2", "", {{.kind = ANSWER_STATUS}}, {{.v = 4}},
     {true, 1, 6, FALLBACK_SCALING_MODIFIERS, {0}}, 4000, true, false},
    {"nil all the way", "first ?? nil", "2", "", {{.kind = ANSWER_STATUS}}, {{.v = 4}},
     {true, 1, 6, FALLBACK_SCALING_MODIFIERS, {0}}, 12000, true, false},
    {"a target that is not whole has no fallback", "first + second", "2.5", "", {{.kind = ANSWER_STATUS}}, {{.v = 4}},
     {true, 1, 6, FALLBACK_STATIC, {0}}, -1, false, false},
    {"a cached fallback is no variable", "first + second", "2", "", {{.kind = ANSWER_STATUS}}, {{.v = 4}},
     {true, 0, 6, FALLBACK_STATIC, {0}}, -1, true, true},
    {"a cached fallback is nil", "first ?? second", "2", "", {{.kind = ANSWER_STATUS}}, {{.v = 4}},
     {true, 0, 6, FALLBACK_STATIC, {0}}, 4000, true, true},
    {"a cached placeholder is -1", "(first ?? 100) + second", "2", "", {{.kind = ANSWER_STATUS}}, {{.v = 4}},
     {true, 0, 6, FALLBACK_SCALING_MODIFIERS, {0}}, 3000, true, true},
};
// clang-format on

static void test_modifiers(void **state)
{
    const struct modifier_case *c = *state;
    const struct sim_event *ev;
    struct object o;
    struct played *p;

    object_init(&o, 2);
    o.so.min_replicas.v = 1;
    o.so.fallback = c->fallback;
    o.triggers[0].use_cached_metrics = c->cached;
    o.so.modifiers = (struct scaling_modifiers){
        .given = true,
        .formula = text_of(c->formula),
        .target = text_of(c->target),
        .activation_target = text_of(c->activation),
    };
    p = play(&o, c->first, c->second, 3, 30);
    run(p);
    ev = event_at(p, ACTOR_HPA, 30);
    assert_int_equal(ev->n_metrics, 1);
    assert_int_equal(ev->metrics[0].verdict.failed, c->milli < 0);
    if (c->milli >= 0)
        assert_int_equal(ev->metrics[0].verdict.milli, c->milli);
    assert_int_equal(event_at(p, ACTOR_KEDA, 30)->active, c->active);
    played_free(p);
}

/* ---- objects that KEDA refuses ----------------------------------------------------------- */

static void refuse_bounds(struct object *o)
{
    o->so.min_replicas.v = 200;
}

static void refuse_idle(struct object *o)
{
    o->so.min_replicas.v = 2;
    o->so.idle_replicas = number_of(2);
}

static void refuse_threshold(struct object *o)
{
    o->metadata[0][2].value = text_of("");
}

static void refuse_zero(struct object *o)
{
    o->metadata[0][2].value = text_of("0");
}

static void refuse_formula(struct object *o)
{
    o->so.modifiers = (struct scaling_modifiers){
        .given = true, .formula = text_of("third + 1"), .target = text_of("2")};
}

static void refuse_no_triggers(struct object *o)
{
    o->so.n_triggers = 0;
}

static void refuse_number(struct object *o)
{
    o->so.cooldown_s = number_of(INT64_MAX);
}

static void refuse_names(struct object *o)
{
    o->so.n_triggers = 2;
    o->triggers[1].name = text_of("first");
}

static void refuse_cached_cpu(struct object *o)
{
    o->triggers[0].type = text_of("cpu");
    o->triggers[0].use_cached_metrics = true;
}

static struct refusal_case {
    const char *name;
    void (*change)(struct object *o);
    const char *error;
} refusals[] = {
    {"bounds",             refuse_bounds,      "MinReplicaCount=200 must be less than MaxReplicaCount=100" },
    {"idle",               refuse_idle,        "IdleReplicaCount=2 must be less than MinReplicaCount=2"    },
    {"metadata",           refuse_threshold,
     "error parsing prometheus metadata: error parsing prometheus metadata: missing required "
     "parameter \"threshold\" in [triggerMetadata]"                                                        },
    {"a target of 0",      refuse_zero,
     "trigger 0: a target of 0 is none: it must be greater than zero"                                      },
    {"a formula",          refuse_formula,
     "error validating formula in ScalingModifiers\nunknown name third (1:7)"                              },
    {"no triggers",        refuse_no_triggers, "no triggers defined in the ScaledObject/ScaledJob"         },
    {"a name twice",       refuse_names,
     "triggerName \"first\" is defined multiple times in the ScaledObject/ScaledJob, but it must be unique"},
    {"a cache of cpu",     refuse_cached_cpu,
     "property \"useCachedMetrics\" is not supported for \"cpu\" scaler"                                   },
    {"a number too large", refuse_number,      "9223372036854775807 does not fit into an int32"            },
};

static void test_refusal(void **state)
{
    const struct refusal_case *c = *state;
    const struct piece m[2] = {{0}};
    struct object o;
    struct played *p;

    object_init(&o, 1);
    c->change(&o);
    p = play(&o, m, m, 1, 60);
    assert_int_equal(sim_run(&p->arena, &p->setup, &p->trace, &p->f), FER_EINVAL);
    assert_string_equal(p->f.text, c->error);
    played_free(p);
}

/* ---- cpu beside a query ------------------------------------------------------------------ */

static void test_resource(void **state)
{
    const struct piece m[2] =
        {
            {0}
    },
                       cpu[2] = {{.v = 90.7, .kind = ANSWER_NUMBER}};
    const struct sim_event *ev;
    struct object o;
    struct played *p;

    (void)state;
    object_init(&o, 2);
    o.so.min_replicas.v = 1;
    o.triggers[1].type = text_of("cpu");
    o.triggers[1].metric_type = METRIC_UTILIZATION;
    o.metadata[1][0] = (struct pair_at){text_of("value"), text_of("60")};
    p = play(&o, m, cpu, 2, 15);
    run(p);
    ev = event_at(p, ACTOR_HPA, 15);
    assert_int_equal(ev->metrics[1].proposal, 3);
    assert_int_equal(ev->metrics[1].shown_milli, 90000);
    assert_int_equal(ev->after, 3);
    assert_condition(&ev->scaling_active, COND_TRUE, "ValidMetricFound",
                     "the HPA was able to successfully calculate a replica count from cpu resource "
                     "utilization (percentage of request)");
    assert_false(event_at(p, ACTOR_KEDA, 0)->active);
    played_free(p);
}

/* cpu comes first in the object; both ask for as many, or both fail. */
// clang-format off
static struct order_case {
    const char *name, *formula;
    bool failing;
    const char *message;
} orders[] = {
    {"external before cpu", NULL, false,
     "the HPA was able to successfully calculate a replica count from external metric s1-prometheus(" LABELS ")"},
    {"external's error before cpu's", NULL, true,
     "the HPA was unable to compute the replica count: unable to get external metric demo/s1-prometheus/" LABELS
     ": unable to fetch metrics from external metrics API: rpc error: code = Unknown desc = error when getting metric "
     "values metric:s1-prometheus encountered error"},
    {"cpu before the composite metric", "second", false,
     "the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)"},
};
// clang-format on

static void test_order(void **state)
{
    const struct order_case *c = *state;
    const struct piece cpu[2] = {
        {.v = 90, .kind = c->failing ? ANSWER_STATUS : ANSWER_NUMBER}
    };
    const struct piece m[2] = {
        {.v = 25, .kind = c->failing ? ANSWER_STATUS : ANSWER_VECTOR}
    };
    const struct sim_event *ev;
    struct object o;
    struct played *p;

    object_init(&o, 2);
    o.so.min_replicas.v = 1;
    o.triggers[0].type = text_of("cpu");
    o.triggers[0].metric_type = METRIC_UTILIZATION;
    o.metadata[0][0] = (struct pair_at){text_of("value"), text_of("60")};
    if (c->formula != NULL)
        o.so.modifiers = (struct scaling_modifiers){
            .given = true, .formula = text_of(c->formula), .target = text_of("10")};
    p = play(&o, cpu, m, 2, 15);
    run(p);
    ev = event_at(p, ACTOR_HPA, 15);
    assert_str(ev->scaling_active.message, c->message);
    assert_int_equal(ev->after, c->failing ? 2 : 3);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(ev->metrics[i].proposal, c->failing ? -1 : 3);
    if (!c->failing)
        assert_int_equal(ev->metrics[c->formula == NULL ? 0 : 1].shown_milli, 90000);
    played_free(p);
}

static void test_nan_warns(void **state)
{
    const struct piece m[2] = {{.v = NAN}};
    struct object o;
    struct played *p;

    (void)state;
    object_init(&o, 1);
    o.so.min_replicas.v = 1;
    p = play(&o, m, m, 2, 60);
    p->setup.versions.keda = 21900;
    run(p);
    assert_int_equal(p->trace.n_warnings, 1);
    played_free(p);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, polls, test_poll, name);
    CASES_ADD_TABLE(&c, fallbacks, test_fallback, name);
    CASES_ADD_TABLE(&c, modifiers, test_modifiers, name);
    CASES_ADD_TABLE(&c, refusals, test_refusal, name);
    CASES_ADD_TABLE(&c, orders, test_order, name);
    cases_add(&c, "cached fallback flaps", test_cached_fallback_flaps, NULL);
    cases_add(&c, "conditions", test_conditions, NULL);
    cases_add(&c, "retry", test_retry, NULL);
    cases_add(&c, "cpu", test_resource, NULL);
    cases_add(&c, "NaN warns", test_nan_warns, NULL);
    return CASES_RUN("keda", &c);
}
