/*
 * write.c - `bench-load write`: all senders side by side, the clock, and the report.
 *
 * Bodies are made before the clock runs, as many rounds at once as --memory holds; then all senders
 * send them, and the clock stops until the next rounds are made. So the seconds are of sending
 * only. With --over they are of waiting, too.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "load.h"
#include "sender.h"

#define SLOT_MS          (30 * 60 * 1000)
#define SERIES_BYTES     80 /* a series of a compressed request, to plan memory with */
#define CONNECTIONS_MOST 256

struct write_flags {
    bool help, json, spread;
    size_t seed, series, rounds, first_round, per_request, connections, churn, start_s, memory;
    dur_ms interval, over, retry;
    const char *path, *acks;
};

// clang-format off
static const struct config_flag flags[] = {
    {.name = "help", .kind = CONFIG_ACTION, .shorthand = 'h', .help = "Show this text."},
    {.name = "seed", .kind = CONFIG_COUNT, .value = "1", .help = "Another seed gives other labels and values."},
    {.name = "series", .kind = CONFIG_COUNT, .value = "10000", .least = 1, .most = 100000000,
     .help = "Series at a time, in pods of 100."},
    {.name = "rounds", .kind = CONFIG_COUNT, .value = "120", .least = 1, .most = 10000000,
     .help = "Samples of each series. --rounds=1 is a load of new series only."},
    {.name = "first-round", .kind = CONFIG_COUNT, .value = "0", .meta = "N", .most = 10000000,
     .help = "Begin with this one of the rounds, as after a load that was cut short; counters begin anew."},
    {.name = "over", .kind = CONFIG_DURATION, .value = "0s",
     .help = "Send the rounds evenly over this time, making bodies meanwhile; 0: as fast as they go."},
    {.name = "interval", .kind = CONFIG_DURATION, .value = "15s", .least = 1, .help = "Time between samples."},
    {.name = "start", .kind = CONFIG_COUNT, .value = "0", .meta = "SECONDS",
     .help = "Unix time of the first round; 0: now less the load less one hour, at a half hour's beginning."},
    {.name = "samples-per-request", .kind = CONFIG_COUNT, .value = "2000", .least = 1, .most = 100000,
     .help = "Series in a request, with a sample each."},
    {.name = "connections", .kind = CONFIG_COUNT, .value = "1", .least = 1, .most = CONNECTIONS_MOST,
     .help = "Connections, a thread each; a pod always goes through the same one."},
    {.name = "churn", .kind = CONFIG_COUNT, .value = "0", .meta = "PERCENT", .most = 100,
     .help = "Percent of the series that are replaced by new ones each minute."},
    {.name = "spread", .kind = CONFIG_BOOL,
     .help = "Give each pod a moment of its own within the interval."},
    {.name = "memory", .kind = CONFIG_SIZE, .value = "512MB", .least = 1 << 20,
     .help = "About how much to encode ahead while the clock is stopped."},
    {.name = "retry", .kind = CONFIG_DURATION, .value = "30s", .help = "How long to repeat what is answered with 503."},
    {.name = "path", .kind = CONFIG_TEXT, .value = "/api/v1/write", .help = "Where to write to."},
    {.name = "acks", .kind = CONFIG_TEXT, .meta = "FILE",
     .help = "Write there at the end, a line a connection: complete rounds acknowledged, samples acknowledged after them."},
    {.name = "json", .kind = CONFIG_BOOL, .help = "Report as one JSON object."},
};
// clang-format on

/* ---- running ---------------------------------------------------------------------------- */

struct load {
    struct sender_plan plan;
    struct sender *senders; /* heap */
    uint32_t first_round, n_rounds, rounds_at_once;
    pthread_barrier_t barrier;
    atomic_bool lost;
    int64_t sending_ns; /* written by the first sender's thread */
};

struct worker {
    struct load *load;
    struct sender *sender;
    pthread_t thread;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    struct load *l = w->load;
    bool first = w->sender == &l->senders[0];

    for (uint32_t at = l->first_round; at < l->n_rounds && !atomic_load(&l->lost);
         at += l->rounds_at_once) {
        int64_t begin;

        sender_encode(w->sender, at, MIN(at + l->rounds_at_once, l->n_rounds));
        (void)pthread_barrier_wait(&l->barrier);
        begin = clock_mono_ns(clock_system());
        sender_send(w->sender);
        if (w->sender->lost)
            atomic_store(&l->lost, true);
        (void)pthread_barrier_wait(&l->barrier);
        if (first)
            l->sending_ns += clock_mono_ns(clock_system()) - begin;
    }
    return NULL;
}

