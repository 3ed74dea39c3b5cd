/*
 * ranking.c - the aggregators that need all values of a step at once: topk, bottomk, limitk,
 * limit_ratio, quantile; and count_values, whose groups depend on the values.
 */
#include <math.h>

#include "ferula/base/check.h"
#include "ferula/base/hash.h"
#include "ferula/base/num.h"

#include "eval.h"
#include "gomath.h"

/* The parameter over all steps. */
struct param {
    const double *v;
    double min, max;
    bool has_nan;
};

/* One aggregation in the making. */
struct ranking {
    struct promql__ev *ev;
    const struct promql__grid *g;
    const struct promql_aggregate *agg;
    struct promql__groups gr;
    struct param param;
    const struct promql_expr *e; /* the aggregation */
    struct promql__cursor *next; /* of each input series */
    struct promql__cursor *kept; /* of each input series: samples that are in the result */
    struct promql__ranked *step;
};

static int eval_param(struct promql__ev *ev, const struct promql__grid *g,
                      const struct promql_expr *e, struct param *p)
{
    bool in_param = ev->in_param;
    int rc;

    ev->in_param = true;
    rc = promql__eval_scalar(ev, g, promql__unparen(e), &p->v);
    ev->in_param = in_param;
    if (rc != 0)
        return rc;
    p->min = p->max = p->v[0];
    for (size_t i = 0; i < g->n; i++) {
        p->max = go_max(p->max, p->v[i]);
        p->min = go_min(p->min, p->v[i]);
        p->has_nan = p->has_nan || isnan(p->v[i]);
    }
    return 0;
}

/* Sets *none when no step can have a result. */
static int check_k(struct promql__ev *ev, const struct param *p, bool *none)
{
    if (p->max < 1) {
        *none = true;
        return 0;
    }
    if (p->has_nan)
        return fault_set(ev->f, FER_EEXEC, 0, "Parameter value is NaN");
    if (p->min <= -0x1p63)
        return fault_set(ev->f, FER_EEXEC, 0, "Scalar value " STR_FMT " underflows int64",
                         STR_ARG(promql__go_g(ev, p->min)));
    if (p->max >= 0x1p63)
        return fault_set(ev->f, FER_EEXEC, 0, "Scalar value " STR_FMT " overflows int64",
                         STR_ARG(promql__go_g(ev, p->max)));
    return 0;
}

static void warn_ratio(struct promql__ev *ev, const struct promql_expr *at, double r, int to)
{
    promql__warn(ev, at, "ratio value should be between -1 and 1, got " STR_FMT ", capping to %d",
                 STR_ARG(promql__go_g(ev, r)), to);
}

static int check_ratio(struct promql__ev *ev, const struct promql_expr *at, const struct param *p,
                       bool *none)
{
    if (p->min == 0 && p->max == 0) {
        *none = true;
        return 0;
    }
    if (p->has_nan)
        return fault_set(ev->f, FER_EEXEC, 0, "Ratio value is NaN");
    if (p->max > 1)
        warn_ratio(ev, at, p->max, 1);
    if (p->min < -1)
        warn_ratio(ev, at, p->min, -1);
    return 0;
}

static void check_phi(struct promql__ev *ev, const struct promql_expr *at, const struct param *p)
{
    if (p->has_nan)
        promql__warn_quantile(ev, at, go_nan());
    if (p->max > 1)
        promql__warn_quantile(ev, at, p->max);
    if (p->min < 0)
        promql__warn_quantile(ev, at, p->min);
}

