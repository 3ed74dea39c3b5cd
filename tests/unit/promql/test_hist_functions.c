/*
 * Functions of native histograms, where Prometheus' own tests do not reach. What is wanted is what
 * Prometheus' engine gives.
 */
#include "eval.h"
#include "eval_cases.h"

/* Floats and histograms by turns. */
#define MIXED "m 1 {{count:1 sum:1}} {{count:2 sum:3}} 4 5\n"

/* A counter that is reset between its third and fourth sample. */
#define COUNTER                                                                                    \
    "h {{count:1 sum:1 buckets:[1]}} {{count:3 sum:5 buckets:[1 2]}} "                             \
    "{{count:4 sum:9 buckets:[1 3]}} {{count:1 sum:1 buckets:[0 1]}} "                             \
    "{{count:5 sum:8 buckets:[2 3]}}\n"

#define GAUGE                                                                                      \
    "g {{counter_reset_hint:gauge count:1 sum:1 buckets:[1]}} "                                    \
    "{{counter_reset_hint:gauge count:3 sum:5 buckets:[1 2]}} "                                    \
    "{{counter_reset_hint:gauge count:2 sum:4 buckets:[0 2]}}\n"

/* The hint of a gauge in the middle. */
#define SOMETIMES_GAUGE                                                                            \
    "x {{count:1 sum:1}} {{counter_reset_hint:gauge count:3 sum:5}} {{count:4 sum:9}}\n"

/* Bounds that change. */
#define CUSTOM                                                                                     \
    "c {{schema:-53 custom_values:[1 2] count:2 sum:2 buckets:[1 1]}} "                            \
    "{{schema:-53 custom_values:[1 2] count:4 sum:5 buckets:[1 2 1]}} "                            \
    "{{schema:-53 custom_values:[1 5] count:6 sum:9 buckets:[2 3 1]}} "                            \
    "{{schema:-53 custom_values:[1 5] count:9 sum:20 buckets:[2 5 2]}}\n"

/* Exponential, custom, exponential again. */
#define BOTH_BUCKETS                                                                               \
    "e {{count:2 sum:2 buckets:[2]}} "                                                             \
    "{{schema:-53 custom_values:[1] count:1 sum:1 buckets:[1]}} "                                  \
    "{{schema:-53 custom_values:[1] count:3 sum:2 buckets:[3]}} "                                  \
    "{{count:9 sum:9 buckets:[9]}}\n"

/* A coarser schema in the middle. */
#define COARSER                                                                                    \
    "k {{schema:1 count:2 sum:2 buckets:[2]}} {{schema:0 count:4 sum:5 buckets:[2 2]}} "           \
    "{{schema:1 count:6 sum:9 buckets:[2 2 2]}} "                                                  \
    "{{schema:1 count:9 sum:20 buckets:[2 5 2]}}\n"

/* Custom buckets in the middle. */
#define CUSTOM_BETWEEN                                                                             \
    "e {{count:2 sum:2 buckets:[2]}} {{count:4 sum:3 buckets:[4]}} "                               \
    "{{schema:-53 custom_values:[1] count:3 sum:2 buckets:[3]}} "                                  \
    "{{count:9 sum:9 buckets:[9]}}\n"

/* More observations than in buckets, and less. */
#define MISCOUNTED                                                                                 \
    "w{k=\"more\"} {{count:9 sum:5 buckets:[1 2]}}\n"                                              \
    "w{k=\"less\"} {{count:2 sum:5 buckets:[1 2]}}\n"

/* Their sum is too large, their mean is not. */
#define LARGE                                                                                      \
    "o {{count:1.5e308 sum:1e308 buckets:[1e308 3]}} "                                             \
    "{{count:1.5e308 sum:1e308 buckets:[1e308 5]}} "                                               \
    "{{count:1.5e308 sum:1.5e308 buckets:[1e308 7]}}\n"

/* Resets, a stale marker, a float. */
#define HINTS                                                                                      \
    "s {{count:3 sum:3 buckets:[3]}} {{count:5 sum:5 buckets:[5]}} "                               \
    "{{count:5 sum:6 buckets:[2 3]}} {{count:6 sum:7 buckets:[2 4]}} "                             \
    "stale {{count:7 sum:8 buckets:[2 5]}} {{count:8 sum:9 buckets:[2 6]}} "                       \
    "{{count:8 sum:9 buckets:[8]}} 4 {{count:9 sum:9 buckets:[9]}} "                               \
    "{{count:10 sum:9 buckets:[10]}}\n"

/* Labels that go with the name. */
#define TYPED                                                                                      \
    "t{__type__=\"histogram\"} {{count:4 sum:6 buckets:[1 2 1]}}\n"                                \
    "t{__type__=\"histogram\",le=\"1\"} {{count:2 sum:3 buckets:[1 1]}}\n"

