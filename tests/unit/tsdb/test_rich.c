/*
 * test_rich.c - native histograms and start timestamps: what is stored, refused and given back.
 */
#include "cases.h"
#include "histograms.h"

#define STEP_MS 15000

/* A request of one series of samples as rows of a table have them: histograms where h is set. */
static int put(struct fixture *fx, const struct tsdb__rich *r, size_t n, struct tsdb_write *w)
{
    struct tsdb_row *rows = arena_array(&fx->arena, struct tsdb_row, n);
    struct sample *s = arena_array(&fx->arena, struct sample, n);
    struct hsample *h = arena_array(&fx->arena, struct hsample, n);
    ts_ms *starts = arena_array(&fx->arena, ts_ms, n);
    struct tsdb_new_series ns = {.labels = fx_labels(&fx->arena, "__name__=m"),
                                 .raw = fx_raw("__name__=m")};

    *w = (struct tsdb_write){.arena = &fx->arena,
                             .rows = rows,
                             .n_rows = n,
                             .samples = s,
                             .n_samples = n,
                             .hists = h,
                             .n_hists = n,
                             .starts = starts,
                             .hist_starts = starts,
                             .series = &ns,
                             .n_series = 1};
    for (uint32_t i = 0; i < n; i++) {
        rows[i] = (struct tsdb_row){.first = i, .n = 1, .hists = r[i].h != NULL};
        s[i] = (struct sample){r[i].t, r[i].v};
        h[i] = (struct hsample){r[i].t, r[i].h};
        starts[i] = r[i].start;
    }
    return tsdb_write_sync(fx->db, w);
}

static void read_back(struct fixture *fx, struct series_samples *out)
{
    struct source_selection *sel = fx_all(fx);
    struct fault f = {0};

    out->arena = &fx->arena;
    assert_int_equal(sel->n, 1);
    assert_int_equal(sel->source->ops->read(sel, 0, out, &f), 0);
}

/* A sample of number `v`: 1 to 8 are histograms of so many observations, others are floats. */
static struct tsdb__rich sample_of(struct arena *a, ts_ms t, double v)
{
    struct histogram *h = arena_new(a, struct histogram);
    uint64_t random = 1;

    if (v < 1 || v > 8)
        return (struct tsdb__rich){.t = t, .v = v};
    *h = *hist_latencies(a, NULL, 4, 0, &random);
    h->count = v;
    h->zero_count = v;
    return (struct tsdb__rich){.t = t, .h = h};
}

/* Two samples; what becomes of the second. */
static struct verdict_case {
    const char *name;
    double first, second;
    dur_ms later;
    enum tsdb_verdict want;
    const char *text;
} verdicts[] = {
    {"a newer histogram is stored",        1,   2,   5,        TSDB_STORED,       NULL                            },
    {"the same again is forgiven",         1,   1,   0,        TSDB_DUPLICATE,    NULL                            },
    {"another at its time is a conflict",  1,   2,   0,        TSDB_CONFLICT,     "duplicate sample for timestamp"},
    {"a histogram at the time of a float", 0.5, 1,   0,        TSDB_CONFLICT,
     "duplicate sample for timestamp"                                                                             },
    {"a float at the time of a histogram", 1,   0.5, 0,        TSDB_CONFLICT,
     "duplicate sample for timestamp 1700000000000; overrides not allowed: existing is a histogram, new value 0.5"},
    {"a float after a histogram",          1,   0.5, 5,        TSDB_STORED,       NULL                            },
    {"an older histogram",                 1,   2,   -5,       TSDB_OUT_OF_ORDER, "out of order sample"           },
    {"a histogram out of bounds",          1,   2,   -3600001, TSDB_TOO_OLD,      "out of bounds"                 },
    {"a histogram too far ahead",          1,   2,   600001,   TSDB_TOO_NEW,
     "out of bounds: timestamp is too far in the future"                                                          },
};

static void test_verdict(void **state)
{
    const struct verdict_case *c = *state;
    struct fixture fx;
    struct tsdb_write w;
    struct buf text = {0};
    struct tsdb__rich r;

    fx_init(&fx);
    fx_open(&fx);
    for (int round = 0; round < 2; round++) {
        r = sample_of(&fx.arena, T0, c->first);
        assert_int_equal(put(&fx, &r, 1, &w), 0);
        r = sample_of(&fx.arena, T0 + c->later, c->second);
        if (round == 0 || c->want != TSDB_STORED) {
            assert_int_equal(put(&fx, &r, 1, &w), 0);
            assert_int_equal((r.h != NULL ? w.n_hist_verdicts : w.n_verdicts)[c->want], 1);
        }
        fx_crash(&fx);
    }
    if (c->text != NULL) {
        assert_int_equal(w.first_refusal.is_histogram, r.h != NULL);
        tsdb_refusal_print(&text, &w.first_refusal);
        assert_string_equal(text.p, c->text);
    }
    buf_release(&text);
    fx_release(&fx);
}

/* The first of a half hour. */
static bool is_first(ts_ms t)
{
    return t % TSDB__SLOT_MS < STEP_MS;
}

