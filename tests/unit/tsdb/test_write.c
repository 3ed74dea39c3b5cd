/*
 * test_write.c - what is stored, what is refused, and that it is there after a restart.
 */
#include "cases.h"
#include "fixture.h"

#include "ferula/base/buf.h"

static int setup(void **state)
{
    struct fixture *fx = xnew(struct fixture);

    fx_init(fx);
    fx_open(fx);
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    fx_release(*state);
    free(*state);
    return 0;
}

static void test_stored_and_reopened(void **state)
{
    struct fixture *fx = *state;
    struct source_selection *sel;
    struct sample_vec sv = {0};

    fx_put(fx, "__name__=up,job=a", T0, 1);
    fx_put(fx, "__name__=up,job=a", T0 + 15000, -0.0);
    fx_put(fx, "__name__=up,job=b", T0 + 15000, f64_from_bits(STALE_NAN_BITS));
    for (int round = 0; round < 2; round++) {
        sel = fx_all(fx);
        assert_int_equal(sel->n, 2);
        assert_int_equal(fx_read(sel, 0, &sv), 2);
        assert_int_equal(sv.v[0].t, T0);
        assert_true(same_bits(sv.v[1].v, -0.0));
        assert_true(str_is(labels_get(sel->series[1].labels, STR("job")), "b"));
        assert_int_equal(fx_read(sel, 1, &sv), 1);
        assert_true(is_stale(sv.v[0].v));
        fx_reopen(fx);
    }
    sample_vec_release(&sv);
}

static void test_raw_is_remembered(void **state)
{
    struct fixture *fx = *state;
    const char *labels = "__name__=up,job=a";
    series_id id;

    assert_int_equal(tsdb_find_raw(fx->db, fx_raw(labels)), 0);
    fx_put(fx, labels, T0, 1);
    id = tsdb_find_raw(fx->db, fx_raw(labels));
    assert_int_not_equal(id, 0);
    fx_reopen(fx);
    assert_int_equal(tsdb_find_raw(fx->db, fx_raw(labels)), 0);
    fx_put(fx, labels, T0 + 1, 1);
    assert_int_equal(tsdb_find_raw(fx->db, fx_raw(labels)), id);
}

#define MIN_MS 60000

