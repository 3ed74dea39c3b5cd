/*
 * test_remote_write2.c - bodies of remote write 2.0 in, writes out. A case is a message (see
 * message.h), whose symbols are those of the table below, and what is made of it (see show.h).
 */
#include "ferula/base/check.h"
#include "ferula/ingest.h"

#include "bombs.h"
#include "message.h"
#include "show.h"
#include "stub_store.h"

static const struct ingest_opts plain = {
    .limits = {1u << 20, 4, 16, 32}
};
static const struct ingest_opts all = {
    .limits = {1u << 20, 4, 16, 32},
      .start_timestamps = true, .type_and_unit_labels = true
};

/* Numbers of symbols, in the order of this list. */
#define SYMBOLS                                                                                    \
    "4:\"\" 4:\"__name__\" 4:\"up\" 4:\"a\" 4:\"b\" 4:\"Is it?\" 4:\"bytes\" 4:\"known\" "         \
    "4:\"\xff\" 4:\"lat_bucket\" 4:\"lat_sum\" 4:\"__type__\" "
#define UP   "1:\"\x01\x02\" "
#define UP_A "1:\"\x03\x04\x01\x02\" "
#define ONE  "2:{1:f1 2:v7 3:v5} "

static const struct {
    const char *what;
    const struct ingest_opts *opts;
    const char *message, *want;
} cases[] = {
    {"empty request",                                         &plain, "",                                                              ""                               },
    {"one sample",                                            &plain, SYMBOLS "5:{" UP ONE "}",                                        "{__name__=\"up\"} 1@7"          },
    {"symbols behind their series",                           &plain, "5:{" UP ONE "}" SYMBOLS,                                        "{__name__=\"up\"} 1@7"          },
    {"labels unsorted, refs one by one, fields in any order", &plain,
     SYMBOLS "9:v1 5:{" ONE "1:v3 1:v4 6:v77 1:v1 1:v2 7:w1 2:{2:v9 9:\"x\"}}",
     "{__name__=\"up\", a=\"b\"} 1@7 0@9"                                                                                                                               },
    {"an empty value is no label",                            &plain, SYMBOLS "5:{=0a0401020300 " ONE "}",
     "{__name__=\"up\"} 1@7"                                                                                                                                            },
    {"known to the store",                                    &plain, SYMBOLS "5:{1:\"\x01\x07\" " ONE "}",                            "#1 1@7"                         },
    {"known in another place of the table",                   &plain,
     "4:\"\" 4:\"x\" 4:\"__name__\" 5:{1:\"\x02\x04\" " ONE "} 4:\"y\" 4:\"known\"",                                                   "#1 1@7"                         },
    {"start timestamps",                                      &all,   SYMBOLS "5:{" UP ONE "2:{2:v9} 3:{15:v11 17:v10} 3:{15:v12}}",
     "{__name__=\"up\"} 1@7/5 0@9/0; {__name__=\"up\"} {0 count:0 sum:0}@11/10 {0 count:0 "
     "sum:0}@12/0"                                                                                                                                                      },
    {"histograms",                                            &plain, SYMBOLS "5:{" UP "3:{1:v1 11:{2:v1} 12:v2 15:v3} 3:{1:v2}}",
     "{__name__=\"up\"} {0 count:1 sum:0 +0:1}@3; refused 0 sets 0 samples 1 histograms: 0 "
     "observations found in buckets, but the Count field is 2: histogram's observation count "
     "should equal the number of observations found in the buckets (in absence of NaN) for series "
     "{__name__=\"up\"}"                                                                                                                                                },
    {"exemplars",                                             &plain, SYMBOLS "5:{" UP ONE "4:{1:\"\x03\x04\" 2:f2.5 3:v8} 4:{2:f1}}",
     "{__name__=\"up\"} 1@7; exemplar {__name__=\"up\"} {a=\"b\"} 2.5@8; exemplar "
     "{__name__=\"up\"} {} 1@0"                                                                                                                                         },
    {"an exemplar alone",                                     &plain, SYMBOLS "5:{" UP "4:{2:f1 3:v8}}",
     "exemplar {__name__=\"up\"} {} 1@8"                                                                                                                                },
    {"metadata once",                                         &plain,
     SYMBOLS "5:{" UP ONE "5:{1:v2 3:v5 4:v6}} 5:{" UP_A ONE "5:{1:v2 3:v5 4:v6}}",
     "{__name__=\"up\"} 1@7; {__name__=\"up\", a=\"b\"} 1@7; up gauge 'Is it?' 'bytes'"                                                                                 },
    {"metadata of a histogram, and that of none",             &plain,
     SYMBOLS "5:{1:\"\x01\x09\" " ONE "5:{1:v3}} 5:{1:\"\x01\x0a\" " ONE "5:{1:v5}} 5:{" UP ONE
             "5:{1:v99}}",                                                                                                             "{__name__=\"lat_bucket\"} 1@7; {__name__=\"lat_sum\"} 1@7; {__name__=\"up\"} 1@7; lat "
     "histogram '' ''; lat summary '' ''"                                                                                                     },
    {"type and unit as labels",                               &all,   SYMBOLS "5:{1:\"\x01\x02\x0b\x04\" " ONE "5:{1:v1 4:v6}}",
     "{__name__=\"up\", __type__=\"counter\", __unit__=\"bytes\"} 1@7/5; up counter '' 'bytes'"                                                                         },
    {"type and unit not known",                               &all,   SYMBOLS "5:{1:\"\x01\x02\x0b\x04\" " ONE "5:{3:v5}}",
     "{__name__=\"up\", __type__=\"b\"} 1@7/5; up unknown 'Is it?' ''"                                                                                                  },

    {"odd refs",                                              &plain, SYMBOLS "5:{1:\"\x01\x02\x03\" " ONE "} 5:{" UP ONE "}",
     "{__name__=\"up\"} 1@7; refused 1 sets 1 samples 0 histograms: parsing labels for series [1 2 "
     "3]: invalid labelRefs length 3"                                                                                                                                   },
    {"refs beyond the table",                                 &plain, SYMBOLS "5:{1:\"\x01\x0c\" " ONE ONE "}",
     "refused 1 sets 2 samples 0 histograms: parsing labels for series [1 12]: labelRefs 1 (name) "
     "= 12 (value) outside of symbols table (size 12)"                                                                                                                  },
    {"no table",                                              &plain, "5:{" ONE "}",
     "refused 1 sets 1 samples 0 histograms: parsing metadata for series []: metadata unit_ref 0 "
     "outside of symbols table (size 0)"                                                                                                                                },
    {"unit beyond the table",                                 &plain, SYMBOLS "5:{" UP ONE "5:{4:v12}}",
     "refused 1 sets 1 samples 0 histograms: parsing metadata for series [1 2]: metadata unit_ref "
     "12 outside of symbols table (size 12)"                                                                                                                            },
    {"help beyond the table",                                 &plain, SYMBOLS "5:{" UP ONE "5:{3:v12}}",
     "refused 1 sets 1 samples 0 histograms: parsing metadata for series [1 2]: metadata help_ref "
     "12 outside of symbols table (size 12)"                                                                                                                            },
    {"exemplar beyond the table",                             &plain, SYMBOLS "5:{" UP ONE "4:{1:\"\x01\x7f\"}}",
     "{__name__=\"up\"} 1@7; refused 0 sets 0 samples 0 histograms: parsing exemplar for series "
     "{__name__=\"up\"}: labelRefs 1 (name) = 127 (value) outside of symbols table (size 12)"                                                                           },
    {"no name",                                               &plain, SYMBOLS "5:{1:\"\x03\x04\" " ONE "}",
     "refused 1 sets 1 samples 0 histograms: invalid metric name or labels, got {a=\"b\"}"                                                                              },
    {"no labels",                                             &plain, SYMBOLS "5:{" ONE "}",
     "refused 1 sets 1 samples 0 histograms: invalid metric name or labels, got {}"                                                                                     },
    {"no UTF-8",                                              &plain, SYMBOLS "5:{1:\"\x01\x02\x03\x08\" " ONE "}",
     "refused 1 sets 1 samples 0 histograms: invalid metric name or labels, got {__name__=\"up\", "
     "a=\"\\xff\"}"                                                                                                                                                     },
    {"a label twice",                                         &plain, SYMBOLS "5:{1:\"\x03\x04\x01\x02\x03\x02\" " ONE "}",
     "refused 1 sets 1 samples 0 histograms: invalid labels for series, labels {__name__=\"up\", "
     "a=\"b\", a=\"up\"}, duplicated label a"                                                                                                                           },
    {"too many labels",                                       &plain,
     SYMBOLS "5:{1:\"\x01\x02\x03\x04\x04\x04\x05\x04\x06\x04\" " ONE "}",
     "refused 1 sets 1 samples 0 histograms: 5 labels, more than the limit of 4, in series "
     "{__name__=\"up\", a=\"b\", b=\"b\", \"Is it?\"=\"b\"}"                                                                                                            },
    {"nothing in a series",                                   &plain, SYMBOLS "5:{" UP_A "} 5:{1:\"\x01\x07\" 5:{1:v2}}",
     "refused 0 sets 0 samples 0 histograms: TimeSeries must contain at least one sample or "
     "histogram for series {__name__=\"up\", a=\"b\"} | TimeSeries must contain at least one "
     "sample or histogram for series {__name__=\"known\"}"                                                                                                              },

    {"a message of 1.0",                                      &plain, "1:{1:{1:\"__name__\" 2:\"up\"} 2:{1:f1 2:v7}}",
     "a prometheus.WriteRequest, sent as io.prometheus.write.v2.Request"                                                                                                },
    {"metadata of 1.0",                                       &plain, "3:{1:v1}",
     "a prometheus.WriteRequest, sent as io.prometheus.write.v2.Request"                                                                                                },
    {"unknown fields alone",                                  &plain, "1:v1 9:\"x\"",                                                  ""                               },
    {"wrong type: symbols",                                   &plain, "4:v1",
     "proto: wrong wireType = 0 for field Symbols at byte 0"                                                                                                            },
    {"wrong type: refs",                                      &plain, "5:{1:f1}",
     "proto: wrong wireType = 1 for field LabelsRefs at byte 2"                                                                                                         },
    {"wrong type: start",                                     &plain, "5:{2:{3:f1}}",
     "proto: wrong wireType = 1 for field StartTimestamp at byte 4"                                                                                                     },
    {"wrong type: help",                                      &plain, "5:{5:{3:\"x\"}}",
     "proto: wrong wireType = 2 for field HelpRef at byte 4"                                                                                                            },
    {"a ref that does not end",                               &plain, "5:{1:\"\xff\"}",                                                "proto: unexpected EOF at byte 4"},
    {"no value behind a ref",                                 &plain, "5:{=08}",                                                       "proto: unexpected EOF at byte 3"},
};

