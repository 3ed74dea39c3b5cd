/*
 * metrics.c - /metrics: ferula's counters, the process, and the names that Prometheus dashboards
 * ask for.
 */
#include "handlers.h"

#include "process.h"

#include "ferula/base/check.h"
#include "ferula/base/num.h"
#include "ferula/base/stats.h"

/* The only sample of a family; `labels` is "" or {a="b"}. */
static void write_sample(struct buf *b, const char *name, const char *labels, double v)
{
    buf_puts(b, name);
    buf_puts(b, labels);
    buf_putc(b, ' ');
    buf_add_num(b, v, 'g');
    buf_putc(b, '\n');
}

static void gauge(struct buf *b, const char *name, const char *help, double v)
{
    stats_head(b, name, "gauge", help);
    write_sample(b, name, "", v);
}

static void write_process(struct buf *b)
{
    struct api__process p;

    api__process_read(&p);
    stats_head(b, "process_cpu_seconds_total", "counter",
               "Total user and system CPU time spent in seconds.");
    write_sample(b, "process_cpu_seconds_total", "", p.cpu_s);
    gauge(b, "process_max_fds", "Maximum number of open file descriptors.", p.max_fds);
    gauge(b, "process_open_fds", "Number of open file descriptors.", (double)p.open_fds);
    gauge(b, "process_resident_memory_bytes", "Resident memory size in bytes.",
          (double)p.resident_bytes);
    gauge(b, "process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
          p.started_s);
    gauge(b, "process_threads", "Number of threads.", (double)p.n_threads);
    gauge(b, "process_virtual_memory_bytes", "Virtual memory size in bytes.",
          (double)p.virtual_bytes);
    gauge(b, "process_virtual_memory_max_bytes",
          "Maximum amount of virtual memory available in bytes.", p.virtual_max_bytes);
}

static void write_build_info(struct buf *b, const struct api *api)
{
    stats_head(b, "ferula_build_info", "gauge",
               "A metric with a constant '1' value labeled by version and revision.");
    buf_addf(b, "ferula_build_info{version=\"%s\",revision=\"%s\"} 1\n", api->opts.version,
             api->opts.revision);
    if (!api->opts.prometheus_aliases)
        return;
    stats_head(b, "prometheus_build_info", "gauge",
               "A metric with a constant '1' value labeled by version, revision, branch, goversion "
               "from which prometheus was built, and the goos and goarch for the build.");
    buf_addf(b,
             "prometheus_build_info{branch=\"ferula\",goversion=\"\",revision=\"ferula-%s-%s\","
             "version=\"" API_PROMETHEUS_VERSION "\"} 1\n",
             api->opts.version, api->opts.revision);
}

/* ---- prometheus_* names ----------------------------------------------------------------- */

/* One of ferula's counters under another name; samples are all floats. */
static const struct {
    const char *name, *type, *labels, *help;
    enum stat stat;
} aliases[] = {
#define ALIAS(name, type, labels, stat, help) {name, type, labels, help, STAT_##stat},
#include "aliases.tbl.h"
#undef ALIAS
};

static void write_aliases(struct buf *b)
{
    for (size_t i = 0; i < COUNT(aliases); i++) {
        stats_head(b, aliases[i].name, aliases[i].type, aliases[i].help);
        write_sample(b, aliases[i].name, aliases[i].labels, (double)stats_get(aliases[i].stat));
    }
}

static void write_store_aliases(struct buf *b, const struct api *api)
{
    struct tsdb_stats s;

    tsdb_stats(api->opts.db, &s);
    gauge(b, "prometheus_config_last_reload_success_timestamp_seconds",
          "Timestamp of the last successful configuration reload.", (double)api->started / 1000);
    gauge(b, "prometheus_config_last_reload_successful",
          "Whether the last configuration reload attempt was successful.", 1);
    gauge(b, "prometheus_engine_queries_concurrent_max", "The max number of concurrent queries.",
          (double)api->opts.max_concurrency);
    gauge(b, "prometheus_ready",
          "Whether Prometheus startup was fully completed and the server is ready for normal "
          "operation.",
          1);
    gauge(b, "prometheus_tsdb_head_chunks", "Total number of chunks in the head block.",
          (double)s.n_series);
    gauge(b, "prometheus_tsdb_head_max_time", "Maximum timestamp of the head block.",
          (double)s.max_time);
    gauge(b, "prometheus_tsdb_head_min_time", "Minimum time bound of the head block.",
          (double)s.min_time);
    gauge(b, "prometheus_tsdb_storage_blocks_bytes",
          "The number of bytes that are currently used for local storage by all blocks.",
          (double)s.used_bytes);
}

static void write_slice(struct buf *b, const char *slice, struct api__timing *timing)
{
    static const char *const quantiles[] = {"0.5", "0.9", "0.99"};
    struct api__timing_view view;

    api__timing_read(timing, &view);
    for (size_t i = 0; i < COUNT(quantiles); i++) {
        buf_addf(b, "prometheus_engine_query_duration_seconds{slice=\"%s\",quantile=\"%s\"} ",
                 slice, quantiles[i]);
        buf_add_num(b, view.quantile_s[i], 'g');
        buf_putc(b, '\n');
    }
    buf_addf(b, "prometheus_engine_query_duration_seconds_sum{slice=\"%s\"} ", slice);
    buf_add_num(b, view.sum_s, 'g');
    buf_addf(b, "\nprometheus_engine_query_duration_seconds_count{slice=\"%s\"} ", slice);
    buf_add_u64(b, view.count);
    buf_putc(b, '\n');
}

int api__metrics(struct http_req *req)
{
    struct api *api = api__from(req->ctx);
    struct http_server *http = atomic_load(&api->http);
    struct buf *b = &req->reply.body;

    req->reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
    api__faults_expire(api);
    write_build_info(b, api);
    stats_render(b);
    write_process(b);
    if (!api->opts.prometheus_aliases)
        return 0;
    write_aliases(b);
    write_store_aliases(b, api);
    stats_head(b, "prometheus_engine_query_duration_seconds", "summary", "Query timings");
    write_slice(b, "inner_eval", &api->inner_eval);
    write_slice(b, "queue_time", &api->queue_time);
    if (http != NULL)
        http_metrics(http, b, "prometheus");
    return 0;
}
