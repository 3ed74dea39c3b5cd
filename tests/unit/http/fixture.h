/*
 * fixture.h - a server on 127.0.0.1 with test routes, and raw sockets to talk to it.
 *
 * Time is a manual clock that starts at 0, so deadlines pass only when a test says so; socket reads
 * give up after some seconds, which only a failing test ever waits for.
 */
#ifndef FERULA_TEST_HTTP_FIXTURE_H
#define FERULA_TEST_HTTP_FIXTURE_H

#include "cases.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ferula/base/mem.h"
#include "ferula/base/stats.h"
#include "ferula/http.h"

#define READ_TIMEOUT_S 10

struct fixture {
    struct http_server *server;
    struct clock_manual clock;
    atomic_int n_hits;               /* handler calls */
    atomic_int n_gone;               /* handlers that saw their client leave or the server stop */
    _Atomic(struct http_req *) held; /* by the route /later */
};

/* Says what it was asked: method, path, arguments, parameters a and b, body. */
static int handle_echo(struct http_req *req)
{
    struct fixture *fx = req->ctx;
    const struct str *all;
    size_t n = http_params(req, "a", &all);
    struct buf *b = &req->reply.body;
    struct str why;

    atomic_fetch_add(&fx->n_hits, 1);
    buf_addf(b, "method=%d path=" STR_FMT, (int)req->method, STR_ARG(req->path));
    for (size_t i = 0; i < req->n_path_args; i++) {
        buf_puts(b, " arg=");
        buf_add_go_quoted(b, req->path_args[i]);
    }
    for (size_t i = 0; i < n; i++) {
        buf_puts(b, " a=");
        buf_add_go_quoted(b, all[i]);
    }
    if (http_url_param(req, "a").p != NULL)
        buf_addf(b, " url_a=" STR_FMT, STR_ARG(http_url_param(req, "a")));
    if (!http_form_ok(req, &why))
        buf_addf(b, " bad=" STR_FMT, STR_ARG(why));
    buf_addf(b, " body=%zu", req->body.n);
    if (req->body.n > 0 && req->body.n < 64)
        buf_addf(b, ":" STR_FMT, STR_ARG(req->body));
    buf_putc(b, '\n');
    return 0;
}

static int handle_later(struct http_req *req)
{
    struct fixture *fx = req->ctx;

    atomic_fetch_add(&fx->n_hits, 1);
    atomic_store(&fx->held, req);
    return HTTP_LATER;
}

/* Runs until its client leaves or the server stops. */
static int handle_long(struct http_req *req)
{
    struct fixture *fx = req->ctx;

    atomic_fetch_add(&fx->n_hits, 1);
    while (!http_client_gone(req) && !http_stopping(req))
        usleep(1000);
    atomic_fetch_add(&fx->n_gone, 1);
    return http_reply_text(req, 499, "gone");
}

/* Does not need the pool, unless parameter a says so; then leaves a reply that nobody may see. */
static int handle_brief(struct http_req *req)
{
    bool pool = http_param(req, "a").p != NULL;

    http_reply_header(req, "X-Where", req->brief ? STR("here") : STR("pool"));
    (void)http_reply_text(req, req->brief && pool ? 418 : 200, "brief=%d", (int)req->brief);
    return req->brief && pool ? HTTP_TO_POOL : 0;
}

static int handle_status(struct http_req *req)
{
    uint64_t code = 200;

    (void)str_to_u64(req->path_args[0], &code);
    if (code == 204) {
        req->reply.status = 204;
        return 0;
    }
    http_reply_header(req, "X-Test", STR("yes"));
    return http_reply_text(req, (int)code, "code %d", (int)code);
}

static int refuse_early(struct http_req *req)
{
    struct str type = http_header(req, "Content-Type");

    if (type.p == NULL || !str_is(type, "text/bad"))
        return 0;
    (void)http_reply_text(req, 415, "unsupported media type");
    return 1;
}

#define N_ROUTES 12

