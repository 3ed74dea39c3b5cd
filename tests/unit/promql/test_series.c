/*
 * test_series.c - series with values in the notation of rule tests.
 */
#include "cases.h"

#include "ferula/base/num.h"
#include "ferula/model/histogram.h"
#include "ferula/promql.h"

static struct series_case {
    const char *text;
    const char *shown; /* labels, then values; _ stands for none, ! for a hint that is written */
} series[] = {
    {"m 1 2",                                                 "{__name__=\"m\"} 1 2"                      },
    {"m{b=\"2\",a=\"1\"} 1+2x2",                              "{__name__=\"m\", a=\"1\", b=\"2\"} 1 3 5"  },
    {"{} 7x1 _ _x2 8",                                        "{} 7 7 _ _ _ 8"                            },
    {"m -1-2x1 +1 .5",                                        "{__name__=\"m\"} -1 -3 1 0.5"              },
    {"m stale Inf -inf",                                      "{__name__=\"m\"} stale +Inf -Inf"          },
    {"{\"a.b\", c=\"d\"} 1",                                  "{__name__=\"a.b\", c=\"d\"} 1"             },
    {"m",                                                     "{__name__=\"m\"}"                          },
    {"{} {{}} {{ }}",                                         "{} {{}} {{}}"                              },
    {"{} {{sum:1 buckets:[1 2] offset:-3}}x1 _ 5",
     "{} {{sum:1 offset:-3 buckets:[1 2]}} {{sum:1 offset:-3 buckets:[1 2]}} _ 5"                         },
    {"{} {{Schema:1  z_bucket:-2 z_bucket_w:0.5  }}",         "{} {{schema:1 z_bucket:-2 z_bucket_w:0.5}}"},
    {"{} {{schema:-53 custom_values:[1 2.5] buckets:[1]}}",
     "{} {{schema:-53 custom_values:[1 2.5] buckets:[1]}}"                                                },
    {"{} {{n_buckets:[1 2 ] n_offset:2 count:NaN sum:-Inf}}",
     "{} {{count:NaN sum:-Inf n_offset:2 n_buckets:[1 2]}}"                                               },
    {"{} {{counter_reset_hint:unknown}} {{sum:1}}",           "{} {{}}! {{sum:1}}"                        },
    {"{} {{counter_reset_hint:gauge}}",                       "{} {{counter_reset_hint:gauge}}!"          },
    {"{} {{counter_reset_hint:reset}}+{{sum:1}}x1",           "{} {{counter_reset_hint:reset}} {{sum:1}}" },
    {"{} {{sum:3}}-{{sum:1 counter_reset_hint:gauge}}x0",     "{} {{sum:3}}!"                             },
    {"{} {{buckets:[5]}}+{{buckets:[1 2] schema:1}}x2",
     "{} {{buckets:[5]}} {{buckets:[6 2]}} {{buckets:[7 4]}}"                                             },
 /* Slips of Prometheus' lexer and grammar. */
    {"{} {{buckets:[1-2 3x4 infinity]}}",                     "{} {{buckets:[1 3 +Inf]}}"                 },
};

static void show_value(struct buf *b, const struct promql_series_value *v)
{
    buf_putc(b, ' ');
    if (v->omitted)
        buf_putc(b, '_');
    else if (v->h != NULL)
        histogram_print_expression(b, v->h);
    else if (is_stale(v->v))
        buf_puts(b, "stale");
    else
        buf_add_num(b, v->v, 'g');
    if (v->has_hint)
        buf_putc(b, '!');
}

static void test_series(void **state)
{
    const struct series_case *c = *state;
    struct arena a = {0};
    struct promql_series_value *v;
    struct labels ls;
    struct fault f = {0};
    struct buf b = {0};
    size_t n;

    assert_int_equal(promql_parse_series(&a, str_of(c->text), &ls, &v, &n, &f), 0);
    labels_print(&b, ls);
    for (size_t i = 0; i < n; i++)
        show_value(&b, &v[i]);
    assert_str(buf_str(&b), c->shown);
    buf_release(&b);
    arena_release(&a);
}

