/*
 * pool.c - worker threads on one queue, a singly linked list under a mutex.
 */
#include "ferula/base/pool.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/base/signals.h"

#define POOL_MAGIC     0x9b1f2a07u
#define NAME_MAX_BYTES 15 /* Linux keeps no more of a thread's name */

struct pool {
    uint32_t magic;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct pool_job *first, **last; /* the queue; the callers' */
    size_t n_queued, max_queued;
    bool stopping;
    pthread_t *threads; /* owned */
    size_t n_threads;
};

static struct pool *pool_from(void *ctx)
{
    struct pool *p = ctx;

    CHECK_MAGIC(p, POOL_MAGIC);
    return p;
}

/* The next job; NULL when the pool stops and the queue is empty. */
static struct pool_job *take(struct pool *p)
{
    struct pool_job *job;

    pthread_mutex_lock(&p->lock);
    while (p->first == NULL && !p->stopping)
        pthread_cond_wait(&p->wake, &p->lock);
    job = p->first;
    if (job != NULL) {
        p->first = job->next;
        if (p->first == NULL)
            p->last = &p->first;
        p->n_queued--;
    }
    pthread_mutex_unlock(&p->lock);
    return job;
}

static void *work(void *ctx)
{
    struct pool *p = pool_from(ctx);
    struct pool_job *job;

    while ((job = take(p)) != NULL)
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
    for (; p->n_threads < n_threads; p->n_threads++) {
        CHECK(pthread_create(&p->threads[p->n_threads], NULL, work, p) == 0);
        pthread_setname_np(p->threads[p->n_threads], brief);
    }
    signals_restore(&before);
}

struct pool *pool_new(const char *name, size_t n_threads, size_t max_queued)
{
    struct pool *p = xnew(struct pool);

    CHECK(n_threads > 0);
    p->magic = POOL_MAGIC;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    p->last = &p->first;
    p->max_queued = max_queued;
    p->threads = xcalloc(n_threads, sizeof(*p->threads));
    start_threads(p, name, n_threads);
    return p;
}

bool pool_submit(struct pool *p, struct pool_job *job)
{
    bool taken;

    CHECK_MAGIC(p, POOL_MAGIC);
    pthread_mutex_lock(&p->lock);
    taken = !p->stopping && p->n_queued < p->max_queued;
    if (taken) {
        job->next = NULL;
        *p->last = job;
        p->last = &job->next;
        p->n_queued++;
        pthread_cond_signal(&p->wake);
    }
    pthread_mutex_unlock(&p->lock);
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
    if (p == NULL)
        return;
    CHECK_MAGIC(p, POOL_MAGIC);
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->n_threads; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    p->magic = 0;
    free(p->threads);
    free(p);
}
