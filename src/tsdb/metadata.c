/*
 * metadata.c - what metric families are: a row of T_MDATA a family, by the symbol of its name.
 *
 * Row: u8 type, varint length and text of the unit, then the help.
 */
#include <stdlib.h>

#include "store.h"

#include "ferula/base/check.h"

#define HELP_BYTES_MAX 2000
#define UNIT_BYTES_MAX 256

/* The longest start of `s` that fits and does not end inside a character. */
static struct str cut_to(struct str s, size_t most)
{
    if (s.n <= most)
        return s;
    s.n = most;
    while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
        s.n--;
    return s;
}

static int put_row(struct tsdb__txn *x, uint32_t id, const struct metadata *md, bool *dirty)
{
    struct str unit = cut_to(md->unit, UNIT_BYTES_MAX), help = cut_to(md->help, HELP_BYTES_MAX);
    struct tsdb__in old;
    struct buf row = {0};
    int rc;

    buf_putc(&row, (char)md->type);
    tsdb__add_varint(&row, unit.n);
    buf_add_str(&row, unit);
    buf_add_str(&row, help);
    rc = tsdb__get(x, T_MDATA, &id, sizeof(id), &old);
    if (rc == FER_ENOENT ||
        (rc == 0 &&
         !str_eq(buf_str(&row), (struct str){(const char *)old.p, tsdb__in_left(&old)}))) {
        *dirty = true;
        rc = tsdb__put(x, T_MDATA, (struct str){(const char *)&id, sizeof(id)}, buf_str(&row), 0);
    }
    buf_release(&row);
    return rc;
}

int tsdb__metadata_put(struct tsdb *db, struct tsdb__txn *x, const struct metadata *md, bool *dirty)
{
    uint32_t id;
    int rc;

    if (md->family.n == 0 || md->family.n > TSDB__SYMBOL_BYTES_MAX)
        return 0;
    rc = tsdb__symbols_intern(&db->symbols, x, md->family, &id);
    return rc < 0 ? rc : put_row(x, id, md, dirty);
}

static int read_row(struct tsdb__texts *tx, uint32_t id, struct tsdb__in row, struct metadata *out)
{
    struct str text;
    size_t n_unit;

    out->type = (enum metric_type)tsdb__in_u8(&row);
    n_unit = tsdb__in_varint32(&row);
    text.p = (const char *)tsdb__in_bytes(&row, n_unit);
    if (row.bad)
        return FER_ECORRUPT;
    text.n = n_unit;
    out->unit = arena_str(tx->a, text);
    out->help = arena_str(tx->a, (struct str){(const char *)row.p, tsdb__in_left(&row)});
    return tsdb__texts_get(tx, id, &out->family);
}

static int by_family(const void *pa, const void *pb)
{
    const struct metadata *a = pa, *b = pb;

    return str_cmp(a->family, b->family);
}

static int read_one(struct tsdb *db, struct tsdb__texts *tx, struct str family,
                    struct metadata **out, size_t *n)
{
    struct tsdb__in row;
    uint32_t id;
    int rc = tsdb__symbol_find(tx->x, db->meta.uuid, family, &id);

    if (rc == 0 && id != 0)
        rc = tsdb__get(tx->x, T_MDATA, &id, sizeof(id), &row);
    if (rc < 0 || id == 0)
        return rc == FER_ENOENT ? 0 : rc;
    *out = arena_new(tx->a, struct metadata);
    *n = 1;
    return read_row(tx, id, row, *out);
}

static int read_all(struct tsdb__texts *tx, struct metadata **out, size_t *n)
{
    size_t cap = 0;
    struct tsdb__in row;
    MDB_val k;
    int rc;

    for (rc = tsdb__step(tx->x, T_MDATA, MDB_FIRST, &k, &row); rc == 0;
         rc = tsdb__step(tx->x, T_MDATA, MDB_NEXT, &k, &row)) {
        uint32_t id = 0;

        memcpy(&id, k.mv_data, sizeof(id));
        ARENA_GROW(tx->a, *out, *n, cap, struct metadata);
        rc = read_row(tx, id, row, &(*out)[*n]);
        if (rc < 0)
            return rc;
        ++*n;
    }
    if (rc != FER_ENOENT)
        return rc;
    if (*n > 1)
        qsort(*out, *n, sizeof(**out), by_family);
    return 0;
}

int tsdb_metadata(struct tsdb *db, struct arena *a, struct str family, struct metadata **out,
                  size_t *n, struct fault *f)
{
    struct tsdb__texts tx = {.a = a};
    int rc;

    CHECK_MAGIC(db, TSDB_MAGIC);
    *out = NULL;
    *n = 0;
    rc = tsdb__reader_begin(db, &tx.x, f);
    if (rc < 0)
        return rc;
    rc = family.n != 0 ? read_one(db, &tx, family, out, n) : read_all(&tx, out, n);
    tsdb__reader_end(db, tx.x);
    return rc < 0 ? tsdb__read_fault(f, rc) : 0;
}
