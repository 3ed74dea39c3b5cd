/*
 * sim_reconcile.c - what KEDA's controller makes of an object that is new or another one
 * (controllers/keda/scaledobject_controller.go and hpa.go).
 *
 * The HPA is made with the ScaledObject and syncs one period later for the first time: a new HPA is
 * queued with that delay. A change of the object changes it in place, and its next sync stays where
 * it was. A pause deletes it; the one after the pause knows nothing of the old one.
 */
#include "sim_priv.h"

static void hpa_make(struct sim *s)
{
    s->hpa.exists = true;
    s->hpa.made = s->now;
    s->hpa.next = s->now + s->sync_period;
}

static void hpa_delete(struct sim *s)
{
    hpa_state_release(&s->hpa.state);
    s->hpa.exists = false;
    s->hpa.next = LATER;
    s->hpa.able_to_scale = s->hpa.scaling_active = s->hpa.scaling_limited = (struct condition){0};
}

/* Why KEDA does not take an annotation's number of replicas; p == NULL: it does. */
static struct str read_paused_replicas(struct sim *s, struct str text, int64_t *wanted)
{
    const struct str what = STR("failed to scale target to paused replica count");
    struct str digits = str_cut(text, text.n > 0 && (text.p[0] == '-' || text.p[0] == '+'));
    bool out_of_range = digits.n > 0;

    if (!str_to_i64(text, wanted) || *wanted < INT32_MIN || *wanted > INT32_MAX) {
        for (size_t i = 0; i < digits.n; i++)
            out_of_range = out_of_range && digits.p[i] >= '0' && digits.p[i] <= '9';
        return arena_printf(s->arena,
                            STR_FMT ": failed to parse paused replica count: strconv.ParseInt: "
                                    "parsing \"" STR_FMT "\": %s",
                            STR_ARG(what), STR_ARG(text),
                            out_of_range ? "value out of range" : "invalid syntax");
    }
    if (*wanted < 0)
        return arena_printf(s->arena,
                            STR_FMT ": " STR_FMT ": Scale.autoscaling \"" STR_FMT
                                    "\" is invalid: spec.replicas: Invalid value: %lld: must be "
                                    "greater than or equal to 0",
                            STR_ARG(what), STR_ARG(what), STR_ARG(s->object->target_name.s),
                            (long long)*wanted);
    return (struct str){0};
}

static void paused_in_vain(struct sim *s, struct sim_event *ev, struct str why)
{
    s->status.ready = (struct condition){COND_FALSE, "ScaledObjectCheckFailed", why};
    s->status.active = sim__condition(COND_UNKNOWN, "UnknownState", "ScaledObject check failed");
    ev->note = arena_printf(s->arena, "paused by annotation, but: " STR_FMT, STR_ARG(why));
}

/*
 * KEDA sends the Paused condition first, and loses what it says next of the others, unless it
 * reconciles again: since it failed, or an HPA is gone.
 */
static bool loses_conditions(const struct sim *s, const struct scaled_object *was)
{
    struct str unused;

    return was == NULL && s->paused && s->rules.paused_before_done &&
           (!s->rules.pauses_in_full || !sim__annotation(s->object, "paused-replicas", &unused));
}

/* No loop, no HPA. */
static void stop(struct sim *s)
{
    s->status.paused = sim__condition(COND_TRUE, "ScaledObjectPaused", "ScaledObject is paused");
    s->next_poll = LATER;
    s->scalers_dropped = true;
    sim__forget_records(s);
    hpa_delete(s);
}

/* The pause: no loop, no HPA, and the annotation's number of replicas. */
static void pause(struct sim *s, bool lost, struct sim_event *ev)
{
    struct str text, why = {0};
    int64_t wanted;

    stop(s);
    if (!lost)
        s->status.ready = sim__condition(COND_TRUE, "ScaledObjectReady", "ScaledObject is paused");
    ev->reason = REASON_Paused;
    ev->note = STR("paused by annotation");
    if (!sim__annotation(s->object, "paused-replicas", &text))
        return;
    why = read_paused_replicas(s, text, &wanted);
    if (why.p != NULL) {
        paused_in_vain(s, ev, why);
        return;
    }
    if (wanted != s->replicas)
        sim__scale(s, (int32_t)wanted);
    ev->reason = REASON_PausedReplicas;
    ev->note = arena_printf(s->arena, "paused at %d by annotation", s->replicas);
}

