/*
 * hpa_limits.c - stabilization windows and rates: what keeps an HPA from following its metrics.
 *
 * A recommendation or an event counts while its age is below the window; at the same age it has
 * expired (real controllers are a little late, so that is what they do).
 */
#include "hpa_priv.h"

#include "ferula/base/mem.h"

#include <math.h>

#define NO_SLOT SIZE_MAX

static dur_ms seconds(int32_t s)
{
    return (dur_ms)s * 1000;
}

static int32_t window_of(const struct scaling_rules *r, int32_t fallback)
{
    return r->window_s < 0 ? fallback : r->window_s;
}

void hpa__record(struct hpa_state *s, size_t old_slot, int32_t replicas, ts_ms now)
{
    struct hpa_recommendation rec = {replicas, now};

    if (old_slot != NO_SLOT) {
        s->recommendations[old_slot] = rec;
        return;
    }
    if (s->n_recommendations == s->cap_recommendations) {
        s->cap_recommendations = MAX(s->cap_recommendations * 2, (size_t)32);
        s->recommendations = xrealloc(s->recommendations, s->cap_recommendations, sizeof(rec));
    }
    s->recommendations[s->n_recommendations++] = rec;
}

static int32_t highest_recent(struct hpa_state *s, ts_ms now, int32_t desired, enum reason *held)
{
    size_t old_slot = NO_SLOT;
    int32_t highest = desired;

    for (size_t i = 0; i < s->n_recommendations; i++)
        if (now - s->recommendations[i].t >= seconds(DOWNSCALE_STABILIZATION_S))
            old_slot = i;
        else
            highest = MAX(highest, s->recommendations[i].replicas);
    hpa__record(s, old_slot, desired, now);
    *held = REASON_ScaleDownStabilized;
    return highest;
}

int32_t hpa__stabilize(struct hpa_state *s, const struct hpa_input *in, int32_t desired,
                       enum reason *held)
{
    size_t old_slot = NO_SLOT;
    int32_t up = desired, down = desired, r = in->spec_replicas;
    dur_ms up_ms, down_ms;

    if (in->behavior == NULL)
        return highest_recent(s, in->now, desired, held);
    up_ms = seconds(window_of(&in->behavior->up, 0));
    down_ms = seconds(window_of(&in->behavior->down, DOWNSCALE_STABILIZATION_S));
    for (size_t i = 0; i < s->n_recommendations; i++) {
        const struct hpa_recommendation *rec = &s->recommendations[i];
        dur_ms age = in->now - rec->t;

        if (age < up_ms)
            up = MIN(up, rec->replicas);
        if (age < down_ms)
            down = MAX(down, rec->replicas);
        if (age >= up_ms && age >= down_ms)
            old_slot = i;
    }
    r = MAX(r, up);
    r = MIN(r, down);
    hpa__record(s, old_slot, desired, in->now);
    *held = desired >= in->spec_replicas ? REASON_ScaleUpStabilized : REASON_ScaleDownStabilized;
    return r;
}

/* Replicas that came or went in the last `period_s`. */
static int64_t changes(const struct hpa_event *v, size_t n, ts_ms now, int32_t period_s)
{
    int64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        if (now - v[i].t < seconds(period_s))
            sum += v[i].change;
    return sum;
}

/* Where a policy lets a target go from where it was a period ago. */
static double policy_limit(const struct hpa_state *s, const struct hpa_input *in,
                           const struct scaling_policy *p, bool up)
{
    int64_t from = in->spec_replicas - changes(s->up, s->n_up, in->now, p->period_s) +
                   changes(s->down, s->n_down, in->now, p->period_s);

    if (p->type == POLICY_PODS)
        return (double)(up ? from + p->value : from - p->value);
    if (up)
        return ceil((double)from * (1 + (double)p->value / 100));
    return trunc((double)from * (1 - (double)p->value / 100));
}

/* The one of all policies that is selected: the largest change, or with Min the smallest. */
static int32_t rate_limit(const struct hpa_state *s, const struct hpa_input *in,
                          const struct scaling_rules *rules, bool up)
{
    bool highest = up == (rules->select != SELECT_MIN);
    double limit = highest ? INT32_MIN : INT32_MAX;

    if (rules->select == SELECT_DISABLED)
        return in->spec_replicas;
    for (size_t i = 0; i < rules->n_policies; i++) {
        double v = policy_limit(s, in, &rules->policies[i], up);

        limit = highest ? fmax(limit, v) : fmin(limit, v);
    }
    return hpa__clamp32(limit);
}

static int32_t limit_without_behavior(const struct hpa_input *in, int32_t desired, enum reason *why)
{
    int32_t rate =
        hpa__clamp32(fmax(SCALE_UP_FACTOR * (double)in->spec_replicas, (double)SCALE_UP_MINIMUM));
    int32_t highest = MIN(in->max, rate);

    if (desired < in->min) {
        *why = REASON_TooFewReplicas;
        return in->min;
    }
    if (desired > highest) {
        *why = in->max > rate ? REASON_ScaleUpLimit : REASON_TooManyReplicas;
        return highest;
    }
    return desired;
}

int32_t hpa__limit(const struct hpa_state *s, const struct hpa_input *in, int32_t desired,
                   enum reason *why)
{
    *why = REASON_DesiredWithinRange;
    if (in->behavior == NULL)
        return limit_without_behavior(in, desired, why);
    if (desired > in->spec_replicas) {
        int32_t rate = MAX(rate_limit(s, in, &in->behavior->up, true), in->spec_replicas);
        int32_t highest = MIN(in->max, rate);

        if (desired > highest) {
            *why = in->max > rate ? REASON_ScaleUpLimit : REASON_TooManyReplicas;
            return highest;
        }
    } else if (desired < in->spec_replicas) {
        int32_t rate = MIN(rate_limit(s, in, &in->behavior->down, false), in->spec_replicas);
        int32_t lowest = MAX(in->min, rate);

        if (desired < lowest) {
            *why = in->min < rate ? REASON_ScaleDownLimit : REASON_TooFewReplicas;
            return lowest;
        }
    }
    return desired;
}

static int32_t longest_period_s(const struct scaling_rules *r)
{
    int32_t longest = 0;

    for (size_t i = 0; i < r->n_policies; i++)
        longest = MAX(longest, r->policies[i].period_s);
    return longest;
}

void hpa__store_event(struct hpa_state *s, const struct hpa_input *in, int32_t before,
                      int32_t after)
{
    bool up = after > before;
    struct hpa_event **v = up ? &s->up : &s->down;
    size_t *n = up ? &s->n_up : &s->n_down, *cap = up ? &s->cap_up : &s->cap_down;
    size_t old_slot = NO_SLOT;
    dur_ms longest;

    if (in->behavior == NULL)
        return; /* nothing looks at them */
    longest = seconds(longest_period_s(up ? &in->behavior->up : &in->behavior->down));
    for (size_t i = 0; i < *n; i++) {
        if (in->now - (*v)[i].t >= longest)
            (*v)[i].outdated = true;
        if ((*v)[i].outdated)
            old_slot = i;
    }
    if (old_slot == NO_SLOT) {
        if (*n == *cap) {
            *cap = MAX(*cap * 2, (size_t)16);
            *v = xrealloc(*v, *cap, sizeof(**v));
        }
        old_slot = (*n)++;
    }
    (*v)[old_slot] =
        (struct hpa_event){.change = up ? after - before : before - after, .t = in->now};
}
