/*
 * head.h - the samples in memory: per series a list of compressed chunks, newest first.
 *
 * The writer thread alone appends. Readers copy under the read lock; a whole group of writes is
 * applied under one write lock, so that no reader sees a part of it.
 */
#ifndef TSDB_HEAD_H
#define TSDB_HEAD_H

#include <pthread.h>
#include <stdint.h>

#include "xor.h"

#include "ferula/base/arena.h"
#include "ferula/model/sample.h"
#include "ferula/model/source.h"

#define TSDB__CHUNK_SAMPLES 120
#define TSDB__CHUNK_BYTES   1024 /* of bits */
#define TSDB__CHUNK_STEP    32   /* sizes of chunks are multiples of it */
#define TSDB__CHUNK_SIZES   36

struct tsdb__chunk {
    struct tsdb__chunk *link; /* in the head: the older chunk; in a copy: the newer one */
    ts_ms min_t, max_t;
    uint16_t n_samples, n_bits;
    uint16_t size; /* bytes of the whole chunk */
    uint8_t bits[];
};

struct tsdb__series {
    struct tsdb__xor x;        /* the newest sample, and what the next is coded against */
    uint32_t pending;          /* the writer's: see writer.c */
    struct tsdb__chunk *chunk; /* newest; NULL: no sample yet */
};

struct tsdb__slab;

struct tsdb__head {
    pthread_rwlock_t lock;
    struct tsdb__series **pages; /* owned; of TSDB__PAGE_SERIES each, by id */
    size_t n_pages;
    struct tsdb__slab *slabs; /* owned */
    char *slab_at, *slab_end; /* free part of the newest slab */
    struct tsdb__chunk *free_chunks[TSDB__CHUNK_SIZES];
    uint64_t n_samples, n_bytes;
    ts_ms min_t, max_t; /* INT64_MAX, INT64_MIN when empty */
};

void tsdb__head_init(struct tsdb__head *h);
void tsdb__head_release(struct tsdb__head *h);

/* Makes room for series `id`; takes the write lock when there is none yet. */
void tsdb__head_reserve(struct tsdb__head *h, uint32_t id);

/* The series, for which room was made. */
struct tsdb__series *tsdb__head_series(const struct tsdb__head *h, uint32_t id);

void tsdb__head_lock_write(struct tsdb__head *h);
void tsdb__head_lock_read(struct tsdb__head *h);
void tsdb__head_unlock(struct tsdb__head *h);

/* Under the write lock; `s` is newer than what the series has. */
void tsdb__head_append(struct tsdb__head *h, struct tsdb__series *series, struct sample s);

/* Under the read lock: the chunks that overlap `range`, oldest first, copied into `a`. */
struct tsdb__chunk *tsdb__head_copy(const struct tsdb__head *h, uint32_t id,
                                    struct source_range range, struct arena *a);

/* Appends the samples of a copied list that lie in `range`. FER_ECORRUPT: a stream is broken. */
int tsdb__chunks_read(const struct tsdb__chunk *first, struct source_range range,
                      struct sample_vec *out);

#endif
