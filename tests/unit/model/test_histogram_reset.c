/*
 * test_histogram_reset.c - native histograms: when a counter was reset, and what storage remembers.
 */
#include "histogram_spec.h"

// clang-format off
#define PLAIN \
    .z_width = 0.5, .z = 1, .count = 10, .sum = 3, .pos = {{0, 2}, {2, 3}}, .neg = {{1, 4}}
#define CUSTOM .schema = HISTOGRAM_CUSTOM

static struct reset_case {
    const char *name; /* a sentence that is true when the test passes */
    struct spec prev, h;
    bool reset;                 /* as functions see it */
    enum histogram_hint stored; /* as storage does; prev as it stands there */
} cases[] = {
    {"the same again is none", {PLAIN}, {PLAIN}, false, HISTOGRAM_NOT_RESET},
    {"a hint is believed", {PLAIN}, {PLAIN, .hint = HISTOGRAM_RESET}, true, HISTOGRAM_UNKNOWN},
    {"... against all buckets, but not by storage", {PLAIN}, {.hint = HISTOGRAM_NOT_RESET}, false,
     HISTOGRAM_UNKNOWN},
    {"a gauge is looked at as a counter", {PLAIN}, {.hint = HISTOGRAM_GAUGE}, true,
     HISTOGRAM_GAUGE},
    {"after a gauge a chunk begins", {PLAIN, .hint = HISTOGRAM_GAUGE}, {PLAIN}, false,
     HISTOGRAM_UNKNOWN},
    {"fewer observations", {.count = 10}, {.count = 9}, true, HISTOGRAM_UNKNOWN},
    {"the sum may fall", {.count = 1, .sum = 10}, {.count = 1, .sum = 9}, false,
     HISTOGRAM_NOT_RESET},
    {"fewer in the zero bucket", {.z = 2, .count = 2}, {.z = 1, .count = 2}, true,
     HISTOGRAM_UNKNOWN},
    {"fewer in a bucket", {.count = 4, .pos = {{1, 2}, {2, 2}}},
     {.count = 4, .pos = {{1, 3}, {2, 1}}}, true, HISTOGRAM_UNKNOWN},
    {"... of the negative side", {.count = 4, .neg = {{2, 2}}}, {.count = 4, .neg = {{2, 1}}},
     true, HISTOGRAM_UNKNOWN},
    {"a bucket has gone", {.count = 4, .pos = {{1, 2}, {2, 2}}}, {.count = 4, .pos = {{2, 9}}},
     true, HISTOGRAM_UNKNOWN},
    {"... the last", {.count = 4, .pos = {{1, 2}, {2, 2}}}, {.count = 4, .pos = {{1, 9}}}, true,
     HISTOGRAM_UNKNOWN},
    {"an empty one may go", {.count = 4, .pos = {{1, 0}, {2, 2}, {3, 0}}},
     {.count = 4, .pos = {{2, 9}}}, false, HISTOGRAM_NOT_RESET},
    {"beyond the last bucket the first decides", {.count = 4, .pos = {{1, 2}, {3, 0}, {4, 2}}},
     {.count = 4, .pos = {{1, 9}}}, false, HISTOGRAM_UNKNOWN},
    {"new buckets are none", {.count = 4, .pos = {{2, 2}}},
     {.count = 4, .pos = {{1, 1}, {2, 2}, {3, 1}}}, false, HISTOGRAM_NOT_RESET},
    {"a finer schema", {.schema = 0}, {.schema = 1}, true, HISTOGRAM_UNKNOWN},
    {"a coarser one may go on", {.schema = 1, .count = 5, .pos = {{1, 2}, {2, 3}}},
     {.schema = 0, .count = 6, .pos = {{1, 5}}}, false, HISTOGRAM_UNKNOWN},
    {"... or not", {.schema = 1, .count = 5, .pos = {{1, 2}, {2, 3}}},
     {.schema = 0, .count = 6, .pos = {{1, 4}}}, true, HISTOGRAM_UNKNOWN},
    {"a narrower zero bucket", {.z_width = 1}, {.z_width = 0.5}, true, HISTOGRAM_UNKNOWN},
    {"a wider one may go on", {.z_width = 0.5, .z = 1, .count = 3, .pos = {{0, 2}}},
     {.z_width = 1, .z = 3, .count = 3}, false, HISTOGRAM_UNKNOWN},
    {"... with what was in buckets", {.z_width = 0.5, .z = 1, .count = 3, .pos = {{0, 2}}},
     {.z_width = 1, .z = 2, .count = 3}, true, HISTOGRAM_UNKNOWN},
    {"... but not end inside a populated one",
     {.z_width = 0.5, .z = 1, .count = 3, .pos = {{2, 2}}}, {.z_width = 3, .z = 9, .count = 9},
     true, HISTOGRAM_UNKNOWN},
    {"custom buckets after others", {.count = 1}, {CUSTOM, .count = 1}, true, HISTOGRAM_UNKNOWN},
    {"others after custom buckets", {CUSTOM, .count = 1}, {.count = 1}, true, HISTOGRAM_UNKNOWN},
    {"other bounds are compared where they meet, and begin a chunk",
     {CUSTOM, .count = 6, .pos = {{0, 1}, {1, 2}, {2, 3}}, .n_bounds = 2, .bounds = {1, 2}},
     {CUSTOM, .count = 6, .pos = {{0, 3}, {1, 3}}, .n_bounds = 1, .bounds = {2}}, false,
     HISTOGRAM_UNKNOWN},
    {"... where a count may fall",
     {CUSTOM, .count = 6, .pos = {{0, 1}, {1, 2}, {2, 3}}, .n_bounds = 2, .bounds = {1, 2}},
     {CUSTOM, .count = 6, .pos = {{0, 2}, {1, 4}}, .n_bounds = 1, .bounds = {2}}, true,
     HISTOGRAM_UNKNOWN},
    {"the same bounds go on", {CUSTOM, .count = 1, .n_bounds = 1, .bounds = {1}},
     {CUSTOM, .count = 1, .n_bounds = 1, .bounds = {1}}, false, HISTOGRAM_NOT_RESET},
    {"whole counts after floats begin a chunk", {PLAIN}, {PLAIN, .integer = true}, false,
     HISTOGRAM_UNKNOWN},
    {"so does what comes after a stale marker", {.stale = true}, {PLAIN}, false, HISTOGRAM_UNKNOWN},
    {"of a stale marker nothing is kept", {PLAIN}, {.stale = true, .hint = HISTOGRAM_GAUGE}, true,
     HISTOGRAM_UNKNOWN},
};
// clang-format on

static void test_reset(void **state)
{
    const struct reset_case *c = *state;
    struct arena a = {0};
    struct histogram *h = spec_make(&a, &c->h), *prev = spec_make(&a, &c->prev);

    assert_int_equal(histogram_detect_reset(h, prev), c->reset);
    assert_int_equal(histogram_stored_hint(h, prev), c->stored);
    histogram_compact(prev); /* storage may keep them or not */
    assert_int_equal(histogram_stored_hint(h, prev), c->stored);
    assert_int_equal(histogram_stored_hint(h, NULL),
                     c->stored == HISTOGRAM_GAUGE ? HISTOGRAM_GAUGE : HISTOGRAM_UNKNOWN);
    arena_release(&a);
}

int main(void)
{
    struct cases c = {0};

    CASES_ADD_TABLE(&c, cases, test_reset, name);
    return CASES_RUN("model histogram resets", &c);
}