static void run(struct load *l)
{
    struct worker *w = xcalloc(l->plan.n_senders, sizeof(*w));

    CHECK(pthread_barrier_init(&l->barrier, NULL, (unsigned)l->plan.n_senders) == 0);
    for (size_t i = 0; i < l->plan.n_senders; i++) {
        w[i] = (struct worker){.load = l, .sender = &l->senders[i]};
        CHECK(pthread_create(&w[i].thread, NULL, work, &w[i]) == 0);
    }
    for (size_t i = 0; i < l->plan.n_senders; i++)
        (void)pthread_join(w[i].thread, NULL);
    (void)pthread_barrier_destroy(&l->barrier);
    free(w);
}

/* ---- reporting -------------------------------------------------------------------------- */

struct totals {
    struct sender_counts counts;
    struct latency latency;
    const struct sender *lost; /* one that lost its server; NULL: none did */
};

static void sum_up(const struct load *l, struct totals *t)
{
    struct sender_counts *sum = &t->counts;

    for (size_t i = 0; i < l->plan.n_senders; i++) {
        const struct sender_counts *c = &l->senders[i].counts;

        sum->samples += c->samples;
        sum->requests += c->requests;
        sum->bytes += c->bytes;
        sum->retried += c->retried;
        sum->refused_requests += c->refused_requests;
        sum->refused_samples += c->refused_samples;
        if (c->refused_status != 0) {
            sum->refused_status = c->refused_status;
            memcpy(sum->refused_text, c->refused_text, sizeof(sum->refused_text));
        }
        latency_add_all(&t->latency, &l->senders[i].latency);
        if (l->senders[i].lost)
            t->lost = &l->senders[i];
    }
}

static void print_json(const struct load *l, struct totals *t)
{
    const struct sender_counts *c = &t->counts;
    double s = (double)l->sending_ns / 1e9;
    json_t *o = json_pack(
        "{s:I, s:I, s:I, s:f, s:f, s:f, s:{s:f, s:f, s:f}, s:I, s:I, s:I, s:i, s:s, s:s, s:I, s:I}",
        "samples", (json_int_t)c->samples, "requests", (json_int_t)c->requests, "bytes",
        (json_int_t)c->bytes, "seconds", s, "samples_per_s", (double)c->samples / s,
        "requests_per_s", (double)c->requests / s, "latency_ms", "p50", latency_ms(&t->latency, 50),
        "p99", latency_ms(&t->latency, 99), "max", latency_ms(&t->latency, 100), "retried",
        (json_int_t)c->retried, "refused_requests", (json_int_t)c->refused_requests,
        "refused_samples", (json_int_t)c->refused_samples, "refused_status", c->refused_status,
        "refused_text", c->refused_text, "lost", t->lost != NULL ? t->lost->fault.text : "",
        "start_ms", (json_int_t)l->plan.start, "end_ms",
        (json_int_t)sender_time(&l->plan, l->n_rounds - 1));

    CHECK(o != NULL);
    (void)json_dumpf(o, stdout, JSON_REAL_PRECISION(9));
    (void)putchar('\n');
    json_decref(o);
}

static void print_lines(const struct load *l, struct totals *t)
{
    const struct sender_counts *c = &t->counts;
    double s = (double)l->sending_ns / 1e9;

    printf("acknowledged   %llu samples in %llu requests, %.1f bytes a sample\n",
           (unsigned long long)c->samples, (unsigned long long)c->requests,
           c->samples == 0 ? 0 : (double)c->bytes / (double)c->samples);
    printf("sending        %.3f s: %.0f samples/s, %.0f requests/s\n", s, (double)c->samples / s,
           (double)c->requests / s);
    printf("a request      p50 %.2f ms, p99 %.2f ms, longest %.2f ms\n",
           latency_ms(&t->latency, 50), latency_ms(&t->latency, 99), latency_ms(&t->latency, 100));
    printf("sample times   %lld to %lld\n", (long long)l->plan.start / 1000,
           (long long)sender_time(&l->plan, l->n_rounds - 1) / 1000);
    if (c->retried > 0)
        printf("answered 503   %llu times, and asked again\n", (unsigned long long)c->retried);
    if (c->refused_requests > 0)
        printf("refused        %llu requests, %llu samples; %d: %s\n",
               (unsigned long long)c->refused_requests, (unsigned long long)c->refused_samples,
               c->refused_status, c->refused_text);
    if (t->lost != NULL)
        printf("lost           %s\n", t->lost->fault.text);
}

