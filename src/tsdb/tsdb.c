/*
 * tsdb.c - opening and closing the store.
 *
 * Order of opening: folder and lock, check of the file's skeleton, LMDB, tables, series,
 * checkpoint, WAL, writer.
 */
#include "ferula/tsdb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "chunks.h"
#include "store.h"

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/base/stats.h"

#define MAP_BYTES_DEFAULT ((size_t)64 << 30)
#define READERS_MAX       512
#define TABLES_MAX        16

static int env_open(struct tsdb *db, const struct tsdb_opts *o, const char *path, unsigned extra,
                    struct fault *f)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t map = o->map_bytes == 0 ? MAP_BYTES_DEFAULT : (o->map_bytes + page - 1) / page * page;
    const unsigned no_sync = o->no_sync || o->memory ? MDB_NOSYNC : 0;
    const unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD | extra | no_sync;
    int rc, n_dead;

    db->map_bytes = map;
    rc = mdb_env_create(&db->env);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(db->env, o->max_readers == 0 ? READERS_MAX : o->max_readers);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(db->env, TABLES_MAX);
    if (rc == 0)
        rc = mdb_env_set_mapsize(db->env, map);
    if (rc == 0)
        rc = mdb_env_set_assert(db->env, tsdb__guard_assert);
    if (rc == 0 && o->memory)
        return tsdb__memory_open(db->env, flags, f);
    if (rc == 0)
        rc = mdb_env_open(db->env, path, flags, 0600);
    if (rc == 0)
        rc = mdb_reader_check(db->env, &n_dead);
    return rc == 0 ? 0
                   : fault_set(f, tsdb__err(rc), 0, "cannot open %s: %s", path, mdb_strerror(rc));
}

static int put_meta(struct tsdb *db, struct tsdb__txn *x)
{
    struct buf row = {0};
    int rc;

    db->meta.version = TSDB__FORMAT_VERSION;
    buf_add(&row, &db->meta.version, 4);
    buf_add(&row, &db->meta.page_bytes, 4);
    buf_add(&row, db->meta.uuid, 16);
    buf_add(&row, &db->meta.created, 8);
    rc = tsdb__put(x, T_META, STR(TSDB__META_KEY), buf_str(&row), 0);
    buf_release(&row);
    return rc;
}

static int make_meta(struct tsdb *db, struct tsdb__txn *x)
{
    MDB_stat st;
    int rc = tsdb__err(mdb_env_stat(db->env, &st));

    if (rc == 0 && getrandom(db->meta.uuid, sizeof(db->meta.uuid), 0) != sizeof(db->meta.uuid))
        rc = FER_EIO;
    if (rc < 0)
        return rc;
    db->meta.page_bytes = st.ms_psize;
    db->meta.created = clock_now_ms(db->clock);
    return put_meta(db, x);
}

/* Opens the tables in a write transaction; makes them, and the row of T_META, in a new file. */
static int tables_open(struct tsdb *db)
{
    struct tsdb__txn x = {.dbis = db->dbis};
    int rc = tsdb__err(mdb_txn_begin(db->env, NULL, 0, &x.txn));

    if (rc == 0)
        rc = tsdb__tables_open(x.txn, db->dbis, true);
    if (rc == 0)
        rc = tsdb__meta_get(&x, &db->meta);
    if (rc == FER_ENOENT)
        rc = make_meta(db, &x);
    /* An older format is a part of this one: the tables that it lacks are there now. */
    else if (rc == 0 && db->meta.version < TSDB__FORMAT_VERSION)
        rc = put_meta(db, &x);
    if (rc == 0) {
        rc = tsdb__err(mdb_txn_commit(x.txn));
        x.txn = NULL;
    }
    if (x.txn != NULL)
        mdb_txn_abort(x.txn);
    return rc;
}