/* Where a series stands between 0 and 1; the same in Prometheus, so that both choose alike. */
static double sampling_offset(struct labels ls)
{
    struct buf b = {0};
    uint64_t hash;

    for (size_t i = 0; i < ls.n; i++) {
        const struct str part[2] = {ls.v[i].name, ls.v[i].value};

        for (size_t k = 0; k < 2; k++) {
            size_t n = part[k].n;

            if (n < 255) {
                buf_putc(&b, (char)n);
            } else {
                buf_putc(&b, (char)255);
                buf_putc(&b, (char)(n & 255));
                buf_putc(&b, (char)(n >> 8 & 255));
                buf_putc(&b, (char)(n >> 16 & 255));
            }
            buf_add_str(&b, part[k]);
        }
    }
    hash = hash_stable64(buf_str(&b).p, b.n);
    buf_release(&b);
    return (double)hash / 0x1p64;
}

static bool in_ratio(double ratio, double offset)
{
    if (ratio >= 0)
        return offset < go_min(ratio, 1);
    return offset >= 1 + go_max(ratio, -1);
}

static bool ranks_values(enum promql_agg op)
{
    return op == PROMQL_TOPK || op == PROMQL_BOTTOMK;
}

/* The chosen ones of one group in one step into r->step; their number. */
static size_t choose(struct ranking *r, size_t k, size_t step, ts_ms t)
{
    enum promql_agg op = r->agg->op;
    double p = r->param.v[step];
    bool ratio = op == PROMQL_LIMIT_RATIO;
    promql__less_fn *less = op == PROMQL_BOTTOMK ? promql__less_down : promql__less_up;
    double most = ratio || p >= (double)r->gr.in.n ? (double)r->gr.in.n : trunc(p);
    size_t n = 0, limit = most < 1 ? 0 : (size_t)most;

    for (size_t i = r->gr.first[k]; i < r->gr.first[k + 1]; i++) {
        struct promql__ranked x = {.i = r->gr.members[i]};
        struct promql__ranked *top = &r->step[0];
        struct promql__value v;

        if (!promql__take(&r->gr.in.v[x.i], &r->next[x.i], t, &v) || limit == 0)
            continue;
        if (v.h != NULL && ranks_values(op)) {
            promql__info_hist_ignored(r->ev, r->e, op);
            continue;
        }
        x.v = v.v; /* 0 for a histogram */
        if (ratio && !in_ratio(p, sampling_offset(r->gr.in.v[x.i].labels)))
            continue;
        if (n < limit) {
            promql__heap_push(r->step, &n, x, less);
        } else if (ranks_values(op) && (isnan(top->v) ? !isnan(x.v) : less(NULL, top, &x))) {
            *top = x;
            promql__heap_sink(r->step, n, less);
        }
    }
    if (ranks_values(op))
        promql__sort_reverse(r->step, n, less, NULL);
    return n;
}

/* Keeps the sample that was taken last, which is at `t`. */
static void keep(struct ranking *r, uint32_t i, ts_ms t)
{
    struct promql__series *x = &r->gr.in.v[i];
    struct promql__cursor *kept = &r->kept[i], last = r->next[i];

    if (last.s > 0 && x->s[last.s - 1].t == t)
        x->s[kept->s++] = x->s[last.s - 1];
    else
        x->h[kept->h++] = x->h[last.h - 1];
}

/* What was chosen moves to the front of its own input series: the result is part of the input. */
static int rank_range(struct ranking *r, struct promql__matrix *out)
{
    struct promql__matrix *in = &r->gr.in;

    r->kept = arena_array(r->ev->arena, struct promql__cursor, MAX(in->n, 1));
    for (size_t step = 0; step < r->g->n; step++) {
        ts_ms t = promql__time(r->g, step);
        int rc = promql__tick(r->ev, in->n);

        if (rc != 0)
            return rc;
        for (size_t k = 0; k < r->gr.n; k++) {
            size_t n = choose(r, k, step, t);

            for (size_t i = 0; i < n; i++)
                keep(r, r->step[i].i, t);
        }
    }
    for (size_t i = 0; i < in->n; i++) {
        in->v[i].n = r->kept[i].s;
        in->v[i].nh = r->kept[i].h;
        if (in->v[i].n + in->v[i].nh > 0)
            *promql__matrix_add(r->ev, out, in->v[i].labels, 0) = in->v[i];
    }
    return 0;
}

