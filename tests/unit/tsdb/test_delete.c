/*
 * test_delete.c - deleting samples: from memory, sealed rows and late samples, for good, and
 * nothing of what comes after.
 */
#include "cases.h"
#include "fixture.h"

#include <pthread.h>

#define STEP_MS  15000
#define SLOT_MS  (INT64_C(30) * 60 * 1000)
#define START    (T0 / SLOT_MS * SLOT_MS)
#define N_SLOTS  3 /* and half of one that is not sealed */
#define PER_SLOT (SLOT_MS / STEP_MS)
#define N        (N_SLOTS * PER_SLOT + PER_SLOT / 2)

static ts_ms time_of(int64_t i)
{
    return START + i * STEP_MS;
}

/* Two series, sealed but for the last half slot. */
static void fill(struct fixture *fx)
{
    fx_init(fx);
    fx->opts.ooo_window = INT64_C(4 * 3600) * 1000;
    fx->opts.slice_rows = 1;
    fx_open(fx);
    for (int64_t i = 0; i < N; i++) {
        clock_manual_set(&fx->clock, time_of(i));
        fx_put(fx, "__name__=a,job=x", time_of(i), (double)i);
        fx_put(fx, "__name__=b,job=x", time_of(i), (double)i);
        if (i % PER_SLOT == PER_SLOT / 3)
            tsdb_settle(fx->db);
    }
    clock_manual_advance(&fx->clock, 1000);
    tsdb_settle(fx->db);
    arena_reset(&fx->arena);
}

static void delete_of(struct fixture *fx, const char *name, ts_ms from, ts_ms to)
{
    struct matcher m;
    struct tsdb_match set = {&m, 1};
    struct fault f = {0};

    assert_int_equal(matcher_init(&m, &fx->arena, MATCH_RE, STR("__name__"), str_of(name), &f), 0);
    if (tsdb_delete(fx->db, &set, 1, (struct source_range){from, to}, &f) != 0)
        fail_msg("%s", f.text);
}

/* How many samples the series has, and that none of them lies in the range. */
static size_t count(struct fixture *fx, const char *name, ts_ms from, ts_ms to)
{
    struct matcher m;
    struct source_selection *sel;
    struct sample_vec sv = {0};
    struct fault f = {0};
    size_t n = 0;

    assert_int_equal(matcher_init(&m, &fx->arena, MATCH_EQ, STR("__name__"), str_of(name), &f), 0);
    sel = fx_select(fx, &m, 1, INT64_MIN, INT64_MAX);
    assert_in_range(sel->n, 0, 1);
    if (sel->n > 0)
        n = fx_read(sel, 0, &sv);
    for (size_t i = 0; i < n; i++) {
        assert_false(sv.v[i].t >= from && sv.v[i].t <= to);
        assert_true(i == 0 || sv.v[i].t > sv.v[i - 1].t);
    }
    sample_vec_release(&sv);
    return n;
}

static size_t n_series(struct fixture *fx)
{
    struct tsdb_stats st;

    tsdb_stats(fx->db, &st);
    return st.n_series;
}

/* A range of numbers of samples, first to last, of one series. */
static struct range_case {
    const char *name;
    int64_t first, last;
    size_t n_series; /* that are left */
} ranges[] = {
    {"within a sealed slot",       10,           20,           2},
    {"a whole slot",               0,            PER_SLOT - 1, 2},
    {"from slot to slot",          PER_SLOT / 2, PER_SLOT * 2, 2},
    {"in memory",                  N - 20,       N - 10,       2},
    {"the newest",                 N - 1,        N - 1,        2},
    {"from sealed ones to memory", PER_SLOT * 2, N - 10,       2},
    {"all but the first",          1,            N - 1,        2},
    {"all",                        0,            N - 1,        1},
    {"nothing",                    N + 5,        N + 9,        2},
};

