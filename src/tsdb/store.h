/*
 * store.h - the open store, as its files share it.
 */
#ifndef TSDB_STORE_H
#define TSDB_STORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "checkpoint.h"
#include "delete.h"
#include "exemplars.h"
#include "head.h"
#include "journal.h"
#include "late.h"
#include "matched.h"
#include "merge.h"
#include "postings.h"
#include "purge.h"
#include "raw.h"
#include "seal.h"
#include "series.h"
#include "state.h"
#include "symbols.h"
#include "tables.h"
#include "wal.h"

#include "ferula/tsdb.h"

#define TSDB_MAGIC      0x7db57012
#define TSDB__FILE_NAME "ferula.mdb" /* in the data folder */

#define TSDB__IN_MEMORY "(memory)" /* in place of a path */

/* Requests waiting for the writer thread. */
struct tsdb__queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct tsdb_write *first, **last;
    struct tsdb__deletion *deletions; /* the first */
    bool poked;                       /* look whether anything is due */
    bool stopping;
    bool abandoned; /* stop as a kill would: what is due is left undone; tests set it */
    /* tsdb_settle(): how often it was asked for, and up to where that is done. */
    uint64_t settle_asked, settle_done;
    pthread_cond_t settled; /* and deletions done */
};

/* The newest sample of a series that this transaction added to. */
struct tsdb__pending {
    uint32_t id;
    bool is_hist; /* bits stand for a histogram */
    ts_ms t;
    uint64_t bits;
};

#define TSDB__GROUP_WRITES  64
#define TSDB__GROUP_SAMPLES (64 * 1024)
#define TSDB__GROUP_BYTES   (4 * 1024 * 1024)

/* One transaction's worth of requests; the writer thread's alone. */
struct tsdb__group {
    struct buf log;  /* the accepted samples, as a WAL record */
    struct buf full; /* scratch: the rich sample that is judged, in full form */
    struct tsdb__wal_writer wal;
    struct tsdb__pending *pending; /* owned; series.pending is an index into it */
    size_t n_pending, cap_pending;
    ts_ms now;
    ts_ms max_t; /* newest sample of the store and of this transaction; INT64_MIN: none */
    uint64_t wal_seq;
    bool dirty; /* something was put */
};

/* The series that a slice of retention took out; memory follows after the commit. */
struct tsdb__gone {
    struct {
        uint32_t id, tag;
    } * v; /* owned */
    size_t n, cap;
    struct tsdb__postings postings; /* what they had */
};

/* The store's own work, which is done between groups, a slice a transaction. */
struct tsdb__upkeep {
    struct tsdb__seal seal;
    struct tsdb__merge merge;
    struct tsdb__purge purge;
    struct tsdb__checkpoint checkpoint;
    struct tsdb__gone gone;
    int32_t retention_slot; /* being deleted */
    size_t n_sealing;       /* slots that the slice has sealed to their end */
    int32_t seal_upto;      /* slots up to it are sealed whatever the clock says */
    uint32_t generation;    /* newest of a checkpoint, whole or not */
    uint64_t n_logged;      /* samples since the last checkpoint began */
    size_t n_late_seen;     /* late samples that the last look found nothing to merge in */
    size_t trimmed;         /* pieces, by the slice */
    bool trim_is_done;
    bool wants_merge, wants_checkpoint, wants_retention, wants_trim;
    bool closing;
    size_t slice_rows; /* at most, of any slice; SIZE_MAX: as the step says */
    size_t room_rows;  /* the same, while there is little room */
    int64_t retry_ns;  /* monotonic: not before, after a failure */
};

struct tsdb {
    uint32_t magic;
    int lock_fd; /* of ferula.lock */
    char *path;  /* owned; of the data file, or TSDB__IN_MEMORY */
    bool in_memory;
    MDB_env *env;
    MDB_dbi dbis[N_TABLES];
    struct tsdb__meta meta;
    const struct clock *clock;
    dur_ms retention;         /* 0: for ever */
    uint64_t retention_bytes; /* 0: no limit */
    dur_ms ooo_window;
    uint64_t map_bytes;
    struct source source;

    struct tsdb__head head;
    struct tsdb__late late; /* under the head's lock, as */
    uint64_t deleted_seq;   /* what was deleted up to this piece of the log is not in memory */
    struct tsdb__raw raw;
    struct tsdb__matched_cache matched;
    _Atomic uint64_t generation;         /* moves on when a series is made (under the head's write
                                            lock, with its first samples) or removed */
    _Atomic uint32_t n_series;           /* that there are */
    _Atomic uint32_t n_tombs;            /* deletions that are not purged yet */
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
    struct tsdb__exemplars exemplars;
    struct tsdb__journal journal;
    uint32_t last_tomb;       /* number of the newest deletion */
    struct tsdb__state state; /* as of the last commit */
    struct tsdb__upkeep upkeep;
};

