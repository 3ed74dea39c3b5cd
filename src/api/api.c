/*
 * api.c - the api object and its table of routes.
 */
#include "api.h"

#include <stdlib.h>
#include <string.h>

#include "handlers.h"
#include "write.h"

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

#define GET_POST     (HTTP_GET | HTTP_POST)
#define POST_PUT     (HTTP_POST | HTTP_PUT)
#define GET_POST_PUT (HTTP_GET | POST_PUT)

/* Flags of an endpoint under /api/v1, and of one that reads series or runs queries. */
#define PLAIN   (HTTP_CORS | HTTP_GZIP)
#define ON_POOL (HTTP_CORS | HTTP_GZIP | HTTP_ON_POOL)
#define EARLY   HTTP_DURING_START

// clang-format off
static const struct {
    unsigned methods;
    const char *path;
    http_handler handler;
    unsigned flags;
} table[] = {
    {GET_POST,     "/api/v1/query",                          api__query,              ON_POOL | HTTP_TRY_BRIEF},
    {GET_POST,     "/api/v1/query_range",                    api__query_range,        ON_POOL},
    {GET_POST,     "/api/v1/query_exemplars",                api__query_exemplars,    ON_POOL},
    {GET_POST,     "/api/v1/format_query",                   api__format_query,       ON_POOL},
    {GET_POST,     "/api/v1/parse_query",                    api__parse_query,        ON_POOL},
    {GET_POST,     "/api/v1/labels",                         api__label_names,        ON_POOL},
    {HTTP_GET,     "/api/v1/label/{name}/values",            api__label_values,       ON_POOL},
    {GET_POST,     "/api/v1/series",                         api__series,             ON_POOL},
    {HTTP_GET,     "/api/v1/metadata",                       api__metadata,           ON_POOL},
    {HTTP_POST,    API_WRITE_PATH,                           api__write,              0},
    {HTTP_POST,    API_AZURE_WRITE_PATH,                     api__write,              0},
    {HTTP_POST,    "/api/v1/read",                           api__read,               HTTP_ON_POOL},
    {HTTP_POST,    API_OTLP_PATH,                            api__otlp,               HTTP_ON_POOL},

    {HTTP_GET,     "/api/v1/status/buildinfo",               api__status_buildinfo,   PLAIN},
    {HTTP_GET,     "/api/v1/status/runtimeinfo",             api__status_runtimeinfo, PLAIN},
    {HTTP_GET,     "/api/v1/status/flags",                   api__status_flags,       PLAIN},
    {HTTP_GET,     "/api/v1/status/tsdb",                    api__status_tsdb,        ON_POOL},
    {HTTP_GET,     "/api/v1/features",                       api__features,           PLAIN},

    {HTTP_GET,     "/api/v1/alertmanagers",                  api__constant,           PLAIN},
    {HTTP_GET,     "/api/v1/alerts",                         api__constant,           PLAIN},
    {HTTP_GET,     "/api/v1/notifications",                  api__constant,           PLAIN | EARLY},
    {HTTP_GET,     "/api/v1/rules",                          api__rules,              PLAIN},
    {HTTP_GET,     "/api/v1/scrape_pools",                   api__constant,           PLAIN},
    {HTTP_GET,     "/api/v1/status/config",                  api__constant,           PLAIN},
    {HTTP_GET,     "/api/v1/status/tsdb/blocks",             api__constant,           PLAIN},
    {HTTP_GET,     "/api/v1/status/walreplay",               api__constant,           PLAIN | EARLY},
    {HTTP_GET,     "/api/v1/targets",                        api__targets,            PLAIN},
    {HTTP_GET,     "/api/v1/targets/metadata",               api__constant,           PLAIN},
    {POST_PUT,     "/api/v1/admin/tsdb/delete_series",       api__admin_delete,       ON_POOL},
    {POST_PUT,     "/api/v1/admin/tsdb/clean_tombstones",    api__admin_clean,        ON_POOL},
    {POST_PUT,     "/api/v1/admin/tsdb/snapshot",            api__admin_snapshot,     ON_POOL},

    {GET_POST,     "/_ferula/tsdb/dump",                     api__tsdb_dump,          ON_POOL},
    {HTTP_GET,     "/_ferula/tsdb/analyze",                  api__tsdb_analyze,       ON_POOL},
    {HTTP_GET,     "/_ferula/polls",                         api__polls,              ON_POOL},
    {HTTP_GET,     "/_ferula/faults",                        api__faults_list,        ON_POOL},
    {HTTP_POST,    "/_ferula/faults",                        api__faults_add,         ON_POOL},
    {HTTP_DELETE,  "/_ferula/faults",                        api__faults_delete,      ON_POOL},
    {HTTP_POST,    "/_ferula/reset",                         api__reset,              ON_POOL},
    {HTTP_OPTIONS, "/api/v1/{rest...}",                      api__no_content,         PLAIN},

    {HTTP_GET,     "/federate",                              api__federate,           HTTP_GZIP | HTTP_ON_POOL},
    {HTTP_GET,     "/metrics",                               api__metrics,            HTTP_GZIP | HTTP_ON_POOL},
    {HTTP_GET,     "/version",                               api__version,            0},
    {HTTP_GET,     "/-/healthy",                             api__healthy,            EARLY},
    {HTTP_GET,     "/-/ready",                               api__ready,              0},
    {GET_POST_PUT, "/-/reload",                              api__lifecycle,          EARLY},
    {GET_POST_PUT, "/-/quit",                                api__lifecycle,          EARLY},
    {HTTP_GET,     "/",                                      api__index,              EARLY},
};
// clang-format on

