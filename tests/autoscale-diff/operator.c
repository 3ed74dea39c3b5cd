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
                        json_pack("[s, s]", names[c->status], c->reason == NULL ? "" : c->reason));
}

static json_t *event(const struct sim_event *ev, bool told)
{
    json_t *conditions = json_object(), *values = json_array();

    add_condition(conditions, "Ready", &ev->ready);
    add_condition(conditions, "Active", &ev->active_cond);
    add_condition(conditions, "Fallback", &ev->fallback_cond);
    for (size_t i = 0; told && i < ev->n_metrics; i++) {
        const struct verdict *v = &ev->metrics[i].verdict;

        json_array_append_new(values, v->failed ? json_pack("n") : json_integer(v->milli));
    }
    return json_pack("{s:I, s:s, s:i, s:o, s:o}", "t", (json_int_t)((ev->t - START) / SECOND),
                     "actor", ev->actor == ACTOR_KEDA ? "keda" : "hpa", "replicas", ev->after,
                     "values", values, "conditions", conditions);
}

json_t *diff_operator(struct diff *d, const json_t *in)
{
    const json_t *annotations = json_object_get(in, "annotations");
    json_t *metadata =
        json_pack("{s:s, s:s, s:O*}", "name", "so", "namespace", "ns", "annotations", annotations);
    const struct scaled_object *o = diff_object(d, metadata, json_object_get(in, "spec"));
    struct teller teller = {
        .d = d,
        .answers = json_object_get(in, "answers"),
        .replicas = (int32_t)json_integer_value(json_object_get(in, "replicas")),
    };
    const struct sim_setup setup = {
        .object = o,
        .versions = d->versions,
        .world = {&teller, ask, advance, scale, replicas_of, replicas_of},
        .start = START,
        .end = START + json_integer_value(json_object_get(in, "seconds")) * SECOND,
        .replicas = teller.replicas,
    };
    int32_t min = o->min_replicas.given ? MAX((int32_t)o->min_replicas.v, 1) : 1;
    int32_t max = o->max_replicas.given ? (int32_t)o->max_replicas.v : 100;
    struct sim_trace trace;
    struct fault f = {0};
    json_t *out = json_array();

    json_decref(metadata);
    if (sim_run(&d->arena, &setup, &trace, &f) < 0)
        diff_die(f.text);
    for (size_t i = 0; i < trace.n_events; i++) {
        const struct sim_event *ev = &trace.events[i];

        json_array_append_new(
            out, event(ev, ev->actor == ACTOR_HPA && hpa_wants_metrics(ev->before, min, max)));
    }
    return out;
}
