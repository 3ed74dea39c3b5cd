/*
 * test_time.c - durations, RFC 3339 and the calendar.
 */
#include "cases.h"

#include <time.h>

#include "ferula/model/duration.h"

#define DAY   INT64_C(86400000)
#define ERROR INT64_C(-1)

static struct duration_case {
    const char *text;
    dur_ms want;     /* ERROR: refused */
    const char *out; /* printed again, or the error */
} durations[] = {
    {"0",                     0,                  "0s"                                                    },
    {"0s",                    0,                  "0s"                                                    },
    {"5m",                    300000,             "5m"                                                    },
    {"90s",                   90000,              "1m30s"                                                 },
    {"1w2d3h4m5s6ms",         9 * DAY + 11045006, "9d3h4m5s6ms"                                           },
    {"1y",                    365 * DAY,          "1y"                                                    },
    {"2w",                    14 * DAY,           "2w"                                                    },
    {"1y1w",                  372 * DAY,          "372d"                                                  },
    {"90d",                   90 * DAY,           "90d"                                                   },
    {"400d",                  400 * DAY,          "400d"                                                  },
    {"1500ms",                1500,               "1s500ms"                                               },
    {"292y",                  292 * 365 * DAY,    "292y"                                                  },
    {"",                      ERROR,              "empty duration string"                                 },
    {"1",                     ERROR,              "not a valid duration string: \"1\""                    },
    {"m",                     ERROR,              "not a valid duration string: \"m\""                    },
    {"-1m",                   ERROR,              "not a valid duration string: \"-1m\""                  },
    {"1m1h",                  ERROR,              "not a valid duration string: \"1m1h\""                 },
    {"1m1m",                  ERROR,              "not a valid duration string: \"1m1m\""                 },
    {"1.5h",                  ERROR,              "unknown unit \".\" in duration \"1.5h\""               },
    {"1M",                    ERROR,              "unknown unit \"M\" in duration \"1M\""                 },
    {"1us",                   ERROR,              "unknown unit \"us\" in duration \"1us\""               },
    {"1 h",                   ERROR,              "unknown unit \" h\" in duration \"1 h\""               },
    {"300y",                  ERROR,              "duration out of range"                                 },
    {"99999999999999999999s", ERROR,              "not a valid duration string: \"99999999999999999999s\""},
    {"292y200d",              ERROR,              "duration out of range"                                 },
};

static void test_duration(void **state)
{
    const struct duration_case *c = *state;
    struct buf b = {0};
    struct fault f = {0};
    dur_ms got = ERROR;

    if (c->want == ERROR) {
        assert_int_equal(duration_parse(str_of(c->text), &got, &f), FER_EINVAL);
        assert_string_equal(f.text, c->out);
        return;
    }
    assert_int_equal(duration_parse(str_of(c->text), &got, &f), 0);
    assert_true(got == c->want);
    duration_print(&b, got);
    assert_str(buf_str(&b), c->out);
    buf_reset(&b);
    duration_print(&b, -got);
    assert_str(str_cut(buf_str(&b), got != 0), c->out);
    buf_release(&b);
}

static struct rfc3339_case {
    const char *text;
    bool ok;
    ts_ms want;
    const char *out; /* NULL: as it came in */
} rfc3339s[] = {
    {"1970-01-01T00:00:00Z",         true,  0,               NULL                      },
    {"2026-01-02T03:04:05.678Z",     true,  1767323045678,   NULL                      },
    {"2026-01-02T03:04:05.6Z",       true,  1767323045600,   NULL                      },
    {"2026-01-02T03:04:05.6789999Z", true,  1767323045678,   "2026-01-02T03:04:05.678Z"},
    {"2026-01-02T03:04:05,5Z",       true,  1767323045500,   "2026-01-02T03:04:05.5Z"  },
    {"2026-01-02T03:04:05+02:00",    true,  1767315845000,   "2026-01-02T01:04:05Z"    },
    {"2026-01-02T03:04:05-00:30",    true,  1767324845000,   "2026-01-02T03:34:05Z"    },
    {"1969-12-31T23:59:59.999Z",     true,  -1,              NULL                      },
    {"0001-01-01T00:00:00Z",         true,  -62135596800000, NULL                      },
    {"9999-12-31T23:59:59.999Z",     true,  253402300799999, NULL                      },
    {"2024-02-29T00:00:00Z",         true,  1709164800000,   NULL                      },
    {"2023-02-29T00:00:00Z",         false, 0,               NULL                      },
    {"2026-13-01T00:00:00Z",         false, 0,               NULL                      },
    {"2026-00-01T00:00:00Z",         false, 0,               NULL                      },
    {"2026-01-32T00:00:00Z",         false, 0,               NULL                      },
    {"2026-01-01T24:00:00Z",         false, 0,               NULL                      },
    {"2026-01-01T00:60:00Z",         false, 0,               NULL                      },
    {"2026-01-01T00:00:60Z",         false, 0,               NULL                      },
    {"2026-01-01T00:00:00",          false, 0,               NULL                      },
    {"2026-01-01T00:00:00.Z",        false, 0,               NULL                      },
    {"2026-01-01 00:00:00Z",         false, 0,               NULL                      },
    {"2026-01-01t00:00:00z",         false, 0,               NULL                      },
    {"2026-01-01T00:00:00Zx",        false, 0,               NULL                      },
    {"2026-1-01T00:00:00Z",          false, 0,               NULL                      },
    {"+026-01-01T00:00:00Z",         false, 0,               NULL                      },
    {"2026-01-01",                   false, 0,               NULL                      },
    {"",                             false, 0,               NULL                      },
};

