/*
 * delete.c - deleting samples of series.
 *
 * A deletion is a record of the log, so that a replay takes out of memory what it took out: what
 * was logged before it, and nothing of what came after. In the same transaction rows of T_TOMB hide
 * what is sealed. After the commit memory follows, under one lock. A reader whose snapshot is a
 * commit ahead of memory sees that from the rows, and takes the samples out of its copies itself.
 */
#include "delete.h"

#include <stdlib.h>

#include "store.h"

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

/* ---- the writer's ----------------------------------------------------------------------- */

/* Series that have gone since are left out. */
static void keep_living(const struct tsdb *db, struct tsdb__deletion *d)
{
    size_t n = 0;

    for (size_t i = 0; i < d->n; i++)
        if (tsdb__head_lives(&db->head, d->ids[i]))
            d->ids[n++] = d->ids[i];
    d->n = n;
}

static int put(struct tsdb *db, const struct tsdb__deletion *d, struct str record,
               struct tsdb__tomb *tomb)
{
    struct tsdb__txn x = {.dbis = db->dbis, .page_bytes = db->meta.page_bytes};
    int rc = tsdb__write_begin(db, &x);

    tomb->number = db->last_tomb + 1;
    tomb->seq = atomic_load(&db->wal_seq);
    tomb->range = d->range;
    tomb->ids = d->ids;
    tomb->n = d->n;
    if (rc == 0)
        rc = tsdb__wal_put(&x, record, &tomb->seq);
    if (rc == 0)
        rc = tsdb__tomb_put(&x, tomb);
    if (rc == 0) {
        rc = tsdb__commit(db, x.txn);
        x.txn = NULL;
    }
    tsdb__write_abort(&x);
    return rc;
}

static void publish(struct tsdb *db, struct str record, const struct tsdb__tomb *tomb)
{
    struct tsdb__wal_target to = {
        .head = &db->head, .late = &db->late, .sealed = db->state.sealed, .n_series = db->series.n};

    tsdb__head_lock_write(&db->head);
    CHECK(tsdb__wal_apply(&to, record) == 0);
    db->deleted_seq = tomb->seq;
    tsdb__head_unlock(&db->head);
    tsdb__advance_wal(db, tomb->seq);
    db->last_tomb = tomb->number;
    atomic_fetch_add(&db->n_tombs, 1);
    /* Late samples have moved; what was merged of them by now is there twice, which is fine. */
    db->upkeep.merge.n = db->upkeep.merge.at = 0;
    db->upkeep.wants_merge = true;
    db->upkeep.n_logged++;
}

static int delete_now(struct tsdb *db, struct tsdb__deletion *d)
{
    struct tsdb__wal_writer w;
    struct tsdb__tomb tomb = {0};
    struct buf record = {0};
    int rc;

    if (atomic_load(&db->sick) != NULL)
        return FER_EIO;
    keep_living(db, d);
    if (d->n == 0)
        return 0;
    tsdb__wal_begin(&w, &record);
    tsdb__wal_add_deletion(&w, d->range, d->ids, d->n);
    rc = put(db, d, buf_str(&record), &tomb);
    if (rc == 0)
        publish(db, buf_str(&record), &tomb);
    else if (rc != FER_ENOSPC)
        rc = tsdb__fall_sick(db, rc);
    buf_release(&record);
    return rc;
}

/* The first of the queue, or NULL. */
static struct tsdb__deletion *take(struct tsdb__queue *q)
{
    struct tsdb__deletion *d;

    pthread_mutex_lock(&q->lock);
    d = q->deletions;
    if (d != NULL)
        q->deletions = d->next;
    pthread_mutex_unlock(&q->lock);
    return d;
}

static void answer(struct tsdb__queue *q, struct tsdb__deletion *d, int rc)
{
    pthread_mutex_lock(&q->lock);
    d->rc = rc;
    d->done = true;
    pthread_cond_broadcast(&q->settled);
    pthread_mutex_unlock(&q->lock);
}