static void test_range(void **state)
{
    const struct range_case *c = *state;
    size_t want = (size_t)(N - MAX(0, MIN(c->last, N - 1) - c->first + 1));
    ts_ms from = time_of(c->first), to = time_of(c->last);
    struct fixture fx;

    for (int how = 0; how < 3; how++) {
        struct fault f;

        fill(&fx);
        delete_of(&fx, "a", from, to);
        assert_int_equal(count(&fx, "a", from, to), want);
        if (how == 0)
            assert_int_equal(tsdb_clean_tombstones(fx.db, &f), 0);
        else if (how == 1)
            fx_crash(&fx);
        else
            fx_reopen(&fx);
        assert_int_equal(count(&fx, "a", from, to), want);
        assert_int_equal(count(&fx, "b", 0, 0), N);
        assert_int_equal(tsdb_clean_tombstones(fx.db, &f), 0);
        assert_int_equal(count(&fx, "a", from, to), want);
        assert_int_equal(n_series(&fx), c->n_series);
        fx_crash(&fx);
        assert_int_equal(count(&fx, "a", from, to), want);
        assert_int_equal(count(&fx, "b", 0, 0), N);
        assert_int_equal(n_series(&fx), c->n_series);
        fx_release(&fx);
    }
}

/* What is written after a deletion stays, wherever it goes and whatever is restarted. */
static void test_written_after(void **state)
{
    struct fixture fx;

    (void)state;
    fill(&fx);
    delete_of(&fx, "a", INT64_MIN, INT64_MAX);
    assert_int_equal(count(&fx, "a", INT64_MIN, INT64_MAX), 0);
    fx_put(&fx, "__name__=a,job=x", time_of(N), 1);      /* in order */
    fx_put(&fx, "__name__=a,job=x", time_of(N) - 5, 2);  /* late, of memory */
    fx_put(&fx, "__name__=a,job=x", time_of(20) + 1, 3); /* late, of a sealed slot */
    assert_int_equal(count(&fx, "a", 0, 0), 3);
    fx_crash(&fx);
    assert_int_equal(count(&fx, "a", 0, 0), 3);
    tsdb_settle(fx.db);
    assert_int_equal(count(&fx, "a", 0, 0), 3);
    assert_int_equal(n_series(&fx), 2);
    clock_manual_advance(&fx.clock, 2 * SLOT_MS);
    tsdb_settle(fx.db);
    assert_int_equal(count(&fx, "a", 0, 0), 3);
    fx_crash(&fx);
    assert_int_equal(count(&fx, "a", 0, 0), 3);
    assert_int_equal(count(&fx, "b", 0, 0), N);
    fx_release(&fx);
}

/* Late samples that wait, or are half merged, go, too. */
static void test_late(void **state)
{
    struct fixture fx;

    (void)state;
    fill(&fx);
    for (int64_t i = 0; i < 50; i++)
        fx_put(&fx, i % 2 == 0 ? "__name__=a,job=x" : "__name__=b,job=x", time_of(i * 7) + 1, 1);
    delete_of(&fx, "a|b", time_of(0), time_of(100));
    assert_int_equal(count(&fx, "a", time_of(0), time_of(100)), N - 101 + 17);
    fx_crash(&fx);
    assert_int_equal(count(&fx, "a", time_of(0), time_of(100)), N - 101 + 17);
    tsdb_settle(fx.db);
    assert_int_equal(count(&fx, "b", time_of(0), time_of(100)), N - 101 + 18);
    fx_release(&fx);
}

/* Twice, and a series that is there no more. */
static void test_again(void **state)
{
    struct fixture fx;
    struct fault f;

    (void)state;
    fill(&fx);
    delete_of(&fx, "a", time_of(5), time_of(6));
    delete_of(&fx, "a|b", time_of(6), time_of(9));
    delete_of(&fx, "none", time_of(6), time_of(9));
    delete_of(&fx, "a", 9, 8);
    assert_int_equal(count(&fx, "a", time_of(5), time_of(9)), N - 5);
    assert_int_equal(count(&fx, "b", time_of(6), time_of(9)), N - 4);
    assert_int_equal(tsdb_clean_tombstones(fx.db, &f), 0);
    delete_of(&fx, "a", INT64_MIN, INT64_MAX);
    assert_int_equal(tsdb_clean_tombstones(fx.db, &f), 0);
    delete_of(&fx, "a", INT64_MIN, INT64_MAX);
    assert_int_equal(n_series(&fx), 1);
    fx_put(&fx, "__name__=a,job=x", time_of(3), 4);
    assert_int_equal(count(&fx, "a", 0, 0), 1);
    fx_crash(&fx);
    assert_int_equal(count(&fx, "a", 0, 0), 1);
    assert_int_equal(count(&fx, "b", time_of(6), time_of(9)), N - 4);
    fx_release(&fx);
}

