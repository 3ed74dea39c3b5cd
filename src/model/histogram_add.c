/*
 * histogram_add.c - sums and differences of native histograms.
 *
 * Two histograms are first brought to the coarser schema and to a zero bucket that ends at a bound
 * of both. With a compensation all of it is Kahan's sum.
 */
#include "ferula/base/check.h"
#include "histogram_priv.h"

/* ---- zero buckets ----------------------------------------------------------------------- */

/*
 * Adds the buckets of a side that begin below the threshold. True when it fell into a populated
 * bucket and was moved to the end of that.
 */
static bool take_side(struct model__zero *z, const struct histogram *h, const struct histogram *c,
                      bool negative)
{
    const struct histogram_side *side = negative ? &h->neg : &h->pos;

    for (size_t i = 0; i < side->n; i++) {
        struct histogram_bucket b = histogram_side_bucket(h, negative, i);
        double far = model__bucket_far(&b, negative);

        if (model__bucket_near(&b, negative) >= z->threshold)
            return false;
        model__kahan_inc(b.count, &z->count, &z->c);
        if (c != NULL)
            model__kahan_inc((negative ? &c->neg : &c->pos)->count[i], &z->count, &z->c);
        if (far > z->threshold) {
            if (b.count == 0)
                return false;
            z->threshold = far;
            return true;
        }
    }
    return false;
}

struct model__zero model__wider_zero(const struct histogram *h, const struct histogram *c,
                                     double threshold)
{
    struct model__zero z = {h->zero_count, c == NULL ? 0 : c->zero_count, threshold};

    if (threshold == h->zero_threshold)
        return z;
    /* A wider threshold may take in more of the positive side. As in Prometheus the count starts
       anew then, and what it lost does not. */
    do {
        z.count = h->zero_count;
        take_side(&z, h, c, false);
    } while (take_side(&z, h, c, true));
    return z;
}

/* Empties the buckets of a side that are part of the zero bucket now. */
static void empty_side(struct histogram *h, struct histogram *c, bool negative)
{
    struct histogram_side *side = negative ? &h->neg : &h->pos;

    for (size_t i = 0; i < side->n; i++) {
        struct histogram_bucket b = histogram_side_bucket(h, negative, i);

        if (model__bucket_near(&b, negative) >= h->zero_threshold)
            return;
        side->count[i] = 0;
        if (c != NULL)
            (negative ? &c->neg : &c->pos)->count[i] = 0;
    }
}

static void widen_zero(struct histogram *h, struct histogram *c, double threshold)
{
    struct model__zero z = model__wider_zero(h, c, threshold);

    h->zero_count = z.count;
    h->zero_threshold = z.threshold;
    empty_side(h, c, false);
    empty_side(h, c, true);
    if (c == NULL) {
        histogram_compact(h);
    } else {
        c->zero_count = z.c;
        histogram_kahan_compact(h, c);
    }
}

/* Widens the zero bucket of `h` until it fits both; gives that of `other`. */
static struct model__zero reconcile_zero(struct histogram *h, struct histogram *c,
                                         const struct histogram *other)
{
    struct model__zero z = {other->zero_count, 0, other->zero_threshold};

    while (z.threshold < h->zero_threshold || z.threshold > h->zero_threshold) {
        if (z.threshold < h->zero_threshold)
            z = model__wider_zero(other, NULL, h->zero_threshold);
        if (z.threshold > h->zero_threshold)
            widen_zero(h, c, z.threshold);
    }
    return z;
}

/* ---- buckets ---------------------------------------------------------------------------- */

struct addend {
    struct model__merge from;
    double threshold; /* what ends at or below it is in the zero bucket already */
    int32_t schema;
    bool negative, kahan;
};

/* The first bucket of `add` beyond the zero bucket, or false. */
static bool addend_first(struct addend *add, struct model__merged *b)
{
    while (model__merge_next(&add->from, add->kahan, b)) {
        if (add->schema == HISTOGRAM_CUSTOM ||
            !(histogram_bound(add->schema, b->index) <= add->threshold))
            return true;
    }
    return false;
}

/* How many buckets of `add` the side does not have. */
static size_t count_missing(const struct histogram_side *side, struct addend add)
{
    struct model__merged b;
    size_t missing = 0, i = 0;

    for (bool more = addend_first(&add, &b); more;
         more = model__merge_next(&add.from, add.kahan, &b)) {
        while (i < side->n && side->index[i] < b.index)
            i++;
        missing += i == side->n || side->index[i] != b.index;
    }
    return missing;
}

/* Arrays for `n` buckets: those of `from` when they are long enough. */
static struct histogram_side room(struct arena *a, const struct histogram_side *from, size_t n)
{
    struct histogram_side to = *from;

    if (n > from->n) {
        to.index = arena_alloc_raw(a, n * sizeof(*to.index), _Alignof(int32_t));
        to.count = arena_alloc_raw(a, n * sizeof(*to.count), _Alignof(double));
    }
    to.n = 0;
    return to;
}

static void put(struct histogram_side *to, double *c, struct model__merged b)
{
    to->index[to->n] = b.index;
    to->count[to->n] = b.count;
    if (c != NULL)
        c[to->n] = b.c;
    to->n++;
}

static struct model__merged bucket_sum(struct model__merged x, const struct model__merged *y,
                                       bool kahan)
{
    if (!kahan) {
        x.count += y->count;
        return x;
    }
    model__kahan_inc(y->count, &x.count, &x.c);
    if (y->c != 0)
        model__kahan_inc(y->c, &x.count, &x.c);
    return x;
}

static struct model__merged bucket_of(const struct histogram_side *side, const double *c, size_t i)
{
    return (struct model__merged){side->index[i], side->count[i], c == NULL ? 0 : c[i]};
}

