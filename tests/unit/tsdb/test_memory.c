/*
 * test_memory.c - a store in memory: the same answers, no file, nothing left.
 */
#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#define SLOT_MS  (INT64_C(30) * 60 * 1000)
#define N_ROUNDS 240
#define STEP_MS  (INT64_C(60) * 1000)

static void open_memory(struct fixture *fx)
{
    struct tsdb_opts o = {.memory = 1, .map_bytes = fx->map_bytes, .clock = &fx->clock.base};
    struct fault f = {0};

    if (tsdb_open(&fx->db, &o, &f) != 0)
        fail_msg("tsdb_open: %s", f.text);
}

/* Descriptors of this process that lead to a file with a name. */
static size_t n_named_files(void)
{
    DIR *d = opendir("/proc/self/fd");
    const struct dirent *e;
    size_t n = 0;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        struct stat st;

        n += fstatat(dirfd(d), e->d_name, &st, 0) == 0 && S_ISREG(st.st_mode) && st.st_nlink > 0;
    }
    closedir(d);
    return n;
}

static size_t n_left_in(const char *place)
{
    DIR *d = opendir(place);
    const struct dirent *e;
    size_t n = 0;

    if (d == NULL)
        return 0;
    while ((e = readdir(d)) != NULL)
        n += strncmp(e->d_name, "ferula-memory-", 14) == 0;
    closedir(d);
    return n;
}

static void test_same_answers(void **state)
{
    struct fixture fx = {.map_bytes = (size_t)16 << 20};
    struct sample_vec sv = {0};
    size_t n_before = n_named_files();
    struct tsdb_stats stats;

    (void)state;
    clock_manual_init(&fx.clock, T0);
    open_memory(&fx);
    assert_int_equal(n_named_files(), n_before);
    for (int i = 0; i < N_ROUNDS; i++) {
        clock_manual_set(&fx.clock, T0 + i * STEP_MS);
        fx_put(&fx, "__name__=a", T0 + i * STEP_MS, i);
        fx_put(&fx, "__name__=b", T0 + i * STEP_MS, 0.5 * i);
        if (i % 40 == 39)
            tsdb_settle(fx.db); /* sealing, checkpoints */
    }
    tsdb_stats(fx.db, &stats);
    assert_true(stats.chunk_rows > 0);
    assert_int_equal(fx_all(&fx)->n, 2);
    for (size_t s = 0; s < 2; s++) {
        assert_int_equal(fx_read(fx_all(&fx), s, &sv), N_ROUNDS);
        for (int i = 0; i < N_ROUNDS; i++)
            assert_true(sv.v[i].t == T0 + i * STEP_MS &&
                        same_bits(sv.v[i].v, s == 0 ? i : 0.5 * i));
    }
    tsdb_close(fx.db);
    assert_int_equal(n_named_files(), n_before);
    open_memory(&fx); /* starts empty */
    assert_int_equal(fx_all(&fx)->n, 0);
    tsdb_close(fx.db);
    sample_vec_release(&sv);
    arena_release(&fx.arena);
}

/* Two at once are two stores; the folder of links is gone while they are open. */
static void test_two(void **state)
{
    struct fixture one = {.map_bytes = (size_t)4 << 20}, two = one;

    (void)state;
    clock_manual_init(&one.clock, T0);
    clock_manual_init(&two.clock, T0);
    open_memory(&one);
    open_memory(&two);
    fx_put(&one, "__name__=a", T0, 1);
    assert_int_equal(fx_all(&one)->n, 1);
    assert_int_equal(fx_all(&two)->n, 0);
    assert_int_equal(n_left_in("/dev/shm") + n_left_in("/tmp"), 0);
    tsdb_close(one.db);
    tsdb_close(two.db);
    arena_release(&one.arena);
    arena_release(&two.arena);
}

/* The map is the bound: writes are refused, what is there is read. */
static void test_full(void **state)
{
    struct fixture fx = {.map_bytes = (size_t)1 << 20};
    int rc = 0, n = 0;

    (void)state;
    clock_manual_init(&fx.clock, T0);
    open_memory(&fx);
    for (; rc == 0 && n < 100000; n++) {
        struct sample s = {T0, n};
        struct tsdb_write w;

        rc = fx_write(&fx, arena_printf(&fx.arena, "__name__=a,i=%d", n).p, &s, 1, &w);
    }
    assert_int_equal(rc, FER_ENOSPC);
    assert_true(tsdb_healthy(fx.db, NULL));
    assert_int_equal(fx_all(&fx)->n, n - 1);
    tsdb_close(fx.db);
    arena_release(&fx.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_answers),
        cmocka_unit_test(test_two),
        cmocka_unit_test(test_full),
    };

    return cmocka_run_group_tests_name("tsdb memory", tests, NULL, NULL);
}
