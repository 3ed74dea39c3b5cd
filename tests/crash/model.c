/*
 * model.c - requests from a seed, and the comparison of a store with them.
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/base/stats.h"

#define TWICE_EVERY  5 /* requests in which every series has two samples */
#define REPEAT_EVERY 7 /* requests that begin with what the one before said */
#define LATE_EVERY   8 /* series of which one has late samples */
#define MOST_SAMPLES 3 /* of a series in a request */
#define META_EVERY   9 /* requests that change a metric's help text */
#define HIST_EVERY   7 /* series of which one has histograms */
#define START_EVERY  5 /* series of which one has start timestamps */

/* Of the series whose samples are deleted, and of the requests among MODEL_DELETES_EVERY. */
#define VICTIM       1
#define DELETE_FIRST 1
#define DELETE_LAST  5

/* splitmix64 of all that names a sample. */
static uint64_t mix(const struct model *m, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t z = m->seed + a * UINT64_C(0x9e3779b97f4a7c15) + b * UINT64_C(0xc2b2ae3d27d4eb4f) +
                 c * UINT64_C(0x165667b19e3779f9);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Series of a client, that is. */
static uint32_t n_series(const struct model *m)
{
    return m->n_steady + (m->n_requests - 1) / m->new_every + 1;
}

static bool is_in(const struct model *m, uint32_t client, uint32_t series, uint32_t request)
{
    if (series >= m->n_steady)
        return request / m->new_every == series - m->n_steady;
    return mix(m, client, series, request) % 4 != 0;
}

/* Samples of a series in a request, but for a late one. */
static uint32_t n_on_time(uint32_t request)
{
    return request % TWICE_EVERY == TWICE_EVERY - 1 ? 2 : 1;
}

static ts_ms time_of(const struct model *m, uint32_t client, uint32_t request, uint32_t i)
{
    ts_ms jitter = (ts_ms)(mix(m, client, 0, request) % 5);

    return MODEL_T0 + m->step * request + jitter + m->step / 2 * i;
}

ts_ms model_time(const struct model *m, uint32_t client, uint32_t request)
{
    return time_of(m, client, request, n_on_time(request) - 1);
}

/* Kinds of values as scrapers send them, and any bits at all. */
static double value_of(const struct model *m, uint32_t client, uint32_t series, uint32_t request)
{
    uint64_t random = mix(m, client, series + 1, request + 1);

    if (random % 61 == 0)
        return f64_from_bits(STALE_NAN_BITS);
    switch (series % 6) {
    case 0:
        return 42 + series;
    case 1:
        return 17.0 * request + (double)(random % 17);
    case 2:
        return (double)(random % 100000) / 100;
    case 3:
        return f64_from_bits(random);
    case 4:
        return (double)(random % 3);
    default:
        return request % 50 == 0 ? -0.0 : 0.1 * request;
    }
}

/*
 * The time of a sample that comes with `request` and is some steps older: no other sample of its
 * series has it.
 */
static ts_ms late_time(const struct model *m, uint32_t client, uint32_t series, uint32_t request)
{
    ts_ms back = 1 + (ts_ms)(mix(m, client, series, ~request) % (uint64_t)(m->late / m->step));

    return time_of(m, client, request, 0) - back * m->step - m->step / 4 - 8 * (ts_ms)request;
}

/* What `series` gets with `request`, which it is in. Returns how many. */
static uint32_t samples_of(const struct model *m, uint32_t client, uint32_t series,
                           uint32_t request, struct sample out[MOST_SAMPLES])
{
    uint32_t n = n_on_time(request);

    for (uint32_t i = 0; i < n; i++)
        out[i] = (struct sample){time_of(m, client, request, i),
                                 value_of(m, client, series, request + i * m->n_requests)};
    if (series % LATE_EVERY == LATE_EVERY - 1 && series < m->n_steady && request % 3 != 0) {
        out[n++] = (struct sample){late_time(m, client, series, request),
                                   value_of(m, client, series, request + 2 * m->n_requests)};
    }
    return n;
}

static bool is_hist(uint32_t series)
{
    return series % HIST_EVERY == HIST_EVERY - 1;
}

static ts_ms start_of(uint32_t series)
{
    return series % START_EVERY == 0 ? MODEL_T0 - series : 0;
}

/* The histogram that stands for a value, which is its sum. */
static struct histogram *histogram_of(struct arena *a, double v)
{
    struct histogram *h = arena_new(a, struct histogram);
    uint64_t bits = f64_bits(v);

    *h = (struct histogram){.schema = 2, .integer = true, .zero_threshold = 0x1p-128, .sum = v};
    h->pos.n = 1 + bits % 9;
    h->pos.index = arena_array(a, int32_t, h->pos.n);
    h->pos.count = arena_array(a, double, h->pos.n);
    for (size_t i = 0; i < h->pos.n; i++) {
        h->pos.index[i] = (int32_t)(i * (1 + bits / 16 % 3)) - 4;
        h->pos.count[i] = (double)((bits >> i) % 1000);
        h->count += h->pos.count[i];
    }
    return h;
}

/* The times of request `r` of a client, which are all of its samples that are not late. */
static struct source_range times_of(const struct model *m, uint32_t client, uint32_t request)
{
    return (struct source_range){time_of(m, client, request, 0), model_time(m, client, request)};
}

int model_delete(const struct model *m, struct tsdb *db, uint32_t client, uint32_t i)
{
    uint32_t first = i * MODEL_DELETES_EVERY + DELETE_FIRST;
    uint32_t last = i * MODEL_DELETES_EVERY + DELETE_LAST;
    struct source_range range = {times_of(m, client, first).from, times_of(m, client, last).to};
    struct arena a = {0};
    struct matcher ma[2];
    struct tsdb_match set = {ma, COUNT(ma)};
    struct fault f;
    int rc = matcher_init(&ma[0], &a, MATCH_EQ, STR("client"), arena_printf(&a, "%u", client), &f);

    if (rc == 0)
        rc = matcher_init(&ma[1], &a, MATCH_EQ, STR("series"), arena_printf(&a, "%d", VICTIM), &f);
    if (rc == 0)
        rc = tsdb_delete(db, &set, 1, range, &f);
    arena_release(&a);
    return rc;
}

/* What became of the deletion of a sample; FATE_UNSENT when there is none that covers it. */
static uint8_t *deletion_of(const struct model *m, uint32_t client, uint32_t series,
                            uint32_t request)
{
    static uint8_t none;
    uint32_t at = request % MODEL_DELETES_EVERY;

    none = FATE_UNSENT;
    return series != VICTIM || at < DELETE_FIRST || at > DELETE_LAST
               ? &none
               : model_deletion(m, client, request / MODEL_DELETES_EVERY);
}

/* ---- all that is ever sent --------------------------------------------------------------- */

static int by_time(const void *pa, const void *pb)
{
    ts_ms a = ((const struct model_sample *)pa)->s.t, b = ((const struct model_sample *)pb)->s.t;

    return a < b ? -1 : a > b;
}

static void fill_series(const struct model *m, uint32_t client, uint32_t series,
                        struct model_series *out)
{
    struct sample s[MOST_SAMPLES];

    for (uint32_t r = 0; r < m->n_requests; r++) {
        uint32_t n = is_in(m, client, series, r) ? samples_of(m, client, series, r, s) : 0;

        for (uint32_t i = 0; i < n; i++) {
            if (out->n == out->cap) {
                out->cap = out->cap == 0 ? 16 : 2 * out->cap;
                out->v = xrealloc(out->v, out->cap, sizeof(*out->v));
            }
            out->v[out->n++] = (struct model_sample){s[i], r};
        }
    }
    if (out->n > 1)
        qsort(out->v, out->n, sizeof(*out->v), by_time);
    for (size_t i = 1; i < out->n; i++)
        CHECK(out->v[i - 1].s.t < out->v[i].s.t);
}

void model_init(struct model *m)
{
    CHECK(m->late >= m->step);
    m->series = xcalloc(m->n_clients * n_series(m), sizeof(*m->series));
    m->deletions = xcalloc(m->n_clients, m->n_requests);
    for (uint32_t i = 0; i < m->n_clients * n_series(m); i++)
        fill_series(m, i / n_series(m), i % n_series(m), &m->series[i]);
}

void model_release(struct model *m)
{
    for (uint32_t i = 0; i < m->n_clients * n_series(m); i++)
        free(m->series[i].v);
    free(m->series);
    free(m->deletions);
    m->series = NULL;
    m->deletions = NULL;
}

static struct labels labels_of(uint32_t client, uint32_t series, struct arena *a)
{
    struct label *v = arena_array(a, struct label, 4);

    v[0] = (struct label){STR(LABEL_NAME), arena_printf(a, "model_%u_total", series % 10)};
    v[1] = (struct label){STR("client"), arena_printf(a, "%u", client)};
    v[2] = (struct label){STR("job"), STR("a job whose name is as long as names often are")};
    v[3] = (struct label){STR("series"), arena_printf(a, "%u", series)};
    return (struct labels){v, 4};
}

/* ---- writing ----------------------------------------------------------------------------- */

struct filling {
    const struct model *m;
    struct tsdb *db;
    struct arena *a;
    struct tsdb_write *w;
    struct sample *samples;
    struct hsample *hists;
    ts_ms *starts;
    uint32_t client;
    uint32_t *known; /* of a series: 1 + its index in w->series */
};

static struct hash128 raw_of(uint32_t client, uint32_t series)
{
    uint32_t key[2] = {client, series};

    return hash_keyed128(key, sizeof(key));
}

static void add_row(struct filling *fi, uint32_t series, uint32_t request)
{
    struct tsdb_write *w = fi->w;
    struct hash128 raw = raw_of(fi->client, series);
    struct tsdb_row *row = &w->rows[w->n_rows++];

    *row = (struct tsdb_row){.id = tsdb_find_raw(fi->db, raw), .hists = is_hist(series)};
    row->n = samples_of(fi->m, fi->client, series, request, &fi->samples[w->n_samples]);
    row->first = (uint32_t)(row->hists ? w->n_hists : w->n_samples);
    for (uint32_t i = 0; i < row->n; i++) {
        const struct sample *s = &fi->samples[w->n_samples + i];

        fi->starts[row->first + i] = row->hists ? fi->starts[row->first + i] : start_of(series);
        if (row->hists)
            fi->hists[w->n_hists++] = (struct hsample){s->t, histogram_of(fi->a, s->v)};
    }
    w->n_samples += row->hists ? 0 : row->n;
    if (row->id != 0)
        return;
    if (fi->known[series] == 0) {
        w->series[w->n_series++] =
            (struct tsdb_new_series){.labels = labels_of(fi->client, series, fi->a), .raw = raw};
        fi->known[series] = (uint32_t)w->n_series;
    }
    row->new_series = fi->known[series] - 1;
}

static void add_rows(struct filling *fi, uint32_t request)
{
    for (uint32_t s = 0; s < n_series(fi->m); s++)
        if (is_in(fi->m, fi->client, s, request))
            add_row(fi, s, request);
}

/* One of series 0, when it is in the request. */
static void add_exemplar(struct filling *fi, uint32_t request)
{
    struct tsdb_write *w = fi->w;
    struct tsdb_exemplar *e = arena_new(fi->a, struct tsdb_exemplar);
    struct label *l = arena_new(fi->a, struct label);

    if (!is_in(fi->m, fi->client, 0, request))
        return;
    *l = (struct label){STR("trace_id"), arena_printf(fi->a, "%u", request)};
    e->id = tsdb_find_raw(fi->db, raw_of(fi->client, 0));
    e->new_series = e->id == 0 ? fi->known[0] - 1 : 0;
    e->exemplar = (struct exemplar){
        {l, 1},
        request, model_time(fi->m, fi->client, request)
    };
    w->exemplars = e;
    w->n_exemplars = 1;
}

void model_write(const struct model *m, struct tsdb *db, uint32_t client, uint32_t request,
                 struct arena *a, struct tsdb_write *w)
{
    size_t most = 2 * (m->n_steady + 1);
    struct filling fi = {.m = m, .db = db, .a = a, .w = w, .client = client};

    *w = (struct tsdb_write){.arena = a};
    w->rows = arena_array(a, struct tsdb_row, most);
    w->series = arena_array(a, struct tsdb_new_series, most);
    w->samples = fi.samples = arena_array(a, struct sample, MOST_SAMPLES * most);
    w->hists = fi.hists = arena_array(a, struct hsample, MOST_SAMPLES * most);
    w->starts = fi.starts = arena_array(a, ts_ms, MOST_SAMPLES * most);
    fi.known = arena_array(a, uint32_t, n_series(m));
    if (request % REPEAT_EVERY == REPEAT_EVERY - 1 &&
        *model_fate(m, client, request - 1) == FATE_STORED)
        add_rows(&fi, request - 1);
    add_rows(&fi, request);
    add_exemplar(&fi, request);
    if (request % META_EVERY == 0) {
        struct metadata *md = arena_new(a, struct metadata);

        md->family = arena_printf(a, "model_%u_total", request % 10);
        md->help = arena_printf(a, "Words of client %u in request %u.", client, request);
        w->metadata = md;
        w->n_metadata = 1;
    }
}

/* ---- comparing --------------------------------------------------------------------------- */

enum found { FOUND_UNKNOWN = 0, FOUND_THERE, FOUND_ABSENT };

struct comparing {
    struct model *m;
    struct arena a;
    struct model_diff *diff;
    uint8_t *found; /* enum found by request, as m->fate is laid out */
    uint8_t *found_deletions;
    bool *seen;      /* by client and series */
    ts_ms keep_from; /* older samples may have gone */
};

__attribute__((format(printf, 3, 4))) static void differ(struct comparing *c, uint32_t *count,
                                                         const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (c->diff->text[0] == '\0')
        vsnprintf(c->diff->text, sizeof(c->diff->text), fmt, ap);
    va_end(ap);
    ++*count;
}

/* Whether the store has `want` at its next place, samples[*at]. */
static bool is_next(struct comparing *c, const struct sample_vec *got, size_t *at,
                    struct sample want)
{
    for (; *at < got->n && got->v[*at].t < want.t; ++*at)
        differ(c, &c->diff->n_wrong, "a sample at %+lld ms that was not stored",
               (long long)(got->v[*at].t - MODEL_T0));
    return *at < got->n && got->v[*at].t == want.t;
}

/* A sample that is deleted, or is on its way to be: then all of the deletion or nothing. */
static void compare_deleted(struct comparing *c, uint32_t client, const struct model_sample *want,
                            const uint8_t *deletion, bool there)
{
    uint8_t *found = &c->found_deletions[deletion - c->m->deletions];

    if (*deletion == FATE_STORED && there)
        differ(c, &c->diff->n_wrong, "request %u of client %u: a deleted sample is there",
               want->request, client);
    if (*deletion == FATE_OPEN && *found == (there ? FOUND_ABSENT : FOUND_THERE))
        differ(c, &c->diff->n_torn, "a deletion of client %u is torn at request %u", client,
               want->request);
    *found = there ? FOUND_THERE : FOUND_ABSENT;
}

static void compare_sample(struct comparing *c, uint32_t client, uint32_t series,
                           const struct model_sample *want, const struct sample_vec *got,
                           size_t *at)
{
    uint8_t fate = *model_fate(c->m, client, want->request);
    uint8_t *found = &c->found[client * c->m->n_requests + want->request];
    uint8_t *deletion = deletion_of(c->m, client, series, want->request);
    bool there = fate != FATE_UNSENT && is_next(c, got, at, want->s);

    if (fate == FATE_UNSENT || (!there && want->s.t < c->keep_from))
        return;
    if (fate == FATE_STORED && *deletion != FATE_UNSENT) {
        compare_deleted(c, client, want, deletion, there);
        *at += there;
        return;
    }
    if (there && !same_bits(got->v[*at].v, want->s.v))
        differ(c, &c->diff->n_wrong, "series %u of client %u, request %u: %a instead of %a", series,
               client, want->request, got->v[*at].v, want->s.v);
    if (fate == FATE_STORED && !there)
        differ(c, &c->diff->n_lost, "series %u of client %u: of request %u, %+lld ms is lost",
               series, client, want->request, (long long)(want->s.t - MODEL_T0));
    if (fate == FATE_OPEN && *found == (there ? FOUND_ABSENT : FOUND_THERE))
        differ(c, &c->diff->n_torn, "request %u of client %u is torn at series %u", want->request,
               client, series);
    *found = there ? FOUND_THERE : FOUND_ABSENT;
    c->diff->n_samples += there;
    *at += there;
}

static void compare_series(struct comparing *c, uint32_t client, uint32_t series,
                           const struct sample_vec *got)
{
    const struct model_series *ms = &c->m->series[client * n_series(c->m) + series];
    size_t at = 0;

    for (size_t i = 0; i < ms->n; i++)
        compare_sample(c, client, series, &ms->v[i], got, &at);
    for (; at < got->n; at++)
        differ(c, &c->diff->n_wrong, "series %u of client %u: a sample at %+lld ms", series, client,
               (long long)(got->v[at].t - MODEL_T0));
}

/* Client and series of a label set; false when it is not one of ours. */
static bool known_series(struct comparing *c, struct labels ls, uint32_t *client, uint32_t *series)
{
    uint64_t v[2];

    if (!str_to_u64(labels_get(ls, STR("client")), &v[0]) || v[0] >= c->m->n_clients ||
        !str_to_u64(labels_get(ls, STR("series")), &v[1]) || v[1] >= n_series(c->m))
        return false;
    *client = (uint32_t)v[0];
    *series = (uint32_t)v[1];
    return labels_eq(ls, labels_of(*client, *series, &c->a)) &&
           !c->seen[*client * n_series(c->m) + *series];
}

/* A histogram is its value. */
static void flatten(struct comparing *c, const struct series_samples *ss, struct sample_vec *out)
{
    out->n = 0;
    for (size_t i = 0; i < ss->f.n; i++)
        sample_vec_push(out, ss->f.v[i]);
    for (size_t i = 0; i < ss->h.n; i++) {
        const struct histogram *h = ss->h.v[i].h;

        if (!histogram_equal(h, histogram_of(&c->a, h->sum)))
            differ(c, &c->diff->n_wrong, "a histogram at %+lld ms is not what was sent",
                   (long long)(ss->h.v[i].t - MODEL_T0));
        sample_vec_push(out, (struct sample){ss->h.v[i].t, h->sum});
    }
}

/* Floats or histograms, and the start timestamps beside them. */
static void compare_kind(struct comparing *c, uint32_t series, const struct series_samples *ss)
{
    ts_ms start = is_hist(series) ? 0 : start_of(series);

    if (is_hist(series) ? ss->f.n > 0 : ss->h.n > 0)
        differ(c, &c->diff->n_wrong, "series %u has samples of another kind", series);
    for (size_t i = 0; i < ss->f.n; i++)
        if ((ss->f_start.n > 0 ? ss->f_start.v[i] : 0) != start)
            differ(c, &c->diff->n_wrong, "series %u has a wrong start timestamp", series);
}

/* The exemplar of a request is there when the request is. */
static void compare_exemplar(struct comparing *c, uint32_t client, uint32_t request, bool there)
{
    uint8_t fate = *model_fate(c->m, client, request);
    uint8_t found = c->found[client * c->m->n_requests + request];

    if (there && fate == FATE_UNSENT)
        differ(c, &c->diff->n_wrong, "an exemplar of request %u of client %u, which was not sent",
               request, client);
    if (!there && fate == FATE_STORED)
        differ(c, &c->diff->n_lost, "the exemplar of request %u of client %u is lost", request,
               client);
    if (fate == FATE_OPEN && found != FOUND_UNKNOWN && (found == FOUND_THERE) != there)
        differ(c, &c->diff->n_torn, "request %u of client %u is torn at its exemplar", request,
               client);
}

static int compare_exemplars(struct comparing *c, struct tsdb *db, struct fault *f)
{
    uint32_t n_all = c->m->n_clients * c->m->n_requests, client, series;
    bool *there = arena_array(&c->a, bool, n_all);
    struct source_range all = {INT64_MIN, INT64_MAX};
    struct tsdb_match any = {NULL, 0};
    struct tsdb_exemplars *v;
    size_t n;
    int rc = tsdb_query_exemplars(db, &c->a, &any, 1, all, &v, &n, f);

    memset(c->seen, 0, c->m->n_clients * n_series(c->m) * sizeof(*c->seen));
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (!known_series(c, v[i].labels, &client, &series) || series != 0) {
            differ(c, &c->diff->n_wrong, "exemplars of a series that never got any");
            continue;
        }
        for (size_t k = 0; k < v[i].n; k++)
            if (v[i].v[k].v >= 0 && v[i].v[k].v < c->m->n_requests)
                there[client * c->m->n_requests + (uint32_t)v[i].v[k].v] = true;
    }
    for (uint32_t k = 0; rc == 0 && k < n_all; k++)
        if (is_in(c->m, k / c->m->n_requests, 0, k % c->m->n_requests))
            compare_exemplar(c, k / c->m->n_requests, k % c->m->n_requests, there[k]);
    return rc;
}

