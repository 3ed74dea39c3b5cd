/*
 * test_remote_write.c - bodies in, writes out. A case is a message (see message.h) and what is made
 * of it in words: rows as {labels} value@time, then what was refused, then metadata.
 */
#include "ferula/base/check.h"
#include "ferula/base/num.h"
#include "ferula/ingest.h"

#include "bombs.h"
#include "message.h"
#include "show.h"
#include "stub_store.h"

static const struct ingest_limits small = {1u << 20, 4, 16, 32};
static const struct ingest_limits usual = INGEST_LIMITS_DEFAULT;

static int decode(struct arena *a, const struct ingest_limits *limits, struct str message,
                  struct ingest_write **iw, struct fault *f)
{
    struct buf body = {0};
    int rc;

    message_compress(&body, message);
    rc = ingest_decode_v1(STUB_STORE, a, limits, buf_str(&body), iw, f);
    buf_release(&body);
    return rc;
}

#define CHARS_127                                                                                  \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "123456789012345678901234567890123456"

#define UP "1:{1:\"__name__\" 2:\"up\"}"

static const struct {
    const char *what, *message, *want;
} cases[] = {
    {"empty request",                                               "",                                                                       ""                                                                                                        },
    {"one sample",                                                  "1:{" UP " 2:{1:f1.5 2:v1000}}",                                          "{__name__=\"up\"} 1.5@1000"                                                                              },
    {"two samples, two series",
     "1:{" UP " 2:{1:f1 2:v1} 2:{1:f2 2:v2}} 1:{1:{1:\"__name__\" 2:\"a\"} 2:{}}",
     "{__name__=\"up\"} 1@1 2@2; {__name__=\"a\"} 0@0"                                                                                                                                                                                                  },
    {"samples before labels",                                       "1:{2:{1:f1 2:v1} " UP "}",                                               "{__name__=\"up\"} 1@1"                                                                                   },
    {"labels around samples",                                       "1:{" UP " 2:{1:f1 2:v1} 1:{1:\"a\" 2:\"b\"} 2:{1:f2 2:v2}}",
     "{__name__=\"up\", a=\"b\"} 1@1 2@2"                                                                                                                                                                                                               },
    {"unsorted labels",                                             "1:{1:{1:\"z\" 2:\"1\"} " UP " 1:{2:\"2\" 1:\"b\"} 2:{}}",
     "{__name__=\"up\", b=\"2\", z=\"1\"} 0@0"                                                                                                                                                                                                          },
    {"empty value is no label",                                     "1:{" UP " 1:{1:\"b\"} 2:{}}",                                            "{__name__=\"up\"} 0@0"                                                                                   },
    {"UTF-8 names",                                                 "1:{1:{1:\"__name__\" 2:\"my.metric\"} 1:{1:\"\xc3\xa9\" 2:\"x\"} 2:{}}",
     "{__name__=\"my.metric\", \"\xc3\xa9\"=\"x\"} 0@0"                                                                                                                                                                                                 },
    {"the same new series twice",                                   "1:{" UP " 2:{2:v1}} 1:{" UP " 2:{2:v2}}",
     "{__name__=\"up\"} 0@1; {__name__=\"up\"} 0@2"                                                                                                                                                                                                     },
    {"series without samples",                                      "1:{" UP "}",                                                             ""                                                                                                        },
    {"stale marker",                                                "1:{" UP " 2:{1:b7ff0000000000002 2:v9}}",                                "{__name__=\"up\"} stale@9"                                                                               },
    {"negative time",                                               "1:{" UP " 2:{1:f1 2:v-5}}",                                              "{__name__=\"up\"} 1@-5"                                                                                  },
    {"last scalar wins",                                            "1:{" UP " 2:{1:f1 1:f2 2:v3 2:v4}}",                                     "{__name__=\"up\"} 2@4"                                                                                   },
    {"unknown fields are skipped",
     "7:v300 8:w1 9:b1 10:{1:v1} 1:{" UP " 9:\"x\" 2:{1:f1 3:v1 4:w2 2:v1}}",
     "{__name__=\"up\"} 1@1"                                                                                                                                                                                                                            },
    {"known to the store",                                          "1:{1:{1:\"__name__\" 2:\"known\"} 2:{1:f1 2:v1}}",                       "#1 1@1"                                                                                                  },
    {"known, though samples lie between",                           "1:{2:{2:v1} 1:{1:\"__name__\" 2:\"known\"} 2:{2:v2}}",
     "#1 0@1 0@2"                                                                                                                                                                                                                                       },
    {"metadata",
     "3:{1:v1 2:\"http_requests\" 4:\"Requests.\" 5:\"reqs\"} 3:{2:\"x\" 1:v99} 3:{1:v1}",                                                    "http_requests counter 'Requests.' 'reqs'; x unknown '' ''"                                               },
    {"exemplars",                                                   "1:{" UP " 2:{2:v1} 3:{1:{1:\"id\" 2:\"x\"} 2:f1.5 3:v7} 3:{}}",
     "{__name__=\"up\"} 0@1; exemplar {__name__=\"up\"} {id=\"x\"} 1.5@7; exemplar {__name__=\"up\"} {} 0@0"                                                                                                                                            },
    {"an exemplar before the labels, sorted, less the empty one",
     "1:{3:{2:f1 1:{1:\"b\" 2:\"2\"} 1:{1:\"c\"} 3:v7 1:{1:\"a\" 2:\"1\"}} 1:{1:\"__name__\" 2:\"known\"}}",
     "exemplar #1 {a=\"1\", b=\"2\"} 1@7"                                                                                                                                                                                                               },
    {"an exemplar with too many labels",
     "1:{" UP " 3:{1:{1:\"a\" 2:\"1\"} 1:{1:\"b\" 2:\"1\"} 1:{1:\"c\" 2:\"1\"} "
     "1:{1:\"d\" 2:\"1\"} 1:{1:\"e\" 2:\"1\"}}}",                                                                                             "1 exemplars dropped"                                                                                     },
    {"an exemplar of 128 characters, and of 129",
     "1:{" UP " 2:{} 3:{1:{1:\"a\" 2:\"" CHARS_127 "\"}} 3:{1:{1:\"ab\" 2:\"" CHARS_127 "\"}}}",
     "{__name__=\"up\"} 0@0; exemplar {__name__=\"up\"} {a=\"" CHARS_127
     "\"} 0@0; 1 exemplars dropped"                                                                                                                                                                                                                     },
    {"a histogram of whole counts",
     "1:{" UP " 4:{1:v6 3:f1.5 4:v2 5:f0.5 6:v1 11:{1:v2 2:v2} 11:{1:v2 2:v1} 12:{=02020101} "
     "12:v1 14:v2 15:v9}}",                                                                                                                   "refused 0 sets 0 samples 1 histograms: positive side: spans need 3 buckets, have 5 buckets: "
     "histogram spans specify different number of buckets than provided for series {__name__=\"up\"}"                                                                                                                        },
    {"a histogram of whole counts, packed and not",
     "1:{" UP " 4:{1:v5 3:f1.5 4:v2 5:f0.5 6:v1 11:{1:v2 2:v2} 11:{1:v2 2:v1} 12:\"\x02\x02\" "
     "12:v1 14:v2 15:v9} 4:{1:v3 3:b7ff0000000000002 8:{1:v3 2:v1} 9:v6 15:v10 14:v9}}",                                                      "{__name__=\"up\"} {1 count:5 sum:1.5 zero:0.5,1 +1:1 +2:2 +4:1 not_reset}@9 {0 count:3 "
     "sum:stale --2:3}@10"                                                                                                                                      },
    {"a histogram of floats, deltas passed over",
     "1:{" UP
     " 4:{1:v9 2:f4.5 7:f0.5 11:{2:v2} 12:v2 13:{=000000000000f83f0000000000000440} 15:v3} "
     "2:{2:v4}}",                                                                                                                             "{__name__=\"up\"} 0@4; {__name__=\"up\"} {0 count:4.5 sum:0 zero:0,0.5 +0:1.5 +1:2.5}f@3"                },
    {"custom buckets",
     "1:{" UP " 4:{1:v3 4:v105 11:{2:v2} 12:\"\x02\x02\" "
     "16:{=000000000000f03f0000000000000040} 15:v3}}",                                                                                        "{__name__=\"up\"} {-53 count:3 sum:0 +0:1 +1:2 bounds:1,2}@3"                                            },
    {"a schema that is too fine is reduced",
     "1:{" UP " 4:{1:v3 4:v104 11:{1:v1 2:v2} 12:\"\x02\x02\"} 4:{4:v106}}",
     "{__name__=\"up\"} {8 count:3 sum:0 +0:3}@0; refused 0 sets 0 samples 1 histograms: histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, or -53 for custom buckets, got schema 53 for series {__name__=\"up\"}"},
    {"custom buckets with a negative side",                         "1:{" UP " 4:{4:v105 8:{2:v1} 9:v0}}",
     "refused 0 sets 0 samples 1 histograms: custom buckets: must not have negative spans for series {__name__=\"up\"}"                                                                                                                                 },
    {"a span that goes back",                                       "1:{" UP " 4:{11:{1:v1 2:v1} 11:{1:v1 2:v1} 12:\"\x01\x01\"}}",
     "refused 0 sets 0 samples 1 histograms: positive side: span number 2 with offset -1: histogram "
     "has a span whose offset is negative for series {__name__=\"up\"}"                                                                                                                                                                                 },
    {"spans of 2^32 buckets cost nothing",                          "1:{" UP " 4:{8:{2:v4294967295} 8:{2:v4294967295}}}",
     "refused 0 sets 0 samples 1 histograms: negative side: spans need 8589934590 buckets, have 0 "
     "buckets: histogram spans specify different number of buckets than provided for series "
     "{__name__=\"up\"}"                                                                                                                                                                                                                                },
    {"a bucket index over 31 bits",
     "1:{" UP " 4:{11:{1:v4294967294 2:v1} 11:{1:v4 2:v1} 12:\"\x01\x01\"}}",
     "refused 0 sets 0 samples 1 histograms: positive side: histogram has a bucket beyond index 2^31 "
     "for series {__name__=\"up\"}"                                                                                                                                                                                                                     },
    {"an unsound histogram of a known series, beside good samples",
     "1:{1:{1:\"__name__\" 2:\"known\"} 4:{1:v99 11:{2:v1} 12:v2} 2:{2:v1} 4:{1:v1 12:v2 11:{2:v1}}}",
     "#1 0@1; #1 {0 count:1 sum:0 +0:1}@0; refused 0 sets 0 samples 1 histograms: 1 observations "
     "found in buckets, but the Count field is 99: histogram's observation count should equal the "
     "number of observations found in the buckets (in absence of NaN) for series {__name__=\"known\"}"                                                                                                                                                  },
    {"histograms of a refused label set",                           "1:{1:{1:\"a\" 2:\"b\"} 4:{} 4:{1:v1} 2:{}}",
     "refused 1 sets 3 samples 0 histograms: invalid metric name or labels (no label __name__), got {a=\"b\"}"                                                                                                                                          },

    {"no labels",                                                   "1:{2:{} 2:{}} 1:{}",
     "refused 2 sets 2 samples 0 histograms: invalid metric name or labels (no label __name__), got {} "
     "| invalid metric name or labels (no label __name__), got {}"                                                                                                                                                                                      },
    {"no name",                                                     "1:{1:{1:\"a\" 2:\"b\"} 2:{}} 1:{" UP " 2:{2:v7}}",
     "{__name__=\"up\"} 0@7; refused 1 sets 1 samples 0 histograms: invalid metric name or labels "
     "(no label __name__), got {a=\"b\"}"                                                                                                                                                                                                               },
    {"empty name",                                                  "1:{1:{1:\"__name__\" 2:\"\"} 2:{}}",
     "refused 1 sets 1 samples 0 histograms: invalid metric name or labels (no label __name__), got {}"                                                                                                                                                 },
    {"empty label name",                                            "1:{" UP " 1:{2:\"b\"} 2:{}}",
     "refused 1 sets 1 samples 0 histograms: invalid metric name or labels (label name is empty), "
     "got {\"\"=\"b\", __name__=\"up\"}"                                                                                                                                                                                                                },
    {"duplicate label",                                             "1:{" UP " 1:{1:\"a\" 2:\"1\"} 1:{1:\"a\" 2:\"2\"} 2:{}}",
     "refused 1 sets 1 samples 0 histograms: invalid metric name or labels (label \"a\" is there "
     "twice), got {__name__=\"up\", a=\"1\", a=\"2\"}"                                                                                                                                                                                                  },
    {"invalid UTF-8 value",                                         "1:{" UP " 1:{1:\"a\" 2:\"\xff\"} 2:{}}",
     "refused 1 sets 1 samples 0 histograms: invalid metric name or labels (label \"a\" has a "
     "value that is not valid UTF-8), got {__name__=\"up\", a=\"\\xff\"}"                                                                                                                                                                               },
    {"invalid UTF-8 name",                                          "1:{" UP " 1:{1:\"\xc0\x80\" 2:\"x\"} 2:{}}",
     "refused 1 sets 1 samples 0 histograms: invalid metric name or labels (label \"\\xc0\\x80\" "
     "has a name that is not valid UTF-8), got {__name__=\"up\", \"\\xc0\\x80\"=\"x\"}"                                                                                                                                                                 },
    {"too many labels",                                             "1:{" UP " 1:{1:\"a\"} 1:{1:\"b\"} 1:{1:\"c\"} 1:{1:\"d\"} 2:{}}",
     "refused 1 sets 1 samples 0 histograms: 5 labels, more than the limit of 4, in series "
     "{__name__=\"up\"}"                                                                                                                                                                                                                                },
    {"name too long",                                               "1:{" UP " 1:{1:\"a2345678901234567\" 2:\"x\"} 2:{}}",
     "refused 1 sets 1 samples 0 histograms: a label name has 17 bytes, more than the limit of 16, "
     "in series {__name__=\"up\", a2345678901234567=\"x\"}"                                                                                                                                                                                             },
    {"metric name too long",                                        "1:{1:{1:\"__name__\" 2:\"a2345678901234567\"} 2:{}}",
     "refused 1 sets 1 samples 0 histograms: the value of label __name__ has 17 bytes, more than "
     "the limit of 16, in series {__name__=\"a2345678901234567\"}"                                                                                                                                                                                      },
    {"value too long",                                              "1:{" UP " 1:{1:\"a\" 2:\"a23456789012345678901234567890123\"} 2:{}}",
     "refused 1 sets 1 samples 0 histograms: the value of label a has 33 bytes, more than the "
     "limit of 32, in series {__name__=\"up\", a=\"a23456789012345678901234567890123\"}"                                                                                                                                                                },

    {"wrong type: timeseries",                                      "1:v1",                                                                   "proto: wrong wireType = 0 for field Timeseries at byte 0"                                                },
    {"wrong type: metadata",                                        "3:f1",                                                                   "proto: wrong wireType = 1 for field Metadata at byte 0"                                                  },
    {"wrong type: labels",                                          "1:{1:v1}",                                                               "proto: wrong wireType = 0 for field Labels at byte 2"                                                    },
    {"wrong type: samples",                                         "1:{2:f1}",                                                               "proto: wrong wireType = 1 for field Samples at byte 2"                                                   },
    {"wrong type: name",                                            "1:{1:{1:v1}}",                                                           "proto: wrong wireType = 0 for field Name at byte 4"                                                      },
    {"wrong type: value",                                           "1:{2:{1:v1}}",                                                           "proto: wrong wireType = 0 for field Value at byte 4"                                                     },
    {"wrong type: time",                                            "1:{2:{2:f1}}",                                                           "proto: wrong wireType = 1 for field Timestamp at byte 4"                                                 },
    {"wrong type: help",                                            "3:{4:v1}",                                                               "proto: wrong wireType = 0 for field Help at byte 2"                                                      },
    {"wrong type: in an exemplar",                                  "1:{3:{1:{1:v1}}}",
     "proto: wrong wireType = 0 for field Name at byte 6"                                                                                                                                                                                               },
    {"wrong type: in a histogram",                                  "1:{4:{8:{1:f1}}}",
     "proto: wrong wireType = 1 for field Offset at byte 6"                                                                                                                                                                                             },
    {"half a double in a packed field",                             "1:{4:{10:\"1234567\"}}",
     "proto: unexpected EOF at byte 6"                                                                                                                                                                                                                  },
    {"field 0",                                                     "=0000",                                                                  "proto: illegal tag at byte 0"                                                                            },
    {"field 2^29",                                                  "=8080808010",                                                            "proto: illegal tag at byte 0"                                                                            },
    {"tag of six bytes",                                            "=8a8080808000",                                                          "proto: illegal tag at byte 0"                                                                            },
    {"group",                                                       "=0b0c",                                                                  "proto: wrong wireType = 3 for field Timeseries at byte 0"                                                },
    {"unknown group",                                               "=3b3c",                                                                  "proto: illegal wireType at byte 0"                                                                       },
    {"wire type 7",                                                 "=3f",                                                                    "proto: illegal wireType at byte 0"                                                                       },
    {"length over the end",                                         "=0a05",                                                                  "proto: unexpected EOF at byte 2"                                                                         },
    {"length of 4 GiB",                                             "=0affffffff0f",                                                          "proto: unexpected EOF at byte 6"                                                                         },
    {"length over 32 bits",                                         "=0affffffffff01",                                                        "proto: invalid length at byte 1"                                                                         },
    {"inner length over the outer end",                             "=0a0212050a00",                                                          "proto: unexpected EOF at byte 4"                                                                         },
    {"varint of 11 bytes",                                          "=38ffffffffffffffffffff01",                                              "proto: integer overflow at byte 1"                                                                       },
    {"varint over 64 bits",                                         "=38ffffffffffffffffff02",                                                "proto: integer overflow at byte 1"                                                                       },
    {"varint that does not end",                                    "=38ff",                                                                  "proto: unexpected EOF at byte 1"                                                                         },
    {"half a double",                                               "=0a051203093fff",                                                        "proto: unexpected EOF at byte 5"                                                                         },
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf message = {0}, got = {0};
        struct ingest_write *iw;
        struct arena a = {0};
        struct fault f;

        message_fields(&message, cases[i].message);
        if (decode(&a, &small, buf_str(&message), &iw, &f) < 0)
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

static const struct {
    const char *what, *body;
    size_t n;
    int rc;
    const char *text;
} bodies[] = {
    {"no byte",                      "",                                 0,  FER_EINVAL, "snappy: corrupt input"},
    {"decoded length 0",             "\x00",                             1,  0,          ""                     },
    {"length that does not end",     "\xff\xff",                         2,  FER_EINVAL, "snappy: corrupt input"},
    {"claims 4 GiB less one",        "\xff\xff\xff\xff\x0f",             5,  FER_ELIMIT,
     "decoded size exceeds the 33554432 bytes limit"                                                            },
    {"claims 32 MiB and one",        "\x81\x80\x80\x10",                 4,  FER_ELIMIT,
     "decoded size exceeds the 33554432 bytes limit"                                                            },
    {"claims 32 MiB in a few bytes", "\x80\x80\x80\x10",                 4,  FER_EINVAL, "snappy: corrupt input"},
    {"claims more than there is",    "\x05\x04z",                        3,  FER_EINVAL, "snappy: corrupt input"},
    {"claims less than there is",    "\x01\x04zz",                       4,  FER_EINVAL, "snappy: corrupt input"},
    {"framed snappy",                "\xff\x06\x00\x00sNaPpY",           10, FER_EINVAL, "snappy: corrupt input"},
    {"gzip",                         "\x1f\x8b\x08\x00\x00\x00\x00\x00", 8,  FER_EINVAL, "snappy: corrupt input"},
    {"text",                         "up 1\n",                           5,  FER_EINVAL, "snappy: corrupt input"},
};

static void test_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct ingest_write *iw = NULL;
        struct arena a = {0};
        struct fault f = {0};
        int rc =
            ingest_decode_v1(NULL, &a, &usual, (struct str){bodies[i].body, bodies[i].n}, &iw, &f);

        if (rc != bodies[i].rc || strcmp(f.text, bodies[i].text) != 0)
            fail_msg("%s: got %d %s", bodies[i].what, rc, f.text);
        assert_true(a.used_bytes < 64 << 10);
        arena_release(&a);
    }
}