/* A classic histogram that a native one joins. */
#define CLASSIC_TOO                                                                                \
    "b{le=\"1\"} 1 1 1\n"                                                                          \
    "b{le=\"2\"} 3 3 3\n"                                                                          \
    "b{le=\"+Inf\"} 4 4 4\n"                                                                       \
    "b _ {{count:4 sum:6 buckets:[1 2 1]}} {{count:4 sum:6 buckets:[1 2 1]}}\n"                    \
    "b{le=\"1\",x=\"y\"} _ _ 2\n"

/* ... or follows. */
#define CLASSIC_BEFORE                                                                             \
    "b{le=\"1\"} 1 1 _\n"                                                                          \
    "b{le=\"+Inf\"} 4 4 _\n"                                                                       \
    "b _ _ {{count:4 sum:6 buckets:[1 2 1]}}\n"

/* A NaN, a custom bucket below zero, a zero bucket with one side, nothing. */
#define ODD                                                                                        \
    "n{k=\"nan\"} {{count:5 sum:NaN buckets:[1 2]}}\n"                                             \
    "n{k=\"low\"} {{schema:-53 custom_values:[-1 3] count:3 sum:1 buckets:[1 1 1]}}\n"             \
    "n{k=\"zero\"} {{z_bucket:2 z_bucket_w:0.5 count:4 sum:1 n_buckets:[1 1]}}\n"                  \
    "n{k=\"none\"} {{}}\n"

/* Series of either kind. */
#define KINDS                                                                                      \
    "v{a=\"2\"} {{count:1 sum:1}}\n"                                                               \
    "v{a=\"1\"} 7\n"                                                                               \
    "v{a=\"3\"} 3\n"                                                                               \
    "v{a=\"10\"} {{count:2 sum:5}}\n"

