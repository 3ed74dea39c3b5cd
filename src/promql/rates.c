/*
 * rates.c - rate(), increase() and delta() over plain floats, along all steps of a grid.
 *
 * They are asked for more than anything else, and most windows are like the one before: as many
 * samples at the same distances, and no reset of the counter in them. What depends on times alone
 * is worked out again only when it changes, and a window without a reset is its last value less its
 * first. The arithmetic is that of range_funcs.c, operation by operation.
 */
#include "ferula/base/check.h"

#include "eval.h"

/* What a window's times say: see promql__stretch(). */
struct shape {
    dur_ms lead, tail, span; /* before the first sample, after the last, between them */
    size_t n;
    double to_start, to_end, sampled;
};

static void measure(struct shape *sh, dur_ms lead, dur_ms tail, dur_ms span, size_t n)
{
    double interval, threshold;

    if (sh->lead == lead && sh->tail == tail && sh->span == span && sh->n == n)
        return;
    *sh = (struct shape){
        .lead = lead,
        .tail = tail,
        .span = span,
        .n = n,
        .to_start = (double)lead / 1000,
        .to_end = (double)tail / 1000,
        .sampled = (double)span / 1000,
    };
    interval = sh->sampled / (double)(n - 1);
    threshold = interval * 1.1;
    if (sh->to_start >= threshold)
        sh->to_start = interval / 2;
    if (sh->to_end >= threshold)
        sh->to_end = interval / 2;
}

/* How much the change between the samples is stretched to the window's edges. */
static double stretch(const struct shape *sh, bool counter, double first, double increase)
{
    double to_start = sh->to_start;

    if (counter && increase > 0 && first >= 0) {
        double to_zero = sh->sampled * (first / increase);

        if (to_zero < to_start)
            to_start = to_zero;
    }
    return sh->sampled == 0 ? 1 : (sh->sampled + to_start + sh->to_end) / sh->sampled;
}

/* What the windows of a series have in them. */
struct tally {
    size_t most, last;
    struct promql__counts counts;
};

static void tally(struct tally *ty, size_t step, size_t seen, size_t read)
{
    ty->most = MAX(ty->most, seen);
    ty->last = seen;
    promql__count(&ty->counts, step, seen, read);
}

static int end_tally(struct promql__ev *ev, const struct tally *ty, struct promql__load *load)
{
    size_t end = ty->last + ev->out.n;

    ev->counts = ty->counts;
    *load = (struct promql__load){(int64_t)ev->out.n, (int64_t)MAX(ty->most, end)};
    return ev->held + load->most > ev->max_samples ? promql__too_many(ev) : 0;
}

/* The change of a counter with what it lost in resets. */
static double change_with_resets(const struct sample *s, size_t n)
{
    double d = s[n - 1].v - s[0].v;

    for (size_t i = 1; i < n; i++)
        if (s[i].v < s[i - 1].v)
            d += s[i - 1].v;
    return d;
}

int promql__slide_rates(struct promql__ev *ev, const struct promql__grid *g,
                        const struct promql__range *r, enum promql_func func,
                        const struct promql__range_series *rs, struct promql__load *load)
{
    const struct sample *s = rs->s;
    bool counter = func != PROMQL_FN_delta;
    double per = func == PROMQL_FN_rate ? (double)r->range / 1000 : 1;
    struct shape sh = {0};
    size_t lo = 0, hi = 0, last_reset = 0; /* s[last_reset] is less than the sample before it */
    struct tally ty = {.counts = ev->counts};
    bool reads = r->sel != NULL;

    for (size_t i = 0; i < g->n; i++) {
        ts_ms to = promql__reference(&r->shift, g, i), from = promql__minus(to, r->range);
        size_t old = hi;
        double d;

        for (; hi < rs->n && s[hi].t <= to; hi++)
            if (counter && hi > 0 && s[hi].v < s[hi - 1].v)
                last_reset = hi;
        while (lo < hi && s[lo].t <= from)
            lo++;
        tally(&ty, i, hi - lo, reads ? hi - MAX(lo, old) : 0);
        if (hi - lo < 2)
            continue;
        d = last_reset > lo ? change_with_resets(s + lo, hi - lo) : s[hi - 1].v - s[lo].v;
        measure(&sh, s[lo].t - from, to - s[hi - 1].t, s[hi - 1].t - s[lo].t, hi - lo);
        d *= func == PROMQL_FN_rate ? stretch(&sh, counter, s[lo].v, d) / per
                                    : stretch(&sh, counter, s[lo].v, d);
        sample_vec_push(&ev->out, (struct sample){promql__time(g, i), d});
    }
    if (end_tally(ev, &ty, load) != 0)
        return FER_ELIMIT;
    return promql__tick(ev, g->n + rs->n);
}