struct api *api__from(void *ctx)
{
    struct api *api = ctx;

    CHECK_MAGIC(api, API_MAGIC);
    return api;
}

static int by_flag_name(const void *a, const void *b)
{
    const struct api_flag *x = a, *y = b;

    return strcmp(x->name, y->name);
}

struct api *api_new(const struct api_opts *opts)
{
    struct api *api = xnew(struct api);

    api->magic = API_MAGIC;
    api->opts = *opts;
    api->started = clock_now_ms(opts->clock);
    api->n_routes = COUNT(table);
    api->routes = xcalloc(api->n_routes, sizeof(api->routes[0]));
    for (size_t i = 0; i < api->n_routes; i++)
        api->routes[i] = (struct http_route){.methods = table[i].methods,
                                             .path = table[i].path,
                                             .handler = table[i].handler,
                                             .ctx = api,
                                             .flags = table[i].flags};
    api->flags = xcalloc(opts->n_flags + 1, sizeof(api->flags[0]));
    for (size_t i = 0; i < opts->n_flags; i++)
        api->flags[i] = opts->flags[i];
    qsort(api->flags, opts->n_flags, sizeof(api->flags[0]), by_flag_name);
    api__gate_init(&api->queries, opts->max_concurrency == 0 ? SIZE_MAX : opts->max_concurrency);
    api__gate_init(&api->reads, opts->max_reads == 0 ? SIZE_MAX : opts->max_reads);
    api__faults_init(&api->faults);
    api__timing_init(&api->inner_eval);
    api__timing_init(&api->queue_time);
    return api;
}

void api_free(struct api *api)
{
    if (api == NULL)
        return;
    CHECK_MAGIC(api, API_MAGIC);
    api__faults_release(&api->faults);
    api__timing_release(&api->queue_time);
    api__timing_release(&api->inner_eval);
    api__gate_release(&api->reads);
    api__gate_release(&api->queries);
    free(api->flags);
    free(api->routes);
    free(api);
}

const struct http_route *api_routes(struct api *api, size_t *n)
{
    CHECK_MAGIC(api, API_MAGIC);
    *n = api->n_routes;
    return api->routes;
}

void api_set_http(struct api *api, struct http_server *http)
{
    CHECK_MAGIC(api, API_MAGIC);
    atomic_store(&api->http, http);
}
