/*
 * test_regex.c - patterns: what matches, what is refused and how, and that the short cuts for
 * common shapes change nothing. The texts of errors come from Go.
 */
#include "cases.h"

#include <stdlib.h>

#include "regex_priv.h"

static struct refused_case {
    const char *pattern, *want; /* behind "error parsing regexp: " */
} refused[] = {
    {"(",                      "missing closing ): `(`"                        },
    {"a)",                     "unexpected ): `a)`"                            },
    {"*",                      "missing argument to repetition operator: `*`"  },
    {"a**",                    "invalid nested repetition operator: `**`"      },
    {"a*+",                    "invalid nested repetition operator: `*+`"      },
    {"a{2}{3}",                "invalid nested repetition operator: `{2}{3}`"  },
    {"[",                      "missing closing ]: `[`"                        },
    {"[a",                     "missing closing ]: `[a`"                       },
    {"[z-a]",                  "invalid character class range: `z-a`"          },
    {"[[:foo:]]",              "invalid character class range: `[:foo:]`"      },
    {"\\",                     "trailing backslash at end of expression: ``"   },
    {"a\\",                    "trailing backslash at end of expression: ``"   },
    {"\\C",                    "invalid escape sequence: `\\C`"                },
    {"\\8",                    "invalid escape sequence: `\\8`"                },
    {"\\1",                    "invalid escape sequence: `\\1`"                },
    {"\\Z",                    "invalid escape sequence: `\\Z`"                },
    {"\\x{110000}",            "invalid escape sequence: `\\x{110000`"         },
    {"\\xg",                   "invalid escape sequence: `\\xg`"               },
    {"\\pX",                   "invalid character class range: `\\pX`"         },
    {"\\p{Foo}",               "invalid character class range: `\\p{Foo}`"     },
    {"a{1001}",                "invalid repeat count: `{1001}`"                },
    {"a{1001}{2}",             "invalid repeat count: `{1001}`"                },
    {"((a{100}){100}){100}",   "invalid repeat count: `{100}`"                 },
    {"(((a{100}){100}){100})", "invalid repeat count: `{100}`"                 },
    {"a{2,1}",                 "invalid repeat count: `{2,1}`"                 },
    {"(?P<n",                  "invalid named capture: `(?P<n`"                },
    {"(?P=n)",                 "invalid or unsupported Perl syntax: `(?P`"     },
    {"(?P<1 >a)",              "invalid named capture: `(?P<1 >`"              },
    {"(?P<>a)",                "invalid named capture: `(?P<>`"                },
    {"(?<n a)",                "invalid named capture: `(?<n a)`"              },
    {"(?x)a",                  "invalid or unsupported Perl syntax: `(?x`"     },
    {"(?",                     "invalid or unsupported Perl syntax: `(?`"      },
    {"(?i",                    "invalid or unsupported Perl syntax: `(?i`"     },
    {"(?:",                    "missing closing ): `(?:`"                      },
    {"(?=a)",                  "invalid or unsupported Perl syntax: `(?=`"     },
    {"(?!a)",                  "invalid or unsupported Perl syntax: `(?!`"     },
    {"(?<=a)",                 "invalid named capture: `(?<=a)`"               },
    {"(?<!a)",                 "invalid named capture: `(?<!a)`"               },
    {"(?#a)",                  "invalid or unsupported Perl syntax: `(?#`"     },
    {"a??*",                   "invalid nested repetition operator: `??*`"     },
    {"[\xff]",                 "invalid UTF-8: `\xff]`"                        },
    {"|*",                     "missing argument to repetition operator: `*`"  },
    {"(|*)",                   "missing argument to repetition operator: `*`"  },
    {"(*)",                    "missing argument to repetition operator: `*`"  },
    {"a|*",                    "missing argument to repetition operator: `*`"  },
    {"x{2}*",                  "invalid nested repetition operator: `{2}*`"    },
    {"(a{1000}){1000}",        "invalid repeat count: `{1000}`"                },
    {"[^]",                    "missing closing ]: `[^]`"                      },
    {"[]",                     "missing closing ]: `[]`"                       },
    {"[a-\\d]",                "invalid escape sequence: `\\d`"                },
    {"\\\xc3\xa9",             "invalid escape sequence: `\\\xc3\xa9`"         },
    {"[\\C]",                  "invalid escape sequence: `\\C`"                },
    {"\\k<a>",                 "invalid escape sequence: `\\k`"                },
    {"(?-:a)",                 "invalid or unsupported Perl syntax: `(?-:`"    },
    {"(?--i:a)",               "invalid or unsupported Perl syntax: `(?--`"    },
    {"(?i-)a",                 "invalid or unsupported Perl syntax: `(?i-)`"   },
    {"(?P<\xc3\xa9>a)",        "invalid named capture: `(?P<\xc3\xa9>`"        },
    {"?",                      "missing argument to repetition operator: `?`"  },
    {"+",                      "missing argument to repetition operator: `+`"  },
    {"{2}",                    "missing argument to repetition operator: `{2}`"},
    {"a{99999999999}",         "invalid repeat count: `{99999999999}`"         },
    {"(?:a)(?:",               "missing closing ): `(?:a)(?:`"                 },
    {")(",                     "unexpected ): `)(`"                            },
    {"a{2}??",                 "invalid nested repetition operator: `{2}??`"   },
    {"\\h",                    "invalid escape sequence: `\\h`"                },
    {"\\R",                    "invalid escape sequence: `\\R`"                },
    {"\\X",                    "invalid escape sequence: `\\X`"                },
    {"\\G",                    "invalid escape sequence: `\\G`"                },
    {"\\e",                    "invalid escape sequence: `\\e`"                },
    {"\\cA",                   "invalid escape sequence: `\\c`"                },
    {"\\18",                   "invalid escape sequence: `\\1`"                },
    {"[\\b]",                  "invalid escape sequence: `\\b`"                },
    {"\\u00e9",                "invalid escape sequence: `\\u`"                },
    {"\\N",                    "invalid escape sequence: `\\N`"                },
    {"(?P<n>",                 "missing closing ): `(?P<n>`"                   },
    {"(?P<n>a",                "missing closing ): `(?P<n>a`"                  },
    {"((((",                   "missing closing ): `((((`"                     },
    {"a(b",                    "missing closing ): `a(b`"                      },
    {"(?s",                    "invalid or unsupported Perl syntax: `(?s`"     },
    {"(?s:",                   "missing closing ): `(?s:`"                     },
    {"(?i:a",                  "missing closing ): `(?i:a`"                    },
    {"(?z)",                   "invalid or unsupported Perl syntax: `(?z`"     },
    {"[b-a",                   "invalid character class range: `b-a`"          },
    {"[a-",                    "missing closing ]: `[a-`"                      },
    {"[\\",                    "trailing backslash at end of expression: ``"   },
    {"\\x",                    "invalid escape sequence: `\\x`"                },
    {"\\x1",                   "invalid escape sequence: `\\x1`"               },
    {"\\x{",                   "invalid escape sequence: `\\x{`"               },
    {"\\x{}",                  "invalid escape sequence: `\\x{}`"              },
    {"\\x{1",                  "invalid escape sequence: `\\x{1`"              },
    {"\\p",                    "invalid character class range: `\\p`"          },
    {"\\p{",                   "invalid character class range: `\\p{`"         },
    {"\\p{L",                  "invalid character class range: `\\p{L`"        },
    {"\\p\xc3\xa9",            "invalid character class range: `\\p\xc3\xa9`"  },
    {"\\Q\\E*",                "missing argument to repetition operator: `*`"  },
    {"**",                     "missing argument to repetition operator: `*`"  },
    {"a|b|*",                  "missing argument to repetition operator: `*`"  },
    {"(?P<a-b>x)",             "invalid named capture: `(?P<a-b>`"             },
    {"[[:alpha:",              "missing closing ]: `[[:alpha:`"                },
    {"[a[:foo:]]",             "invalid character class range: `[:foo:]`"      },
    {"[\\pX]",                 "invalid character class range: `\\pX`"         },
    {"[\\8]",                  "invalid escape sequence: `\\8`"                },
    {"(a|b",                   "missing closing ): `(a|b`"                     },
    {"a|b)",                   "unexpected ): `a|b)`"                          },
    {"[^",                     "missing closing ]: `[^`"                       },
    {"\\p{ Greek}",            "invalid character class range: `\\p{ Greek}`"  },
    {"\\p{greek}",             "invalid character class range: `\\p{greek}`"   },
    {"\\p{IsGreek}",           "invalid character class range: `\\p{IsGreek}`" },
    {"\xff"
     "a*",                "invalid UTF-8: `\xff"
     "a*`"                                                      },
    {"[a\xff-b]",              "invalid UTF-8: `\xff-b]`"                      },
    {"(?P<a\xff>b)",           "invalid UTF-8: `\xff`"                         },
    {"(?P\xff",                "invalid or unsupported Perl syntax: `(?P`"     },
    {"\\\xff",                 "invalid UTF-8: `\xff`"                         },
    {"((a{30}){30}){2}",       "invalid repeat count: `{2}`"                   },
};

