/*
 * quantile.c - classic histograms: histogram_quantile(), histogram_fraction(),
 * histogram_quantiles().
 *
 * The bucket series are sorted into histograms, and by bound within each, once for all steps.
 */
#include <math.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"

#include "eval.h"
#include "gomath.h"

/* Counts that differ by less than this, relatively, differ by rounding only. */
#define TOLERANCE 1e-12

struct bucket {
    double bound, count;
};

struct bucket_series {
    double bound;
    uint32_t histogram, series;
    size_t next; /* the first sample not yet seen */
};

struct classic_histogram {
    struct labels labels; /* without le */
    size_t first, n;      /* in classic.buckets */
};

struct classic {
    struct promql__ev *ev;
    const struct promql__grid *g;
    const struct promql_expr *arg;
    struct promql__matrix in;
    struct bucket_series *buckets;
    size_t n_buckets;
    struct classic_histogram *histograms;
    size_t n_histograms;
    struct bucket *now; /* of one histogram in one step, by bound; the largest bound is +Inf */
    size_t n_now;
};

static int by_histogram_and_bound(const void *a, const void *b)
{
    const struct bucket_series *x = a, *y = b;

    if (x->histogram != y->histogram)
        return x->histogram < y->histogram ? -1 : 1;
    if (x->bound != y->bound)
        return x->bound < y->bound ? -1 : 1;
    return x->series < y->series ? -1 : 1;
}

static void warn_bad_bound(struct classic *c, struct labels ls)
{
    struct buf b = {0};

    buf_puts(&b, "bucket label \"le\" is missing or has a malformed value of ");
    buf_add_go_quoted(&b, labels_get(ls, STR(LABEL_BUCKET)));
    if (c->ev->q->delayed_name_removal && labels_name(ls).n > 0) {
        buf_puts(&b, " for metric name ");
        buf_add_go_quoted(&b, labels_name(ls));
    }
    promql__warn(c->ev, c->arg, "%s", b.p);
    buf_release(&b);
}

static void sort_into_histograms(struct classic *c)
{
    struct arena *a = c->ev->arena;
    struct promql__index ix;

    promql__index_init(&ix, a);
    c->buckets = arena_array(a, struct bucket_series, c->in.n + 1);
    for (size_t i = 0; i < c->in.n; i++) {
        struct labels ls = c->in.v[i].labels;
        bool range = false;
        double bound;

        if (!num_parse(labels_get(ls, STR(LABEL_BUCKET)), &bound, &range) || range) {
            warn_bad_bound(c, ls);
            continue;
        }
        c->buckets[c->n_buckets++] = (struct bucket_series){
            .bound = bound,
            .histogram = (uint32_t)promql__index_put(&ix, labels_without(a, ls, STR(LABEL_BUCKET))),
            .series = (uint32_t)i,
        };
    }
    if (c->n_buckets > 1)
        qsort(c->buckets, c->n_buckets, sizeof(*c->buckets), by_histogram_and_bound);
    c->n_histograms = ix.n;
    c->histograms = arena_array(a, struct classic_histogram, ix.n + 1);
    for (size_t i = 0; i < c->n_buckets; i++) {
        struct classic_histogram *h = &c->histograms[c->buckets[i].histogram];

        if (h->n++ == 0)
            h->first = i;
    }
    for (size_t i = 0; i < ix.n; i++)
        c->histograms[i].labels = ix.keys[i];
    c->now = arena_array(a, struct bucket, c->n_buckets + 1);
}

static int classic_begin(struct classic *c, struct promql__ev *ev, const struct promql__grid *g,
                         const struct promql_expr *arg)
{
    int rc;

    *c = (struct classic){.ev = ev, .g = g, .arg = arg};
    rc = promql__eval(ev, g, arg, &c->in);
    if (rc == 0)
        sort_into_histograms(c);
    return rc;
}

