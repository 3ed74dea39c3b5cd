/*
 * http.h - an HTTP/1.1 server with a table of routes. The only module that sees libmicrohttpd.
 *
 * Sockets are served by a few I/O threads. A handler marked HTTP_ON_POOL runs on a worker and may
 * take its time; any other runs on an I/O thread and must not block. A handler fills req->reply and
 * returns 0, or returns HTTP_LATER and someone calls http_finish(req) exactly once, from any
 * thread.
 *
 * Requests are checked before a handler sees them: framing that could smuggle a second request,
 * methods, sizes of body and head, deadlines for arrival. Repeated slashes in a path are one.
 */
#ifndef FERULA_HTTP_H
#define FERULA_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferula/base/arena.h"
#include "ferula/base/buf.h"
#include "ferula/base/clock.h"
#include "ferula/base/err.h"
#include "ferula/base/str.h"

struct http_server; /* opaque */

enum http_method {
    HTTP_GET = 1,
    HTTP_POST = 2,
    HTTP_PUT = 4,
    HTTP_OPTIONS = 8,
    HTTP_HEAD = 16, /* a route with HTTP_GET answers HEAD too */
    HTTP_DELETE = 32,
};

struct http_param {
    struct str name, value;
};

struct http_reply {
    int status;               /* 200 unless set */
    const char *content_type; /* static text; NULL: "text/plain; charset=utf-8" */
    struct buf body;
    struct http_param *headers; /* more headers; in the arena; see http_reply_header() */
    size_t n_headers, cap_headers;
};

struct http_req {
    enum http_method method;
    struct str path;    /* decoded, repeated slashes folded, route prefix removed */
    struct str body;    /* whole; valid until the reply is sent */
    struct arena arena; /* of this request */
    struct http_reply reply;
    void *ctx;          /* of the route */
    int64_t arrived_ns; /* clock_mono_ns() when the head was complete */
    bool brief;         /* on an I/O thread: see HTTP_TRY_BRIEF */

    /* The route's {name} parts, in order, percent-decoded. */
    struct str path_args[4];
    size_t n_path_args;
};

#define HTTP_LATER   1
#define HTTP_TO_POOL 2 /* only with req->brief */

typedef int (*http_handler)(struct http_req *req);

struct http_route {
    unsigned methods; /* of enum http_method */
    const char *path; /* "/api/v1/label/{name}/values"; a last part "{rest...}" takes all */
    http_handler handler;
    void *ctx; /* borrowed */
    unsigned flags;
    const char *metric; /* the `handler` label in /metrics; NULL: path */
};

#define HTTP_ON_POOL      1u /* run on a worker */
#define HTTP_CORS         2u /* answers OPTIONS, adds Access-Control-* and Vary as Prometheus does */
#define HTTP_GZIP         4u /* may be compressed when the client asks for exactly gzip or deflate */
#define HTTP_DURING_START 8u /* served before http_set_ready(); others get 503 until then */
/*
 * Beside HTTP_ON_POOL: called with req->brief on the I/O thread first, which spares two switches of
 * threads to a request that needs less than they do. The handler answers without waiting, or
 * returns HTTP_TO_POOL and is called again on a worker, with the reply as it was before.
 */
#define HTTP_TRY_BRIEF 16u
/*
 * Called when the head is complete and before the body is read, to refuse early (content type,
 * encoding). Set in http_opts.early; non-zero means req->reply is the answer.
 */
typedef int (*http_early)(struct http_req *req);

struct http_opts {
    const char *listen;       /* "host:port", ":9090", "[::1]:0" */
    const char *route_prefix; /* "" or "/prefix" */
    const struct http_route *routes;
    size_t n_routes;
    const struct clock *clock;
    size_t max_connections;  /* 512; over it the oldest idle one is closed */
    size_t max_body_bytes;   /* 32 MiB; larger ones get 413 */
    size_t max_bodies_bytes; /* of all requests being received; over it 503 */
    size_t n_io_threads;     /* 2 */
    size_t n_workers;        /* 4 */
    size_t max_queued;       /* handlers waiting for a worker; over it 503 */
    dur_ms arrival_timeout;  /* head and body must be here by then */
    dur_ms idle_timeout;     /* keep-alive connections without a request */
    const char *cors_origin; /* regex of allowed origins; NULL: any */
    http_early early;
};

/* Listens and serves. On failure *out is NULL; `f` names the address. */
int http_start(struct http_server **out, const struct http_opts *opts, struct fault *f);

/* "127.0.0.1:40123": where it really listens (port 0 was chosen by the system). */
const char *http_address(const struct http_server *s);

/* Before this, routes without HTTP_DURING_START answer 503 "Service Unavailable". */
void http_set_ready(struct http_server *s, bool ready);

/*
 * Stops listening, lets running requests end for at most `grace`, then closes every connection.
 * Whoever holds a request (HTTP_LATER) must still finish it. NULL is fine.
 */
void http_stop(struct http_server *s, dur_ms grace);

/*
 * Appends PREFIX_http_requests_total, _request_duration_seconds and _response_size_bytes. Those of
 * "ferula" are in stats_render() already; "prometheus" gives what dashboards ask for.
 */
void http_metrics(struct http_server *s, struct buf *out, const char *prefix);

/* ---- for handlers ----------------------------------------------------------------------- */

/*
 * A parameter as Go's FormValue reads it: for POST and PUT with a form body the body's first, then
 * the URL's. p == NULL when absent. Percent-decoded; may hold any byte.
 */
struct str http_param(const struct http_req *req, const char *name);
struct str http_url_param(const struct http_req *req, const char *name); /* the URL's only */
/* All of that name, body before URL. *out is in the arena. */
size_t http_params(struct http_req *req, const char *name, const struct str **out);
/* The name of parameter `i`, body before URL, for who knows all that there may be; p == NULL: no
 * more. */
struct str http_param_name(const struct http_req *req, size_t i);
/* False when a form or query string had a malformed escape; *text is Go's message. */
bool http_form_ok(const struct http_req *req, struct str *text);

struct str http_header(const struct http_req *req, const char *name); /* p == NULL when absent */
struct str http_peer(const struct http_req *req);                     /* "127.0.0.1:40123" */

/* Adds a response header; name is static, value is copied into the arena. */
void http_reply_header(struct http_req *req, const char *name, struct str value);
/* Status and a plain text body with a newline at the end. Returns 0. */
__attribute__((format(printf, 3, 4))) int http_reply_text(struct http_req *req, int status,
                                                          const char *fmt, ...);

void http_finish(struct http_req *req);

/* True when the client has closed its end: a long query may stop. Cheap; ask now and then. */
bool http_client_gone(const struct http_req *req);
/* True once http_stop() has been called. */
bool http_stopping(const struct http_req *req);

#endif
