/*
 * Aggregators and operators on native histograms, where Prometheus' own tests do not reach. What is
 * wanted is what Prometheus' engine gives.
 */
#include "eval.h"
#include "eval_cases.h"

/* Two histograms, one with custom buckets, floats. */
#define H                                                                                          \
    "h{x=\"1\"} {{count:3 sum:5 buckets:[1 2]}}\n"                                                 \
    "h{x=\"2\"} {{count:1 sum:1 buckets:[0 1]}}\n"
#define C "c{x=\"1\"} {{schema:-53 custom_values:[1 2] count:3 sum:2 buckets:[1 1 1]}}\n"
#define F "f{x=\"1\"} 2\nf{x=\"3\"} 4\n"
/* Floats and histograms by turns. */
#define M                                                                                          \
    "m{x=\"1\"} {{count:1 sum:1}} 5 {{count:2 sum:2}} 7\n"                                         \
    "m{x=\"2\"} 1 {{count:4 sum:4}} {{count:5 sum:5}} 9\n"
/* A sum of these is too large. */
#define O                                                                                          \
    "o{x=\"0\"} {{count:1.5e308 sum:1e308 buckets:[1e308 3]}}\n"                                   \
    "o{x=\"1\"} {{count:1.5e308 sum:1e308 buckets:[1e308 3]}}\n"                                   \
    "o{x=\"2\"} {{count:1.5e308 sum:1e308 buckets:[1e308 3]}}\n"
/* They do not go with these. */
#define P                                                                                          \
    "o{x=\"3\"} {{schema:-53 custom_values:[1] count:1 sum:1}}\n"                                  \
    "o{x=\"4\"} 5\n"

