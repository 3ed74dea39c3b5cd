/*
 * test_num.c - numbers as Go's strconv writes and reads them; the wanted texts come from Go.
 */
#include "cases.h"

#include <math.h>

#include "ferula/base/json.h"
#include "ferula/base/num.h"

static struct format_case {
    const char *name;
    double v;
    const char *f, *e, *g, *json;
} formats[] = {
    {"zero",                              0,                      "0",                      "0e+00",                   "0",                       "0"       },
    {"the sign of zero is kept",          -0.0,                   "-0",                     "-0e+00",                  "-0",                      "-0"      },
    {"one",                               1,                      "1",                      "1e+00",                   "1",                       "1"       },
    {"a tenth",                           0.1,                    "0.1",                    "1e-01",                   "0.1",                     "0.1"     },
    {"the last without an exponent in g", 100000,                 "100000",                 "1e+05",                   "100000",                  "100000"  },
    {"the first with an exponent in g",   1e6,                    "1000000",                "1e+06",                   "1e+06",                   "1000000" },
    {"digits do not move it",             1234567,                "1234567",                "1.234567e+06",            "1.234567e+06",            "1234567" },
    {"the last small one in g",           0.0001,                 "0.0001",                 "1e-04",                   "0.0001",                  "0.0001"  },
    {"smaller in g",                      0.00001,                "0.00001",                "1e-05",                   "1e-05",                   "0.00001" },
    {"the last small one in f",           1e-6,                   "0.000001",               "1e-06",                   "1e-06",                   "0.000001"},
    {"below it JSON drops a zero",        1e-7,                   "0.0000001",              "1e-07",                   "1e-07",                   "1e-7"    },
    {"three digits of exponent",          1.5e-100,               NULL,                     "1.5e-100",                "1.5e-100",                "1.5e-100"},
    {"the last large one in f",           1e20,                   "100000000000000000000",  "1e+20",                   "1e+20",
     "100000000000000000000"                                                                                                                                },
    {"1e21 has an exponent in JSON",      1e21,                   "1000000000000000000000", "1e+21",                   "1e+21",                   "1e+21"   },
    {"shortest digits",                   123456789.123,          "123456789.123",          "1.23456789123e+08",       "1.23456789123e+08",
     "123456789.123"                                                                                                                                        },
    {"largest",                           1.7976931348623157e308, NULL,                     "1.7976931348623157e+308", "1.7976931348623157e+308",
     "1.7976931348623157e+308"                                                                                                                              },
    {"smallest",                          5e-324,                 NULL,                     "5e-324",                  "5e-324",                  "5e-324"  },
    {"negative",                          -2.5,                   "-2.5",                   "-2.5e+00",                "-2.5",                    "-2.5"    },
    {"no number",                         NAN,                    "NaN",                    "NaN",                     "NaN",                     NULL      },
    {"infinity",                          INFINITY,               "+Inf",                   "+Inf",                    "+Inf",                    NULL      },
    {"negative infinity",                 -INFINITY,              "-Inf",                   "-Inf",                    "-Inf",                    NULL      },
};

static void test_format(void **state)
{
    const struct format_case *c = *state;
    const char *const want[] = {c->f, c->e, c->g};
    char text[NUM_TEXT_MAX];

    for (size_t i = 0; i < COUNT(want); i++)
        if (want[i] != NULL)
            assert_str((struct str){text, num_format(text, c->v, "feg"[i])}, want[i]);
    if (c->json != NULL) {
        struct buf b = {0};
        struct json j;

        json_init(&j, &b);
        json_float(&j, c->v);
        assert_str(buf_str(&b), c->json);
        buf_release(&b);
    }
}

static void test_longest(void **state)
{
    char text[NUM_TEXT_MAX];

    (void)state;
    assert_in_range(num_format(text, -1.7976931348623157e308, 'f'), 300, NUM_TEXT_MAX);
    assert_in_range(num_format(text, -2.2250738585072011e-308, 'f'), 300, NUM_TEXT_MAX);
    assert_in_range(num_format(text, -5e-324, 'f'), 300, NUM_TEXT_MAX);
}

static struct sample_case {
    const char *want;
    double v;
} samples[] = {
    {"0.000001",              1e-6                },
    {"9.9e-07",               9.9e-7              },
    {"1e+21",                 1e21                },
    {"999999999999999900000", 9.999999999999999e20},
    {"0",                     0                   },
    {"-0",                    -0.0                },
    {"NaN",                   NAN                 },
    {"+Inf",                  INFINITY            },
    {"-Inf",                  -INFINITY           },
};

