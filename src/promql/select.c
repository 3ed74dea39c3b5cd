/*
 * select.c - selectors: which samples of which series a step sees.
 *
 * A series is decoded once, for all steps. An index moves along its samples as the steps move along
 * time, so a selector costs O(samples + steps) a series.
 */
#include "ferula/base/check.h"

#include "stream.h"

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

int promql__select(struct promql__ev *ev, const struct promql__grid *g,
                   const struct promql_vector_selector *vs, const struct promql__span *span,
                   struct source_selection **out)
{
    struct source_range sr = {
        .from = promql__minus(promql__reference(span->shift, g, 0), span->before - 1),
        .to = promql__minus(promql__reference(span->shift, g, g->n - 1), -span->after),
    };
    struct fault f = {0};
    int rc = ev->src->ops->select(ev->src, ev->arena, vs->matchers, vs->n_matchers, sr, out, &f);

    return rc < 0 ? source_failed(ev, &f, rc) : 0;
}

int promql__read(struct promql__ev *ev, const struct source_selection *sel, size_t i)
{
    struct fault f = {0};
    int rc;

    rc = sel->source->ops->read(sel, i, &ev->in, &f);
    if (rc < 0)
        return source_failed(ev, &f, rc);
    return promql__tick(ev, ev->in.f.n + ev->in.h.n);
}

enum promql__kind promql__newest(const struct promql__ev *ev, struct promql__place *c, ts_ms ref)
{
    const struct sample *s = ev->in.f.v;
    const struct hsample *h = ev->in.h.v;
    ts_ms oldest = promql__minus(ref, ev->lookback);

    while (c->f < ev->in.f.n && s[c->f].t <= ref)
        c->f++;
    while (c->h < ev->in.h.n && h[c->h].t <= ref)
        c->h++;
    if (c->h > 0 && (c->f == 0 || h[c->h - 1].t > s[c->f - 1].t))
        return h[c->h - 1].t <= oldest || histogram_is_stale(h[c->h - 1].h) ? PROMQL__NONE
                                                                            : PROMQL__HIST;
    return c->f == 0 || s[c->f - 1].t <= oldest || is_stale(s[c->f - 1].v) ? PROMQL__NONE
                                                                           : PROMQL__FLOAT;
}

/* One of the times of the sample before the cursor, in seconds. */
static double time_of(const struct promql__ev *ev, const struct promql__place *c, bool is_hist,
                      enum promql__wanted wanted)
{
    const struct ts_vec *starts = is_hist ? &ev->in.h_start : &ev->in.f_start;
    size_t i = is_hist ? c->h - 1 : c->f - 1;

    if (wanted == PROMQL__TIME)
        return (double)(is_hist ? ev->in.h.v[i].t : ev->in.f.v[i].t) / 1000;
    return starts->n > 0 ? (double)starts->v[i] / 1000 : 0;
}

/* The same for a series that has histograms, and maybe floats, and for all times. */
static int pick_mixed(struct promql__ev *ev, const struct promql__grid *g,
                      const struct promql__shift *shift, enum promql__wanted wanted)
{
    struct promql__place c = {0};

    for (size_t i = 0; i < g->n; i++) {
        enum promql__kind kind = promql__newest(ev, &c, promql__reference(shift, g, i));
        bool is_hist = kind == PROMQL__HIST;
        ts_ms t = promql__time(g, i);

        if (kind == PROMQL__NONE)
            continue;
        if (wanted != PROMQL__VALUE)
            sample_vec_push(&ev->out, (struct sample){t, time_of(ev, &c, is_hist, wanted)});
        else if (is_hist)
            hsample_vec_push(&ev->hout, (struct hsample){t, ev->in.h.v[c.h - 1].h});
        else
            sample_vec_push(&ev->out, (struct sample){t, ev->in.f.v[c.f - 1].v});
        if ((int64_t)(ev->out.n + ev->hout.n) > ev->max_samples)
            return promql__too_many(ev);
    }
    return promql__tick(ev, g->n);
}

int promql__pick(struct promql__ev *ev, const struct promql__grid *g,
                 const struct promql__shift *shift, enum promql__wanted wanted)
{
    const struct sample *s = ev->in.f.v;
    size_t next = 0; /* the first sample after the reference */

    promql__out_begin(ev);
    if (ev->in.h.n > 0 || wanted != PROMQL__VALUE)
        return pick_mixed(ev, g, shift, wanted);
    for (size_t i = 0; i < g->n; i++) {
        ts_ms ref = promql__reference(shift, g, i);

        while (next < ev->in.f.n && s[next].t <= ref)
            next++;
        if (next == 0 || s[next - 1].t <= promql__minus(ref, ev->lookback) ||
            is_stale(s[next - 1].v))
            continue;
        if ((int64_t)ev->out.n >= ev->max_samples)
            return promql__too_many(ev);
        sample_vec_push(&ev->out, (struct sample){promql__time(g, i), s[next - 1].v});
    }
    return promql__tick(ev, g->n);
}

