/*
 * Evaluation: queries over series that are loaded at one minute steps, and their results as text.
 * An instant query is asked at `start`; results are "labels => value" lines, with @time in ranges.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"
#include "ferula/promql.h"

#define MINUTE 60000

struct eval_case {
    const char *load; /* series, a line each; a sample a minute */
    const char *query;
    int start_s, end_s, step_s; /* step 0: an instant query */
    const char *want;           /* lines; or what the error says */
};

static const struct eval_case cases[] = {
    {"",                                                                       "1 + 2 * 3",                                             0,   0,   0,  "7\n"                                 },
    {"a 1",                                                                    "sum_over_time(a[5m:1m] @ -9223372036854775)",           0,   0,   0,  ""                                    },
    {"a 1",                                                                    "sum_over_time(a[5m:1m] @ 9223372036854774 offset -1h)", 0,   0,   0,  ""                                    },
    {"a 1",                                                                    "rate(a[5m] @ -9223372036854775 offset 1h)",             0,   0,   0,  ""                                    },
    {"a 1",                                                                    "a @ -9223372036854775 offset 1h",                       0,   0,   0,  ""                                    },
    {"",                                                                       "-1 ^ 2",                                                0,   0,   0,  "-1\n"                                },
    {"",                                                                       "\"text\"",                                              0,   0,   0,  "\"text\"\n"                          },
    {"",                                                                       "time()",                                                60,  120, 60, "{} => 60@60 120@120\n"               },
    {"a{x=\"1\"} 1+1x9\na{x=\"2\"} 10+10x9",                                   "a",                                                     120, 120, 0,
     "{__name__=\"a\", x=\"1\"} => 3\n{__name__=\"a\", x=\"2\"} => 30\n"                                                                                                                    },
    {"a 1+1x9",                                                                "a offset 1m",                                           120, 120, 0,  "{__name__=\"a\"} => 2\n"             },
    {"a 1+1x9",                                                                "a @ 180",                                               0,   120, 60, "{__name__=\"a\"} => 4@0 4@60 4@120\n"},
    {"a 1 2 _ _ _ _ _ _",                                                      "a",                                                     359, 359, 0,  "{__name__=\"a\"} => 2\n"             },
    {"a 1 2 _ _ _ _ _ _",                                                      "a",                                                     360, 360, 0,  ""                                    },
    {"a 1 stale",                                                              "a",                                                     60,  60,  0,  ""                                    },
    {"a 1 stale 3",                                                            "count_over_time(a[5m])",                                120, 120, 0,  "{} => 2\n"                           },
    {"a 1 2 3",                                                                "a[2m]",                                                 120, 120, 0,  "{__name__=\"a\"} => 2@60 3@120\n"    },
    {"a{x=\"1\"} 1x9\na{x=\"2\"} 3x9",                                         "sum(a)",                                                60,  60,  0,  "{} => 4\n"                           },
    {"a{x=\"1\"} 1x9\na{x=\"2\"} 3x9",                                         "avg by (x) (a)",                                        60,  60,  0,
     "{x=\"1\"} => 1\n{x=\"2\"} => 3\n"                                                                                                                                                     },
    {"a{x=\"1\"} 1x9\na{x=\"2\"} 3x9",                                         "topk(1, a)",                                            0,   60,  60,
     "{__name__=\"a\", x=\"2\"} => 3@0 3@60\n"                                                                                                                                              },
    {"a{x=\"1\"} 1x9\na{x=\"2\"} 3x9",                                         "topk(NaN, a)",                                          0,   0,   0,  "Parameter value is NaN"              },
    {"a{x=\"1\"} 5x9\na{x=\"2\"} 5x9",                                         "count_values(\"v\", a)",                                0,   0,   0,  "{v=\"5\"} => 2\n"                    },
    {"a{x=\"1\"} 1x9\na{x=\"2\"} 3x9",                                         "quantile(0.5, a)",                                      0,   0,   0,  "{} => 2\n"                           },
    {"a{x=\"1\"} 1x9\nb{x=\"1\"} 3x9",                                         "a + b",                                                 0,   0,   0,  "{x=\"1\"} => 4\n"                    },
    {"a{x=\"1\"} 1x9\nb{x=\"1\"} 3x9",                                         "a < b",                                                 0,   0,   0,  "{__name__=\"a\", x=\"1\"} => 1\n"    },
    {"a{x=\"1\"} 1x9\nb{x=\"1\"} 3x9",                                         "a > bool b",                                            0,   0,   0,  "{x=\"1\"} => 0\n"                    },
    {"a{x=\"1\"} 1x9\nb{x=\"1\",y=\"1\"} 3x9\nb{x=\"1\",y=\"2\"} 3x9",         "a * on (x) b",                                          0,   0,   0,
     "found duplicate series for the match group {x=\"1\"} on the right hand-side of the "
     "operation: [{__name__=\"b\", x=\"1\", y=\"1\"}, {__name__=\"b\", x=\"1\", y=\"2\"}]"
     ";many-to-many matching not allowed: matching labels must be unique on one side"                                                                                                       },
    {"a{x=\"1\"} 1x9\nb{x=\"1\",y=\"1\"} 3x9\nb{x=\"1\",y=\"2\"} 3x9",         "b * on (x) a",                                          0,   0,   0,
     "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"                                                                                          },
    {"a{x=\"1\",z=\"q\"} 2x9\nb{x=\"1\",y=\"1\"} 3x9\nb{x=\"1\",y=\"2\"} 4x9",
     "b * on (x) group_left (z) a",                                                                                                     0,   0,   0,
     "{x=\"1\", y=\"1\", z=\"q\"} => 6\n{x=\"1\", y=\"2\", z=\"q\"} => 8\n"                                                                                                                 },
    {"a{x=\"1\"} 1x9\nb{x=\"1\"} 3x9\nb{x=\"2\"} 4x9",                         "a or b",                                                0,   0,   0,
     "{__name__=\"a\", x=\"1\"} => 1\n{__name__=\"b\", x=\"2\"} => 4\n"                                                                                                                     },
    {"a{x=\"1\"} 1x9\nb{x=\"1\"} 3x9\nb{x=\"2\"} 4x9",                         "b unless a",                                            0,   0,   0,
     "{__name__=\"b\", x=\"2\"} => 4\n"                                                                                                                                                     },
    {"a{x=\"1\"} 1x9\nb{x=\"1\"} 3x9\nb{x=\"2\"} 4x9",                         "b and a",                                               0,   0,   0,
     "{__name__=\"b\", x=\"1\"} => 3\n"                                                                                                                                                     },
    {"a_total 0+60x20",                                                        "rate(a_total[5m])",                                     600, 600, 0,  "{} => 1\n"                           },
    {"a_total 0+60x20",                                                        "increase(a_total[5m])",                                 600, 600, 0,  "{} => 300\n"                         },
    {"a_total 0 60 120 0 60",                                                  "increase(a_total[5m])",                                 240, 240, 0,  "{} => 180\n"                         },
    {"a 0+60x20",                                                              "rate(a[5m])",                                           600, 600, 0,
     "{} => 1\ninfo: PromQL info: metric might not be a counter, name does not end in "
     "_total/_sum/_count/_bucket: \"a\" (1:6)\n"                                                                                                                                            },
    {"a 1+1x20",                                                               "sum_over_time(a[3m:1m])",                               300, 300, 0,  "{} => 15\n"                          },
    {"a 1+1x20",                                                               "max_over_time(sum_over_time(a[2m])[3m:1m])",            300, 300, 0,  "{} => 11\n"                          },
    {"a 1+1x20",                                                               "a[(2+1)*1m]",                                           120, 120, 0,  "{__name__=\"a\"} => 1@0 2@60 3@120\n"},
    {"a{le=\"1\"} 5\na{le=\"2\"} 10\na{le=\"+Inf\"} 10",                       "histogram_quantile(0.75, a)",                           0,   0,   0,
     "{} => 1.5\n"                                                                                                                                                                          },
    {"a{x=\"v-12\"} 1",                                                        "label_replace(a, \"y\", \"$1\", \"x\", \"v-(.*)\")",    0,   0,   0,
     "{__name__=\"a\", x=\"v-12\", y=\"12\"} => 1\n"                                                                                                                                        },
    {"a{x=\"1\"} 3\na{x=\"2\"} NaN\na{x=\"3\"} 1",                             "sort(a)",                                               0,   0,   0,
     "{__name__=\"a\", x=\"3\"} => 1\n{__name__=\"a\", x=\"1\"} => 3\n"
     "{__name__=\"a\", x=\"2\"} => NaN\n"                                                                                                                                                   },
    {"",                                                                       "absent(a{x=\"1\",y=~\"2\"})",                           0,   0,   0,  "{x=\"1\"} => 1\n"                    },
    {"",                                                                       "year(vector(1136239445))",                              0,   0,   0,  "{} => 2006\n"                        },
    {"a{x=\"1\"} 1",                                                           "a </ fill (2) b",                                       0,   0,   0,
     "info: PromQL info: incompatible sample types encountered for binary operator \"</\": float </ float (1:1)\n"                                                                          },
    {"a{x=\"1\"} 1\na{x=\"2\"} 2\nb 3",                                        "a - on () b",                                           0,   0,   0,
     "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"                                                                                          },
    {"a{x=\"1\"} 1\nb{x=\"1\"} 1",                                             "abs({__name__=~\"a|b\"})",                              0,   0,   0,
     "vector cannot contain metrics with the same labelset"                                                                                                                                 },
};

