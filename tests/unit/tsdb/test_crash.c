/*
 * test_crash.c - a killed process: what was answered is there, once, and the rest whole or not.
 */
#include "fixture.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define N_THREADS 4
#define N_CYCLES  25
#define N_ROWS    5

/* Shared with the child: the newest round that was answered, by thread. */
struct acked {
    _Atomic int64_t round[N_THREADS];
};

struct crash_writer {
    struct fixture *fx;
    struct acked *acked;
    int number;
};

static void *write_until_killed(void *arg)
{
    struct crash_writer *cw = arg;
    struct arena a = {0};

    for (int64_t round = cw->acked->round[cw->number] + 1;; round++) {
        struct tsdb_new_series ns[N_ROWS] = {0};
        struct tsdb_row rows[N_ROWS] = {0};
        struct sample s = {T0 + round, (double)round};
        struct tsdb_write w = {.arena = &a,
                               .rows = rows,
                               .n_rows = N_ROWS,
                               .samples = &s,
                               .n_samples = 1,
                               .series = ns,
                               .n_series = N_ROWS};

        for (uint32_t i = 0; i < N_ROWS; i++) {
            /* The last one is a new series now and then. */
            struct str text = arena_printf(&a, "__name__=m,c=%d,i=%u,thread=%d",
                                           i == N_ROWS - 1 ? (int)(round / 50) : 0, i, cw->number);

            rows[i] = (struct tsdb_row){tsdb_find_raw(cw->fx->db, fx_raw(text.p)), i, 0, 1, false};
            ns[i] =
                (struct tsdb_new_series){.labels = fx_labels(&a, text.p), .raw = fx_raw(text.p)};
        }
        if (tsdb_write_sync(cw->fx->db, &w) != 0)
            _exit(1);
        /* After a kill the round may be stored but not answered: then it repeats. */
        if (w.n_verdicts[TSDB_STORED] + w.n_verdicts[TSDB_DUPLICATE] != N_ROWS)
            _exit(2);
        cw->acked->round[cw->number] = round;
        arena_reset(&a);
    }
    return NULL;
}

static void child_main(struct fixture *fx, struct acked *acked)
{
    struct crash_writer cw[N_THREADS];
    pthread_t thread;

    fx_open(fx);
    for (int i = 0; i < N_THREADS; i++) {
        cw[i] = (struct crash_writer){fx, acked, i};
        pthread_create(&thread, NULL, write_until_killed, &cw[i]);
    }
    pause();
}

/* All rounds from 1 up to `least`, or one more, without a hole and without a repetition. */
static void assert_rounds(const struct sample_vec *sv, int64_t first, int64_t least, int64_t *last)
{
    for (size_t i = 0; i < sv->n; i++) {
        assert_int_equal(sv->v[i].t, T0 + first + (int64_t)i);
        assert_true(same_bits(sv->v[i].v, (double)(first + (int64_t)i)));
    }
    *last = first + (int64_t)sv->n - 1;
    assert_true(*last >= least && *last <= least + 1);
}

static void check_store(struct fixture *fx, struct acked *acked)
{
    struct source_selection *sel;
    struct sample_vec sv = {0};
    int64_t last[N_THREADS][N_ROWS] = {0};

    fx_open(fx);
    sel = fx_all(fx);
    for (size_t i = 0; i < sel->n; i++) {
        struct labels ls = sel->series[i].labels;
        int thread = atoi(labels_get(ls, STR("thread")).p), row = atoi(labels_get(ls, STR("i")).p);
        int64_t got;

        fx_read(sel, i, &sv);
        if (row == N_ROWS - 1) { /* one of many short series */
            last[thread][row] = MAX(last[thread][row], sv.v[sv.n - 1].t - T0);
            continue;
        }
        assert_rounds(&sv, 1, acked->round[thread], &got);
        last[thread][row] = got;
    }
    for (int t = 0; t < N_THREADS; t++)
        for (int r = 0; r < N_ROWS; r++)
            assert_int_equal(last[t][r], last[t][0]);
    sample_vec_release(&sv);
    tsdb_close(fx->db);
    fx->db = NULL;
    arena_reset(&fx->arena);
}

static void test_kill(void **state)
{
    struct fixture fx;
    struct acked *acked =
        mmap(NULL, sizeof(*acked), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t random = fx_random_start();

    (void)state;
    assert_ptr_not_equal(acked, MAP_FAILED);
    fx_init(&fx);
    for (int i = 0; i < N_CYCLES; i++) {
        pid_t pid = fork();
        struct timespec ts = {.tv_nsec = (long)(fx_random(&random) % 40) * 1000000};
        int status;

        if (pid == 0) {
            child_main(&fx, acked);
            _exit(0);
        }
        nanosleep(&ts, NULL); /* when the kill falls is the random part of the test */
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        check_store(&fx, acked);
    }
    print_message("%lld rounds were answered\n", (long long)acked->round[0]);
    munmap(acked, sizeof(*acked));
    fx_release(&fx);
}

/* ---- a copy of the file, taken at a commit --------------------------------------------------- */

struct copying {
    struct fixture *fx;
    char to[64];
    _Atomic bool done;
};

static void copy_file(struct tsdb_write *w)
{
    struct copying *c = w->ctx;
    char from[128], to[128], block[4096];
    size_t n;
    FILE *in, *out;

    snprintf(from, sizeof(from), "%s/ferula.mdb", c->fx->dir);
    snprintf(to, sizeof(to), "%s/ferula.mdb", c->to);
    in = fopen(from, "rb");
    out = fopen(to, "wb");
    while ((n = fread(block, 1, sizeof(block), in)) > 0)
        fwrite(block, 1, n, out);
    fclose(in);
    fclose(out);
    c->done = true;
}

static void test_copy_at_a_commit(void **state)
{
    struct fixture fx, copy;
    struct copying c = {.fx = &fx};
    struct tsdb_new_series ns = {0};
    struct tsdb_row row = {.n = 1};
    struct sample s = {T0 + 100, 100};
    struct tsdb_write w = {.arena = &fx.arena,
                           .rows = &row,
                           .n_rows = 1,
                           .samples = &s,
                           .n_samples = 1,
                           .series = &ns,
                           .n_series = 1,
                           .done = copy_file,
                           .ctx = &c};
    struct sample_vec sv = {0};

    (void)state;
    fx_init(&fx);
    fx_init(&copy);
    memcpy(c.to, copy.dir, sizeof(c.to));
    fx_open(&fx);
    ns.labels = fx_labels(&fx.arena, "__name__=m");
    for (int i = 1; i < 100; i++)
        fx_put(&fx, "__name__=m", T0 + i, i);
    tsdb_submit(fx.db, &w);
    while (!c.done)
        sched_yield();
    for (int i = 101; i < 200; i++)
        fx_put(&fx, "__name__=m", T0 + i, i);
    fx_open(&copy);
    assert_int_equal(fx_read(fx_all(&copy), 0, &sv), 100);
    assert_int_equal(sv.v[99].t, T0 + 100);
    assert_int_equal(fx_read(fx_all(&fx), 0, &sv), 199);
    sample_vec_release(&sv);
    fx_release(&fx);
    fx_release(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy_at_a_commit),
        cmocka_unit_test(test_kill),
    };

    return cmocka_run_group_tests_name("tsdb crashes", tests, NULL, NULL);
}
