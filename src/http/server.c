/*
 * server.c - starting and stopping.
 *
 * Stopping is in the order that libmicrohttpd survives: it aborts the process when it is stopped
 * with a suspended connection. So first nobody new comes in, then every handler ends, then the
 * daemon goes.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "http_priv.h"

#include "ferula/base/check.h"
#include "ferula/base/log.h"
#include "ferula/base/mem.h"
#include "ferula/base/signals.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_BYTES ((size_t)4 << 20)
#else
#define STACK_BYTES ((size_t)512 << 10)
#endif
#define WAIT_MS   20
#define NS_PER_MS 1000000

/* libmicrohttpd's own limit, split among its threads, must never be the one that is reached. */
#define HARD_LIMIT_FACTOR 4

struct http_server *http__server_from(void *ctx)
{
    struct http_server *s = ctx;

    CHECK_MAGIC(s, HTTP__SERVER_MAGIC);
    return s;
}

static void log_library(void *cls, const char *fmt, va_list ap)
{
    char line[512];

    (void)cls;
    if (!log_enabled(LOG_LEVEL_DEBUG))
        return;
    vsnprintf(line, sizeof(line), fmt, ap);
    LOG_DEBUG("libmicrohttpd", LOG_STR("text", str_trim(str_of(line))));
}

__attribute__((noreturn)) static void panic(void *cls, const char *file, unsigned line,
                                            const char *why)
{
    (void)cls;
    check_failed(file, (int)line, why == NULL ? "libmicrohttpd" : why);
}

static void fill_defaults(struct http_opts *o)
{
    const struct http_opts defaults = {
        .max_connections = 512,
        .max_body_bytes = (size_t)32 << 20,
        .max_bodies_bytes = (size_t)128 << 20,
        .n_io_threads = 2,
        .n_workers = 4,
        .max_queued = 1024,
        .arrival_timeout = 30000,
        .idle_timeout = 300000,
    };

#define DEFAULT(field) o->field = o->field == 0 ? defaults.field : o->field
    DEFAULT(max_connections);
    DEFAULT(max_body_bytes);
    DEFAULT(max_bodies_bytes);
    DEFAULT(n_io_threads);
    DEFAULT(n_workers);
    DEFAULT(max_queued);
    DEFAULT(arrival_timeout);
    DEFAULT(idle_timeout);
#undef DEFAULT
    if (o->clock == NULL)
        o->clock = clock_system();
}

static int compile_cors(struct http_server *s, struct fault *f)
{
    struct regex *re;
    int rc;

    if (s->opts.cors_origin == NULL || strcmp(s->opts.cors_origin, ".*") == 0)
        return 0;
    rc = regex_compile(&re, &s->arena, str_of(s->opts.cors_origin), f);
    if (rc == 0)
        s->cors = re;
    return rc;
}

static void raise_fd_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* fewer connections then */
}

/*
 * MHD_OPTION_STRICT_FOR_CLIENT stays 0: all that it adds (a Host header, no blank in the target) is
 * checked in head.c, which answers properly, while libmicrohttpd sends its own answer's head twice.
 */
static int start_daemon(struct http_server *s, struct fault *f)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
                     MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG;
    unsigned limit = (unsigned)(s->opts.max_connections + HTTP__SPARE_CONNECTIONS);

    MHD_set_panic_func(panic, NULL);
    s->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, http__request_step, s, /* the logger comes first */
        MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL, MHD_OPTION_URI_LOG_CALLBACK,
        http__request_begin, s, MHD_OPTION_NOTIFY_COMPLETED, http__request_end, s,
        MHD_OPTION_NOTIFY_CONNECTION, http__conn_notify, s, MHD_OPTION_THREAD_POOL_SIZE,
        (unsigned)s->opts.n_io_threads, MHD_OPTION_CONNECTION_LIMIT, limit * HARD_LIMIT_FACTOR,
        MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_CONNECTION_MEMORY_LIMIT, HTTP__CONN_BYTES,
        MHD_OPTION_THREAD_STACK_SIZE, STACK_BYTES, MHD_OPTION_END);
    if (s->daemon == NULL)
        return fault_set(f, FER_EIO, 0, "the HTTP threads could not be started: %s",
                         strerror(errno));
    return 0;
}

/* Signals belong to the main thread; new threads inherit the mask. */
static int start_threads(struct http_server *s, struct fault *f)
{
    sigset_t before;
    int rc;

    signals_block(&before);
    rc = start_daemon(s, f);
    if (rc == 0) {
        s->pool = pool_new("http-worker", s->opts.n_workers, s->opts.max_queued);
        http__acceptor_start(s);
    }
    signals_restore(&before);
    return rc;
}

int http_start(struct http_server **out, const struct http_opts *opts, struct fault *f)
{
    struct http_server *s = xnew(struct http_server);
    int rc;

    *out = NULL;
    s->magic = HTTP__SERVER_MAGIC;
    s->opts = *opts;
    fill_defaults(&s->opts);
    s->clock = s->opts.clock;
    s->prefix = xstrdup(opts->route_prefix == NULL ? "" : opts->route_prefix);
    s->listen_fd = s->wake_fd = -1;
    http__conns_init(s);
    http__routes_init(s);
    http__metrics_init(s);
    raise_fd_limit();
    rc = compile_cors(s, f);
    if (rc < 0)
        goto out;
    rc = http__listen(s, f);
    if (rc < 0)
        goto out;
    rc = start_threads(s, f);
    if (rc < 0)
        goto out;

    *out = s;
    s = NULL; /* the caller's from here on */
out:
    http_stop(s, 0);
    return rc;
}

const char *http_address(const struct http_server *s)
{
    return s->address;
}

void http_set_ready(struct http_server *s, bool ready)
{
    atomic_store(&s->ready, ready);
}

/* Until no request is left or the grace is over; slow clients meanwhile meet their deadlines. */
static void drain(struct http_server *s, dur_ms grace)
{
    int64_t end_ns = clock_mono_ns(clock_system()) + grace * NS_PER_MS;

    pthread_mutex_lock(&s->lock);
    while (s->n_requests > 0 && clock_mono_ns(clock_system()) < end_ns) {
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += (long)WAIT_MS * NS_PER_MS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&s->changed, &s->lock, &until);
        pthread_mutex_unlock(&s->lock);
        (void)http__conns_sweep(s);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
}

/* Handlers borrow what the caller frees after http_stop(), so they are waited for without limit. */
static void wait_for_handlers(struct http_server *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->n_handling > 0)
        pthread_cond_wait(&s->changed, &s->lock);
    s->handlers_ended = true;
    pthread_mutex_unlock(&s->lock);
    while (atomic_load(&s->n_finishing) > 0)
        sched_yield(); /* a few instructions from done */
}

void http_stop(struct http_server *s, dur_ms grace)
{
    if (s == NULL)
        return;
    CHECK_MAGIC(s, HTTP__SERVER_MAGIC);
    atomic_store(&s->stopping, true);
    http__acceptor_stop(s);
    http__listen_close(s);
    if (s->daemon != NULL) {
        drain(s, grace);
        http__conns_shut_all(s);
        wait_for_handlers(s);
        pool_free(s->pool);
        MHD_stop_daemon(s->daemon);
    }
    http__metrics_release(s);
    http__routes_release(s);
    http__conns_release(s);
    arena_release(&s->arena);
    free(s->prefix);
    s->magic = 0;
    free(s);
}
