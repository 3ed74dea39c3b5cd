/*
 * extended.c - `anchored` and `smoothed`: selectors that also see samples beyond their window.
 *
 * An anchored window begins at the last sample at or before its start, which may be as old as the
 * lookback. A smoothed one has values exactly at its edges, interpolated between the samples on
 * both sides of them, of which the later one may be as late as the lookback. Neither extrapolates.
 */
#include "ferula/base/check.h"

#include "extended.h"

static const char *modifier_name(const struct promql_vector_selector *vs)
{
    return vs->anchored ? "anchored" : "smoothed";
}

int promql__check_extended(struct promql__ev *ev, enum promql_func func,
                           const struct promql_expr *arg)
{
    static const bool anchored_safe[N_PROMQL_FUNCS] = {
        [PROMQL_FN_changes] = true, [PROMQL_FN_delta] = true,  [PROMQL_FN_increase] = true,
        [PROMQL_FN_rate] = true,    [PROMQL_FN_resets] = true,
    };
    static const bool smoothed_safe[N_PROMQL_FUNCS] = {
        [PROMQL_FN_delta] = true,
        [PROMQL_FN_increase] = true,
        [PROMQL_FN_rate] = true,
    };
    const struct promql_vector_selector *vs;

    if (arg->kind != PROMQL_E_MATRIX_SELECTOR)
        return 0;
    vs = &promql__unparen(arg->u.matrix.selector)->u.vector;
    if (vs->anchored && !anchored_safe[func])
        return fault_set(ev->f, FER_EEXEC, 0,
                         "anchored modifier can only be used with: changes, delta, increase, rate, "
                         "resets - not with %s",
                         promql_funcs[func].name);
    if (vs->smoothed && !smoothed_safe[func])
        return fault_set(ev->f, FER_EEXEC, 0,
                         "smoothed modifier can only be used with: delta, increase, rate - not "
                         "with %s",
                         promql_funcs[func].name);
    return 0;
}

/* ---- edges ------------------------------------------------------------------------------ */

static struct promql__times times_of_floats(const struct sample *s, size_t n)
{
    return (struct promql__times){s, sizeof(*s), n};
}

static ts_ms time_at(const struct promql__times *ts, size_t i)
{
    ts_ms t;

    memcpy(&t, (const char *)ts->p + i * ts->stride, sizeof(t));
    return t;
}

/* The first of the samples before `n` whose time is `limit` or later; else `n`. */
static size_t first_from(const struct promql__times *ts, size_t n, ts_ms limit)
{
    size_t lo = 0;

    while (lo < n) {
        size_t mid = lo + (n - lo) / 2;

        if (time_at(ts, mid) < limit)
            lo = mid + 1;
        else
            n = mid;
    }
    return lo;
}

bool promql__find_edges(const struct promql__times *ts, struct promql__edges *e)
{
    size_t last = ts->n - 1, next = first_from(ts, last, e->from + 1);

    e->first = next > 0 ? next - 1 : 0;
    e->last = e->smoothed ? first_from(ts, last, e->to) : last;
    return time_at(ts, e->last) > e->from;
}

/* ---- floats ----------------------------------------------------------------------------- */

/* A counter that was reset in between began anew from 0. */
static double interpolate(struct sample a, struct sample b, ts_ms t, bool counter)
{
    double from = counter && b.v < a.v ? 0 : a.v;

    return from + (b.v - from) * (double)(t - a.t) / (double)(b.t - a.t);
}

static double left_value(const struct sample *s, const struct promql__edges *e, bool counter)
{
    if (e->smoothed && s[e->first].t < e->from)
        return interpolate(s[e->first], s[e->first + 1], e->from, counter);
    return s[e->first].v;
}

static double right_value(const struct sample *s, const struct promql__edges *e, bool counter)
{
    if (e->smoothed && e->last > 0 && s[e->last].t > e->to)
        return interpolate(s[e->last - 1], s[e->last], e->to, counter);
    return s[e->last].v;
}

