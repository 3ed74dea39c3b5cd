/*
 * raw.h - from the hash of a series' unparsed label bytes to its id.
 *
 * Any number of threads look up without a lock; the writer thread alone adds.
 */
#ifndef TSDB_RAW_H
#define TSDB_RAW_H

#include <stdatomic.h>
#include <stdint.h>

#include "ferula/base/hash.h"

#define TSDB__RAW_STRIPES 16

struct tsdb__raw_table;

struct tsdb__raw {
    _Atomic(struct tsdb__raw_table *) table; /* owned */
    struct {
        _Alignas(64) _Atomic uint32_t n;
    } readers[TSDB__RAW_STRIPES]; /* lookups under way, spread over threads */
    size_t n;
};

void tsdb__raw_init(struct tsdb__raw *raw);
void tsdb__raw_release(struct tsdb__raw *raw);

uint32_t tsdb__raw_find(struct tsdb__raw *raw, struct hash128 hash);

/* For many lookups: between begin and end the table stays, and the writer waits to replace it. */
const struct tsdb__raw_table *tsdb__raw_begin(struct tsdb__raw *raw);
void tsdb__raw_end(struct tsdb__raw *raw); /* on the same thread */

/* Also fetches ahead what a sender that goes through series in the order of their ids asks next. */
uint32_t tsdb__raw_find_in(const struct tsdb__raw_table *t, struct hash128 hash);

/*
 * The writer's. `n_series`: one label set has many spellings; when there are far more of them than
 * series, all are forgotten (and found again by their labels), so that a client cannot fill memory.
 */
void tsdb__raw_add(struct tsdb__raw *raw, struct hash128 hash, uint32_t id, size_t n_series);

#endif