static int rank_instant(struct ranking *r, struct promql__matrix *out)
{
    for (size_t k = 0; k < r->gr.n; k++) {
        size_t n = choose(r, k, 0, r->g->start);

        for (size_t i = 0; i < n; i++) {
            const struct promql__series *s = &r->gr.in.v[r->step[i].i];

            *promql__matrix_add(r->ev, out, s->labels, 0) = *s;
        }
    }
    return 0;
}

/* The floats of group `k` at `t`. Sets *marked when the name of one of them is to go. */
static size_t floats_at(struct ranking *r, size_t k, ts_ms t, double *out, bool *marked)
{
    size_t n = 0;

    *marked = false;
    for (size_t i = r->gr.first[k]; i < r->gr.first[k + 1]; i++) {
        const struct promql__series *x = &r->gr.in.v[r->gr.members[i]];
        struct promql__value v;

        if (!promql__take(x, &r->next[r->gr.members[i]], t, &v))
            continue;
        if (v.h != NULL)
            promql__info_hist_ignored(r->ev, promql__unparen(r->agg->expr), PROMQL_QUANTILE);
        else
            out[n++] = v.v;
        *marked = *marked || (x->drop_name && n > 0);
    }
    return n;
}

static int quantiles(struct ranking *r, struct promql__matrix *out)
{
    struct promql__ev *ev = r->ev;
    double *v = promql__scratch(ev, r->gr.in.n);

    for (size_t k = 0; k < r->gr.n; k++) {
        bool marked = false;

        promql__out_begin(ev);
        for (size_t step = 0; step < r->g->n; step++) {
            ts_ms t = promql__time(r->g, step);
            bool mark;
            size_t n;
            int rc = promql__tick(ev, r->gr.first[k + 1] - r->gr.first[k]);

            if (rc != 0)
                return rc;
            n = floats_at(r, k, t, v, &mark);
            if (n == 0)
                continue;
            marked = mark;
            sample_vec_push(&ev->out, (struct sample){t, promql__quantile(r->param.v[step], v, n)});
        }
        promql__matrix_keep(ev, out, r->gr.labels[k], marked);
    }
    return 0;
}

int promql__eval_ranking(struct promql__ev *ev, const struct promql__grid *g,
                         const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_aggregate *agg = &e->u.aggregate;
    struct ranking r = {.ev = ev, .g = g, .agg = agg, .e = e};
    bool none = false;
    int rc = eval_param(ev, g, agg->param, &r.param);

    if (rc == 0)
        rc = promql__eval(ev, g, promql__unparen(agg->expr), &r.gr.in);
    if (rc != 0)
        return rc;
    if (agg->op == PROMQL_QUANTILE)
        check_phi(ev, promql__unparen(agg->param), &r.param);
    else if (agg->op == PROMQL_LIMIT_RATIO)
        rc = check_ratio(ev, promql__unparen(agg->param), &r.param, &none);
    else
        rc = check_k(ev, &r.param, &none);
    if (rc != 0 || none || r.gr.in.n == 0)
        return rc;
    promql__group(ev, agg, &r.gr);
    r.next = arena_array(ev->arena, struct promql__cursor, r.gr.in.n);
    if (agg->op == PROMQL_QUANTILE)
        return quantiles(&r, out);
    r.step = arena_array(ev->arena, struct promql__ranked, r.gr.in.n);
    return promql__is_instant(g) ? rank_instant(&r, out) : rank_range(&r, out);
}

/* ---- count_values ---- */

/* What an input series last had, and the result series of that. */
struct value_seen {
    bool any;
    struct promql__value v;
    size_t series;
};

struct value_counts {
    struct promql__collector c;
    struct promql_aggregate agg; /* the grouping with the value's label */
    struct str label;
    struct value_seen *seen; /* of each input series */
    size_t *counts;          /* of each result series, in this step */
    size_t n, cap;
};

