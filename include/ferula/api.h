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
    struct promql_features features;
    bool delayed_name_removal;
    bool remote_write; /* the receiver is on */
    bool admin;        /* snapshots are made for whoever asks */
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

#endif
