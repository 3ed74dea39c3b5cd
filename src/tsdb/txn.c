/*
 * txn.c - transactions. Those that read are kept between uses: renewing one costs a tenth of
 * beginning one.
 */
#include "store.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

int tsdb__read_fault(struct fault *f, int rc)
{
    if (rc == FER_ECORRUPT)
        return fault_set(f, rc, 0, "stored data failed a checksum: the file ferula.mdb is damaged");
    if (rc == FER_EBUSY)
        return fault_set(f, rc, 0, "too many queries read the store at once; try again");
    return fault_set(f, rc, 0, "reading the store: %s", fer_strerror(rc));
}

/* Cursors stay open across the reset of their read transaction; renewing binds them again. */
static int renew(struct tsdb__txn *x)
{
    int rc = mdb_txn_renew(x->txn);

    for (size_t i = 0; i < N_TABLES && rc == 0; i++)
        if (x->cursors[i] != NULL)
            rc = mdb_cursor_renew(x->txn, x->cursors[i]);
    return rc;
}

static void reader_free(struct tsdb__txn *x)
{
    for (size_t i = 0; i < N_TABLES; i++)
        if (x->cursors[i] != NULL)
            mdb_cursor_close(x->cursors[i]);
    if (x->txn != NULL)
        mdb_txn_abort(x->txn);
    free(x);
}

int tsdb__write_begin(struct tsdb *db, struct tsdb__txn *x)
{
    int rc;

    tsdb__guard_enter(db->path);
    rc = mdb_txn_begin(db->env, NULL, 0, &x->txn);
    if (rc != 0) {
        x->txn = NULL;
        tsdb__guard_leave();
    }
    return tsdb__err(rc);
}

void tsdb__write_abort(struct tsdb__txn *x)
{
    if (x->txn == NULL)
        return;
    mdb_txn_abort(x->txn);
    x->txn = NULL;
    tsdb__guard_leave();
}

int tsdb__reader_renew(struct tsdb__txn *x)
{
    mdb_txn_reset(x->txn);
    return tsdb__err(renew(x));
}

int tsdb__reader_begin(struct tsdb *db, struct tsdb__txn **out, struct fault *f)
{
    struct tsdb__txn *x;
    int rc;

    tsdb__guard_enter(db->path);
    pthread_mutex_lock(&db->readers_lock);
    x = db->readers;
    if (x != NULL)
        db->readers = x->next;
    pthread_mutex_unlock(&db->readers_lock);
    if (x != NULL) {
        rc = renew(x);
    } else {
        x = xnew(struct tsdb__txn);
        x->dbis = db->dbis;
        x->page_bytes = db->meta.page_bytes;
        rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &x->txn);
    }
    if (rc != 0) {
        reader_free(x);
        tsdb__guard_leave();
        return tsdb__read_fault(f, tsdb__err(rc));
    }
    *out = x;
    return 0;
}

void tsdb__reader_end(struct tsdb *db, struct tsdb__txn *x)
{
    mdb_txn_reset(x->txn);
    tsdb__guard_leave();
    pthread_mutex_lock(&db->readers_lock);
    x->next = db->readers;
    db->readers = x;
    pthread_mutex_unlock(&db->readers_lock);
}

void tsdb__readers_free(struct tsdb *db)
{
    while (db->readers != NULL) {
        struct tsdb__txn *x = db->readers;

        db->readers = x->next;
        reader_free(x);
    }
}
