/*
 * test_upgrade.c - a file that an older version of the format wrote is opened, read and written.
 *
 * tests/data/store-v1.mdb.gz was made by ferula 0.1.0 before samples were sealed: 90 rounds of 15 s
 * of 5 counters and 2 gauges, sent in two requests, and their metadata. store-v2.mdb.gz is of the
 * time before histograms: 600 rounds of 3 counters, each with 12 late samples; most are sealed,
 * some in a checkpoint, the rest in the log.
 */
#include "fixture.h"

#include <math.h>

#define V1_T0     INT64_C(1700000000000)
#define V1_ROUNDS 90

static double gauge_value(int round)
{
    const double v[] = {NAN, INFINITY, -0.0, 0.1, -1e-310};

    return v[round % 5];
}

static int number_after(struct labels ls, const char *name, size_t skip)
{
    struct str v = labels_get(ls, str_of(name));

    return v.n > skip ? v.p[skip] - '0' : -1;
}

static void check_counter(struct labels ls, const struct sample_vec *sv)
{
    int pod = number_after(ls, "pod", strlen("sample-app-"));

    assert_int_equal(sv->n, V1_ROUNDS);
    for (int r = 0; r < V1_ROUNDS; r++) {
        assert_int_equal(sv->v[r].t, V1_T0 + r * 15000);
        assert_true(sv->v[r].v == (double)(r * (pod + 1) * 675));
    }
}

static void check_gauge(struct labels ls, const struct sample_vec *sv)
{
    int room = number_after(ls, "room", 1);

    assert_int_equal(sv->n, V1_ROUNDS);
    for (int r = 0; r < V1_ROUNDS; r++) {
        double want = gauge_value(r);

        assert_int_equal(sv->v[r].t, V1_T0 + r * 15000 + room * 7);
        assert_true(isnan(want) ? isnan(sv->v[r].v) : same_bits(sv->v[r].v, want));
    }
}

static void check_all(struct fixture *fx)
{
    struct source_selection *sel = fx_all(fx);
    struct sample_vec sv = {0};
    size_t n_new = 0;

    for (size_t i = 0; i < sel->n; i++) {
        struct labels ls = sel->series[i].labels;

        fx_read(sel, i, &sv);
        if (str_is(labels_get(ls, STR(LABEL_NAME)), "new"))
            n_new++;
        else if (str_is(labels_get(ls, STR(LABEL_NAME)), "temperature_celsius"))
            check_gauge(ls, &sv);
        else
            check_counter(ls, &sv);
    }
    assert_int_equal(sel->n, 7 + n_new);
    sample_vec_release(&sv);
}

/* A folder with the file of that name in it. */
static void unpack(struct fixture *fx, const char *name)
{
    char command[300];

    fx_init(fx);
    snprintf(command, sizeof(command), "gzip -dc tests/data/%s.gz > %s/ferula.mdb", name, fx->dir);
    assert_int_equal(system(command), 0);
}

static void test_version_1(void **state)
{
    struct fixture fx;
    struct metadata *md = NULL;
    size_t n = 0;
    struct fault f;

    (void)state;
    unpack(&fx, "store-v1.mdb");
    clock_manual_set(&fx.clock, V1_T0 + V1_ROUNDS * 15000);
    fx_open(&fx);
    check_all(&fx);
    assert_int_equal(tsdb_metadata(fx.db, &fx.arena, STR(""), &md, &n, &f), 0);
    assert_int_equal(n, 2);
    fx_put(&fx, "__name__=new", clock_now_ms(&fx.clock.base), 1);
    fx_crash(&fx);
    check_all(&fx);
    fx_reopen(&fx);
    clock_manual_advance(&fx.clock, INT64_C(7200) * 1000);
    tsdb_settle(fx.db);
    check_all(&fx);
    fx_reopen(&fx);
    check_all(&fx);
    assert_int_equal(fx_all(&fx)->n, 8);
    fx_release(&fx);
}

#define V2_ROUNDS 600
#define V2_LATE   50 /* rounds between two late samples */

static void check_v2(struct fixture *fx, size_t n_more)
{
    struct source_selection *sel = fx_all(fx);
    struct sample_vec sv = {0};

    assert_int_equal(sel->n, 3);
    for (size_t i = 0; i < sel->n; i++) {
        int pod = number_after(sel->series[i].labels, "pod", 1);
        size_t at = 0;

        assert_int_equal(fx_read(sel, i, &sv), V2_ROUNDS + V2_ROUNDS / V2_LATE + n_more);
        for (int r = 0; r < V2_ROUNDS; r++) {
            assert_int_equal(sv.v[at].t, T0 + r * 15000);
            assert_true(sv.v[at++].v == (double)(r * (pod + 1) * 675));
            if (r % V2_LATE != 9)
                continue;
            assert_int_equal(sv.v[at].t, T0 + r * 15000 + 1);
            assert_true(sv.v[at++].v == (double)(r + 40));
        }
    }
    sample_vec_release(&sv);
}

static void test_version_2(void **state)
{
    struct fixture fx;
    struct tsdb_audit_counts counts;
    struct fault f;

    (void)state;
    unpack(&fx, "store-v2.mdb");
    assert_int_equal(tsdb_audit(fx.dir, fx_tell, NULL, &counts, &f), 0);
    assert_int_equal(counts.faults, 0);
    clock_manual_set(&fx.clock, T0 + V2_ROUNDS * 15000);
    fx_open(&fx);
    check_v2(&fx, 0);
    for (int pod = 0; pod < 3; pod++) {
        char labels[64];

        snprintf(labels, sizeof(labels), "__name__=requests_total,pod=p%d", pod);
        fx_put(&fx, labels, clock_now_ms(&fx.clock.base), 1);
    }
    fx_crash(&fx);
    check_v2(&fx, 1);
    clock_manual_advance(&fx.clock, INT64_C(7200) * 1000);
    tsdb_settle(fx.db);
    check_v2(&fx, 1);
    fx_reopen(&fx);
    check_v2(&fx, 1);
    fx_release(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_version_1),
                                       cmocka_unit_test(test_version_2)};

    return cmocka_run_group_tests_name("tsdb upgrade", tests, NULL, NULL);
}
