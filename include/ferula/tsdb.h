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
#include "ferula/model/exemplar.h"
#include "ferula/model/histogram.h"
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
    size_t max_exemplars;      /* kept at once, the newest; 0: none */
    size_t max_records;        /* of the journal, kept at once, the newest; 0: none */
    dur_ms ooo_window;         /* takes samples out of order that are not older than the newest less
                                  this */
    unsigned max_readers;      /* reads at once; more fail with FER_EBUSY; 0: 512 */
    const struct clock *clock; /* NULL: clock_system() */
    size_t slice_rows;         /* of the store's own work in a transaction, at most; 0: as many as
                                  take a few milliseconds */
    unsigned no_sync : 1;      /* no fsync on commit: tests of crashes and benchmarks only */
    unsigned memory : 1; /* no folder and no file: all is gone at the end; `dir` is not used */
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
 * over, merging late samples, checkpoints, retention, cleaning up after deletions. The writer
 * thread does it anyway; this is for tests and tools.
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
    TSDB_DUPLICATE,     /* same time and bits as the newest (of a histogram: the same but for its
                           hint): accepted, nothing to do */
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
    uint32_t first, n; /* samples[first .. first + n), or hists[...] */
    bool hists;
};

/* An exemplar to be stored. */
struct tsdb_exemplar {
    series_id id; /* 0: series[new_series] */
    uint32_t new_series;
    struct exemplar exemplar;
};

struct tsdb_refusal {
    enum tsdb_verdict why;
    struct labels labels; /* in the write's arena */
    struct sample sample; /* of a histogram: its time */
    bool is_histogram;    /* the sample is one */
    double existing;      /* for TSDB_CONFLICT of floats; unless */
    bool existing_is_histogram;
};

/* One write. Everything it points to belongs to the caller and is the store's until done(). */
struct tsdb_write {
    struct arena *arena; /* the store allocates results here */
    struct tsdb_row *rows;
    size_t n_rows;
    const struct sample *samples;
    size_t n_samples;
    const struct hsample *hists; /* native histograms; validated */
    size_t n_hists;
    const ts_ms *starts, *hist_starts; /* start timestamps beside samples and hists (0: not known);
                                          NULL: none is known or they are not wanted */
    const struct tsdb_exemplar *exemplars;
    size_t n_exemplars;
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
     * later), FER_ELIMIT (a label set or a histogram that no row of the store can hold, which is
     * one with more than a thousand buckets or so; nothing of it is stored),
     * FER_EIO (nothing of it can be relied on), FER_ESTOP (not taken: closing), FER_ESTALE (a row
     * names a series that retention has taken out since; nothing of it is stored: give the labels
     * of all series instead of their ids).
     */
    int rc;
    size_t n_verdicts[N_TSDB_VERDICTS];      /* of floats */
    size_t n_hist_verdicts[N_TSDB_VERDICTS]; /* of histograms */
    size_t n_exemplars_stored;               /* those that are there already counted */
    size_t n_exemplars_refused; /* out of order; Prometheus drops these with a line in its log */
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

/* Series that satisfy all of these. */
struct tsdb_match {
    const struct matcher *m;
    size_t n;
};

/*
 * Whether a row of the store can hold it: fractional counts in up to some 400 buckets, whole ones
 * in some 1,000. A write with one that does not fit is refused as a whole (FER_ELIMIT).
 */
bool tsdb_histogram_fits(const struct histogram *h);

/* The exemplars of a series. */
struct tsdb_exemplars {
    struct labels labels;
    const struct exemplar *v; /* ascending in time */
    size_t n;
};

/* Those in `range` of series that satisfy any of the sets, sorted by labels; in `a`. */
int tsdb_query_exemplars(struct tsdb *db, struct arena *a, const struct tsdb_match *sets,
                         size_t n_sets, struct source_range range, struct tsdb_exemplars **out,
                         size_t *n, struct fault *f);

/* ---- the journal ------------------------------------------------------------------------ */

/*
 * Records of the caller's own, bytes that mean nothing here, in the order in which they came; the
 * newest opts.max_records stay. They are numbered from 1 without holes, also over a clearing and a
 * restart.
 */
#define TSDB_RECORD_MAX 4076 /* bytes; at least 1 */

/*
 * Copies the record. Any thread; waits for no disk: it is written within a second or so, and a kill
 * loses what was not. False: not taken, for there were too many in this second, or none is kept.
 */
bool tsdb_journal_add(struct tsdb *db, struct str record);

/* Called for a record; it is borrowed for the call. Not 0: no more are wanted. */
typedef int (*tsdb_journal_each)(void *ctx, uint64_t number, struct str record);

/* Newest first, those that are not written yet, too. Must not call the store from `each`. */
int tsdb_journal_read(struct tsdb *db, tsdb_journal_each each, void *ctx, struct fault *f);

/* Forgets all records that there are; the room is given back soon. */
void tsdb_journal_clear(struct tsdb *db);

/* ---- deleting --------------------------------------------------------------------------- */

/*
 * Deletes the samples in `range` of series that satisfy any of the sets. On return no reader sees
 * them any more, and no restart brings them back; a reader sees all of it or nothing. What is
 * written later stays, in the range, too; but the newest sample of a series is remembered, as
 * Prometheus does, and what is not newer is judged by it, until the series has gone with the last
 * of its samples. That, and giving back the room, is done by the store's own work soon after. Waits
 * for the writer thread. FER_ENOSPC, FER_EIO, FER_ESTOP as for writes.
 */
int tsdb_delete(struct tsdb *db, const struct tsdb_match *sets, size_t n_sets,
                struct source_range range, struct fault *f);

