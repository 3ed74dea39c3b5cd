/*
 * world.c - what triggers are answered: queries by PromQL on what there is at that time, cron by
 * its schedules, others by the numbers given, and faults instead of any of them.
 */
#include "ferula/autoscale/world.h"

#include <inttypes.h>
#include <stdlib.h>

#include "app.h"
#include "cron.h"
#include "faults.h"
#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "view.h"

#define KEDA_TIMEOUT_MS 3000 /* KEDA_HTTP_DEFAULT_TIMEOUT */
#define WORLD_MAGIC     0x77c0a3d1u
#define DROP_EVERY_MS   ((dur_ms)3600000)
#define FEED_AHEAD_MS   ((dur_ms)6 * 3600000)

enum way { BY_QUERY, BY_SCHEDULE, BY_NUMBERS };

/* A trigger, made ready to be asked. */
struct asked {
    enum way way;
    dur_ms timeout;
    struct prometheus_trigger prometheus;
    const struct promql_expr *expr; /* NULL: the query is none, `refusal` says why */
    struct str refusal;
    struct cron_trigger cron;
    const struct load_point *numbers;
    size_t n_numbers;
    bool answered; /* `answer` is that of `at`: KEDA and the HPA ask at the same time */
    ts_ms at;
    struct answer answer;
};

struct pod_world {
    unsigned magic;
    const struct fault_span *faults; /* borrowed */
    size_t n_faults;
    struct promql_features features;
    struct arena arena;   /* of the whole life */
    struct arena scratch; /* of one query */
    struct arena texts;   /* of the answers kept, until time goes on */
    struct asked *triggers;
    size_t n_triggers;
    struct view view;
    struct app app;
    bool forgets;
    dur_ms reach; /* of all queries; INT64_MAX: not known */
    ts_ms next_drop;
    int (*feed)(void *ctx, ts_ms oldest, ts_ms to); /* NULL: none */
    void *feed_ctx;
    ts_ms fed;         /* up to then, at least */
    struct fault *why; /* borrowed; may be NULL */
};

static struct pod_world *world_from(void *ctx)
{
    struct pod_world *w = ctx;

    CHECK(w->magic == WORLD_MAGIC);
    return w;
}

/* ---- asking ----------------------------------------------------------------------------- */

static void answer_of_vector(const struct promql_result *r, struct answer *out)
{
    *out = (struct answer){.kind = ANSWER_VECTOR, .status = 200, .n = r->n_series};
    if (r->n_series != 1)
        return;
    if (r->series[0].n == 0) /* a histogram has no "value" in JSON */
        out->kind = ANSWER_MATRIX;
    else
        out->value = r->series[0].samples[0].v;
}

static void answer_of(const struct promql_result *r, struct answer *out)
{
    switch (r->type) {
    case PROMQL_VECTOR:
        answer_of_vector(r, out);
        break;
    case PROMQL_MATRIX:
        *out = (struct answer){.kind = ANSWER_MATRIX, .status = 200, .n = r->n_series};
        break;
    default:
        *out = (struct answer){.kind = ANSWER_SCALAR, .status = 200};
        break;
    }
}

static void ask_query(struct pod_world *w, struct asked *t, ts_ms now, struct answer *out)
{
    ts_ms at = now - ((now % 1000) + 1000) % 1000; /* KEDA sends whole seconds */
    struct promql_query q = {.expr = t->expr,
                             .text = t->prometheus.query,
                             .start = at,
                             .end = at,
                             .features = w->features};
    struct promql_result r;
    struct fault f;

    if (t->expr == NULL) {
        *out = (struct answer){.kind = ANSWER_ERROR, .status = 400, .text = t->refusal};
        return;
    }
    w->view.now = now;
    arena_reset(&w->scratch);
    if (promql_eval(&w->view.base, &w->scratch, &q, &r, &f) < 0)
        *out = (struct answer){.kind = ANSWER_ERROR,
                               .status = f.code == FER_EINVAL ? 400 : 422,
                               .text = arena_str(&w->texts, str_of(f.text))};
    else
        answer_of(&r, out);
}

