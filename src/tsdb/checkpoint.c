/*
 * checkpoint.c - the heads on disk.
 *
 * A row: u64 piece of the WAL, then series, each
 *
 *     varint  id - id before (from 0)
 *     u8      1: the newest sample follows; 2: it is coded on in the chunk that comes last; 4: it
 *             is a histogram; 8: it is in no chunk of floats; 16: it was deleted
 *     i64 t, u64 value, and for 2: varint delta, u8 lead, u8 width
 *     varint  number of chunks, each: i32 slot, varint offset of the first sample from its start,
 * or 2^21 more for a rich one, varint samples, varint bits, and the bits (xor.c, hist.c) in whole
 * bytes
 *
 * A series whose chunks do not fit one row goes on in the next, where it repeats its head.
 */
#include "checkpoint.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

#define KEY_BYTES 12

enum {
    HAS_NEWEST = 1,
    IS_CODED_ON = 2,
    IS_HISTOGRAM = 4,
    IS_APART = 8,
    IS_GONE = 16,
    ALL_FLAGS = 31
};

#define RICH_OFFSET (UINT64_C(1) << 21)

/* Room for the head of a series: id, flags, newest sample, codec, number of chunks. */
#define SERIES_BYTES_MAX (5 + 1 + 16 + 10 + 2 + 3)

struct head_key {
    uint32_t generation, first, number;
};

static void print_key(uint8_t out[KEY_BYTES], struct head_key k)
{
    tsdb__put_be32(out, k.generation);
    tsdb__put_be32(out + 4, k.first);
    tsdb__put_be32(out + 8, k.number);
}

static struct head_key parse_key(const MDB_val *k)
{
    const uint8_t *p = k->mv_data;

    if (k->mv_size != KEY_BYTES)
        return (struct head_key){0};
    return (struct head_key){tsdb__get_be32(p), tsdb__get_be32(p + 4), tsdb__get_be32(p + 8)};
}

/* ---- writing ---------------------------------------------------------------------------- */

/* The row being filled. */
struct row {
    struct tsdb__checkpoint *c;
    struct tsdb__txn *x;
    uint64_t wal_seq;
    struct head_key key;
    uint32_t last; /* newest id in it; 0: none */
    bool open;
    size_t n_rows; /* put */
};

static int row_end(struct row *r)
{
    uint8_t key[KEY_BYTES];

    if (!r->open)
        return 0;
    r->open = false;
    r->n_rows++;
    print_key(key, r->key);
    return tsdb__put(r->x, T_HEAD, (struct str){(const char *)key, sizeof(key)},
                     buf_str(&r->c->row), MDB_APPEND);
}

static void row_begin(struct row *r, uint32_t id, uint32_t number)
{
    r->key = (struct head_key){r->c->generation, id, number};
    r->last = 0;
    r->open = true;
    buf_reset(&r->c->row);
    buf_add(&r->c->row, &r->wal_seq, 8);
}

static size_t chunk_bytes(const struct tsdb__chunk *c)
{
    return 4 + 4 + 3 + 3 + (c->n_bits + 7u) / 8;
}

static void add_chunk(struct buf *b, const struct tsdb__chunk *c)
{
    buf_add(b, &c->slot, 4);
    tsdb__add_varint(b, (uint64_t)(c->min_t - tsdb__slot_start(c->slot)) +
                            (c->rich ? RICH_OFFSET : 0));
    tsdb__add_varint(b, c->n_samples);
    tsdb__add_varint(b, c->n_bits);
    buf_add(b, c->bits, (c->n_bits + 7u) / 8);
}

/* `n` chunks from `c` on follow; `is_last`: the newest is among them. */
static void add_head(struct row *r, uint32_t id, const struct tsdb__series *series, size_t n,
                     bool is_last)
{
    struct buf *b = &r->c->row;
    const struct tsdb__xor *x = &series->x;
    int flags = (series->has_newest ? HAS_NEWEST : 0) | (series->x.is_hist ? IS_HISTOGRAM : 0) |
                (series->x.apart ? IS_APART : 0) | (series->x.gone ? IS_GONE : 0);

    if (n > 0 && is_last && !series->x.apart)
        flags |= IS_CODED_ON;

    tsdb__add_varint(b, id - r->last);
    buf_putc(b, (char)flags);
    if (series->has_newest) {
        buf_add(b, &x->t, 8);
        buf_add(b, &x->bits, 8);
    }
    if ((flags & IS_CODED_ON) != 0) {
        tsdb__add_varint(b, x->delta);
        buf_putc(b, (char)x->lead);
        buf_putc(b, (char)x->width);
    }
    tsdb__add_varint(b, n);
    r->last = id;
}

/* How many chunks from `c` on fit the row behind a series' head, up to *end. False: not even it. */
static bool fitting(const struct row *r, const struct tsdb__chunk *c,
                    const struct tsdb__chunk **end, size_t *n)
{
    size_t want = r->c->row.n + SERIES_BYTES_MAX;

    if (!r->open || want > TSDB__BODY_MAX)
        return false;
    for (*n = 0, *end = c; *end != NULL; *end = (*end)->next, ++*n) {
        want += chunk_bytes(*end);
        if (want > TSDB__BODY_MAX)
            break;
    }
    return c == NULL || *n > 0;
}

