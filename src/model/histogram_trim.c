/*
 * histogram_trim.c - what is left of a native histogram below or above a value.
 *
 * A bucket that holds the value keeps the part that interpolation says: linear in custom buckets
 * and the zero bucket, on a logarithmic scale in others. When anything goes, the sum is estimated
 * anew from the middles of the buckets.
 */
#include <math.h>

#include "ferula/base/go_log.h"
#include "histogram_priv.h"

/* What is kept of a bucket, and the value that its observations have on average. */
struct part {
    double count, middle;
};

struct trim {
    struct histogram *h;
    double rhs;
    bool upper; /* keeps what is below rhs */
    double count, sum;
    bool populated[2]; /* by side; 1: negative */
    bool changed;
};

static double middle(double lower, double upper, bool negative, bool linear)
{
    double mean;

    if (isinf(lower)) {
        if (isinf(upper))
            return 0;
        return upper > 0 ? upper / 2 : upper;
    }
    if (isinf(upper))
        return lower;
    if (linear)
        return (lower + upper) / 2;
    mean = sqrt(fabs(lower * upper));
    return negative ? -mean : mean;
}

/*
 * What is kept of a bucket without a lower bound. It counts as beginning at 0 when it ends above
 * that; else nobody knows what is in it, and all is on the side that is sure to have some.
 */
static struct part cut_lowest(const struct histogram_bucket *b, double rhs, bool upper)
{
    bool from_zero = b->upper > 0 && !isinf(b->upper);

    if (upper) {
        if (rhs > 0 && from_zero)
            return (struct part){b->count * rhs / b->upper, rhs / 2};
        return b->upper <= 0 ? (struct part){b->count, rhs} : (struct part){0, 0};
    }
    if (rhs >= 0 && from_zero)
        return (struct part){b->count * (1 - rhs / b->upper), (rhs + b->upper) / 2};
    return (struct part){0, 0};
}

/* The part of a bucket's width that is below `v`. */
static double fraction_below(const struct histogram_bucket *b, double v, bool linear)
{
    double lower, upper, at;

    if (linear)
        return (v - b->lower) / (b->upper - b->lower);
    lower = go_log2(fabs(b->lower));
    upper = go_log2(fabs(b->upper));
    at = go_log2(fabs(v));
    if (v > 0)
        return (at - lower) / (upper - lower);
    return 1 - (at - upper) / (lower - upper);
}

/* What is kept of a bucket that holds the value between its bounds. */
static struct part cut_bucket(const struct trim *t, const struct histogram_bucket *b, bool negative)
{
    bool linear = histogram_is_custom(t->h);
    double below;

    if (isinf(b->lower) && b->lower < 0)
        return cut_lowest(b, t->rhs, t->upper);
    if (isinf(b->upper) && b->upper > 0)
        return t->upper ? (struct part){0, 0} : (struct part){b->count, t->rhs};
    below = b->count * fraction_below(b, t->rhs, linear);
    if (t->upper)
        return (struct part){below, middle(b->lower, t->rhs, negative, linear)};
    return (struct part){b->count - below, middle(t->rhs, b->upper, negative, linear)};
}

static void trim_side(struct trim *t, bool negative)
{
    struct histogram_side *side = negative ? &t->h->neg : &t->h->pos;

    for (size_t i = 0; i < side->n; i++) {
        struct histogram_bucket b = histogram_side_bucket(t->h, negative, i);
        bool all = t->upper ? b.upper <= t->rhs : b.lower >= t->rhs;
        bool some = t->upper ? b.lower < t->rhs : b.upper > t->rhs;
        struct part part;

        if (b.count == 0)
            continue;
        t->populated[negative] = true;
        if (!all && !some) {
            side->count[i] = 0;
            t->changed = true;
            continue;
        }
        if (all)
            part = (struct part){b.count,
                                 middle(b.lower, b.upper, negative, histogram_is_custom(t->h))};
        else
            part = cut_bucket(t, &b, negative);
        t->count += part.count;
        t->sum += part.middle * part.count;
        if (!all && side->count[i] != part.count) {
            side->count[i] = part.count;
            t->changed = true;
        }
    }
}

/* With observations on one side only, the zero bucket has none on the other. */
static struct part cut_zero(const struct trim *t)
{
    double lower = -t->h->zero_threshold, upper = t->h->zero_threshold;
    double count = t->h->zero_count;

    if (t->populated[1] && !t->populated[0])
        upper = 0;
    if (t->populated[0] && !t->populated[1])
        lower = 0;
    if (t->upper) {
        if (t->rhs <= lower)
            return (struct part){0, 0};
        if (t->rhs >= upper)
            return (struct part){count, (lower + upper) / 2};
        return (struct part){count * ((t->rhs - lower) / (upper - lower)), (lower + t->rhs) / 2};
    }
    if (t->rhs <= lower)
        return (struct part){count, (lower + upper) / 2};
    if (t->rhs >= upper)
        return (struct part){0, 0};
    return (struct part){count * ((upper - t->rhs) / (upper - lower)), (t->rhs + upper) / 2};
}

void histogram_trim(struct histogram *h, double rhs, bool upper)
{
    struct trim t = {.h = h, .rhs = rhs, .upper = upper};

    trim_side(&t, false);
    trim_side(&t, true);
    if (h->zero_count > 0) {
        struct part part = cut_zero(&t);

        if (h->zero_count != part.count) {
            h->zero_count = part.count;
            t.changed = true;
        }
        t.sum += part.middle * part.count;
        t.count += part.count;
    }
    if (!t.changed)
        return;
    h->count = t.count;
    h->sum = t.sum;
    histogram_compact(h);
}