static void answer_truly(struct pod_world *w, struct asked *t, ts_ms now, struct answer *out)
{
    switch (t->way) {
    case BY_QUERY:
        ask_query(w, t, now, out);
        break;
    case BY_SCHEDULE:
        *out = (struct answer){.kind = ANSWER_NUMBER,
                               .value = autoscale__cron_trigger_value(&t->cron, now)};
        break;
    case BY_NUMBERS:
        *out = (struct answer){.kind = ANSWER_NUMBER,
                               .value = autoscale__load_at(t->numbers, t->n_numbers, false, now)};
        break;
    }
}

static int world_ask(void *ctx, size_t i, ts_ms now, struct arena *a, struct answer *out)
{
    struct pod_world *w = world_from(ctx);
    struct asked *t = &w->triggers[i];

    CHECK(i < w->n_triggers);
    autoscale__app_advance(&w->app, now);
    if (!t->answered || t->at != now) {
        if (!autoscale__fault_answer(w->faults, w->n_faults, (int)i, now, t->timeout,
                                     t->way == BY_QUERY, &t->answer))
            answer_truly(w, t, now, &t->answer);
        t->answered = true;
        t->at = now;
    }
    *out = t->answer;
    out->text = arena_str(a, t->answer.text);
    return 0;
}

/* What no query at `now` or later can look at; KEDA asks for the second before. */
static ts_ms oldest_seen(const struct pod_world *w, ts_ms now)
{
    return w->reach == INT64_MAX ? INT64_MIN : now - w->reach - 1000;
}

static int feed(struct pod_world *w, ts_ms now)
{
    if (w->feed == NULL || now <= w->fed)
        return 0;
    w->fed = now + FEED_AHEAD_MS;
    return w->feed(w->feed_ctx, oldest_seen(w, now), w->fed);
}

/* Once an hour, so that it costs little: what no query can look at any more. */
static void forget(struct pod_world *w, ts_ms now)
{
    if (!w->forgets || w->reach == INT64_MAX || now < w->next_drop)
        return;
    autoscale__app_forget(&w->app, oldest_seen(w, now));
    w->next_drop = now + DROP_EVERY_MS;
}

/* Scaling itself cannot fail: what it was asked for ends the simulation when time goes on. */
static int crowded(struct pod_world *w)
{
    if (w->why == NULL)
        return FER_ELIMIT;
    return fault_set(w->why, FER_ELIMIT, 0,
                     "%" PRId32 " replicas are wanted, more than the %d pods that are simulated",
                     w->app.too_many, WORLD_PODS_MAX);
}

static int world_advance(void *ctx, ts_ms now)
{
    struct pod_world *w = world_from(ctx);

    if (w->app.too_many > 0)
        return crowded(w);
    if (now > w->app.now) {
        for (size_t i = 0; i < w->n_triggers; i++)
            w->triggers[i].answered = false;
        arena_reset(&w->texts);
    }
    autoscale__app_advance(&w->app, now);
    forget(w, now);
    return feed(w, now);
}

static void world_scale(void *ctx, ts_ms now, int32_t replicas)
{
    autoscale__app_scale(&world_from(ctx)->app, now, replicas);
}

static int32_t world_status(void *ctx)
{
    return (int32_t)world_from(ctx)->app.n_pods;
}

static int32_t world_ready(void *ctx)
{
    return autoscale__app_ready(&world_from(ctx)->app);
}

/* ---- making one ------------------------------------------------------------------------- */

/* A query that is no PromQL is a fact about the server's answer (400), not about the setup. */
static int prepare_query(struct pod_world *w, const struct trigger *t, struct asked *out,
                         struct fault *f)
{
    struct fault why;
    const struct autoscale_versions newest = AUTOSCALE_VERSIONS_DEFAULT;
    const struct autoscale_rules rules = autoscale_rules_of(&newest); /* sim_run() has the others */
    int rc = prometheus_trigger_read(t, &rules, &w->arena, &out->prometheus, f);

