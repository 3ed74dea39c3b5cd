/*
 * test_retention.c - what is old goes: samples, and the series and strings that nothing else needs.
 */
#include "fixture.h"

#define MINUTE_MS (INT64_C(60) * 1000)
#define HOUR_MS   (60 * MINUTE_MS)

/* Time goes on by `by`, in steps of a scrape of the series `labels`. */
static void live(struct fixture *fx, const char *labels, dur_ms by)
{
    for (dur_ms at = 0; at < by; at += MINUTE_MS) {
        clock_manual_advance(&fx->clock, MINUTE_MS);
        fx_put(fx, labels, clock_now_ms(&fx->clock.base), (double)at);
    }
    tsdb_settle(fx->db);
}

static size_t n_series(struct fixture *fx)
{
    struct tsdb_stats st;

    tsdb_stats(fx->db, &st);
    return st.n_series;
}

static void open_with(struct fixture *fx, dur_ms retention)
{
    fx_init(fx);
    fx->opts.retention = retention;
    fx_open(fx);
}

static void test_by_time(void **state)
{
    struct fixture fx;

    (void)state;
    open_with(&fx, 2 * HOUR_MS);
    live(&fx, "__name__=m,pod=a", HOUR_MS);
    assert_int_equal(fx_count_samples(&fx), 60);
    live(&fx, "__name__=m,pod=a", 9 * HOUR_MS);
    /* Whole slots go, so at most half an hour more than two hours is left. */
    assert_true(fx_count_samples(&fx) >= 120 && fx_count_samples(&fx) <= 152);
    assert_int_equal(n_series(&fx), 1);
    fx_release(&fx);
}

/* Nothing newer comes, so nothing is past the retention, however late it gets. */
static void test_time_is_that_of_samples(void **state)
{
    struct fixture fx;

    (void)state;
    open_with(&fx, 2 * HOUR_MS);
    live(&fx, "__name__=m,pod=a", HOUR_MS);
    clock_manual_advance(&fx.clock, 1000 * HOUR_MS);
    tsdb_settle(fx.db);
    fx_reopen(&fx);
    tsdb_settle(fx.db);
    assert_int_equal(fx_count_samples(&fx), 60);
    fx_release(&fx);
}

/* Series that got nothing since the start are looked for in the younger slots, too. */
static void gone_series(bool crash)
{
    struct fixture fx;

    open_with(&fx, 3 * HOUR_MS);
    for (int i = 0; i < 500; i++) {
        struct str text = arena_printf(&fx.arena, "__name__=m,pod=p%04d,uid=u%04d", i, i);

        fx_put(&fx, text.p, clock_now_ms(&fx.clock.base), i);
    }
    live(&fx, "__name__=m,pod=a", HOUR_MS);
    fx_put(&fx, "__name__=m,pod=p0100,uid=u0100", clock_now_ms(&fx.clock.base), 1);
    live(&fx, "__name__=m,pod=a", HOUR_MS);
    if (crash)
        fx_crash(&fx);
    live(&fx, "__name__=m,pod=a", 2 * HOUR_MS - 30 * MINUTE_MS);
    assert_int_equal(n_series(&fx), 2);
    live(&fx, "__name__=m,pod=a", 2 * HOUR_MS);
    assert_int_equal(n_series(&fx), 1);
    fx_crash(&fx);
    assert_int_equal(n_series(&fx), 1);
    assert_int_equal(fx_all(&fx)->n, 1);
    fx_release(&fx);
}

static void test_series_go(void **state)
{
    (void)state;
    gone_series(false);
    gone_series(true);
}

/*
 * Of a series that was idle before the start only an older sample is known, which came late. When
 * that goes, the series stays, for it has newer ones that are sealed.
 */
static void test_late_sample_of_an_idle_series(void **state)
{
    static const char labels[] = "__name__=m,pod=idle";
    struct tsdb_row row = {.n = 1};
    struct tsdb_new_series ns = {.raw = fx_raw(labels)};
    struct sample s = {T0 + 90 * MINUTE_MS, 1};
    struct tsdb_write w = {
        .rows = &row, .n_rows = 1, .samples = &s, .n_samples = 1, .series = &ns, .n_series = 1};
    struct fixture fx;

    (void)state;
    open_with(&fx, 5 * HOUR_MS);
    live(&fx, "__name__=m,pod=a", 3 * HOUR_MS);
    fx_put(&fx, labels, clock_now_ms(&fx.clock.base), 1);
    live(&fx, "__name__=m,pod=a", 3 * HOUR_MS);
    fx_reopen(&fx);
    w.arena = &fx.arena;
    w.backfill = true;
    ns.labels = fx_labels(&fx.arena, labels);
    assert_int_equal(tsdb_write_sync(fx.db, &w), 0);
    assert_int_equal(w.n_verdicts[TSDB_STORED], 1);
    live(&fx, "__name__=m,pod=a", HOUR_MS);
    assert_int_equal(n_series(&fx), 2);
    assert_int_equal(fx_all(&fx)->n, 2);
    live(&fx, "__name__=m,pod=a", 2 * HOUR_MS);
    assert_int_equal(n_series(&fx), 1);
    fx_release(&fx);
}

