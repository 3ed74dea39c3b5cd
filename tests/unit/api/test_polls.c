/*
 * test_polls.c - what KEDA makes of answers, rows of polls, and rhythms told by times.
 */
#include "cases.h"

#include <math.h>
#include <stdlib.h>

#include "api.h"
#include "cadence.h"

/* ---- verdicts --------------------------------------------------------------------------- */

static struct verdict_case {
    const char *name;
    struct api__answer answer;
    int status;
    uint32_t latency_us;
    int kind;
    const char *why;
} verdicts[] = {
    {"a value",         {API_ANSWER_VECTOR, false, false, 1, 4.5},      200, 90,      API_VERDICT_VALUE, ""                 },
    {"zero",            {API_ANSWER_VECTOR, false, false, 1, 0},        200, 90,      API_VERDICT_VALUE, ""                 },
    {"nothing",         {API_ANSWER_VECTOR, false, false, 0, 0},        200, 90,      API_VERDICT_ZERO,  "empty"            },
    {"NaN",             {API_ANSWER_VECTOR, false, false, 1, NAN},      200, 90,      API_VERDICT_ZERO,  "NaN"              },
    {"+Inf",            {API_ANSWER_VECTOR, false, false, 1, INFINITY}, 200, 90,      API_VERDICT_ZERO,  "+Inf"             },
    {"-Inf",            {API_ANSWER_VECTOR, false, true, 1, -INFINITY}, 200, 90,      API_VERDICT_ZERO,  "-Inf"             },
    {"two",
     {API_ANSWER_VECTOR, false, false, 2, 0},
     200,                                                                    90,
     API_VERDICT_ERROR,                                                                                  "multiple elements"},
    {"a histogram",     {API_ANSWER_VECTOR, true, false, 1, 0},         200, 90,      API_VERDICT_ZERO,  "no value"         },
    {"a matrix",        {API_ANSWER_MATRIX, false, false, 1, 0},        200, 90,      API_VERDICT_ZERO,  "no value"         },
    {"an empty matrix",
     {API_ANSWER_MATRIX, false, false, 0, 0},
     200,                                                                    90,
     API_VERDICT_ZERO,                                                                                   "empty"            },
    {"a scalar",        {API_ANSWER_SCALAR, false, false, 0, 1},        200, 90,      API_VERDICT_ERROR, "scalar"           },
    {"a string",        {API_ANSWER_STRING, false, false, 0, 0},        200, 90,      API_VERDICT_ERROR, "scalar"           },
    {"a status",        {API_ANSWER_STATUS, false, false, 0, 0},        422, 90,      API_VERDICT_ERROR, "status"           },
    {"given up",
     {API_ANSWER_STATUS, false, false, 0, 0},
     499,                                                                    2990000,
     API_VERDICT_ERROR,                                                                                  "timeout"          },
    {"garbled",         {API_ANSWER_GARBLED, false, true, 0, 0},        200, 90,      API_VERDICT_ERROR, "no JSON"          },
    {"late",            {API_ANSWER_VECTOR, false, false, 1, 1},        200, 3000000, API_VERDICT_ERROR, "timeout"          },
};

static void test_verdict(void **state)
{
    const struct verdict_case *c = *state;
    struct api__poll p = {.answer = c->answer,
                          .status = c->status,
                          .latency_us = c->latency_us,
                          .at = 1700000000123,
                          .caller = STR("10.0.0.1:4000"),
                          .agent = STR("Go-http-client/1.1"),
                          .query = STR("sum(up)")};
    struct api__poll back;
    struct buf row = {0};
    struct api__verdict got;
    struct arena a = {0};

    api__poll_put(&row, &p);
    assert_int_equal(api__poll_get(buf_str(&row), &back), 0);
    got = api__poll_verdict(&back, &a);
    assert_int_equal(got.kind, c->kind);
    assert_string_equal(got.why, c->why);
    assert_int_equal(back.at, p.at);
    assert_int_equal(back.answer.faulted, c->answer.faulted);
    assert_str(back.caller, "10.0.0.1:4000");
    assert_str(api__poll_host(&back), "10.0.0.1");
    assert_str(back.query, "sum(up)");
    for (size_t n = 0; n < row.n; n++)
        assert_int_equal(api__poll_get((struct str){row.p, n}, &back), FER_ECORRUPT);
    arena_release(&a);
    buf_release(&row);
}

static void test_long_query(void **state)
{
    static char text[100000];
    struct api__poll p =
                         {
                             .query = {text, sizeof(text)},
                               .agent = {text, 1000        }
    },
                     back;
    struct buf row = {0};

    (void)state;
    memset(text, 'x', sizeof(text));
    api__poll_put(&row, &p);
    assert_true(row.n <= TSDB_RECORD_MAX);
    assert_int_equal(api__poll_get(buf_str(&row), &back), 0);
    assert_true(back.query.n > 3000);
    buf_release(&row);
}

/* ---- rhythms ---------------------------------------------------------------------------- */

#define MOST_POLLS 64

