/*
 * http_priv.h - what the files of src/http share.
 *
 * Threads: the acceptor (listen.c) accepts and closes overdue connections; the I/O threads belong
 * to libmicrohttpd and call request.c; workers run handlers. A connection's fields are under
 * server->lock; a request belongs to one thread at a time and changes hands by `phase`.
 */
#ifndef FERULA_HTTP_PRIV_H
#define FERULA_HTTP_PRIV_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "ferula/base/pool.h"
#include "ferula/http.h"
#include "ferula/model/regex.h"

#define HTTP__SERVER_MAGIC  0x47e1c0a1u
#define HTTP__CONN_MAGIC    0x47e1c0a2u
#define HTTP__REQUEST_MAGIC 0x47e1c0a3u

/* Memory of one connection for the head and pieces of the body: bounds the head (414, 431). */
#define HTTP__CONN_BYTES ((size_t)64 * 1024)
/* Over max_connections nothing idle may be left to close; accepting pauses that far above it. */
#define HTTP__SPARE_CONNECTIONS 256
/* What a new client is given to send its request, however many others come after it. */
#define HTTP__LEAST_WAIT_MS 50
#define HTTP__N_CODES       24
#define HTTP__N_SECONDS     9 /* upper bounds of the duration histogram */
#define HTTP__N_SIZES       8

/* ---- connections: conns.c ---------------------------------------------------------------- */

enum http__conn_state {
    HTTP__CONN_NEW,       /* no request line yet */
    HTTP__CONN_IDLE,      /* between two requests */
    HTTP__CONN_RECEIVING, /* head or body is arriving */
    HTTP__CONN_RUNNING,   /* a handler has the request */
    HTTP__CONN_SENDING,
};

struct http__link {
    struct http__link *prev, *next;
};

struct http__conn {
    uint32_t magic;
    int fd; /* the MHD connection's; not closed before http__conn_closed() */
    enum http__conn_state state;
    bool leaving; /* had ended its stream when looked at last */
    bool doomed;  /* shut down by us; libmicrohttpd has yet to close it */
    int64_t deadline_ns;
    int64_t waiting_since_ns;   /* for its client */
    struct http__link all;      /* of server->conns */
    struct http__link closable; /* of server->closable, oldest first; unlinked while running */
    char peer[64];
};

/* ---- routes: route.c --------------------------------------------------------------------- */

struct http__metric {
    const char *handler; /* borrowed */
    struct {
        int code;
        uint64_t n;
    } codes[HTTP__N_CODES];
    uint64_t seconds[HTTP__N_SECONDS + 1], sizes[HTTP__N_SIZES + 1]; /* not cumulative; +Inf last */
    double seconds_sum, sizes_sum;
    uint64_t n;
};

struct http__segment {
    enum { HTTP__SEG_TEXT, HTTP__SEG_NAME, HTTP__SEG_REST } kind;
    struct str text; /* in the route's path */
};

struct http__route {
    const struct http_route *pub;
    struct http__segment *segs; /* owned */
    size_t n_segs;
    struct http__metric *metric; /* of server->metrics */
};

/* ---- the server: server.c ---------------------------------------------------------------- */

struct http_server {
    uint32_t magic;
    struct http_opts opts;
    const struct clock *clock;
    char *prefix; /* owned; "" or "/a/b" */
    char address[80];
    struct arena arena;       /* the CORS pattern */
    const struct regex *cors; /* NULL: any origin */

    struct http__route *routes; /* owned */
    size_t n_routes;
    struct http__metric *metrics; /* owned; under metrics_lock */
    size_t n_metrics;
    pthread_mutex_t metrics_lock;

    int listen_fd, wake_fd;
    pthread_t acceptor;
    bool acceptor_runs;
    struct MHD_Daemon *daemon;
    struct pool *pool;

    pthread_mutex_t lock;   /* the lists and the connections in them */
    pthread_cond_t changed; /* n_requests or n_handling went to 0 */
    struct http__link conns, closable;
    size_t n_open, n_doomed;
    size_t n_pending;    /* accepted; the I/O thread has yet to say so */
    size_t n_requests;   /* request line seen, reply not yet sent */
    size_t n_handling;   /* with a handler */
    bool handlers_ended; /* http_stop() waits for no more of them */

    atomic_size_t bodies_bytes; /* received and not yet released */
    atomic_size_t n_finishing;  /* threads inside http_finish() */
    atomic_bool ready, stopping, accept_ended;
};

/* ---- one request: request.c -------------------------------------------------------------- */

enum http__phase {
    HTTP__RUNNING,  /* the handler was called on the I/O thread and has not returned */
    HTTP__PARKED,   /* the connection is suspended */
    HTTP__FINISHED, /* the reply may be queued */
};

struct http__request {
    struct http_req req; /* first: handlers see a pointer to it */
    uint32_t magic;
    struct http_server *server;
    struct MHD_Connection *mhd;
    struct http__conn *conn;
    const struct http__route *route; /* NULL: refused before one was found */

