/*
 * snappy.c - one snappy block, with its claim checked first.
 */
#include <snappy-c.h>

#include "decode.h"

/*
 * A copy element of 3 bytes yields at most 64, so a block holds less than 64 times its size (22
 * times, really); who claims more lies.
 */
#define EXPANSION_MAX 64

int ingest__snappy_decode(struct arena *a, size_t max_bytes, struct str body, struct str *out,
                          struct fault *f)
{
    size_t n;
    char *p;

    if (body.n == 0 || snappy_uncompressed_length(body.p, body.n, &n) != SNAPPY_OK)
        return fault_set(f, FER_EINVAL, 0, "snappy: corrupt input");
    if (n > max_bytes)
        return fault_set(f, FER_ELIMIT, 0, "decoded size exceeds the %zu bytes limit", max_bytes);
    if (n > EXPANSION_MAX * body.n + EXPANSION_MAX)
        return fault_set(f, FER_EINVAL, 0, "snappy: corrupt input");
    p = (char *)arena_alloc_raw(a, n + 1, 1);
    if (snappy_uncompress(body.p, body.n, p, &n) != SNAPPY_OK)
        return fault_set(f, FER_EINVAL, 0, "snappy: corrupt input");
    *out = (struct str){p, n};
    return 0;
}
