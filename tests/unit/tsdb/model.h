/*
 * model.h - the store as a plain array: what test_model.c holds against the real one.
 */
#ifndef TEST_TSDB_MODEL_H
#define TEST_TSDB_MODEL_H

#include "histograms.h"

#define MAX_SERIES 1100 /* so that there are several pages of them */
#define N_FAMILIES 6
#define HOUR_MS    (INT64_C(3600) * 1000)

/* A histogram is told by its sum: hist_any(). */
struct model_sample {
    ts_ms t;
    double v;
    ts_ms start; /* 0: not known */
    bool is_hist;
};

static inline bool model_same(const struct model_sample *x, const struct model_sample *y)
{
    return x->t == y->t && same_bits(x->v, y->v) && x->is_hist == y->is_hist;
}

struct model_series {
    struct labels labels;
    struct hash128 raw;
    struct model_sample *s; /* ascending */
    size_t n, cap;
    struct model_sample newest; /* of all ever accepted; t INT64_MIN: none */
    ts_ms awake_at;             /* by the clock; gets no sample before */
};

/* Those kept, the newest last; a series is told by its number. */
#define MODEL_EXEMPLARS 30

struct model_exemplar {
    size_t series;
    ts_ms t;
    double v;
};

/* How to take a sample back: a request that found no room leaves nothing. */
struct model_undo {
    struct model_series *ms;
    ts_ms t;
    struct model_sample newest;
};

struct model_family {
    struct metadata md;
    bool known;
};

struct model {
    struct fixture fx;
    struct arena texts; /* of labels and metadata */
    struct model_series *series;
    size_t n_series;
    struct model_family families[N_FAMILIES];
    ts_ms max_t;
    ts_ms lost_before; /* a shorter retention was in force; INT64_MIN: never */
    ts_ms jumped_at;   /* the newest sample when the clock last went back; INT64_MIN: never */
    uint64_t random;
    bool writes_backfill;
    bool made_room;         /* just now: the next request must be taken */
    struct sample *samples; /* of a request */
    struct hsample *hists;
    ts_ms *starts, *hist_starts;
    struct model_exemplar exemplars[MODEL_EXEMPLARS];
    size_t n_exemplars;
    struct model_undo *undo;
    size_t n_undo, n_refused, n_refused_in_a_row;
};

static inline ts_ms model_kept_from(const struct model *m)
{
    return m->fx.opts.retention == 0 || m->max_t == INT64_MIN ? INT64_MIN
                                                              : m->max_t - m->fx.opts.retention;
}

/*
 * From here on everything must be there; what is older may be gone. To be asked after a read: with
 * a limit of bytes the store says itself how far back it goes, and only whole half hours go.
 */
static inline ts_ms model_sure_from(const struct model *m)
{
    ts_ms sure = MAX(model_kept_from(m), m->lost_before);
    struct tsdb_stats st;

    if (m->fx.opts.retention_bytes == 0)
        return sure;
    tsdb_stats(m->fx.db, &st);
    if (st.min_time == INT64_MAX)
        return sure;
    return MAX(sure, st.min_time - st.min_time % (HOUR_MS / 2) + HOUR_MS / 2);
}

