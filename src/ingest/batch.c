/*
 * batch.c - putting a write together.
 */
#include "batch.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/stats.h"

#define FIRST_SAMPLES 64

void ingest__batch_begin(struct batch *b, struct tsdb *db, struct arena *a,
                         const struct ingest_opts *opts, struct fault *f)
{
    *b = (struct batch){.a = a, .opts = opts, .fault = f};
    b->iw = arena_new(a, struct ingest_write);
    b->set.v = arena_array(a, struct label, MAX(opts->limits.labels, 1));
    b->set.cap = opts->limits.labels;
    if (db != NULL) {
        tsdb_finder_begin(&b->room, db);
        b->finder = &b->room;
    }
}

void ingest__batch_end(struct batch *b)
{
    if (b->finder != NULL)
        tsdb_finder_end(&b->room);
    b->finder = NULL;
}

static void count_refused(const struct ingest_refused *r)
{
    stats_add(STAT_WRITE_REQUESTS, 1);
    stats_add(STAT_LABEL_SETS_REFUSED, r->n_label_sets);
    stats_add(STAT_HISTOGRAMS_REFUSED, r->n_histograms);
    stats_add(STAT_EXEMPLARS_DROPPED, r->n_exemplars);
}

struct ingest_write *ingest__batch_result(struct batch *b, enum ingest_protocol protocol)
{
    struct tsdb_write *w = &b->iw->write;

    w->arena = b->a;
    w->samples = b->samples;
    w->hists = b->hists;
    w->starts = b->starts;
    w->hist_starts = b->hist_starts;
    w->exemplars = b->exemplars;
    w->metadata = b->metadata;
    b->iw->protocol = protocol;
    count_refused(&b->iw->refused);
    return b->iw;
}

/* Doubles, but never beyond what may be used. */
int ingest__batch_grow_samples(struct batch *b)
{
    size_t max = batch_max(b, sizeof(struct sample)), old = b->cap_samples;
    size_t cap = MIN(MAX(old * 2, FIRST_SAMPLES), max);

    if (cap <= old)
        return fault_set(b->fault, FER_ELIMIT, 0, "more than %zu samples in a request", max);
    b->samples =
        arena_regrow(b->a, b->samples, old, cap, sizeof(*b->samples), _Alignof(struct sample));
    if (b->opts->start_timestamps)
        b->starts = arena_regrow(b->a, b->starts, old, cap, sizeof(ts_ms), _Alignof(ts_ms));
    b->cap_samples = cap;
    return 0;
}

int ingest__batch_hist_room(struct batch *b, size_t n, size_t n_bounds)
{
    size_t most = b->opts->limits.decoded_bytes;
    size_t bytes = sizeof(struct histogram) + sizeof(struct hsample) +
                   n * (sizeof(int32_t) + sizeof(double)) + n_bounds * sizeof(double);

    if (bytes > most - b->hist_bytes)
        return fault_set(b->fault, FER_ELIMIT, 0,
                         "more than %zu bytes of native histograms in a request", most);
    b->hist_bytes += bytes;
    return 0;
}

int ingest__batch_hist(struct batch *b, struct hsample h, ts_ms start)
{
    struct tsdb_write *w = &b->iw->write;
    size_t old = b->cap_hists;

    ARENA_GROW(b->a, b->hists, w->n_hists, b->cap_hists, struct hsample);
    if (b->opts->start_timestamps && b->cap_hists > old)
        b->hist_starts =
            arena_regrow(b->a, b->hist_starts, old, b->cap_hists, sizeof(ts_ms), _Alignof(ts_ms));
    if (b->hist_starts != NULL)
        b->hist_starts[w->n_hists] = start;
    b->hists[w->n_hists++] = h;
    return 0;
}

static int by_name(const void *pa, const void *pb)
{
    const struct label *a = pa, *b = pb;

    return str_cmp(a->name, b->name);
}

size_t ingest__runes(struct str s)
{
    size_t n = 0;

    for (size_t at = 0; at < s.n; n++) {
        uint32_t rune;
        size_t len = utf8_decode(str_cut(s, at), &rune);

        at += len == 0 ? 1 : len;
    }
    return n;
}

