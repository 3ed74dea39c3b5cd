/*
 * keda.c - one poll of the operator: activity of the triggers, and what KEDA itself does about the
 * replicas (checkScalers in scale_handler.go, RequestScale in scale_scaledobjects.go).
 */
#include "sim_priv.h"

#define COOLDOWN_S 300
#define HPA_GRACE  ((dur_ms)60000)

/* What all triggers together are. */
struct activity {
    bool active, error, fallback;
    struct str why; /* first error */
};

/* A trigger at a poll: asked, and from KEDA 2.19 on with its fallback. */
static int read_trigger(struct sim *s, size_t i, struct sim_reading *r)
{
    struct sim_trigger *t = &s->triggers[i];
    int rc = sim__ask(s, i, &r->verdict);

    if (rc < 0)
        return rc;
    if (s->rules.polls_count_failures)
        sim__fallback(s, i, false, r);
    if (t->t->use_cached_metrics) {
        t->record = r->verdict;
        t->record_nameless = s->formula != NULL && r->fallback;
        t->has_record = true;
    }
    return 0;
}

static void composite_activity(struct sim *s, const struct sim_reading *r, struct activity *act,
                               struct sim_event *ev)
{
    struct verdict v;

    sim__composite(s, r, false, &v);
    ev->metrics[0].verdict = v;
    act->active =
        !act->error && !v.failed && autoscale__of_milli(v.milli) > s->composite_activation;
    if (v.failed && act->why.n == 0)
        act->why = v.why;
}

static int read_triggers(struct sim *s, struct sim_event *ev, struct activity *act)
{
    struct sim_reading *r = arena_array(s->arena, struct sim_reading, s->n);
    size_t n_resource = 0;

    sim__scalers(s, false);
    for (size_t i = 0; i < s->n; i++) {
        int rc;

        if (s->triggers[i].is_resource) {
            n_resource++;
            continue;
        }
        rc = read_trigger(s, i, &r[i]);
        if (rc < 0)
            return rc;
        if (r[i].verdict.failed && !act->error)
            act->why = r[i].verdict.why;
        act->error = act->error || r[i].verdict.failed;
        act->fallback = act->fallback || r[i].fallback;
        act->active = act->active || r[i].verdict.active;
        if (s->formula == NULL)
            ev->metrics[i].verdict = r[i].verdict;
    }
    if (!s->scalers_copy) /* they have the loop's object, which the loop has read */
        sim__refresh(s);
    s->scalers_dropped = act->error;
    if (s->formula != NULL)
        composite_activity(s, r, act, ev);
    /* Alone they cannot wake a target up, so they never let it sleep. */
    if (n_resource == s->n && !act->error)
        act->active = true;
    sim__fallback_seen(s);
    return 0;
}

/* A status that is the same as before is not told by KEDA before 2.20: texts stay as they are. */
static void tell_ready(struct sim *s, enum condition_status status, const char *reason,
                       const char *text)
{
    if (s->rules.conditions_anew || s->status.ready.status != status)
        s->status.ready = sim__condition(status, reason, text);
}

static void tell_active(struct sim *s, const struct activity *act)
{
    bool active = act->active || s->force, was = s->status.active.status == COND_TRUE;
    bool forced = s->force && (s->rules.conditions_anew || !act->active);

    if (!s->rules.conditions_anew && s->status.active.status != COND_UNKNOWN && was == active)
        return;
    if (!active)
        s->status.active =
            sim__condition(COND_FALSE, "ScalerNotActive",
                           "Scaling is not performed because triggers are not active");
    else
        s->status.active =
            sim__condition(COND_TRUE, "ScalerActive",
                           forced ? "Scaling is performed because activation is being forced "
                                    "by annotation"
                                  : "Scaling is performed because triggers are active");
}

static struct str seconds_text(struct sim *s, dur_ms d)
{
    return arena_printf(s->arena, STR_FMT " s", STR_ARG(autoscale__decimal(s->arena, d)));
}

