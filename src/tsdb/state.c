/*
 * state.c - how far the store's own work has come.
 */
#include "state.h"

#define STATE_KEY "state"

int tsdb__state_get(struct tsdb__txn *x, struct tsdb__state *out)
{
    struct tsdb__in in;
    int rc = tsdb__get(x, T_META, STATE_KEY, sizeof(STATE_KEY) - 1, &in);

    if (rc == FER_ENOENT) {
        *out = (struct tsdb__state){.sealed = TSDB__MARK_NONE, .max_t = INT64_MIN};
        return 0;
    }
    if (rc < 0)
        return rc;
    out->sealed.slot = (int32_t)tsdb__in_le(&in, 4);
    out->sealed.id = (uint32_t)tsdb__in_le(&in, 4);
    out->max_t = (ts_ms)tsdb__in_le(&in, 8);
    out->wal_seq = tsdb__in_le(&in, 8);
    out->covered = tsdb__in_le(&in, 8);
    out->series_ids = (uint32_t)tsdb__in_le(&in, 4);
    out->symbol_ids = (uint32_t)tsdb__in_le(&in, 4);
    out->generation = (uint32_t)tsdb__in_le(&in, 4);
    return in.bad ? FER_ECORRUPT : 0;
}

int tsdb__state_put(struct tsdb__txn *x, const struct tsdb__state *st)
{
    struct buf row = {0};
    int rc;

    buf_add(&row, &st->sealed.slot, 4);
    buf_add(&row, &st->sealed.id, 4);
    buf_add(&row, &st->max_t, 8);
    buf_add(&row, &st->wal_seq, 8);
    buf_add(&row, &st->covered, 8);
    buf_add(&row, &st->series_ids, 4);
    buf_add(&row, &st->symbol_ids, 4);
    buf_add(&row, &st->generation, 4);
    rc = tsdb__put(x, T_META, STR(STATE_KEY), buf_str(&row), 0);
    buf_release(&row);
    return rc;
}