static bool same_number(const struct number_at *a, const struct number_at *b)
{
    return a->given == b->given && (!a->given || a->v == b->v);
}

static bool same_pairs(const struct pairs *a, const struct pairs *b)
{
    bool same = a->n == b->n;

    for (size_t i = 0; same && i < a->n; i++) {
        const struct pair_at *other = NULL;

        for (size_t k = 0; k < b->n; k++)
            if (str_eq(a->v[i].key.s, b->v[k].key.s))
                other = &b->v[k];
        same = other != NULL && str_eq(a->v[i].value.s, other->value.s);
    }
    return same;
}

static bool same_trigger(const struct trigger *a, const struct trigger *b)
{
    return str_eq(a->type.s, b->type.s) && str_eq(a->name.s, b->name.s) &&
           str_eq(a->authentication.s, b->authentication.s) && a->metric_type == b->metric_type &&
           a->use_cached_metrics == b->use_cached_metrics && same_pairs(&a->metadata, &b->metadata);
}

static bool same_rules(const struct scaling_rules *a, const struct scaling_rules *b)
{
    bool same = a->window_s == b->window_s && a->select == b->select &&
                a->tolerance == b->tolerance && a->n_policies == b->n_policies;

    for (size_t i = 0; same && i < a->n_policies; i++)
        same = a->policies[i].type == b->policies[i].type &&
               a->policies[i].value == b->policies[i].value &&
               a->policies[i].period_s == b->policies[i].period_s;
    return same;
}

static bool same_advanced(const struct scaled_object *a, const struct scaled_object *b)
{
    const struct scaling_modifiers *m = &a->modifiers, *n = &b->modifiers;

    return a->behavior.given == b->behavior.given &&
           (!a->behavior.given || (same_rules(&a->behavior.up, &b->behavior.up) &&
                                   same_rules(&a->behavior.down, &b->behavior.down))) &&
           str_eq(a->hpa_name.s, b->hpa_name.s) && m->given == n->given &&
           (!m->given || (str_eq(m->formula.s, n->formula.s) && str_eq(m->target.s, n->target.s) &&
                          str_eq(m->activation_target.s, n->activation_target.s) &&
                          m->metric_type == n->metric_type));
}

static bool same_spec(const struct scaled_object *a, const struct scaled_object *b)
{
    const struct fallback *f = &a->fallback, *g = &b->fallback;
    bool same = same_number(&a->polling_interval_s, &b->polling_interval_s) &&
                same_number(&a->cooldown_s, &b->cooldown_s) &&
                same_number(&a->initial_cooldown_s, &b->initial_cooldown_s) &&
                same_number(&a->idle_replicas, &b->idle_replicas) &&
                same_number(&a->min_replicas, &b->min_replicas) &&
                same_number(&a->max_replicas, &b->max_replicas) && f->given == g->given &&
                (!f->given || (f->failure_threshold == g->failure_threshold &&
                               f->replicas == g->replicas && f->behavior == g->behavior)) &&
                str_eq(a->target_name.s, b->target_name.s) &&
                str_eq(a->target_kind.s, b->target_kind.s) && same_advanced(a, b) &&
                a->n_triggers == b->n_triggers;

    for (size_t i = 0; same && i < a->n_triggers; i++)
        same = same_trigger(&a->triggers[i], &b->triggers[i]);
    return same;
}

bool sim__same_spec(const struct scaled_object *a, const struct scaled_object *b)
{
    return a == b || same_spec(a, b);
}

/* Those that there are may be of another generation. */
static void build_scalers(struct sim *s)
{
    if (s->scalers_of != NULL && !sim__same_spec(s->scalers_of, s->object))
        s->scalers_dropped = true;
    sim__scalers(s, true);
}

/* The loop begins, or begins anew when the spec is another one: it polls at once. */
static void run_loop(struct sim *s, const struct scaled_object *was)
{
    bool renamed = was != NULL && !str_eq(was->hpa_name.s, s->object->hpa_name.s);
    bool restarts = s->hpa.exists && !sim__same_spec(s->looped, s->object);
    int64_t held;

    build_scalers(s);
    if (restarts) { /* the old loop clears all caches as it ends */
        s->scalers_dropped = true;
        sim__forget_records(s);
    }
    if (restarts || !s->hpa.exists) {
        s->next_poll = s->now;
        s->loop_period = s->poll_period;
        s->looped = s->object;
    }
    if (renamed && s->hpa.exists)
        hpa_delete(s);
    if (!s->hpa.exists)
        hpa_make(s);
    s->hpa.min = sim__hpa_min(s);
    s->hpa.max = sim__max(s);
    if (!s->rules.pauses_in_full && sim__paused_replicas(s, &held))
        s->hpa.min = s->hpa.max = (int32_t)MAX(held, 1);
}

