/*
 * show.h - what was made of a body, in words: rows as {labels} value@time, exemplars, then what was
 * refused, then metadata.
 */
#ifndef TESTS_INGEST_SHOW_H
#define TESTS_INGEST_SHOW_H

#include "ferula/base/num.h"
#include "ferula/ingest.h"

static inline void show_series(struct buf *b, const struct tsdb_write *w, series_id id,
                               uint32_t new_series)
{
    if (id != 0)
        buf_addf(b, "#%u", id);
    else
        labels_print(b, w->series[new_series].labels);
}

static inline void show_side(struct buf *b, char sign, const struct histogram_side *s)
{
    for (size_t i = 0; i < s->n; i++) {
        buf_addf(b, " %c%d:", sign, s->index[i]);
        buf_add_num(b, s->count[i], 'g');
    }
}

/* {schema:0 count:3 sum:1 zero:0,0.5 +1:2 -2:1 bounds:1,2 hint} and f behind a float's. */
static inline void show_hist(struct buf *b, const struct histogram *h)
{
    static const char *const hints[] = {"", " reset", " not_reset", " gauge"};

    buf_addf(b, "{%d count:", h->schema);
    buf_add_num(b, h->count, 'g');
    buf_puts(b, " sum:");
    if (is_stale(h->sum))
        buf_puts(b, "stale");
    else
        buf_add_num(b, h->sum, 'g');
    if (h->zero_count != 0 || h->zero_threshold != 0) {
        buf_puts(b, " zero:");
        buf_add_num(b, h->zero_threshold, 'g');
        buf_putc(b, ',');
        buf_add_num(b, h->zero_count, 'g');
    }
    show_side(b, '+', &h->pos);
    show_side(b, '-', &h->neg);
    for (size_t i = 0; i < h->n_bounds; i++) {
        buf_puts(b, i == 0 ? " bounds:" : ",");
        buf_add_num(b, h->bounds[i], 'g');
    }
    buf_addf(b, "%s}%s", hints[h->hint], h->integer ? "" : "f");
}

static inline void show_row(struct buf *b, const struct tsdb_write *w, const struct tsdb_row *row)
{
    show_series(b, w, row->id, row->new_series);
    for (size_t i = row->first; i < row->first + row->n; i++) {
        const ts_ms *starts = row->hists ? w->hist_starts : w->starts;

        buf_putc(b, ' ');
        if (row->hists)
            show_hist(b, w->hists[i].h);
        else if (is_stale(w->samples[i].v))
            buf_puts(b, "stale");
        else
            buf_add_num(b, w->samples[i].v, 'g');
        buf_addf(b, "@%lld", (long long)(row->hists ? w->hists[i].t : w->samples[i].t));
        if (starts != NULL)
            buf_addf(b, "/%lld", (long long)starts[i]);
    }
    buf_puts(b, "; ");
}

static inline void show_exemplar(struct buf *b, const struct tsdb_write *w,
                                 const struct tsdb_exemplar *e)
{
    buf_puts(b, "exemplar ");
    show_series(b, w, e->id, e->new_series);
    buf_putc(b, ' ');
    labels_print(b, e->exemplar.labels);
    buf_putc(b, ' ');
    buf_add_num(b, e->exemplar.v, 'g');
    buf_addf(b, "@%lld; ", (long long)e->exemplar.t);
}

static inline void show_refused(struct buf *b, const struct ingest_refused *r)
{
    if (r->n_label_sets + r->n_samples + r->n_histograms + r->n_lines > 0)
        buf_addf(b, "refused %zu sets %zu samples %zu histograms", r->n_label_sets, r->n_samples,
                 r->n_histograms);
    for (size_t i = 0; i < r->n_lines && i < INGEST_LINES; i++)
        buf_addf(b, "%s" STR_FMT, i == 0 ? ": " : " | ", STR_ARG(r->lines[i]));
    if (r->n_label_sets + r->n_samples + r->n_histograms + r->n_lines > 0)
        buf_puts(b, "; ");
    if (r->n_exemplars > 0)
        buf_addf(b, "%zu exemplars dropped; ", r->n_exemplars);
}

static inline void show(struct buf *b, const struct ingest_write *iw)
{
    const struct tsdb_write *w = &iw->write;

    for (size_t i = 0; i < w->n_rows; i++)
        show_row(b, w, &w->rows[i]);
    for (size_t i = 0; i < w->n_exemplars; i++)
        show_exemplar(b, w, &w->exemplars[i]);
    show_refused(b, &iw->refused);
    for (size_t i = 0; i < w->n_metadata; i++) {
        const struct metadata *m = &w->metadata[i];

        buf_addf(b, STR_FMT " %s '" STR_FMT "' '" STR_FMT "'; ", STR_ARG(m->family),
                 metric_type_text(m->type), STR_ARG(m->help), STR_ARG(m->unit));
    }
    if (b->n > 0)
        b->n -= 2;
    buf_putc(b, '\0');
    b->n--;
}

#endif