/* The heads as they were: the newest checkpoint, and what the WAL has since. */
static int load_heads(struct tsdb *db, struct tsdb__txn *x)
{
    struct tsdb__wal_target to = {
        .head = &db->head, .late = &db->late, .sealed = db->state.sealed, .n_series = db->series.n};
    uint64_t *seqs = NULL, first = 0, last = 0;
    int rc =
        tsdb__checkpoint_load(x, &db->head, &db->state, &seqs, &to.n_pages, &db->upkeep.generation);

    to.page_seqs = seqs;
    if (rc == 0)
        rc = tsdb__wal_replay(x, &to, db->state.covered, &first, &last);
    free(seqs);
    if (rc < 0)
        return rc;
    last = MAX(last, db->state.wal_seq);
    atomic_store(&db->wal_seq, last);
    atomic_store(&db->wal_first, first);
    tsdb__count_wal(db);
    db->upkeep.n_logged = last > db->state.covered;
    return 0;
}

/* Fills memory from the file. */
static int load(struct tsdb *db, struct tsdb__txn *x)
{
    uint32_t n_symbols;
    int rc = tsdb__last_u32(x, T_SYM, &n_symbols);

    if (rc == 0)
        rc = tsdb__state_get(x, &db->state);
    if (rc == 0)
        rc = tsdb__series_load(&db->series, x, &db->head);
    if (rc < 0)
        return rc;
    db->series.n = MAX(db->series.n, db->state.series_ids);
    tsdb__symbols_init(&db->symbols, db->meta.uuid, MAX(n_symbols, db->state.symbol_ids));
    db->head.now = clock_now_ms(db->clock);
    db->head.max_t = db->state.max_t;
    db->head.last_id = db->series.n;
    rc = load_heads(db, x);
    if (rc == 0)
        rc = tsdb__exemplars_load(&db->exemplars, x);
    if (rc == 0)
        rc = tsdb__journal_load(&db->journal, x);
    if (rc == 0)
        rc = tsdb__delete_load(db, x);
    atomic_store(&db->n_series, (uint32_t)db->series.n_used);
    stats_set(STAT_SERIES, db->series.n_used);
    stats_set(STAT_HEAD_BYTES, db->head.n_bytes);
    db->upkeep.wants_trim = db->upkeep.wants_retention = db->upkeep.wants_merge = true;
    db->upkeep.seal_upto = INT32_MIN;
    return rc;
}

/*
 * Makes the data file when there is none. A power cut may leave any part of a new file, and nobody
 * could tell it from a damaged one: so it gets its name when it is whole and on disk.
 */
static int make_file(struct tsdb *db, const struct tsdb_opts *o, const char *path, struct fault *f)
{
    struct buf fresh = {0};
    int rc;

    if (access(path, F_OK) == 0)
        return 0;
    buf_addf(&fresh, "%s.new", path);
    (void)unlink(fresh.p); /* an earlier start did not come to its end */
    rc = env_open(db, o, fresh.p, MDB_NOLOCK, f);
    if (rc == 0) {
        rc = tables_open(db);
        if (rc < 0)
            fault_set(f, rc, 0, "cannot set up %s: %s", fresh.p, fer_strerror(rc));
    }
    if (db->env != NULL)
        mdb_env_close(db->env);
    db->env = NULL;
    if (rc == 0 && rename(fresh.p, path) != 0)
        rc = fault_set(f, tsdb__err(errno), 0, "cannot rename %s: %s", fresh.p, strerror(errno));
    buf_release(&fresh);
    return rc;
}

static int file_open(struct tsdb *db, const struct tsdb_opts *o, struct fault *f)
{
    int rc = tsdb__verify_skeleton(db->path, f);

    if (rc == 0)
        rc = make_file(db, o, db->path, f);
    if (rc == 0 && !o->no_sync)
        rc = tsdb__dir_sync(o->dir, f);
    return rc == 0 ? env_open(db, o, db->path, 0, f) : rc;
}

