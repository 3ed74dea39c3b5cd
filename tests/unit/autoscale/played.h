/*
 * played.h - ScaledObjects of one or two triggers, and simulations of them in a fake world.
 */
#ifndef FERULA_TESTS_PLAYED_H
#define FERULA_TESTS_PLAYED_H

#include "fake_world.h"

#include <stdlib.h>

#include "ferula/base/mem.h"

#define MAX_PAIRS 3

/* A ScaledObject of up to two triggers with thresholds 10. */
struct object {
    struct scaled_object so;
    struct trigger triggers[2];
    struct pair_at metadata[2][3], annotations[MAX_PAIRS];
};

static inline void object_init(struct object *o, size_t n_triggers)
{
    *o = (struct object){0};
    for (size_t i = 0; i < 2; i++) {
        struct pair_at *m = o->metadata[i];

        m[0] = (struct pair_at){text_of("serverAddress"), text_of("http://prometheus")};
        m[1] = (struct pair_at){text_of("query"), text_of("m")};
        m[2] = (struct pair_at){text_of("threshold"), text_of("10")};
        o->triggers[i] = (struct trigger){
            .type = text_of("prometheus"),
            .name = text_of(i == 0 ? "first" : "second"),
            .metadata = {m, 3}
        };
    }
    o->so = (struct scaled_object){
        .name = text_of("app"),
        .ns = text_of("demo"),
        .target_name = text_of("app"),
        .polling_interval_s = number_of(15),
        .min_replicas = number_of(0),
        .max_replicas = number_of(100),
        .annotations = {o->annotations, 0},
        .triggers = o->triggers,
        .n_triggers = n_triggers,
    };
}

static inline void annotate(struct object *o, const char *key, const char *value)
{
    if (key != NULL)
        o->annotations[o->so.annotations.n++] = (struct pair_at){text_of(key), text_of(value)};
}

/* A finished simulation of `o`. */
struct played {
    struct arena arena;
    struct fake fake;
    struct sim_setup setup;
    struct sim_trace trace;
    struct fault f;
    int rc;
};

static inline struct played *play(const struct object *o, const struct piece *m,
                                  const struct piece *second, int32_t replicas, int end_s)
{
    struct played *p = xnew(struct played);

    p->fake = (struct fake){
        .pieces = {m, second},
          .replicas = replicas, .last = INT64_MIN
    };
    p->setup = (struct sim_setup){
        .object = &o->so,
        .versions = AUTOSCALE_VERSIONS_DEFAULT,
        .world = fake_world(&p->fake),
        .start = T0,
        .end = T0 + end_s * 1000,
        .replicas = replicas,
    };
    return p;
}

static inline const struct sim_event *event_at(const struct played *p, enum actor actor, int at_s)
{
    for (size_t i = 0; i < p->trace.n_events; i++)
        if (p->trace.events[i].actor == actor && p->trace.events[i].t == T0 + at_s * 1000)
            return &p->trace.events[i];
    fail_msg("no event at %d s", at_s);
    return NULL;
}

static inline void run(struct played *p)
{
    p->rc = sim_run(&p->arena, &p->setup, &p->trace, &p->f);
    if (p->rc != 0)
        fail_msg("%s", p->f.text);
}

static inline void played_free(struct played *p)
{
    arena_release(&p->arena);
    free(p);
}

static inline void assert_condition(const struct condition *c, enum condition_status status,
                                    const char *reason, const char *message)
{
    assert_string_equal(c->reason, reason);
    assert_str(c->message, message);
    assert_int_equal(c->status, status);
}

#endif