/* Place of the first sample at or after `t`. */
static inline size_t model_find_time(const struct model_series *ms, ts_ms t)
{
    size_t from = 0, to = ms->n;

    while (from < to) {
        size_t mid = from + (to - from) / 2;

        if (ms->s[mid].t < t)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

/* The first sample at a time stays. */
static inline bool model_insert(struct model_series *ms, struct model_sample s)
{
    size_t at = model_find_time(ms, s.t);

    if (at < ms->n && ms->s[at].t == s.t)
        return false;
    if (ms->n == ms->cap) {
        ms->cap = ms->cap == 0 ? 64 : ms->cap * 2;
        ms->s = xrealloc(ms->s, ms->cap, sizeof(*ms->s));
    }
    memmove(ms->s + at + 1, ms->s + at, (ms->n - at) * sizeof(*ms->s));
    ms->s[at] = s;
    ms->n++;
    return true;
}

/* Forgets what no read asks for, so that a long run stays fast. */
static inline void model_prune(struct model *m, ts_ms before)
{
    for (size_t i = 0; i < m->n_series; i++) {
        struct model_series *ms = &m->series[i];
        size_t n = model_find_time(ms, before);

        if (n == 0)
            continue;
        memmove(ms->s, ms->s + n, (ms->n - n) * sizeof(*ms->s));
        ms->n -= n;
    }
}

struct model_bounds {
    ts_ms oldest, window_from;
    bool set;
};

/* The rules, as the header states them. */
static inline enum tsdb_verdict model_judge(const struct model *m, const struct model_series *ms,
                                            struct model_sample s, struct model_bounds *b)
{
    dur_ms window = m->fx.opts.ooo_window;

    if (s.t > clock_now_ms(&m->fx.clock.base) + 600000)
        return TSDB_TOO_NEW;
    if (!b->set) {
        ts_ms newest = m->max_t == INT64_MIN ? s.t : m->max_t;

        *b =
            (struct model_bounds){newest - HOUR_MS, window > 0 ? newest - window : INT64_MAX, true};
        if (m->writes_backfill)
            b->oldest = b->window_from = model_kept_from(m);
    }
    if (s.t >= b->oldest && s.t > ms->newest.t)
        return TSDB_STORED;
    if (s.t >= b->oldest && s.t == ms->newest.t)
        return model_same(&s, &ms->newest) ? TSDB_DUPLICATE : TSDB_CONFLICT;
    if (s.t >= b->window_from)
        return TSDB_STORED;
    if (window > 0 && !m->writes_backfill)
        return TSDB_BEYOND_WINDOW;
    return s.t < b->oldest ? TSDB_TOO_OLD : TSDB_OUT_OF_ORDER;
}

static inline enum tsdb_verdict model_add(struct model *m, struct model_series *ms,
                                          struct model_sample s, struct model_bounds *b)
{
    enum tsdb_verdict v = model_judge(m, ms, s, b);
    struct model_undo undo = {ms, INT64_MIN, ms->newest};

    if (v != TSDB_STORED)
        return v;
    if (model_insert(ms, s))
        undo.t = s.t;
    if (s.t > ms->newest.t)
        ms->newest = s;
    m->undo[m->n_undo++] = undo;
    return v;
}

static inline void model_take_back(struct model *m)
{
    while (m->n_undo > 0) {
        const struct model_undo *u = &m->undo[--m->n_undo];

        if (u->t != INT64_MIN) {
            size_t at = model_find_time(u->ms, u->t);

            memmove(u->ms->s + at, u->ms->s + at + 1, (u->ms->n - at - 1) * sizeof(*u->ms->s));
            u->ms->n--;
        }
        u->ms->newest = u->newest;
    }
}

static inline void model_delete(struct model_series *ms, struct source_range range)
{
    size_t n = 0;

    for (size_t i = 0; i < ms->n; i++)
        if (ms->s[i].t < range.from || ms->s[i].t > range.to)
            ms->s[n++] = ms->s[i];
    ms->n = n;
}

/* What a read gave, as the model has it. */
struct model_vec {
    struct model_sample *v; /* heap */
    size_t n, cap;
};

static inline void model_push(struct model_vec *mv, struct model_sample s)
{
    if (mv->n == mv->cap) {
        mv->cap = mv->cap == 0 ? 64 : mv->cap * 2;
        mv->v = xrealloc(mv->v, mv->cap, sizeof(*mv->v));
    }
    mv->v[mv->n++] = s;
}

/*
 * A histogram is that of its number, and its hint what storage gives back for it after `before`,
 * the sample before it (NULL: none is known), if it says anything.
 */
static inline void model_check_hist(struct arena *a, const struct histogram *h,
                                    const struct histogram *before)
{
    struct histogram *want = hist_any(a, f64_bits(h->sum));

    if (!hist_same(h, want))
        fail_msg("the histogram of %a is another one", h->sum);
    assert_true((h->hint == HISTOGRAM_GAUGE) == (want->hint == HISTOGRAM_GAUGE));
    if (h->hint != HISTOGRAM_UNKNOWN && before != NULL)
        assert_int_equal(h->hint, histogram_stored_hint(want, before));
}

static inline void model_flatten(struct arena *a, const struct series_samples *ss,
                                 struct model_vec *out)
{
    size_t i = 0, k = 0;
    const struct histogram *before = NULL;

    assert_true(ss->f_start.n == 0 || ss->f_start.n == ss->f.n);
    assert_true(ss->h_start.n == 0 || ss->h_start.n == ss->h.n);
    out->n = 0;
    while (i < ss->f.n || k < ss->h.n) {
        if (k == ss->h.n || (i < ss->f.n && ss->f.v[i].t < ss->h.v[k].t)) {
            model_push(out, (struct model_sample){ss->f.v[i].t, ss->f.v[i].v,
                                                  ss->f_start.n > 0 ? ss->f_start.v[i] : 0, false});
            before = NULL;
            i++;
            continue;
        }
        model_check_hist(a, ss->h.v[k].h, before);
        before = ss->h.v[k].h;
        model_push(out, (struct model_sample){ss->h.v[k].t, before->sum,
                                              ss->h_start.n > 0 ? ss->h_start.v[k] : 0, true});
        k++;
    }
}

static inline void model_read(const struct source_selection *sel, size_t i, struct model_vec *out)
{
    struct arena a = {0};
    struct series_samples ss = {.arena = &a};
    struct fault f = {0};

    if (sel->source->ops->read(sel, i, &ss, &f) != 0)
        fail_msg("read: %s", f.text);
    model_flatten(&a, &ss, out);
    series_samples_release(&ss);
    arena_release(&a);
}

/* The samples of a series that a read of [from, to] gave. */
static inline void model_compare(const struct model *m, const struct model_series *ms,
                                 const struct model_vec *got, struct source_range range, ts_ms sure)
{
    size_t at = model_find_time(ms, range.from);

    for (size_t k = 0; k < got->n; k++, at++) {
        const struct model_sample *s = &got->v[k];

        while (at < ms->n && ms->s[at].t < MIN(s->t, sure))
            at++;
        /* Past the retention a first sample may be gone when a second at its time arrives. */
        if (at == ms->n || s->t != ms->s[at].t ||
            (s->t >= sure && (!model_same(s, &ms->s[at]) || s->start != ms->s[at].start)))
            fail_msg("series %td: the store has %lld %a, the model %lld %a; sure from %lld, newest "
                     "%lld",
                     ms - m->series, (long long)s->t, s->v, at < ms->n ? (long long)ms->s[at].t : 0,
                     at < ms->n ? ms->s[at].v : 0, (long long)sure, (long long)m->max_t);
    }
    at = MAX(at, model_find_time(ms, MAX(range.from, sure)));
    if (at < ms->n && ms->s[at].t <= range.to)
        fail_msg("series %td: the store does not have %lld; sure from %lld, newest %lld",
                 ms - m->series, (long long)ms->s[at].t, (long long)sure, (long long)m->max_t);
}

/* As tsdb/exemplar.go: true when it is stored, or there already. */
static inline bool model_add_exemplar(struct model *m, struct model_exemplar e)
{
    const struct model_exemplar *newest = NULL;

    for (size_t i = 0; i < m->n_exemplars; i++)
        if (m->exemplars[i].series == e.series &&
            (newest == NULL || m->exemplars[i].t >= newest->t))
            newest = &m->exemplars[i];
    if (newest != NULL && newest->t == e.t && newest->v == e.v)
        return true;
    if (newest != NULL && ((e.t < newest->t && e.t <= newest->t - m->fx.opts.ooo_window) ||
                           (e.t == newest->t && e.v < newest->v)))
        return false;
    if (m->n_exemplars == MODEL_EXEMPLARS) {
        memmove(m->exemplars, m->exemplars + 1, (MODEL_EXEMPLARS - 1) * sizeof(e));
        m->n_exemplars--;
    }
    m->exemplars[m->n_exemplars++] = e;
    return true;
}

static inline struct model_series *model_series_of(struct model *m, struct labels ls)
{
    for (size_t i = 0; i < ls.n; i++) {
        struct model_series *ms;
        size_t at;

        if (!str_is(ls.v[i].name, "i"))
            continue;
        at = strtoul(arena_strdup(&m->fx.arena, ls.v[i].value), NULL, 10);
        assert_true(at < m->n_series);
        ms = &m->series[at];
        assert_true(labels_eq(ms->labels, ls));
        return ms;
    }
    fail_msg("an unknown series");
    return NULL;
}

/* Every third has a zone; every fourth has a name, and a label, that no other has. */
static inline void model_init(struct model *m, size_t n_series)
{
    static const char *const helps[N_FAMILIES] = {"m0", "m1", "m2", "solo3", "solo7", "never"};

    *m = (struct model){.n_series = n_series,
                        .max_t = INT64_MIN,
                        .lost_before = INT64_MIN,
                        .jumped_at = INT64_MIN,
                        .random = fx_random_start()};
    fx_init(&m->fx);
    m->series = xcalloc(n_series, sizeof(*m->series));
    for (size_t i = 0; i < n_series; i++) {
        struct str text =
            i < 40 && i % 4 == 3
                ? arena_printf(&m->texts, "__name__=solo%zu,i=%zu,only%zu=x", i, i, i)
            : i % 3 == 0 ? arena_printf(&m->texts, "__name__=m%zu,i=%zu,zone=z%zu", i % 3, i, i % 2)
                         : arena_printf(&m->texts, "__name__=m%zu,i=%zu", i % 3, i);

        m->series[i].labels = fx_labels(&m->texts, text.p);
        m->series[i].raw = fx_raw(text.p);
        m->series[i].newest.t = INT64_MIN;
    }
    for (size_t i = 0; i < N_FAMILIES; i++)
        m->families[i].md.family = str_of(helps[i]);
}

static inline void model_release(struct model *m)
{
    fx_release(&m->fx);
    for (size_t i = 0; i < m->n_series; i++)
        free(m->series[i].s);
    free(m->series);
    free(m->samples);
    free(m->hists);
    free(m->starts);
    free(m->hist_starts);
    free(m->undo);
    arena_release(&m->texts);
}

#endif
