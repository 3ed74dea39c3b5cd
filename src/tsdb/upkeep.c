/*
 * upkeep.c - the store's own work: deleting what is past the retention, sealing, merging late
 * samples, checkpoints, trimming.
 *
 * It is cut into slices of a few milliseconds, each a transaction of its own, which the writer
 * thread does between groups of writes. So a failure of it is no failure of a write; it is tried
 * again. What each step has to do is found in the tables and the state of the last commit, so a
 * crash between two slices needs no repair.
 */
#include "store.h"

#include "chunks.h"
#include "purge.h"
#include "retention.h"

#include "ferula/base/check.h"
#include "ferula/base/log.h"
#include "ferula/base/stats.h"

/* A slot is sealed when it has been over for so long, and got nothing for a while. */
#define GRACE_MS       (INT64_C(2) * 60 * 1000)
#define QUIET_MS       1000  /* when newer samples say that it is over */
#define QUIET_CLOCK_MS 10000 /* when only the clock says so */
#define IN_ORDER_MS    (INT64_C(60) * 60 * 1000)

/*
 * A start replays a tenth of a second's worth of the WAL, or some rounds of all series. Small
 * requests fill a page of it each, so its size counts, too: against what a checkpoint writes.
 */
#define CHECKPOINT_SAMPLES (UINT64_C(2) * 1000 * 1000)
#define CHECKPOINT_ROUNDS  4
#define CHECKPOINT_PIECES  UINT64_C(16384)

#define LATE_MAX  (256 * 1024)
#define LATE_STEP (64 * 1024)

/* Of one slice; deletions stay below a record of LMDB's list of free pages (509). */
#define RETENTION_ROWS  128
#define SEAL_ROWS       24
#define SEAL_IDS        (256 * 1024) /* series looked at */
#define MERGE_ROWS      32
#define CHECKPOINT_ROWS 48
#define TRIM_ROWS       400

#define RETRY_NS (INT64_C(1000) * 1000 * 1000)
#define WAIT_NS  (INT64_C(1000) * 1000 * 1000)

static size_t rows(const struct tsdb *db, size_t most)
{
    return MIN(MIN(db->upkeep.slice_rows, db->upkeep.room_rows), most);
}

struct step {
    const char *name;
    bool (*is_due)(struct tsdb *db);
    int (*run)(struct tsdb *db, struct tsdb__txn *x, struct tsdb__state *next);
    /* After the commit; `was` is the state before. */
    void (*publish)(struct tsdb *db, const struct tsdb__state *was);
    void (*undo)(struct tsdb *db); /* after a failure; NULL: nothing to do */
};

/* ---- retention -------------------------------------------------------------------------- */

static bool retention_due(struct tsdb *db)
{
    struct tsdb__upkeep *u = &db->upkeep;
    struct tsdb__txn *x;

    if (!u->wants_retention || tsdb__reader_begin(db, &x, NULL) < 0)
        return false;
    if (tsdb__retention_due(db, x, &u->wants_retention, &u->retention_slot) < 0)
        u->wants_retention = false;
    tsdb__reader_end(db, x);
    return u->wants_retention;
}

static int retention_run(struct tsdb *db, struct tsdb__txn *x, struct tsdb__state *next)
{
    (void)next;
    return tsdb__retention_slice(db, x, db->upkeep.retention_slot, rows(db, RETENTION_ROWS),
                                 &db->upkeep.gone);
}

static void retention_publish(struct tsdb *db, const struct tsdb__state *was)
{
    (void)was;
    tsdb__retention_publish(db, &db->upkeep.gone);
    atomic_fetch_add(&db->generation, db->upkeep.gone.n > 0);
    atomic_store(&db->n_series, (uint32_t)db->series.n_used);
    stats_add(STAT_SERIES_REMOVED, db->upkeep.gone.n);
    stats_set(STAT_SERIES, db->series.n_used);
}

static void retention_undo(struct tsdb *db)
{
    db->upkeep.gone.n = 0;
    db->upkeep.gone.postings.n = 0;
}

/* ---- purging ---------------------------------------------------------------------------- */

static bool purge_due(struct tsdb *db)
{
    return atomic_load(&db->n_tombs) > 0;
}

static int purge_run(struct tsdb *db, struct tsdb__txn *x, struct tsdb__state *next)
{
    (void)next;
    return tsdb__purge_slice(db, x, rows(db, MERGE_ROWS));
}