static int add_series(struct row *r, uint32_t id, const struct tsdb__series *series,
                      const struct tsdb__chunk *c)
{
    uint32_t number = 0;

    do {
        const struct tsdb__chunk *end;
        size_t n;

        if (!fitting(r, c, &end, &n)) {
            int rc = row_end(r);

            if (rc < 0)
                return rc;
            row_begin(r, id, number++);
            CHECK(fitting(r, c, &end, &n));
        }
        add_head(r, id, series, n, end == NULL);
        for (; c != end; c = c->next)
            add_chunk(&r->c->row, c);
    } while (c != NULL);
    return 0;
}

/* Those of floats come last, for the newest of them may be coded on. */
static const struct tsdb__chunk *all_chunks(const struct tsdb__head *h, uint32_t id,
                                            struct arena *a)
{
    const struct source_range all = {INT64_MIN, INT64_MAX};
    struct tsdb__chunk *floats = tsdb__head_copy(h, id, all, a), *first, *last;

    first = last = tsdb__head_copy_rich(h, id, all, a);
    if (first == NULL)
        return floats;
    while (last->next != NULL)
        last = last->next;
    last->next = floats;
    return first;
}

int tsdb__checkpoint_slice(struct tsdb__checkpoint *c, const struct tsdb__head *h,
                           struct tsdb__txn *x, uint64_t wal_seq, size_t most, bool *done)
{
    ts_ms idle = h->max_t < INT64_MIN + TSDB__IDLE_MS ? INT64_MIN : h->max_t - TSDB__IDLE_MS;
    struct row r = {.c = c, .x = x, .wal_seq = wal_seq};
    int rc = 0;

    for (; c->page < h->n_pages && r.n_rows < most && rc == 0; c->page++) {
        const struct tsdb__page *page = h->pages[c->page];

        for (uint32_t i = 0; page != NULL && i < TSDB__PAGE_SERIES && rc == 0; i++) {
            const struct tsdb__series *series = &page->v[i];
            uint32_t id = (uint32_t)(c->page * TSDB__PAGE_SERIES) + i;

            if (!series->lives || !series->has_newest ||
                (series->x.t < idle && !tsdb__head_has_chunk(h, id)))
                continue;
            rc = add_series(&r, id, series, all_chunks(h, id, &c->arena));
        }
        /* A row lies in one page, for a page is what a newer generation replaces. */
        if (rc == 0)
            rc = row_end(&r);
        arena_reset(&c->arena);
    }
    *done = c->page >= h->n_pages;
    return rc;
}

int tsdb__checkpoint_trim(struct tsdb__txn *x, uint32_t generation, size_t most, size_t *n)
{
    int rc = 0;

    for (*n = 0; *n < most; ++*n) {
        struct tsdb__in body;
        MDB_val k;

        rc = tsdb__step(x, T_HEAD, MDB_FIRST, &k, &body);
        if (rc < 0 || parse_key(&k).generation >= generation)
            break;
        rc = tsdb__delete(x, T_HEAD);
        if (rc < 0)
            break;
    }
    return rc == FER_ENOENT ? 0 : rc;
}

/* ---- loading ---------------------------------------------------------------------------- */

struct loading {
    struct tsdb__head *h;
    struct tsdb__mark sealed;
    uint64_t *seqs;
    uint32_t *generations; /* by page: of the rows that are loaded; 0: none */
    size_t n_pages;
    struct tsdb__chunk *chunk; /* scratch with room for the largest */
};

/* A newer generation has the page, too: what the older one had of it goes. */
static void clear_page(struct loading *ld, size_t page)
{
    for (uint32_t i = 0; i < TSDB__PAGE_SERIES; i++) {
        uint32_t id = (uint32_t)(page * TSDB__PAGE_SERIES) + i;

        if (!tsdb__head_lives(ld->h, id))
            continue;
        tsdb__head_drop(ld->h, tsdb__head_series(ld->h, id), INT32_MAX);
        tsdb__head_drop_rich(ld->h, id, INT32_MAX);
        tsdb__head_series(ld->h, id)->has_newest = 0;
    }
}

int tsdb__checkpoint_read_chunk(struct tsdb__in *in, struct tsdb__chunk *out)
{
    int32_t slot = (int32_t)tsdb__in_le(in, 4);
    uint64_t offset = tsdb__in_varint(in), n_samples = tsdb__in_varint(in);
    uint64_t n_bits = tsdb__in_varint(in);
    bool rich = (offset & RICH_OFFSET) != 0;
    const uint8_t *bits;

    offset &= ~RICH_OFFSET;
    if (in->bad || slot == INT32_MIN || offset >= TSDB__SLOT_MS || n_samples == 0 ||
        n_samples > UINT16_MAX || n_bits > TSDB__CHUNK_BITS_MAX || (rich && n_bits % 8 != 0))
        return FER_ECORRUPT;
    bits = tsdb__in_bytes(in, (n_bits + 7) / 8);
    if (bits == NULL)
        return FER_ECORRUPT;
    out->next = NULL;
    out->rich = rich;
    out->slot = slot;
    out->min_t = tsdb__slot_start(slot) + (ts_ms)offset;
    out->n_samples = (uint16_t)n_samples;
    out->n_bits = (uint16_t)n_bits;
    memcpy(out->bits, bits, (n_bits + 7) / 8);
    return 0;
}

