/*
 * year.c - see year.h.
 */
#include "year.h"

#include <inttypes.h>
#include <stdio.h>

#include "ferula/autoscale/picture.h"
#include "ferula/base/check.h"
#include "ferula/base/clock.h"

#define DAYS    365
#define HOUR_MS ((ts_ms)3600000)

static const struct load_point day[] = {
    {0,            10 },
    {7 * HOUR_MS,  80 },
    {12 * HOUR_MS, 150},
    {20 * HOUR_MS, 40 },
};

static const struct label counter[] = {
    {STR_INIT(LABEL_NAME),  STR_INIT("http_requests_total")},
    {STR_INIT("namespace"), STR_INIT("keda-demo")          },
};

/* What came by. */
struct year {
    struct picture_tally tally;
    uint64_t n_events, n_scrapes;
};

static int on_event(void *ctx, const struct sim_event *e)
{
    struct year *y = ctx;

    picture_tally_event(&y->tally, e);
    y->n_events++;
    return 0;
}

static void on_sample(void *ctx, const struct world_sample *s)
{
    struct year *y = ctx;

    picture_tally_sample(&y->tally, s);
    y->n_scrapes++;
}

static void print(const struct year *y, const struct sim_trace *trace, int64_t began_ns)
{
    const struct picture_summary *sum = &y->tally.sum;

    printf("a year: %" PRIu64 " events, %" PRIu64 " scrapes, %zu changes of replicas (%d to %d)\n",
           y->n_events, y->n_scrapes, sum->changes, sum->least, sum->most);
    printf("a year: %.3f s, at most %.1f MiB, of which events %zu bytes\n",
           bench_ms_since(began_ns) / 1e3, (double)bench_memory_kib() / 1024, trace->event_bytes);
}

static void run(struct arena *a, const struct scaled_object *so)
{
    struct load_point *load = arena_array(a, struct load_point, DAYS * COUNT(day));
    struct year y = {.n_events = 0};
    struct world_setup w = {
        .object = so,
        .app = {.given = true,
                .load = load,
                .n_load = DAYS * COUNT(day),
                .capacity = 20,
                .start_up = 10000,
                .labels = {counter, COUNT(counter)}},
        .replicas = 1,
        .features = PROMQL_FEATURES_DEFAULT,
        .sink = on_sample,
        .sink_ctx = &y,
    };
    struct sim_setup setup = {.object = so,
                              .versions = AUTOSCALE_VERSIONS_DEFAULT,
                              .end = DAYS * 24 * HOUR_MS,
                              .replicas = 1,
                              .sink = on_event,
                              .sink_ctx = &y};
    int64_t began = clock_mono_ns(clock_system());
    struct pod_world *world;
    struct sim_trace trace;
    struct fault f;

    for (size_t i = 0; i < DAYS * COUNT(day); i++) {
        load[i] = day[i % COUNT(day)];
        load[i].t += (ts_ms)(i / COUNT(day)) * 24 * HOUR_MS;
    }
    CHECK(pod_world_new(&w, &world, &f) == 0);
    setup.world = pod_world_base(world);
    picture_tally_begin(&y.tally, &setup, w.app.capacity, true);
    CHECK(sim_run(a, &setup, &trace, &f) == 0);
    picture_tally_end(&y.tally);
    print(&y, &trace, began);
    picture_tally_release(&y.tally);
    pod_world_free(world);
}

void bench_year(const char *path)
{
    struct arena a = {0};
    struct complaints complaints = {.arena = &a};
    struct manifests m = {0};
    struct fault f;

    if (manifests_load(&a, path, &m, &complaints, &f) < 0 || m.n_scaled_objects == 0)
        fprintf(stderr, "%s: there is no ScaledObject\n", path);
    else
        run(&a, &m.scaled_objects[0]);
    arena_release(&a);
}
