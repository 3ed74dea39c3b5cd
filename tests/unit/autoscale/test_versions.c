/*
 * test_versions.c - what older versions of KEDA do otherwise than the newest: pauses, conditions
 * and fallback. Each case was seen in KEDA's own code of that version.
 */
#include "played.h"

#include <string.h>

#define KEDA "autoscaling.keda.sh/"

/* ---- pauses ------------------------------------------------------------------------------ */

// clang-format off
static struct pause_case {
    const char *name;
    int keda;
    int replicas;
    const char *before, *annotation, *value; /* `before`: is true from the beginning; the other from 20 s on */
    bool from_start;                         /* the other, too */
    const char *events;                      /* up to 50 s: who, when, replicas */
    const char *ready_reason, *paused_reason;
} pauses[] = {
    {"2.20: the controller scales", 22002, 3, NULL, KEDA "paused-replicas", "7", false,
     "K0=3 K15=3 H15=3 K20=7 ", "ScaledObjectReady", "ScaledObjectPaused"},
    {"2.19: the loop scales, and goes on", 21900, 3, NULL, KEDA "paused-replicas", "7", false,
     "K0=3 K15=3 H15=3 K20=3 K20=7 K35=7 H35=7 K50=7 H50=7 ", "ScaledObjectReady", "ScaledObjectPaused"},
    {"2.18: so it does", 21803, 3, NULL, KEDA "paused-replicas", "7", false,
     "K0=3 K15=3 H15=3 K20=3 K20=7 K35=7 H35=7 K50=7 H50=7 ", "ScaledObjectReady", "ScaledObjectPaused"},
    {"2.17: the pause is when it is there", 21703, 3, NULL, KEDA "paused-replicas", "7", false,
     "K0=3 K15=3 H15=3 K30=7 ", "ScaledObjectReady", ""},
    {"2.19: it is there", 21900, 7, NULL, KEDA "paused-replicas", "7", false,
     "K0=7 K15=7 H15=7 K20=7 ", "ScaledObjectReady", "ScaledObjectPaused"},
    {"2.19: a new one is taken there by the next change", 21900, 3, NULL, KEDA "paused-replicas", "7", true,
     "K0=3 K20=3 K20=7 K35=7 H35=7 K50=7 H50=7 ", "ScaledObjectReady", "ScaledObjectPaused"},
    {"2.17: a new one is", 21703, 3, NULL, KEDA "paused-replicas", "7", true,
     "K0=7 K20=7 ", "ScaledObjectReady", "ScaledObjectPaused"},
    {"2.20: a pause after one of scaling in", 22002, 3, KEDA "paused-scale-in", KEDA "paused", "true", false,
     "K0=3 K15=3 H15=3 K20=3 ", "ScaledObjectReady", "ScaledObjectPaused"},
    {"2.19: it is overlooked", 21900, 3, KEDA "paused-scale-in", KEDA "paused", "true", false,
     "K0=3 K15=3 H15=3 K20=3 K30=3 H30=3 K45=3 H45=3 ", "ScaledObjectReady", "ScaledObjectPaused"},
    {"2.19: no number while the loop runs", 21900, 3, KEDA "paused-scale-in", KEDA "paused-replicas", "x", false,
     "K0=3 K15=3 H15=3 K20=3 K30=3 H30=3 K45=3 H45=3 ", "ScaledObjectReady", "ScaledObjectPaused"},
    {"2.17: no number at all", 21703, 3, NULL, KEDA "paused-replicas", "x", false,
     "K0=3 K15=3 H15=3 K30=3 H30=3 K45=3 H45=3 ", "ScaledObjectReady", ""},
};
// clang-format on

static void test_pause(void **state)
{
    const struct pause_case *c = *state;
    const struct piece m[2] = {{.v = 25}};
    const struct sim_event *last = NULL;
    struct object o, other;
    struct sim_change change = {T0 + 20000, &other.so};
    struct played *p;
    char events[256];
    size_t n = 0;

    object_init(&o, 1);
    object_init(&other, 1);
    o.so.min_replicas.v = other.so.min_replicas.v = 1;
    annotate(&o, c->before, "true");
    annotate(&other, c->before, "true");
    annotate(&other, c->annotation, c->value);
    if (c->from_start)
        annotate(&o, c->annotation, c->value);
    p = play(&o, m, m, c->replicas, 50);
    p->setup.versions.keda = c->keda;
    p->setup.changes = &change;
    p->setup.n_changes = 1;
    run(p);
    for (size_t i = 0; i < p->trace.n_events; i++) {
        const struct sim_event *ev = &p->trace.events[i];

        last = ev->actor == ACTOR_KEDA ? ev : last;
        n += (size_t)snprintf(events + n, sizeof(events) - n, "%c%d=%d ",
                              ev->actor == ACTOR_KEDA ? 'K' : 'H', (int)((ev->t - T0) / 1000),
                              ev->after);
    }
    assert_string_equal(events, c->events);
    assert_string_equal(last->ready.reason, c->ready_reason);
    assert_string_equal(last->paused.reason, c->paused_reason);
    played_free(p);
}

