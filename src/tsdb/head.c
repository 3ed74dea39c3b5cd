/*
 * head.c - the samples in memory.
 *
 * The bits of a chunk lie in a chain of blocks of one cache line each; the first carries what is
 * known of the chunk. So appending never copies, and a block that sealing frees fits every chunk:
 * memory does not fragment. Blocks are named by number, and number 0 is none.
 */
#include "head.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/err.h"
#include "ferula/base/mem.h"

#define SLAB_BLOCKS 1024

#define FIRST_BYTES 36
#define LINK_BYTES  60

union tsdb__block {
    struct {
        uint32_t next; /* of the chain; or of the free list */
        uint32_t last; /* of the chain */
        uint32_t older;
        int32_t slot;
        uint16_t n_samples, n_bits;
        uint32_t min_offset; /* of the first sample, from the start of the slot */
        uint8_t bits[FIRST_BYTES];
    } first;
    struct {
        uint32_t next;
        uint8_t bits[LINK_BYTES];
    } link;
};

_Static_assert(sizeof(union tsdb__block) == 64, "a block is a cache line");

#define BLOCKS_MAX (1u << 30) /* chunk numbers have 30 bits: 64 GiB of samples */

void tsdb__head_init(struct tsdb__head *h)
{
    pthread_rwlockattr_t attr;

    *h = (struct tsdb__head){.next_block = 1, .min_t = INT64_MAX, .max_t = INT64_MIN};
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
    for (size_t i = 0; i < h->n_slabs; i++)
        free(h->slabs[i]);
    free(h->slabs);
    tsdb__head_release_rich(h);
    free(h->slots);
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

/* ---- series ----------------------------------------------------------------------------- */

void tsdb__head_reserve(struct tsdb__head *h, uint32_t id)
{
    size_t at = id / TSDB__PAGE_SERIES, cap = h->n_pages;

    if (at < h->n_pages && h->pages[at] != NULL)
        return;
    tsdb__head_lock_write(h);
    if (at >= cap) {
        h->n_pages = MAX(at + 1, cap + cap / 2);
        h->pages = xrealloc(h->pages, h->n_pages, sizeof(*h->pages));
        memset(h->pages + cap, 0, (h->n_pages - cap) * sizeof(*h->pages));
    }
    h->pages[at] = xcalloc(1, sizeof(struct tsdb__page));
    tsdb__head_unlock(h);
}

static struct tsdb__series *find(const struct tsdb__head *h, uint32_t id)
{
    struct tsdb__page *p =
        id / TSDB__PAGE_SERIES < h->n_pages ? h->pages[id / TSDB__PAGE_SERIES] : NULL;

    return p == NULL ? NULL : &p->v[id % TSDB__PAGE_SERIES];
}

bool tsdb__head_lives(const struct tsdb__head *h, uint32_t id)
{
    const struct tsdb__series *series = find(h, id);

    return series != NULL && series->lives;
}

struct tsdb__series *tsdb__head_series(const struct tsdb__head *h, uint32_t id)
{
    struct tsdb__series *series = find(h, id);

    CHECK(series != NULL && series->lives);
    return series;
}

void tsdb__head_revive(struct tsdb__head *h, uint32_t id)
{
    struct tsdb__series *series = find(h, id);

    CHECK(series != NULL && !series->lives);
    *series = (struct tsdb__series){.lives = 1};
    h->pages[id / TSDB__PAGE_SERIES]->n_live++;
}

void tsdb__head_bury(struct tsdb__head *h, uint32_t id)
{
    struct tsdb__page **page = &h->pages[id / TSDB__PAGE_SERIES];
    struct tsdb__series *series = tsdb__head_series(h, id);

    CHECK(!tsdb__head_has_chunk(h, id));
    series->lives = 0;
    if (--(*page)->n_live == 0) {
        free(*page);
        *page = NULL;
    }
}

/* ---- blocks ----------------------------------------------------------------------------- */

static union tsdb__block *block_at(const struct tsdb__head *h, uint32_t i)
{
    return &h->slabs[i / SLAB_BLOCKS][i % SLAB_BLOCKS];
}

static uint32_t block_alloc(struct tsdb__head *h)
{
    uint32_t i = h->free_block;
    union tsdb__block *b;

    if (i != 0) {
        h->free_block = block_at(h, i)->first.next;
    } else {
        i = h->next_block++;
        CHECK(i < BLOCKS_MAX);
        if (i / SLAB_BLOCKS >= h->n_slabs) {
            h->slabs = xrealloc(h->slabs, h->n_slabs + 1, sizeof(*h->slabs));
            h->slabs[h->n_slabs++] = xcalloc(SLAB_BLOCKS, sizeof(union tsdb__block));
        }
    }
    h->n_bytes += sizeof(union tsdb__block);
    b = block_at(h, i);
    memset(b, 0, sizeof(*b));
    return i;
}

/* The whole chain of a chunk goes back. */
static void chain_free(struct tsdb__head *h, uint32_t first)
{
    union tsdb__block *b = block_at(h, first);

    for (uint32_t i = first;; i = block_at(h, i)->link.next) {
        h->n_bytes -= sizeof(union tsdb__block);
        if (i == b->first.last)
            break;
    }
    block_at(h, b->first.last)->link.next = h->free_block;
    h->free_block = first;
}

/* Where byte `at` of a chunk lies; it is the next to be written, or the last one written. */
static uint8_t *byte_at(struct tsdb__head *h, union tsdb__block *b, size_t at)
{
    if (at < FIRST_BYTES)
        return &b->first.bits[at];
    at = (at - FIRST_BYTES) % LINK_BYTES;
    return &block_at(h, b->first.last)->link.bits[at];
}

static bool needs_block(size_t at)
{
    return at >= FIRST_BYTES && (at - FIRST_BYTES) % LINK_BYTES == 0;
}

/* Adds `n_bits` of `p`, which starts with the `chunk bits % 8` bits that are there already. */
static void add_bits(struct tsdb__head *h, uint32_t chunk, const uint8_t *p, unsigned n_bits)
{
    union tsdb__block *b = block_at(h, chunk);
    size_t at = b->first.n_bits / 8, end = (b->first.n_bits + n_bits + 7u) / 8;
    bool begun = b->first.n_bits % 8 != 0;

    for (; at < end; at++, p++, begun = false) {
        if (!begun && needs_block(at)) {
            uint32_t fresh = block_alloc(h);

            block_at(h, b->first.last)->link.next = fresh;
            b->first.last = fresh;
        }
        *byte_at(h, b, at) = *p;
    }
    b->first.n_bits = (uint16_t)(b->first.n_bits + n_bits);
}

/* ---- slots ------------------------------------------------------------------------------ */

static struct tsdb__open_slot *open_slot(struct tsdb__head *h, int32_t slot)
{
    size_t i = h->n_slots;

    while (i > 0 && h->slots[i - 1].slot > slot)
        i--;
    if (i > 0 && h->slots[i - 1].slot == slot)
        return &h->slots[i - 1];
    if (h->n_slots == h->cap_slots) {
        h->cap_slots = h->cap_slots == 0 ? 8 : h->cap_slots * 2;
        h->slots = xrealloc(h->slots, h->cap_slots, sizeof(*h->slots));
    }
    memmove(h->slots + i + 1, h->slots + i, (h->n_slots - i) * sizeof(*h->slots));
    h->n_slots++;
    h->slots[i] = (struct tsdb__open_slot){.slot = slot};
    return &h->slots[i];
}

void tsdb__head_close_chunk(struct tsdb__head *h, int32_t slot)
{
    struct tsdb__open_slot *os = open_slot(h, slot);

    if (--os->n_chunks == 0) {
        memmove(os, os + 1, (size_t)(h->slots + h->n_slots - os - 1) * sizeof(*os));
        h->n_slots--;
    }
}

void tsdb__head_touch(struct tsdb__head *h, int32_t slot, uint32_t n_chunks)
{
    struct tsdb__open_slot *os = h->n_slots > 0 ? &h->slots[h->n_slots - 1] : NULL;

    if (os == NULL || os->slot != slot)
        os = open_slot(h, slot);
    os->touched = h->now;
    os->n_chunks += n_chunks;
}

/* ---- appending -------------------------------------------------------------------------- */

void tsdb__head_see(struct tsdb__head *h, ts_ms t)
{
    h->min_t = MIN(h->min_t, t);
    h->max_t = MAX(h->max_t, t);
}

static uint32_t chunk_new(struct tsdb__head *h, struct tsdb__series *series, int32_t slot,
                          ts_ms min_t)
{
    uint32_t i = block_alloc(h);
    union tsdb__block *b = block_at(h, i);

    b->first.last = i;
    b->first.older = series->chunk;
    b->first.slot = slot;
    b->first.min_offset = (uint32_t)(min_t - tsdb__slot_start(slot));
    series->chunk = i & (BLOCKS_MAX - 1);
    tsdb__head_touch(h, slot, 1);
    return i;
}

void tsdb__head_append(struct tsdb__head *h, struct tsdb__series *series, struct sample s)
{
    union tsdb__block *b = series->chunk == 0 ? NULL : block_at(h, series->chunk);
    struct tsdb__xor_code code;
    uint8_t bytes[TSDB__XOR_BITS_MAX / 8 + 2];

    h->n_samples++;
    tsdb__head_see(h, s.t);
    if (b == NULL || series->x.apart || !tsdb__in_slot(b->first.slot, s.t) ||
        b->first.n_bits + TSDB__XOR_BITS_MAX > TSDB__CHUNK_BITS_MAX ||
        b->first.n_samples == UINT16_MAX) {
        (void)chunk_new(h, series, tsdb__slot_of(s.t), s.t);
        b = block_at(h, series->chunk);
        tsdb__xor_first(&series->x, s, &code);
    } else {
        tsdb__xor_next(&series->x, s, &code);
        tsdb__head_touch(h, b->first.slot, 0);
    }
    series->has_newest = 1;
    bytes[0] = *byte_at(h, b, b->first.n_bits / 8);
    tsdb__xor_write(bytes, b->first.n_bits % 8, &code);
    add_bits(h, series->chunk, bytes, code.n_bits);
    block_at(h, series->chunk)->first.n_samples++;
}

void tsdb__head_look_ahead(const struct tsdb__head *h, uint32_t near, uint32_t far)
{
    const struct tsdb__series *f = find(h, far), *n = find(h, near);

    if (f != NULL && f->chunk != 0)
        __builtin_prefetch(block_at(h, f->chunk), 1);
    if (n != NULL && n->chunk != 0)
        __builtin_prefetch(block_at(h, block_at(h, n->chunk)->first.last), 1);
}

void tsdb__head_note(struct tsdb__head *h, struct tsdb__series *series, struct tsdb__newest s)
{
    tsdb__head_see(h, s.t);
    if (series->has_newest && s.t <= series->x.t)
        return;
    series->x = (struct tsdb__xor){.t = s.t, .bits = s.bits};
    series->has_newest = 1;
    series->x.is_hist = s.is_hist;
    series->x.apart = 1;
    series->x.gone = 0;
}

void tsdb__head_note_late(struct tsdb__head *h, struct tsdb__series *series, struct tsdb__newest s)
{
    tsdb__head_see(h, s.t);
    if (series->has_newest || s.t >= h->max_t - TSDB__IDLE_MS)
        tsdb__head_note(h, series, s);
}

void tsdb__head_restore(struct tsdb__head *h, struct tsdb__series *series,
                        const struct tsdb__chunk *c)
{
    uint32_t i = chunk_new(h, series, c->slot, c->min_t), last = i;
    size_t n = (c->n_bits + 7u) / 8, at = MIN(n, (size_t)FIRST_BYTES);
    union tsdb__block *b;

    memcpy(block_at(h, i)->first.bits, c->bits, at);
    while (at < n) {
        size_t take = MIN(n - at, (size_t)LINK_BYTES);
        uint32_t fresh = block_alloc(h);

        memcpy(block_at(h, fresh)->link.bits, c->bits + at, take);
        block_at(h, last)->link.next = fresh;
        last = fresh;
        at += take;
    }
    b = block_at(h, i);
    b->first.last = last;
    b->first.n_bits = c->n_bits;
    b->first.n_samples = c->n_samples;
    h->n_samples += c->n_samples;
    tsdb__head_see(h, c->min_t);
}

void tsdb__head_drop(struct tsdb__head *h, struct tsdb__series *series, int32_t slot)
{
    uint32_t newer = 0, i = series->chunk, older;

    while (i != 0 && block_at(h, i)->first.slot > slot) {
        newer = i;
        i = block_at(h, i)->first.older;
    }
    if (newer == 0)
        series->chunk = 0;
    else
        block_at(h, newer)->first.older = 0;
    for (; i != 0; i = older) {
        union tsdb__block *b = block_at(h, i);

        older = b->first.older;
        h->n_samples -= b->first.n_samples;
        tsdb__head_close_chunk(h, b->first.slot);
        chain_free(h, i);
    }
}

/* ---- reading ---------------------------------------------------------------------------- */

static struct tsdb__chunk *chunk_copy(const struct tsdb__head *h, uint32_t i, struct arena *a)
{
    const union tsdb__block *b = block_at(h, i);
    size_t n = (b->first.n_bits + 7u) / 8, at = MIN(n, (size_t)FIRST_BYTES);
    struct tsdb__chunk *c = arena_alloc_raw(
        a, MAX(offsetof(struct tsdb__chunk, bits) + n, sizeof(*c)), _Alignof(struct tsdb__chunk));

    c->next = NULL;
    c->rich = false;
    c->slot = b->first.slot;
    c->min_t = tsdb__slot_start(b->first.slot) + b->first.min_offset;
    c->n_samples = b->first.n_samples;
    c->n_bits = b->first.n_bits;
    memcpy(c->bits, b->first.bits, at);
    for (i = b->first.next; at < n; i = b->link.next) {
        size_t take = MIN(n - at, (size_t)LINK_BYTES);

        b = block_at(h, i);
        memcpy(c->bits + at, b->link.bits, take);
        at += take;
    }
    return c;
}

struct tsdb__chunk *tsdb__head_copy(const struct tsdb__head *h, uint32_t id,
                                    struct source_range range, struct arena *a)
{
    const struct tsdb__series *series = find(h, id);
    struct tsdb__chunk *first = NULL;

    if (series == NULL || !series->lives || series->chunk == 0 || series->x.t < range.from)
        return NULL;
    for (uint32_t i = series->chunk; i != 0; i = block_at(h, i)->first.older) {
        const union tsdb__block *b = block_at(h, i);
        struct tsdb__chunk *c;

        if (tsdb__slot_end(b->first.slot) <= range.from)
            break;
        if (tsdb__slot_start(b->first.slot) + b->first.min_offset > range.to)
            continue;
        c = chunk_copy(h, i, a);
        c->next = first;
        first = c;
    }
    return first;
}

int tsdb__chunk_read(const struct tsdb__chunk *c, struct source_range range, struct sample_vec *out)
{
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
    return r.bad ? FER_ECORRUPT : 0;
}

/* The samples of a rich chunk. */
static int add_rich(const struct tsdb__chunk *c, struct source_range range, struct tsdb__mixed *out)
{
    struct tsdb__in in = tsdb__in_of(c->bits, c->n_bits / 8);
    struct tsdb__rich_stream s = {.prev.t = c->min_t};
    int rc = tsdb__rich_get_first(&in, out->arena, &s);

    tsdb__mixed_enrich(out);
    for (unsigned i = 1; rc == 0; i++) {
        if (s.prev.t >= range.from && s.prev.t <= range.to)
            tsdb__rich_vec_push(&out->r, s.prev);
        if (i >= c->n_samples)
            break;
        rc = tsdb__rich_get_next(&in, out->arena, &s);
    }
    return rc;
}

int tsdb__chunk_add(const struct tsdb__chunk *c, struct source_range range, struct tsdb__mixed *out)
{
    size_t n = out->f.n;
    int rc;

    if (c->rich)
        return add_rich(c, range, out);
    rc = tsdb__chunk_read(c, range, &out->f);
    for (; out->rich && n < out->f.n; n++)
        tsdb__rich_vec_push(&out->r, (struct tsdb__rich){.t = out->f.v[n].t, .v = out->f.v[n].v});
    if (out->rich)
        out->f.n = 0;
    return rc;
}