/* Takes the buckets of histogram `h` at `t`; equal bounds are added up. False: there are none. */
static bool gather(struct classic *c, const struct classic_histogram *h, ts_ms t)
{
    c->n_now = 0;
    for (size_t i = h->first; i < h->first + h->n; i++) {
        struct bucket_series *b = &c->buckets[i];
        const struct promql__series *s = &c->in.v[b->series];
        double v;

        if (b->next == s->n || s->s[b->next].t != t)
            continue;
        v = s->s[b->next++].v;
        if (c->n_now > 0 && c->now[c->n_now - 1].bound == b->bound)
            c->now[c->n_now - 1].count += v;
        else
            c->now[c->n_now++] = (struct bucket){b->bound, v};
    }
    return c->n_now > 0;
}

static bool nearly_equal(double a, double b)
{
    double sum = fabs(a) + fabs(b), diff = fabs(a - b);

    if (is_stale(a) || is_stale(b))
        return is_stale(a) && is_stale(b);
    if (a == b || (isnan(a) && isnan(b)))
        return true;
    if (a == 0 || b == 0 || sum < 0x1p-1022)
        return diff < TOLERANCE * 0x1p-1022;
    return diff / go_min(sum, 0x1.fffffffffffffp1023) < TOLERANCE;
}

/* Counts must not fall from bucket to bucket; where they do they are raised. True: some were. */
static bool mend(struct bucket *b, size_t n, struct promql__mended *m)
{
    double before = b[0].count;
    bool mended = false;

    m->min_bucket = INFINITY;
    m->max_bucket = -INFINITY;
    m->max_diff = 0;
    for (size_t i = 1; i < n; i++) {
        double count = b[i].count;

        if (count == before)
            continue;
        if (nearly_equal(before, count)) {
            b[i].count = before;
        } else if (count < before) {
            b[i].count = before;
            mended = true;
            m->min_bucket = fmin(m->min_bucket, b[i].bound);
            m->max_bucket = fmax(m->max_bucket, b[i].bound);
            m->max_diff = fmax(m->max_diff, before - count);
        } else {
            before = count;
        }
    }
    return mended;
}

/* Where the rank falls in the buckets, which are mended. */
static double interpolate(const struct bucket *b, size_t n, double phi)
{
    double rank = phi * b[n - 1].count, start = 0, count;
    size_t i = 0, end = n - 1;

    while (i < end) {
        size_t mid = i + (end - i) / 2;

        if (b[mid].count >= rank)
            end = mid;
        else
            i = mid + 1;
    }
    if (i == n - 1)
        return b[n - 2].bound;
    if (i == 0 && b[0].bound <= 0)
        return b[0].bound;
    count = b[i].count;
    if (i > 0) {
        start = b[i - 1].bound;
        count -= b[i - 1].count;
        rank -= b[i - 1].count;
    }
    return start + (b[i].bound - start) * (rank / count);
}

static double quantile(struct classic *c, double phi, struct promql__mended *m, bool *mended)
{
    size_t n = c->n_now;

    *mended = false;
    if (isnan(phi))
        return go_nan();
    if (phi < 0 || phi > 1)
        return phi < 0 ? -INFINITY : INFINITY;
    if (!(isinf(c->now[n - 1].bound) && c->now[n - 1].bound > 0))
        return go_nan();
    *mended = mend(c->now, n, m);
    if (n < 2 || c->now[n - 1].count == 0)
        return go_nan();
    return interpolate(c->now, n, phi);
}

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

