/*
 * hpa.c - one sync of the HPA controller (reconcileAutoscaler in horizontal.go), from the metrics'
 * values to the replica count and the conditions.
 */
#include "hpa_priv.h"

#include "ferula/base/mem.h"

#include <math.h>
#include <stdlib.h>

#define OVERFLOW  9223372036854775808.0 /* of an int64 */
#define TOLERANCE 0.1                   /* --horizontal-pod-autoscaler-tolerance */

static const char *const messages[N_REASONS] = {
    [REASON_ReadyForNewScale] = "recommended size matches current size",
    [REASON_ScaleDownStabilized] = "recent recommendations were higher than current one, applying "
                                   "the highest recent recommendation",
    [REASON_ScaleUpStabilized] = "recent recommendations were lower than current one, applying the "
                                 "lowest recent recommendation",
    [REASON_DesiredWithinRange] = "the desired count is within the acceptable range",
    [REASON_TooManyReplicas] = "the desired replica count is more than the maximum replica count",
    [REASON_TooFewReplicas] = "the desired replica count is less than the minimum replica count",
    [REASON_ScaleUpLimit] =
        "the desired replica count is increasing faster than the maximum scale rate",
    [REASON_ScaleDownLimit] =
        "the desired replica count is decreasing faster than the maximum scale rate",
    [REASON_ScalingDisabled] = "scaling is disabled since the replica count of the target is zero",
};

static struct condition condition_of(enum condition_status status, enum reason r)
{
    CHECK(messages[r] != NULL);
    return (struct condition){status, reason_name(r), str_of(messages[r])};
}

void hpa_state_release(struct hpa_state *s)
{
    if (s == NULL)
        return;
    free(s->recommendations);
    free(s->up);
    free(s->down);
    *s = (struct hpa_state){0};
}

int32_t hpa__clamp32(double v)
{
    if (v >= INT32_MAX)
        return INT32_MAX;
    return v <= INT32_MIN ? INT32_MIN : (int32_t)v;
}

struct hpa_tolerance hpa__tolerance(const struct hpa_input *in)
{
    struct hpa_tolerance t = {TOLERANCE, TOLERANCE, in->rules->tolerance_is_an_interval};

    if (in->behavior != NULL && in->rules->tolerance_by_behavior) {
        t.down = in->behavior->down.tolerance >= 0 ? in->behavior->down.tolerance : t.down;
        t.up = in->behavior->up.tolerance >= 0 ? in->behavior->up.tolerance : t.up;
    }
    return t;
}

static bool within(const struct hpa_tolerance *t, double ratio)
{
    if (t->interval)
        return 1.0 - t->down <= ratio && ratio <= 1.0 + t->up;
    return fabs(1.0 - ratio) <= t->up;
}

/* int64(math.Ceil(v)) as amd64 does it: what does not fit is the smallest number. */
static int64_t ceil64(double v)
{
    v = ceil(v);
    return v >= -OVERFLOW && v < OVERFLOW ? (int64_t)v : INT64_MIN;
}

/* GetExternalPerPodMetricReplicas */
static struct hpa_proposal propose_average(const struct hpa_metric *m, const struct hpa_input *in)
{
    struct hpa_tolerance t = hpa__tolerance(in);
    double usage = (double)m->usage_milli, target = (double)m->target_milli;
    struct hpa_proposal p = {.shown_milli = m->usage_milli, .pods = in->status_replicas};

    p.ratio = usage / (target * (double)in->status_replicas);
    p.within = within(&t, p.ratio);
    p.replicas = p.within ? in->status_replicas : hpa__clamp32(ceil(usage / target));
    if (usage < OVERFLOW) /* else the sum is taken to have overflown */
        p.shown_milli = ceil64(usage / (double)in->status_replicas);
    return p;
}

/* GetExternalMetricReplicas */
static struct hpa_proposal propose_value(const struct hpa_metric *m, const struct hpa_input *in)
{
    struct hpa_tolerance t = hpa__tolerance(in);
    struct hpa_proposal p = {.shown_milli = m->usage_milli, .pods = in->ready_replicas};