/* Cut anywhere, a message is refused, or is the shorter message that ends there. */
static void test_truncation(void **state)
{
    struct buf message = {0};
    size_t whole = 0;

    (void)state;
    message_fields(&message,
                   "1:{" UP " 1:{1:\"a\" 2:\"b\"} 2:{1:f1 2:v1700000000000} 3:{2:f1} 4:{3:f2}}"
                   " 3:{1:v1 2:\"up\" 4:\"h\"} 9:w1");
    for (size_t n = 0; n <= message.n; n++) {
        struct ingest_write *iw;
        struct arena a = {0};
        struct fault f;
        int rc = decode(&a, &small, (struct str){message.p, n}, &iw, &f);

        assert_true(rc == 0 || (rc == FER_EINVAL && strstr(f.text, "unexpected EOF") != NULL));
        whole += rc == 0;
        arena_release(&a);
    }
    assert_int_equal(whole, 4); /* nothing, one field, two, three */
    buf_release(&message);
}

static void test_many_labels(void **state)
{
    struct buf message = {0}, series = {0};
    struct ingest_write *iw;
    struct arena a = {0};
    struct fault f;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        struct buf label = {0}, name = {0};

        buf_addf(&name, "l%d", i);
        message_bytes(&label, 1, name.p, name.n);
        message_bytes(&label, 2, "v", 1);
        message_bytes(&series, 1, label.p, label.n);
        buf_release(&label);
        buf_release(&name);
    }
    message_bytes(&series, 2, "", 0);
    message_bytes(&message, 1, series.p, series.n);
    assert_int_equal(decode(&a, &usual, buf_str(&message), &iw, &f), 0);
    assert_int_equal(iw->refused.n_label_sets, 1);
    assert_int_equal(iw->refused.n_samples, 1);
    assert_true(str_starts(iw->refused.lines[0],
                           "10000 labels, more than the limit of 256, in series {l0=\"v\", "));
    assert_true(iw->refused.lines[0].n < 800 && str_ends(iw->refused.lines[0], "}..."));
    arena_release(&a);
    buf_release(&message);
    buf_release(&series);
}

