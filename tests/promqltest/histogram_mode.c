/*
 * histogram_mode.c - promqltest --histogram: for comparing the arithmetic of native histograms with
 * Prometheus'. tests/interop/promeval/histogram has the form of the lines, and answers the same.
 */
#include "runner.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/model/histogram.h"

#define WIDEST 2000 /* test expressions of wider ones are not compared */

/* ---- input ------------------------------------------------------------------------------ */

static long read_int(char **at)
{
    return strtol(*at, at, 10);
}

static double read_number(char **at)
{
    return f64_from_bits(strtoull(*at, at, 16));
}

static void read_side(struct arena *a, char **at, struct histogram_side *side)
{
    side->n = (size_t)read_int(at);
    side->index = arena_array(a, int32_t, side->n + 1);
    side->count = arena_array(a, double, side->n + 1);
    for (size_t i = 0; i < side->n; i++) {
        side->index[i] = (int32_t)read_int(at);
        side->count[i] = read_number(at);
    }
}

static const struct histogram *read_histogram(struct arena *a, char **at)
{
    struct histogram *h = arena_new(a, struct histogram);
    double *bounds;

    h->schema = (int32_t)read_int(at);
    h->hint = (enum histogram_hint)read_int(at);
    h->integer = read_int(at) == 1;
    h->zero_threshold = read_number(at);
    h->zero_count = read_number(at);
    h->count = read_number(at);
    h->sum = read_number(at);
    read_side(a, at, &h->pos);
    read_side(a, at, &h->neg);
    h->n_bounds = (size_t)read_int(at);
    bounds = arena_array(a, double, h->n_bounds + 1);
    for (size_t i = 0; i < h->n_bounds; i++)
        bounds[i] = read_number(at);
    h->bounds = bounds;
    return h;
}

/* ---- output ----------------------------------------------------------------------------- */

static void put_number(struct buf *out, double v)
{
    if (is_stale(v))
        buf_puts(out, " stale");
    else if (isnan(v))
        buf_puts(out, " nan");
    else
        buf_addf(out, " %016" PRIx64, f64_bits(v));
}

static void put_side(struct buf *out, const struct histogram_side *side)
{
    buf_addf(out, " %zu", side->n);
    for (size_t i = 0; i < side->n; i++) {
        buf_addf(out, " %d", side->index[i]);
        put_number(out, side->count[i]);
    }
}

static void put_histogram(struct buf *out, const struct histogram *h)
{
    buf_addf(out, " %d %d", h->schema, h->hint);
    put_number(out, h->zero_threshold);
    put_number(out, h->zero_count);
    put_number(out, h->count);
    put_number(out, h->sum);
    put_side(out, &h->pos);
    put_side(out, &h->neg);
    buf_addf(out, " %zu", h->n_bounds);
    for (size_t i = 0; i < h->n_bounds; i++)
        put_number(out, h->bounds[i]);
}

static void put_op(struct buf *out, const char *name)
{
    buf_puts(out, " | ");
    buf_puts(out, name);
}

static void put_flags(struct buf *out, bool x, bool y)
{
    buf_addf(out, " %d %d", x, y);
}

static void put_sum(struct buf *out, const char *name, int rc, const struct histogram *h,
                    const struct histogram_notes *notes)
{
    put_op(out, name);
    if (rc < 0) {
        buf_puts(out, " error");
        return;
    }
    put_flags(out, notes->reset_collision, notes->bounds_reconciled);
    put_histogram(out, h);
}

static void put_buckets(struct buf *out, const char *name, const struct histogram *h,
                        bool backwards)
{
    struct histogram_iter it;
    struct histogram_bucket b;

    put_op(out, name);
    histogram_iter_begin(&it, h, backwards);
    while (histogram_iter_next(&it, &b)) {
        put_number(out, b.lower);
        put_number(out, b.upper);
        put_number(out, b.count);
        put_flags(out, b.lower_inclusive, b.upper_inclusive);
    }
}

/* ---- operations ------------------------------------------------------------------------- */

static void scaled(struct arena *a, struct buf *out, const struct histogram *x, double arg)
{
    struct histogram *h;

    put_op(out, "mul");
    histogram_mul(h = histogram_copy(a, x), arg);
    put_histogram(out, h);
    put_op(out, "div");
    histogram_div(h = histogram_copy(a, x), arg);
    put_histogram(out, h);
    put_op(out, "div0");
    histogram_div(h = histogram_copy(a, x), 0);
    put_histogram(out, h);
    put_op(out, "compact");
    histogram_compact(h = histogram_copy(a, x));
    put_histogram(out, h);
    put_op(out, "below");
    histogram_trim(h = histogram_copy(a, x), arg, true);
    put_histogram(out, h);
    put_op(out, "above");
    histogram_trim(h = histogram_copy(a, x), arg, false);
    put_histogram(out, h);
    for (int32_t schema = x->schema - 1; schema >= HISTOGRAM_SCHEMA_MIN; schema -= 3) {
        put_op(out, "reduce");
        histogram_reduce(h = histogram_copy(a, x), schema);
        h->hint = HISTOGRAM_UNKNOWN; /* Prometheus' copy to a schema has none */
        put_histogram(out, h);
    }
}

