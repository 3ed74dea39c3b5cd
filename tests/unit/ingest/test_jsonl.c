/*
 * test_jsonl.c - series as lines of JSON and as OpenMetrics: what is printed, what is read back,
 * and what is no such line.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ferula/base/check.h"
#include "ferula/ingest.h"

static const struct {
    uint64_t bits;
    const char *json, *text;
} values[] = {
    {0x0000000000000000, "0",                        "0"                      },
    {0x8000000000000000, "-0",                       "-0"                     },
    {0x0000000000000001, "5e-324",                   "5e-324"                 },
    {0x800fffffffffffff, "-2.225073858507201e-308",  "-2.225073858507201e-308"},
    {0x7fefffffffffffff, "1.7976931348623157e+308",  "1.7976931348623157e+308"},
    {0x3fb999999999999a, "0.1",                      "0.1"                    },
    {0x412e848000000000, "1e+06",                    "1e+06"                  },
    {0x7ff0000000000000, "\"+Inf\"",                 "+Inf"                   },
    {0xfff0000000000000, "\"-Inf\"",                 "-Inf"                   },
    {0x7ff8000000000001, "\"NaN\"",                  "NaN"                    },
    {0x7ff0000000000002, "\"stale\"",                "NaN"                    },
    {0x7ff8000000000123, "\"NaN:7ff8000000000123\"", "NaN"                    },
    {0xffffffffffffffff, "\"NaN:ffffffffffffffff\"", "NaN"                    },
    {0x7ff0000000000001, "\"NaN:7ff0000000000001\"", "NaN"                    },
};

static void test_values(void **state)
{
    const struct label name = {STR_INIT("__name__"), STR_INIT("m")};
    struct arena a = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        const struct sample s = {-1500 + (ts_ms)i, f64_from_bits(values[i].bits)};
        struct buf line = {0}, want = {0};
        struct ingest_series got;
        struct fault f = {0};

        ingest_print_jsonl(&line, (struct labels){&name, 1}, &s, 1);
        buf_addf(&want, "{\"metric\":{\"__name__\":\"m\"},\"values\":[%s],\"timestamps\":[%lld]}\n",
                 values[i].json, (long long)s.t);
        assert_string_equal(line.p, want.p);
        if (ingest_parse_jsonl(&a, (struct str){line.p, line.n - 1}, &got, &f) != 0)
            fail_msg("%s: %s", line.p, f.text);
        assert_int_equal(got.n_samples, 1);
        assert_true(same_bits(got.samples[0].v, s.v) && got.samples[0].t == s.t);
        buf_reset(&line);
        buf_reset(&want);
        ingest_print_openmetrics(&line, (struct labels){&name, 1}, &s, 1);
        buf_addf(&want, "m %s -1.%03d\n", values[i].text, 500 - (int)i);
        assert_string_equal(line.p, want.p);
        buf_release(&line);
        buf_release(&want);
    }
    arena_release(&a);
}

#define M "{\"metric\":{\"__name__\":\"m\"},"

static const struct {
    const char *line, *want; /* labels and samples in words, or the fault */
} lines[] = {
    {M "\"values\":[1,2],\"timestamps\":[3,-4]}",                                                                            "{__name__=\"m\"} 1@3 2@-4"                                 },
    {" { \"timestamps\" : [ 3 ] , \"values\" : [ 1e3 ] , \"metric\" : { \"__name__\" : \"m\" } } \r",
     "{__name__=\"m\"} 1000@3"                                                                                                                                                           },
    {M "\"values\":[],\"timestamps\":[]}",                                                                                   "{__name__=\"m\"}"                                          },
    {M "\"x\":[1,{\"y\":[]},\"z\"],\"values\":[1],\"timestamps\":[3],\"n\":null}",
     "{__name__=\"m\"} 1@3"                                                                                                                                                              },
    {"{\"metric\":{\"b\":\"\\u00e9\\ud83d\\ude00\\n\\/\",\"__name__\":\"m\",\"e\":\"\"},\"values\":[1],\"timestamps\":[3]}",
     "{__name__=\"m\", b=\"\xc3\xa9\xf0\x9f\x98\x80\\n/\"} 1@3"                                                                                                                          },
    {M "\"values\":[null,\"Infinity\",\"-Infinity\"],\"timestamps\":[1,2,3]}",
     "{__name__=\"m\"} NaN@1 +Inf@2 -Inf@3"                                                                                                                                              },
    {"",                                                                                                                     "byte 1: expected an object"                                },
    {"[]",                                                                                                                   "byte 1: expected an object"                                },
    {"{}",                                                                                                                   "byte 3: expected the members metric, values and timestamps"},
    {M,                                                                                                                      "byte 28: expected a string"                                },
    {M "\"values\":[1],\"timestamps\":[3]",                                                                                  "byte 57: expected a comma or the end of a list"            },
    {M "\"values\":[1],\"timestamps\":[3]}x",                                                                                "byte 58: something follows the object"                     },
    {M "\"values\":[1],\"timestamps\":[3.5]}",
     "byte 55: a timestamp is not a whole number of milliseconds"                                                                                                                        },
    {M "\"values\":[1],\"timestamps\":[99999999999999999999]}",
     "byte 55: a timestamp is not a whole number of milliseconds"                                                                                                                        },
    {M "\"values\":[1,2],\"timestamps\":[3]}",
     "byte 60: there are not as many values as timestamps"                                                                                                                               },
    {M "\"values\":[1e999],\"timestamps\":[3]}",
     "byte 38: a value is larger than a double can hold"                                                                                                                                 },
    {M "\"values\":[+1],\"timestamps\":[3]}",                                                                                "byte 38: a value is not a number"                          },
    {M "\"values\":[nan],\"timestamps\":[3]}",                                                                               "byte 38: a value is not a number"                          },
    {M "\"values\":[,],\"timestamps\":[3]}",                                                                                 "byte 38: a value is not a number"                          },
    {M "\"values\":[\"NaN:7ff0000000000000\"],\"timestamps\":[3]}",
     "byte 38: a value is neither a number nor NaN, stale, +Inf, -Inf"                                                                                                                   },
    {M "\"values\":[\"1\"],\"timestamps\":[3]}",
     "byte 38: a value is neither a number nor NaN, stale, +Inf, -Inf"                                                                                                                   },
    {M "\"values\":[1],\"values\":[1]}",                                                                                     "byte 41: a member is there twice"                          },
    {"{\"metric\":{\"__name__\":\"m\\q\"}}",                                                                                 "byte 25: an escape is malformed"                           },
    {"{\"metric\":{\"__name__\":\"\\ud800\"}}",                                                                              "byte 24: an escape is malformed"                           },
    {"{\"metric\":{\"__name__\":\"m",                                                                                        "byte 23: a string does not end"                            },
    {"{\"metric\":{\"__name__\":\"m\\",                                                                                      "byte 23: a string does not end"                            },
    {"{\"metric\":{\"a\":1}}",                                                                                               "byte 16: expected a string"                                },
    {"{\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",                                                                      "byte 38: nested too deep"                                  },
};

