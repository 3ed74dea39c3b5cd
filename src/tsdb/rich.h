/*
 * rich.h - samples that are more than a time and a value: native histograms, and floats with a
 * start timestamp; and lists in which they stand beside plain floats.
 *
 * Histograms are in an arena or borrowed; a list never owns them. No state, any thread.
 */
#ifndef TSDB_RICH_H
#define TSDB_RICH_H

#include "ferula/base/arena.h"
#include "ferula/model/histogram.h"
#include "ferula/model/sample.h"
#include "ferula/model/source.h"

struct tsdb__rich {
    ts_ms t;
    ts_ms start;               /* 0: not known */
    double v;                  /* of a float */
    const struct histogram *h; /* NULL: a float */
};

struct tsdb__rich_vec {
    struct tsdb__rich *v; /* heap */
    size_t n, cap;
};

void tsdb__rich_vec_reserve(struct tsdb__rich_vec *rv, size_t more);
void tsdb__rich_vec_push(struct tsdb__rich_vec *rv, struct tsdb__rich r);
void tsdb__rich_vec_release(struct tsdb__rich_vec *rv);

/*
 * Samples of one series, ascending in time: plain floats alone in `f`, for as long as there is no
 * other, else all of them in `r`.
 */
struct tsdb__mixed {
    bool rich;
    struct sample_vec f;
    struct tsdb__rich_vec r;
    struct arena *arena; /* borrowed: for histograms that are read into it */
};

void tsdb__mixed_reset(struct tsdb__mixed *m);
void tsdb__mixed_release(struct tsdb__mixed *m);
void tsdb__mixed_enrich(struct tsdb__mixed *m); /* all of them are in `r` from here on */
size_t tsdb__mixed_count(const struct tsdb__mixed *m);
ts_ms tsdb__mixed_last(const struct tsdb__mixed *m); /* not of an empty one */

/* Brings r into the order of time; what was before another at its time stays before it. */
void tsdb__mixed_sort(struct tsdb__mixed *m);

/* Takes out what lies in `range`. The histogram after a gap has no predecessor any more. */
void tsdb__mixed_cut(struct tsdb__mixed *m, struct source_range range);

/*
 * Puts late samples, in the order of arrival, among those of `m`. At equal times what is there
 * stays, and then the first to arrive. Nothing is known of counter resets before and after a late
 * histogram. `late` is used up.
 */
void tsdb__mixed_merge(struct tsdb__mixed *m, struct tsdb__mixed *late);

/* The same of plain floats: among the samples of sv from index `from` on. `late` is sorted. */
void tsdb__merge_late(struct sample_vec *sv, size_t from, struct sample *late, size_t n);

/* Appends the samples that lie in `range` to what a source's read() gives. */
void tsdb__mixed_give(const struct tsdb__mixed *m, struct source_range range,
                      struct series_samples *out);

#endif
