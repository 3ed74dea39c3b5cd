/*
 * workload.c - writes to a store as several clients would, under libtrace.so.
 *
 *     workload DIR MARKS SEED [no-sync]
 *
 * Each client has one request on its way at a time; who comes next is drawn. The store's clock goes
 * with the samples. Twice the store is closed and opened again.
 */
#include "workload.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

#define MOST_CLIENTS 8
#define MOST_AHEAD   4 /* requests that a client may be ahead of the slowest */
#define N_SESSIONS   3
#define SETTLE_EVERY 30 /* requests after which the store's own work is waited for, about */

struct workload;

struct client {
    struct workload *wl;
    struct arena a;
    struct tsdb_write w;
    uint32_t number, next; /* the request to send next */
    bool busy;
};

struct workload {
    struct model m;
    struct clock_manual clock;
    struct tsdb_opts opts;
    struct tsdb *db;
    int marks; /* descriptor */
    unsigned dice;
    struct client clients[MOST_CLIENTS];
    pthread_mutex_t lock; /* of what done() changes */
    pthread_cond_t changed;
};

static void mark(struct workload *wl, uint32_t client, uint32_t request, enum model_fate fate)
{
    struct workload_mark wm = {client, request, (uint32_t)fate};

    CHECK(write(wl->marks, &wm, sizeof(wm)) == sizeof(wm));
}

static void on_done(struct tsdb_write *w)
{
    struct client *c = w->ctx;
    struct workload *wl = c->wl;

    if (w->rc != 0) {
        fprintf(stderr, "workload: request %u of client %u: %s\n", c->next, c->number,
                fer_strerror(w->rc));
        exit(1);
    }
    mark(wl, c->number, c->next, FATE_STORED);
    pthread_mutex_lock(&wl->lock);
    *model_fate(&wl->m, c->number, c->next) = FATE_STORED;
    c->next++;
    c->busy = false;
    pthread_cond_signal(&wl->changed);
    pthread_mutex_unlock(&wl->lock);
}

/*
 * An idle client with something to send before request `end`; NULL: none now. How many may be busy
 * at once is drawn, too, so that commits are of one request or of several.
 */
static struct client *pick(struct workload *wl, uint32_t end)
{
    struct client *ready[MOST_CLIENTS];
    uint32_t n = 0, n_busy = 0, slowest = end;

    for (uint32_t i = 0; i < wl->m.n_clients; i++) {
        slowest = MIN(slowest, wl->clients[i].next);
        n_busy += wl->clients[i].busy;
    }
    if (n_busy > (uint32_t)rand_r(&wl->dice) % wl->m.n_clients)
        return NULL;
    for (uint32_t i = 0; i < wl->m.n_clients; i++) {
        struct client *c = &wl->clients[i];

        if (!c->busy && c->next < end && c->next < slowest + MOST_AHEAD)
            ready[n++] = c;
    }
    return n == 0 ? NULL : ready[(uint32_t)rand_r(&wl->dice) % n];
}

static bool is_over(const struct workload *wl, uint32_t end)
{
    for (uint32_t i = 0; i < wl->m.n_clients; i++)
        if (wl->clients[i].busy || wl->clients[i].next < end)
            return false;
    return true;
}

static void send_next(struct workload *wl, struct client *c)
{
    ts_ms t = model_time(&wl->m, c->number, c->next);

    if (t > clock_now_ms(&wl->clock.base))
        clock_manual_set(&wl->clock, t);
    arena_reset(&c->a);
    model_write(&wl->m, wl->db, c->number, c->next, &c->a, &c->w);
    c->w.done = on_done;
    c->w.ctx = c;
    mark(wl, c->number, c->next, FATE_OPEN);
    tsdb_submit(wl->db, &c->w);
}

/* Opens the store, sends all requests before `end`, and closes it. */
static void session(struct workload *wl, uint32_t end)
{
    struct fault f = {0};

    if (tsdb_open(&wl->db, &wl->opts, &f) < 0) {
        fprintf(stderr, "workload: %s\n", f.text);
        exit(1);
    }
    pthread_mutex_lock(&wl->lock);
    while (!is_over(wl, end)) {
        struct client *c = pick(wl, end);

        if (c == NULL) {
            pthread_cond_wait(&wl->changed, &wl->lock);
            continue;
        }
        c->busy = true;
        pthread_mutex_unlock(&wl->lock);
        send_next(wl, c);
        if (rand_r(&wl->dice) % SETTLE_EVERY == 0)
            tsdb_settle(wl->db);
        pthread_mutex_lock(&wl->lock);
    }
    pthread_mutex_unlock(&wl->lock);
    tsdb_close(wl->db);
}

int main(int argc, char **argv)
{
    static struct workload wl = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                 .changed = PTHREAD_COND_INITIALIZER};

    if (argc < 4) {
        fprintf(stderr, "usage: workload DIR MARKS SEED [no-sync]\n");
        return 2;
    }
    wl.m = workload_model(strtoull(argv[3], NULL, 0));
    wl.dice = (unsigned)wl.m.seed;
    wl.marks = open(argv[2], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(wl.marks >= 0 && wl.m.n_clients <= MOST_CLIENTS);
    wl.m.fate = xcalloc(wl.m.n_clients, wl.m.n_requests);
    model_init(&wl.m);
    clock_manual_init(&wl.clock, MODEL_T0);
    wl.opts = workload_opts(&wl.m, argv[1], &wl.clock.base);
    wl.opts.no_sync = argc > 4;
    for (uint32_t i = 0; i < wl.m.n_clients; i++) {
        wl.clients[i].wl = &wl;
        wl.clients[i].number = i;
    }
    for (uint32_t s = 1; s <= N_SESSIONS; s++)
        session(&wl, (wl.m.n_requests - WORKLOAD_SPARE) * s / N_SESSIONS);
    if (model_work_missed() != NULL) {
        fprintf(stderr, "workload: the store did no %s\n", model_work_missed());
        return 1;
    }
    for (uint32_t i = 0; i < wl.m.n_clients; i++)
        arena_release(&wl.clients[i].a);
    model_release(&wl.m);
    free(wl.m.fate);
    return 0;
}
