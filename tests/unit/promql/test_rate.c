/*
 * Range functions on one window each: the samples, the window and the result are the case.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ferula/base/check.h"

#include "eval.h"
#include "gomath.h"
#include "kahan.h"

#define MAX_SAMPLES 6

struct window_case {
    const char *name;
    promql__range_fn *fn;
    struct sample s[MAX_SAMPLES]; /* times in seconds */
    size_t n;
    int from, to; /* seconds */
    double arg;
    bool none;
    double want;
};

static const struct window_case cases[] = {
    {"one sample",                   promql__rate,               {{10, 1}},                                 1, 0, 60, 0,   true,  0        },
    {"both edges near",              promql__increase,           {{10, 0}, {20, 10}, {30, 20}},             3, 0, 40, 0,   false, 30       },
    {"never before zero",            promql__increase,           {{10, 5}, {20, 15}},                       2, 0, 20, 0,   false, 15       },
    {"far edges get half",           promql__delta,              {{30, 0}, {40, 10}},                       2, 0, 70, 0,   false, 20       },
    {"edge at 1.1 intervals is far", promql__delta,              {{11, 0}, {21, 10}},                       2, 0, 21, 0,   false, 15       },
    {"reset",                        promql__increase,           {{0, 10}, {10, 20}, {20, 5}},              3, 0, 20, 0,   false, 15       },
    {"delta knows no reset",         promql__delta,              {{0, 10}, {10, 20}, {20, 5}},              3, 0, 20, 0,   false, -5       },
    {"rate is per second",           promql__rate,               {{0, 0}, {10, 10}, {20, 20}},              3, 0, 20, 0,   false, 1        },
    {"irate",                        promql__irate,              {{0, 0}, {10, 7}, {20, 27}},               3, 0, 20, 0,   false, 2        },
    {"irate after reset",            promql__irate,              {{0, 0}, {10, 30}, {20, 20}},              3, 0, 20, 0,   false, 2        },
    {"irate at one time",            promql__irate,              {{10, 1}, {10, 2}},                        2, 0, 20, 0,   true,  0        },
    {"idelta",                       promql__idelta,             {{10, 30}, {20, 20}},                      2, 0, 20, 0,   false, -10      },
    {"deriv",                        promql__deriv,              {{0, 1}, {10, 21}, {20, 41}},              3, 0, 20, 0,   false, 2        },
    {"deriv of a flat line",         promql__deriv,              {{0, 4}, {10, 4}},                         2, 0, 20, 0,   false, 0        },
    {"deriv of infinity",            promql__deriv,              {{0, INFINITY}, {10, INFINITY}},           2, 0, 20, 0,   false, NAN      },
    {"predict",                      promql__predict_linear,     {{0, 0}, {10, 10}},                        2, 0, 20, 30,  false, 50       },
    {"resets",                       promql__resets,             {{0, 3}, {10, 2}, {20, NAN}, {30, 1}},     4, 0, 30, 0,   false, 1        },
    {"changes",                      promql__changes,            {{0, NAN}, {10, NAN}, {20, 1}, {30, 1}},   4, 0, 30, 0,   false, 1        },
    {"sum keeps small ones",
     promql__sum_over_time,                                      {{0, 1}, {1, 1e100}, {2, 1}, {3, -1e100}},
     4,                                                                                                        0,
     9,                                                                                                               0,
     false,                                                                                                                       2        },
    {"avg of the largest",
     promql__avg_over_time,                                      {{0, 1.7e308}, {1, 1.7e308}},
     2,                                                                                                        0,
     9,                                                                                                               0,
     false,                                                                                                                       1.7e308  },
    {"max passes over NaN",
     promql__max_over_time,                                      {{0, NAN}, {1, -3}, {2, NAN}},
     3,                                                                                                        0,
     9,                                                                                                               0,
     false,                                                                                                                       -3       },
    {"latest of the largest",
     promql__ts_of_max_over_time,                                {{1, 5}, {2, 5}, {3, 4}},
     3,                                                                                                        0,
     9,                                                                                                               0,
     false,                                                                                                                       2        },
    {"quantile",
     promql__quantile_over_time,                                 {{0, 4}, {1, 1}, {2, 3}, {3, 2}},
     4,                                                                                                        0,
     9,                                                                                                               0.5,
     false,                                                                                                                       2.5      },
    {"quantile below",               promql__quantile_over_time, {{0, 4}},                                  1, 0, 9,  -1,  false, -INFINITY},
    {"mad",                          promql__mad_over_time,      {{0, 1}, {1, 2}, {2, 9}},                  3, 0, 9,  0,   false, 1        },
    {"stddev",                       promql__stddev_over_time,   {{0, 2}, {1, 4}},                          2, 0, 9,  0,   false, 1        },
};

static void run_case(const struct window_case *c)
{
    struct sample s[MAX_SAMPLES];
    double scratch[MAX_SAMPLES], got = 0;
    struct promql__window w = {
        .time = (ts_ms)c->to * 1000,
        .from = (ts_ms)c->from * 1000,
        .to = (ts_ms)c->to * 1000,
        .range = (dur_ms)(c->to - c->from) * 1000,
        .arg = {c->arg},
        .scratch = scratch,
    };
    bool some;

    for (size_t i = 0; i < c->n; i++)
        s[i] = (struct sample){c->s[i].t * 1000, c->s[i].v};
    some = c->fn(s, c->n, &w, &got);
    if (some == c->none || (some && !(got == c->want || (isnan(got) && isnan(c->want)))))
        fail_msg("%s: got %s %.17g, want %.17g", c->name, some ? "value" : "nothing", got, c->want);
}

static void test_windows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        run_case(&cases[i]);
}

static void test_go_extremes(void **state)
{
    (void)state;
    assert_true(go_max(NAN, INFINITY) == INFINITY);
    assert_true(isnan(go_max(NAN, 1)));
    assert_true(go_min(NAN, -INFINITY) == -INFINITY);
    assert_false(signbit(go_max(-0.0, 0.0)));
    assert_true(signbit(go_min(-0.0, 0.0)));
    assert_true(go_int64(NAN) == INT64_MIN);
    assert_true(go_int64(1e300) == INT64_MIN);
    assert_true(go_int64(-1.9) == -1);
}

/* NaN comes last in both orders, and the values between are sorted; beyond the small case too. */
static void test_sort_reverse(void **state)
{
    struct promql__ranked v[40];

    (void)state;
    for (uint32_t i = 0; i < COUNT(v); i++)
        v[i] = (struct promql__ranked){i % 10 == 3 ? NAN : (double)(i * 7 % 40), i};
    promql__sort_reverse(v, COUNT(v), promql__less_up, NULL);
    for (size_t i = 0; i + 1 < COUNT(v); i++)
        assert_true(i >= 36 ? isnan(v[i].v) : i == 35 || v[i].v > v[i + 1].v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_go_extremes),
        cmocka_unit_test(test_sort_reverse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
