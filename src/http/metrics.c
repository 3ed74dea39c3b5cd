/*
 * metrics.c - requests, durations and reply sizes a route, under the names that Prometheus uses.
 */
#include <stdlib.h>

#include "http_priv.h"

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/base/num.h"
#include "ferula/base/stats.h"

static const double second_bounds[HTTP__N_SECONDS] = {.1, .2, .4, 1, 3, 8, 20, 60, 120};
static const double size_bounds[HTTP__N_SIZES] = {1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

static const char *label_of(const struct http_route *route)
{
    return route->metric == NULL ? route->path : route->metric;
}

static void collect(struct buf *out, void *ctx)
{
    http_metrics(http__server_from(ctx), out, "ferula");
}

/* Routes that share a label share the counters. */
void http__metrics_init(struct http_server *s)
{
    pthread_mutex_init(&s->metrics_lock, NULL);
    s->metrics = xcalloc(s->n_routes, sizeof(*s->metrics));
    for (size_t i = 0; i < s->n_routes; i++) {
        const char *label = label_of(s->routes[i].pub);
        size_t at = 0;

        while (at < s->n_metrics && strcmp(s->metrics[at].handler, label) != 0)
            at++;
        s->metrics[at].handler = label;
        s->n_metrics = MAX(s->n_metrics, at + 1);
        s->routes[i].metric = &s->metrics[at];
    }
    stats_register(collect, s);
}

void http__metrics_release(struct http_server *s)
{
    stats_unregister(s);
    pthread_mutex_destroy(&s->metrics_lock);
    free(s->metrics);
}

static size_t bucket_of(double v, const double *bounds, size_t n)
{
    size_t i = 0;

    while (i < n && v > bounds[i])
        i++;
    return i;
}

void http__metrics_count(struct http__request *r, size_t reply_bytes)
{
    struct http_server *s = r->server;
    struct http__metric *m = r->route == NULL ? NULL : r->route->metric;
    double seconds = (double)(clock_mono_ns(s->clock) - r->req.arrived_ns) / 1e9;
    size_t i = 0;

    if (m == NULL)
        return;
    pthread_mutex_lock(&s->metrics_lock);
    while (i < HTTP__N_CODES - 1 && m->codes[i].n > 0 && m->codes[i].code != r->req.reply.status)
        i++;
    m->codes[i].code = r->req.reply.status;
    m->codes[i].n++;
    m->seconds[bucket_of(seconds, second_bounds, HTTP__N_SECONDS)]++;
    m->seconds_sum += seconds;
    m->sizes[bucket_of((double)reply_bytes, size_bounds, HTTP__N_SIZES)]++;
    m->sizes_sum += (double)reply_bytes;
    m->n++;
    pthread_mutex_unlock(&s->metrics_lock);
}

struct histogram {
    const char *name, *handler;
    const double *bounds;
    const uint64_t *counts; /* n + 1 */
    size_t n;
    double sum;
};

static void write_histogram(struct buf *out, const struct histogram *h)
{
    uint64_t total = 0;

    for (size_t i = 0; i <= h->n; i++) {
        total += h->counts[i];
        buf_addf(out, "%s_bucket{handler=\"%s\",le=\"", h->name, h->handler);
        if (i < h->n)
            buf_add_num(out, h->bounds[i], 'g');
        else
            buf_puts(out, "+Inf");
        buf_addf(out, "\"} %llu\n", (unsigned long long)total);
    }
    buf_addf(out, "%s_sum{handler=\"%s\"} ", h->name, h->handler);
    buf_add_num(out, h->sum, 'g');
    buf_addf(out, "\n%s_count{handler=\"%s\"} %llu\n", h->name, h->handler,
             (unsigned long long)total);
}

static void write_requests(const struct http_server *s, struct buf *out, const char *name)
{
    stats_head(out, name, "counter", "HTTP requests answered, by handler and status code.");
    for (size_t i = 0; i < s->n_metrics; i++)
        for (size_t j = 0; j < HTTP__N_CODES && s->metrics[i].codes[j].n > 0; j++)
            buf_addf(out, "%s{handler=\"%s\",code=\"%d\"} %llu\n", name, s->metrics[i].handler,
                     s->metrics[i].codes[j].code, (unsigned long long)s->metrics[i].codes[j].n);
}

static void write_durations(const struct http_server *s, struct buf *out, const char *name)
{
    stats_head(out, name, "histogram", "Seconds from the complete head to the ready reply.");
    for (size_t i = 0; i < s->n_metrics; i++) {
        const struct http__metric *m = &s->metrics[i];
        struct histogram h = {name,       m->handler,      second_bounds,
                              m->seconds, HTTP__N_SECONDS, m->seconds_sum};

        if (m->n > 0)
            write_histogram(out, &h);
    }
}

static void write_sizes(const struct http_server *s, struct buf *out, const char *name)
{
    stats_head(out, name, "histogram", "Bytes of reply bodies.");
    for (size_t i = 0; i < s->n_metrics; i++) {
        const struct http__metric *m = &s->metrics[i];
        struct histogram h = {name, m->handler, size_bounds, m->sizes, HTTP__N_SIZES, m->sizes_sum};

        if (m->n > 0)
            write_histogram(out, &h);
    }
}

void http_metrics(struct http_server *s, struct buf *out, const char *prefix)
{
    static const struct {
        const char *suffix;
        void (*write)(const struct http_server *s, struct buf *out, const char *name);
    } families[] = {
        {"_http_requests_total",           write_requests },
        {"_http_request_duration_seconds", write_durations},
        {"_http_response_size_bytes",      write_sizes    },
    };
    struct buf name = {0};

    pthread_mutex_lock(&s->metrics_lock);
    for (size_t i = 0; i < COUNT(families); i++) {
        buf_reset(&name);
        buf_puts(&name, prefix);
        buf_puts(&name, families[i].suffix);
        families[i].write(s, out, name.p);
    }
    pthread_mutex_unlock(&s->metrics_lock);
    buf_release(&name);
}
