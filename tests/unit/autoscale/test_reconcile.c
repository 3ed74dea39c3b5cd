/*
 * test_reconcile.c - objects that change, and what KEDA's scalers remember of an object as it was:
 * the loop, the HPA, counts of failures, conditions, caches.
 */
#include "played.h"

/* Taking a pause away makes a new HPA: its first sync is 15 s later, and it remembers nothing. */
static void test_unpause(void **state)
{
    const struct piece m[2] = {{0}};
    struct sim_change changes[2];
    const struct sim_event *ev;
    struct object o, paused;
    struct played *p;

    (void)state;
    object_init(&o, 1);
    o.so.min_replicas.v = 1;
    object_init(&paused, 1);
    paused.so.min_replicas.v = 1;
    annotate(&paused, "autoscaling.keda.sh/paused-replicas", "7");
    changes[0] = (struct sim_change){T0 + 40000, &paused.so};
    changes[1] = (struct sim_change){T0 + 100000, &o.so};
    p = play(&o, m, m, 3, 430);
    p->setup.changes = changes;
    p->setup.n_changes = 2;
    run(p);
    assert_int_equal(event_at(p, ACTOR_KEDA, 40)->reason, REASON_PausedReplicas);
    assert_condition(&event_at(p, ACTOR_KEDA, 40)->paused, COND_TRUE, "ScaledObjectPaused",
                     "ScaledObject is paused");
    assert_condition(&event_at(p, ACTOR_KEDA, 100)->paused, COND_FALSE, "ScaledObjectUnpaused",
                     "pause annotation removed for ScaledObject");
    for (size_t i = 0; i < p->trace.n_events; i++)
        assert_false(p->trace.events[i].t > T0 + 40000 && p->trace.events[i].t < T0 + 100000);
    assert_int_equal(sim_replicas_at(&p->trace, T0 + 39000), 3);
    assert_int_equal(sim_replicas_at(&p->trace, T0 + 99000), 7);
    ev = event_at(p, ACTOR_HPA, 115);
    assert_int_equal(ev->after, 7);
    assert_int_equal(sim_replicas_at(&p->trace, T0 + 414000), 7);
    assert_int_equal(sim_replicas_at(&p->trace, T0 + 415000), 1);
    played_free(p);
}

static void edit_interval(struct object *o)
{
    o->so.polling_interval_s = number_of(10);
}

static void edit_threshold(struct object *o)
{
    o->metadata[0][2].value = text_of("20");
}

static void edit_nothing(struct object *o)
{
    (void)o;
}

#define READY_TEXT "ScaledObject is defined correctly and is ready for scaling"
#define NO_NUMBER                                                                                  \
    "failed to scale target to paused replica count: failed to parse paused replica count: "       \
    "strconv.ParseInt: parsing "

/* At 20 s the object is another one. Of the events up to 50 s who and when, and the last poll. */
// clang-format off
static struct change_case {
    const char *name;
    const char *annotation, *value;
    void (*edit)(struct object *o);
    const char *events;
    const char *ready_reason, *ready_message, *active_reason;
    enum condition_status ready;
} change_cases[] = {
    {"an annotation does not poll", "autoscaling.keda.sh/force-activation", "true", edit_nothing,
     "K0 K15 H15 K30 H30 K45 H45 ", "ScaledObjectReady", READY_TEXT, "ScalerActive", COND_TRUE},
    {"nor does the same once more", NULL, NULL, edit_nothing,
     "K0 K15 H15 K30 H30 K45 H45 ", "ScaledObjectReady", READY_TEXT, "ScalerNotActive", COND_TRUE},
    {"another interval polls at once", NULL, NULL, edit_interval,
     "K0 K15 H15 K20 K30 H30 K40 H45 K50 ", "ScaledObjectReady", READY_TEXT, "ScalerNotActive", COND_TRUE},
    {"so does another threshold", NULL, NULL, edit_threshold,
     "K0 K15 H15 K20 H30 K35 H45 K50 ", "ScaledObjectReady", READY_TEXT, "ScalerNotActive", COND_TRUE},
    {"a pause", "autoscaling.keda.sh/paused", "true", edit_nothing,
     "K0 K15 H15 K20 ", "ScaledObjectReady", "ScaledObject is paused", "ScalerNotActive", COND_TRUE},
    {"paused at no number", "autoscaling.keda.sh/paused-replicas", "x", edit_nothing,
     "K0 K15 H15 K20 ", "ScaledObjectCheckFailed", NO_NUMBER "\"x\": invalid syntax", "UnknownState", COND_FALSE},
    {"paused at a number with a blank", "autoscaling.keda.sh/paused-replicas", " 3", edit_interval,
     "K0 K15 H15 K20 ", "ScaledObjectCheckFailed", NO_NUMBER "\" 3\": invalid syntax", "UnknownState", COND_FALSE},
    {"paused at too large a number", "autoscaling.keda.sh/paused-replicas", "2147483648", edit_nothing,
     "K0 K15 H15 K20 ", "ScaledObjectCheckFailed", NO_NUMBER "\"2147483648\": value out of range", "UnknownState", COND_FALSE},
};
// clang-format on

