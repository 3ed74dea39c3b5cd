/*
 * tsdb.c - opening and closing the store.
 *
 * Order of opening: folder and lock, check of the file's pages, LMDB, tables, series, WAL, writer.
 */
#include "ferula/tsdb.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "store.h"
#include "wal.h"

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/base/stats.h"

#define MAP_BYTES_DEFAULT ((size_t)64 << 30)
#define READERS_MAX       512
#define TABLES_MAX        16

static void on_lmdb_assert(MDB_env *env, const char *text)
{
    (void)env;
    check_failed("lmdb", 0, text);
}

static int env_open(struct tsdb *db, const struct tsdb_opts *o, struct fault *f)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t map = o->map_bytes == 0 ? MAP_BYTES_DEFAULT : (o->map_bytes + page - 1) / page * page;
    unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD | (o->no_sync ? MDB_NOSYNC : 0u);
    struct buf path = {0};
    int rc, n_dead;

    buf_addf(&path, "%s/" TSDB__FILE_NAME, o->dir);
    rc = tsdb__verify(path.p, f);
    if (rc < 0)
        goto out;
    rc = mdb_env_create(&db->env);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(db->env, READERS_MAX);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(db->env, TABLES_MAX);
    if (rc == 0)
        rc = mdb_env_set_mapsize(db->env, map);
    if (rc == 0)
        rc = mdb_env_set_assert(db->env, on_lmdb_assert);
    if (rc == 0)
        rc = mdb_env_open(db->env, path.p, flags, 0600);
    if (rc == 0)
        rc = mdb_reader_check(db->env, &n_dead);
    if (rc != 0)
        rc = fault_set(f, tsdb__err(rc), 0, "cannot open %s: %s", path.p, mdb_strerror(rc));
out:
    buf_release(&path);
    return rc;
}

static int put_meta(struct tsdb *db, struct tsdb__txn *x)
{
    MDB_stat st;
    struct buf row = {0};
    int rc = tsdb__err(mdb_env_stat(db->env, &st));

    if (rc == 0 && getrandom(db->meta.uuid, sizeof(db->meta.uuid), 0) != sizeof(db->meta.uuid))
        rc = FER_EIO;
    if (rc < 0)
        return rc;
    db->meta.version = TSDB__FORMAT_VERSION;
    db->meta.page_bytes = st.ms_psize;
    db->meta.created = clock_now_ms(db->clock);
    buf_add(&row, &db->meta.version, 4);
    buf_add(&row, &db->meta.page_bytes, 4);
    buf_add(&row, db->meta.uuid, 16);
    buf_add(&row, &db->meta.created, 8);
    rc = tsdb__put(x, T_META, STR(TSDB__META_KEY), buf_str(&row), 0);
    buf_release(&row);
    return rc;
}

/* Version and kind of file were checked by tsdb__verify(). */
static int get_meta(struct tsdb *db, struct tsdb__txn *x)
{
    struct tsdb__in row;
    const uint8_t *uuid;
    int rc = tsdb__get(x, T_META, TSDB__META_KEY, sizeof(TSDB__META_KEY) - 1, &row);

    if (rc < 0)
        return rc;
    db->meta.version = (uint32_t)tsdb__in_le(&row, 4);
    db->meta.page_bytes = (uint32_t)tsdb__in_le(&row, 4);
    uuid = tsdb__in_bytes(&row, 16);
    db->meta.created = (ts_ms)tsdb__in_le(&row, 8);
    if (row.bad)
        return FER_ECORRUPT;
    memcpy(db->meta.uuid, uuid, 16);
    return 0;
}

/* Opens the tables in a write transaction; makes them, and the row of T_META, in a new file. */
static int tables_open(struct tsdb *db)
{
    struct tsdb__txn x = {.dbis = db->dbis};
    int rc = tsdb__err(mdb_txn_begin(db->env, NULL, 0, &x.txn));

    if (rc == 0)
        rc = tsdb__tables_open(x.txn, db->dbis, true);
    if (rc == 0)
        rc = get_meta(db, &x);
    if (rc == FER_ENOENT)
        rc = put_meta(db, &x);
    if (rc == 0) {
        rc = tsdb__err(mdb_txn_commit(x.txn));
        x.txn = NULL;
    }
    if (x.txn != NULL)
        mdb_txn_abort(x.txn);
    return rc;
}

