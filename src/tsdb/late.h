/*
 * late.h - samples that arrived after their place in the heads was gone: older than the newest of
 * their series, or of a slot that is sealed. They wait in memory, in the WAL all the while, until
 * merge.c puts them into the sealed chunks.
 *
 * The writer thread alone changes it, under the heads' write lock; readers hold the read lock.
 */
#ifndef TSDB_LATE_H
#define TSDB_LATE_H

#include <stdbool.h>
#include <stdint.h>

#include "hist.h"

#include "ferula/base/arena.h"
#include "ferula/model/sample.h"
#include "ferula/model/source.h"

struct tsdb__late_sample {
    uint32_t id;
    uint32_t next : 31; /* one more than the index of an older arrival of the series; 0: none */
    uint32_t is_rich : 1;
    ts_ms t;
    union {
        uint64_t bits;
        struct tsdb__late_rich *rich; /* owned */
    };
};

/* A rich sample in full form (hist.h). */
struct tsdb__late_rich {
    uint32_t n;
    uint8_t bytes[];
};

struct tsdb__late_slot {
    uint32_t id;   /* 0: free */
    uint32_t last; /* one more than the index of the series' last arrival */
};

struct tsdb__late {
    struct tsdb__late_sample *v; /* owned; in the order of arrival */
    size_t n, cap;
    struct tsdb__late_slot *map; /* owned; see id_table.h */
    size_t n_map, cap_map;
};

void tsdb__late_release(struct tsdb__late *l);

/* Of samples with equal times, the first to arrive counts; that is seen to when they are read. */
void tsdb__late_add(struct tsdb__late *l, uint32_t id, struct sample s);
void tsdb__late_add_rich(struct tsdb__late *l, uint32_t id, ts_ms t, struct str full);

bool tsdb__late_has(const struct tsdb__late *l, uint32_t id);

/* Late samples of a series outside of the store, in an arena, as they arrived. */
struct tsdb__late_copy {
    struct sample *v;
    struct str *rich; /* beside v: full forms, and none of plain floats; NULL: all are plain */
    size_t n;
};

/* Copies a series' samples that lie in `range` into `a`. */
struct tsdb__late_copy tsdb__late_copy(const struct tsdb__late *l, uint32_t id,
                                       struct source_range range, struct arena *a);

/* Appends them to `out`, still as they arrived. FER_ECORRUPT. */
int tsdb__late_take(const struct tsdb__late_copy *c, struct tsdb__mixed *out);

/* Appends one sample of the store. FER_ECORRUPT. */
int tsdb__late_get(const struct tsdb__late_sample *s, struct tsdb__mixed *out);

/* Forgets those of the series ids[0..n), which ascend, that lie in `range`. */
void tsdb__late_delete(struct tsdb__late *l, const uint32_t *ids, size_t n,
                       struct source_range range);

/* Forgets the samples that `gone` says. */
void tsdb__late_remove(struct tsdb__late *l,
                       bool (*gone)(const struct tsdb__late_sample *s, size_t i, void *ctx),
                       void *ctx);

#endif
