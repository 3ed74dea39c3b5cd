/*
 * seal.c - a slot's chunks from the heads into T_CHUNK.
 *
 * Slots are sealed in order and series by id, so every row goes behind all others of the table. A
 * slice ends between rows: the series of a row that is not full yet are left to the next slice.
 */
#include "seal.h"

#include "ferula/base/check.h"

/* The samples that a series has in the slot, which is the oldest that any series has. */
static int read_slot(struct tsdb__seal *s, const struct tsdb__head *h, int32_t slot, uint32_t id)
{
    const struct source_range range = {tsdb__slot_start(slot), tsdb__slot_end(slot) - 1};
    int rc = 0;

    arena_reset(&s->arena);
    s->samples.arena = &s->arena;
    tsdb__mixed_reset(&s->samples);
    for (const struct tsdb__chunk *c = tsdb__head_copy(h, id, range, &s->arena);
         c != NULL && rc == 0; c = c->next)
        rc = tsdb__chunk_read(c, range, &s->samples.f);
    for (const struct tsdb__chunk *c = tsdb__head_copy_rich(h, id, range, &s->arena);
         c != NULL && rc == 0; c = c->next)
        rc = tsdb__chunk_add(c, range, &s->samples);
    tsdb__mixed_sort(&s->samples);
    return rc;
}

int tsdb__seal_slice(struct tsdb__seal *s, const struct tsdb__head *h, struct tsdb__txn *x,
                     uint32_t last_id, size_t most, struct tsdb__mark *mark)
{
    uint32_t id = mark->id;
    int rc = 0;

    CHECK(mark->id != UINT32_MAX);
    s->max_t = INT64_MIN;
    tsdb__chunk_writer_begin(&s->writer, x, mark->slot, true);
    while (id < last_id && rc == 0) {
        /* A row that begins with the rest of a long series is put in any case. */
        if (s->writer.n_rows >= most && s->writer.number == 0) {
            mark->id = tsdb__group_is_empty(&s->writer.group) ? id : s->writer.first - 1;
            return 0;
        }
        id++;
        if (!tsdb__head_lives(h, id) || !tsdb__head_has_chunk(h, id))
            continue;
        rc = read_slot(s, h, mark->slot, id);
        if (rc < 0 || tsdb__mixed_count(&s->samples) == 0)
            continue;
        rc = tsdb__chunk_writer_add(&s->writer, id, &s->samples);
        s->max_t = MAX(s->max_t, tsdb__mixed_last(&s->samples));
    }
    if (rc == 0)
        rc = tsdb__chunk_writer_end(&s->writer);
    mark->id = UINT32_MAX;
    return rc;
}

void tsdb__seal_publish(struct tsdb__head *h, struct tsdb__mark from, struct tsdb__mark to)
{
    uint64_t end = MIN((uint64_t)to.id + 1, (uint64_t)h->n_pages * TSDB__PAGE_SERIES);

    for (uint64_t id = (uint64_t)from.id + 1; id < end; id++) {
        if (!tsdb__head_lives(h, (uint32_t)id))
            continue;
        tsdb__head_drop(h, tsdb__head_series(h, (uint32_t)id), to.slot);
        tsdb__head_drop_rich(h, (uint32_t)id, to.slot);
    }
}

void tsdb__seal_release(struct tsdb__seal *s)
{
    tsdb__chunk_writer_release(&s->writer);
    tsdb__mixed_release(&s->samples);
    arena_release(&s->arena);
}
