/*
 * cardinality.h - which metrics, labels and pairs have the most series (status/tsdb).
 */
#ifndef API_CARDINALITY_H
#define API_CARDINALITY_H

#include "ferula/base/arena.h"
#include "ferula/base/err.h"
#include "ferula/base/str.h"
#include "ferula/model/source.h"
#include "ferula/tsdb.h"

struct api__count {
    struct str name;
    uint64_t n;
};

struct api__counts {
    struct api__count *v; /* largest first; in the arena */
    size_t n;
};

struct api__cardinality {
    size_t n_pairs; /* distinct name=value */
    struct api__counts series_by_metric, values_by_label, bytes_by_label, series_by_pair;
};

/*
 * Counts over the series of the newest hour, the largest `limit` of each kind. Cost: sorts all
 * label pairs of those series.
 */
int api__cardinality_read(struct source *src, struct arena *a, const struct tsdb_stats *stats,
                          size_t limit, struct api__cardinality *out, struct fault *f);

#endif
