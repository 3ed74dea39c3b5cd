/*
 * sim_hpa.c - one sync of the HPA, with the metrics that KEDA's metrics server gives it.
 */
#include "sim_priv.h"

#include <string.h>

/* GetScaledObjectMetrics for one trigger: live or the last poll's record, then fallback. */
static int read_trigger(struct sim *s, size_t i, struct sim_reading *r)
{
    struct sim_trigger *t = &s->triggers[i];

    if (t->t->use_cached_metrics && t->has_record) {
        r->verdict = t->record;
        r->nil = t->record_nameless;
    } else {
        int rc = sim__ask(s, i, &r->verdict);

        if (rc < 0)
            return rc;
    }
    if (!t->is_resource)
        sim__fallback(s, i, true, r);
    return 0;
}

static struct str metric_error(struct sim *s, struct str metric, const char *why)
{
    return arena_printf(
        s->arena,
        "unable to get external metric " STR_FMT "/" STR_FMT
        "/&LabelSelector{MatchLabels:map[string]string{scaledobject.keda.sh/name: " STR_FMT
        ",},MatchExpressions:[]LabelSelectorRequirement{},}: %s",
        STR_ARG(s->object->ns.s.n > 0 ? s->object->ns.s : STR("default")), STR_ARG(metric),
        STR_ARG(s->object->name.s), why);
}

static struct str operator_error(struct sim *s, struct str metric)
{
    struct str why = arena_printf(
        s->arena,
        "unable to fetch metrics from external metrics API: rpc error: code = Unknown desc = error "
        "when getting metric values metric:" STR_FMT " encountered error",
        STR_ARG(metric));

    return metric_error(s, metric, why.p);
}

static enum hpa_source source_of(const struct sim_trigger *t)
{
    if (!t->is_resource)
        return HPA_EXTERNAL;
    return str_is(t->t->type.s, "cpu") ? HPA_CPU : HPA_MEMORY;
}

static void of_trigger(struct sim *s, size_t i, const struct sim_reading *r, struct hpa_metric *m)
{
    const struct sim_trigger *t = &s->triggers[i];

    *m = (struct hpa_metric){
        .type = t->t->metric_type,
        .source = source_of(t),
        .failed = r->verdict.failed,
        .usage_milli = r->verdict.milli,
        .target_milli = t->target_milli,
        .name = t->hpa_name,
    };
    if (m->failed)
        m->error = t->is_resource ? r->verdict.why : operator_error(s, t->metric);
}

static void of_composite(struct sim *s, const struct sim_reading *r, struct hpa_metric *m,
                         struct verdict *v)
{
    const struct str name = STR("composite-metric");
    bool failed = false, fallback = false;

    *m = (struct hpa_metric){
        .type = s->object->modifiers.metric_type,
        .target_milli = s->composite_milli,
        .name = arena_printf(
            s->arena,
            "external metric " STR_FMT
            "(&LabelSelector{MatchLabels:map[string]string{scaledobject.keda.sh/name: " STR_FMT
            ",},MatchExpressions:[]LabelSelectorRequirement{},})",
            STR_ARG(name), STR_ARG(s->object->name.s)),
    };
    for (size_t i = 0; i < s->n; i++) {
        failed = failed || (!s->triggers[i].is_resource && r[i].verdict.failed);
        fallback = fallback || r[i].fallback;
    }
    if (failed && !fallback) {
        m->error = operator_error(s, name);
        *v = (struct verdict){.failed = true, .why = m->error};
    } else {
        sim__composite(s, r, true, v);
        if (v->failed)
            m->error = metric_error(s, name, "no metrics returned from external metrics API");
    }
    m->failed = v->failed;
    m->usage_milli = v->milli;
}

/* After a request for metrics one of which could not be had. */
static void drop_caches(struct sim *s)
{
    s->scalers_dropped = true;
    sim__forget_records(s);
}

/* One request a metric. */
static int read_each(struct sim *s, struct sim_reading *r)
{
    for (size_t i = 0; i < s->n; i++) {
        int rc;

        if (!s->triggers[i].is_resource)
            sim__scalers(s, true);
        rc = read_trigger(s, i, &r[i]);
        if (rc < 0)
            return rc;
        if (r[i].verdict.failed && !s->triggers[i].is_resource)
            drop_caches(s);
    }
    return 0;
}