/* With delayed name removal. */
static const struct eval_case delayed_cases[] = {
    {"a{x=\"1\"} 1\nb{x=\"1\"} 2", "count(a * on (x, __name__) fill (1) b)", 0, 0, 0,  "{} => 2\n"},
    {"a{x=\"1\"} 1\nb{x=\"1\"} 2", "a * on (x, __name__) fill (1) b",        0, 0, 0,
     "vector cannot contain metrics with the same labelset"                                       },
    {"a{x=\"1\"} 1\nb{x=\"1\"} 2", "count(a * on (x, __name__) fill (1) b)", 0, 7, 60,
     "vector cannot contain metrics with the same labelset"                                       },
};

static void load(struct mem_source *ms, struct arena *a, struct str lines)
{
    struct str line;

    while (str_split(&lines, '\n', &line)) {
        struct promql_series_value *v;
        struct labels ls;
        size_t n;

        if (line.n == 0)
            continue;
        assert_int_equal(promql_parse_series(a, line, &ls, &v, &n, NULL), 0);
        for (size_t i = 0; i < n; i++)
            if (!v[i].omitted)
                mem_source_add(ms, ls, &(struct sample){(ts_ms)i * MINUTE, v[i].v}, 1);
    }
}

static void print_result(struct buf *b, const struct promql_query *q, const struct promql_result *r)
{
    if (r->type == PROMQL_SCALAR)
        buf_add_num(b, r->scalar.v, 'f');
    else if (r->type == PROMQL_STRING)
        buf_add_go_quoted(b, r->string);
    if (r->type == PROMQL_SCALAR || r->type == PROMQL_STRING)
        buf_putc(b, '\n');
    for (size_t i = 0; i < r->n_series; i++) {
        const struct promql_series *s = &r->series[i];

        labels_print(b, s->labels);
        buf_puts(b, " =>");
        for (size_t k = 0; k < s->n; k++) {
            buf_putc(b, ' ');
            buf_add_num(b, s->samples[k].v, 'f');
            if (r->type == PROMQL_MATRIX)
                buf_addf(b, "@%d", (int)(s->samples[k].t / 1000));
        }
        buf_putc(b, '\n');
    }
    for (size_t i = 0; i < r->n_warnings; i++)
        buf_addf(b, "warning: " STR_FMT "\n", STR_ARG(r->warnings[i]));
    for (size_t i = 0; i < r->n_infos; i++)
        buf_addf(b, "info: " STR_FMT "\n", STR_ARG(r->infos[i]));
    (void)q;
}

