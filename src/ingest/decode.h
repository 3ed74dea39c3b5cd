/*
 * decode.h - what the files that decode a remote-write body share.
 */
#ifndef INGEST_DECODE_H
#define INGEST_DECODE_H

#include "ferula/ingest.h"

#include "wire.h"

/*
 * Uncompresses a snappy block into the arena. The claimed length is checked against the limit and
 * against what so few bytes can hold before memory is taken. FER_ELIMIT, FER_EINVAL.
 */
int ingest__snappy_decode(struct arena *a, size_t max_bytes, struct str body, struct str *out,
                          struct fault *f);

/* The labels of one TimeSeries while it is looked at; `v` has room for limits->labels. */
struct label_set {
    struct label *v;
    size_t n;      /* in v */
    size_t n_seen; /* in the message: more than n when over the limit */
};

/* Reads the Label fields of a TimeSeries; other fields are passed over. Cost: linear. */
int ingest__labels_parse(struct wire series, size_t max_labels, struct label_set *set);

/*
 * Sorts the set and holds it against the limits. False: it is not to be stored, and *why (when it
 * is not filled yet) is a sentence in the arena.
 */
bool ingest__labels_accept(struct arena *a, const struct ingest_limits *limits,
                           struct label_set *set, struct str *why);

/* {a="b", ...}, of bounded length whatever the labels are. */
void ingest__series_print(struct buf *b, struct labels ls);

/* "what {first labels...}", of bounded length, in the arena. */
struct str ingest__series_sentence(struct arena *a, const char *what, const struct label_set *set);

/* Reads one MetricMetadata; *keep is false when it names no family or is over the limits. */
int ingest__metadata_parse(struct wire body, const struct ingest_limits *limits,
                           struct metadata *out, bool *keep);

#endif
