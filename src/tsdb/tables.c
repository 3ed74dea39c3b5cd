/*
 * tables.c - the tables of the LMDB environment: opening, rows with checks, errors.
 */
#include "tables.h"

#include <errno.h>

#include "lmdb_format.h"

#include "ferula/base/check.h"
#include "ferula/base/hash.h"

const struct tsdb__table_def tsdb__tables[N_TABLES] = {
    [T_META] = {"meta",   0,              0 },
    [T_SYM] = {"sym",    MDB_INTEGERKEY, 4 },
    [T_SYMX] = {"symx",   0,              12},
    [T_SERIES] = {"series", MDB_INTEGERKEY, 4 },
    [T_POST] = {"post",   0,              12},
    [T_WAL] = {"wal",    MDB_INTEGERKEY, 8 },
    [T_MDATA] = {"mdata",  MDB_INTEGERKEY, 4 },
    [T_CHUNK] = {"chunks", 0,              12},
    [T_HEAD] = {"head",   0,              12},
};

static const struct {
    int from, to;
} errors[] = {
    {0,                    0           },
    {MDB_NOTFOUND,         FER_ENOENT  },
    {MDB_MAP_FULL,         FER_ENOSPC  },
    {MDB_TXN_FULL,         FER_ENOSPC  },
    {ENOSPC,               FER_ENOSPC  },
    {EDQUOT,               FER_ENOSPC  },
    {EFBIG,                FER_ENOSPC  },
    {ENOMEM,               FER_ENOSPC  },
    {MDB_READERS_FULL,     FER_ELIMIT  },
    {MDB_CORRUPTED,        FER_ECORRUPT},
    {MDB_PAGE_NOTFOUND,    FER_ECORRUPT},
    {MDB_INVALID,          FER_EFORMAT },
    {MDB_VERSION_MISMATCH, FER_EFORMAT },
    {MDB_INCOMPATIBLE,     FER_EFORMAT },
    {MDB_KEYEXIST,         FER_ECORRUPT}, /* MDB_APPEND of a key that is not the largest */
};

int tsdb__err(int mdb_rc)
{
    for (size_t i = 0; i < COUNT(errors); i++)
        if (errors[i].from == mdb_rc)
            return errors[i].to;
    return FER_EIO;
}

int tsdb__tables_open(MDB_txn *txn, MDB_dbi dbis[N_TABLES], bool create)
{
    for (size_t i = 0; i < N_TABLES; i++) {
        unsigned flags = tsdb__tables[i].flags | (create ? MDB_CREATE : 0u);
        int rc = mdb_dbi_open(txn, tsdb__tables[i].name, flags, &dbis[i]);

        if (rc != 0)
            return tsdb__err(rc);
    }
    return 0;
}

static uint32_t row_crc(const MDB_val *key, const void *body, size_t n)
{
    return hash_crc32c(hash_crc32c(0, key->mv_data, key->mv_size), body, n);
}

int tsdb__unseal(const MDB_val *key, const MDB_val *value, struct tsdb__in *body)
{
    struct tsdb__in in = tsdb__in_of(value->mv_data, value->mv_size);
    uint32_t crc;

    if (value->mv_size > TSDB__VALUE_MAX)
        return FER_ECORRUPT;
    crc = (uint32_t)tsdb__in_le(&in, TSDB__CRC_BYTES);
    if (in.bad || crc != row_crc(key, in.p, tsdb__in_left(&in)))
        return FER_ECORRUPT;
    *body = in;
    return 0;
}

/* LMDB's struct has no const, though it does not write through it. */
static MDB_val val_of(const void *p, size_t n)
{
    MDB_val v = {.mv_size = n};

    memcpy(&v.mv_data, &p, sizeof(p));
    return v;
}

int tsdb__get(struct tsdb__txn *x, enum tsdb__table t, const void *key, size_t n_key,
              struct tsdb__in *body)
{
    MDB_val k = val_of(key, n_key), v;
    int rc = mdb_get(x->txn, x->dbis[t], &k, &v);

    return rc != 0 ? tsdb__err(rc) : tsdb__unseal(&k, &v, body);
}