/* Taken away again, the HPA and the loop that brought the target there are those that go on. */
static void test_unpause(void **state)
{
    const struct piece m[2] = {{.v = 25}};
    struct sim_change changes[2];
    struct object o, paused;
    struct played *p;

    (void)state;
    object_init(&o, 1);
    object_init(&paused, 1);
    o.so.min_replicas.v = paused.so.min_replicas.v = 1;
    annotate(&paused, KEDA "paused-replicas", "7");
    changes[0] = (struct sim_change){T0 + 20000, &paused.so};
    changes[1] = (struct sim_change){T0 + 40000, &o.so};
    p = play(&o, m, m, 3, 400);
    p->setup.versions.keda = 21900;
    p->setup.changes = changes;
    p->setup.n_changes = 2;
    run(p);
    assert_int_equal(event_at(p, ACTOR_HPA, 35)->after, 7);
    assert_int_equal(event_at(p, ACTOR_HPA, 50)->desired, 7);
    assert_condition(&event_at(p, ACTOR_HPA, 50)->paused, COND_FALSE, "ScaledObjectUnpaused",
                     "pause annotation removed for ScaledObject");
    assert_int_equal(sim_replicas_at(&p->trace, T0 + 400000), 3);
    played_free(p);
}

/* ---- conditions -------------------------------------------------------------------------- */

#define FORCED "Scaling is performed because activation is being forced by annotation"
#define ACTIVE "Scaling is performed because triggers are active"

// clang-format off
static struct told_case {
    const char *name;
    int keda;
    const char *annotation;
    struct piece m[4];
    struct fallback fallback;
    int at_s; /* of the poll that is looked at */
    const char *active_reason, *active_text;
    enum condition_status ready, fallback_status;
} told[] = {
    {"2.20: forced, and active", 22002, KEDA "force-activation", {{.v = 25}}, {0}, 15,
     "ScalerActive", FORCED, COND_TRUE, COND_FALSE},
    {"2.19: active, and forced", 21900, KEDA "force-activation", {{.v = 25}}, {0}, 15,
     "ScalerActive", ACTIVE, COND_TRUE, COND_FALSE},
    {"2.19: the text of the first time stays", 21900, KEDA "force-activation", {{.v = 0}, {.from_s = 10, .v = 25}}, {0}, 15,
     "ScalerActive", FORCED, COND_TRUE, COND_FALSE},
    {"2.20: ready beside a fallback to come", 22002, NULL, {{.v = 25}, {.from_s = 20, .kind = ANSWER_STATUS}}, {true, 9, 3, FALLBACK_STATIC, {0}}, 30,
     "ScalerNotActive", NULL, COND_TRUE, COND_FALSE},
    {"2.19: not told to be ready by an error", 21900, NULL, {{.v = 25}, {.from_s = 20, .kind = ANSWER_STATUS}}, {true, 9, 3, FALLBACK_STATIC, {0}}, 30,
     "ScalerNotActive", NULL, COND_UNKNOWN, COND_FALSE},
    {"2.20: a fallback is told with its reading", 22002, NULL, {{.kind = ANSWER_STATUS}}, {true, 0, 3, FALLBACK_STATIC, {0}}, 0,
     "ScalerActive", ACTIVE, COND_TRUE, COND_TRUE},
    {"2.19: with the one after it", 21900, NULL, {{.kind = ANSWER_STATUS}}, {true, 0, 3, FALLBACK_STATIC, {0}}, 0,
     "ScalerActive", ACTIVE, COND_TRUE, COND_FALSE},
    {"2.19: and then it is told", 21900, NULL, {{.kind = ANSWER_STATUS}}, {true, 0, 3, FALLBACK_STATIC, {0}}, 15,
     "ScalerActive", ACTIVE, COND_TRUE, COND_TRUE},
    {"2.18: polls do not count", 21803, NULL, {{.kind = ANSWER_STATUS}}, {true, 0, 3, FALLBACK_STATIC, {0}}, 15,
     "ScalerNotActive", NULL, COND_TRUE, COND_UNKNOWN},
};
// clang-format on