static void fixture_start(struct fixture *fx, struct http_opts opts)
{
    static const struct http_route table[N_ROUTES] = {
        {HTTP_GET | HTTP_POST,            "/echo",                       handle_echo,   NULL, HTTP_DURING_START,             NULL     },
        {HTTP_GET,                        "/",                           handle_echo,   NULL, 0,                             NULL     },
        {HTTP_GET | HTTP_POST | HTTP_PUT, "/pool",                       handle_echo,   NULL, HTTP_ON_POOL,                  NULL     },
        {HTTP_GET | HTTP_POST,            "/api/v1/cors",                handle_echo,   NULL,
         HTTP_ON_POOL | HTTP_CORS | HTTP_GZIP,                                                                               NULL     },
        {HTTP_GET,                        "/api/v1/label/{name}/values", handle_echo,   NULL, 0,                             NULL     },
        {HTTP_GET,                        "/api/v1/label/fixed/values",  handle_status, NULL, 0,                             NULL     },
        {HTTP_GET,                        "/rest/{rest...}",             handle_echo,   NULL, 0,                             NULL     },
        {HTTP_GET,                        "/status/{code}",              handle_status, NULL, 0,                             "/status"},
        {HTTP_GET,                        "/later",                      handle_later,  NULL, 0,                             NULL     },
        {HTTP_GET,                        "/pool-later",                 handle_later,  NULL, HTTP_ON_POOL,                  NULL     },
        {HTTP_GET,                        "/long",                       handle_long,   NULL, HTTP_ON_POOL,                  NULL     },
        {HTTP_GET,                        "/brief",                      handle_brief,  NULL, HTTP_ON_POOL | HTTP_TRY_BRIEF, NULL     },
    };
    static struct http_route routes[N_ROUTES];
    struct fault f = {0};

    memset(fx, 0, sizeof(*fx));
    memcpy(routes, table, sizeof(routes));
    for (size_t i = 0; i < N_ROUTES; i++)
        routes[i].ctx = fx;
    clock_manual_init(&fx->clock, 0);
    opts.listen = opts.listen == NULL ? "127.0.0.1:0" : opts.listen;
    opts.routes = routes;
    opts.n_routes = N_ROUTES;
    opts.clock = &fx->clock.base;
    opts.early = refuse_early;
    if (http_start(&fx->server, &opts, &f) != 0)
        fail_msg("http_start: %s", f.text);
    http_set_ready(fx->server, true);
}

/* One server for all tests of a program: before the first, and after the last. */
static struct fixture shared;

static inline int shared_start(void **state)
{
    (void)state;
    fixture_start(&shared, (struct http_opts){0});
    return 0;
}

static inline int shared_stop(void **state)
{
    (void)state;
    http_stop(shared.server, 1000);
    return 0;
}

static inline int dial(const struct fixture *fx)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct timeval limit = {.tv_sec = READ_TIMEOUT_S};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    to.sin_port = htons((uint16_t)strtoul(strrchr(http_address(fx->server), ':') + 1, NULL, 10));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)(void *)&to, sizeof(to)), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    return fd;
}

static inline void say(int fd, const void *p, size_t n)
{
    size_t at = 0;

    while (at < n) {
        ssize_t k = send(fd, (const char *)p + at, n - at, MSG_NOSIGNAL);

        if (k <= 0)
            return; /* refused early; the answer tells */
        at += (size_t)k;
    }
}

static inline void say_text(int fd, const char *text)
{
    say(fd, text, strlen(text));
}

/* Everything until the server closes. */
static inline void hear_all(int fd, struct buf *out)
{
    char piece[16384];
    ssize_t n;

    buf_add(out, "", 0);
    while ((n = recv(fd, piece, sizeof(piece), 0)) > 0)
        buf_add(out, piece, (size_t)n);
    buf_add(out, "", 0);
}

/* One reply with a Content-Length (or 204), from a connection that stays open. */
static inline void hear_one(int fd, struct buf *out)
{
    char byte;
    size_t left = 0;

    buf_reset(out);
    while ((out->n < 4 || memcmp(out->p + out->n - 4, "\r\n\r\n", 4) != 0) &&
           recv(fd, &byte, 1, 0) == 1)
        buf_add(out, &byte, 1);
    buf_putc(out, '\0');
    out->n--;
    if (strstr(out->p, "Content-Length: ") != NULL)
        left = strtoul(strstr(out->p, "Content-Length: ") + 16, NULL, 10);
    for (; left > 0 && recv(fd, &byte, 1, 0) == 1; left--)
        buf_add(out, &byte, 1);
    buf_putc(out, '\0');
    out->n--;
}

static inline int status_of(const struct buf *reply)
{
    if (reply->p == NULL || reply->n < 12 || memcmp(reply->p, "HTTP/1.1 ", 9) != 0)
        return 0; /* closed without an answer */
    return (int)strtoul(reply->p + 9, NULL, 10);
}

static inline bool has(const struct buf *reply, const char *text)
{
    return memmem(reply->p, reply->n, text, strlen(text)) != NULL;
}

static inline size_t count_of(const struct buf *reply, const char *text)
{
    size_t n = 0;

    for (const char *at = reply->p; at != NULL && (at = strstr(at, text)) != NULL; at++)
        n++;
    return n;
}

/* A whole exchange: sends, says that no more comes only by waiting, reads until the end. */
static inline void exchange(const struct fixture *fx, const char *text, size_t n, struct buf *reply)
{
    int fd = dial(fx);

    buf_reset(reply);
    say(fd, text, n);
    hear_all(fd, reply);
    close(fd);
}

/* Waits for a fact that another thread makes true; gives up after READ_TIMEOUT_S. */
#define AWAIT(cond)                                                                                \
    do {                                                                                           \
        for (int tries_ = 0; !(cond) && tries_ < READ_TIMEOUT_S * 1000; tries_++)                  \
            usleep(1000);                                                                          \
        assert_true(cond);                                                                         \
    } while (0)

#endif
