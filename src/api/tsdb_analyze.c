/*
 * tsdb_analyze.c - /_ferula/tsdb/analyze: what a store consists of, as JSON.
 */
#include "handlers.h"

#include "ferula/base/check.h"

#define NAMES      10
#define NAMES_MAX  10000
#define SLOTS_MOST 1000 /* the newest */

static void key_int(struct json *j, const char *key, uint64_t v)
{
    json_key(j, key);
    json_int(j, (int64_t)v);
}

/* A time in ms, or null when there is none. */
static void key_time(struct json *j, const char *key, ts_ms t)
{
    json_key(j, key);
    if (t == INT64_MIN || t == INT64_MAX)
        json_null(j);
    else
        json_int(j, t);
}

static void key_ratio(struct json *j, const char *key, uint64_t bytes, uint64_t samples)
{
    json_key(j, key);
    if (samples == 0)
        json_null(j);
    else
        json_float(j, (double)bytes / (double)samples);
}

static void print_samples(struct json *j, const struct tsdb_analysis *an)
{
    uint64_t all = an->n_samples_sealed + an->n_samples_head + an->n_samples_late;

    json_key(j, "samples");
    json_object_begin(j);
    key_int(j, "sealed", an->n_samples_sealed);
    key_int(j, "inMemory", an->n_samples_head);
    key_int(j, "late", an->n_samples_late);
    key_time(j, "minTime", an->min_time);
    key_time(j, "maxTime", an->max_time);
    json_object_end(j);
    json_key(j, "bytesPerSample");
    json_object_begin(j);
    key_ratio(j, "data", an->data_bytes, an->n_samples_sealed);
    key_ratio(j, "index", an->index_bytes, all);
    key_ratio(j, "all", an->used_bytes, all);
    json_object_end(j);
}

static void print_file(struct json *j, const struct tsdb_analysis *an)
{
    json_key(j, "bytes");
    json_object_begin(j);
    key_int(j, "file", an->file_bytes);
    key_int(j, "used", an->used_bytes);
    key_int(j, "data", an->data_bytes);
    key_int(j, "index", an->index_bytes);
    key_int(j, "log", an->log_bytes);
    key_int(j, "most", an->map_bytes);
    json_object_end(j);
    json_key(j, "tables");
    json_array_begin(j);
    for (size_t i = 0; i < an->n_tables; i++) {
        json_object_begin(j);
        json_key(j, "name");
        json_cstr(j, an->tables[i].name);
        key_int(j, "rows", an->tables[i].rows);
        key_int(j, "bytes", an->tables[i].bytes);
        json_object_end(j);
    }
    json_array_end(j);
}

static void print_counts(struct json *j, const char *key, const struct tsdb_count *v, size_t n,
                         bool values)
{
    json_key(j, key);
    json_array_begin(j);
    for (size_t i = 0; i < n; i++) {
        json_object_begin(j);
        json_key(j, "name");
        json_str(j, v[i].name);
        key_int(j, "series", v[i].n_series);
        if (values)
            key_int(j, "values", v[i].n_values);
        json_object_end(j);
    }
    json_array_end(j);
}

static void print_slots(struct json *j, const struct tsdb_analysis *an)
{
    size_t from = an->n_slots > SLOTS_MOST ? an->n_slots - SLOTS_MOST : 0;

    key_int(j, "numSlots", an->n_slots);
    json_key(j, "slots");
    json_array_begin(j);
    for (size_t i = from; i < an->n_slots; i++) {
        json_object_begin(j);
        key_time(j, "start", an->slots[i].start);
        key_int(j, "rows", an->slots[i].rows);
        key_int(j, "series", an->slots[i].series);
        key_int(j, "newSeries", an->slots[i].new_series);
        key_int(j, "samples", an->slots[i].samples);
        json_object_end(j);
    }
    json_array_end(j);
}

static void print_all(struct json *j, const struct tsdb_analysis *an)
{
    json_object_begin(j);
    key_int(j, "numSeries", an->n_series);
    key_int(j, "numSeriesUnsealed", an->n_series_unsealed);
    key_int(j, "numMetrics", an->n_metrics);
    key_int(j, "numLabels", an->n_labels);
    print_samples(j, an);
    print_file(j, an);
    json_key(j, "retention");
    json_object_begin(j);
    key_int(j, "time", (uint64_t)an->retention);
    key_int(j, "size", an->retention_bytes);
    key_time(j, "keptFrom", an->kept_from);
    json_object_end(j);
    print_counts(j, "metrics", an->metrics, an->n_top_metrics, false);
    print_counts(j, "labels", an->labels, an->n_top_labels, true);
    print_slots(j, an);
    json_object_end(j);
}

void api_analysis_print(struct buf *out, const struct tsdb_analysis *an)
{
    struct json j;

    json_init(&j, out);
    print_all(&j, an);
}

int api__tsdb_analyze(struct http_req *req)
{
    struct tsdb_analysis an;
    struct fault f;
    struct json j;
    size_t limit;

    if (api__limit_param(req, &limit, &f) < 0)
        return api__fail(req, API_BAD_DATA, "%s", f.text);
    limit = limit == 0 ? NAMES : MIN(limit, (size_t)NAMES_MAX);
    if (tsdb_analyze(api__from(req->ctx)->opts.db, &req->arena, limit, &an, &f) < 0)
        return api__fail(req, API_INTERNAL, "%s", f.text);
    api__ok_begin(req, &j);
    print_all(&j, &an);
    return api__ok_end(&j, NULL);
}