static void purge_publish(struct tsdb *db, const struct tsdb__state *was)
{
    retention_publish(db, was);
    if (tsdb__purge_publish(&db->upkeep.purge))
        atomic_fetch_sub(&db->n_tombs, 1);
}

static void purge_undo(struct tsdb *db)
{
    retention_undo(db);
    tsdb__purge_undo(&db->upkeep.purge);
}

/* ---- sealing ---------------------------------------------------------------------------- */

static bool seal_is_over(const struct tsdb *db, const struct tsdb__open_slot *os)
{
    ts_ms now = clock_now_ms(db->clock), over = tsdb__slot_end(os->slot) + GRACE_MS;
    dur_ms quiet = now - os->touched;

    return os->slot <= db->upkeep.seal_upto || (db->head.max_t >= over && quiet >= QUIET_MS) ||
           (now >= over && quiet >= QUIET_CLOCK_MS);
}

static bool seal_due(struct tsdb *db)
{
    if (atomic_load(&db->n_tombs) > 0)
        return false; /* a deletion would hide what came after it */
    return db->state.sealed.id != UINT32_MAX ||
           (db->head.n_slots > 0 && seal_is_over(db, &db->head.slots[0]));
}

/* The next slot that can be sealed, when the one of `mark` is done; NULL: there is none. */
static const struct tsdb__open_slot *seal_next(const struct tsdb *db, struct tsdb__mark mark)
{
    size_t i = 0;

    while (i < db->head.n_slots && db->head.slots[i].slot <= mark.slot)
        i++;
    return i < db->head.n_slots && seal_is_over(db, &db->head.slots[i]) ? &db->head.slots[i] : NULL;
}

/*
 * One slot or a part of it; and, as long as the slice is small, the next ones: history with a
 * sample now and then has thousands of slots, and a commit for each would take minutes.
 */
static int seal_run(struct tsdb *db, struct tsdb__txn *x, struct tsdb__state *next)
{
    struct tsdb__seal *s = &db->upkeep.seal;
    size_t most = rows(db, SEAL_ROWS), n_rows = 0, n_ids = 0;
    const struct tsdb__open_slot *slot;

    if (next->sealed.id == UINT32_MAX)
        next->sealed = (struct tsdb__mark){db->head.slots[0].slot, 0};
    db->upkeep.n_sealing = 0;
    do {
        int rc = tsdb__seal_slice(s, &db->head, x, db->series.n, most - n_rows, &next->sealed);
        next->max_t = MAX(next->max_t, s->max_t);
        if (rc != 0 || next->sealed.id != UINT32_MAX)
            return rc;
        db->upkeep.n_sealing++;
        n_rows += s->writer.n_rows;
        n_ids += db->series.n;
        slot = n_rows < most && n_ids < SEAL_IDS ? seal_next(db, next->sealed) : NULL;
        if (slot != NULL)
            next->sealed = (struct tsdb__mark){slot->slot, 0};
    } while (slot != NULL);
    return 0;
}

static void seal_publish(struct tsdb *db, const struct tsdb__state *was)
{
    struct tsdb__mark from = was->sealed, to = db->state.sealed;

    if (from.id == UINT32_MAX)
        from.id = 0;
    tsdb__head_lock_write(&db->head);
    /* What came before a slot that is not done yet is done for all series. */
    if (db->upkeep.n_sealing > 0 && to.id != UINT32_MAX)
        tsdb__seal_publish(&db->head, (struct tsdb__mark){0, 0},
                           (struct tsdb__mark){to.slot - 1, UINT32_MAX});
    if (db->upkeep.n_sealing + (to.id != UINT32_MAX) > 1)
        from.id = 0;
    tsdb__seal_publish(&db->head, from, to);
    tsdb__head_unlock(&db->head);
    stats_set(STAT_HEAD_BYTES, db->head.n_bytes);
    stats_add(STAT_SLOTS_SEALED, db->upkeep.n_sealing);
    if (db->upkeep.n_sealing > 0) {
        db->upkeep.wants_merge = db->upkeep.wants_checkpoint = db->upkeep.wants_retention = true;
    }
}

/* ---- merging ---------------------------------------------------------------------------- */

