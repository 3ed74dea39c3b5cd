/*
 * test_parse.c - what the parser accepts, what it says about the rest, and that nothing overflows.
 * A query that is accepted is shown by its canonical text, which the printer's tests cover.
 */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "cases.h"
#include "ferula/base/num.h"
#include "ferula/promql.h"

static const struct promql_features all = PROMQL_FEATURES_ALL;
static const struct promql_features usual = PROMQL_FEATURES_DEFAULT;

/* ---- mistakes --------------------------------------------------------------------------- */

static struct error_case {
    const char *query, *error;
} errors[] = {
    {"",                            "unknown position: parse error: no expression found in input"                       },
    {" # nothing",                  "1:1: parse error: no expression found in input"                                    },
    {"up{",                         "1:4: parse error: unexpected end of input inside braces"                           },
    {"up{job}",
     "1:7: parse error: unexpected \"}\" in label matching, expected label matching operator"                           },
    {"up{job=}",                    "1:8: parse error: unexpected \"}\" in label matching, expected string"             },
    {"up{job=\"a\" inst=\"b\"}",
     "1:12: parse error: unexpected identifier \"inst\" in label matching, expected \",\" or \"}\""                     },
    {"up{,}",                       "1:4: parse error: unexpected \",\" in label matching, expected identifier or \"}\""},
    {"up{job=~\"a(\"}",             "1:4: parse error: error parsing regexp: missing closing ): `a(`"                   },
    {"{__name__=~\".*\"}",
     "1:1: parse error: vector selector must contain at least one non-empty matcher"                                    },
    {"up{__name__=\"down\"}",
     "1:1: parse error: metric name must not be set twice: \"up\" or \"down\""                                          },
    {"up +",                        "1:5: parse error: unexpected end of input"                                         },
    {"up\n+\n*",                    "3:1: parse error: unexpected <op:*>"                                               },
    {"up down",                     "1:4: parse error: unexpected identifier \"down\""                                  },
    {"(up",                         "1:4: parse error: unclosed left parenthesis"                                       },
    {"up)",                         "1:4: parse error: unexpected right parenthesis ')'"                                },
    {"up[",                         "1:4: parse error: unexpected end of input in duration expression"                  },
    {"up[5m",                       "1:6: parse error: unclosed left bracket"                                           },
    {"up[5m:1m:]",                  "1:9: parse error: unexpected colon ':'"                                            },
    {"up[5x]",                      "1:4: parse error: bad number or duration syntax: \"5\""                            },
    {"up[0s]",                      "1:4: parse error: duration must be greater than 0"                                 },
    {"up[5m/0]",                    "1:6: parse error: division by zero"                                                },
    {"up offset 5m [5m]",           "1:14: parse error: no offset modifiers allowed before range"                       },
    {"up offset x",
     "1:11: parse error: unexpected identifier \"x\" in offset, expected number, duration, step(), or "
     "range()"                                                                                                          },
    {"up offset 1m offset 1m",      "1:1: parse error: offset may not be set multiple times"                            },
    {"up @ x",                      "1:6: parse error: unexpected identifier \"x\" in @, expected timestamp"            },
    {"up @ 1 @ 2",                  "1:1: parse error: @ <timestamp> may not be set multiple times"                     },
    {"up @ -Inf",                   "1:1: parse error: timestamp out of bounds for @ modifier: -Inf"                    },
    {"1[5m]",                       "1:2: parse error: ranges only allowed for vector selectors"                        },
    {"sum by job (up)",
     "1:8: parse error: unexpected identifier \"job\" in grouping opts, expected \"(\""                                 },
    {"sum by (job inst) (up)",
     "1:13: parse error: unexpected identifier \"inst\" in grouping opts, expected \",\" or \")\""                      },
    {"sum by (1) (up)",
     "1:9: parse error: unexpected number \"1\" in grouping opts, expected label"                                       },
    {"sum by (job) up",             "1:14: parse error: unexpected identifier \"up\" in aggregation"                    },
    {"sum()",                       "1:1: parse error: no arguments for aggregate expression provided"                  },
    {"topk(up)",
     "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got "
     "1"                                                                                                                },
    {"sum(1)",
     "1:5: parse error: expected type instant vector in aggregation expression, got scalar"                             },
    {"nosuch(up)",                  "1:1: parse error: unknown function with name \"nosuch\""                           },
    {"rate(up)",
     "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"                    },
    {"rate(up[5m],)",               "1:12: parse error: trailing commas not allowed in function call args"              },
    {"rate()",                      "1:1: parse error: expected 1 argument(s) in call to \"rate\", got 0"               },
    {"round(up, 1, 2)",
     "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3"                                     },
    {"1 > 2",                       "1:3: parse error: comparisons between scalars must use BOOL modifier"              },
    {"up + bool up",                "1:4: parse error: bool modifier can only be used on comparison operators"          },
    {"up and 1",                    "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"    },
    {"up + on(a) group_left(a) up",
     "1:4: parse error: label \"a\" must not occur in ON and GROUP clause at once"                                      },
    {"up[5m] + 1",
     "1:1: parse error: binary expression must contain only scalar and instant vector types"                            },
    {"-\"a\"",
     "1:1: parse error: unary expression only allowed on expressions of type scalar or instant "
     "vector, got \"string\""                                                                                           },
    {"1[5m:]",                      "1:1: parse error: subquery is only allowed on instant vector, got scalar instead"  },
    {"'a\\q'",                      "1:1: parse error: unknown escape sequence U+0071 'q'"                              },
    {"'a",                          "1:1: parse error: unterminated quoted string"                                      },
    {"\"\xff\"",                    "1:1: parse error: invalid UTF-8 rune"                                              },
    {"up & up",                     "1:4: parse error: unexpected character: '&'"                                       },
    {"\xc3\xa9",                    "1:1: parse error: unexpected character: '\xc3\xa9'"                                },
    {"1e999",
     "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"1e999\": value out of "
     "range"                                                                                                            },
    {"up 'a text longer than ten'", "1:4: parse error: unexpected string \"'a text lo\"..."                             },
};