/* Two requests of one series; what the second one's samples become. */
static struct verdict_case {
    const char *name;
    struct sample first;
    struct sample s[4];
    size_t n;
    size_t want[N_TSDB_VERDICTS];
    const char *text;
} verdicts[] = {
    {"a newer sample is stored",                         {T0, 1},   {{T0 + 1, 1}}, 1, {[TSDB_STORED] = 1},                                                NULL},
    {"an exact repetition is forgiven",                  {T0, 1},   {{T0, 1}},     1, {[TSDB_DUPLICATE] = 1},                                             NULL},
    {"the same time with another value is a conflict",
     {T0, 1},
     {{T0, 1.5}},
     1,                                                                               {[TSDB_CONFLICT] = 1},
     "duplicate sample for timestamp 1700000000000; overrides not allowed: existing 1, new value 1.5"                                                         },
    {"minus zero is another value",                      {T0, 0.0}, {{T0, -0.0}},  1, {[TSDB_CONFLICT] = 1},                                              NULL},
    {"an older sample is out of order",
     {T0, 1},
     {{T0 - 1, 1}},
     1,                                                                               {[TSDB_OUT_OF_ORDER] = 1},
     "out of order sample"                                                                                                                                    },
    {"an hour behind the newest is still in bounds",
     {T0, 1},
     {{T0 - 60 * MIN_MS, 1}},
     1,                                                                               {[TSDB_OUT_OF_ORDER] = 1},
     NULL                                                                                                                                                     },
    {"more than an hour behind is out of bounds",
     {T0, 1},
     {{T0 - 60 * MIN_MS - 1, 1}},
     1,                                                                               {[TSDB_TOO_OLD] = 1},
     "out of bounds"                                                                                                                                          },
    {"ten minutes ahead of the clock is the limit",
     {T0, 1},
     {{T0 + 10 * MIN_MS, 1}},
     1,                                                                               {[TSDB_STORED] = 1},
     NULL                                                                                                                                                     },
    {"beyond it is too far in the future",
     {T0, 1},
     {{T0 + 10 * MIN_MS + 1, 1}},
     1,                                                                               {[TSDB_TOO_NEW] = 1},
     "out of bounds: timestamp is too far in the future"                                                                                                      },
    {"the good part of a request is stored",
     {T0, 1},
     {{T0 - 1, 1}, {T0 + 1, 2}, {T0 + 1, 2}, {T0 + 2, 3}},
     4,                                                                               {[TSDB_STORED] = 2, [TSDB_DUPLICATE] = 1, [TSDB_OUT_OF_ORDER] = 1},
     "out of order sample"                                                                                                                                    },
    {"order counts within a request",
     {T0, 1},
     {{T0 + 5, 1}, {T0 + 3, 2}, {T0 + 5, 3}},
     3,                                                                               {[TSDB_STORED] = 1, [TSDB_OUT_OF_ORDER] = 1, [TSDB_CONFLICT] = 1},
     "out of order sample"                                                                                                                                    },
    {"the bound for too old is that before the request",
     {T0 - 59 * MIN_MS, 1},
     {{T0 + 9 * MIN_MS, 1}, {T0 - 58 * MIN_MS, 2}},
     2,                                                                               {[TSDB_STORED] = 1, [TSDB_OUT_OF_ORDER] = 1},
     NULL                                                                                                                                                     },
};

static void test_verdict(void **state)
{
    const struct verdict_case *c = *state;
    struct fixture fx;
    struct tsdb_write w;
    struct buf text = {0};
    struct sample_vec sv = {0};

    fx_init(&fx);
    fx_open(&fx);
    fx_put(&fx, "__name__=m", c->first.t, c->first.v);
    for (int other = 0; other < 2; other++) {
        assert_int_equal(fx_write(&fx, "__name__=m", c->s, c->n, &w), 0);
        if (other == 0)
            assert_memory_equal(w.n_verdicts, c->want, sizeof(c->want));
        fx_reopen(&fx); /* the same again must store nothing */
    }
    assert_int_equal(w.n_verdicts[TSDB_STORED], 0);
    assert_int_equal(fx_read(fx_all(&fx), 0, &sv), 1 + c->want[TSDB_STORED]);
    if (c->text != NULL) {
        assert_true(labels_eq(w.first_refusal.labels, fx_labels(&fx.arena, "__name__=m")));
        tsdb_refusal_print(&text, &w.first_refusal);
        assert_string_equal(text.p, c->text);
    }
    buf_release(&text);
    sample_vec_release(&sv);
    fx_release(&fx);
}

static void test_refused_series_is_not_made(void **state)
{
    struct fixture *fx = *state;
    struct sample s = {T0 + 60 * MIN_MS, 1};
    struct tsdb_write w;
    struct tsdb_stats st;

    assert_int_equal(fx_write(fx, "__name__=m", &s, 1, &w), 0);
    assert_int_equal(w.n_verdicts[TSDB_TOO_NEW], 1);
    assert_true(labels_eq(w.first_refusal.labels, fx_labels(&fx->arena, "__name__=m")));
    tsdb_stats(fx->db, &st);
    assert_int_equal(st.n_series, 0);
    assert_int_equal(st.max_time, INT64_MIN);
}