static int fill(struct tsdb *db, struct fault *f)
{
    struct tsdb__txn *x;
    int rc = tables_open(db);

    if (rc < 0)
        return fault_set(f, rc, 0, "cannot set up ferula.mdb: %s", fer_strerror(rc));
    rc = tsdb__reader_begin(db, &x, f);
    if (rc < 0)
        return rc;
    rc = load(db, x);
    tsdb__reader_end(db, x);
    return rc < 0 ? tsdb__read_fault(f, rc) : 0;
}

static char *path_in(const char *dir)
{
    struct buf path = {0};

    buf_addf(&path, "%s/" TSDB__FILE_NAME, dir);
    return path.p;
}

static struct tsdb *db_new(const struct tsdb_opts *opts)
{
    struct tsdb *db = xnew(struct tsdb);
    pthread_condattr_t attr;

    db->magic = TSDB_MAGIC;
    db->lock_fd = -1;
    db->in_memory = opts->memory;
    db->path = opts->memory ? xstrdup(TSDB__IN_MEMORY) : path_in(opts->dir);
    db->clock = opts->clock != NULL ? opts->clock : clock_system();
    db->retention = opts->retention;
    db->retention_bytes = opts->retention_bytes;
    db->ooo_window = opts->ooo_window;
    db->exemplars.most = opts->max_exemplars;
    db->upkeep.slice_rows = opts->slice_rows == 0 ? SIZE_MAX : opts->slice_rows;
    db->upkeep.room_rows = SIZE_MAX;
    db->source.ops = &tsdb__source_ops;
    db->queue.last = &db->queue.first;
    CHECK(pthread_mutex_init(&db->queue.lock, NULL) == 0);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    CHECK(pthread_cond_init(&db->queue.filled, &attr) == 0);
    pthread_condattr_destroy(&attr);
    CHECK(pthread_cond_init(&db->queue.settled, NULL) == 0);
    CHECK(pthread_mutex_init(&db->readers_lock, NULL) == 0);
    tsdb__journal_init(&db->journal, opts->max_records);
    tsdb__head_init(&db->head);
    tsdb__raw_init(&db->raw);
    tsdb__matched_init(&db->matched);
    return db;
}

int tsdb_open(struct tsdb **out, const struct tsdb_opts *opts, struct fault *f)
{
    struct tsdb *db = db_new(opts);
    int rc;

    *out = NULL;
    tsdb__guard_open(db->path);
    tsdb__guard_enter(db->path);
    rc = opts->memory ? env_open(db, opts, db->path, 0, f)
                      : tsdb__dir_open(opts->dir, &db->lock_fd, f);
    if (rc == 0 && !opts->memory)
        rc = file_open(db, opts, f);
    if (rc == 0)
        rc = fill(db, f);
    tsdb__guard_leave();
    if (rc < 0) {
        tsdb_close(db);
        return rc;
    }
    tsdb__writer_start(db);
    *out = db;
    return 0;
}

void tsdb_close(struct tsdb *db)
{
    if (db == NULL)
        return;
    CHECK_MAGIC(db, TSDB_MAGIC);
    tsdb__writer_stop(db);
    tsdb__readers_free(db);
    if (db->env != NULL)
        mdb_env_close(db->env);
    tsdb__upkeep_release(&db->upkeep);
    tsdb__raw_release(&db->raw);
    tsdb__matched_release(&db->matched);
    tsdb__late_release(&db->late);
    tsdb__head_release(&db->head);
    tsdb__series_release(&db->series);
    tsdb__symbols_release(&db->symbols);
    tsdb__postings_release(&db->postings);
    tsdb__exemplars_release(&db->exemplars);
    tsdb__journal_release(&db->journal);
    pthread_mutex_destroy(&db->readers_lock);
    pthread_mutex_destroy(&db->queue.lock);
    pthread_cond_destroy(&db->queue.filled);
    pthread_cond_destroy(&db->queue.settled);
    tsdb__guard_close(db->path);
    free(db->path);
    if (db->lock_fd >= 0)
        close(db->lock_fd); /* the lock goes with it */
    db->magic = 0;
    free(db);
}

