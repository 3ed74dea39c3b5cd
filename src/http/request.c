/*
 * request.c - the life of one request: head, body, handler, reply.
 *
 * libmicrohttpd calls http__request_begin() at the request line, http__request_step() when the head
 * is complete, for each piece of the body and when all has arrived, and http__request_end() when
 * the reply is sent or the client is lost; all of that on the connection's I/O thread.
 *
 * A handler that takes its time has its connection suspended meanwhile: first suspended, then
 * handed over, because the worker may be done before the next statement. http_finish() resumes it,
 * and libmicrohttpd calls http__request_step() once more, which queues the reply.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "http_priv.h"

#include "ferula/base/check.h"
#include "ferula/base/log.h"
#include "ferula/base/mem.h"
#include "ferula/base/stats.h"

/* Bodies that announce no more are given their memory at once. */
#define RESERVE_AT_ONCE_BYTES ((uint64_t)1 << 20)
/* A refused body up to this many times the limit is read and dropped, so that the client sees the
 * answer instead of a reset connection. */
#define DISCARD_FACTOR 2

struct http__request *http__request_of(const struct http_req *req)
{
    /* Every http_req is the first member of an http__request, none of which is const. */
    struct http__request *r = (struct http__request *)(uintptr_t)req;

    CHECK_MAGIC(r, HTTP__REQUEST_MAGIC);
    return r;
}

static struct http__conn *conn_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info;
    struct http__conn *c;

    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    c = info->socket_context;
    CHECK_MAGIC(c, HTTP__CONN_MAGIC);
    return c;
}

/* ---- counting, for http_stop() ----------------------------------------------------------- */

