/*
 * chunks.h - the sealed samples: T_CHUNK, a row a group of series of one slot.
 *
 * Rows of a slot do not overlap: ids ascend from row to row. A series that is too long for one row
 * goes on in the next, which then has the same first id and the next number.
 */
#ifndef TSDB_CHUNKS_H
#define TSDB_CHUNKS_H

#include "group.h"
#include "slot.h"
#include "tables.h"

#include "ferula/model/source.h"

#define TSDB__CHUNK_KEY_BYTES 12

struct tsdb__chunk_key {
    int32_t slot;
    uint32_t first, number;
};

void tsdb__chunk_key_print(uint8_t out[TSDB__CHUNK_KEY_BYTES], struct tsdb__chunk_key key);
struct tsdb__chunk_key tsdb__chunk_key_parse(const MDB_val *k);

/* Writes rows; ids of a slot ascend. */
struct tsdb__chunk_writer {
    struct tsdb__txn *x;
    struct tsdb__group_builder group; /* kept from use to use */
    int32_t slot;
    uint32_t first, number; /* key of the row being filled */
    bool append;            /* behind all rows of the table */
    size_t n_rows;          /* put since the beginning */
};

void tsdb__chunk_writer_begin(struct tsdb__chunk_writer *w, struct tsdb__txn *x, int32_t slot,
                              bool append);
int tsdb__chunk_writer_add(struct tsdb__chunk_writer *w, uint32_t id, const struct tsdb__mixed *m);
int tsdb__chunk_writer_end(struct tsdb__chunk_writer *w); /* puts what is left */
void tsdb__chunk_writer_release(struct tsdb__chunk_writer *w);

/* A row as it is read. */
struct tsdb__chunk_row {
    struct tsdb__chunk_key key;
    struct tsdb__in body;
    struct tsdb__group_reader group;
};

/*
 * The cursor goes to the first row that may hold series `id` in `slot`, or the first after it, of
 * any slot. FER_ENOENT: there is none.
 */
int tsdb__chunk_seek(struct tsdb__txn *x, int32_t slot, uint32_t id, struct tsdb__chunk_row *out);
int tsdb__chunk_next(struct tsdb__txn *x, struct tsdb__chunk_row *out);
int tsdb__chunk_first(struct tsdb__txn *x, struct tsdb__chunk_row *out);

int tsdb__chunk_delete(struct tsdb__txn *x, struct tsdb__chunk_key key);

/* The newest slot that has a row; FER_ENOENT. */
int tsdb__chunk_last_slot(struct tsdb__txn *x, int32_t *out);

/* The newest sample that the series has in the slot. FER_ENOENT: it has none there. */
int tsdb__chunk_newest(struct tsdb__txn *x, int32_t slot, uint32_t id, struct tsdb__mixed *scratch,
                       struct tsdb__rich *out);

/* A chunk of a selected series, copied out of the store: the part of it that was asked for. */
struct tsdb__sealed {
    struct tsdb__sealed *next; /* newer */
    bool rich;                 /* the values are a run of hist.h */
    const uint8_t *values;     /* all n_samples of the chunk, encoded; in the arena */
    uint32_t n_values, n_samples;
    uint32_t first, n;  /* samples first .. first + n are in the range, */
    const ts_ms *times; /* and these are their times; shared by the series of a scrape */
};

/* What a selection has of one series. */
struct tsdb__sealed_list {
    struct tsdb__sealed *first, **last;
};

/*
 * Copies the chunks in the slots of `range` of the series ids[0..n), which ascend, into `a`;
 * lists[] is in their order.
 */
int tsdb__chunks_select(struct tsdb__txn *x, const uint32_t *ids, size_t n,
                        struct source_range range, struct arena *a,
                        struct tsdb__sealed_list *lists);

/* Appends the samples of a chunk of floats that lie in the range of the selection. */
int tsdb__sealed_read(const struct tsdb__sealed *c, struct sample_vec *out);

/* The same of a chunk of any kind. */
int tsdb__sealed_add(const struct tsdb__sealed *c, struct tsdb__mixed *out);

#endif
