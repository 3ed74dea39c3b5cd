/*
 * audit_samples.c - the part of an audit that decodes samples: sealed chunks, the checkpoint, and
 * the write-ahead records.
 */
#include "audit.h"

#include <stdlib.h>

#include "chunks.h"
#include "wal.h"

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

/* ---- sealed chunks ---------------------------------------------------------------------- */

/* The row before, and room. */
struct chunk_walk {
    struct tsdb__chunk_key before;
    uint32_t last_id; /* of the row before; 0: there is none */
    ts_ms last_t;     /* of its last series */
    uint64_t n_rows;
    struct tsdb__mixed samples;
    struct arena arena; /* of the samples */
};

/* Series ascend from row to row; only a series that fills a row goes on in the next one. */
static void check_place(struct tsdb__audit *au, const struct chunk_walk *w, const MDB_val *key,
                        struct tsdb__chunk_key k)
{
    if (w->last_id == 0 || k.slot != w->before.slot || k.first > w->last_id)
        return;
    if (k.first < w->last_id || k.number <= (w->before.first == k.first ? w->before.number : 0))
        tsdb__audit_fault(au, T_CHUNK, key, "it overlaps the row before");
}

static void check_entry(struct tsdb__audit *au, struct chunk_walk *w, const MDB_val *key,
                        int32_t slot, const struct tsdb__entry *e)
{
    ts_ms first;
    int rc;

    arena_reset(&w->arena);
    tsdb__mixed_reset(&w->samples);
    rc = tsdb__entry_add(e, tsdb__slot_start(slot), &w->samples);
    if (rc < 0) {
        tsdb__audit_fault(au, T_CHUNK, key, "the samples of series %u cannot be read: %s", e->id,
                          fer_strerror(rc));
        return;
    }
    au->counts.samples_sealed += e->n_samples;
    first = w->samples.rich ? w->samples.r.v[0].t : w->samples.f.v[0].t;
    if (w->before.slot == slot && w->last_id == e->id && first <= w->last_t)
        tsdb__audit_fault(au, T_CHUNK, key, "the samples of series %u are not in order", e->id);
    w->last_t = tsdb__mixed_last(&w->samples);
    /* Retention takes series out before the row that it is at, which is the first. */
    if (!tsdb__audit_lives(au, e->id) && (w->n_rows > 0 || e->id > au->n_series_ids))
        tsdb__audit_fault(au, T_CHUNK, key, "series %u does not exist", e->id);
    if (!tsdb__is_sealed(au->state.sealed, slot, e->id))
        tsdb__audit_fault(au, T_CHUNK, key, "series %u is not sealed up to there", e->id);
}

static int chunk_row(struct tsdb__audit *au, const MDB_val *key, struct tsdb__in body, void *ctx)
{
    struct chunk_walk *w = ctx;
    struct tsdb__chunk_key k = tsdb__chunk_key_parse(key);
    struct tsdb__group_reader group;
    struct tsdb__entry e;

    if (tsdb__group_open(&group, tsdb__slot_start(k.slot), k.first, body) < 0 ||
        key->mv_size != TSDB__CHUNK_KEY_BYTES) {
        tsdb__audit_fault(au, T_CHUNK, key, "the row is malformed");
        return 0;
    }
    check_place(au, w, key, k);
    while (tsdb__group_next(&group, &e) == 0) {
        check_entry(au, w, key, k.slot, &e);
        w->before.slot = k.slot;
        w->last_id = e.id;
    }
    w->before = k;
    w->n_rows++;
    return 0;
}

int tsdb__audit_chunks(struct tsdb__audit *au)
{
    struct chunk_walk w = {.samples.arena = &w.arena};
    int rc = tsdb__audit_rows(au, T_CHUNK, chunk_row, &w);

    tsdb__mixed_release(&w.samples);
    arena_release(&w.arena);
    return rc;
}

/* ---- the checkpoint --------------------------------------------------------------------- */

struct head_walk {
    struct tsdb__chunk *chunk; /* room for the largest */
    struct tsdb__mixed samples;
    struct arena arena; /* of the samples */
    uint64_t n_samples; /* in all */
};

