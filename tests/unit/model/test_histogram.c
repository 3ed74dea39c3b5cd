/*
 * test_histogram.c - native histograms: bounds, sums, schemas, texts. Whether every bit is
 * Prometheus' is what tests/interop/test_histogram_diff.py compares.
 */
#include "histogram_spec.h"

#include <float.h>
#include <math.h>

#include "ferula/base/go_log.h"

#define CUSTOM .schema = HISTOGRAM_CUSTOM

static struct bound_case {
    const char *name;
    int32_t schema, index;
    double want;
} bounds[] = {
    {"1 is a bound of every schema",   8,  0,          1                   },
    {"doubles",                        0,  3,          8                   },
    {"roots of 2",                     1,  1,          0x1.6a09e667f3bccp+0},
    {"negative indexes",               3,  -1,         0.9170040432046711  },
    {"steps of 65536",                 -4, 1,          65536               },
    {"the last but one",               -4, 63,         0x1p1008            },
    {"the last is the largest double", -4, 64,         DBL_MAX             },
    {"... in every schema",            0,  1024,       DBL_MAX             },
    {"... in the finest",              8,  262144,     DBL_MAX             },
    {"what comes after has infinity",  8,  262145,     INFINITY            },
    {"... however far",                -4, 1 << 30,    INFINITY            },
    {"the smallest double",            0,  -1074,      DBL_TRUE_MIN        },
    {"nothing is left below",          0,  -1080,      0                   },
    {"... however far",                -4, -(1 << 30), 0                   },
};

static void test_bound(void **state)
{
    const struct bound_case *c = *state;

    assert_true(same_bits(histogram_bound(c->schema, c->index), c->want));
}

static struct log_case {
    const char *name;
    double v, want;
} logs[] = {
    {"1 has none",                          1,         0                    },
    {"powers of 2 are exact",               0x1p-1074, -1074                },
    {"3, of which C libraries know better", 3,         0x1.95c01a39fbd69p+0 },
    {"0.1",                                 0.1,       -0x1.a934f0979a371p+1},
    {"0",                                   0,         -INFINITY            },
    {"infinity",                            INFINITY,  INFINITY             },
    {"negative",                            -1,        NAN                  },
};

static void test_log(void **state)
{
    const struct log_case *c = *state;
    double got = go_log2(c->v);

    assert_true(isnan(c->want) ? isnan(got) : same_bits(got, c->want));
}