static bool merge_due(struct tsdb *db)
{
    struct tsdb__upkeep *u = &db->upkeep;

    if (atomic_load(&db->n_tombs) > 0)
        return false; /* as sealing */
    if (u->merge.n > 0)
        return true;
    if (db->late.n == 0 || (!u->wants_merge && db->late.n < LATE_MAX + u->n_late_seen))
        return false;
    u->wants_merge = false;
    if (tsdb__merge_begin(&u->merge, &db->late, db->state.sealed))
        return true;
    /* All of them are in open slots: no need to look again at each of the next ones. */
    u->n_late_seen = db->late.n < LATE_MAX ? 0 : db->late.n - LATE_MAX + LATE_STEP;
    return false;
}

static int merge_run(struct tsdb *db, struct tsdb__txn *x, struct tsdb__state *next)
{
    struct tsdb__merge *m = &db->upkeep.merge;

    (void)next;
    m->at_commit = m->at;
    return tsdb__merge_slice(m, &db->late, x, rows(db, MERGE_ROWS));
}

static void merge_publish(struct tsdb *db, const struct tsdb__state *was)
{
    struct tsdb__upkeep *u = &db->upkeep;

    (void)was;
    if (u->merge.at < u->merge.n)
        return;
    stats_add(STAT_SAMPLES_MERGED, u->merge.n);
    tsdb__head_lock_write(&db->head);
    tsdb__merge_end(&u->merge, &db->late);
    tsdb__head_unlock(&db->head);
    u->n_late_seen = 0;
    u->wants_retention = true;
}

static void merge_undo(struct tsdb *db)
{
    db->upkeep.merge.at = db->upkeep.merge.at_commit;
}

/* ---- checkpoints ------------------------------------------------------------------------ */

static bool checkpoint_due(struct tsdb *db)
{
    struct tsdb__upkeep *u = &db->upkeep;
    uint64_t most = MAX(CHECKPOINT_SAMPLES, CHECKPOINT_ROUNDS * (uint64_t)db->series.n_used);
    uint64_t n_pieces = atomic_load(&db->wal_seq) - db->state.covered;
    uint64_t most_pieces =
        MIN(CHECKPOINT_PIECES + db->head.n_bytes / 2048, db->map_bytes / 4 / db->meta.page_bytes);

    /* After sealing, the newest one holds much that is superfluous, whatever was logged since. */
    if (u->wants_checkpoint && (u->n_logged > 0 || db->state.generation != 0))
        return true;
    return u->checkpoint.running || u->n_logged >= most ||
           (u->n_logged > 0 && (n_pieces >= most_pieces || u->closing));
}

/* Late samples that wait are logged again, so that what is before it can be trimmed. */
static int log_late(struct tsdb *db, struct tsdb__txn *x, uint64_t *seq)
{
    struct tsdb__wal_writer w;
    struct buf record = {0};
    int rc = 0;

    if (db->late.n == 0)
        return 0;
    tsdb__wal_begin(&w, &record);
    for (size_t i = 0; i < db->late.n; i++) {
        const struct tsdb__late_sample *s = &db->late.v[i];

        if (s->is_rich)
            tsdb__wal_add_rich(&w, s->id, s->t,
                               (struct str){(const char *)s->rich->bytes, s->rich->n}, true);
        else
            tsdb__wal_add(&w, s->id, (struct sample){s->t, f64_from_bits(s->bits)}, true);
    }
    rc = tsdb__wal_put(x, buf_str(&record), seq);
    buf_release(&record);
    return rc;
}

static int checkpoint_run(struct tsdb *db, struct tsdb__txn *x, struct tsdb__state *next)
{
    struct tsdb__checkpoint *c = &db->upkeep.checkpoint;
    bool done = false;
    int rc = 0;

    c->at_commit = c->page;
    if (!c->running) {
        c->seq = next->wal_seq;
        c->page = 0;
        c->generation = db->upkeep.generation + 1;
        rc = log_late(db, x, &next->wal_seq);
    }
    if (rc == 0)
        rc = tsdb__checkpoint_slice(c, &db->head, x, next->wal_seq, rows(db, CHECKPOINT_ROWS),
                                    &done);
    if (rc < 0)
        return rc;
    c->done = done;
    if (done) {
        next->generation = c->generation;
        next->covered = c->seq;
        next->max_t = MAX(next->max_t, db->head.max_t);
    }
    return 0;
}