static struct error_case {
    const char *text, *error;
} errors[] = {
    {"m 1+2",                                 "1:6: parse error: unexpected end of input in series values"                              },
    {"m 1 + 2x3",                             "1:6: parse error: unexpected \" \" in series values"                                     },
    {"m 5m",                                  "1:3: parse error: bad number syntax: \"5\""                                              },
    {"m nothing",
     "1:3: parse error: unexpected identifier \"nothing\" in series values, expected number or \"stale\""                               },
    {"m{a=~\"b\"} 1",                         NULL                                                                                      },
    {"m{a=\"b\",a=\"c\"} 1",                  NULL                                                                                      },
    {"m 1x99999999999",                       NULL                                                                                      },
    {"m 1x99999999999999999999999",
     "1:5: parse error: invalid repetition in series values: strconv.ParseUint: parsing \"99999999999999999999999\": value out of range"},
    {"m {{}}x1.5",
     "1:8: parse error: invalid repetition in series values: strconv.ParseUint: parsing \"1.5\": invalid syntax"                        },
    {"m {{sum:1",                             "1:10: parse error: histogram description incomplete unexpected: '�'"                   },
    {"m {{sum:1 sum:2}}",                     "1:1: parse error: duplicate key \"sum\" in histogram"                                    },
    {"m {{sum}}",                             "1:5: parse error: missing `:` for histogram descriptor"                                  },
    {"m {{sam:1}}",                           "1:5: parse error: bad histogram descriptor found: \"sam\""                               },
    {"m {{sum:[1]}}",                         "1:9: parse error: unexpected \"[\" in series values"                                     },
    {"m {{count:1 sum:[1]}}",
     "1:17: parse error: unexpected \"[\" in histogram description, expected histogram description key, e.g. buckets:[5 10 7]"          },
    {"m {{ sum:1}}",                          "1:6: parse error: unexpected \"<Item 57370>\" \"sum\" in series values"                  },
    {"m {{counter_reset_hint:1}}",            "1:24: parse error: unexpected number \"1\" in series values"                             },
    {"m {{count:gauge}}",
     "1:11: parse error: unexpected \"<Item 57448>\" \"gauge\" in series values"                                                        },
    {"m {{schema:1.5}}",
     "1:12: parse error: invalid repetition in series values: strconv.ParseUint: parsing \"1.5\": invalid syntax"                       },
    {"m {{z_bucket_w:-1}}",                   "1:16: parse error: unexpected <op:-> in series values"                                   },
    {"m {{buckets:[]}}",                      "1:14: parse error: unexpected \"]\" in series values"                                    },
    {"m {{buckets:[.5]}}",                    "1:14: parse error: invalid character in buckets description: '.'"                        },
    {"m {{}}+5x2",                            "1:8: parse error: unexpected number \"5\" in series values"                              },
    {"m {{}}+{{}}",                           "1:12: parse error: unexpected end of input in series values"                             },
    {"m {{schema:1}}+{{}}x1",
     "1:21: parse error: error combining histograms: cannot merge from schema 0 to 1"                                                   },
    {"m {{schema:-53}}+{{}}x1",
     "1:23: parse error: cannot apply this operation on histograms with a mix of exponential and custom bucket schemas"                 },
    {"m {{offset:2147483647 buckets:[1 2]}}", NULL                                                                                      },
};

static void test_error(void **state)
{
    const struct error_case *c = *state;
    struct arena a = {0};
    struct promql_series_value *v;
    struct labels ls;
    struct fault f = {0};
    size_t n;

    assert_int_equal(promql_parse_series(&a, str_of(c->text), &ls, &v, &n, &f), FER_EINVAL);
    if (c->error != NULL)
        assert_string_equal(f.text, c->error);
    arena_release(&a);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, series, test_series, text);
    CASES_ADD_TABLE(&c, errors, test_error, text);
    return CASES_RUN("promql series", &c);
}
