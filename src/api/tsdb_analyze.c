/*
 * tsdb_analyze.c - /_ferula/tsdb/analyze: what a store consists of, as JSON.
 */
#include "handlers.h"

#include "ferula/base/check.h"

#define NAMES      10
#define NAMES_MAX  10000
#define SLOTS_MOST 1000 /* the newest */

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
    json_member_count(j, "sealed", an->n_samples_sealed);
    json_member_count(j, "inMemory", an->n_samples_head);
    json_member_count(j, "late", an->n_samples_late);
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
    json_member_count(j, "file", an->file_bytes);
    json_member_count(j, "used", an->used_bytes);
    json_member_count(j, "data", an->data_bytes);
    json_member_count(j, "index", an->index_bytes);
    json_member_count(j, "log", an->log_bytes);
    json_member_count(j, "most", an->map_bytes);
    json_object_end(j);
    json_key(j, "tables");
    json_array_begin(j);
    for (size_t i = 0; i < an->n_tables; i++) {
        json_object_begin(j);
        json_member_cstr(j, "name", an->tables[i].name);
        json_member_count(j, "rows", an->tables[i].rows);
        json_member_count(j, "bytes", an->tables[i].bytes);
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
        json_member_str(j, "name", v[i].name);
        json_member_count(j, "series", v[i].n_series);
        if (values)
            json_member_count(j, "values", v[i].n_values);
        json_object_end(j);
    }
    json_array_end(j);
}

static void print_slots(struct json *j, const struct tsdb_analysis *an)
{
    size_t from = an->n_slots > SLOTS_MOST ? an->n_slots - SLOTS_MOST : 0;

    json_member_count(j, "numSlots", an->n_slots);
    json_key(j, "slots");
    json_array_begin(j);
    for (size_t i = from; i < an->n_slots; i++) {
        json_object_begin(j);
        key_time(j, "start", an->slots[i].start);
        json_member_count(j, "rows", an->slots[i].rows);
        json_member_count(j, "series", an->slots[i].series);
        json_member_count(j, "newSeries", an->slots[i].new_series);
        json_member_count(j, "samples", an->slots[i].samples);
        json_object_end(j);
    }
    json_array_end(j);
}

static void print_all(struct json *j, const struct tsdb_analysis *an)
{
    json_object_begin(j);
    json_member_count(j, "numSeries", an->n_series);
    json_member_count(j, "numSeriesUnsealed", an->n_series_unsealed);
    json_member_count(j, "numMetrics", an->n_metrics);
    json_member_count(j, "numLabels", an->n_labels);
    print_samples(j, an);
    print_file(j, an);
    json_key(j, "retention");
    json_object_begin(j);
    json_member_int(j, "time", an->retention);
    json_member_count(j, "size", an->retention_bytes);
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
