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

#define GET_POST (HTTP_GET | HTTP_POST)
#define POST_PUT (HTTP_POST | HTTP_PUT)

/* Flags of an endpoint under /api/v1, and of one that reads series or runs queries. */
#define PLAIN   (HTTP_CORS | HTTP_GZIP)
#define ON_POOL (HTTP_CORS | HTTP_GZIP | HTTP_ON_POOL)
#define EARLY   HTTP_DURING_START

/* The context of each row is set by api_new(). */
static const struct http_route table[] = {
    {GET_POST,            "/api/v1/query",                       api__query,              NULL, ON_POOL,                  NULL           },
    {GET_POST,            "/api/v1/query_range",                 api__query_range,        NULL, ON_POOL,                  NULL           },
    {GET_POST,            "/api/v1/query_exemplars",             api__query_exemplars,    NULL, ON_POOL,                  NULL           },
    {GET_POST,            "/api/v1/format_query",                api__format_query,       NULL, ON_POOL,                  NULL           },
    {GET_POST,            "/api/v1/parse_query",                 api__parse_query,        NULL, ON_POOL,                  NULL           },
    {GET_POST,            "/api/v1/labels",                      api__label_names,        NULL, ON_POOL,                  NULL           },
    {HTTP_GET,            "/api/v1/label/{name}/values",         api__label_values,       NULL, ON_POOL,                  NULL           },
    {GET_POST,            "/api/v1/series",                      api__series,             NULL, ON_POOL,                  NULL           },
    {HTTP_GET,            "/api/v1/metadata",                    api__metadata,           NULL, ON_POOL,                  NULL           },
    {HTTP_POST,           API_WRITE_PATH,                        api__write,              NULL, 0,                        NULL           },
    {HTTP_POST,           API_AZURE_WRITE_PATH,                  api__write,              NULL, 0,                        NULL           },

    {HTTP_GET,            "/api/v1/status/buildinfo",            api__status_buildinfo,   NULL, PLAIN,                    NULL           },
    {HTTP_GET,            "/api/v1/status/runtimeinfo",          api__status_runtimeinfo, NULL, PLAIN,                    NULL           },
    {HTTP_GET,            "/api/v1/status/flags",                api__status_flags,       NULL, PLAIN,                    NULL           },
    {HTTP_GET,            "/api/v1/status/tsdb",                 api__status_tsdb,        NULL, ON_POOL,                  NULL           },
    {HTTP_GET,            "/api/v1/features",                    api__features,           NULL, PLAIN,                    NULL           },

    {HTTP_GET,            "/api/v1/alertmanagers",               api__constant,           NULL, PLAIN,                    NULL           },
    {HTTP_GET,            "/api/v1/alerts",                      api__constant,           NULL, PLAIN,                    NULL           },
    {HTTP_GET,            "/api/v1/notifications",               api__constant,           NULL, PLAIN | EARLY,            NULL           },
    {HTTP_GET,            "/api/v1/rules",                       api__rules,              NULL, PLAIN,                    NULL           },
    {HTTP_GET,            "/api/v1/scrape_pools",                api__constant,           NULL, PLAIN,                    NULL           },
    {HTTP_GET,            "/api/v1/status/config",               api__constant,           NULL, PLAIN,                    NULL           },
    {HTTP_GET,            "/api/v1/status/tsdb/blocks",          api__constant,           NULL, PLAIN,                    NULL           },
    {HTTP_GET,            "/api/v1/status/walreplay",            api__constant,           NULL, PLAIN | EARLY,            NULL           },
    {HTTP_GET,            "/api/v1/targets",                     api__targets,            NULL, PLAIN,                    NULL           },
    {HTTP_GET,            "/api/v1/targets/metadata",            api__constant,           NULL, PLAIN,                    NULL           },
    {POST_PUT,            "/api/v1/admin/tsdb/delete_series",    api__admin_disabled,     NULL, PLAIN,                    NULL           },
    {POST_PUT,            "/api/v1/admin/tsdb/clean_tombstones", api__admin_disabled,     NULL, PLAIN,                    NULL           },
    {POST_PUT,            "/api/v1/admin/tsdb/snapshot",         api__admin_disabled,     NULL, PLAIN,                    NULL           },
    {HTTP_OPTIONS,        "/api/v1/{rest...}",                   api__no_content,         NULL, PLAIN,                    "/api/v1/*path"},

    {HTTP_GET,            "/metrics",                            api__metrics,            NULL, HTTP_GZIP | HTTP_ON_POOL, NULL           },
    {HTTP_GET,            "/version",                            api__version,            NULL, 0,                        NULL           },
    {HTTP_GET,            "/-/healthy",                          api__healthy,            NULL, EARLY,                    NULL           },
    {HTTP_GET,            "/-/ready",                            api__ready,              NULL, 0,                        NULL           },
    {HTTP_GET | POST_PUT, "/-/reload",                           api__lifecycle,          NULL, EARLY,                    NULL           },
    {HTTP_GET | POST_PUT, "/-/quit",                             api__lifecycle,          NULL, EARLY,                    NULL           },
    {HTTP_GET,            "/",                                   api__index,              NULL, EARLY,                    NULL           },
};

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
    for (size_t i = 0; i < api->n_routes; i++) {
        api->routes[i] = table[i];
        api->routes[i].ctx = api;
    }
    api->flags = xcalloc(opts->n_flags + 1, sizeof(api->flags[0]));
    for (size_t i = 0; i < opts->n_flags; i++)
        api->flags[i] = opts->flags[i];
    qsort(api->flags, opts->n_flags, sizeof(api->flags[0]), by_flag_name);
    api__gate_init(&api->queries, opts->max_concurrency == 0 ? SIZE_MAX : opts->max_concurrency);
    api__timing_init(&api->inner_eval);
    api__timing_init(&api->queue_time);
    return api;
}

void api_free(struct api *api)
{
    if (api == NULL)
        return;
    CHECK_MAGIC(api, API_MAGIC);
    api__timing_release(&api->queue_time);
    api__timing_release(&api->inner_eval);
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