static void test_error(void **state)
{
    const struct error_case *c = *state;
    struct arena a = {0};
    const struct promql_expr *e;
    struct fault f = {0};
    int rc = promql_parse(&a, str_of(c->query), &all, &e, &f);

    assert_int_equal(rc, FER_EINVAL);
    assert_str(str_of(f.text), c->error);
    arena_release(&a);
}

/* ---- features --------------------------------------------------------------------------- */

static struct error_case gated[] = {
    {"limitk(1, up)",         "1:1: parse error: limitk() is experimental and must be enabled with "
                      "--enable-feature=promql-experimental-functions"        },
    {"mad_over_time(up[5m])", "1:1: parse error: function \"mad_over_time\" is not enabled"        },
    {"up[5m] anchored",       "1:1: parse error: anchored modifier is experimental and not enabled"},
    {"up smoothed",           "1:1: parse error: smoothed modifier is experimental and not enabled"},
    {"up + fill(0) down",
     "1:1: parse error: binop fill modifiers are experimental and not enabled"                     },
};

static void test_gated(void **state)
{
    const struct error_case *c = *state;
    struct arena a = {0};
    const struct promql_expr *e;
    struct fault f = {0};

    assert_int_equal(promql_parse(&a, str_of(c->query), &usual, &e, &f), FER_EINVAL);
    assert_str(str_of(f.text), c->error);
    assert_int_equal(promql_parse(&a, str_of(c->query), &all, &e, &f), 0);
    arena_release(&a);
}

static void test_duration_expressions_gated(void **state)
{
    static const struct promql_features none;
    struct arena a = {0};
    const struct promql_expr *e;
    struct fault f = {0};

    (void)state;
    assert_int_equal(promql_parse(&a, STR("up[5m + 1m]"), &none, &e, &f), FER_EINVAL);
    assert_str(str_of(f.text), "1:4: parse error: experimental duration expression is not enabled");
    assert_int_equal(promql_parse(&a, STR("up[5m + 1m]"), &usual, &e, &f), 0);
    assert_int_equal(promql_parse(&a, STR("up[5m]"), &none, &e, &f), 0);
    arena_release(&a);
}

/* ---- numbers ---------------------------------------------------------------------------- */

static struct number_case {
    const char *query;
    double value;
} numbers[] = {
    {"1",                   1                    },
    {"010",                 8                    },
    {"08",                  8                    },
    {"0x1F",                31                   },
    {".5",                  0.5                  },
    {"5.",                  5                    },
    {"1_000",               1e3                  },
    {"1_0.5",               10.5                 },
    {"1e3",                 1e3                  },
    {"5m",                  300                  },
    {"1h30m",               5400                 },
    {"1s500ms",             1.5                  },
    {"-3",                  -3                   },
    {"- -3",                3                    },
    {"+Inf",                INFINITY             },
    {"-inf",                -INFINITY            },
    {"9223372036854775808", 9223372036854775808.0},
};

