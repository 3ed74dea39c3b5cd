/*
 * serve.c - `ferula serve`: opens the store, serves HTTP until a signal comes, and closes in order.
 *
 * Signals are blocked before any thread starts and taken by the main thread alone with
 * sigtimedwait(), so that no handler interrupts a library.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli_priv.h"
#include "ferula/api.h"
#include "ferula/base/check.h"
#include "ferula/base/clock.h"
#include "ferula/base/log.h"
#include "ferula/base/pool.h"
#include "ferula/http.h"
#include "ferula/tsdb.h"
#include "serve_conf.h"

/* How long requests that are being answered may still run after a signal. */
#define STOP_GRACE_MS 10000

/* Workers beyond those that queries can take: writes and short requests never wait for a query. */
#define SPARE_WORKERS 4
#define MOST_WORKERS  16

/* Threads that help with large queries, and calls for help that wait for one. */
#define MOST_HELPERS   15
#define HELPERS_QUEUED 64

/* Bodies being received at once, counted in largest requests. */
#define BODIES_AT_ONCE 8

struct service {
    struct tsdb *db;
    struct api *api;
    struct pool *helpers; /* of large queries; NULL on a machine with one processor */
    size_t n_helpers;
    struct http_server *http;
};

/* ---- signals ---------------------------------------------------------------------------- */

static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    CHECK(pthread_sigmask(SIG_BLOCK, set, NULL) == 0);
    signal(SIGPIPE, SIG_IGN);
}

static void exit_at_once(int signo)
{
    (void)signo;
    _exit(CLI__INTERRUPTED);
}

/* From here on a second signal does not wait for anything. */
static void arm_second_signal(void)
{
    struct sigaction act = {.sa_handler = exit_at_once};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* Waits for a signal to stop, or for a store that cannot go on. Returns the exit code. */
static int wait_for_end(const sigset_t *set, struct tsdb *db)
{
    const struct timespec second = {.tv_sec = 1};
    const char *why;

    for (;;) {
        int signo = sigtimedwait(set, NULL, &second);

        if (signo == SIGHUP) {
            LOG_INFO("SIGHUP ignored: there is no configuration file to reload");
        } else if (signo > 0) {
            LOG_INFO("Received a signal, exiting gracefully...",
                     LOG_S("signal", signo == SIGTERM ? "SIGTERM" : "SIGINT"));
            return CLI__OK;
        } else if (!tsdb_healthy(db, &why)) {
            LOG_ERROR("The store failed; a restart is needed", LOG_S("reason", why));
            return CLI__STORE_FAILED;
        }
    }
}

/* ---- start ------------------------------------------------------------------------------ */

static int open_store(struct service *s, const struct serve_conf *c)
{
    struct tsdb_opts opts = {.dir = c->data_dir,
                             .map_bytes = c->map_bytes,
                             .retention = c->retention,
                             .retention_bytes = c->retention_bytes,
                             .max_exemplars = c->max_exemplars,
                             .max_records = c->max_polls,
                             .ooo_window = c->ooo_window,
                             .memory = c->memory};
    struct fault f = {0};

    if (c->memory)
        LOG_INFO("Samples are kept in memory only, and are gone when ferula ends");
    if (c->memory && strcmp(c->data_dir, SERVE_DATA_DIR) != 0)
        LOG_WARN("--storage.tsdb.path is not used with --storage.memory",
                 LOG_S("path", c->data_dir));
    if (tsdb_open(&s->db, &opts, &f) < 0) {
        LOG_ERROR("Cannot open the store", LOG_S("path", c->memory ? "memory" : c->data_dir),
                  LOG_S("err", f.text));
        return CLI__FAILED;
    }
    return CLI__OK;
}

/* With the thread of a query itself, as many as there are processors. */
static void start_helpers(struct service *s)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    s->n_helpers = n > 1 ? MIN((size_t)n - 1, (size_t)MOST_HELPERS) : 0;
    if (s->n_helpers > 0)
        s->helpers = pool_new("query-helper", s->n_helpers, HELPERS_QUEUED);
}

