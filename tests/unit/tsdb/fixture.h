/*
 * fixture.h - what the tests of the store share: a folder, a clock, requests as data.
 */
#ifndef TEST_TSDB_FIXTURE_H
#define TEST_TSDB_FIXTURE_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "store.h"

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/model/matcher.h"
#include "ferula/tsdb.h"

#define T0 INT64_C(1700000000000)

struct fixture {
    char dir[64];
    struct clock_manual clock;
    size_t map_bytes;
    struct tsdb_opts opts; /* what is to be set beside the folder, the map and the clock */
    struct tsdb *db;
    struct arena arena;
};

static inline void fx_open(struct fixture *fx)
{
    struct tsdb_opts o = fx->opts;
    struct fault f = {0};

    o.dir = fx->dir;
    o.map_bytes = fx->map_bytes == 0 ? (size_t)64 << 20 : fx->map_bytes;
    o.clock = &fx->clock.base;
    o.no_sync = 1;
    if (tsdb_open(&fx->db, &o, &f) != 0)
        fail_msg("tsdb_open: %s", f.text);
}

static inline void fx_reopen(struct fixture *fx)
{
    tsdb_close(fx->db);
    fx_open(fx);
}

static inline void fx_tell(void *ctx, const char *line)
{
    (void)ctx;
    print_error("%s\n", line);
}

/*
 * As after a kill: the file is as the last commit left it; it is audited, and so it is opened
 * again.
 */
static inline void fx_crash(struct fixture *fx)
{
    struct tsdb_audit_counts counts;
    struct fault f = {0};

    tsdb__abandon(fx->db);
    if (tsdb_audit(fx->dir, fx_tell, NULL, &counts, &f) != 0)
        fail_msg("tsdb_audit: %s", f.text);
    assert_int_equal(counts.faults, 0);
    fx_open(fx);
}

static inline void fx_init(struct fixture *fx)
{
    *fx = (struct fixture){.dir = "/tmp/ferula-test-XXXXXX"};
    assert_non_null(mkdtemp(fx->dir));
    clock_manual_init(&fx->clock, T0);
}

static inline void fx_remove(const char *dir)
{
    static const char *const names[] = {"ferula.mdb", "ferula.mdb-lock", "ferula.lock"};

    for (size_t i = 0; i < COUNT(names); i++) {
        char path[200];

        if (snprintf(path, sizeof(path), "%s/%s", dir, names[i]) < (int)sizeof(path))
            unlink(path);
    }
    rmdir(dir);
}

static inline void fx_release(struct fixture *fx)
{
    tsdb_close(fx->db);
    arena_release(&fx->arena);
    fx_remove(fx->dir);
}

/* In a child: cmocka's handlers go, and a fault or a hang ends it. */
static inline void fx_guard_child(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};

    for (size_t i = 0; i < COUNT(faults); i++)
        signal(faults[i], SIG_DFL);
    tsdb_guard_signals();
    alarm(60);
}

/* Labels from "name=value,name=value", which must be sorted; the text outlives them. */
static inline struct labels fx_labels(struct arena *a, const char *text)
{
    struct str rest = str_of(text), part, name;
    struct label *v = arena_array(a, struct label, 64);
    size_t n = 0;

    while (str_split(&rest, ',', &part)) {
        str_split(&part, '=', &name);
        v[n++] = (struct label){name, part};
    }
    return (struct labels){v, n};
}

/* The hash that an agent's label bytes would have: here of the text. */
static inline struct hash128 fx_raw(const char *text)
{
    return hash_keyed128(text, strlen(text));
}

/* A request of one series; by its labels when its id is not known or not good any more. */
static inline int fx_write(struct fixture *fx, const char *labels, const struct sample *s, size_t n,
                           struct tsdb_write *w)
{
    struct tsdb_row row = {.id = tsdb_find_raw(fx->db, fx_raw(labels)), .n = (uint32_t)n};
    struct tsdb_new_series ns = {.labels = fx_labels(&fx->arena, labels), .raw = fx_raw(labels)};

    *w = (struct tsdb_write){.arena = &fx->arena,
                             .rows = &row,
                             .n_rows = 1,
                             .samples = s,
                             .n_samples = n,
                             .series = &ns,
                             .n_series = 1};
    if (tsdb_write_sync(fx->db, w) == FER_ESTALE) {
        row.id = 0;
        (void)tsdb_write_sync(fx->db, w);
    }
    return w->rc;
}

static inline void fx_put(struct fixture *fx, const char *labels, ts_ms t, double v)
{
    struct sample s = {t, v};
    struct tsdb_write w;

    assert_int_equal(fx_write(fx, labels, &s, 1, &w), 0);
    assert_int_equal(w.n_verdicts[TSDB_STORED], 1);
}

static inline struct source_selection *fx_select(struct fixture *fx, const struct matcher *m,
                                                 size_t n, ts_ms from, ts_ms to)
{
    struct source *src = tsdb_source(fx->db);
    struct source_selection *sel = NULL;
    struct fault f = {0};

    if (src->ops->select(src, &fx->arena, m, n, (struct source_range){from, to}, &sel, &f) != 0)
        fail_msg("select: %s", f.text);
    return sel;
}

static inline struct source_selection *fx_all(struct fixture *fx)
{
    return fx_select(fx, NULL, 0, INT64_MIN, INT64_MAX);
}

static inline size_t fx_read(const struct source_selection *sel, size_t i, struct sample_vec *out)
{
    struct fault f = {0};

    out->n = 0;
    if (source_read_floats(sel, i, out, &f) != 0)
        fail_msg("read: %s", f.text);
    return out->n;
}

static inline size_t fx_count_samples(struct fixture *fx)
{
    struct source_selection *sel = fx_all(fx);
    struct sample_vec sv = {0};
    size_t n = 0;

    for (size_t i = 0; i < sel->n; i++)
        n += fx_read(sel, i, &sv);
    sample_vec_release(&sv);
    arena_reset(&fx->arena);
    return n;
}

static inline uint64_t fx_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* FERULA_TEST_RANDOM repeats a run; the number is printed. */
static inline uint64_t fx_random_start(void)
{
    const char *env = getenv("FERULA_TEST_RANDOM");
    uint64_t start =
        env != NULL ? strtoull(env, NULL, 0) : (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32;

    print_message("FERULA_TEST_RANDOM=%llu\n", (unsigned long long)start);
    return start;
}

#endif