static void test_number(void **state)
{
    const struct number_case *c = *state;
    struct arena a = {0};
    const struct promql_expr *e = NULL;

    assert_int_equal(promql_parse(&a, str_of(c->query), &usual, &e, NULL), 0);
    assert_int_equal(e->kind, PROMQL_E_NUMBER);
    assert_true(e->u.number.value == c->value);
    assert_int_equal(e->pos.start, 0);
    assert_int_equal(e->pos.end, strlen(c->query));
    arena_release(&a);
}

/* ---- trees ------------------------------------------------------------------------------ */

static const struct promql_expr *parse(struct arena *a, const char *query)
{
    const struct promql_expr *e = NULL;
    struct fault f = {0};

    if (promql_parse(a, str_of(query), &all, &e, &f) < 0)
        fail_msg("%s: %s", query, f.text);
    return e;
}

static void test_precedence(void **state)
{
    struct arena a = {0};
    const struct promql_expr *e = parse(&a, "-a ^ 2 * b or c");

    (void)state;
    assert_int_equal(e->u.binary.op, PROMQL_OR);
    assert_int_equal(e->u.binary.matching->card, CARD_MANY_TO_MANY);
    e = e->u.binary.lhs;
    assert_int_equal(e->u.binary.op, PROMQL_MUL);
    assert_int_equal(e->u.binary.lhs->kind, PROMQL_E_UNARY);
    assert_int_equal(e->u.binary.lhs->u.unary.expr->u.binary.op, PROMQL_POW);
    e = parse(&a, "2 ^ 3 ^ 4");
    assert_int_equal(e->u.binary.rhs->u.binary.op, PROMQL_POW);
    assert_int_equal(e->type, PROMQL_SCALAR);
    e = parse(&a, "1 - 2 - 3");
    assert_int_equal(e->u.binary.lhs->u.binary.op, PROMQL_SUB);
    arena_release(&a);
}

static void test_subquery_tree(void **state)
{
    struct arena a = {0};
    const struct promql_expr *e =
        parse(&a, "max_over_time(up{b!=\"x\", a=~\"y|z\"}[5m:1m] @ 1.5 offset -1m)");
    const struct promql_subquery *sq;
    const struct promql_vector_selector *vs;

    (void)state;
    assert_int_equal(e->u.call.func, PROMQL_FN_max_over_time);
    assert_int_equal(e->u.call.args[0]->kind, PROMQL_E_SUBQUERY);
    assert_int_equal(e->u.call.args[0]->pos.start, 14);
    assert_int_equal(e->u.call.args[0]->pos.end, 58);
    sq = &e->u.call.args[0]->u.subquery;
    assert_int_equal(sq->range, 300000);
    assert_int_equal(sq->step, 60000);
    assert_int_equal(sq->shift.at, AT_TIMESTAMP);
    assert_int_equal(sq->shift.timestamp, 1500);
    assert_int_equal(sq->shift.offset, -60000);
    vs = &sq->expr->u.vector;
    assert_str(vs->name, "up");
    assert_int_equal(vs->n_matchers, 3);
    assert_str(vs->matchers[1].name, "a");
    assert_int_equal(vs->matchers[1].op, MATCH_RE);
    assert_str(vs->matchers[2].name, "__name__");
    assert_str(vs->matchers[2].value, "up");
    arena_release(&a);
}

static void test_keywords_are_names(void **state)
{
    static const char *const queries[] = {
        "sum",         "by + on(by) offset",
        "fill + fill", "start{end=\"1\"}",
        "range[5m]",   "topk",
        "rate + avg",  "sum by (sum, by, bool, atan2, offset) (and)",
    };
    struct arena a = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(queries); i++)
        (void)parse(&a, queries[i]);
    arena_release(&a);
}

static void test_strings(void **state)
{
    struct arena a = {0};
    const struct promql_expr *e = parse(&a, "'a\\x41\\101\\u00e9\\n\"'");

    (void)state;
    assert_str(e->u.string, "aAA\xc3\xa9\n\"");
    e = parse(&a, "`a\\n`");
    assert_str(e->u.string, "a\\n");
    arena_release(&a);
}

