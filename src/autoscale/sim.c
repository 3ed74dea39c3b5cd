/*
 * sim.c - the event loop: polls and syncs in the order of their times.
 *
 * The HPA is made with the ScaledObject and syncs one period later for the first time: a new HPA is
 * queued with that delay. Taking a pause away makes a new one, which knows nothing of the old one.
 */
#include "sim_priv.h"

struct condition sim__condition(enum condition_status status, const char *reason, const char *text)
{
    return (struct condition){status, reason, str_of(text)};
}

void sim__warn(struct sim *s, const char *text)
{
    struct sim_trace *tr = s->trace;

    for (size_t i = 0; i < tr->n_warnings; i++)
        if (tr->warnings[i] == text)
            return;
    ARENA_GROW(s->arena, tr->warnings, tr->n_warnings, s->cap_warnings, const char *);
    tr->warnings[tr->n_warnings++] = text;
}

void sim__scale(struct sim *s, int32_t replicas)
{
    s->replicas = replicas;
    s->setup->world.scale(s->setup->world.ctx, s->now, replicas);
}

static size_t n_metrics(const struct sim *s)
{
    size_t n = s->n;

    if (s->formula == NULL)
        return n;
    n = 1;
    for (size_t i = 0; i < s->n; i++)
        n += s->triggers[i].is_resource;
    return n;
}

/* Targets of all metrics in the order of the event's. */
static void fill_metrics(struct sim *s, struct sim_event *ev)
{
    size_t at = 0;

    ev->n_metrics = n_metrics(s);
    ev->metrics = arena_array(s->arena, struct metric_view, ev->n_metrics);
    for (size_t i = 0; i < ev->n_metrics; i++) {
        ev->metrics[i].proposal = -1;
        ev->metrics[i].shown_milli = INT64_MIN;
    }
    if (s->formula != NULL)
        ev->metrics[at++].target_milli = s->composite_milli;
    for (size_t i = 0; i < s->n; i++)
        if (s->formula == NULL || s->triggers[i].is_resource)
            ev->metrics[at++].target_milli = s->triggers[i].target_milli;
}

static struct sim_event *event_begin(struct sim *s, enum actor actor)
{
    struct sim_trace *tr = s->trace;
    const struct world *w = &s->setup->world;
    struct sim_event *ev;

    ARENA_GROW(s->arena, tr->events, tr->n_events, s->cap_events, struct sim_event);
    ev = &tr->events[tr->n_events++];
    *ev = (struct sim_event){
        .t = s->now,
        .actor = actor,
        .before = s->replicas,
        .desired = -1,
        .proposal = -1,
        .status_replicas = w->status_replicas(w->ctx),
        .ready_replicas = w->ready_replicas(w->ctx),
    };
    fill_metrics(s, ev);
    return ev;
}

static void event_end(struct sim *s, struct sim_event *ev)
{
    ev->after = s->replicas;
    ev->fallback = s->fallback;
    ev->last_active = s->last_active;
    ev->ready = s->ready;
    ev->active_cond = s->active;
    ev->fallback_cond = s->fallback_cond;
    ev->paused = s->paused_cond;
    ev->hpa_active = s->hpa_active;
    ev->able_to_scale = s->hpa.able_to_scale;
    ev->scaling_active = s->hpa.scaling_active;
    ev->scaling_limited = s->hpa.scaling_limited;
    if (ev->actor == ACTOR_HPA)
        ev->active = s->active.status == COND_TRUE;
}

static int step(struct sim *s, enum actor actor)
{
    struct sim_event *ev = event_begin(s, actor);
    int rc = actor == ACTOR_KEDA ? sim__poll(s, ev) : sim__sync(s, ev);

    event_end(s, ev);
    return rc;
}

static void hpa_make(struct sim *s)
{
    s->hpa.exists = true;
    s->hpa.next = s->now + s->sync_period;
}

static void hpa_delete(struct sim *s)
{
    hpa_state_release(&s->hpa.state);
    s->hpa.exists = false;
    s->hpa.able_to_scale = s->hpa.scaling_active = s->hpa.scaling_limited = (struct condition){0};
}

