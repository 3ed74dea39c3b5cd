/*
 * wal.h - the write-ahead table: what was accepted, in the order of acceptance.
 *
 * One record is the accepted samples of one request, cut into pieces that fit a page. The same
 * decoder applies a record to the heads after its commit and at start.
 */
#ifndef TSDB_WAL_H
#define TSDB_WAL_H

#include "head.h"
#include "tables.h"

/* Encodes one record at the end of a buffer. */
struct tsdb__wal_writer {
    struct buf *out; /* borrowed */
    uint32_t id;     /* of the sample before */
    ts_ms t;         /* of the sample before */
};

/* A record starts where `out` ends. */
void tsdb__wal_begin(struct tsdb__wal_writer *w, struct buf *out);
void tsdb__wal_add(struct tsdb__wal_writer *w, uint32_t id, struct sample s);

/* Appends a record as pieces; *seq is the newest piece's number, and is moved on. */
int tsdb__wal_put(struct tsdb__txn *x, struct str record, uint64_t *seq);

/* Applies a record to the heads, under their write lock. FER_ECORRUPT for an id above `n_series`.
 */
int tsdb__wal_apply(struct tsdb__head *h, struct str record, uint32_t n_series);

/* Applies all of T_WAL; *seq is the newest piece's number. */
int tsdb__wal_replay(struct tsdb__txn *x, struct tsdb__head *h, uint32_t n_series, uint64_t *seq);

#endif
