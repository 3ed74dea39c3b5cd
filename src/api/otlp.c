/*
 * otlp.c - POST /api/v1/otlp/v1/metrics: OTLP over HTTP, off unless it is asked for.
 *
 * Statuses and texts are those of Prometheus' receiver: 200 with an empty body, 400 for a body that
 * is no request and for samples that the store refuses, 500 for metrics that cannot be translated.
 */
#include "write.h"

#include "ferula/base/log.h"

#define PROTOBUF "application/x-protobuf"
#define JSON     "application/json"

static int refuse(struct http_req *req, int status, struct str text)
{
    (void)http_reply_text(req, status, STR_FMT, STR_ARG(text));
    return 1;
}

int api__otlp_refuse(struct http_req *req, struct ingest_otlp *out)
{
    struct str type = http_header(req, "Content-Type");
    struct str encoding = http_header(req, "Content-Encoding");

    if (!api__from(req->ctx)->opts.otlp)
        return refuse(
            req, 404,
            STR("otlp write receiver needs to be enabled with --web.enable-otlp-receiver"));
    *out = (struct ingest_otlp){.json = str_is(type, JSON), .gzip = str_is(encoding, "gzip")};
    if (!out->json && !str_is(type, PROTOBUF))
        return refuse(req, 400,
                      arena_printf(&req->arena,
                                   "unsupported content type: " STR_FMT ", supported: [" JSON
                                   ", " PROTOBUF "]",
                                   STR_ARG(type)));
    if (!out->gzip && encoding.n > 0)
        return refuse(req, 400,
                      arena_printf(&req->arena,
                                   "unsupported compression: " STR_FMT
                                   ". Only \"gzip\" or no compression supported",
                                   STR_ARG(encoding)));
    return 0;
}

int api__otlp(struct http_req *req)
{
    struct ingest_otlp otlp;

    if (api__otlp_refuse(req, &otlp) != 0)
        return 0;
    otlp.body = req->body;
    return api__write_body(req, INGEST_OTLP, &otlp);
}