static void tell_unpaused(struct sim *s)
{
    if (s->pause_in || s->pause_out)
        s->status.paused =
            sim__condition(COND_TRUE, "ScaledObjectPaused", "ScaledObject is paused");
    else if (s->status.paused.status == COND_TRUE)
        s->status.paused = sim__condition(COND_FALSE, "ScaledObjectUnpaused",
                                          "pause annotation removed for ScaledObject");
}

static void unpaused(struct sim *s)
{
    struct str unused;

    s->held = s->held && (sim__annotation(s->object, "paused", &unused) ||
                          sim__annotation(s->object, "paused-replicas", &unused));
    tell_unpaused(s);
    s->status.ready = sim__condition(COND_TRUE, "ScaledObjectReady",
                                     "ScaledObject is defined correctly and is ready for scaling");
}

/*
 * Up to KEDA 2.19 a pause is not looked at again once the Paused condition is True, be it of
 * another annotation, unless the target is not at the annotation's number: then the loop and an HPA
 * that has no other number are begun, and bring it there. Nothing ends them before the pause does.
 */
static void pause_by_parts(struct sim *s, const struct scaled_object *was, bool lost,
                           struct sim_event *ev)
{
    int64_t wanted;

    ev->reason = REASON_Paused;
    ev->note = s->hpa.exists && s->status.paused.status == COND_TRUE
                   ? STR("paused by annotation, but the loop goes on: it was paused before")
                   : STR("paused by annotation");
    if (s->status.paused.status != COND_TRUE)
        stop(s);
    if (lost)
        return;
    if (sim__paused_replicas(s, &wanted) && wanted >= 0 && wanted != s->replicas) {
        run_loop(s, was);
        ev->note = arena_printf(s->arena, "paused by annotation: the loop takes it to %lld",
                                (long long)wanted);
    }
    s->status.ready = sim__condition(COND_TRUE, "ScaledObjectReady",
                                     "ScaledObject is defined correctly and is ready for scaling");
}

/*
 * Up to KEDA 2.17 there is no pause before the target has, or once had, an annotation's number of
 * replicas: the loop and the HPA bring it there, while reconciling fails, and is tried again.
 */
static bool pauses_later(const struct sim *s)
{
    int64_t unused;

    return !s->rules.paused_before_done && !s->held && sim__paused_replicas(s, &unused);
}

static void pause_later(struct sim *s, const struct scaled_object *was)
{
    const char *why = "failed to ensure HPA is correctly created for ScaledObject";
    int64_t wanted = -1;

    tell_unpaused(s);
    s->failed = true;
    if (sim__paused_replicas(s, &wanted) && wanted >= 0) {
        run_loop(s, was);
        why = "ScaledObject paused replicas are being scaled";
    } else {
        build_scalers(s);
    }
    s->status.ready = sim__condition(COND_FALSE, "ScaledObjectCheckFailed", why);
    s->status.active = sim__condition(COND_UNKNOWN, "UnknownState", "ScaledObject check failed");
}

int sim__reconcile(struct sim *s, const struct scaled_object *was)
{
    struct sim_event unseen = {0}, *ev = NULL;
    bool lost = loses_conditions(s, was);

    s->failed = false;
    if (pauses_later(s)) {
        pause_later(s, was);
    } else if (s->paused) {
        if (was != s->object)
            ev = sim__event_begin(s, ACTOR_KEDA);
        if (s->rules.pauses_in_full)
            pause(s, lost, ev == NULL ? &unseen : ev);
        else
            pause_by_parts(s, was, lost, ev == NULL ? &unseen : ev);
    } else {
        run_loop(s, was);
        unpaused(s);
    }
    if (!sim__has_fallback(s) && !lost)
        s->status.fallback = sim__condition(COND_FALSE, "NoFallbackFound",
                                            "No fallbacks are active on this scaled object");
    return ev == NULL ? 0 : sim__event_end(s, ev);
}
