/*
 * histogram_iter.c - buckets with their bounds.
 */
#include "histogram_priv.h"

struct histogram_bucket histogram_zero_bucket(const struct histogram *h)
{
    return (struct histogram_bucket){
        .lower = -h->zero_threshold,
        .upper = h->zero_threshold,
        .count = h->zero_count,
        .lower_inclusive = true,
        .upper_inclusive = true,
    };
}

struct histogram_bucket histogram_side_bucket(const struct histogram *h, bool negative, size_t i)
{
    const struct histogram_side *side = negative ? &h->neg : &h->pos;
    int32_t index = side->index[i];
    double far = model__histogram_bound(h, index);
    double near = model__histogram_bound(h, (int32_t)((uint32_t)index - 1));
    struct histogram_bucket b = {
        .lower = negative ? -far : near,
        .upper = negative ? -near : far,
        .count = side->count[i],
        .index = index,
    };

    b.lower_inclusive = histogram_is_custom(h) ? index == 0 : b.lower < 0;
    b.upper_inclusive = histogram_is_custom(h) || b.upper > 0;
    return b;
}

void histogram_iter_begin(struct histogram_iter *it, const struct histogram *h, bool backwards)
{
    *it = (struct histogram_iter){.h = h, .backwards = backwards};
}

/* What reaches into the zero bucket ends at it. */
static struct histogram_bucket cut(const struct histogram *h, struct histogram_bucket b)
{
    if (b.upper < 0 && b.upper > -h->zero_threshold)
        b.upper = -h->zero_threshold;
    else if (b.lower > 0 && b.lower < h->zero_threshold)
        b.lower = h->zero_threshold;
    return b;
}

bool histogram_iter_next(struct histogram_iter *it, struct histogram_bucket *out)
{
    const struct histogram *h = it->h;
    size_t n_towards = it->backwards ? h->pos.n : h->neg.n;
    size_t n_away = it->backwards ? h->neg.n : h->pos.n;

    if (it->stage == 0) { /* towards zero */
        if (it->i < n_towards) {
            *out = cut(h, histogram_side_bucket(h, !it->backwards, n_towards - 1 - it->i));
            it->i++;
            return true;
        }
        it->stage++;
        it->i = 0;
    }
    if (it->stage == 1) {
        it->stage++;
        if (h->zero_count > 0) {
            *out = histogram_zero_bucket(h);
            return true;
        }
    }
    if (it->i == n_away)
        return false;
    *out = cut(h, histogram_side_bucket(h, it->backwards, it->i));
    it->i++;
    return true;
}
