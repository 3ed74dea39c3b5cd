/*
 * test_remote_read.c - whole counts of histograms in the answers of remote read.
 */
#include "cases.h"

#include "ferula/base/check.h"
#include "ferula/ingest.h"

#include "pb.h"

/* A count, and what goes out as a count of all and as the count of a bucket. */
static const struct count_case {
    const char *name;
    double count;
    uint64_t all;
    int64_t bucket;
} counts[] = {
    {"none",                    0,             0,                 0               },
    {"small",                   3,             3,                 3               },
    {"the last exact one",      0x1p53,        UINT64_C(1) << 53, INT64_C(1) << 53},
    {"the highest of a bucket", 0x1p63,        UINT64_C(1) << 63, INT64_MAX       },
    {"below it",                0x1p63 - 1024, INT64_MAX - 1023,  INT64_MAX - 1023},
    {"the highest of all",      0x1p64,        UINT64_MAX,        INT64_MAX       },
    {"of a stale marker",       -5,            0,                 -5              },
};

static void want_series(struct buf *out, const struct count_case *c)
{
    struct buf series = {0}, h = {0}, inner = {0};

    pb_tag(&h, 1, WIRE_VARINT);
    pb_varint(&h, c->all);
    pb_f64(&h, 3, 1);
    pb_tag(&h, 6, WIRE_VARINT);
    pb_varint(&h, c->all);
    pb_u64(&inner, 2, 2); /* a span of two buckets at 0 */
    pb_bytes(&h, 11, buf_str(&inner));
    buf_reset(&inner);
    pb_varint(&inner, pb_zigzag(c->bucket));
    pb_varint(&inner, pb_zigzag((int64_t)(1 - (uint64_t)c->bucket)));
    pb_bytes(&h, 12, buf_str(&inner));
    pb_i64(&h, 15, 1000);
    pb_bytes(&series, 4, buf_str(&h));
    pb_bytes(out, 1, buf_str(&series));
    buf_release(&series);
    buf_release(&h);
    buf_release(&inner);
}

static void test_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(counts); i++) {
        const struct count_case *c = &counts[i];
        int32_t index[] = {0, 1};
        double count[] = {c->count, 1};
        const struct histogram h = {
            .integer = true,
            .count = c->count,
            .sum = 1,
            .zero_count = c->count,
            .pos = {index, count, 2}
        };
        struct hsample hs = {1000, &h};
        struct series_samples ss = {
            .h = {.v = &hs, .n = 1}
        };
        struct buf got = {0}, want = {0};

        ingest_read_add_series(&got, (struct labels){NULL, 0}, &ss);
        want_series(&want, c);
        if (!str_eq(buf_str(&got), buf_str(&want)))
            fail_msg("%s", c->name);
        buf_release(&got);
        buf_release(&want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
