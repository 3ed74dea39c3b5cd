/*
 * What ends a query: too many samples, a deadline, a broken source, a form that is not supported;
 * and what it tells about itself.
 */
#include "eval_cases.h"

/* Ten series of a hundred samples. */
#define SERIES(i) "m{i=\"" #i "\"} 0+1x99\n"
static const char ten[] = SERIES(0) SERIES(1) SERIES(2) SERIES(3) SERIES(4) SERIES(5) SERIES(6)
    SERIES(7) SERIES(8) SERIES(9);

static void init(struct evaluation *x)
{
    evaluation_init(x);
    load_series(x->ms, &x->a, ten, MINUTE, NULL);
}

/*
 * A hundred steps: a vector of ten series has a thousand samples. What passes has some more:
 * windows count while they are looked at.
 */
static const struct limit_case limits[] = {
    {"m",                       999, 1010},
    {"1",                       99,  110 },
    {"count_over_time(m[10m])", 999, 1010},
    {"m @ 60",                  999, 1010},
    {"start_timestamp(m)",      9,   20  }, /* the elements of a step */
};

static void test_max_samples(void **state)
{
    (void)state;
    run_limits(ten, (struct promql_query){.end = 99 * MINUTE, .step = MINUTE}, limits,
               COUNT(limits));
}

static void test_endless_subquery_is_refused(void **state)
{
    struct evaluation x;

    (void)state;
    init(&x);
    assert_int_equal(evaluate(&x, "sum_over_time((vector(1))[10y:1ms])"), FER_ELIMIT);
    evaluation_release(&x);
}

static int give_code(void *ctx)
{
    return *(const int *)ctx;
}

static void test_interrupted(void **state)
{
    static const struct {
        int code;
        const char *text;
    } codes[] = {
        {FER_ETIMEOUT,  "query timed out in expression evaluation"   },
        {FER_ECANCELED, "query was canceled in expression evaluation"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(codes); i++) {
        struct evaluation x;
        int code = codes[i].code;

        init(&x);
        x.q.interrupted = give_code;
        x.q.interrupted_ctx = &code;
        assert_int_equal(evaluate(&x, "sum(m)"), code);
        assert_string_equal(x.f.text, codes[i].text);
        evaluation_release(&x);
    }
}

/* Goes on for `n` polls. */
static int count_down(void *ctx)
{
    size_t *n = ctx;

    return (*n)-- == 0 ? FER_ECANCELED : 0;
}

static void test_interrupted_in_the_middle(void **state)
{
    struct evaluation x;
    size_t polls = 3;

    (void)state;
    init(&x);
    x.q.end = 99 * MINUTE;
    x.q.step = 1000;
    x.q.interrupted = count_down;
    x.q.interrupted_ctx = &polls;
    assert_int_equal(evaluate(&x, "sum(rate(m[10m]))"), FER_ECANCELED);
    evaluation_release(&x);
}

static int fail_select(struct source *src, struct arena *a, const struct matcher *m,
                       size_t n_matchers, struct source_range range, struct source_selection **out,
                       struct fault *f)
{
    (void)src;
    (void)a;
    (void)m;
    (void)n_matchers;
    (void)range;
    (void)out;
    return fault_set(f, FER_ECORRUPT, 0, "a page is bad");
}

static void test_source_fails(void **state)
{
    static const struct source_ops ops = {.select = fail_select};
    struct source broken = {&ops};
    struct evaluation x;

    (void)state;
    init(&x);
    parse_query(&x.a, &x.q, "sum(m)");
    assert_int_equal(promql_eval(&broken, &x.a, &x.q, &x.r, &x.f), FER_ECORRUPT);
    assert_string_equal(x.f.text, "expanding series: a page is bad");
    evaluation_release(&x);
}

struct refusal {
    const char *query;
    int rc;
    const char *text;
};

static const struct refusal refusals[] = {
    {"m[5m]",                             FER_EINVAL,
     "invalid expression type \"range vector\" for range query, must be Scalar or instant Vector"},
    {"\"m\"",                             FER_EINVAL,
     "invalid expression type \"string\" for range query, must be Scalar or instant Vector"      },
    {"deriv(m[5m] smoothed)",             FER_EEXEC,
     "smoothed modifier can only be used with: delta, increase, rate - not with deriv"           },
    {"absent_over_time(m[5m] anchored)",  FER_EEXEC,
     "anchored modifier can only be used with: changes, delta, increase, rate, resets - not with "
     "absent_over_time"                                                                          },
    {"rate(m[step() - 60])",              FER_EEXEC,  "7:18: duration must be greater than 0"    },
    {"rate(m[min_of(1m, -5m)])",          FER_EEXEC,  "14:21: duration must be greater than 0"   },
    {"rate(m[-(1m) - max_of(2m, (3m))])", FER_EEXEC,  "7:29: duration must be greater than 0"    },
    {"rate(m[(1m - 2m)])",                FER_EEXEC,  "8:15: duration must be greater than 0"    },
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct evaluation x;

        init(&x);
        x.q.end = MINUTE;
        x.q.step = MINUTE;
        assert_int_equal(evaluate(&x, refusals[i].query), refusals[i].rc);
        assert_string_equal(x.f.text, refusals[i].text);
        evaluation_release(&x);
    }
}

static void test_stats(void **state)
{
    struct evaluation x;

    (void)state;
    init(&x);
    x.q.start = x.q.end = 10 * MINUTE;
    assert_int_equal(evaluate(&x, "sum(rate(m[5m]))"), 0);
    assert_int_equal(x.r.stats.samples_read, 50);
    assert_true(x.r.stats.peak_samples >= 10);
    evaluation_release(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_max_samples),  cmocka_unit_test(test_endless_subquery_is_refused),
        cmocka_unit_test(test_interrupted),  cmocka_unit_test(test_interrupted_in_the_middle),
        cmocka_unit_test(test_source_fails), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_stats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