static int decode(struct arena *a, const struct ingest_opts *opts, struct str message,
                  struct ingest_write **iw, struct fault *f)
{
    struct buf body = {0};
    int rc;

    message_compress(&body, message);
    rc = ingest_decode_v2(STUB_STORE, a, opts, buf_str(&body), iw, f);
    buf_release(&body);
    return rc;
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf message = {0}, got = {0};
        struct ingest_write *iw;
        struct arena a = {0};
        struct fault f;

        message_fields(&message, cases[i].message);
        if (decode(&a, cases[i].opts, buf_str(&message), &iw, &f) < 0)
            buf_puts(&got, f.text);
        else
            show(&got, iw);
        if (!str_is(buf_str(&got), cases[i].want))
            fail_msg("%s:\n got: %s\nwant: %s", cases[i].what, buf_str(&got).p, cases[i].want);
        arena_release(&a);
        buf_release(&message);
        buf_release(&got);
    }
}

/* Cut anywhere, a message is refused, or is the shorter message that ends there. */
static void test_truncation(void **state)
{
    struct buf message = {0};
    size_t whole = 0;

    (void)state;
    message_fields(&message, "4:\"\" 4:\"__name__\" 5:{" UP ONE "3:{3:f2} 4:{1:\"\x01\x01\" 2:f1} "
                             "5:{1:v1 3:v1}} 9:w1");
    for (size_t n = 0; n <= message.n; n++) {
        struct ingest_write *iw;
        struct arena a = {0};
        struct fault f;
        int rc = decode(&a, &all, (struct str){message.p, n}, &iw, &f);

        assert_true(rc == 0 || (rc == FER_EINVAL && strstr(f.text, "unexpected EOF") != NULL));
        whole += rc == 0;
        arena_release(&a);
    }
    assert_int_equal(whole, 5); /* nothing, one field, two, three, four */
    buf_release(&message);
}

