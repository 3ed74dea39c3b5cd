/*
 * hist.h - rich samples as bytes: one by one, each against the one before, and as a sealed run.
 *
 * Bit-exact for every double. The layouts are drawn in hist.c and docs/store-format.md. Decoders
 * take memory from an arena; they share bucket indexes and bounds between the samples of a run. No
 * state, any thread.
 */
#ifndef TSDB_HIST_H
#define TSDB_HIST_H

#include "rich.h"
#include "wire.h"

/* No sample's full form may be larger: it has to fit one row. */
#define TSDB__RICH_BYTES_MAX 3700

/* The full form: all but the sample's time. */
void tsdb__rich_put(const struct tsdb__rich *r, struct buf *out);

/* out->t stays. FER_ECORRUPT. */
int tsdb__rich_get(struct tsdb__in *in, struct arena *a, struct tsdb__rich *out);

/* What tells the value of a sample in full form from others: of floats the bits themselves. */
struct tsdb__rich_bits {
    bool is_histogram;
    uint64_t bits;
};

struct tsdb__rich_bits tsdb__rich_bits(struct str full);

/* A stream of samples in the order of time; `prev` is what the next one is coded against. */
struct tsdb__rich_stream {
    struct tsdb__rich prev;
    uint64_t delta; /* its distance to the sample before it */
};

/* The first sample of a stream: the caller keeps its time. */
void tsdb__rich_put_first(const struct tsdb__rich *r, struct buf *out);
void tsdb__rich_put_next(const struct tsdb__rich_stream *s, const struct tsdb__rich *r,
                         struct buf *out);

/* s->prev becomes the sample that is read; for the first one prev.t is set by the caller. */
int tsdb__rich_get_first(struct tsdb__in *in, struct arena *a, struct tsdb__rich_stream *s);
int tsdb__rich_get_next(struct tsdb__in *in, struct arena *a, struct tsdb__rich_stream *s);

/* The values of a sealed run, n >= 1; their times are kept beside them. */
void tsdb__rich_encode(const struct tsdb__rich *r, size_t n, struct buf *out);

/* Reads exactly n samples, whose times are set, from exactly these bytes. FER_ECORRUPT. */
int tsdb__rich_decode(const uint8_t *p, size_t len, struct arena *a, struct tsdb__rich *r,
                      size_t n);

#endif
