/*
 * source.h - what a selection of series has copied out of the store, for source.c and export.c.
 */
#ifndef TSDB_SOURCE_H
#define TSDB_SOURCE_H

#include "chunks.h"
#include "store.h"

/* A deletion of samples that are still on disk; or in the copies of memory, too. */
struct tsdb__cut {
    struct tsdb__cut *next;
    struct source_range range;
    bool memory_too;
};

/* What a selection has of a series; in its arena. */
struct tsdb__picked {
    struct tsdb__sealed_list sealed;
    struct tsdb__chunk *chunks, *rich; /* of floats; of rich samples */
    struct tsdb__late_copy late;
    struct tsdb__cut *cuts;
};

static inline bool tsdb__picked_any(const struct tsdb__picked *p)
{
    return p->sealed.first != NULL || p->chunks != NULL || p->rich != NULL || p->late.n > 0;
}

/*
 * Adds the deletions of a snapshot to what was picked of memory when that had those up to
 * `deleted_seq`.
 */
int tsdb__picked_cut(struct tsdb__txn *x, struct arena *a, struct tsdb__picked *picked,
                     const uint32_t *ids, size_t n, uint64_t deleted_seq);

/* Under the heads' read lock: copies what memory has of the series ids[0..n), which ascend. */
struct tsdb__picked *tsdb__picked_memory(struct tsdb *db, struct arena *a, const uint32_t *ids,
                                         size_t n, struct source_range range);

/*
 * Adds sealed chunks of a newer snapshot, which says how far sealing had come: copies that it has,
 * too, are dropped.
 */
void tsdb__picked_join(struct tsdb__picked *picked, const uint32_t *ids, size_t n,
                       const struct tsdb__sealed_list *lists, struct tsdb__mark sealed);

#endif
