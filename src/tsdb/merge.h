/*
 * merge.h - late samples into the sealed chunks.
 */
#ifndef TSDB_MERGE_H
#define TSDB_MERGE_H

#include "chunks.h"
#include "late.h"
#include "unit.h"

/* Late samples on their way into T_CHUNK, over several transactions; the writer thread's. */
struct tsdb__merge {
    uint32_t *order;  /* owned: indices into the late samples, by slot, series, time and arrival */
    size_t n, at;     /* all, and how many are done */
    size_t at_commit; /* how many are committed */
    size_t n_seen;    /* late samples when it began */
    struct tsdb__chunk_writer writer;
    struct tsdb__mixed old, fresh; /* scratch */
    struct arena arena;            /* scratch */
    struct tsdb__unit unit;        /* scratch: the rows being rewritten */
};

/* Begins with all late samples whose place is sealed. False: there are none. */
bool tsdb__merge_begin(struct tsdb__merge *m, const struct tsdb__late *late,
                       struct tsdb__mark sealed);

/* Rewrites at most `most` rows; m->at moves on. */
int tsdb__merge_slice(struct tsdb__merge *m, const struct tsdb__late *late, struct tsdb__txn *x,
                      size_t most);

/* All of it is committed: forgets those late samples. Under the heads' write lock. */
void tsdb__merge_end(struct tsdb__merge *m, struct tsdb__late *late);
void tsdb__merge_release(struct tsdb__merge *m);

#endif
