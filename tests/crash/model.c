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
    for (uint32_t i = 0; i < m->n_clients * n_series(m); i++)
        fill_series(m, i / n_series(m), i % n_series(m), &m->series[i]);
}

void model_release(struct model *m)
{
    for (uint32_t i = 0; i < m->n_clients * n_series(m); i++)
        free(m->series[i].v);
    free(m->series);
    m->series = NULL;
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

    *row = (struct tsdb_row){.id = tsdb_find_raw(fi->db, raw), .first = (uint32_t)w->n_samples};
    row->n = samples_of(fi->m, fi->client, series, request, &fi->samples[w->n_samples]);
    w->n_samples += row->n;
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

void model_write(const struct model *m, struct tsdb *db, uint32_t client, uint32_t request,
                 struct arena *a, struct tsdb_write *w)
{
    size_t most = 2 * (m->n_steady + 1);
    struct filling fi = {.m = m, .db = db, .a = a, .w = w, .client = client};

    *w = (struct tsdb_write){.arena = a};
    w->rows = arena_array(a, struct tsdb_row, most);
    w->series = arena_array(a, struct tsdb_new_series, most);
    w->samples = fi.samples = arena_array(a, struct sample, MOST_SAMPLES * most);
    fi.known = arena_array(a, uint32_t, n_series(m));
    if (request % REPEAT_EVERY == REPEAT_EVERY - 1 &&
        *model_fate(m, client, request - 1) == FATE_STORED)
        add_rows(&fi, request - 1);
    add_rows(&fi, request);
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
    uint8_t *found;  /* enum found by request, as m->fate is laid out */
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

static void compare_sample(struct comparing *c, uint32_t client, uint32_t series,
                           const struct model_sample *want, const struct sample_vec *got,
                           size_t *at)
{
    uint8_t fate = *model_fate(c->m, client, want->request);
    uint8_t *found = &c->found[client * c->m->n_requests + want->request];
    bool there = fate != FATE_UNSENT && is_next(c, got, at, want->s);

    if (fate == FATE_UNSENT || (!there && want->s.t < c->keep_from))
        return;
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

static int compare_all(struct comparing *c, struct tsdb *db, struct fault *f)
{
    struct source *src = tsdb_source(db);
    struct source_range all = {INT64_MIN, INT64_MAX};
    struct source_selection *sel;
    struct sample_vec got = {0};
    const struct sample_vec none = {0};
    uint32_t client, series;
    int rc = src->ops->select(src, &c->a, NULL, 0, all, &sel, f);

    for (size_t i = 0; rc == 0 && i < sel->n; i++) {
        got.n = 0;
        rc = source_read_floats(sel, i, &got, f);
        if (rc < 0)
            break;
        if (!known_series(c, sel->series[i].labels, &client, &series)) {
            differ(c, &c->diff->n_wrong, "a series that nobody sent, or twice");
            continue;
        }
        c->seen[client * n_series(c->m) + series] = true;
        compare_series(c, client, series, &got);
    }
    for (uint32_t i = 0; rc == 0 && i < c->m->n_clients * n_series(c->m); i++)
        if (!c->seen[i])
            compare_series(c, i / n_series(c->m), i % n_series(c->m), &none);
    sample_vec_release(&got);
    return rc;
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
    c.seen = arena_array(&c.a, bool, m->n_clients *n_series(m));
    rc = compare_all(&c, db, f);
    for (uint32_t i = 0; rc == 0 && i < n; i++)
        if (m->fate[i] == FATE_OPEN)
            m->fate[i] = c.found[i] == FOUND_THERE ? FATE_STORED : FATE_UNSENT;
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
