/*
 * test_model.c - random requests, sealing, checkpoints, late samples, retention, restarts and
 * kills, on virtual time, against a store that is a plain array.
 *
 * FERULA_TEST_ROUNDS: operations (a few thousand without it); FERULA_TEST_RANDOM repeats a run.
 */
#include "fixture.h"

#define MAX_SERIES 1100 /* so that there are several pages of them */
#define HOUR_MS    (INT64_C(3600) * 1000)
#define RETENTION  (5 * HOUR_MS)

#define N_ROWS       20
#define MOST_SAMPLES 100 /* so that series do not fit one row of sealed chunks */

struct model_series {
    char labels[64];
    struct sample *s; /* ascending */
    size_t n, cap;
    ts_ms newest; /* accepted last in order; INT64_MIN: none */
    uint64_t newest_bits;
};

struct model {
    struct fixture fx;
    struct model_series *series;
    size_t n_series;
    ts_ms max_t;
    uint64_t random;
    bool writes_backfill;
    struct sample *samples; /* of a request */
};

static struct model_case {
    const char *name;
    dur_ms ooo_window;
    bool retention, backfill;
    uint32_t n_samples; /* at most, of a series in a request */
    size_t n_series;
    size_t slice_rows;
} cases[] = {
    {"in order",                             0,           false, false, 2,            40,         0},
    {"out of order",                         2 * HOUR_MS, false, false, 2,            40,         0},
    {"in order, retention",                  0,           true,  false, 2,            40,         1},
    {"out of order, backfill",               HOUR_MS / 2, false, true,  2,            40,         0},
    {"out of order, backfill and retention", 2 * HOUR_MS, true,  true,  2,            40,         1},
    {"dense, out of order and backfill",     2 * HOUR_MS, true,  true,  MOST_SAMPLES, 40,         1},
    {"many series",                          HOUR_MS,     true,  true,  8,            MAX_SERIES, 1},
};

static ts_ms kept_from(const struct model *m)
{
    return m->fx.opts.retention == 0 || m->max_t == INT64_MIN ? INT64_MIN
                                                              : m->max_t - m->fx.opts.retention;
}

/* The first sample at a time stays. */
static void model_insert(struct model_series *ms, struct sample s)
{
    size_t at = ms->n;

    while (at > 0 && ms->s[at - 1].t > s.t)
        at--;
    if (at > 0 && ms->s[at - 1].t == s.t)
        return;
    if (ms->n == ms->cap) {
        ms->cap = ms->cap == 0 ? 64 : ms->cap * 2;
        ms->s = xrealloc(ms->s, ms->cap, sizeof(*ms->s));
    }
    memmove(ms->s + at + 1, ms->s + at, (ms->n - at) * sizeof(*ms->s));
    ms->s[at] = s;
    ms->n++;
}

struct bounds {
    ts_ms oldest, window_from;
    bool set;
};

/* The rules, as the header states them. */
static enum tsdb_verdict model_judge(const struct model *m, const struct model_series *ms,
                                     struct sample s, struct bounds *b)
{
    dur_ms window = m->fx.opts.ooo_window;

    if (s.t > clock_now_ms(&m->fx.clock.base) + 600000)
        return TSDB_TOO_NEW;
    if (!b->set) {
        ts_ms newest = m->max_t == INT64_MIN ? s.t : m->max_t;

        *b = (struct bounds){newest - HOUR_MS, window > 0 ? newest - window : INT64_MAX, true};
        if (m->writes_backfill)
            b->oldest = b->window_from = kept_from(m);
    }
    if (s.t >= b->oldest && s.t > ms->newest)
        return TSDB_STORED;
    if (s.t >= b->oldest && s.t == ms->newest)
        return f64_bits(s.v) == ms->newest_bits ? TSDB_DUPLICATE : TSDB_CONFLICT;
    if (s.t >= b->window_from)
        return TSDB_STORED;
    if (window > 0 && !m->writes_backfill)
        return TSDB_BEYOND_WINDOW;
    return s.t < b->oldest ? TSDB_TOO_OLD : TSDB_OUT_OF_ORDER;
}

static enum tsdb_verdict model_add(struct model *m, struct model_series *ms, struct sample s,
                                   struct bounds *b)
{
    enum tsdb_verdict v = model_judge(m, ms, s, b);

