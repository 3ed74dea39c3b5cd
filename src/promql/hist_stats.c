/*
 * hist_stats.c - histograms of which only count and sum are asked for.
 *
 * Below histogram_count(), histogram_sum() and histogram_avg() the buckets are left out when a
 * series is read. Counter resets cannot be found without them later on, so they are found then, by
 * comparing each histogram with the one read before. Results depend on it: hints say "reset" where
 * storage says "unknown", and sums of histograms warn when hints contradict each other.
 */
#include "ferula/base/check.h"

#include "eval.h"

enum promql__decoding promql__decoding_below(enum promql__decoding now, const struct promql_expr *e)
{
    if (now == PROMQL__ALWAYS_WHOLE)
        return now;
    switch ((int)e->kind) {
    case PROMQL_E_SUBQUERY:
        return PROMQL__ALWAYS_WHOLE;
    case PROMQL_E_BINARY:
        if (e->u.binary.op == PROMQL_TRIM_UPPER || e->u.binary.op == PROMQL_TRIM_LOWER)
            return PROMQL__ALWAYS_WHOLE;
        break;
    case PROMQL_E_CALL:
        switch ((int)e->u.call.func) {
        case PROMQL_FN_histogram_count:
        case PROMQL_FN_histogram_sum:
        case PROMQL_FN_histogram_avg:
            return PROMQL__STATS;
        case PROMQL_FN_histogram_quantile:
        case PROMQL_FN_histogram_quantiles:
        case PROMQL_FN_histogram_fraction:
            return PROMQL__ALWAYS_WHOLE;
        }
        break;
    }
    return now;
}

/* A reading of a series from sample to sample, floats among them. */
struct reader {
    struct promql__ev *ev;
    size_t f, h;                  /* the first samples not before the place of reading */
    size_t n_read;                /* histograms that are read */
    const struct histogram *last; /* the one read last, whole; NULL: none */
};

static struct histogram *without_buckets(struct promql__ev *ev, const struct histogram *h)
{
    struct histogram *stats = arena_new(ev->arena, struct histogram);

    *stats = (struct histogram){
        .hint = h->hint,
        .schema = h->schema,
        .count = h->count,
        .sum = h->sum,
    };
    return stats;
}

static void read_one(struct reader *r)
{
    const struct histogram **at = &r->ev->in.h.v[r->n_read++].h, *h = *at;
    struct histogram *stats = without_buckets(r->ev, h);

    *at = stats;
    if (histogram_is_stale(h))
        return;
    if (h->hint == HISTOGRAM_UNKNOWN && r->last != NULL)
        stats->hint = histogram_detect_reset(h, r->last) ? HISTOGRAM_RESET : HISTOGRAM_NOT_RESET;
    r->last = h;
}

/* Where reading stands; there is a histogram at it or further on. */
static ts_ms place(const struct reader *r)
{
    const struct series_samples *in = &r->ev->in;
    ts_ms t = in->h.v[r->h].t;

    return r->f < in->f.n ? MIN(t, in->f.v[r->f].t) : t;
}

/* Leaves out what lies before `t`, and forgets what was read, unless reading got there already. */
static void jump_to(struct reader *r, ts_ms t)
{
    const struct series_samples *in = &r->ev->in;

    if (place(r) >= t)
        return;
    while (r->f < in->f.n && in->f.v[r->f].t < t)
        r->f++;
    while (r->h < in->h.n && in->h.v[r->h].t < t)
        r->h++;
    r->n_read = MAX(r->n_read, r->h);
    r->last = NULL;
}

void promql__read_stats(struct promql__ev *ev, const struct promql__grid *g,
                        const struct promql__shift *shift, struct promql__reach reach)
{
    const struct series_samples *in = &ev->in;
    struct reader r = {.ev = ev};

    for (size_t i = 0; i < g->n && r.h < in->h.n; i++) {
        ts_ms ref = promql__reference(shift, g, i);

        jump_to(&r, promql__minus(ref, i == 0 ? reach.first : reach.later));
        while (r.f < in->f.n && in->f.v[r.f].t < ref)
            r.f++;
        while (r.h < in->h.n && in->h.v[r.h].t < ref)
            r.h++;
        /* A sample at the reference is read, and reading still stands on it. */
        while (r.n_read < in->h.n && in->h.v[r.n_read].t <= ref)
            read_one(&r);
    }
}
