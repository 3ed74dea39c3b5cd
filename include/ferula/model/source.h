/*
 * source.h - where series come from: the store, a test file, a recording.
 *
 * An engine asks a source in two steps. select() finds the series and takes what it needs of their
 * samples, compressed, into the caller's arena, so that no lock or snapshot is held afterwards.
 * read() decodes one selected series at a time.
 *
 * A source may be used by any number of threads; so may a selection, but the same series of it by
 * one thread at a time.
 */
#ifndef FERULA_MODEL_SOURCE_H
#define FERULA_MODEL_SOURCE_H

#include "ferula/base/arena.h"
#include "ferula/base/err.h"
#include "ferula/model/labels.h"
#include "ferula/model/matcher.h"
#include "ferula/model/sample.h"

struct source;

struct source_range {
    ts_ms from, to; /* both inclusive */
};

/* One series of a selection; labels live in the arena given to select(). */
struct source_series {
    struct labels labels;
    void *data; /* the source's */
};

struct source_selection {
    struct source *source;
    struct source_range range;
    struct source_series *series; /* sorted by labels_cmp() */
    size_t n;
};

/* Decoded samples, ascending in time; kept by the caller and reused from series to series. */
struct sample_vec {
    struct sample *v; /* heap */
    size_t n, cap;
};

struct hsample_vec {
    struct hsample *v; /* heap; the histograms are elsewhere */
    size_t n, cap;
};

struct ts_vec {
    ts_ms *v; /* heap */
    size_t n, cap;
};

void sample_vec_reserve(struct sample_vec *sv, size_t more);
void sample_vec_push(struct sample_vec *sv, struct sample s);
void sample_vec_release(struct sample_vec *sv);
void hsample_vec_push(struct hsample_vec *hv, struct hsample h);
void hsample_vec_release(struct hsample_vec *hv);
void ts_vec_push(struct ts_vec *tv, ts_ms t);
void ts_vec_release(struct ts_vec *tv);

/*
 * All samples of a series. No float has the time of a histogram. Start timestamps (when the counter
 * began; 0: not known) stand beside their samples; where none is known the vectors are empty.
 */
struct series_samples {
    struct arena *arena; /* for the histograms that are read; the caller's */
    struct sample_vec f;
    struct hsample_vec h;
    struct ts_vec f_start, h_start; /* as many as there are in f, in h, or none */
};

/* Empties it and keeps the memory. */
void series_samples_reset(struct series_samples *ss);
void series_samples_release(struct series_samples *ss);

struct source_ops {
    /*
     * All series that satisfy every matcher and may have samples in `range`; a series without any
     * may be among them. *out is in `a`.
     */
    int (*select)(struct source *src, struct arena *a, const struct matcher *m, size_t n_matchers,
                  struct source_range range, struct source_selection **out, struct fault *f);

    /* Gives the samples of series `i` that lie in the selection's range, stale markers too. */
    int (*read)(const struct source_selection *sel, size_t i, struct series_samples *out,
                struct fault *f);

    /* Sorted, unique; of the series that satisfy the matchers (all series when there are none). */
    int (*label_names)(struct source *src, struct arena *a, const struct matcher *m,
                       size_t n_matchers, struct source_range range, struct str **out, size_t *n,
                       struct fault *f);
    int (*label_values)(struct source *src, struct arena *a, struct str name,
                        const struct matcher *m, size_t n_matchers, struct source_range range,
                        struct str **out, size_t *n, struct fault *f);
};

struct source {
    const struct source_ops *ops;
};

/* read() for who wants nothing but floats; appends to `out`. */
int source_read_floats(const struct source_selection *sel, size_t i, struct sample_vec *out,
                       struct fault *f);

/* A source of series held in memory, for tests, recordings and the simulator. */
struct mem_source;

struct mem_source *mem_source_new(void);
void mem_source_free(struct mem_source *ms);
struct source *mem_source_base(struct mem_source *ms);

/*
 * Adds samples (ascending, labels and all are copied); a series that is there already gets them
 * merged by time, a sample at the same time is replaced. Not while another thread reads.
 */
void mem_source_add(struct mem_source *ms, struct labels ls, const struct sample *s, size_t n);

/*
 * Adds one sample, a float or (h not NULL) a histogram, with the start timestamp `start` (0: not
 * known), newer than all that its series has; else FER_EINVAL and nothing is added. The histogram's
 * hint becomes what Prometheus' storage would give back: histogram_stored_hint().
 */
int mem_source_append(struct mem_source *ms, struct labels ls, ts_ms t, ts_ms start, double v,
                      const struct histogram *h);
void mem_source_clear(struct mem_source *ms);

/* Forgets what is before `t`, and series that have nothing since; gives the memory back. */
void mem_source_drop(struct mem_source *ms, ts_ms t);

#endif
