/*
 * tombs.c - deletions whose sealed samples are still on disk.
 *
 * The key of a row is the number of the deletion and the first series, both be32. The body is u64
 * piece of the log, i64 from, i64 to, then a varint for each series after the first: the distance
 * to the one before.
 */
#include "tombs.h"

#include "ferula/base/check.h"

#define ROW_BYTES 2000

static int put_row(struct tsdb__txn *x, const struct tsdb__tomb *t, size_t first, struct buf *row)
{
    uint8_t key[TSDB__TOMB_KEY_BYTES];

    tsdb__put_be32(key, t->number);
    tsdb__put_be32(key + 4, t->ids[first]);
    return tsdb__put(x, T_TOMB, (struct str){(const char *)key, sizeof(key)}, buf_str(row),
                     MDB_APPEND);
}

static void begin_row(const struct tsdb__tomb *t, struct buf *row)
{
    buf_reset(row);
    buf_add(row, &t->seq, 8);
    buf_add(row, &t->range.from, 8);
    buf_add(row, &t->range.to, 8);
}

int tsdb__tomb_put(struct tsdb__txn *x, const struct tsdb__tomb *t)
{
    struct buf row = {0};
    size_t first = 0;
    int rc = 0;

    begin_row(t, &row);
    for (size_t i = 1; i < t->n && rc == 0; i++) {
        if (row.n <= ROW_BYTES) {
            tsdb__add_varint(&row, t->ids[i] - t->ids[i - 1]);
            continue;
        }
        rc = put_row(x, t, first, &row);
        begin_row(t, &row);
        first = i;
    }
    if (rc == 0)
        rc = put_row(x, t, first, &row);
    buf_release(&row);
    return rc;
}

uint32_t tsdb__tomb_number(const MDB_val *key)
{
    return key->mv_size == TSDB__TOMB_KEY_BYTES ? tsdb__get_be32(key->mv_data) : 0;
}

static int add_id(struct tsdb__tomb *t, struct arena *a, uint64_t id)
{
    if (id > UINT32_MAX || (t->n > 0 && id <= t->ids[t->n - 1]))
        return FER_ECORRUPT;
    ARENA_GROW(a, t->ids, t->n, t->cap, uint32_t);
    t->ids[t->n++] = (uint32_t)id;
    return 0;
}

int tsdb__tomb_add_row(const MDB_val *key, struct tsdb__in body, struct arena *a,
                       struct tsdb__tomb *out)
{
    uint32_t number = tsdb__tomb_number(key);
    uint64_t id;
    int rc;

    if (number == 0 || (out->number != 0 && out->number != number))
        return FER_ECORRUPT;
    out->number = number;
    out->seq = tsdb__in_le(&body, 8);
    out->range.from = (ts_ms)tsdb__in_le(&body, 8);
    out->range.to = (ts_ms)tsdb__in_le(&body, 8);
    id = tsdb__get_be32((const uint8_t *)key->mv_data + 4);
    rc = id == 0 || out->range.from > out->range.to || out->range.from < TSDB__TIME_MIN ||
                 out->range.to > TSDB__TIME_MAX
             ? FER_ECORRUPT
             : add_id(out, a, id);
    while (rc == 0 && tsdb__in_left(&body) > 0) {
        id += tsdb__in_varint32(&body);
        rc = add_id(out, a, id);
    }
    return body.bad ? FER_ECORRUPT : rc;
}

int tsdb__tombs_read(struct tsdb__txn *x, struct arena *a, struct tsdb__tomb **out, size_t *n)
{
    struct tsdb__tomb *v = NULL;
    size_t cap = 0;
    struct tsdb__in body;
    MDB_val k;
    int rc;

    *n = 0;
    for (rc = tsdb__step(x, T_TOMB, MDB_FIRST, &k, &body); rc == 0;
         rc = tsdb__step(x, T_TOMB, MDB_NEXT, &k, &body)) {
        if (*n == 0 || v[*n - 1].number != tsdb__tomb_number(&k)) {
            ARENA_GROW(a, v, *n, cap, struct tsdb__tomb);
            v[*n] = (struct tsdb__tomb){0};
            ++*n;
        }
        rc = tsdb__tomb_add_row(&k, body, a, &v[*n - 1]);
        if (rc < 0)
            return rc;
    }
    *out = v;
    return rc == FER_ENOENT ? 0 : rc;
}

int tsdb__tomb_delete(struct tsdb__txn *x, uint32_t number, size_t most, bool *done)
{
    *done = false;
    for (size_t i = 0; i < most; i++) {
        struct tsdb__in body;
        MDB_val k;
        int rc = tsdb__step(x, T_TOMB, MDB_FIRST, &k, &body);

        if (rc == FER_ENOENT || (rc == 0 && tsdb__tomb_number(&k) != number)) {
            *done = true;
            return 0;
        }
        if (rc == 0)
            rc = tsdb__delete(x, T_TOMB);
        if (rc < 0)
            return rc;
    }
    return 0;
}
