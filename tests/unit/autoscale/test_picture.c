/*
 * test_picture.c - figures of simulations.
 */
#include "cases.h"

#include <math.h>

#include "ferula/autoscale/picture.h"

#define MAX_EVENTS 8

static struct trigger trigger = {
    .type = {STR_INIT("prometheus"), {0}}
};
static struct scaled_object object = {.triggers = &trigger, .n_triggers = 1};

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
    struct sim_setup setup = {.object = &object, .start = 1000, .end = 101000, .replicas = 1};
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

/* 30 of a target of 20 with two replicas, without a capacity. */
static struct target_case {
    const char *name;
    const char *type;
    enum target_type of_trigger;
    bool modified;
    enum target_type of_formula;
    double under_s;
    const char *title;
} target_cases[] = {
    {"an average has a target each", "prometheus", METRIC_AVERAGE_VALUE, false,
     METRIC_AVERAGE_VALUE,                                                                            0,  "target x replicas"},
    {"a value has one",              "prometheus", METRIC_VALUE,         false, METRIC_AVERAGE_VALUE, 50,
     "target (dashed)"                                                                                                       },
    {"cpu is what a pod has",        "cpu",        METRIC_UTILIZATION,   false, METRIC_AVERAGE_VALUE, 50,
     "target (dashed)"                                                                                                       },
    {"memory, too",                  "memory",     METRIC_AVERAGE_VALUE, false, METRIC_AVERAGE_VALUE, 50,
     "target (dashed)"                                                                                                       },
    {"of a formula its own counts",  "prometheus", METRIC_AVERAGE_VALUE, true,  METRIC_VALUE,         50,
     "target (dashed)"                                                                                                       },
    {"which may be an average",      "cpu",        METRIC_UTILIZATION,   true,  METRIC_AVERAGE_VALUE, 0,
     "target x replicas"                                                                                                     },
};

static void test_target(void **state)
{
    const struct target_case *c = *state;
    struct trigger t = {
        .type = {str_of(c->type), {0}},
          .metric_type = c->of_trigger
    };
    struct scaled_object so = {
        .triggers = &t,
        .n_triggers = 1,
        .modifiers = {.given = c->modified, .metric_type = c->of_formula}
    };
    struct sim_setup setup = {.object = &so, .start = 0, .end = 100000, .replicas = 2};
    struct metric_view metric = {.verdict.milli = 30000, .target_milli = 20000};
    struct sim_event e = {.t = 50000,
                          .actor = ACTOR_HPA,
                          .before = 2,
                          .after = 2,
                          .ready_replicas = 2,
                          .metrics = &metric,
                          .n_metrics = 1};
    struct sim_trace trace = {.setup = &setup, .events = &e, .n_events = 1};
    struct picture_run run = {.trace = &trace};
    struct picture_summary got;
    struct buf svg = {0};

    picture_summary(&run, &got);
    assert_true(got.under_s == c->under_s);
    picture_svg(&svg, &run, 1, STR("a"));
    assert_non_null(strstr(svg.p, c->title));
    buf_release(&svg);
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
    struct sim_setup setup = {.object = &object, .start = 10000, .end = 50000, .replicas = 1};
    struct sim_trace trace = {.setup = &setup};
    struct picture_run run = {
        .trace = &trace, .samples = samples, .n_samples = COUNT(samples), .capacity = 40};
    struct picture_summary got;

    (void)state;
    picture_summary(&run, &got);
    assert_true(got.under_s == 25 && got.lost == 250);
}