static int write_acks(const struct load *l, const char *path)
{
    FILE *out = fopen(path, "w");

    if (out == NULL)
        return FER_EIO;
    for (size_t i = 0; i < l->plan.n_senders; i++)
        fprintf(out, "%lld %llu\n", (long long)l->senders[i].acked_rounds,
                (unsigned long long)l->senders[i].acked_after);
    return fclose(out) == 0 ? 0 : FER_EIO;
}

static int report(const struct load *l, const struct write_flags *wf)
{
    struct totals t = {0};
    bool good;

    sum_up(l, &t);
    if (wf->json)
        print_json(l, &t);
    else
        print_lines(l, &t);
    good = t.lost == NULL && t.counts.refused_requests == 0;
    latency_release(&t.latency);
    if (wf->acks != NULL && write_acks(l, wf->acks) < 0) {
        fprintf(stderr, "bench-load: %s cannot be written\n", wf->acks);
        good = false;
    }
    return good ? 0 : 1;
}

/* ---- where it begins -------------------------------------------------------------------- */

/* The beginning of a half hour, so that the load and one hour more are past. */
static ts_ms default_start(const struct write_flags *wf)
{
    ts_ms now = clock_now_ms(clock_system());
    ts_ms start = now - now % SLOT_MS - (ts_ms)wf->rounds * wf->interval - 60 * 60 * 1000;

    return start - start % SLOT_MS;
}

static void make_plan(struct load *l, const struct write_flags *wf)
{
    size_t at_once = wf->memory / (wf->series * SERIES_BYTES);

    l->n_rounds = (uint32_t)wf->rounds;
    l->first_round = (uint32_t)MIN(wf->first_round, wf->rounds);
    l->rounds_at_once = (uint32_t)MAX(1, MIN(at_once, wf->rounds));
    l->plan = (struct sender_plan){
        .seed = wf->seed,
        .n_series = wf->series,
        .n_senders = wf->connections,
        .series_per_request = wf->per_request,
        .churn_percent = wf->churn,
        .start = wf->start_s != 0 ? (ts_ms)wf->start_s * 1000 : default_start(wf),
        .interval = wf->interval,
        .retry = wf->retry,
        .first_round = l->first_round,
        .round_ns = wf->over * 1000000 / (int64_t)MAX(wf->rounds - l->first_round, 1),
        .begin_ns = clock_mono_ns(clock_system()),
        .spread = wf->spread,
        .path = wf->path,
    };
}

int load_write(int argc, char **argv)
{
    struct write_flags wf = {0};
    void *const targets[] = {&wf.help,  &wf.seed,     &wf.series,  &wf.rounds,      &wf.first_round,
                             &wf.over,  &wf.interval, &wf.start_s, &wf.per_request, &wf.connections,
                             &wf.churn, &wf.spread,   &wf.memory,  &wf.retry,       &wf.path,
                             &wf.acks,  &wf.json};
    const char *url = NULL;
    struct load l = {0};
    struct fault f = {0};
    size_t n = 0;
    int rc = 0, exit_code;

    _Static_assert(COUNT(targets) == COUNT(flags), "a target for each flag");
    if (!load_parse("usage: bench-load write [FLAGS] http://HOST:PORT", flags, targets,
                    COUNT(flags), argc, argv, &url, &exit_code))
        return exit_code;
    make_plan(&l, &wf);
    l.senders = xcalloc(l.plan.n_senders, sizeof(*l.senders));
    for (; n < l.plan.n_senders && rc == 0; n++)
        rc = sender_init(&l.senders[n], &l.plan, n, url, &f);
    if (rc == 0) {
        run(&l);
        exit_code = report(&l, &wf);
    } else {
        fprintf(stderr, "bench-load: %s\n", f.text);
        exit_code = 2;
    }
    while (n > 0)
        sender_release(&l.senders[--n]);
    free(l.senders);
    return exit_code;
}
