/*
 * batch.h - a write as the decoders put it together: rows, samples, new series, exemplars.
 *
 * Everything that grows is in the arena and bounded by what the largest body holds; see
 * batch_max(). A series' samples are added first, and then given to it by batch_give(), or
 * taken back by ingest__batch_refuse().
 */
#ifndef INGEST_BATCH_H
#define INGEST_BATCH_H

#include "decode.h"

struct batch {
    const struct tsdb_finder *finder; /* NULL: every series is unknown */
    struct arena *a;
    const struct ingest_opts *opts;
    struct ingest_write *iw;
    struct fault *fault;
    struct sample *samples; /* of iw->write; these are in the arena */
    struct hsample *hists;
    ts_ms *starts, *hist_starts; /* beside them; NULL: not wanted */
    struct tsdb_exemplar *exemplars;
    struct metadata *metadata;
    size_t cap_rows, cap_samples, cap_hists, cap_exemplars, cap_series, cap_metadata;
    size_t hist_bytes;    /* what the buckets of all histograms take */
    struct label_set set; /* reused for every series */
    struct tsdb_finder room;
};

/* Where the things of a series begin. */
struct batch_mark {
    size_t samples, hists, exemplars;
};

/* `db` may be NULL. The batch looks up series in it until ingest__batch_end(). */
void ingest__batch_begin(struct batch *b, struct tsdb *db, struct arena *a,
                         const struct ingest_opts *opts, struct fault *f);
void ingest__batch_end(struct batch *b);

/* The write; the batch is done with. */
struct ingest_write *ingest__batch_result(struct batch *b, enum ingest_protocol protocol);

/*
 * Elements of `size` bytes that a request may hold: as many as fill the room that its decoded bytes
 * may take. Full samples and metadata are larger on the wire than in memory, so only a request made
 * of empty ones gets there.
 */
static inline size_t batch_max(const struct batch *b, size_t size)
{
    return b->opts->limits.decoded_bytes / size;
}

int ingest__batch_grow_samples(struct batch *b); /* FER_ELIMIT */

static inline int batch_sample(struct batch *b, struct sample s)
{
    struct tsdb_write *w = &b->iw->write;
    int rc;

    if (w->n_samples == b->cap_samples) {
        rc = ingest__batch_grow_samples(b);
        if (rc < 0)
            return rc;
    }
    b->samples[w->n_samples++] = s;
    return 0;
}

/* With its start timestamp, which is kept when the options say so. */
static inline int batch_sample_from(struct batch *b, struct sample s, ts_ms start)
{
    int rc = batch_sample(b, s);

    if (rc == 0 && b->starts != NULL)
        b->starts[b->iw->write.n_samples - 1] = start;
    return rc;
}

/* A histogram with `n` buckets on both sides and `n_bounds` bounds is to come. FER_ELIMIT. */
int ingest__batch_hist_room(struct batch *b, size_t n, size_t n_bounds);
int ingest__batch_hist(struct batch *b, struct hsample h, ts_ms start);

/*
 * The labels in b->set, as they came, less empty ones; they are sorted. One with too many is
 * dropped and counted, as Prometheus does.
 */
int ingest__batch_exemplar(struct batch *b, double v, ts_ms t);
int ingest__batch_metadata(struct batch *b, const struct metadata *m);

static inline struct batch_mark batch_mark(const struct batch *b)
{
    const struct tsdb_write *w = &b->iw->write;

    return (struct batch_mark){w->n_samples, w->n_hists, w->n_exemplars};
}

static inline bool batch_is_new(const struct batch *b, const struct batch_mark *mark)
{
    const struct tsdb_write *w = &b->iw->write;

    return w->n_samples > mark->samples || w->n_hists > mark->hists ||
           w->n_exemplars > mark->exemplars;
}

static inline series_id batch_find(const struct batch *b, struct hash128 raw)
{
    return b->finder == NULL ? 0 : tsdb_finder_find(b->finder, raw);
}

/* Whether b->set may be stored (see ingest__labels_accept); if not, the answer says so. */
bool ingest__batch_accept(struct batch *b, bool v2);

/* The labels in b->set, which were accepted, as a series to be made; its index. */
uint32_t ingest__batch_series(struct batch *b, struct hash128 raw);

static inline void batch_row(struct batch *b, struct tsdb_row row)
{
    struct tsdb_write *w = &b->iw->write;

    ARENA_GROW(b->a, w->rows, w->n_rows, b->cap_rows, struct tsdb_row);
    w->rows[w->n_rows++] = row;
}

void ingest__batch_give_rest(struct batch *b, const struct batch_mark *mark, series_id id,
                             uint32_t new_series);

/* What came since the mark belongs to the series `id`, or if that is 0 to series[new_series]. */
static inline void batch_give(struct batch *b, const struct batch_mark *mark, series_id id,
                              uint32_t new_series)
{
    const struct tsdb_write *w = &b->iw->write;

    if (w->n_samples > mark->samples)
        batch_row(b, (struct tsdb_row){.id = id,
                                       .new_series = new_series,
                                       .first = (uint32_t)mark->samples,
                                       .n = (uint32_t)(w->n_samples - mark->samples)});
    if (w->n_hists > mark->hists || w->n_exemplars > mark->exemplars)
        ingest__batch_give_rest(b, mark, id, new_series);
}

/* What came since the mark is dropped. */
void ingest__batch_cut(struct batch *b, const struct batch_mark *mark);

/* What came since the mark is dropped, and its samples counted as refused for their labels. */
void ingest__batch_refuse(struct batch *b, const struct batch_mark *mark);

/* A sentence for the answer: copied when it is among the first, always counted. */
void ingest__batch_line(struct batch *b, struct str line);
/* Whether the next sentence would be kept: the others need not be made. */
static inline bool batch_wants_line(const struct batch *b)
{
    return b->iw->refused.n_lines < INGEST_LINES;
}

#endif