static const struct bomb bombs[] = {
    {"empty symbols",         "",    "4:\"\"",       FER_ELIMIT},
    {"empty series",          "",    "5:{}",         0         },
    {"series of bad refs",    "",    "5:{1:v1}",     0         },
    {"refs",                  "5:{", "1:v0",         0         },
    {"empty samples",         "5:{", "2:{}",         FER_ELIMIT},
    {"empty histograms",      "5:{", "3:{}",         FER_ELIMIT},
    {"unsound histograms",    "5:{", "3:{8:{2:v9}}", 0         },
    {"empty exemplars",       "5:{", "4:{}",         FER_ELIMIT},
    {"exemplars of bad refs", "5:{", "4:{1:v1}",     0         },
    {"empty metadata",        "5:{", "5:{}",         0         },
};

static int decode_bomb(struct arena *a, struct str message)
{
    struct ingest_opts opts = all;
    struct ingest_write *iw;
    struct fault f;

    opts.limits.decoded_bytes = 9u << 20;
    return decode(a, &opts, message, &iw, &f);
}

static void test_bombs(void **state)
{
    (void)state;
    check_bombs(bombs, COUNT(bombs), 8u << 20, 50u << 20, decode_bomb);
}

/* What the store said of a write whose samples are all good, and the answer. */
static const struct {
    size_t n_lines, n_out_of_order, n_hist_out_of_order, n_exemplars_refused;
    int status;
    const char *text;
} answers[] = {
    {0,  0, 0, 0, 204, ""                                                                         },
    {2,  0, 0, 0, 400, "bad 0\nbad 1"                                                             },
    {11, 0, 0, 0, 400,
     "bad 0\nbad 1\nbad 2\nbad 3\nbad 4\nbad 5\nbad 6\nbad 7\nbad 8\nbad 9\nand 1 more like these"},
    {0,  1, 0, 0, 400, "out of order sample for series {__name__=\"up\"}"                         },
    {1,  1, 2, 3, 400,
     "bad 0\nout of order sample for series {__name__=\"up\"}\nand 2 more samples refused\nout of "
     "order exemplar\n3 exemplars refused"                                                        },
};

