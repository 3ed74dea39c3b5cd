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

/* Runs what is queued, then ends the threads. NULL is fine. */
void pool_free(struct pool *p);

#endif