/* In place when no bucket is new, which is the common case. `c`: NULL, or the compensation. */
static void add_side(struct arena *a, struct histogram_side *side, struct histogram_side *c,
                     struct addend add)
{
    size_t n = side->n + count_missing(side, add), i = 0;
    struct histogram_side to = room(a, side, n);
    const double *lost = c == NULL ? NULL : c->count;
    double *new_lost = c == NULL ? NULL : c->count;
    struct model__merged b;

    if (c != NULL && n > side->n)
        new_lost = arena_alloc_raw(a, n * sizeof(*new_lost), _Alignof(double));
    for (bool more = addend_first(&add, &b); more;
         more = model__merge_next(&add.from, add.kahan, &b)) {
        if (add.negative)
            b.count = -b.count;
        for (; i < side->n && side->index[i] < b.index; i++)
            put(&to, new_lost, bucket_of(side, lost, i));
        if (i < side->n && side->index[i] == b.index)
            b = bucket_sum(bucket_of(side, lost, i++), &b, add.kahan);
        put(&to, new_lost, b);
    }
    for (; i < side->n; i++)
        put(&to, new_lost, bucket_of(side, lost, i));
    *side = to;
    if (c != NULL)
        *c = (struct histogram_side){to.index, new_lost, to.n};
}

/* ---- histograms ------------------------------------------------------------------------- */

/* The hint of a sum; true when reset met not_reset. */
static bool join_hints(struct histogram *h, const struct histogram *other)
{
    if (other->hint == h->hint || h->hint == HISTOGRAM_GAUGE)
        return false;
    if (other->hint == HISTOGRAM_GAUGE) {
        h->hint = HISTOGRAM_GAUGE;
        return false;
    }
    bool collision = h->hint != HISTOGRAM_UNKNOWN && other->hint != HISTOGRAM_UNKNOWN;

    h->hint = HISTOGRAM_UNKNOWN;
    return collision;
}

static void add_number(double *sum, double *c, double x, bool negative)
{
    if (c != NULL)
        model__kahan_inc(x, sum, c);
    else
        *sum += negative ? -x : x;
}

static void add_exponential(struct arena *a, struct histogram *h, struct histogram *c,
                            const struct histogram *other, bool negative)
{
    struct addend add;

    if (other->schema < h->schema)
        model__reduce(h, c, other->schema);
    add = (struct addend){
        .from = {.side = &other->pos, .shift = other->schema - h->schema},
        .threshold = h->zero_threshold,
        .schema = h->schema,
        .negative = negative,
        .kahan = c != NULL,
    };
    add_side(a, &h->pos, c == NULL ? NULL : &c->pos, add);
    add.from.side = &other->neg;
    add_side(a, &h->neg, c == NULL ? NULL : &c->neg, add);
    if (c != NULL) {
        c->schema = h->schema;
        c->zero_threshold = h->zero_threshold;
    }
}

static void add_custom(struct arena *a, struct histogram *h, struct histogram *c,
                       const struct histogram *other, bool negative)
{
    struct addend add = {
        .from = {.side = &other->pos},
        .schema = HISTOGRAM_CUSTOM,
        .negative = negative,
        .kahan = c != NULL,
    };

    add_side(a, &h->pos, c == NULL ? NULL : &c->pos, add);
}

static int combine(struct arena *a, struct histogram *h, struct histogram *c,
                   const struct histogram *other, bool negative, struct histogram_notes *notes)
{
    *notes = (struct histogram_notes){0};
    if (histogram_is_custom(h) != histogram_is_custom(other))
        return FER_EINVAL;
    notes->reset_collision = join_hints(h, other);
    if (!histogram_is_custom(h)) {
        struct model__zero z = reconcile_zero(h, c, other);

        add_number(&h->zero_count, c == NULL ? NULL : &c->zero_count, z.count, negative);
        if (c != NULL)
            model__kahan_inc(z.c, &h->zero_count, &c->zero_count);
    }
    add_number(&h->count, c == NULL ? NULL : &c->count, other->count, negative);
    add_number(&h->sum, c == NULL ? NULL : &c->sum, other->sum, negative);
    if (!histogram_is_custom(h)) {
        add_exponential(a, h, c, other, negative);
    } else if (model__custom_bounds_match(h, other)) {
        add_custom(a, h, c, other, negative);
    } else {
        notes->bounds_reconciled = true;
        model__custom_add(a, h, c, other, negative);
    }
    return 0;
}

int histogram_add(struct arena *a, struct histogram *h, const struct histogram *other,
                  struct histogram_notes *notes)
{
    return combine(a, h, NULL, other, false, notes);
}

int histogram_sub(struct arena *a, struct histogram *h, const struct histogram *other,
                  struct histogram_notes *notes)
{
    return combine(a, h, NULL, other, true, notes);
}

static struct histogram_side zero_side(struct arena *a, const struct histogram_side *side)
{
    return (struct histogram_side){side->index, arena_array(a, double, MAX(side->n, 1)), side->n};
}

struct histogram *histogram_compensation(struct arena *a, const struct histogram *h)
{
    struct histogram *c = arena_new(a, struct histogram);

    c->hint = h->hint;
    c->schema = h->schema;
    c->integer = h->integer;
    c->zero_threshold = h->zero_threshold;
    c->bounds = h->bounds;
    c->n_bounds = h->n_bounds;
    c->pos = zero_side(a, &h->pos);
    c->neg = zero_side(a, &h->neg);
    return c;
}

int histogram_kahan_add(struct arena *a, struct histogram *h, struct histogram *c,
                        const struct histogram *other, struct histogram_notes *notes)
{
    return combine(a, h, c, other, false, notes);
}
