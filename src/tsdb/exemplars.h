/*
 * exemplars.h - the newest exemplars of all series together: T_EXEM, a row each, in the order in
 * which they came. The oldest goes when there are too many. The writer thread's, but for reading.
 */
#ifndef TSDB_EXEMPLARS_H
#define TSDB_EXEMPLARS_H

#include "tables.h"

#include "ferula/model/exemplar.h"

/* The newest exemplar of a series: what the next one is judged by. */
struct tsdb__exemplar_newest {
    uint32_t id; /* of the series; 0: free */
    ts_ms t;
    double v;
    uint64_t hash; /* of the labels, as Prometheus has it */
    uint64_t number;
};

struct tsdb__exemplars {
    size_t most;
    uint64_t first, last;              /* numbers of the rows there are; last < first: none */
    struct tsdb__exemplar_newest *map; /* owned; see id_table.h; those below `first` are void */
    size_t n_map, cap_map;
    struct {
        uint64_t first, last;
        struct tsdb__exemplar_newest *v; /* owned: what this transaction has changed in the map */
        size_t n, cap;
    } before;       /* as of the last commit */
    struct buf row; /* scratch */
};

int tsdb__exemplars_load(struct tsdb__exemplars *ex, struct tsdb__txn *x);
void tsdb__exemplars_release(struct tsdb__exemplars *ex);

enum tsdb__exemplar_fate {
    TSDB__EXEMPLAR_STORED, /* or there already */
    TSDB__EXEMPLAR_REFUSED,
};

/*
 * Judges an exemplar of series `id`, and puts its row unless it is refused or there already.
 * `window`: how much older than the newest of its series it may be. Returns a fate, or FER_*.
 */
int tsdb__exemplars_add(struct tsdb__exemplars *ex, struct tsdb__txn *x, uint32_t id,
                        const struct exemplar *e, dur_ms window);

/* Deletes rows that are too many, at most `rows` of them. */
int tsdb__exemplars_trim(struct tsdb__exemplars *ex, struct tsdb__txn *x, size_t rows);
bool tsdb__exemplars_too_many(const struct tsdb__exemplars *ex);

void tsdb__exemplars_commit(struct tsdb__exemplars *ex);
void tsdb__exemplars_rollback(struct tsdb__exemplars *ex);

/* A row. Texts point into it. FER_ECORRUPT. */
int tsdb__exemplar_read(struct tsdb__in body, struct arena *a, uint32_t *id, struct exemplar *out);

#endif
