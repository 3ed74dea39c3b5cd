/*
 * retention.h - old chunks go, and the series and strings that nothing else refers to. The writer
 * thread's.
 */
#ifndef TSDB_RETENTION_H
#define TSDB_RETENTION_H

#include "store.h"

/* The oldest slot that has rows is past the retention, by time or by size. */
int tsdb__retention_due(struct tsdb *db, struct tsdb__txn *x, bool *due, int32_t *slot);

/*
 * Deletes at most `most` rows of `slot`, the oldest, and of those after it that are past the
 * retention by time, and the series that end with them.
 */
int tsdb__retention_slice(struct tsdb *db, struct tsdb__txn *x, int32_t slot, size_t most,
                          struct tsdb__gone *gone);

/* Takes a series out that has no sample any more; its postings and strings follow at the end. */
int tsdb__retention_remove(struct tsdb__txn *x, uint32_t id, struct tsdb__gone *gone);

/* After the commit: memory forgets the series. */
void tsdb__retention_publish(struct tsdb *db, const struct tsdb__gone *gone);
void tsdb__gone_release(struct tsdb__gone *gone);

#endif
