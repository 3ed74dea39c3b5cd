/*
 * micro.h - small measurements of single parts, each a function that prints its lines. One thread.
 */
#ifndef BENCH_MICRO_MICRO_H
#define BENCH_MICRO_MICRO_H

#include <stdint.h>

#include "ferula/base/buf.h"
#include "ferula/base/clock.h"
#include "ferula/tsdb.h"

void micro_decode(void); /* a remote-write body to a struct tsdb_write */
void micro_codec(void);
void micro_head(void);   /* samples to bytes and back */
void micro_select(void); /* matchers to series, in a store of 100,000 */
void micro_query(void);  /* queries over a tenth of 100,000 series */

/* Runs fn(ctx) for a third of a second, five times at the least; the median, in nanoseconds. */
double micro_median_ns(void (*fn)(void *ctx), void *ctx);

/* A store on an empty folder of its own, without fsync; it goes with micro_store_close(). */
struct micro_store {
    struct tsdb *db;
    char dir[64];
};

void micro_store_open(struct micro_store *ms);
void micro_store_close(struct micro_store *ms);

/* The body of one write: pods [first, first + n_pods) with a sample each, at the time of `round`.
 */
void micro_body(struct buf *body, uint32_t first, uint32_t n_pods, uint32_t round);
ts_ms micro_time(uint32_t round);

/* Decodes the body and writes it; all of it must be stored. */
void micro_store_write(struct micro_store *ms, const struct buf *body);

#endif
