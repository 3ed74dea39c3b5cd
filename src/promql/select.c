/*
 * select.c - selectors: which samples of which series a step sees.
 *
 * A series is decoded once, for all steps. An index moves along its samples as the steps move along
 * time, so a selector costs O(samples + steps) a series.
 */
#include "ferula/base/check.h"

#include "eval.h"

struct promql__shift promql__shift_of(const struct promql__ev *ev, const struct promql_shift *s)
{
    struct promql__shift shift = {
        .pinned = s->at != AT_NONE,
        .at = s->timestamp,
        .offset = promql__duration(ev, s->offset_expr, s->offset),
    };

    if (s->at == AT_START)
        shift.at = ev->q->start;
    if (s->at == AT_END)
        shift.at = ev->q->end;
    return shift;
}

ts_ms promql__reference(const struct promql__shift *s, const struct promql__grid *g, size_t i)
{
    return promql__minus(s->pinned ? s->at : promql__time(g, i), s->offset);
}

static int source_failed(struct promql__ev *ev, const struct fault *f, int rc)
{
    return fault_set(ev->f, rc, 0, "expanding series: %s", f->text);
}

/* How far back from its reference a selector looks. */
struct window_of {
    const struct promql__shift *shift;
    dur_ms range;
};

/* Selects what windows of `range` before the references of all steps can see. */
static int select_series(struct promql__ev *ev, const struct promql__grid *g,
                         const struct promql_vector_selector *vs, const struct window_of *w,
                         struct source_selection **out)
{
    const struct promql__shift *shift = w->shift;
    dur_ms range = w->range;
    struct source_range sr = {
        .from = promql__minus(promql__reference(shift, g, 0), range - 1),
        .to = promql__reference(shift, g, g->n - 1),
    };
    struct fault f = {0};
    int rc = ev->src->ops->select(ev->src, ev->arena, vs->matchers, vs->n_matchers, sr, out, &f);

    return rc < 0 ? source_failed(ev, &f, rc) : 0;
}

static int read_series(struct promql__ev *ev, const struct source_selection *sel, size_t i)
{
    struct fault f = {0};
    int rc;

    rc = sel->source->ops->read(sel, i, &ev->in, &f);
    if (rc < 0)
        return source_failed(ev, &f, rc);
    ev->samples_read += ev->in.f.n;
    for (size_t k = 0; k < ev->in.h.n; k++)
        ev->samples_read += promql__weight(ev->in.h.v[k].h);
    return promql__tick(ev, ev->in.f.n + ev->in.h.n);
}

/* The same for a series that has histograms, and maybe floats. */
static int pick_mixed(struct promql__ev *ev, const struct promql__grid *g,
                      const struct promql__shift *shift, bool want_time)
{
    const struct sample *s = ev->in.f.v;
    const struct hsample *h = ev->in.h.v;
    size_t next = 0, next_h = 0; /* the first ones after the reference */

    for (size_t i = 0; i < g->n; i++) {
        ts_ms ref = promql__reference(shift, g, i), t = promql__time(g, i);
        ts_ms oldest = promql__minus(ref, ev->lookback);
        bool is_hist;
        int rc;

        while (next < ev->in.f.n && s[next].t <= ref)
            next++;
        while (next_h < ev->in.h.n && h[next_h].t <= ref)
            next_h++;
        is_hist = next_h > 0 && (next == 0 || h[next_h - 1].t > s[next - 1].t);
        if (is_hist ? h[next_h - 1].t <= oldest || histogram_is_stale(h[next_h - 1].h)
                    : next == 0 || s[next - 1].t <= oldest || is_stale(s[next - 1].v))
            continue;
        rc = promql__hold(ev, is_hist && !want_time ? promql__weight(h[next_h - 1].h) : 1);
        if (rc != 0)
            return rc;
        if (want_time)
            sample_vec_push(
                &ev->out,
                (struct sample){t, (double)(is_hist ? h[next_h - 1].t : s[next - 1].t) / 1000});
        else if (is_hist)
            hsample_vec_push(&ev->hout, (struct hsample){t, h[next_h - 1].h});
        else
            sample_vec_push(&ev->out, (struct sample){t, s[next - 1].v});
    }
    return promql__tick(ev, g->n);
}

/* The newest sample of each step's window that is not a stale marker, into ev->out and ev->hout. */
static int pick(struct promql__ev *ev, const struct promql__grid *g,
                const struct promql__shift *shift, bool want_time)
{
    const struct sample *s = ev->in.f.v;
    size_t next = 0; /* the first sample after the reference */

    promql__out_begin(ev);
    if (ev->in.h.n > 0)
        return pick_mixed(ev, g, shift, want_time);
    for (size_t i = 0; i < g->n; i++) {
        ts_ms ref = promql__reference(shift, g, i);
        int rc;

        while (next < ev->in.f.n && s[next].t <= ref)
            next++;
        if (next == 0 || s[next - 1].t <= promql__minus(ref, ev->lookback) ||
            is_stale(s[next - 1].v))
            continue;
        rc = promql__hold(ev, 1);
        if (rc != 0)
            return rc;
        sample_vec_push(&ev->out, (struct sample){
                                      promql__time(g, i),
                                      want_time ? (double)s[next - 1].t / 1000 : s[next - 1].v,
                                  });
    }
    return promql__tick(ev, g->n);
}

static int refuse_extended(struct promql__ev *ev, const struct promql_vector_selector *vs)
{
    if (!vs->anchored && !vs->smoothed)
        return 0;
    return fault_set(ev->f, FER_EUNSUP, 0, "the %s modifier is not supported",
                     vs->anchored ? "anchored" : "smoothed");
}

