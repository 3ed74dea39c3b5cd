/*
 * What Prometheus hides behind --enable-feature: anchored and smoothed, info(), start timestamps,
 * type labels.
 */
#include "eval_cases.h"

#define INFO                                                                                       \
    "m{instance=\"a\",job=\"j\"} 1+1x9\n"                                                          \
    "target_info{instance=\"a\",job=\"j\",v=\"old\"} 1 1 1 stale\n"                                \
    "target_info{instance=\"a\",job=\"j\",v=\"new\"} _ _ _ 1x9\n"
#define TWICE                                                                                      \
    "m{instance=\"a\",job=\"j\"} 1\n"                                                              \
    "target_info{instance=\"a\",job=\"j\",v=\"x\"} 1\n"                                            \
    "target_info{instance=\"a\",job=\"j\",v=\"y\"} 1\n"
#define CLASH                                                                                      \
    "m{instance=\"a\",job=\"j\"} 1\n"                                                              \
    "a_info{instance=\"a\",job=\"j\",v=\"x\"} 1\n"                                                 \
    "b_info{instance=\"a\",job=\"j\",v=\"y\"} 1\n"
#define OVERLAP                                                                                    \
    "PromQL warning: sample has start time that overlaps with previous sample "                    \
    "timestamp for metric \"m_total\" "

static const struct eval_case cases[] = {
    {"m 1+1x9",                                                             "m[90s] anchored",                      210, 210, 0,  "{__name__=\"m\"} => 3@120 4@180 4@210\n"    },
    {"m 1+1x9",                                                             "m[90s] smoothed",                      210, 210, 0,  "{__name__=\"m\"} => 3@120 4@180 4.5@210\n"  },
    {"m 1+1x9",                                                             "m[1m] smoothed",                       210, 210, 0,  "{__name__=\"m\"} => 3.5@150 4@180 4.5@210\n"},
    {"m _ _ 3",                                                             "m[1m] smoothed",                       60,  60,  0,  "{__name__=\"m\"} => 3@0 3@60\n"             },
    {"m 3",                                                                 "m[1m] anchored",                       90,  90,  0,  ""                                           },
    {"m 3",                                                                 "m[1m] smoothed",                       900, 900, 0,  ""                                           },
    {"m {{count:1 sum:1}}",                                                 "m[1m] anchored",                       30,  30,  0,
     "anchored modifier is not supported with histograms"                                                                                                                      },
    {"m {{count:1 sum:1}}",                                                 "m[1m] smoothed",                       30,  30,  0,
     "smoothed modifier is not supported with histograms"                                                                                                                      },
    {"m 1 stale 3",                                                         "m smoothed",                           60,  60,  0,  "{__name__=\"m\"} => 2\n"                    },
    {"m 1 2",                                                               "m smoothed",                           359, 360, 1,  "{__name__=\"m\"} => 2@359\n"                },
    {"m 1 2",                                                               "m anchored",                           90,  90,  0,  "{__name__=\"m\"} => 2\n"                    },
    {"m 1 2",                                                               "timestamp(m smoothed)",                90,  90,  0,  "{} => 60\n"                                 },
    {"m 1 2 {{count:3 sum:3}}",                                             "m smoothed",                           90,  90,  0,
     "PromQL warning: encountered a mix of histograms and floats for metric name \"m\" "
     "(1:1)\n"                                                                                                                                                                 },
    {"m {{count:2 sum:2}} {{count:4 sum:8}}",                               "m smoothed",                           30,  30,  0,
     "{__name__=\"m\"} => {{count:3 sum:5}}\n"                                                                                                                                 },
    {"m_total 5 0+10x9",                                                    "increase(m_total[2m] anchored)",       120, 180, 60, "{} => 10@120 20@180\n"                      },
    {"m_total 5 0+10x9",                                                    "increase(m_total[1m] smoothed)",       90,  90,  0,  "{} => 5\n"                                  },
    {"m_total 5 0+10x9",                                                    "increase(m_total[1m] smoothed @ 90)",  0,   60,  60, "{} => 5@0 5@60\n"                           },
    {"m 1+1x9",                                                             "sum_over_time((m smoothed)[1m:30s])",  90,  90,  0,  "{} => 4.5\n"                                },
    {"m 1+1x9",                                                             "absent_over_time(m[1m] smoothed)",     0,   0,   0,
     "smoothed modifier can only be used with: delta, increase, rate - not with absent_over_time"                                                                              },

    {INFO,                                                                  "info(m)",                              120, 180, 60,
     "{__name__=\"m\", instance=\"a\", job=\"j\", v=\"new\"} => 4@180\n"
     "{__name__=\"m\", instance=\"a\", job=\"j\", v=\"old\"} => 3@120\n"                                                                                                       },
    {INFO,                                                                  "info(m offset 2m)",                    240, 240, 0,
     "{__name__=\"m\", instance=\"a\", job=\"j\", v=\"old\"} => 3\n"                                                                                                           },
    {INFO,                                                                  "info(rate(m[2m] @ 120), {v=~\".+\"})", 600, 600, 0,
     "{instance=\"a\", job=\"j\", v=\"old\"} => 0.016666666666666666\n"
     "PromQL info: metric might not be a counter, name does not end in "
     "_total/_sum/_count/_bucket: \"m\" (1:11)\n"                                                                                                                              },
    {INFO,                                                                  "info(m, {v=\"none\"})",                120, 120, 0,  ""                                           },
    {INFO,                                                                  "info(m, {v!=\"none\", job=\"j\"})",    240, 240, 0,
     "{__name__=\"m\", instance=\"a\", job=\"j\", v=\"new\"} => 5\n"                                                                                                           },
    {INFO,                                                                  "info(vector(1))",                      120, 120, 0,  "{} => 1\n"                                  },
    {INFO,                                                                  "info(none)",                           120, 120, 0,  ""                                           },
    {INFO,                                                                  "info(target_info)",                    120, 120, 0,
     "{__name__=\"target_info\", instance=\"a\", job=\"j\", v=\"old\"} => 1\n"                                                                                                 },
    {TWICE,                                                                 "info(m)",                              0,   0,   0,
     "found duplicate series for info metric: existing {__name__=\"target_info\", instance=\"a\", "
     "job=\"j\", v=\"x\"} @ 0, new {__name__=\"target_info\", instance=\"a\", job=\"j\", "
     "v=\"y\"} @ 0"                                                                                                                                                            },
    {CLASH,                                                                 "info(m, {__name__=~\"._info\"})",      0,   0,   0,  "conflicting label: v"                       },
    {"m{instance=\"a.b\"} 1\ni_info{instance=\"a.b\",v=\"x\"} {{count:1}}",
     "info(m, {__name__=\"i_info\"})",                                                                              0,   0,   0,
     "this should be an info metric, with float samples: {__name__=\"i_info\", instance=\"a.b\", "
     "v=\"x\"}"                                                                                                                                                                },

    {"m 1 2",                                                               "start_timestamp(m)",                   90,  90,  0,  "{} => 0\n"                                  },
};

