/*
 * pool.c - worker threads, a queue, and a stack of those that are idle.
 *
 * A job goes straight to the worker that became idle last: its stack and caches are warm, and the
 * rest stay asleep. It is woken outside of the lock, which it does not need before the job is done;
 * a worker that is woken to a lock that is still held costs two more switches.
 */
#include "ferula/base/pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/log.h"
#include "ferula/base/mem.h"
#include "ferula/base/signals.h"

#define POOL_MAGIC     0x9b1f2a07u
#define NAME_MAX_BYTES 15 /* Linux keeps no more of a thread's name */

struct worker {
    struct pool *pool;
    pthread_t thread;
    sem_t wake;           /* posted once `job` is set */
    struct pool_job *job; /* handed over; NULL: look again */
    struct worker *next;  /* of pool->idle */
};

struct pool {
    uint32_t magic;
    pthread_mutex_t lock;
    struct worker *idle;            /* the newest first */
    struct pool_job *first, **last; /* the queue; the callers'; empty while a worker is idle */
    size_t n_queued, max_queued;
    bool stopping;
    struct worker *workers; /* owned */
    size_t n_workers;
    atomic_size_t n_submitting; /* threads inside pool_submit() */
};

static struct pool_job *dequeue(struct pool *p)
{
    struct pool_job *job = p->first;

    if (job != NULL) {
        p->first = job->next;
        if (p->first == NULL)
            p->last = &p->first;
        p->n_queued--;
    }
    return job;
}

/* The next job; NULL when the pool stops and the queue is empty. */
static struct pool_job *take(struct worker *w)
{
    struct pool *p = w->pool;

    for (;;) {
        struct pool_job *job;
        bool stopping;

        pthread_mutex_lock(&p->lock);
        job = dequeue(p);
        stopping = p->stopping;
        if (job == NULL && !stopping) {
            w->job = NULL;
            w->next = p->idle;
            p->idle = w;
        }
        pthread_mutex_unlock(&p->lock);
        if (job != NULL || stopping)
            return job;
        while (sem_wait(&w->wake) != 0)
            CHECK(errno == EINTR);
        if (w->job != NULL)
            return w->job;
    }
}

static void *work(void *ctx)
{
    struct worker *w = ctx;
    struct pool_job *job;

    CHECK_MAGIC(w->pool, POOL_MAGIC);
    while ((job = take(w)) != NULL)
        job->run(job);
    return NULL;
}

/* Signals are the main thread's: a new thread inherits the mask of the one that makes it. */
static void start_threads(struct pool *p, const char *name, size_t n_threads)
{
    char brief[NAME_MAX_BYTES + 1] = {0};
    sigset_t before;

    for (size_t i = 0; i < NAME_MAX_BYTES && name[i] != '\0'; i++)
        brief[i] = name[i];
    signals_block(&before);
    for (; p->n_workers < n_threads; p->n_workers++) {
        struct worker *w = &p->workers[p->n_workers];

        w->pool = p;
        CHECK(sem_init(&w->wake, 0, 0) == 0);
        if (pthread_create(&w->thread, NULL, work, w) != 0)
            log_fatal("a thread could not be started");
        pthread_setname_np(w->thread, brief);
    }
    signals_restore(&before);
}

struct pool *pool_new(const char *name, size_t n_threads, size_t max_queued)
{
    struct pool *p = xnew(struct pool);

    CHECK(n_threads > 0);
    p->magic = POOL_MAGIC;
    pthread_mutex_init(&p->lock, NULL);
    p->last = &p->first;
    p->max_queued = max_queued;
    p->workers = xcalloc(n_threads, sizeof(*p->workers));
    start_threads(p, name, n_threads);
    return p;
}

/* Under the lock: the newest idle worker with `job` to do; NULL: all are busy. */
static struct worker *hand_over(struct pool *p, struct pool_job *job)
{
    struct worker *w = p->idle;

    if (w != NULL) {
        p->idle = w->next;
        w->job = job;
    }
    return w;
}

bool pool_submit(struct pool *p, struct pool_job *job)
{
    struct worker *w = NULL;
    bool taken;

    CHECK_MAGIC(p, POOL_MAGIC);
    /* pool_free() waits for it: another worker may be done with the job before `w` is woken. */
    atomic_fetch_add(&p->n_submitting, 1);
    pthread_mutex_lock(&p->lock);
    taken = !p->stopping && p->n_queued < p->max_queued;
    if (taken) {
        w = hand_over(p, job);
        if (w == NULL) {
            job->next = NULL;
            *p->last = job;
            p->last = &job->next;
            p->n_queued++;
        }
    }
    pthread_mutex_unlock(&p->lock);
    if (w != NULL)
        CHECK(sem_post(&w->wake) == 0);
    atomic_fetch_sub(&p->n_submitting, 1);
    return taken;
}

size_t pool_queued(struct pool *p)
{
    size_t n;

    CHECK_MAGIC(p, POOL_MAGIC);
    pthread_mutex_lock(&p->lock);
    n = p->n_queued;
    pthread_mutex_unlock(&p->lock);
    return n;
}

void pool_free(struct pool *p)
{
    struct worker *w;

    if (p == NULL)
        return;
    CHECK_MAGIC(p, POOL_MAGIC);
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    while ((w = hand_over(p, NULL)) != NULL)
        CHECK(sem_post(&w->wake) == 0);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->n_workers; i++)
        pthread_join(p->workers[i].thread, NULL);
    while (atomic_load(&p->n_submitting) > 0)
        sched_yield(); /* a few instructions from done */
    for (size_t i = 0; i < p->n_workers; i++)
        sem_destroy(&p->workers[i].wake);
    pthread_mutex_destroy(&p->lock);
    p->magic = 0;
    free(p->workers);
    free(p);
}
