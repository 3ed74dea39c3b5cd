/*
 * merge.c - late samples into the sealed chunks.
 *
 * The rows that a late sample belongs to are read whole, together with those that their first and
 * last series go on in, deleted, and written anew with the late samples among the old ones. So rows
 * of a slot never overlap, and a read needs to know nothing of late samples that were merged.
 */
#include "merge.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

/* ---- what is to be merged --------------------------------------------------------------- */

static int by_place(const void *pa, const void *pb, void *ctx)
{
    const struct tsdb__late *l = ctx;
    uint32_t i = *(const uint32_t *)pa, k = *(const uint32_t *)pb;
    const struct tsdb__late_sample *a = &l->v[i], *b = &l->v[k];
    int32_t sa = tsdb__slot_of(a->t), sb = tsdb__slot_of(b->t);

    if (sa != sb)
        return sa < sb ? -1 : 1;
    if (a->id != b->id)
        return a->id < b->id ? -1 : 1;
    if (a->t != b->t)
        return a->t < b->t ? -1 : 1;
    return i < k ? -1 : i > k;
}

bool tsdb__merge_begin(struct tsdb__merge *m, const struct tsdb__late *late,
                       struct tsdb__mark sealed)
{
    m->n = m->at = 0;
    m->n_seen = late->n;
    m->order = xrealloc(m->order, late->n + 1, sizeof(*m->order));
    for (size_t i = 0; i < late->n; i++)
        if (tsdb__is_sealed(sealed, tsdb__slot_of(late->v[i].t), late->v[i].id))
            m->order[m->n++] = (uint32_t)i;
    if (m->n > 1)
        qsort_r(m->order, m->n, sizeof(*m->order), by_place, (void *)(uintptr_t)late);
    return m->n > 0;
}

static int by_index(const void *pa, const void *pb)
{
    uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

    return a < b ? -1 : a > b;
}

static bool is_merged(const struct tsdb__late_sample *s, size_t i, void *ctx)
{
    struct tsdb__merge *m = ctx;

    (void)s;
    if (m->at < m->n && m->order[m->at] == i) {
        m->at++;
        return true;
    }
    return false;
}

void tsdb__merge_end(struct tsdb__merge *m, struct tsdb__late *late)
{
    CHECK(m->at == m->n && late->n >= m->n_seen);
    qsort(m->order, m->n, sizeof(*m->order), by_index);
    m->at = 0;
    tsdb__late_remove(late, is_merged, m);
    free(m->order);
    m->order = NULL;
    m->n = m->at = m->n_seen = 0;
}

/* ---- rows ------------------------------------------------------------------------------- */

/* A row that is being rewritten: its key and a copy of its body. */
struct unit_row {
    struct tsdb__chunk_key key;
    struct buf body;
};

/* Rows that hold whole series; the next row of the slot starts at `limit`. */
struct tsdb__unit {
    struct unit_row *rows; /* owned, with the buffers of all `cap` */
    size_t n, cap;
    uint64_t limit; /* above every id: there is no next row */
    /* reading */
    size_t at; /* rows opened */
    struct tsdb__group_reader group;
    struct tsdb__entry entry; /* id 0: none is left */
};

void tsdb__merge_release(struct tsdb__merge *m)
{
    for (size_t i = 0; m->unit != NULL && i < m->unit->cap; i++)
        buf_release(&m->unit->rows[i].body);
    if (m->unit != NULL)
        free(m->unit->rows);
    free(m->unit);
    free(m->order);
    tsdb__chunk_writer_release(&m->writer);
    tsdb__mixed_release(&m->old);
    tsdb__mixed_release(&m->fresh);
    arena_release(&m->arena);
    *m = (struct tsdb__merge){0};
}

static void add_row(struct tsdb__unit *u, const struct tsdb__chunk_row *row)
{
    if (u->n == u->cap) {
        size_t cap = u->cap == 0 ? 4 : u->cap * 2;

        u->rows = xrealloc(u->rows, cap, sizeof(*u->rows));
        memset(u->rows + u->cap, 0, (cap - u->cap) * sizeof(*u->rows));
        u->cap = cap;
    }
    u->rows[u->n].key = row->key;
    buf_reset(&u->rows[u->n].body);
    buf_add(&u->rows[u->n].body, row->body.p, tsdb__in_left(&row->body));
    u->n++;
}

