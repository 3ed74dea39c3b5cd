/*
 * queries.h - the list of queries that `bench-load query` asks: built in, or from a file.
 */
#ifndef BENCH_LOAD_QUERIES_H
#define BENCH_LOAD_QUERIES_H

#include <stdbool.h>
#include <stddef.h>

#include "ferula/base/arena.h"
#include "ferula/base/err.h"

struct query {
    const char *name, *expr;
    bool range; /* 30 minutes up to the time, in steps of 15 s; else instant */
};

struct query_list {
    struct query *v; /* in the arena */
    size_t n;
};

/*
 * From the file, or the built-in list when `path` is NULL; only those called `only`, when that is
 * not NULL. A line of the file: NAME instant|range EXPRESSION; "#" begins a comment line.
 * FER_EINVAL, FER_EIO: f->text says which line or why.
 */
int queries_load(struct arena *a, const char *path, const char *only, struct query_list *out,
                 struct fault *f);

#endif