static void test_refused(void **state)
{
    const struct refused_case *c = *state;
    struct arena a = {0};
    struct fault f = {0};
    struct regex *re = NULL;

    assert_int_equal(regex_compile(&re, &a, str_of(c->pattern), &f), FER_EINVAL);
    assert_null(re);
    assert_true(str_starts(str_of(f.text), "error parsing regexp: "));
    assert_str(str_cut(str_of(f.text), strlen("error parsing regexp: ")), c->want);
    arena_release(&a);
}

static const char *const accepted[] = {"\\z",
                                       "\\Q",
                                       "\\Qab\\Eb",
                                       "a{",
                                       "a{,2}",
                                       "(?P<n>a)(?P<n>b)",
                                       "(?<n>a)",
                                       "(?i)foo",
                                       "a??",
                                       "\xff",
                                       "^*",
                                       "a{1000}",
                                       "a{0,1000}",
                                       "\\b+",
                                       "\\pN",
                                       "\\PN",
                                       "[\\d]",
                                       "[]a]",
                                       "\\_",
                                       "\\-",
                                       "(?s-m:a)",
                                       "(?U)a*",
                                       "a{2}?",
                                       "[[.a.]]",
                                       "[[=a=]]",
                                       "[[:alpha:]]",
                                       "[[:^alpha:]]",
                                       "[[:word:]]",
                                       "\\A",
                                       "\\a\\f\\t\\n\\r\\v",
                                       "\\012",
                                       "\\07",
                                       "\\0",
                                       "[a-]",
                                       "\\p{^L}",
                                       "\\P{^Lu}",
                                       "\\p{Greek}",
                                       "\\p{Any}",
                                       "(?i)\\p{Lu}",
                                       "\\Qa",
                                       "(?P<_a1>x)",
                                       "[:alpha:]",
                                       "(?i-s:.)",
                                       "(\\pL{1000}){1}",
                                       ".{1000}",
                                       "[a-z\xc3\xa9]{1000}",
                                       "(.{100}){10}",
                                       "(.{100}.){10}",
                                       "\\pL{500}\\pL{600}"};

