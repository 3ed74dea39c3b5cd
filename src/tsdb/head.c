/*
 * head.c - the samples in memory.
 *
 * A chunk starts small and moves to a larger room when it is full, up to TSDB__CHUNK_BYTES or
 * TSDB__CHUNK_SAMPLES; then it is closed, trimmed to its size and a new one is put in front. Rooms
 * come from slabs, and the ones left behind go to free lists by size: no malloc a sample or chunk.
 */
#include "head.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/err.h"
#include "ferula/base/mem.h"

#define PAGE_SERIES 512
#define SLAB_BYTES  (64 * 1024)

/* The first room of a chunk holds some twenty samples of a quiet series. */
#define FIRST_BYTES 64

_Static_assert((TSDB__CHUNK_BYTES + sizeof(struct tsdb__chunk)) / TSDB__CHUNK_STEP + 1 <
                   TSDB__CHUNK_SIZES,
               "every size of chunk has a free list");

struct tsdb__slab {
    struct tsdb__slab *next;
    max_align_t bytes[];
};

void tsdb__head_init(struct tsdb__head *h)
{
    pthread_rwlockattr_t attr;

    *h = (struct tsdb__head){.min_t = INT64_MAX, .max_t = INT64_MIN};
    pthread_rwlockattr_init(&attr);
    /* Queries that overlap without end must not keep writes waiting. */
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    CHECK(pthread_rwlock_init(&h->lock, &attr) == 0);
    pthread_rwlockattr_destroy(&attr);
}

void tsdb__head_release(struct tsdb__head *h)
{
    for (size_t i = 0; i < h->n_pages; i++)
        free(h->pages[i]);
    free(h->pages);
    while (h->slabs != NULL) {
        struct tsdb__slab *slab = h->slabs;

        h->slabs = slab->next;
        free(slab);
    }
    pthread_rwlock_destroy(&h->lock);
}

void tsdb__head_lock_write(struct tsdb__head *h)
{
    CHECK(pthread_rwlock_wrlock(&h->lock) == 0);
}

void tsdb__head_lock_read(struct tsdb__head *h)
{
    CHECK(pthread_rwlock_rdlock(&h->lock) == 0);
}

void tsdb__head_unlock(struct tsdb__head *h)
{
    CHECK(pthread_rwlock_unlock(&h->lock) == 0);
}

void tsdb__head_reserve(struct tsdb__head *h, uint32_t id)
{
    size_t need = id / PAGE_SERIES + 1;

    if (need <= h->n_pages)
        return;
    tsdb__head_lock_write(h);
    h->pages = xrealloc(h->pages, need, sizeof(struct tsdb__series *));
    while (h->n_pages < need)
        h->pages[h->n_pages++] = xcalloc(PAGE_SERIES, sizeof(struct tsdb__series));
    tsdb__head_unlock(h);
}

struct tsdb__series *tsdb__head_series(const struct tsdb__head *h, uint32_t id)
{
    CHECK(id / PAGE_SERIES < h->n_pages);
    return &h->pages[id / PAGE_SERIES][id % PAGE_SERIES];
}

/* Room for `n_bits` of stream, in whole steps. */
static size_t size_for(unsigned n_bits)
{
    size_t n = sizeof(struct tsdb__chunk) + (n_bits + 7) / 8;

    return (n + TSDB__CHUNK_STEP - 1) / TSDB__CHUNK_STEP * TSDB__CHUNK_STEP;
}

static unsigned room_bits(const struct tsdb__chunk *c)
{
    return (unsigned)(c->size - offsetof(struct tsdb__chunk, bits)) * 8;
}

/* What is left of a slab too small for the next chunk goes to the free list of its size. */
static void new_slab(struct tsdb__head *h)
{
    struct tsdb__slab *slab;
    size_t left = (size_t)(h->slab_end - h->slab_at) / TSDB__CHUNK_STEP * TSDB__CHUNK_STEP;

    if (left >= FIRST_BYTES) {
        struct tsdb__chunk *c = (struct tsdb__chunk *)(void *)h->slab_at;

        c->link = h->free_chunks[left / TSDB__CHUNK_STEP];
        h->free_chunks[left / TSDB__CHUNK_STEP] = c;
    }
    slab = xmalloc(sizeof(*slab) + SLAB_BYTES);
    slab->next = h->slabs;
    h->slabs = slab;
    h->slab_at = (char *)slab->bytes;
    h->slab_end = h->slab_at + SLAB_BYTES;
}

static struct tsdb__chunk *chunk_alloc(struct tsdb__head *h, size_t size)
{
    struct tsdb__chunk **list = &h->free_chunks[size / TSDB__CHUNK_STEP], *c = *list;

