/*
 * writer.c - the thread that writes: takes what is queued, one transaction, one commit, answers;
 * and between groups a slice of the store's own work (upkeep.c).
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

#include "ferula/base/check.h"
#include "ferula/base/log.h"
#include "ferula/base/mem.h"
#include "ferula/base/signals.h"
#include "ferula/base/stats.h"

/* Buffers that a large group left behind are given back above this. */
#define KEEP_BYTES (256 * 1024)

/*
 * A sixteenth of the map, within these; of a map below 2 MiB a quarter. A slice of the store's own
 * work writes up to some 60 pages, and those that the last two commits freed are not free yet.
 */
#define RESERVE_BYTES_MAX (UINT64_C(16) * 1024 * 1024)
#define RESERVE_BYTES_MIN (UINT64_C(512) * 1024)

/* A disk with less room than this is full: a commit writes at least a few dozen KiB. */
#define FULL_BYTES (256 * 1024)

/* What a request weighs in a group: samples and the labels of new series, roughly. */
static size_t weight(const struct tsdb_write *w)
{
    return w->n_samples * 16 + w->n_hists * 256 + w->n_exemplars * 256 + w->n_series * 512;
}

/* Waits until there is a request or the end, or a tsdb_settle(), for at most `wait_ns`. */
static void wait_for_work(struct tsdb__queue *q, int64_t wait_ns)
{
    struct timespec until;
    int rc = 0;

    if (wait_ns != INT64_MAX) {
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += wait_ns / 1000000000;
    }
    while (q->first == NULL && q->deletions == NULL && !q->stopping &&
           q->settle_asked == q->settle_done && !q->poked && rc == 0)
        rc = wait_ns == INT64_MAX ? pthread_cond_wait(&q->filled, &q->lock)
                                  : pthread_cond_timedwait(&q->filled, &q->lock, &until);
    q->poked = false;
}

/* Takes as many requests as make a group; waits for one when `wait_ns` is not 0. */
static size_t take_group(struct tsdb__queue *q, struct tsdb_write *out[TSDB__GROUP_WRITES],
                         int64_t wait_ns)
{
    size_t n = 0, samples = 0, bytes = 0;

    pthread_mutex_lock(&q->lock);
    if (wait_ns != 0)
        wait_for_work(q, wait_ns);
    while (q->first != NULL && n < TSDB__GROUP_WRITES && samples < TSDB__GROUP_SAMPLES &&
           bytes < TSDB__GROUP_BYTES) {
        struct tsdb_write *w = q->first;

        q->first = w->next;
        w->next = NULL;
        samples += w->n_samples + w->n_hists;
        bytes += weight(w);
        out[n++] = w;
    }
    if (q->first == NULL)
        q->last = &q->first;
    pthread_mutex_unlock(&q->lock);
    return n;
}

int tsdb__fall_sick(struct tsdb *db, int rc)
{
    const char *why = rc == FER_ECORRUPT
                          ? "stored data failed a checksum; restore the file from a copy"
                          : "the disk failed during a commit; restart when it is mended";

    LOG_ERROR("the store stops taking writes", LOG_S("reason", why),
              LOG_S("error", fer_strerror(rc)));
    atomic_store(&db->sick, why);
    return FER_EIO;
}

/* Those whose series there is, by now. */
static int put_exemplars(struct tsdb *db, struct tsdb__txn *x, struct tsdb_write *w)
{
    w->n_exemplars_stored = w->n_exemplars_refused = 0;
    for (size_t i = 0; i < w->n_exemplars && db->exemplars.most > 0; i++) {
        const struct tsdb_exemplar *e = &w->exemplars[i];
        struct tsdb_new_series *ns = e->id == 0 ? &w->series[e->new_series] : NULL;
        int rc = TSDB__EXEMPLAR_REFUSED;

        if (ns != NULL && ns->id == 0)
            rc = tsdb__series_find(&db->series, &db->symbols, x, ns->labels, &ns->id);
        if (rc >= 0 && (ns == NULL || ns->id != 0))
            rc = tsdb__exemplars_add(&db->exemplars, x, ns == NULL ? e->id : ns->id, &e->exemplar,
                                     db->ooo_window);
        else if (rc >= 0)
            rc = TSDB__EXEMPLAR_REFUSED;
        if (rc < 0)
            return rc;
        db->group.dirty = true;
        w->n_exemplars_stored += rc == TSDB__EXEMPLAR_STORED;
        w->n_exemplars_refused += rc == TSDB__EXEMPLAR_REFUSED;
    }
    return 0;
}

