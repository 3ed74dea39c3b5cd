/*
 * test_model.c - random requests, sealing, checkpoints, late samples, retention by time and size,
 * full maps, a clock that goes back, restarts and kills, on virtual time, against a store that is a
 * plain array (model.h). Reads are by matchers; labels and metadata are compared, too.
 *
 * FERULA_TEST_ROUNDS: operations of a case (a few thousand without it); FERULA_TEST_RANDOM repeats
 * a run; FERULA_TEST_CASE picks cases ("small*").
 */
#include "cases.h"
#include "model.h"

#define N_ROWS       20
#define DENSE        100 /* samples: so that series do not fit one row of sealed chunks */
#define MATCHERS_MAX 3

/* Noisy: much, which hardly compresses. Rich: histograms and start timestamps, too. */
enum { BACKFILL = 1, SLEEPS = 2, JUMPS = 4, NOISY = 8, RICH = 16, EXEMPLARS = 32, DELETES = 64 };

static struct model_case {
    const char *name;
    dur_ms ooo_window, retention;
    uint32_t retention_kb, map_kb; /* 0: no limit; the usual map */
    uint32_t n_samples;            /* at most, of a series in a request */
    uint32_t n_series, slice_rows; /* slices of a row put each step next to a kill */
    unsigned ways;
} cases[] = {
    {"in order",            0,           0,            0,   0,    2,     40,         0, 0                        },
    {"late",                2 * HOUR_MS, 0,            0,   0,    2,     40,         0, 0                        },
    {"in order, retention", 0,           5 * HOUR_MS,  0,   0,    2,     40,         1, 0                        },
    {"late, backfill",      HOUR_MS / 2, 0,            0,   0,    2,     40,         0, BACKFILL                 },
    {"late, retention",     2 * HOUR_MS, 5 * HOUR_MS,  0,   0,    2,     40,         1, BACKFILL                 },
    {"dense",               2 * HOUR_MS, 5 * HOUR_MS,  0,   0,    DENSE, 40,         1, BACKFILL                 },
    {"many series",         HOUR_MS,     5 * HOUR_MS,  0,   0,    8,     MAX_SERIES, 1, BACKFILL                 },
    {"series come and go",  HOUR_MS / 2, 2 * HOUR_MS,  0,   0,    2,     40,         0, BACKFILL | SLEEPS        },
    {"retention by size",   HOUR_MS / 2, 0,            160, 0,    2,     40,         1, SLEEPS                   },
    {"the clock goes back", HOUR_MS / 2, 5 * HOUR_MS,  0,   0,    2,     40,         1, BACKFILL | SLEEPS | JUMPS},
    {"small map",           0,           12 * HOUR_MS, 0,   1024, 20,    40,         0, SLEEPS | NOISY           },
    {"small map, late",     HOUR_MS / 2, 12 * HOUR_MS, 0,   2048, 20,    40,         0, SLEEPS | NOISY           },
    {"rich",                2 * HOUR_MS, 0,            0,   0,    2,     40,         0, RICH | EXEMPLARS         },
    {"rich, in order",      0,           5 * HOUR_MS,  0,   0,    8,     40,         1, RICH                     },
    {"rich, retention",     2 * HOUR_MS, 5 * HOUR_MS,  0,   0,    8,     40,         1, BACKFILL | RICH          },
    {"rich, dense",         2 * HOUR_MS, 5 * HOUR_MS,  0,   0,    DENSE, 40,         1, BACKFILL | SLEEPS | RICH },
    {"deletions",           HOUR_MS / 2, 5 * HOUR_MS,  0,   0,    8,     40,         1, SLEEPS | DELETES         },
    {"rich, deletions",     2 * HOUR_MS, 0,            0,   0,    8,     40,         1, BACKFILL | RICH | DELETES},
    {"dense, deletions",    2 * HOUR_MS, 5 * HOUR_MS,  0,   0,    DENSE, 40,         0, BACKFILL | DELETES       },
    {"rich, small map",     HOUR_MS / 2, 12 * HOUR_MS, 0,   8192, 20,    40,         0, SLEEPS | NOISY | RICH    },
};

/* ---- a clock that goes back ------------------------------------------------------------- */

