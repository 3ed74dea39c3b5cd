/*
 * store.h - the open store, as its files share it.
 */
#ifndef TSDB_STORE_H
#define TSDB_STORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "head.h"
#include "postings.h"
#include "raw.h"
#include "series.h"
#include "symbols.h"
#include "tables.h"

#include "ferula/tsdb.h"

#define TSDB_MAGIC      0x7db57012
#define TSDB__FILE_NAME "ferula.mdb" /* in the data folder */

/* Requests waiting for the writer thread. */
struct tsdb__queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct tsdb_write *first, **last;
    bool stopping;
};

/* The newest sample of a series that this transaction added to. */
struct tsdb__pending {
    uint32_t id;
    ts_ms t;
    uint64_t bits;
};

#define TSDB__GROUP_WRITES  64
#define TSDB__GROUP_SAMPLES (64 * 1024)
#define TSDB__GROUP_BYTES   (4 * 1024 * 1024)

/* One transaction's worth of requests; the writer thread's alone. */
struct tsdb__group {
    struct buf log;                        /* the accepted samples, as WAL records */
    size_t record_end[TSDB__GROUP_WRITES]; /* where the record of each request ends in `log` */
    struct tsdb__pending *pending;         /* owned; series.pending is an index into it */
    size_t n_pending, cap_pending;
    ts_ms now;
    ts_ms max_t; /* newest sample of the store and of this transaction; INT64_MIN: none */
    uint64_t wal_seq;
    bool dirty; /* something was put */
};

struct tsdb {
    uint32_t magic;
    int lock_fd; /* of ferula.lock */
    MDB_env *env;
    MDB_dbi dbis[N_TABLES];
    struct tsdb__meta meta;
    const struct clock *clock;
    struct source source;

    struct tsdb__head head;
    struct tsdb__raw raw;
    _Atomic uint32_t n_series;
    _Atomic uint64_t wal_seq, wal_first; /* newest and oldest piece; seq 0: none */
    _Atomic(const char *) sick;          /* static sentence; NULL: healthy */

    pthread_mutex_t readers_lock;
    struct tsdb__txn *readers; /* owned; idle read transactions */

    /* The writer thread's. */
    pthread_t writer;
    bool writer_runs;
    struct tsdb__queue queue;
    struct tsdb__group group;
    struct tsdb__series_table series;
    struct tsdb__symbols symbols;
    struct tsdb__postings postings;
};

/* dir.c: makes the folder when missing, refuses what cannot work, takes the lock. */
int tsdb__dir_open(const char *dir, int *lock_fd, struct fault *f);

/* verify.c: checks every page of the file before LMDB, which trusts it, sees it. */
int tsdb__verify(const char *path, struct fault *f);

/* writer.c */
void tsdb__writer_start(struct tsdb *db);
void tsdb__writer_stop(struct tsdb *db);

/* txn.c: a read transaction from the pool, and back. */
int tsdb__reader_begin(struct tsdb *db, struct tsdb__txn **out, struct fault *f);
void tsdb__reader_end(struct tsdb *db, struct tsdb__txn *x);
void tsdb__readers_free(struct tsdb *db);

/* metadata.c: stores what changed; *dirty when anything was put. */
int tsdb__metadata_put(struct tsdb *db, struct tsdb__txn *x, const struct metadata *md,
                       bool *dirty);

/* source.c */
extern const struct source_ops tsdb__source_ops;

/* select.c: the series that satisfy all matchers. */
int tsdb__match(struct tsdb *db, struct tsdb__texts *tx, const struct matcher *m, size_t n,
                struct tsdb__ids *out);

/* A sentence for a failed read. Returns `rc`. */
int tsdb__read_fault(struct fault *f, int rc);

#endif
