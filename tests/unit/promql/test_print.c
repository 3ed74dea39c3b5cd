/*
 * test_print.c - canonical and prettified texts. Each canonical text parses to itself.
 */
#include "cases.h"
#include "ferula/promql.h"
#include "print.h"

static const struct promql_features all = PROMQL_FEATURES_ALL;

static struct print_case {
    const char *query, *printed;
} printed[] = {
    {"1+2*3",                                     "1 + 2 * 3"                                        },
    {"(1+2)*3",                                   "(1 + 2) * 3"                                      },
    {"up{b=\"2\",a=\"1\"}",                       "up{a=\"1\",b=\"2\"}"                              },
    {"up{}",                                      "up"                                               },
    {"{__name__=\"up\"}",                         "{__name__=\"up\"}"                                },
    {"{\"http.requests\", \"a.b\"='c'}",          "{\"a.b\"=\"c\",__name__=\"http.requests\"}"       },
    {"up{a='\"'}",                                "up{a=\"\\\"\"}"                                   },
    {"sum(up)by(job)",                            "sum by (job) (up)"                                },
    {"SUM without()(up)",                         "sum without () (up)"                              },
    {"sum by () (up)",                            "sum(up)"                                          },
    {"sum by (\"a b\", c) (up)",                  "sum by (\"a b\", c) (up)"                         },
    {"topk(3,up)",                                "topk(3, up)"                                      },
    {"a==bool on(x) group_left(y) b",             "a == bool on (x) group_left (y) b"                },
    {"a * ignoring(x) group_right b",             "a * ignoring (x) group_right () b"                },
    {"a + ignoring() b",                          "a + b"                                            },
    {"a and on() b",                              "a and on () b"                                    },
    {"a + fill(1) b",                             "a + fill (1) b"                                   },
    {"a + on(x) fill_right(2) fill_left(-1.5) b", "a + on (x) fill_left (-1.5) fill_right (2) b"     },
    {"up offset 90m @ 10",                        "up @ 10.000 offset 1h30m"                         },
    {"up @ start() offset -5m",                   "up @ start() offset -5m"                          },
    {"up[1h] anchored @ end()",                   "up[1h] anchored @ end()"                          },
    {"up @ 1 smoothed offset 1m",                 "up @ 1.000 smoothed offset 1m"                    },
    {"up[5m:] offset 1w",                         "up[5m:] offset 1w"                                },
    {"up[5m:30s]",                                "up[5m:30s]"                                       },
    {"up[300]",                                   "up[5m]"                                           },
    {"up[5m+step()*2]",                           "up[5m + step() * 2]"                              },
    {"up[max_of(1m,range())]",                    "up[max_of(1m, range())]"                          },
    {"up offset -(5m-step())",                    "up offset -(5m - step())"                         },
    {"up offset - -5m + 3",                       "up offset (5m + 3)"                               },
    {"up offset (5m) * 2",                        "up offset (5m) * 2"                               },
    {"1s1ms",                                     "1s1ms"                                            },
    {"5m",                                        "5m"                                               },
    {"-1h",                                       "-1h"                                              },
    {"1e3",                                       "1000"                                             },
    {"0x10",                                      "16"                                               },
    {"-inf",                                      "-Inf"                                             },
    {"1e-7",                                      "0.0000001"                                        },
    {"\"a\\tb\"",                                 "\"a\\tb\""                                        },
    {"- up ^ 2",                                  "-up ^ 2"                                          },
    {"+(up)",                                     "+(up)"                                            },
    {"info(up, {})",                              "info(up, {})"                                     },
    {"label_replace(up,'a','$1','b','(.*)')",     "label_replace(up, \"a\", \"$1\", \"b\", \"(.*)\")"},
};

static struct str print(struct arena *a, const char *query)
{
    const struct promql_expr *e;
    struct fault f = {0};
    struct buf b = {0};
    struct str s;

    if (promql_parse(a, str_of(query), &all, &e, &f) < 0)
        fail_msg("%s: %s", query, f.text);
    promql_print(&b, e);
    s = arena_str(a, buf_str(&b));
    buf_release(&b);
    return s;
}

static void test_print(void **state)
{
    const struct print_case *c = *state;
    struct arena a = {0};

    assert_str(print(&a, c->query), c->printed);
    assert_str(print(&a, c->printed), c->printed);
    arena_release(&a);
}

static struct pretty_case {
    const char *query;
    size_t width;
    const char *text;
} pretty[] = {
    {"sum(up)",                  100, "sum(up)"                         },
    {"sum by (job) (up)",        10,  "sum by (job) (\n  up\n)"         },
    {"up + down",                5,   "  up\n+\n  down"                 },
    {"topk(3, up_and_running)",  10,  "topk(\n  3,\n  up_and_running\n)"},
    {"-(up_and_running)",        10,  "-(\n  up_and_running\n)"         },
    {"rate(up_and_running[5m])", 10,  "rate(\n  up_and_running[5m]\n)"  },
    {"clamp(up, 1, 2)",          10,  "clamp(\n  up,\n  1,\n  2\n)"     },
    {"a == bool on (x) b",       10,  "  a\n== bool on (x)\n  b"        },
    {"sum(up)[5m:1m]",           10,  "sum(up)[5m:1m]"                  },
    {"(a + b) * (c + d)",        7,   "  (a + b)\n*\n  (c + d)"         },
};

static void test_pretty(void **state)
{
    const struct pretty_case *c = *state;
    struct arena a = {0};
    const struct promql_expr *e;
    struct buf b = {0};

    assert_int_equal(promql_parse(&a, str_of(c->query), &all, &e, NULL), 0);
    promql__prettify_width(&b, e, c->width);
    assert_str(buf_str(&b), c->text);
    buf_release(&b);
    arena_release(&a);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, printed, test_print, query);
    CASES_ADD_TABLE(&c, pretty, test_pretty, query);
    return CASES_RUN("promql printer", &c);
}
