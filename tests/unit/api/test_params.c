/*
 * test_params.c - how times, durations, numbers and escaped label names in requests are read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api.h"

#include "ferula/base/check.h"

struct number_case {
    const char *text;
    int64_t want;
    const char *error; /* NULL: `want` is the value */
};

static const struct number_case times[] = {
    {"0",                                   0,                NULL                                              },
    {"1435781451.781",                      1435781451781,    NULL                                              },
    {"1e9",                                 1000000000000,    NULL                                              },
    {"0x1p3",                               8000,             NULL                                              },
    {"-1.5",                                -1500,            NULL                                              },
    {"-0.001",                              -1,               NULL                                              },
    {"0.0004",                              0,                NULL                                              },
    {"0.0006",                              1,                NULL                                              },
    {"1543578564.705",                      1543578564705,    NULL                                              },
 /* Grafana's exemplar probe: milliseconds in the place of seconds */
    {"1700000000000",                       1700000000000000, NULL                                              },
    {"+Inf",                                API_MAX_TIME,     NULL                                              },
    {"-Inf",                                API_MIN_TIME,     NULL                                              },
    {"NaN",                                 API_MIN_TIME,     NULL                                              },
    {"1e300",                               API_MAX_TIME,     NULL                                              },
    {"2024-01-02T03:04:05Z",                1704164645000,    NULL                                              },
    {"2024-01-02T03:04:05.678Z",            1704164645678,    NULL                                              },
    {"2024-01-02T05:04:05+02:00",           1704164645000,    NULL                                              },
 /* client_golang's ends of time */
    {"-292273086-05-16T16:47:06Z",          API_MIN_TIME,     NULL                                              },
    {"292277025-08-18T07:12:54.999999999Z", API_MAX_TIME,     NULL                                              },
    {"",                                    0,                "cannot parse \"\" to a valid timestamp"          },
    {"x\n",                                 0,                "cannot parse \"x\\n\" to a valid timestamp"      },
    {"1 ",                                  0,                "cannot parse \"1 \" to a valid timestamp"        },
    {"1e400",                               0,                "cannot parse \"1e400\" to a valid timestamp"     },
    {"2024-01-02",                          0,                "cannot parse \"2024-01-02\" to a valid timestamp"},
};

static const struct number_case durations_ns[] = {
    {"1",            1000000000,     NULL                                                            },
    {"0.5",          500000000,      NULL                                                            },
    {"-1",           -1000000000,    NULL                                                            },
    {"1.0000000019", 1000000001,     NULL                                                            },
    {"15s",          15000000000,    NULL                                                            },
    {"1h30m",        5400000000000,  NULL                                                            },
    {"1d",           86400000000000, NULL                                                            },
    {"0",            0,              NULL                                                            },
    {"2m0s",         120000000000,   NULL                                                            },
    {"5ms",          5000000,        NULL                                                            },
    {"NaN",          INT64_MIN,      NULL                                                            },
    {"1.5h",         0,              "cannot parse \"1.5h\" to a valid duration"                     },
    {"1s1m",         0,              "cannot parse \"1s1m\" to a valid duration"                     },
    {"",             0,              "cannot parse \"\" to a valid duration"                         },
    {"1e10",         0,              "cannot parse \"1e10\" to a valid duration. It overflows int64" },
    {"-1e10",        0,              "cannot parse \"-1e10\" to a valid duration. It overflows int64"},
    {"Inf",          0,              "cannot parse \"Inf\" to a valid duration. It overflows int64"  },
};

static const struct number_case integers[] = {
    {"10",                  10,        NULL                                                               },
    {"-1",                  -1,        NULL                                                               },
    {"+7",                  7,         NULL                                                               },
    {"9223372036854775807", INT64_MAX, NULL                                                               },
    {"x",                   0,         "strconv.Atoi: parsing \"x\": invalid syntax"                      },
    {"1.5",                 0,         "strconv.Atoi: parsing \"1.5\": invalid syntax"                    },
    {"-",                   0,         "strconv.Atoi: parsing \"-\": invalid syntax"                      },
    {"9223372036854775808", 0,         "strconv.Atoi: parsing \"9223372036854775808\": value out of range"},
};

typedef int (*parse_fn)(struct str s, int64_t *out, struct fault *f);

static void check_numbers(const struct number_case *cases, size_t n, parse_fn parse)
{
    for (size_t i = 0; i < n; i++) {
        const struct number_case *c = &cases[i];
        struct fault f = {0};
        int64_t got = 0;
        int rc = parse(str_of(c->text), &got, &f);

        if (c->error == NULL && (rc != 0 || got != c->want))
            fail_msg("%s: got %d %lld, want %lld", c->text, rc, (long long)got, (long long)c->want);
        if (c->error != NULL && (rc != FER_EINVAL || strcmp(f.text, c->error) != 0))
            fail_msg("%s: got %d \"%s\", want \"%s\"", c->text, rc, f.text, c->error);
    }
}

static void test_times(void **state)
{
    (void)state;
    check_numbers(times, COUNT(times), api__parse_time);
}

static void test_durations(void **state)
{
    (void)state;
    check_numbers(durations_ns, COUNT(durations_ns), api__parse_duration_ns);
}

static void test_integers(void **state)
{
    (void)state;
    check_numbers(integers, COUNT(integers), api__parse_atoi);
}

static const struct {
    const char *escaped, *name;
} names[] = {
    {"job",           "job"             },
    {"U__job",        "job"             },
    {"U__foo_2e_bar", "foo.bar"         },
    {"U__foo_2E_bar", "foo.bar"         },
    {"U__foo__bar",   "foo_bar"         },
    {"U___30_xy",     "0xy"             },
    {"U___1f600_",    "\xf0\x9f\x98\x80"},
    {"U__",           ""                },
 /* malformed: used as they are */
    {"U__foo_",       "U__foo_"         },
    {"U__foo_2e",     "U__foo_2e"       },
    {"U__foo_zz_",    "U__foo_zz_"      },
    {"U___d800_",     "U___d800_"       },
    {"U___0000041_",  "U___0000041_"    },
};

static void test_names(void **state)
{
    struct arena a = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct str got = api__unescape_name(&a, str_of(names[i].escaped));

        if (!str_is(got, names[i].name))
            fail_msg("%s: got " STR_FMT ", want %s", names[i].escaped, STR_ARG(got), names[i].name);
    }
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"times are floats of seconds or RFC 3339",  test_times,     NULL, NULL, NULL},
        {"durations are floats of seconds or 1h30m", test_durations, NULL, NULL, NULL},
        {"integers fail with Go's texts",            test_integers,  NULL, NULL, NULL},
        {"U__ names are unescaped",                  test_names,     NULL, NULL, NULL},
    };

    return cmocka_run_group_tests_name("api params", tests, NULL, NULL);
}
