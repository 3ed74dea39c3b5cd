/*
 * What ends a query: too many samples, a deadline, a broken source, a form that is not supported;
 * and what it tells about itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ferula/base/check.h"
#include "ferula/promql.h"

struct fixture {
    struct mem_source *ms;
    struct arena a;
    struct promql_query q;
    struct promql_result r;
    struct fault f;
};

/* Ten series m{i="0"...} with a hundred samples each, one a minute. */
static void fixture_init(struct fixture *x)
{
    *x = (struct fixture){.ms = mem_source_new()};
    for (size_t i = 0; i < 10; i++) {
        char digit = (char)('0' + i);
        struct label v[] = {
            {STR(LABEL_NAME), STR("m")   },
            {STR("i"),        {&digit, 1}},
        };

        for (size_t k = 0; k < 100; k++)
            mem_source_add(x->ms, (struct labels){v, 2},
                           &(struct sample){(ts_ms)k * 60000, (double)k}, 1);
    }
}

static void fixture_release(struct fixture *x)
{
    arena_release(&x->a);
    mem_source_free(x->ms);
}

static int run(struct fixture *x, struct source *src, const char *text)
{
    const struct promql_features features = PROMQL_FEATURES_ALL;

    x->q.text = str_of(text);
    assert_int_equal(promql_parse(&x->a, x->q.text, &features, &x->q.expr, NULL), 0);
    return promql_eval(src, &x->a, &x->q, &x->r, &x->f);
}

struct limit_case {
    const char *query;
    size_t fits; /* the smallest limit that the query passes under */
};

/* A hundred steps: a vector of ten series has a thousand samples. */
static const struct limit_case limits[] = {
    {"m",                       1000},
    {"1",                       100 },
    {"count_over_time(m[10m])", 1000},
    {"m @ 60",                  1000},
    {"start_timestamp(m)",      10  }, /* the elements of a step */
};

static void test_max_samples(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(limits); i++) {
        struct fixture x;

        fixture_init(&x);
        x.q.end = 99 * 60000;
        x.q.step = 60000;
        x.q.max_samples = limits[i].fits - 1;
        assert_int_equal(run(&x, mem_source_base(x.ms), limits[i].query), FER_ELIMIT);
        assert_string_equal(x.f.text, "query processing would load too many samples into memory "
                                      "in query execution");
        x.q.max_samples = limits[i].fits + 10; /* windows count while they are looked at */
        assert_int_equal(run(&x, mem_source_base(x.ms), limits[i].query), 0);
        fixture_release(&x);
    }
}

static void test_endless_subquery_is_refused(void **state)
{
    struct fixture x;

    (void)state;
    fixture_init(&x);
    assert_int_equal(run(&x, mem_source_base(x.ms), "sum_over_time((vector(1))[10y:1ms])"),
                     FER_ELIMIT);
    fixture_release(&x);
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
        struct fixture x;
        int code = codes[i].code;

        fixture_init(&x);
        x.q.interrupted = give_code;
        x.q.interrupted_ctx = &code;
        assert_int_equal(run(&x, mem_source_base(x.ms), "sum(m)"), code);
        assert_string_equal(x.f.text, codes[i].text);
        fixture_release(&x);
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
    struct fixture x;
    size_t polls = 3;

    (void)state;
    fixture_init(&x);
    x.q.end = 99 * 60000;
    x.q.step = 1000;
    x.q.interrupted = count_down;
    x.q.interrupted_ctx = &polls;
    assert_int_equal(run(&x, mem_source_base(x.ms), "sum(rate(m[10m]))"), FER_ECANCELED);
    fixture_release(&x);
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
    struct fixture x;

    (void)state;
    fixture_init(&x);
    assert_int_equal(run(&x, &broken, "sum(m)"), FER_ECORRUPT);
    assert_string_equal(x.f.text, "expanding series: a page is bad");
    fixture_release(&x);
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
        struct fixture x;

        fixture_init(&x);
        x.q.end = 60000;
        x.q.step = 60000;
        assert_int_equal(run(&x, mem_source_base(x.ms), refusals[i].query), refusals[i].rc);
        assert_string_equal(x.f.text, refusals[i].text);
        fixture_release(&x);
    }
}

static void test_stats(void **state)
{
    struct fixture x;

    (void)state;
    fixture_init(&x);
    x.q.start = x.q.end = 10 * 60000;
    assert_int_equal(run(&x, mem_source_base(x.ms), "sum(rate(m[5m]))"), 0);
    assert_int_equal(x.r.stats.samples_read, 50);
    assert_true(x.r.stats.peak_samples >= 10);
    fixture_release(&x);
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
