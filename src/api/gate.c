/*
 * gate.c - a counted gate that a waiting thread can give up on.
 */
#include "gate.h"

#include <time.h>

#include "ferula/base/check.h"
#include "ferula/base/clock.h"

#define ASK_EVERY_NS 50000000

void api__gate_init(struct api__gate *g, size_t most)
{
    pthread_condattr_t attr;

    *g = (struct api__gate){.most = most};
    CHECK(pthread_mutex_init(&g->lock, NULL) == 0);
    CHECK(pthread_condattr_init(&attr) == 0);
    CHECK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&g->left, &attr) == 0);
    CHECK(pthread_condattr_destroy(&attr) == 0);
}

void api__gate_release(struct api__gate *g)
{
    CHECK(g->inside == 0);
    CHECK(pthread_cond_destroy(&g->left) == 0);
    CHECK(pthread_mutex_destroy(&g->lock) == 0);
}

int api__gate_enter(struct api__gate *g, int (*give_up)(void *ctx), void *ctx)
{
    int rc = 0;

    CHECK(pthread_mutex_lock(&g->lock) == 0);
    while (g->inside >= g->most && (rc = give_up(ctx)) == 0) {
        int64_t until_ns = clock_mono_ns(clock_system()) + ASK_EVERY_NS;
        struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};

        (void)pthread_cond_timedwait(&g->left, &g->lock, &until); /* the loop asks again */
    }
    if (rc == 0)
        g->inside++;
    CHECK(pthread_mutex_unlock(&g->lock) == 0);
    return rc;
}

bool api__gate_try(struct api__gate *g)
{
    bool in;

    CHECK(pthread_mutex_lock(&g->lock) == 0);
    in = g->inside < g->most;
    g->inside += in;
    CHECK(pthread_mutex_unlock(&g->lock) == 0);
    return in;
}

void api__gate_leave(struct api__gate *g)
{
    CHECK(pthread_mutex_lock(&g->lock) == 0);
    CHECK(g->inside > 0);
    g->inside--;
    CHECK(pthread_cond_signal(&g->left) == 0);
    CHECK(pthread_mutex_unlock(&g->lock) == 0);
}