/* dir.c: makes the folder when missing, refuses what cannot work, takes the lock. */
int tsdb__dir_open(const char *dir, int *lock_fd, struct fault *f);

/* dir.c: makes the names in a folder durable. */
int tsdb__dir_sync(const char *dir, struct fault *f);

/*
 * verify.c: checks the file before LMDB, which trusts it, sees it. The skeleton is what LMDB's
 * trees are made of: enough for a start, as rows are checked again when they are read.
 * tsdb__verify() reads every row, too. A missing file is fine.
 */
int tsdb__verify_skeleton(const char *path, struct fault *f);
int tsdb__verify(const char *path, struct fault *f);

/* memory.c: mdb_env_open() on a file that is nowhere but in memory. */
int tsdb__memory_open(MDB_env *env, unsigned flags, struct fault *f);

/* writer.c */
void tsdb__writer_start(struct tsdb *db);
void tsdb__writer_stop(struct tsdb *db);

/* After this the store only answers FER_EIO. Returns that. */
int tsdb__fall_sick(struct tsdb *db, int rc);

/*
 * Commits and frees the transaction, also when it fails. LMDB gives EIO when a disk without room
 * takes only part of a write: with next to no space left on it, that is what it was.
 */
int tsdb__commit(struct tsdb *db, MDB_txn *txn);

/* Sets the gauge of pieces by wal_first and wal_seq. */
void tsdb__count_wal(struct tsdb *db);

/* `seq` is the newest piece of the write-ahead table after a commit. */
void tsdb__advance_wal(struct tsdb *db, uint64_t seq);

/* What is left of the map is for the store's own work, which makes room. */
bool tsdb__is_map_full(const struct tsdb *db, struct tsdb__txn *x);

/* upkeep.c: does a slice of what is due. 1: more may be due, 0: nothing is, FER_* after a failure.
 */
int tsdb__upkeep_slice(struct tsdb *db);

/* Seals all slots that end before the time at which the oldest backfilled sample may be in order.
 */
int tsdb__upkeep_make_way(struct tsdb *db);

/* Ends the store as a kill of the process would, but that memory is freed. For tests. */
void tsdb__abandon(struct tsdb *db);

/* How far the wait for more work may go: INT64_MAX when only a request can bring some. */
int64_t tsdb__upkeep_wait_ns(struct tsdb *db);
void tsdb__upkeep_release(struct tsdb__upkeep *u);

/* Samples before it are past the retention; INT64_MIN: none is. */
ts_ms tsdb__kept_from(const struct tsdb *db);

/* Bytes of the pages that are in use. */
uint64_t tsdb__used_bytes(const struct tsdb *db, struct tsdb__txn *x);

/*
 * guard.c: between these the thread is inside the store: a fault is one of the file at `path`,
 * which must stay. May be nested.
 */
void tsdb__guard_enter(const char *path);
void tsdb__guard_leave(void);

/* For faults whose thread is not inside a store: the file that is open, from here to there. */
void tsdb__guard_open(const char *path);
void tsdb__guard_close(const char *path);

/* For mdb_env_set_assert(); ends the process. */
void tsdb__guard_assert(MDB_env *env, const char *text);

/* txn.c: a write transaction, which ends with tsdb__commit() or tsdb__write_abort(). */
int tsdb__write_begin(struct tsdb *db, struct tsdb__txn *x);
void tsdb__write_abort(struct tsdb__txn *x);

/* txn.c: a read transaction from the pool, and back, by the same thread. */
int tsdb__reader_begin(struct tsdb *db, struct tsdb__txn **out, struct fault *f);
void tsdb__reader_end(struct tsdb *db, struct tsdb__txn *x);

/* The same transaction on the newest snapshot; what was read before is void. */
int tsdb__reader_renew(struct tsdb__txn *x);
void tsdb__readers_free(struct tsdb *db);

/* metadata.c: stores what changed; *dirty when anything was put. */
int tsdb__metadata_put(struct tsdb *db, struct tsdb__txn *x, const struct metadata *md,
                       bool *dirty);

/* source.c */
extern const struct source_ops tsdb__source_ops;

/* select.c: the series that satisfy all matchers. */
int tsdb__match(struct tsdb *db, struct tsdb__texts *tx, const struct matcher *m, size_t n,
                struct tsdb__ids *out);

/* select.c: those that satisfy any of the sets; none when there is no set. */
int tsdb__match_any(struct tsdb *db, struct tsdb__texts *tx, const struct tsdb_match *sets,
                    size_t n, struct tsdb__ids *out);

/* A sentence for a failed read. Returns `rc`. */
int tsdb__read_fault(struct fault *f, int rc);

#endif
