/*
 * test_cron.c - schedules, time zones, and KEDA's cron trigger. Expected times were had from
 * robfig/cron v3 and Go's time package.
 */
#include "cases.h"

#include "cron.h"
#include "ferula/model/duration.h"

/* ---- schedules -------------------------------------------------------------------------- */

static struct next_case {
    const char *name, *spec, *zone, *after, *want; /* want NULL: never */
} next_cases[] = {
    {"every minute",               "* * * * *",               "",                  "2026-03-01T12:00:30Z", "2026-03-01T12:01:00Z"},
    {"not the minute itself",      "0 8 * * *",               "",                  "2026-03-01T08:00:00Z", "2026-03-02T08:00:00Z"},
    {"weekdays",                   "0 8 * * 1-5",             "",                  "2026-03-06T08:00:00Z", "2026-03-09T08:00:00Z"},
    {"names",                      "30 9 * JAN sun",          "",                  "2026-02-01T00:00:00Z", "2027-01-03T09:30:00Z"},
    {"steps",                      "*/20 5 * * *",            "",                  "2026-03-01T05:20:00Z", "2026-03-01T05:40:00Z"},
    {"from a number on",           "50/3 5 * * *",            "",                  "2026-03-01T05:53:00Z", "2026-03-01T05:56:00Z"},
    {"a list",                     "5,1 0 * * *",             "",                  "2026-03-01T00:01:00Z", "2026-03-01T00:05:00Z"},
    {"either day",                 "0 0 13 * fri",            "",                  "2026-03-01T00:00:00Z", "2026-03-06T00:00:00Z"},
    {"the leap day",               "0 0 29 2 *",              "",                  "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z"},
    {"a day that never is",        "0 0 30 2 *",              "",                  "2026-03-01T00:00:00Z", NULL                  },
    {"east of UTC",                "0 8 * * *",               "Asia/Tokyo",        "2026-03-01T00:00:00Z", "2026-03-01T23:00:00Z"},
    {"before the change",          "0 8 * * *",               "Europe/Berlin",     "2026-03-28T06:00:00Z",
     "2026-03-28T07:00:00Z"                                                                                                      },
    {"after the change",           "0 8 * * *",               "Europe/Berlin",     "2026-03-28T07:00:00Z",
     "2026-03-29T06:00:00Z"                                                                                                      },
    {"an hour that is not",        "30 2 * * *",              "Europe/Berlin",     "2026-03-28T12:00:00Z",
     "2026-03-30T00:30:00Z"                                                                                                      },
    {"an hour that is twice",      "30 2 * * *",              "Europe/Berlin",     "2026-10-25T00:30:00Z",
     "2026-10-25T01:30:00Z"                                                                                                      },
    {"a midnight that is not",     "0 12 5 * *",              "America/Sao_Paulo", "2018-11-03T12:00:00Z",
     "2018-11-05T14:00:00Z"                                                                                                      },
    {"a day passed over for that", "0 12 28 * *",             "Asia/Gaza",         "2009-03-26T12:00:00Z",
     "2009-03-28T09:00:00Z"                                                                                                      },
    {"a day left out",             "0 12 31 * *",             "Pacific/Apia",      "2011-12-29T20:00:00Z",
     "2011-12-30T22:00:00Z"                                                                                                      },
    {"a zone of its own",          "TZ=Asia/Tokyo 0 8 * * *", "Europe/Berlin",     "2026-03-01T00:00:00Z",
     "2026-03-01T23:00:00Z"                                                                                                      },
    {"what follows a star",        "*-5 0,, * * *",           "",                  "2026-03-01T00:06:00Z", "2026-03-01T00:07:00Z"},
    {"a list of nothing",          ", * * * *",               "",                  "2026-03-01T00:06:00Z", NULL                  },
    {"long after the tables",      "0 8 * * *",               "America/New_York",  "2070-07-01T00:00:00Z",
     "2070-07-01T12:00:00Z"                                                                                                      },
    {"south of the equator",       "0 8 * * *",               "Australia/Sydney",  "2070-01-01T00:00:00Z",
     "2070-01-01T21:00:00Z"                                                                                                      },
};

static void test_next(void **state)
{
    const struct next_case *c = *state;
    struct arena a = {0};
    struct cron_schedule s;
    struct zone *z;
    struct fault f = {0};
    ts_ms after, want;
    int64_t got;

    assert_int_equal(autoscale__cron_parse(&a, str_of(c->spec), &s, &f), 0);
    assert_int_equal(autoscale__zone_load(&a, str_of(c->zone), &z, &f), 0);
    assert_int_equal(time_parse_rfc3339(str_of(c->after), &after), 0);
    got = autoscale__cron_next(&s, z, after / 1000);
    if (c->want == NULL) {
        assert_true(got == CRON_NEVER);
    } else {
        assert_int_equal(time_parse_rfc3339(str_of(c->want), &want), 0);
        assert_int_equal(got, want / 1000);
    }
    arena_release(&a);
}

