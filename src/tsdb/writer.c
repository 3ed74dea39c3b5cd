/*
 * writer.c - the thread that writes: takes what is queued, one transaction, one commit, answers.
 *
 * The order is the promise: judge and put (admit.c, wal.c), commit, apply to the heads, let the
 * series be found, and only then done(). A transaction that fails leaves memory as it was before. A
 * group that fails is tried again request by request, so that one request does not fail others.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "admit.h"
#include "store.h"
#include "wal.h"

#include "ferula/base/check.h"
#include "ferula/base/log.h"
#include "ferula/base/mem.h"
#include "ferula/base/signals.h"
#include "ferula/base/stats.h"

/* Buffers that a large group left behind are given back above this. */
#define KEEP_BYTES (256 * 1024)

/* A disk with less room than this is full: a commit writes at least a few dozen KiB. */
#define FULL_BYTES (256 * 1024)

/* What a request weighs in a group: samples and the labels of new series, roughly. */
static size_t weight(const struct tsdb_write *w)
{
    return w->n_samples * 16 + w->n_series * 512;
}

/* Waits for requests and takes as many as make a group. 0: stopped and nothing is left. */
static size_t take_group(struct tsdb__queue *q, struct tsdb_write *out[TSDB__GROUP_WRITES])
{
    size_t n = 0, samples = 0, bytes = 0;

    pthread_mutex_lock(&q->lock);
    while (q->first == NULL && !q->stopping)
        pthread_cond_wait(&q->filled, &q->lock);
    while (q->first != NULL && n < TSDB__GROUP_WRITES && samples < TSDB__GROUP_SAMPLES &&
           bytes < TSDB__GROUP_BYTES) {
        struct tsdb_write *w = q->first;

        q->first = w->next;
        w->next = NULL;
        samples += w->n_samples;
        bytes += weight(w);
        out[n++] = w;
    }
    if (q->first == NULL)
        q->last = &q->first;
    pthread_mutex_unlock(&q->lock);
    return n;
}

/* After this the store only answers FER_EIO. */
static int fall_sick(struct tsdb *db, int rc)
{
    const char *why = rc == FER_ECORRUPT
                          ? "stored data failed a checksum; restart to check the whole file"
                          : "the disk failed during a commit; restart when it is mended";

    LOG_ERROR("the store stops taking writes", LOG_S("reason", why),
              LOG_S("error", fer_strerror(rc)));
    atomic_store(&db->sick, why);
    return FER_EIO;
}

static int put_request(struct tsdb *db, struct tsdb__txn *x, struct tsdb_write *w, size_t *end)
{
    struct tsdb__group *g = &db->group;
    size_t from = g->log.n;
    struct str record;
    int rc = tsdb__admit(db, x, w);

    *end = g->log.n;
    record = str_cut(buf_str(&g->log), from);
    if (rc == 0 && record.n > 0) {
        rc = tsdb__wal_put(x, record, &g->wal_seq);
        g->dirty = true;
    }
    for (size_t i = 0; i < w->n_metadata && rc == 0; i++)
        rc = tsdb__metadata_put(db, x, &w->metadata[i], &g->dirty);
    return rc;
}

static void group_begin(struct tsdb *db)
{
    struct tsdb__group *g = &db->group;

    g->now = clock_now_ms(db->clock);
    g->max_t = db->head.max_t;
    g->wal_seq = atomic_load(&db->wal_seq);
    g->n_pending = 0;
    g->dirty = false;
    buf_reset(&g->log);
}

static void group_trim(struct tsdb__group *g)
{
    if (g->log.cap > KEEP_BYTES)
        buf_release(&g->log);
    if (g->cap_pending * sizeof(*g->pending) > KEEP_BYTES) {
        free(g->pending);
        g->pending = NULL;
        g->cap_pending = 0;
    }
    g->n_pending = 0;
}