static void checkpoint_publish(struct tsdb *db, const struct tsdb__state *was)
{
    struct tsdb__upkeep *u = &db->upkeep;

    (void)was;
    if (!u->checkpoint.running) {
        u->n_logged = 0;
        u->wants_checkpoint = false;
    }
    u->generation = u->checkpoint.generation;
    u->checkpoint.running = !u->checkpoint.done;
    if (!u->checkpoint.done)
        return;
    u->wants_trim = true;
    stats_add(STAT_CHECKPOINTS, 1);
    buf_release(&u->checkpoint.row);
    arena_release(&u->checkpoint.arena);
}

static void checkpoint_undo(struct tsdb *db)
{
    db->upkeep.checkpoint.page = db->upkeep.checkpoint.at_commit;
}

/* ---- trimming --------------------------------------------------------------------------- */

static bool trim_due(struct tsdb *db)
{
    return db->upkeep.wants_trim || tsdb__exemplars_too_many(&db->exemplars);
}

static int trim_run(struct tsdb *db, struct tsdb__txn *x, struct tsdb__state *next)
{
    size_t n_rows, n_pieces = 0, most = rows(db, TRIM_ROWS);
    int rc = tsdb__checkpoint_trim(x, next->generation, most, &n_rows);

    if (rc == 0)
        rc = tsdb__wal_trim(x, next->covered, most - n_rows, &n_pieces);
    if (rc == 0)
        rc = tsdb__exemplars_trim(&db->exemplars, x, most - n_rows - n_pieces);
    db->upkeep.trimmed = n_pieces;
    db->upkeep.trim_is_done = n_rows + n_pieces < most;
    return rc;
}

static void trim_publish(struct tsdb *db, const struct tsdb__state *was)
{
    uint64_t first = atomic_load(&db->wal_first);

    (void)was;
    tsdb__exemplars_commit(&db->exemplars);
    if (db->upkeep.trim_is_done)
        db->upkeep.wants_trim = false;
    if (db->upkeep.trimmed == 0)
        return;
    first += db->upkeep.trimmed;
    atomic_store(&db->wal_first, first > db->state.wal_seq ? 0 : first);
    tsdb__count_wal(db);
}

static void trim_undo(struct tsdb *db)
{
    tsdb__exemplars_rollback(&db->exemplars);
}

/* ---- the journal ------------------------------------------------------------------------ */

static bool journal_due(struct tsdb *db)
{
    return tsdb__journal_due(db, db->upkeep.closing);
}

static int journal_run(struct tsdb *db, struct tsdb__txn *x, struct tsdb__state *next)
{
    (void)next;
    return tsdb__journal_run(db, x, rows(db, SIZE_MAX));
}

static void journal_publish(struct tsdb *db, const struct tsdb__state *was)
{
    (void)was;
    tsdb__journal_publish(db);
}

/* ---- all of it -------------------------------------------------------------------------- */

/*
 * In the order of their urgency: what makes room, what readers wait for, what a start waits for. A
 * purge may take long, and keeps sealing and merging from being due: it is the last.
 */
enum { RETENTION, TRIM, SEAL, MERGE, CHECKPOINT, JOURNAL, PURGE, N_STEPS };

// clang-format off
static const struct step steps[N_STEPS] = {
    [RETENTION]  = {"retention",  retention_due,  retention_run,  retention_publish,  retention_undo},
    [TRIM]       = {"trimming",   trim_due,       trim_run,       trim_publish,       trim_undo},
    [SEAL]       = {"sealing",    seal_due,       seal_run,       seal_publish,       NULL},
    [MERGE]      = {"merging",    merge_due,      merge_run,      merge_publish,      merge_undo},
    [CHECKPOINT] = {"checkpoint", checkpoint_due, checkpoint_run, checkpoint_publish, checkpoint_undo},
    [JOURNAL]    = {"journal",    journal_due,    journal_run,    journal_publish,    NULL},
    [PURGE]      = {"purging",    purge_due,      purge_run,      purge_publish,      purge_undo},
};
// clang-format on