// clang-format off
static struct sum_case {
    const char *name; /* a sentence that is true when the test passes */
    struct spec x, y;
    const char *sum, *difference; /* NULL: refused */
    struct histogram_notes notes;
} sums[] = {
    {"buckets meet, and new ones come in between",
     {.count = 6, .sum = 10, .pos = {{1, 1}, {3, 2}}, .neg = {{2, 3}}},
     {.count = 7, .sum = 4, .pos = {{-1, 1}, {2, 2}, {3, 3}}, .neg = {{1, 1}}},
     "{{count:13 sum:14 offset:-1 buckets:[1 0 1 2 5] n_offset:1 n_buckets:[1 3]}}",
     "{{count:-1 sum:6 offset:-1 buckets:[-1 0 1 -2 -1] n_offset:1 n_buckets:[-1 3]}}", {0}},
    {"the coarser schema wins", {.schema = 2, .count = 4, .pos = {{1, 1}, {4, 1}, {5, 2}}},
     {.schema = 1, .count = 8, .pos = {{1, 3}, {3, 5}}},
     "{{schema:1 count:12 offset:1 buckets:[4 1 7]}}",
     "{{schema:1 count:-4 offset:1 buckets:[-2 1 -3]}}", {0}},
    {"... whoever has it", {.schema = 0, .count = 3, .pos = {{1, 3}}},
     {.schema = 1, .count = 7, .pos = {{1, 1}, {2, 2}, {3, 4}}},
     "{{count:10 offset:1 buckets:[6 4]}}", "{{count:-4 offset:2 buckets:[-4]}}", {0}},
    {"the wider zero bucket takes in what it covers",
     {.z_width = 0.5, .z = 1, .count = 8, .pos = {{0, 3}, {2, 4}}},
     {.z_width = 2, .z = 10, .count = 15, .pos = {{2, 5}}},
     "{{count:23 z_bucket:14 z_bucket_w:2 offset:2 buckets:[9]}}",
     "{{count:-7 z_bucket:-6 z_bucket_w:2 offset:2 buckets:[-1]}}", {0}},
    {"a zero bucket that ends inside a populated bucket grows to its end",
     {.z_width = 0.001, .z = 1, .count = 8, .pos = {{2, 3}, {3, 4}}},
     {.z_width = 3, .z = 10, .count = 15, .pos = {{3, 5}}},
     "{{count:23 z_bucket:14 z_bucket_w:4 offset:3 buckets:[9]}}",
     "{{count:-7 z_bucket:-6 z_bucket_w:4 offset:3 buckets:[-1]}}", {0}},
    {"... of either side",
     {.z_width = 0.001, .z = 1, .count = 4, .pos = {{1, 1}}, .neg = {{2, 2}}},
     {.z_width = 3, .z = 10, .count = 11, .pos = {{3, 1}}},
     "{{count:15 z_bucket:14 z_bucket_w:4 offset:3 buckets:[1]}}",
     "{{count:-7 z_bucket:-6 z_bucket_w:4 offset:3 buckets:[-1]}}", {0}},
    {"an empty bucket does not hold the zero bucket up", {.z_width = 3, .z = 1, .count = 1},
     {.z_width = 0.5, .z = 2, .count = 5, .pos = {{1, 3}, {2, 0}}},
     "{{count:6 z_bucket:6 z_bucket_w:3}}", "{{count:-4 z_bucket:-4 z_bucket_w:3}}", {0}},
    {"custom buckets of the same bounds",
     {CUSTOM, .count = 3, .sum = 5, .pos = {{0, 1}, {2, 2}}, .n_bounds = 2, .bounds = {1, 2}},
     {CUSTOM, .count = 9, .sum = 1, .pos = {{1, 4}, {2, 5}}, .n_bounds = 2, .bounds = {1, 2}},
     "{{schema:-53 count:12 sum:6 custom_values:[1 2] buckets:[1 4 7]}}",
     "{{schema:-53 count:-6 sum:4 custom_values:[1 2] buckets:[1 -4 -3]}}", {0}},
    {"custom buckets have left what bounds both have",
     {CUSTOM, .count = 10, .pos = {{0, 1}, {1, 2}, {2, 3}, {3, 4}}, .n_bounds = 3,
      .bounds = {1, 2, 3}},
     {CUSTOM, .count = 7, .pos = {{0, 3}, {2, 4}}, .n_bounds = 2, .bounds = {0.5, 2}},
     "{{schema:-53 count:17 custom_values:[2] buckets:[6 11]}}",
     "{{schema:-53 count:3 custom_values:[2] offset:1 buckets:[3]}}", {.bounds_reconciled = true}},
    {"... or none", {CUSTOM, .count = 1, .pos = {{0, 1}}, .n_bounds = 1, .bounds = {1}},
     {CUSTOM, .count = 3, .pos = {{0, 3}}}, "{{schema:-53 count:4 custom_values:[] buckets:[4]}}",
     "{{schema:-53 count:-2 custom_values:[] buckets:[-2]}}", {.bounds_reconciled = true}},
    {"exponential and custom buckets do not go together", {.count = 1, .pos = {{0, 1}}},
     {CUSTOM, .count = 1, .pos = {{0, 1}}}, NULL, NULL, {0}},
    {"a reset and none are in conflict", {.hint = HISTOGRAM_RESET, .count = 1},
     {.hint = HISTOGRAM_NOT_RESET, .count = 1}, "{{count:2}}", "{{}}", {.reset_collision = true}},
    {"one that is not known makes the sum not known", {.hint = HISTOGRAM_NOT_RESET, .count = 1},
     {.count = 1}, "{{count:2}}", "{{}}", {0}},
    {"a gauge makes a gauge", {.hint = HISTOGRAM_RESET, .count = 1},
     {.hint = HISTOGRAM_GAUGE, .count = 1}, "{{count:2 counter_reset_hint:gauge}}",
     "{{counter_reset_hint:gauge}}", {0}},
};
// clang-format on

static void check_sum(const struct sum_case *c, bool subtract, const char *want)
{
    struct arena a = {0};
    struct histogram *x = spec_make(&a, &c->x), *y = spec_make(&a, &c->y);
    struct histogram *before = histogram_copy(&a, x);
    struct histogram_notes notes = {true, true};
    int rc = subtract ? histogram_sub(&a, x, y, &notes) : histogram_add(&a, x, y, &notes);

    assert_int_equal(notes.reset_collision, c->notes.reset_collision);
    assert_int_equal(notes.bounds_reconciled, c->notes.bounds_reconciled);
    if (want == NULL) {
        assert_int_equal(rc, FER_EINVAL);
        assert_true(histogram_equal(x, before));
    } else {
        assert_int_equal(rc, 0);
        assert_expression(x, want);
    }
    assert_true(histogram_equal(y, spec_make(&a, &c->y)));
    arena_release(&a);
}

