/*
 * checkpoint.h - the heads on disk: T_HEAD, so that a start replays little of the WAL.
 *
 * A checkpoint is a generation of rows, written page of series by page over several transactions.
 * Each row says which piece of the WAL it has all samples up to. Once a generation is whole, what
 * came before it, rows and pieces, is deleted in slices.
 */
#ifndef TSDB_CHECKPOINT_H
#define TSDB_CHECKPOINT_H

#include "head.h"
#include "state.h"

/* One that is being written; the writer thread's. */
struct tsdb__checkpoint {
    bool running;
    uint32_t generation; /* of its rows */
    uint64_t seq;        /* newest piece of the WAL when it began */
    size_t page;         /* the next page of the head */
    size_t at_commit;    /* page, as of the last commit */
    bool done;           /* the slice was the last */
    struct buf row;      /* scratch */
    struct arena arena;  /* scratch */
};

/* Writes some pages, about `most` rows. *done: that was the last. */
int tsdb__checkpoint_slice(struct tsdb__checkpoint *c, const struct tsdb__head *h,
                           struct tsdb__txn *x, uint64_t wal_seq, size_t most, bool *done);

/* What stands before the chunks of a series in a row. */
struct tsdb__checkpoint_series {
    uint32_t id;
    bool has_newest, is_hist, apart, newest_gone;
    struct tsdb__xor x;
    uint64_t n_chunks; /* they follow, tsdb__checkpoint_read_chunk() each */
};

/* Reads the next series of a row; on entry out->id is the one before, 0 at first. FER_ECORRUPT. */
int tsdb__checkpoint_read_series(struct tsdb__in *in, struct tsdb__checkpoint_series *out);

/* `out` has room for TSDB__CHUNK_BITS_MAX bits. FER_ECORRUPT. */
int tsdb__checkpoint_read_chunk(struct tsdb__in *in, struct tsdb__chunk *out);

/* Deletes rows of generations before `generation`, at most `most`. *n: how many. */
int tsdb__checkpoint_trim(struct tsdb__txn *x, uint32_t generation, size_t most, size_t *n);

/*
 * Fills the heads from the newest checkpoint and from a newer one that is not whole. *seqs is an
 * array by page (heap, the caller's) of the piece that each page has all samples up to;
 * *generation the newest seen, whole or not.
 */
int tsdb__checkpoint_load(struct tsdb__txn *x, struct tsdb__head *h, const struct tsdb__state *st,
                          uint64_t **seqs, size_t *n_pages, uint32_t *generation);

#endif