/* The rows that series `id` of the slot belongs to. */
static int load_unit(struct tsdb__unit *u, struct tsdb__txn *x, int32_t slot, uint32_t id)
{
    struct tsdb__chunk_row row;
    uint32_t last = 0;
    int rc = tsdb__chunk_seek(x, slot, id, &row);

    u->n = 0;
    u->limit = UINT64_MAX;
    if (rc == 0 && row.key.slot == slot && row.key.first <= id && row.key.number > 0)
        rc = tsdb__chunk_seek(x, slot, row.key.first, &row);
    while (rc == 0 && row.key.slot == slot &&
           (u->n == 0 ? row.key.first <= id : row.key.first == last)) {
        last = tsdb__group_last_id(&row.group);
        add_row(u, &row);
        rc = tsdb__chunk_next(x, &row);
    }
    if (rc == 0 && row.key.slot == slot)
        u->limit = row.key.first;
    return rc == FER_ENOENT ? 0 : rc;
}

static int delete_unit(const struct tsdb__unit *u, struct tsdb__txn *x)
{
    int rc = 0;

    for (size_t i = 0; i < u->n && rc == 0; i++)
        rc = tsdb__chunk_delete(x, u->rows[i].key);
    return rc;
}

static int next_entry(struct tsdb__unit *u)
{
    for (;;) {
        int rc = u->at > 0 ? tsdb__group_next(&u->group, &u->entry) : 1;
        const struct unit_row *row = &u->rows[u->at];

        if (rc <= 0)
            return rc;
        if (u->at == u->n) {
            u->entry.id = 0;
            return 0;
        }
        rc = tsdb__group_open(&u->group, tsdb__slot_start(row->key.slot), row->key.first,
                              tsdb__in_of(row->body.p, row->body.n));
        if (rc < 0)
            return rc;
        u->at++;
    }
}

/* All samples of series `id` that the unit has, which may be none. */
static int read_old(struct tsdb__merge *m, int32_t slot, uint32_t id)
{
    int rc = 0;

    arena_reset(&m->arena);
    m->old.arena = m->fresh.arena = &m->arena;
    tsdb__mixed_reset(&m->old);
    while (rc == 0 && m->unit->entry.id == id) {
        rc = tsdb__entry_add(&m->unit->entry, tsdb__slot_start(slot), &m->old);
        if (rc == 0)
            rc = next_entry(m->unit);
    }
    return rc;
}

/* The late samples of series `id` in the slot, from m->at on, into m->fresh. */
static int read_late(struct tsdb__merge *m, const struct tsdb__late *late, int32_t slot,
                     uint32_t id)
{
    int rc = 0;

    tsdb__mixed_reset(&m->fresh);
    for (; m->at < m->n && rc == 0; m->at++) {
        const struct tsdb__late_sample *s = &late->v[m->order[m->at]];

        if (s->id != id || !tsdb__in_slot(slot, s->t))
            break;
        rc = tsdb__late_get(s, &m->fresh);
    }
    return rc;
}

/* The next late series of the slot below the unit's limit; 0: none. */
static uint32_t late_id(const struct tsdb__merge *m, const struct tsdb__late *late, int32_t slot)
{
    const struct tsdb__late_sample *s;

    if (m->at == m->n)
        return 0;
    s = &late->v[m->order[m->at]];
    return tsdb__in_slot(slot, s->t) && s->id < m->unit->limit ? s->id : 0;
}

static int rewrite_unit(struct tsdb__merge *m, const struct tsdb__late *late, struct tsdb__txn *x,
                        size_t most)
{
    struct tsdb__unit *u = m->unit;
    const struct tsdb__late_sample *s = &late->v[m->order[m->at]];
    int32_t slot = tsdb__slot_of(s->t);
    int rc = load_unit(u, x, slot, s->id);

    if (rc == 0)
        rc = delete_unit(u, x);
    u->at = 0;
    if (rc == 0)
        rc = next_entry(u);
    tsdb__chunk_writer_begin(&m->writer, x, slot, false);
    while (rc == 0) {
        uint32_t old = u->entry.id, fresh = late_id(m, late, slot);
        uint32_t id = old != 0 && (fresh == 0 || old < fresh) ? old : fresh;

        /* New series behind the rows may be many: what is left over comes in the next slice. */
        if (id == 0 || (old == 0 && m->writer.n_rows >= most))
            break;
        rc = read_old(m, slot, id);
        if (rc == 0)
            rc = read_late(m, late, slot, id);
        if (rc < 0)
            break;
        tsdb__mixed_merge(&m->old, &m->fresh);
        rc = tsdb__chunk_writer_add(&m->writer, id, &m->old);
    }
    return rc == 0 ? tsdb__chunk_writer_end(&m->writer) : rc;
}

int tsdb__merge_slice(struct tsdb__merge *m, const struct tsdb__late *late, struct tsdb__txn *x,
                      size_t most)
{
    size_t n_rows = 0;
    int rc = 0;

    if (m->unit == NULL)
        m->unit = xnew(struct tsdb__unit);
    while (rc == 0 && m->at < m->n && n_rows < most) {
        rc = rewrite_unit(m, late, x, most - n_rows);
        n_rows += m->unit->n + m->writer.n_rows;
    }
    return rc;
}