static void test_sum(void **state)
{
    const struct sum_case *c = *state;

    check_sum(c, false, c->sum);
    check_sum(c, true, c->difference);
}

/* 1 + 1e100 + 1 - 1e100 is 2 in Kahan's sum, in each number of a histogram. */
static void test_kahan(void **state)
{
    static const double steps[] = {1e100, 1, -1e100};
    static const struct spec one = {
        .z_width = 0.5, .z = 1, .count = 1, .sum = 1, .pos = {{1, 1}}, .neg = {{3, 1}}};
    struct arena a = {0};
    struct histogram *sum = spec_make(&a, &one), *c = histogram_compensation(&a, sum);
    struct histogram_notes notes;

    (void)state;
    for (size_t i = 0; i < COUNT(steps); i++) {
        struct histogram *h = spec_make(&a, &one);

        histogram_mul(h, steps[i]);
        h->hint = HISTOGRAM_UNKNOWN;
        assert_int_equal(histogram_kahan_add(&a, sum, c, h, &notes), 0);
    }
    histogram_kahan_compact(sum, c);
    assert_int_equal(sum->pos.n, 1); /* empty, but for its compensation */
    assert_int_equal(histogram_add(&a, sum, c, &notes), 0);
    assert_expression(sum, "{{count:2 sum:2 z_bucket:2 z_bucket_w:0.5 offset:1 buckets:[2] "
                           "n_offset:3 n_buckets:[2]}}");
    arena_release(&a);
}

/* New buckets, a coarser schema and a wider zero bucket carry the compensation along. */
static void test_kahan_layouts(void **state)
{
    // clang-format off
    static const struct spec specs[] = {
        {.schema = 1, .count = 3, .pos = {{2, 1}, {3, 1}, {4, 1}}},
        {.schema = 1, .count = 1e17, .pos = {{1, 1e16}, {2, 1e16}, {3, 1e16}, {4, 1e16}, {9, 1}}},
        {.schema = 0, .z_width = 2, .z = 1, .count = 1, .pos = {{2, 1}}},
    };
    // clang-format on
    struct arena a = {0};
    struct histogram *sum = spec_make(&a, &specs[0]), *c = histogram_compensation(&a, sum);
    struct histogram_notes notes;

    (void)state;
    for (size_t i = 1; i < COUNT(specs); i++)
        assert_int_equal(histogram_kahan_add(&a, sum, c, spec_make(&a, &specs[i]), &notes), 0);
    assert_int_equal(c->pos.n, sum->pos.n);
    assert_int_equal(histogram_add(&a, sum, c, &notes), 0);
    assert_expression(sum, "{{count:1e+17 z_bucket:2e+16 z_bucket_w:2 offset:2 "
                           "buckets:[2.0000000000000004e+16 0 0 1]}}");
    arena_release(&a);
}

// clang-format off
static struct scale_case {
    const char *name;
    struct spec h;
    double mul, div; /* NAN: not this one */
    const char *want;
} scales[] = {
    {"a product", {.count = 3, .sum = 2, .z = 1, .pos = {{1, 2}}}, 3, NAN,
     "{{count:9 sum:6 z_bucket:3 offset:1 buckets:[6]}}"},
    {"a negative factor makes a gauge", {.count = 3, .neg = {{1, 3}}}, -1, NAN,
     "{{count:-3 counter_reset_hint:gauge n_offset:1 n_buckets:[-3]}}"},
    {"a quotient", {.count = 3, .sum = 2, .z = 1, .neg = {{1, 2}}}, NAN, 2,
     "{{count:1.5 sum:1 z_bucket:0.5 n_offset:1 n_buckets:[1]}}"},
    {"a negative divisor makes a gauge", {.count = 3, .pos = {{1, 3}}}, NAN, -1,
     "{{count:-3 counter_reset_hint:gauge offset:1 buckets:[-3]}}"},
    {"by 0 no bucket stays", {.count = 3, .sum = -1, .pos = {{1, 3}}}, NAN, 0,
     "{{count:+Inf sum:-Inf z_bucket:NaN}}"},
    {"... and a counter is one still", {.count = 3, .hint = HISTOGRAM_RESET}, NAN, -0.0,
     "{{count:-Inf sum:NaN z_bucket:NaN counter_reset_hint:reset}}"},
};
// clang-format on

