/*
 * fuzz_jsonl.c - any bytes as a series in JSON: what is read is printed and read as the same.
 */
#include "ferula/base/check.h"
#include "ferula/ingest.h"
#include "ferula/model/histogram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ingest_series one, two;
    struct arena a = {0};
    struct buf line = {0};
    struct fault f;

    if (ingest_parse_jsonl(&a, (struct str){(const char *)data, n}, &one, &f) == 0) {
        if (one.n_hists > 0)
            ingest_print_jsonl_histograms(&line, one.labels, one.hists, one.n_hists);
        else
            ingest_print_jsonl(&line, one.labels, one.samples, one.n_samples);
        CHECK(ingest_parse_jsonl(&a, (struct str){line.p, line.n - 1}, &two, &f) == 0);
        CHECK(labels_eq(one.labels, two.labels) && one.n_samples == two.n_samples);
        CHECK(one.n_hists == two.n_hists);
        for (size_t i = 0; i < one.n_hists; i++)
            CHECK(one.hists[i].t == two.hists[i].t &&
                  histogram_equal(one.hists[i].h, two.hists[i].h));
        for (size_t i = 0; i < one.n_samples; i++)
            CHECK(one.samples[i].t == two.samples[i].t &&
                  same_bits(one.samples[i].v, two.samples[i].v));
    }
    buf_release(&line);
    arena_release(&a);
    return 0;
}
