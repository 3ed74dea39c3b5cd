/*
 * test_full.c - no room left: the write says so, reads go on, and writes work again with room.
 */
#include "fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define N_ROWS 50

/* A request that makes new series; `round` names them. */
static int write_series(struct fixture *fx, int round, size_t *n_stored)
{
    struct sample s = {T0, 1};
    struct tsdb_new_series ns[N_ROWS] = {0};
    struct tsdb_row rows[N_ROWS] = {0};
    struct tsdb_write w = {.arena = &fx->arena,
                           .rows = rows,
                           .n_rows = N_ROWS,
                           .samples = &s,
                           .n_samples = 1,
                           .series = ns,
                           .n_series = N_ROWS};

    for (uint32_t i = 0; i < N_ROWS; i++) {
        struct str text = arena_printf(&fx->arena, "__name__=m,i=%u,r=%d", i, round);

        rows[i] = (struct tsdb_row){.new_series = i, .n = 1};
        ns[i].labels = fx_labels(&fx->arena, text.p);
        ns[i].raw = fx_raw(text.p);
    }
    if (tsdb_write_sync(fx->db, &w) == 0)
        *n_stored += w.n_verdicts[TSDB_STORED];
    return w.rc;
}

static void assert_all_there(struct fixture *fx, size_t n)
{
    struct tsdb_stats st;

    tsdb_stats(fx->db, &st);
    assert_int_equal(st.n_series, n);
    assert_int_equal(st.n_samples_head, n);
    assert_int_equal(fx_all(fx)->n, n);
}

static int fill(struct fixture *fx, int *round, size_t *n)
{
    int rc = 0;

    for (; rc == 0; ++*round)
        rc = write_series(fx, *round, n);
    --*round;
    return rc;
}

static void test_full_map(void **state)
{
    struct fixture fx;
    size_t n = 0;
    int round = 0;

    (void)state;
    fx_init(&fx);
    fx.map_bytes = 1 << 20;
    fx_open(&fx);
    assert_int_equal(fill(&fx, &round, &n), FER_ENOSPC);
    assert_true(n > 0);
    assert_all_there(&fx, n);
    assert_int_equal(write_series(&fx, round, &n), FER_ENOSPC);
    assert_true(tsdb_healthy(fx.db, NULL));
    fx_reopen(&fx);
    assert_all_there(&fx, n);
    tsdb_close(fx.db);
    fx.map_bytes = 4 << 20;
    fx_open(&fx);
    assert_int_equal(write_series(&fx, round, &n), 0);
    assert_int_equal(write_series(&fx, round + 1, &n), 0);
    assert_all_there(&fx, n);
    fx_reopen(&fx);
    assert_all_there(&fx, n);
    fx_release(&fx);
}