static int put_request(struct tsdb *db, struct tsdb__txn *x, struct tsdb_write *w)
{
    int rc = tsdb__admit(db, x, w);

    for (size_t i = 0; i < w->n_metadata && rc == 0; i++)
        rc = tsdb__metadata_put(db, x, &w->metadata[i], &db->group.dirty);
    return rc < 0 ? rc : put_exemplars(db, x, w);
}

/* What was admitted, as one record: small requests that came together share their pages. */
static int put_log(struct tsdb *db, struct tsdb__txn *x)
{
    struct tsdb__group *g = &db->group;

    if (g->log.n == 0)
        return 0;
    g->dirty = true;
    return tsdb__wal_put(x, buf_str(&g->log), &g->wal_seq);
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
    tsdb__wal_begin(&g->wal, &g->log);
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
        [TSDB_BEYOND_WINDOW] = STAT_SAMPLES_OUT_OF_BOUNDS,
        [TSDB_TOO_NEW] = STAT_SAMPLES_OUT_OF_BOUNDS,
    };

    for (size_t i = 0; i < N_TSDB_VERDICTS; i++)
        stats_add(counters[i], w->n_verdicts[i] + w->n_hist_verdicts[i]);
}

void tsdb__count_wal(struct tsdb *db)
{
    uint64_t first = atomic_load(&db->wal_first);

    stats_set(STAT_WAL_PIECES, first == 0 ? 0 : atomic_load(&db->wal_seq) - first + 1);
}

void tsdb__advance_wal(struct tsdb *db, uint64_t seq)
{
    if (atomic_load(&db->wal_first) == 0 && seq != atomic_load(&db->wal_seq))
        atomic_store(&db->wal_first, atomic_load(&db->wal_seq) + 1);
    atomic_store(&db->wal_seq, seq);
    tsdb__count_wal(db);
}

/* What was committed becomes visible. */
static void publish(struct tsdb *db, struct tsdb_write **w, size_t n)
{
    struct tsdb__group *g = &db->group;
    struct tsdb__wal_target to = {
        .head = &db->head, .late = &db->late, .sealed = db->state.sealed, .n_series = db->series.n};

    tsdb__head_lock_write(&db->head);
    db->head.now = g->now;
    CHECK(tsdb__wal_apply(&to, buf_str(&g->log)) == 0);
    db->head.last_id = db->series.n;
    atomic_fetch_add(&db->generation, db->series.n_made > 0);
    tsdb__head_unlock(&db->head);
    for (size_t i = 0; i < n; i++) {
        count_verdicts(w[i]);
        db->upkeep.n_logged += w[i]->n_verdicts[TSDB_STORED] + w[i]->n_hist_verdicts[TSDB_STORED];
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < w[i]->n_series; k++)
            if (w[i]->series[k].id != 0)
                tsdb__raw_add(&db->raw, w[i]->series[k].raw, w[i]->series[k].id, db->series.n_used);
    tsdb__advance_wal(db, g->wal_seq);
    atomic_store(&db->n_series, (uint32_t)db->series.n_used);
    stats_add(STAT_WRITE_GROUPS, g->dirty);
    stats_add(STAT_SERIES_CREATED, db->series.n_made);
    stats_set(STAT_SERIES, db->series.n_used);
    stats_set(STAT_HEAD_BYTES, db->head.n_bytes);
    tsdb__series_commit(&db->series);
    tsdb__exemplars_commit(&db->exemplars);
}

/* Next to no room: on the disk, or below the process's limit on the size of files. Memory files are
 * on a file system that has no number of blocks. */
