/*
 * histogram_reset.c - whether a counter began anew between two histograms.
 */
#include "histogram_priv.h"

/* The buckets of a side beyond a zero bucket, at a schema that is not finer than its own. */
struct beyond {
    struct model__merge from;
    int32_t schema;
    double threshold;
    bool begun;
};

static struct beyond beyond_of(const struct histogram *h, bool negative, int32_t schema,
                               double threshold)
{
    return (struct beyond){
        .from = {.side = negative ? &h->neg : &h->pos, .shift = h->schema - schema},
        .schema = schema,
        .threshold = threshold,
        .begun = threshold == 0 || schema == HISTOGRAM_CUSTOM,
    };
}

static bool beyond_next(struct beyond *it, struct model__merged *b)
{
    while (model__merge_next(&it->from, false, b)) {
        if (it->begun || !(histogram_bound(it->schema, b->index) <= it->threshold)) {
            it->begun = true;
            return true;
        }
    }
    return false;
}

/*
 * Whether a bucket fell, or a populated one has gone. Of those that were there beyond the last that
 * is there now, Prometheus looks at the first only.
 */
static bool side_decreased(struct beyond now, struct beyond before)
{
    struct model__merged b, old;
    bool more = beyond_next(&now, &b);

    while (beyond_next(&before, &old)) {
        while (more && b.index < old.index)
            more = beyond_next(&now, &b);
        if (!more)
            return old.count != 0;
        if (b.index == old.index ? b.count < old.count : old.count != 0)
            return true;
    }
    return false;
}

bool histogram_detect_reset(const struct histogram *h, const struct histogram *prev)
{
    struct model__zero z;

    if (h->hint == HISTOGRAM_RESET || h->hint == HISTOGRAM_NOT_RESET)
        return h->hint == HISTOGRAM_RESET;
    if (h->count < prev->count)
        return true;
    if (histogram_is_custom(h)) {
        if (!histogram_is_custom(prev))
            return true;
        if (!model__custom_bounds_match(h, prev))
            return model__custom_decreased(h, prev);
    }
    /* A finer schema or a narrower zero bucket needs a new start. */
    if (h->schema > prev->schema || h->zero_threshold < prev->zero_threshold)
        return true;
    z = model__wider_zero(prev, NULL, h->zero_threshold);
    if (z.threshold != h->zero_threshold || h->zero_count < z.count)
        return true;
    for (int negative = 0; negative < 2; negative++) {
        if (side_decreased(beyond_of(h, negative, h->schema, h->zero_threshold),
                           beyond_of(prev, negative, h->schema, h->zero_threshold)))
            return true;
    }
    return false;
}

/* ---- storage ---------------------------------------------------------------------------- */

static bool same_layout(const struct histogram *h, const struct histogram *prev)
{
    return h->schema == prev->schema && h->zero_threshold == prev->zero_threshold &&
           (!histogram_is_custom(h) || model__custom_bounds_match(h, prev));
}

static bool stored_side_decreased(const struct histogram_side *now,
                                  const struct histogram_side *before)
{
    for (size_t i = 0, j = 0; i < before->n; i++) {
        while (j < now->n && now->index[j] < before->index[i])
            j++;
        if (j < now->n && now->index[j] == before->index[i] ? now->count[j] < before->count[i]
                                                            : before->count[i] != 0)
            return true;
    }
    return false;
}

/* Whether `h` may follow `prev` in a chunk of a counter. */
static bool continues(const struct histogram *h, const struct histogram *prev)
{
    return prev->integer == h->integer && prev->hint != HISTOGRAM_GAUGE &&
           h->hint != HISTOGRAM_RESET && !histogram_is_stale(prev) && !(h->count < prev->count) &&
           same_layout(h, prev) && !(h->zero_count < prev->zero_count) &&
           !stored_side_decreased(&h->pos, &prev->pos) &&
           !stored_side_decreased(&h->neg, &prev->neg);
}

enum histogram_hint histogram_stored_hint(const struct histogram *h, const struct histogram *prev)
{
    if (histogram_is_stale(h)) /* of a marker only the sum is given back */
        return HISTOGRAM_UNKNOWN;
    if (h->hint == HISTOGRAM_GAUGE)
        return HISTOGRAM_GAUGE;
    return prev != NULL && continues(h, prev) ? HISTOGRAM_NOT_RESET : HISTOGRAM_UNKNOWN;
}