static int compare_all(struct comparing *c, struct tsdb *db, struct fault *f)
{
    struct source *src = tsdb_source(db);
    struct source_range all = {INT64_MIN, INT64_MAX};
    struct source_selection *sel;
    struct sample_vec got = {0};
    struct series_samples ss = {0};
    const struct sample_vec none = {0};
    uint32_t client, series;
    int rc = src->ops->select(src, &c->a, NULL, 0, all, &sel, f);

    for (size_t i = 0; rc == 0 && i < sel->n; i++) {
        got.n = 0;
        ss.arena = &c->a;
        rc = src->ops->read(sel, i, &ss, f);
        if (rc < 0)
            break;
        flatten(c, &ss, &got);
        if (!known_series(c, sel->series[i].labels, &client, &series)) {
            differ(c, &c->diff->n_wrong, "a series that nobody sent, or twice");
            continue;
        }
        c->seen[client * n_series(c->m) + series] = true;
        compare_kind(c, series, &ss);
        compare_series(c, client, series, &got);
    }
    for (uint32_t i = 0; rc == 0 && i < c->m->n_clients * n_series(c->m); i++)
        if (!c->seen[i])
            compare_series(c, i / n_series(c->m), i % n_series(c->m), &none);
    sample_vec_release(&got);
    series_samples_release(&ss);
    return rc < 0 ? rc : compare_exemplars(c, db, f);
}

