/*
 * journal.h - the newest records of the caller's own: T_POLL, a row each, in the order in which
 * they came. Records wait in memory for up to a second, and are written by the store's own work.
 */
#ifndef TSDB_JOURNAL_H
#define TSDB_JOURNAL_H

#include <pthread.h>

#include "tables.h"

#include "ferula/base/buf.h"

struct tsdb;

struct tsdb__journal {
    size_t most;
    pthread_mutex_t lock; /* of the next five */
    struct buf pending;   /* u32 n and n bytes each */
    size_t n_pending;
    int64_t since_ns; /* monotonic: when the oldest of them came */
    uint64_t last;    /* number of the newest record, written or not; 0: none */
    uint64_t cleared; /* records up to it are gone for readers */

    /* The writer's. */
    uint64_t first, stored;           /* numbers of the records there are; stored < first: none */
    uint64_t first_next, stored_next; /* after the commit */
    bool mark, mark_next;             /* the one row is no record: it keeps the number */
    struct buf batch;                 /* the records that are being written */
    size_t n_batch;
    bool drops; /* the batch is not written: there is no room */
};

void tsdb__journal_init(struct tsdb__journal *j, size_t most);
int tsdb__journal_load(struct tsdb__journal *j, struct tsdb__txn *x);
void tsdb__journal_release(struct tsdb__journal *j);

/* Steps of the store's own work; `all`: what waits need not have waited for its second. */
bool tsdb__journal_due(struct tsdb *db, bool all);
int tsdb__journal_run(struct tsdb *db, struct tsdb__txn *x, size_t rows);
void tsdb__journal_publish(struct tsdb *db);

/* Something waits to be written. */
bool tsdb__journal_waits(struct tsdb__journal *j);

#endif
