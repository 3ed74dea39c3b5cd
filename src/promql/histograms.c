/*
 * histograms.c - the series of a vector sorted into classic and native histograms.
 */
#include "histograms.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"

static int by_histogram_and_bound(const void *a, const void *b)
{
    const struct promql__bucket_series *x = a, *y = b;

    if (x->histogram != y->histogram)
        return x->histogram < y->histogram ? -1 : 1;
    if (x->bound != y->bound)
        return x->bound < y->bound ? -1 : 1;
    return x->series < y->series ? -1 : 1;
}

static void warn_bad_bound(struct promql__hists *hs, struct labels ls)
{
    struct buf b = {0};

    buf_puts(&b, "bucket label \"le\" is missing or has a malformed value of ");
    buf_add_go_quoted(&b, labels_get(ls, STR(LABEL_BUCKET)));
    if (hs->ev->q->delayed_name_removal && labels_name(ls).n > 0) {
        buf_puts(&b, " for metric name ");
        buf_add_go_quoted(&b, labels_name(ls));
    }
    promql__warn(hs->ev, hs->arg, "%s", b.p);
    buf_release(&b);
}

/* Floats are buckets of the histogram that their labels without le name. */
static void find_buckets(struct promql__hists *hs, struct promql__index *ix)
{
    struct arena *a = hs->ev->arena;

    hs->buckets = arena_array(a, struct promql__bucket_series, hs->in.n + 1);
    for (size_t i = 0; i < hs->in.n; i++) {
        struct labels ls = hs->in.v[i].labels;
        bool range = false;
        double bound;

        if (hs->in.v[i].n == 0)
            continue;
        if (!num_parse(labels_get(ls, STR(LABEL_BUCKET)), &bound, &range) || range) {
            warn_bad_bound(hs, ls);
            continue;
        }
        hs->buckets[hs->n_buckets++] = (struct promql__bucket_series){
            .bound = bound,
            .histogram = (uint32_t)promql__index_put(ix, labels_without(a, ls, STR(LABEL_BUCKET))),
            .series = (uint32_t)i,
        };
    }
    if (hs->n_buckets > 1)
        qsort(hs->buckets, hs->n_buckets, sizeof(*hs->buckets), by_histogram_and_bound);
}

static void make_classics(struct promql__hists *hs, const struct promql__index *ix)
{
    hs->n_classics = ix->n;
    hs->classics = arena_array(hs->ev->arena, struct promql__classic, ix->n + 1);
    for (size_t i = 0; i < hs->n_buckets; i++) {
        struct promql__classic *h = &hs->classics[hs->buckets[i].histogram];

        if (h->n++ == 0)
            h->first = i;
    }
    for (size_t i = 0; i < ix->n; i++)
        hs->classics[i].labels = ix->keys[i];
    hs->now = arena_array(hs->ev->arena, struct promql__bucket, hs->n_buckets + 1);
}

static void make_natives(struct promql__hists *hs, struct promql__index *ix)
{
    size_t n = 0;

    for (size_t i = 0; i < hs->in.n; i++)
        n += hs->in.v[i].nh > 0;
    if (n == 0)
        return;
    hs->natives = arena_array(hs->ev->arena, struct promql__native, n);
    for (size_t i = 0; i < hs->in.n; i++) {
        const struct promql__series *s = &hs->in.v[i];
        size_t at;

        if (s->nh == 0)
            continue;
        at = promql__index_put(ix, s->labels);
        hs->natives[hs->n_natives++] = (struct promql__native){
            .labels = s->labels,
            .series = s,
            .twin = at < hs->n_classics ? &hs->classics[at] : NULL,
        };
    }
}

int promql__hists_begin(struct promql__hists *hs, struct promql__ev *ev,
                        const struct promql__grid *g, const struct promql_expr *arg)
{
    struct promql__index ix;
    int rc;

    *hs = (struct promql__hists){.ev = ev, .g = g, .arg = arg};
    rc = promql__eval(ev, g, arg, &hs->in);
    if (rc != 0)
        return rc;
    promql__index_init(&ix, ev->arena);
    find_buckets(hs, &ix);
    make_classics(hs, &ix);
    make_natives(hs, &ix);
    return 0;
}

static bool has_buckets(const struct promql__hists *hs, const struct promql__classic *h, ts_ms t)
{
    for (size_t i = h->first; i < h->first + h->n; i++) {
        const struct promql__bucket_series *b = &hs->buckets[i];
        const struct promql__series *s = &hs->in.v[b->series];

        if (b->next < s->n && s->s[b->next].t == t)
            return true;
    }
    return false;
}

/* `n` and its classic twin are both there. */
static void ignore_both(struct promql__hists *hs, struct promql__native *n)
{
    struct str name = {0};

    if (hs->ev->q->delayed_name_removal)
        name = labels_name(n->labels);
    promql__note_histogram(hs->ev, hs->arg, PROMQL__MIXED_CLASSIC_NATIVE, name);
    n->twin->ignored = true;
    n->now = NULL;
}

void promql__hists_step(struct promql__hists *hs, ts_ms t)
{
    for (size_t i = 0; i < hs->n_natives; i++) {
        struct promql__native *n = &hs->natives[i];
        const struct promql__series *s = n->series;

        n->now = NULL;
        if (n->twin != NULL)
            n->twin->ignored = false;
        if (n->next == s->nh || s->h[n->next].t != t)
            continue;
        n->now = s->h[n->next++].h;
        if (n->twin != NULL && has_buckets(hs, n->twin, t))
            ignore_both(hs, n);
    }
}

/* Equal bounds are added up. */
bool promql__hists_gather(struct promql__hists *hs, size_t at, ts_ms t)
{
    const struct promql__classic *h = &hs->classics[at];

    hs->n_now = 0;
    for (size_t i = h->first; i < h->first + h->n; i++) {
        struct promql__bucket_series *b = &hs->buckets[i];
        const struct promql__series *s = &hs->in.v[b->series];
        double v;

        if (b->next == s->n || s->s[b->next].t != t)
            continue;
        v = s->s[b->next++].v;
        if (hs->n_now > 0 && hs->now[hs->n_now - 1].bound == b->bound)
            hs->now[hs->n_now - 1].count += v;
        else
            hs->now[hs->n_now++] = (struct promql__bucket){b->bound, v};
    }
    return hs->n_now > 0 && !h->ignored;
}