static void wake_up(struct sim *s, const struct activity *act, struct sim_event *ev)
{
    int32_t before = s->replicas, to = sim__hpa_min(s);

    if (s->pause_out) {
        ev->reason = REASON_Paused;
        ev->note = STR("paused-scale-out: a trigger is active, but it stays");
        return;
    }
    sim__scale(s, to);
    s->last_active = s->now;
    ev->reason = s->force ? REASON_ForceActivated
                          : (act->fallback ? REASON_FallbackActivated : REASON_Activated);
    ev->note = arena_printf(s->arena, "%s: from %d to %d", reason_text(ev->reason), before, to);
}

static void when_active(struct sim *s, const struct activity *act, struct sim_event *ev)
{
    if ((s->object->idle_replicas.given && s->replicas < sim__min(s)) || s->replicas == 0) {
        wake_up(s, act, ev);
    } else if (act->error) {
        tell_ready(s, COND_UNKNOWN, "PartialTriggerError",
                   "Some triggers defined in ScaledObject are not working correctly");
        ev->reason = REASON_PartialTriggerError;
        ev->note = arena_printf(s->arena, "a trigger is active, another one fails: " STR_FMT,
                                STR_ARG(act->why));
    } else {
        s->last_active = s->now;
        ev->reason = act->fallback ? REASON_FallbackInForce : REASON_ScalerActive;
        ev->note = str_of(reason_text(ev->reason));
    }
}

/* KEDA keeps times in whole seconds. */
static ts_ms whole_s(ts_ms t)
{
    return t - t % 1000;
}

static void fall_asleep(struct sim *s, struct sim_event *ev)
{
    const struct scaled_object *o = s->object;
    bool never = s->last_active == NEVER;
    int64_t wait_s = never ? (o->initial_cooldown_s.given ? o->initial_cooldown_s.v : 0)
                           : (o->cooldown_s.given ? o->cooldown_s.v : COOLDOWN_S);
    ts_ms since = whole_s(never ? s->created : s->last_active);
    int32_t before = s->replicas;
    int32_t to = o->idle_replicas.given ? (int32_t)o->idle_replicas.v : sim__min(s);

    if (s->pause_in) {
        ev->reason = REASON_Paused;
        ev->note = STR("paused-scale-in: no trigger is active, but it stays");
        return;
    }
    /* Real polls are a little late: at exactly the end of the period it is over. */
    if (s->now < since + wait_s * 1000) {
        s->status.active = sim__condition(COND_FALSE, "ScalerCooldown",
                                          "Scaler cooling down because triggers are not active");
        ev->reason = REASON_ScalerCooldown;
        ev->note = arena_printf(s->arena, "%s, " STR_FMT " of %lld s are over",
                                never ? "never active" : "not active",
                                STR_ARG(seconds_text(s, s->now - since)), (long long)wait_s);
        return;
    }
    sim__scale(s, to);
    s->status.active = sim__condition(COND_FALSE, "ScalerNotActive",
                                      "Scaling is not performed because triggers are not active");
    ev->reason = o->idle_replicas.given
                     ? REASON_Idled
                     : (never ? REASON_DeactivatedInitially : REASON_Deactivated);
    ev->note = never ? arena_printf(s->arena, "never active: from %d to %d", before, to)
                     : arena_printf(s->arena, "not active for " STR_FMT " of %lld s: from %d to %d",
                                    STR_ARG(seconds_text(s, s->now - since)), (long long)wait_s,
                                    before, to);
}

static void when_error(struct sim *s, const struct activity *act, struct sim_event *ev)
{
    int64_t failures = 0;

    ev->reason = REASON_TriggerError;
    if (!s->object->fallback.given) {
        tell_ready(s, COND_FALSE, "TriggerError",
                   "Triggers defined in ScaledObject are not working correctly");
        ev->note = act->why;
        return;
    }
    for (size_t i = 0; i < s->n; i++)
        failures = MAX(failures, s->triggers[i].health.failures);
    ev->note = arena_printf(
        s->arena, "failure %lld, the fallback is in force after more than %lld: " STR_FMT,
        (long long)failures, (long long)s->object->fallback.failure_threshold, STR_ARG(act->why));
}