static void test_change(void **state)
{
    const struct change_case *c = *state;
    const struct piece m[2] = {{0}};
    const struct sim_event *last = NULL;
    struct object o, other;
    struct sim_change change = {T0 + 20000, &other.so};
    struct played *p;
    char events[128];
    size_t n = 0;

    object_init(&o, 1);
    object_init(&other, 1);
    o.so.min_replicas.v = other.so.min_replicas.v = 1;
    annotate(&other, c->annotation, c->value);
    c->edit(&other);
    p = play(&o, m, m, 3, 50);
    p->setup.changes = &change;
    p->setup.n_changes = 1;
    run(p);
    for (size_t i = 0; i < p->trace.n_events; i++) {
        const struct sim_event *ev = &p->trace.events[i];

        last = ev->actor == ACTOR_KEDA ? ev : last;
        n += (size_t)snprintf(events + n, sizeof(events) - n, "%c%d ",
                              ev->actor == ACTOR_KEDA ? 'K' : 'H', (int)((ev->t - T0) / 1000));
    }
    assert_string_equal(events, c->events);
    assert_condition(&last->ready, c->ready, c->ready_reason, c->ready_message);
    assert_string_equal(last->active_cond.reason, c->active_reason);
    assert_int_equal(last->after, 3);
    played_free(p);
}

/* The scalers' object is from before the first poll, and so is what the HPA's first sync writes. */
static void test_outdated_conditions(void **state)
{
    const struct piece m[2] = {{.v = 5}};
    struct object o;
    struct played *p;

    (void)state;
    object_init(&o, 1);
    o.so.min_replicas.v = 1;
    o.so.fallback = (struct fallback){true, 3, 4, FALLBACK_STATIC, {0}};
    p = play(&o, m, m, 1, 30);
    run(p);
    assert_condition(&event_at(p, ACTOR_KEDA, 15)->ready, COND_TRUE, "ScaledObjectReady",
                     READY_TEXT);
    assert_int_equal(event_at(p, ACTOR_HPA, 15)->ready.status, COND_UNKNOWN);
    assert_int_equal(event_at(p, ACTOR_HPA, 15)->active_cond.status, COND_UNKNOWN);
    assert_condition(&event_at(p, ACTOR_HPA, 15)->fallback_cond, COND_FALSE, "NoFallbackFound",
                     "No fallbacks are active on this scaled object");
    assert_int_equal(event_at(p, ACTOR_HPA, 30)->ready.status, COND_TRUE);
    played_free(p);
}

/* A failing trigger drops what polls have stored only when all triggers of the formula are read. */
static void test_cache_beside_error(void **state)
{
    const struct piece bad[2] = {{.kind = ANSWER_STATUS}}, m[2] = {{.v = 4}};
    struct object o;
    struct played *p;

    (void)state;
    object_init(&o, 2);
    o.so.min_replicas.v = 1;
    o.triggers[1].use_cached_metrics = true;
    o.so.modifiers = (struct scaling_modifiers){
        .given = true, .formula = text_of("first + second"), .target = text_of("2")};
    p = play(&o, bad, m, 1, 15);
    run(p);
    assert_int_equal(p->fake.asked, 3 + 3 + 2);
    played_free(p);
}

/* cpu is not KEDA's to read: that it fails drops nothing. */
static void test_cache_beside_cpu(void **state)
{
    const struct piece bad[2] = {{.kind = ANSWER_STATUS}}, m[2] = {{.v = 4}};
    struct object o;
    struct played *p;

    (void)state;
    object_init(&o, 2);
    o.so.min_replicas.v = 1;
    o.triggers[0].type = text_of("cpu");
    o.triggers[0].metric_type = METRIC_UTILIZATION;
    o.metadata[0][0] = (struct pair_at){text_of("value"), text_of("60")};
    o.triggers[1].use_cached_metrics = true;
    p = play(&o, bad, m, 1, 15);
    run(p);
    assert_int_equal(p->fake.asked, 1 + 1 + 1);
    played_free(p);
}

/*
 * At 45 s the HPA reads the second trigger's placeholder from the cache, a success; then the first
 * one is counted, and the patch brings back the second one's failure of the poll: it is nil.
 */