    if (v != TSDB_STORED)
        return v;
    model_insert(ms, s);
    if (s.t > ms->newest) {
        ms->newest = s.t;
        ms->newest_bits = f64_bits(s.v);
    }
    return v;
}

static struct sample random_sample(struct model *m, const struct model_series *ms)
{
    ts_ms now = clock_now_ms(&m->fx.clock.base);
    struct sample s = {now, (double)(fx_random(&m->random) % 5)};

    switch (fx_random(&m->random) % 12) {
    case 0:
        /* A repetition; a backfill knows the newest only of series that got a sample lately. */
        if (ms->n > 0 && !m->writes_backfill)
            s = ms->s[ms->n - 1];
        break;
    case 1:
        if (ms->n > 0 && !m->writes_backfill)
            s.t = ms->s[ms->n - 1].t;
        break;
    case 2:
        s.t = now - (ts_ms)(fx_random(&m->random) % (3 * HOUR_MS));
        break;
    case 3:
        s.t = now + (ts_ms)(fx_random(&m->random) % 700000);
        break;
    case 4:
        s.v = f64_from_bits(fx_random(&m->random));
        break;
    case 5:
        s.v = f64_from_bits(STALE_NAN_BITS);
        break;
    case 6:
        if (m->writes_backfill)
            s.t = now - (ts_ms)(fx_random(&m->random) % (9 * HOUR_MS));
        break;
    default:
        break;
    }
    /* Times of backfills are odd, the others' even, so that none repeats a newest by chance. */
    return (struct sample){m->writes_backfill ? s.t | 1 : s.t & ~INT64_C(1), s.v};
}

static void step_write(struct model *m, const struct model_case *c)
{
    struct tsdb_row rows[N_ROWS] = {0};
    struct tsdb_new_series ns[N_ROWS] = {0};
    struct sample *s = m->samples;
    size_t want[N_TSDB_VERDICTS] = {0}, n_rows = 1 + fx_random(&m->random) % N_ROWS;
    struct tsdb_write w = {.arena = &m->fx.arena,
                           .rows = rows,
                           .n_rows = n_rows,
                           .samples = s,
                           .series = ns,
                           .n_series = n_rows,
                           .backfill = m->writes_backfill};
    struct bounds b = {.set = false};
    ts_ms max_t = m->max_t;
    uint64_t half = fx_random(&m->random) % 2;

    for (size_t i = 0; i < n_rows; i++) {
        /* Half of the series sleep in half of the requests, so that some go for long without. */
        struct model_series *ms = &m->series[fx_random(&m->random) % (m->n_series >> half)];

        rows[i].id = tsdb_find_raw(m->fx.db, fx_raw(ms->labels));
        rows[i].new_series = (uint32_t)i;
        ns[i].labels = fx_labels(&m->fx.arena, ms->labels);
        ns[i].raw = fx_raw(ms->labels);
        rows[i].first = (uint32_t)w.n_samples;
        rows[i].n = (uint32_t)(fx_random(&m->random) % (c->n_samples + 1));
        for (uint32_t k = 0; k < rows[i].n; k++) {
            enum tsdb_verdict v;

            s[w.n_samples] = random_sample(m, ms);
            v = model_add(m, ms, s[w.n_samples], &b);
            want[v]++;
            if (v == TSDB_STORED)
                max_t = MAX(max_t, s[w.n_samples].t);
            w.n_samples++;
        }
    }
    m->max_t = max_t;
    if (tsdb_write_sync(m->fx.db, &w) == FER_ESTALE) {
        for (size_t i = 0; i < n_rows; i++)
            rows[i].id = 0;
        (void)tsdb_write_sync(m->fx.db, &w);
    }
    assert_int_equal(w.rc, 0);
    assert_memory_equal(w.n_verdicts, want, sizeof(want));
}

static struct model_series *model_find(struct model *m, struct labels ls)
{
    struct str v = labels_get(ls, STR("i"));
    size_t i = 0;

    for (size_t k = 0; k < v.n; k++)
        i = i * 10 + (size_t)(v.p[k] - '0');
    assert_true(i < m->n_series);
    assert_true(labels_eq(ls, fx_labels(&m->fx.arena, m->series[i].labels)));
    return &m->series[i];
}