static void test_label_values_go(void **state)
{
    struct source *src;
    struct fixture fx;
    struct str *v = NULL;
    size_t n = 0;
    struct fault f;

    (void)state;
    open_with(&fx, HOUR_MS);
    fx_put(&fx, "__name__=old,only_here=x", T0, 1);
    live(&fx, "__name__=m,pod=x", 3 * HOUR_MS);
    src = tsdb_source(fx.db);
    assert_int_equal(
        src->ops->label_names(src, &fx.arena, NULL, 0, (struct source_range){0, 0}, &v, &n, &f), 0);
    assert_int_equal(n, 2);
    assert_true(str_is(v[1], "pod"));
    assert_int_equal(src->ops->label_values(src, &fx.arena, STR("pod"), NULL, 0,
                                            (struct source_range){0, 0}, &v, &n, &f),
                     0);
    assert_int_equal(n, 1);
    /* The same strings come back. */
    fx_put(&fx, "__name__=old,only_here=x", clock_now_ms(&fx.clock.base), 2);
    fx_crash(&fx);
    assert_int_equal(fx_all(&fx)->n, 2);
    fx_release(&fx);
}

/* A request that was decoded while the series was there is refused, and goes in by its labels. */
static void test_id_of_a_gone_series(void **state)
{
    static const char labels[] = "__name__=old,pod=x";
    struct tsdb_new_series ns = {.raw = fx_raw(labels)};
    struct tsdb_row row = {.n = 1};
    struct sample s = {0, 5};
    struct fixture fx;
    struct tsdb_write w;

    (void)state;
    open_with(&fx, HOUR_MS);
    fx_put(&fx, labels, T0, 1);
    row.id = tsdb_find_raw(fx.db, ns.raw);
    assert_int_not_equal(row.id, 0);
    live(&fx, "__name__=m,pod=a", 3 * HOUR_MS);
    assert_int_equal(n_series(&fx), 1);
    s.t = clock_now_ms(&fx.clock.base);
    w = (struct tsdb_write){
        .arena = &fx.arena, .rows = &row, .n_rows = 1, .samples = &s, .n_samples = 1};
    assert_int_equal(tsdb_write_sync(fx.db, &w), FER_ESTALE);
    ns.labels = fx_labels(&fx.arena, labels);
    row.id = 0;
    w.series = &ns;
    w.n_series = 1;
    assert_int_equal(tsdb_write_sync(fx.db, &w), 0);
    assert_int_equal(tsdb_find_raw(fx.db, ns.raw), ns.id);
    assert_int_equal(n_series(&fx), 2);
    fx_release(&fx);
}

/* Many short-lived series: neither the file nor the table of series grows for ever. */
static void test_churn(void **state)
{
    struct fixture fx;
    uint64_t used[2] = {0};
    struct tsdb_stats st;

    (void)state;
    open_with(&fx, 2 * HOUR_MS);
    for (int hour = 0; hour < 12; hour++) {
        for (int i = 0; i < 300; i++) {
            struct str text =
                arena_printf(&fx.arena, "__name__=m,pod=p%d-%d,uid=u%d-%d", hour, i, hour, i);

            fx_put(&fx, text.p, clock_now_ms(&fx.clock.base), i);
        }
        live(&fx, "__name__=m,pod=a", HOUR_MS);
        tsdb_stats(fx.db, &st);
        used[hour >= 6] = MAX(used[hour >= 6], st.used_bytes);
        assert_true(st.n_series <= 4 * 300 + 1);
        arena_reset(&fx.arena);
    }
    print_message("used bytes: %llu, then %llu\n", (unsigned long long)used[0],
                  (unsigned long long)used[1]);
    assert_true(used[1] <= used[0] + used[0] / 8);
    fx_release(&fx);
}

static void test_by_size(void **state)
{
    enum { LIMIT = 384 * 1024 };
    struct fixture fx;
    struct tsdb_stats st;
    uint64_t random = 1;

    (void)state;
    fx_init(&fx);
    fx.opts.retention_bytes = LIMIT;
    fx_open(&fx);
    for (int minute = 0; minute < 24 * 60; minute++) {
        clock_manual_advance(&fx.clock, MINUTE_MS);
        for (int i = 0; i < 40; i++) {
            struct str text = arena_printf(&fx.arena, "__name__=m,i=%d", i);

            fx_put(&fx, text.p, clock_now_ms(&fx.clock.base), (double)fx_random(&random));
        }
        if (minute % 10 == 0)
            tsdb_settle(fx.db);
        arena_reset(&fx.arena);
    }
    tsdb_settle(fx.db);
    tsdb_stats(fx.db, &st);
    print_message("used bytes: %llu, samples: %zu\n", (unsigned long long)st.used_bytes,
                  fx_count_samples(&fx));
    assert_true(st.used_bytes <= LIMIT + LIMIT / 2);
    assert_true(fx_count_samples(&fx) > 40 * 60 * 4);
    assert_true(st.min_time > T0 + HOUR_MS);
    fx_release(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_time),
        cmocka_unit_test(test_time_is_that_of_samples),
        cmocka_unit_test(test_series_go),
        cmocka_unit_test(test_late_sample_of_an_idle_series),
        cmocka_unit_test(test_label_values_go),
        cmocka_unit_test(test_id_of_a_gone_series),
        cmocka_unit_test(test_churn),
        cmocka_unit_test(test_by_size),
    };

    return cmocka_run_group_tests_name("tsdb retention", tests, NULL, NULL);
}
