/*
 * unit.h - rows of sealed chunks that are rewritten together: they hold whole series, so that the
 * rows of a slot never overlap. The writer thread's.
 */
#ifndef TSDB_UNIT_H
#define TSDB_UNIT_H

#include "chunks.h"

/* A row: its key and a copy of its body. */
struct tsdb__unit_row {
    struct tsdb__chunk_key key;
    struct buf body;
};

struct tsdb__unit {
    struct tsdb__unit_row *rows; /* owned, with the buffers of all `cap` */
    size_t n, cap;
    uint64_t limit; /* where the next row of the slot starts; above every id: there is none */
    /* reading */
    size_t at; /* rows opened */
    struct tsdb__group_reader group;
    struct tsdb__entry entry; /* the next; id 0: none is left */
};

/* Copies the rows that series `id` of the slot belongs to; none: n is 0. */
int tsdb__unit_load(struct tsdb__unit *u, struct tsdb__txn *x, int32_t slot, uint32_t id);
int tsdb__unit_delete(const struct tsdb__unit *u, struct tsdb__txn *x);

/* Entries in order, from the first one on. */
int tsdb__unit_begin(struct tsdb__unit *u);
int tsdb__unit_next(struct tsdb__unit *u);

/* Appends all samples that the series has, if it is the next one, and goes on to the one after. */
int tsdb__unit_take(struct tsdb__unit *u, int32_t slot, uint32_t id, struct tsdb__mixed *out);
void tsdb__unit_release(struct tsdb__unit *u);

#endif
