/*
 * hist_extended.c - `anchored` and `smoothed` over native histograms: as over floats, with
 * histograms as the values at the edges.
 */
#include "extended.h"

/* Where what goes wrong is told. */
struct place {
    struct promql__ev *ev;
    const struct promql_expr *at;
    struct labels labels;
};

static void tell(const struct place *p, enum promql__hist_note note)
{
    promql__note_histogram(p->ev, p->at, note, labels_name(p->labels));
}

/* False: buckets of two kinds, which is told. Contradicting hints are no news here. */
static bool add(const struct place *p, struct histogram *h, const struct histogram *other)
{
    struct histogram_notes n = {0};

    if (histogram_add(p->ev->arena, h, other, &n) != 0) {
        tell(p, PROMQL__MIXED_BUCKETS);
        return false;
    }
    n.reset_collision = false;
    promql__note_arithmetic(p->ev, p->at, n, "addition");
    return true;
}

static bool subtract(const struct place *p, struct histogram *h, const struct histogram *other)
{
    struct histogram_notes n = {0};

    if (histogram_sub(p->ev->arena, h, other, &n) != 0) {
        tell(p, PROMQL__MIXED_BUCKETS);
        return false;
    }
    n.reset_collision = false;
    promql__note_arithmetic(p->ev, p->at, n, "subtraction");
    return true;
}

/* A counter that was reset in between began anew from nothing. NULL: buckets of two kinds. */
static struct histogram *interpolate(const struct place *p, struct hsample a, struct hsample b,
                                     ts_ms t, bool counter)
{
    double part = (double)(t - a.t) / (double)(b.t - a.t);
    struct histogram *h;

    if (t == a.t || t == b.t)
        return histogram_copy(p->ev->arena, t == a.t ? a.h : b.h);
    h = histogram_copy(p->ev->arena, b.h);
    if (counter && histogram_detect_reset(b.h, a.h)) {
        histogram_mul(h, part);
        return h;
    }
    if (!subtract(p, h, a.h))
        return NULL;
    histogram_mul(h, part);
    return add(p, h, a.h) ? h : NULL;
}

/* ---- range functions -------------------------------------------------------------------- */

/* A window of histograms, from the first to the last that matter. */
struct window {
    struct place place;
    const struct hsample *h;
    const struct promql__edges *e;
    bool counter;
    struct histogram *left, *right; /* at the edges */
};

/* False: buckets of two kinds. */
static bool check_samples(const struct window *w)
{
    bool custom = histogram_is_custom(w->h[w->e->first].h);

    for (size_t i = w->e->first; i <= w->e->last; i++) {
        if (histogram_is_custom(w->h[i].h) != custom) {
            tell(&w->place, PROMQL__MIXED_BUCKETS);
            return false;
        }
        if (w->counter && w->h[i].h->hint == HISTOGRAM_GAUGE)
            tell(&w->place, PROMQL__NOT_COUNTER);
    }
    return true;
}

static bool find_values(struct window *w)
{
    const struct promql__edges *e = w->e;
    const struct hsample *first = &w->h[e->first], *last = &w->h[e->last];

    if (e->smoothed && first->t < e->from)
        w->left = interpolate(&w->place, first[0], first[1], e->from, w->counter);
    else
        w->left = histogram_copy(w->place.ev->arena, first->h);
    if (w->left == NULL)
        return false;
    if (e->smoothed && e->last > 0 && last->t > e->to)
        w->right = interpolate(&w->place, last[-1], last[0], e->to, w->counter);
    else
        w->right = histogram_copy(w->place.ev->arena, last->h);
    return w->right != NULL;
}

/* Adds to *lost what the counter had before a reset between `prev` and `h`. */
static bool lose(const struct window *w, const struct histogram *prev, const struct histogram *h,
                 struct histogram **lost)
{
    if (!histogram_detect_reset(h, prev))
        return true;
    if (*lost != NULL)
        return add(&w->place, *lost, prev);
    *lost = histogram_copy(w->place.ev->arena, prev);
    return true;
}

/*
 * What the counter had when it was reset, over all resets; NULL when there was none. The edges
 * stand for the first and the last sample: a reset that was interpolated over at the left edge is
 * in it already, and the right edge has the hint of the last sample, which must not be seen twice.
 */
static bool find_lost(const struct window *w, struct histogram **lost)
{
    const struct promql__edges *e = w->e;
    const struct histogram *prev = w->left;
    size_t next = e->first + 1;

    if (e->smoothed && w->h[e->first].t < e->from &&
        histogram_detect_reset(w->h[next].h, w->h[e->first].h))
        prev = w->h[next++].h;
    if (next > e->last)
        return true;
    for (; next < e->last; next++) {
        if (!lose(w, prev, w->h[next].h, lost))
            return false;
        prev = w->h[next].h;
    }
    return lose(w, prev, w->right, lost);
}

int promql__extended_hists(struct promql__ev *ev, const struct promql__mixed *m,
                           struct promql__edges *e, struct promql__value *out)
{
    const struct promql__times ts = {m->h, sizeof(*m->h), m->nh};
    struct window w = {
        .place = {ev, m->at, m->labels},
        .h = m->h,
        .e = e,
        .counter = m->func != PROMQL_FN_delta,
    };
    struct histogram *h, *lost = NULL;

    if (!promql__find_edges(&ts, e) || (e->smoothed && m->h[e->first].t > e->to))
        return 0;
    if (!check_samples(&w) || !find_values(&w))
        return 0;
    if (!w.counter && (w.left->hint != HISTOGRAM_GAUGE || w.right->hint != HISTOGRAM_GAUGE))
        tell(&w.place, PROMQL__NOT_GAUGE);
    h = histogram_copy(ev->arena, w.right);
    if (!subtract(&w.place, h, w.left))
        return 0;
    if (w.counter && !find_lost(&w, &lost))
        return 0;
    if (lost != NULL && !add(&w.place, h, lost))
        return 0;
    if (m->func == PROMQL_FN_rate)
        histogram_div(h, (double)m->w->range / 1000);
    h->hint = HISTOGRAM_GAUGE;
    histogram_compact(h);
    out->h = h;
    return 1;
}

/* ---- selectors -------------------------------------------------------------------------- */

const struct histogram *promql__smooth_hist(struct promql__ev *ev, const struct promql_expr *e,
                                            struct labels ls, const struct promql__around *a,
                                            ts_ms t)
{
    const struct place place = {ev, e, ls};
    const struct hsample *next = &ev->in.h.v[a->at], *prev = next - 1;
    struct histogram *h;

    if (a->at < a->hi && next->t == t)
        return next->h;
    if (a->at == a->lo)
        return NULL;
    if (a->at < a->hi) {
        bool counter = prev->h->hint != HISTOGRAM_GAUGE || next->h->hint != HISTOGRAM_GAUGE;

        if (histogram_is_custom(prev->h) == histogram_is_custom(next->h))
            return interpolate(&place, *prev, *next, t, counter);
        tell(&place, PROMQL__MIXED_BUCKETS);
        return NULL;
    }
    /* A hint tells of two samples that follow each other, not of a value. */
    h = histogram_copy(ev->arena, prev->h);
    h->hint = HISTOGRAM_UNKNOWN;
    return h;
}
