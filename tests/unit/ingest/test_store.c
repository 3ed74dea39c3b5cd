/*
 * test_store.c - decoder and store together: bodies are written one after the other, and each has
 * its answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ferula/base/check.h"
#include "ferula/ingest.h"

#include "message.h"

static const struct {
    const char *message;
    size_t n_new; /* series that the decoder did not know by their bytes */
    int status;
    const char *text;
} writes[] = {
    {"1:{1:{1:\"__name__\" 2:\"up\"} 1:{1:\"a\" 2:\"b\"} 2:{1:f1 2:v1000}}",                  1, 204, ""                                                                                         },
    {"1:{1:{1:\"__name__\" 2:\"up\"} 1:{1:\"a\" 2:\"b\"} 2:{1:f2 2:v2000}}",                  0, 204, ""                                                                                         },
 /* The same series in other bytes is found by its labels, and then by these bytes too. */
    {"1:{1:{1:\"a\" 2:\"b\"} 1:{1:\"__name__\" 2:\"up\"} 2:{1:f2 2:v2000}}",                  1, 204, ""                                                                                         },
    {"1:{1:{1:\"a\" 2:\"b\"} 1:{1:\"__name__\" 2:\"up\"} 2:{1:f3 2:v3000}}",                  0, 204, ""                                                                                         },
    {"1:{1:{1:\"__name__\" 2:\"up\"} 1:{1:\"a\" 2:\"b\"} 2:{1:f2 2:v1500} 2:{1:f4 2:v4000}}", 0,
     400,                                                                                             "1 of 2 samples refused: out of order sample for series {__name__=\"up\", a=\"b\"} at 1500"},
    {"1:{1:{1:\"__name__\" 2:\"up\"} 1:{1:\"a\" 2:\"b\"} 2:{1:f5 2:v4000}}",                  0, 400,
     "1 of 1 samples refused: duplicate sample for timestamp 4000; overrides not allowed: existing "
     "4, new value 5 for series {__name__=\"up\", a=\"b\"}"                                                                                                                                      },
    {"1:{1:{1:\"__name__\" 2:\"x\"} 2:{2:v4000}} 1:{1:{1:\"__name__\" 2:\"x\"} 2:{2:v5000}}", 2,
     204,                                                                                             ""                                                                                         },
    {"1:{1:{1:\"__name__\" 2:\"x\"} 2:{2:v99000000}}",                                        0, 400,
     "1 of 1 samples refused: out of bounds: timestamp is too far in the future for series "
     "{__name__=\"x\"} at 99000000"                                                                                                                                                              },
    {"1:{1:{1:\"bad\" 2:\"x\"} 2:{2:v5000}} 1:{1:{1:\"__name__\" 2:\"x\"} 2:{2:v4500}}",      0, 400,
     "2 of 2 samples refused, 1 label set refused: invalid metric name or labels (no label "
     "__name__), got {bad=\"x\"}; out of order sample for series {__name__=\"x\"} at 4500"                                                                                                       },
    {"3:{1:v1 2:\"up\" 4:\"Is it?\"}",                                                        0, 204, ""                                                                                         },
};

static ts_ms at_10_s(const struct clock *c)
{
    (void)c;
    return 10000;
}

static int64_t mono(const struct clock *c)
{
    (void)c;
    return 0;
}

static void write_one(struct tsdb *db, size_t i)
{
    const struct ingest_limits limits = INGEST_LIMITS_DEFAULT;
    struct buf message = {0}, body = {0}, text = {0};
    struct ingest_write *iw;
    struct arena a = {0};
    struct fault f;

    message_fields(&message, writes[i].message);
    message_compress(&body, buf_str(&message));
    assert_int_equal(ingest_decode_v1(db, &a, &limits, buf_str(&body), &iw, &f), 0);
    assert_int_equal(iw->write.n_series, writes[i].n_new);
    tsdb_write_sync(db, &iw->write);
    assert_int_equal(ingest_answer(iw, &text), writes[i].status);
    assert_string_equal(buf_str(&text).p, writes[i].text);
    arena_release(&a);
    buf_release(&message);
    buf_release(&body);
    buf_release(&text);
}

static void test_writes(void **state)
{
    static const struct clock clock = {at_10_s, mono};
    char dir[] = "/tmp/ferula-ingest-XXXXXX", command[64];
    struct metadata *metadata;
    struct arena a = {0};
    struct tsdb *db;
    struct fault f;
    size_t n;

    (void)state;
    assert_non_null(mkdtemp(dir));
    if (tsdb_open(&db, &(struct tsdb_opts){.dir = dir, .map_bytes = 64u << 20, .clock = &clock},
                  &f) < 0)
        fail_msg("%s", f.text);
    for (size_t i = 0; i < COUNT(writes); i++)
        write_one(db, i);
    assert_int_equal(tsdb_metadata(db, &a, STR("up"), &metadata, &n, &f), 0);
    assert_int_equal(n, 1);
    assert_true(str_is(metadata[0].help, "Is it?"));
    arena_release(&a);
    tsdb_close(db);
    snprintf(command, sizeof(command), "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_writes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