static void test_answers(void **state)
{
    static const struct label up = {STR_INIT("__name__"), STR_INIT("up")};
    static const char *const bad[] = {"bad 0", "bad 1", "bad 2", "bad 3", "bad 4",
                                      "bad 5", "bad 6", "bad 7", "bad 8", "bad 9"};

    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct ingest_write iw = {.protocol = INGEST_V2};
        struct buf text = {0};

        iw.refused.n_lines = answers[i].n_lines;
        for (size_t k = 0; k < MIN(answers[i].n_lines, INGEST_LINES); k++)
            iw.refused.lines[k] = str_of(bad[k]);
        iw.write.n_verdicts[TSDB_OUT_OF_ORDER] = answers[i].n_out_of_order;
        iw.write.n_hist_verdicts[TSDB_OUT_OF_ORDER] = answers[i].n_hist_out_of_order;
        iw.write.n_exemplars_refused = answers[i].n_exemplars_refused;
        iw.write.first_refusal = (struct tsdb_refusal){
            .why = TSDB_OUT_OF_ORDER, .labels = {&up, 1}
        };
        assert_int_equal(ingest_answer(&iw, &text), answers[i].status);
        assert_string_equal(buf_str(&text).p, answers[i].text);
        buf_release(&text);
    }
}

/* Exemplars of a series that the store does not have, and of one that it has. */
static void test_exemplars_alone(void **state)
{
    static const struct label up = {STR_INIT("__name__"), STR_INIT("up")};
    struct tsdb_new_series series[] = {
        {.labels = {&up, 1}},
        { .labels = {&up, 1},           .id = 7}
    };
    const struct tsdb_exemplar exemplars[] = {{.new_series = 0}, {.new_series = 1}, {.id = 5}};
    struct ingest_write iw = {.protocol = INGEST_V2};
    struct buf text = {0};

    (void)state;
    iw.write.series = series;
    iw.write.exemplars = exemplars;
    iw.write.n_exemplars = COUNT(exemplars);
    iw.write.n_exemplars_refused = 1;
    assert_int_equal(ingest_answer(&iw, &text), 400);
    assert_string_equal(text.p, "TimeSeries must contain at least one sample or histogram for "
                                "series {__name__=\"up\"}");
    buf_reset(&text);
    iw.write.n_exemplars_refused = 2;
    assert_int_equal(ingest_answer(&iw, &text), 400);
    assert_string_equal(text.p, "TimeSeries must contain at least one sample or histogram for "
                                "series {__name__=\"up\"}\nout of order exemplar\n2 exemplars "
                                "refused");
    buf_release(&text);
}

/* The stored and those that were there count as written; after a failure nothing does. */
static void test_written(void **state)
{
    struct ingest_write iw = {.protocol = INGEST_V2};

    (void)state;
    iw.write.n_verdicts[TSDB_STORED] = 5;
    iw.write.n_verdicts[TSDB_DUPLICATE] = 2;
    iw.write.n_verdicts[TSDB_TOO_OLD] = 1;
    iw.write.n_hist_verdicts[TSDB_STORED] = 3;
    iw.write.n_exemplars_stored = 4;
    assert_int_equal(ingest_written(&iw).samples, 7);
    assert_int_equal(ingest_written(&iw).histograms, 3);
    assert_int_equal(ingest_written(&iw).exemplars, 4);
    iw.write.n_exemplars = 6;
    iw.write.n_exemplars_stored = 0;
    assert_int_equal(ingest_written(&iw).exemplars, 6); /* the store keeps none */
    iw.write.n_exemplars_refused = 6;
    assert_int_equal(ingest_written(&iw).exemplars, 0);
    iw.write.rc = FER_EIO;
    assert_int_equal(ingest_written(&iw).samples, 0);
}

static int know_one(void **state)
{
    struct hash128 hashes[] = {hash_keyed128("__name__", 8), hash_keyed128("known", 5)};

    (void)state;
    known[n_known++] = hash_keyed128(hashes, sizeof(hashes));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),   cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_bombs),   cmocka_unit_test(test_answers),
        cmocka_unit_test(test_written), cmocka_unit_test(test_exemplars_alone),
    };

    return cmocka_run_group_tests(tests, know_one, NULL);
}
