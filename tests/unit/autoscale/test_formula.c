/*
 * test_formula.c - scalingModifiers.formula against expr-lang: what the rows want is what
 * github.com/expr-lang/expr v1.17.8 gives for the formula as KEDA wraps it.
 */
#include "cases.h"

#include <math.h>

#include "formula.h"

#define FAILS   INFINITY  /* when it is run, or it is no number */
#define REFUSED -INFINITY /* when it is compiled, or with -1 for all triggers */

static struct formula_case {
    const char *text;
    double with_a, without_a; /* a = 3 or nil, b = 4 */
} formulas[] = {
    {"a + b",                                                      7,       FAILS  },
    {"count([a,b],{#>1}) > 1 ? 5 : 0",                             5,       FAILS  },
    {"a ?\? b",                                                    3,       4      },
    {"(a ?\? 5) + 1",                                              4,       6      },
    {"a ?\? 5 + 1",                                                REFUSED, REFUSED},
    {"a ?\? b ?\? 7",                                              3,       4      },
    {"1 / 2",                                                      0.5,     0.5    },
    {"5 % 3",                                                      2,       2      },
    {"a % 2",                                                      REFUSED, REFUSED},
    {"2 ** 3 ** 2",                                                512,     512    },
    {"-2 ** 2",                                                    -4,      -4     },
    {"2 ^ 3",                                                      8,       8      },
    {"1 < 2 < 3 ? 1 : 0",                                          1,       1      },
    {"a > 1 and b > 1 ? 10 : 0",                                   10,      FAILS  },
    {"not (a > 1) ? 1 : 2",                                        2,       FAILS  },
    {"!(a > 1) || b > 100 ? 1 : 2",                                2,       FAILS  },
    {"max(a, b)",                                                  4,       FAILS  },
    {"min([a, b, 2])",                                             2,       FAILS  },
    {"mean(a, b)",                                                 3.5,     FAILS  },
    {"median([a, b, 10])",                                         4,       FAILS  },
    {"sum([a, b])",                                                7,       FAILS  },
    {"sum([1, 2], # * 2)",                                         6,       6      },
    {"let x = a + 1; x * 2",                                       8,       FAILS  },
    {"let x = a; let y = b; x * y",                                12,      FAILS  },
    {"count([a, b, 1], # > 1)",                                    2,       FAILS  },
    {"filter([a, b], # > 3)[0]",                                   REFUSED, REFUSED},
    {"map([a, b], # * 2)[1]",                                      8,       FAILS  },
    {"reduce([a, b, 1], #acc + #, 0)",                             8,       FAILS  },
    {"all([a, b], {# > 2}) ? 1 : 0",                               1,       FAILS  },
    {"any([a, b], {# > 3}) ? 1 : 0",                               1,       FAILS  },
    {"one([a, b], {# > 3}) ? 1 : 0",                               1,       FAILS  },
    {"none([a, b], {# > 5}) ? 1 : 0",                              1,       FAILS  },
    {"find([a, b], # > 3)",                                        REFUSED, REFUSED},
    {"len([a, b])",                                                2,       2      },
    {"first([a, b])",                                              3,       FAILS  },
    {"last([a, b])",                                               4,       4      },
    {"a in [1, 3] ? 1 : 0",                                        1,       0      },
    {"a not in [1, 3] ? 1 : 0",                                    0,       1      },
    {"3 in 1..4 ? 1 : 0",                                          1,       1      },
    {"abs(-5)",                                                    5,       5      },
    {"abs(a - b)",                                                 1,       FAILS  },
    {"ceil(a / 2)",                                                2,       FAILS  },
    {"floor(a / 2)",                                               1,       FAILS  },
    {"round(2.5)",                                                 3,       3      },
    {"int(2.9)",                                                   2,       2      },
    {"[a, b] | max()",                                             4,       FAILS  },
    {"[a, b] | filter(# > 3) | count(# > 0)",                      1,       FAILS  },
    {"if a > b { 1 } else { 2 }",                                  2,       FAILS  },
    {"if a > b { 1 } else if a > 2 { 3 } else { 2 }",              3,       FAILS  },
    {"a == nil ? 7 : a",                                           3,       7      },
    {"c + 1",                                                      REFUSED, REFUSED},
    {"a +",                                                        REFUSED, REFUSED},
    {"a &&  b",                                                    REFUSED, REFUSED},
    {"a > b",                                                      REFUSED, REFUSED},
    {"float(a) > 1 ? 5 : 0",                                       FAILS,   FAILS  },
    {"float(a) + b",                                               7,       FAILS  },
    {"max(a ?\? 0, b)",                                            4,       4      },
    {"1_000 + 1",                                                  1001,    1001   },
    {"0x10",                                                       16,      16     },
    {".5 + 1e1",                                                   10.5,    10.5   },
    {"a ?: 4",                                                     REFUSED, REFUSED},
    {"a > 1 ? b > 3 ? 1 : 2 : 3",                                  1,       FAILS  },
    {"(a; b)",                                                     4,       4      },
    {"sum(filter([a,b], {# > 3}))",                                4,       FAILS  },
    {"a[0]",                                                       REFUSED, REFUSED},
    {"[a,b][5]",                                                   REFUSED, REFUSED},
    {"nil",                                                        REFUSED, REFUSED},
    {"a + nil",                                                    REFUSED, REFUSED},
    {"a * (b > 3 ? 1 : 0)",                                        3,       FAILS  },
    {"max([a, b]) - min([a, b])",                                  1,       FAILS  },
    {"count([a > 1, b > 10])",                                     1,       FAILS  },
    {"mean([])",                                                   0,       0      },
    {"max()",                                                      REFUSED, REFUSED},
    {"sum([])",                                                    0,       0      },
    {"true ? 1 : 0",                                               1,       1      },
    {"a > 1 ? true : 2",                                           FAILS,   FAILS  },
    {"# + 1",                                                      REFUSED, REFUSED},
    {"-a + +b",                                                    1,       FAILS  },
    {"1 - -1",                                                     2,       2      },
    {"7 % 1_000",                                                  7,       7      },
    {"0b101 + 0o17",                                               20,      20     },
    {"1_0.5_0 + 1",                                                11.5,    11.5   },
    {"9223372036854775808",                                        REFUSED, REFUSED},
    {"a // b\n + /* ) */ 1",                                       4,       FAILS  },
    {"b * 2 not in [8] ? 1 : 0",                                   0,       0      },
    {"+a ?\? 7",                                                   3,       7      },
    {"any([b, a, 9], # >= 4) ? 1 : 0",                             1,       1      },
    {"all([b, 9, a], # >= 5) ? 1 : 0",                             0,       0      },
    {"findIndex([a, b], # > 3)",                                   REFUSED, REFUSED},
    {"findIndex([a, b], # > 3) ?\? 9",                             1,       FAILS  },
    {"sort([b, a, 1])[1]",                                         3,       FAILS  },
    {"sortBy([b, 1, 2], -#)[0]",                                   4,       4      },
    {"sort(1..3)[-1]",                                             3,       3      },
    {"reverse([a, b])[0]",                                         4,       4      },
    {"sum(take([b, 1, 2], 2))",                                    5,       5      },
    {"len(uniq([b, 4, 4.0, 5]))",                                  2,       2      },
    {"sum(flatten([[b, 1], [[2]]]))",                              7,       7      },
    {"sum(concat([b], [1], 2..3))",                                10,      10     },
    {"sum([b, 1, 2][1:])",                                         3,       3      },
    {"sum([b, 1, 2][:-1])",                                        5,       5      },
    {"len([b, 1, 2][-9:9])",                                       3,       3      },
    {"len([b, 1][2:1])",                                           0,       0      },
    {"[a, b, 2] | filter(# > 2) | map(# * 2) | sum()",             14,      FAILS  },
    {"first(a ?\? [1]) ?\? 6",                                     6,       1      },
    {"max(b < 1 ? 5 : nil) ?\? 6",                                 6,       6      },
 /* Refused before anything is run, also where it never would be. */
    {"a > 5 && b ? 1 : 0",                                         REFUSED, REFUSED},
    {"true ? 1 : [1] + 1",                                         REFUSED, REFUSED},
    {"true ? 1 : count([a], # + 1)",                               REFUSED, REFUSED},
    {"true ? 1 : #index",                                          REFUSED, REFUSED},
    {"sum([], #acc)",                                              REFUSED, REFUSED},
    {"true ? 1 : 5 % 0",                                           REFUSED, REFUSED},
    {"true ? 1 : [1][a]",                                          REFUSED, REFUSED},
    {"true ? 1 : b[0]",                                            REFUSED, REFUSED},
    {"true ? 1 : [1][a:]",                                         REFUSED, REFUSED},
    {"true ? 1 : true in [1]",                                     REFUSED, REFUSED},
    {"true ? 1 : mean(true)",                                      REFUSED, REFUSED},
    {"true ? 1 : take([1], a)",                                    REFUSED, REFUSED},
    {"let x = 1; let x = 2; x",                                    REFUSED, REFUSED},
    {"let max = 1; max",                                           REFUSED, REFUSED},
    {"(a;)",                                                       REFUSED, REFUSED},
    {"reduce([a], #acc + #,)",                                     REFUSED, REFUSED},
    {"count([b],)",                                                REFUSED, REFUSED},
    {"count([b], # > 1,)",                                         1,       1      },
    {"let x = 1..999; count(x, count(x, count(x, true) > 0) > 0)", REFUSED, REFUSED},
};