static const struct eval_case cases[] = {
    {H C F, "h * on (x) fill_left (2) c",               0, 0,   0,
     "{x=\"1\"} => {{schema:-53 count:6 sum:4 custom_values:[1 2] buckets:[2 2 2]}}\n"
     "PromQL info: incompatible sample types encountered for binary operator \"*\": histogram * histogram (1:1)\n"                  },
    {H C F, "h * on (x) fill (2) c",                    0, 0,   0,
     "{x=\"2\"} => {{count:2 sum:2 offset:1 buckets:[2]}}\n"
     "{x=\"1\"} => {{schema:-53 count:6 sum:4 custom_values:[1 2] buckets:[2 2 2]}}\n"
     "PromQL info: incompatible sample types encountered for binary operator \"*\": histogram * histogram (1:1)\n"                  },
    {H C F, "h + on (x) c",                             0, 0,   0,
     "PromQL warning: incompatible bucket layout encountered for binary operator + (1:1)\n"                                         },
    {H C F, "f - on (x) group_right h",                 0, 0,   0,
     "PromQL info: incompatible sample types encountered for binary operator \"-\": float - histogram (1:1)\n"                      },
    {H C F, "h / on (x) group_left f",                  0, 0,   0,
     "{x=\"1\"} => {{count:1.5 sum:2.5 buckets:[0.5 1]}}\n"                                                                         },
    {H C F, "f * on (x) group_right () h",              0, 0,   0,
     "{x=\"1\"} => {{count:6 sum:10 buckets:[2 4]}}\n"                                                                              },
    {H C F, "h == bool on (x) h",                       0, 0,   0,
     "{x=\"1\"} => 1\n"
     "{x=\"2\"} => 1\n"                                                                                                             },
    {H C F, "h == on (x) c or h != on (x) c",           0, 0,   0,
     "{x=\"1\"} => {{count:3 sum:5 buckets:[1 2]}}\n"                                                                               },
    {H C F, "h >= bool on (x) h",                       0, 0,   0,
     "PromQL info: incompatible sample types encountered for binary operator \">=\": histogram >= histogram (1:1)\n"                },
    {H C F, "2 </ {x=\"1\"}",                           0, 0,   0,
     "PromQL info: incompatible sample types encountered for binary operator \"</\": float </ histogram (1:1)\n"                    },
    {H C F, "1.5 >/ {__name__=~\"c|f\"}",               0, 0,   0,
     "PromQL info: incompatible sample types encountered for binary operator \">/\": float >/ float (1:1)\n"                        },
    {H C F, "{__name__=~\"f|h\"} </ 1",                 0, 0,   0,
     "{__name__=\"h\", x=\"1\"} => {{count:1 sum:0.7071067811865476 buckets:[1]}}\n"
     "{__name__=\"h\", x=\"2\"} => {{}}\n"
     "PromQL info: incompatible sample types encountered for binary operator \"</\": float </ float (1:1)\n"                        },
    {H C F, "h >/ on (x) f",                            0, 0,   0,  "{x=\"1\"} => {{}}\n"                                           },
    {H C F, "h </ on (x) fill_right (1) f",             0, 0,   0,
     "{x=\"1\"} => {{count:3 sum:5 buckets:[1 2]}}\n"
     "{x=\"2\"} => {{}}\n"                                                                                                          },
    {H C F, "-h + on (x) h",                            0, 0,   0,
     "{x=\"1\"} => {{counter_reset_hint:gauge}}\n"
     "{x=\"2\"} => {{counter_reset_hint:gauge}}\n"                                                                                  },
    {H C F, "h - on (x) h",                             0, 0,   0,
     "{x=\"1\"} => {{counter_reset_hint:gauge}}\n"
     "{x=\"2\"} => {{counter_reset_hint:gauge}}\n"                                                                                  },
    {H C F, "(h * 2) == on (x) (h + on (x) h)",         0, 0,   0,
     "{x=\"1\"} => {{count:6 sum:10 buckets:[2 4]}}\n"
     "{x=\"2\"} => {{count:2 sum:2 offset:1 buckets:[2]}}\n"                                                                        },
    {H C F, "h / 0",                                    0, 0,   0,
     "{x=\"1\"} => {{count:+Inf sum:+Inf z_bucket:NaN}}\n"
     "{x=\"2\"} => {{count:+Inf sum:+Inf z_bucket:NaN}}\n"                                                                          },
    {H C F, "-2 * h{x=\"2\"}",                          0, 0,   0,
     "{x=\"2\"} => {{count:-2 sum:-2 counter_reset_hint:gauge offset:1 buckets:[-2]}}\n"                                            },
    {H C F, "h{x=\"1\"} ^ 2",                           0, 0,   0,
     "PromQL info: incompatible sample types encountered for binary operator \"^\": histogram ^ float (1:1)\n"                      },
    {H C F, "{__name__=~\"c|f|h\"} and on (x) f",       0, 0,   0,
     "{__name__=\"c\", x=\"1\"} => {{schema:-53 count:3 sum:2 custom_values:[1 2] buckets:[1 1 1]}}\n"
     "{__name__=\"f\", x=\"1\"} => 2\n"
     "{__name__=\"f\", x=\"3\"} => 4\n"
     "{__name__=\"h\", x=\"1\"} => {{count:3 sum:5 buckets:[1 2]}}\n"                                                               },
    {H C F, "sum({x=\"1\"})",                           0, 0,   0,
     "PromQL warning: vector contains a mix of histograms with exponential and custom buckets schemas for metric name \"h\" (1:5)\n"
     "PromQL warning: encountered a mix of histograms and floats for aggregation (1:5)\n"                                           },
    {H C F, "sum by (x) ({__name__=~\"f|h\"})",         0, 0,   0,
     "{x=\"3\"} => 4\n"
     "{x=\"2\"} => {{count:1 sum:1 offset:1 buckets:[1]}}\n"
     "PromQL warning: encountered a mix of histograms and floats for aggregation (1:13)\n"                                          },
    {H C F, "avg({__name__=~\"c|h\"})",                 0, 0,   0,
     "PromQL warning: vector contains a mix of histograms with exponential and custom buckets schemas for metric name \"h\" (1:5)\n"},
    {H C F, "sum({__name__=~\"c|f|h\"})",               0, 0,   0,
     "PromQL warning: vector contains a mix of histograms with exponential and custom buckets schemas for metric name \"h\" (1:5)\n"
     "PromQL warning: encountered a mix of histograms and floats for aggregation (1:5)\n"                                           },
    {H C F, "count by (x) ({__name__=~\"c|f|h\"})",     0, 0,   0,
     "{x=\"1\"} => 3\n"
     "{x=\"3\"} => 1\n"
     "{x=\"2\"} => 1\n"                                                                                                             },
    {H C F, "group({__name__=~\"c|h\"})",               0, 0,   0,  "{} => 1\n"                                                     },
    {H C F, "max by (x) ({__name__=~\"c|f|h\"})",       0, 0,   0,
     "{x=\"1\"} => 2\n"
     "{x=\"3\"} => 4\n"
     "PromQL info: ignored histogram in max aggregation (1:13)\n"                                                                   },
    {H C F, "quantile(0.5, {__name__=~\"c|f|h\"})",     0, 0,   0,
     "{} => 3\n"
     "PromQL info: ignored histogram in quantile aggregation (1:15)\n"                                                              },
    {H C F, "stddev (h)",                               0, 0,   0,  "PromQL info: ignored histogram in stddev aggregation (1:9)\n"  },
    {H C F, "count_values(\"v\", {__name__=~\"f|h\"})", 0, 0,   0,
     "{v=\"2\"} => 1\n"
     "{v=\"4\"} => 1\n"
     "{v=\"{count:3, sum:5, (0.5,1]:1, (1,2]:2}\"} => 1\n"
     "{v=\"{count:1, sum:1, (1,2]:1}\"} => 1\n"                                                                                     },
    {H C F, "count_values by (x) (\"x\", h)",           0, 0,   0,
     "{x=\"{count:3, sum:5, (0.5,1]:1, (1,2]:2}\"} => 1\n"
     "{x=\"{count:1, sum:1, (1,2]:1}\"} => 1\n"                                                                                     },
    {H C F, "topk(9, {__name__=~\"f|h\"})",             0, 0,   0,
     "{__name__=\"f\", x=\"3\"} => 4\n"
     "{__name__=\"f\", x=\"1\"} => 2\n"
     "PromQL info: ignored histogram in topk aggregation (1:1)\n"                                                                   },
    {O,     "sum(o)",                                   0, 0,   0,  "{} => {{count:+Inf sum:+Inf buckets:[+Inf 9]}}\n"              },
    {O,     "avg(o)",                                   0, 0,   0,  "{} => {{count:1.5e+308 sum:1e+308 buckets:[1e+308 3]}}\n"      },
    {O P,   "avg(o)",                                   0, 0,   0,
     "PromQL warning: vector contains a mix of histograms with exponential and custom buckets schemas for metric name \"o\" (1:5)\n"},
    {M,     "bottomk(1, m)",                            0, 180, 60,
     "{__name__=\"m\", x=\"1\"} => 5@60 7@180\n"
     "{__name__=\"m\", x=\"2\"} => 1@0\n"
     "PromQL info: ignored histogram in bottomk aggregation (1:1)\n"                                                                },
    {M,     "limitk(1, m)",                             0, 180, 60,
     "{__name__=\"m\", x=\"1\"} => 5@60 7@180 {{count:1 sum:1}}@0 {{count:2 sum:2}}@120\n"                                          },
    {M,     "limit_ratio(1, m)",                        0, 180, 60,
     "{__name__=\"m\", x=\"1\"} => 5@60 7@180 {{count:1 sum:1}}@0 {{count:2 sum:2}}@120\n"
     "{__name__=\"m\", x=\"2\"} => 1@0 9@180 {{count:4 sum:4}}@60 {{count:5 sum:5 counter_reset_hint:not_reset}}@120\n"             },
    {M,     "sum(m)",                                   0, 180, 60,
     "{} => 16@180 {{count:7 sum:7}}@120\n"
     "PromQL warning: encountered a mix of histograms and floats for aggregation (1:5)\n"                                           },
    {M,     "min by (x) (m)",                           0, 180, 60,
     "{x=\"1\"} => 5@60 7@180\n"
     "{x=\"2\"} => 1@0 9@180\n"
     "PromQL info: ignored histogram in min aggregation (1:13)\n"                                                                   },
    {M,     "m * 2",                                    0, 180, 60,
     "{x=\"1\"} => 10@60 14@180 {{count:2 sum:2}}@0 {{count:4 sum:4}}@120\n"
     "{x=\"2\"} => 2@0 18@180 {{count:8 sum:8}}@60 {{count:10 sum:10 counter_reset_hint:not_reset}}@120\n"                          },
    {M,     "m + m",                                    0, 180, 60,
     "{x=\"1\"} => 10@60 14@180 {{count:2 sum:2}}@0 {{count:4 sum:4}}@120\n"
     "{x=\"2\"} => 2@0 18@180 {{count:8 sum:8}}@60 {{count:10 sum:10 counter_reset_hint:not_reset}}@120\n"                          },
    {M,     "m >= m",                                   0, 180, 60,
     "{__name__=\"m\", x=\"1\"} => 5@60 7@180\n"
     "{__name__=\"m\", x=\"2\"} => 1@0 9@180\n"
     "PromQL info: incompatible sample types encountered for binary operator \">=\": histogram >= histogram (1:1)\n"                },
    {M,     "m unless m{x=\"1\"}",                      0, 180, 60,
     "{__name__=\"m\", x=\"2\"} => 1@0 9@180 {{count:4 sum:4}}@60 {{count:5 sum:5 counter_reset_hint:not_reset}}@120\n"             },
    {M,     "count_values(\"v\", m)",                   0, 60,  60,
     "{v=\"1\"} => 1@0\n"
     "{v=\"5\"} => 1@60\n"
     "{v=\"{count:1, sum:1}\"} => 1@0\n"
     "{v=\"{count:4, sum:4}\"} => 1@60\n"                                                                                           },
};

