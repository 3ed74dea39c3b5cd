/*
 * tombs.h - deletions whose sealed samples are still on disk: T_TOMB.
 *
 * A deletion takes samples out of memory at once. What was sealed by then is hidden by its rows,
 * until they are rewritten (purge.c); nothing is sealed or merged before that, so a row hides no
 * sample that came after it.
 */
#ifndef TSDB_TOMBS_H
#define TSDB_TOMBS_H

#include "slot.h"
#include "tables.h"

#include "ferula/base/arena.h"
#include "ferula/model/source.h"

#define TSDB__TOMB_KEY_BYTES 8

struct tsdb__tomb {
    uint32_t number; /* deletions ascend; 0: none */
    uint64_t seq;    /* piece of the log that ends its record */
    struct source_range range;
    uint32_t *ids; /* ascending; in the arena */
    size_t n, cap;
};

int tsdb__tomb_put(struct tsdb__txn *x, const struct tsdb__tomb *t);

/* Adds a row to *out, which has the rows of its deletion before it. FER_ECORRUPT. */
int tsdb__tomb_add_row(const MDB_val *key, struct tsdb__in body, struct arena *a,
                       struct tsdb__tomb *out);
uint32_t tsdb__tomb_number(const MDB_val *key);

/* All that there are, in `a`. */
int tsdb__tombs_read(struct tsdb__txn *x, struct arena *a, struct tsdb__tomb **out, size_t *n);

/* Deletes rows of the first deletion, at most `most`. *done: none is left. */
int tsdb__tomb_delete(struct tsdb__txn *x, uint32_t number, size_t most, bool *done);

/* The place of `id` among ids[0..n), or of the first after it. */
static inline size_t tsdb__ids_find(const uint32_t *ids, size_t n, uint64_t id)
{
    size_t from = 0, to = n;

    while (from < to) {
        size_t mid = from + (to - from) / 2;

        if (ids[mid] < id)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static inline bool tsdb__ids_have(const uint32_t *ids, size_t n, uint32_t id)
{
    size_t at = tsdb__ids_find(ids, n, id);

    return at < n && ids[at] == id;
}

#endif
