/*
 * test_model.c - random requests and restarts against a store that is a plain array.
 */
#include "fixture.h"

#define N_SERIES  40
#define N_SAMPLES 4000
#define HOUR_MS   (INT64_C(3600) * 1000)

struct model_series {
    char labels[64];
    struct sample s[N_SAMPLES];
    size_t n;
};

struct model {
    struct fixture fx;
    struct model_series *series;
    ts_ms max_t;
    uint64_t random;
};

/* The rules, as the header states them. */
static enum tsdb_verdict model_add(struct model *m, struct model_series *ms, struct sample s,
                                   ts_ms *oldest)
{
    struct sample *last = ms->n == 0 ? NULL : &ms->s[ms->n - 1];

    if (s.t > clock_now_ms(&m->fx.clock.base) + 600000)
        return TSDB_TOO_NEW;
    if (*oldest == INT64_MAX)
        *oldest = (m->max_t == INT64_MIN ? s.t : m->max_t) - HOUR_MS;
    if (s.t < *oldest)
        return TSDB_TOO_OLD;
    if (last != NULL && s.t < last->t)
        return TSDB_OUT_OF_ORDER;
    if (last != NULL && s.t == last->t)
        return same_bits(s.v, last->v) ? TSDB_DUPLICATE : TSDB_CONFLICT;
    ms->s[ms->n++] = s;
    return TSDB_STORED;
}

static struct sample random_sample(struct model *m, const struct model_series *ms)
{
    ts_ms now = clock_now_ms(&m->fx.clock.base);
    struct sample s = {now, (double)(fx_random(&m->random) % 5)};

    switch (fx_random(&m->random) % 12) {
    case 0:
        if (ms->n > 0)
            s = ms->s[ms->n - 1];
        break;
    case 1:
        if (ms->n > 0)
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
    default:
        break;
    }
    return s;
}

static void step_write(struct model *m)
{
    struct tsdb_row rows[20] = {0};
    struct tsdb_new_series ns[20] = {0};
    struct sample s[60];
    size_t want[N_TSDB_VERDICTS] = {0}, n_rows = 1 + fx_random(&m->random) % 20;
    struct tsdb_write w = {
        .arena = &m->fx.arena, .rows = rows, .n_rows = n_rows, .samples = s, .series = ns};
    ts_ms oldest = INT64_MAX, max_t = m->max_t;

    for (size_t i = 0; i < n_rows; i++) {
        struct model_series *ms = &m->series[fx_random(&m->random) % N_SERIES];

        rows[i].id = tsdb_find_raw(m->fx.db, fx_raw(ms->labels));
        rows[i].first = (uint32_t)w.n_samples;
        rows[i].n = (uint32_t)(fx_random(&m->random) % 3);
        if (rows[i].id == 0) {
            rows[i].new_series = (uint32_t)w.n_series;
            ns[w.n_series].labels = fx_labels(&m->fx.arena, ms->labels);
            ns[w.n_series++].raw = fx_raw(ms->labels);
        }
        for (uint32_t k = 0; k < rows[i].n; k++) {
            enum tsdb_verdict v;

            s[w.n_samples] = random_sample(m, ms);
            v = model_add(m, ms, s[w.n_samples], &oldest);
            want[v]++;
            if (v == TSDB_STORED)
                max_t = MAX(max_t, s[w.n_samples].t);
            w.n_samples++;
        }
    }
    m->max_t = max_t;
    assert_int_equal(tsdb_write_sync(m->fx.db, &w), 0);
    assert_memory_equal(w.n_verdicts, want, sizeof(want));
}

static void step_read(struct model *m)
{
    ts_ms from = T0 - HOUR_MS + (ts_ms)(fx_random(&m->random) % (4 * HOUR_MS));
    ts_ms to = from + (ts_ms)(fx_random(&m->random) % HOUR_MS);
    struct source_selection *sel = fx_select(&m->fx, NULL, 0, from, to);
    struct sample_vec sv = {0};
    size_t n = 0, n_got = 0;

    for (size_t i = 0; i < sel->n; i++) {
        struct model_series *ms = NULL;
        size_t at = 0;

        for (size_t k = 0; k < N_SERIES && ms == NULL; k++)
            if (labels_eq(sel->series[i].labels, fx_labels(&m->fx.arena, m->series[k].labels)))
                ms = &m->series[k];
        assert_non_null(ms);
        fx_read(sel, i, &sv);
        while (at < ms->n && ms->s[at].t < from)
            at++;
        assert_true(sv.n <= ms->n - at);
        for (size_t k = 0; k < sv.n; k++, at++) {
            assert_int_equal(sv.v[k].t, ms->s[at].t);
            assert_true(same_bits(sv.v[k].v, ms->s[at].v));
        }
        n_got += sv.n;
    }
    for (size_t i = 0; i < N_SERIES; i++)
        for (size_t k = 0; k < m->series[i].n; k++)
            n += m->series[i].s[k].t >= from && m->series[i].s[k].t <= to;
    assert_int_equal(n_got, n);
    sample_vec_release(&sv);
}

static void test_model(void **state)
{
    struct model m = {.max_t = INT64_MIN, .random = fx_random_start()};

    (void)state;
    m.series = xcalloc(N_SERIES, sizeof(*m.series));
    fx_init(&m.fx);
    fx_open(&m.fx);
    for (int i = 0; i < N_SERIES; i++)
        snprintf(m.series[i].labels, sizeof(m.series[i].labels), "__name__=m%d,i=%d", i % 3, i);
    for (int i = 0; i < 3000; i++) {
        uint64_t kind = fx_random(&m.random) % 100;

        clock_manual_advance(&m.fx.clock, (dur_ms)(fx_random(&m.random) % 5000));
        if (kind < 1)
            fx_reopen(&m.fx);
        else if (kind < 10)
            step_read(&m);
        else
            step_write(&m);
        if (i % 100 == 0)
            arena_reset(&m.fx.arena);
    }
    step_read(&m);
    fx_release(&m.fx);
    free(m.series);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_model)};

    return cmocka_run_group_tests_name("tsdb model", tests, NULL, NULL);
}
