/*
 * purge.h - what deletions left on disk goes: rows of sealed chunks are rewritten without it, then
 * series that have no sample any more are taken out, then the rows of T_TOMB. The writer thread's.
 */
#ifndef TSDB_PURGE_H
#define TSDB_PURGE_H

#include "tombs.h"
#include "unit.h"

enum tsdb__purge_phase {
    TSDB__PURGE_WALK, /* the slots of the range, and those after it */
    TSDB__PURGE_LOOK, /* the slots before it: does a series go on there? */
    TSDB__PURGE_REMOVE,
    TSDB__PURGE_DROP,
    TSDB__PURGE_DONE
};

struct tsdb__purge_place {
    enum tsdb__purge_phase phase;
    int64_t slot;
    size_t at; /* the next of the series */
};

struct tsdb__purge {
    struct tsdb__tomb tomb; /* number 0: none is being worked at */
    bool *alive;            /* by series: a sealed sample is left */
    size_t n_alive;
    struct arena arena; /* of those */
    struct tsdb__purge_place now, at_commit;
    struct tsdb__unit unit; /* scratch, as what follows */
    struct tsdb__chunk_writer writer;
    struct tsdb__mixed samples;
    struct arena scratch;
};

struct tsdb;

/* A slice of the first deletion, about `most` rows. */
int tsdb__purge_slice(struct tsdb *db, struct tsdb__txn *x, size_t most);

/* After the commit: 1 when that deletion is done, which is forgotten then. */
bool tsdb__purge_publish(struct tsdb__purge *p);
void tsdb__purge_undo(struct tsdb__purge *p);
void tsdb__purge_release(struct tsdb__purge *p);

#endif