static void test_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(accepted); i++) {
        struct arena a = {0};
        struct fault f = {0};
        struct regex *re;

        if (regex_compile(&re, &a, str_of(accepted[i]), &f) < 0)
            fail_msg("<%s>: %s", accepted[i], f.text);
        arena_release(&a);
    }
}

static void test_nesting(void **state)
{
    char text[2400];
    struct arena a = {0};
    struct fault f = {0};
    struct regex *re;

    (void)state;
    memset(text, '(', 1000);
    memset(text + 1000, ')', 1000);
    assert_int_equal(regex_compile(&re, &a, (struct str){text, 2000}, &f), FER_EINVAL);
    assert_true(str_starts(str_of(f.text), "error parsing regexp: expression nests too deeply: `"));
    assert_int_equal(regex_compile(&re, &a, (struct str){text + 500, 1000}, &f), 0);
    assert_true(regex_match(re, STR("")));
    arena_release(&a);
}

static struct match_case {
    const char *pattern, *text;
    bool want;
} matches[] = {
    {"",               "",         true },
    {"",               "a",        false},
    {"foo",            "foo",      true },
    {"foo",            "xfoo",     false},
    {"foo",            "foox",     false},
    {"fo+",            "fooo",     true },
    {"a|b|",           "",         true },
    {"a|b|",           "b",        true },
    {"a|b",            "ab",       false},
    {"a|ab",           "ab",       true },
    {"^a$",            "a",        true },
    {"a$",             "a\n",      false},
    {".*",             "",         true },
    {".*",             "a\nb",     true },
    {".+",             "",         false},
    {".+",             "\n",       true },
    {".",              "\u00e9",   true },
    {"..",             "\u00e9",   false},
    {".+.+",           "\u00e9",   false},
    {".+.+",           "\u00e9x",  true },
    {"a.*",            "a",        true },
    {"a.+",            "a",        false},
    {".*a",            "ba",       true },
    {".+a",            "a",        false},
    {".+a.+",          "aaa",      true },
    {".+a.+",          "aa",       false},
    {".*a.+",          "ba",       false},
    {"(?i)FOO",        "foo",      true },
    {"(?i:f)oo",       "FOO",      false},
    {"a{2,3}",         "aaaa",     false},
    {"(?-s).",         "\n",       false},
    {"(?-s:.*)",       "a\nb",     false},
    {"\\Qa.b\\E",      "a.b",      true },
    {"\\Qa.b\\E",      "axb",      false},
    {"\\pL+",          "\u00e9a",  true },
    {"[[:digit:]]+",   "42",       true },
    {"a{,2}",          "a{,2}",    true },
    {"x\\x41\\x{e9}",  "xA\u00e9", true },
    {"a\\.b",          "a.b",      true },
    {"a\\.b",          "axb",      false},
    {"(?<n>a)(?<n>b)", "ab",       true },
    {"\xff",           "\xff",     true },
};