    if (c != NULL) {
        *list = c->link;
    } else {
        if ((size_t)(h->slab_end - h->slab_at) < size)
            new_slab(h);
        c = (struct tsdb__chunk *)(void *)h->slab_at;
        h->slab_at += size;
    }
    c->size = (uint16_t)size;
    h->n_bytes += size;
    return c;
}

static void chunk_free(struct tsdb__head *h, struct tsdb__chunk *c)
{
    struct tsdb__chunk **list = &h->free_chunks[c->size / TSDB__CHUNK_STEP];

    h->n_bytes -= c->size;
    c->link = *list;
    *list = c;
}

/* A copy of `c` in a room of `size`; the old room is free then. */
static struct tsdb__chunk *chunk_move(struct tsdb__head *h, struct tsdb__chunk *c, size_t size)
{
    struct tsdb__chunk *to = chunk_alloc(h, size);

    to->link = c->link;
    to->min_t = c->min_t;
    to->max_t = c->max_t;
    to->n_samples = c->n_samples;
    to->n_bits = c->n_bits;
    memcpy(to->bits, c->bits, (c->n_bits + 7u) / 8);
    chunk_free(h, c);
    return to;
}

static void open_chunk(struct tsdb__head *h, struct tsdb__series *series, struct sample s)
{
    struct tsdb__chunk *old = series->chunk, *c;
    struct tsdb__xor_code code;

    if (old != NULL && size_for(old->n_bits) < old->size)
        old = chunk_move(h, old, size_for(old->n_bits));
    tsdb__xor_first(&series->x, s, &code);
    c = chunk_alloc(h, FIRST_BYTES);
    c->link = old;
    c->min_t = c->max_t = s.t;
    c->n_samples = 1;
    c->n_bits = (uint16_t)code.n_bits;
    tsdb__xor_write(c->bits, 0, &code);
    series->chunk = c;
}

void tsdb__head_append(struct tsdb__head *h, struct tsdb__series *series, struct sample s)
{
    struct tsdb__chunk *c = series->chunk;
    struct tsdb__xor_code code;

    h->n_samples++;
    h->min_t = MIN(h->min_t, s.t);
    h->max_t = MAX(h->max_t, s.t);
    if (c == NULL || c->n_samples == TSDB__CHUNK_SAMPLES ||
        c->n_bits + TSDB__XOR_BITS_MAX > TSDB__CHUNK_BYTES * 8) {
        open_chunk(h, series, s);
        return;
    }
    tsdb__xor_next(&series->x, s, &code);
    if (c->n_bits + code.n_bits > room_bits(c)) {
        size_t want = size_for((unsigned)c->n_bits + MAX(code.n_bits, c->n_bits / 2u));

        c = chunk_move(h, c, MIN(want, size_for(TSDB__CHUNK_BYTES * 8)));
        series->chunk = c;
    }
    tsdb__xor_write(c->bits, c->n_bits, &code);
    c->n_bits = (uint16_t)(c->n_bits + code.n_bits);
    c->n_samples++;
    c->max_t = s.t;
}

struct tsdb__chunk *tsdb__head_copy(const struct tsdb__head *h, uint32_t id,
                                    struct source_range range, struct arena *a)
{
    struct tsdb__chunk *first = NULL;
    const struct tsdb__chunk *c;

    if (id / PAGE_SERIES >= h->n_pages)
        return NULL;
    for (c = tsdb__head_series(h, id)->chunk; c != NULL && c->max_t >= range.from; c = c->link) {
        struct tsdb__chunk *copy;
        size_t n = offsetof(struct tsdb__chunk, bits) + (c->n_bits + 7u) / 8;

        if (c->min_t > range.to)
            continue;
        copy = arena_alloc_raw(a, MAX(n, sizeof(*c)), _Alignof(struct tsdb__chunk));
        memcpy(copy, c, n);
        copy->link = first;
        first = copy;
    }
    return first;
}

int tsdb__chunks_read(const struct tsdb__chunk *first, struct source_range range,
                      struct sample_vec *out)
{
    for (const struct tsdb__chunk *c = first; c != NULL; c = c->link) {
        struct tsdb__xor_reader r;

        sample_vec_reserve(out, c->n_samples);
        tsdb__xor_reader_init(&r, c->bits, c->n_bits, c->min_t);
        for (unsigned i = 0; i < c->n_samples; i++) {
            struct sample s = tsdb__xor_read(&r);

            if (s.t > range.to)
                break;
            if (s.t >= range.from)
                out->v[out->n++] = s;
        }
        if (r.bad)
            return FER_ECORRUPT;
    }
    return 0;
}
