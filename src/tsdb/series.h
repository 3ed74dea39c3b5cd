/*
 * series.h - label sets and their ids. The writer thread's alone, but for reading rows.
 *
 * A row of T_SERIES is the label set as pairs of symbols. Finding a label set needs its symbols and
 * the table of hashes of rows, which is filled at start from T_SERIES.
 */
#ifndef TSDB_SERIES_H
#define TSDB_SERIES_H

#include "head.h"
#include "postings.h"
#include "symbols.h"

#include "ferula/model/labels.h"

struct tsdb__series_slot {
    uint32_t tag, id; /* id 0: free */
};

struct tsdb__series_table {
    uint32_t n;                      /* ids given so far: the newest */
    struct tsdb__series_slot *slots; /* owned; open addressing by tag */
    size_t n_used, cap;              /* n_used: the series that there are */
    uint32_t *made;                  /* owned: tags of the series made since the last commit */
    size_t n_made, cap_made;
    uint32_t *syms; /* owned scratch: name, value, name, value... of one set */
    size_t cap_syms;
    struct buf row; /* scratch */
};

/* Fills the table from T_SERIES, and makes the series live in the heads. */
int tsdb__series_load(struct tsdb__series_table *st, struct tsdb__txn *x, struct tsdb__head *h);
void tsdb__series_release(struct tsdb__series_table *st);

/* The id of a label set, or 0; what it learnt stays for tsdb__series_make(). */
int tsdb__series_find(struct tsdb__series_table *st, struct tsdb__symbols *sy, struct tsdb__txn *x,
                      struct labels ls, uint32_t *out);

/*
 * Makes the series that the tsdb__series_find() just before did not find. st->syms has its pairs
 * then. FER_ELIMIT: more labels than a row holds, or a longer text than a symbol holds.
 */
int tsdb__series_make(struct tsdb__series_table *st, struct tsdb__symbols *sy, struct tsdb__txn *x,
                      struct labels ls, uint32_t *out);

void tsdb__series_commit(struct tsdb__series_table *st);
void tsdb__series_rollback(struct tsdb__series_table *st);

/*
 * Deletes the row of a series; its pairs are added to `ps`. The table keeps it until
 * tsdb__series_forget(), which is called once that is committed.
 */
int tsdb__series_delete(struct tsdb__txn *x, uint32_t id, struct tsdb__postings *ps, uint32_t *tag);
void tsdb__series_forget(struct tsdb__series_table *st, uint32_t tag, uint32_t id);

/* A row for reading: its number of pairs is taken, and two varints a pair follow. */
int tsdb__series_row(struct tsdb__txn *x, uint32_t id, struct tsdb__in *pairs, size_t *n);

/* The labels of a series, in the arena of `tx`. */
int tsdb__labels_read(struct tsdb__texts *tx, uint32_t id, struct labels *out);

#endif