static const struct str names[] = {STR_INIT("a"), STR_INIT("b")};

static double result(const struct formula *fm, struct arena *a, bool nil_a)
{
    const struct formula_var vars[] = {
        {3, nil_a},
        {4, false},
    };
    struct fault f = {0};
    bool nil = false;
    double v;

    if (formula_run(fm, a, vars, &v, &nil, &f) == 0)
        return nil ? NAN : v;
    assert_true(strlen(f.text) > 0);
    return FAILS;
}

static void test_formula(void **state)
{
    const struct formula_case *c = *state;
    struct arena a = {0};
    struct fault f = {0};
    struct formula *fm;

    if (formula_compile(&a, str_of(c->text), names, COUNT(names), &fm, &f) != 0) {
        if (c->with_a != REFUSED)
            fail_msg("%s", f.text);
    } else {
        assert_true(result(fm, &a, false) == c->with_a);
        assert_true(result(fm, &a, true) == c->without_a);
    }
    arena_release(&a);
}

/* What expr-lang has and ferula has not, and what nobody has: a sentence. */
static struct refusal {
    const char *text;
    int rc;
    const char *why;
} refusals[] = {
    {"a + upper(b)",         FER_EUNSUP, "the function upper() cannot be computed here (1:11)"              },
    {"a > 1 ? \"x\" : 0",    FER_EUNSUP,
     "texts and maps cannot be computed here: a metric is a number (1:15)"                                  },
    {"findLast([a], # > 1)", FER_EUNSUP, "the function findLast() cannot be computed here (1:7)"            },
    {"a > 5 && b ? 1 : 0",   FER_EINVAL,
     "invalid operation: && (mismatched types bool and float64) (1:13)"                                     },
    {"c + 1",                FER_EINVAL, "unknown name c (1:7)"                                             },
    {"a ?\? 5 + 1",          FER_EINVAL,
     "Operator (+) and coalesce expressions (?"
     "?) cannot be mixed. Wrap either by parentheses. (1:36)"                                               },
    {"a ++ ",                FER_EINVAL, "unexpected token Bracket(\")\") (1:12)"                           },
    {"50m",                  FER_EINVAL, "bad number syntax: \"50m\" (1:9)"                                 },
    {"\xc3\xa9 + 50m",       FER_EINVAL, "bad number syntax: \"50m\" (1:13)"                                },
    {"1.2.3",                FER_EINVAL, "unexpected token Number(\".3\") (1:10)"                           },
    {"0x",                   FER_EINVAL,
     "invalid hex literal: strconv.ParseInt: parsing \"0x\": invalid syntax (1:9)"                          },
    {"a + 1e",               FER_EINVAL,
     "invalid float literal: strconv.ParseFloat: parsing \"1e\": invalid syntax (1:13)"                     },
    {"9223372036854775808",  FER_EINVAL,
     "invalid integer literal: strconv.ParseInt: parsing \"9223372036854775808\": value out of range (1:26)"},
    {"(a",                   FER_EINVAL, "unexpected token EOF (1:9)"                                       },
    {"c b",                  FER_EINVAL, "unexpected token Identifier(\"b\") (1:9)"                         },
    {"c + 'x'",              FER_EINVAL, "unknown name c (1:7)"                                             },
    {"abs(1, 2)",            FER_EINVAL, "invalid number of arguments (expected 1, got 2) (1:7)"            },
    {"sum(a)",               FER_EINVAL, "builtin sum takes only array (got float64) (1:11)"                },
    {"a[0]",                 FER_EINVAL, "type float64[int] is undefined (1:8)"                             },
    {"1 + [1, nil][1]",      FER_EINVAL, "invalid operation: int + <nil> (1:9)"                             },
    {"[][0]",                FER_EINVAL, "index out of range: 0 (array length is 0) (1:9)"                  },
};

