/*
 * test_group.c - many threads write and read at once: every answer is true.
 */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#define N_WRITERS  8
#define N_REQUESTS 200

struct writer {
    struct fixture *fx;
    int number;
    pthread_t thread;
    _Atomic int failures;
};

/* What a thread reads after its own answer: its newest sample, and both halves of each request. */
static bool visible(struct writer *wr, struct arena *a, ts_ms t)
{
    struct source *src = tsdb_source(wr->fx->db);
    struct source_selection *sel;
    struct matcher m = {
        .op = MATCH_EQ, .name = STR("thread"), .value = arena_printf(a, "%d", wr->number)};
    struct fault f;
    struct sample_vec sv = {0};
    bool good = src->ops->select(src, a, &m, 1, (struct source_range){t, t}, &sel, &f) == 0;

    good = good && sel->n == 2;
    for (size_t i = 0; good && i < sel->n; i++) {
        sv.n = 0;
        good = source_read_floats(sel, i, &sv, &f) == 0 && sv.n == 1 && sv.v[0].t == t;
    }
    sample_vec_release(&sv);
    return good;
}

static void *write_many(void *arg)
{
    struct writer *wr = arg;
    struct arena a = {0};

    for (int i = 0; i < N_REQUESTS; i++) {
        struct sample s[2] = {
            {T0 + i, i },
            {T0 + i, -i}
        };
        struct tsdb_new_series ns[2];
        struct tsdb_row rows[2];
        struct tsdb_write w = {.arena = &a,
                               .rows = rows,
                               .n_rows = 2,
                               .samples = s,
                               .n_samples = 2,
                               .series = ns,
                               .n_series = 2};

        for (uint32_t k = 0; k < 2; k++) {
            struct str text = arena_printf(&a, "__name__=m%u,thread=%d", k, wr->number);

            ns[k] =
                (struct tsdb_new_series){.labels = fx_labels(&a, text.p), .raw = fx_raw(text.p)};
            rows[k] = (struct tsdb_row){tsdb_find_raw(wr->fx->db, ns[k].raw), k, k, 1, false};
        }
        if (tsdb_write_sync(wr->fx->db, &w) != 0 || w.n_verdicts[TSDB_STORED] != 2 ||
            !visible(wr, &a, T0 + i))
            wr->failures++;
        arena_reset(&a);
    }
    arena_release(&a);
    return NULL;
}

/* Both series of a thread are written by one request, so they always have equally many samples. */
static void *read_many(void *arg)
{
    struct writer *wr = arg;
    struct arena a = {0};
    struct sample_vec sv = {0};
    struct source *src = tsdb_source(wr->fx->db);

    for (int i = 0; i < N_REQUESTS; i++) {
        struct source_selection *sel;
        struct fault f;
        size_t n[2][N_WRITERS] = {0};

        if (src->ops->select(src, &a, NULL, 0, (struct source_range){0, INT64_MAX}, &sel, &f) != 0)
            wr->failures++;
        for (size_t k = 0; k < sel->n; k++) {
            struct labels ls = sel->series[k].labels;

            sv.n = 0;
            source_read_floats(sel, k, &sv, &f);
            n[labels_name(ls).p[1] - '0'][labels_get(ls, STR("thread")).p[0] - '0'] = sv.n;
        }
        if (memcmp(n[0], n[1], sizeof(n[0])) != 0)
            wr->failures++;
        arena_reset(&a);
    }
    sample_vec_release(&sv);
    arena_release(&a);
    return NULL;
}

static void test_threads(void **state)
{
    struct fixture fx;
    struct writer w[N_WRITERS + 2] = {0};
    struct tsdb_stats st;

    (void)state;
    fx_init(&fx);
    fx_open(&fx);
    for (int i = 0; i < N_WRITERS + 2; i++) {
        w[i].fx = &fx;
        w[i].number = i;
        pthread_create(&w[i].thread, NULL, i < N_WRITERS ? write_many : read_many, &w[i]);
    }
    for (int i = 0; i < N_WRITERS + 2; i++) {
        pthread_join(w[i].thread, NULL);
        assert_int_equal(w[i].failures, 0);
    }
    fx_reopen(&fx);
    tsdb_stats(fx.db, &st);
    assert_int_equal(st.n_series, 2 * N_WRITERS);
    assert_int_equal(st.n_samples_head, 2 * N_WRITERS * N_REQUESTS);
    fx_release(&fx);
}

static _Atomic int n_done;

static void count_done(struct tsdb_write *w)
{
    if (w->rc == 0)
        n_done++;
}

static void test_close_answers_what_is_queued(void **state)
{
    struct fixture fx;
    struct sample s[100];
    struct tsdb_new_series ns[100];
    struct tsdb_row rows[100];
    struct tsdb_write w[100];
    struct tsdb_stats st;

    (void)state;
    fx_init(&fx);
    fx_open(&fx);
    n_done = 0;
    for (int i = 0; i < 100; i++) {
        s[i] = (struct sample){T0 + i, i};
        ns[i] = (struct tsdb_new_series){.labels = fx_labels(&fx.arena, "__name__=m")};
        rows[i] = (struct tsdb_row){.n = 1};
        w[i] = (struct tsdb_write){.arena = &fx.arena,
                                   .rows = &rows[i],
                                   .n_rows = 1,
                                   .samples = &s[i],
                                   .n_samples = 1,
                                   .series = &ns[i],
                                   .n_series = 1,
                                   .done = count_done};
        tsdb_submit(fx.db, &w[i]);
    }
    fx_reopen(&fx);
    assert_int_equal(n_done, 100);
    tsdb_stats(fx.db, &st);
    assert_int_equal(st.n_samples_head, 100);
    assert_int_equal(st.n_series, 1);
    fx_release(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_close_answers_what_is_queued),
    };

    return cmocka_run_group_tests_name("tsdb groups", tests, NULL, NULL);
}
