/*
 * tsdb.h - durable series storage on one LMDB environment.
 *
 * Any number of threads may submit writes and read. One writer thread, the store's own, takes all
 * queued writes at once, commits them in one transaction with one fsync, makes them visible to
 * readers and then calls each write's done(). So done() with rc == 0 means: on disk, and seen by
 * the next query. The layout on disk is in docs/store-format.md.
 */
#ifndef FERULA_TSDB_H
#define FERULA_TSDB_H

#include <stdbool.h>
#include <stdint.h>

#include "ferula/base/arena.h"
#include "ferula/base/clock.h"
#include "ferula/base/err.h"
#include "ferula/base/hash.h"
#include "ferula/model/labels.h"
#include "ferula/model/metadata.h"
#include "ferula/model/sample.h"
#include "ferula/model/source.h"

struct tsdb; /* opaque */

struct tsdb_opts {
    const char *dir;           /* made when missing; borrowed during tsdb_open() only */
    size_t map_bytes;          /* address space to reserve, and so the largest file; 0: 64 GiB */
    dur_ms retention;          /* samples older than the newest less this are deleted; 0: none is */
    uint64_t retention_bytes;  /* above so many bytes in use the oldest samples go; 0: never */
    dur_ms ooo_window;         /* takes samples out of order that are not older than the newest less
                                  this */
    const struct clock *clock; /* NULL: clock_system() */
    size_t slice_rows;         /* of the store's own work in a transaction, at most; 0: as many as
                                  take a few milliseconds */
    unsigned no_sync : 1;      /* no fsync on commit: tests of crashes and benchmarks only */
};

/*
 * On success the caller owns *out and ends it with tsdb_close(). On failure *out is NULL and `f`
 * says what a person can do: FER_EBUSY (another server holds the folder), FER_EFORMAT (foreign or
 * newer files), FER_ECORRUPT, FER_EIO, FER_ENOSPC, FER_EUNSUP (a network file system).
 */
int tsdb_open(struct tsdb **out, const struct tsdb_opts *opts, struct fault *f);

/*
 * Commits what is queued, answers it, leaves nothing for the next start to replay, and closes. NULL
 * is fine. No reader may be left.
 */
void tsdb_close(struct tsdb *db);

/*
 * Waits until all of the store's own work is done that is due by the clock: sealing slots that are
 * over, merging late samples, checkpoints, retention. The writer thread does it anyway; this is for
 * tests and tools.
 */
void tsdb_settle(struct tsdb *db);

struct source *tsdb_source(struct tsdb *db);

/* ---- writing ---------------------------------------------------------------------------- */

typedef uint32_t series_id; /* 0: none; never given twice */

/*
 * The series whose unparsed label bytes hash to `raw` (hash_keyed128), or 0. A hit needs no parsing
 * and no validation of labels: they were validated when the series was made. Any thread, lock-free
 * or nearly.
 */
series_id tsdb_find_raw(struct tsdb *db, struct hash128 raw);

/*
 * The same for the many series of a request. The writer may wait for the end, so it comes soon, on
 * the thread of the beginning.
 */
struct tsdb_finder {
    struct tsdb *db;
    const void *table; /* the store's */
};

void tsdb_finder_begin(struct tsdb_finder *f, struct tsdb *db);
series_id tsdb_finder_find(const struct tsdb_finder *f, struct hash128 raw);
void tsdb_finder_end(struct tsdb_finder *f);

/* What became of a sample; the text of each is Prometheus' (see tsdb_verdict_text()). */
enum tsdb_verdict {
    TSDB_STORED = 0,
    TSDB_DUPLICATE,     /* same time and bits as the newest: accepted, nothing to do */
    TSDB_OUT_OF_ORDER,  /* older than the newest of its series */
    TSDB_CONFLICT,      /* same time as the newest, another value */
    TSDB_TOO_OLD,       /* out of bounds: older than the head's newest sample less one hour */
    TSDB_TOO_NEW,       /* more than 10 minutes ahead of the clock */
    TSDB_BEYOND_WINDOW, /* out of order, and older than the window for that */
    N_TSDB_VERDICTS
};