static const struct bomb bombs[] = {
    {"empty series",         "",    "1:{}",                                        0         },
    {"unknown varints",      "",    "9:v0",                                        0         },
    {"empty metadata",       "",    "3:{}",                                        0         },
    {"empty samples",        "1:{", "2:{}",                                        FER_ELIMIT},
    {"empty labels",         "1:{", "1:{}",                                        0         },
    {"empty exemplars",      "1:{", "3:{}",                                        FER_ELIMIT},
    {"empty histograms",     "1:{", "4:{}",                                        FER_ELIMIT},
    {"short metadata",       "",    "3:{2:\"a\"}",                                 FER_ELIMIT},
    {"series of bad labels", "",    "1:{1:{} 1:{} 1:{} 1:{} 1:{} 1:{} 1:{} 1:{}}", 0         },
};

static int decode_bomb(struct arena *a, struct str message)
{
    struct ingest_limits limits = usual;
    struct ingest_write *iw;
    struct fault f;

    limits.decoded_bytes = 9u << 20;
    return decode(a, &limits, message, &iw, &f);
}

static void test_bombs(void **state)
{
    (void)state;
    check_bombs(bombs, COUNT(bombs), 8u << 20, 40u << 20, decode_bomb);
}

static void test_pack(void **state)
{
    static const struct label up[] = {
        {STR_INIT("__name__"), STR_INIT("up")  },
        {STR_INIT("job"),      STR_INIT("a\0b")}
    };
    static const struct label other[] = {
        {STR_INIT("__name__"), STR_INIT("x.y")}
    };
    const struct sample samples[] = {
        {1,  f64_from_bits(STALE_NAN_BITS)},
        {2,  -0.0                         },
        {-3, 1e300                        }
    };
    const struct ingest_series series[] = {
        {.labels = {up, 2},    .samples = samples, .n_samples = 3},
        {.labels = {other, 1}, .samples = samples, .n_samples = 1}
    };
    const struct metadata metadata = {STR("up"), METRIC_GAUGE, STR("h"), STR("")};
    struct ingest_write *iw;
    struct buf body = {0};
    struct arena a = {0};
    struct fault f;

    (void)state;
    ingest_pack_v1(&body, series, 2, &metadata, 1);
    assert_int_equal(ingest_decode_v1(NULL, &a, &usual, buf_str(&body), &iw, &f), 0);
    assert_int_equal(iw->write.n_rows, 2);
    assert_int_equal(iw->write.n_metadata, 1);
    assert_int_equal(iw->write.metadata[0].type, METRIC_GAUGE);
    for (size_t i = 0; i < 2; i++) {
        const struct tsdb_row *row = &iw->write.rows[i];

        assert_true(labels_eq(iw->write.series[row->new_series].labels, series[i].labels));
        assert_int_equal(row->n, series[i].n_samples);
        assert_memory_equal(iw->write.samples + row->first, series[i].samples,
                            (size_t)row->n * sizeof(struct sample));
    }
    arena_release(&a);
    buf_release(&body);
}

