/*
 * unit.c - rows of sealed chunks that are rewritten together.
 */
#include "unit.h"

#include <stdlib.h>

#include "ferula/base/mem.h"

void tsdb__unit_release(struct tsdb__unit *u)
{
    for (size_t i = 0; i < u->cap; i++)
        buf_release(&u->rows[i].body);
    free(u->rows);
    *u = (struct tsdb__unit){0};
}

static void add_row(struct tsdb__unit *u, const struct tsdb__chunk_row *row)
{
    if (u->n == u->cap) {
        size_t cap = u->cap == 0 ? 4 : u->cap * 2;

        u->rows = xrealloc(u->rows, cap, sizeof(*u->rows));
        memset(u->rows + u->cap, 0, (cap - u->cap) * sizeof(*u->rows));
        u->cap = cap;
    }
    u->rows[u->n].key = row->key;
    buf_reset(&u->rows[u->n].body);
    buf_add(&u->rows[u->n].body, row->body.p, tsdb__in_left(&row->body));
    u->n++;
}

int tsdb__unit_load(struct tsdb__unit *u, struct tsdb__txn *x, int32_t slot, uint32_t id)
{
    struct tsdb__chunk_row row;
    uint32_t last = 0;
    int rc = tsdb__chunk_seek(x, slot, id, &row);

    u->n = 0;
    u->limit = UINT64_MAX;
    if (rc == 0 && row.key.slot == slot && row.key.first <= id && row.key.number > 0)
        rc = tsdb__chunk_seek(x, slot, row.key.first, &row);
    while (rc == 0 && row.key.slot == slot &&
           (u->n == 0 ? row.key.first <= id : row.key.first == last)) {
        last = tsdb__group_last_id(&row.group);
        add_row(u, &row);
        rc = tsdb__chunk_next(x, &row);
    }
    if (rc == 0 && row.key.slot == slot)
        u->limit = row.key.first;
    return rc == FER_ENOENT ? 0 : rc;
}

int tsdb__unit_delete(const struct tsdb__unit *u, struct tsdb__txn *x)
{
    int rc = 0;

    for (size_t i = 0; i < u->n && rc == 0; i++)
        rc = tsdb__chunk_delete(x, u->rows[i].key);
    return rc;
}

int tsdb__unit_next(struct tsdb__unit *u)
{
    for (;;) {
        int rc = u->at > 0 ? tsdb__group_next(&u->group, &u->entry) : 1;
        const struct tsdb__unit_row *row = &u->rows[u->at];

        if (rc <= 0)
            return rc;
        if (u->at == u->n) {
            u->entry.id = 0;
            return 0;
        }
        rc = tsdb__group_open(&u->group, tsdb__slot_start(row->key.slot), row->key.first,
                              tsdb__in_of(row->body.p, row->body.n));
        if (rc < 0)
            return rc;
        u->at++;
    }
}

int tsdb__unit_begin(struct tsdb__unit *u)
{
    u->at = 0;
    return tsdb__unit_next(u);
}

int tsdb__unit_take(struct tsdb__unit *u, int32_t slot, uint32_t id, struct tsdb__mixed *out)
{
    int rc = 0;

    while (rc == 0 && u->entry.id == id) {
        rc = tsdb__entry_add(&u->entry, tsdb__slot_start(slot), out);
        if (rc == 0)
            rc = tsdb__unit_next(u);
    }
    return rc;
}