static void test_match(void **state)
{
    const struct match_case *c = *state;
    struct arena a = {0};
    struct fault f = {0};
    struct regex *re;

    if (regex_compile(&re, &a, str_of(c->pattern), &f) < 0)
        fail_msg("%s", f.text);
    assert_int_equal(regex_match(re, str_of(c->text)), c->want);
    arena_release(&a);
}

/* A text of up to 8 pieces, from few, so that patterns and texts meet often. */
static struct str random_text(struct arena *a, const char *const *pieces, size_t n_pieces)
{
    struct str s = STR("");

    for (int n = rand() % 8; n > 0; n--)
        s = arena_printf(a, STR_FMT "%s", STR_ARG(s), pieces[(size_t)rand() % n_pieces]);
    return s;
}

static void test_shapes_agree_with_re2(void **state)
{
    static const char *const in_pattern[] = {".*", ".+", "a", "b", "|", "\u00e9", "\n", "a", "b"};
    static const char *const in_text[] = {"a", "b", "\u00e9", "\n"};
    int n_matches = 0;

    (void)state;
    srand(1);
    for (int i = 0; i < 4000; i++) {
        struct arena a = {0};
        struct str pattern = random_text(&a, in_pattern, COUNT(in_pattern));
        struct regex *quick, *slow;

        assert_int_equal(regex_compile(&quick, &a, pattern, NULL), 0);
        assert_int_equal(model__regex_compile_re2(&slow, &a, pattern, NULL), 0);
        for (int k = 0; k < 20; k++) {
            struct str text = random_text(&a, in_text, COUNT(in_text));
            bool want = regex_match(slow, text);

            n_matches += want;
            if (regex_match(quick, text) != want)
                fail_msg("<" STR_FMT "> on <" STR_FMT ">", STR_ARG(pattern), STR_ARG(text));
        }
        arena_release(&a);
    }
    assert_in_range(n_matches, 1000, 79000);
}

static void test_groups(void **state)
{
    struct arena a = {0};
    struct str g[5];
    struct regex *re;

    (void)state;
    assert_int_equal(regex_compile(&re, &a, STR("(?P<x>a+)(?<y>b)?(c|(d))"), NULL), 0);
    assert_int_equal(regex_n_groups(re), 5);
    assert_int_equal(regex_group(re, STR("x")), 1);
    assert_int_equal(regex_group(re, STR("y")), 2);
    assert_int_equal(regex_group(re, STR("z")), -1);
    assert_true(regex_match_groups(re, STR("aac"), g, 5));
    assert_str(g[0], "aac");
    assert_str(g[1], "aa");
    assert_null(g[2].p);
    assert_str(g[3], "c");
    assert_null(g[4].p);
    assert_false(regex_match_groups(re, STR("aa"), g, 5));
    assert_int_equal(regex_compile(&re, &a, STR("a.*"), NULL), 0);
    assert_int_equal(regex_n_groups(re), 1);
    assert_int_equal(regex_group(re, STR("x")), -1);
    assert_true(regex_match_groups(re, STR("abc"), g, 2));
    assert_str(g[0], "abc");
    assert_null(g[1].p);
    arena_release(&a);
}

static struct literals_case {
    const char *pattern;
    size_t n;
    const char *want[3]; /* sorted */
} literals[] = {
    {"",      1, {""}      },
    {"foo",   1, {"foo"}   },
    {"b|a",   2, {"a", "b"}},
    {"b|a|b", 2, {"a", "b"}},
    {"a|",    2, {"", "a"} },
    {"a.*",   0, {0}       },
    {"(a|b)", 0, {0}       },
    {"a|b.",  0, {0}       },
    {"(?i)a", 0, {0}       },
};

static void test_literals(void **state)
{
    const struct literals_case *c = *state;
    const struct str *v = NULL;
    struct arena a = {0};
    struct regex *re;

    assert_int_equal(regex_compile(&re, &a, str_of(c->pattern), NULL), 0);
    assert_int_equal(regex_literals(re, &v), c->n);
    for (size_t i = 0; i < c->n; i++)
        assert_str(v[i], c->want[i]);
    arena_release(&a);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, refused, test_refused, want);
    cases_add(&c, "what Go accepts is accepted", test_accepted, NULL);
    cases_add(&c, "nesting has an end", test_nesting, NULL);
    CASES_ADD_TABLE(&c, matches, test_match, pattern);
    cases_add(&c, "shapes agree with RE2", test_shapes_agree_with_re2, NULL);
    cases_add(&c, "groups by number and name", test_groups, NULL);
    CASES_ADD_TABLE(&c, literals, test_literals, pattern);
    return CASES_RUN("model regex", &c);
}