static void test_sample(void **state)
{
    const struct sample_case *c = *state;
    struct buf b = {0};

    buf_add_sample_value(&b, c->v);
    assert_str(buf_str(&b), c->want);
    buf_release(&b);
}

enum outcome { OK, RANGE, BAD };

static struct parse_case {
    const char *text;
    enum outcome outcome;
    double want;
} parses[] = {
    {"1",                                     OK,    1                     },
    {"-1.5e3",                                OK,    -1500                 },
    {"+.5",                                   OK,    .5                    },
    {"1.",                                    OK,    1                     },
    {"007",                                   OK,    7                     },
    {"1e+05",                                 OK,    1e5                   },
    {"1E5",                                   OK,    1e5                   },
    {"-0",                                    OK,    -0.0                  },
    {"0e99999999999",                         OK,    0                     },
    {"1e-400",                                OK,    0                     },
    {"-1e-400",                               OK,    -0.0                  },
    {"1e400",                                 RANGE, INFINITY              },
    {"-1e400",                                RANGE, -INFINITY             },
    {"1e99999999999999999999",                RANGE, INFINITY              },
    {"1e-99999999999999999999",               OK,    0                     },
    {"0.00001e310",                           OK,    1e305                 },
    {"100000e-310",                           OK,    1e-305                },
    {"179769313486231580793728971405304e276", RANGE, INFINITY              },
    {"inf",                                   OK,    INFINITY              },
    {"+Inf",                                  OK,    INFINITY              },
    {"-INFINITY",                             OK,    -INFINITY             },
    {"nan",                                   OK,    NAN                   },
    {"NaN",                                   OK,    NAN                   },
    {"+nan",                                  BAD,   0                     },
    {"-nan",                                  BAD,   0                     },
    {"infinit",                               BAD,   0                     },
    {"0x1p-2",                                OK,    .25                   },
    {"0X1.8P+1",                              OK,    3                     },
    {"-0x.8p0",                               OK,    -.5                   },
    {"0x1",                                   BAD,   0                     },
    {"0x.p1",                                 BAD,   0                     },
    {"0x",                                    BAD,   0                     },
    {"0xp1",                                  BAD,   0                     },
    {"0x1p",                                  BAD,   0                     },
    {"0x1p-1074",                             OK,    5e-324                },
    {"0x1p-1075",                             OK,    0                     },
    {"0x1.8p-1075",                           OK,    5e-324                },
    {"0x1.fffffffffffff7p1023",               OK,    1.7976931348623157e308},
    {"0x1.fffffffffffff8p1023",               RANGE, INFINITY              },
    {"0x0p999999999999",                      OK,    0                     },
    {"0x10000000000000801p0",                 OK,    18446744073709555712.0},
    {"1_000",                                 OK,    1000                  },
    {"1_0.2_5",                               OK,    10.25                 },
    {"0x_1p0",                                OK,    1                     },
    {"_1",                                    BAD,   0                     },
    {"1_",                                    BAD,   0                     },
    {"1__0",                                  BAD,   0                     },
    {"1_.5",                                  BAD,   0                     },
    {"1e1_0",                                 OK,    1e10                  },
    {"1_e1",                                  BAD,   0                     },
    {"",                                      BAD,   0                     },
    {".",                                     BAD,   0                     },
    {"+",                                     BAD,   0                     },
    {"1e",                                    BAD,   0                     },
    {"1e+",                                   BAD,   0                     },
    {" 1",                                    BAD,   0                     },
    {"1 ",                                    BAD,   0                     },
    {"++1",                                   BAD,   0                     },
    {"1.2.3",                                 BAD,   0                     },
    {"1,5",                                   BAD,   0                     },
    {"0b1",                                   BAD,   0                     },
};

static void test_parse(void **state)
{
    const struct parse_case *c = *state;
    bool range = true;
    double got = 42;

    assert_int_equal(num_parse(str_of(c->text), &got, &range), c->outcome != BAD);
    if (c->outcome == BAD)
        return;
    assert_int_equal(range, c->outcome == RANGE);
    if (isnan(c->want))
        assert_true(isnan(got));
    else
        assert_memory_equal(&got, &c->want, sizeof(got));
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, formats, test_format, name);
    cases_add(&c, "the longest texts fit", test_longest, NULL);
    CASES_ADD_TABLE(&c, samples, test_sample, want);
    CASES_ADD_TABLE(&c, parses, test_parse, text);
    return CASES_RUN("base num", &c);
}