/* One chunk of a checkpoint's row; false: it cannot be read. */
static bool read_chunk(struct head_walk *w, struct tsdb__in *in)
{
    const struct source_range all = {INT64_MIN, INT64_MAX};
    const struct tsdb__rich *r;

    arena_reset(&w->arena);
    tsdb__mixed_reset(&w->samples);
    if (tsdb__checkpoint_read_chunk(in, w->chunk) < 0 ||
        tsdb__chunk_add(w->chunk, all, &w->samples) < 0)
        return false;
    tsdb__mixed_enrich(&w->samples);
    r = w->samples.r.v;
    for (size_t i = 0; i < w->samples.r.n; i++)
        if (!tsdb__in_slot(w->chunk->slot, r[i].t) || (i > 0 && r[i].t <= r[i - 1].t))
            return false;
    w->n_samples += w->samples.r.n;
    return w->samples.r.n == w->chunk->n_samples;
}

/* A series of a checkpoint's row; false: it cannot be read. */
static bool read_series(struct head_walk *w, struct tsdb__in *in,
                        struct tsdb__checkpoint_series *series)
{
    if (tsdb__checkpoint_read_series(in, series) < 0)
        return false;
    for (uint64_t i = 0; i < series->n_chunks; i++)
        if (!read_chunk(w, in))
            return false;
    return true;
}

static int head_row(struct tsdb__audit *au, const MDB_val *key, struct tsdb__in body, void *ctx)
{
    struct head_walk *w = ctx;
    struct tsdb__checkpoint_series series = {0};
    uint32_t first;

    if (key->mv_size != 12) {
        tsdb__audit_fault(au, T_HEAD, key, "the key is malformed");
        return 0;
    }
    first = tsdb__get_be32((const uint8_t *)key->mv_data + 4);
    (void)tsdb__in_le(&body, 8);
    while (tsdb__in_left(&body) > 0 && !body.bad) {
        if (!read_series(w, &body, &series)) {
            tsdb__audit_fault(au, T_HEAD, key, "series %u cannot be read", series.id);
            return 0;
        }
        if (series.id == 0 || series.id > au->n_series_ids ||
            series.id / TSDB__PAGE_SERIES != first / TSDB__PAGE_SERIES)
            tsdb__audit_fault(au, T_HEAD, key, "series %u does not belong there", series.id);
    }
    if (body.bad)
        tsdb__audit_fault(au, T_HEAD, key, "the row is malformed");
    return 0;
}

int tsdb__audit_heads(struct tsdb__audit *au)
{
    struct head_walk w = {.chunk = xcalloc(1, sizeof(*w.chunk) + TSDB__CHUNK_BITS_MAX / 8 + 16),
                          .samples.arena = &w.arena};
    int rc = tsdb__audit_rows(au, T_HEAD, head_row, &w);

    au->counts.samples_checkpoint += w.n_samples;
    tsdb__mixed_release(&w.samples);
    arena_release(&w.arena);
    free(w.chunk);
    return rc;
}

/* ---- the write-ahead records ------------------------------------------------------------ */

struct wal_walk {
    struct tsdb__wal_joining joining;
    uint64_t before; /* piece; 0: none */
};

static int wal_row(struct tsdb__audit *au, const MDB_val *key, struct tsdb__in body, void *ctx)
{
    struct wal_walk *w = ctx;
    bool whole = false;
    uint64_t piece = 0;

    memcpy(&piece, key->mv_data, MIN(key->mv_size, sizeof(piece)));
    if (w->before != 0 && piece != w->before + 1)
        tsdb__audit_fault(au, T_WAL, key, "pieces before it are missing");
    w->before = piece;
    /* What the checkpoint covers is on its way out, and may begin inside a record. */
    if (!w->joining.open && piece <= au->state.covered && !tsdb__wal_is_first(body))
        return 0;
    if (tsdb__wal_join(&w->joining, body, &whole) < 0) {
        tsdb__audit_fault(au, T_WAL, key, "the piece does not go on the one before");
        w->joining.open = false;
    } else if (whole &&
               tsdb__wal_check(&w->joining, au->n_series_ids, &au->counts.samples_logged) < 0) {
        tsdb__audit_fault(au, T_WAL, key, "the record that ends here cannot be read");
    }
    return 0;
}

int tsdb__audit_wal(struct tsdb__audit *au)
{
    struct wal_walk w = {.before = 0};
    int rc = tsdb__audit_rows(au, T_WAL, wal_row, &w);
    MDB_val last = {sizeof(w.before), &w.before};

    if (rc == 0 && w.joining.open)
        tsdb__audit_fault(au, T_WAL, &last, "its record has no end");
    buf_release(&w.joining.record);
    return rc;
}