static int run_step(struct tsdb *db, const struct step *step)
{
    struct tsdb__txn x = {.dbis = db->dbis, .page_bytes = db->meta.page_bytes};
    struct tsdb__state was = db->state, next;
    int rc = tsdb__write_begin(db, &x);

    next = db->state;
    next.wal_seq = atomic_load(&db->wal_seq);
    next.series_ids = db->series.n;
    next.symbol_ids = db->symbols.n;
    if (rc == 0)
        rc = step->run(db, &x, &next);
    if (rc == 0)
        rc = tsdb__state_put(&x, &next);
    if (rc == 0) {
        rc = tsdb__commit(db, x.txn);
        x.txn = NULL;
    }
    tsdb__write_abort(&x);
    if (rc == 0) {
        db->state = next;
        tsdb__advance_wal(db, next.wal_seq);
        step->publish(db, &was);
    } else if (step->undo != NULL) {
        step->undo(db);
    }
    return rc;
}

/* Without room a slice is tried again with fewer rows, for it copies pages before it frees any. */
static int failed(struct tsdb *db, const struct step *step, int rc)
{
    if (rc != FER_ENOSPC)
        return tsdb__fall_sick(db, rc);
    if (db->upkeep.room_rows == SIZE_MAX)
        LOG_WARN("the store's own work has to wait for room", LOG_S("step", step->name),
                 LOG_S("err", fer_strerror(rc)));
    db->upkeep.room_rows = MAX(MIN(db->upkeep.room_rows, TRIM_ROWS) / 8, 1);
    db->upkeep.retry_ns = clock_mono_ns(db->clock) + RETRY_NS;
    stats_add(STAT_UPKEEP_FAILED, 1);
    return rc;
}

static void grow_slices(struct tsdb__upkeep *u)
{
    if (u->room_rows != SIZE_MAX)
        u->room_rows = u->room_rows > TRIM_ROWS ? SIZE_MAX : u->room_rows * 2;
}

int tsdb__upkeep_slice(struct tsdb *db)
{
    int failure = 0;

    if (atomic_load(&db->sick) != NULL)
        return 0;
    if (db->upkeep.retry_ns != 0 && clock_mono_ns(db->clock) < db->upkeep.retry_ns)
        return 0;
    db->upkeep.retry_ns = 0;
    for (size_t i = 0; i < N_STEPS; i++) {
        int rc = steps[i].is_due(db) ? run_step(db, &steps[i]) : 1;

        if (rc == 0) {
            if (failure == 0)
                grow_slices(&db->upkeep);
            return 1;
        }
        /* Another step may do with less room, and make some. */
        if (rc < 0)
            failure = failed(db, &steps[i], rc);
        if (rc < 0 && rc != FER_ENOSPC)
            return failure;
    }
    return failure;
}

/* An empty stretch of slots is marked as sealed. */
static int mark_run(struct tsdb *db, struct tsdb__txn *x, struct tsdb__state *next)
{
    (void)x;
    next->sealed = (struct tsdb__mark){db->upkeep.seal_upto, UINT32_MAX};
    return 0;
}

static void mark_publish(struct tsdb *db, const struct tsdb__state *was)
{
    (void)db;
    (void)was;
}

int tsdb__upkeep_make_way(struct tsdb *db)
{
    static const struct step mark = {"sealing", seal_due, mark_run, mark_publish, NULL};
    ts_ms newest = MAX(db->head.max_t, db->state.max_t);
    int rc = 0;

    if (newest == INT64_MIN)
        newest = clock_now_ms(db->clock);
    newest = MAX(MIN(newest, TSDB__TIME_MAX) - IN_ORDER_MS, TSDB__TIME_MIN);
    db->upkeep.seal_upto = tsdb__slot_of(newest) - 1;
    while (rc == 0 && purge_due(db))
        rc = run_step(db, &steps[PURGE]);
    while (rc == 0 && seal_due(db))
        rc = run_step(db, &steps[SEAL]);
    if (rc == 0 && db->state.sealed.slot < db->upkeep.seal_upto)
        rc = run_step(db, &mark);
    return rc;
}

int64_t tsdb__upkeep_wait_ns(struct tsdb *db)
{
    bool open = db->head.n_slots > 0 || db->late.n > 0 || db->upkeep.retry_ns != 0 ||
                tsdb__journal_waits(&db->journal);

    return open ? WAIT_NS : INT64_MAX;
}

void tsdb__upkeep_release(struct tsdb__upkeep *u)
{
    tsdb__seal_release(&u->seal);
    tsdb__merge_release(&u->merge);
    tsdb__purge_release(&u->purge);
    buf_release(&u->checkpoint.row);
    arena_release(&u->checkpoint.arena);
    tsdb__gone_release(&u->gone);
}