int promql__eval_vector(struct promql__ev *ev, const struct promql__grid *g,
                        const struct promql_expr *e, bool want_time, struct promql__matrix *out)
{
    const struct promql_vector_selector *vs = &e->u.vector;
    struct promql__shift shift = promql__shift_of(ev, &vs->shift);
    struct source_selection *sel;
    int rc = refuse_extended(ev, vs);

    /* timestamp(x @ t offset d) forgets the offset in Prometheus. */
    if (want_time && shift.pinned)
        shift.offset = 0;

    if (rc == 0)
        rc = select_series(ev, g, vs, &(struct window_of){&shift, ev->lookback}, &sel);
    for (size_t i = 0; rc == 0 && i < sel->n; i++) {
        rc = read_series(ev, sel, i);
        if (rc == 0 && ev->in.f.n + ev->in.h.n > 0) {
            if (ev->decoding == PROMQL__STATS && ev->in.h.n > 0)
                promql__read_stats(ev, g, &shift,
                                   (struct promql__reach){ev->lookback, ev->lookback});
            rc = pick(ev, g, &shift, want_time);
            if (rc != 0)
                return rc;
            promql__matrix_keep(ev, out, sel->series[i].labels, false);
        }
    }
    return rc;
}

static void drop_stale(struct series_samples *in)
{
    size_t n = 0;

    for (size_t i = 0; i < in->f.n; i++) {
        if (is_stale(in->f.v[i].v))
            continue;
        if (in->f_start.n > 0)
            in->f_start.v[n] = in->f_start.v[i];
        in->f.v[n++] = in->f.v[i];
    }
    in->f.n = n;
    n = 0;
    for (size_t i = 0; i < in->h.n; i++) {
        if (histogram_is_stale(in->h.v[i].h))
            continue;
        if (in->h_start.n > 0)
            in->h_start.v[n] = in->h_start.v[i];
        in->h.v[n++] = in->h.v[i];
    }
    in->h.n = n;
}

int promql__range_open(struct promql__ev *ev, const struct promql__grid *g,
                       const struct promql_expr *e, struct promql__range *r)
{
    const struct promql_expr *vector;
    int rc;

    *r = (struct promql__range){.grid = g};
    if (e->kind == PROMQL_E_SUBQUERY) {
        r->shift = promql__shift_of(ev, &e->u.subquery.shift);
        r->range = promql__duration(ev, e->u.subquery.range_expr, e->u.subquery.range);
        rc = promql__eval_subquery(ev, g, e, &r->sub);
        promql__forget_resets(ev, &r->sub);
        r->n = r->sub.n;
        return rc;
    }
    CHECK(e->kind == PROMQL_E_MATRIX_SELECTOR);
    vector = promql__unparen(e->u.matrix.selector);
    r->shift = promql__shift_of(ev, &vector->u.vector.shift);
    r->range = promql__duration(ev, e->u.matrix.range_expr, e->u.matrix.range);
    rc = refuse_extended(ev, &vector->u.vector);
    if (rc == 0)
        rc = select_series(ev, g, &vector->u.vector, &(struct window_of){&r->shift, r->range},
                           &r->sel);
    r->n = rc == 0 ? r->sel->n : 0;
    return rc;
}

int promql__range_read(struct promql__ev *ev, const struct promql__range *r, size_t i,
                       struct promql__range_series *out)
{
    int rc;

    if (r->sel == NULL) {
        const struct promql__series *s = &r->sub.v[i];

        *out = (struct promql__range_series){
            .labels = s->labels,
            .drop_name = s->drop_name,
            .s = s->s,
            .n = s->n,
            .h = s->h,
            .nh = s->nh,
        };
        return promql__tick(ev, s->n + s->nh);
    }
    rc = read_series(ev, r->sel, i);
    if (rc != 0)
        return rc;
    if (ev->decoding == PROMQL__STATS && ev->in.h.n > 0)
        promql__read_stats(ev, r->grid, &r->shift,
                           (struct promql__reach){r->range, MIN(r->range, r->grid->step)});
    drop_stale(&ev->in);
    *out = (struct promql__range_series){
        .labels = r->sel->series[i].labels,
        .s = ev->in.f.v,
        .n = ev->in.f.n,
        .h = ev->in.h.v,
        .nh = ev->in.h.n,
        .s_start = ev->in.f_start.n > 0 ? ev->in.f_start.v : NULL,
        .h_start = ev->in.h_start.n > 0 ? ev->in.h_start.v : NULL,
    };
    return 0;
}

/* A range vector as the result of a query: of one step, with the samples' own times. */
int promql__eval_matrix(struct promql__ev *ev, const struct promql__grid *g,
                        const struct promql_expr *e, struct promql__matrix *out)
{
    struct promql__range r;
    int rc = promql__range_open(ev, g, e, &r);

    for (size_t i = 0; rc == 0 && i < r.n; i++) {
        struct promql__range_series rs = {0};

        rc = promql__range_read(ev, &r, i, &rs);
        if (rc == 0)
            rc = promql__hold(ev, rs.n);
        for (size_t k = 0; rc == 0 && k < rs.nh; k++)
            rc = promql__hold(ev, promql__weight(rs.h[k].h));
        if (rc != 0)
            return rc;
        promql__out_begin(ev);
        sample_vec_reserve(&ev->out, rs.n);
        for (size_t k = 0; k < rs.n; k++)
            sample_vec_push(&ev->out, rs.s[k]);
        for (size_t k = 0; k < rs.nh; k++)
            hsample_vec_push(&ev->hout, rs.h[k]);
        promql__matrix_keep(ev, out, rs.labels, false);
    }
    return rc;
}
