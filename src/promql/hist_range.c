/*
 * hist_range.c - functions of change over windows that have histograms: rates, differences, resets,
 * changes.
 */
#include <math.h>

#include "eval.h"

static int tell(struct promql__ev *ev, const struct promql__mixed *m, enum promql__hist_note note)
{
    promql__note_histogram(ev, m->at, note, labels_name(m->labels));
    return 0;
}

/* ---- rate(), increase(), delta() ---- */

/* What is to be told of a window. */
struct rate_notes {
    bool not_counter, not_gauge, mixed_buckets;
    bool subtraction, addition; /* bounds were reconciled in it */
};

static void tell_all(struct promql__ev *ev, const struct promql__mixed *m,
                     const struct rate_notes *notes)
{
    if (notes->not_counter)
        (void)tell(ev, m, PROMQL__NOT_COUNTER);
    if (notes->not_gauge)
        (void)tell(ev, m, PROMQL__NOT_GAUGE);
    if (notes->mixed_buckets)
        (void)tell(ev, m, PROMQL__MIXED_BUCKETS);
    promql__note_arithmetic(ev, m->at,
                            (struct histogram_notes){.bounds_reconciled = notes->subtraction},
                            "subtraction");
    promql__note_arithmetic(
        ev, m->at, (struct histogram_notes){.bounds_reconciled = notes->addition}, "addition");
}

static bool is_gauge(const struct histogram *h)
{
    return h->hint == HISTOGRAM_GAUGE;
}

static struct promql__started started_at(const struct promql__mixed *m, size_t i)
{
    return (struct promql__started){m->h[i].t, m->h_start[i]};
}

/* Whether the counter was reset between `prev`, which stands for sample i - 1, and sample i. */
static bool reset_before(const struct promql__mixed *m, size_t i, const struct histogram *prev)
{
    if (m->h_start != NULL && promql__began_anew(started_at(m, i - 1), started_at(m, i)))
        return true;
    return histogram_detect_reset(m->h[i].h, prev);
}

/* Looks at the samples between the first and the last. False: buckets of both kinds. */
static bool check_middle(const struct promql__mixed *m, bool custom, int32_t *schema,
                         struct rate_notes *notes)
{
    for (size_t i = 1; i + 1 < m->nh; i++) {
        const struct histogram *h = m->h[i].h;

        if (is_gauge(h))
            notes->not_counter = true;
        if (h->schema < *schema)
            *schema = h->schema;
        if (histogram_is_custom(h) != custom)
            return false;
    }
    return true;
}

/* What a counter had before each reset is part of its increase. */
static int add_resets(struct promql__ev *ev, const struct promql__mixed *m, struct histogram *sum,
                      const struct histogram *prev, struct rate_notes *notes)
{
    for (size_t i = 1; i < m->nh; i++) {
        if (reset_before(m, i, prev)) {
            struct histogram_notes n = {0};

            if (histogram_add(ev->arena, sum, prev, &n) != 0)
                return FER_EINVAL;
            notes->addition = notes->addition || n.bounds_reconciled;
        }
        prev = m->h[i].h;
    }
    return 0;
}

/* The buckets of both kinds are all that is told then. */
static struct histogram *mixed_buckets(struct rate_notes *notes)
{
    *notes = (struct rate_notes){.mixed_buckets = true};
    return NULL;
}

/*
 * The last sample less the first, resets made good. Contradicting hints are no news here: resets
 * are looked at one by one. NULL: there is no result.
 */
static struct histogram *change(struct promql__ev *ev, const struct promql__mixed *m, bool counter,
                                struct rate_notes *notes)
{
    const struct histogram *first = m->h[0].h, *second = m->h[1].h, *last = m->h[m->nh - 1].h;
    struct histogram nothing = {
        .schema = second->schema,
        .bounds = second->bounds,
        .n_bounds = second->n_bounds,
    };
    struct histogram_notes n = {0};
    struct histogram *h;
    int32_t schema;

    notes->not_counter = counter && (is_gauge(first) || is_gauge(last));
    notes->not_gauge = !counter && !(is_gauge(first) && is_gauge(last));
    /* Nothing of a first sample counts that was reset away, its buckets do not need to fit. */
    if (counter && reset_before(m, 1, first))
        first = &nothing;
    if (histogram_is_custom(last) != histogram_is_custom(first)) {
        notes->mixed_buckets = true;
        notes->not_gauge = false;
        return NULL;
    }
    schema = last->schema < first->schema ? last->schema : first->schema;
    if (counter && !check_middle(m, histogram_is_custom(first), &schema, notes))
        return mixed_buckets(notes);
    h = histogram_copy(ev->arena, last);
    if (schema != h->schema)
        histogram_reduce(h, schema);
    if (histogram_sub(ev->arena, h, first, &n) != 0)
        return mixed_buckets(notes);
    notes->subtraction = n.bounds_reconciled;
    if (counter && add_resets(ev, m, h, first, notes) != 0)
        return mixed_buckets(notes);
    h->hint = HISTOGRAM_GAUGE;
    histogram_compact(h);
    return h;
}

/* The first sample counts as well when the counter began inside the window. */
static bool add_first(struct promql__ev *ev, const struct promql__mixed *m, struct histogram *sum,
                      struct rate_notes *notes)
{
    struct histogram_notes n = {0};

    if (histogram_add(ev->arena, sum, m->h[0].h, &n) != 0) {
        notes->mixed_buckets = true;
        return false;
    }
    notes->addition = notes->addition || n.bounds_reconciled;
    return true;
}

