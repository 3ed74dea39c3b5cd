/*
 * reply.c - from req->reply to what goes over the wire: CORS, compression, libmicrohttpd's
 * response.
 */
#include <stdlib.h>
#include <zlib.h>

#include "http_priv.h"

#include "ferula/base/check.h"
#include "ferula/base/log.h"

/* An answer is sent once: more effort than this costs more than the bytes that it saves. */
#define ZLIB_LEVEL 3
#define ZLIB_MEM   8

void http_reply_header(struct http_req *req, const char *name, struct str value)
{
    struct http_reply *reply = &req->reply;

    ARENA_GROW(&req->arena, reply->headers, reply->n_headers, reply->cap_headers,
               struct http_param);
    reply->headers[reply->n_headers++] =
        (struct http_param){str_of(name), arena_str(&req->arena, value)};
}

int http_reply_text(struct http_req *req, int status, const char *fmt, ...)
{
    va_list ap;

    req->reply.status = status;
    req->reply.content_type = NULL;
    buf_reset(&req->reply.body);
    va_start(ap, fmt);
    buf_vaddf(&req->reply.body, fmt, ap);
    va_end(ap);
    buf_putc(&req->reply.body, '\n');
    return 0;
}

void http__reply_reset(struct http__request *r)
{
    struct http_reply *reply = &r->req.reply;

    reply->status = 200;
    reply->content_type = NULL;
    reply->n_headers = 0;
    buf_reset(&reply->body);
}

/* ---- CORS -------------------------------------------------------------------------------- */

static void add_cors(struct http__request *r)
{
    struct http_req *req = &r->req;
    struct str origin = http_header(req, "Origin");

    http_reply_header(req, "Vary", STR("Origin"));
    if (origin.p == NULL || origin.n == 0)
        return;
    http_reply_header(req, "Access-Control-Allow-Headers",
                      STR("Accept, Authorization, Content-Type, Origin"));
    http_reply_header(req, "Access-Control-Allow-Methods", STR("GET, POST, OPTIONS"));
    http_reply_header(req, "Access-Control-Expose-Headers", STR("Date"));
    if (r->server->cors == NULL)
        http_reply_header(req, "Access-Control-Allow-Origin", STR("*"));
    else if (regex_match(r->server->cors, origin))
        http_reply_header(req, "Access-Control-Allow-Origin", origin);
}

/* ---- compression ------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int window_bits;
} encodings[] = {
    {"gzip",    15 + 16}, /* + 16: with gzip's header */
    {"deflate", 15     }, /* zlib's header, as HTTP has it */
};

/* The first element of Accept-Encoding that is one of ours to the letter; -1: none. */
static int pick_encoding(struct str accept)
{
    struct str part;

    while (accept.p != NULL && str_split(&accept, ',', &part))
        for (size_t i = 0; i < COUNT(encodings); i++)
            if (str_is(str_trim(part), encodings[i].name))
                return (int)i;
    return -1;
}

static bool compress_into(struct buf *out, struct str in, int window_bits)
{
    z_stream z = {0};
    uLong bound;
    int rc;

    if (in.n > UINT32_MAX)
        return false;
    if (deflateInit2(&z, ZLIB_LEVEL, Z_DEFLATED, window_bits, ZLIB_MEM, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    bound = deflateBound(&z, in.n);
    buf_reserve(out, bound);
    z.next_in = (z_const Bytef *)(uintptr_t)in.p;
    z.avail_in = (uInt)in.n;
    z.next_out = (Bytef *)out->p;
    z.avail_out = (uInt)MIN(bound, (uLong)UINT32_MAX);
    rc = deflate(&z, Z_FINISH);
    out->n = z.total_out;
    deflateEnd(&z);
    return rc == Z_STREAM_END;
}

static void compress_reply(struct http__request *r)
{
    struct http_reply *reply = &r->req.reply;
    int pick = pick_encoding(http_header(&r->req, "Accept-Encoding"));
    struct buf packed = {0};

    http_reply_header(&r->req, "Vary", STR("Accept-Encoding"));
    if (pick < 0 || reply->body.n == 0)
        return;
    if (!compress_into(&packed, buf_str(&reply->body), encodings[pick].window_bits)) {
        buf_release(&packed);
        return;
    }
    buf_release(&reply->body);
    reply->body = packed;
    http_reply_header(&r->req, "Content-Encoding", str_of(encodings[pick].name));
}

void http__reply_seal(struct http__request *r)
{
    unsigned flags = r->route == NULL ? 0 : r->route->pub->flags;

    CHECK(!r->sealed);
    r->sealed = true;
    if ((flags & HTTP_CORS) != 0)
        add_cors(r);
    if ((flags & HTTP_GZIP) != 0)
        compress_reply(r);
}

/* ---- to libmicrohttpd -------------------------------------------------------------------- */

/* False when there is no memory. A value that libmicrohttpd takes from nobody is left out. */
static bool add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (MHD_add_response_header(response, name, value) == MHD_YES)
        return true;
    LOG_WARN("response header refused", LOG_S("name", name));
    return value[0] == '\0' || strpbrk(value, "\t\r\n") != NULL;
}

/* All or nothing: without one of them the others, or the body, would mean something else. */
static bool add_headers(struct http__request *r, struct MHD_Response *response, bool has_type)
{
    const struct http_reply *reply = &r->req.reply;

    if (has_type && !add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                reply->content_type == NULL ? "text/plain; charset=utf-8"
                                                            : reply->content_type))
        return false;
    for (size_t i = 0; i < reply->n_headers; i++)
        if (!add_header(response, reply->headers[i].name.p, reply->headers[i].value.p))
            return false;
    /*
     * After a chunked body too: libmicrohttpd reads chunk lines leniently and shows us none of
     * them, so nothing that follows such a body may count as a request.
     */
    return !(r->must_close || r->chunked || atomic_load(&r->server->stopping)) ||
           add_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

/* NULL: there is no memory; the connection is closed then. */
static struct MHD_Response *make_response(struct http__request *r)
{
    struct http_reply *reply = &r->req.reply;
    struct MHD_Response *response;
    size_t n = reply->body.n;
    char *body = buf_take(&reply->body);

    response = MHD_create_response_from_buffer(n, body, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(body);
        return NULL;
    }
    if (!add_headers(r, response, n > 0 || reply->content_type != NULL)) {
        MHD_destroy_response(response);
        return NULL;
    }
    return response;
}

enum MHD_Result http__reply_queue(struct http__request *r)
{
    size_t n_bytes = r->req.reply.body.n;
    struct MHD_Response *response = make_response(r);
    enum MHD_Result rc;

    if (response == NULL)
        return MHD_NO;
    http__conn_enter(r->server, r->conn, HTTP__CONN_SENDING);
    http__metrics_count(r, n_bytes);
    LOG_DEBUG(
        "request", LOG_S("peer", r->conn->peer), LOG_STR("target", r->raw_uri),
        LOG_I("status", r->req.reply.status), LOG_I("bytes", n_bytes),
        LOG_F("seconds", (double)(clock_mono_ns(r->server->clock) - r->req.arrived_ns) / 1e9));
    rc = MHD_queue_response(r->mhd, (unsigned)r->req.reply.status, response);
    MHD_destroy_response(response);
    return rc;
}