/* A refusal makes the whole answer 400, a store that fails 5xx. */
static const struct {
    int rc;
    size_t n_samples, n_out_of_order, n_duplicate, n_sets, n_set_samples, n_histograms;
    int status;
    const char *text;
} answers[] = {
    {0,          5,   0, 0, 0, 0, 0, 204, ""                                                                         },
    {0,          5,   0, 5, 0, 0, 0, 204, ""                                                                         },
    {0,          120, 3, 1, 0, 0, 0, 400,
     "3 of 120 samples refused: out of order sample for series {__name__=\"up\"} at 5"                               },
    {0,          5,   0, 0, 2, 3, 0, 400, "3 of 8 samples refused, 2 label sets refused: bad labels"                 },
    {0,          5,   1, 0, 1, 0, 0, 400,
     "1 of 5 samples refused, 1 label set refused: bad labels; out of order sample for series {__name__=\"up\"} at 5"},
    {0,          0,   0, 0, 0, 0, 2, 400, "2 of 2 samples refused: bad labels"                                       },
    {FER_ENOSPC, 5,   0, 0, 1, 1, 0, 503, "no space left to store samples; try again later"                          },
    {FER_ESTOP,  5,   0, 0, 0, 0, 0, 503, "the server is shutting down; try again later"                             },
    {FER_EIO,    5,   0, 0, 0, 0, 0, 500, "the store failed; nothing of this request is stored"                      },
};