static void test_scale(void **state)
{
    const struct scale_case *c = *state;
    struct arena a = {0};
    struct histogram *h = spec_make(&a, &c->h);

    if (!isnan(c->mul))
        histogram_mul(h, c->mul);
    if (!isnan(c->div))
        histogram_div(h, c->div);
    assert_expression(h, c->want);
    arena_release(&a);
}

// clang-format off
static struct text_case {
    const char *name;
    struct spec h;
    const char *text, *expression;
    size_t size; /* spans are 8 bytes, counts and bounds too */
} texts[] = {
    {"an empty one", {0}, "{count:0, sum:0}", "{{}}", 168},
    {"from the lowest bucket to the highest",
     {.z_width = 0.001, .z = 2, .count = 1e6, .sum = -1e-5, .pos = {{0, 1}, {1, 0.5}},
      .neg = {{0, 3}, {2, 4}}},
     "{count:1e+06, sum:-1e-05, [-4,-2):4, [-1,-0.5):3, [-0.001,0.001]:2, (0.5,1]:1, (1,2]:0.5}",
     "{{count:1e+06 sum:-1e-05 z_bucket:2 z_bucket_w:0.001 buckets:[1 0.5] n_buckets:[3 0 4]}}",
     168 + 3 * 8 + 4 * 8},
    {"empty buckets are not told at the ends",
     {.schema = -1, .count = NAN, .sum = INFINITY,
      .pos = {{-1, 0}, {1, 1}, {2, -0.0}, {3, 1}, {5, 0}}},
     "{count:NaN, sum:+Inf, (1,4]:1, (16,64]:1}",
     "{{schema:-1 count:NaN sum:+Inf offset:1 buckets:[1 -0 1]}}", 168 + 3 * 8 + 5 * 8},
    {"each has its place when there are gaps",
     {.count = 4, .pos = {{-3, 1}, {0, 1}, {2, -0.0}, {4, 2}}},
     "{count:4, sum:0, (0.0625,0.125]:1, (0.5,1]:1, (8,16]:2}",
     "{{count:4 offset:-3 buckets:[1 0 0 1 0 0 0 2]}}", 168 + 4 * 8 + 4 * 8},
    {"custom buckets",
     {CUSTOM, .count = 3, .sum = 1.5, .pos = {{0, 1}, {2, 2}}, .n_bounds = 2, .bounds = {-0.5, 10},
      .hint = HISTOGRAM_NOT_RESET},
     "{count:3, sum:1.5, [-Inf,-0.5]:1, (10,+Inf]:2}",
     "{{schema:-53 count:3 sum:1.5 custom_values:[-0.5 10] counter_reset_hint:not_reset "
     "buckets:[1 0 2]}}", 168 + 2 * 8 + 2 * 8 + 2 * 8},
};
// clang-format on

static void test_text(void **state)
{
    const struct text_case *c = *state;
    struct arena a = {0};
    struct histogram *h = spec_make(&a, &c->h);
    struct buf b = {0};

    histogram_print(&b, h);
    assert_str(buf_str(&b), c->text);
    assert_expression(h, c->expression);
    assert_int_equal(histogram_size(h), c->size);
    buf_release(&b);
    arena_release(&a);
}

// clang-format off
static struct iter_case {
    const char *name;
    struct spec h;
    const char *up, *down;
} iters[] = {
    {"what reaches into the zero bucket is cut",
     {.z_width = 1.5, .z = 1, .pos = {{1, 2}, {2, 3}}, .neg = {{1, 4}}},
     " [-2,-1.5):4 [-1.5,1.5]:1 (1.5,2]:2 (2,4]:3", " (2,4]:3 (1.5,2]:2 [-1.5,1.5]:1 [-2,-1.5):4"},
    {"an empty zero bucket is left out, others are not", {.z_width = 0.5, .pos = {{1, 2}, {2, 0}}},
     " (1,2]:2 (2,4]:0", " (2,4]:0 (1,2]:2"},
    {"custom ones reach from infinity to infinity",
     {CUSTOM, .pos = {{0, 1}, {1, 2}, {2, 3}}, .n_bounds = 2, .bounds = {0, 5}},
     " [-inf,0]:1 (0,5]:2 (5,inf]:3", " (5,inf]:3 (0,5]:2 [-inf,0]:1"},
};
// clang-format on

