/*
 * test_histogram_trim.c - native histograms: cutting them at a value, and what is refused.
 */
#include "histogram_spec.h"

#include <math.h>

#define CUSTOM .schema = HISTOGRAM_CUSTOM

// clang-format off
static struct trim_case {
    const char *name; /* a sentence that is true when the test passes */
    struct spec h;
    double at;
    const char *below, *above;
} trims[] = {
    {"at a bound buckets stay or go as they are", {.count = 6, .sum = 99, .pos = {{1, 1}, {3, 5}}},
     4, "{{count:1 sum:1.4142135623730951 offset:1 buckets:[1]}}",
     "{{count:5 sum:28.284271247461902 offset:3 buckets:[5]}}"},
    {"what is not cut keeps its sum", {.count = 6, .sum = 99, .pos = {{1, 1}, {3, 5}}}, 8,
     "{{count:6 sum:99 offset:1 buckets:[1 0 5]}}", "{{}}"},
    {"inside a bucket the logarithm decides", {.count = 8, .sum = 99, .pos = {{4, 8}}},
     0x1.6a09e667f3bcdp+3, "{{count:4 sum:38.05462768008707 offset:4 buckets:[4]}}",
     "{{count:4 sum:53.817370576237735 offset:4 buckets:[4]}}"},
    {"... of negative numbers, too", {.count = 8, .sum = -99, .neg = {{4, 8}}},
     -0x1.6a09e667f3bcdp+3, "{{count:4 sum:-53.817370576237735 n_offset:4 n_buckets:[4]}}",
     "{{count:4 sum:-38.05462768008707 n_offset:4 n_buckets:[4]}}"},
    {"the zero bucket is cut in proportion", {.z_width = 2, .z = 8, .count = 8}, 1,
     "{{count:6 sum:-3 z_bucket:6 z_bucket_w:2}}", "{{count:2 sum:3 z_bucket:2 z_bucket_w:2}}"},
    {"... from 0 when there are positive ones only",
     {.z_width = 2, .z = 8, .count = 9, .pos = {{3, 1}}}, 1,
     "{{count:4 sum:2 z_bucket:4 z_bucket_w:2}}",
     "{{count:5 sum:11.65685424949238 z_bucket:4 z_bucket_w:2 offset:3 buckets:[1]}}"},
    {"... to 0 when there are negative ones only",
     {.z_width = 2, .z = 8, .count = 9, .neg = {{3, 1}}}, -1,
     "{{count:5 sum:-11.65685424949238 z_bucket:4 z_bucket_w:2 n_offset:3 n_buckets:[1]}}",
     "{{count:4 sum:-2 z_bucket:4 z_bucket_w:2}}"},
    {"custom buckets are cut in proportion",
     {CUSTOM, .count = 6, .pos = {{1, 6}}, .n_bounds = 2, .bounds = {2, 5}}, 3,
     "{{schema:-53 count:2 sum:5 custom_values:[2 5] offset:1 buckets:[2]}}",
     "{{schema:-53 count:4 sum:16 custom_values:[2 5] offset:1 buckets:[4]}}"},
    {"the lowest begins at 0 when it ends above",
     {CUSTOM, .count = 4, .pos = {{0, 4}}, .n_bounds = 1, .bounds = {8}}, 2,
     "{{schema:-53 count:1 sum:1 custom_values:[8] buckets:[1]}}",
     "{{schema:-53 count:3 sum:15 custom_values:[8] buckets:[3]}}"},
    {"... else it stays or goes as a whole",
     {CUSTOM, .count = 4, .sum = 7, .pos = {{0, 4}}, .n_bounds = 1, .bounds = {-8}}, -9,
     "{{schema:-53 count:4 sum:7 custom_values:[-8] buckets:[4]}}",
     "{{schema:-53 custom_values:[-8]}}"},
    {"so does the highest",
     {CUSTOM, .count = 4, .sum = 7, .pos = {{1, 4}}, .n_bounds = 1, .bounds = {8}}, 9,
     "{{schema:-53 custom_values:[8]}}",
     "{{schema:-53 count:4 sum:7 custom_values:[8] offset:1 buckets:[4]}}"},
};
// clang-format on

