/*
 * admit.c - which samples of a request are stored.
 *
 * The rules are Prometheus': too new is more than ten minutes ahead of the clock; too old is older
 * than the store's newest sample less an hour, as it was before the request (an empty store takes
 * its first sample's time); then each series takes only what is newer than its newest sample, and
 * forgives an exact repetition of that one. With a window for samples out of order, what lies in it
 * is taken, too. A backfill may be as old as the retention allows, in any order. What a request
 * refuses does not hold back the rest.
 *
 * A sample that is not the newest of its series, or whose slot is sealed, is stored as a late one.
 */
#include "admit.h"

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

#define TOO_NEW_MS (INT64_C(10) * 60 * 1000)
#define TOO_OLD_MS (INT64_C(60) * 60 * 1000)

/* The newest sample of a series, with what this transaction added; NULL: none yet. */
static const struct tsdb__pending *newest(struct tsdb__group *g, const struct tsdb__series *series,
                                          uint32_t id, struct tsdb__pending *room)
{
    if (series->pending < g->n_pending && g->pending[series->pending].id == id)
        return &g->pending[series->pending];
    if (!series->has_newest)
        return NULL;
    *room = (struct tsdb__pending){id, series->x.is_hist, series->x.t, series->x.bits};
    return room;
}

/* A sample that is to be judged. */
struct incoming {
    ts_ms t;
    uint64_t bits; /* of the float; or what stands for the histogram (hist.h) */
    bool is_hist;
    struct str full; /* of a rich sample (hist.h); p NULL: a float */
};

/* `in` is newer than the series' newest. */
static void set_newest(struct tsdb__group *g, struct tsdb__series *series, uint32_t id,
                       const struct incoming *in)
{
    if (series->pending >= g->n_pending || g->pending[series->pending].id != id) {
        if (g->n_pending == g->cap_pending) {
            g->cap_pending = g->cap_pending == 0 ? 256 : g->cap_pending * 2;
            g->pending = xrealloc(g->pending, g->cap_pending, sizeof(*g->pending));
        }
        series->pending = (uint32_t)g->n_pending++;
    }
    g->pending[series->pending] = (struct tsdb__pending){id, in->is_hist, in->t, in->bits};
    g->max_t = MAX(g->max_t, in->t);
}

static ts_ms minus(ts_ms t, dur_ms by)
{
    return t < INT64_MIN + by ? INT64_MIN : t - by;
}

/* The bounds are those before the request. */
static void set_bounds(struct tsdb__admit *ad, ts_ms first)
{
    const struct tsdb *db = ad->db;
    ts_ms newest_t = db->group.max_t == INT64_MIN ? first : db->group.max_t;

    ad->has_bounds = true;
    ad->oldest = minus(newest_t, TOO_OLD_MS);
    ad->window_from = db->ooo_window > 0 ? minus(newest_t, db->ooo_window) : INT64_MAX;
    if (ad->w->backfill)
        ad->oldest = ad->window_from = tsdb__kept_from(db);
}

/* By the newest sample of its series, or NULL; as memSeries.appendable() of Prometheus. */
static enum tsdb_verdict judge(struct tsdb__admit *ad, const struct tsdb__pending *last,
                               const struct incoming *in)
{
    ts_ms t = in->t;

    if (t > ad->db->group.now + TOO_NEW_MS)
        return TSDB_TOO_NEW;
    if (!ad->has_bounds)
        set_bounds(ad, t);
    if (t < TSDB__TIME_MIN || t > TSDB__TIME_MAX)
        return TSDB_TOO_OLD;
    if (t >= ad->oldest) {
        if (last == NULL || t > last->t)
            return TSDB_STORED;
        if (t == last->t)
            return last->is_hist == in->is_hist && last->bits == in->bits ? TSDB_DUPLICATE
                                                                          : TSDB_CONFLICT;
    }
    if (t >= ad->window_from)
        return TSDB_STORED;
    if (ad->db->ooo_window > 0 && !ad->w->backfill)
        return TSDB_BEYOND_WINDOW;
    return t < ad->oldest ? TSDB_TOO_OLD : TSDB_OUT_OF_ORDER;
}

/* Logs a sample to be stored: as late when there is no place in the heads for it. */
static void store(struct tsdb *db, uint32_t id, const struct tsdb__pending *last,
                  const struct incoming *in)
{
    bool is_newest = last == NULL || in->t > last->t;
    bool late = !is_newest || (in->t < tsdb__slot_end(db->state.sealed.slot) &&
                               tsdb__is_sealed(db->state.sealed, tsdb__slot_of(in->t), id));

    if (in->full.p == NULL)
        tsdb__wal_add(&db->group.wal, id, (struct sample){in->t, f64_from_bits(in->bits)}, late);
    else
        tsdb__wal_add_rich(&db->group.wal, id, in->t, in->full, late);
    if (is_newest)
        set_newest(&db->group, tsdb__head_series(&db->head, id), id, in);
}

/* The labels of a series of the store, in the arena of the request. */
static int stored_labels(struct tsdb__admit *ad, uint32_t id, struct labels *out)
{
    struct tsdb__texts tx = {.a = ad->w->arena, .x = ad->x};

    return tsdb__labels_read(&tx, id, out);
}

