/*
 * stream.h - series made one by one, in any order and on several threads: stream.c, crew.c,
 * waves.c.
 */
#ifndef FERULA_PROMQL_STREAM_H
#define FERULA_PROMQL_STREAM_H

#include "eval.h"

/*
 * The series that a selector, or a range function over one, has: they can be made in any order, and
 * by several workers at once.
 */
struct promql__stream {
    const struct promql__grid *grid; /* borrowed */
    const struct promql_vector_selector *vector;
    struct promql__shift shift;       /* of the vector */
    enum promql__wanted wanted;       /* of the vector */
    struct promql__range_call *range; /* NULL: the vector itself */
    struct source_selection *sel;
    bool drop;  /* the name goes */
    bool apart; /* no two series can have equal labels */
};

/* Whether the function's argument is a range selector, so that promql__range_call_open() works. */
bool promql__call_streams(const struct promql_call *call);

/* 1: opened; 0: `e` is no such expression; or an error. */
int promql__stream_open(struct promql__ev *ev, const struct promql__grid *g,
                        const struct promql_expr *e, struct promql__stream *st);
void promql__stream_range(const struct promql__grid *g, struct promql__range_call *range,
                          struct promql__stream *st);
int promql__stream_vector(struct promql__ev *ev, const struct promql__grid *g,
                          const struct promql_expr *e, enum promql__wanted wanted,
                          struct promql__stream *st);
/* The labels of series `i` of the result, in the arena of `ev`. */
struct labels promql__stream_labels(struct promql__ev *ev, const struct promql__stream *st,
                                    size_t i);
/* Makes series `i` into ev->out and ev->hout, and counts; *load is not held yet. */
int promql__stream_make(struct promql__ev *ev, const struct promql__stream *st, size_t i,
                        struct promql__load *load);
/* All series, as a matrix. */
int promql__stream_matrix(struct promql__ev *ev, const struct promql__stream *st,
                          struct promql__matrix *out);

/* Workers for loops over many series. Each has buffers and an arena of its own. */
struct promql__crew {
    struct promql__ev *ev; /* the query's */
    struct promql__ev *workers;
    size_t n;
    size_t block;         /* series that a worker makes at a time */
    atomic_size_t failed; /* the first item that failed; SIZE_MAX: none */
};

/* What a worker leaves of an item for the thread of the query. */
struct promql__item {
    int rc;
    struct fault fault;
    int64_t held, need;
};

/* `n` is about how many series there are to be made: for a few nobody is called. */
void promql__crew_begin(struct promql__crew *c, struct promql__ev *ev, size_t n);
/* Calls fn(ctx, worker, i) for each i below n and notes in items[i] how that ended. */
int promql__crew_run(struct promql__crew *c, size_t n, struct promql__item *items,
                     int (*fn)(void *ctx, struct promql__ev *worker, size_t i), void *ctx);
/* The workers' arenas live as long as the query's; notes and counts become the query's. */
void promql__crew_end(struct promql__crew *c);

/* What an aggregator makes of its series without having them all in memory. */
struct promql__waves {
    const struct promql__stream *st;
    const struct promql__aggregator *fn;
    const struct promql__groups *gr; /* of the stream's series; gr->in is not used */
};

#define PROMQL__HAS_HISTS 1 /* no error code */

/* PROMQL__HAS_HISTS: there are histograms, and nothing was made. */
int promql__aggregate_waves(struct promql__ev *ev, const struct promql__waves *w,
                            struct promql__matrix *out);

#endif