void tsdb__delete_queued(struct tsdb *db)
{
    struct tsdb__deletion *d;

    while ((d = take(&db->queue)) != NULL)
        answer(&db->queue, d, delete_now(db, d));
}

void tsdb__delete_refuse(struct tsdb *db, int rc)
{
    struct tsdb__deletion *d;

    while ((d = take(&db->queue)) != NULL)
        answer(&db->queue, d, rc);
}

int tsdb__delete_load(struct tsdb *db, struct tsdb__txn *x)
{
    MDB_val k;
    int rc;

    for (rc = tsdb__step_key(x, T_TOMB, MDB_FIRST, &k); rc == 0;
         rc = tsdb__step_key(x, T_TOMB, MDB_NEXT, &k)) {
        uint32_t number = tsdb__tomb_number(&k);

        if (number != db->last_tomb)
            atomic_fetch_add(&db->n_tombs, 1);
        db->last_tomb = number;
    }
    db->deleted_seq = atomic_load(&db->wal_seq);
    return rc == FER_ENOENT ? 0 : rc;
}

/* ---- the caller's ----------------------------------------------------------------------- */

/* The ids of the series, on the heap. */
static int find(struct tsdb *db, const struct tsdb_match *sets, size_t n_sets,
                struct tsdb__deletion *d, struct fault *f)
{
    struct arena a = {0};
    struct tsdb__texts tx = {.a = &a};
    struct tsdb__ids ids;
    int rc = tsdb__reader_begin(db, &tx.x, f);

    if (rc < 0)
        return rc;
    rc = tsdb__match_any(db, &tx, sets, n_sets, &ids);
    tsdb__reader_end(db, tx.x);
    if (rc == 0) {
        d->ids = xcalloc(tsdb__ids_count(&ids) + 1, sizeof(*d->ids));
        for (uint32_t id = tsdb__ids_next(&ids, 1); id != 0; id = tsdb__ids_next(&ids, id + 1))
            d->ids[d->n++] = id;
    }
    arena_release(&a);
    return rc < 0 ? tsdb__read_fault(f, rc) : 0;
}

static int wait_for(struct tsdb__queue *q, struct tsdb__deletion *d)
{
    struct tsdb__deletion **last = &q->deletions;

    pthread_mutex_lock(&q->lock);
    if (q->stopping) {
        pthread_mutex_unlock(&q->lock);
        return FER_ESTOP;
    }
    while (*last != NULL)
        last = &(*last)->next;
    *last = d;
    pthread_cond_signal(&q->filled);
    while (!d->done)
        pthread_cond_wait(&q->settled, &q->lock);
    pthread_mutex_unlock(&q->lock);
    return d->rc;
}

int tsdb_delete(struct tsdb *db, const struct tsdb_match *sets, size_t n_sets,
                struct source_range range, struct fault *f)
{
    struct tsdb__deletion d = {
        .range = {MAX(range.from, TSDB__TIME_MIN), MIN(range.to, TSDB__TIME_MAX)}
    };
    int rc;

    CHECK_MAGIC(db, TSDB_MAGIC);
    if (d.range.from > d.range.to)
        return 0;
    rc = find(db, sets, n_sets, &d, f);
    if (rc < 0 || d.n == 0) {
        free(d.ids);
        return rc;
    }
    rc = wait_for(&db->queue, &d);
    free(d.ids);
    return rc < 0 ? fault_set(f, rc, 0, "nothing was deleted: %s", fer_strerror(rc)) : 0;
}

int tsdb_clean_tombstones(struct tsdb *db, struct fault *f)
{
    int rc = 0;

    CHECK_MAGIC(db, TSDB_MAGIC);
    if (atomic_load(&db->n_tombs) > 0)
        tsdb_settle(db);
    if (atomic_load(&db->n_tombs) > 0)
        rc = atomic_load(&db->sick) != NULL ? FER_EIO : FER_ENOSPC;
    return rc < 0 ? fault_set(f, rc, 0, "not all that was deleted could be cleaned up: %s",
                              fer_strerror(rc))
                  : 0;
}
