/*
 * pool.h - a fixed number of threads that work through a bounded queue.
 */
#ifndef FERULA_BASE_POOL_H
#define FERULA_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct pool;

struct pool_job {
    void (*run)(struct pool_job *job); /* may free the job */
    struct pool_job *next;             /* the pool's while queued */
};

/* Threads are named `name` (at most 15 bytes) and block all signals. */
struct pool *pool_new(const char *name, size_t n_threads, size_t max_queued);

/* False when the queue is full or the pool is stopping; the job is still the caller's then. */
bool pool_submit(struct pool *p, struct pool_job *job);

size_t pool_queued(struct pool *p);

/*
 * Shares a loop: calls item(ctx, worker, i) for every i below n, each once, on the caller's thread
 * (worker 0) and on at most `helpers` threads of the pool that have nothing else to do (workers 1
 * to `helpers`). Returns when all calls have. Items are begun in ascending order. `p` may be NULL:
 * the caller does it all. May be called from a job of the same pool.
 */
void pool_share(struct pool *p, size_t helpers, size_t n,
                void (*item)(void *ctx, size_t worker, size_t i), void *ctx);

/* Runs what is queued, then ends the threads. NULL is fine. */
void pool_free(struct pool *p);

#endif