#define H M "\"histograms\":["

static const struct {
    const char *line, *want; /* the line that is printed of it, or the fault */
} histograms[] = {
    {H "{\"schema\":3,\"count\":3,\"sum\":\"NaN:7ff8000000000123\",\"zero_threshold\":0.001,"
       "\"zero_count\":1,\"positive\":[-4,1,7,0.5],\"negative\":[2147483647,2],\"gauge\":true}],"
       "\"timestamps\":[3]}",                                                                 NULL                                                 },
    {H "{\"schema\":-53,\"count\":3,\"sum\":\"stale\",\"zero_threshold\":0,\"zero_count\":0,"
       "\"positive\":[0,1,1,0],\"bounds\":[0.5,1e+300],\"whole\":true}],\"timestamps\":[3]}", NULL                                                 },
    {H "],\"timestamps\":[]}",                                                                     NULL                                                 },
    {H "{\"x\":[{}],\"whole\":false}],\"timestamps\":[3]}",
     H "{\"schema\":0,\"count\":0,\"sum\":0,\"zero_threshold\":0,\"zero_count\":0}],"
       "\"timestamps\":[3]}"                                                                                                                            },
    {H "{}],\"timestamps\":[]}",                                                                   "byte 62: there are not as many values as timestamps"},
    {H "{}],\"values\":[1],\"timestamps\":[3]}",
     "byte 76: there are values and histograms; a line has one of them"                                                                                 },
    {H "{\"positive\":[1]}]}",                                                                     "byte 54: a bucket has no count"                     },
    {H "{\"positive\":[1,1,1,1]}]}",                                                               "byte 54: the indexes of buckets do not ascend"      },
    {H "{\"positive\":[1e10,1]}]}",                                                                "byte 54: the indexes of buckets do not ascend"      },
    {H "{\"schema\":1.5}]}",                                                                       "byte 52: no schema of histograms has this number"   },
    {H "{\"whole\":1}]}",                                                                          "byte 51: expected true or false"                    },
    {H "{\"sum\":[]}]}",                                                                           "byte 49: a value is not a number"                   },
};