int promql__eval_vector(struct promql__ev *ev, const struct promql__grid *g,
                        const struct promql_expr *e, enum promql__wanted wanted,
                        struct promql__matrix *out)
{
    struct promql__stream st;
    int rc;

    if (e->u.vector.smoothed && wanted == PROMQL__VALUE)
        return promql__eval_smoothed(ev, g, e, out);
    rc = promql__stream_vector(ev, g, e, wanted, &st);
    return rc < 0 ? rc : promql__stream_matrix(ev, &st, out);
}

int promql__eval_times(struct promql__ev *ev, const struct promql__grid *g,
                       const struct promql_expr *e, enum promql__wanted wanted,
                       struct promql__matrix *out)
{
    int64_t held = ev->held, peak = ev->peak;
    int rc = promql__eval_vector(ev, g, e, wanted, out);

    if (rc != 0)
        return rc;
    ev->held = held;
    ev->peak = peak;
    promql__operand(ev, g, out);
    return 0;
}

void promql__drop_stale(struct series_samples *in)
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
        rc = promql__eval_windows(ev, g, e, &r->sub);
        promql__forget_resets(ev, &r->sub);
        r->n = r->sub.n;
        return rc;
    }
    CHECK(e->kind == PROMQL_E_MATRIX_SELECTOR);
    vector = promql__unparen(e->u.matrix.selector);
    r->shift = promql__shift_of(ev, &vector->u.vector.shift);
    r->range = promql__duration(ev, e->u.matrix.range_expr, e->u.matrix.range);
    if (vector->u.vector.anchored || vector->u.vector.smoothed) {
        r->extended = &vector->u.vector;
        r->before = ev->lookback;
        r->after = vector->u.vector.smoothed ? ev->lookback : 0;
    }
    rc = promql__select(ev, g, &vector->u.vector,
                        &(struct promql__span){&r->shift, r->range + r->before, r->after}, &r->sel);
    r->n = rc == 0 ? r->sel->n : 0;
    return rc;
}

/* Extended windows are read up to what they see after their ends. */
static void read_window_stats(struct promql__ev *ev, const struct promql__range *r)
{
    dur_ms sees = r->before + r->range + r->after;
    struct promql__shift shift = r->shift;

    shift.offset = promql__minus(shift.offset, r->after);
    promql__read_stats(ev, r->grid, &shift, (struct promql__reach){sees, MIN(sees, r->grid->step)});
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
    rc = promql__read(ev, r->sel, i);
    if (rc != 0)
        return rc;
    if (ev->decoding == PROMQL__STATS && ev->in.h.n > 0)
        read_window_stats(ev, r);
    promql__drop_stale(&ev->in);
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

/* All samples of a range vector, with their own times, into ev->out and ev->hout. */
static int take_all(struct promql__ev *ev, const struct promql__grid *g,
                    const struct promql__range *r, const struct promql__range_series *rs)
{
    int64_t n = (int64_t)rs->n;
    int rc;

    for (size_t k = 0; k < rs->nh; k++)
        n += (int64_t)promql__weight(rs->h[k].h);
    rc = promql__hold_load(ev, &(struct promql__load){n, n});
    promql__out_begin(ev);
    if (rc == 0 && r->extended != NULL)
        return promql__extend_matrix(ev, r, g, rs);
    if (rc != 0)
        return rc;
    sample_vec_reserve(&ev->out, rs->n);
    for (size_t k = 0; k < rs->n; k++)
        sample_vec_push(&ev->out, rs->s[k]);
    for (size_t k = 0; k < rs->nh; k++)
        hsample_vec_push(&ev->hout, rs->h[k]);
    return 0;
}

/* A range vector as the result of a query: of one step. */
int promql__eval_matrix(struct promql__ev *ev, const struct promql__grid *g,
                        const struct promql_expr *e, struct promql__matrix *out)
{
    struct promql__range r;
    int rc = promql__range_open(ev, g, e, &r);

    for (size_t i = 0; rc == 0 && i < r.n; i++) {
        struct promql__range_series rs = {0};

        rc = promql__range_read(ev, &r, i, &rs);
        if (rc == 0)
            rc = take_all(ev, g, &r, &rs);
        if (rc == 0)
            promql__count(&ev->counts, 0, promql__made(ev), promql__made(ev));
        if (rc == 0)
            promql__matrix_keep(ev, out, rs.labels, false);
    }
    return rc;
}
