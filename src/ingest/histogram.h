/*
 * histogram.h - native histograms off the wire, into a batch.
 */
#ifndef INGEST_HISTOGRAM_H
#define INGEST_HISTOGRAM_H

#include "batch.h"

/* Finer schemas up to this one are reduced to HISTOGRAM_SCHEMA_MAX. */
#define SCHEMA_MAX_REDUCED 52

/*
 * Reads a Histogram message and adds it to the batch. When it is no sound histogram it is not
 * added: unsound->code is set, and its text is Prometheus'. Below 0: malformed, or FER_ELIMIT.
 */
int ingest__histogram_parse(struct batch *b, struct wire body, struct fault *unsound);

/* The same for a histogram that was made otherwise, in the batch's arena. */
int ingest__histogram_accept(struct batch *b, struct histogram *h, ts_ms t, ts_ms start,
                             struct fault *unsound);

#endif