static void test_patch_refreshes(void **state)
{
    const struct piece first[4] = {
        {.v = 4                },
        { .from_s = 20, .kind = ANSWER_STATUS},
        { .from_s = 40,                .v = 4},
    };
    const struct piece second[3] = {
        {.v = 7                },
        { .from_s = 40, .kind = ANSWER_STATUS},
    };
    struct object o;
    struct played *p;

    (void)state;
    object_init(&o, 2);
    o.so.min_replicas.v = 1;
    o.so.fallback = (struct fallback){true, 0, 6, FALLBACK_SCALING_MODIFIERS, {0}};
    o.triggers[1].use_cached_metrics = true;
    o.so.modifiers = (struct scaling_modifiers){
        .given = true,
        .formula = text_of("(first ?? 50) + (second ?? 100)"),
        .target = text_of("2"),
    };
    p = play(&o, first, second, 1, 45);
    run(p);
    assert_int_equal(event_at(p, ACTOR_HPA, 30)->metrics[0].verdict.milli, 57000);
    assert_int_equal(event_at(p, ACTOR_HPA, 45)->metrics[0].verdict.milli, 104000);
    played_free(p);
}

/*
 * At 30 s the first trigger fails in the HPA's outdated object once more, which a poll has counted
 * as happy: the patch has the number alone, so it stays happy, and no fallback is told of.
 */
static void test_patch_of_health(void **state)
{
    const struct piece first[4] = {
        {.kind = ANSWER_STATUS },
        { .from_s = 17,                .v = 4},
        { .from_s = 26, .kind = ANSWER_STATUS},
    };
    const struct piece second[2] = {{.v = 7}};
    struct object o;
    struct played *p;

    (void)state;
    object_init(&o, 2);
    o.so.min_replicas.v = 1;
    o.so.polling_interval_s = number_of(20);
    o.so.fallback = (struct fallback){true, 0, 6, FALLBACK_STATIC, {0}};
    p = play(&o, first, second, 1, 40);
    run(p);
    assert_int_equal(event_at(p, ACTOR_HPA, 15)->fallback_cond.status, COND_TRUE);
    assert_int_equal(event_at(p, ACTOR_KEDA, 20)->fallback_cond.status, COND_FALSE);
    assert_int_equal(event_at(p, ACTOR_HPA, 30)->metrics[0].verdict.milli, 60000);
    assert_int_equal(event_at(p, ACTOR_HPA, 30)->fallback_cond.status, COND_FALSE);
    assert_int_equal(event_at(p, ACTOR_KEDA, 40)->fallback_cond.status, COND_TRUE);
    played_free(p);
}

/* The scalers of a loop after a pause are built for an object that was paused. */
static void test_pause_comes_back(void **state)
{
    const struct piece m[3] = {
        {.v = 5                },
        { .from_s = 50, .kind = ANSWER_STATUS},
    };
    struct sim_change changes[2];
    struct object o, paused;
    struct played *p;

    (void)state;
    object_init(&o, 1);
    object_init(&paused, 1);
    o.so.min_replicas.v = paused.so.min_replicas.v = 1;
    o.so.fallback = paused.so.fallback = (struct fallback){true, 0, 4, FALLBACK_STATIC, {0}};
    annotate(&paused, "autoscaling.keda.sh/paused", "true");
    changes[0] = (struct sim_change){T0 + 20000, &paused.so};
    changes[1] = (struct sim_change){T0 + 40000, &o.so};
    p = play(&o, m, m, 1, 55);
    p->setup.changes = changes;
    p->setup.n_changes = 2;
    run(p);
    assert_int_equal(event_at(p, ACTOR_KEDA, 55)->paused.status, COND_FALSE);
    assert_condition(&event_at(p, ACTOR_HPA, 55)->paused, COND_TRUE, "ScaledObjectPaused",
                     "ScaledObject is paused");
    assert_condition(&event_at(p, ACTOR_HPA, 55)->ready, COND_TRUE, "ScaledObjectReady",
                     "ScaledObject is paused");
    played_free(p);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, change_cases, test_change, name);
    cases_add(&c, "unpause", test_unpause, NULL);
    cases_add(&c, "outdated conditions", test_outdated_conditions, NULL);
    cases_add(&c, "cache beside an error", test_cache_beside_error, NULL);
    cases_add(&c, "cache beside cpu", test_cache_beside_cpu, NULL);
    cases_add(&c, "a patch refreshes", test_patch_refreshes, NULL);
    cases_add(&c, "a patch of health", test_patch_of_health, NULL);
    cases_add(&c, "a pause comes back", test_pause_comes_back, NULL);
    return CASES_RUN("reconcile", &c);
}
