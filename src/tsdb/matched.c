/*
 * matched.c - the series that satisfy matchers, remembered.
 */
#include "matched.h"

#include <stdlib.h>

#include "ferula/base/buf.h"
#include "ferula/base/check.h"
#include "ferula/base/mem.h"

/* Of all sets, and of one: some 10,000 series with a dozen labels are 5 MB. */
#define MOST_BYTES     ((size_t)12 << 20)
#define MOST_BYTES_ONE ((size_t)6 << 20)

void tsdb__matched_init(struct tsdb__matched_cache *c)
{
    *c = (struct tsdb__matched_cache){0};
    CHECK(pthread_mutex_init(&c->lock, NULL) == 0);
}

void tsdb__matched_release(struct tsdb__matched_cache *c)
{
    for (size_t i = 0; i < c->n; i++)
        tsdb__matched_unref(c->v[i]);
    pthread_mutex_destroy(&c->lock);
}

struct str tsdb__matched_key(struct arena *a, const struct matcher *m, size_t n)
{
    struct buf b = {0};
    struct str key;

    for (size_t i = 0; i < n; i++) {
        size_t lengths[] = {m[i].name.n, m[i].value.n};

        buf_putc(&b, (char)m[i].op);
        buf_add(&b, lengths, sizeof(lengths));
        buf_add_str(&b, m[i].name);
        buf_add_str(&b, m[i].value);
    }
    key = arena_str(a, buf_str(&b));
    buf_release(&b);
    return key;
}

struct tsdb__matched *tsdb__matched_new(struct str key, uint64_t generation)
{
    struct tsdb__matched *m = xnew(struct tsdb__matched);

    atomic_store(&m->n_refs, 1);
    m->generation = generation;
    m->key = arena_str(&m->arena, key);
    return m;
}

void tsdb__matched_unref(struct tsdb__matched *m)
{
    if (atomic_fetch_sub(&m->n_refs, 1) != 1)
        return;
    arena_release(&m->arena);
    free(m);
}

static void drop(struct tsdb__matched_cache *c, size_t i)
{
    struct tsdb__matched *m = c->v[i];

    c->n_bytes -= m->arena.used_bytes;
    c->v[i] = c->v[--c->n];
    tsdb__matched_unref(m);
}

struct tsdb__matched *tsdb__matched_find(struct tsdb__matched_cache *c, struct str key,
                                         uint64_t generation)
{
    struct tsdb__matched *found = NULL;

    pthread_mutex_lock(&c->lock);
    c->n_looks++;
    for (size_t i = 0; i < c->n && found == NULL;) {
        struct tsdb__matched *m = c->v[i];

        if (m->generation < generation) {
            drop(c, i);
            continue;
        }
        if (m->generation == generation && str_eq(m->key, key))
            found = m;
        i++;
    }
    if (found != NULL) {
        found->used = c->n_looks;
        atomic_fetch_add(&found->n_refs, 1);
    }
    pthread_mutex_unlock(&c->lock);
    return found;
}

static size_t least_used(const struct tsdb__matched_cache *c)
{
    size_t least = 0;

    for (size_t i = 1; i < c->n; i++)
        if (c->v[i]->used < c->v[least]->used)
            least = i;
    return least;
}

void tsdb__matched_keep(struct tsdb__matched_cache *c, struct tsdb__matched *m)
{
    size_t n = m->arena.used_bytes;

    if (n > MOST_BYTES_ONE)
        return;
    pthread_mutex_lock(&c->lock);
    while (c->n == TSDB__N_MATCHED || (c->n > 0 && c->n_bytes + n > MOST_BYTES))
        drop(c, least_used(c));
    atomic_fetch_add(&m->n_refs, 1);
    m->used = c->n_looks;
    c->v[c->n++] = m;
    c->n_bytes += n;
    pthread_mutex_unlock(&c->lock);
}