    p.ratio = (double)m->usage_milli / (double)m->target_milli;
    p.within = within(&t, p.ratio);
    if (!p.within && in->status_replicas == 0)
        p.error = "unable to calculate ready pods: no pods returned by selector while calculating "
                  "replica count";
    p.replicas = p.within ? in->spec_replicas : hpa__clamp32(ceil(p.ratio * (double)p.pods));
    return p;
}

/* A pod's usage on average, when `known` of `all` pods have any: whole percent or thousandths. */
static int64_t average_of_pods(const struct hpa_metric *m, int32_t known, int32_t all)
{
    int64_t v = (int64_t)((__int128)m->usage_milli * known / all);

    return m->type == METRIC_UTILIZATION ? v - v % 1000 : v;
}

/* Pods that are not ready do not count, but when the others ask for more they use nothing. */
static void count_unready(const struct hpa_metric *m, const struct hpa_input *in,
                          struct hpa_proposal *p)
{
    struct hpa_tolerance t = hpa__tolerance(in);
    int32_t known = p->pods;

    p->unready = in->status_replicas - known;
    p->pods = in->status_replicas;
    p->ratio = (double)average_of_pods(m, known, p->pods) / (double)m->target_milli;
    p->within = within(&t, p->ratio);
    p->replicas = hpa__clamp32(ceil(p->ratio * (double)p->pods));
    p->turned = !p->within && (p->ratio < 1 || p->replicas < in->spec_replicas);
    if (p->within || p->turned)
        p->replicas = in->spec_replicas;
}

/* GetResourceReplicas and GetRawResourceReplicas; all pods have been measured. */
static struct hpa_proposal propose_resource(const struct hpa_metric *m, const struct hpa_input *in)
{
    struct hpa_tolerance t = hpa__tolerance(in);
    struct hpa_proposal p = {
        .pods = m->source == HPA_CPU ? in->ready_replicas : in->status_replicas,
    };

    if (in->status_replicas == 0)
        p.error = "no pods returned by selector while calculating replica count";
    else if (p.pods == 0)
        p.error = "did not receive metrics for targeted pods (pods might be unready)";
    if (p.error != NULL)
        return p;
    p.shown_milli = average_of_pods(m, 1, 1);
    p.ratio = (double)p.shown_milli / (double)m->target_milli;
    if (p.ratio > 1 && p.pods < in->status_replicas) {
        count_unready(m, in, &p);
        return p;
    }
    p.within = within(&t, p.ratio);
    p.replicas = p.within ? in->spec_replicas : hpa__clamp32(ceil(p.ratio * (double)p.pods));
    return p;
}

struct hpa_proposal hpa__propose(const struct hpa_metric *m, const struct hpa_input *in)
{
    if (m->source != HPA_EXTERNAL)
        return propose_resource(m, in);
    return m->type == METRIC_AVERAGE_VALUE ? propose_average(m, in) : propose_value(m, in);
}

/* The highest proposal; false: the metrics that fail forbid any change. */
static bool combine(const struct hpa_input *in, struct hpa_output *out, bool *is_within)
{
    size_t failed = 0, first_failed = 0;
    int32_t best = 0;

    for (size_t i = 0; i < in->n_metrics; i++) {
        struct hpa_proposal p = {0};

        if (!in->metrics[i].failed)
            p = hpa__propose(&in->metrics[i], in);
        if (in->metrics[i].failed || p.error != NULL) {
            first_failed = failed++ == 0 ? i : first_failed;
            continue;
        }
        out->proposals[i] = p.replicas;
        out->shown_milli[i] = p.shown_milli;
        if (best == 0 || p.replicas > best) {
            best = p.replicas;
            out->deciding = i;
            *is_within = p.within;
        }
    }
    if (failed >= in->n_metrics || (failed > 0 && best < in->spec_replicas)) {
        out->deciding = first_failed;
        return false;
    }
    out->proposal = MAX(best, 0);
    return true;
}

/* "failed to get cpu utilization: ..." for pods' own metrics; `why` alone for external ones. */
static struct str error_of(const struct hpa_metric *m, const struct hpa_input *in, struct arena *a)
{
    const char *name = m->source == HPA_CPU ? "cpu" : "memory";
    const char *of = m->type == METRIC_UTILIZATION ? "utilization" : "usage";

