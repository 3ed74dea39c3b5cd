/*
 * Evaluation: queries over series of floats, and their results as text.
 */
#include "eval_cases.h"

static const struct eval_case cases[] = {
    {"",                                                                       "sinh(vector(710.4)) or cosh(vector(-710.4))",           0,   0,   0,  "{} => +Inf\n"                        },
    {"",                                                                       "sinh(vector(-710.4)) + cosh(vector(709.7)) * 0",        0,   0,   0,  "{} => -Inf\n"                        },
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
     "{} => 1\nPromQL info: metric might not be a counter, name does not end in "
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
     "PromQL info: incompatible sample types encountered for binary operator \"</\": float </ float (1:1)\n"                                                                                },
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

static void test_eval(void **state)
{
    (void)state;
    run_cases(cases, COUNT(cases), (struct promql_query){0});
    run_cases(delayed_cases, COUNT(delayed_cases),
              (struct promql_query){.delayed_name_removal = true});
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_eval)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
