/*
 * share.c - a loop shared with idle threads.
 *
 * The caller takes items like everyone else, so nothing depends on a helper coming: one that comes
 * when all is done finds the loop closed and only gives its reference back.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/base/pool.h"

struct share {
    void (*item)(void *ctx, size_t worker, size_t i);
    void *ctx; /* the caller's; not to be touched once closed */
    size_t n;
    atomic_size_t next;
    pthread_mutex_t lock;
    pthread_cond_t left;
    size_t n_workers; /* that have come, the caller too */
    size_t inside;    /* helpers at work */
    size_t refs;      /* of the caller and of jobs in the pool */
    bool closed;
};

struct helper {
    struct pool_job job; /* first: the pool's */
    struct share *share;
};

static void unref(struct share *s)
{
    size_t refs;

    pthread_mutex_lock(&s->lock);
    refs = --s->refs;
    pthread_mutex_unlock(&s->lock);
    if (refs > 0)
        return;
    pthread_cond_destroy(&s->left);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void work(struct share *s, size_t worker)
{
    size_t i;

    while ((i = atomic_fetch_add(&s->next, 1)) < s->n)
        s->item(s->ctx, worker, i);
}

static void help(struct pool_job *job)
{
    struct helper *h = (struct helper *)(void *)job;
    struct share *s = h->share;
    size_t worker = 0;

    free(h);
    pthread_mutex_lock(&s->lock);
    if (!s->closed) {
        worker = s->n_workers++;
        s->inside++;
    }
    pthread_mutex_unlock(&s->lock);
    if (worker > 0) {
        work(s, worker);
        pthread_mutex_lock(&s->lock);
        s->inside--;
        pthread_cond_signal(&s->left);
        pthread_mutex_unlock(&s->lock);
    }
    unref(s);
}

static void call_helper(struct pool *p, struct share *s)
{
    struct helper *h = xnew(struct helper);

    h->job.run = help;
    h->share = s;
    pthread_mutex_lock(&s->lock);
    s->refs++;
    pthread_mutex_unlock(&s->lock);
    if (pool_submit(p, &h->job))
        return;
    free(h);
    unref(s);
}

void pool_share(struct pool *p, size_t helpers, size_t n,
                void (*item)(void *ctx, size_t worker, size_t i), void *ctx)
{
    struct share *s;

    if (p == NULL || helpers == 0 || n < 2) {
        for (size_t i = 0; i < n; i++)
            item(ctx, 0, i);
        return;
    }
    s = xnew(struct share);
    *s = (struct share){.item = item, .ctx = ctx, .n = n, .n_workers = 1, .refs = 1};
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->left, NULL);
    for (size_t i = 0; i < helpers && i + 1 < n; i++)
        call_helper(p, s);
    work(s, 0);
    pthread_mutex_lock(&s->lock);
    s->closed = true;
    while (s->inside > 0)
        pthread_cond_wait(&s->left, &s->lock);
    pthread_mutex_unlock(&s->lock);
    unref(s);
}
