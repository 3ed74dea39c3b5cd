/*
 * quantile.c - histogram_quantile(), histogram_quantiles() and histogram_fraction(), of classic and
 * native histograms side by side.
 */
#include <math.h>

#include "ferula/base/check.h"

#include "gomath.h"
#include "histograms.h"

/* ---- infos on mending ---- */

/* What was mended in the histograms of one metric name. */
struct mended_name {
    struct str name; /* empty when names are dropped at once */
    struct promql__mended all;
    uint64_t in_step;
    bool known; /* in an earlier step */
};

struct mended_names {
    struct mended_name *v;
    size_t n, cap;
};

static void note_mended(const struct promql__hists *hs, struct mended_names *ms, struct labels ls,
                        const struct promql__mended *m, ts_ms t)
{
    struct str name = {0};
    struct mended_name *x;
    size_t i = 0;

    if (hs->ev->q->delayed_name_removal)
        name = labels_name(ls);
    while (i < ms->n && !str_eq(ms->v[i].name, name))
        i++;
    if (i == ms->n) {
        ARENA_GROW(hs->ev->arena, ms->v, ms->n, ms->cap, struct mended_name);
        ms->v[ms->n++] = (struct mended_name){.name = name, .all = *m};
        ms->v[i].all.first = t;
    }
    x = &ms->v[i];
    x->in_step++;
    x->all.last = t;
    x->all.min_bucket = fmin(x->all.min_bucket, m->min_bucket);
    x->all.max_bucket = fmax(x->all.max_bucket, m->max_bucket);
    x->all.max_diff = fmax(x->all.max_diff, m->max_diff);
}

/*
 * Prometheus merges what it counted so far with itself after each further step, so its number of
 * samples grows twofold and wraps; the text is to be the same.
 */
static void end_step(struct mended_names *ms)
{
    for (size_t i = 0; i < ms->n; i++) {
        struct mended_name *x = &ms->v[i];

        x->all.count += x->in_step;
        if (x->known)
            x->all.count = 2 * x->all.count + 1;
        else
            x->all.count--;
        x->known = true;
        x->in_step = 0;
    }
}

static void tell_mended(const struct promql__hists *hs, const struct mended_names *ms)
{
    for (size_t i = 0; i < ms->n; i++)
        promql__info_mended(hs->ev, hs->arg, ms->v[i].name, &ms->v[i].all);
}

/* ---- results ---- */

/* What a function makes, step by step. */
struct results {
    const struct promql__hists *hs;
    struct promql__collector c;
};

static void results_begin(struct results *r, const struct promql__hists *hs)
{
    r->hs = hs;
    promql__collect_begin(&r->c, hs->ev, hs->g);
}

/* The number of the series of a histogram; `value` of `label` is set when it is not NULL. */
static size_t result(struct results *r, struct labels ls, struct str label, const struct str *value)
{
    struct promql__ev *ev = r->hs->ev;

    if (!ev->q->delayed_name_removal)
        ls = labels_without_metadata(ev->arena, ls);
    if (value != NULL)
        ls = labels_set(ev->arena, ls, label, *value);
    return promql__collect_series(&r->c, ls, true);
}

static int put(struct results *r, size_t series, ts_ms t, double v)
{
    return promql__collect_add(&r->c, series, t, (struct promql__value){.v = v});
}

static void tell_note(const struct promql__hists *hs, enum promql__hist_note note,
                      const struct promql__native *n)
{
    struct str name = {0};

    if (note == N_PROMQL__HIST_NOTES)
        return;
    if (hs->ev->q->delayed_name_removal)
        name = labels_name(n->labels);
    promql__note_histogram(hs->ev, hs->arg, note, name);
}

/* ---- quantiles ---- */

struct quantiles {
    struct promql__hists hs;
    struct results out;
    struct mended_names mended;
    const double **phi; /* n of them, each with a value a step */
    size_t n;
    bool labelled; /* a label tells them apart; else there is one */
    struct str label;
    size_t *native_out, *classic_out; /* numbers of results, phi by phi */
    bool *is_now;                     /* which classic histograms there are in this step */
    double *classic_now;              /* their quantiles, phi by phi */
};

