/*
 * delete.h - deletions on their way to the writer thread.
 */
#ifndef TSDB_DELETE_H
#define TSDB_DELETE_H

#include "tombs.h"

struct tsdb;

struct tsdb__deletion {
    uint32_t *ids; /* ascending */
    size_t n;
    struct source_range range;
    int rc;
    bool done;
    struct tsdb__deletion *next;
};

/* Takes what is queued and does it, a transaction each. The writer thread. */
void tsdb__delete_queued(struct tsdb *db);

/* Answers what is queued with `rc`. */
void tsdb__delete_refuse(struct tsdb *db, int rc);

/* At start: how many deletions are not purged yet. */
int tsdb__delete_load(struct tsdb *db, struct tsdb__txn *x);

#endif