/* Fills memory from the file. */
static int load(struct tsdb *db, struct tsdb__txn *x)
{
    uint32_t n_symbols;
    uint64_t seq, wal_first = 0;
    MDB_val k;
    struct tsdb__in body;
    int rc = tsdb__last_u32(x, T_SYM, &n_symbols);

    if (rc == 0)
        rc = tsdb__series_load(&db->series, x);
    if (rc < 0)
        return rc;
    tsdb__symbols_init(&db->symbols, db->meta.uuid, n_symbols);
    tsdb__head_reserve(&db->head, db->series.n);
    rc = tsdb__wal_replay(x, &db->head, db->series.n, &seq);
    if (rc == 0 && seq != 0) {
        rc = tsdb__step(x, T_WAL, MDB_FIRST, &k, &body);
        if (rc == 0)
            memcpy(&wal_first, k.mv_data, sizeof(wal_first));
    }
    atomic_store(&db->n_series, db->series.n);
    atomic_store(&db->wal_seq, seq);
    atomic_store(&db->wal_first, wal_first);
    stats_set(STAT_SERIES, db->series.n);
    stats_set(STAT_HEAD_BYTES, db->head.n_bytes);
    stats_set(STAT_WAL_PIECES, seq == 0 ? 0 : seq - wal_first + 1);
    return rc;
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

static struct tsdb *db_new(const struct tsdb_opts *opts)
{
    struct tsdb *db = xnew(struct tsdb);

    db->magic = TSDB_MAGIC;
    db->lock_fd = -1;
    db->clock = opts->clock != NULL ? opts->clock : clock_system();
    db->source.ops = &tsdb__source_ops;
    db->queue.last = &db->queue.first;
    CHECK(pthread_mutex_init(&db->queue.lock, NULL) == 0);
    CHECK(pthread_cond_init(&db->queue.filled, NULL) == 0);
    CHECK(pthread_mutex_init(&db->readers_lock, NULL) == 0);
    tsdb__head_init(&db->head);
    tsdb__raw_init(&db->raw);
    return db;
}

int tsdb_open(struct tsdb **out, const struct tsdb_opts *opts, struct fault *f)
{
    struct tsdb *db = db_new(opts);
    int rc;

    *out = NULL;
    rc = tsdb__dir_open(opts->dir, &db->lock_fd, f);
    if (rc < 0)
        goto out;
    rc = env_open(db, opts, f);
    if (rc < 0)
        goto out;
    rc = fill(db, f);
    if (rc < 0)
        goto out;
    tsdb__writer_start(db);
    *out = db;
    db = NULL;
out:
    tsdb_close(db);
    return rc;
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
    tsdb__raw_release(&db->raw);
    tsdb__head_release(&db->head);
    tsdb__series_release(&db->series);
    tsdb__symbols_release(&db->symbols);
    tsdb__postings_release(&db->postings);
    pthread_mutex_destroy(&db->readers_lock);
    pthread_mutex_destroy(&db->queue.lock);
    pthread_cond_destroy(&db->queue.filled);
    if (db->lock_fd >= 0)
        close(db->lock_fd); /* the lock goes with it */
    db->magic = 0;
    free(db);
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

bool tsdb_healthy(struct tsdb *db, const char **why)
{
    const char *sick;

    CHECK_MAGIC(db, TSDB_MAGIC);
    sick = atomic_load(&db->sick);
    if (why != NULL)
        *why = sick;
    return sick == NULL;
}

/* Pages that the tables and the list of free pages use; 0 when LMDB cannot say. */
static uint64_t used_pages(struct tsdb *db, struct tsdb__txn *x)
{
    uint64_t n = 2; /* the meta pages */

    for (MDB_dbi dbi = 0; dbi < 2 + N_TABLES; dbi++) {
        MDB_stat st;

        if (mdb_stat(x->txn, dbi < 2 ? dbi : db->dbis[dbi - 2], &st) == 0)
            n += st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages;
    }
    return n;
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
    out->min_time = db->head.min_t;
    out->max_time = db->head.max_t;
    tsdb__head_unlock(&db->head);
    last = atomic_load(&db->wal_seq);
    first = atomic_load(&db->wal_first);
    out->wal_pieces = last == 0 ? 0 : last - first + 1;
    if (mdb_env_info(db->env, &info) == 0)
        out->map_bytes = info.me_mapsize;
    if (tsdb__reader_begin(db, &x, NULL) == 0) {
        out->used_bytes = used_pages(db, x) * db->meta.page_bytes;
        tsdb__reader_end(db, x);
    }
}