    if (m->source == HPA_EXTERNAL)
        return m->failed ? m->error : str_of(hpa__propose(m, in).error);
    if (m->failed)
        return arena_printf(a,
                            "failed to get %s %s: unable to get metrics for resource %s: " STR_FMT,
                            name, of, name, STR_ARG(m->error));
    return arena_printf(a, "failed to get %s %s: %s", name, of, hpa__propose(m, in).error);
}

static void metrics_failed(const struct hpa_input *in, struct arena *a, struct hpa_output *out)
{
    const struct hpa_metric *m = in->n_metrics == 0 ? NULL : &in->metrics[out->deciding];
    bool resource = m != NULL && m->source != HPA_EXTERNAL;

    out->failed = true;
    out->reason = REASON_FailedGetExternalMetric;
    out->scaling_active = (struct condition){
        COND_FALSE, resource ? "FailedGetResourceMetric" : "FailedGetExternalMetric",
        arena_printf(a, "the HPA was unable to compute the replica count: " STR_FMT,
                     STR_ARG(m == NULL ? STR("no metrics") : error_of(m, in, a)))};
}

static void follow_metrics(struct hpa_state *s, const struct hpa_input *in, struct arena *a,
                           struct hpa_output *out)
{
    enum reason held, limited;
    bool is_within = false;

    if (!combine(in, out, &is_within)) {
        metrics_failed(in, a, out);
        return;
    }
    out->scaling_active = (struct condition){
        COND_TRUE, "ValidMetricFound",
        arena_printf(a, "the HPA was able to successfully calculate a replica count from " STR_FMT,
                     STR_ARG(in->metrics[out->deciding].name))};
    out->stabilized = hpa__stabilize(s, in, out->proposal, &held);
    if (out->stabilized == out->proposal)
        held = REASON_ReadyForNewScale;
    out->able_to_scale = condition_of(COND_TRUE, held);
    out->desired = hpa__limit(s, in, out->stabilized, &limited);
    out->limit = out->desired;
    out->scaling_limited =
        condition_of(out->desired == out->stabilized ? COND_FALSE : COND_TRUE, limited);
    if (limited != REASON_DesiredWithinRange)
        out->reason = limited;
    else if (held != REASON_ReadyForNewScale)
        out->reason = held;
    else if (is_within)
        out->reason = REASON_WithinTolerance;
    else
        out->reason =
            out->desired == in->spec_replicas ? REASON_ReadyForNewScale : REASON_DesiredWithinRange;
}

bool hpa_wants_metrics(int32_t replicas, int32_t min, int32_t max)
{
    return !(replicas == 0 && min != 0) && replicas <= max && replicas >= min;
}

void hpa_sync(struct hpa_state *state, const struct hpa_input *in, struct arena *a,
              struct hpa_output *out)
{
    CHECK(in->n_metrics <= HPA_METRICS_MAX);
    *out = (struct hpa_output){
        .desired = in->spec_replicas,
        .proposal = -1,
        .able_to_scale = {COND_TRUE, "SucceededGetScale",
                          STR("the HPA controller was able to get the target's current scale")},
    };
    for (size_t i = 0; i < in->n_metrics; i++) {
        out->proposals[i] = -1;
        out->shown_milli[i] = INT64_MIN;
    }
    if (state->n_recommendations == 0)
        hpa__record(state, SIZE_MAX, in->spec_replicas, in->now);
    if (hpa_wants_metrics(in->spec_replicas, in->min, in->max)) {
        follow_metrics(state, in, a, out);
    } else if (in->spec_replicas == 0) {
        out->reason = REASON_ScalingDisabled;
        out->scaling_active = condition_of(COND_FALSE, REASON_ScalingDisabled);
    } else if (in->spec_replicas > in->max) {
        out->reason = REASON_AboveMaxReplicas;
        out->desired = in->max;
    } else {
        out->reason = REASON_BelowMinReplicas;
        out->desired = in->min;
    }
    out->rescale = out->desired != in->spec_replicas;
    if (out->rescale) {
        out->able_to_scale = (struct condition){
            COND_TRUE, "SucceededRescale",
            arena_printf(a, "the HPA controller was able to update the target scale to %d",
                         out->desired)};
        hpa__store_event(state, in, in->spec_replicas, out->desired);
    }
    out->note = hpa__note(in, out, a);
}
