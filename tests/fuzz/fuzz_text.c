/*
 * fuzz_text.c - any bytes as an exposition text: what is parsed, packed and decoded again is the
 * same series, samples and families. The first byte picks the format.
 */
#include "ferula/base/check.h"
#include "ferula/ingest.h"

#include "no_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_series(const struct ingest_series *series, const struct tsdb_write *w,
                         const struct tsdb_row *row)
{
    CHECK(row->id == 0 && labels_eq(w->series[row->new_series].labels, series->labels));
    CHECK(row->n == series->n_samples);
    for (size_t i = 0; i < row->n; i++) {
        const struct sample *a = &series->samples[i], *b = &w->samples[row->first + i];

        CHECK(a->t == b->t && same_bits(a->v, b->v));
    }
}

static void check_metadata(const struct ingest_text *text, const struct tsdb_write *w)
{
    CHECK(w->n_metadata == text->n_metadata);
    for (size_t i = 0; i < w->n_metadata; i++) {
        const struct metadata *a = &text->metadata[i], *b = &w->metadata[i];

        CHECK(str_eq(a->family, b->family) && a->type == b->type);
        CHECK(str_eq(a->help, b->help) && str_eq(a->unit, b->unit));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct ingest_limits limits = {64u << 20, 2048, 1u << 20, 1u << 20};
    struct ingest_text text;
    struct ingest_write *iw;
    struct arena a = {0};
    struct buf body = {0};
    struct fault f;

    if (n > 0 && ingest_parse_text(&a, (struct str){(const char *)data + 1, n - 1},
                                   (enum ingest_text_format)(data[0] % 3), 1000, &text, &f) == 0) {
        ingest_pack_v1(&body, text.series, text.n_series, text.metadata, text.n_metadata);
        CHECK(ingest_decode_v1(NULL, &a, &limits, buf_str(&body), &iw, &f) == 0);
        CHECK(iw->refused.n_label_sets == 0 && iw->write.n_rows == text.n_series);
        for (size_t i = 0; i < text.n_series; i++)
            check_series(&text.series[i], &iw->write, &iw->write.rows[i]);
        check_metadata(&text, &iw->write);
    }
    buf_release(&body);
    arena_release(&a);
    return 0;
}
