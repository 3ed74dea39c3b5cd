/*
 * fuzz_remote_write2.c - any bytes as a message of remote write 2.0, with and without the options
 * that its first byte picks. The same message decodes to the same twice, and a store that knows all
 * series is asked for each by a hash that does not depend on the table of symbols.
 */
#include <snappy-c.h>
#include <stdlib.h>

#include "check_write.h"
#include "no_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void run(const struct ingest_opts *opts, struct str body)
{
    struct ingest_write *iw, *again;
    struct arena a = {0};
    struct fault f;

    if (ingest_decode_v2(NULL, &a, opts, body, &iw, &f) == 0) {
        check_write(opts, iw);
        CHECK(ingest_decode_v2(NULL, &a, opts, body, &again, NULL) == 0);
        CHECK(again->write.n_series == iw->write.n_series);
        for (size_t i = 0; i < iw->write.n_series; i++)
            CHECK(hash128_eq(again->write.series[i].raw, iw->write.series[i].raw));
    }
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ingest_opts opts = {
        .limits = {1u << 20, 8, 64, 256}
    };
    size_t packed;
    char *body;

    if (n == 0)
        return 0;
    opts.start_timestamps = data[0] & 1;
    opts.type_and_unit_labels = data[0] & 2;
    packed = snappy_max_compressed_length(n - 1);
    body = malloc(packed);
    CHECK(body != NULL &&
          snappy_compress((const char *)data + 1, n - 1, body, &packed) == SNAPPY_OK);
    run(&opts, (struct str){body, packed});
    free(body);
    return 0;
}
