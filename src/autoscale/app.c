/*
 * app.c - see app.h. Time goes from one thing that happens to the next: a scrape, a pod that gets
 * ready, a bend of the load, the load passing what the pods can serve. Between two of them all is
 * linear, and the integrals are exact.
 */
#include "app.h"

#include <inttypes.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

#define SCRAPE_INTERVAL_MS 15000

/* ---- load ------------------------------------------------------------------------------- */

/* The first point that is later than `t`; n: none. */
static size_t point_after(const struct load_point *v, size_t n, ts_ms t)
{
    size_t lo = 0, hi = n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (v[mid].t <= t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

double autoscale__load_at(const struct load_point *v, size_t n, bool steps, ts_ms t)
{
    size_t i = point_after(v, n, t);

    if (n == 0)
        return 0;
    if (i == 0)
        return v[0].v;
    if (i == n || steps)
        return v[i - 1].v;
    return v[i - 1].v +
           (v[i].v - v[i - 1].v) * (double)(t - v[i - 1].t) / (double)(v[i].t - v[i - 1].t);
}

/* The value just before `t`: of a step, what it steps from. */
static double load_until(const struct app_model *m, ts_ms from, ts_ms t)
{
    return m->steps ? autoscale__load_at(m->load, m->n_load, true, from)
                    : autoscale__load_at(m->load, m->n_load, false, t);
}

/* The integral over `span` seconds of min(line from v0 to v1, most). */
static double area_below(double v0, double v1, double most, double span)
{
    double lo = MIN(v0, v1), hi = MAX(v0, v1), share;

    if (hi <= most)
        return (v0 + v1) / 2 * span;
    if (lo >= most)
        return most * span;
    share = (most - lo) / (hi - lo); /* of the time below */
    return ((lo + most) / 2 * share + most * (1 - share)) * span;
}

/* ---- pods ------------------------------------------------------------------------------- */

int32_t autoscale__app_ready(const struct app *app)
{
    int32_t n = 0;

    for (size_t i = 0; i < app->n_pods; i++)
        n += app->pods[i].ready_at <= app->now;
    return n;
}

static void add_pod(struct app *app, ts_ms ready_at)
{
    if (app->n_pods == app->cap_pods) {
        app->cap_pods = MAX(app->cap_pods * 2, 8);
        app->pods = xrealloc(app->pods, app->cap_pods, sizeof(*app->pods));
    }
    app->pods[app->n_pods++] = (struct app_pod){
        .number = app->next_number++,
        .ready_at = ready_at,
        .counts = ready_at <= app->now,
        .served_before = app->served_each,
    };
}

/* The one that a ReplicaSet ends first: not ready before ready, young before old. */
static size_t pod_to_end(const struct app *app)
{
    size_t i = app->n_pods;

    while (i > 0)
        if (app->pods[--i].ready_at > app->now)
            return i;
    return app->n_pods - 1;
}

static void end_pod(struct app *app, size_t i)
{
    if (app->pods[i].scraped) {
        if (app->n_ended == app->cap_ended) {
            app->cap_ended = MAX(app->cap_ended * 2, 8);
            app->ended = xrealloc(app->ended, app->cap_ended, sizeof(*app->ended));
        }
        app->ended[app->n_ended++] = app->pods[i].labels;
    }
    memmove(&app->pods[i], &app->pods[i + 1], (app->n_pods - i - 1) * sizeof(*app->pods));
    app->n_pods--;
}

void autoscale__app_scale(struct app *app, ts_ms now, int32_t replicas)
{
    autoscale__app_advance(app, now);
    if (replicas > WORLD_PODS_MAX) {
        app->too_many = replicas;
        return;
    }
    while (app->n_pods < (size_t)MAX(replicas, 0))
        add_pod(app, now + app->start_up);
    while (app->n_pods > (size_t)MAX(replicas, 0))
        end_pod(app, pod_to_end(app));
}

/* ---- scraping --------------------------------------------------------------------------- */

static bool in_gap(const struct app *app, ts_ms t)
{
    for (size_t i = 0; i < app->n_gaps; i++)
        if (t >= app->gaps[i].from && t < app->gaps[i].to)
            return true;
    return false;
}

static void append(struct app *app, struct labels ls, double v)
{
    mem_source_add(app->counters, ls, &(struct sample){app->now, v}, 1);
}

static void scrape_pod(struct app *app, struct app_pod *pod)
{
    if (pod->labels.v == NULL)
        pod->labels = labels_set(&app->arena, app->model.labels, STR("pod"),
                                 arena_printf(&app->arena, "app-%" PRIu64, pod->number));
    append(app, pod->labels, app->served_each - pod->served_before);
    pod->scraped = true;
}

static void note_sample(struct app *app)
{
    const struct app_model *m = &app->model;
    int32_t ready = autoscale__app_ready(app);
    double offered = autoscale__load_at(m->load, m->n_load, m->steps, app->now);
    double most = m->capacity > 0 ? m->capacity * ready : offered;
    const struct world_sample sample = {
        .t = app->now,
        .offered = offered,
        .served = ready > 0 ? MIN(offered, most) : 0,
        .replicas = (int32_t)app->n_pods,
        .ready = ready,
    };

    if (app->sink != NULL) {
        app->sink(app->sink_ctx, &sample);
        return;
    }
    if (app->n_samples == app->cap_samples) {
        app->cap_samples = MAX(app->cap_samples * 2, 64);
        app->samples = xrealloc(app->samples, app->cap_samples, sizeof(*app->samples));
    }
    app->samples[app->n_samples++] = sample;
}

static void scrape(struct app *app)
{
    app->next_scrape = app->now + app->interval;
    note_sample(app);
    if (app->counters == NULL || in_gap(app, app->now))
        return;
    for (size_t i = 0; i < app->n_ended; i++)
        append(app, app->ended[i], f64_from_bits(STALE_NAN_BITS));
    app->n_ended = 0;
    for (size_t i = 0; i < app->n_pods; i++)
        if (app->pods[i].ready_at <= app->now)
            scrape_pod(app, &app->pods[i]);
    if (app->model.offered_labels.n > 0)
        append(app, app->model.offered_labels, app->offered_sum);
}

/* ---- time ------------------------------------------------------------------------------- */

/* When something happens next, not later than `to`. */
static ts_ms next_bend(const struct app *app, ts_ms to)
{
    const struct app_model *m = &app->model;
    size_t i = point_after(m->load, m->n_load, app->now);

    to = MIN(to, app->next_scrape);
    if (i < m->n_load)
        to = MIN(to, m->load[i].t);
    for (i = 0; i < app->n_pods; i++)
        if (app->pods[i].ready_at > app->now)
            to = MIN(to, app->pods[i].ready_at);
    return to;
}

static void serve_until(struct app *app, ts_ms to)
{
    const struct app_model *m = &app->model;
    int32_t ready = autoscale__app_ready(app);
    double span = (double)(to - app->now) / 1000;

    if (m->n_load > 0) {
        double v0 = autoscale__load_at(m->load, m->n_load, m->steps, app->now);
        double v1 = load_until(m, app->now, to), most = MAX(v0, v1);

        app->offered_sum += (v0 + v1) / 2 * span;
        if (m->capacity > 0)
            most = m->capacity * ready;
        if (ready > 0)
            app->served_each += area_below(v0, v1, most, span) / ready;
    }
    app->now = to;
    for (size_t i = 0; i < app->n_pods; i++) {
        struct app_pod *pod = &app->pods[i];

        if (!pod->counts && pod->ready_at <= to) {
            pod->counts = true;
            pod->served_before = app->served_each;
        }
    }
}

void autoscale__app_advance(struct app *app, ts_ms now)
{
    while (app->now < now || app->next_scrape <= now) {
        serve_until(app, next_bend(app, now));
        if (app->next_scrape <= app->now)
            scrape(app);
    }
}

void autoscale__app_forget(struct app *app, ts_ms t)
{
    struct arena kept = {0};

    if (app->counters != NULL)
        mem_source_drop(app->counters, t);
    for (size_t i = 0; i < app->n_pods; i++)
        if (app->pods[i].labels.v != NULL)
            app->pods[i].labels = labels_copy(&kept, app->pods[i].labels);
    for (size_t i = 0; i < app->n_ended; i++)
        app->ended[i] = labels_copy(&kept, app->ended[i]);
    arena_release(&app->arena);
    app->arena = kept;
}

void autoscale__app_init(struct app *app, const struct world_setup *setup,
                         const struct source_range *gaps, size_t n_gaps)
{
    const struct app_model *m = &setup->app;

    *app = (struct app){
        .model = *m,
        .start_up = m->given ? m->start_up : setup->ready_after,
        .interval = m->scrape_interval > 0 ? m->scrape_interval : SCRAPE_INTERVAL_MS,
        .gaps = gaps,
        .n_gaps = n_gaps,
        .sink = setup->sink,
        .sink_ctx = setup->sink_ctx,
    };
    if (m->given)
        app->counters = mem_source_new();
    /* The pods of the beginning were scraped before it, in step with what follows. */
    app->now = setup->start - m->warm_up / app->interval * app->interval;
    app->next_scrape = app->now;
    for (int32_t i = 0; i < setup->replicas; i++)
        add_pod(app, app->now);
}

void autoscale__app_release(struct app *app)
{
    mem_source_free(app->counters);
    arena_release(&app->arena);
    free(app->pods);
    free(app->ended);
    free(app->samples);
}
