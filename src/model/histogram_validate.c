/*
 * histogram_validate.c - what Prometheus refuses in a native histogram, and its words for it.
 */
#include <math.h>
#include <stdio.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"
#include "histogram_priv.h"

/* Whole numbers up to here are doubles. */
#define EXACT_LIMIT 0x1p53

/* Go's %v ('g'), and %d of a whole number ('f'). */
static const char *number(char out[NUM_TEXT_MAX + 1], double v, char format)
{
    out[num_format(out, v, format)] = '\0';
    return out;
}

/* Go's %f. */
static const char *fixed(char out[NUM_TEXT_MAX + 1], double v)
{
    if (isinf(v))
        return number(out, v, 'g');
    snprintf(out, NUM_TEXT_MAX + 1, "%f", v);
    return out;
}

static int check_bounds(const struct histogram *h, struct fault *f)
{
    char before[NUM_TEXT_MAX + 1], now[NUM_TEXT_MAX + 1];
    double prev = -INFINITY;

    for (size_t i = 0; i < h->n_bounds; i++) {
        double bound = h->bounds[i];

        if (isnan(bound))
            return fault_set(f, FER_EINVAL, 0,
                             "custom buckets: histogram custom bounds must not be NaN");
        if (i > 0 && bound <= prev)
            return fault_set(f, FER_EINVAL, 0,
                             "custom buckets: previous bound is %s and current is %s: "
                             "histogram custom bounds must be in strictly increasing order",
                             fixed(before, prev), fixed(now, bound));
        prev = bound;
    }
    if (isinf(prev) && prev > 0)
        return fault_set(f, FER_EINVAL, 0,
                         "custom buckets: last +Inf bound must not be explicitly defined: "
                         "histogram custom bounds must be finite");
    return 0;
}

static int check_custom(const struct histogram *h, struct fault *f)
{
    int rc = check_bounds(h, f);

    if (rc < 0)
        return rc;
    if (h->pos.n > 0 && h->pos.index[0] < 0)
        return fault_set(f, FER_EINVAL, 0,
                         "custom buckets: span number 1 with offset %d: histogram has a span whose "
                         "offset is negative",
                         h->pos.index[0]);
    if (h->pos.n > 0 && h->n_bounds < (size_t)h->pos.index[h->pos.n - 1])
        return fault_set(f, FER_EINVAL, 0,
                         "custom buckets: only %zu custom bounds defined which is insufficient to "
                         "cover total span length of %zu: histogram custom bounds are too few",
                         h->n_bounds, (size_t)h->pos.index[h->pos.n - 1] + 1);
    if (h->zero_count != 0)
        return fault_set(f, FER_EINVAL, 0, "custom buckets: must have zero count of 0");
    if (h->zero_threshold != 0)
        return fault_set(f, FER_EINVAL, 0, "custom buckets: must have zero threshold of 0");
    if (h->neg.n > 0)
        return fault_set(f, FER_EINVAL, 0, "custom buckets: must not have negative spans");
    return 0;
}

static int check_side(const struct histogram *h, bool negative, struct fault *f)
{
    const struct histogram_side *side = negative ? &h->neg : &h->pos;
    char text[NUM_TEXT_MAX + 1];

    for (size_t i = 0; i < side->n; i++) {
        if (side->count[i] < 0)
            return fault_set(f, FER_EINVAL, 0,
                             "%s side: bucket number %zu has observation count of %s: histogram "
                             "has a bucket whose observation count is negative",
                             negative ? "negative" : "positive", i + 1,
                             number(text, side->count[i], h->integer ? 'f' : 'g'));
    }
    return 0;
}

static int check_exponential(const struct histogram *h, struct fault *f)
{
    char text[NUM_TEXT_MAX + 1];
    int rc = check_side(h, true, f);

    if (rc < 0)
        return rc;
    if (!h->integer && h->zero_count < 0)
        return fault_set(f, FER_EINVAL, 0,
                         "zero bucket has observation count of %s: histogram has a bucket whose "
                         "observation count is negative",
                         number(text, h->zero_count, 'g'));
    if (h->n_bounds > 0)
        return fault_set(f, FER_EINVAL, 0,
                         "histogram with exponential schema must not have custom bounds");
    return 0;
}

/* Whole counts must add up; NaN observations are in no bucket. */
static int check_sum(const struct histogram *h, struct fault *f)
{
    char found[NUM_TEXT_MAX + 1], said[NUM_TEXT_MAX + 1];
    double sum = 0, lost;
    bool wrong;

    for (size_t i = 0; i < h->neg.n; i++)
        sum += h->neg.count[i];
    for (size_t i = 0; i < h->pos.n; i++)
        sum += h->pos.count[i];
    sum += h->zero_count;
    /* What rounding may have lost of counts that are no doubles. */
    lost = sum < EXACT_LIMIT ? 0 : sum / EXACT_LIMIT * (double)(h->neg.n + h->pos.n + 2);
    wrong = isnan(h->sum) ? sum - h->count > lost : fabs(sum - h->count) > lost;
    if (!wrong)
        return 0;
    return fault_set(f, FER_EINVAL, 0,
                     "%s observations found in buckets, but the Count field is %s: histogram's "
                     "observation count should %s",
                     number(found, sum, 'f'), number(said, h->count, 'f'),
                     isnan(h->sum)
                         ? "be at least the number of observations found in the buckets"
                         : "equal the number of observations found in the buckets (in absence of "
                           "NaN)");
}

int histogram_validate(const struct histogram *h, struct fault *f)
{
    char text[NUM_TEXT_MAX + 1];
    int rc;

    if (histogram_is_custom(h))
        rc = check_custom(h, f);
    else if (h->schema >= HISTOGRAM_SCHEMA_MIN && h->schema <= HISTOGRAM_SCHEMA_MAX)
        rc = check_exponential(h, f);
    else
        rc = fault_set(f, FER_EINVAL, 0,
                       "histogram has an invalid schema, which must be between %d and %d for "
                       "exponential buckets, or %d for custom buckets, got schema %d",
                       HISTOGRAM_SCHEMA_MIN, HISTOGRAM_SCHEMA_MAX, HISTOGRAM_CUSTOM, h->schema);
    if (rc < 0)
        return rc;
    if (!h->integer && h->count < 0)
        return fault_set(f, FER_EINVAL, 0,
                         "observation count is  %s: histogram's observation count is negative",
                         number(text, h->count, 'g'));
    rc = check_side(h, false, f);
    if (rc < 0)
        return rc;
    return h->integer ? check_sum(h, f) : 0;
}
