/*
 * histogram_custom.c - custom buckets whose bounds differ: what both have in common counts.
 */
#include <math.h>

#include "ferula/base/check.h"
#include "histogram_priv.h"

bool model__custom_bounds_match(const struct histogram *x, const struct histogram *y)
{
    if (x->n_bounds != y->n_bounds)
        return false;
    for (size_t i = 0; i < x->n_bounds; i++) {
        if (x->bounds[i] != y->bounds[i])
            return false;
    }
    return true;
}

/* ---- addition --------------------------------------------------------------------------- */

struct target {
    const double *bounds; /* of both histograms */
    size_t n;
    double *count, *c; /* n + 1 of them */
};

static struct target intersect(struct arena *a, const struct histogram *x,
                               const struct histogram *y)
{
    double *bounds = arena_array(a, double, MIN(x->n_bounds, y->n_bounds) + 1);
    struct target t = {.bounds = bounds};

    for (size_t i = 0, j = 0; i < x->n_bounds && j < y->n_bounds;) {
        if (x->bounds[i] == y->bounds[j]) {
            bounds[t.n++] = x->bounds[i++];
            j++;
        } else if (x->bounds[i] < y->bounds[j]) {
            i++;
        } else {
            j++;
        }
    }
    t.count = arena_array(a, double, t.n + 1);
    t.c = arena_array(a, double, t.n + 1);
    return t;
}

/* Each bucket goes into the first that ends at or above its end. `c`: NULL, or the compensation. */
static void map_buckets(struct target *t, const struct histogram *h, const struct histogram *c,
                        bool negative)
{
    size_t at = 0;

    for (size_t i = 0; i < h->pos.n; i++) {
        double bound = model__histogram_bound(h, h->pos.index[i]);
        double count = h->pos.count[i];

        while (at < t->n && t->bounds[at] < bound)
            at++;
        model__kahan_inc(negative ? -count : count, &t->count[at], &t->c[at]);
        if (c != NULL)
            model__kahan_inc(c->pos.count[i], &t->count[at], &t->c[at]);
    }
}

void model__custom_add(struct arena *a, struct histogram *h, struct histogram *c,
                       const struct histogram *other, bool negative)
{
    struct target t = intersect(a, h, other);
    struct histogram_side to = {.index = arena_array(a, int32_t, t.n + 1), .count = t.count};

    map_buckets(&t, h, c, false);
    map_buckets(&t, other, NULL, negative);
    for (size_t i = 0; i <= t.n; i++) {
        if (t.count[i] == 0 && t.c[i] == 0)
            continue;
        to.index[to.n] = (int32_t)i;
        to.count[to.n] = t.count[i];
        t.c[to.n] = t.c[i];
        to.n++;
    }
    h->pos = to;
    h->bounds = t.bounds;
    h->n_bounds = t.n;
    if (c != NULL) {
        c->pos = (struct histogram_side){to.index, t.c, to.n};
        c->bounds = t.bounds;
        c->n_bounds = t.n;
    }
}

/* ---- resets ----------------------------------------------------------------------------- */

/* The count of the buckets from *i on that end at or below `bound`. */
static double count_to(const struct histogram *h, size_t *i, double bound)
{
    double sum = 0;

    for (; *i < h->pos.n && model__histogram_bound(h, h->pos.index[*i]) <= bound; (*i)++)
        sum += h->pos.count[*i];
    return sum;
}

bool model__custom_decreased(const struct histogram *h, const struct histogram *prev)
{
    size_t i = 0, j = 0; /* bounds; one more than there are: +Inf */
    size_t at = 0, prev_at = 0;

    while (i <= h->n_bounds && j <= prev->n_bounds) {
        double bound = i < h->n_bounds ? h->bounds[i] : INFINITY;
        double prev_bound = j < prev->n_bounds ? prev->bounds[j] : INFINITY;

        if (bound == prev_bound) {
            double count = count_to(h, &at, bound);

            if (count < count_to(prev, &prev_at, bound))
                return true;
            i++;
            j++;
        } else if (bound < prev_bound) {
            i++;
        } else {
            j++;
        }
    }
    return false;
}