static void when_inactive(struct sim *s, const struct activity *act, struct sim_event *ev)
{
    const struct scaled_object *o = s->object;
    bool has_idle = o->idle_replicas.given;
    int32_t before = s->replicas, min = sim__min(s);

    if (act->error && (!o->fallback.given || o->fallback.replicas != 0)) {
        when_error(s, act, ev);
    } else if ((has_idle && s->replicas > o->idle_replicas.v) || (s->replicas > 0 && min == 0)) {
        fall_asleep(s, ev);
    } else if (!has_idle && s->replicas < min) {
        sim__scale(s, min);
        ev->reason = REASON_RaisedToMin;
        ev->note =
            arena_printf(s->arena, "%d are fewer than minReplicaCount: raised to %d", before, min);
    } else {
        ev->reason = REASON_ScalerNotActive;
        ev->note = STR("no trigger is active");
    }
}

/* 2.20.0 and 2.20.1 leave a new HPA alone for a minute. */
static void unready_by_hpa(struct sim *s)
{
    const struct condition *c = &s->hpa.scaling_active;
    struct condition *ready = &s->status.ready;

    if (!s->rules.hpa_makes_unready || !s->hpa.exists || c->reason == NULL ||
        c->status == COND_TRUE || str_is(str_of(c->reason), "ScalingDisabled") ||
        s->now < whole_s(s->hpa.made) + HPA_GRACE)
        return;
    if (ready->status == COND_TRUE)
        *ready = (struct condition){
            COND_FALSE, "HPAMetricsUnavailable",
            arena_printf(s->arena,
                         "ScaledObject is configured correctly but HPA is not healthy: %s",
                         c->reason)};
    else
        *ready = (struct condition){
            COND_FALSE, "ScalingDegraded",
            arena_printf(s->arena,
                         "Not ready because HPA is not healthy: %s and SO is not healthy: "
                         "%s - " STR_FMT,
                         c->reason, ready->reason, STR_ARG(ready->message))};
}

/* HPAActive: the HPA's own ScalingActive, seen at the poll. */
static void mirror_hpa(struct sim *s)
{
    const struct condition *c = &s->hpa.scaling_active;

    if (!s->rules.hpa_condition || !s->hpa.exists || c->reason == NULL)
        return;
    if (c->status == COND_TRUE)
        s->status.hpa_active = sim__condition(COND_TRUE, "HPAActive", "HPA is actively scaling");
    else if (str_is(str_of(c->reason), "ScalingDisabled"))
        s->status.hpa_active = (struct condition){COND_TRUE, c->reason, c->message};
    else
        s->status.hpa_active = (struct condition){
            COND_FALSE, c->reason,
            arena_printf(s->arena, "HPA is not actively scaling: " STR_FMT, STR_ARG(c->message))};
}

/* Up to KEDA 2.19 a loop that runs in a pause brings the annotation's number about. */
static bool hold_paused(struct sim *s, bool was_ready, struct sim_event *ev)
{
    int64_t n;

    if (s->rules.pauses_in_full || !sim__paused_replicas(s, &n))
        return false;
    ev->reason = REASON_PausedReplicas;
    if (n < 0) {
        s->turned_ready = !was_ready && s->status.ready.status == COND_TRUE;
        s->status.ready =
            sim__condition(COND_FALSE, "ScaledObjectReady",
                           "ScaledObject is defined correctly and is ready for scaling");
        ev->note = STR("paused-replicas is no number of replicas");
        return true;
    }
    if (n != s->replicas)
        sim__scale(s, (int32_t)n);
    s->held = true;
    ev->note = arena_printf(s->arena, "paused at %d by annotation", s->replicas);
    return true;
}

static void act_upon(struct sim *s, const struct activity *act, struct sim_event *ev)
{
    bool was_ready = s->status.ready.status == COND_TRUE;

    if (s->rules.conditions_anew || !act->error)
        tell_ready(s, COND_TRUE, "ScaledObjectReady",
                   "ScaledObject is defined correctly and is ready for scaling");
    if (hold_paused(s, was_ready, ev))
        return;
    tell_active(s, act);
    if (ev->active)
        when_active(s, act, ev);
    else
        when_inactive(s, act, ev);
    unready_by_hpa(s);
    mirror_hpa(s);
}

int sim__poll(struct sim *s, struct sim_event *ev)
{
    struct activity act = {0};
    int rc = read_triggers(s, ev, &act);

    if (rc < 0)
        return rc;
    ev->active = act.active || s->force;
    act_upon(s, &act, ev);
    if (!s->rules.conditions_anew && !s->scalers_copy) /* told in the loop's own object */
        sim__refresh(s);
    return 0;
}
