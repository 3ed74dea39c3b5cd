/*
 * api.h - Prometheus' HTTP API on ferula's store: routes, parameters, JSON.
 *
 * One struct api serves all requests, on any thread. Texts, statuses and key order are those of
 * Prometheus 3.14's web/api/v1.
 */
#ifndef FERULA_API_H
#define FERULA_API_H

#include <stddef.h>

#include "ferula/base/clock.h"
#include "ferula/http.h"
#include "ferula/ingest.h"
#include "ferula/promql.h"
#include "ferula/tsdb.h"

struct api; /* opaque */

/* What status/flags shows: names without dashes, and their values as text. */
struct api_flag {
    const char *name, *value;
};

struct api_opts {
    struct tsdb *db;
    const struct clock *clock;
    dur_ms lookback, query_timeout;
    size_t max_samples;
    size_t max_concurrency;
    size_t max_reads;         /* remote reads at once; 0: any number */
    size_t read_sample_limit; /* of an answer of remote read; 0: none */
    size_t max_polls;         /* of scalers, recorded in the store; 0: none */
    size_t read_frame_bytes;  /* of a frame of streamed chunks */
    struct pool *helpers;     /* idle threads that help with large queries; borrowed, NULL: none */
    size_t n_helpers;         /* in one query at most */
    struct promql_features features;
    bool delayed_name_removal, use_start_timestamps; /* in queries */
    bool per_step_stats;                             /* stats=all of a query has them */
    bool type_and_unit_labels; /* made of the metadata that comes with samples; rate() looks at them
                                */
    bool start_timestamps;     /* of samples are stored */
    bool remote_write;         /* the receiver is on */
    bool refuse_v1, refuse_v2; /* of the two messages of remote write */
    bool otlp;                 /* the receiver of OTLP is on */
    bool admin; /* snapshots are made, series deleted and faults injected for whoever asks */
    struct ingest_limits limits;
    const struct api_flag *flags; /* borrowed for the life of the api */
    size_t n_flags;
    const char *version, *revision;
    const char *data_dir;
    bool prometheus_aliases; /* prometheus_* names in /metrics beside ferula_* */
};

struct api *api_new(const struct api_opts *opts);
void api_free(struct api *api);

/* The table of routes for http_opts.routes; lives as long as the api. */
const struct http_route *api_routes(struct api *api, size_t *n);

/* After http_start(): whose counters /metrics shows as prometheus_http_*. Borrowed. */
void api_set_http(struct api *api, struct http_server *http);

/* For http_opts.early: refuses a write by its headers before the body is read. */
int api_early(struct http_req *req);

/* ---- dumps ------------------------------------------------------------------------------ */

/* The header of /_ferula/tsdb/dump with the cursor of the next page; absent on the last one. */
#define API_DUMP_NEXT "Ferula-Next"

/*
 * What the endpoint answers, for commands that opened a store themselves: appends JSON lines
 * (ingest_print_jsonl) from *at on until `limit` bytes are there, and moves *at on. A page may be
 * empty although more follows; at->id is 0 after the last one. Begin with {1, range.from}.
 */
int api_dump_page(struct tsdb *db, const struct tsdb_export *what, size_t limit,
                  struct tsdb_cursor *at, struct buf *out, struct fault *f);

/* Fills out->sets from selectors; `metric` not empty: only series of that name. FER_EINVAL. */
int api_dump_select(struct arena *a, const struct str *selectors, size_t n, struct str metric,
                    struct tsdb_export *out, struct fault *f);

/* A cursor as text. */
void api_dump_cursor_print(struct buf *out, struct tsdb_cursor at);
bool api_dump_cursor_parse(struct str text, struct tsdb_cursor *out);

/* Appends the data of what /_ferula/tsdb/analyze answers: a JSON object. */
void api_analysis_print(struct buf *out, const struct tsdb_analysis *an);

#endif
