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

struct hpa_proposal hpa__propose(const struct hpa_metric *m, const struct hpa_input *in)
{
    struct hpa_tolerance t = hpa__tolerance(in);
    double usage = (double)m->usage_milli, target = (double)m->target_milli;
    struct hpa_proposal p = {.shown_milli = m->usage_milli};

    if (m->type == METRIC_AVERAGE_VALUE) {
        p.ratio = usage / (target * (double)in->status_replicas);
        p.within = within(&t, p.ratio);
        p.replicas = p.within ? in->status_replicas : hpa__clamp32(ceil(usage / target));
        if (usage < OVERFLOW) /* else the sum is taken to have overflown */
            p.shown_milli = ceil64(usage / (double)in->status_replicas);
        return p;
    }
    p.ratio = usage / target;
    p.within = within(&t, p.ratio);
    p.no_pods = m->type == METRIC_VALUE && !p.within && in->status_replicas == 0;
    p.replicas =
        p.within ? in->spec_replicas : hpa__clamp32(ceil(p.ratio * (double)in->ready_replicas));
    return p;
}

/* The highest proposal; false: the metrics that fail forbid any change. */
static bool combine(const struct hpa_input *in, struct hpa_output *out, bool *is_within)
{
    size_t failed = 0, first_failed = 0;
    int32_t best = 0;

    for (size_t i = 0; i < in->n_metrics; i++) {
        struct hpa_proposal p = hpa__propose(&in->metrics[i], in);

        out->proposals[i] = -1;
        out->shown_milli[i] = INT64_MIN;
        if (in->metrics[i].failed || p.no_pods) {
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

static struct str error_of(const struct hpa_metric *m)
{
    if (m == NULL)
        return STR("no metrics");
    if (m->failed)
        return m->error;
    return STR("unable to calculate ready pods: no pods returned by selector while calculating "
               "replica count");
}

static void metrics_failed(const struct hpa_input *in, struct arena *a, struct hpa_output *out)
{
    const struct hpa_metric *m = in->n_metrics == 0 ? NULL : &in->metrics[out->deciding];
    bool resource = m != NULL && m->type == METRIC_UTILIZATION;

    out->failed = true;
    out->reason = REASON_FailedGetExternalMetric;
    out->scaling_active = (struct condition){
        COND_FALSE, resource ? "FailedGetResourceMetric" : "FailedGetExternalMetric",
        arena_printf(a, "the HPA was unable to compute the replica count: " STR_FMT,
                     STR_ARG(error_of(m)))};
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