static void test_answers(void **state)
{
    static const struct label up = {STR_INIT("__name__"), STR_INIT("up")};

    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct ingest_write iw = {
            .write = {.rc = answers[i].rc,                                        .n_samples = answers[i].n_samples},
            .refused = { .n_label_sets = answers[i].n_sets,
                      .n_samples = answers[i].n_set_samples,
                      .n_histograms = answers[i].n_histograms,
                      .n_lines = answers[i].n_sets + answers[i].n_histograms > 0,
                      .lines = {STR("bad labels")}},
        };
        struct buf text = {0};

        iw.write.n_verdicts[TSDB_OUT_OF_ORDER] = answers[i].n_out_of_order;
        iw.write.n_verdicts[TSDB_DUPLICATE] = answers[i].n_duplicate;
        iw.write.first_refusal = (struct tsdb_refusal){
            .why = TSDB_OUT_OF_ORDER, .labels = {&up, 1},
                 .sample = {5,   1}
        };
        assert_int_equal(ingest_answer(&iw, &text), answers[i].status);
        assert_string_equal(buf_str(&text).p, answers[i].text);
        buf_release(&text);
    }
}

static int know_one(void **state)
{
    struct buf labels = {0};

    (void)state;
    message_fields(&labels, "1:{1:\"__name__\" 2:\"known\"}");
    known[n_known++] = hash_keyed128(labels.p, labels.n);
    buf_release(&labels);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),      cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_truncation), cmocka_unit_test(test_many_labels),
        cmocka_unit_test(test_bombs),      cmocka_unit_test(test_pack),
        cmocka_unit_test(test_answers),
    };

    return cmocka_run_group_tests(tests, know_one, NULL);
}