/* As OpenMetrics writes numbers: with a point or an exponent. */
static struct str metric_number(struct promql__ev *ev, double v)
{
    struct str s = promql__go_g(ev, v);

    if (isfinite(v) && memchr(s.p, '.', s.n) == NULL && memchr(s.p, 'e', s.n) == NULL)
        return arena_printf(ev->arena, STR_FMT ".0", STR_ARG(s));
    return s;
}

/* Finds the results of quantile `k` in this step, when its value is new. */
static void name_results(struct quantiles *q, size_t k, size_t step)
{
    double phi = q->phi[k][step];
    struct str value, *label = NULL;

    if (step > 0 && (!q->labelled || same_bits(phi, q->phi[k][step - 1])))
        return;
    if (q->labelled) {
        value = metric_number(q->hs.ev, phi);
        label = &value;
    }
    for (size_t i = 0; i < q->hs.n_natives; i++)
        q->native_out[k * q->hs.n_natives + i] =
            result(&q->out, q->hs.natives[i].labels, q->label, label);
    for (size_t i = 0; i < q->hs.n_classics; i++)
        q->classic_out[k * q->hs.n_classics + i] =
            result(&q->out, q->hs.classics[i].labels, q->label, label);
}

static int native_quantiles(struct quantiles *q, size_t k, size_t step, ts_ms t)
{
    for (size_t i = 0; i < q->hs.n_natives; i++) {
        const struct promql__native *n = &q->hs.natives[i];
        enum promql__hist_note note = N_PROMQL__HIST_NOTES;
        double v;
        int rc;

        if (n->now == NULL)
            continue;
        v = promql__native_quantile(n->now, q->phi[k][step], &note);
        tell_note(&q->hs, note, n);
        rc = put(&q->out, q->native_out[k * q->hs.n_natives + i], t, v);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* A histogram's buckets are there once a step, so all its quantiles are found at once. */
static void find_classics(struct quantiles *q, size_t step, ts_ms t)
{
    for (size_t i = 0; i < q->hs.n_classics; i++) {
        q->is_now[i] = promql__hists_gather(&q->hs, i, t);
        for (size_t k = 0; q->is_now[i] && k < q->n; k++) {
            struct promql__mended m = {0};
            bool mended;

            q->classic_now[k * q->hs.n_classics + i] =
                promql__classic_quantile(&q->hs, q->phi[k][step], &m, &mended);
            if (mended)
                note_mended(&q->hs, &q->mended, q->hs.classics[i].labels, &m, t);
        }
    }
}

static int classic_quantiles(struct quantiles *q, size_t k, ts_ms t)
{
    size_t at = k * q->hs.n_classics;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < q->hs.n_classics; i++, at++)
        if (q->is_now[i])
            rc = put(&q->out, q->classic_out[at], t, q->classic_now[at]);
    return rc;
}

static int all_quantiles(struct quantiles *q, struct promql__matrix *out)
{
    struct promql__ev *ev = q->hs.ev;
    int rc = 0;

    results_begin(&q->out, &q->hs);
    q->native_out = arena_array(ev->arena, size_t, q->n * q->hs.n_natives + 1);
    q->classic_out = arena_array(ev->arena, size_t, q->n * q->hs.n_classics + 1);
    q->is_now = arena_array(ev->arena, bool, q->hs.n_classics + 1);
    q->classic_now = arena_array(ev->arena, double, q->n * q->hs.n_classics + 1);
    for (size_t step = 0; rc == 0 && step < q->hs.g->n; step++) {
        ts_ms t = promql__time(q->hs.g, step);

        rc = promql__tick(ev, q->hs.n_buckets + 16 * q->hs.n_natives);
        promql__hists_step(&q->hs, t);
        find_classics(q, step, t);
        for (size_t k = 0; rc == 0 && k < q->n; k++) {
            name_results(q, k, step);
            rc = native_quantiles(q, k, step, t);
            if (rc == 0)
                rc = classic_quantiles(q, k, t);
        }
        end_step(&q->mended);
    }
    tell_mended(&q->hs, &q->mended);
    return rc != 0 ? rc : promql__collect_end(&q->out.c, out);
}

static void check_phis(struct promql__ev *ev, const struct promql__grid *g,
                       const struct promql_expr *at, const double *phi)
{
    for (size_t i = 0; i < g->n; i++)
        if ((isnan(phi[i]) || phi[i] < 0 || phi[i] > 1) &&
            (i == 0 || !same_bits(phi[i], phi[i - 1])))
            promql__warn_quantile(ev, at, phi[i]);
}

int promql__fn_histogram_quantile(struct promql__ev *ev, const struct promql__grid *g,
                                  const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_call *call = &e->u.call;
    const struct promql_expr *at = promql__unparen(call->args[0]);
    const double *phi;
    struct quantiles q = {.phi = &phi, .n = 1};
    int rc = promql__eval_scalar(ev, g, at, &phi);

    if (rc == 0)
        rc = promql__hists_begin(&q.hs, ev, g, promql__unparen(call->args[1]));
    if (rc != 0)
        return rc;
    check_phis(ev, g, at, phi);
    return all_quantiles(&q, out);
}

int promql__fn_histogram_quantiles(struct promql__ev *ev, const struct promql__grid *g,
                                   const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_call *call = &e->u.call;
    struct quantiles q = {
        .n = call->n_args - 2,
        .labelled = true,
        .label = promql__unparen(call->args[1])->u.string,
    };
    int rc = promql__hists_begin(&q.hs, ev, g, promql__unparen(call->args[0]));

    q.phi = arena_array(ev->arena, const double *, q.n);
    for (size_t k = 0; rc == 0 && k < q.n; k++) {
        const struct promql_expr *arg = promql__unparen(call->args[k + 2]);

        rc = promql__eval_scalar(ev, g, arg, &q.phi[k]);
        if (rc == 0)
            check_phis(ev, g, arg, q.phi[k]);
    }
    return rc != 0 ? rc : all_quantiles(&q, out);
}

/* ---- fractions ---- */

struct fractions {
    struct promql__hists hs;
    struct results out;
    const double *lo, *hi; /* by step */
    size_t *native_out, *classic_out;
};

static int fractions_of_step(struct fractions *f, size_t step, ts_ms t)
{
    double lo = f->lo[step], hi = f->hi[step];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < f->hs.n_natives; i++) {
        const struct promql__native *n = &f->hs.natives[i];
        enum promql__hist_note note = N_PROMQL__HIST_NOTES;

        if (n->now == NULL)
            continue;
        rc = put(&f->out, f->native_out[i], t, promql__native_fraction(n->now, lo, hi, &note));
        tell_note(&f->hs, note, n);
    }
    for (size_t i = 0; rc == 0 && i < f->hs.n_classics; i++)
        if (promql__hists_gather(&f->hs, i, t))
            rc = put(&f->out, f->classic_out[i], t, promql__classic_fraction(&f->hs, lo, hi));
    return rc;
}