static void count_requests(struct http_server *s, int by)
{
    pthread_mutex_lock(&s->lock);
    s->n_requests += (size_t)by;
    if (s->n_requests == 0)
        pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* False when the server waits for no more handlers: the connection has to go. */
static bool begin_handling(struct http__request *r)
{
    struct http_server *s = r->server;

    pthread_mutex_lock(&s->lock);
    r->counted = !s->handlers_ended;
    s->n_handling += r->counted;
    pthread_mutex_unlock(&s->lock);
    return r->counted;
}

static void end_handling(struct http__request *r)
{
    struct http_server *s = r->server;

    CHECK(r->counted);
    r->counted = false;
    pthread_mutex_lock(&s->lock);
    if (--s->n_handling == 0)
        pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* ---- begin and end ----------------------------------------------------------------------- */

/*
 * Ends the query before its first letter in libmicrohttpd's buffer, which it has yet to split: we
 * read the copy. It would make a record of each parameter in the connection's memory, and when that
 * is full, with some 850 of them, 0.9.75 answers nothing and waits for ever.
 */
static void hide_query(const char *uri, size_t n)
{
    char *query = n == 0 ? NULL : memchr(uri, '?', n);

    if (query != NULL && query + 1 < uri + n)
        query[1] = '\0';
}

void *http__request_begin(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    struct http_server *s = http__server_from(cls);
    struct http__request *r = xnew(struct http__request);

    r->magic = HTTP__REQUEST_MAGIC;
    r->server = s;
    r->mhd = mhd;
    r->conn = conn_of(mhd);
    r->raw_uri_at = uri;
    r->raw_uri = arena_str(&r->req.arena, str_of(uri == NULL ? "" : uri));
    hide_query(uri, r->raw_uri.n);
    r->req.reply.status = 200;
    atomic_init(&r->phase, HTTP__RUNNING);
    count_requests(s, 1);
    http__conn_enter(s, r->conn, HTTP__CONN_RECEIVING);
    return r;
}

static void release_body(struct http__request *r)
{
    atomic_fetch_sub(&r->server->bodies_bytes, r->body_charged);
    r->body_charged = 0;
    buf_release(&r->body);
}

void http__request_end(void *cls, struct MHD_Connection *mhd, void **ctx,
                       enum MHD_RequestTerminationCode code)
{
    struct http_server *s = http__server_from(cls);
    struct http__request *r = *ctx;

    (void)mhd;
    (void)code;
    if (r == NULL)
        return;
    CHECK_MAGIC(r, HTTP__REQUEST_MAGIC);
    /* Pairs with the exchange in http_finish(): what the worker wrote is seen here, and that does
     * not rest on the library's locks. */
    CHECK(atomic_load(&r->phase) != HTTP__PARKED);
    CHECK(!r->counted);
    *ctx = NULL;
    http__conn_enter(s, r->conn, HTTP__CONN_IDLE);
    release_body(r);
    buf_release(&r->req.reply.body);
    arena_release(&r->req.arena);
    r->magic = 0;
    free(r);
    count_requests(s, -1);
}

/* ---- refusing ---------------------------------------------------------------------------- */

static void refuse(struct http__request *r, int status, const char *text)
{
    http__reply_reset(r);
    (void)http_reply_text(&r->req, status, "%s", text);
    r->refused = true;
    release_body(r);
    stats_add(STAT_REQUESTS_REFUSED, 1);
}

static void refuse_body_size(struct http__request *r)
{
    http__reply_reset(r);
    (void)http_reply_text(&r->req, 413, "request body exceeds the %zu bytes limit",
                          r->server->opts.max_body_bytes);
    r->refused = true;
    release_body(r);
    stats_add(STAT_REQUESTS_REFUSED, 1);
}

static enum MHD_Result reply_now(struct http__request *r)
{
    http__reply_seal(r);
    return http__reply_queue(r);
}

static uint64_t discard_limit(const struct http__request *r)
{
    return (uint64_t)r->server->opts.max_body_bytes * DISCARD_FACTOR;
}

/* ---- the head ---------------------------------------------------------------------------- */

/* 404, 405, and what the server itself answers to OPTIONS. True when that is the answer. */
static bool answered_by_routing(struct http__request *r, const char *method)
{
    unsigned allow;
    const struct http__route *route = http__route_find(r, &allow);

    /* A path that is there for OPTIONS only, as under a prefix with CORS, is no page. */
    if (route == NULL || ((allow & r->req.method) == 0 && (allow & ~HTTP_OPTIONS) == 0)) {
        refuse(r, 404, "404 page not found");
        return true;
    }
    if ((route->pub->methods & HTTP_OPTIONS) == 0 && r->req.method == HTTP_OPTIONS) {
        r->route = (route->pub->flags & HTTP_CORS) != 0 ? route : NULL;
        r->req.reply.status = 204;
        if (r->route == NULL)
            http_reply_header(&r->req, "Allow", http__methods_text(&r->req.arena, allow));
        r->refused = true;
        return true;
    }
    if ((allow & r->req.method) == 0) {
        refuse(r, 405, "Method Not Allowed");
        http_reply_header(&r->req, "Allow", http__methods_text(&r->req.arena, allow));
        LOG_DEBUG("method not allowed", LOG_S("method", method), LOG_STR("path", r->req.path));
        return true;
    }
    r->route = route;
    r->req.ctx = route->pub->ctx;
    return false;
}

static void admit(struct http__request *r, const char *method)
{
    struct http_server *s = r->server;

    http__params_from_url(r);
    if (answered_by_routing(r, method))
        return;
    if (!atomic_load(&s->ready) && (r->route->pub->flags & HTTP_DURING_START) == 0) {
        refuse(r, 503, "Service Unavailable");
        http_reply_header(&r->req, "X-Prometheus-Stopping",
                          atomic_load(&s->stopping) ? STR("true") : STR("false"));
    } else if (!r->chunked && r->content_bytes > s->opts.max_body_bytes) {
        refuse_body_size(r);
    } else if (s->opts.early != NULL && s->opts.early(&r->req) != 0) {
        r->refused = true;
        stats_add(STAT_REQUESTS_REFUSED, 1);
    }
}

/*
 * A reply queued here ends the connection, and whatever follows is never read as a request. Other
 * refusals wait for the end of the body, so that the connection goes on.
 */
static enum MHD_Result on_head(struct http__request *r, const char *method, const char *version)
{
    const char *wrong;

    r->head_seen = true;
    r->req.arrived_ns = clock_mono_ns(r->server->clock);
    r->req.method = http__method_of(method);
    wrong = http__head_check(r, method, version);
    if (wrong == NULL && !http__path_parse(r))
        wrong = "malformed escape in the path";
    if (wrong != NULL) {
        LOG_DEBUG("malformed request refused", LOG_S("why", wrong), LOG_S("peer", r->conn->peer));
        refuse(r, 400, wrong);
        r->must_close = true;
        return reply_now(r);
    }
    admit(r, method);
    if (r->refused && r->content_bytes > 0 &&
        (http_header(&r->req, "Expect").p != NULL ||
         (!r->chunked && r->content_bytes > discard_limit(r)))) {
        r->must_close = true;
        return reply_now(r);
    }
    return MHD_YES;
}

/* ---- the body ---------------------------------------------------------------------------- */

static enum MHD_Result on_data(struct http__request *r, const char *data, size_t n)
{
    struct http_server *s = r->server;

    if (!r->refused && r->body.n + n > s->opts.max_body_bytes) {
        r->discarded_bytes = r->body.n;
        refuse_body_size(r);
    }
    if (!r->refused && atomic_fetch_add(&s->bodies_bytes, n) + n > s->opts.max_bodies_bytes) {
        atomic_fetch_sub(&s->bodies_bytes, n);
        r->discarded_bytes = r->body.n;
        refuse(r, 503, "too many requests are being received");
    }
    if (r->refused) {
        r->discarded_bytes += n;
        return r->discarded_bytes > discard_limit(r) ? MHD_NO : MHD_YES;
    }
    r->body_charged += n;
    if (r->body.p == NULL && r->content_bytes <= RESERVE_AT_ONCE_BYTES)
        buf_reserve(&r->body, r->content_bytes);
    buf_add(&r->body, data, n);
    return MHD_YES;
}

/* ---- the handler ------------------------------------------------------------------------- */

static int call_handler(struct http__request *r)
{
    int rc = r->route->pub->handler(&r->req);

    if (rc < 0) {
        http__reply_reset(r);
        (void)http_reply_text(&r->req, 500, "%s", fer_strerror(rc));
    }
    return rc;
}

static void run_on_pool(struct pool_job *job)
{
    struct http__request *r =
        (struct http__request *)(void *)((char *)job - offsetof(struct http__request, job));

    CHECK_MAGIC(r, HTTP__REQUEST_MAGIC);
    if (call_handler(r) != HTTP_LATER)
        http_finish(&r->req);
}

static enum MHD_Result start_on_pool(struct http__request *r)
{
    MHD_suspend_connection(r->mhd);
    atomic_store(&r->phase, HTTP__PARKED);
    r->job.run = run_on_pool;
    if (!pool_submit(r->server->pool, &r->job)) {
        refuse(r, 503, "too many requests are waiting");
        http_finish(&r->req);
    }
    return MHD_YES;
}

/* A request for the pool that may not need it. */
static enum MHD_Result try_here(struct http__request *r)
{
    int rc;

    r->req.brief = true;
    rc = call_handler(r);
    r->req.brief = false;
    if (rc == HTTP_TO_POOL) {
        http__reply_reset(r);
        return start_on_pool(r);
    }
    CHECK(rc != HTTP_LATER);
    end_handling(r);
    return reply_now(r);
}

static enum MHD_Result run_here(struct http__request *r)
{
    int running = HTTP__RUNNING;

    if (call_handler(r) != HTTP_LATER) {
        end_handling(r);
        return reply_now(r);
    }
    MHD_suspend_connection(r->mhd);
    /* Finished meanwhile: nobody else will resume it. */
    if (!atomic_compare_exchange_strong(&r->phase, &running, HTTP__PARKED))
        MHD_resume_connection(r->mhd);
    return MHD_YES;
}

static enum MHD_Result on_complete(struct http__request *r)
{
    if (r->refused)
        return reply_now(r);
    r->req.body = buf_str(&r->body);
    http__params_from_body(r);
    if (!begin_handling(r))
        return MHD_NO;
    http__conn_enter(r->server, r->conn, HTTP__CONN_RUNNING);
    if ((r->route->pub->flags & HTTP_ON_POOL) == 0)
        return run_here(r);
    return (r->route->pub->flags & HTTP_TRY_BRIEF) != 0 ? try_here(r) : start_on_pool(r);
}

void http_finish(struct http_req *req)
{
    struct http__request *r = http__request_of(req);
    struct http_server *s = r->server;
    struct MHD_Connection *mhd = r->mhd;

    /* http_stop() waits for both counters: the request may be gone right after the exchange. */
    atomic_fetch_add(&s->n_finishing, 1);
    http__reply_seal(r);
    end_handling(r);
    if (atomic_exchange(&r->phase, HTTP__FINISHED) == HTTP__PARKED)
        MHD_resume_connection(mhd);
    atomic_fetch_sub(&s->n_finishing, 1);
}

enum MHD_Result http__request_step(void *cls, struct MHD_Connection *mhd, const char *url,
                                   const char *method, const char *version, const char *data,
                                   size_t *n_data, void **ctx)
{
    struct http__request *r = *ctx;
    size_t n = *n_data;

    (void)cls;
    (void)mhd;
    (void)url;
    CHECK_MAGIC(r, HTTP__REQUEST_MAGIC);
    if (!r->head_seen)
        return on_head(r, method, version);
    if (n > 0) {
        *n_data = 0;
        return on_data(r, data, n);
    }
    switch (atomic_load(&r->phase)) {
    case HTTP__FINISHED:
        return http__reply_queue(r);
    case HTTP__PARKED:
        return MHD_YES;
    default:
        return on_complete(r);
    }
}

/* ---- for handlers ------------------------------------------------------------------------ */

bool http_client_gone(const struct http_req *req)
{
    const struct http__request *r = http__request_of(req);
    char byte;
    ssize_t n = recv(r->conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

bool http_stopping(const struct http_req *req)
{
    return atomic_load(&http__request_of(req)->server->stopping);
}