/* Two timers, in ms from 0 to `until`: first and period; period 0: there is none. */
static struct rhythm_case {
    const char *name;
    int first_a, period_a, first_b, period_b, until;
    const char *want; /* l, h, u, r a poll */
    int streams;
} rhythms[] = {
    {"the loop alone",       0,     30000, 0,    0,     120000, "lllll",           1},
    {"a rhythm of 15 s",     0,     15000, 0,    0,     60000,  "uuuuu",           1},
    {"loop of 30 s and HPA", 0,     30000, 7000, 15000, 60000,  "lhhlhhl",         2},
    {"HPA before the loop",  21000, 60000, 9,    15040, 91000,  "hhlhhhhlh",       2},
    {"loop of 5 s and HPA",  0,     5000,  2000, 15000, 50000,  "lhlllhlllhlllhl", 2},
    {"loop of 5 s alone",    0,     5000,  0,    0,     20000,  "lllll",           1},
    {"both at 15 s",         0,     15000, 4000, 15000, 50000,  "uuuuuuuu",        1},
    {"two polls",            0,     30000, 0,    0,     30000,  "uu",              1},
};

static int by_at(const void *a, const void *b)
{
    ts_ms x = ((const struct api__poll *)a)->at, y = ((const struct api__poll *)b)->at;

    return x < y ? -1 : x > y;
}

static size_t make_polls(const struct rhythm_case *c, struct api__poll *v)
{
    size_t n = 0;

    for (ts_ms t = c->first_a; t <= c->until; t += c->period_a)
        v[n++].at = t;
    for (ts_ms t = c->first_b; c->period_b > 0 && t <= c->until; t += c->period_b)
        v[n++].at = t;
    for (size_t i = 0; i < n; i++) {
        v[i].answer = (struct api__answer){.kind = API_ANSWER_VECTOR, .n = 1, .value = 1};
        v[i].caller = STR("10.0.0.1:4000");
        v[i].query = STR("q");
    }
    qsort(v, n, sizeof(*v), by_at);
    return n;
}

static void test_rhythm(void **state)
{
    const struct rhythm_case *c = *state;
    struct api__poll v[MOST_POLLS] = {0};
    enum api__rhythm got[MOST_POLLS];
    struct api__stream *streams;
    size_t n = make_polls(c, v), n_streams;
    char text[MOST_POLLS + 1] = {0};
    struct arena a = {0};

    api__cadence(&a, v, n, v[n - 1].at, got, &streams, &n_streams);
    for (size_t i = 0; i < n; i++)
        text[i] = api__rhythm_names[got[i]][0];
    assert_string_equal(text, c->want);
    assert_int_equal(n_streams, c->streams);
    arena_release(&a);
}

static struct stop_case {
    const char *name;
    ts_ms silent;
    bool stopped;
} stops[] = {
    {"in time",         30000, false},
    {"three intervals", 90000, false},
    {"more than three", 90001, true },
};

static void test_stopped(void **state)
{
    static const struct rhythm_case loop = {.period_a = 30000, .until = 120000};
    const struct stop_case *c = *state;
    struct api__poll v[MOST_POLLS] = {0};
    enum api__rhythm got[MOST_POLLS];
    struct api__stream *streams;
    size_t n = make_polls(&loop, v), n_streams;
    struct arena a = {0};

    api__cadence(&a, v, n, v[n - 1].at + c->silent, got, &streams, &n_streams);
    assert_int_equal(n_streams, 1);
    assert_int_equal(streams[0].interval, 30000);
    assert_int_equal(streams[0].stopped, c->stopped);
    arena_release(&a);
}

static void test_retry(void **state)
{
    static const struct rhythm_case loop = {.period_a = 30000, .until = 90000};
    struct api__poll v[MOST_POLLS] = {0};
    enum api__rhythm got[MOST_POLLS];
    struct api__stream *streams;
    size_t n = make_polls(&loop, v), n_streams;
    struct arena a = {0};

    (void)state;
    v[n - 1].at = v[n - 2].at + 20; /* at once after an error */
    v[n - 2].answer = (struct api__answer){.kind = API_ANSWER_STATUS};
    api__cadence(&a, v, n, v[n - 1].at, got, &streams, &n_streams);
    assert_int_equal(got[n - 2], API_RHYTHM_LOOP);
    assert_int_equal(got[n - 1], API_RHYTHM_RETRY);
    assert_int_equal(n_streams, 1);
    assert_int_equal(streams[0].n, 3);
    arena_release(&a);
}

/* ---- kinds of faults -------------------------------------------------------------------- */

static struct kind_case {
    const char *text, *want; /* NULL: refused */
} kinds[] = {
    {"empty",      "empty"     },
    {"nan",        "nan"       },
    {"inf",        "inf"       },
    {"two",        "two"       },
    {"scalar",     "scalar"    },
    {"garbled",    "garbled"   },
    {"truncate",   "truncate"  },
    {"status 503", "status 503"},
    {"status",     NULL        },
    {"status 99",  NULL        },
    {"slow 4s",    "slow 4s"   },
    {"slow 1h",    NULL        },
    {"slow",       NULL        },
    {"empty 1",    NULL        },
    {"odd",        NULL        },
    {"",           NULL        },
};

static void test_kind(void **state)
{
    const struct kind_case *c = *state;
    struct api__fault fault;
    struct fault f = {0};
    struct buf b = {0};
    int rc = api__fault_parse(str_of(c->text), &fault, &f);

    assert_int_equal(rc, c->want == NULL ? FER_EINVAL : 0);
    if (rc == 0) {
        api__fault_print(&b, &fault);
        assert_str(buf_str(&b), c->want);
    }
    buf_release(&b);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, verdicts, test_verdict, name);
    cases_add(&c, "a long query", test_long_query, NULL);
    CASES_ADD_TABLE(&c, rhythms, test_rhythm, name);
    CASES_ADD_TABLE(&c, stops, test_stopped, name);
    cases_add(&c, "a retry", test_retry, NULL);
    CASES_ADD_TABLE(&c, kinds, test_kind, text);
    return CASES_RUN("api polls", &c);
}