/* Samples with start timestamps: see load_series(). */
static const struct {
    const char *starts;
    struct eval_case c;
} start_cases[] = {
    {"m_total 0 60",          {"m_total 5 6", "increase(m_total[5m])", 60, 60, 0, "{} => 1.5\n"}   },
    {"m_total _ 30 90",       {"m_total _ 5 6", "increase(m_total[2m])", 120, 120, 0, "{} => 11\n"}},
    {"m_total _ 30",
     {"m_total _ 5", "rate(m_total[2m])", 120, 120, 0, "{} => 0.041666666666666664\n"}             },
    {"m_total _ 30 90",       {"m_total _ 5 9", "irate(m_total[2m])", 120, 120, 0, "{} => 0.15\n"} },
    {"m_total _ 30 90",       {"m_total _ 5 9", "resets(m_total[2m])", 120, 120, 0, "{} => 1\n"}   },
    {"m_total _ 30 90",       {"m_total _ 5 9", "delta(m_total[2m])", 120, 120, 0, "{} => 8\n"}    },
    {"m_total 0 -90 -70",
     {"m_total 1 2 3", "rate(m_total[3m])", 120, 120, 0,
      "{} => 0.016666666666666666\n" OVERLAP "(1:6)\n"}                                            },
    {"m_total 0 -90 -70 -60",
     {"m_total 1 2 3 4", "increase(m_total[3m])", 120, 180, 60,
      "{} => 3@120 3@180\n" OVERLAP "(2 occurrences) (1:10)\n"}                                    },
    {"m_total _ 30",
     {"m_total _ {{count:4 sum:4}}", "increase(m_total[2m])", 120, 120, 0,
      "{} => {{count:4 sum:4}}\n"}                                                                 },
    {"m 0 30.5",              {"m 1 2", "start_timestamp(m)", 0, 90, 90, "{} => 0@0 30.5@90\n"}    },
    {"m 0 30.5",              {"m 1 2", "start_timestamp(-m)", 90, 90, 0, ""}                      },
};

/* With types in labels, it is they that say what is a counter, not names. */
#define NO_COUNTER                                                                                 \
    "PromQL info: metric might not be a counter, __type__ label is not set to \"counter\" or "     \
    "\"histogram\", got "

static const struct eval_case type_cases[] = {
    {"m{__type__=\"counter\"} 0+1x9",            "rate(m[5m])",                   300, 300, 0, "{} => 0.016666666666666666\n"},
    {"m_total{__type__=\"gauge\"} 0+1x9",        "rate(m_total[5m])",             300, 300, 0,
     "{} => 0.016666666666666666\n" NO_COUNTER "\"gauge\": \"m_total\" (1:6)\n"                                              },
    {"a{__type__=\"counter\"} 0+60x20",          "rate({__name__=~\"a.*\"}[5m])", 600, 600, 0, "{} => 1\n"                   },
    {"a_bucket{__type__=\"histogram\"} 0+60x20", "rate({__name__=~\"a.*\"}[5m])", 600, 600, 0,
     "{} => 1\n"                                                                                                             },
    {"a_total{__type__=\"gauge\"} 0+60x20",      "rate({__name__=~\"a.*\"}[5m])", 600, 600, 0,
     "{} => 1\n" NO_COUNTER "\"gauge\": \"a_total\" (1:6)\n"                                                                 },
    {"a_total 0+60x20",                          "rate({__name__=~\"a.*\"}[5m])", 600, 600, 0,
     "{} => 1\n" NO_COUNTER "\"\": \"a_total\" (1:6)\n"                                                                      },
};

static void test_experimental(void **state)
{
    const struct promql_query options = {.use_start_timestamps = true};

    (void)state;
    run_cases(cases, COUNT(cases), options);
    for (size_t i = 0; i < COUNT(start_cases); i++)
        run_case(&start_cases[i].c, options, start_cases[i].starts);
}

static void test_types(void **state)
{
    const struct promql_query options = {
        .use_start_timestamps = true,
        .type_and_unit_labels = true,
    };

    (void)state;
    run_cases(type_cases, COUNT(type_cases), options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_experimental),
        cmocka_unit_test(test_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