static void kahan(struct arena *a, struct buf *out, const struct histogram **hs, size_t n)
{
    struct histogram *h = histogram_copy(a, hs[0]), *c = histogram_compensation(a, h);
    struct histogram_notes notes;
    int rc;

    for (size_t i = 1; i < n; i++) {
        rc = histogram_kahan_add(a, h, c, hs[i], &notes);
        put_sum(out, "kahan", rc, h, &notes);
        if (rc < 0)
            return;
        if (i == 1)
            c->hint = h->hint; /* Prometheus makes it inside the first addition */
        put_histogram(out, c);
    }
    rc = histogram_add(a, h, c, &notes);
    put_sum(out, "kahan_end", rc, h, &notes);
}

static void pair(struct arena *a, struct buf *out, const struct histogram *x,
                 const struct histogram *y)
{
    struct histogram *h = histogram_copy(a, x);
    struct histogram_notes notes;
    int rc = histogram_add(a, h, y, &notes);

    put_sum(out, "add", rc, h, &notes);
    h = histogram_copy(a, x);
    rc = histogram_sub(a, h, y, &notes);
    put_sum(out, "sub", rc, h, &notes);
}

static void questions(struct arena *a, struct buf *out, const struct histogram *x,
                      const struct histogram *y)
{
    put_op(out, "equal");
    put_flags(out, histogram_equal(x, y), histogram_equal(x, histogram_copy(a, x)));
    put_op(out, "reset");
    put_flags(out, histogram_detect_reset(x, y), histogram_detect_reset(y, x));
    put_op(out, "overflow");
    buf_addf(out, " %d", histogram_has_overflow(x));
    put_op(out, "size");
    buf_addf(out, " %zu", histogram_size(x));
    put_buckets(out, "up", x, false);
    put_buckets(out, "down", x, true);
}

/* The peer says why: runs of buckets, and how many buckets from the first to the last. */
static bool is_writable(const struct histogram_side *side)
{
    size_t runs = 0;

    for (size_t i = 0; i < side->n; i++)
        runs += i == 0 || side->index[i] != side->index[i - 1] + 1;
    return runs <= 2 && (side->n == 0 || side->index[side->n - 1] - side->index[0] < WIDEST);
}

static void texts(struct arena *a, struct buf *out, const struct histogram *x)
{
    struct histogram *compact = histogram_copy(a, x);

    histogram_compact(compact);
    put_op(out, "text ");
    histogram_print(out, x);
    if (is_writable(&compact->pos) && is_writable(&compact->neg)) {
        put_op(out, "expression ");
        histogram_print_expression(out, x);
    }
}

static void valid(struct buf *out, const struct histogram *x)
{
    struct fault f;

    put_op(out, "valid ");
    if (histogram_validate(x, &f) < 0)
        buf_puts(out, f.text);
}

static void stored(struct arena *a, struct buf *out, const struct histogram **hs, size_t n)
{
    const struct histogram *prev = NULL;

    put_op(out, "stored");
    for (size_t i = 0; i < n; i++) {
        struct histogram *h = histogram_copy(a, hs[i]);

        h->hint = histogram_stored_hint(hs[i], prev);
        histogram_compact(h);
        buf_addf(out, " %d", h->hint);
        prev = h;
    }
}

static void answer(struct arena *a, struct buf *out, char *line)
{
    double arg = read_number(&line);
    size_t n = (size_t)read_int(&line);
    const struct histogram **hs = arena_array(a, const struct histogram *, n);

    for (size_t i = 0; i < n; i++)
        hs[i] = read_histogram(a, &line);
    if (n == 1) { /* may be unsound */
        valid(out, hs[0]);
        return;
    }
    scaled(a, out, hs[0], arg);
    pair(a, out, hs[0], hs[1]);
    kahan(a, out, hs, n);
    questions(a, out, hs[0], hs[1]);
    texts(a, out, hs[0]);
    valid(out, hs[0]);
    stored(a, out, hs, n);
}

int histogram_mode(void)
{
    struct arena a = {0};
    struct buf out = {0};
    char *line = NULL;
    size_t cap = 0;

    while (getline(&line, &cap, stdin) > 0) {
        answer(&a, &out, line);
        puts(out.p);
        buf_reset(&out);
        arena_reset(&a);
    }
    free(line);
    buf_release(&out);
    arena_release(&a);
    return 0;
}