static void test_histograms(void **state)
{
    struct arena a = {0};
    size_t n_wrong = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(histograms); i++) {
        const char *want = histograms[i].want != NULL ? histograms[i].want : histograms[i].line;
        struct ingest_series s = {0};
        struct buf got = {0};
        struct fault f = {0};

        if (ingest_parse_jsonl(&a, str_of(histograms[i].line), &s, &f) == 0) {
            ingest_print_jsonl_histograms(&got, s.labels, s.hists, s.n_hists);
            got.p[--got.n] = '\0'; /* the newline */
        } else {
            buf_puts(&got, f.text);
        }
        if (strcmp(got.p, want) != 0)
            print_error("%s\n  want %s\n  got  %s\n", histograms[i].line, want, got.p);
        n_wrong += strcmp(got.p, want) != 0;
        buf_release(&got);
    }
    assert_int_equal(n_wrong, 0);
    arena_release(&a);
}

static void print(struct buf *out, const struct ingest_series *s)
{
    labels_print(out, s->labels);
    for (size_t i = 0; i < s->n_samples; i++) {
        const double v = s->samples[i].v;

        if (isnan(v) || isinf(v))
            buf_addf(out, " %s", isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
        else
            buf_addf(out, " %g", v);
        buf_addf(out, "@%lld", (long long)s->samples[i].t);
    }
}

static void test_lines(void **state)
{
    struct arena a = {0};
    size_t n_wrong = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct ingest_series s = {0};
        struct buf got = {0};
        struct fault f = {0};

        if (ingest_parse_jsonl(&a, str_of(lines[i].line), &s, &f) == 0)
            print(&got, &s);
        else
            buf_puts(&got, f.text);
        if (strcmp(got.p, lines[i].want) != 0)
            print_error("%s\n  want %s\n  got  %s\n", lines[i].line, lines[i].want, got.p);
        n_wrong += strcmp(got.p, lines[i].want) != 0;
        buf_release(&got);
    }
    assert_int_equal(n_wrong, 0);
    arena_release(&a);
}

/* Printed as OpenMetrics and parsed again. */
static void test_openmetrics(void **state)
{
    const struct label odd[] = {
        {STR_INIT("__name__"), STR_INIT("o dd")     },
        {STR_INIT("a"),        STR_INIT("\"\\\n\r{")},
        {STR_INIT("b.c"),      STR_INIT("x")        },
    };
    const struct metadata md[] = {
        {STR("o dd"),   METRIC_COUNTER, STR("a\\b\n\"c\""), STR("")  },
        {STR("time_s"), METRIC_GAUGE,   STR(""),            STR("s") },
        {STR("other"),  METRIC_INFO,    STR("h"),           STR("zz")},
    };
    const struct sample s[] = {
        {1,   0.5 },
        {999, -0.0}
    };
    struct ingest_text text;
    struct arena a = {0};
    struct buf out = {0};
    struct fault f = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(md); i++)
        ingest_print_family(&out, &md[i]);
    ingest_print_openmetrics(&out, (struct labels){odd, COUNT(odd)}, s, COUNT(s));
    buf_puts(&out, "# EOF\n");
    if (ingest_parse_text(&a, buf_str(&out), INGEST_TEXT_OPENMETRICS, 0, &text, &f) != 0)
        fail_msg("%s in:\n%s", f.text, out.p);
    assert_int_equal(text.n_series, 1);
    assert_true(labels_eq(text.series[0].labels, (struct labels){odd, COUNT(odd)}));
    assert_int_equal(text.series[0].n_samples, 2);
    for (size_t i = 0; i < 2; i++)
        assert_true(text.series[0].samples[i].t == s[i].t &&
                    same_bits(text.series[0].samples[i].v, s[i].v));
    assert_int_equal(text.n_metadata, 3);
    for (size_t i = 0; i < COUNT(md); i++) {
        assert_true(str_eq(text.metadata[i].family, md[i].family));
        assert_int_equal(text.metadata[i].type, md[i].type);
        assert_true(str_eq(text.metadata[i].help, md[i].help));
    }
    assert_true(str_is(text.metadata[1].unit, "s"));
    assert_true(str_is(text.metadata[2].unit, "")); /* it is no end of the name */
    arena_release(&a);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_histograms),
        cmocka_unit_test(test_openmetrics),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