static struct str value_text(struct promql__ev *ev, struct promql__value v)
{
    char text[NUM_TEXT_MAX];
    struct buf b = {0};
    struct str s;

    if (v.h == NULL)
        return arena_str(ev->arena, (struct str){text, num_format(text, v.v, 'f')});
    histogram_print(&b, v.h);
    s = arena_str(ev->arena, buf_str(&b));
    buf_release(&b);
    return s;
}

static size_t series_of(struct value_counts *vc, const struct promql__series *s, size_t i,
                        struct promql__value v)
{
    struct promql__ev *ev = vc->c.ev;
    struct value_seen *seen = &vc->seen[i];
    struct labels ls;

    if (seen->any && seen->v.h == v.h && same_bits(seen->v.v, v.v))
        return seen->series;
    ls = labels_set(ev->arena, s->labels, vc->label, value_text(ev, v));
    *seen = (struct value_seen){
        .any = true,
        .v = v,
        .series = promql__collect_series(&vc->c, promql__group_labels(ev, &vc->agg, ls), false),
    };
    while (vc->n <= seen->series) {
        ARENA_GROW(ev->arena, vc->counts, vc->n, vc->cap, size_t);
        vc->counts[vc->n++] = 0;
    }
    return seen->series;
}

static int count_step(struct value_counts *vc, const struct promql__matrix *in,
                      struct promql__cursor *next, ts_ms t)
{
    for (size_t i = 0; i < in->n; i++) {
        struct promql__value v;

        if (promql__take(&in->v[i], &next[i], t, &v)) {
            size_t k = series_of(vc, &in->v[i], i, v); /* may move the counts */

            vc->counts[k]++;
        }
    }
    for (size_t k = 0; k < vc->n; k++) {
        int rc = 0;

        if (vc->counts[k] > 0)
            rc = promql__collect_add(&vc->c, k, t,
                                     (struct promql__value){.v = (double)vc->counts[k]});
        if (rc != 0)
            return rc;
        vc->counts[k] = 0;
    }
    return promql__tick(vc->c.ev, in->n + vc->n);
}

/* by (l) becomes by (l, label). */
static void extend_grouping(struct promql__ev *ev, struct value_counts *vc)
{
    size_t n = vc->agg.n_grouping;
    struct str *names;

    if (vc->agg.without)
        return;
    names = arena_array(ev->arena, struct str, n + 1);
    for (size_t i = 0; i < n; i++)
        names[i] = vc->agg.grouping[i];
    names[n] = vc->label;
    vc->agg.grouping = names;
    vc->agg.n_grouping = n + 1;
}

int promql__eval_count_values(struct promql__ev *ev, const struct promql__grid *g,
                              const struct promql_aggregate *agg, struct promql__matrix *out)
{
    struct value_counts vc = {.agg = *agg, .label = promql__unparen(agg->param)->u.string};
    struct promql__matrix in;
    struct promql__cursor *next;
    int rc = 0;

    if (vc.label.n == 0 || !utf8_valid(vc.label)) {
        struct buf b = {0};

        buf_add_go_quoted(&b, vc.label);
        rc = fault_set(ev->f, FER_EEXEC, 0, "invalid label name %s", b.p);
        buf_release(&b);
        return rc;
    }
    rc = promql__eval(ev, g, promql__unparen(agg->expr), &in);
    if (rc != 0 || in.n == 0)
        return rc;
    extend_grouping(ev, &vc);
    vc.seen = arena_array(ev->arena, struct value_seen, in.n);
    next = arena_array(ev->arena, struct promql__cursor, in.n);
    promql__collect_begin(&vc.c, ev, g);
    for (size_t i = 0; rc == 0 && i < g->n; i++)
        rc = count_step(&vc, &in, next, promql__time(g, i));
    return rc != 0 ? rc : promql__collect_end(&vc.c, out);
}