static bool is_brief(const struct label_set *set)
{
    size_t runes = 0;

    for (size_t i = 0; i < set->n && runes <= EXEMPLAR_MAX_RUNES; i++)
        runes += ingest__runes(set->v[i].name) + ingest__runes(set->v[i].value);
    return set->n_seen <= set->cap && runes <= EXEMPLAR_MAX_RUNES;
}

int ingest__batch_exemplar(struct batch *b, double v, ts_ms t)
{
    struct tsdb_write *w = &b->iw->write;
    size_t max = batch_max(b, sizeof(struct tsdb_exemplar));
    struct label *labels;

    ingest__labels_drop_empty(&b->set);
    if (!is_brief(&b->set)) {
        b->iw->refused.n_exemplars++;
        return 0;
    }
    if (w->n_exemplars >= max)
        return fault_set(b->fault, FER_ELIMIT, 0, "more than %zu exemplars in a request", max);
    if (b->set.n > 1)
        qsort(b->set.v, b->set.n, sizeof(*b->set.v), by_name);
    labels = arena_array(b->a, struct label, b->set.n);
    for (size_t i = 0; i < b->set.n; i++)
        labels[i] = b->set.v[i];
    ARENA_GROW(b->a, b->exemplars, w->n_exemplars, b->cap_exemplars, struct tsdb_exemplar);
    b->exemplars[w->n_exemplars++] = (struct tsdb_exemplar){
        .exemplar = {{labels, b->set.n}, v, t}
    };
    return 0;
}

int ingest__batch_metadata(struct batch *b, const struct metadata *m)
{
    struct tsdb_write *w = &b->iw->write;

    if (w->n_metadata >= batch_max(b, sizeof(*m)))
        return fault_set(b->fault, FER_ELIMIT, 0, "more than %zu metadata entries in a request",
                         w->n_metadata);
    ARENA_GROW(b->a, b->metadata, w->n_metadata, b->cap_metadata, struct metadata);
    b->metadata[w->n_metadata++] = *m;
    return 0;
}

bool ingest__batch_accept(struct batch *b, bool v2)
{
    struct buf why = {0};
    bool good =
        ingest__labels_accept(&b->opts->limits, &b->set, v2, batch_wants_line(b) ? &why : NULL);

    if (!good)
        ingest__batch_line(b, buf_str(&why));
    buf_release(&why);
    return good;
}

uint32_t ingest__batch_series(struct batch *b, struct hash128 raw)
{
    struct tsdb_write *w = &b->iw->write;
    struct label *v = arena_array(b->a, struct label, b->set.n);

    memcpy(v, b->set.v, b->set.n * sizeof(*v));
    ARENA_GROW(b->a, w->series, w->n_series, b->cap_series, struct tsdb_new_series);
    w->series[w->n_series] = (struct tsdb_new_series){
        .labels = {v, b->set.n},
          .raw = raw
    };
    return (uint32_t)w->n_series++;
}

void ingest__batch_give_rest(struct batch *b, const struct batch_mark *mark, series_id id,
                             uint32_t new_series)
{
    const struct tsdb_write *w = &b->iw->write;

    if (w->n_hists > mark->hists)
        batch_row(b, (struct tsdb_row){.id = id,
                                       .new_series = new_series,
                                       .first = (uint32_t)mark->hists,
                                       .n = (uint32_t)(w->n_hists - mark->hists),
                                       .hists = true});
    for (size_t i = mark->exemplars; i < w->n_exemplars; i++) {
        b->exemplars[i].id = id;
        b->exemplars[i].new_series = new_series;
    }
}

void ingest__batch_cut(struct batch *b, const struct batch_mark *mark)
{
    struct tsdb_write *w = &b->iw->write;

    w->n_samples = mark->samples;
    w->n_hists = mark->hists;
    w->n_exemplars = mark->exemplars;
}

void ingest__batch_refuse(struct batch *b, const struct batch_mark *mark)
{
    const struct tsdb_write *w = &b->iw->write;

    b->iw->refused.n_label_sets++;
    b->iw->refused.n_samples += w->n_samples - mark->samples + w->n_hists - mark->hists;
    ingest__batch_cut(b, mark);
}

void ingest__batch_line(struct batch *b, struct str line)
{
    struct ingest_refused *r = &b->iw->refused;

    if (r->n_lines < INGEST_LINES)
        r->lines[r->n_lines] = arena_str(b->a, line);
    r->n_lines++;
}
