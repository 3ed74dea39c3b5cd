/*
 * journal.c - records of the caller's own: bytes that mean nothing here, the newest of which stay.
 *
 * tsdb_journal_add() copies the record and returns: no query waits for a disk. The writer thread
 * puts what has waited for a second, all of it in one transaction, and deletes what is too many. It
 * never takes the last room of the map, which is for work that makes room.
 *
 * When all records go, the newest row stays as a mark, empty, until another record comes: so that
 * numbers go on behind it, also after a restart.
 */
#include "journal.h"

#include <stdlib.h>

#include "store.h"

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/base/stats.h"

/* How long a record waits for others. */
#define WAIT_NS (INT64_C(1000) * 1000 * 1000)

/* More than these in a second are dropped. */
#define PENDING_MAX 1024

/* Deleted beside as many as are added, so that a lower limit is reached soon. */
#define EXTRA_ROWS 64

void tsdb__journal_init(struct tsdb__journal *j, size_t most)
{
    j->most = most;
    CHECK(pthread_mutex_init(&j->lock, NULL) == 0);
}

int tsdb__journal_load(struct tsdb__journal *j, struct tsdb__txn *x)
{
    struct tsdb__in body;
    MDB_val k;
    int rc = tsdb__last_u64(x, T_POLL, &j->stored);

    j->first = 1;
    if (rc == 0)
        rc = tsdb__step_key(x, T_POLL, MDB_FIRST, &k);
    if (rc == 0)
        memcpy(&j->first, k.mv_data, MIN(k.mv_size, sizeof(j->first)));
    /* A damaged row is told when it is read. */
    j->mark = rc == 0 && j->first == j->stored &&
              tsdb__step(x, T_POLL, MDB_FIRST, &k, &body) == 0 && tsdb__in_left(&body) == 0;
    j->first += j->mark;
    j->last = j->stored;
    return rc == FER_ENOENT ? 0 : rc;
}

void tsdb__journal_release(struct tsdb__journal *j)
{
    buf_release(&j->pending);
    buf_release(&j->batch);
    pthread_mutex_destroy(&j->lock);
}

/* ---- adding ----------------------------------------------------------------------------- */

/* The writer thread may be waiting without end. */
static void poke(struct tsdb__queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->poked = true;
    pthread_cond_signal(&q->filled);
    pthread_mutex_unlock(&q->lock);
}

bool tsdb_journal_add(struct tsdb *db, struct str record)
{
    struct tsdb__journal *j = &db->journal;
    uint32_t n = (uint32_t)record.n;
    bool taken, first;

    CHECK_MAGIC(db, TSDB_MAGIC);
    CHECK(record.n > 0 && record.n <= TSDB_RECORD_MAX);
    pthread_mutex_lock(&j->lock);
    taken = j->most > 0 && j->n_pending < PENDING_MAX;
    first = taken && j->n_pending == 0;
    if (first)
        j->since_ns = clock_mono_ns(db->clock);
    if (taken) {
        buf_add(&j->pending, &n, sizeof(n));
        buf_add_str(&j->pending, record);
        j->n_pending++;
        j->last++;
    }
    pthread_mutex_unlock(&j->lock);
    if (first)
        poke(&db->queue);
    return taken;
}

void tsdb_journal_clear(struct tsdb *db)
{
    struct tsdb__journal *j = &db->journal;

    CHECK_MAGIC(db, TSDB_MAGIC);
    pthread_mutex_lock(&j->lock);
    j->cleared = j->last;
    pthread_mutex_unlock(&j->lock);
    poke(&db->queue);
}

/* ---- writing ---------------------------------------------------------------------------- */

/* The record at *at of a buffer like `pending`; moves *at behind it. */
static struct str next_record(struct str all, size_t *at)
{
    struct str record;
    uint32_t n;

    memcpy(&n, all.p + *at, sizeof(n));
    record = (struct str){all.p + *at + sizeof(n), n};
    *at += sizeof(n) + n;
    return record;
}

static bool too_many(const struct tsdb__journal *j, uint64_t first, uint64_t stored,
                     uint64_t cleared)
{
    return first <= stored && (stored - first + 1 > j->most || first <= cleared);
}

bool tsdb__journal_due(struct tsdb *db, bool all)
{
    struct tsdb__journal *j = &db->journal;
    bool due;

    pthread_mutex_lock(&j->lock);
    due = j->n_pending > 0 && (all || clock_mono_ns(db->clock) - j->since_ns >= WAIT_NS);
    due = due || too_many(j, j->first, j->stored, j->cleared);
    pthread_mutex_unlock(&j->lock);
    return due;
}

bool tsdb__journal_waits(struct tsdb__journal *j)
{
    bool waits;

    pthread_mutex_lock(&j->lock);
    waits = j->n_pending > 0;
    pthread_mutex_unlock(&j->lock);
    return waits;
}

/* Copies the oldest records, at most `rows`, so that others can be added meanwhile. */
static uint64_t take_batch(struct tsdb__journal *j, size_t rows)
{
    uint64_t cleared;
    size_t end = 0;

    pthread_mutex_lock(&j->lock);
    j->n_batch = MIN(j->n_pending, rows);
    for (size_t i = 0; i < j->n_batch; i++)
        (void)next_record(buf_str(&j->pending), &end);
    buf_reset(&j->batch);
    buf_add(&j->batch, j->pending.p, end);
    cleared = j->cleared;
    pthread_mutex_unlock(&j->lock);
    return cleared;
}

