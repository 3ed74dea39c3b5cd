/*
 * admit.h - which samples of a request are stored. The writer thread's.
 */
#ifndef TSDB_ADMIT_H
#define TSDB_ADMIT_H

#include "store.h"

/* One request on its way into the transaction. */
struct tsdb__admit {
    struct tsdb *db;
    struct tsdb__txn *x;
    struct tsdb_write *w;
    /* Fixed by the first sample that is not too new. */
    bool has_bounds;
    ts_ms oldest;      /* what is older can only be taken out of order */
    ts_ms window_from; /* out of order, from here on; INT64_MAX: never */
};

/*
 * Judges the samples of a request in their order; appends the good ones to the group's log, and
 * makes the series that got one. Fills in the results of the request.
 */
int tsdb__admit(struct tsdb *db, struct tsdb__txn *x, struct tsdb_write *w);

#endif
