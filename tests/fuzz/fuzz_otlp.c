/*
 * fuzz_otlp.c - any bytes as an OTLP request: protobuf, JSON or gzip, as the first byte says.
 */
#include "check_write.h"
#include "no_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ingest_opts opts = {
        .limits = {1u << 20, 8, 64, 256}
    };
    struct ingest_otlp in;
    struct ingest_write *iw;
    struct arena a = {0};
    struct fault f;

    if (n == 0)
        return 0;
    opts.start_timestamps = data[0] & 1;
    opts.type_and_unit_labels = data[0] & 2;
    in = (struct ingest_otlp){
        .body = {(const char *)data + 1, n - 1},
        .json = (data[0] & 4) != 0,
        .gzip = (data[0] & 8) != 0
    };
    if (ingest_decode_otlp(NULL, &a, &opts, &in, &iw, &f) == 0)
        check_write(&opts, iw);
    else
        CHECK(f.text[0] != '\0');
    arena_release(&a);
    return 0;
}
