/*
 * postings.h - which series have a label: per (name, value) a list of series ids in T_POST.
 */
#ifndef TSDB_POSTINGS_H
#define TSDB_POSTINGS_H

#include "symbols.h"
#include "tables.h"

#include "ferula/base/arena.h"

struct tsdb__posting {
    uint32_t name, value, id;
};

/* The writer's: what the series of this transaction add. */
struct tsdb__postings {
    struct tsdb__posting *v; /* owned */
    size_t n, cap;
    struct buf block; /* scratch */
};

/* All pairs of a series; `syms` are `n` pairs of name and value. */
void tsdb__postings_add(struct tsdb__postings *ps, uint32_t id, const uint32_t *syms, size_t n);

/* Writes what was added, in the order of the keys, and forgets it. */
int tsdb__postings_flush(struct tsdb__postings *ps, struct tsdb__txn *x);

/*
 * Takes what was added out of the lists instead, and forgets it. Symbols that no list names any
 * more, as a name or as a value, and no metric family, are deleted.
 */
int tsdb__postings_remove(struct tsdb__postings *ps, struct tsdb__txn *x, struct tsdb__symbols *sy);
void tsdb__postings_release(struct tsdb__postings *ps);

/* A set of series ids as bits, in an arena. */
struct tsdb__ids {
    uint64_t *words;
    uint32_t max; /* the largest id that there is room for */
};

struct tsdb__ids tsdb__ids_new(struct arena *a, uint32_t max);
bool tsdb__ids_add(struct tsdb__ids *s, uint32_t id); /* false: there is no room for it */
void tsdb__ids_and(struct tsdb__ids *s, struct tsdb__ids other);
void tsdb__ids_and_not(struct tsdb__ids *s, struct tsdb__ids other);
size_t tsdb__ids_count(const struct tsdb__ids *s);

/* The smallest id in the set from `from` on; 0: none. */
uint32_t tsdb__ids_next(const struct tsdb__ids *s, uint32_t from);

/* Adds the series that have the pair to the set. */
int tsdb__postings_read(struct tsdb__txn *x, uint32_t name, uint32_t value, struct tsdb__ids *out);

/* How many blocks the list has, counted up to `most`. */
int tsdb__postings_blocks(struct tsdb__txn *x, uint32_t name, uint32_t value, unsigned most,
                          unsigned *out);

/*
 * Moves *value to the next value of `name` (from 0: to the first), or *name to the next name.
 * FER_ENOENT: there is none.
 */
int tsdb__postings_next_value(struct tsdb__txn *x, uint32_t name, uint32_t *value);
int tsdb__postings_next_name(struct tsdb__txn *x, uint32_t *name);

#endif