/* With delayed name removal. */
static const struct eval_case delayed_cases[] = {
    {H C F, "sum by (__name__) (-h)",                   0, 0, 0,
     "{} => {{count:-4 sum:-6 counter_reset_hint:gauge buckets:[-1 -3]}}\n"},
    {H C F, "sum by (__name__) (h)",                    0, 0, 0,
     "{__name__=\"h\"} => {{count:4 sum:6 buckets:[1 3]}}\n"               },
    {H C F, "max by (__name__) (-{__name__=~\"c|f\"})", 0, 0, 0,
     "{} => -2\n"
     "PromQL info: ignored histogram in max aggregation (1:20)\n"          },
    {H C F, "count by (__name__) ({x=\"1\"} * 2)",      0, 0, 0,
     "vector cannot contain metrics with the same labelset"                },
};

static void test_eval(void **state)
{
    (void)state;
    run_cases(cases, COUNT(cases), (struct promql_query){0});
    run_cases(delayed_cases, COUNT(delayed_cases),
              (struct promql_query){.delayed_name_removal = true});
}

/* Hints as no store gives them back. */
static const struct hint_case {
    const char *name;
    enum promql_op op;
    enum histogram_hint l, r, want;
    enum promql__quarrel quarrel;
} hint_cases[] = {
    {"equal hints stay",                 PROMQL_ADD, HISTOGRAM_RESET,     HISTOGRAM_RESET,     HISTOGRAM_RESET,
     QUARREL_NONE                                                                                                                },
    {"a gauge makes a gauge",            PROMQL_ADD, HISTOGRAM_RESET,     HISTOGRAM_GAUGE,     HISTOGRAM_GAUGE,
     QUARREL_NONE                                                                                                                },
    {"what is not known stays unknown",  PROMQL_ADD, HISTOGRAM_NOT_RESET, HISTOGRAM_UNKNOWN,
     HISTOGRAM_UNKNOWN,                                                                                         QUARREL_NONE     },
    {"a difference is a gauge",          PROMQL_SUB, HISTOGRAM_NOT_RESET, HISTOGRAM_NOT_RESET,
     HISTOGRAM_GAUGE,                                                                                           QUARREL_NONE     },
    {"a conflict leaves no sum",         PROMQL_ADD, HISTOGRAM_RESET,     HISTOGRAM_NOT_RESET,
     HISTOGRAM_UNKNOWN,                                                                                         QUARREL_COLLISION},
    {"a conflict leaves no difference",  PROMQL_SUB, HISTOGRAM_NOT_RESET, HISTOGRAM_RESET,
     HISTOGRAM_UNKNOWN,                                                                                         QUARREL_COLLISION},
    {"hints do not matter for equality", PROMQL_EQL, HISTOGRAM_RESET,     HISTOGRAM_NOT_RESET,
     HISTOGRAM_RESET,                                                                                           QUARREL_NONE     },
};