static void test_long_series(void **state)
{
    struct fixture *fx = *state;
    struct sample_vec sv = {0};
    uint64_t random = fx_random_start();
    struct sample s[1000];
    struct tsdb_write w;

    for (size_t i = 0; i < COUNT(s); i++)
        s[i] = (struct sample){T0 + (ts_ms)i * 100, f64_from_bits(fx_random(&random))};
    assert_int_equal(fx_write(fx, "__name__=m", s, COUNT(s), &w), 0);
    assert_int_equal(w.n_verdicts[TSDB_STORED], COUNT(s));
    for (int round = 0; round < 2; round++) {
        assert_int_equal(fx_read(fx_all(fx), 0, &sv), COUNT(s));
        assert_memory_equal(sv.v, s, sizeof(s));
        assert_int_equal(fx_read(fx_select(fx, NULL, 0, T0 + 30050, T0 + 60000), 0, &sv), 300);
        assert_memory_equal(sv.v, s + 301, 300 * sizeof(*s));
        assert_int_equal(fx_select(fx, NULL, 0, T0 - 10, T0 - 1)->n, 0);
        fx_reopen(fx);
    }
    sample_vec_release(&sv);
}

static void test_metadata(void **state)
{
    struct fixture *fx = *state;
    struct metadata md[] = {
        {STR_INIT("up"),        METRIC_GAUGE,   STR_INIT("Whether it is up."), STR_INIT("")       },
        {STR_INIT("a_seconds"), METRIC_COUNTER, STR_INIT("Seconds."),          STR_INIT("seconds")},
    };
    struct tsdb_write w = {.arena = &fx->arena, .metadata = md, .n_metadata = COUNT(md)};
    struct metadata *got;
    struct fault f;
    size_t n;

    for (int round = 0; round < 3; round++) {
        assert_int_equal(tsdb_write_sync(fx->db, &w), 0);
        assert_int_equal(tsdb_metadata(fx->db, &fx->arena, STR(""), &got, &n, &f), 0);
        assert_int_equal(n, 2);
        assert_true(str_is(got[0].family, "a_seconds"));
        assert_true(str_is(got[0].unit, "seconds"));
        assert_int_equal(got[1].type, METRIC_GAUGE);
        assert_true(str_is(got[1].help, "Whether it is up."));
        fx_reopen(fx);
    }
    assert_int_equal(tsdb_metadata(fx->db, &fx->arena, STR("up"), &got, &n, &f), 0);
    assert_int_equal(n, 1);
    assert_int_equal(tsdb_metadata(fx->db, &fx->arena, STR("none"), &got, &n, &f), 0);
    assert_int_equal(n, 0);
}

static void test_too_long_label_fails_alone(void **state)
{
    struct fixture *fx = *state;
    char *huge = xmalloc(5000);
    struct label bad[] = {
        {STR_INIT("__name__"), STR_INIT("m")},
        {STR_INIT("a"),        {huge, 5000} }
    };
    struct tsdb_new_series ns = {
        .labels = {bad, 2}
    };
    struct tsdb_row row = {.n = 1};
    struct sample s = {T0, 1};
    struct tsdb_write w = {.arena = &fx->arena,
                           .rows = &row,
                           .n_rows = 1,
                           .samples = &s,
                           .n_samples = 1,
                           .series = &ns,
                           .n_series = 1};

    memset(huge, 'x', 5000);
    assert_int_equal(tsdb_write_sync(fx->db, &w), FER_ELIMIT);
    fx_put(fx, "__name__=m", T0, 1);
    fx_reopen(fx);
    assert_int_equal(fx_all(fx)->n, 1);
    free(huge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stored_and_reopened, setup, teardown),
        cmocka_unit_test_setup_teardown(test_raw_is_remembered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_series_is_not_made, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_series, setup, teardown),
        cmocka_unit_test_setup_teardown(test_metadata, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_long_label_fails_alone, setup, teardown),
    };
    static struct cases c;

    CASES_ADD_TABLE(&c, verdicts, test_verdict, name);
    return cmocka_run_group_tests_name("tsdb write", tests, NULL, NULL) +
           CASES_RUN("tsdb verdicts", &c);
}
