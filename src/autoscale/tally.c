/*
 * tally.c - what came of a simulation, from its events as they come: running sums, and a thinned
 * series of events for picture.c.
 */
#include <stdlib.h>

#include "ferula/autoscale/picture.h"
#include "ferula/base/check.h"
#include "ferula/base/mem.h"

/* ---- figures ---------------------------------------------------------------------------- */

int32_t picture_targets(const struct sim_setup *setup, int32_t replicas)
{
    const struct scaled_object *so = setup->object;
    enum target_type type = so->modifiers.given ? so->modifiers.metric_type : METRIC_AVERAGE_VALUE;

    if (!so->modifiers.given && so->n_triggers > 0)
        type = trigger_is_resource(&so->triggers[0]) ? METRIC_UTILIZATION
                                                     : so->triggers[0].metric_type;
    return type == METRIC_AVERAGE_VALUE ? replicas : 1;
}

/* The first metric is more than its target allows so many replicas. */
static bool over_target(const struct sim_setup *setup, const struct sim_event *e)
{
    const struct metric_view *m = &e->metrics[0];

    if (e->n_metrics == 0 || m->verdict.failed || m->target_milli <= 0)
        return false;
    return (double)m->verdict.milli >
           (double)m->target_milli * picture_targets(setup, MAX(e->ready_replicas, 0));
}

static void note_change(struct picture_tally *t, int32_t before, int32_t after)
{
    struct picture_summary *out = &t->sum;
    int now = after > before ? 1 : -1;

    if (before == after)
        return;
    out->changes++;
    out->flaps += t->direction != 0 && t->direction != now;
    t->direction = now;
    out->least = MIN(out->least, after);
    out->most = MAX(out->most, after);
    out->last = after;
}

static void pass_time(struct picture_tally *t, ts_ms to)
{
    double span = (double)(to - t->at) / 1000;

    t->sum.replica_seconds += t->replicas * span;
    if (t->capacity <= 0 && t->over)
        t->sum.under_s += span;
    t->at = to;
}

/* ---- points ----------------------------------------------------------------------------- */

/* What of two neighbours is worth more. The marks are the ones with a text of their own. */
enum { WORTH_MARK = 3 };

static int worth(const struct sim_event *e)
{
    if (e->note.p != NULL)
        return WORTH_MARK;
    if (e->before != e->after)
        return 2;
    return e->actor == ACTOR_HPA;
}

static void put_point(struct picture_tally *t, size_t at, const struct sim_event *p)
{
    struct sim_event *v = t->points.events;

    v[at] = *p;
    if (p->metrics == NULL)
        return;
    t->metrics[at] = p->metrics[0];
    v[at].metrics = &t->metrics[at];
}

/* Marks stay; of others in one span of time the one that is worth most does, or the last such. */
static void add_point(struct picture_tally *t, const struct sim_event *p)
{
    struct sim_trace *points = &t->points;
    const struct sim_event *last = &points->events[points->n_events - (points->n_events > 0)];
    ts_ms start = t->setup->start;
    bool near = points->n_events > 0 && t->span > 0 &&
                (last->t - start) / t->span == (p->t - start) / t->span;

    if (near && worth(last) < WORTH_MARK && worth(p) < WORTH_MARK) {
        if (worth(p) >= worth(last))
            put_point(t, points->n_events - 1, p);
        return;
    }
    put_point(t, points->n_events++, p);
}

/* Puts together what is near, in spans that are as long everywhere. */
static void thin(struct picture_tally *t)
{
    size_t n = t->points.n_events;
    dur_ms length = t->setup->end - t->setup->start;

    t->span = t->span > 0 ? 2 * t->span : MAX(length / (PICTURE_POINTS / 2), 1);
    t->points.n_events = 0;
    for (size_t i = 0; i < n; i++) {
        const struct sim_event p = t->points.events[i];

        add_point(t, &p);
    }
}

static void keep_point(struct picture_tally *t, const struct sim_event *e)
{
    struct metric_view metric;
    struct sim_event p = {
        .t = e->t,
        .actor = e->actor,
        .before = e->before,
        .after = e->after,
        .proposal = e->proposal,
        .reason = e->reason,
    };

    if (t->points.events == NULL) {
        t->points.events = xcalloc(PICTURE_POINTS, sizeof(*t->points.events));
        t->metrics = xcalloc(PICTURE_POINTS, sizeof(*t->metrics));
    }
    while (t->points.n_events == PICTURE_POINTS)
        thin(t);
    if (e->before != e->after && t->sum.changes < PICTURE_MARKS)
        p.note = arena_str(&t->texts, e->note);
    if (e->n_metrics > 0) {
        metric = e->metrics[0];
        metric.verdict.why = (struct str){0};
        p.metrics = &metric;
        p.n_metrics = 1;
    }
    add_point(t, &p);
}

/* ---- all of it -------------------------------------------------------------------------- */

void picture_tally_begin(struct picture_tally *t, const struct sim_setup *setup, double capacity,
                         bool draws)
{
    int32_t replicas = setup->replicas;

    *t = (struct picture_tally){
        .points = {.setup = setup   },
        .sum = { .least = replicas, .most = replicas, .last = replicas},
        .setup = setup,
        .capacity = capacity,
        .draws = draws,
        .at = setup->start,
        .replicas = replicas,
    };
}

void picture_tally_event(struct picture_tally *t, const struct sim_event *e)
{
    pass_time(t, e->t);
    if (t->draws)
        keep_point(t, e);
    if (e->actor == ACTOR_HPA)
        t->over = over_target(t->setup, e);
    note_change(t, e->before, e->after);
    t->replicas = e->after;
}

void picture_tally_sample(struct picture_tally *t, const struct world_sample *s)
{
    const struct world_sample *last = &t->sample;
    double span = (double)(s->t - last->t) / 1000;

    if (t->capacity > 0 && t->has_sample && last->t >= t->setup->start &&
        last->offered > last->served) {
        t->sum.under_s += span;
        t->sum.lost += (last->offered - last->served) * span;
    }
    t->sample = *s;
    t->has_sample = true;
}

void picture_tally_end(struct picture_tally *t)
{
    pass_time(t, t->setup->end);
}

void picture_tally_release(struct picture_tally *t)
{
    free(t->points.events);
    free(t->metrics);
    arena_release(&t->texts);
    *t = (struct picture_tally){0};
}

void picture_summary(const struct picture_run *run, struct picture_summary *out)
{
    struct picture_tally t;

    picture_tally_begin(&t, run->trace->setup, run->capacity, false);
    for (size_t i = 0; i < run->trace->n_events; i++)
        picture_tally_event(&t, &run->trace->events[i]);
    for (size_t i = 0; i < run->n_samples; i++)
        picture_tally_sample(&t, &run->samples[i]);
    picture_tally_end(&t);
    *out = t.sum;
    picture_tally_release(&t);
}