static void note_mended(struct classic *c, struct mended_names *ms,
                        const struct classic_histogram *h, const struct promql__mended *m, ts_ms t)
{
    struct str name = {0};
    struct mended_name *x;
    size_t i = 0;

    if (c->ev->q->delayed_name_removal)
        name = labels_name(h->labels);
    while (i < ms->n && !str_eq(ms->v[i].name, name))
        i++;
    if (i == ms->n) {
        ARENA_GROW(c->ev->arena, ms->v, ms->n, ms->cap, struct mended_name);
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

static void tell_mended(struct classic *c, const struct mended_names *ms)
{
    for (size_t i = 0; i < ms->n; i++)
        promql__info_mended(c->ev, c->arg, ms->v[i].name, &ms->v[i].all);
}

/* ---- the functions ---- */

static bool is_bad_phi(double phi)
{
    return isnan(phi) || phi < 0 || phi > 1;
}

/* A series for each histogram and each label set given with it. */
static void add_outputs(struct classic *c, struct str label, const struct str *value,
                        struct promql__matrix *out)
{
    for (size_t i = 0; i < c->n_histograms; i++) {
        struct promql__series *s = promql__matrix_add(c->ev, out, c->histograms[i].labels, c->g->n);

        promql__drop_name(c->ev, s);
        if (value != NULL)
            s->labels = labels_set(c->ev->arena, s->labels, label, *value);
    }
}

static int finish(struct classic *c, struct promql__matrix *out)
{
    size_t n = 0;

    for (size_t i = 0; i < out->n; i++)
        if (out->v[i].n > 0)
            out->v[n++] = out->v[i];
    out->n = n;
    return promql__matrix_settle(c->ev, c->g, out);
}

static void append(struct promql__series *s, ts_ms t, double v)
{
    s->s[s->n++] = (struct sample){t, v};
}

/* `phi` has `n_phi` rows of values by step; the series of row q are at out->v[q * histograms]. */
static int all_quantiles(struct classic *c, const double *const *phi, size_t n_phi,
                         struct promql__matrix *out)
{
    struct mended_names ms = {0};

    for (size_t step = 0; step < c->g->n; step++) {
        ts_ms t = promql__time(c->g, step);
        int rc = promql__tick(c->ev, c->n_buckets);

        if (rc == 0)
            rc = promql__hold(c->ev, c->n_histograms);
        if (rc != 0)
            return rc;
        for (size_t i = 0; i < c->n_histograms; i++) {
            if (!gather(c, &c->histograms[i], t))
                continue;
            for (size_t q = 0; q < n_phi; q++) {
                struct promql__mended m = {0};
                bool mended;
                double v = quantile(c, phi[q][step], &m, &mended);

                append(&out->v[q * c->n_histograms + i], t, v);
                if (mended)
                    note_mended(c, &ms, &c->histograms[i], &m, t);
            }
        }
        end_step(&ms);
    }
    tell_mended(c, &ms);
    return finish(c, out);
}

static void check_phis(struct promql__ev *ev, const struct promql__grid *g,
                       const struct promql_expr *at, const double *phi)
{
    for (size_t i = 0; i < g->n; i++)
        if (is_bad_phi(phi[i]) && (i == 0 || !same_bits(phi[i], phi[i - 1])))
            promql__warn_quantile(ev, at, phi[i]);
}

int promql__fn_histogram_quantile(struct promql__ev *ev, const struct promql__grid *g,
                                  const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_call *call = &e->u.call;
    const double *phi;
    struct classic c;
    int rc = promql__eval_scalar(ev, g, promql__unparen(call->args[0]), &phi);

    if (rc != 0)
        return rc;
    rc = classic_begin(&c, ev, g, promql__unparen(call->args[1]));
    if (rc != 0)
        return rc;
    check_phis(ev, g, promql__unparen(call->args[0]), phi);
    add_outputs(&c, (struct str){0}, NULL, out);
    return all_quantiles(&c, &phi, 1, out);
}

/* As OpenMetrics writes numbers: with a point or an exponent. */
static struct str metric_number(struct promql__ev *ev, double v)
{
    struct str s = promql__go_g(ev, v);

    if (isfinite(v) && memchr(s.p, '.', s.n) == NULL && memchr(s.p, 'e', s.n) == NULL)
        return arena_printf(ev->arena, STR_FMT ".0", STR_ARG(s));
    return s;
}

int promql__fn_histogram_quantiles(struct promql__ev *ev, const struct promql__grid *g,
                                   const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_call *call = &e->u.call;
    struct str label = promql__unparen(call->args[1])->u.string;
    size_t n_phi = call->n_args - 2;
    const double **phi = arena_array(ev->arena, const double *, n_phi);
    struct classic c;
    int rc = classic_begin(&c, ev, g, promql__unparen(call->args[0]));

    for (size_t q = 0; rc == 0 && q < n_phi; q++) {
        const struct promql_expr *arg = promql__unparen(call->args[q + 2]);
        struct str value;

        rc = promql__eval_scalar(ev, g, arg, &phi[q]);
        if (rc != 0)
            return rc;
        for (size_t i = 1; i < g->n; i++)
            if (!same_bits(phi[q][i], phi[q][0]))
                return fault_set(ev->f, FER_EUNSUP, 0,
                                 "histogram_quantiles() with quantiles that change over time is "
                                 "not supported");
        check_phis(ev, g, arg, phi[q]);
        value = metric_number(ev, phi[q][0]);
        add_outputs(&c, label, &value, out);
    }
    return rc != 0 ? rc : all_quantiles(&c, phi, n_phi, out);
}

/* How many observations lie below `v`, which is not in front of bucket `i`'s lower bound. */
struct rank {
    double v, rank;
    bool set;
};

static void meet(struct rank *r, double lower, const struct bucket *b, double before)
{
    if (r->set || !(lower >= r->v || b->bound > r->v))
        return;
    r->set = true;
    if (lower >= r->v)
        r->rank = before;
    else if (isinf(lower))
        r->rank = b->count;
    else
        r->rank = before + (b->count - before) * (r->v - lower) / (b->bound - lower);
}

static double fraction(const struct bucket *b, size_t n, double lo, double hi)
{
    struct rank l = {.v = lo}, h = {.v = hi};
    double before = 0, lower = b[0].bound <= 0 ? -INFINITY : 0, total = b[n - 1].count;

    if (!(isinf(b[n - 1].bound) && b[n - 1].bound > 0))
        return go_nan();
    if (total == 0 || isnan(lo) || isnan(hi))
        return go_nan();
    if (lo >= hi)
        return 0;
    for (size_t i = 0; i < n && !(l.set && h.set); i++) {
        if (i > 0)
            lower = b[i - 1].bound;
        meet(&l, lower, &b[i], before);
        meet(&h, lower, &b[i], before);
        before = b[i].count;
    }
    if (!l.set || l.rank > total)
        l.rank = total;
    if (!h.set || h.rank > total)
        h.rank = total;
    return (h.rank - l.rank) / total;
}

int promql__fn_histogram_fraction(struct promql__ev *ev, const struct promql__grid *g,
                                  const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_call *call = &e->u.call;
    const double *lo, *hi;
    struct classic c;
    int rc = promql__eval_scalar(ev, g, call->args[0], &lo);

    if (rc == 0)
        rc = promql__eval_scalar(ev, g, call->args[1], &hi);
    if (rc == 0)
        rc = classic_begin(&c, ev, g, promql__unparen(call->args[2]));
    if (rc != 0)
        return rc;
    add_outputs(&c, (struct str){0}, NULL, out);
    for (size_t step = 0; step < g->n; step++) {
        ts_ms t = promql__time(g, step);

        rc = promql__tick(ev, c.n_buckets);
        if (rc == 0)
            rc = promql__hold(ev, c.n_histograms);
        if (rc != 0)
            return rc;
        for (size_t i = 0; i < c.n_histograms; i++)
            if (gather(&c, &c.histograms[i], t))
                append(&out->v[i], t, fraction(c.now, c.n_now, lo[step], hi[step]));
    }
    return finish(&c, out);
}

/* histogram_count() and the like: of native histograms, so floats have no result. */
int promql__fn_histogram(struct promql__ev *ev, const struct promql__grid *g,
                         const struct promql_expr *e, struct promql__matrix *out)
{
    int rc = promql__eval(ev, g, promql__unparen(e->u.call.args[0]), out);

    out->n = 0;
    return rc;
}
