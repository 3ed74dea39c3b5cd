/*
 * root.c - what lies beside /api/v1: health, the index, and the life-cycle calls that are refused.
 */
#include "handlers.h"

int api__healthy(struct http_req *req)
{
    return http_reply_text(req, 200, "ferula is Healthy.");
}

/* The server answers 503 itself while it starts; a store that failed for good is not ready. */
int api__ready(struct http_req *req)
{
    const struct api *api = api__from(req->ctx);
    const char *why = NULL;

    if (!tsdb_healthy(api->opts.db, &why))
        return http_reply_text(req, 503, "Service Unavailable: %s", why);
    return http_reply_text(req, 200, "ferula is Ready.");
}

/* Texts without a newline at the end, as Prometheus has them. */
int api__lifecycle(struct http_req *req)
{
    bool get = req->method == HTTP_GET || req->method == HTTP_HEAD;

    req->reply.status = get ? 405 : 403;
    buf_puts(&req->reply.body,
             get ? "Only POST or PUT requests allowed" : "Lifecycle API is not enabled.");
    return 0;
}

int api__index(struct http_req *req)
{
    const struct api *api = api__from(req->ctx);

    return http_reply_text(
        req, 200,
        "ferula %s: Prometheus' query API and remote-write receiver on one machine.\n"
        "\n"
        "  /api/v1/query?query=up       an instant query; also POST\n"
        "  /api/v1/query_range          query, start, end, step\n"
        "  /api/v1/series               match[]\n"
        "  /api/v1/labels               /api/v1/label/<name>/values\n"
        "  /api/v1/metadata             type, unit and help of metrics\n"
        "  /api/v1/format_query         /api/v1/parse_query\n"
        "  /api/v1/status/buildinfo     runtimeinfo, flags, tsdb\n"
        "  /api/v1/write                where agents remote-write to (POST)\n"
        "  /metrics                     ferula's own metrics\n"
        "  /-/healthy                   /-/ready",
        api->opts.version);
}
