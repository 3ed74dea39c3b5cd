/*
 * source.h - what a selection of series has copied out of the store, for source.c and export.c.
 */
#ifndef TSDB_SOURCE_H
#define TSDB_SOURCE_H

#include "chunks.h"
#include "store.h"

/* What a selection has of a series; in its arena. */
struct tsdb__picked {
    struct tsdb__sealed_list sealed;
    struct tsdb__chunk *chunks;
    struct sample *late; /* as they arrived */
    size_t n_late;
};

static inline bool tsdb__picked_any(const struct tsdb__picked *p)
{
    return p->sealed.first != NULL || p->chunks != NULL || p->n_late > 0;
}

/* Copies what memory has of the series in `ids`, which are those of `sel`, in this order. */
struct tsdb__picked *tsdb__picked_memory(struct tsdb *db, struct arena *a,
                                         const struct tsdb__ids *ids,
                                         const struct source_selection *sel);

/* Drops the copies that were sealed since: the snapshot that `sealed` is from has them. */
void tsdb__picked_drop(struct tsdb__picked *picked, const struct tsdb__ids *ids,
                       struct tsdb__mark sealed);

#endif
