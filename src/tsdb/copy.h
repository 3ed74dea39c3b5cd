/*
 * copy.h - a data file of its own, without a server: opened for reading, copied, replaced.
 */
#ifndef TSDB_COPY_H
#define TSDB_COPY_H

#include "store.h"

/* Opens a checked file for reading, without LMDB's lock file: nobody may write it meanwhile. */
int tsdb__file_open(const char *path, MDB_env **out, struct fault *f);

/* The audit of a file; the folder's lock is held, or the file is one that nobody writes. */
int tsdb__audit_file(const char *path, void (*report)(void *ctx, const char *line), void *ctx,
                     struct tsdb_audit_counts *out, struct fault *f);

#endif