/* A series that the caller did not find by its raw bytes. Labels are normalised and validated. */
struct tsdb_new_series {
    struct labels labels; /* borrowed until done() */
    struct hash128 raw;   /* remembered for tsdb_find_raw() */
    series_id id;         /* out; the existing id when the label set is known already */
};

/* A run of samples of one series, in the order in which they came. */
struct tsdb_row {
    series_id id; /* 0: series[new_series] */
    uint32_t new_series;
    uint32_t first, n; /* samples[first .. first + n) */
};

struct tsdb_refusal {
    enum tsdb_verdict why;
    struct labels labels; /* in the write's arena */
    struct sample sample;
    double existing; /* for TSDB_CONFLICT */
};

/* One write. Everything it points to belongs to the caller and is the store's until done(). */
struct tsdb_write {
    struct arena *arena; /* the store allocates results here */
    struct tsdb_row *rows;
    size_t n_rows;
    const struct sample *samples;
    size_t n_samples;
    struct tsdb_new_series *series;
    size_t n_series;
    const struct metadata *metadata;
    size_t n_metadata;
    bool backfill; /* older history: any age that the retention allows, in any order */

    /*
     * Called once, on the store's writer thread (FER_ESTOP: on the caller's); must not block.
     * Results are set by then.
     */
    void (*done)(struct tsdb_write *w);
    void *ctx;

    /*
     * Results. rc: 0 (the good part is on disk), FER_ENOSPC (nothing of it is; reads go on; try
     * later), FER_ELIMIT (a label set that no row of the store can hold; nothing of it is stored),
     * FER_EIO (nothing of it can be relied on), FER_ESTOP (not taken: closing), FER_ESTALE (a row
     * names a series that retention has taken out since; nothing of it is stored: give the labels
     * of all series instead of their ids).
     */
    int rc;
    size_t n_verdicts[N_TSDB_VERDICTS];
    struct tsdb_refusal first_refusal; /* when any count from TSDB_OUT_OF_ORDER on is not zero */

    struct tsdb_write *next; /* the store's */
};

void tsdb_submit(struct tsdb *db, struct tsdb_write *w);

/* tsdb_submit(), and waits for it. Sets done and ctx itself. Returns w->rc. */
int tsdb_write_sync(struct tsdb *db, struct tsdb_write *w);

const char *tsdb_verdict_text(enum tsdb_verdict v);

/* "out of order sample", "duplicate sample for timestamp 5; overrides not allowed: existing 1, ..."
 */
void tsdb_refusal_print(struct buf *b, const struct tsdb_refusal *r);

/* ---- reading what is not series --------------------------------------------------------- */

/* Sorted by family; *out is in `a`. `family` empty: all. */
int tsdb_metadata(struct tsdb *db, struct arena *a, struct str family, struct metadata **out,
                  size_t *n, struct fault *f);

struct tsdb_stats {
    uint64_t n_series, n_samples_head;
    uint64_t head_bytes;      /* compressed samples in memory */
    ts_ms min_time, max_time; /* of stored samples; INT64_MAX, INT64_MIN when empty */
    uint64_t wal_pieces;
    uint64_t n_samples_late;        /* in memory, not merged yet */
    uint64_t chunk_rows;            /* of sealed chunks */
    uint64_t used_bytes, map_bytes; /* of the LMDB file: pages in use, room reserved */
};

void tsdb_stats(struct tsdb *db, struct tsdb_stats *out);

/* False after a failure that only a restart can mend (FER_EIO); *why is a static sentence. */
bool tsdb_healthy(struct tsdb *db, const char **why);

/*
 * For the whole process, once at start: a data file that shrinks or cannot be read under the memory
 * map (SIGBUS) ends it with one line on stderr and exit code 70, and a file-size limit is an error
 * of the write (SIGXFSZ is ignored).
 */
void tsdb_guard_signals(void);

#endif