static int put(struct tsdb__txn *x, uint64_t number, struct str record, unsigned flags)
{
    return tsdb__put(x, T_POLL, (struct str){(const char *)&number, sizeof(number)}, record, flags);
}

static int delete_oldest(struct tsdb__txn *x)
{
    MDB_val k;
    int rc = tsdb__step_key(x, T_POLL, MDB_FIRST, &k);

    if (rc == 0)
        rc = tsdb__delete(x, T_POLL);
    return rc == FER_ENOENT ? FER_ECORRUPT : rc;
}

static int trim(struct tsdb__journal *j, struct tsdb__txn *x, size_t rows, uint64_t cleared)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < rows && too_many(j, j->first_next, j->stored_next, cleared);
         i++) {
        j->mark_next = j->first_next == j->stored_next;
        rc = j->mark_next ? put(x, j->stored_next, STR(""), 0) : delete_oldest(x);
        j->first_next++;
    }
    return rc;
}

int tsdb__journal_run(struct tsdb *db, struct tsdb__txn *x, size_t rows)
{
    struct tsdb__journal *j = &db->journal;
    uint64_t cleared = take_batch(j, MIN(rows, (size_t)PENDING_MAX));
    size_t at = 0;
    int rc = 0;

    j->first_next = j->first;
    j->stored_next = j->stored;
    j->mark_next = j->mark;
    j->drops = tsdb__is_map_full(db, x);
    if (j->mark && j->n_batch > 0 && !j->drops) {
        rc = delete_oldest(x);
        j->mark_next = false;
    }
    for (size_t i = 0; rc == 0 && i < j->n_batch && !j->drops; i++)
        rc = put(x, ++j->stored_next, next_record(buf_str(&j->batch), &at), MDB_APPEND);
    return rc == 0 ? trim(j, x, MIN(rows, j->n_batch + EXTRA_ROWS), cleared) : rc;
}

void tsdb__journal_publish(struct tsdb *db)
{
    struct tsdb__journal *j = &db->journal;

    j->first = j->first_next;
    j->stored = j->stored_next;
    j->mark = j->mark_next;
    pthread_mutex_lock(&j->lock);
    if (j->n_batch > 0)
        memmove(j->pending.p, j->pending.p + j->batch.n, j->pending.n - j->batch.n);
    j->pending.n -= j->batch.n;
    j->n_pending -= j->n_batch;
    j->last -= j->drops ? j->n_batch : 0; /* numbers have no holes */
    j->since_ns = clock_mono_ns(db->clock);
    pthread_mutex_unlock(&j->lock);
    stats_add(STAT_POLLS_DROPPED, j->drops ? j->n_batch : 0);
    buf_release(&j->batch);
    j->n_batch = 0;
}

/* ---- reading ---------------------------------------------------------------------------- */

/* What waits, as a reader found it. */
struct waiting {
    struct buf copy;
    struct str *v; /* owned */
    size_t n;
    uint64_t first, cleared;
};

static void copy_waiting(struct tsdb__journal *j, struct waiting *w)
{
    size_t at = 0;

    pthread_mutex_lock(&j->lock);
    buf_add(&w->copy, j->pending.p, j->pending.n);
    w->n = j->n_pending;
    w->first = j->last - j->n_pending + 1;
    w->cleared = j->cleared;
    pthread_mutex_unlock(&j->lock);
    w->v = xcalloc(w->n + 1, sizeof(*w->v));
    for (size_t i = 0; i < w->n; i++)
        w->v[i] = next_record(buf_str(&w->copy), &at);
}

/* Rows before `before`, newest first. */
static int read_rows(struct tsdb__txn *x, const struct waiting *w, tsdb_journal_each each,
                     void *ctx)
{
    struct tsdb__in body;
    MDB_val k;
    int rc;

    for (rc = tsdb__step(x, T_POLL, MDB_LAST, &k, &body); rc == 0;
         rc = tsdb__step(x, T_POLL, MDB_PREV, &k, &body)) {
        uint64_t number = 0;

        memcpy(&number, k.mv_data, MIN(k.mv_size, sizeof(number)));
        if (number <= w->cleared)
            return 0;
        if (number < w->first && tsdb__in_left(&body) > 0 &&
            each(ctx, number, (struct str){(const char *)body.p, tsdb__in_left(&body)}) != 0)
            return 0;
    }
    return rc == FER_ENOENT ? 0 : rc;
}

int tsdb_journal_read(struct tsdb *db, tsdb_journal_each each, void *ctx, struct fault *f)
{
    struct waiting w = {0};
    struct tsdb__txn *x;
    int rc = 0;

    CHECK_MAGIC(db, TSDB_MAGIC);
    copy_waiting(&db->journal, &w);
    for (size_t i = w.n; rc == 0 && i-- > 0;)
        rc = w.first + i <= w.cleared ? 1 : each(ctx, w.first + i, w.v[i]);
    if (rc == 0) {
        rc = tsdb__reader_begin(db, &x, f);
        if (rc == 0) {
            rc = read_rows(x, &w, each, ctx);
            tsdb__reader_end(db, x);
            rc = rc < 0 ? tsdb__read_fault(f, rc) : 0;
        }
    }
    free(w.v);
    buf_release(&w.copy);
    return rc < 0 ? rc : 0;
}
