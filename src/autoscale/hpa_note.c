/*
 * hpa_note.c - what one sync did, as a sentence with the numbers.
 */
#include "hpa_priv.h"

#include <stdio.h>

#define NOTE_MAX 512

/* A note in the making; what does not fit is cut. */
struct line {
    char p[NOTE_MAX];
    size_t n;
};

__attribute__((format(printf, 2, 3))) static void say(struct line *l, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(l->p + l->n, sizeof(l->p) - l->n, fmt, ap);
    va_end(ap);
    if (n > 0)
        l->n = MIN(l->n + (size_t)n, sizeof(l->p) - 1);
}

/* Why it stays, and of how many pods that is the ratio. */
static void say_stays(struct line *l, const struct hpa_proposal *p)
{
    say(l, p->turned ? " would turn the direction: stays at %d" : " is within the tolerance: %d",
        p->replicas);
}

/* Per pod of `p->pods`: a Value that the ready ones share, or cpu and memory. */
static void say_ratio(struct line *l, const struct hpa_metric *m, const struct hpa_proposal *p,
                      struct str usage, struct str target)
{
    bool stays = p->within || p->turned;
    const char *of = m->source == HPA_MEMORY ? "pods" : "ready";

    if (p->unready > 0)
        say(l,
            STR_FMT " / " STR_FMT " with %d of %d not ready, which use nothing: ", STR_ARG(usage),
            STR_ARG(target), p->unready, p->pods);
    if (p->unready > 0 && stays)
        say(l, "%.4g", p->ratio);
    else if (p->unready > 0)
        say(l, "ceil(%.4g x %d) = %d", p->ratio, p->pods, p->replicas);
    else if (stays)
        say(l, STR_FMT " / " STR_FMT " = %.4g", STR_ARG(usage), STR_ARG(target), p->ratio);
    else
        say(l, "ceil(" STR_FMT " / " STR_FMT " x %d %s) = %d", STR_ARG(usage), STR_ARG(target),
            p->pods, of, p->replicas);
    if (stays)
        say_stays(l, p);
}

static void say_proposal(struct line *l, const struct hpa_input *in, const struct hpa_output *out,
                         struct arena *a)
{
    const struct hpa_metric *m = &in->metrics[out->deciding];
    struct hpa_proposal p = hpa__propose(m, in);
    struct str usage = autoscale__decimal(
        a, m->source == HPA_EXTERNAL ? m->usage_milli : out->shown_milli[out->deciding]);
    struct str target = autoscale__decimal(a, m->target_milli);

    if (m->source != HPA_EXTERNAL || m->type != METRIC_AVERAGE_VALUE)
        say_ratio(l, m, &p, usage, target);
    else if (p.within)
        say(l, STR_FMT " / (" STR_FMT " x %d) = %.4g is within the tolerance: %d", STR_ARG(usage),
            STR_ARG(target), p.pods, p.ratio, p.replicas);
    else
        say(l, "ceil(" STR_FMT " / " STR_FMT ") = %d", STR_ARG(usage), STR_ARG(target), p.replicas);
    if (in->n_metrics > 1)
        say(l, " by metric %zu of %zu", m->number > 0 ? m->number : out->deciding + 1,
            in->n_metrics);
}

static void say_policies(struct line *l, const struct scaling_rules *r, const char *direction)
{
    if (r->select == SELECT_DISABLED) {
        say(l, ", and %s is disabled", direction);
        return;
    }
    say(l, " by the %s policies (", direction);
    for (size_t i = 0; i < r->n_policies; i++)
        say(l, "%s%d%s in %d s", i == 0 ? "" : (r->select == SELECT_MIN ? " and " : " or "),
            r->policies[i].value, r->policies[i].type == POLICY_PODS ? " pods" : " %",
            r->policies[i].period_s);
    say(l, ")");
}

static void say_stabilized(struct line *l, const struct hpa_input *in, const struct hpa_output *out)
{
    bool down = out->stabilized > out->proposal;
    int32_t window_s = down ? DOWNSCALE_STABILIZATION_S : 0;

    if (in->behavior != NULL) {
        const struct scaling_rules *r = down ? &in->behavior->down : &in->behavior->up;

        window_s = r->window_s < 0 ? window_s : r->window_s;
    }
    say(l, ", held at %d by the %s recommendation of the last %d s", out->stabilized,
        down ? "highest" : "lowest", window_s);
}

static void say_limit(struct line *l, const struct hpa_input *in, const struct hpa_output *out)
{
    switch (out->reason) {
    case REASON_ScaleUpLimit:
        if (in->behavior == NULL) {
            say(l, ", limited to max(%d x %d, %d) = %d a sync", SCALE_UP_FACTOR, in->spec_replicas,
                SCALE_UP_MINIMUM, out->limit);
            return;
        }
        say(l, ", limited to %d", out->limit);
        say_policies(l, &in->behavior->up, "scale-up");
        return;
    case REASON_ScaleDownLimit:
        say(l, ", limited to %d", out->limit);
        say_policies(l, &in->behavior->down, "scale-down");
        return;
    case REASON_TooManyReplicas:
        say(l, ", limited to the maximum %d", in->max);
        return;
    case REASON_TooFewReplicas:
        say(l, ", raised to the minimum %d", in->min);
        return;
    default:
        return;
    }
}

struct str hpa__note(const struct hpa_input *in, const struct hpa_output *out, struct arena *a)
{
    struct line l = {.n = 0};

    switch (out->reason) {
    case REASON_ScalingDisabled:
        return STR("at 0 replicas the HPA does nothing");
    case REASON_AboveMaxReplicas:
        return arena_printf(a, "%d are more than the maximum %d: cut at once", in->spec_replicas,
                            in->max);
    case REASON_BelowMinReplicas:
        return arena_printf(a, "%d are fewer than the minimum %d: raised at once",
                            in->spec_replicas, in->min);
    case REASON_FailedGetExternalMetric:
        return arena_printf(a, "a metric could not be had, so it stays at %d", in->spec_replicas);
    default:
        break;
    }
    say_proposal(&l, in, out, a);
    if (out->stabilized != out->proposal)
        say_stabilized(&l, in, out);
    say_limit(&l, in, out);
    return arena_str(a, (struct str){l.p, l.n});
}