static void set_file_limit(rlim_t bytes)
{
    struct rlimit l;

    getrlimit(RLIMIT_FSIZE, &l);
    l.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

/* The kernel refuses to make the file longer, as it does on a full disk; then it has room again. */
static void test_full_disk(void **state)
{
    struct fixture fx;
    size_t n = 0;
    int round = 0;

    (void)state;
    tsdb_guard_signals();
    fx_init(&fx);
    fx_open(&fx);
    set_file_limit(512 * 1024);
    assert_int_equal(fill(&fx, &round, &n), FER_ENOSPC);
    assert_int_equal(write_series(&fx, round, &n), FER_ENOSPC);
    assert_all_there(&fx, n);
    assert_true(tsdb_healthy(fx.db, NULL));
    set_file_limit(RLIM_INFINITY);
    assert_int_equal(write_series(&fx, round, &n), 0);
    assert_all_there(&fx, n);
    fx_reopen(&fx);
    assert_all_there(&fx, n);
    fx_release(&fx);
}

/* A round of a scrape of N_ROWS series, a request each, `after` the last. */
static int write_round(struct fixture *fx, dur_ms after, uint64_t *random, size_t *n_stored)
{
    int rc = 0;

    clock_manual_advance(&fx->clock, after);
    for (int i = 0; i < N_ROWS && rc == 0; i++) {
        struct str text = arena_printf(&fx->arena, "__name__=m,i=%d", i);
        struct sample s = {clock_now_ms(&fx->clock.base), (double)(fx_random(random) % 1000)};
        struct tsdb_write w;

        rc = fx_write(fx, text.p, &s, 1, &w);
        *n_stored += rc == 0 ? w.n_verdicts[TSDB_STORED] : 0;
    }
    arena_reset(&fx->arena);
    return rc;
}

/*
 * Writing goes on until there is no room, and reading after that. Sealing, checkpoints and trimming
 * then make room, for they have a reserve: no sample is deleted, and writes are taken again.
 */
static void test_own_work_makes_room(void **state)
{
    struct fixture fx;
    uint64_t random = 1;
    size_t n = 0, full = 0;

    (void)state;
    fx_init(&fx);
    fx.map_bytes = 2 << 20;
    fx_open(&fx);
    while (write_round(&fx, 10, &random, &n) == 0)
        assert_true(n < 1000000);
    full = n;
    assert_int_equal(fx_count_samples(&fx), full);
    assert_true(tsdb_healthy(fx.db, NULL));
    clock_manual_advance(&fx.clock, INT64_C(3600) * 1000);
    tsdb_settle(fx.db);
    assert_int_equal(fx_count_samples(&fx), full);
    for (int i = 0; i < 5; i++) {
        if (write_round(&fx, 10, &random, &n) == 0)
            continue;
        /* As a sender does that was told to try again. */
        clock_manual_advance(&fx.clock, 5000);
        tsdb_settle(fx.db);
        assert_int_equal(write_round(&fx, 10, &random, &n), 0);
    }
    assert_int_equal(fx_count_samples(&fx), n);
    fx_crash(&fx);
    assert_int_equal(fx_count_samples(&fx), n);
    fx_release(&fx);
}

/* A full store with a retention goes on for ever: the oldest slots go, and only those. */
static void test_retention_keeps_a_full_store_going(void **state)
{
    struct fixture fx;
    uint64_t random = 1;
    size_t n = 0, n_full = 0;

    (void)state;
    fx_init(&fx);
    fx.map_bytes = 3 << 20;
    fx.opts.retention = INT64_C(3) * 3600 * 1000;
    fx_open(&fx);
    for (int i = 0; i < 240 * 24; i++) {
        int rc = write_round(&fx, 15000, &random, &n);

        assert_true(rc == 0 || rc == FER_ENOSPC);
        n_full += rc != 0;
        if (i % 8 == 0)
            tsdb_settle(fx.db);
    }
    print_message("%zu rounds of %d found no room\n", n_full, 240 * 24);
    assert_int_equal(n_full, 0);
    assert_true(fx_count_samples(&fx) >= 3 * 240 * N_ROWS);
    fx_release(&fx);
}

static int done_rc[3];

static void keep_rc(struct tsdb_write *w)
{
    done_rc[*(int *)w->ctx] = w->rc;
}

/* The large request in the middle does not fit; the others of its group are stored all the same. */
static void test_large_request_fails_alone(void **state)
{
    enum { N_LARGE = 200000 };
    struct fixture fx;
    struct sample *s = xcalloc(N_LARGE, sizeof(*s));
    struct tsdb_new_series ns[3] = {0};
    struct tsdb_row rows[3];
    struct tsdb_write w[3];
    int number[3] = {0, 1, 2};

    (void)state;
    for (int i = 0; i < N_LARGE; i++)
        s[i] = (struct sample){T0 - 1000000 + i, 1.1 * i};
    fx_init(&fx);
    fx.map_bytes = 1 << 20;
    fx_open(&fx);
    for (int i = 0; i < 3; i++) {
        ns[i].labels = fx_labels(&fx.arena, i == 0   ? "__name__=a"
                                            : i == 1 ? "__name__=b"
                                                     : "__name__=c");
        rows[i] = (struct tsdb_row){.n = i == 1 ? N_LARGE : 1};
        w[i] = (struct tsdb_write){.arena = &fx.arena,
                                   .rows = &rows[i],
                                   .n_rows = 1,
                                   .samples = s,
                                   .n_samples = rows[i].n,
                                   .series = &ns[i],
                                   .n_series = 1,
                                   .done = keep_rc,
                                   .ctx = &number[i]};
        done_rc[i] = 1;
        tsdb_submit(fx.db, &w[i]);
    }
    fx_reopen(&fx);
    assert_int_equal(done_rc[0], 0);
    assert_int_equal(done_rc[1], FER_ENOSPC);
    assert_int_equal(done_rc[2], 0);
    assert_all_there(&fx, 2);
    free(s);
    fx_release(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_map),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_own_work_makes_room),
        cmocka_unit_test(test_retention_keeps_a_full_store_going),
        cmocka_unit_test(test_large_request_fails_alone),
    };

    return cmocka_run_group_tests_name("tsdb full", tests, NULL, NULL);
}
