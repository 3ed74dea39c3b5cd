/*
 * check_write.h - what holds of every write that a decoder makes, whatever the body was.
 */
#ifndef TESTS_FUZZ_CHECK_WRITE_H
#define TESTS_FUZZ_CHECK_WRITE_H

#include "ferula/base/check.h"
#include "ferula/ingest.h"

static inline void check_side(const struct histogram_side *s)
{
    for (size_t i = 1; i < s->n; i++)
        CHECK(s->index[i - 1] < s->index[i]);
}

static inline void check_histogram(const struct histogram *h)
{
    CHECK(histogram_validate(h, NULL) == 0);
    CHECK(h->schema == HISTOGRAM_CUSTOM ||
          (h->schema >= HISTOGRAM_SCHEMA_MIN && h->schema <= HISTOGRAM_SCHEMA_MAX));
    check_side(&h->pos);
    check_side(&h->neg);
}

static inline void check_labels(const struct ingest_limits *limits, struct labels ls)
{
    CHECK(ls.n > 0 && ls.n <= limits->labels && labels_has(ls, STR(LABEL_NAME)));
    for (size_t i = 0; i < ls.n; i++) {
        CHECK(ls.v[i].name.n > 0 && ls.v[i].name.n <= limits->name_bytes);
        CHECK(ls.v[i].value.n > 0 && ls.v[i].value.n <= limits->value_bytes);
        CHECK(utf8_valid(ls.v[i].name) && utf8_valid(ls.v[i].value));
        CHECK(i == 0 || str_cmp(ls.v[i - 1].name, ls.v[i].name) < 0);
    }
}

/* Rows follow each other in both lists, and nothing is left out. */
static inline void check_rows(const struct tsdb_write *w)
{
    size_t n_samples = 0, n_hists = 0;

    for (size_t i = 0; i < w->n_rows; i++) {
        const struct tsdb_row *r = &w->rows[i];
        size_t *n = r->hists ? &n_hists : &n_samples;

        CHECK(r->id != 0 || r->new_series < w->n_series);
        CHECK(r->n > 0 && r->first == *n);
        *n += r->n;
    }
    CHECK(n_samples == w->n_samples && n_hists == w->n_hists);
}

static inline void check_write(const struct ingest_opts *opts, const struct ingest_write *iw)
{
    const struct tsdb_write *w = &iw->write;
    struct buf text = {0};

    check_rows(w);
    for (size_t i = 0; i < w->n_series; i++)
        check_labels(&opts->limits, w->series[i].labels);
    for (size_t i = 0; i < w->n_hists; i++)
        check_histogram(w->hists[i].h);
    for (size_t i = 0; i < w->n_exemplars; i++)
        CHECK(w->exemplars[i].id != 0 || w->exemplars[i].new_series < w->n_series);
    CHECK(!opts->start_timestamps || w->n_samples == 0 || w->starts != NULL);
    CHECK(!opts->start_timestamps || w->n_hists == 0 || w->hist_starts != NULL);
    CHECK((ingest_answer(iw, &text) >= 400) == (iw->refused.n_lines > 0));
    CHECK(text.n < 16384);
    buf_release(&text);
}

#endif
