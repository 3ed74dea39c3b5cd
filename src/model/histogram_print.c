/*
 * histogram_print.c - native histograms as text.
 */
#include "ferula/base/num.h"
#include "histogram_priv.h"

static void print_bucket(struct buf *out, const struct histogram_bucket *b)
{
    buf_puts(out, b->lower_inclusive ? ", [" : ", (");
    buf_add_num(out, b->lower, 'g');
    buf_putc(out, ',');
    buf_add_num(out, b->upper, 'g');
    buf_puts(out, b->upper_inclusive ? "]:" : "):");
    buf_add_num(out, b->count, 'g');
}

void histogram_print(struct buf *out, const struct histogram *h)
{
    struct histogram_bucket b;

    buf_puts(out, "{count:");
    buf_add_num(out, h->count, 'g');
    buf_puts(out, ", sum:");
    buf_add_num(out, h->sum, 'g');
    for (size_t i = h->neg.n; i-- > 0;) {
        b = histogram_side_bucket(h, true, i);
        if (b.count != 0)
            print_bucket(out, &b);
    }
    if (h->zero_count != 0) {
        b = histogram_zero_bucket(h);
        print_bucket(out, &b);
    }
    for (size_t i = 0; i < h->pos.n; i++) {
        b = histogram_side_bucket(h, false, i);
        if (b.count != 0)
            print_bucket(out, &b);
    }
    buf_putc(out, '}');
}

/* ---- the notation of rule tests --------------------------------------------------------- */

static void print_key(struct buf *out, const char *key)
{
    if (out->p[out->n - 1] != '{')
        buf_putc(out, ' ');
    buf_puts(out, key);
}

static void print_number(struct buf *out, const char *key, double v)
{
    if (v == 0)
        return;
    print_key(out, key);
    buf_add_num(out, v, 'g');
}

static void print_list(struct buf *out, const double *v, size_t n)
{
    buf_putc(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_putc(out, ' ');
        buf_add_num(out, v[i], 'g');
    }
    buf_putc(out, ']');
}

/*
 * Whether bucket `i`, which is empty, is between populated neighbours without a gap. Others may be
 * left out as well as not, and lose the sign of their zero.
 */
static bool is_inside(const struct histogram_side *side, size_t i)
{
    size_t last = i;

    while (last < side->n && side->count[last] == 0)
        last++;
    while (i > 0 && side->count[i] == 0 && side->index[i] == side->index[i - 1] + 1)
        i--;
    return last < side->n && side->count[i] != 0 &&
           side->index[last] - side->index[i] == (int32_t)(last - i);
}

/*
 * From the first populated bucket to the last, with those between that are not there. Prometheus
 * puts all of those after the first run of buckets, which says something else when there are more
 * than two runs; here each is in its place.
 */
static void print_side(struct buf *out, const struct histogram_side *side, const char *offset_key,
                       const char *key)
{
    size_t first = 0, end = side->n;

    while (first < end && side->count[first] == 0)
        first++;
    while (end > first && side->count[end - 1] == 0)
        end--;
    if (first == end)
        return;
    if (side->index[first] != 0) {
        print_key(out, offset_key);
        buf_add_i64(out, side->index[first]);
    }
    print_key(out, key);
    for (size_t i = first; i < end; i++) {
        for (int64_t at = i == first ? side->index[i] : (int64_t)side->index[i - 1] + 1;
             at < side->index[i]; at++)
            buf_puts(out, "0 ");
        if (side->count[i] == 0 && !is_inside(side, i))
            buf_putc(out, '0');
        else
            buf_add_num(out, side->count[i], 'g');
        buf_putc(out, i + 1 < end ? ' ' : ']');
    }
}

void histogram_print_expression(struct buf *out, const struct histogram *h)
{
    static const char *const hints[] = {
        [HISTOGRAM_RESET] = "counter_reset_hint:reset",
        [HISTOGRAM_NOT_RESET] = "counter_reset_hint:not_reset",
        [HISTOGRAM_GAUGE] = "counter_reset_hint:gauge",
    };

    buf_puts(out, "{{");
    print_number(out, "schema:", h->schema);
    print_number(out, "count:", h->count);
    print_number(out, "sum:", h->sum);
    print_number(out, "z_bucket:", h->zero_count);
    print_number(out, "z_bucket_w:", h->zero_threshold);
    if (histogram_is_custom(h)) {
        print_key(out, "custom_values:");
        print_list(out, h->bounds, h->n_bounds);
    }
    if (h->hint != HISTOGRAM_UNKNOWN)
        print_key(out, hints[h->hint]);
    print_side(out, &h->pos, "offset:", "buckets:[");
    print_side(out, &h->neg, "n_offset:", "n_buckets:[");
    buf_puts(out, "}}");
}