static void test_refusal(void **state)
{
    const struct refusal *c = *state;
    struct arena a = {0};
    struct fault f = {0};
    struct formula *fm;
    struct str text;

    assert_int_equal(formula_compile(&a, str_of(c->text), names, COUNT(names), &fm, &f), c->rc);
    text = str_of(f.text);
    assert_true(str_starts(text, "error validating formula in ScalingModifiers\n"));
    assert_str(str_cut(text, strlen("error validating formula in ScalingModifiers\n")), c->why);
    arena_release(&a);
}

static void test_deep(void **state)
{
    struct arena a = {0};
    struct fault f = {0};
    struct formula *fm;
    char text[5000];

    (void)state;
    memset(text, '(', sizeof(text));
    assert_int_equal(
        formula_compile(&a, (struct str){text, sizeof(text)}, names, COUNT(names), &fm, &f),
        FER_EUNSUP);
    arena_release(&a);
}

/* Long ones are deep trees: as many nodes as expr-lang takes, and no more. */
static void test_long(void **state)
{
    struct arena a = {0};
    struct fault f = {0};
    struct formula *fm;
    char text[20000];

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 2 == 0 ? '1' : '+';
    assert_int_equal(formula_compile(&a, (struct str){text, 9995}, names, COUNT(names), &fm, &f),
                     0);
    assert_true(result(fm, &a, false) == 4998);
    assert_int_equal(
        formula_compile(&a, (struct str){text, sizeof(text) - 1}, names, COUNT(names), &fm, &f),
        FER_EINVAL);
    assert_non_null(strstr(f.text, "exceeds maximum allowed nodes"));
    arena_release(&a);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, formulas, test_formula, text);
    CASES_ADD_TABLE(&c, refusals, test_refusal, text);
    cases_add(&c, "nested too deeply", test_deep, NULL);
    cases_add(&c, "long", test_long, NULL);
    return CASES_RUN("formula", &c);
}