/* The samples strictly between the edges, as [*begin, *end). */
static void between(const struct sample *s, const struct promql__edges *e, size_t *begin,
                    size_t *end)
{
    *begin = e->first + (s[e->first].t <= e->from);
    *end = e->last + 1 - (s[e->last].t >= e->to);
    *end = MAX(*begin, *end);
}

/* What the counter had when it was reset, over all resets. */
static double lost_in_resets(const struct sample *s, const struct promql__edges *e, double left,
                             double right)
{
    double lost = 0, before = left;
    size_t begin, end;

    between(s, e, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        if (s[i].v < before)
            lost += before;
        before = s[i].v;
    }
    return right < before ? lost + before : lost;
}

static int extended_floats(const struct promql__mixed *m, struct promql__edges *e, double *out)
{
    struct promql__times ts = times_of_floats(m->s, m->n);
    bool counter = m->func != PROMQL_FN_delta;
    double left, right;

    if (!promql__find_edges(&ts, e) || (e->smoothed && m->s[e->first].t > e->to))
        return 0;
    left = left_value(m->s, e, counter);
    right = right_value(m->s, e, counter);
    *out = right - left;
    if (counter)
        *out += lost_in_resets(m->s, e, left, right);
    if (m->func == PROMQL_FN_rate)
        *out /= (double)m->w->range / 1000;
    return 1;
}

/* ---- range functions -------------------------------------------------------------------- */

int promql__extended_rate(struct promql__ev *ev, const struct promql_vector_selector *vs,
                          const struct promql__mixed *m, struct promql__value *out)
{
    struct promql__edges e = {.from = m->w->from, .to = m->w->to, .smoothed = vs->smoothed};

    if (m->n > 0 && m->nh > 0) {
        promql__note_histogram(ev, m->at, PROMQL__MIXED_KINDS, labels_name(m->labels));
        return 0;
    }
    if (m->nh > 0)
        return promql__extended_hists(ev, m, &e, out);
    return extended_floats(m, &e, &out->v);
}

bool promql__anchor(struct promql__mixed *m)
{
    size_t floats = 0, hists = 0; /* at or before the window's start */
    bool anchor_is_float;

    while (floats < m->n && m->s[floats].t <= m->w->from)
        floats++;
    while (hists < m->nh && m->h[hists].t <= m->w->from)
        hists++;
    if (floats == m->n && hists == m->nh)
        return false;
    anchor_is_float = floats > 0 && (hists == 0 || m->s[floats - 1].t >= m->h[hists - 1].t);
    if (anchor_is_float)
        floats--;
    else if (hists > 0)
        hists--;
    promql__mixed_skip(m, floats, hists);
    return true;
}

/* ---- selectors -------------------------------------------------------------------------- */

int promql__extend_matrix(struct promql__ev *ev, const struct promql__range *r,
                          const struct promql__grid *g, const struct promql__range_series *rs)
{
    struct promql__edges e = {.to = promql__reference(&r->shift, g, 0),
                              .smoothed = r->extended->smoothed};
    struct promql__times ts = times_of_floats(rs->s, rs->n);
    size_t begin, end;

    e.from = promql__minus(e.to, r->range);
    if (rs->nh > 0)
        return fault_set(ev->f, FER_EEXEC, 0, "%s modifier is not supported with histograms",
                         modifier_name(r->extended));
    if (rs->n == 0 || !promql__find_edges(&ts, &e))
        return 0;
    between(rs->s, &e, &begin, &end);
    sample_vec_push(&ev->out, (struct sample){e.from, left_value(rs->s, &e, false)});
    for (size_t i = begin; i < end; i++)
        sample_vec_push(&ev->out, rs->s[i]);
    sample_vec_push(&ev->out, (struct sample){e.to, right_value(rs->s, &e, false)});
    return 0;
}

static void move_floats(struct promql__around *a, const struct sample_vec *f, ts_ms t,
                        dur_ms lookback)
{
    while (a->hi < f->n && f->v[a->hi].t <= promql__minus(t, -lookback))
        a->hi++;
    while (a->lo < a->hi && f->v[a->lo].t <= promql__minus(t, lookback))
        a->lo++;
    while (a->at < a->hi && f->v[a->at].t < t)
        a->at++;
    a->at = MAX(a->at, a->lo);
}