    const char *raw_uri_at; /* where libmicrohttpd keeps it; compared, not read */
    struct str raw_uri;     /* a copy, in the arena */
    struct str query;       /* the raw one */
    struct http_param *headers;
    size_t n_headers, cap_headers;
    struct str *segs; /* decoded parts of the path, behind the prefix */
    size_t n_segs;

    struct http_param *url_params, *form_params;
    size_t n_url_params, cap_url_params, n_form_params, cap_form_params;
    struct str form_error; /* p == NULL: none */

    struct buf body;
    size_t body_charged;    /* bytes counted in server->bodies_bytes */
    uint64_t content_bytes; /* announced; UINT64_MAX: chunked */
    uint64_t discarded_bytes;
    bool head_seen;
    bool chunked;
    bool refused;     /* req.reply is the answer; what still arrives of the body is discarded */
    bool must_close;  /* the connection, after the reply */
    bool counted;     /* in server->n_handling */
    bool sealed;      /* the reply has its last headers and encoding */
    atomic_int phase; /* of enum http__phase */
    struct pool_job job;
};

struct http__request *http__request_of(const struct http_req *req); /* checks the magic */
struct http_server *http__server_from(void *ctx);                   /* checks the magic */

/* Callbacks of libmicrohttpd; `cls` is the server. */
void *http__request_begin(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result http__request_step(void *cls, struct MHD_Connection *mhd, const char *url,
                                   const char *method, const char *version, const char *data,
                                   size_t *n_data, void **ctx);
void http__request_end(void *cls, struct MHD_Connection *mhd, void **ctx,
                       enum MHD_RequestTerminationCode code);
void http__conn_notify(void *cls, struct MHD_Connection *mhd, void **ctx,
                       enum MHD_ConnectionNotificationCode code);

/* ---- head.c ------------------------------------------------------------------------------ */

/*
 * Collects the headers and checks that the head is, byte for byte, the one way that every HTTP
 * server reads alike. NULL when good, else what is wrong with it. Sets chunked and content_bytes.
 */
const char *http__head_check(struct http__request *r, const char *method, const char *version);

/* ---- route.c ----------------------------------------------------------------------------- */

void http__routes_init(struct http_server *s);
void http__routes_release(struct http_server *s);
/* Splits and decodes the path of r->raw_uri. False when it cannot be served: malformed escape. */
bool http__path_parse(struct http__request *r);
/* Sets route and path_args. NULL when no route has the path; *allow: the methods that one has. */
const struct http__route *http__route_find(struct http__request *r, unsigned *allow);
/* "GET, POST, OPTIONS", as the Allow header wants it. */
struct str http__methods_text(struct arena *a, unsigned methods);
enum http_method http__method_of(const char *name); /* 0: none of ours */

/* ---- params.c ---------------------------------------------------------------------------- */

void http__params_from_url(struct http__request *r);
void http__params_from_body(struct http__request *r);
/* Percent-decoding; `plus`: '+' is a blank. False when malformed: *bad is the escape. */
bool http__unescape(struct arena *a, struct str s, bool plus, struct str *out, struct str *bad);

/* ---- reply.c ----------------------------------------------------------------------------- */

void http__reply_reset(struct http__request *r);
/* Adds CORS headers and compresses; once, on the thread that made the reply. */
void http__reply_seal(struct http__request *r);
/* Hands the reply to libmicrohttpd; I/O thread only. */
enum MHD_Result http__reply_queue(struct http__request *r);

/* ---- metrics.c --------------------------------------------------------------------------- */

void http__metrics_init(struct http_server *s);
void http__metrics_release(struct http_server *s);
void http__metrics_count(struct http__request *r, size_t reply_bytes);

/* ---- listen.c ---------------------------------------------------------------------------- */

int http__listen(struct http_server *s, struct fault *f);
void http__acceptor_start(struct http_server *s);
/* The first client has come: deadlines have to be watched. */
void http__acceptor_wake(struct http_server *s);
void http__acceptor_stop(struct http_server *s);
void http__listen_close(struct http_server *s);

/* ---- conns.c ----------------------------------------------------------------------------- */

void http__conns_init(struct http_server *s);
void http__conns_release(struct http_server *s);
/* Sets the state with its deadline; IDLE goes to the young end of the closable ones. */
void http__conn_enter(struct http_server *s, struct http__conn *c, enum http__conn_state state);
/* Closes those past their deadline and those whose client left; returns how many are open. */
size_t http__conns_sweep(struct http_server *s);
/*
 * Closes the connection that has waited longest for its client when there are more than `limit` and
 * it had `least_ms` to send its request. True when one was closed.
 */
bool http__conns_evict(struct http_server *s, size_t limit, dur_ms least_ms);
void http__conns_shut_all(struct http_server *s);
/* With those being accepted, without the doomed. */
size_t http__conns_open(struct http_server *s);
void http__conns_pending(struct http_server *s, int by);

#endif