/* Retention goes by the newest sample, which an open request may have brought. */
static ts_ms keep_from(const struct model *m)
{
    ts_ms newest = MODEL_T0;

    for (uint32_t c = 0; c < m->n_clients; c++)
        for (uint32_t r = 0; r < m->n_requests; r++)
            if (*model_fate(m, c, r) != FATE_UNSENT)
                newest = MAX(newest, model_time(m, c, r));
    return newest - m->retention;
}

int model_compare(struct model *m, struct tsdb *db, struct model_diff *out, struct fault *f)
{
    struct comparing c = {.m = m, .diff = out, .keep_from = keep_from(m)};
    uint32_t n = m->n_clients * m->n_requests;
    int rc;

    *out = (struct model_diff){0};
    c.found = arena_array(&c.a, uint8_t, n);
    c.found_deletions = arena_array(&c.a, uint8_t, n);
    c.seen = arena_array(&c.a, bool, m->n_clients *n_series(m));
    rc = compare_all(&c, db, f);
    for (uint32_t i = 0; rc == 0 && i < n; i++)
        if (m->fate[i] == FATE_OPEN)
            m->fate[i] = c.found[i] == FOUND_THERE ? FATE_STORED : FATE_UNSENT;
    for (uint32_t i = 0; rc == 0 && i < n; i++)
        if (m->deletions[i] == FATE_OPEN && c.found_deletions[i] != FOUND_UNKNOWN)
            m->deletions[i] = c.found_deletions[i] == FOUND_ABSENT ? FATE_STORED : FATE_UNSENT;
    arena_release(&c.a);
    return rc;
}

const char *model_work_missed(void)
{
    static const struct {
        enum stat count;
        const char *name;
    } kinds[] = {
        {STAT_SLOTS_SEALED,   "sealing"   },
        {STAT_SAMPLES_MERGED, "merging"   },
        {STAT_CHECKPOINTS,    "checkpoint"},
        {STAT_SERIES_REMOVED, "retention" },
    };

    for (size_t i = 0; i < COUNT(kinds); i++)
        if (stats_get(kinds[i].count) == 0)
            return kinds[i].name;
    return NULL;
}
