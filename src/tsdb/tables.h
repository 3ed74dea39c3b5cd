/*
 * tables.h - the tables of the LMDB environment: names, keys, checks. docs/store-format.md draws
 * the rows.
 *
 * Every value starts with a CRC-32C of its key and of the rest of the value; tsdb__put() adds it
 * and every read checks it. Only this file's functions and verify.c see it.
 */
#ifndef TSDB_TABLES_H
#define TSDB_TABLES_H

#include <lmdb.h>

#include "wire.h"

#include "ferula/base/clock.h"
#include "ferula/base/err.h"
#include "ferula/base/str.h"

#define TSDB__FORMAT_VERSION 4

/* No value is larger: with the 16 bytes of a page's header it fills one page of 4 KiB. */
#define TSDB__VALUE_MAX 4080
#define TSDB__CRC_BYTES 4
#define TSDB__BODY_MAX  (TSDB__VALUE_MAX - TSDB__CRC_BYTES)

enum tsdb__table {
    T_META,
    T_SYM,
    T_SYMX,
    T_SERIES,
    T_POST,
    T_WAL,
    T_MDATA,
    T_CHUNK,
    T_HEAD,
    T_EXEM,
    T_TOMB,
    T_POLL,
    N_TABLES
};

struct tsdb__table_def {
    const char *name;
    unsigned flags; /* of mdb_dbi_open() */
    unsigned n_key; /* bytes; 0: any */
    unsigned since; /* version of the format: older files lack it */
    bool own_pages; /* rows may be too large for a leaf, and then have a page of their own */
};

extern const struct tsdb__table_def tsdb__tables[N_TABLES];

/* The row of T_META. */
#define TSDB__META_KEY "store"

struct tsdb__meta {
    uint32_t version;
    uint32_t page_bytes;
    uint8_t uuid[16];
    ts_ms created;
};

/* One LMDB transaction and its cursors, which are opened when first asked for. */
struct tsdb__txn {
    MDB_txn *txn;
    MDB_cursor *cursors[N_TABLES];
    const MDB_dbi *dbis;
    size_t page_bytes;
    bool put_own_page;      /* a row with a page of its own was put by it */
    struct tsdb__txn *next; /* of the pool */
};

/* MDB_* and errno to FER_*: the only place that knows. 0 stays 0. */
int tsdb__err(int mdb_rc);

/* Opens (and makes, when `txn` writes) all tables. */
int tsdb__tables_open(MDB_txn *txn, MDB_dbi dbis[N_TABLES], bool create);

/*
 * FER_ENOENT when there is no such row; the cursor of the table may have moved then. *body points
 * into the map until the next write.
 */
int tsdb__get(struct tsdb__txn *x, enum tsdb__table t, const void *key, size_t n_key,
              struct tsdb__in *body);

int tsdb__put(struct tsdb__txn *x, enum tsdb__table t, struct str key, struct str body,
              unsigned flags);

/*
 * A cursor step (MDB_FIRST, MDB_NEXT, MDB_SET_RANGE with *key set...). FER_ENOENT at the end. A row
 * whose key was damaged still stands where it stood, so MDB_SET_RANGE checks the row before, too:
 * what it does not find is not there.
 */
int tsdb__step(struct tsdb__txn *x, enum tsdb__table t, MDB_cursor_op op, MDB_val *key,
               struct tsdb__in *body);

/* The same without a look at the row. */
int tsdb__step_key(struct tsdb__txn *x, enum tsdb__table t, MDB_cursor_op op, MDB_val *key);

/* Deletes the row that the cursor stands on; the next step may be MDB_FIRST or a MDB_SET_RANGE. */
int tsdb__delete(struct tsdb__txn *x, enum tsdb__table t);

/* FER_ENOENT when there is no such row. */
int tsdb__delete_key(struct tsdb__txn *x, enum tsdb__table t, struct str key);

/* Checks and strips the CRC. FER_ECORRUPT. */
int tsdb__unseal(const MDB_val *key, const MDB_val *value, struct tsdb__in *body);

/* The last key of an integer-keyed table; 0 when empty. */
int tsdb__last_u32(struct tsdb__txn *x, enum tsdb__table t, uint32_t *out);
int tsdb__last_u64(struct tsdb__txn *x, enum tsdb__table t, uint64_t *out);

/* The row "store". Version and kind of file were checked by tsdb__verify_skeleton(). */
int tsdb__meta_get(struct tsdb__txn *x, struct tsdb__meta *out);

#endif