static void test_rfc3339(void **state)
{
    const struct rfc3339_case *c = *state;
    struct buf b = {0};
    ts_ms got = 0;

    assert_int_equal(time_parse_rfc3339(str_of(c->text), &got), c->ok ? 0 : FER_EINVAL);
    if (!c->ok)
        return;
    assert_true(got == c->want);
    time_print_rfc3339(&b, got);
    assert_str(buf_str(&b), c->out == NULL ? c->text : c->out);
    buf_release(&b);
}

/* The C library's calendar is the other opinion, as far as its years go. */
static void test_civil_agrees(void **state)
{
    (void)state;
    for (int64_t s = -70000000000; s < 300000000000; s += 86400 * 13 + 12345) {
        struct civil c;
        struct tm tm;
        time_t t = (time_t)s;

        civil_from_unix(s, &c);
        assert_non_null(gmtime_r(&t, &tm));
        assert_true(c.year == tm.tm_year + 1900 && c.month == tm.tm_mon + 1 && c.day == tm.tm_mday);
        assert_true(c.hour == tm.tm_hour && c.minute == tm.tm_min && c.second == tm.tm_sec);
        assert_true(c.weekday == tm.tm_wday && c.yearday == tm.tm_yday + 1);
    }
}

static struct civil_case {
    const char *name;
    int64_t seconds;
    struct civil want;
} civils[] = {
    {"the epoch",              0,            {1970, 1, 1, 0, 0, 0, 4, 1, 31}       },
    {"a second before it",     -1,           {1969, 12, 31, 23, 59, 59, 3, 365, 31}},
    {"a leap day",             1709210096,   {2024, 2, 29, 12, 34, 56, 4, 60, 29}  },
    {"no leap day in 1900",    -2203891200,  {1900, 3, 1, 0, 0, 0, 4, 60, 31}      },
    {"the end of a leap year", 1735689599,   {2024, 12, 31, 23, 59, 59, 2, 366, 31}},
    {"the year zero",          -62167219200, {0, 1, 1, 0, 0, 0, 6, 1, 31}          },
    {"before it",              -62167219201, {-1, 12, 31, 23, 59, 59, 5, 365, 31}  },
};

static void test_civil(void **state)
{
    const struct civil_case *c = *state;
    struct civil got;

    civil_from_unix(c->seconds, &got);
    assert_true(got.year == c->want.year);
    assert_int_equal(got.month, c->want.month);
    assert_int_equal(got.day, c->want.day);
    assert_int_equal(got.hour, c->want.hour);
    assert_int_equal(got.minute, c->want.minute);
    assert_int_equal(got.second, c->want.second);
    assert_int_equal(got.weekday, c->want.weekday);
    assert_int_equal(got.yearday, c->want.yearday);
    assert_int_equal(got.days_in_month, c->want.days_in_month);
}

static void test_civil_extremes(void **state)
{
    struct civil c;

    (void)state;
    civil_from_unix(INT64_MAX, &c);
    assert_true(c.year == 292277026596 && c.month == 12 && c.day == 4);
    civil_from_unix(INT64_MIN, &c);
    assert_true(c.year == -292277022657 && c.month == 1 && c.day == 27);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, durations, test_duration, text);
    CASES_ADD_TABLE(&c, rfc3339s, test_rfc3339, text);
    CASES_ADD_TABLE(&c, civils, test_civil, name);
    cases_add(&c, "the calendar agrees with the C library", test_civil_agrees, NULL);
    cases_add(&c, "the calendar has no end", test_civil_extremes, NULL);
    return CASES_RUN("model time", &c);
}