int promql__fn_histogram_fraction(struct promql__ev *ev, const struct promql__grid *g,
                                  const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_call *call = &e->u.call;
    struct fractions f = {0};
    int rc = promql__eval_scalar(ev, g, promql__unparen(call->args[0]), &f.lo);

    if (rc == 0)
        rc = promql__eval_scalar(ev, g, promql__unparen(call->args[1]), &f.hi);
    if (rc == 0)
        rc = promql__hists_begin(&f.hs, ev, g, promql__unparen(call->args[2]));
    if (rc != 0)
        return rc;
    results_begin(&f.out, &f.hs);
    f.native_out = arena_array(ev->arena, size_t, f.hs.n_natives + 1);
    f.classic_out = arena_array(ev->arena, size_t, f.hs.n_classics + 1);
    for (size_t i = 0; i < f.hs.n_natives; i++)
        f.native_out[i] = result(&f.out, f.hs.natives[i].labels, (struct str){0}, NULL);
    for (size_t i = 0; i < f.hs.n_classics; i++)
        f.classic_out[i] = result(&f.out, f.hs.classics[i].labels, (struct str){0}, NULL);
    for (size_t step = 0; rc == 0 && step < g->n; step++) {
        ts_ms t = promql__time(g, step);

        rc = promql__tick(ev, f.hs.n_buckets + 16 * f.hs.n_natives);
        promql__hists_step(&f.hs, t);
        if (rc == 0)
            rc = fractions_of_step(&f, step, t);
    }
    return rc != 0 ? rc : promql__collect_end(&f.out.c, out);
}