int promql__mixed_rate(struct promql__ev *ev, const struct promql__mixed *m,
                       struct promql__value *out)
{
    struct promql__change c = {.n = m->nh, .counter = m->func != PROMQL_FN_delta};
    struct rate_notes notes = {0};
    struct histogram *h;
    double factor;

    if (m->n > 0)
        return tell(ev, m, PROMQL__MIXED_KINDS);
    c.first_t = m->h[0].t;
    c.last_t = m->h[m->nh - 1].t;
    c.begin = promql__begin_inside(m->h_start, c.first_t, m->w);
    if (m->nh < 2 && c.begin == 0)
        return 0;
    h = m->nh < 2 ? histogram_copy(ev->arena, m->h[0].h) : change(ev, m, c.counter, &notes);
    if (h != NULL)
        promql__note_overlap(ev, m);
    if (h != NULL && m->nh >= 2 && c.begin != 0 && !add_first(ev, m, h, &notes))
        h = NULL;
    tell_all(ev, m, &notes);
    if (h == NULL)
        return 0;
    c.first = m->h[0].h->count;
    c.increase = h->count;
    factor = promql__stretch(&c, m->w);
    if (m->func == PROMQL_FN_rate)
        factor /= (double)m->w->range / 1000;
    histogram_mul(h, factor);
    out->h = h;
    return 1;
}

/* ---- irate(), idelta() ---- */

static int instant_change(struct promql__ev *ev, const struct promql__mixed *m,
                          struct promql__value *out)
{
    const struct hsample *last = &m->h[m->nh - 1], *before = last - 1;
    bool rate = m->func == PROMQL_FN_irate;
    struct histogram *h = histogram_copy(ev->arena, last->h);
    struct histogram_notes n = {0};

    if (rate && (is_gauge(last->h) || is_gauge(before->h)))
        (void)tell(ev, m, PROMQL__NOT_COUNTER);
    if (!rate && !(is_gauge(last->h) && is_gauge(before->h)))
        (void)tell(ev, m, PROMQL__NOT_GAUGE);
    if (!rate || !reset_before(m, m->nh - 1, before->h)) {
        if (histogram_sub(ev->arena, h, before->h, &n) != 0)
            return tell(ev, m, PROMQL__MIXED_BUCKETS);
        promql__note_arithmetic(ev, m->at,
                                (struct histogram_notes){.bounds_reconciled = n.bounds_reconciled},
                                "subtraction");
    }
    h->hint = HISTOGRAM_GAUGE;
    histogram_compact(h);
    if (rate)
        histogram_div(h, (double)(last->t - before->t) / 1000);
    out->h = h;
    return 1;
}

/* Of the last two samples, whatever their kinds. */
int promql__mixed_instant(struct promql__ev *ev, const struct promql__mixed *m,
                          struct promql__value *out)
{
    ts_ms h_last = m->h[m->nh - 1].t;

    if (m->n + m->nh < 2)
        return 0;
    if (m->n == 0 || (m->nh >= 2 && m->h[m->nh - 2].t > m->s[m->n - 1].t))
        return instant_change(ev, m, out);
    if (m->n >= 2 && m->s[m->n - 2].t > h_last)
        return promql__floats_of(ev, m, out);
    return tell(ev, m, PROMQL__MIXED_KINDS);
}

/* ---- resets(), changes() ---- */

struct point {
    struct promql__value v;
    struct promql__started at;
};

typedef bool differ_fn(const struct point *prev, const struct point *cur);

static bool is_reset(const struct point *prev, const struct point *cur)
{
    const struct histogram *before = prev->v.h, *now = cur->v.h;

    if ((before != NULL) != (now != NULL) || promql__began_anew(prev->at, cur->at))
        return true;
    return now != NULL ? histogram_detect_reset(now, before) : cur->v.v < prev->v.v;
}

static bool is_change(const struct point *prev, const struct point *cur)
{
    const struct histogram *before = prev->v.h, *now = cur->v.h;
    double x = prev->v.v, y = cur->v.v;

    if (before != NULL || now != NULL)
        return before == NULL || now == NULL || !histogram_equal(now, before);
    return y != x && !(isnan(y) && isnan(x));
}

/* Goes through floats and histograms by time; a change of kind counts as well. */
static double count_pairs(const struct promql__mixed *m, differ_fn *differ)
{
    struct point prev = {0};
    size_t i = 0, k = 0, count = 0;

    while (i < m->n || k < m->nh) {
        struct point cur = {0};

        if (k == m->nh || (i < m->n && m->s[i].t < m->h[k].t)) {
            cur.at = (struct promql__started){m->s[i].t, m->s_start == NULL ? 0 : m->s_start[i]};
            cur.v.v = m->s[i++].v;
        } else {
            cur.at = (struct promql__started){m->h[k].t, m->h_start == NULL ? 0 : m->h_start[k]};
            cur.v.h = m->h[k++].h;
        }
        count += i + k > 1 && differ(&prev, &cur);
        prev = cur;
    }
    return (double)count;
}

int promql__mixed_resets(struct promql__ev *ev, const struct promql__mixed *m,
                         struct promql__value *out)
{
    (void)ev;
    out->v = count_pairs(m, is_reset);
    return 1;
}

int promql__mixed_changes(struct promql__ev *ev, const struct promql__mixed *m,
                          struct promql__value *out)
{
    (void)ev;
    out->v = count_pairs(m, is_change);
    return 1;
}
