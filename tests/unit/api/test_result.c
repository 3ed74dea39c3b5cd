/*
 * test_result.c - query results, envelopes and errors as bytes.
 */
#include <math.h>
#include <stdlib.h>

#include "api.h"
#include "cases.h"
#include "result.h"

static const struct label up_labels[] = {
    {STR_INIT("__name__"), STR_INIT("up")          },
    {STR_INIT("job"),      STR_INIT("a<b>&\"c\"\n")}
};
static const struct sample one[] = {
    {1435781451781, 1}
};
static const struct sample several[] = {
    {1000,  -0.0                   },
    {1100,  1e-7                   },
    {2001,  1.5e21                 },
    {-1500, 100000000000000000000.0},
    {0,     0.1                    }
};
static const struct sample specials[] = {
    {1000, INFINITY },
    {2000, -INFINITY}
};
static const struct promql_series vector[] = {
    {{up_labels, 2}, one, 1, NULL, 0},
    {{NULL, 0},      one, 1, NULL, 0}
};
static const struct promql_series matrix[] = {
    {{up_labels, 1}, several,  COUNT(several),  NULL, 0},
    {{NULL, 0},      specials, COUNT(specials), NULL, 0}
};

static const struct result_case {
    const char *name;
    struct promql_result res;
    size_t limit;
    bool cut;
    const char *want;
} cases[] = {
    {"label values are not HTML-escaped",
     {.type = PROMQL_VECTOR, .series = vector, .n_series = 2},
     0, false,
     "\"resultType\":\"vector\",\"result\":[{\"metric\":{\"__name__\":\"up\",\"job\":"
     "\"a<b>&\\\"c\\\"\\n\"},\"value\":[1435781451.781,\"1\"]},{\"metric\":{},\"value\":["
     "1435781451.781,\"1\"]}]"                                              },
    {"a limit cuts series",
     {.type = PROMQL_VECTOR, .series = vector, .n_series = 2},
     1, true,
     "\"resultType\":\"vector\",\"result\":[{\"metric\":{\"__name__\":\"up\",\"job\":"
     "\"a<b>&\\\"c\\\"\\n\"},\"value\":[1435781451.781,\"1\"]}]"            },
    {"an empty vector is an empty list",
     {.type = PROMQL_VECTOR},
     3, false,
     "\"resultType\":\"vector\",\"result\":[]"                              },
    {"times have three digits or none, values Go's exponents",
     {.type = PROMQL_MATRIX, .series = matrix, .n_series = 2},
     0, false,
     "\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"__name__\":\"up\"},\"values\":[["
     "1,\"-0\"],[1.100,\"1e-07\"],[2.001,\"1.5e+21\"],[-1.500,\"100000000000000000000\"],["
     "0,\"0.1\"]]},{\"metric\":{},\"values\":[[1,\"+Inf\"],[2,\"-Inf\"]]}]" },
    {"a scalar has a float time and no exponent",
     {.type = PROMQL_SCALAR, .scalar = {1100, 1e21}},
     1, false,
     "\"resultType\":\"scalar\",\"result\":[1.1,\"1000000000000000000000\"]"},
    {"a small scalar has no exponent either",
     {.type = PROMQL_SCALAR, .scalar = {4000, 1e-7}},
     0, false,
     "\"resultType\":\"scalar\",\"result\":[4,\"0.0000001\"]"               },
    {"a NaN scalar",
     {.type = PROMQL_SCALAR, .scalar = {4000, NAN}},
     0, false,
     "\"resultType\":\"scalar\",\"result\":[4,\"NaN\"]"                     },
    {"a string is HTML-escaped",
     {.type = PROMQL_STRING, .scalar = {1435781451781, 0}, .string = STR_INIT("a<b")},
     0, false,
     "\"resultType\":\"string\",\"result\":[1435781451.781,\"a\\u003cb\"]"  },
};

static void test_result(void **state)
{
    const struct result_case *c = *state;
    struct buf out = {0};
    struct json j;

    json_init(&j, &out);
    assert_int_equal(api__result(&j, &c->res, c->limit), c->cut);
    assert_string_equal(out.p, c->want);
    buf_release(&out);
}

static void test_error(void **state)
{
    struct http_req req = {0};

    (void)state;
    assert_int_equal(api__fail(&req, API_BAD_DATA, "invalid parameter \"%s\": <x>", "query"), 0);
    assert_int_equal(req.reply.status, 400);
    assert_string_equal(req.reply.content_type, "application/json");
    assert_string_equal(req.reply.body.p,
                        "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":"
                        "\"invalid parameter \\\"query\\\": \\u003cx\\u003e\"}");
    buf_release(&req.reply.body);
}

static void test_statuses(void **state)
{
    static const int want[N_API_ERRORS] = {400, 422, 503, 499, 500, 500, 503, 404};

    (void)state;
    for (enum api__error e = 0; e < N_API_ERRORS; e++) {
        struct http_req req = {0};

        (void)api__fail(&req, e, "x");
        assert_int_equal(req.reply.status, want[e]);
        buf_release(&req.reply.body);
        arena_release(&req.arena);
    }
}

static void test_raw(void **state)
{
    struct http_req req = {0};

    (void)state;
    assert_int_equal(api__ok_raw(&req, "[]"), 0);
    assert_int_equal(req.reply.status, 200);
    assert_string_equal(req.reply.body.p, "{\"status\":\"success\",\"data\":[]}");
    buf_release(&req.reply.body);
}

/* n warnings and two infos; the handler's own warning comes last. */
static char *envelope(size_t n_warnings, bool own)
{
    static const struct str texts[12] = {STR_INIT("w0"), STR_INIT("w1"), STR_INIT("w2"),
                                         STR_INIT("w3"), STR_INIT("w4"), STR_INIT("w5"),
                                         STR_INIT("w6"), STR_INIT("w7"), STR_INIT("w8"),
                                         STR_INIT("w9"), STR_INIT("wa"), STR_INIT("wb")};
    struct api__notes notes = {.warnings = texts, .n_warnings = n_warnings};
    struct http_req req = {0};
    struct json j;

    if (own)
        notes.more[0] = API_TRUNCATED;
    api__ok_begin(&req, &j);
    json_array_begin(&j);
    json_array_end(&j);
    (void)api__ok_end(&j, &notes);
    return buf_take(&req.reply.body);
}

static void test_notes(void **state)
{
    static const struct {
        size_t n;
        bool own;
        const char *want;
    } rows[] = {
        {0,  false, "{\"status\":\"success\",\"data\":[]}"                                       },
        {0,  true,
         "{\"status\":\"success\",\"data\":[],\"warnings\":[\"results truncated due to limit\"]}"},
        {1,  true,
         "{\"status\":\"success\",\"data\":[],\"warnings\":[\"w0\",\"results truncated due to "
         "limit\"]}"                                                                             },
        {12, true,
         "{\"status\":\"success\",\"data\":[],\"warnings\":[\"w0\",\"w1\",\"w2\",\"w3\",\"w4\","
         "\"w5\",\"w6\",\"w7\",\"w8\",\"w9\",\"3 more warning annotations omitted\"]}"           },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *got = envelope(rows[i].n, rows[i].own);

        assert_string_equal(got, rows[i].want);
        free(got);
    }
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, cases, test_result, name);
    cases_add(&c, "an error envelope", test_error, NULL);
    cases_add(&c, "each error has its status", test_statuses, NULL);
    cases_add(&c, "data may be given as text", test_raw, NULL);
    cases_add(&c, "at most ten warnings are shown", test_notes, NULL);
    return CASES_RUN("api result", &c);
}