static void test_told(void **state)
{
    const struct told_case *c = *state;
    const struct sim_event *ev;
    struct object o;
    struct played *p;

    object_init(&o, 1);
    o.so.min_replicas.v = 1;
    o.so.fallback = c->fallback;
    annotate(&o, c->annotation, "true");
    p = play(&o, c->m, c->m, 1, 60);
    p->setup.versions.keda = c->keda;
    run(p);
    ev = event_at(p, ACTOR_KEDA, c->at_s);
    assert_string_equal(ev->active_cond.reason, c->active_reason);
    if (c->active_text != NULL)
        assert_str(ev->active_cond.message, c->active_text);
    assert_int_equal(ev->ready.status, c->ready);
    assert_int_equal(ev->fallback_cond.status, c->fallback_status);
    played_free(p);
}

/* ---- readiness beside an HPA ------------------------------------------------------------- */

// clang-format off
static struct ready_case {
    const char *name;
    int keda, sync_s, poll_s; /* the HPA fails at the one, and is seen at the other */
    enum condition_status ready;
    const char *reason, *text;
} readiness[] = {
    {"2.20.2: Ready is KEDA's own", 22002, 60, 62, COND_TRUE, "ScaledObjectReady",
     "ScaledObject is defined correctly and is ready for scaling"},
    {"2.20.1: an HPA without metrics", 22001, 60, 62, COND_FALSE, "HPAMetricsUnavailable",
     "ScaledObject is configured correctly but HPA is not healthy: FailedGetExternalMetric"},
    {"2.20.1: not in the first minute", 22001, 15, 17, COND_TRUE, "ScaledObjectReady",
     "ScaledObject is defined correctly and is ready for scaling"},
};
// clang-format on

static void test_ready(void **state)
{
    const struct ready_case *c = *state;
    const struct piece m[4] = {
        {.v = 25               },
        { .from_s = c->sync_s - 1, .kind = ANSWER_STATUS},
        { .from_s = c->sync_s + 1,               .v = 25},
    };
    struct object o;
    struct played *p;

    object_init(&o, 1);
    o.so.min_replicas.v = 1;
    o.so.polling_interval_s = number_of(c->poll_s);
    p = play(&o, m, m, 3, 70);
    p->setup.versions.keda = c->keda;
    run(p);
    assert_int_equal(event_at(p, ACTOR_HPA, c->sync_s)->desired, -1);
    assert_condition(&event_at(p, ACTOR_KEDA, c->poll_s)->ready, c->ready, c->reason, c->text);
    played_free(p);
}

/* A fallback that polls have stored goes by another name: a formula of 2.19 takes it for 0, not
 * nil. */
static void test_missing(void **state)
{
    static const struct {
        int keda;
        int64_t milli;
    } want[] = {
        {22002, 4000},
        {21900, 0   },
    };
    const struct piece bad[2] = {{.kind = ANSWER_STATUS}}, m[2] = {{.v = 4}};
    struct object o;
    struct played *p;

    (void)state;
    for (size_t i = 0; i < COUNT(want); i++) {
        object_init(&o, 2);
        o.so.min_replicas.v = 1;
        o.so.fallback = (struct fallback){true, 0, 6, FALLBACK_STATIC, {0}};
        o.triggers[0].use_cached_metrics = true;
        o.so.modifiers = (struct scaling_modifiers){
            .given = true, .formula = text_of("first ?? second"), .target = text_of("2")};
        p = play(&o, bad, m, 3, 30);
        p->setup.versions.keda = want[i].keda;
        run(p);
        assert_int_equal(event_at(p, ACTOR_HPA, 30)->metrics[0].verdict.milli, want[i].milli);
        played_free(p);
    }
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, pauses, test_pause, name);
    CASES_ADD_TABLE(&c, told, test_told, name);
    CASES_ADD_TABLE(&c, readiness, test_ready, name);
    cases_add(&c, "unpause", test_unpause, NULL);
    cases_add(&c, "what is missing", test_missing, NULL);
    return CASES_RUN("versions", &c);
}
