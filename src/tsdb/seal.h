/*
 * seal.h - a slot's chunks from the heads into T_CHUNK. The writer thread's.
 */
#ifndef TSDB_SEAL_H
#define TSDB_SEAL_H

#include "chunks.h"
#include "head.h"

struct tsdb__seal {
    struct tsdb__chunk_writer writer;
    struct tsdb__mixed samples; /* scratch */
    struct arena arena;         /* scratch */
    ts_ms max_t;                /* newest sample put by the slice; INT64_MIN: none */
};

/*
 * Puts the series of slot mark->slot after mark->id, about `most` rows of them, and moves the mark
 * on; `last_id` is the newest id given. After the commit tsdb__seal_publish() forgets their chunks.
 */
int tsdb__seal_slice(struct tsdb__seal *s, const struct tsdb__head *h, struct tsdb__txn *x,
                     uint32_t last_id, size_t most, struct tsdb__mark *mark);

/* Under the heads' write lock: the chunks up to slot `to.slot` of the series after `from`. */
void tsdb__seal_publish(struct tsdb__head *h, struct tsdb__mark from, struct tsdb__mark to);
void tsdb__seal_release(struct tsdb__seal *s);

#endif