/* One request for the composite metric: all triggers at once, those from the cache come first. */
static int read_together(struct sim *s, struct sim_reading *r)
{
    bool failed = false;

    sim__scalers(s, true);
    for (size_t k = 0; k < 2 * s->n; k++) {
        size_t i = k % s->n;
        bool from_cache = s->triggers[i].t->use_cached_metrics && s->triggers[i].has_record;
        int rc;

        if (from_cache != (k < s->n))
            continue;
        rc = read_trigger(s, i, &r[i]);
        if (rc < 0)
            return rc;
        failed = failed || (r[i].verdict.failed && !s->triggers[i].is_resource);
    }
    if (failed)
        drop_caches(s);
    return 0;
}

/* One a trigger; with scalingModifiers the composite one first, then cpu and memory. */
static int read_metrics(struct sim *s, struct hpa_metric *m, struct sim_event *ev)
{
    struct sim_reading *r = arena_array(s->arena, struct sim_reading, s->n);
    int rc = s->formula == NULL ? read_each(s, r) : read_together(s, r);
    size_t at = 0;

    if (rc < 0)
        return rc;
    if (s->formula != NULL)
        of_composite(s, r, &m[at++], &ev->metrics[0].verdict);
    for (size_t i = 0; i < s->n; i++) {
        if (s->formula != NULL && !s->triggers[i].is_resource)
            continue;
        of_trigger(s, i, &r[i], &m[at]);
        ev->metrics[at++].verdict = r[i].verdict;
    }
    sim__fallback_seen(s);
    return 0;
}

static void keep_conditions(struct sim *s, const struct hpa_output *out)
{
    s->hpa.able_to_scale = out->able_to_scale;
    if (out->scaling_active.reason != NULL)
        s->hpa.scaling_active = out->scaling_active;
    if (out->scaling_limited.reason != NULL)
        s->hpa.scaling_limited = out->scaling_limited;
}

/*
 * The order that KEDA gives an HPA its metrics in, which decides between equals and which error is
 * told: external ones before resources; with scalingModifiers the composite one comes last.
 * places[k]: where the k-th is in the event.
 */
static void order_metrics(const struct sim *s, size_t n_metrics, struct hpa_metric *m,
                          size_t *places)
{
    struct hpa_metric in_event[HPA_METRICS_MAX];
    bool composite = s->formula != NULL;
    size_t n = 0;

    memcpy(in_event, m, n_metrics * sizeof(*m));
    for (size_t i = 0; i < 2 * n_metrics; i++) {
        size_t at = i % n_metrics;
        bool is_resource = composite ? at > 0 : s->triggers[at].is_resource;

        if (is_resource == ((i < n_metrics) == composite))
            places[n++] = at;
    }
    for (size_t i = 0; i < n_metrics; i++) {
        m[i] = in_event[places[i]];
        m[i].number = places[i] + 1;
    }
}

int sim__sync(struct sim *s, struct sim_event *ev)
{
    struct hpa_metric *metrics = arena_array(s->arena, struct hpa_metric, HPA_METRICS_MAX);
    size_t places[HPA_METRICS_MAX];
    struct hpa_output *out = arena_new(s->arena, struct hpa_output);
    struct hpa_input in = {
        .now = s->now,
        .spec_replicas = s->replicas,
        .status_replicas = ev->status_replicas,
        .ready_replicas = ev->ready_replicas,
        .min = s->hpa.min,
        .max = s->hpa.max,
        .behavior = s->hpa.has_behavior ? &s->hpa.behavior : NULL,
        .metrics = metrics,
        .n_metrics = ev->n_metrics,
        .rules = &s->rules,
    };
    bool asks = hpa_wants_metrics(in.spec_replicas, in.min, in.max);

    if (asks) {
        int rc = read_metrics(s, metrics, ev);

        if (rc < 0)
            return rc;
    }
    order_metrics(s, ev->n_metrics, metrics, places);
    hpa_sync(&s->hpa.state, &in, s->arena, out);
    keep_conditions(s, out);
    for (size_t i = 0; i < ev->n_metrics; i++) {
        ev->metrics[places[i]].proposal = out->proposals[i];
        ev->metrics[places[i]].shown_milli = out->shown_milli[i];
    }
    ev->desired = out->failed ? -1 : out->desired;
    ev->proposal = out->proposal;
    ev->reason = out->reason;
    ev->note = out->note;
    if (out->failed && asks)
        ev->note = arena_printf(s->arena, STR_FMT ": " STR_FMT, STR_ARG(out->note),
                                STR_ARG(ev->metrics[places[out->deciding]].verdict.why));
    if (out->rescale)
        sim__scale(s, out->desired);
    return 0;
}