static int note_refusal(struct tsdb__admit *ad, const struct tsdb_row *row, enum tsdb_verdict why,
                        const struct tsdb__pending *last, const struct incoming *in)
{
    struct tsdb_refusal *r = &ad->w->first_refusal;

    if (r->why != TSDB_STORED)
        return 0;
    *r = (struct tsdb_refusal){
        .why = why,
        .sample = {in->t, in->is_hist ? 0 : f64_from_bits(in->bits)},
        .is_histogram = in->is_hist
    };
    if (why == TSDB_CONFLICT && last->is_hist)
        r->existing_is_histogram = true;
    else if (why == TSDB_CONFLICT)
        r->existing = f64_from_bits(last->bits);
    if (row->id != 0)
        return stored_labels(ad, row->id, &r->labels);
    r->labels = labels_copy(ad->w->arena, ad->w->series[row->new_series].labels);
    return 0;
}

static int make_series(struct tsdb__admit *ad, struct tsdb_new_series *ns)
{
    struct tsdb *db = ad->db;
    uint32_t id;
    int rc = tsdb__series_make(&db->series, &db->symbols, ad->x, ns->labels, &id);

    if (rc < 0)
        return rc;
    tsdb__head_reserve(&db->head, id);
    tsdb__head_revive(&db->head, id);
    tsdb__postings_add(&db->postings, id, db->series.syms, ns->labels.n);
    ns->id = id;
    return 0;
}

/* The i-th sample of a row. FER_ELIMIT: a histogram that no row of a table can hold. */
static int read_sample(struct tsdb__admit *ad, const struct tsdb_row *row, uint32_t i,
                       struct incoming *out)
{
    const struct tsdb_write *w = ad->w;
    const ts_ms *starts = row->hists ? w->hist_starts : w->starts;
    struct buf *full = &ad->db->group.full;
    struct tsdb__rich r = {.start = starts == NULL ? 0 : starts[row->first + i]};
    struct tsdb__rich_bits bits;

    if (row->hists) {
        r.t = w->hists[row->first + i].t;
        r.h = w->hists[row->first + i].h;
    } else {
        r.t = w->samples[row->first + i].t;
        r.v = w->samples[row->first + i].v;
    }
    *out = (struct incoming){.t = r.t, .bits = f64_bits(r.v)};
    if (r.h == NULL && r.start == 0)
        return 0;
    buf_reset(full);
    tsdb__rich_put(&r, full);
    if (full->n > TSDB__RICH_BYTES_MAX)
        return FER_ELIMIT;
    bits = tsdb__rich_bits(buf_str(full));
    out->full = buf_str(full);
    out->bits = bits.bits;
    out->is_hist = bits.is_histogram;
    return 0;
}

/* Judges one sample of a row of the series *id, or of `ns`, which is made when it gets one. */
static int take_sample(struct tsdb__admit *ad, const struct tsdb_row *row, uint32_t i, uint32_t *id,
                       struct tsdb_new_series *ns)
{
    struct tsdb *db = ad->db;
    size_t *verdicts = row->hists ? ad->w->n_hist_verdicts : ad->w->n_verdicts;
    const struct tsdb__pending *last = NULL;
    struct tsdb__pending room;
    struct incoming in;
    enum tsdb_verdict why;
    int rc = read_sample(ad, row, i, &in);

    if (rc < 0)
        return rc;
    if (*id != 0)
        last = newest(&db->group, tsdb__head_series(&db->head, *id), *id, &room);
    why = judge(ad, last, &in);
    verdicts[why]++;
    if (why == TSDB_STORED && *id == 0) {
        rc = make_series(ad, ns);
        *id = ns->id;
    }
    if (why == TSDB_STORED && rc == 0)
        store(db, *id, last, &in);
    else if (why >= TSDB_OUT_OF_ORDER)
        rc = note_refusal(ad, row, why, last, &in);
    return rc;
}

static int take_row(struct tsdb__admit *ad, const struct tsdb_row *row)
{
    struct tsdb *db = ad->db;
    size_t n = row->hists ? ad->w->n_hists : ad->w->n_samples;
    struct tsdb_new_series *ns = NULL;
    uint32_t id = row->id;
    int rc = 0;

    CHECK(row->first <= n && row->n <= n - row->first);
    CHECK(id != 0 ? id <= db->series.n : row->new_series < ad->w->n_series);
    if (id == 0) {
        ns = &ad->w->series[row->new_series];
        if (ns->id == 0)
            rc = tsdb__series_find(&db->series, &db->symbols, ad->x, ns->labels, &ns->id);
        id = ns->id;
    }
    for (uint32_t i = 0; i < row->n && rc == 0; i++)
        rc = take_sample(ad, row, i, &id, ns);
    return rc;
}

int tsdb__admit(struct tsdb *db, struct tsdb__txn *x, struct tsdb_write *w)
{
    struct tsdb__admit ad = {.db = db, .x = x, .w = w};
    int rc = 0;

    memset(w->n_verdicts, 0, sizeof(w->n_verdicts));
    memset(w->n_hist_verdicts, 0, sizeof(w->n_hist_verdicts));
    w->first_refusal = (struct tsdb_refusal){0};
    for (size_t i = 0; i < w->n_series; i++)
        w->series[i].id = 0;
    for (size_t i = 0; i < w->n_rows && rc == 0; i++)
        rc = take_row(&ad, &w->rows[i]);
    return rc;
}