static bool is_full(const struct tsdb *db)
{
    struct statvfs fs;
    struct rlimit limit;
    MDB_envinfo info;
    MDB_stat pages;
    int fd;

    if (mdb_env_get_fd(db->env, &fd) == 0 && fstatvfs(fd, &fs) == 0 && fs.f_blocks != 0 &&
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

int tsdb__commit(struct tsdb *db, MDB_txn *txn)
{
    int rc = mdb_txn_commit(txn);

    if (rc != 0 && is_broken(db->env))
        rc = FER_EIO;
    else if (rc == EIO && is_full(db))
        rc = FER_ENOSPC;
    else
        rc = tsdb__err(rc);
    tsdb__guard_leave();
    return rc;
}

bool tsdb__is_map_full(const struct tsdb *db, struct tsdb__txn *x)
{
    uint64_t reserve = MIN(db->map_bytes / 16, RESERVE_BYTES_MAX);

    reserve = MAX(reserve, MIN(db->map_bytes / 4, RESERVE_BYTES_MIN));
    return tsdb__used_bytes(db, x) + reserve > db->map_bytes;
}

/* The series that an aborted transaction made. */
static void bury_new(struct tsdb *db, uint32_t from)
{
    if (db->series.n < from)
        return;
    tsdb__head_lock_write(&db->head);
    for (uint32_t id = from; id <= db->series.n; id++)
        tsdb__head_bury(&db->head, id);
    tsdb__head_unlock(&db->head);
}

/* One transaction for all of w[0..n): all of it, or nothing. */
static int write_group(struct tsdb *db, struct tsdb_write **w, size_t n)
{
    struct tsdb__txn x = {.dbis = db->dbis, .page_bytes = db->meta.page_bytes};
    uint32_t n_symbols = db->symbols.n, n_series = db->series.n;
    int rc = tsdb__write_begin(db, &x);

    group_begin(db);
    if (rc == 0 && tsdb__is_map_full(db, &x))
        rc = FER_ENOSPC;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = put_request(db, &x, w[i]);
    if (rc == 0)
        rc = put_log(db, &x);
    if (rc == 0)
        rc = tsdb__postings_flush(&db->postings, &x);
    if (rc == 0 && db->group.dirty) {
        rc = tsdb__commit(db, x.txn);
        x.txn = NULL;
    }
    tsdb__write_abort(&x);
    if (rc == 0) {
        publish(db, w, n);
    } else {
        bury_new(db, n_series + 1);
        tsdb__series_rollback(&db->series);
        tsdb__exemplars_rollback(&db->exemplars);
        tsdb__symbols_rollback(&db->symbols, n_symbols);
        db->postings.n = 0;
    }
    group_trim(&db->group);
    return rc;
}

/* The code that the header promises for a failed transaction. */
static int failed(struct tsdb *db, int rc)
{
    return rc == FER_ENOSPC || rc == FER_ELIMIT ? rc : tsdb__fall_sick(db, rc);
}

/* It names a series that retention has taken out since the request was decoded. */
static bool names_gone(const struct tsdb *db, const struct tsdb_write *w)
{
    for (size_t i = 0; i < w->n_rows; i++)
        if (w->rows[i].id != 0 && !tsdb__head_lives(&db->head, w->rows[i].id))
            return true;
    for (size_t i = 0; i < w->n_exemplars; i++)
        if (w->exemplars[i].id != 0 && !tsdb__head_lives(&db->head, w->exemplars[i].id))
            return true;
    return false;
}

/* Moves the requests that can be written to the front; *backfill: one of them is such. */
static size_t sift(const struct tsdb *db, struct tsdb_write **w, size_t n, bool *backfill)
{
    size_t good = 0;

    *backfill = false;
    for (size_t i = 0; i < n; i++) {
        struct tsdb_write *it = w[i];

        it->rc = names_gone(db, it) ? FER_ESTALE : 0;
        if (it->rc != 0)
            continue;
        *backfill = *backfill || it->backfill;
        w[i] = w[good];
        w[good++] = it;
    }
    return good;
}

static void answer_group(struct tsdb *db, struct tsdb_write **w, size_t n)
{
    bool sick = atomic_load(&db->sick) != NULL, backfill;
    size_t good = sift(db, w, n, &backfill);
    int rc = sick ? FER_EIO : 0;

    if (rc == 0 && backfill)
        rc = tsdb__upkeep_make_way(db);
    if (rc == 0 && good > 0)
        rc = write_group(db, w, good);
    for (size_t i = 0; i < good; i++) {
        w[i]->rc = rc;
        if (rc == 0 || sick)
            continue;
        if (good > 1 && (rc == FER_ENOSPC || rc == FER_ELIMIT) && atomic_load(&db->sick) == NULL) {
            int alone = write_group(db, &w[i], 1);

            w[i]->rc = alone == 0 ? 0 : failed(db, alone);
        } else {
            w[i]->rc = atomic_load(&db->sick) != NULL ? FER_EIO : failed(db, rc);
        }
    }
    for (size_t i = 0; i < n; i++)
        w[i]->done(w[i]);
}

/* Nothing is due: whoever asked for that before `asked` can go on. */
static void settle(struct tsdb__queue *q, uint64_t asked)
{
    pthread_mutex_lock(&q->lock);
    q->settle_done = asked;
    pthread_cond_broadcast(&q->settled);
    pthread_mutex_unlock(&q->lock);
}

static uint64_t settle_asked(struct tsdb__queue *q)
{
    uint64_t asked;

    pthread_mutex_lock(&q->lock);
    asked = q->settle_asked;
    pthread_mutex_unlock(&q->lock);
    return asked;
}

static bool is_stopping(struct tsdb__queue *q, bool *abandoned)
{
    bool stopping;

    pthread_mutex_lock(&q->lock);
    stopping = q->stopping;
    *abandoned = q->stopping && q->abandoned;
    pthread_mutex_unlock(&q->lock);
    return stopping;
}

/* The last work: what a start would have to replay is put where it belongs. */
static void close_down(struct tsdb *db)
{
    db->upkeep.closing = db->upkeep.wants_merge = true;
    db->upkeep.retry_ns = 0;
    while (tsdb__upkeep_slice(db) > 0)
        ;
    settle(&db->queue, settle_asked(&db->queue));
}

static void *writer_main(void *arg)
{
    struct tsdb *db = arg;
    struct tsdb_write *w[TSDB__GROUP_WRITES];
    int64_t wait_ns = 0;
    bool abandoned;

    CHECK_MAGIC(db, TSDB_MAGIC);
    for (;;) {
        uint64_t asked;
        size_t n = take_group(&db->queue, w, wait_ns);

        if (n > 0)
            answer_group(db, w, n);
        tsdb__delete_queued(db);
        if (is_stopping(&db->queue, &abandoned) && (n == 0 || abandoned))
            break;
        asked = settle_asked(&db->queue);
        wait_ns = 0;
        if (tsdb__upkeep_slice(db) > 0)
            continue;
        settle(&db->queue, asked);
        wait_ns = tsdb__upkeep_wait_ns(db);
    }
    tsdb__delete_refuse(db, FER_ESTOP);
    if (!abandoned && !db->in_memory)
        close_down(db);
    return NULL;
}

void tsdb__writer_start(struct tsdb *db)
{
    sigset_t before;

    signals_block(&before);
    if (pthread_create(&db->writer, NULL, writer_main, db) != 0)
        log_fatal("a thread could not be started");
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
    buf_release(&db->group.full);
}

void tsdb_settle(struct tsdb *db)
{
    struct tsdb__queue *q = &db->queue;
    uint64_t mine;

    CHECK_MAGIC(db, TSDB_MAGIC);
    pthread_mutex_lock(&q->lock);
    mine = ++q->settle_asked;
    pthread_cond_signal(&q->filled);
    while (q->settle_done < mine && !q->stopping)
        pthread_cond_wait(&q->settled, &q->lock);
    pthread_mutex_unlock(&q->lock);
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