static void count_verdicts(const struct tsdb_write *w)
{
    static const enum stat counters[N_TSDB_VERDICTS] = {
        [TSDB_STORED] = STAT_SAMPLES_APPENDED,
        [TSDB_DUPLICATE] = STAT_SAMPLES_DUPLICATE,
        [TSDB_OUT_OF_ORDER] = STAT_SAMPLES_OUT_OF_ORDER,
        [TSDB_CONFLICT] = STAT_SAMPLES_CONFLICT,
        [TSDB_TOO_OLD] = STAT_SAMPLES_OUT_OF_BOUNDS,
        [TSDB_TOO_NEW] = STAT_SAMPLES_OUT_OF_BOUNDS,
    };

    for (size_t i = 0; i < N_TSDB_VERDICTS; i++)
        stats_add(counters[i], w->n_verdicts[i]);
}

/* What was committed becomes visible. */
static void publish(struct tsdb *db, struct tsdb_write **w, size_t n)
{
    struct tsdb__group *g = &db->group;
    size_t from = 0;

    tsdb__head_lock_write(&db->head);
    for (size_t i = 0; i < n; from = g->record_end[i++]) {
        struct str record = {g->log.p + from, g->record_end[i] - from};

        CHECK(tsdb__wal_apply(&db->head, record, db->series.n) == 0);
    }
    tsdb__head_unlock(&db->head);
    for (size_t i = 0; i < n; i++)
        count_verdicts(w[i]);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < w[i]->n_series; k++)
            if (w[i]->series[k].id != 0)
                tsdb__raw_add(&db->raw, w[i]->series[k].raw, w[i]->series[k].id, db->series.n);
    if (atomic_load(&db->wal_first) == 0 && g->wal_seq != 0)
        atomic_store(&db->wal_first, 1);
    atomic_store(&db->wal_seq, g->wal_seq);
    atomic_store(&db->n_series, db->series.n);
    stats_add(STAT_WRITE_GROUPS, g->dirty);
    stats_add(STAT_SERIES_CREATED, db->series.n_made);
    stats_set(STAT_SERIES, db->series.n);
    stats_set(STAT_HEAD_BYTES, db->head.n_bytes);
    stats_set(STAT_WAL_PIECES, g->wal_seq);
    tsdb__series_commit(&db->series);
}

/* Next to no room: on the disk, or below the process's limit on the size of files. */
static bool is_full(const struct tsdb *db)
{
    struct statvfs fs;
    struct rlimit limit;
    MDB_envinfo info;
    MDB_stat pages;
    int fd;

    if (mdb_env_get_fd(db->env, &fd) == 0 && fstatvfs(fd, &fs) == 0 &&
        fs.f_bavail * fs.f_frsize < FULL_BYTES)
        return true;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           mdb_env_info(db->env, &info) == 0 && mdb_env_stat(db->env, &pages) == 0 &&
           (info.me_last_pgno + 1) * pages.ms_psize + FULL_BYTES > limit.rlim_cur;
}

/* After a failed write of the meta page nothing is certain, and LMDB begins no transaction. */
static bool is_broken(MDB_env *env)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(env, NULL, 0, &txn);

    if (rc == 0)
        mdb_txn_abort(txn);
    return rc != 0;
}

/*
 * Commits and frees the transaction, also when it fails. LMDB gives EIO when a disk without room
 * takes only part of a write: with next to no space left on it, that is what it was.
 */
static int commit(struct tsdb *db, MDB_txn *txn)
{
    int rc = mdb_txn_commit(txn);

    if (rc != 0 && is_broken(db->env))
        return FER_EIO;
    if (rc == EIO && is_full(db))
        return FER_ENOSPC;
    return tsdb__err(rc);
}

/* One transaction for all of w[0..n): all of it, or nothing. */
static int write_group(struct tsdb *db, struct tsdb_write **w, size_t n)
{
    struct tsdb__txn x = {.dbis = db->dbis};
    uint32_t n_symbols = db->symbols.n;
    int rc = tsdb__err(mdb_txn_begin(db->env, NULL, 0, &x.txn));

    group_begin(db);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = put_request(db, &x, w[i], &db->group.record_end[i]);
    if (rc == 0)
        rc = tsdb__postings_flush(&db->postings, &x);
    if (rc == 0 && db->group.dirty) {
        rc = commit(db, x.txn);
        x.txn = NULL;
    }
    if (x.txn != NULL)
        mdb_txn_abort(x.txn);
    if (rc == 0) {
        publish(db, w, n);
    } else {
        tsdb__series_rollback(&db->series);
        tsdb__symbols_rollback(&db->symbols, n_symbols);
        db->postings.n = 0;
    }
    group_trim(&db->group);
    return rc;
}

