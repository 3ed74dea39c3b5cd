/*
 * test_text.c - exposition texts in, series and metadata out; a case is a text and its result in
 * words: series as {labels} value@time, then families.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"
#include "ferula/ingest.h"

#define NOW  7000
#define AUTO INGEST_TEXT_AUTO
#define PROM INGEST_TEXT_PROMETHEUS
#define OPEN INGEST_TEXT_OPENMETRICS

static const struct {
    const char *text;
    enum ingest_text_format format;
    const char *want;
} cases[] = {
    {"",                                                                                      AUTO, ""                                                                      },
    {"\n\n  \n# comment\n#\n",                                                                AUTO, ""                                                                      },
    {"up 1\n",                                                                                AUTO, "{__name__=\"up\"} 1@7000"                                              },
    {"up 1",                                                                                  AUTO, "{__name__=\"up\"} 1@7000"                                              },
    {"up 1 5",                                                                                AUTO, "{__name__=\"up\"} 1@5"                                                 },
    {"up\t1\t-5\t\r\nup 2 6\r\n",                                                             AUTO, "{__name__=\"up\"} 1@-5 2@6"                                            },
    {"a:b_1{} 1\n",                                                                           AUTO, "{__name__=\"a:b_1\"} 1@7000"                                           },
    {"up{job=\"x\",} 1\n  up { job = \"x\" , } 2\nup{job=\"y\"}3",                            AUTO,
     "{__name__=\"up\", job=\"x\"} 1@7000 2@7000; {__name__=\"up\", job=\"y\"} 3@7000"                                                                                      },
    {"up{b=\"1\",a=\"2\"} 1 1\nup{a=\"2\",b=\"1\"} 2 2",                                      AUTO,
     "{__name__=\"up\", a=\"2\", b=\"1\"} 1@1 2@2"                                                                                                                          },
    {"up{a=\"\"} 1",                                                                          AUTO, "{__name__=\"up\"} 1@7000"                                              },
    {"up{a=\"q\\\"b\\\\c\\nd\\x\"} 1",                                                        AUTO,
     "{__name__=\"up\", a=\"q\\\"b\\\\c\\nd\\\\x\"} 1@7000"                                                                                                                 },
    {"up{a=\"1\n2\"} 1",                                                                      PROM, "{__name__=\"up\", a=\"1\\n2\"} 1@7000"                                 },
    {"{\"a.b\",x=\"y\"} 1\n{x=\"y\",\"a.b\"} 2\n{\"a.b\"} 3\n{\"a.b\",\"x y\"=\"z\",} 4",     AUTO,
     "{__name__=\"a.b\", x=\"y\"} 1@7000 2@7000; {__name__=\"a.b\"} 3@7000; "
     "{__name__=\"a.b\", \"x y\"=\"z\"} 4@7000"                                                                                                                             },
    {"a NaN\na nan\na Inf\na +Inf\na -inf\na 1e3\na .5\na 0x1\n",                             PROM,
     "line 8: a value \"0x1\" is not a number"                                                                                                                              },
    {"a NaN\na nan\na Inf\na +Inf\na -Infinity\na 1e3\na .5\na -0\n",                         PROM,
     "{__name__=\"a\"} NaN@7000 NaN@7000 +Inf@7000 +Inf@7000 -Inf@7000 1000@7000 0.5@7000 "
     "-0@7000"                                                                                                                                                              },
    {"# HELP a_total A \\\\ b\\nc \\\"\n# TYPE a_total counter\n# TYPE \"b.c\" untyped\n#HELP x y\n"
     "a_total 1\n#  TYPE   s   summary\n",                                               PROM,
     "{__name__=\"a_total\"} 1@7000; a_total counter 'A \\ b\nc \\\"' ''; b.c unknown '' ''; "
     "x unknown 'y' ''; s summary '' ''"                                                                                                                                    },
    {"# HELP a\n# HELP\n# TYPED a b\n# EOF x\n",                                              PROM, "a unknown '' ''"                                                       },
    {"# EOF\nup 1\n",                                                                         PROM, "{__name__=\"up\"} 1@7000"                                              },

    {"# EOF",                                                                                 AUTO, ""                                                                      },
    {"# EOF\r\n",                                                                             AUTO, ""                                                                      },
    {"up 1 1.5\nup 2 1700000000.123\nup 3 -1\nup 4 1.001\nup 5\n# EOF\n",                     AUTO,
     "{__name__=\"up\"} 1@1500 2@1700000000123 3@-1000 4@1001 5@7000"                                                                                                       },
    {"# TYPE a counter\n# UNIT a_seconds seconds\n# HELP a say \\\"x\\\"\n"
     "a_total 1 # {trace=\"x\"} 0.5\na_total 2 9 # {} 0.5 8.25\na_created 1e9\n# EOF\n", AUTO,
     "{__name__=\"a_total\"} 1@7000 2@9000; {__name__=\"a_created\"} 1000000000@7000; "
     "a counter 'say \"x\"' ''; a_seconds unknown '' 'seconds'"                                                                                                             },
    {"# TYPE a stateset\n# TYPE b info\n# TYPE c gaugehistogram\n# TYPE d unknown\n# EOF\n",  AUTO,
     "a stateset '' ''; b info '' ''; c gaugehistogram '' ''; d unknown '' ''"                                                                                              },
    {"{\"x.y\"} 1 # {a=\"b\",} 2\n# EOF\n",                                                   AUTO, "{__name__=\"x.y\"} 1@7000"                                             },

    {"up 1\n# EOF\nup 2\n",                                                                   AUTO, "line 3: unexpected data after # EOF"                                   },
    {"# EOF\n\n",                                                                             AUTO, "line 2: unexpected data after # EOF"                                   },
    {"up 1\n",                                                                                OPEN, "line 2: data does not end with # EOF"                                  },
    {"up 1\nup\n",                                                                            AUTO, "line 2: expected a value, got the end of the line"                     },
    {"up",                                                                                    AUTO, "line 1: expected a value, got the end of the line"                     },
    {"up x\n",                                                                                AUTO, "line 1: a value \"x\" is not a number"                                 },
    {"up 1_0\n",                                                                              AUTO, "line 1: a value \"1_0\" is not a number"                               },
    {"up 1e999\n",                                                                            AUTO, "line 1: a value \"1e999\" is not a number that a double can hold"      },
    {"up 1 2 3\n",                                                                            AUTO, "line 1: expected the end of the line, got \"3\""                       },
    {"up 1 1.5\n",                                                                            AUTO, "line 1: timestamp \"1.5\" is not a whole number of milliseconds"       },
    {"up 1 99999999999999999999\n",                                                           AUTO,
     "line 1: timestamp \"99999999999999999999\" is not a whole number of milliseconds"                                                                                     },
    {"up 1 # {a=\"b\"} 1\n",                                                                  PROM, "line 1: timestamp \"#\" is not a whole number of milliseconds"         },
    {"up 1 NaN\n# EOF",                                                                       AUTO, "line 1: timestamp is out of range"                                     },
    {"up 1 1e300\n# EOF",                                                                     AUTO, "line 1: timestamp is out of range"                                     },
    {"up 1 # 1\n# EOF",                                                                       AUTO, "line 1: expected the labels of an exemplar, got \"1\""                 },
    {"up 1 # {\"a\"} 1\n# EOF",                                                               AUTO, "line 1: expected \"=\" after a label name, got \"}\""                  },
    {"up 1 # {} x\n# EOF",                                                                    AUTO, "line 1: the exemplar's value \"x\" is not a number"                    },
    {"\n\n1up 1\n",                                                                           AUTO, "line 3: expected a metric name, got \"1up\""                           },
    {"{} 1\n",                                                                                AUTO, "line 1: there is no metric name"                                       },
    {"{a=\"b\"} 1\n",                                                                         AUTO, "line 1: there is no metric name"                                       },
    {"up{\"down\"} 1\n",                                                                      AUTO, "line 1: the metric name is set already"                                },
    {"{\"a\",\"b\"} 1\n",                                                                     AUTO, "line 1: the metric name is set already"                                },
    {"{\"\"} 1\n",                                                                            AUTO, "line 1: a name is empty"                                               },
    {"up{a=\"b\",a=\"c\"} 1\n",                                                               AUTO, "line 1: label \"a\" is there twice"                                    },
    {"up{__name__=\"x\"} 1\n",                                                                AUTO, "line 1: label \"__name__\" is there twice"                             },
    {"up{a} 1\n",                                                                             AUTO, "line 1: expected \"=\" after a label name, got \"}\""                  },
    {"up{a=b} 1\n",                                                                           AUTO, "line 1: expected a quoted label value, got \"b}\""                     },
    {"up{=\"b\"} 1\n",                                                                        AUTO, "line 1: expected a label name, got \"=\"b\"}\""                        },
    {"up{a=\"b\" c=\"d\"} 1\n",                                                               AUTO,
     "line 1: expected \",\" or \"}\" after a label, got \"c=\"d\"}\""                                                                                                      },
    {"up{,} 1\n",                                                                             AUTO, "line 1: expected a label name, got \",}\""                             },
    {"up{a=\"b\"",                                                                            AUTO, "line 1: expected \",\" or \"}\" after a label, got the end of the line"},
    {"up 1\nup{a=\"b\n",                                                                      AUTO, "line 2: a quoted text does not end"                                    },
    {"up{a=\"b\\",                                                                            AUTO, "line 1: a quoted text does not end"                                    },
    {"up{a=\"b\\\"",                                                                          AUTO, "line 1: a quoted text does not end"                                    },
    {"up{a=\"1\n2\"} 1\n# EOF",                                                               AUTO, "line 1: a quoted text does not end"                                    },
    {"up{a=\"\xff\"} 1\n",                                                                    AUTO, "line 1: a quoted text is not valid UTF-8"                              },
    {"# HELP a \xff\n",                                                                       AUTO, "line 1: the help text is not valid UTF-8"                              },
    {"# TYPE a thing\n",                                                                      AUTO, "line 1: invalid metric type \"thing\""                                 },
    {"# TYPE a info\n",                                                                       PROM, "line 1: invalid metric type \"info\""                                  },
    {"# TYPE a untyped\n# EOF",                                                               AUTO, "line 1: invalid metric type \"untyped\""                               },
    {"# UNIT a_s b\n# EOF",                                                                   AUTO, "line 1: unit \"b\" is not a suffix of metric \"a_s\""                  },
    {"# UNIT s s\n# EOF",                                                                     AUTO, "line 1: unit \"s\" is not a suffix of metric \"s\""                    },
    {"# HELP 1 x\n",                                                                          AUTO, "line 1: expected a metric name, got \"1\""                             },
    {"# HELP \"a\"b x\n",                                                                     AUTO, "line 1: expected a blank after the metric name, got \"b\""             },
};

static void show(struct buf *b, const struct ingest_text *t)
{
    for (size_t i = 0; i < t->n_series; i++) {
        labels_print(b, t->series[i].labels);
        for (size_t k = 0; k < t->series[i].n_samples; k++) {
            buf_putc(b, ' ');
            buf_add_num(b, t->series[i].samples[k].v, 'f');
            buf_addf(b, "@%lld", (long long)t->series[i].samples[k].t);
        }
        buf_puts(b, "; ");
    }
    for (size_t i = 0; i < t->n_metadata; i++) {
        const struct metadata *m = &t->metadata[i];

        buf_addf(b, STR_FMT " %s '" STR_FMT "' '" STR_FMT "'; ", STR_ARG(m->family),
                 metric_type_text(m->type), STR_ARG(m->help), STR_ARG(m->unit));
    }
    if (b->n > 0)
        b->n -= 2;
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ingest_text text;
        struct buf got = {0};
        struct arena a = {0};
        struct fault f;

        if (ingest_parse_text(&a, str_of(cases[i].text), cases[i].format, NOW, &text, &f) < 0)
            buf_puts(&got, f.text);
        else
            show(&got, &text);
        if (!str_is(buf_str(&got), cases[i].want))
            fail_msg("%s\n got: " STR_FMT "\nwant: %s", cases[i].text, STR_ARG(buf_str(&got)),
                     cases[i].want);
        arena_release(&a);
        buf_release(&got);
    }
}

static void test_nan_is_canonical(void **state)
{
    struct ingest_text text;
    struct arena a = {0};

    (void)state;
    assert_int_equal(ingest_parse_text(&a, STR("a NaN"), AUTO, NOW, &text, NULL), 0);
    assert_true(f64_bits(text.series[0].samples[0].v) == NORMAL_NAN_BITS);
    arena_release(&a);
}

/* Series and families are found by hash: 20,000 of each, twice, take no time. */
static void test_many(void **state)
{
    struct ingest_text text;
    struct buf b = {0};
    struct arena a = {0};

    (void)state;
    for (int i = 0; i < 40000; i++)
        buf_addf(&b, "# TYPE m%d gauge\nm%d{a=\"%d\"} %d %d\n", i % 20000, i % 20000, i % 20000, i,
                 i);
    assert_int_equal(ingest_parse_text(&a, buf_str(&b), AUTO, NOW, &text, NULL), 0);
    assert_int_equal(text.n_series, 20000);
    assert_int_equal(text.n_metadata, 20000);
    for (size_t i = 0; i < text.n_series; i++) {
        assert_int_equal(text.series[i].n_samples, 2);
        assert_int_equal(text.series[i].samples[1].t, (int)i + 20000);
        assert_int_equal(text.metadata[i].type, METRIC_GAUGE);
    }
    arena_release(&a);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_nan_is_canonical),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
