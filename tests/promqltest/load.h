/*
 * load.h - what the files of the command `load` share.
 */
#ifndef PROMQLTEST_LOAD_H
#define PROMQLTEST_LOAD_H

#include "runner.h"

struct loaded_sample {
    ts_ms t, start; /* start: 0 when not known */
    double v;
    const struct histogram *h; /* NULL: a float */
};

/* A series of one `load`. */
struct loaded {
    struct labels labels;
    struct loaded_sample *samples;
    size_t n;
};

/*
 * For load_with_nhcb: of each classic histogram among the series a native one with custom buckets,
 * under the name without _bucket, _count, _sum.
 */
int load_custom_buckets(struct script *s, const struct loaded *v, size_t n);

#endif