static void test_iter(void **state)
{
    const struct iter_case *c = *state;
    struct arena a = {0};

    for (int backwards = 0; backwards < 2; backwards++) {
        struct histogram_iter it;
        struct histogram_bucket b;
        struct buf text = {0};

        histogram_iter_begin(&it, spec_make(&a, &c->h), backwards);
        while (histogram_iter_next(&it, &b))
            buf_addf(&text, " %c%g,%g%c:%g", b.lower_inclusive ? '[' : '(', b.lower, b.upper,
                     b.upper_inclusive ? ']' : ')', b.count);
        assert_false(histogram_iter_next(&it, &b));
        assert_str(buf_str(&text), backwards ? c->down : c->up);
        buf_release(&text);
    }
    arena_release(&a);
}

// clang-format off
static struct span_case {
    const char *name;
    int32_t index[4];
    size_t n;
    struct histogram_span want[4];
    size_t n_want;
} spans[] = {
    {"no buckets, no spans",                  {0},                        0, {{0}}, 0},
    {"the first gap is the first index",      {-3, -2},                   2, {{0, 2, -3}}, 1},
    {"a gap of one index",                    {0, 1, 3},                  3, {{0, 2, 0}, {2, 1, 1}}, 2},
    {"buckets on their own",                  {-7, 1, 4, 5},              4, {{0, 1, -7}, {1, 1, 7}, {2, 2, 2}}, 3},
    {"the gap between the ends of all indexes", {INT32_MIN, INT32_MAX},   2,
     {{0, 1, INT32_MIN}, {1, 1, (int64_t)UINT32_MAX - 1}}, 2},
};
// clang-format on

static void test_spans(void **state)
{
    struct span_case *c = *state;
    const struct histogram_side side = {.index = c->index, .n = c->n};
    struct histogram_span span = {0};

    assert_int_equal(histogram_n_spans(&side), c->n_want);
    for (size_t i = 0; i < c->n_want; i++) {
        assert_true(histogram_span_next(&side, &span));
        assert_int_equal(span.at, c->want[i].at);
        assert_int_equal(span.n, c->want[i].n);
        assert_true(span.gap == c->want[i].gap);
    }
    assert_false(histogram_span_next(&side, &span));
}

static void test_reduce_and_compact(void **state)
{
    static const struct spec s = {
        .schema = 2, .count = 9, .pos = {{-3, 1}, {0, 2}, {1, 3}, {4, 0}, {9, 0}},
                .neg = {{2, 3}}
    };
    struct arena a = {0};
    struct histogram *h = spec_make(&a, &s);

    (void)state;
    histogram_reduce(h, 0);
    assert_int_equal(h->pos.n, 3);
    histogram_compact(h);
    assert_int_equal(h->pos.n, 2);
    assert_expression(h, "{{count:9 buckets:[3 3] n_offset:1 n_buckets:[3]}}");
    arena_release(&a);
}

static void test_questions(void **state)
{
    static const struct spec s = {.count = 3, .sum = NAN, .pos = {{1, 3}}, .neg = {{1, 3}}};
    struct arena a = {0};
    struct histogram *x = spec_make(&a, &s), *y = histogram_copy(&a, x);

    (void)state;
    y->hint = HISTOGRAM_GAUGE;
    assert_true(histogram_equal(x, y));
    assert_false(histogram_has_overflow(x));
    y->neg.count[0] = -INFINITY;
    assert_true(histogram_has_overflow(y));
    assert_false(histogram_equal(x, y));
    y = histogram_copy(&a, x);
    y->pos.index[0]++;
    assert_false(histogram_equal(x, y));
    y = histogram_copy(&a, x);
    y->zero_count = -0.0;
    assert_false(histogram_equal(x, y));
    arena_release(&a);
}

int main(void)
{
    struct cases c = {0};

    CASES_ADD_TABLE(&c, bounds, test_bound, name);
    CASES_ADD_TABLE(&c, logs, test_log, name);
    CASES_ADD_TABLE(&c, sums, test_sum, name);
    CASES_ADD_TABLE(&c, scales, test_scale, name);
    CASES_ADD_TABLE(&c, texts, test_text, name);
    CASES_ADD_TABLE(&c, iters, test_iter, name);
    CASES_ADD_TABLE(&c, spans, test_spans, name);
    cases_add(&c, "Kahan's sum keeps what rounding loses", test_kahan, NULL);
    cases_add(&c, "... whatever becomes of the buckets", test_kahan_layouts, NULL);
    cases_add(&c, "coarser and compact", test_reduce_and_compact, NULL);
    cases_add(&c, "equal, overflown", test_questions, NULL);
    return CASES_RUN("model histogram", &c);
}