static struct bad_case {
    const char *spec, *text;
} bad_cases[] = {
    {"* * * *",                   "expected exactly 5 fields, found 4: [* * * *]"         },
    {"60 * * * *",                "minute: '60' is not within 0 to 59"                    },
    {"* * 0 * *",                 "day of month: '0' is not within 1 to 31"               },
    {"* * * * 7",                 "day of week: '7' is not within 0 to 6"                 },
    {"5-1 * * * *",               "minute: '5-1' is not within 0 to 59"                   },
    {"*/0 * * * *",               "minute: step of range should be a positive number: */0"},
    {"a * * * *",                 "minute: failed to parse int from 'a'"                  },
    {"* * * feb- *",              "month: failed to parse int from ''"                    },
    {"1-2-3 * * * *",             "minute: too many hyphens: 1-2-3"                       },
    {"1/2/3 * * * *",             "minute: too many slashes: 1/2/3"                       },
    {"* * * * */tue",             "day of week: failed to parse int from 'tue'"           },
    {"1/-1 * * * *",              "minute: negative number not allowed: -1"               },
    {"@daily",                    "parser does not accept descriptors: @daily"            },
    {"TZ=Nowhere/City * * * * *",
     "provided bad location Nowhere/City: unknown time zone Nowhere/City"                 },
};

static void test_bad(void **state)
{
    const struct bad_case *c = *state;
    struct arena a = {0};
    struct cron_schedule s;
    struct fault f = {0};

    assert_int_equal(autoscale__cron_parse(&a, str_of(c->spec), &s, &f), FER_EINVAL);
    assert_string_equal(f.text, c->text);
    arena_release(&a);
}

static void test_zone_names(void **state)
{
    static const char *const names[] = {"Nowhere/City", "../etc/passwd", "/etc/localtime", "a\\b",
                                        "Europe"};
    struct arena a = {0};
    struct zone *z;
    struct fault f;

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(autoscale__zone_load(&a, str_of(names[i]), &z, &f), FER_EINVAL);
    assert_string_equal(f.text, "unable to load timezone: unknown time zone Europe");
    arena_release(&a);
}

/* ---- the trigger ------------------------------------------------------------------------ */

static struct within_case {
    const char *name, *start, *end, *now;
    double want;
} within_cases[] = {
    {"before",          "0 8 * * *",  "0 18 * * *", "2026-03-02T07:59:59Z", 0},
    {"as it begins",    "0 8 * * *",  "0 18 * * *", "2026-03-02T08:00:00Z", 5},
    {"in it",           "0 8 * * *",  "0 18 * * *", "2026-03-02T17:59:59Z", 5},
    {"as it ends",      "0 8 * * *",  "0 18 * * *", "2026-03-02T18:00:00Z", 0},
    {"over midnight",   "0 22 * * *", "0 6 * * *",  "2026-03-02T00:00:00Z", 5},
    {"by day",          "0 22 * * *", "0 6 * * *",  "2026-03-02T12:00:00Z", 0},
    {"no start at all", "0 0 30 2 *", "0 6 * * *",  "2026-03-02T12:00:00Z", 5},
    {"no end at all",   "0 6 * * *",  "0 0 30 2 *", "2026-03-02T12:00:00Z", 0},
};

static void test_within(void **state)
{
    const struct within_case *c = *state;
    struct pair_at pairs[] = {
        {{STR("start"), {0}},           {str_of(c->start), {0}}},
        {{STR("end"), {0}},             {str_of(c->end), {0}}  },
        {{STR("timezone"), {0}},        {STR("UTC"), {0}}      },
        {{STR("desiredReplicas"), {0}}, {STR("5"), {0}}        },
    };
    struct trigger t = {
        .metadata = {pairs, COUNT(pairs)}
    };
    struct arena a = {0};
    struct cron_trigger cron;
    struct fault f = {0};
    ts_ms now;

    assert_int_equal(autoscale__cron_trigger_read(&t, &a, &cron, &f), 0);
    assert_int_equal(time_parse_rfc3339(str_of(c->now), &now), 0);
    assert_true(autoscale__cron_trigger_value(&cron, now) == c->want);
    arena_release(&a);
}

int main(void)
{
    struct cases c = {0};

    CASES_ADD_TABLE(&c, next_cases, test_next, name);
    CASES_ADD_TABLE(&c, bad_cases, test_bad, spec);
    CASES_ADD_TABLE(&c, within_cases, test_within, name);
    cases_add(&c, "zone names", test_zone_names, NULL);
    return CASES_RUN("cron", &c);
}
