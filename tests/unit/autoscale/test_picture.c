/*
 * test_picture.c - figures of simulations.
 */
#include "cases.h"

#include <math.h>

#include "ferula/autoscale/picture.h"

#define MAX_EVENTS 8

/* Replicas after syncs at these seconds; the run lasts 100 s and starts with one. */
static struct summary_case {
    const char *name;
    int n, at_s[MAX_EVENTS], after[MAX_EVENTS];
    double replica_seconds;
    int least, most, last, changes, flaps;
} cases[] = {
    {"nothing happens",       0, {0},          {0},       100, 1, 1, 1, 0, 0},
    {"out",                   1, {50},         {3},       200, 1, 3, 3, 1, 0},
    {"out in two steps",      2, {50, 75},     {3, 5},    250, 1, 5, 5, 2, 0},
    {"out and in",            2, {20, 60},     {4, 2},    260, 1, 4, 2, 2, 1},
    {"out, in, out",          3, {20, 40, 60}, {4, 2, 4}, 300, 1, 4, 4, 3, 2},
    {"a sync without change", 3, {20, 40, 60}, {4, 4, 2}, 260, 1, 4, 2, 2, 1},
    {"to zero",               1, {50},         {0},       50,  0, 1, 0, 1, 0},
};

static void test_summary(void **state)
{
    const struct summary_case *c = *state;
    struct sim_event events[MAX_EVENTS] = {0};
    struct sim_setup setup = {.start = 1000, .end = 101000, .replicas = 1};
    struct sim_trace trace = {.setup = &setup, .events = events, .n_events = (size_t)c->n};
    struct picture_run run = {.trace = &trace};
    struct picture_summary got;

    for (int i = 0; i < c->n; i++)
        events[i] = (struct sim_event){.t = 1000 + c->at_s[i] * 1000,
                                       .actor = ACTOR_HPA,
                                       .before = i == 0 ? 1 : c->after[i - 1],
                                       .after = c->after[i]};
    picture_summary(&run, &got);
    assert_true(fabs(got.replica_seconds - c->replica_seconds) < 1e-9);
    assert_int_equal(got.least, c->least);
    assert_int_equal(got.most, c->most);
    assert_int_equal(got.last, c->last);
    assert_int_equal(got.changes, c->changes);
    assert_int_equal(got.flaps, c->flaps);
}

/* Seconds and requests that are not served, from samples that begin before the run does. */
static void test_lost(void **state)
{
    const struct world_sample samples[] = {
        {0,     50, 40, 1, 1},
        {10000, 50, 40, 1, 1},
        {25000, 50, 50, 2, 2},
        {40000, 90, 80, 2, 2},
        {50000, 0,  0,  2, 2},
    };
    struct sim_setup setup = {.start = 10000, .end = 50000, .replicas = 1};
    struct sim_trace trace = {.setup = &setup};
    struct picture_run run = {
        .trace = &trace, .samples = samples, .n_samples = COUNT(samples), .capacity = 40};
    struct picture_summary got;

    (void)state;
    picture_summary(&run, &got);
    assert_true(got.under_s == 25 && got.lost == 250);
}

int main(void)
{
    struct cases c = {0};

    CASES_ADD_TABLE(&c, cases, test_summary, name);
    cases_add(&c, "lost", test_lost, NULL);
    return CASES_RUN("picture", &c);
}