/* ---- beside readers and writers ---------------------------------------------------------- */

#define N_DELETIONS 150
#define PER_ROUND   40 /* requests between two deletions, at least */

struct bystander {
    struct fixture *fx;
    _Atomic bool *stop;
    _Atomic int64_t *n_written;
};

/* Both series get a sample with each request, sealed ones follow by the clock. */
static void *write_on(void *arg)
{
    const struct bystander *b = arg;
    struct fixture fx = {.db = b->fx->db};

    for (int64_t i = 0; !atomic_load(b->stop); i++) {
        struct tsdb_row rows[] = {
            {.n = 1 },
            { .new_series = 1, .n = 1}
        };
        struct tsdb_new_series ns[] = {
            {.labels = fx_labels(&fx.arena, "__name__=a"), .raw = fx_raw("__name__=a")},
            {.labels = fx_labels(&fx.arena, "__name__=b"), .raw = fx_raw("__name__=b")}
        };
        struct sample s = {START + i * 30000, (double)i};
        struct tsdb_write w = {.arena = &fx.arena,
                               .rows = rows,
                               .n_rows = 2,
                               .samples = &s,
                               .n_samples = 1,
                               .series = ns,
                               .n_series = 2};

        clock_manual_set(&b->fx->clock, s.t);
        CHECK(tsdb_write_sync(fx.db, &w) == 0 && w.n_verdicts[TSDB_STORED] == 2);
        atomic_store(b->n_written, i + 1);
        arena_reset(&fx.arena);
    }
    arena_release(&fx.arena);
    return NULL;
}

/* A deletion takes from both or from none. */
static void *read_on(void *arg)
{
    const struct bystander *b = arg;
    struct source *src = tsdb_source(b->fx->db);
    struct arena a = {0};
    struct sample_vec sv[2] = {0};

    while (!atomic_load(b->stop)) {
        struct source_range all = {INT64_MIN, INT64_MAX};
        struct source_selection *sel;
        struct fault f;

        CHECK(src->ops->select(src, &a, NULL, 0, all, &sel, &f) == 0);
        sv[0].n = sv[1].n = 0;
        for (size_t i = 0; i < sel->n; i++)
            CHECK(source_read_floats(sel, i, &sv[i], &f) == 0);
        CHECK(sel->n != 1 || sv[0].n == 0);
        CHECK(sel->n != 2 || (sv[0].n == sv[1].n &&
                              memcmp(sv[0].v, sv[1].v, sv[0].n * sizeof(struct sample)) == 0));
        arena_reset(&a);
    }
    arena_release(&a);
    sample_vec_release(&sv[0]);
    sample_vec_release(&sv[1]);
    return NULL;
}

static void test_at_once(void **state)
{
    struct fixture fx;
    _Atomic bool stop = false;
    _Atomic int64_t n_written = 0;
    struct bystander b = {&fx, &stop, &n_written};
    pthread_t threads[3];
    uint64_t random = fx_random_start();

    (void)state;
    fx_init(&fx);
    fx.opts.slice_rows = 1;
    fx.map_bytes = (size_t)1 << 30; /* readers keep pages for as long as they are slow */
    fx_open(&fx);
    assert_int_equal(pthread_create(&threads[0], NULL, write_on, &b), 0);
    for (size_t i = 1; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &b), 0);
    for (int64_t i = 0; i < N_DELETIONS; i++) {
        ts_ms from, to;

        while (atomic_load(&n_written) < (i + 1) * PER_ROUND)
            sched_yield();
        from = START + (ts_ms)(fx_random(&random) % (uint64_t)(i * PER_ROUND + 1)) * 30000;
        to = from + (ts_ms)(fx_random(&random) % 200) * 30000;
        delete_of(&fx, "a|b", i % 20 == 19 ? INT64_MIN : from, to);
        arena_reset(&fx.arena);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    fx_crash(&fx);
    fx_release(&fx);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, ranges, test_range, name);
    cases_add(&c, "what is written after it stays", test_written_after, NULL);
    cases_add(&c, "late samples", test_late, NULL);
    cases_add(&c, "again", test_again, NULL);
    cases_add(&c, "beside readers and a writer", test_at_once, NULL);
    return CASES_RUN("tsdb deletions", &c);
}
