/*
 * crew.c - workers for loops over many series: the query's thread, and idle ones that help.
 *
 * For few series the query's own state does it all. Else a worker is a copy of that, with buffers
 * and an arena of its own; what depends on the order of items - limits, errors - is decided
 * afterwards on the query's thread, item by item, so that a result is the same with any number of
 * workers.
 */
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/pool.h"

#include "stream.h"

/* For fewer series a helper would come too late. */
#define HELP_FROM 512

#define BLOCK_SERIES    64
#define BLOCKS_OF_LEAST 8

static void release(void *ctx)
{
    arena_release(ctx);
}

void promql__crew_begin(struct promql__crew *c, struct promql__ev *ev, size_t n)
{
    size_t least = ev->q->help_from > 0 ? ev->q->help_from : HELP_FROM;

    *c = (struct promql__crew){
        .ev = ev,
        .workers = ev,
        .n = 1,
        .block = MIN(least / BLOCKS_OF_LEAST + 1, (size_t)BLOCK_SERIES),
    };
    if (ev->q->helpers == NULL || ev->q->n_helpers == 0 || n < least)
        return;
    c->n = ev->q->n_helpers + 1;
    c->workers = arena_array(ev->arena, struct promql__ev, c->n);
    for (size_t i = 0; i < c->n; i++) {
        struct promql__ev *w = &c->workers[i];

        *w = *ev;
        w->arena = arena_new(ev->arena, struct arena);
        arena_defer(ev->arena, release, w->arena);
        w->in = (struct series_samples){.arena = w->arena};
        w->out = (struct sample_vec){0};
        w->hout = (struct hsample_vec){0};
        w->scratch = NULL;
        w->scratch_cap = 0;
        w->notes = NULL;
        promql__counts_like(&w->counts, &ev->counts);
        w->failed = &c->failed;
        w->helper = i > 0;
    }
    for (size_t i = 0; i < c->n; i++)
        c->workers[i].notes_end = &c->workers[i].notes;
}

/* A loop that is shared. */
struct loop {
    struct promql__crew *crew;
    struct promql__item *items;
    int (*fn)(void *ctx, struct promql__ev *worker, size_t i);
    void *ctx;
};

/* Items before a failed one go on: the first of all that fails is the query's error. */
static void note_failure(struct promql__crew *c, size_t i)
{
    size_t first = atomic_load(&c->failed);

    while (i < first && !atomic_compare_exchange_weak(&c->failed, &first, i))
        ;
}

static void run_item(void *ctx, size_t worker, size_t i)
{
    struct loop *l = ctx;
    struct promql__ev *w = &l->crew->workers[worker];
    struct promql__item *item = &l->items[i];

    w->held = w->peak = 0;
    w->f = &item->fault;
    w->item = i;
    item->rc = atomic_load(&l->crew->failed) < i ? FER_ECANCELED : l->fn(l->ctx, w, i);
    item->held = w->held;
    item->need = w->peak;
    if (item->rc != 0)
        note_failure(l->crew, i);
}

/* Only items behind it were given up because of it; NULL: none failed. */
static const struct promql__item *first_failed(size_t n, const struct promql__item *items)
{
    for (size_t i = 0; i < n; i++)
        if (items[i].rc != 0)
            return &items[i];
    return NULL;
}

/* Item by item, as one worker would: too much held may come before an error. */
static int account(struct promql__crew *c, size_t n, const struct promql__item *items)
{
    const struct promql__item *failed = first_failed(n, items);

    for (size_t i = 0; i < n; i++) {
        int rc = promql__hold_load(c->ev, &(struct promql__load){items[i].held, items[i].need});

        if (rc != 0)
            return rc;
        if (&items[i] == failed)
            break;
    }
    if (failed != NULL && c->ev->f != NULL)
        *c->ev->f = failed->fault;
    return failed == NULL ? 0 : failed->rc;
}

int promql__crew_run(struct promql__crew *c, size_t n, struct promql__item *items,
                     int (*fn)(void *ctx, struct promql__ev *worker, size_t i), void *ctx)
{
    struct loop l = {c, items, fn, ctx};
    int rc = 0;

    if (c->workers == c->ev) {
        for (size_t i = 0; rc == 0 && i < n; i++)
            rc = fn(ctx, c->ev, i);
        return rc;
    }
    memset(items, 0, n * sizeof(*items));
    atomic_store(&c->failed, SIZE_MAX);
    pool_share(c->ev->q->helpers, c->n - 1, n, run_item, &l);
    return account(c, n, items);
}

void promql__crew_end(struct promql__crew *c)
{
    for (size_t i = 0; c->workers != c->ev && i < c->n; i++) {
        struct promql__ev *w = &c->workers[i];

        promql__notes_merge(c->ev, w);
        promql__counts_merge(&c->ev->counts, &w->counts);
        promql__counts_release(&w->counts);
        series_samples_release(&w->in);
        sample_vec_release(&w->out);
        hsample_vec_release(&w->hout);
        free(w->scratch);
    }
}
