/*
 * query.c - `bench-load query`: each query in turn, by all connections at once, and the report.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "client.h"
#include "ferula/base/check.h"
#include "ferula/base/clock.h"
#include "ferula/base/mem.h"
#include "latency.h"
#include "load.h"
#include "queries.h"

#define RANGE_S          1800
#define STEP_S           15
#define CONNECTIONS_MOST 256

struct query_flags {
    bool help, json;
    size_t time_s, repeat, connections;
    dur_ms most;
    const char *queries, *only;
};

// clang-format off
static const struct config_flag flags[] = {
    {.name = "help", .kind = CONFIG_ACTION, .shorthand = 'h', .help = "Show this text."},
    {.name = "time", .kind = CONFIG_COUNT, .value = "0", .meta = "SECONDS",
     .help = "Unix time to ask for: the last round of the load; 0: now."},
    {.name = "queries", .kind = CONFIG_TEXT, .meta = "FILE",
     .help = "Lines of NAME instant|range EXPRESSION instead of the built-in list."},
    {.name = "only", .kind = CONFIG_TEXT, .meta = "NAME", .help = "Ask only the query of that name."},
    {.name = "repeat", .kind = CONFIG_COUNT, .value = "100", .least = 1, .most = 100000000,
     .help = "Times that each query is asked, over all connections."},
    {.name = "seconds", .kind = CONFIG_DURATION, .value = "10s", .meta = "DURATION",
     .help = "Stop asking a query after that time."},
    {.name = "connections", .kind = CONFIG_COUNT, .value = "1", .least = 1, .most = CONNECTIONS_MOST,
     .help = "Connections, a thread each."},
    {.name = "json", .kind = CONFIG_BOOL, .help = "Report as JSON, an object a query."},
};
// clang-format on

/* ---- answers ---------------------------------------------------------------------------- */

/* What is shown of an answer, to be compared with a peer's. */
struct answer {
    size_t n_results;
    char value[64]; /* the newest value of the first result, in the order of their labels */
    char error[200];
};

/* The text of the newest value of one result; NULL when it has none. */
static const char *newest(const json_t *result)
{
    const json_t *values = json_object_get(result, "values");
    const json_t *pair = values != NULL ? json_array_get(values, json_array_size(values) - 1)
                                        : json_object_get(result, "value");

    return json_string_value(json_array_get(pair, 1));
}

static void read_results(const json_t *results, struct answer *out)
{
    char *least = NULL;
    const json_t *r;
    size_t i;

    out->n_results = json_array_size(results);
    json_array_foreach(results, i, r)
    {
        char *labels = json_dumps(json_object_get(r, "metric"), JSON_SORT_KEYS | JSON_COMPACT);
        const char *value = newest(r);

        if (labels != NULL && value != NULL && (least == NULL || strcmp(labels, least) < 0)) {
            (void)snprintf(out->value, sizeof(out->value), "%s", value);
            free(least);
            least = labels;
            labels = NULL;
        }
        free(labels);
    }
    free(least);
}

static void read_answer(int status, struct str body, struct answer *out)
{
    json_t *root = json_loadb(body.p, body.n, 0, NULL);
    const json_t *results = json_object_get(json_object_get(root, "data"), "result");

    *out = (struct answer){0};
    if (status != 200)
        (void)snprintf(out->error, sizeof(out->error), "%d: " STR_FMT, status,
                       STR_ARG(str_trim(body)));
    else
        read_results(results, out);
    if (out->error[0] == '\0' && out->value[0] == '\0')
        (void)snprintf(out->error, sizeof(out->error), "an empty answer");
    json_decref(root);
}

/* ---- asking ----------------------------------------------------------------------------- */

struct asking {
    struct str head; /* of the HTTP request */
    atomic_size_t left;
    int64_t end_ns;
};

struct asker {
    struct asking *asking; /* shared */
    struct client client;
    struct latency latency;
    size_t n_failed;
    struct answer answer; /* the newest one that was read, or the first failure */
    pthread_t thread;
};

/* True when there is one more to ask for. */
static bool take_one(struct asking *q)
{
    size_t left = atomic_load(&q->left);

    while (left > 0 && clock_mono_ns(clock_system()) < q->end_ns)
        if (atomic_compare_exchange_weak(&q->left, &left, left - 1))
            return true;
    return false;
}

/* Every answer must be 200 and look like the first, which is read closely. */
static void *ask_on(void *arg)
{
    struct asker *w = arg;
    size_t first_n = 0;

    while (take_one(w->asking)) {
        int64_t begin = clock_mono_ns(clock_system());
        struct answer got = {0};
        struct fault f = {0};
        struct str body;
        int status = 0;

        if (client_ask(&w->client, w->asking->head, STR(""), &status, &body, &f) < 0)
            (void)snprintf(got.error, sizeof(got.error), "%.190s", f.text);
        latency_add(&w->latency, clock_mono_ns(clock_system()) - begin);
        if (got.error[0] == '\0' && first_n > 0 && status == 200 && body.n >= first_n / 2)
            continue;
        if (got.error[0] == '\0')
            read_answer(status, body, &got);
        first_n = got.error[0] == '\0' ? body.n : 0;
        w->n_failed += got.error[0] != '\0';
        if (w->answer.error[0] == '\0')
            w->answer = got;
    }
    return NULL;
}

static void add_escaped(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++)
        buf_addf(out, "%%%02x", (unsigned char)*text);
}