static void make_api(struct service *s, const struct serve_conf *c)
{
    struct api_opts opts = {
        .db = s->db,
        .clock = clock_system(),
        .lookback = c->lookback,
        .query_timeout = c->query_timeout,
        .max_samples = c->max_samples,
        .max_concurrency = c->max_concurrency,
        .max_reads = c->max_reads,
        .read_sample_limit = c->read_sample_limit,
        .max_polls = c->max_polls,
        .read_frame_bytes = c->read_frame_bytes,
        .helpers = s->helpers,
        .n_helpers = s->n_helpers,
        .features = c->promql,
        .delayed_name_removal = c->delayed_name_removal,
        .use_start_timestamps = c->use_start_timestamps,
        .per_step_stats = c->per_step_stats,
        .type_and_unit_labels = c->type_and_unit_labels,
        .remote_write = c->remote_write,
        .refuse_v1 = c->refuse_v1,
        .refuse_v2 = c->refuse_v2,
        .otlp = c->otlp,
        .start_timestamps = c->st_storage,
        .admin = c->admin,
        .limits = {c->max_request_bytes, c->max_labels, c->max_name_bytes, c->max_value_bytes},
        .flags = c->shown,
        .n_flags = c->n_shown,
        .version = FERULA_VERSION,
        .revision = FERULA_REVISION,
        .data_dir = c->data_dir,
        .prometheus_aliases = c->aliases,
    };

    s->api = api_new(&opts);
}

static int start_http(struct service *s, const struct serve_conf *c)
{
    struct http_opts opts = {
        .listen = c->listen,
        .route_prefix = c->prefix,
        .clock = clock_system(),
        .max_connections = c->max_connections,
        .max_body_bytes = c->max_request_bytes,
        .max_bodies_bytes = BODIES_AT_ONCE * c->max_request_bytes,
        .n_io_threads = 2,
        .n_workers = MIN(c->max_concurrency + SPARE_WORKERS, (size_t)MOST_WORKERS),
        .max_queued = c->max_connections,
        .arrival_timeout = c->read_timeout,
        .idle_timeout = c->read_timeout,
        .cors_origin = c->cors_origin,
        .early = api_early,
    };
    struct fault f = {0};
    int rc;

    opts.routes = api_routes(s->api, &opts.n_routes);
    rc = http_start(&s->http, &opts, &f);
    if (rc == 0)
        api_set_http(s->api, s->http);
    else
        LOG_ERROR("Cannot listen", LOG_S("address", c->listen), LOG_S("err", f.text));
    return rc == 0 ? CLI__OK : rc == FER_EINVAL ? CLI__USAGE : CLI__FAILED;
}

static int start(struct service *s, const struct serve_conf *c)
{
    int rc = open_store(s, c);

    if (rc != CLI__OK)
        return rc;
    start_helpers(s);
    make_api(s, c);
    rc = start_http(s, c);
    if (rc != CLI__OK)
        return rc;
    http_set_ready(s->http, true);
    LOG_INFO("Server is ready", LOG_S("address", http_address(s->http)));
    return CLI__OK;
}

/* ---- stop ------------------------------------------------------------------------------- */

/* Any part may be missing. Writes that were taken are answered before the store closes. */
static void stop(struct service *s)
{
    if (s->http != NULL)
        http_set_ready(s->http, false);
    http_stop(s->http, STOP_GRACE_MS);
    tsdb_close(s->db);
    api_free(s->api);
    pool_free(s->helpers);
}

static int run(const struct cli__command *cmd, int argc, char **argv)
{
    struct serve_conf conf;
    struct service s = {0};
    sigset_t signals;
    int rc = CLI__OK;

    /* Two heaps are enough, and idle memory is what a small service is measured by. */
    mallopt(M_ARENA_MAX, 2);
    block_signals(&signals);
    tsdb_guard_signals();
    if (!cli__serve_conf_init(&conf, cmd, argc, argv, &rc))
        goto out;
    LOG_INFO("Starting ferula", LOG_S("version", FERULA_VERSION),
             LOG_S("revision", FERULA_REVISION));
    rc = start(&s, &conf);
    if (rc == CLI__OK) {
        malloc_trim(0);
        rc = wait_for_end(&signals, s.db);
    }
    arm_second_signal();
    stop(&s);
    LOG_INFO("See you next time!");
out:
    cli__serve_conf_release(&conf);
    return rc;
}

const struct cli__command cli__serve = {
    .name = "serve",
    .summary = "Take samples by remote write and answer PromQL over Prometheus' HTTP API.",
    .notes =
        "Each flag --a.b-c is also FERULA_A_B_C in the environment. The other flags of Prometheus\n"
        "3.14 are accepted without effect, or refused with the reason where someone would rely\n"
        "on them: docs/flags.md lists them.\n",
    .examples =
        "  ferula serve --web.listen-address=127.0.0.1:9090 --storage.tsdb.path=/tmp/ferula\n"
        "      serves this machine only, and keeps its data in /tmp/ferula\n"
        "  ferula --web.listen-address=127.0.0.1:0 --log.format=json\n"
        "      the command may be left out; port 0 takes a free port, and the log names it\n",
    .flags = cli__serve_flags,
    .n_flags = SERVE_N_FLAGS,
    .run = run,
};