static const struct eval_case cases[] = {
    {MIXED,           "count_over_time(m[10m])",                           240, 240, 0,   "{} => 5\n"                                  },
    {MIXED,           "present_over_time(m[10m])",                         240, 240, 0,   "{} => 1\n"                                  },
    {MIXED,           "first_over_time(m[10m])",                           240, 240, 0,   "{__name__=\"m\"} => 1\n"                    },
    {MIXED,           "last_over_time(m[10m])",                            240, 240, 0,   "{__name__=\"m\"} => 5\n"                    },
    {MIXED,           "ts_of_first_over_time(m[10m])",                     240, 240, 0,   "{} => 0\n"                                  },
    {MIXED,           "ts_of_last_over_time(m[10m])",                      240, 240, 0,   "{} => 240\n"                                },
    {MIXED,           "sum_over_time(m[10m])",                             240, 240, 0,
     "PromQL warning: encountered a mix of histograms and floats for metric name \"m\" (1:15)\n"                                       },
    {MIXED,           "avg_over_time(m[10m])",                             240, 240, 0,
     "PromQL warning: encountered a mix of histograms and floats for metric name \"m\" (1:15)\n"                                       },
    {MIXED,           "min_over_time(m[10m])",                             240, 240, 0,
     "{} => 1\n"
     "PromQL info: ignored histograms in a range containing both floats and histograms for metric name \"m\" (1:15)\n"                 },
    {MIXED,           "ts_of_max_over_time(m[10m])",                       240, 240, 0,
     "{} => 240\n"
     "PromQL info: ignored histograms in a range containing both floats and histograms for metric name \"m\" (1:21)\n"                 },
    {MIXED,           "stdvar_over_time(m[10m])",                          240, 240, 0,
     "{} => 2.888888888888889\n"
     "PromQL info: ignored histograms in a range containing both floats and histograms for metric name \"m\" (1:18)\n"                 },
    {MIXED,           "mad_over_time(m[10m])",                             240, 240, 0,
     "{} => 1\n"
     "PromQL info: ignored histograms in a range containing both floats and histograms for metric name \"m\" (1:15)\n"                 },
    {MIXED,           "deriv(m[10m])",                                     240, 240, 0,
     "{} => 0.016666666666666666\n"
     "PromQL info: ignored histograms in a range containing both floats and histograms for metric name \"m\" (1:7)\n"                  },
    {MIXED,           "resets(m[10m])",                                    240, 240, 0,   "{} => 2\n"                                  },
    {MIXED,           "changes(m[10m])",                                   240, 240, 0,   "{} => 4\n"                                  },
    {MIXED,           "rate(m[10m])",                                      240, 240, 0,
     "PromQL warning: encountered a mix of histograms and floats for metric name \"m\" (1:6)\n"                                        },
    {MIXED,           "delta(m[10m])",                                     240, 240, 0,
     "PromQL warning: encountered a mix of histograms and floats for metric name \"m\" (1:7)\n"                                        },
    {MIXED,           "irate(m[10m])",                                     240, 240, 0,   "{} => 0.016666666666666666\n"               },
    {MIXED,           "idelta(m[10m])",                                    240, 240, 0,   "{} => 1\n"                                  },
    {MIXED,           "quantile_over_time(0.5, m[10m])",                   240, 240, 0,
     "{} => 4\n"
     "PromQL info: ignored histograms in a range containing both floats and histograms for metric name \"m\" (1:20)\n"                 },
    {MIXED,           "quantile_over_time(2, m[2m])",                      120, 120, 0,   ""                                           },
    {MIXED,           "predict_linear(m[10m], 60)",                        60,  60,  0,
     "PromQL info: ignored histograms in a range containing both floats and histograms for metric name \"m\" (1:16)\n"                 },
    {MIXED,           "double_exponential_smoothing(m[10m], 0.5, 0.5)",    240, 240, 0,
     "{} => 6\n"
     "PromQL info: ignored histograms in a range containing both floats and histograms for metric name \"m\" (1:30)\n"                 },
    {MIXED,           "irate(m[10m])",                                     120, 120, 0,
     "{} => {{count:0.016666666666666666 sum:0.03333333333333333 counter_reset_hint:gauge}}\n"                                         },
    {MIXED,           "irate(m[10m])",                                     180, 180, 0,
     "PromQL warning: encountered a mix of histograms and floats for metric name \"m\" (1:7)\n"                                        },
    {MIXED,           "last_over_time(m[10m])",                            60,  180, 60,
     "{__name__=\"m\"} => 4@180 {{count:1 sum:1}}@60 {{count:2 sum:3 counter_reset_hint:not_reset}}@120\n"                             },
    {MIXED,           "last_over_time(m[10m:1m])",                         120, 120, 0,   "{__name__=\"m\"} => {{count:2 sum:3}}\n"    },
    {MIXED,           "min_over_time(m[10m:1m])",                          240, 240, 0,
     "{} => 1\n"
     "PromQL info: ignored histograms in a range containing both floats and histograms for metric name \"m\" (1:1)\n"                  },
    {MIXED,           "absent_over_time(m[1m])",                           0,   360, 60,  "{} => 1@300 1@360\n"                        },
    {MIXED,           "m[10m]",                                            240, 240, 0,
     "{__name__=\"m\"} => 1@0 4@180 5@240 {{count:1 sum:1}}@60 {{count:2 sum:3 counter_reset_hint:not_reset}}@120\n"                   },
    {COUNTER,         "rate(h[10m])",                                      240, 240, 0,
     "{} => {{count:0.015 sum:0.03 counter_reset_hint:gauge buckets:[0.00375 0.01125]}}\n"                                             },
    {COUNTER,         "increase(h[10m])",                                  120, 120, 0,
     "{} => {{count:3.75 sum:10 counter_reset_hint:gauge offset:1 buckets:[3.75]}}\n"                                                  },
    {COUNTER,         "delta(h[10m])",                                     120, 120, 0,
     "{} => {{count:3.75 sum:10 counter_reset_hint:gauge offset:1 buckets:[3.75]}}\n"
     "PromQL warning: this native histogram metric is not a gauge: \"h\" (1:7)\n"                                                      },
    {COUNTER,         "irate(h[10m])",                                     180, 180, 0,
     "{} => {{count:0.016666666666666666 sum:0.016666666666666666 counter_reset_hint:gauge offset:1 buckets:[0.016666666666666666]}}\n"},
    {COUNTER,         "idelta(h[10m])",                                    180, 180, 0,
     "{} => {{count:-3 sum:-8 counter_reset_hint:gauge buckets:[-1 -2]}}\n"
     "PromQL warning: this native histogram metric is not a gauge: \"h\" (1:8)\n"                                                      },
    {COUNTER,         "resets(h[10m])",                                    240, 240, 0,   "{} => 1\n"                                  },
    {COUNTER,         "changes(h[10m])",                                   240, 240, 0,   "{} => 4\n"                                  },
    {COUNTER,         "rate(h[10m:1m])",                                   240, 240, 0,
     "{} => {{count:0.015 sum:0.03 counter_reset_hint:gauge buckets:[0.00375 0.01125]}}\n"                                             },
    {COUNTER,         "resets(h[10m:30s])",                                240, 240, 0,   "{} => 1\n"                                  },
    {GAUGE,           "rate(g[10m])",                                      120, 120, 0,
     "{} => {{count:0.008333333333333333 sum:0.016666666666666666 counter_reset_hint:gauge offset:1 buckets:[0.008333333333333333]}}\n"
     "PromQL warning: this native histogram metric is not a counter: \"g\" (1:6)\n"                                                    },
    {GAUGE,           "delta(g[10m])",                                     120, 120, 0,
     "{} => {{count:1.25 sum:3.75 counter_reset_hint:gauge buckets:[-1.25 2.5]}}\n"                                                    },
    {GAUGE,           "irate(g[10m])",                                     120, 120, 0,
     "{} => {{count:0.03333333333333333 sum:0.06666666666666667 counter_reset_hint:gauge offset:1 buckets:[0.03333333333333333]}}\n"
     "PromQL warning: this native histogram metric is not a counter: \"g\" (1:7)\n"                                                    },
    {GAUGE,           "idelta(g[10m])",                                    120, 120, 0,
     "{} => {{count:-1 sum:-1 counter_reset_hint:gauge buckets:[-1]}}\n"                                                               },
    {SOMETIMES_GAUGE, "delta(x[10m])",                                     120, 120, 0,
     "{} => {{count:3.75 sum:10 counter_reset_hint:gauge}}\n"
     "PromQL warning: this native histogram metric is not a gauge: \"x\" (1:7)\n"                                                      },
    {SOMETIMES_GAUGE, "rate(x[10m])",                                      120, 120, 0,
     "{} => {{count:0.00625 sum:0.016666666666666666 counter_reset_hint:gauge}}\n"
     "PromQL warning: this native histogram metric is not a counter: \"x\" (1:6)\n"                                                    },
    {CUSTOM,          "rate(c[10m])",                                      60,  60,  0,
     "{} => {{schema:-53 count:0.005 sum:0.0075 custom_values:[1 2] counter_reset_hint:gauge offset:1 buckets:[0.0025 0.0025]}}\n"     },
    {CUSTOM,          "increase(c[10m])",                                  180, 180, 0,
     "{} => {{schema:-53 count:8.166666666666668 sum:21 custom_values:[1] counter_reset_hint:gauge buckets:[1.1666666666666667 7]}}\n"
     "PromQL info: mismatched custom buckets were reconciled during subtraction (1:10)\n"                                              },
    {CUSTOM,          "sum_over_time(c[10m])",                             180, 180, 0,
     "{} => {{schema:-53 count:21 sum:36 custom_values:[1] buckets:[6 15]}}\n"
     "PromQL info: mismatched custom buckets were reconciled during aggregation (1:15)\n"                                              },
    {CUSTOM,          "avg_over_time(c[10m])",                             180, 180, 0,
     "{} => {{schema:-53 count:5.25 sum:9 custom_values:[1] buckets:[1.5 3.75]}}\n"
     "PromQL info: mismatched custom buckets were reconciled during aggregation (1:15)\n"                                              },
    {CUSTOM,          "idelta(c[2m])",                                     120, 120, 0,
     "{} => {{schema:-53 count:2 sum:4 custom_values:[1] counter_reset_hint:gauge buckets:[1 1]}}\n"
     "PromQL warning: this native histogram metric is not a gauge: \"c\" (1:8)\n"
     "PromQL info: mismatched custom buckets were reconciled during subtraction (1:8)\n"                                               },
    {BOTH_BUCKETS,    "rate(e[10m])",                                      120, 120, 0,
     "{} => {{schema:-53 count:0.00625 sum:0.004166666666666667 custom_values:[1] counter_reset_hint:gauge buckets:[0.00625]}}\n"      },
    {BOTH_BUCKETS,    "rate(e[10m])",                                      180, 180, 0,
     "PromQL warning: vector contains a mix of histograms with exponential and custom buckets schemas for metric name \"e\" (1:6)\n"   },
    {BOTH_BUCKETS,    "delta(e[10m])",                                     120, 120, 0,
     "PromQL warning: vector contains a mix of histograms with exponential and custom buckets schemas for metric name \"e\" (1:7)\n"   },
    {BOTH_BUCKETS,    "irate(e[10m])",                                     180, 180, 0,
     "{} => {{count:0.15 sum:0.15 counter_reset_hint:gauge buckets:[0.15]}}\n"                                                         },
    {BOTH_BUCKETS,    "idelta(e[10m])",                                    60,  60,  0,
     "PromQL warning: this native histogram metric is not a gauge: \"e\" (1:8)\n"
     "PromQL warning: vector contains a mix of histograms with exponential and custom buckets schemas for metric name \"e\" (1:8)\n"   },
    {BOTH_BUCKETS,    "sum_over_time(e[10m])",                             60,  60,  0,
     "PromQL warning: vector contains a mix of histograms with exponential and custom buckets schemas for metric name \"e\" (1:15)\n"  },
    {BOTH_BUCKETS,    "avg_over_time(e[10m])",                             60,  60,  0,
     "PromQL warning: vector contains a mix of histograms with exponential and custom buckets schemas for metric name \"e\" (1:15)\n"  },
    {BOTH_BUCKETS,    "resets(e[10m])",                                    180, 180, 0,   "{} => 2\n"                                  },
    {LARGE,           "avg_over_time(o[10m])",                             120, 120, 0,
     "{} => {{count:1.5e+308 sum:1.1666666666666665e+308 buckets:[1e+308 5]}}\n"                                                       },
    {LARGE,           "avg_over_time(o[1m])",                              0,   0,   0,
     "{} => {{count:1.5e+308 sum:1e+308 buckets:[1e+308 3]}}\n"                                                                        },
    {LARGE,           "sum_over_time(o[10m])",                             120, 120, 0,
     "{} => {{count:+Inf sum:+Inf buckets:[+Inf 15]}}\n"                                                                               },
    {HINTS,           "histogram_count(sum_over_time(s[10m]))",            180, 180, 0,
     "{} => 19\n"
     "PromQL warning: conflicting counter resets during histogram aggregation (1:31)\n"                                                },
    {HINTS,           "histogram_count(sum_over_time(s[10m:1m]))",         180, 180, 0,   "{} => 19\n"                                 },
    {HINTS,           "histogram_quantile(0.5, sum_over_time(s[10m]))",    180, 180, 0,
     "{} => 0.865536561006143\n"                                                                                                       },
    {HINTS,           "histogram_sum(sum_over_time(s[3m]))",               180, 600, 60,
     "{} => 18@180 13@240 15@300 17@360 26@420\n"
     "PromQL warning: conflicting counter resets during histogram aggregation (1:29)\n"
     "PromQL warning: encountered a mix of histograms and floats for metric name \"s\" (1:29)\n"                                       },
    {HINTS,           "histogram_count(rate(s[2m]))",                      120, 600, 60,
     "{} => 0.08333333333333333@120 0.016666666666666666@180 0.016666666666666666@360 0.13333333333333333@420 0.016666666666666666@600\n"
     "PromQL warning: encountered a mix of histograms and floats for metric name \"s\" (1:22)\n"                                       },
    {HINTS,           "histogram_count(increase(s[90s]))",                 60,  600, 180, "{} => 3@60 12@420 1.5@600\n"                },
    {HINTS,           "histogram_avg(s)",                                  0,   600, 120, "{} => 1@0 1.2@120 1.125@360 0.9@600\n"      },
    {HINTS,           "histogram_count(s + s offset 1m)",                  60,  600, 60,
     "{} => 8@60 15@360 19@600\n"
     "PromQL warning: conflicting counter resets during histogram addition (1:17)\n"
     "PromQL info: incompatible sample types encountered for binary operator \"+\": float + histogram (1:17)\n"
     "PromQL info: incompatible sample types encountered for binary operator \"+\": histogram + float (1:17)\n"                        },
    {HINTS,           "histogram_count(last_over_time(s[1m]) + s)",        0,   600, 120,
     "{} => 6@0 10@120 16@360 20@600\n"                                                                                                },
    {TYPED,           "histogram_count(t)",                                0,   0,   0,
     "{__type__=\"histogram\"} => 4\n"
     "{__type__=\"histogram\", le=\"1\"} => 2\n"                                                                                       },
    {TYPED,           "histogram_quantile(0.5, t)",                        0,   0,   0,
     "{} => 1.4142135623730951\n"
     "{le=\"1\"} => 1\n"                                                                                                               },
    {TYPED,           "abs(t)",                                            0,   0,   0,   ""                                           },
    {CLASSIC_TOO,     "histogram_quantile(0.5, b)",                        0,   120, 60,
     "{} => 1.5@0\n"
     "{x=\"y\"} => NaN@120\n"
     "PromQL warning: vector contains a mix of classic and native histograms (1:25)\n"                                                 },
    {CLASSIC_TOO,     "histogram_fraction(0, 2, b)",                       60,  60,  0,
     "PromQL warning: vector contains a mix of classic and native histograms (1:26)\n"                                                 },
    {CLASSIC_BEFORE,  "histogram_quantile(0.5, b)",                        0,   120, 60,
     "{} => 1@0 1@60\n"
     "PromQL warning: vector contains a mix of classic and native histograms (1:25)\n"                                                 },
    {CLASSIC_BEFORE,  "histogram_fraction(0, 1, b)",                       0,   120, 60,
     "{} => 0.25@0 0.25@60\n"
     "PromQL warning: vector contains a mix of classic and native histograms (1:26)\n"                                                 },
    {CLASSIC_TOO,     "histogram_quantiles(b, \"q\", time() / 120)",       0,   120, 60,
     "{q=\"0.0\"} => 0@0\n"
     "{q=\"1.0\", x=\"y\"} => NaN@120\n"
     "PromQL warning: vector contains a mix of classic and native histograms (1:21)\n"                                                 },
    {CLASSIC_BEFORE,  "histogram_quantiles(b, \"q\", 0.5, 0.5)",           0,   0,   0,
     "vector cannot contain metrics with the same labelset"                                                                            },
    {ODD,             "histogram_quantile(0.5, n)",                        0,   0,   0,
     "{k=\"low\"} => 1\n"
     "{k=\"nan\"} => 1.681792830507429\n"
     "{k=\"none\"} => NaN\n"
     "{k=\"zero\"} => -0.5\n"
     "PromQL info: input to histogram_quantile has NaN observations, result is skewed higher (1:25)\n"                                 },
    {ODD,             "histogram_fraction(-1, 0, n)",                      0,   0,   0,
     "{k=\"low\"} => 0\n"
     "{k=\"nan\"} => 0\n"
     "{k=\"none\"} => NaN\n"
     "{k=\"zero\"} => 0.75\n"
     "PromQL info: input to histogram_fraction has NaN observations, which are excluded from all fractions (1:27)\n"                   },
    {ODD,             "histogram_quantile(0.9, n)",                        0,   0,   0,
     "{k=\"low\"} => 3\n"
     "{k=\"nan\"} => NaN\n"
     "{k=\"none\"} => NaN\n"
     "{k=\"zero\"} => -0.09999999999999998\n"
     "PromQL info: input to histogram_quantile has NaN observations, result is NaN (1:25)\n"                                           },
    {ODD,             "histogram_quantile(0.05, n)",                       0,   0,   0,
     "{k=\"low\"} => -1\n"
     "{k=\"nan\"} => 1.0905077326652577\n"
     "{k=\"none\"} => NaN\n"
     "{k=\"zero\"} => -1.7411011265922482\n"
     "PromQL info: input to histogram_quantile has NaN observations, result is skewed higher (1:26)\n"                                 },
    {ODD,             "histogram_quantile(NaN, n)",                        0,   0,   0,
     "{k=\"low\"} => NaN\n"
     "{k=\"nan\"} => NaN\n"
     "{k=\"none\"} => NaN\n"
     "{k=\"zero\"} => NaN\n"
     "PromQL warning: quantile value should be between 0 and 1, got NaN (1:20)\n"                                                      },
    {ODD,             "histogram_stddev(n)",                               0,   0,   0,
     "{k=\"low\"} => +Inf\n"
     "{k=\"nan\"} => NaN\n"
     "{k=\"none\"} => NaN\n"
     "{k=\"zero\"} => 0.9760456151968285\n"                                                                                            },
    {ODD,             "histogram_stdvar({k=\"low\"})",                     0,   0,   0,   "{k=\"low\"} => +Inf\n"                      },
    {KINDS,           "sort(v)",                                           0,   0,   0,
     "{__name__=\"v\", a=\"3\"} => 3\n"
     "{__name__=\"v\", a=\"1\"} => 7\n"                                                                                                },
    {KINDS,           "sort_desc(v)",                                      0,   0,   0,
     "{__name__=\"v\", a=\"1\"} => 7\n"
     "{__name__=\"v\", a=\"3\"} => 3\n"                                                                                                },
    {KINDS,           "sort_by_label(v, \"a\")",                           0,   0,   0,
     "{__name__=\"v\", a=\"1\"} => 7\n"
     "{__name__=\"v\", a=\"2\"} => {{count:1 sum:1}}\n"
     "{__name__=\"v\", a=\"3\"} => 3\n"
     "{__name__=\"v\", a=\"10\"} => {{count:2 sum:5}}\n"                                                                               },
    {KINDS,           "label_replace(v, \"a\", \"x$1\", \"a\", \"(.*)\")", 0,   0,   0,
     "{__name__=\"v\", a=\"x1\"} => 7\n"
     "{__name__=\"v\", a=\"x10\"} => {{count:2 sum:5}}\n"
     "{__name__=\"v\", a=\"x2\"} => {{count:1 sum:1}}\n"
     "{__name__=\"v\", a=\"x3\"} => 3\n"                                                                                               },
    {KINDS,           "absent(v{a=\"2\"})",                                0,   0,   0,   ""                                           },
    {KINDS,           "scalar(v{a=\"2\"})",                                0,   0,   0,   "NaN\n"                                      },
    {KINDS,           "scalar(v{a=~\"[12]\"})",                            0,   0,   0,   "7\n"                                        },
    {KINDS,           "timestamp(v{a=~\"[12]\"})",                         0,   0,   0,
     "{a=\"1\"} => 0\n"
     "{a=\"2\"} => 0\n"                                                                                                                },
    {KINDS,           "timestamp(-v)",                                     0,   0,   0,
     "{a=\"1\"} => 0\n"
     "{a=\"10\"} => 0\n"
     "{a=\"2\"} => 0\n"
     "{a=\"3\"} => 0\n"                                                                                                                },
    {KINDS,           "clamp(v, 0, 5)",                                    0,   0,   0,
     "{a=\"1\"} => 5\n"
     "{a=\"3\"} => 3\n"                                                                                                                },
    {KINDS,           "round(v)",                                          0,   0,   0,
     "{a=\"1\"} => 7\n"
     "{a=\"3\"} => 3\n"                                                                                                                },
    {KINDS,           "hour(v)",                                           0,   0,   0,
     "{a=\"1\"} => 0\n"
     "{a=\"3\"} => 0\n"                                                                                                                },
    {KINDS,           "-v",                                                0,   0,   0,
     "{a=\"1\"} => -7\n"
     "{a=\"10\"} => {{count:-2 sum:-5 counter_reset_hint:gauge}}\n"
     "{a=\"2\"} => {{count:-1 sum:-1 counter_reset_hint:gauge}}\n"
     "{a=\"3\"} => -3\n"                                                                                                               },
    {KINDS,           "floor(v)",                                          0,   0,   0,
     "{a=\"1\"} => 7\n"
     "{a=\"3\"} => 3\n"                                                                                                                },
    {KINDS,           "sort(v)",                                           0,   60,  60,
     "{__name__=\"v\", a=\"1\"} => 7@0 7@60\n"
     "{__name__=\"v\", a=\"3\"} => 3@0 3@60\n"
     "PromQL warning: sort is ineffective for range queries since results are always ordered by labels (1:1)\n"                        },
    {KINDS,           "timestamp(v)",                                      0,   60,  60,
     "{a=\"1\"} => 0@0 0@60\n"
     "{a=\"10\"} => 0@0 0@60\n"
     "{a=\"2\"} => 0@0 0@60\n"
     "{a=\"3\"} => 0@0 0@60\n"                                                                                                         },
    {KINDS,           "absent(v)",                                         0,   360, 120, "{} => 1@360\n"                              },
    {COARSER,         "increase(k[10m])",                                  120, 120, 0,
     "{} => {{count:10 sum:15 counter_reset_hint:gauge buckets:[2.5 7.5]}}\n"                                                          },
    {COARSER,         "increase(k[10m])",                                  180, 180, 0,
     "{} => {{count:12.833333333333334 sum:26.833333333333336 counter_reset_hint:gauge buckets:[2.3333333333333335 10.5]}}\n"          },
    {COARSER,         "delta(k[10m])",                                     120, 120, 0,
     "{} => {{schema:1 count:5 sum:8.75 counter_reset_hint:gauge offset:1 buckets:[2.5 2.5]}}\n"
     "PromQL warning: this native histogram metric is not a gauge: \"k\" (1:7)\n"                                                      },
    {COARSER,         "sum_over_time(k[10m])",                             120, 120, 0,   "{} => {{count:12 sum:16 buckets:[6 6]}}\n"  },
    {CUSTOM_BETWEEN,  "rate(e[10m])",                                      180, 180, 0,
     "PromQL warning: vector contains a mix of histograms with exponential and custom buckets schemas for metric name \"e\" (1:6)\n"   },
    {CUSTOM_BETWEEN,  "delta(e[10m])",                                     180, 180, 0,
     "{} => {{count:8.166666666666668 sum:8.166666666666668 counter_reset_hint:gauge buckets:[8.166666666666668]}}\n"
     "PromQL warning: this native histogram metric is not a gauge: \"e\" (1:7)\n"                                                      },
    {MISCOUNTED,      "histogram_quantile(0.4, w)",                        0,   0,   0,
     "{k=\"less\"} => 0.8705505632961241\n"
     "{k=\"more\"} => 2\n"                                                                                                             },
    {MISCOUNTED,      "histogram_quantile(1, w)",                          0,   0,   0,
     "{k=\"less\"} => 2\n"
     "{k=\"more\"} => 2\n"                                                                                                             },
    {MISCOUNTED,      "histogram_fraction(0, Inf, w)",                     0,   0,   0,
     "{k=\"less\"} => 1\n"
     "{k=\"more\"} => 1\n"                                                                                                             },
    {MISCOUNTED,      "histogram_fraction(-Inf, 1.5, w)",                  0,   0,   0,
     "{k=\"less\"} => 1\n"
     "{k=\"more\"} => 0.2411027779380347\n"                                                                                            },
    {HINTS,           "histogram_count(s offset 1m)",                      60,  900, 400, "{} => 3@60 8@460 10@860\n"                  },
    {HINTS,           "histogram_count(s @ 180)",                          60,  120, 60,  "{} => 6@60 6@120\n"                         },
    {ODD,             "label_replace(n, \"\", \"\", \"\", \"\")",          0,   0,   0,
     "invalid destination label name in label_replace(): "                                                                             },
    {ODD,             "histogram_quantile(0.5, abs(m))",                   0,   0,   0,   ""                                           },
    {ODD,             "double_exponential_smoothing(n[5m], 2, 0.5)",       0,   0,   0,
     "invalid smoothing factor. Expected: 0 < sf < 1, got: 2.000000"                                                                   },
};

