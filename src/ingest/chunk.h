/*
 * chunk.h - samples as Prometheus' own chunks, for readers that want them streamed.
 *
 * The formats are those of Prometheus' tsdb/chunkenc: XOR for floats, float histograms for
 * histograms, integer ones too.
 */
#ifndef INGEST_CHUNK_H
#define INGEST_CHUNK_H

#include <stddef.h>

#include "ferula/base/buf.h"
#include "ferula/model/histogram.h"
#include "ferula/model/sample.h"

/* Encodings, as Prometheus numbers them. */
#define CHUNK_XOR             1u
#define CHUNK_FLOAT_HISTOGRAM 3u

/* Samples a chunk; Prometheus' aim, too. */
#define CHUNK_SAMPLES 120

/* Appends a chunk of `n` samples, 1 to CHUNK_SAMPLES, ascending. */
void ingest__chunk_floats(struct buf *out, const struct sample *s, size_t n);

/*
 * Appends a chunk of the first samples of `h`, as many as have the same buckets and no counter
 * reset between them, at most CHUNK_SAMPLES; returns how many. n is at least 1.
 */
size_t ingest__chunk_histograms(struct buf *out, const struct hsample *h, size_t n);

#endif
