/*
 * workload.c - writes to a store as several clients would, under libtrace.so.
 *
 *     workload DIR MARKS SEED [no-sync]
 *
 * Each client has one request on its way at a time; who comes next is drawn. The store's clock goes
 * with the samples. The work is done by processes that follow each other: some close the store,
 * others end in full swing, and what was on its way then is sent again.
 */
#include "workload.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

#define MOST_CLIENTS 8
#define MOST_AHEAD   4  /* requests that a client may be ahead of the slowest */
#define N_SESSIONS   4  /* processes; every second one, the last too, closes the store */
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
    uint32_t *acked;   /* requests of each client; shared by the processes, as */
    uint32_t *deleted; /* deletions of each client */
    struct client clients[MOST_CLIENTS];
    pthread_mutex_t lock; /* of what done() changes */
    pthread_cond_t changed;
};

static void mark(struct workload *wl, uint32_t client, uint32_t request, enum model_fate fate)
{
    struct workload_mark wm = {client, request, (uint32_t)fate, 0};

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
    wl->acked[c->number] = ++c->next;
    c->busy = false;
    pthread_cond_signal(&wl->changed);
    pthread_mutex_unlock(&wl->lock);
}

static uint32_t slowest(const struct workload *wl)
{
    uint32_t next = UINT32_MAX;

    for (uint32_t i = 0; i < wl->m.n_clients; i++)
        next = MIN(next, wl->clients[i].next);
    return next;
}

/*
 * An idle client with something to send before request `end`; NULL: none now. How many may be busy
 * at once is drawn, too, so that commits are of one request or of several.
 */
static struct client *pick(struct workload *wl, uint32_t end)
{
    struct client *ready[MOST_CLIENTS];
    uint32_t n = 0, n_busy = 0;

    for (uint32_t i = 0; i < wl->m.n_clients; i++)
        n_busy += wl->clients[i].busy;
    if (n_busy > (uint32_t)rand_r(&wl->dice) % wl->m.n_clients)
        return NULL;
    for (uint32_t i = 0; i < wl->m.n_clients; i++) {
        struct client *c = &wl->clients[i];

        if (!c->busy && c->next < end && c->next < slowest(wl) + MOST_AHEAD)
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

/* What the processes before this one left. */
static void resume(struct workload *wl)
{
    for (uint32_t c = 0; c < wl->m.n_clients; c++) {
        wl->clients[c] = (struct client){.wl = wl, .number = c, .next = wl->acked[c]};
        for (uint32_t r = 0; r < wl->acked[c]; r++) {
            *model_fate(&wl->m, c, r) = FATE_STORED;
            clock_manual_set(&wl->clock,
                             MAX(clock_now_ms(&wl->clock.base), model_time(&wl->m, c, r)));
        }
    }
}

/* The next deletion of a client, when it is time for it: what it deletes was answered before. */
static void delete_next(struct workload *wl, uint32_t client)
{
    struct workload_mark wm = {client, wl->deleted[client], FATE_OPEN, 1};

    CHECK(write(wl->marks, &wm, sizeof(wm)) == sizeof(wm));
    CHECK(model_delete(&wl->m, wl->db, client, wm.request) == 0);
    wm.fate = FATE_STORED;
    CHECK(write(wl->marks, &wm, sizeof(wm)) == sizeof(wm));
    wl->deleted[client]++;
}

static void delete_some(struct workload *wl)
{
    for (uint32_t c = 0; c < wl->m.n_clients; c++)
        if (wl->acked[c] >= MODEL_DELETES_EVERY * (wl->deleted[c] + 1))
            delete_next(wl, c);
}

/* Sends all requests before `end`, or about all and does not wait for the answers to the last. */
static void send_until(struct workload *wl, uint32_t end, bool waits)
{
    pthread_mutex_lock(&wl->lock);
    while (!is_over(wl, end) && (waits || slowest(wl) + 1 < end)) {
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
        delete_some(wl);
        pthread_mutex_lock(&wl->lock);
    }
    pthread_mutex_unlock(&wl->lock);
}

/* One process. Returns its exit code. */
static int session(struct workload *wl, uint32_t number)
{
    uint32_t end = (wl->m.n_requests - WORKLOAD_SPARE) * number / N_SESSIONS;
    bool closes = number % 2 == 0;
    struct fault f = {0};

    resume(wl);
    if (tsdb_open(&wl->db, &wl->opts, &f) < 0) {
        fprintf(stderr, "workload: %s\n", f.text);
        return 1;
    }
    send_until(wl, end, closes);
    if (closes)
        tsdb_close(wl->db);
    if (number < N_SESSIONS || model_work_missed() == NULL)
        return 0;
    fprintf(stderr, "workload: the store did no %s\n", model_work_missed());
    return 1;
}

int main(int argc, char **argv)
{
    static struct workload wl = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                 .changed = PTHREAD_COND_INITIALIZER};
    int status = 0;

    if (argc < 4) {
        fprintf(stderr, "usage: workload DIR MARKS SEED [no-sync]\n");
        return 2;
    }
    wl.m = workload_model(strtoull(argv[3], NULL, 0));
    wl.marks = open(argv[2], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    wl.acked = mmap(NULL, 2 * MOST_CLIENTS * sizeof(*wl.acked), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(wl.marks >= 0 && wl.acked != MAP_FAILED && wl.m.n_clients <= MOST_CLIENTS);
    wl.deleted = wl.acked + MOST_CLIENTS;
    wl.m.fate = xcalloc(wl.m.n_clients, wl.m.n_requests);
    model_init(&wl.m);
    clock_manual_init(&wl.clock, MODEL_T0);
    wl.opts = workload_opts(&wl.m, argv[1], &wl.clock.base);
    wl.opts.no_sync = argc > 4;
    for (uint32_t s = 1; s <= N_SESSIONS && status == 0; s++) {
        pid_t pid = fork();

        CHECK(pid >= 0);
        wl.dice = (unsigned)wl.m.seed + s;
        if (pid == 0)
            _exit(session(&wl, s));
        CHECK(waitpid(pid, &status, 0) == pid);
    }
    model_release(&wl.m);
    free(wl.m.fate);
    return status != 0;
}
