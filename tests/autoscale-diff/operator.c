/*
 * operator.c - KEDA's loop on a story (tests/interop/keda/operator has the form of stories). The
 * HPA is kept from doing anything by its behavior; what it would be told is compared.
 */
#include "diff.h"

#define SECOND ((dur_ms)1000)
#define START  ((ts_ms)1000000000000)

struct teller {
    struct diff *d;
    const json_t *answers;
    int32_t replicas;
};

static int ask(void *ctx, size_t i, ts_ms now, struct arena *a, struct answer *out)
{
    const struct teller *w = (const struct teller *)ctx;
    const json_t *last = NULL, *period;
    size_t k;

    json_array_foreach(w->answers, k, period)
    {
        if (json_integer_value(json_object_get(period, "t")) * SECOND <= now - START)
            last = period;
    }
    *out = diff_answer(a, json_array_get(json_object_get(last, "answers"), i));
    return 0;
}

static int advance(void *ctx, ts_ms now)
{
    (void)ctx;
    (void)now;
    return 0;
}

static void scale(void *ctx, ts_ms now, int32_t replicas)
{
    (void)now;
    ((struct teller *)ctx)->replicas = replicas;
}

static int32_t replicas_of(void *ctx)
{
    return ((const struct teller *)ctx)->replicas;
}

static void add_condition(json_t *conditions, const char *name, const struct condition *c)
{
    static const char *const names[] = {"Unknown", "True", "False"};

    json_object_set_new(conditions, name,
                        json_pack("[s, s, o]", names[c->status], c->reason == NULL ? "" : c->reason,
                                  diff_text(c->message)));
}

/* The HPA's state is not compared when it has several metrics, nor its texts. */
static void add_hpa_active(json_t *conditions, const struct sim_event *ev)
{
    struct condition c = ev->hpa_active;

    c.message = (struct str){0};
    if (ev->n_metrics == 1 && c.reason != NULL)
        add_condition(conditions, "HPAActive", &c);
}

static json_t *event(const struct sim_event *ev, bool told)
{
    json_t *conditions = json_object(), *values = json_array();

    add_condition(conditions, "Ready", &ev->ready);
    add_condition(conditions, "Active", &ev->active_cond);
    add_condition(conditions, "Fallback", &ev->fallback_cond);
    add_condition(conditions, "Paused", &ev->paused);
    add_hpa_active(conditions, ev);
    for (size_t i = 0; told && i < ev->n_metrics; i++) {
        const struct verdict *v = &ev->metrics[i].verdict;

        json_array_append_new(values, v->failed ? json_pack("n") : json_integer(v->milli));
    }
    return json_pack("{s:I, s:s, s:i, s:o, s:o}", "t", (json_int_t)((ev->t - START) / SECOND),
                     "actor", ev->actor == ACTOR_KEDA ? "keda" : "hpa", "replicas", ev->after,
                     "values", values, "conditions", conditions);
}

/* Annotations are not read by the program's own reader, which refuses some that the webhook does.
 */
static const struct scaled_object *object_of(struct diff *d, json_t *annotations,
                                             const json_t *spec)
{
    struct scaled_object *o = arena_new(&d->arena, struct scaled_object);
    size_t n = json_object_size(annotations);
    const char *key;
    json_t *value;

    *o = *diff_object(d, NULL, spec);
    o->annotations = (struct pairs){arena_array(&d->arena, struct pair_at, MAX(n, 1)), 0};
    json_object_foreach(annotations, key, value)
    {
        o->annotations.v[o->annotations.n++] = (struct pair_at){
            .key.s = arena_str(&d->arena, str_of(key)),
            .value.s = arena_str(&d->arena, str_of(json_string_value(value))),
        };
    }
    return o;
}

/* Each is of annotations, and of the spec when it has one. */
static void read_changes(struct diff *d, const json_t *in, struct sim_setup *setup)
{
    const json_t *list = json_object_get(in, "changes"), *spec = json_object_get(in, "spec"), *one;
    struct sim_change *changes =
        arena_array(&d->arena, struct sim_change, MAX(json_array_size(list), 1));
    size_t i;

    json_array_foreach(list, i, one)
    {
        if (json_object_get(one, "spec") != NULL)
            spec = json_object_get(one, "spec");
        changes[i] = (struct sim_change){
            .t = START + json_integer_value(json_object_get(one, "t")) * SECOND,
            .object = object_of(d, json_object_get(one, "annotations"), spec),
        };
    }
    setup->changes = changes;
    setup->n_changes = json_array_size(list);
}

/* Does the HPA ask for metrics in this event? */
static bool is_told(const struct sim_event *ev)
{
    return ev->actor == ACTOR_HPA && ev->reason != REASON_ScalingDisabled &&
           ev->reason != REASON_AboveMaxReplicas && ev->reason != REASON_BelowMinReplicas;
}

json_t *diff_operator(struct diff *d, const json_t *in)
{
    struct teller teller = {
        .d = d,
        .answers = json_object_get(in, "answers"),
        .replicas = (int32_t)json_integer_value(json_object_get(in, "replicas")),
    };
    struct sim_setup setup = {
        .object = object_of(d, json_object_get(in, "annotations"), json_object_get(in, "spec")),
        .versions = d->versions,
        .world = {&teller, ask, advance, scale, replicas_of, replicas_of},
        .start = START,
        .end = START + json_integer_value(json_object_get(in, "seconds")) * SECOND,
        .replicas = teller.replicas,
    };
    struct sim_trace trace;
    struct fault f = {0};
    json_t *out = json_array();

    read_changes(d, in, &setup);
    if (sim_run(&d->arena, &setup, &trace, &f) < 0)
        diff_die(f.text);
    for (size_t i = 0; i < trace.n_events; i++)
        json_array_append_new(out, event(&trace.events[i], is_told(&trace.events[i])));
    return out;
}
