/*
 * stories.c - how long stories of ScaledObjects take in one process, and that they repeat.
 *
 *     bench-autoscale examples/walkthrough.test.yaml
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "ferula/autoscale/story.h"
#include "ferula/base/check.h"
#include "ferula/base/clock.h"

#define N_STORIES 1000
#define N_BEST    20

static double ms_since(int64_t began_ns)
{
    return (double)(clock_mono_ns(clock_system()) - began_ns) / 1e6;
}

static long memory_kib(void)
{
    struct rusage use;

    return getrusage(RUSAGE_SELF, &use) == 0 ? use.ru_maxrss : 0;
}

/* All that is said of an event, so that two runs can be compared. */
static void add_event(struct buf *out, const struct sim_event *e)
{
    buf_addf(out, "%" PRId64 " %d %d %d %d %d %d " STR_FMT "\n", e->t, (int)e->actor, e->before,
             e->after, e->proposal, e->desired, (int)e->reason, STR_ARG(e->note));
    for (size_t i = 0; i < e->n_metrics; i++)
        buf_addf(out, "  %" PRId64 " %" PRId64 " " STR_FMT "\n", e->metrics[i].verdict.milli,
                 e->metrics[i].shown_milli, STR_ARG(e->metrics[i].verdict.why));
}

/* Runs one test; its trace goes to `out` unless that is NULL. */
static dur_ms run(const struct story_file *sf, size_t i, struct buf *out)
{
    struct arena a = {0};
    struct story_result r;
    struct fault f;
    int rc = story_run(sf, i, &a, &r, &f);

    CHECK(rc == 0 && r.n_failures == 0);
    for (size_t s = 0; out != NULL && s < r.n_sims; s++)
        for (size_t k = 0; k < r.sims[s]->trace.n_events; k++)
            add_event(out, &r.sims[s]->trace.events[k]);
    arena_release(&a);
    return r.simulated;
}

static void bench_each(const struct story_file *sf)
{
    for (size_t i = 0; i < story_count(sf); i++) {
        double best = 1e9;
        dur_ms simulated = 0;
        struct str name = story_name(sf, i);

        for (int k = 0; k < N_BEST; k++) {
            int64_t began = clock_mono_ns(clock_system());

            simulated = run(sf, i, NULL);
            best = MIN(best, ms_since(began));
        }
        printf("%-72.*s %4" PRId64 " min  %8.3f ms\n", (int)name.n, name.p, simulated / 60000,
               best);
    }
}

static void bench_many(const struct story_file *sf)
{
    int64_t began = clock_mono_ns(clock_system());
    dur_ms simulated = 0;

    for (size_t i = 0; i < N_STORIES; i++)
        simulated += run(sf, i % story_count(sf), NULL);
    printf("%d stories, one after another: %.3f s for %.1f h, at most %ld MiB\n", N_STORIES,
           ms_since(began) / 1e3, (double)simulated / 3.6e6, memory_kib() / 1024);
}

static void bench_twice(const struct story_file *sf)
{
    struct buf first = {0}, second = {0};

    for (size_t i = 0; i < story_count(sf); i++) {
        (void)run(sf, i, &first);
        (void)run(sf, i, &second);
    }
    CHECK(str_eq(buf_str(&first), buf_str(&second)));
    printf("two runs: %zu bytes of traces, equal\n", first.n);
    buf_release(&first);
    buf_release(&second);
}

int main(int argc, char **argv)
{
    struct arena a = {0};
    struct complaints complaints = {.arena = &a};
    struct story_file *sf;
    struct fault f;

    if (argc != 2 || story_file_load(&a, argv[1], &sf, &complaints, &f) < 0) {
        fprintf(stderr, "usage: %s FILE.test.yaml\n", argv[0]);
        return 2;
    }
    bench_each(sf);
    bench_many(sf);
    bench_twice(sf);
    arena_release(&a);
    return 0;
}
