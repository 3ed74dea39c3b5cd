/*
 * wal.h - the write-ahead table: what was accepted, in the order of acceptance.
 *
 * One record is the accepted samples of one transaction, cut into pieces that fit a page. The same
 * decoder applies a record to memory after its commit and at start.
 */
#ifndef TSDB_WAL_H
#define TSDB_WAL_H

#include "head.h"
#include "late.h"
#include "tables.h"

/* Encodes one record at the end of a buffer. */
struct tsdb__wal_writer {
    struct buf *out; /* borrowed */
    uint32_t id;     /* of the sample before */
    ts_ms t;         /* of the sample before */
};

/* A record starts where `out` ends. */
void tsdb__wal_begin(struct tsdb__wal_writer *w, struct buf *out);
void tsdb__wal_add(struct tsdb__wal_writer *w, uint32_t id, struct sample s, bool late);

/* A rich sample in full form (hist.h). */
void tsdb__wal_add_rich(struct tsdb__wal_writer *w, uint32_t id, ts_ms t, struct str full,
                        bool late);

/* A deletion: what the series ids[0..n), which ascend, have in `range` by now. */
void tsdb__wal_add_deletion(struct tsdb__wal_writer *w, struct source_range range,
                            const uint32_t *ids, size_t n);

/* Appends a record as pieces; *seq is the newest piece's number, and is moved on. */
int tsdb__wal_put(struct tsdb__txn *x, struct str record, uint64_t *seq);

/* Deletes pieces up to number `upto` from the left, at most `most` of them. *n: how many. */
int tsdb__wal_trim(struct tsdb__txn *x, uint64_t upto, size_t most, size_t *n);

/* Where records go: memory, less what a checkpoint or a sealed chunk has already. */
struct tsdb__wal_target {
    struct tsdb__head *head;
    struct tsdb__late *late;
    struct tsdb__mark sealed;
    uint32_t n_series;         /* ids given */
    const uint64_t *page_seqs; /* by page of the head: the newest piece that it holds; or NULL */
    size_t n_pages;
    uint64_t seq; /* of the record */
};

/* Applies a record, under the heads' write lock. FER_ECORRUPT for an id above `n_series`. */
int tsdb__wal_apply(const struct tsdb__wal_target *to, struct str record);

/*
 * Applies the records after piece `covered`, which ends one. *first and *last are the numbers of
 * the oldest and the newest piece of T_WAL, or 0.
 */
int tsdb__wal_replay(struct tsdb__txn *x, struct tsdb__wal_target *to, uint64_t covered,
                     uint64_t *first, uint64_t *last);

/* The record that is being put together from its pieces; the caller releases `record`. */
struct tsdb__wal_joining {
    struct buf record;
    unsigned version;
    bool open;
};

/* Takes the next piece; *whole when it was the last of its record. FER_ECORRUPT. */
int tsdb__wal_join(struct tsdb__wal_joining *j, struct tsdb__in body, bool *whole);
bool tsdb__wal_is_first(struct tsdb__in body); /* the piece begins a record */

/* Decodes a whole record and adds its samples to *n_samples. FER_ECORRUPT, as tsdb__wal_apply(). */
int tsdb__wal_check(const struct tsdb__wal_joining *j, uint32_t n_series, uint64_t *n_samples);

#endif