int tsdb__put(struct tsdb__txn *x, enum tsdb__table t, struct str key, struct str body,
              unsigned flags)
{
    MDB_val k = val_of(key.p, key.n), v = {.mv_size = TSDB__CRC_BYTES + body.n};
    uint32_t crc = row_crc(&k, body.p, body.n);
    int rc;

    CHECK(body.n <= TSDB__BODY_MAX);
    rc = mdb_put(x->txn, x->dbis[t], &k, &v, flags | MDB_RESERVE);
    if (rc != 0)
        return tsdb__err(rc);
    memcpy(v.mv_data, &crc, TSDB__CRC_BYTES);
    memcpy((char *)v.mv_data + TSDB__CRC_BYTES, body.p, body.n);
    return 0;
}

static int cursor_of(struct tsdb__txn *x, enum tsdb__table t)
{
    if (x->cursors[t] != NULL)
        return 0;
    return tsdb__err(mdb_cursor_open(x->txn, x->dbis[t], &x->cursors[t]));
}

int tsdb__step(struct tsdb__txn *x, enum tsdb__table t, MDB_cursor_op op, MDB_val *key,
               struct tsdb__in *body)
{
    MDB_val v;
    int rc = cursor_of(x, t);

    if (rc == 0)
        rc = tsdb__err(mdb_cursor_get(x->cursors[t], key, &v, op));
    if (rc == 0)
        rc = tsdb__unseal(key, &v, body);
    return rc;
}

int tsdb__step_key(struct tsdb__txn *x, enum tsdb__table t, MDB_cursor_op op, MDB_val *key)
{
    int rc = cursor_of(x, t);

    return rc == 0 ? tsdb__err(mdb_cursor_get(x->cursors[t], key, NULL, op)) : rc;
}

/*
 * A row too large for a leaf has a page of its own, and LMDB frees as many pages as the head of
 * that page says: a damaged number there would free others' pages.
 */
static int check_own_page(struct tsdb__txn *x, const MDB_val *k, const MDB_val *v)
{
    struct lmdb_page head;

    if (sizeof(struct lmdb_node) + k->mv_size + v->mv_size <= lmdb_node_max(x->page_bytes))
        return 0;
    memcpy(&head, (const char *)v->mv_data - sizeof(head), sizeof(head));
    return head.flags == LMDB_OVERFLOW && head.n_pages == 1 ? 0 : FER_ECORRUPT;
}

int tsdb__delete(struct tsdb__txn *x, enum tsdb__table t)
{
    MDB_val k, v;
    int rc = tsdb__err(mdb_cursor_get(x->cursors[t], &k, &v, MDB_GET_CURRENT));

    if (rc == 0)
        rc = check_own_page(x, &k, &v);
    return rc == 0 ? tsdb__err(mdb_cursor_del(x->cursors[t], 0)) : rc;
}

int tsdb__delete_key(struct tsdb__txn *x, enum tsdb__table t, struct str key)
{
    MDB_val k = val_of(key.p, key.n);
    struct tsdb__in body;
    int rc = tsdb__step(x, t, MDB_SET_KEY, &k, &body);

    return rc == 0 ? tsdb__delete(x, t) : rc;
}

int tsdb__last_u64(struct tsdb__txn *x, enum tsdb__table t, uint64_t *out)
{
    MDB_val k;
    struct tsdb__in body;
    int rc = tsdb__step(x, t, MDB_LAST, &k, &body);

    *out = 0;
    if (rc == 0)
        memcpy(out, k.mv_data, MIN(k.mv_size, sizeof(*out)));
    return rc == FER_ENOENT ? 0 : rc;
}

int tsdb__last_u32(struct tsdb__txn *x, enum tsdb__table t, uint32_t *out)
{
    uint64_t v;
    int rc = tsdb__last_u64(x, t, &v);

    *out = (uint32_t)v;
    return rc;
}

int tsdb__meta_get(struct tsdb__txn *x, struct tsdb__meta *out)
{
    struct tsdb__meta meta;
    struct tsdb__in row;
    const uint8_t *uuid;
    int rc = tsdb__get(x, T_META, TSDB__META_KEY, sizeof(TSDB__META_KEY) - 1, &row);

    if (rc < 0)
        return rc;
    meta.version = (uint32_t)tsdb__in_le(&row, 4);
    meta.page_bytes = (uint32_t)tsdb__in_le(&row, 4);
    uuid = tsdb__in_bytes(&row, sizeof(meta.uuid));
    meta.created = (ts_ms)tsdb__in_le(&row, 8);
    if (row.bad)
        return FER_ECORRUPT;
    memcpy(meta.uuid, uuid, sizeof(meta.uuid));
    *out = meta;
    return 0;
}