static void test_hints(void **state)
{
    struct arena a = {0};
    struct promql__ev ev = {.arena = &a};

    (void)state;
    for (size_t i = 0; i < COUNT(hint_cases); i++) {
        const struct hint_case *c = &hint_cases[i];
        const struct histogram l = {.hint = c->l, .count = 1, .sum = 1, .zero_count = 1};
        const struct histogram r = {.hint = c->r, .count = 1, .sum = 1, .zero_count = 1};
        struct promql__pair_result got = promql__combine_hists(
            &ev, c->op, (struct promql__value){.h = &l}, (struct promql__value){.h = &r});

        if (got.quarrel != c->quarrel || got.failed != (c->quarrel != QUARREL_NONE) ||
            (!got.failed && (!got.keep || got.v.h->hint != c->want)))
            fail_msg("%s", c->name);
        assert_int_equal(l.hint, c->l); /* operands are shared */
        assert_true(l.count == 1 && r.count == 1);
    }
    arena_release(&a);
}

/*
 * Histograms count by their size: 11 samples each here. A query holds operands and result; what an
 * aggregation makes is counted by who reads it, as in Prometheus.
 */
static const struct limit_case limits[] = {
    {"h * 2",               30, 100},
    {"sum(h)",              20, 100},
    {"h + on (x) h",        30, 100},
    {"avg without (x) (h)", 20, 100},
};

static void test_limit(void **state)
{
    (void)state;
    run_limits(H, (struct promql_query){0}, limits, COUNT(limits));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eval),
        cmocka_unit_test(test_hints),
        cmocka_unit_test(test_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
