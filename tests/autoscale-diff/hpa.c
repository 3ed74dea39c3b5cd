/*
 * hpa.c - a story of one HPA, sync by sync (tests/interop/hpa/story has the form of stories).
 */
#include "diff.h"

#define PERIOD ((dur_ms)15000)

struct subject {
    struct diff *d;
    struct hpa_state state;
    struct hpa_input in;
    struct hpa_metric metrics[HPA_METRICS_MAX];
    struct condition able_to_scale, scaling_active, scaling_limited;
};

static const struct behavior *read_behavior(struct diff *d, const json_t *behavior)
{
    const struct scaled_object *o;
    json_t *spec;

    if (behavior == NULL || json_is_null(behavior))
        return NULL;
    spec = json_pack("{s:{s:s}, s:{s:{s:O}}, s:[{s:s, s:{s:s, s:s, s:s}}]}", "scaleTargetRef",
                     "name", "so", "advanced", "horizontalPodAutoscalerConfig", "behavior",
                     behavior, "triggers", "type", "prometheus", "metadata", "serverAddress",
                     "http://p", "query", "q", "threshold", "1");
    o = diff_object(d, NULL, spec);
    json_decref(spec);
    return &o->behavior;
}

static struct hpa_metric metric_of(struct diff *d, const json_t *m, size_t i)
{
    const char *type = json_string_value(json_object_get(m, "type"));
    const char *source = json_string_value(json_object_get(m, "source"));
    struct hpa_metric out = {
        .type = METRIC_AVERAGE_VALUE,
        .target_milli = json_integer_value(json_object_get(m, "target")),
        .name = arena_printf(&d->arena, "external metric s%zu-prometheus(nil)", i),
        .error = arena_printf(&d->arena,
                              "unable to get external metric N/s%zu-prometheus/nil: no value", i),
    };

    if (type == NULL)
        diff_die("a metric without a type");
    if (type[0] == 'V')
        out.type = METRIC_VALUE;
    else if (type[0] == 'U')
        out.type = METRIC_UTILIZATION;
    if (source == NULL)
        return out;
    out.source = source[0] == 'c' ? HPA_CPU : HPA_MEMORY;
    out.error = STR("no value");
    out.name = arena_printf(&d->arena,
                            out.type == METRIC_UTILIZATION
                                ? "%s resource utilization (percentage of request)"
                                : "%s resource",
                            source);
    return out;
}

static void begin(struct subject *s, struct diff *d, const json_t *story)
{
    const json_t *metrics = json_object_get(story, "metrics");
    const json_t *min = json_object_get(story, "min");

    *s = (struct subject){.d = d};
    s->in = (struct hpa_input){
        .spec_replicas = (int32_t)json_integer_value(json_object_get(story, "start")),
        .min = json_is_integer(min) ? (int32_t)json_integer_value(min) : 1,
        .max = (int32_t)json_integer_value(json_object_get(story, "max")),
        .behavior = read_behavior(d, json_object_get(story, "behavior")),
        .metrics = s->metrics,
        .n_metrics = json_array_size(metrics),
        .rules = &d->rules,
    };
    if (s->in.n_metrics > HPA_METRICS_MAX)
        diff_die("too many metrics");
    for (size_t i = 0; i < s->in.n_metrics; i++) {
        const json_t *m = json_array_get(metrics, i);

        s->metrics[i] = metric_of(d, m, i);
    }
}

static int32_t integer(const json_t *step, const char *key, int32_t otherwise)
{
    const json_t *v = json_object_get(step, key);

    return json_is_integer(v) ? (int32_t)json_integer_value(v) : otherwise;
}

static json_t *condition(const struct condition *c)
{
    static const char *const names[] = {"Unknown", "True", "False"};

    return json_pack("[s, s, o]", names[c->status], c->reason, diff_text(c->message));
}

static json_t *outcome(const struct subject *s, const struct hpa_output *out)
{
    json_t *shown = json_array(), *conditions = json_object();

    for (size_t i = 0; i < s->in.n_metrics; i++)
        json_array_append_new(shown, out->shown_milli[i] == INT64_MIN
                                         ? json_pack("n") /* json_null is ours */
                                         : json_integer(out->shown_milli[i]));
    if (s->able_to_scale.reason != NULL)
        json_object_set_new(conditions, "AbleToScale", condition(&s->able_to_scale));
    if (s->scaling_active.reason != NULL)
        json_object_set_new(conditions, "ScalingActive", condition(&s->scaling_active));
    if (s->scaling_limited.reason != NULL)
        json_object_set_new(conditions, "ScalingLimited", condition(&s->scaling_limited));
    return json_pack("{s:i, s:o, s:o}", "replicas", out->desired, "shown", shown, "conditions",
                     conditions);
}

static json_t *sync(struct subject *s, const json_t *step)
{
    const json_t *values = json_object_get(step, "values");
    struct hpa_output out;

    s->in.now += PERIOD;
    s->in.spec_replicas = integer(step, "spec", s->in.spec_replicas);
    s->in.status_replicas = integer(step, "status", s->in.spec_replicas);
    s->in.ready_replicas = integer(step, "ready", s->in.status_replicas);
    s->in.ready_replicas = MIN(s->in.ready_replicas, s->in.status_replicas);
    for (size_t i = 0; i < s->in.n_metrics; i++) {
        const json_t *v = json_array_get(values, i);

        s->metrics[i].failed = !json_is_integer(v);
        s->metrics[i].usage_milli = json_integer_value(v);
    }
    hpa_sync(&s->state, &s->in, &s->d->arena, &out);
    s->in.spec_replicas = out.desired;
    s->able_to_scale = out.able_to_scale;
    if (out.scaling_active.reason != NULL)
        s->scaling_active = out.scaling_active;
    if (out.scaling_limited.reason != NULL)
        s->scaling_limited = out.scaling_limited;
    return outcome(s, &out);
}

json_t *diff_hpa(struct diff *d, const json_t *in)
{
    const json_t *steps = json_object_get(in, "steps"), *step;
    json_t *out = json_array();
    struct subject s;
    size_t i;

    begin(&s, d, in);
    json_array_foreach(steps, i, step)
    {
        json_array_append_new(out, sync(&s, step));
    }
    hpa_state_release(&s.state);
    return out;
}