/* Sealed, in memory, after a restart: the same samples and starts. */
static void test_stages(void **state)
{
    enum { N = 300 };
    struct fixture fx;
    struct series_samples ss = {0};
    struct tsdb__rich r[N];
    struct tsdb_write w;
    const struct histogram *h = NULL;
    uint64_t random = 7;

    (void)state;
    fx_init(&fx);
    fx_open(&fx);
    clock_manual_set(&fx.clock, T0 + N * STEP_MS);
    for (size_t i = 0; i < N; i++) {
        h = hist_latencies(&fx.arena, h, 20, 100, &random);
        r[i] = (struct tsdb__rich){.t = T0 + (ts_ms)i * STEP_MS, .start = T0 - 5};
        if (i % 10 == 9)
            r[i].v = (double)i;
        else
            r[i].h = h;
    }
    assert_int_equal(put(&fx, r, N, &w), 0);
    assert_int_equal(w.n_hist_verdicts[TSDB_STORED] + w.n_verdicts[TSDB_STORED], N);
    for (int stage = 0; stage < 4; stage++) {
        size_t f = 0, k = 0;

        read_back(&fx, &ss);
        assert_int_equal(ss.f.n, N / 10);
        assert_int_equal(ss.h.n, N - N / 10);
        for (size_t i = 0; i < N; i++) {
            if (r[i].h == NULL) {
                assert_int_equal(ss.f_start.v[f], T0 - 5);
                assert_true(ss.f.v[f].t == r[i].t && same_bits(ss.f.v[f].v, r[i].v));
                f++;
                continue;
            }
            assert_int_equal(ss.h.v[k].t, r[i].t);
            assert_int_equal(ss.h_start.v[k], T0 - 5);
            assert_true(hist_same(ss.h.v[k].h, r[i].h));
            assert_int_equal(ss.h.v[k].h->hint, i % 10 == 0 || is_first(r[i].t)
                                                    ? HISTOGRAM_UNKNOWN
                                                    : HISTOGRAM_NOT_RESET);
            k++;
        }
        if (stage == 0) {
            clock_manual_advance(&fx.clock, 60000);
            tsdb_settle(fx.db);
        } else if (stage == 1) {
            clock_manual_advance(&fx.clock, INT64_C(3600) * 1000);
            tsdb_settle(fx.db);
        } else {
            fx_crash(&fx);
        }
    }
    series_samples_release(&ss);
    fx_release(&fx);
}

/* What nobody knows any more is not told: resets before and after a late histogram. */
static void test_late_hints(void **state)
{
    struct fixture fx;
    struct series_samples ss = {0};
    struct tsdb__rich r[4];
    struct tsdb_write w;

    (void)state;
    fx_init(&fx);
    fx.opts.ooo_window = INT64_C(3600) * 1000;
    fx_open(&fx);
    for (size_t i = 0; i < 3; i++)
        r[i] = sample_of(&fx.arena, T0 + (ts_ms)i * STEP_MS, (double)i + 1);
    r[3] = sample_of(&fx.arena, T0 + 5, 2);
    assert_int_equal(put(&fx, r, 4, &w), 0);
    assert_int_equal(w.n_hist_verdicts[TSDB_STORED], 4);
    for (int stage = 0; stage < 2; stage++) {
        static const enum histogram_hint want[] = {HISTOGRAM_UNKNOWN, HISTOGRAM_UNKNOWN,
                                                   HISTOGRAM_UNKNOWN, HISTOGRAM_NOT_RESET};

        read_back(&fx, &ss);
        assert_int_equal(ss.h.n, 4);
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(ss.h.v[i].h->hint, want[i]);
        clock_manual_advance(&fx.clock, INT64_C(3600) * 1000);
        tsdb_settle(fx.db);
    }
    series_samples_release(&ss);
    fx_release(&fx);
}

/* A histogram that no row can hold fails its request alone. */
static void test_too_large(void **state)
{
    struct fixture fx;
    struct tsdb_write w;
    struct tsdb__rich r;
    uint64_t random = 3;

    (void)state;
    fx_init(&fx);
    fx_open(&fx);
    r = (struct tsdb__rich){.t = T0, .h = hist_latencies(&fx.arena, NULL, 4000, 1, &random)};
    assert_int_equal(put(&fx, &r, 1, &w), FER_ELIMIT);
    r.h = hist_latencies(&fx.arena, NULL, 1000, 100000, &random);
    assert_int_equal(put(&fx, &r, 1, &w), 0);
    assert_int_equal(w.n_hist_verdicts[TSDB_STORED], 1);
    clock_manual_advance(&fx.clock, INT64_C(3600) * 1000);
    tsdb_settle(fx.db);
    fx_crash(&fx);
    fx_release(&fx);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, verdicts, test_verdict, name);
    cases_add(&c, "in memory, sealed, after a restart", test_stages, NULL);
    cases_add(&c, "hints beside late histograms", test_late_hints, NULL);
    cases_add(&c, "a histogram that is too large", test_too_large, NULL);
    return CASES_RUN("tsdb rich samples", &c);
}
