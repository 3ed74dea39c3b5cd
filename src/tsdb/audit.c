/*
 * audit.c - do the tables of a data file agree? Every row is decoded, and what it refers to is
 * looked up.
 *
 * The skeleton is checked first (verify.c), for LMDB trusts its file. Postings and series are
 * compared without building either: each posting is looked up in its series, no posting is there
 * twice, and there are as many of them as the series have labels.
 */
#include "audit.h"

#include <stdlib.h>

#include "chunks.h"
#include "copy.h"

#include "ferula/base/check.h"

/* ---- faults and rows -------------------------------------------------------------------- */

static void add_key(struct buf *b, enum tsdb__table t, const MDB_val *key)
{
    const uint8_t *p = key->mv_data;
    uint64_t number = 0;

    if ((tsdb__tables[t].flags & MDB_INTEGERKEY) != 0) {
        memcpy(&number, p, MIN(key->mv_size, sizeof(number)));
        buf_add_u64(b, number);
    } else if (t == T_META) {
        buf_add(b, p, key->mv_size);
    } else if (t == T_CHUNK && key->mv_size == TSDB__CHUNK_KEY_BYTES) {
        struct tsdb__chunk_key k = tsdb__chunk_key_parse(key);

        buf_addf(b, "%d/%u/%u", k.slot, k.first, k.number);
    } else if (key->mv_size == TSDB__TOMB_KEY_BYTES) {
        buf_addf(b, "%u/%u", tsdb__get_be32(p), tsdb__get_be32(p + 4));
    } else if (key->mv_size == 12) {
        buf_addf(b, "%u/%u/%u", tsdb__get_be32(p), tsdb__get_be32(p + 4), tsdb__get_be32(p + 8));
    } else {
        buf_addf(b, "of %zu bytes", key->mv_size);
    }
}

void tsdb__audit_fault(struct tsdb__audit *au, enum tsdb__table t, const MDB_val *key,
                       const char *fmt, ...)
{
    va_list ap;

    au->counts.faults++;
    if (au->report == NULL)
        return;
    buf_reset(&au->line);
    buf_addf(&au->line, "%s ", tsdb__tables[t].name);
    add_key(&au->line, t, key);
    buf_puts(&au->line, ": ");
    va_start(ap, fmt);
    buf_vaddf(&au->line, fmt, ap);
    va_end(ap);
    au->report(au->ctx, au->line.p);
}

int tsdb__audit_rows(struct tsdb__audit *au, enum tsdb__table t,
                     int (*row)(struct tsdb__audit *au, const MDB_val *key, struct tsdb__in body,
                                void *ctx),
                     void *ctx)
{
    struct tsdb__in body;
    MDB_val k;
    int rc;

    if (!au->has[t])
        return 0;
    for (rc = tsdb__step(&au->x, t, MDB_FIRST, &k, &body); rc == 0 || rc == FER_ECORRUPT;
         rc = tsdb__step(&au->x, t, MDB_NEXT, &k, &body)) {
        au->counts.rows++;
        if (rc < 0)
            tsdb__audit_fault(au, t, &k, "its checksum is wrong");
        else if ((rc = row(au, &k, body, ctx)) != 0)
            return rc;
    }
    return rc == FER_ENOENT ? 0 : rc;
}

static uint32_t key_u32(const MDB_val *key)
{
    uint32_t id = 0;

    memcpy(&id, key->mv_data, MIN(key->mv_size, sizeof(id)));
    return id;
}

/* ---- symbols ---------------------------------------------------------------------------- */

static bool symbol_exists(struct tsdb__audit *au, uint32_t symbol, struct str *text)
{
    return symbol != 0 && tsdb__symbol_text(&au->x, symbol, text) == 0;
}

/* A text: its hash leads back to it. */
static int symbol_row(struct tsdb__audit *au, const MDB_val *key, struct tsdb__in body, void *ctx)
{
    struct str text = {(const char *)body.p, tsdb__in_left(&body)};
    struct tsdb__in empty;
    uint32_t id = key_u32(key);
    uint8_t want[12];

    (void)ctx;
    if (text.n > TSDB__SYMBOL_BYTES_MAX) {
        tsdb__audit_fault(au, T_SYM, key, "the text is too long");
        return 0;
    }
    if (au->state.symbol_ids != 0 && id == 0)
        tsdb__audit_fault(au, T_SYM, key, "no symbol has this number");
    tsdb__put_be64(want, tsdb__symbol_hash(au->meta.uuid, text));
    tsdb__put_be32(want + 8, id);
    if (tsdb__get(&au->x, T_SYMX, want, sizeof(want), &empty) != 0)
        tsdb__audit_fault(au, T_SYM, key, "its text cannot be found: no row of symx names it");
    return 0;
}

