/*
 * head_rich.c - rich samples in memory: per series a list of streams, beside its chunks of floats.
 *
 * Few series have any, so what is known of them stands in a table of its own. A stream lies in one
 * slot and grows in place. The sample before, which the next one is coded against and whose hint
 * follows from it, is kept decoded; after a start it is not known, and a new stream begins.
 *
 * The first histogram of a slot has no predecessor, as the first of a chunk of Prometheus: so what
 * happens to a sealed slot later, late samples and deletions, makes no hint of the next one wrong.
 */
#include "head.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/err.h"
#include "ferula/base/mem.h"

#define CHUNK_BYTES_MAX (TSDB__CHUNK_BITS_MAX / 8)
#define CHUNK_LEAST     128

static struct tsdb__rich_series *find(const struct tsdb__head *h, uint32_t id)
{
    size_t page = id / TSDB__PAGE_SERIES;

    return page < h->n_rich && h->rich[page] != NULL ? h->rich[page]->v[id % TSDB__PAGE_SERIES]
                                                     : NULL;
}

static struct tsdb__rich_series *find_or_make(struct tsdb__head *h, uint32_t id)
{
    size_t page = id / TSDB__PAGE_SERIES;
    struct tsdb__rich_series **rs;

    if (page >= h->n_rich) {
        size_t n = MAX(h->n_rich * 2, page + 1);

        h->rich = xrealloc(h->rich, n, sizeof(*h->rich));
        memset(h->rich + h->n_rich, 0, (n - h->n_rich) * sizeof(*h->rich));
        h->n_rich = n;
    }
    if (h->rich[page] == NULL)
        h->rich[page] = xnew(struct tsdb__rich_page);
    rs = &h->rich[page]->v[id % TSDB__PAGE_SERIES];
    if (*rs == NULL)
        *rs = xnew(struct tsdb__rich_series);
    return *rs;
}

bool tsdb__head_has_rich(const struct tsdb__head *h, uint32_t id)
{
    return find(h, id) != NULL;
}

struct tsdb__newest tsdb__newest_of(const struct tsdb__rich *r)
{
    struct buf full = {0};
    struct tsdb__rich_bits bits;

    tsdb__rich_put(r, &full);
    bits = tsdb__rich_bits(buf_str(&full));
    buf_release(&full);
    return (struct tsdb__newest){r->t, bits.bits, bits.is_histogram};
}

/* ---- appending -------------------------------------------------------------------------- */

static void *put_array(char **at, const void *from, size_t n)
{
    void *to = *at;

    if (n > 0)
        memcpy(to, from, n);
    *at += n;
    return to;
}

/* Keeps a copy of the sample as what the next one is coded against: one piece of memory. */
static void keep(struct tsdb__rich_series *rs, const struct tsdb__rich *r)
{
    const struct histogram *h = r->h;
    struct histogram *copy;
    size_t n_counts, n;
    char *at, *fresh;

    rs->stream.prev = *r;
    if (h == NULL)
        return;
    n_counts = h->pos.n + h->neg.n;
    n = sizeof(*h) + (n_counts + h->n_bounds) * sizeof(double) + n_counts * sizeof(int32_t);
    fresh = n > rs->cap_kept ? xmalloc(n) : rs->kept;
    copy = (struct histogram *)(void *)fresh;
    *copy = *h;
    at = fresh + sizeof(*h);
    copy->pos.count = put_array(&at, h->pos.count, h->pos.n * sizeof(double));
    copy->neg.count = put_array(&at, h->neg.count, h->neg.n * sizeof(double));
    copy->bounds = put_array(&at, h->bounds, h->n_bounds * sizeof(double));
    copy->pos.index = put_array(&at, h->pos.index, h->pos.n * sizeof(int32_t));
    copy->neg.index = put_array(&at, h->neg.index, h->neg.n * sizeof(int32_t));
    rs->stream.prev.h = copy;
    if (n <= rs->cap_kept)
        return;
    free(rs->kept);
    rs->kept = fresh;
    rs->cap_kept = n;
}

static struct tsdb__rich_chunk *chunk_resize(struct tsdb__head *h, struct tsdb__rich_chunk *c,
                                             size_t cap)
{
    size_t head = offsetof(struct tsdb__rich_chunk, bytes);

    h->n_bytes += head + cap - (c == NULL ? 0 : head + c->cap);
    c = xrealloc(c, head + cap, 1);
    c->cap = (uint16_t)cap;
    return c;
}

static void begin_chunk(struct tsdb__head *h, struct tsdb__rich_series *rs, ts_ms t)
{
    int32_t slot = tsdb__slot_of(t);
    struct tsdb__rich_chunk *c = chunk_resize(h, NULL, CHUNK_LEAST);

    c->older = rs->newest;
    c->slot = slot;
    c->min_offset = (uint32_t)(t - tsdb__slot_start(slot));
    c->n_samples = c->n = 0;
    rs->newest = c;
    tsdb__head_touch(h, slot, 1);
}

static void add_bytes(struct tsdb__head *h, struct tsdb__rich_series *rs, const void *p, size_t n)
{
    struct tsdb__rich_chunk *c = rs->newest;

    if (c->n + n > c->cap) {
        c = chunk_resize(h, c, MIN(MAX(c->n + n, c->cap * 3 / 2), (size_t)CHUNK_BYTES_MAX));
        rs->newest = c;
    }
    memcpy(c->bytes + c->n, p, n);
    c->n = (uint16_t)(c->n + n);
    c->n_samples++;
}