/* However long a run is, so many points are kept, and the first changes with their reasons. */
static void test_points(void **state)
{
    struct sim_setup setup = {.object = &object, .start = 0, .end = 100000 * 1000, .replicas = 1};
    struct metric_view metric = {.target_milli = 10000};
    struct picture_tally t;
    size_t n_marks = 0, n_measured = 0;

    (void)state;
    picture_tally_begin(&t, &setup, 0, true);
    for (int i = 0; i < 100000; i++) {
        struct sim_event e = {.t = i * 1000,
                              .actor = i % 3 == 0 ? ACTOR_KEDA : ACTOR_HPA,
                              .before = i / 500 % 2 + 1,
                              .after = (i + 1) / 500 % 2 + 1,
                              .metrics = &metric,
                              .n_metrics = 1,
                              .note = STR("why")};

        metric.verdict.milli = i;
        picture_tally_event(&t, &e);
    }
    picture_tally_end(&t);
    assert_int_equal(t.sum.changes, 200);
    assert_true(t.points.n_events <= PICTURE_POINTS && t.points.n_events > PICTURE_POINTS / 3);
    for (size_t i = 0; i < t.points.n_events; i++) {
        const struct sim_event *e = &t.points.events[i];

        /* As dense at the beginning as at the end. */
        assert_true(e->t - (i == 0 ? 0 : t.points.events[i - 1].t) <=
                    3 * (setup.end / (PICTURE_POINTS / 2)));
        assert_true(i == 0 || t.points.events[i - 1].t < e->t);
        assert_int_equal(e->metrics[0].verdict.milli, e->t / 1000);
        n_marks += e->note.n > 0;
        n_measured += e->actor == ACTOR_HPA;
    }
    assert_int_equal(n_marks, PICTURE_MARKS);
    assert_true(n_measured > t.points.n_events / 2);
    picture_tally_release(&t);
}

/* No text goes over the right edge: reasons and names take more lines, which the picture has. */
static void test_edges(void **state)
{
    char note[600], name[300];
    struct sim_setup setup = {.object = &object, .start = 0, .end = 100000, .replicas = 1};
    struct sim_event e = {.t = 50000, .actor = ACTOR_HPA, .before = 1, .after = 2};
    struct sim_trace trace = {.setup = &setup, .events = &e, .n_events = 1};
    struct picture_run runs[10];
    struct buf one = {0}, many = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(note); i++)
        note[i] = i % 10 == 9 ? ' ' : 'n';
    memset(name, 'x', sizeof(name));
    e.note = (struct str){note, sizeof(note)};
    for (size_t i = 0; i < COUNT(runs); i++)
        runs[i] = (struct picture_run){
            .name = {name, sizeof(name)},
              .trace = &trace
        };
    picture_svg(&one, runs, 1, STR("a"));
    picture_svg(&many, runs, COUNT(runs), STR("a"));
    for (const char *at = strstr(one.p, "class=\"l\">"); at != NULL;
         at = strstr(at + 1, "class=\"l\">"))
        assert_true(strcspn(at + 10, "<") <= 130);
    assert_non_null(strstr(one.p, "height=\"666\""));
    assert_non_null(strstr(many.p, ">and 2 more<"));
    assert_non_null(strstr(many.p, "height=\"720\""));
    buf_release(&one);
    buf_release(&many);
}

/* Scales of large metrics and of few replicas, and marks that would hide each other. */
static void test_scales(void **state)
{
    struct sim_setup setup = {.object = &object, .start = 0, .end = 100000, .replicas = 1};
    struct metric_view metric = {.verdict.milli = 2500000000000, .target_milli = 1000};
    struct sim_event events[4];
    struct sim_trace trace = {.setup = &setup, .events = events, .n_events = COUNT(events)};
    struct picture_run run = {.name = STR("a"), .trace = &trace};
    struct buf svg = {0};

    (void)state;
    for (int i = 0; i < 4; i++)
        events[i] = (struct sim_event){.t = i < 3 ? 50000 + i : 90000,
                                       .actor = ACTOR_HPA,
                                       .before = 1,
                                       .after = 2,
                                       .metrics = &metric,
                                       .n_metrics = 1};
    picture_svg(&svg, &run, 1, STR("a"));
    assert_non_null(strstr(svg.p, ">2G<"));
    assert_null(strstr(svg.p, ">0.5<"));
    assert_non_null(strstr(svg.p, ">1-3</text>"));
    assert_non_null(strstr(svg.p, ">4</text>"));
    assert_non_null(strstr(svg.p, ">4. at 1m30s, 1 to 2. "));
    assert_null(strstr(svg.p, "height=\"4\"")); /* the only line is called as the picture is */
    buf_release(&svg);
}

int main(void)
{
    struct cases c = {0};

    cases_add(&c, "nothing over the edges", test_edges, NULL);

    cases_add(&c, "a bounded number of points", test_points, NULL);
    cases_add(&c, "scales and marks", test_scales, NULL);
    CASES_ADD_TABLE(&c, cases, test_summary, name);
    CASES_ADD_TABLE(&c, target_cases, test_target, name);
    cases_add(&c, "lost", test_lost, NULL);
    return CASES_RUN("picture", &c);
}
