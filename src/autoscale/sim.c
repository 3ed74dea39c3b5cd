/*
 * sim.c - the event loop: polls and syncs in the order of their times.
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
    ARENA_GROW(s->life, tr->warnings, tr->n_warnings, s->cap_warnings, const char *);
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

struct sim_event *sim__event_begin(struct sim *s, enum actor actor)
{
    struct sim_trace *tr = s->trace;
    const struct world *w = &s->setup->world;
    struct sim_event *ev = &s->event;

    if (s->setup->sink == NULL) {
        ARENA_GROW(s->life, tr->events, tr->n_events, s->cap_events, struct sim_event);
        ev = &tr->events[tr->n_events++];
    }
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

/* All texts of an event's arena that the next events may show; other conditions' are constants. */
static void keep_texts(struct sim *s, struct arena *to)
{
    struct str *const texts[] = {
        &s->status.ready.message,        &s->copied.ready.message,
        &s->status.hpa_active.message,   &s->copied.hpa_active.message,
        &s->hpa.able_to_scale.message,   &s->hpa.scaling_active.message,
        &s->hpa.scaling_limited.message,
    };

    for (size_t i = 0; i < COUNT(texts); i++)
        *texts[i] = arena_str(to, *texts[i]);
    for (size_t i = 0; i < s->n; i++)
        if (s->triggers[i].has_record)
            s->triggers[i].record.why = arena_str(to, s->triggers[i].record.why);
}

/* Gives the event away; the next one is made in the other arena, and this one's is used again. */
static int give(struct sim *s, const struct sim_event *ev)
{
    struct arena *next = s->arena == &s->turns[0] ? &s->turns[1] : &s->turns[0];
    int rc = s->setup->sink(s->setup->sink_ctx, ev);
    size_t both = s->turns[0].used_bytes + s->turns[1].used_bytes;

    s->trace->event_bytes = MAX(s->trace->event_bytes, both);
    arena_reset(next);
    keep_texts(s, next);
    s->arena = next;
    return rc;
}

int sim__event_end(struct sim *s, struct sim_event *ev)
{
    ev->after = s->replicas;
    ev->fallback = s->fallback;
    ev->last_active = s->last_active;
    ev->ready = s->status.ready;
    ev->active_cond = s->status.active;
    ev->fallback_cond = s->status.fallback;
    ev->paused = s->status.paused;
    ev->hpa_active = s->status.hpa_active;
    ev->able_to_scale = s->hpa.able_to_scale;
    ev->scaling_active = s->hpa.scaling_active;
    ev->scaling_limited = s->hpa.scaling_limited;
    if (ev->actor == ACTOR_HPA)
        ev->active = s->status.active.status == COND_TRUE;
    return s->setup->sink == NULL ? 0 : give(s, ev);
}

static int step(struct sim *s, enum actor actor)
{
    struct sim_event *ev = sim__event_begin(s, actor);
    bool was_ready = s->status.ready.status == COND_TRUE;
    int rc = actor == ACTOR_KEDA ? sim__poll(s, ev) : sim__sync(s, ev);

    rc = rc < 0 ? rc : sim__event_end(s, ev);
    if (rc == 0 &&
        (s->failed || s->turned_ready || (!was_ready && s->status.ready.status == COND_TRUE)))
        rc = sim__reconcile(s, s->object);
    s->turned_ready = false;
    return rc;
}

static ts_ms next_time(const struct sim *s, size_t at_change)
{
    ts_ms t = LATER;

    if (at_change < s->setup->n_changes)
        t = s->setup->changes[at_change].t;
    return MIN(t, MIN(s->next_poll, s->hpa.next));
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
            const struct scaled_object *was = s->object;

            rc = sim__adopt(s, s->setup->changes[change++].object, f);
            if (rc == 0)
                rc = sim__reconcile(s, was);
        } else if (s->next_poll <= s->now) {
            s->next_poll = s->now + s->loop_period;
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
        .life = a,
        .arena = a,
        .trace = out,
        .now = setup->start,
        .created = setup->start,
        .sync_period = setup->sync_period > 0 ? setup->sync_period : SYNC_PERIOD,
        .replicas = setup->replicas,
        .last_active = NEVER,
        .next_poll = LATER,
        .hpa.next = LATER,
        .scalers_dropped = true,
    };
    int rc;

    s.status.paused.status = s.rules.paused_at_first_false ? COND_FALSE : COND_UNKNOWN;
    s.status.paused.reason = "";
    if (setup->sink != NULL)
        s.arena = &s.turns[0];
    *out = (struct sim_trace){.setup = setup};
    rc = sim__adopt(&s, setup->object, f);
    if (rc < 0)
        return rc;
    rc = setup->world.advance(setup->world.ctx, s.now);
    rc = rc != 0 ? rc : sim__reconcile(&s, NULL);
    rc = rc != 0 ? rc : run(&s, f);
    hpa_state_release(&s.hpa.state);
    arena_release(&s.turns[0]);
    arena_release(&s.turns[1]);
    return rc;
}

int32_t sim_replicas_at(const struct sim_trace *tr, ts_ms t)
{
    int32_t replicas = tr->setup->replicas;

    for (size_t i = 0; i < tr->n_events && tr->events[i].t <= t; i++)
        replicas = tr->events[i].after;
    return replicas;
}