    if (rc < 0)
        return rc;
    out->way = BY_QUERY;
    out->timeout = out->prometheus.timeout > 0 ? out->prometheus.timeout : KEDA_TIMEOUT_MS;
    if (promql_parse(&w->arena, out->prometheus.query, &w->features, &out->expr, &why) < 0)
        out->refusal = arena_str(&w->arena, str_of(why.text));
    else
        w->reach = MAX(w->reach, recording_reach(out->expr));
    return 0;
}

static int prepare(struct pod_world *w, const struct world_setup *s, size_t i, struct fault *f)
{
    const struct trigger *t = &s->object->triggers[i];
    struct asked *out = &w->triggers[i];

    out->timeout = KEDA_TIMEOUT_MS;
    if (s->numbers != NULL && s->numbers[i] != NULL) {
        out->way = BY_NUMBERS;
        out->numbers = s->numbers[i];
        out->n_numbers = s->n_numbers[i];
        return 0;
    }
    if (str_is(t->type.s, "prometheus"))
        return prepare_query(w, t, out, f);
    if (str_is(t->type.s, "cron")) {
        out->way = BY_SCHEDULE;
        return autoscale__cron_trigger_read(t, &w->arena, &out->cron, f);
    }
    return fault_set(f, FER_EINVAL, 0,
                     "trigger %zu of type '" STR_FMT
                     "' needs to be told its number over time (--number, or numbers in a test)",
                     i, STR_ARG(t->type.s));
}

int pod_world_new(const struct world_setup *setup, struct pod_world **out, struct fault *f)
{
    struct pod_world *w = xnew(struct pod_world);
    size_t n_gaps;
    struct source_range *gaps;
    int rc = 0;

    *out = NULL;
    w->magic = WORLD_MAGIC;
    w->faults = setup->faults;
    w->n_faults = setup->n_faults;
    w->features = setup->features;
    w->forgets = setup->sink != NULL;
    w->next_drop = setup->start + DROP_EVERY_MS;
    w->feed = setup->feed;
    w->feed_ctx = setup->feed_ctx;
    w->why = setup->why;
    w->fed = INT64_MIN;
    gaps = autoscale__fault_gaps(&w->arena, setup->faults, setup->n_faults, &n_gaps);
    autoscale__app_init(&w->app, setup, gaps, n_gaps);
    autoscale__view_init(&w->view);
    w->view.gaps = gaps;
    w->view.n_gaps = n_gaps;
    if (setup->source != NULL)
        w->view.members[w->view.n_members++] = setup->source;
    if (w->app.counters != NULL)
        w->view.members[w->view.n_members++] = mem_source_base(w->app.counters);
    w->n_triggers = setup->object->n_triggers;
    w->triggers = arena_array(&w->arena, struct asked, w->n_triggers);
    for (size_t i = 0; rc == 0 && i < w->n_triggers; i++)
        rc = prepare(w, setup, i, f);
    if (rc == 0) {
        *out = w;
        w = NULL; /* the caller's from here on */
    }
    pod_world_free(w);
    return rc;
}

void pod_world_free(struct pod_world *w)
{
    if (w == NULL)
        return;
    autoscale__app_release(&w->app);
    arena_release(&w->arena);
    arena_release(&w->scratch);
    arena_release(&w->texts);
    free(w);
}

struct world pod_world_base(struct pod_world *w)
{
    return (struct world){
        .ctx = w,
        .ask = world_ask,
        .advance = world_advance,
        .scale = world_scale,
        .status_replicas = world_status,
        .ready_replicas = world_ready,
    };
}

const struct world_sample *pod_world_samples(const struct pod_world *w, size_t *n)
{
    *n = w->app.n_samples;
    return w->app.samples;
}