static _Atomic dur_ms clock_behind;

/* The wall clock; spans are still measured by one that never goes back. */
static ts_ms behind_now_ms(const struct clock *c)
{
    const struct clock_manual *manual = (const struct clock_manual *)(const void *)c;

    return atomic_load(&manual->at_ms) - atomic_load(&clock_behind);
}

static void step_jump(struct model *m)
{
    bool back = fx_random(&m->random) % 2 == 0;

    atomic_store(&clock_behind, back ? HOUR_MS : 0);
    m->jumped_at = m->max_t;
}

/* ---- writing ---------------------------------------------------------------------------- */

static struct model_sample random_sample(struct model *m, const struct model_series *ms,
                                         const struct model_case *c, bool is_hist)
{
    ts_ms now = clock_now_ms(&m->fx.clock.base);
    struct model_sample s = {
        .t = now, .v = (double)(fx_random(&m->random) % 5), .is_hist = is_hist};

    if ((c->ways & NOISY) != 0) {
        s.t = now + (ts_ms)(fx_random(&m->random) % 10000);
        s.v = f64_from_bits(fx_random(&m->random));
    }
    if ((c->ways & RICH) != 0 && fx_random(&m->random) % 4 == 0)
        s.start = T0 + (ts_ms)(fx_random(&m->random) % 3);

    switch (fx_random(&m->random) % 12) {
    case 0:
        /* A repetition; a backfill knows the newest only of series that got a sample lately. */
        if (ms->n > 0 && !m->writes_backfill && ms->s[ms->n - 1].is_hist == is_hist)
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
        if ((c->ways & NOISY) == 0)
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
    s.t = m->writes_backfill ? s.t | 1 : s.t & ~INT64_C(1);
    return s;
}

/* Changes to what families are, mostly none. */
static size_t random_metadata(struct model *m, struct metadata *out)
{
    static const char *const texts[] = {"", "seconds", "How long it took.", "How many there are."};
    size_t n = fx_random(&m->random) % 8 == 0 ? 1 + fx_random(&m->random) % 2 : 0;

    for (size_t i = 0; i < n; i++) {
        uint64_t r = fx_random(&m->random);

        out[i] = (struct metadata){.family = m->families[r % (N_FAMILIES - 1)].md.family,
                                   .type = (enum metric_type)(r / 8 % 5),
                                   .help = str_of(texts[r / 64 % COUNT(texts)]),
                                   .unit = str_of(texts[r / 512 % 2])};
    }
    return n;
}

struct request {
    struct tsdb_write w;
    struct tsdb_row rows[N_ROWS];
    struct tsdb_new_series ns[N_ROWS];
    struct metadata metadata[2];
    struct tsdb_exemplar exemplars[N_ROWS];
    struct model_bounds bounds;
    size_t want[N_TSDB_VERDICTS], want_hists[N_TSDB_VERDICTS];
    ts_ms max_t; /* of the store when it is taken */
};

static void add_row(struct model *m, struct request *rq, struct model_series *ms,
                    const struct model_case *c)
{
    size_t n = fx_random(&m->random) % (c->n_samples + 1);
    size_t i = rq->w.n_rows++;
    bool hists = (c->ways & RICH) != 0 && fx_random(&m->random) % 3 == 0;
    size_t *n_all = hists ? &rq->w.n_hists : &rq->w.n_samples;

    rq->ns[i] = (struct tsdb_new_series){.labels = ms->labels, .raw = ms->raw};
    rq->rows[i] = (struct tsdb_row){.id = tsdb_find_raw(m->fx.db, ms->raw),
                                    .new_series = (uint32_t)i,
                                    .first = (uint32_t)*n_all,
                                    .n = (uint32_t)n,
                                    .hists = hists};
    for (size_t k = 0; k < n; k++, ++*n_all) {
        struct model_sample s = random_sample(m, ms, c, hists);
        enum tsdb_verdict v = model_add(m, ms, s, &rq->bounds);

        if (hists)
            m->hists[*n_all] = (struct hsample){s.t, hist_any(&m->fx.arena, f64_bits(s.v))};
        else
            m->samples[*n_all] = (struct sample){s.t, s.v};
        (hists ? m->hist_starts : m->starts)[*n_all] = s.start;
        (hists ? rq->want_hists : rq->want)[v]++;
        if (v == TSDB_STORED)
            rq->max_t = MAX(rq->max_t, s.t);
    }
}

/* Of series that get samples with the request, and of others. */
static void add_exemplars(struct model *m, struct request *rq)
{
    ts_ms now = clock_now_ms(&m->fx.clock.base);

    rq->w.exemplars = rq->exemplars;
    for (size_t i = 0; i < rq->w.n_rows; i++) {
        if (fx_random(&m->random) % 4 == 0)
            rq->exemplars[rq->w.n_exemplars++] = (struct tsdb_exemplar){
                .id = rq->rows[i].id,
                .new_series = (uint32_t)i,
                .exemplar = {.t = now - (ts_ms)(fx_random(&m->random) % 3),
                             .v = (double)(fx_random(&m->random) % 3)}
            };
    }
}

/* What became of them; those of series that never got a sample are refused. */
static void compare_exemplars(struct model *m, const struct request *rq)
{
    size_t n_stored = 0;

    for (size_t i = 0; i < rq->w.n_exemplars; i++) {
        const struct tsdb_exemplar *e = &rq->exemplars[i];
        const struct model_series *ms =
            model_series_of(m, rq->ns[rq->exemplars[i].new_series].labels);

        if (ms->newest.t != INT64_MIN)
            n_stored += model_add_exemplar(
                m, (struct model_exemplar){(size_t)(ms - m->series), e->exemplar.t, e->exemplar.v});
    }
    assert_int_equal(rq->w.n_exemplars_stored, n_stored);
    assert_int_equal(rq->w.n_exemplars_refused, rq->w.n_exemplars - n_stored);
}

static void make_request(struct model *m, struct request *rq, const struct model_case *c)
{
    size_t n = 1 + fx_random(&m->random) % N_ROWS;
    uint64_t half = fx_random(&m->random) % 2;

    *rq = (struct request){.max_t = m->max_t};
    rq->w = (struct tsdb_write){.arena = &m->fx.arena,
                                .rows = rq->rows,
                                .samples = m->samples,
                                .hists = m->hists,
                                .starts = (c->ways & RICH) != 0 ? m->starts : NULL,
                                .hist_starts = m->hist_starts,
                                .series = rq->ns,
                                .metadata = rq->metadata,
                                .backfill = m->writes_backfill};
    m->n_undo = 0;
    for (size_t i = 0; i < n; i++) {
        /* Half of the series sleep in half of the requests. */
        struct model_series *ms = &m->series[fx_random(&m->random) % (m->n_series >> half)];

        if (clock_now_ms(&m->fx.clock.base) >= ms->awake_at)
            add_row(m, rq, ms, c);
    }
    rq->w.n_series = rq->w.n_rows;
    if ((c->ways & EXEMPLARS) != 0)
        add_exemplars(m, rq);
    rq->w.n_metadata = random_metadata(m, rq->metadata);
}

/*
 * A backfill knows the newest sample only of series that got one lately. Of others it finds a
 * second sample at a time to repeat the first of the request, where the model knows both to be
 * late.
 */
static void compare_verdicts(const struct model *m, size_t *got, size_t *want)
{
    static const enum tsdb_verdict repeated[] = {TSDB_DUPLICATE, TSDB_CONFLICT};

    for (size_t i = 0; i < COUNT(repeated) && m->writes_backfill; i++) {
        got[TSDB_STORED] += got[repeated[i]];
        want[TSDB_STORED] += want[repeated[i]];
        got[repeated[i]] = want[repeated[i]] = 0;
    }
    for (size_t i = 0; i < N_TSDB_VERDICTS; i++)
        if (got[i] != want[i])
            print_error("the store finds %zu samples \"%s\", the model %zu; backfill: %d\n", got[i],
                        tsdb_verdict_text((enum tsdb_verdict)i), want[i], m->writes_backfill);
    assert_memory_equal(got, want, N_TSDB_VERDICTS * sizeof(*got));
}

static void step_write(struct model *m, const struct model_case *c)
{
    struct request rq;

    make_request(m, &rq, c);
    if (tsdb_write_sync(m->fx.db, &rq.w) == FER_ESTALE) {
        for (size_t i = 0; i < rq.w.n_rows; i++)
            rq.rows[i].id = 0;
        for (size_t i = 0; i < rq.w.n_exemplars; i++)
            rq.exemplars[i].id = 0;
        (void)tsdb_write_sync(m->fx.db, &rq.w);
    }
    if (rq.w.rc == FER_ENOSPC && c->map_kb > 0) {
        assert_false(m->made_room);
        model_take_back(m);
        m->n_refused++;
        m->n_refused_in_a_row++;
        return;
    }
    m->made_room = false;
    assert_int_equal(rq.w.rc, 0);
    compare_verdicts(m, rq.w.n_verdicts, rq.want);
    compare_verdicts(m, rq.w.n_hist_verdicts, rq.want_hists);
    compare_exemplars(m, &rq);
    m->n_refused_in_a_row = 0;
    m->max_t = rq.max_t;
    for (size_t i = 0; i < rq.w.n_metadata; i++)
        for (size_t k = 0; k < N_FAMILIES; k++)
            if (str_eq(m->families[k].md.family, rq.metadata[i].family))
                m->families[k] = (struct model_family){rq.metadata[i], true};
}

static void step_exemplars(struct model *m)
{
    struct tsdb_match all = {NULL, 0};
    struct source_range range = {INT64_MIN, INT64_MAX};
    struct tsdb_exemplars *v;
    size_t n, n_found = 0;
    struct fault f;

    assert_int_equal(tsdb_query_exemplars(m->fx.db, &m->fx.arena, &all, 1, range, &v, &n, &f), 0);
    for (size_t i = 0; i < n; i++) {
        size_t series = (size_t)(model_series_of(m, v[i].labels) - m->series), at = 0;

        assert_true(i == 0 || labels_cmp(v[i - 1].labels, v[i].labels) < 0);
        n_found += v[i].n;
        for (size_t k = 0; k < m->n_exemplars; k++)
            at += m->exemplars[k].series == series;
        assert_int_equal(v[i].n, at);
        for (size_t k = 0; k < v[i].n; k++)
            assert_true(k == 0 || v[i].v[k].t >= v[i].v[k - 1].t);
    }
    assert_int_equal(n_found, m->n_exemplars);
}

/* ---- reading ---------------------------------------------------------------------------- */

static size_t random_matchers(struct model *m, struct matcher *out)
{
    static const char *const names[] = {LABEL_NAME, "i", "zone", "only3", "missing"};
    static const char *const exact[] = {"m0", "m1", "solo3", "z0", "7", "x", "", "none"};
    static const char *const patterns[] = {"m.*",      "z0|z1", "",           "|z0", ".+",    "1.*",
                                           "solo3|m2", "|x",    "[0-9]*[05]", "m0|", "none|3"};
    size_t n = fx_random(&m->random) % (MATCHERS_MAX + 1);

    for (size_t i = 0; i < n; i++) {
        enum match_op op = (enum match_op)(fx_random(&m->random) % 4);
        const char *name = names[fx_random(&m->random) % COUNT(names)];
        const char *text = op == MATCH_EQ || op == MATCH_NE
                               ? exact[fx_random(&m->random) % COUNT(exact)]
                               : patterns[fx_random(&m->random) % COUNT(patterns)];
        struct fault f;

        assert_int_equal(matcher_init(&out[i], &m->fx.arena, op, str_of(name), str_of(text), &f),
                         0);
    }
    return n;
}

static void step_read(struct model *m, const struct matcher *ma, size_t n, struct source_range r)
{
    struct source_selection *sel = fx_select(&m->fx, ma, n, r.from, r.to);
    ts_ms sure = model_sure_from(m);
    struct model_vec got = {0};
    bool seen[MAX_SERIES] = {false};

    for (size_t i = 0; i < sel->n; i++) {
        struct model_series *ms = model_series_of(m, sel->series[i].labels);

        assert_true(matchers_match(ma, n, ms->labels));
        assert_true(i == 0 || labels_cmp(sel->series[i - 1].labels, ms->labels) < 0);
        seen[ms - m->series] = true;
        model_read(sel, i, &got);
        model_compare(m, ms, &got, r, sure);
    }
    got.n = 0;
    for (size_t i = 0; i < m->n_series; i++)
        if (!seen[i] && matchers_match(ma, n, m->series[i].labels))
            model_compare(m, &m->series[i], &got, r, sure);
    free(got.v);
}

static void read_all(struct model *m)
{
    step_read(m, NULL, 0, (struct source_range){INT64_MIN, INT64_MAX});
}

static void step_read_some(struct model *m)
{
    ts_ms now = clock_now_ms(&m->fx.clock.base);
    ts_ms from = now - (ts_ms)(fx_random(&m->random) % (12 * HOUR_MS));
    struct matcher ma[MATCHERS_MAX];
    size_t n = random_matchers(m, ma);

    step_read(m, ma, n,
              (struct source_range){from, from + (ts_ms)(fx_random(&m->random) % (2 * HOUR_MS))});
}

/* ---- labels ----------------------------------------------------------------------------- */

struct texts {
    struct str *v; /* sorted */
    size_t n;
    struct str name; /* whose values; none: names of labels */
};

static bool has_text(const struct texts *t, struct str text)
{
    for (size_t i = 0; i < t->n; i++)
        if (str_eq(t->v[i], text))
            return true;
    return false;
}

static bool gives_text(const struct texts *t, const struct label *l, struct str text)
{
    return t->name.n == 0 ? str_eq(l->name, text)
                          : str_eq(l->name, t->name) && str_eq(l->value, text);
}

/* Each text is of a series that may be there, and each series that must be there has its own. */
static void check_texts(const struct model *m, const struct matcher *ma, size_t n,
                        const struct texts *t, ts_ms gone)
{
    ts_ms sure = model_sure_from(m);
    bool *founded = xcalloc(t->n + 1, sizeof(*founded));

    for (size_t i = 0; i < m->n_series; i++) {
        const struct model_series *ms = &m->series[i];

        if (ms->newest.t == INT64_MIN || ms->newest.t < gone || !matchers_match(ma, n, ms->labels))
            continue;
        for (size_t k = 0; k < ms->labels.n; k++) {
            const struct label *l = &ms->labels.v[k];

            for (size_t j = 0; j < t->n; j++)
                founded[j] = founded[j] || gives_text(t, l, t->v[j]);
            if (ms->n > 0 && ms->s[ms->n - 1].t >= sure &&
                (t->name.n == 0 || str_eq(l->name, t->name)))
                assert_true(has_text(t, t->name.n == 0 ? l->name : l->value));
        }
    }
    for (size_t j = 0; j < t->n; j++) {
        assert_true(founded[j]);
        assert_true(j == 0 || str_cmp(t->v[j - 1], t->v[j]) < 0);
    }
    free(founded);
}

/*
 * A series whose newest sample is older than this is gone when the store has settled: a slot waits
 * until it can get no sample in order any more, and until it has been quiet by the clock.
 */
static ts_ms gone_before(const struct model *m)
{
    ts_ms kept = model_kept_from(m);

    if (kept == INT64_MIN || m->n_refused > 0 || m->jumped_at != INT64_MIN)
        return INT64_MIN;
    return kept - 2 * HOUR_MS;
}

static void step_labels(struct model *m)
{
    static const char *const names[] = {"", LABEL_NAME, "i", "zone", "only3", "missing"};
    struct source *src = tsdb_source(m->fx.db);
    struct source_range all = {INT64_MIN, INT64_MAX};
    struct matcher ma[MATCHERS_MAX];
    size_t n = random_matchers(m, ma);
    ts_ms gone = INT64_MIN;
    struct fault f;

    if (fx_random(&m->random) % 2 == 0) {
        tsdb_settle(m->fx.db);
        gone = gone_before(m);
    }
    for (size_t i = 0; i < COUNT(names); i++) {
        struct texts t = {.name = str_of(names[i])};
        int rc =
            t.name.n == 0
                ? src->ops->label_names(src, &m->fx.arena, ma, n, all, &t.v, &t.n, &f)
                : src->ops->label_values(src, &m->fx.arena, t.name, ma, n, all, &t.v, &t.n, &f);

        assert_int_equal(rc, 0);
        check_texts(m, ma, n, &t, gone);
    }
}

static void step_metadata(struct model *m)
{
    struct metadata *v;
    size_t n, n_known = 0;
    struct fault f;

    assert_int_equal(tsdb_metadata(m->fx.db, &m->fx.arena, (struct str){0}, &v, &n, &f), 0);
    for (size_t i = 0; i < N_FAMILIES; i++) {
        const struct model_family *want = &m->families[i];
        struct metadata *one;
        size_t n_one;

        n_known += want->known;
        assert_int_equal(tsdb_metadata(m->fx.db, &m->fx.arena, want->md.family, &one, &n_one, &f),
                         0);
        assert_int_equal(n_one, want->known);
        if (!want->known)
            continue;
        assert_true(str_eq(one->family, want->md.family) && str_eq(one->help, want->md.help));
        assert_true(one->type == want->md.type && str_eq(one->unit, want->md.unit));
    }
    assert_int_equal(n, n_known);
}

/* ---- deleting --------------------------------------------------------------------------- */

/* Whether the store is sure to know the series after the deletion, and its newest sample. */
static bool lives_on(const struct model *m, const struct model_series *ms, struct source_range r)
{
    ts_ms sure = model_sure_from(m);

    /* It never was there; or it is, for as long as any verdict depends on it. */
    if (ms->newest.t == INT64_MIN)
        return true;
    sure = sure == INT64_MIN ? sure : sure + 2 * HOUR_MS;
    for (size_t i = ms->n; i > 0 && ms->s[i - 1].t >= sure; i--)
        if (ms->s[i - 1].t < r.from || ms->s[i - 1].t > r.to)
            return true;
    return false;
}

/* A range of some series; all of them that they have when it might be all that the store has. */
static void step_delete(struct model *m)
{
    ts_ms now = clock_now_ms(&m->fx.clock.base);
    ts_ms from = now - (ts_ms)(fx_random(&m->random) % (4 * HOUR_MS));
    struct source_range r = {from, from + (ts_ms)(fx_random(&m->random) % HOUR_MS)};
    struct matcher ma[MATCHERS_MAX];
    size_t n = random_matchers(m, ma);
    struct tsdb_match set = {ma, n};
    bool all = fx_random(&m->random) % 8 == 0;
    struct fault f;

    for (size_t i = 0; i < m->n_series && !all; i++)
        all = matchers_match(ma, n, m->series[i].labels) && !lives_on(m, &m->series[i], r);
    if (all)
        r = (struct source_range){INT64_MIN, INT64_MAX};
    assert_int_equal(tsdb_delete(m->fx.db, &set, 1, r, &f), 0);
    for (size_t i = 0; i < m->n_series; i++) {
        struct model_series *ms = &m->series[i];

        if (!matchers_match(ma, n, ms->labels))
            continue;
        model_delete(ms, r);
        if (all)
            ms->newest.t = INT64_MIN;
    }
    step_read(m, ma, n, r);
    if (all || fx_random(&m->random) % 4 == 0)
        assert_int_equal(tsdb_clean_tombstones(m->fx.db, &f), 0);
    step_read(m, ma, n, r);
}

/* ---- steps ------------------------------------------------------------------------------ */

static void step_sleep(struct model *m)
{
    struct model_series *ms = &m->series[fx_random(&m->random) % m->n_series];

    ms->awake_at = clock_now_ms(&m->fx.clock.base) + (ts_ms)(fx_random(&m->random) % (9 * HOUR_MS));
}

/* Nothing goes in any more: less is kept for once, which makes room. */
static void make_room(struct model *m)
{
    dur_ms retention = m->fx.opts.retention;

    m->fx.opts.retention = HOUR_MS;
    m->lost_before = model_kept_from(m);
    fx_reopen(&m->fx);
    clock_manual_advance(&m->fx.clock, 60000);
    tsdb_settle(m->fx.db);
    m->fx.opts.retention = retention;
    fx_reopen(&m->fx);
    m->n_refused_in_a_row = 0;
    m->made_room = true;
}

static void step(struct model *m, const struct model_case *c)
{
    uint64_t kind = fx_random(&m->random) % 1000;

    clock_manual_advance(&m->fx.clock, (dur_ms)(fx_random(&m->random) % 10000));
    m->writes_backfill = (c->ways & BACKFILL) != 0 && fx_random(&m->random) % 4 == 0;
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
    else if (kind < 66)
        step_labels(m);
    else if (kind < 68)
        step_metadata(m);
    else if (kind < 69 && (c->ways & EXEMPLARS) != 0)
        step_exemplars(m);
    else if (kind < 75 && kind >= 71 && (c->ways & DELETES) != 0)
        step_delete(m);
    else if (kind < 70 && (c->ways & SLEEPS) != 0)
        step_sleep(m);
    else if (kind < 71 && (c->ways & JUMPS) != 0)
        step_jump(m);
    else if (m->n_refused_in_a_row > 50)
        make_room(m);
    else
        step_write(m, c);
}

static void report(struct model *m, int n)
{
    ts_ms now = clock_now_ms(&m->fx.clock.base);
    struct tsdb_stats st;

    tsdb_stats(m->fx.db, &st);
    print_message("%d operations, %lld hours; %llu series, %llu KiB used, %.1f hours kept", n,
                  (long long)((now - T0) / HOUR_MS), (unsigned long long)st.n_series,
                  (unsigned long long)st.used_bytes / 1024,
                  (double)(m->max_t - st.min_time) / (double)HOUR_MS);
    print_message(m->n_refused > 0 ? ", %zu requests found no room\n" : "\n", m->n_refused);
    if (m->fx.opts.retention_bytes == 0)
        return;
    assert_true(st.used_bytes <= m->fx.opts.retention_bytes * 3 / 2);
    assert_true(m->max_t - st.min_time >= HOUR_MS);
}

static void test_model(void **state)
{
    const struct model_case *c = *state;
    const char *rounds = getenv("FERULA_TEST_ROUNDS");
    struct model m;
    int n = (rounds == NULL ? 4000 : atoi(rounds)) / (int)(1 + c->n_samples / 10);

    model_init(&m, c->n_series);
    atomic_store(&clock_behind, 0);
    m.fx.clock.base.now_ms = behind_now_ms;
    m.samples = xcalloc((size_t)N_ROWS * c->n_samples, sizeof(*m.samples));
    m.hists = xcalloc((size_t)N_ROWS * c->n_samples, sizeof(*m.hists));
    m.starts = xcalloc((size_t)N_ROWS * c->n_samples, sizeof(*m.starts));
    m.hist_starts = xcalloc((size_t)N_ROWS * c->n_samples, sizeof(*m.hist_starts));
    m.undo = xcalloc((size_t)N_ROWS * c->n_samples, sizeof(*m.undo));
    m.fx.map_bytes = (size_t)c->map_kb * 1024;
    m.fx.opts.ooo_window = c->ooo_window;
    m.fx.opts.max_exemplars = (c->ways & EXEMPLARS) != 0 ? MODEL_EXEMPLARS : 0;
    m.fx.opts.retention = c->retention;
    m.fx.opts.slice_rows = c->slice_rows;
    m.fx.opts.retention_bytes = (uint64_t)c->retention_kb * 1024;
    fx_open(&m.fx);
    for (int i = 0; i < n; i++) {
        step(&m, c);
        if (i % 100 == 0)
            arena_reset(&m.fx.arena);
        if (i % 1000 == 0 && c->retention > 0 && m.max_t != INT64_MIN)
            model_prune(&m, model_kept_from(&m) - 12 * HOUR_MS);
    }
    read_all(&m);
    tsdb_settle(m.fx.db);
    read_all(&m);
    report(&m, n);
    fx_crash(&m.fx);
    read_all(&m);
    step_metadata(&m);
    if ((c->ways & EXEMPLARS) != 0)
        step_exemplars(&m);
    model_release(&m);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, cases, test_model, name);
    cmocka_set_test_filter(getenv("FERULA_TEST_CASE"));
    return CASES_RUN("tsdb model", &c);
}