/* Waits until the room of what was deleted is given back, and series without samples are gone. */
int tsdb_clean_tombstones(struct tsdb *db, struct fault *f);

/* ---- all of it, series by series -------------------------------------------------------- */

struct tsdb_export {
    const struct tsdb_match *sets; /* a series of any of them is wanted; none: all series */
    size_t n_sets;
    struct source_range range;
};

/* How far an export has come: the next series, and the first of its times. */
struct tsdb_cursor {
    series_id id; /* 0: there is nothing left */
    ts_ms from;
};

struct tsdb_part {
    struct source_selection *sel; /* for source_ops.read; series in the order of their ids */
    const series_id *ids;         /* of sel->series */
    struct tsdb_cursor next;      /* the last series of sel, when that one goes on */
};

/*
 * The series from `at` on in the order of their ids, at most `n_series`, and fewer when they are
 * longer than some megabytes together; a single one that is longer comes in several parts. `a` is
 * the part's alone: it is reset first. A series made meanwhile has a higher id than all before it.
 */
int tsdb_export(struct tsdb *db, struct arena *a, const struct tsdb_export *what,
                struct tsdb_cursor at, size_t n_series, struct tsdb_part *out, struct fault *f);

/* False after a failure that only a restart can mend (FER_EIO); *why is a static sentence. */
bool tsdb_healthy(struct tsdb *db, const char **why);

/*
 * For the whole process, once at start, before there are threads: a data file that shrinks or
 * cannot be read under the memory map (SIGBUS), or whose damage makes a call of the store fault
 * (SIGSEGV, SIGFPE, an assertion of LMDB), ends the process with one line on stderr that names the
 * file, and exit code 70. A fault outside the store keeps its meaning. A file-size limit is an
 * error of the write (SIGXFSZ is ignored).
 */
void tsdb_guard_signals(void);

/* ---- what is in it ---------------------------------------------------------------------- */

struct tsdb_table_size {
    const char *name;
    uint64_t rows, bytes; /* of the pages in use */
};

struct tsdb_count {
    struct str name;
    uint64_t n_series, n_values; /* n_values: of a label */
};

/* A half hour that has sealed samples. */
struct tsdb_slot_size {
    ts_ms start;
    uint64_t rows, series, samples;
    uint64_t new_series; /* that no earlier slot has */
};

struct tsdb_analysis {
    uint64_t n_series, n_metrics, n_labels;
    uint64_t n_samples_sealed, n_samples_head, n_samples_late;
    uint64_t n_series_unsealed; /* that have no sealed sample */
    const struct tsdb_table_size *tables;
    size_t n_tables;
    uint64_t data_bytes, index_bytes, log_bytes; /* of tables: chunks; labels; WAL and checkpoint */
    uint64_t used_bytes, file_bytes, map_bytes;
    const struct tsdb_count *metrics, *labels; /* those with most series, with most values */
    size_t n_top_metrics, n_top_labels;
    const struct tsdb_slot_size *slots; /* ascending */
    size_t n_slots;
    ts_ms min_time, max_time; /* INT64_MAX, INT64_MIN: empty */
    dur_ms retention;         /* 0: for ever */
    uint64_t retention_bytes; /* 0: no limit */
    ts_ms kept_from;          /* samples before it are due to go; INT64_MIN: none */
};

/* Reads all rows of sealed chunks and postings, without decoding samples. The lists are in `a`. */
int tsdb_analyze(struct tsdb *db, struct arena *a, size_t most_names, struct tsdb_analysis *out,
                 struct fault *f);

/* ---- copies and checks ------------------------------------------------------------------ */

/*
 * Writes a consistent and compacted copy of the open store to snapshots/NAME/ferula.mdb in its
 * folder `dir`. All that was acknowledged before the call is in it. Blocks no write; the pages that
 * it reads stay in use meanwhile. `name` empty: one is made of time and chance; *out gets the name.
 * FER_EINVAL: not a name for a folder, or taken; FER_EUNSUP: a store in memory. On a failure
 * nothing is left behind.
 */
int tsdb_snapshot(struct tsdb *db, const char *dir, struct str name, struct buf *out,
                  struct fault *f);

/* Bytes of a data file before and after. */
struct tsdb_sizes {
    uint64_t before, after;
};

/*
 * The rest is for folders that no server holds; they are locked meanwhile (FER_EBUSY). FER_ENOENT:
 * there is no data file in the folder.
 */

/* Replaces the data file by a compacted copy of it, at once or not at all. */
int tsdb_compact(const char *dir, struct tsdb_sizes *out, struct fault *f);

/*
 * Puts a copy of the data file `snapshot` (or of the one in the folder `snapshot`) into `dir`,
 * which is missing or empty (else FER_EINVAL). The snapshot is audited first; FER_ECORRUPT: it has
 * faults.
 */
int tsdb_restore(const char *snapshot, const char *dir, struct fault *f);

/* What was looked at, and how many faults there are. */
struct tsdb_audit_counts {
    uint64_t rows, series;
    uint64_t samples_sealed, samples_checkpoint, samples_logged; /* of these some are in two */
    uint64_t faults;
};

/*
 * Checks the pages, every row, and that the tables agree: series and their symbols, postings,
 * chunks, checkpoint, write-ahead records, metadata. Each fault is told to report() (NULL: to
 * nobody) as a line "TABLE key: what". Returns 0 also when there are faults; an error only when it
 * could not look.
 */
int tsdb_audit(const char *dir, void (*report)(void *ctx, const char *line), void *ctx,
               struct tsdb_audit_counts *out, struct fault *f);

#endif
