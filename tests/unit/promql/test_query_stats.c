/*
 * Samples that a query counts: in total, read, held at once, and the first two by step; the same
 * with and without helpers. The smallest limit under which it passes is what is held at once.
 */
#include "eval_cases.h"

#include "ferula/base/pool.h"

#define STEPS   4
#define STEP_MS 10000

struct stats_case {
    const char *query;
    size_t n_steps; /* from 200 s on, one every 10 s; 0: an instant query */
    uint64_t total, read, peak;
    uint64_t total_by_step[STEPS], read_by_step[STEPS];
};

/* A sample every 10 s from 0 s to 1000 s; few{} has them at 200 s and 220 s only. */
static const char series[] = "one 0+1x100\n"
                             "three{i=\"a\"} 0+1x100\n"
                             "three{i=\"b\"} 0+1x100\n"
                             "three{i=\"c\"} 0+1x100\n"
                             "few _x20 0 _ 1\n";

static const struct stats_case cases[] = {
    {"\"text\"",                               0, 0,  0,  0,  {0},              {0}          },
    {"1",                                      0, 0,  0,  1,  {0},              {0}          },
    {"1",                                      4, 0,  0,  4,  {0},              {0}          },
    {"three",                                  0, 3,  3,  3,  {3},              {3}          },
    {"three",                                  4, 12, 12, 12, {3, 3, 3, 3},     {3, 3, 3, 3} },
    {"three @ 50",                             4, 12, 3,  12, {3, 3, 3, 3},     {3}          },
    {"-three",                                 4, 12, 12, 12, {3, 3, 3, 3},     {3, 3, 3, 3} },
    {"sum(three)",                             4, 12, 12, 12, {3, 3, 3, 3},     {3, 3, 3, 3} },
    {"topk(1 + 1, three)",                     4, 12, 12, 16, {3, 3, 3, 3},     {3, 3, 3, 3} },
    {"three + one",                            0, 4,  4,  8,  {4},              {4}          },
    {"three * on (i) three",                   0, 6,  6,  15, {6},              {6}          },
    {"three * 2",                              4, 12, 12, 32, {3, 3, 3, 3},     {3, 3, 3, 3} },
    {"few == 0 or vector(1)",                  4, 4,  4,  12, {1, 1, 1, 1},     {1, 1, 1, 1} },
    {"timestamp(three)",                       4, 12, 12, 15, {3, 3, 3, 3},     {3, 3, 3, 3} },
    {"absent(three)",                          4, 12, 12, 15, {3, 3, 3, 3},     {3, 3, 3, 3} },
    {"three[40s]",                             0, 12, 12, 12, {12},             {12}         },
    {"rate(one[40s])",                         4, 16, 7,  8,  {4, 4, 4, 4},     {4, 1, 1, 1} },
    {"max_over_time(three[40s])",              4, 48, 21, 16, {12, 12, 12, 12}, {12, 3, 3, 3}},
    {"sum by (i) (rate(three[40s]))",          4, 48, 21, 16, {12, 12, 12, 12}, {12, 3, 3, 3}},
    {"quantile_over_time(0.5, one[40s])",      4, 16, 7,  12, {4, 4, 4, 4},     {4, 1, 1, 1} },
    {"sum_over_time(one[40s] @ 100)",          4, 16, 4,  5,  {4, 4, 4, 4},     {4}          },
    {"absent_over_time(three[40s])",           4, 48, 21, 16, {12, 12, 12, 12}, {12, 3, 3, 3}},
    {"three[40s:10s]",                         0, 12, 12, 12, {12},             {12}         },
    {"sum_over_time(one[40s:10s])",            4, 16, 7,  15, {4, 4, 4, 4},     {4, 1, 1, 1} },
    {"sum_over_time(one[5s:1s])",              4, 20, 20, 44, {5, 5, 5, 5},     {5, 5, 5, 5} },
    {"max_over_time(rate(one[40s])[20s:10s])", 0, 2,  5,  6,  {2},              {5}          },
};

static void init(struct evaluation *x, const struct stats_case *c)
{
    evaluation_init(x);
    load_series(x->ms, &x->a, series, STEP_MS, NULL);
    x->q.start = x->q.end = 200000;
    x->q.per_step_stats = true;
    if (c->n_steps > 0) {
        x->q.step = STEP_MS;
        x->q.end += (dur_ms)(c->n_steps - 1) * STEP_MS;
    }
}

static void check_counts(const struct stats_case *c, const struct promql_stats *s)
{
    if (s->total_samples != c->total || s->samples_read != c->read || s->peak_samples != c->peak)
        print_error("%s: %d steps: %d in total, %d read, %d at once\n", c->query, (int)c->n_steps,
                    (int)s->total_samples, (int)s->samples_read, (int)s->peak_samples);
    assert_int_equal(s->total_samples, c->total);
    assert_int_equal(s->samples_read, c->read);
    assert_int_equal(s->peak_samples, c->peak);
    assert_int_equal(s->n_steps, MAX(c->n_steps, (size_t)1));
    assert_memory_equal(s->total_by_step, c->total_by_step, s->n_steps * sizeof(uint64_t));
    assert_memory_equal(s->read_by_step, c->read_by_step, s->n_steps * sizeof(uint64_t));
}

static void count_all(struct pool *helpers)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct evaluation x;

        init(&x, &cases[i]);
        x.q.helpers = helpers;
        x.q.n_helpers = x.q.help_from = helpers != NULL;
        assert_int_equal(evaluate(&x, cases[i].query), 0);
        check_counts(&cases[i], &x.r.stats);
        evaluation_release(&x);
    }
}

static void test_counts(void **state)
{
    (void)state;
    count_all(NULL);
}

static void test_counts_with_helpers(void **state)
{
    struct pool *helpers = pool_new("helper", 1, 8);

    (void)state;
    count_all(helpers);
    pool_free(helpers);
}

static void test_by_step_only_when_asked(void **state)
{
    struct evaluation x;

    (void)state;
    init(&x, &cases[4]);
    x.q.per_step_stats = false;
    assert_int_equal(evaluate(&x, cases[4].query), 0);
    assert_int_equal(x.r.stats.total_samples, 12);
    assert_null(x.r.stats.total_by_step);
    assert_null(x.r.stats.read_by_step);
    evaluation_release(&x);
}

/* The smallest limit under which the query passes; of 0 there is none. */
static void test_limit(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct evaluation x;
        int rc;

        init(&x, &cases[i]);
        x.q.max_samples = cases[i].peak;
        assert_int_equal(evaluate(&x, cases[i].query), 0);
        x.q.max_samples--;
        rc = cases[i].peak <= 1 ? FER_ELIMIT : evaluate(&x, cases[i].query);
        assert_int_equal(rc, FER_ELIMIT);
        evaluation_release(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_counts_with_helpers),
        cmocka_unit_test(test_by_step_only_when_asked),
        cmocka_unit_test(test_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