/* The pause: no loop, no HPA, and the annotation's number of replicas. */
static void pause(struct sim *s)
{
    struct sim_event *ev = event_begin(s, ACTOR_KEDA);
    struct str text = {0};
    int64_t wanted;

    hpa_delete(s);
    for (size_t i = 0; i < s->n; i++)
        s->triggers[i].has_record = false;
    ev->reason = REASON_Paused;
    ev->note = STR("paused by annotation");
    for (size_t i = 0; i < s->object->annotations.n; i++)
        if (str_is(s->object->annotations.v[i].key.s, "autoscaling.keda.sh/paused-replicas"))
            text = str_trim(s->object->annotations.v[i].value.s);
    if (str_to_i64(text, &wanted) && wanted >= 0 && wanted <= INT32_MAX) {
        if (wanted != s->replicas)
            sim__scale(s, (int32_t)wanted);
        ev->reason = REASON_PausedReplicas;
        ev->note = arena_printf(s->arena, "paused at %d by annotation", s->replicas);
    }
    event_end(s, ev);
}

/* What a reconcile makes of the object as it is now. */
static void reconcile(struct sim *s)
{
    bool was_paused = s->paused_cond.status == COND_TRUE;

    if (s->paused || s->pause_in || s->pause_out)
        s->paused_cond = sim__condition(COND_TRUE, "ScaledObjectPaused", "ScaledObject is paused");
    else if (was_paused)
        s->paused_cond = sim__condition(COND_FALSE, "ScaledObjectUnpaused",
                                        "pause annotation removed for ScaledObject");
    s->scalers_dropped = true; /* it builds them for the object as it is now */
    sim__scalers(s, true);
    s->ready = sim__condition(COND_TRUE, "ScaledObjectReady",
                              "ScaledObject is defined correctly and is ready for scaling");
    if (!sim__has_fallback(s))
        s->fallback_cond = sim__condition(COND_FALSE, "NoFallbackFound",
                                          "No fallbacks are active on this scaled object");
    if (s->paused) {
        pause(s);
        return;
    }
    if (!s->hpa.exists)
        hpa_make(s);
    s->next_poll = s->now;
}

static ts_ms next_time(const struct sim *s, size_t at_change)
{
    ts_ms t = INT64_MAX;

    if (at_change < s->setup->n_changes)
        t = s->setup->changes[at_change].t;
    if (!s->paused)
        t = MIN(t, MIN(s->next_poll, s->hpa.next));
    return t;
}

static int run(struct sim *s, struct fault *f)
{
    const struct world *w = &s->setup->world;
    size_t change = 0;
    int rc = 0;

    while (rc == 0 && (s->now = next_time(s, change)) <= s->setup->end) {
        rc = w->advance(w->ctx, s->now);
        if (rc < 0)
            break;
        if (change < s->setup->n_changes && s->setup->changes[change].t <= s->now) {
            rc = sim__adopt(s, s->setup->changes[change++].object, f);
            if (rc == 0)
                reconcile(s);
        } else if (s->next_poll <= s->now) {
            s->next_poll = s->now + s->poll_period;
            rc = step(s, ACTOR_KEDA);
        } else {
            s->hpa.next = s->now + s->sync_period;
            rc = step(s, ACTOR_HPA);
        }
    }
    return rc;
}

int sim_run(struct arena *a, const struct sim_setup *setup, struct sim_trace *out, struct fault *f)
{
    struct sim s = {
        .setup = setup,
        .rules = autoscale_rules_of(&setup->versions),
        .arena = a,
        .trace = out,
        .now = setup->start,
        .created = setup->start,
        .sync_period = setup->sync_period > 0 ? setup->sync_period : SYNC_PERIOD,
        .replicas = setup->replicas,
        .last_active = NEVER,
        .paused_cond = {COND_FALSE, "", {0}},
    };
    int rc;

    *out = (struct sim_trace){.setup = setup};
    rc = sim__adopt(&s, setup->object, f);
    if (rc < 0)
        return rc;
    rc = setup->world.advance(setup->world.ctx, s.now);
    if (rc == 0) {
        reconcile(&s);
        rc = run(&s, f);
    }
    hpa_state_release(&s.hpa.state);
    return rc;
}

int32_t sim_replicas_at(const struct sim_trace *tr, ts_ms t)
{
    int32_t replicas = tr->setup->replicas;

    for (size_t i = 0; i < tr->n_events && tr->events[i].t <= t; i++)
        replicas = tr->events[i].after;
    return replicas;
}