int tsdb__checkpoint_read_series(struct tsdb__in *in, struct tsdb__checkpoint_series *out)
{
    struct tsdb__checkpoint_series s = {.id = out->id + tsdb__in_varint32(in)};
    unsigned flags = tsdb__in_u8(in);

    s.has_newest = (flags & HAS_NEWEST) != 0;
    s.is_hist = (flags & IS_HISTOGRAM) != 0;
    s.apart = (flags & IS_APART) != 0;
    s.newest_gone = (flags & IS_GONE) != 0;
    if (s.has_newest) {
        s.x.t = (ts_ms)tsdb__in_le(in, 8);
        s.x.bits = tsdb__in_le(in, 8);
    }
    if ((flags & IS_CODED_ON) != 0) {
        s.x.delta = tsdb__in_varint(in);
        s.x.lead = tsdb__in_u8(in);
        s.x.width = tsdb__in_u8(in);
    }
    s.n_chunks = tsdb__in_varint(in);
    *out = s;
    return in->bad || flags > ALL_FLAGS || s.x.lead + s.x.width > 64 || s.x.t < TSDB__TIME_MIN ||
                   s.x.t > TSDB__TIME_MAX
               ? FER_ECORRUPT
               : 0;
}

static int load_series(struct loading *ld, struct tsdb__checkpoint_series *s, struct tsdb__in *in)
{
    struct tsdb__series *series = NULL;
    int rc = tsdb__checkpoint_read_series(in, s);

    if (rc == 0 && tsdb__head_lives(ld->h, s->id))
        series = tsdb__head_series(ld->h, s->id);
    for (uint64_t i = 0; rc == 0 && i < s->n_chunks; i++) {
        rc = tsdb__checkpoint_read_chunk(in, ld->chunk);
        if (rc < 0 || series == NULL || tsdb__is_sealed(ld->sealed, ld->chunk->slot, s->id))
            continue;
        if (ld->chunk->rich)
            tsdb__head_restore_rich(ld->h, s->id, ld->chunk);
        else
            tsdb__head_restore(ld->h, series, ld->chunk);
    }
    if (rc < 0 || series == NULL || !s->has_newest)
        return rc;
    series->x = s->x;
    series->has_newest = 1;
    series->x.is_hist = s->is_hist;
    series->x.apart = s->apart;
    series->x.gone = s->newest_gone;
    ld->h->min_t = MIN(ld->h->min_t, s->x.t);
    ld->h->max_t = MAX(ld->h->max_t, s->x.t);
    return 0;
}

static int load_row(struct loading *ld, struct head_key key, struct tsdb__in in)
{
    size_t page = key.first / TSDB__PAGE_SERIES;
    struct tsdb__checkpoint_series series = {0};
    int rc = 0;

    if (page >= ld->n_pages)
        return 0; /* its series are gone */
    if (ld->generations[page] != key.generation && ld->generations[page] != 0)
        clear_page(ld, page);
    ld->generations[page] = key.generation;
    ld->seqs[page] = tsdb__in_le(&in, 8);
    while (tsdb__in_left(&in) > 0 && rc == 0) {
        rc = load_series(ld, &series, &in);
        if (rc == 0 && series.id / TSDB__PAGE_SERIES != page)
            rc = FER_ECORRUPT;
    }
    return rc;
}

int tsdb__checkpoint_load(struct tsdb__txn *x, struct tsdb__head *h, const struct tsdb__state *st,
                          uint64_t **seqs, size_t *n_pages, uint32_t *generation)
{
    struct loading ld = {.h = h, .sealed = st->sealed, .n_pages = h->n_pages};
    struct tsdb__in body;
    MDB_val k;
    int rc;

    ld.seqs = xcalloc(ld.n_pages, sizeof(*ld.seqs));
    ld.generations = xcalloc(ld.n_pages, sizeof(*ld.generations));
    ld.chunk = xcalloc(1, sizeof(*ld.chunk) + TSDB__CHUNK_BITS_MAX / 8);
    *generation = st->generation;
    for (rc = tsdb__step(x, T_HEAD, MDB_FIRST, &k, &body); rc == 0;
         rc = tsdb__step(x, T_HEAD, MDB_NEXT, &k, &body)) {
        struct head_key key = parse_key(&k);

        *generation = MAX(*generation, key.generation);
        if (key.generation >= st->generation)
            rc = load_row(&ld, key, body);
        if (rc < 0)
            break;
    }
    free(ld.generations);
    free(ld.chunk);
    *seqs = ld.seqs;
    *n_pages = ld.n_pages;
    return rc == FER_ENOENT ? 0 : rc;
}