/* The code that the header promises for a failed transaction. */
static int failed(struct tsdb *db, int rc)
{
    return rc == FER_ENOSPC || rc == FER_ELIMIT ? rc : fall_sick(db, rc);
}

static void answer_group(struct tsdb *db, struct tsdb_write **w, size_t n)
{
    bool sick = atomic_load(&db->sick) != NULL;
    int rc = sick ? FER_EIO : write_group(db, w, n);

    for (size_t i = 0; i < n; i++) {
        w[i]->rc = rc;
        if (rc == 0 || sick)
            continue;
        if (n > 1 && (rc == FER_ENOSPC || rc == FER_ELIMIT) && atomic_load(&db->sick) == NULL) {
            int alone = write_group(db, &w[i], 1);

            w[i]->rc = alone == 0 ? 0 : failed(db, alone);
        } else {
            w[i]->rc = atomic_load(&db->sick) != NULL ? FER_EIO : failed(db, rc);
        }
    }
    for (size_t i = 0; i < n; i++)
        w[i]->done(w[i]);
}

static void *writer_main(void *arg)
{
    struct tsdb *db = arg;
    struct tsdb_write *w[TSDB__GROUP_WRITES];
    size_t n;

    CHECK_MAGIC(db, TSDB_MAGIC);
    while ((n = take_group(&db->queue, w)) != 0)
        answer_group(db, w, n);
    return NULL;
}

void tsdb__writer_start(struct tsdb *db)
{
    sigset_t before;

    signals_block(&before);
    CHECK(pthread_create(&db->writer, NULL, writer_main, db) == 0);
    signals_restore(&before);
    pthread_setname_np(db->writer, "tsdb-writer");
    db->writer_runs = true;
}

void tsdb__writer_stop(struct tsdb *db)
{
    pthread_mutex_lock(&db->queue.lock);
    db->queue.stopping = true;
    pthread_cond_signal(&db->queue.filled);
    pthread_mutex_unlock(&db->queue.lock);
    if (db->writer_runs)
        pthread_join(db->writer, NULL);
    db->writer_runs = false;
    free(db->group.pending);
    buf_release(&db->group.log);
}

void tsdb_submit(struct tsdb *db, struct tsdb_write *w)
{
    struct tsdb__queue *q = &db->queue;
    bool taken;

    CHECK_MAGIC(db, TSDB_MAGIC);
    w->next = NULL;
    pthread_mutex_lock(&q->lock);
    taken = !q->stopping;
    if (taken) {
        *q->last = w;
        q->last = &w->next;
        pthread_cond_signal(&q->filled);
    }
    pthread_mutex_unlock(&q->lock);
    if (!taken) {
        w->rc = FER_ESTOP;
        w->done(w);
    }
}

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
};

static void wake(struct tsdb_write *w)
{
    struct waiter *wt = w->ctx;

    pthread_mutex_lock(&wt->lock);
    wt->done = true;
    pthread_cond_signal(&wt->changed);
    pthread_mutex_unlock(&wt->lock);
}

int tsdb_write_sync(struct tsdb *db, struct tsdb_write *w)
{
    struct waiter wt = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};

    w->done = wake;
    w->ctx = &wt;
    tsdb_submit(db, w);
    pthread_mutex_lock(&wt.lock);
    while (!wt.done)
        pthread_cond_wait(&wt.changed, &wt.lock);
    pthread_mutex_unlock(&wt.lock);
    pthread_mutex_destroy(&wt.lock);
    pthread_cond_destroy(&wt.changed);
    return w->rc;
}
