/*
 * series.c - label sets and their ids.
 */
#include "series.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

/* Labels in the order of their names, so equal sets have equal rows. */
static void print_row(struct buf *row, const uint32_t *syms, size_t n)
{
    buf_reset(row);
    tsdb__add_varint(row, n);
    for (size_t i = 0; i < 2 * n; i++)
        tsdb__add_varint(row, syms[i]);
}

static uint32_t row_tag(const void *p, size_t n)
{
    return (uint32_t)hash_keyed64(p, n);
}

static void table_add(struct tsdb__series_table *st, uint32_t tag, uint32_t id)
{
    size_t i = tag & (st->cap - 1);

    while (st->slots[i].id != 0)
        i = (i + 1) & (st->cap - 1);
    st->slots[i] = (struct tsdb__series_slot){tag, id};
    st->n_used++;
}

/* Room for `n` series more. */
static void table_reserve(struct tsdb__series_table *st, size_t n)
{
    struct tsdb__series_slot *old = st->slots;
    size_t old_cap = st->cap;

    if ((st->n_used + n) * 4 <= st->cap * 3)
        return;
    st->cap = MAX(old_cap * 2, (size_t)256);
    while ((st->n_used + n) * 4 > st->cap * 3)
        st->cap *= 2;
    st->slots = xcalloc(st->cap, sizeof(*st->slots));
    st->n_used = 0;
    for (size_t i = 0; i < old_cap; i++)
        if (old[i].id != 0)
            table_add(st, old[i].tag, old[i].id);
    free(old);
}

/* Takes series `id` out; the ones that had to make way for it move up. */
static void table_remove(struct tsdb__series_table *st, uint32_t tag, uint32_t id)
{
    size_t mask = st->cap - 1, hole = tag & mask;

    while (st->slots[hole].id != id)
        hole = (hole + 1) & mask;
    for (size_t i = (hole + 1) & mask; st->slots[i].id != 0; i = (i + 1) & mask) {
        size_t home = st->slots[i].tag & mask;

        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        st->slots[hole] = st->slots[i];
        hole = i;
    }
    st->slots[hole] = (struct tsdb__series_slot){0};
    st->n_used--;
}

/* Series whose slots are on their way into the cache, while rows are read on. */
#define N_AHEAD 32

int tsdb__series_load(struct tsdb__series_table *st, struct tsdb__txn *x, struct tsdb__head *h)
{
    struct tsdb__series_slot ahead[N_AHEAD];
    size_t n = 0;
    MDB_val k;
    struct tsdb__in body;
    MDB_stat stat;
    int rc = tsdb__err(mdb_stat(x->txn, x->dbis[T_SERIES], &stat));

    if (rc < 0)
        return rc;
    table_reserve(st, stat.ms_entries);
    for (rc = tsdb__step(x, T_SERIES, MDB_FIRST, &k, &body); rc == 0;
         rc = tsdb__step(x, T_SERIES, MDB_NEXT, &k, &body)) {
        struct tsdb__series_slot *slot = &ahead[n++ % N_AHEAD];

        if (n > N_AHEAD)
            table_add(st, slot->tag, slot->id);
        memcpy(&slot->id, k.mv_data, sizeof(slot->id));
        slot->tag = row_tag(body.p, tsdb__in_left(&body));
        __builtin_prefetch(&st->slots[slot->tag & (st->cap - 1)], 1);
        tsdb__head_reserve(h, slot->id);
        tsdb__head_revive(h, slot->id);
        st->n = slot->id;
    }
    for (size_t i = n > N_AHEAD ? n - N_AHEAD : 0; i < n; i++)
        table_add(st, ahead[i % N_AHEAD].tag, ahead[i % N_AHEAD].id);
    return rc == FER_ENOENT ? 0 : rc;
}

void tsdb__series_release(struct tsdb__series_table *st)
{
    free(st->slots);
    free(st->made);
    free(st->syms);
    buf_release(&st->row);
    *st = (struct tsdb__series_table){0};
}

static int table_find(const struct tsdb__series_table *st, struct tsdb__txn *x, uint32_t *out)
{
    uint32_t tag = row_tag(st->row.p, st->row.n);

    *out = 0;
    for (size_t i = tag & (st->cap - 1); st->slots[i].id != 0; i = (i + 1) & (st->cap - 1)) {
        struct tsdb__in body;
        int rc;

        if (st->slots[i].tag != tag)
            continue;
        rc = tsdb__get(x, T_SERIES, &st->slots[i].id, sizeof(uint32_t), &body);
        if (rc < 0)
            return rc == FER_ENOENT ? FER_ECORRUPT : rc;
        if (str_eq(buf_str(&st->row), (struct str){(const char *)body.p, tsdb__in_left(&body)})) {
            *out = st->slots[i].id;
            return 0;
        }
    }
    return 0;
}

int tsdb__series_find(struct tsdb__series_table *st, struct tsdb__symbols *sy, struct tsdb__txn *x,
                      struct labels ls, uint32_t *out)
{
    bool known = true;

