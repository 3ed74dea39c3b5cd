/*
 * hist_funcs.c - what a native histogram says as a whole: histogram_count(), _sum(), _avg(),
 * _stddev() and _stdvar(). Floats have no result.
 */
#include <math.h>

#include "ferula/base/check.h"

#include "eval.h"
#include "kahan.h"

typedef double whole_fn(const struct histogram *h);

static double count(const struct histogram *h)
{
    return h->count;
}

static double sum(const struct histogram *h)
{
    return h->sum;
}

static double avg(const struct histogram *h)
{
    return h->sum / h->count;
}

/* Where the observations of a bucket are taken to lie. */
static double middle(const struct histogram *h, const struct histogram_bucket *b)
{
    if (histogram_is_custom(h))
        return (b->upper + b->lower) / 2;
    if (b->lower <= 0 && b->upper >= 0)
        return 0;
    return b->upper < 0 ? -sqrt(b->upper * b->lower) : sqrt(b->upper * b->lower);
}

static double stdvar(const struct histogram *h)
{
    double mean = avg(h);
    struct kahan k = {0};
    struct histogram_bucket b;
    struct histogram_iter it;

    histogram_iter_begin(&it, h, false);
    while (histogram_iter_next(&it, &b)) {
        double delta = middle(h, &b) - mean;

        if (b.count != 0)
            kahan_add(&k, b.count * delta * delta);
    }
    return (k.sum + k.c) / h->count;
}

static double stddev(const struct histogram *h)
{
    return sqrt(stdvar(h));
}

static whole_fn *whole(enum promql_func func)
{
    static whole_fn *const fns[N_PROMQL_FUNCS] = {
        [PROMQL_FN_histogram_avg] = avg,       [PROMQL_FN_histogram_count] = count,
        [PROMQL_FN_histogram_stddev] = stddev, [PROMQL_FN_histogram_stdvar] = stdvar,
        [PROMQL_FN_histogram_sum] = sum,
    };

    CHECK(fns[func] != NULL);
    return fns[func];
}

int promql__fn_histogram(struct promql__ev *ev, const struct promql__grid *g,
                         const struct promql_expr *e, struct promql__matrix *out)
{
    whole_fn *fn = whole(e->u.call.func);
    int rc = promql__eval(ev, g, promql__unparen(e->u.call.args[0]), out);
    size_t n = 0;

    for (size_t i = 0; rc == 0 && i < out->n; i++) {
        struct promql__series *s = &out->v[i];

        if (s->nh == 0)
            continue;
        s->s = arena_alloc_raw(ev->arena, s->nh * sizeof(*s->s), _Alignof(struct sample));
        for (size_t k = 0; k < s->nh; k++)
            s->s[k] = (struct sample){s->h[k].t, fn(s->h[k].h)};
        s->n = s->nh;
        s->nh = 0;
        /* Type and unit stay, unless names go at the end of the query: so does Prometheus. */
        s->drop_name = true;
        if (!ev->q->delayed_name_removal)
            s->labels = labels_without(ev->arena, s->labels, STR(LABEL_NAME));
        rc = promql__tick(ev, 16 * s->n);
        out->v[n++] = *s;
    }
    if (rc != 0)
        return rc;
    out->n = n;
    return promql__matrix_settle(ev, g, out);
}
