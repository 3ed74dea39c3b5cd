/*
 * state.h - how far the store's own work has come: the row "state" of T_META.
 *
 * It is written in the transaction that does the work, so what it says and what the tables hold
 * always agree in one snapshot.
 */
#ifndef TSDB_STATE_H
#define TSDB_STATE_H

#include "slot.h"
#include "tables.h"

struct tsdb__state {
    struct tsdb__mark sealed;
    ts_ms max_t;         /* newest sample that was sealed; INT64_MIN: none */
    uint64_t wal_seq;    /* newest piece, also when the table is empty */
    uint64_t covered;    /* newest piece that the newest whole checkpoint makes superfluous */
    uint32_t series_ids; /* ids given, also when the newest are gone */
    uint32_t symbol_ids;
    uint32_t generation; /* of the newest whole checkpoint; 0: none */
};

/* A file that has no such row yet: nothing is sealed. */
int tsdb__state_get(struct tsdb__txn *x, struct tsdb__state *out);
int tsdb__state_put(struct tsdb__txn *x, const struct tsdb__state *st);

#endif
