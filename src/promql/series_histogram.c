/*
 * series_histogram.c - a native histogram as rule tests write it: `{{schema:1 sum:3 buckets:[1
 * 2]}}`. Nothing is checked of it; what makes a sound histogram is histogram_validate()'s business.
 */
#include "parser.h"

#include "ferula/base/check.h"
#include "ferula/model/histogram.h"

static const struct expectation in_values = {"series values", NULL};
static const struct expectation in_description = {
    "histogram description", "histogram description key, e.g. buckets:[5 10 7]"};

struct number_list {
    double *v;
    size_t n, cap;
};

/* What was read of a histogram. */
struct description {
    uint64_t seen; /* a bit a key */
    struct histogram *h;
    struct number_list bounds, pos, neg;
    int64_t pos_offset, neg_offset;
    const struct expectation *expect; /* where a mistake is said to be */
};

static double number(struct parser *p, const struct description *d)
{
    if (promql__peek(p) == TOK_NUMBER)
        return promql__number(p);
    promql__unexpected_in(p, d->expect);
    return 0;
}

static double signed_number(struct parser *p, const struct description *d)
{
    bool minus = promql__take_if(p, TOK_SUB);
    double v = number(p, d);

    return minus ? -v : v;
}

static int64_t integer(struct parser *p, const struct description *d)
{
    bool minus = promql__take_if(p, TOK_SUB);
    uint64_t n = promql__repetitions(p, d->expect);

    return (int64_t)(minus ? -n : n);
}

/*
 * [1 2 3]. As in Prometheus, whose grammar skips over mistakes here, a number that is not set off
 * by a blank is dropped without a word, and one blank more is none.
 */
static void numbers(struct parser *p, const struct description *d, struct number_list *list)
{
    if (!promql__take_if(p, TOK_LEFT_BRACKET)) {
        promql__unexpected_in(p, d->expect);
        return;
    }
    do {
        ARENA_GROW(p->a, list->v, list->n, list->cap, double);
        list->v[list->n++] = signed_number(p, d);
        while (promql__take_if(p, TOK_NUMBER) || promql__take_if(p, TOK_SUB))
            ;
        while (promql__take_if(p, TOK_SPACE))
            ;
    } while (!p->failed && promql__peek(p) != TOK_RIGHT_BRACKET);
    (void)promql__take_if(p, TOK_RIGHT_BRACKET);
}

static enum histogram_hint hint(struct parser *p, const struct description *d)
{
    enum tok t = promql__peek(p);

    if (promql__toks[t].kind != TOK_KIND_HIST_HINT) {
        promql__unexpected_in(p, d->expect);
        return HISTOGRAM_UNKNOWN;
    }
    (void)promql__take(p);
    switch (t) {
    case TOK_COUNTER_RESET:
        return HISTOGRAM_RESET;
    case TOK_NOT_COUNTER_RESET:
        return HISTOGRAM_NOT_RESET;
    case TOK_GAUGE_TYPE:
        return HISTOGRAM_GAUGE;
    default:
        return HISTOGRAM_UNKNOWN;
    }
}

static void value(struct parser *p, struct description *d, enum tok key)
{
    switch (key) {
    case TOK_SUM_DESC:
        d->h->sum = signed_number(p, d);
        break;
    case TOK_COUNT_DESC:
        d->h->count = signed_number(p, d);
        break;
    case TOK_SCHEMA_DESC:
        d->h->schema = (int32_t)integer(p, d);
        break;
    case TOK_OFFSET_DESC:
        d->pos_offset = integer(p, d);
        break;
    case TOK_NEGATIVE_OFFSET_DESC:
        d->neg_offset = integer(p, d);
        break;
    case TOK_BUCKETS_DESC:
        numbers(p, d, &d->pos);
        break;
    case TOK_NEGATIVE_BUCKETS_DESC:
        numbers(p, d, &d->neg);
        break;
    case TOK_ZERO_BUCKET_DESC:
        d->h->zero_count = signed_number(p, d);
        break;
    case TOK_ZERO_BUCKET_WIDTH_DESC:
        d->h->zero_threshold = number(p, d);
        break;
    case TOK_CUSTOM_VALUES_DESC:
        numbers(p, d, &d->bounds);
        break;
    default:
        d->h->hint = hint(p, d);
        break;
    }
}

static bool is_key(enum tok t)
{
    return promql__toks[t].kind == TOK_KIND_HIST_KEY;
}

/* key:value */
static void item(struct parser *p, struct description *d)
{
    enum tok key = promql__peek(p);
    uint64_t bit = UINT64_C(1) << (key - TOK_FIRST_HIST_KEY);

    (void)promql__take(p);
    if (!promql__take_if(p, TOK_COLON)) {
        promql__unexpected_in(p, d->expect);
        return;
    }
    value(p, d, key);
    if (d->seen & bit)
        promql__fail(p, 0, "duplicate key \"%s\" in histogram", promql__toks[key].text);
    d->seen |= bit;
}

/* From {{, which is taken, to }}. */
static void items(struct parser *p, struct description *d)
{
    if (promql__take_if(p, TOK_CLOSE_HIST))
        return;
    if (promql__take_if(p, TOK_SPACE)) {
        if (!promql__take_if(p, TOK_CLOSE_HIST))
            promql__unexpected_in(p, d->expect);
        return;
    }
    for (;;) {
        if (!is_key(promql__peek(p))) {
            promql__unexpected_in(p, d->expect);
            return;
        }
        item(p, d);
        d->expect = &in_description;
        if (p->failed || promql__take_if(p, TOK_CLOSE_HIST))
            return;
        if (!promql__take_if(p, TOK_SPACE)) {
            promql__unexpected_in(p, d->expect);
            return;
        }
        if (promql__take_if(p, TOK_CLOSE_HIST))
            return;
    }
}

static struct histogram_side side(struct parser *p, const struct number_list *list, int64_t offset)
{
    struct histogram_side s = {.count = list->v, .n = list->n};
    int64_t first = (int32_t)offset;

    if (first + (int64_t)list->n > INT32_MAX) {
        promql__fail(p, 0, "more buckets than indexes in a histogram");
        return s;
    }
    s.index = arena_array(p->a, int32_t, list->n + 1);
    for (size_t i = 0; i < list->n; i++)
        s.index[i] = (int32_t)(first + (int64_t)i);
    return s;
}

const struct histogram *promql__histogram(struct parser *p, bool *has_hint)
{
    struct description d = {.h = arena_new(p->a, struct histogram), .expect = &in_values};

    (void)promql__take(p);
    items(p, &d);
    d.h->pos = side(p, &d.pos, d.pos_offset);
    d.h->neg = side(p, &d.neg, d.neg_offset);
    d.h->bounds = d.bounds.v;
    d.h->n_bounds = d.bounds.n;
    *has_hint = (d.seen >> (TOK_COUNTER_RESET_HINT_DESC - TOK_FIRST_HIST_KEY)) & 1;
    return d.h;
}