static void test_selectors(void **state)
{
    struct arena a = {0};
    const struct matcher *m;
    struct fault f = {0};
    size_t n;

    (void)state;
    assert_int_equal(promql_parse_selector(&a, STR("{\"a.b\", c=\"d\",}"), &m, &n, &f), 0);
    assert_int_equal(n, 2);
    assert_str(m[0].name, "__name__");
    assert_str(m[0].value, "a.b");
    assert_int_equal(promql_parse_selector(&a, STR("{}"), &m, &n, &f), 0);
    assert_int_equal(n, 0);
    assert_int_equal(promql_parse_selector(&a, STR("up[5m]"), &m, &n, &f), FER_EINVAL);
    assert_str(str_of(f.text), "1:3: parse error: unexpected \"[\"");
    assert_int_equal(promql_parse_selector(&a, STR(""), &m, &n, &f), FER_EINVAL);
    assert_str(str_of(f.text), "unknown position: parse error: unexpected end of input");
    arena_release(&a);
}

/* ---- limits ----------------------------------------------------------------------------- */

static struct deep_case {
    const char *name, *open, *inner, *close;
    size_t n;
    int rc;
} deep[] = {
    {"parentheses",                    "(",                            "1",  ")",        10000,   FER_ELIMIT},
    {"parentheses that fit",           "(",                            "1",  ")",        900,     0         },
    {"signs",                          "-",                            "up", "",         10000,   FER_ELIMIT},
    {"signs that fit",                 "-",                            "up", "",         900,     0         },
    {"calls",                          "abs(",                         "up", ")",        10000,   FER_ELIMIT},
    {"aggregations that fit",          "sum by (a) (",                 "up", ")",        900,     0         },
    {"powers",                         "2^",                           "2",  "",         10000,   FER_ELIMIT},
    {"subqueries",                     "max_over_time(",               "up", "[5m:1m])", 5000,    FER_ELIMIT},
    {"a flat chain",                   "1+",                           "1",  "",         400000,  FER_ELIMIT},
    {"a flat chain that fits",         "1+",                           "1",  "",         990,     0         },
    {"durations",                      "up[(",                         "1",  ")]",       1,       0         },
    {"unclosed parentheses",           "(",                            "",   "",         10000,   FER_ELIMIT},
    {"unclosed braces",                "up{a=\"b\"",                   "",   "",         10000,   FER_EINVAL},
    {"regular expressions",            "a{b=~\"c.d\",b=~\"c.e\"} or ", "up", "",         501,     FER_ELIMIT},
    {"regular expressions that fit",   "a{b=~\"c.d\",b=~\"c.e\"} or ", "up", "",         500,     0         },
    {"a megabyte of blanks",           " ",                            "up", "",         1 << 20, FER_ELIMIT},
    {"less than a megabyte of blanks", " ",                            "up", "",         1 << 19, 0         },
};

struct deep_run {
    const struct deep_case *c;
    int rc;
};

/* Parses, and prints what was accepted: all of it recurses. */
static void *parse_deep(void *arg)
{
    struct deep_run *run = arg;
    const struct deep_case *c = run->c;
    struct buf query = {0}, out = {0};
    struct arena a = {0};
    const struct promql_expr *e;

    for (size_t i = 0; i < c->n; i++)
        buf_puts(&query, c->open);
    buf_puts(&query, c->inner);
    for (size_t i = 0; i < c->n; i++)
        buf_puts(&query, c->close);
    run->rc = promql_parse(&a, buf_str(&query), &all, &e, NULL);
    if (run->rc == 0) {
        promql_print(&out, e);
        promql_prettify(&out, e);
    }
    buf_release(&query);
    buf_release(&out);
    arena_release(&a);
    return NULL;
}

/* On a stack as small as any thread of ours has; sanitizers need more of it. */
static void test_deep(void **state)
{
    struct deep_run run = {.c = *state, .rc = 1};
    pthread_attr_t attr;
    pthread_t thread;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    const size_t stack_bytes = 2048 << 10;
#else
    const size_t stack_bytes = 512 << 10;
#endif

    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstacksize(&attr, stack_bytes), 0);
    assert_int_equal(pthread_create(&thread, &attr, parse_deep, &run), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attr);
    assert_int_equal(run.rc, run.c->rc);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, errors, test_error, query);
    CASES_ADD_TABLE(&c, gated, test_gated, query);
    CASES_ADD_TABLE(&c, numbers, test_number, query);
    CASES_ADD_TABLE(&c, deep, test_deep, name);
    cases_add(&c, "duration expressions are gated", test_duration_expressions_gated, NULL);
    cases_add(&c, "precedence", test_precedence, NULL);
    cases_add(&c, "subquery", test_subquery_tree, NULL);
    cases_add(&c, "keywords are names", test_keywords_are_names, NULL);
    cases_add(&c, "strings", test_strings, NULL);
    cases_add(&c, "selectors", test_selectors, NULL);
    return CASES_RUN("promql parser", &c);
}