/* What is past the retention may be there or not. */
static void compare(struct model *m, const struct model_series *ms, const struct sample_vec *sv,
                    ts_ms from, ts_ms to)
{
    ts_ms sure = MAX(from, kept_from(m));
    size_t at = 0;

    for (size_t k = 0; k < sv->n; k++, at++) {
        while (at < ms->n && ms->s[at].t < MIN(sv->v[k].t, sure))
            at++;
        assert_true(at < ms->n);
        assert_int_equal(sv->v[k].t, ms->s[at].t);
        assert_true(same_bits(sv->v[k].v, ms->s[at].v));
    }
    while (at < ms->n && ms->s[at].t < sure)
        at++;
    assert_true(at == ms->n || ms->s[at].t > to);
}

static void step_read(struct model *m, ts_ms from, ts_ms to)
{
    struct source_selection *sel = fx_select(&m->fx, NULL, 0, from, to);
    struct sample_vec sv = {0};
    bool seen[MAX_SERIES] = {false};

    for (size_t i = 0; i < sel->n; i++) {
        struct model_series *ms = model_find(m, sel->series[i].labels);

        assert_false(seen[ms - m->series]);
        seen[ms - m->series] = true;
        fx_read(sel, i, &sv);
        compare(m, ms, &sv, from, to);
    }
    sv.n = 0;
    for (size_t i = 0; i < m->n_series; i++)
        if (!seen[i])
            compare(m, &m->series[i], &sv, from, to);
    sample_vec_release(&sv);
}

static void step_read_some(struct model *m)
{
    ts_ms now = clock_now_ms(&m->fx.clock.base);
    ts_ms from = now - (ts_ms)(fx_random(&m->random) % (12 * HOUR_MS));

    step_read(m, from, from + (ts_ms)(fx_random(&m->random) % (2 * HOUR_MS)));
}

static void step(struct model *m, const struct model_case *c)
{
    uint64_t kind = fx_random(&m->random) % 1000;

    clock_manual_advance(&m->fx.clock, (dur_ms)(fx_random(&m->random) % 10000));
    m->writes_backfill = c->backfill && fx_random(&m->random) % 4 == 0;
    if (kind < 3)
        fx_reopen(&m->fx);
    else if (kind < 6)
        fx_crash(&m->fx);
    else if (kind < 20)
        tsdb_settle(m->fx.db);
    else if (kind < 22)
        clock_manual_advance(&m->fx.clock, HOUR_MS);
    else if (kind < 60)
        step_read_some(m);
    else
        step_write(m, c);
}

static void test_model(void **state)
{
    const struct model_case *c = *state;
    const char *rounds = getenv("FERULA_TEST_ROUNDS");
    struct model m = {.max_t = INT64_MIN, .random = fx_random_start()};
    int n = rounds == NULL ? 4000 : atoi(rounds);

    m.n_series = c->n_series;
    m.series = xcalloc(m.n_series, sizeof(*m.series));
    m.samples = xcalloc(N_ROWS * MOST_SAMPLES, sizeof(*m.samples));
    n /= (int)c->n_samples / 2;
    fx_init(&m.fx);
    m.fx.opts.ooo_window = c->ooo_window;
    m.fx.opts.retention = c->retention ? RETENTION : 0;
    m.fx.opts.slice_rows = c->slice_rows;
    fx_open(&m.fx);
    for (size_t i = 0; i < m.n_series; i++) {
        snprintf(m.series[i].labels, sizeof(m.series[i].labels), "__name__=m%zu,i=%zu", i % 3, i);
        m.series[i].newest = INT64_MIN;
    }
    for (int i = 0; i < n; i++) {
        step(&m, c);
        if (i % 100 == 0)
            arena_reset(&m.fx.arena);
    }
    step_read(&m, INT64_MIN, INT64_MAX);
    tsdb_settle(m.fx.db);
    step_read(&m, INT64_MIN, INT64_MAX);
    fx_crash(&m.fx);
    step_read(&m, INT64_MIN, INT64_MAX);
    fx_release(&m.fx);
    for (size_t i = 0; i < m.n_series; i++)
        free(m.series[i].s);
    free(m.series);
    free(m.samples);
}

int main(void)
{
    struct CMUnitTest tests[COUNT(cases)];

    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i] = (struct CMUnitTest){
            .name = cases[i].name, .test_func = test_model, .initial_state = &cases[i]};
    return cmocka_run_group_tests_name("tsdb model", tests, NULL, NULL);
}