static void test_trim(void **state)
{
    const struct trim_case *c = *state;
    struct arena a = {0};
    struct histogram *h = spec_make(&a, &c->h);

    histogram_trim(h, c->at, true);
    assert_expression(h, c->below);
    h = spec_make(&a, &c->h);
    histogram_trim(h, c->at, false);
    assert_expression(h, c->above);
    arena_release(&a);
}

// clang-format off
static struct valid_case {
    struct spec h;
    const char *want; /* NULL: it is sound */
} valids[] = {
    {{.z = 1, .count = 6, .pos = {{1, 2}}, .neg = {{1, 3}}, .integer = true}, NULL},
    {{.count = 99, .pos = {{1, 2}}}, NULL},
    {{.count = 1e300, .z = 1e300, .integer = true}, NULL},
    {{.schema = -5},
     "histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, or "
     "-53 for custom buckets, got schema -5"},
    {{.count = -1}, "observation count is  -1: histogram's observation count is negative"},
    {{.z = -0.5},
     "zero bucket has observation count of -0.5: histogram has a bucket whose observation count is "
     "negative"},
    {{.pos = {{1, 1}, {5, -1e6}}},
     "positive side: bucket number 2 has observation count of -1e+06: histogram has a bucket whose "
     "observation count is negative"},
    {{.neg = {{1, -1e6}}, .integer = true},
     "negative side: bucket number 1 has observation count of -1000000: histogram has a bucket "
     "whose observation count is negative"},
    {{.n_bounds = 1}, "histogram with exponential schema must not have custom bounds"},
    {{.count = 5, .z = 6, .integer = true},
     "6 observations found in buckets, but the Count field is 5: histogram's observation count "
     "should equal the number of observations found in the buckets (in absence of NaN)"},
    {{.count = 6, .z = 6, .sum = NAN, .integer = true}, NULL},
    {{.count = 7, .z = 6, .sum = NAN, .integer = true}, NULL},
    {{.count = 5, .z = 6, .sum = NAN, .integer = true},
     "6 observations found in buckets, but the Count field is 5: histogram's observation count "
     "should be at least the number of observations found in the buckets"},
    {{CUSTOM, .count = 2, .pos = {{0, 1}, {2, 1}}, .n_bounds = 2, .bounds = {-1, 2}}, NULL},
    {{CUSTOM, .pos = {{0, 1}, {2, 1}}, .n_bounds = 1, .bounds = {1}},
     "custom buckets: only 1 custom bounds defined which is insufficient to cover total span "
     "length of 3: histogram custom bounds are too few"},
    {{CUSTOM, .pos = {{-1, 1}}},
     "custom buckets: span number 1 with offset -1: histogram has a span whose offset is negative"},
    {{CUSTOM, .n_bounds = 2, .bounds = {2, 2}},
     "custom buckets: previous bound is 2.000000 and current is 2.000000: histogram custom bounds "
     "must be in strictly increasing order"},
    {{CUSTOM, .n_bounds = 2, .bounds = {INFINITY, 0}},
     "custom buckets: previous bound is +Inf and current is 0.000000: histogram custom bounds must "
     "be in strictly increasing order"},
    {{CUSTOM, .n_bounds = 1, .bounds = {INFINITY}},
     "custom buckets: last +Inf bound must not be explicitly defined: histogram custom bounds must "
     "be finite"},
    {{CUSTOM, .n_bounds = 1, .bounds = {NAN}},
     "custom buckets: histogram custom bounds must not be NaN"},
    {{CUSTOM, .z = 1}, "custom buckets: must have zero count of 0"},
    {{CUSTOM, .z_width = 1}, "custom buckets: must have zero threshold of 0"},
    {{CUSTOM, .neg = {{1, 1}}}, "custom buckets: must not have negative spans"},
};
// clang-format on

static void test_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(valids); i++) {
        struct arena a = {0};
        struct fault f = {0};
        int rc = histogram_validate(spec_make(&a, &valids[i].h), &f);

        assert_string_equal(f.text, valids[i].want == NULL ? "" : valids[i].want);
        assert_int_equal(rc, valids[i].want == NULL ? 0 : FER_EINVAL);
        arena_release(&a);
    }
}

int main(void)
{
    struct cases c = {0};

    CASES_ADD_TABLE(&c, trims, test_trim, name);
    cases_add(&c, "Prometheus' words for what is not sound", test_valid, NULL);
    return CASES_RUN("model histogram trims", &c);
}