static void run_case(const struct eval_case *c, bool delayed_name_removal)
{
    const struct promql_features features = PROMQL_FEATURES_ALL;
    struct mem_source *ms = mem_source_new();
    struct arena a = {0};
    struct buf got = {0};
    struct fault f = {0};
    struct promql_result r;
    struct promql_query q = {
        .text = str_of(c->query),
        .start = (ts_ms)c->start_s * 1000,
        .end = (ts_ms)c->end_s * 1000,
        .step = (dur_ms)c->step_s * 1000,
        .delayed_name_removal = delayed_name_removal,
    };

    load(ms, &a, str_of(c->load));
    assert_int_equal(promql_parse(&a, q.text, &features, &q.expr, &f), 0);
    if (promql_eval(mem_source_base(ms), &a, &q, &r, &f) == 0)
        print_result(&got, &q, &r);
    else
        buf_puts(&got, f.text);
    if (!str_is(buf_str(&got), c->want))
        fail_msg("%s\nwant: %s\ngot: %s", c->query, c->want, got.p == NULL ? "" : got.p);
    buf_release(&got);
    arena_release(&a);
    mem_source_free(ms);
}

static void test_eval(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        run_case(&cases[i], false);
    for (size_t i = 0; i < COUNT(delayed_cases); i++)
        run_case(&delayed_cases[i], true);
}

/* With types in labels, it is they that say what is a counter, not names. */
static const struct type_case {
    const char *load, *info;
} type_cases[] = {
    {"a{__type__=\"counter\"} 0+60x20",          ""   },
    {"a_bucket{__type__=\"histogram\"} 0+60x20", ""   },
    {"a_total{__type__=\"gauge\"} 0+60x20",
     "PromQL info: metric might not be a counter, __type__ label is not set to \"counter\" or "
     "\"histogram\", got \"gauge\": \"a_total\" (1:6)"},
    {"a_total 0+60x20",
     "PromQL info: metric might not be a counter, __type__ label is not set to \"counter\" or "
     "\"histogram\", got \"\": \"a_total\" (1:6)"     },
};

static void test_types(void **state)
{
    const struct promql_features features = PROMQL_FEATURES_ALL;

    (void)state;
    for (size_t i = 0; i < COUNT(type_cases); i++) {
        struct mem_source *ms = mem_source_new();
        struct arena a = {0};
        struct promql_result r;
        struct promql_query q = {
            .text = STR("rate({__name__=~\"a.*\"}[5m])"),
            .start = 10 * MINUTE,
            .end = 10 * MINUTE,
            .type_and_unit_labels = true,
        };

        load(ms, &a, str_of(type_cases[i].load));
        assert_int_equal(promql_parse(&a, q.text, &features, &q.expr, NULL), 0);
        assert_int_equal(promql_eval(mem_source_base(ms), &a, &q, &r, NULL), 0);
        assert_int_equal(r.n_infos, type_cases[i].info[0] != '\0');
        if (r.n_infos > 0 && !str_is(r.infos[0], type_cases[i].info))
            fail_msg("%s: got " STR_FMT, type_cases[i].load, STR_ARG(r.infos[0]));
        arena_release(&a);
        mem_source_free(ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eval),
        cmocka_unit_test(test_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
