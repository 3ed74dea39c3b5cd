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

void tsdb__merge_release(struct tsdb__merge *m)
{
    tsdb__unit_release(&m->unit);
    free(m->order);
    tsdb__chunk_writer_release(&m->writer);
    tsdb__mixed_release(&m->old);
    tsdb__mixed_release(&m->fresh);
    arena_release(&m->arena);
    *m = (struct tsdb__merge){0};
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
    return tsdb__in_slot(slot, s->t) && s->id < m->unit.limit ? s->id : 0;
}

static void begin_series(struct tsdb__merge *m)
{
    arena_reset(&m->arena);
    m->old.arena = m->fresh.arena = &m->arena;
    tsdb__mixed_reset(&m->old);
}

static int rewrite_unit(struct tsdb__merge *m, const struct tsdb__late *late, struct tsdb__txn *x,
                        size_t most)
{
    struct tsdb__unit *u = &m->unit;
    const struct tsdb__late_sample *s = &late->v[m->order[m->at]];
    int32_t slot = tsdb__slot_of(s->t);
    size_t begun = m->at;
    int rc = tsdb__unit_load(u, x, slot, s->id);

    if (rc == 0)
        rc = tsdb__unit_delete(u, x);
    if (rc == 0)
        rc = tsdb__unit_begin(u);
    tsdb__chunk_writer_begin(&m->writer, x, slot, false);
    while (rc == 0) {
        uint32_t old = u->entry.id, fresh = late_id(m, late, slot);
        uint32_t id = old != 0 && (fresh == 0 || old < fresh) ? old : fresh;

        /* New series behind the rows may be many: what is left over comes in the next slice. */
        if (id == 0 || (old == 0 && m->writer.n_rows >= most && m->at > begun))
            break;
        begin_series(m);
        rc = tsdb__unit_take(u, slot, id, &m->old);
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

    while (rc == 0 && m->at < m->n && n_rows < most) {
        rc = rewrite_unit(m, late, x, most - n_rows);
        n_rows += m->unit.n + m->writer.n_rows;
    }
    return rc;
}
