/*
 * stats.c - the values of stats.tbl.h, and /metrics as text.
 */
#include "ferula/base/stats.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

static const struct {
    const char *name, *type, *help;
} rows[N_STATS] = {
#define COUNTER(id, name, help) [STAT_##id] = {(name), "counter", (help)},
#define GAUGE(id, name, help)   [STAT_##id] = {(name), "gauge", (help)},
#include "ferula/base/stats.tbl.h"
#undef COUNTER
#undef GAUGE
};

static _Atomic uint64_t values[N_STATS];

struct collector {
    struct collector *next; /* owned */
    void (*collect)(struct buf *out, void *ctx);
    void *ctx; /* the module's; alive until stats_unregister() */
};

/* Held while collectors run, so that stats_unregister() returns only when theirs has ended. */
static pthread_mutex_t collectors_lock = PTHREAD_MUTEX_INITIALIZER;
static struct collector *collectors;

void stats_add(enum stat id, uint64_t n)
{
    atomic_fetch_add_explicit(&values[id], n, memory_order_relaxed);
}

static bool is_gauge(enum stat id)
{
    return rows[id].type[0] == 'g';
}

void stats_sub(enum stat id, uint64_t n)
{
    CHECK(is_gauge(id));
    atomic_fetch_sub_explicit(&values[id], n, memory_order_relaxed);
}

void stats_set(enum stat id, uint64_t v)
{
    CHECK(is_gauge(id));
    atomic_store_explicit(&values[id], v, memory_order_relaxed);
}

uint64_t stats_get(enum stat id)
{
    return atomic_load_explicit(&values[id], memory_order_relaxed);
}

void stats_register(void (*collect)(struct buf *out, void *ctx), void *ctx)
{
    struct collector *c = xnew(struct collector), **at = &collectors;

    c->collect = collect;
    c->ctx = ctx;
    pthread_mutex_lock(&collectors_lock);
    while (*at != NULL)
        at = &(*at)->next;
    *at = c;
    pthread_mutex_unlock(&collectors_lock);
}

void stats_unregister(void *ctx)
{
    struct collector **at = &collectors;

    pthread_mutex_lock(&collectors_lock);
    while (*at != NULL) {
        struct collector *c = *at;

        if (c->ctx != ctx) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        free(c);
    }
    pthread_mutex_unlock(&collectors_lock);
}

void stats_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void stats_render(struct buf *out)
{
    for (size_t i = 0; i < N_STATS; i++) {
        stats_head(out, rows[i].name, rows[i].type, rows[i].help);
        buf_addf(out, "%s ", rows[i].name);
        buf_add_u64(out, stats_get((enum stat)i));
        buf_putc(out, '\n');
    }
    pthread_mutex_lock(&collectors_lock);
    for (struct collector *c = collectors; c != NULL; c = c->next)
        c->collect(out, c->ctx);
    pthread_mutex_unlock(&collectors_lock);
}