void tsdb__abandon(struct tsdb *db)
{
    pthread_mutex_lock(&db->queue.lock);
    db->queue.abandoned = true;
    pthread_mutex_unlock(&db->queue.lock);
    tsdb_close(db);
}

struct source *tsdb_source(struct tsdb *db)
{
    CHECK_MAGIC(db, TSDB_MAGIC);
    return &db->source;
}

series_id tsdb_find_raw(struct tsdb *db, struct hash128 raw)
{
    CHECK_MAGIC(db, TSDB_MAGIC);
    return tsdb__raw_find(&db->raw, raw);
}

void tsdb_finder_begin(struct tsdb_finder *f, struct tsdb *db)
{
    CHECK_MAGIC(db, TSDB_MAGIC);
    f->db = db;
    f->table = tsdb__raw_begin(&db->raw);
}

series_id tsdb_finder_find(const struct tsdb_finder *f, struct hash128 raw)
{
    return tsdb__raw_find_in(f->table, raw);
}

void tsdb_finder_end(struct tsdb_finder *f)
{
    tsdb__raw_end(&f->db->raw);
}

bool tsdb_healthy(struct tsdb *db, const char **why)
{
    const char *sick;

    CHECK_MAGIC(db, TSDB_MAGIC);
    sick = atomic_load(&db->sick);
    if (why != NULL)
        *why = sick;
    return sick == NULL;
}

uint64_t tsdb__used_bytes(const struct tsdb *db, struct tsdb__txn *x)
{
    uint64_t n = 2; /* the meta pages */

    for (MDB_dbi dbi = 0; dbi < 2 + N_TABLES; dbi++) {
        MDB_stat st;

        if (mdb_stat(x->txn, dbi < 2 ? dbi : db->dbis[dbi - 2], &st) == 0)
            n += st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages;
    }
    return n * db->meta.page_bytes;
}

/* What the sealed chunks say. */
static void chunk_stats(const struct tsdb *db, struct tsdb__txn *x, struct tsdb_stats *out)
{
    struct tsdb__chunk_row row;
    struct tsdb__state state;
    MDB_stat st;

    if (mdb_stat(x->txn, db->dbis[T_CHUNK], &st) == 0)
        out->chunk_rows = st.ms_entries;
    /* To the millisecond only since the start; after that to the half hour. */
    if (tsdb__chunk_first(x, &row) == 0 && !tsdb__in_slot(row.key.slot, out->min_time))
        out->min_time = tsdb__slot_start(row.key.slot);
    if (out->chunk_rows > 0 && tsdb__state_get(x, &state) == 0)
        out->max_time = MAX(out->max_time, state.max_t);
}

void tsdb_stats(struct tsdb *db, struct tsdb_stats *out)
{
    struct tsdb__txn *x;
    MDB_envinfo info;
    uint64_t first, last;

    CHECK_MAGIC(db, TSDB_MAGIC);
    *out = (struct tsdb_stats){.n_series = atomic_load(&db->n_series)};
    tsdb__head_lock_read(&db->head);
    out->n_samples_head = db->head.n_samples;
    out->head_bytes = db->head.n_bytes;
    out->n_samples_late = db->late.n;
    out->min_time = db->head.min_t;
    out->max_time = db->head.max_t;
    tsdb__head_unlock(&db->head);
    last = atomic_load(&db->wal_seq);
    first = atomic_load(&db->wal_first);
    out->wal_pieces = first == 0 ? 0 : last - first + 1;
    if (mdb_env_info(db->env, &info) == 0)
        out->map_bytes = info.me_mapsize;
    if (tsdb__reader_begin(db, &x, NULL) == 0) {
        out->used_bytes = tsdb__used_bytes(db, x);
        chunk_stats(db, x, out);
        tsdb__reader_end(db, x);
    }
}