static void make_head(struct buf *out, const struct query *q, size_t time_s)
{
    buf_puts(out, q->range ? "GET /api/v1/query_range?query=" : "GET /api/v1/query?query=");
    add_escaped(out, q->expr);
    if (q->range)
        buf_addf(out, "&start=%zu&end=%zu&step=%d", time_s - RANGE_S, time_s, STEP_S);
    else
        buf_addf(out, "&time=%zu", time_s);
    buf_puts(out, "&nocache=1 HTTP/1.1\r\nUser-Agent: bench-load\r\n");
}

/* ---- reporting -------------------------------------------------------------------------- */

struct outcome {
    struct latency latency;
    size_t n_failed;
    double seconds;
    struct answer answer;
};

static void print_line(const struct query *q, struct outcome *o)
{
    printf("%-12s %8zu asked %10.1f/s   p50 %9.3f ms   p99 %9.3f ms   ", q->name, o->latency.n,
           (double)o->latency.n / o->seconds, latency_ms(&o->latency, 50),
           latency_ms(&o->latency, 99));
    if (o->n_failed > 0)
        printf("%zu FAILED: %s\n", o->n_failed, o->answer.error);
    else
        printf("%zu x %s\n", o->answer.n_results, o->answer.value);
}

static json_t *json_of(const struct query *q, struct outcome *o)
{
    return json_pack("{s:s, s:I, s:I, s:f, s:f, s:f, s:f, s:I, s:s, s:s}", "name", q->name, "asked",
                     (json_int_t)o->latency.n, "failed", (json_int_t)o->n_failed, "per_s",
                     (double)o->latency.n / o->seconds, "p50_ms", latency_ms(&o->latency, 50),
                     "p99_ms", latency_ms(&o->latency, 99), "max_ms", latency_ms(&o->latency, 100),
                     "results", (json_int_t)o->answer.n_results, "value", o->answer.value, "error",
                     o->answer.error);
}

/* ---- where it begins -------------------------------------------------------------------- */

static void ask_all(const struct query_flags *qf, const struct query *q, struct asker *w,
                    struct outcome *out)
{
    int64_t begin = clock_mono_ns(clock_system());
    struct buf head = {0};
    struct asking asking = {.end_ns = begin + qf->most * 1000000};

    make_head(&head, q, qf->time_s);
    asking.head = buf_str(&head);
    atomic_store(&asking.left, qf->repeat);
    for (size_t i = 0; i < qf->connections; i++) {
        w[i].asking = &asking;
        w[i].n_failed = 0;
        w[i].latency.n = 0;
        w[i].answer = (struct answer){0};
        CHECK(pthread_create(&w[i].thread, NULL, ask_on, &w[i]) == 0);
    }
    for (size_t i = 0; i < qf->connections; i++) {
        (void)pthread_join(w[i].thread, NULL);
        latency_add_all(&out->latency, &w[i].latency);
        out->n_failed += w[i].n_failed;
        if (out->answer.value[0] == '\0' || w[i].n_failed > 0)
            out->answer = w[i].answer;
    }
    out->seconds = (double)(clock_mono_ns(clock_system()) - begin) / 1e9;
    buf_release(&head);
}

static bool run(const struct query_flags *qf, const struct query_list *list, struct asker *w)
{
    json_t *all = json_array();
    bool good = true;

    for (size_t i = 0; i < list->n; i++) {
        struct outcome o = {0};

        ask_all(qf, &list->v[i], w, &o);
        good = good && o.n_failed == 0;
        if (qf->json)
            (void)json_array_append_new(all, json_of(&list->v[i], &o));
        else
            print_line(&list->v[i], &o);
        latency_release(&o.latency);
    }
    if (qf->json) {
        (void)json_dumpf(all, stdout, JSON_REAL_PRECISION(9));
        (void)putchar('\n');
    }
    json_decref(all);
    return good;
}

int load_query(int argc, char **argv)
{
    struct query_flags qf = {0};
    void *const targets[] = {&qf.help,   &qf.time_s, &qf.queries,     &qf.only,
                             &qf.repeat, &qf.most,   &qf.connections, &qf.json};
    const char *url = NULL;
    struct query_list list;
    struct arena a = {0};
    struct fault f = {0};
    struct asker *w;
    int rc, exit_code;

    _Static_assert(COUNT(targets) == COUNT(flags), "a target for each flag");
    if (!load_parse("usage: bench-load query [FLAGS] http://HOST:PORT", flags, targets,
                    COUNT(flags), argc, argv, &url, &exit_code))
        return exit_code;
    if (qf.time_s == 0)
        qf.time_s = (size_t)(clock_now_ms(clock_system()) / 1000);
    w = xcalloc(qf.connections, sizeof(*w));
    rc = queries_load(&a, qf.queries, qf.only, &list, &f);
    for (size_t i = 0; i < qf.connections && rc == 0; i++)
        rc = client_init(&w[i].client, url, &f);
    if (rc == 0) {
        exit_code = run(&qf, &list, w) ? 0 : 1;
    } else {
        fprintf(stderr, "bench-load: %s\n", f.text);
        exit_code = 2;
    }
    for (size_t i = 0; i < qf.connections; i++) {
        client_release(&w[i].client);
        latency_release(&w[i].latency);
    }
    free(w);
    arena_release(&a);
    return exit_code;
}