static int hash_row(struct tsdb__audit *au, const MDB_val *key, struct tsdb__in body, void *ctx)
{
    struct str text;
    uint8_t hash[8];
    uint32_t id;

    (void)ctx;
    if (key->mv_size != 12 || tsdb__in_left(&body) != 0) {
        tsdb__audit_fault(au, T_SYMX, key, "the row is malformed");
        return 0;
    }
    id = tsdb__get_be32((const uint8_t *)key->mv_data + 8);
    if (!symbol_exists(au, id, &text)) {
        tsdb__audit_fault(au, T_SYMX, key, "symbol %u does not exist", id);
        return 0;
    }
    tsdb__put_be64(hash, tsdb__symbol_hash(au->meta.uuid, text));
    if (memcmp(hash, key->mv_data, sizeof(hash)) != 0)
        tsdb__audit_fault(au, T_SYMX, key, "the hash is not that of symbol %u", id);
    return 0;
}

/* ---- series and postings ---------------------------------------------------------------- */

static int series_row(struct tsdb__audit *au, const MDB_val *key, struct tsdb__in body, void *ctx)
{
    uint32_t id = key_u32(key), n = tsdb__in_varint32(&body);
    struct str before = {0}, name, value;
    bool named = false;

    (void)ctx;
    au->counts.series++;
    tsdb__ids_add(&au->live, id);
    if (id == 0 || id > au->n_series_ids)
        tsdb__audit_fault(au, T_SERIES, key, "no series has this number");
    for (uint32_t i = 0; i < n && !body.bad; i++) {
        uint32_t k = tsdb__in_varint32(&body), v = tsdb__in_varint32(&body);

        if (body.bad)
            break;
        au->n_pairs++;
        if (!symbol_exists(au, k, &name) || !symbol_exists(au, v, &value)) {
            tsdb__audit_fault(au, T_SERIES, key, "symbol %u or %u does not exist", k, v);
            continue;
        }
        if (before.p != NULL && str_cmp(before, name) >= 0)
            tsdb__audit_fault(au, T_SERIES, key, "its labels are not in order");
        named = named || str_is(name, LABEL_NAME);
        before = name;
    }
    if (body.bad || tsdb__in_left(&body) != 0)
        tsdb__audit_fault(au, T_SERIES, key, "the row is malformed");
    else if (!named)
        tsdb__audit_fault(au, T_SERIES, key, "it has no metric name");
    return 0;
}

static bool series_has(struct tsdb__audit *au, uint32_t id, uint32_t name, uint32_t value)
{
    struct tsdb__in pairs;
    size_t n;

    if (tsdb__series_row(&au->x, id, &pairs, &n) != 0)
        return false;
    for (size_t i = 0; i < n && !pairs.bad; i++) {
        uint32_t k = tsdb__in_varint32(&pairs), v = tsdb__in_varint32(&pairs);

        if (k == name && v == value)
            return true;
    }
    return false;
}

/* The block of postings before, to see that no list has a series twice. */
struct lists {
    uint32_t name, value, last;
    uint64_t n; /* postings that their series have, too */
};

static int block_row(struct tsdb__audit *au, const MDB_val *key, struct tsdb__in body, void *ctx)
{
    struct lists *l = ctx;
    const uint8_t *p = key->mv_data;
    uint32_t name, value, id, last = (uint32_t)tsdb__in_le(&body, 4);

    if (key->mv_size != 12) {
        tsdb__audit_fault(au, T_POST, key, "the key is malformed");
        return 0;
    }
    name = tsdb__get_be32(p);
    value = tsdb__get_be32(p + 4);
    id = tsdb__get_be32(p + 8);
    if (name == l->name && value == l->value && id <= l->last)
        tsdb__audit_fault(au, T_POST, key, "it overlaps the block before");
    for (;;) {
        uint32_t gap;

        if (series_has(au, id, name, value))
            l->n++;
        else
            tsdb__audit_fault(au, T_POST, key, "series %u has no such label", id);
        if (tsdb__in_left(&body) == 0)
            break;
        gap = tsdb__in_varint32(&body);
        if (body.bad || gap == 0 || gap > UINT32_MAX - id) {
            body.bad = true;
            break;
        }
        id += gap;
    }
    if (body.bad || id != last)
        tsdb__audit_fault(au, T_POST, key, "the row is malformed");
    l->name = name;
    l->value = value;
    l->last = id;
    return 0;
}