/* With delayed name removal. */
static const struct eval_case delayed_cases[] = {
    {TYPED,          "histogram_count(t)",                          0,  0,   0,
     "{} => 4\n"
     "{le=\"1\"} => 2\n"                                                                                                                  },
    {TYPED,          "histogram_quantile(0.5, t)",                  0,  0,   0,
     "{} => 1.4142135623730951\n"
     "{le=\"1\"} => 1\n"                                                                                                                  },
    {TYPED,          "abs(t)",                                      0,  0,   0,  ""                                                       },
    {CLASSIC_TOO,    "histogram_quantile(0.5, b)",                  0,  120, 60,
     "{} => 1.5@0\n"
     "{x=\"y\"} => NaN@120\n"
     "PromQL warning: vector contains a mix of classic and native histograms for metric name \"b\" (1:25)\n"                              },
    {CLASSIC_TOO,    "histogram_fraction(0, 2, b)",                 60, 60,  0,
     "PromQL warning: vector contains a mix of classic and native histograms for metric name \"b\" (1:26)\n"                              },
    {CLASSIC_BEFORE, "histogram_quantile(0.5, b)",                  0,  120, 60,
     "{} => 1@0 1@60\n"
     "PromQL warning: vector contains a mix of classic and native histograms for metric name \"b\" (1:25)\n"                              },
    {CLASSIC_BEFORE, "histogram_fraction(0, 1, b)",                 0,  120, 60,
     "{} => 0.25@0 0.25@60\n"
     "PromQL warning: vector contains a mix of classic and native histograms for metric name \"b\" (1:26)\n"                              },
    {CLASSIC_TOO,    "histogram_quantiles(b, \"q\", time() / 120)", 0,  120, 60,
     "{q=\"0.0\"} => 0@0\n"
     "{q=\"1.0\", x=\"y\"} => NaN@120\n"
     "PromQL warning: vector contains a mix of classic and native histograms for metric name \"b\" (1:21)\n"                              },
    {CLASSIC_BEFORE, "histogram_quantiles(b, \"q\", 0.5, 0.5)",     0,  0,   0,
     "vector cannot contain metrics with the same labelset"                                                                               },
    {ODD,            "histogram_quantile(0.5, n)",                  0,  0,   0,
     "{k=\"low\"} => 1\n"
     "{k=\"nan\"} => 1.681792830507429\n"
     "{k=\"none\"} => NaN\n"
     "{k=\"zero\"} => -0.5\n"
     "PromQL info: input to histogram_quantile has NaN observations, result is skewed higher for metric name \"n\" (1:25)\n"              },
    {ODD,            "histogram_fraction(-1, 0, n)",                0,  0,   0,
     "{k=\"low\"} => 0\n"
     "{k=\"nan\"} => 0\n"
     "{k=\"none\"} => NaN\n"
     "{k=\"zero\"} => 0.75\n"
     "PromQL info: input to histogram_fraction has NaN observations, which are excluded from all fractions for metric name \"n\" (1:27)\n"},
};

static void test_eval(void **state)
{
    (void)state;
    run_cases(cases, COUNT(cases), (struct promql_query){0});
    run_cases(delayed_cases, COUNT(delayed_cases),
              (struct promql_query){.delayed_name_removal = true});
}

/* Histograms count by their size, here 12 samples each: in windows, in results, in vectors. */
static const struct limit_case limits[] = {
    {"rate(h[10m])",               11, 130},
    {"last_over_time(h[1m])",      11, 130},
    {"resets(h[10m:1m])",          11, 130},
    {"histogram_quantile(0.5, h)", 11, 130},
    {"h[10m]",                     11, 130},
};

static void test_limit(void **state)
{
    const struct promql_query options = {.start = 4 * MINUTE, .end = 4 * MINUTE};

    (void)state;
    run_limits(COUNTER, options, limits, COUNT(limits));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eval),
        cmocka_unit_test(test_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
