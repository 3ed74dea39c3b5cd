/*
 * status.c - /api/v1/status/buildinfo, runtimeinfo, flags, tsdb, and /version.
 */
#include "handlers.h"

#include <unistd.h>

#include "cardinality.h"
#include "process.h"

#include "ferula/base/check.h"
#include "ferula/model/duration.h"

static void key_time(struct json *j, const char *key, ts_ms t)
{
    struct buf b = {0};

    time_print_rfc3339(&b, t);
    json_member_str(j, key, buf_str(&b));
    buf_release(&b);
}

/*
 * Clients read `version` to know what the server can do, so it is that of the Prometheus whose API
 * this is; ferula's own is in `revision`.
 */
static void write_buildinfo(struct json *j, const struct api *api)
{
    struct buf revision = {0};

    buf_addf(&revision, "ferula-%s-%s", api->opts.version, api->opts.revision);
    json_object_begin(j);
    json_member_cstr(j, "version", API_PROMETHEUS_VERSION);
    json_member_cstr(j, "revision", revision.p);
    json_member_cstr(j, "branch", "ferula");
    json_member_cstr(j, "buildUser", "");
    json_member_cstr(j, "buildDate", "");
    json_member_cstr(j, "goVersion", "");
    json_object_end(j);
    buf_release(&revision);
}

int api__status_buildinfo(struct http_req *req)
{
    struct json j;

    api__ok_begin(req, &j);
    write_buildinfo(&j, api__from(req->ctx));
    return api__ok_end(&j, NULL);
}

/* The same without an envelope, and as text: so it is in Prometheus. */
int api__version(struct http_req *req)
{
    struct json j;

    json_init(&j, &req->reply.body);
    write_buildinfo(&j, api__from(req->ctx));
    buf_putc(&req->reply.body, '\n');
    return 0;
}

int api__status_runtimeinfo(struct http_req *req)
{
    const struct api *api = api__from(req->ctx);
    struct api__process process;
    char cwd[4096], hostname[256];
    struct json j;

    api__process_read(&process);
    if (getcwd(cwd, sizeof(cwd)) == NULL)
        cwd[0] = '\0';
    if (gethostname(hostname, sizeof(hostname)) < 0)
        hostname[0] = '\0';
    hostname[sizeof(hostname) - 1] = '\0';
    api__ok_begin(req, &j);
    json_object_begin(&j);
    key_time(&j, "startTime", api->started);
    json_member_cstr(&j, "CWD", cwd);
    json_member_cstr(&j, "hostname", hostname);
    key_time(&j, "serverTime", clock_now_ms(api->opts.clock));
    json_member_bool(&j, "reloadConfigSuccess", true);
    key_time(&j, "lastConfigTime", api->started);
    json_member_int(&j, "corruptionCount", 0);
    json_key(&j, "goroutineCount"); /* threads are the nearest thing */
    json_int(&j, process.n_threads);
    json_member_int(&j, "GOMAXPROCS", sysconf(_SC_NPROCESSORS_ONLN));
    json_member_int(&j, "GOMEMLIMIT", INT64_MAX);
    json_member_cstr(&j, "GOGC", "");
    json_member_cstr(&j, "GODEBUG", "");
    json_member_cstr(&j, "storageRetention", ""); /* everything is kept */
    json_object_end(&j);
    return api__ok_end(&j, NULL);
}

int api__status_flags(struct http_req *req)
{
    const struct api *api = api__from(req->ctx);
    struct json j;

    api__ok_begin(req, &j);
    json_object_begin(&j);
    for (size_t i = 0; i < api->opts.n_flags; i++) {
        json_key_str(&j, str_of(api->flags[i].name));
        json_cstr(&j, api->flags[i].value);
    }
    json_object_end(&j);
    return api__ok_end(&j, NULL);
}

/* ---- tsdb ------------------------------------------------------------------------------- */

static void write_counts(struct json *j, const char *key, const struct api__counts *counts)
{
    json_key(j, key);
    json_array_begin(j);
    for (size_t i = 0; i < counts->n; i++) {
        json_object_begin(j);
        json_member_str(j, "name", counts->v[i].name);
        json_member_count(j, "value", counts->v[i].n);
        json_object_end(j);
    }
    json_array_end(j);
}

/* 1 to 10,000 entries a list; 10 when not said. FER_EINVAL: answered. */
static int entries_param(struct http_req *req, size_t *out)
{
    struct str s = http_param(req, "limit");
    struct fault f;
    int64_t n = 10;

    if (s.n > 0 && (api__parse_atoi(s, &n, &f) < 0 || n < 1)) {
        (void)api__fail(req, API_BAD_DATA, "limit must be a positive number");
        return FER_EINVAL;
    }
    if (n > 10000) {
        (void)api__fail(req, API_BAD_DATA, "limit must not exceed 10000");
        return FER_EINVAL;
    }
    *out = (size_t)n;
    return 0;
}

int api__status_tsdb(struct http_req *req)
{
    const struct api *api = api__from(req->ctx);
    struct api__cardinality card;
    struct tsdb_stats stats;
    struct fault f;
    struct json j;
    size_t limit;
    int rc;

    if (entries_param(req, &limit) < 0)
        return 0;
    tsdb_stats(api->opts.db, &stats);
    rc = api__cardinality_read(tsdb_source(api->opts.db), &req->arena, &stats, limit, &card, &f);
    if (rc < 0)
        return api__fail(req, api__store_error(rc, API_INTERNAL), "%s", f.text);
    api__ok_begin(req, &j);
    json_object_begin(&j);
    json_key(&j, "headStats");
    json_object_begin(&j);
    json_member_count(&j, "numSeries", stats.n_series);
    json_member_count(&j, "numLabelPairs", card.n_pairs);
    json_key(&j, "chunkCount"); /* one open chunk a series */
    json_int(&j, (int64_t)stats.n_series);
    json_member_int(&j, "minTime", stats.min_time);
    json_member_int(&j, "maxTime", stats.max_time);
    json_object_end(&j);
    write_counts(&j, "seriesCountByMetricName", &card.series_by_metric);
    write_counts(&j, "labelValueCountByLabelName", &card.values_by_label);
    write_counts(&j, "memoryInBytesByLabelName", &card.bytes_by_label);
    write_counts(&j, "seriesCountByLabelValuePair", &card.series_by_pair);
    json_object_end(&j);
    return api__ok_end(&j, NULL);
}