/* Names the labels that no list has; only after the numbers differed, for it reads every list. */
static int find_missing(struct tsdb__audit *au, const MDB_val *key, struct tsdb__in body, void *ctx)
{
    uint32_t id = key_u32(key), n = tsdb__in_varint32(&body);
    struct arena *a = ctx;

    for (uint32_t i = 0; i < n && !body.bad; i++) {
        uint32_t name = tsdb__in_varint32(&body), value = tsdb__in_varint32(&body);
        struct tsdb__ids found;

        arena_reset(a);
        found = tsdb__ids_new(a, MAX(au->live.max, id));
        if (tsdb__postings_read(&au->x, name, value, &found) < 0)
            continue; /* the block was reported */
        if ((found.words[id / 64] >> (id % 64) & 1) == 0)
            tsdb__audit_fault(au, T_SERIES, key, "no list of post has it for symbols %u and %u",
                              name, value);
    }
    return 0;
}

static int audit_labels(struct tsdb__audit *au)
{
    struct lists lists = {0};
    struct arena scratch = {0};
    int rc = tsdb__audit_rows(au, T_SYM, symbol_row, NULL);

    if (rc == 0)
        rc = tsdb__audit_rows(au, T_SYMX, hash_row, NULL);
    if (rc == 0)
        rc = tsdb__audit_rows(au, T_SERIES, series_row, NULL);
    if (rc == 0)
        rc = tsdb__audit_rows(au, T_POST, block_row, &lists);
    if (rc == 0 && lists.n != au->n_pairs)
        rc = tsdb__audit_rows(au, T_SERIES, find_missing, &scratch);
    arena_release(&scratch);
    return rc;
}

static int family_row(struct tsdb__audit *au, const MDB_val *key, struct tsdb__in body, void *ctx)
{
    unsigned type = tsdb__in_u8(&body);
    struct str text;

    (void)ctx;
    (void)tsdb__in_bytes(&body, tsdb__in_varint32(&body)); /* the unit */
    if (body.bad || type > METRIC_STATESET)
        tsdb__audit_fault(au, T_MDATA, key, "the row is malformed");
    if (!symbol_exists(au, key_u32(key), &text))
        tsdb__audit_fault(au, T_MDATA, key, "the symbol of the family does not exist");
    return 0;
}

/* Rows without a hole; their series may have gone since. */
static int exemplar_row(struct tsdb__audit *au, const MDB_val *key, struct tsdb__in body, void *ctx)
{
    uint64_t *before = ctx, number = 0;
    struct exemplar e;
    uint32_t id = 0;

    memcpy(&number, key->mv_data, MIN(key->mv_size, sizeof(number)));
    if (*before != 0 && number != *before + 1)
        tsdb__audit_fault(au, T_EXEM, key, "exemplars before it are missing");
    *before = number;
    arena_reset(&au->scratch);
    if (tsdb__exemplar_read(body, &au->scratch, &id, &e) < 0)
        tsdb__audit_fault(au, T_EXEM, key, "the row is malformed");
    else if (id > au->n_series_ids)
        tsdb__audit_fault(au, T_EXEM, key, "series %u does not exist", id);
    return 0;
}

/* Rows without a hole; what is in them is the caller's own. */
static int record_row(struct tsdb__audit *au, const MDB_val *key, struct tsdb__in body, void *ctx)
{
    uint64_t *before = ctx, number = 0;

    (void)body;
    memcpy(&number, key->mv_data, MIN(key->mv_size, sizeof(number)));
    if (*before != 0 && number != *before + 1)
        tsdb__audit_fault(au, T_POLL, key, "records before it are missing");
    *before = number;
    return 0;
}

