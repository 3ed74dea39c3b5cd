/*
 * test_gate.c - the gate lets so many in and no more; timings keep the last few hundred.
 */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate.h"
#include "timing.h"

#include "ferula/base/check.h"
#include "ferula/base/err.h"

#define N_THREADS 8
#define N_ROUNDS  200

static struct crowd {
    struct api__gate gate;
    atomic_int inside, most_seen;
} crowd;

static int never(void *ctx)
{
    (void)ctx;
    return 0;
}

static void *visit(void *arg)
{
    for (int i = 0; i < N_ROUNDS; i++) {
        int now;

        CHECK(api__gate_enter(&crowd.gate, never, NULL) == 0);
        now = atomic_fetch_add(&crowd.inside, 1) + 1;
        for (int seen = atomic_load(&crowd.most_seen);
             seen < now && !atomic_compare_exchange_weak(&crowd.most_seen, &seen, now);)
            ;
        atomic_fetch_sub(&crowd.inside, 1);
        api__gate_leave(&crowd.gate);
    }
    return arg;
}

static void test_crowd(void **state)
{
    pthread_t threads[N_THREADS];

    (void)state;
    api__gate_init(&crowd.gate, 3);
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, visit, NULL), 0);
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_in_range(atomic_load(&crowd.most_seen), 1, 3);
    api__gate_release(&crowd.gate);
}

static int give_up_at_third(void *ctx)
{
    int *asked = ctx;

    return ++*asked == 3 ? FER_ETIMEOUT : 0;
}

static void test_give_up(void **state)
{
    struct api__gate gate;
    int asked = 0;

    (void)state;
    api__gate_init(&gate, 1);
    assert_int_equal(api__gate_enter(&gate, never, NULL), 0);
    assert_int_equal(api__gate_enter(&gate, give_up_at_third, &asked), FER_ETIMEOUT);
    assert_int_equal(asked, 3);
    api__gate_leave(&gate);
    assert_int_equal(api__gate_enter(&gate, give_up_at_third, &asked), 0);
    api__gate_leave(&gate);
    api__gate_release(&gate);
}

static void test_timing(void **state)
{
    struct api__timing t;
    struct api__timing_view v;

    (void)state;
    api__timing_init(&t);
    api__timing_read(&t, &v);
    assert_int_equal(v.count, 0);
    assert_true(isnan(v.quantile_s[0]));
    for (int i = 1; i <= 1001; i++)
        api__timing_add(&t, i);
    api__timing_read(&t, &v);
    assert_int_equal(v.count, 1001);
    assert_true(v.sum_s == 1001.0 * 1002 / 2);
    assert_true(v.quantile_s[0] >= 873 && v.quantile_s[0] <= 875); /* of 746 to 1001 */
    assert_true(v.quantile_s[2] > v.quantile_s[1]);
    api__timing_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"no more than the limit are inside", test_crowd,   NULL, NULL, NULL},
        {"who waits may give up",             test_give_up, NULL, NULL, NULL},
        {"quantiles are of the newest",       test_timing,  NULL, NULL, NULL},
    };

    return cmocka_run_group_tests_name("api gate", tests, NULL, NULL);
}
