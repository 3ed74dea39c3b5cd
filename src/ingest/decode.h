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

/* The same for gzip, whose size shows while it is uncompressed. */
int ingest__gzip_decode(struct arena *a, size_t max_bytes, struct str body, struct str *out,
                        struct fault *f);

/* The labels of one TimeSeries while it is looked at; `v` has room for limits->labels. */
struct label_set {
    struct label *v;
    size_t cap;
    size_t n;      /* in v */
    size_t n_seen; /* in the message: more than n when over cap */
};

static inline void label_set_add(struct label_set *set, struct str name, struct str value)
{
    if (set->n_seen++ < set->cap)
        set->v[set->n++] = (struct label){name, value};
}

/* Reads the Label fields of a TimeSeries or Exemplar; others are passed over. Cost: linear. */
int ingest__labels_parse(struct wire series, struct label_set *set);

/* Code points; a byte that is no part of one counts as one, as in Go. */
size_t ingest__runes(struct str s);

/* A label without a value is no label. */
void ingest__labels_drop_empty(struct label_set *set);

/*
 * Sorts the set and holds it against the limits. False: it is not to be stored, and a sentence on
 * it is appended to *why (which may be NULL); `v2`: as Prometheus' receiver of remote write 2.0
 * says it.
 */
bool ingest__labels_accept(const struct ingest_limits *limits, struct label_set *set, bool v2,
                           struct buf *why);

/* {a="b", ...}, of bounded length whatever the labels are. */
void ingest__series_print(struct buf *b, struct labels ls);

/* False when it names no family or is no UTF-8; long texts are cut. */
bool ingest__metadata_accept(const struct ingest_limits *limits, struct metadata *m);

/* Reads one MetricMetadata; *keep is what ingest__metadata_accept() says. */
int ingest__metadata_parse(struct wire body, const struct ingest_limits *limits,
                           struct metadata *out, bool *keep);

#endif