/* Rows of one deletion follow each other. */
static int tomb_row(struct tsdb__audit *au, const MDB_val *key, struct tsdb__in body, void *ctx)
{
    struct tsdb__tomb *t = ctx;

    if (tsdb__tomb_number(key) != t->number) {
        arena_reset(&au->scratch);
        *t = (struct tsdb__tomb){0};
    }
    if (tsdb__tomb_add_row(key, body, &au->scratch, t) < 0)
        tsdb__audit_fault(au, T_TOMB, key, "the row is malformed");
    else if (t->ids[t->n - 1] > au->n_series_ids)
        tsdb__audit_fault(au, T_TOMB, key, "series %u does not exist", t->ids[t->n - 1]);
    return 0;
}

/* ---- the whole -------------------------------------------------------------------------- */

static int open_tables(struct tsdb__audit *au)
{
    for (size_t i = 0; i < N_TABLES; i++) {
        int rc = mdb_dbi_open(au->x.txn, tsdb__tables[i].name, tsdb__tables[i].flags, &au->dbis[i]);

        au->has[i] = rc == 0;
        if (rc != 0 && (rc != MDB_NOTFOUND || tsdb__tables[i].since == 1))
            return tsdb__err(rc);
    }
    return 0;
}

static int open_audit(struct tsdb__audit *au)
{
    uint32_t n = 0;
    int rc = open_tables(au);

    au->x.dbis = au->dbis;
    if (rc == 0)
        rc = tsdb__meta_get(&au->x, &au->meta);
    if (rc == 0)
        rc = tsdb__state_get(&au->x, &au->state);
    if (rc == 0)
        rc = tsdb__last_u32(&au->x, T_SERIES, &n);
    au->x.page_bytes = au->meta.page_bytes;
    au->live = tsdb__ids_new(&au->arena, n);
    au->n_series_ids = MAX(n, au->state.series_ids);
    return rc;
}

static int audit_tables(struct tsdb__audit *au)
{
    struct tsdb__tomb tomb = {0};
    uint64_t exemplar = 0, record = 0;
    int rc = audit_labels(au);

    if (rc == 0)
        rc = tsdb__audit_rows(au, T_MDATA, family_row, NULL);
    if (rc == 0)
        rc = tsdb__audit_rows(au, T_EXEM, exemplar_row, &exemplar);
    if (rc == 0)
        rc = tsdb__audit_rows(au, T_POLL, record_row, &record);
    if (rc == 0)
        rc = tsdb__audit_rows(au, T_TOMB, tomb_row, &tomb);
    if (rc == 0)
        rc = tsdb__audit_chunks(au);
    if (rc == 0)
        rc = tsdb__audit_heads(au);
    return rc == 0 ? tsdb__audit_wal(au) : rc;
}

static int audit_env(struct tsdb__audit *au, MDB_env *env, const char *path, struct fault *f)
{
    int rc = tsdb__err(mdb_txn_begin(env, NULL, MDB_RDONLY, &au->x.txn));

    if (rc == 0)
        rc = open_audit(au);
    if (rc == 0)
        rc = audit_tables(au);
    for (size_t i = 0; i < N_TABLES; i++)
        if (au->x.cursors[i] != NULL)
            mdb_cursor_close(au->x.cursors[i]);
    if (au->x.txn != NULL)
        mdb_txn_abort(au->x.txn);
    return rc < 0 ? fault_set(f, rc, 0, "cannot read %s: %s", path, fer_strerror(rc)) : 0;
}

int tsdb__audit_file(const char *path, void (*report)(void *ctx, const char *line), void *ctx,
                     struct tsdb_audit_counts *out, struct fault *f)
{
    struct tsdb__audit au = {.report = report, .ctx = ctx};
    MDB_env *env = NULL;
    int rc = tsdb__verify_skeleton(path, f);

    if (rc == FER_ECORRUPT) {
        /* LMDB must not see it: this is all that can be said. */
        au.counts.faults = 1;
        if (report != NULL)
            report(ctx, f->text);
        rc = 0;
    } else if (rc == 0) {
        rc = tsdb__file_open(path, &env, f);
        if (rc == 0)
            rc = audit_env(&au, env, path, f);
    }
    if (env != NULL)
        mdb_env_close(env);
    arena_release(&au.arena);
    arena_release(&au.scratch);
    buf_release(&au.line);
    if (rc == 0)
        *out = au.counts;
    return rc;
}