/* The bytes of `r` in the newest chunk; false when it has to begin a new one. */
static bool goes_on(struct tsdb__head *h, const struct tsdb__rich_series *rs,
                    const struct tsdb__rich *r)
{
    const struct tsdb__rich_chunk *c = rs->newest;

    if (c == NULL || !rs->goes_on || !tsdb__in_slot(c->slot, r->t) || c->n_samples == UINT16_MAX)
        return false;
    tsdb__rich_put_next(&rs->stream, r, &h->rich_bytes);
    return c->n + h->rich_bytes.n <= CHUNK_BYTES_MAX;
}

static void append(struct tsdb__head *h, struct tsdb__rich_series *rs, const struct tsdb__rich *r)
{
    buf_reset(&h->rich_bytes);
    if (goes_on(h, rs, r)) {
        rs->stream.delta = (uint64_t)r->t - (uint64_t)rs->stream.prev.t;
        tsdb__head_touch(h, rs->newest->slot, 0);
    } else {
        buf_reset(&h->rich_bytes);
        tsdb__rich_put_first(r, &h->rich_bytes);
        begin_chunk(h, rs, r->t);
        rs->stream.delta = 0;
    }
    add_bytes(h, rs, h->rich_bytes.p, h->rich_bytes.n);
    keep(rs, r);
    rs->goes_on = true;
}

void tsdb__head_append_rich(struct tsdb__head *h, uint32_t id, const struct tsdb__rich *r,
                            struct tsdb__rich_bits bits)
{
    struct tsdb__series *series = tsdb__head_series(h, id);
    struct tsdb__rich_series *rs = find_or_make(h, id);
    struct tsdb__rich hinted = *r;
    struct histogram head;

    if (r->h != NULL) {
        bool follows = rs->goes_on && series->x.is_hist && rs->stream.prev.t == series->x.t &&
                       tsdb__slot_of(series->x.t) == tsdb__slot_of(r->t);

        head = *r->h;
        head.hint = histogram_stored_hint(r->h, follows ? rs->stream.prev.h : NULL);
        hinted.h = &head;
    }
    append(h, rs, &hinted);
    h->n_samples++;
    tsdb__head_see(h, r->t);
    series->x = (struct tsdb__xor){.t = r->t, .bits = bits.bits};
    series->has_newest = series->x.apart = 1;
    series->x.gone = 0;
    series->x.is_hist = bits.is_histogram;
}

/* ---- whole chunks ----------------------------------------------------------------------- */

void tsdb__head_restore_rich(struct tsdb__head *h, uint32_t id, const struct tsdb__chunk *c)
{
    struct tsdb__rich_series *rs = find_or_make(h, id);

    begin_chunk(h, rs, c->min_t);
    add_bytes(h, rs, c->bits, c->n_bits / 8);
    rs->newest->n_samples = c->n_samples;
    rs->goes_on = false;
    h->n_samples += c->n_samples;
    tsdb__head_see(h, c->min_t);
}

static void release(struct tsdb__rich_series *rs)
{
    if (rs != NULL)
        free(rs->kept);
    free(rs);
}

void tsdb__head_drop_rich(struct tsdb__head *h, uint32_t id, int32_t slot)
{
    struct tsdb__rich_series *rs = find(h, id);
    struct tsdb__rich_chunk **link, *c, *older;

    if (rs == NULL)
        return;
    for (link = &rs->newest; *link != NULL && (*link)->slot > slot; link = &(*link)->older)
        ;
    c = *link;
    *link = NULL;
    for (; c != NULL; c = older) {
        older = c->older;
        h->n_samples -= c->n_samples;
        h->n_bytes -= offsetof(struct tsdb__rich_chunk, bytes) + c->cap;
        tsdb__head_close_chunk(h, c->slot);
        free(c);
    }
    if (rs->newest == NULL) {
        h->rich[id / TSDB__PAGE_SERIES]->v[id % TSDB__PAGE_SERIES] = NULL;
        release(rs);
    }
}

struct tsdb__chunk *tsdb__head_copy_rich(const struct tsdb__head *h, uint32_t id,
                                         struct source_range range, struct arena *a)
{
    const struct tsdb__rich_series *rs = find(h, id);
    struct tsdb__chunk *first = NULL;

    if (rs == NULL || !tsdb__head_lives(h, id))
        return NULL;
    for (const struct tsdb__rich_chunk *c = rs->newest; c != NULL; c = c->older) {
        struct tsdb__chunk *copy;

        if (tsdb__slot_end(c->slot) <= range.from)
            break;
        if (tsdb__slot_start(c->slot) + c->min_offset > range.to)
            continue;
        copy = arena_alloc_raw(a, MAX(offsetof(struct tsdb__chunk, bits) + c->n, sizeof(*copy)),
                               _Alignof(struct tsdb__chunk));
        copy->next = first;
        copy->rich = true;
        copy->slot = c->slot;
        copy->min_t = tsdb__slot_start(c->slot) + c->min_offset;
        copy->n_samples = c->n_samples;
        copy->n_bits = (uint16_t)(c->n * 8);
        memcpy(copy->bits, c->bytes, c->n);
        first = copy;
    }
    return first;
}

void tsdb__head_release_rich(struct tsdb__head *h)
{
    for (uint32_t id = 0; id < h->n_rich * TSDB__PAGE_SERIES; id++)
        tsdb__head_drop_rich(h, id, INT32_MAX);
    for (size_t i = 0; i < h->n_rich; i++)
        free(h->rich[i]);
    free(h->rich);
    buf_release(&h->rich_bytes);
    arena_release(&h->rich_arena);
}