    *out = 0;
    if (2 * ls.n > st->cap_syms) {
        st->cap_syms = 2 * ls.n;
        st->syms = xrealloc(st->syms, st->cap_syms, sizeof(*st->syms));
    }
    for (size_t i = 0; i < ls.n; i++) {
        int rc = tsdb__symbols_find(sy, x, ls.v[i].name, &st->syms[2 * i]);

        if (rc == 0)
            rc = tsdb__symbols_find(sy, x, ls.v[i].value, &st->syms[2 * i + 1]);
        if (rc < 0)
            return rc;
        known = known && st->syms[2 * i] != 0 && st->syms[2 * i + 1] != 0;
    }
    if (!known || st->cap == 0)
        return 0;
    print_row(&st->row, st->syms, ls.n);
    return table_find(st, x, out);
}

static int intern_all(struct tsdb__series_table *st, struct tsdb__symbols *sy, struct tsdb__txn *x,
                      struct labels ls)
{
    for (size_t i = 0; i < 2 * ls.n; i++) {
        struct str text = i % 2 == 0 ? ls.v[i / 2].name : ls.v[i / 2].value;
        int rc = st->syms[i] != 0 ? 0 : tsdb__symbols_intern(sy, x, text, &st->syms[i]);

        if (rc < 0)
            return rc;
    }
    return 0;
}

int tsdb__series_make(struct tsdb__series_table *st, struct tsdb__symbols *sy, struct tsdb__txn *x,
                      struct labels ls, uint32_t *out)
{
    uint32_t id = st->n + 1, tag;
    int rc = intern_all(st, sy, x, ls);

    if (rc < 0)
        return rc;
    print_row(&st->row, st->syms, ls.n);
    if (st->row.n > TSDB__BODY_MAX)
        return FER_ELIMIT;
    rc = tsdb__put(x, T_SERIES, (struct str){(const char *)&id, sizeof(id)}, buf_str(&st->row),
                   MDB_APPEND);
    if (rc < 0)
        return rc;
    if (st->n_made == st->cap_made) {
        st->cap_made = st->cap_made == 0 ? 64 : st->cap_made * 2;
        st->made = xrealloc(st->made, st->cap_made, sizeof(*st->made));
    }
    tag = row_tag(st->row.p, st->row.n);
    table_reserve(st, 1);
    table_add(st, tag, id);
    st->made[st->n_made++] = tag;
    st->n = id;
    *out = id;
    return 0;
}

void tsdb__series_commit(struct tsdb__series_table *st)
{
    st->n_made = 0;
}

void tsdb__series_rollback(struct tsdb__series_table *st)
{
    for (; st->n_made > 0; st->n--)
        table_remove(st, st->made[--st->n_made], st->n);
}

int tsdb__series_delete(struct tsdb__txn *x, uint32_t id, struct tsdb__postings *ps, uint32_t *tag)
{
    MDB_val k = {.mv_data = &id, .mv_size = sizeof(id)};
    struct tsdb__in pairs;
    size_t n;
    int rc = tsdb__step(x, T_SERIES, MDB_SET_KEY, &k, &pairs);

    if (rc < 0)
        return rc == FER_ENOENT ? FER_ECORRUPT : rc;
    *tag = row_tag(pairs.p, tsdb__in_left(&pairs));
    n = tsdb__in_varint32(&pairs);
    for (size_t i = 0; i < n && !pairs.bad; i++) {
        uint32_t pair[2] = {tsdb__in_varint32(&pairs), tsdb__in_varint32(&pairs)};

        tsdb__postings_add(ps, id, pair, 1);
    }
    return pairs.bad ? FER_ECORRUPT : tsdb__delete(x, T_SERIES);
}

void tsdb__series_forget(struct tsdb__series_table *st, uint32_t tag, uint32_t id)
{
    table_remove(st, tag, id);
}

int tsdb__series_row(struct tsdb__txn *x, uint32_t id, struct tsdb__in *pairs, size_t *n)
{
    int rc = tsdb__get(x, T_SERIES, &id, sizeof(id), pairs);

    if (rc < 0)
        return rc == FER_ENOENT ? FER_ECORRUPT : rc;
    *n = tsdb__in_varint32(pairs);
    return pairs->bad || *n > tsdb__in_left(pairs) ? FER_ECORRUPT : 0;
}

int tsdb__labels_read(struct tsdb__texts *tx, uint32_t id, struct labels *out)
{
    struct tsdb__in pairs;
    struct label *v;
    size_t n;
    int rc = tsdb__series_row(tx->x, id, &pairs, &n);

    if (rc < 0)
        return rc;
    v = arena_array(tx->a, struct label, n);
    for (size_t i = 0; i < n; i++) {
        uint32_t name = tsdb__in_varint32(&pairs), value = tsdb__in_varint32(&pairs);

        rc = pairs.bad ? FER_ECORRUPT : tsdb__texts_get(tx, name, &v[i].name);
        if (rc == 0)
            rc = tsdb__texts_get(tx, value, &v[i].value);
        if (rc < 0)
            return rc;
    }
    *out = (struct labels){v, n};
    return 0;
}