static void move_hists(struct promql__around *a, const struct hsample_vec *h, ts_ms t,
                       dur_ms lookback)
{
    while (a->hi < h->n && h->v[a->hi].t <= promql__minus(t, -lookback))
        a->hi++;
    while (a->lo < a->hi && h->v[a->lo].t <= promql__minus(t, lookback))
        a->lo++;
    while (a->at < a->hi && h->v[a->at].t < t)
        a->at++;
    a->at = MAX(a->at, a->lo);
}

/* The value at `t`: a sample's, between two, or the last one before; false: all come later. */
static bool smooth_float(const struct sample *s, const struct promql__around *a, ts_ms t,
                         double *out)
{
    if (a->at < a->hi && s[a->at].t == t)
        *out = s[a->at].v;
    else if (a->at > a->lo && a->at < a->hi)
        *out = interpolate(s[a->at - 1], s[a->at], t, false);
    else if (a->at > a->lo)
        *out = s[a->at - 1].v;
    else
        return false;
    return true;
}

static size_t around_size(const struct promql__around *f, const struct promql__around *h,
                          const struct hsample_vec *hists)
{
    size_t n = f->hi - f->lo;

    for (size_t i = h->lo; i < h->hi; i++)
        n += promql__weight(hists->v[i].h);
    return n;
}

/* As Prometheus does it: what the last step sees stays held, what is made is not counted. */
static int smooth_series(struct promql__ev *ev, const struct promql__grid *g,
                         const struct promql__shift *shift, const struct promql_expr *e,
                         struct labels ls)
{
    struct promql__around f = {0}, h = {0};
    struct promql__load load = {0};
    int rc;

    promql__out_begin(ev);
    for (size_t i = 0; i < g->n; i++) {
        ts_ms t = promql__reference(shift, g, i);
        double v;

        move_floats(&f, &ev->in.f, t, ev->lookback);
        move_hists(&h, &ev->in.h, t, ev->lookback);
        load.kept = (int64_t)around_size(&f, &h, &ev->in.h);
        load.most = MAX(load.most, load.kept);
        if (f.lo < f.hi && h.lo < h.hi) {
            promql__note_histogram(ev, e, PROMQL__MIXED_KINDS, labels_name(ls));
        } else if (h.lo < h.hi) {
            const struct histogram *hist = promql__smooth_hist(ev, e, ls, &h, t);

            if (hist == NULL)
                continue;
            hsample_vec_push(&ev->hout, (struct hsample){promql__time(g, i), hist});
        } else if (f.lo < f.hi && smooth_float(ev->in.f.v, &f, t, &v)) {
            sample_vec_push(&ev->out, (struct sample){promql__time(g, i), v});
        }
    }
    rc = promql__hold_load(ev, &load);
    return rc != 0 ? rc : promql__tick(ev, g->n);
}

int promql__eval_smoothed(struct promql__ev *ev, const struct promql__grid *g,
                          const struct promql_expr *e, struct promql__matrix *out)
{
    struct promql__shift shift = promql__shift_of(ev, &e->u.vector.shift);
    struct promql__shift reading = shift; /* up to the end of what a step sees */
    struct promql__span span = {&shift, ev->lookback, ev->lookback};
    dur_ms sees = g->end - g->start + 2 * ev->lookback;
    struct source_selection *sel;
    int rc = promql__select(ev, g, &e->u.vector, &span, &sel);

    reading.offset = promql__minus(reading.offset, ev->lookback);
    for (size_t i = 0; rc == 0 && i < sel->n; i++) {
        rc = promql__read(ev, sel, i);
        if (rc != 0)
            return rc;
        if (ev->decoding == PROMQL__STATS && ev->in.h.n > 0)
            promql__read_stats(ev, g, &reading, (struct promql__reach){sees, sees});
        promql__drop_stale(&ev->in);
        rc = smooth_series(ev, g, &shift, e, sel->series[i].labels);
        if (rc == 0)
            promql__matrix_keep(ev, out, sel->series[i].labels, false);
    }
    return rc;
}
