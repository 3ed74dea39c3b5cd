/*
 * tables.c - the tables of the LMDB environment: opening, rows with checks, errors.
 */
#include "tables.h"

#include <errno.h>

#include "lmdb_format.h"

#include "ferula/base/check.h"
#include "ferula/base/hash.h"

const struct tsdb__table_def tsdb__tables[N_TABLES] = {
    [T_META] = {"meta",      0,              0,  1, false},
    [T_SYM] = {"sym",       MDB_INTEGERKEY, 4,  1, true },
    [T_SYMX] = {"symx",      0,              12, 1, false},
    [T_SERIES] = {"series",    MDB_INTEGERKEY, 4,  1, true },
    [T_POST] = {"post",      0,              12, 1, false},
    [T_WAL] = {"wal",       MDB_INTEGERKEY, 8,  1, true },
    [T_MDATA] = {"mdata",     MDB_INTEGERKEY, 4,  1, true },
    [T_CHUNK] = {"chunks",    0,              12, 2, true },
    [T_HEAD] = {"head",      0,              12, 2, true },
    [T_EXEM] = {"exemplars", MDB_INTEGERKEY, 8,  3, true },
    [T_TOMB] = {"tombs",     0,              8,  3, true },
    [T_POLL] = {"polls",     MDB_INTEGERKEY, 8,  4, true },
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
    {MDB_READERS_FULL,     FER_EBUSY   },
    {MDB_CORRUPTED,        FER_ECORRUPT},
    {MDB_PAGE_NOTFOUND,    FER_ECORRUPT},
    {MDB_CURSOR_FULL,      FER_ECORRUPT}, /* deeper than a tree can be */
    {MDB_PAGE_FULL,        FER_ECORRUPT},
    {MDB_BAD_TXN,          FER_ECORRUPT}, /* it failed before */
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

static int cursor_of(struct tsdb__txn *x, enum tsdb__table t)
{
    if (x->cursors[t] != NULL)
        return 0;
    return tsdb__err(mdb_cursor_open(x->txn, x->dbis[t], &x->cursors[t]));
}

/*
 * A row too large for a leaf has a page of its own, whose number stands behind the key. LMDB frees
 * as many pages as the head of that page says, and writes to it when it says that this transaction
 * made it: a damaged head would free or write others' pages. The key must be the one in the leaf.
 */
static int check_own_page(const struct tsdb__txn *x, const MDB_val *k, const MDB_val *v)
{
    struct lmdb_node node;
    struct lmdb_page head;
    uint64_t page;

    memcpy(&node, (const char *)k->mv_data - sizeof(node), sizeof(node));
    if ((node.flags & LMDB_BIGDATA) == 0)
        return 0;
    memcpy(&page, (const char *)k->mv_data + k->mv_size, sizeof(page));
    memcpy(&head, (const char *)v->mv_data - sizeof(head), sizeof(head));
    if (x->put_own_page)
        head.flags &= (uint16_t)~LMDB_DIRTY;
    return head.number == page && head.flags == LMDB_OVERFLOW && head.n_pages == 1 ? 0
                                                                                   : FER_ECORRUPT;
}

static int check_row(const struct tsdb__txn *x, const MDB_val *k, const MDB_val *v,
                     struct tsdb__in *body)
{
    int rc = check_own_page(x, k, v);

    return rc == 0 ? tsdb__unseal(k, v, body) : rc;
}

/* The row before the cursor, which stays; `at_end`: the last one of the table. */
static int check_before(struct tsdb__txn *x, enum tsdb__table t, bool at_end)
{
    MDB_cursor *c = x->cursors[t];
    struct tsdb__in body;
    MDB_val k, v;
    int rc = tsdb__err(mdb_cursor_get(c, &k, &v, at_end ? MDB_LAST : MDB_PREV));

    if (rc < 0)
        return rc == FER_ENOENT ? 0 : rc;
    rc = check_row(x, &k, &v, &body);
    return rc < 0 || at_end ? rc : tsdb__err(mdb_cursor_get(c, &k, &v, MDB_NEXT));
}

int tsdb__step(struct tsdb__txn *x, enum tsdb__table t, MDB_cursor_op op, MDB_val *key,
               struct tsdb__in *body)
{
    MDB_val v;
    int rc = cursor_of(x, t), before = 0;

    if (rc < 0)
        return rc;
    rc = tsdb__err(mdb_cursor_get(x->cursors[t], key, &v, op));
    if (op == MDB_SET_RANGE && (rc == 0 || rc == FER_ENOENT))
        before = check_before(x, t, rc == FER_ENOENT);
    if (before < 0)
        return before;
    return rc == 0 ? check_row(x, key, &v, body) : rc;
}

int tsdb__get(struct tsdb__txn *x, enum tsdb__table t, const void *key, size_t n_key,
              struct tsdb__in *body)
{
    MDB_val k = val_of(key, n_key), v;
    struct tsdb__in other;
    int rc = tsdb__err(mdb_get(x->txn, x->dbis[t], &k, &v));

    if (rc == 0)
        return tsdb__unseal(&k, &v, body);
    if (rc == FER_ENOENT)
        rc = tsdb__step(x, t, MDB_SET_RANGE, &k, &other);
    return rc == 0 ? FER_ENOENT : rc;
}

/* The row that a put will replace must be one that LMDB can free. */
static int before_put(struct tsdb__txn *x, enum tsdb__table t, MDB_val k, size_t n, unsigned flags)
{
    MDB_val v;
    int rc = (flags & MDB_APPEND) != 0 ? FER_ENOENT : cursor_of(x, t);

    if (rc == 0)
        rc = tsdb__err(mdb_cursor_get(x->cursors[t], &k, &v, MDB_SET_KEY));
    if (rc == 0)
        rc = check_own_page(x, &k, &v);
    if (sizeof(struct lmdb_node) + k.mv_size + n > lmdb_node_max(x->page_bytes))
        x->put_own_page = true;
    return rc == FER_ENOENT ? 0 : rc;
}

int tsdb__put(struct tsdb__txn *x, enum tsdb__table t, struct str key, struct str body,
              unsigned flags)
{
    MDB_val k = val_of(key.p, key.n), v = {.mv_size = TSDB__CRC_BYTES + body.n};
    uint32_t crc = row_crc(&k, body.p, body.n);
    int rc;

    CHECK(body.n <= TSDB__BODY_MAX);
    rc = tsdb__tables[t].own_pages ? before_put(x, t, k, v.mv_size, flags) : 0;
    if (rc < 0)
        return rc;
    rc = mdb_put(x->txn, x->dbis[t], &k, &v, flags | MDB_RESERVE);
    if (rc != 0)
        return tsdb__err(rc);
    memcpy(v.mv_data, &crc, TSDB__CRC_BYTES);
    memcpy((char *)v.mv_data + TSDB__CRC_BYTES, body.p, body.n);
    return 0;
}

int tsdb__step_key(struct tsdb__txn *x, enum tsdb__table t, MDB_cursor_op op, MDB_val *key)
{
    int rc = cursor_of(x, t);

    return rc == 0 ? tsdb__err(mdb_cursor_get(x->cursors[t], key, NULL, op)) : rc;
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
