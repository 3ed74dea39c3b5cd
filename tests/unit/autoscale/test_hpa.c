/*
 * test_hpa.c - the HPA's arithmetic against the tables of Kubernetes' own tests
 * (replica_calculator_test.go, horizontal_test.go).
 */
#include "cases.h"

#include <stdlib.h>

#include "hpa_priv.h"

#include "ferula/base/mem.h"

#define NOW ((ts_ms)1767225600000)

static const struct autoscale_rules rules = {.tolerance_is_an_interval = true,
                                             .tolerance_by_behavior = true};

/* ---- one metric -------------------------------------------------------------------------- */

// clang-format off
static struct calc_case {
    const char *name;
    enum target_type type;
    int32_t replicas, ready;
    int64_t target, usage;
    double down, up; /* 0: the controller's */
    int32_t want;
    int64_t shown;
} calcs[] = {
    {"ScaleUpCMExternalIgnoresUnreadyPods", METRIC_VALUE, 3, 1, 4400, 8600, 0, 0, 2, 8600},
    {"ScaleUpPerPodCMExternal", METRIC_AVERAGE_VALUE, 3, 3, 2150, 8600, 0, 0, 4, 2867},
    {"ScaleDownCMExternal", METRIC_VALUE, 5, 5, 14334, 8600, 0, 0, 3, 8600},
    {"ScaleDownPerPodCMExternal", METRIC_AVERAGE_VALUE, 5, 5, 2867, 8600, 0, 0, 3, 1720},
    {"ToleranceCMExternal", METRIC_VALUE, 3, 3, 8888, 8600, 0, 0, 3, 8600},
    {"TolerancePerPodCMExternal", METRIC_AVERAGE_VALUE, 3, 3, 2900, 8600, 0, 0, 3, 2867},
    {"ConfigurableToleranceCMExternal", METRIC_VALUE, 3, 3, 8800, 8900, .1, .01, 4, 8900},
    {"ConfigurableTolerancePerPodCMExternal", METRIC_AVERAGE_VALUE, 3, 3, 2800, 8600, .1, .01, 4, 2867},
    {"ScaleDownPerPodCMObject", METRIC_AVERAGE_VALUE, 5, 5, 2000, 6000, 0, 0, 3, 1200},
    {"TolerancePerPodCMObject", METRIC_AVERAGE_VALUE, 4, 4, 5000, 20166, 0, 0, 4, 5042},
    {"ConfigurableTolerancePerPodCMObject", METRIC_AVERAGE_VALUE, 4, 4, 5000, 20208, .1, .01, 5, 5052},
    {"ScaleDownCMObject", METRIC_VALUE, 5, 5, 20000, 12000, 0, 0, 3, 12000},
    {"TestScaleUpCMExternal", METRIC_VALUE, 3, 3, 6666, 8600, 0, 0, 4, 8600},
    {"TestScaleUpPerPodCMExternal", METRIC_AVERAGE_VALUE, 3, 3, 2222, 8600, 0, 0, 4, 2867},
    {"TestToleranceCMExternal", METRIC_VALUE, 4, 4, 8666, 8600, 0, 0, 4, 8600},
    {"TestTolerancePerPodCMExternal", METRIC_AVERAGE_VALUE, 4, 4, 2200, 8600, 0, 0, 4, 2150},
    {"TestConfigurableTolerance up", METRIC_VALUE, 3, 3, 1000, 1020, .1, .01, 4, 1020},
    {"TestConfigurableTolerance default", METRIC_VALUE, 3, 3, 1000, 1020, 0, 0, 3, 1020},
    {"TestConfigurableTolerance down", METRIC_VALUE, 3, 3, 1000, 300, .9, .1, 3, 300},
    {"nothing is reported yet", METRIC_AVERAGE_VALUE, 0, 0, 10000, 40000, 0, 0, 4, INT64_MIN},
    {"beyond int32", METRIC_AVERAGE_VALUE, 1, 1, 1, INT64_MAX, 0, 0, INT32_MAX, INT64_MAX},
};

/* As upstream's cases of these names, with the pods' usage on average. */
static struct resource_case {
    const char *name;
    enum hpa_source source;
    enum target_type type;
    int32_t replicas, ready;
    int64_t target, usage;
    int32_t want;
    int64_t shown;
    const char *error;
} resources[] = {
    {"ScaleUp", HPA_CPU, METRIC_UTILIZATION, 3, 3, 30000, 50000, 5, 50000, NULL},
    {"ScaleUpUnreadyLessScale", HPA_CPU, METRIC_UTILIZATION, 3, 2, 30000, 60000, 4, 60000, NULL},
    {"ScaleUpUnreadyNoScale", HPA_CPU, METRIC_UTILIZATION, 3, 1, 30000, 40000, 3, 40000, NULL},
    {"ScaleUpIgnoresFailedPods", HPA_CPU, METRIC_UTILIZATION, 2, 2, 30000, 60000, 4, 60000, NULL},
    {"ScaleDown", HPA_CPU, METRIC_UTILIZATION, 5, 5, 50000, 28000, 3, 28000, NULL},
    {"ScaleDownExcludeUnreadyPods", HPA_CPU, METRIC_UTILIZATION, 5, 3, 50000, 30000, 2, 30000, NULL},
    {"Tolerance", HPA_CPU, METRIC_UTILIZATION, 3, 3, 100000, 102000, 3, 102000, NULL},
    {"whole percent", HPA_CPU, METRIC_UTILIZATION, 10, 10, 50000, 55999, 10, 55000, NULL},
    {"whole percent again", HPA_CPU, METRIC_UTILIZATION, 3, 2, 50000, 83900, 3, 83000, NULL},
    {"within only without those that are not ready", HPA_CPU, METRIC_UTILIZATION, 4, 3, 50000, 70000, 4, 70000, NULL},
    {"above 1 but within, and not ready", HPA_CPU, METRIC_UTILIZATION, 4, 3, 50000, 52000, 4, 52000, NULL},
    {"memory counts what runs", HPA_MEMORY, METRIC_UTILIZATION, 3, 1, 30000, 40000, 4, 40000, NULL},
    {"cores", HPA_CPU, METRIC_AVERAGE_VALUE, 3, 2, 100, 301, 6, 301, NULL},
    {"bytes", HPA_MEMORY, METRIC_AVERAGE_VALUE, 3, 3, 100000, 200000, 6, 200000, NULL},
    {"none ready", HPA_CPU, METRIC_UTILIZATION, 3, 0, 30000, 40000, 0, 0,
     "did not receive metrics for targeted pods (pods might be unready)"},
    {"no pods", HPA_MEMORY, METRIC_UTILIZATION, 0, 0, 30000, 40000, 0, 0,
     "no pods returned by selector while calculating replica count"},
};
// clang-format on

static void test_resource(void **state)
{
    const struct resource_case *c = *state;
    const struct hpa_input in = {
        .spec_replicas = c->replicas,
        .status_replicas = c->replicas,
        .ready_replicas = c->ready,
        .rules = &rules,
    };
    const struct hpa_metric m = {
        .type = c->type, .source = c->source, .usage_milli = c->usage, .target_milli = c->target};
    struct hpa_proposal p = hpa__propose(&m, &in);

    assert_int_equal(p.replicas, c->want);
    assert_int_equal(p.shown_milli, c->shown);
    if (c->error == NULL)
        assert_null(p.error);
    else
        assert_string_equal(p.error, c->error);
}

static void test_calc(void **state)
{
    const struct calc_case *c = *state;
    struct behavior b = {.down.tolerance = c->down, .up.tolerance = c->up};
    struct hpa_input in = {
        .spec_replicas = c->replicas,
        .status_replicas = c->replicas,
        .ready_replicas = c->ready,
        .behavior = c->up > 0 ? &b : NULL,
        .rules = &rules,
    };
    struct hpa_metric m = {.type = c->type, .usage_milli = c->usage, .target_milli = c->target};
    struct hpa_proposal p = hpa__propose(&m, &in);

    assert_int_equal(p.replicas, c->want);
    assert_int_equal(p.shown_milli, c->shown);
}

/* behavior.tolerance is not looked at where the feature is off. */
static void test_gate_off(void **state)
{
    const struct autoscale_rules off = {.tolerance_is_an_interval = true};
    struct behavior b = {.down.tolerance = .1, .up.tolerance = .01};
    struct hpa_input in = {.spec_replicas = 3, .ready_replicas = 3, .behavior = &b, .rules = &off};
    struct hpa_metric m = {.type = METRIC_VALUE, .usage_milli = 1020, .target_milli = 1000};

    (void)state;
    assert_int_equal(hpa__propose(&m, &in).replicas, 3);
}

/* ---- rates ------------------------------------------------------------------------------- */

#define N_EVENTS 3

/* R(pods, period, percent, period, window); 0 of a policy: there is none. */
struct rules_row {
    bool given;
    int pods, pods_s, percent, percent_s, window_s;
    enum select_policy select;
};

// clang-format off
#define R(pods, pods_s, percent, percent_s) {true, pods, pods_s, percent, percent_s, 0, SELECT_MAX}
#define MIN_OF(pods, pods_s, percent, percent_s)                                                   \
    {true, pods, pods_s, percent, percent_s, 0, SELECT_MIN}
#define NO_RULES {0}

static struct rate_case {
    const char *name;
    int up_events[N_EVENTS], down_events[N_EVENTS];
    struct rules_row up, down;
    bool no_behavior;
    int32_t min, max, replicas, desired, want;
    enum reason why;
} rates[] = {
    {"1", {0}, {0}, NO_RULES, NO_RULES, false, 3, 8, 5, 7, 7, REASON_DesiredWithinRange},
    {"2", {0}, {0}, NO_RULES, NO_RULES, false, 2, 8, 3, 1, 2, REASON_TooFewReplicas},
    {"3", {0}, {0}, NO_RULES, NO_RULES, false, 0, 10, 1, 0, 0, REASON_DesiredWithinRange},
    {"4", {0}, {0}, NO_RULES, NO_RULES, false, 1, 10, 20, 1000, 10, REASON_TooManyReplicas},
    {"5", {0}, {0}, NO_RULES, NO_RULES, false, 100, 150, 100, 1000, 150, REASON_TooManyReplicas},
    {"6", {0}, {0}, R(0, 0, 1, 60), NO_RULES, false, 1, 2000, 3, 1000, 4, REASON_ScaleUpLimit},
    {"7", {0}, {0}, NO_RULES, NO_RULES, false, 1, 1000, 10, 50, 20, REASON_ScaleUpLimit},
    {"8", {0}, {0}, R(100, 60, 100, 60), NO_RULES, false, 1, 1000, 10, 500, 110, REASON_ScaleUpLimit},
    {"9", {0}, {0}, R(2, 60, 100, 60), NO_RULES, false, 1, 1000, 10, 500, 20, REASON_ScaleUpLimit},
    {"10", {0}, {0}, R(100, 60, 0, 0), NO_RULES, false, 1, 1000, 10, 50, 50, REASON_DesiredWithinRange},
    {"11", {0}, {0}, R(10000, 60, 0, 0), NO_RULES, false, 1, 1000, 10, 50, 50, REASON_DesiredWithinRange},
    {"12", {0}, {0}, R(30, 60, 0, 0), NO_RULES, false, 1, 1000, 10, 50, 40, REASON_ScaleUpLimit},
    {"13", {0}, {0}, R(0, 0, 200, 60), NO_RULES, false, 1, 1000, 10, 50, 30, REASON_ScaleUpLimit},
    {"14", {0}, {0}, NO_RULES, R(20, 60, 1, 60), false, 1, 1000, 100, 2, 80, REASON_ScaleDownLimit},
    {"15", {0}, {0}, NO_RULES, R(2, 60, 1, 60), false, 1, 1000, 100, 2, 98, REASON_ScaleDownLimit},
    {"16", {0}, {0}, NO_RULES, R(100, 60, 0, 0), false, 1, 1000, 10, 0, 1, REASON_TooFewReplicas},
    {"17", {0}, {0}, NO_RULES, R(0, 0, 100, 60), false, 5, 1000, 10, 2, 5, REASON_TooFewReplicas},
    {"18", {0}, {0}, NO_RULES, R(5, 60, 0, 0), false, 1, 1000, 10, 2, 5, REASON_ScaleDownLimit},
    {"19", {0}, {0}, NO_RULES, R(0, 0, 50, 60), false, 1, 1000, 10, 5, 5, REASON_DesiredWithinRange},
    {"20", {1, 5, 9}, {0}, R(300, 60, 0, 0), NO_RULES, false, 1, 200, 100, 500, 200, REASON_TooManyReplicas},
    {"21", {1, 5, 9}, {0}, R(0, 0, 10000, 60), NO_RULES, false, 1, 200, 100, 500, 200, REASON_TooManyReplicas},
    {"22", {1, 5, 9}, {0}, R(5, 120, 0, 0), NO_RULES, false, 1, 1000, 100, 500, 100, REASON_ScaleUpLimit},
    {"23", {1, 5, 9}, {0}, R(150, 120, 0, 0), NO_RULES, false, 1, 1000, 100, 500, 235, REASON_ScaleUpLimit},
    {"24", {1, 5, 9}, {0}, R(0, 0, 200, 120), NO_RULES, false, 1, 1000, 100, 500, 255, REASON_ScaleUpLimit},
    {"25", {4}, {2}, R(0, 0, 300, 300), NO_RULES, false, 1, 1000, 6, 24, 16, REASON_ScaleUpLimit},
    {"26", {0}, {1, 5, 9}, NO_RULES, NO_RULES, false, 1, 1000, 10, 5, 5, REASON_DesiredWithinRange},
    {"27", {0}, {1, 5, 9}, NO_RULES, R(115, 120, 0, 0), false, 1, 1000, 100, 0, 1, REASON_TooFewReplicas},
    {"28", {0}, {1, 5, 9}, NO_RULES, R(130, 120, 0, 0), false, 5, 1000, 100, 0, 5, REASON_TooFewReplicas},
    {"29", {0}, {1, 5, 9}, NO_RULES, R(0, 0, 100, 120), false, 5, 1000, 100, 2, 5, REASON_TooFewReplicas},
    {"30", {0}, {1, 5, 9}, NO_RULES, R(5, 120, 0, 0), false, 1, 1000, 100, 2, 100, REASON_ScaleDownLimit},
    {"31", {0}, {2, 4, 6}, NO_RULES, R(0, 0, 50, 120), false, 1, 1000, 100, 0, 56, REASON_ScaleDownLimit},
    {"32", {2}, {4}, NO_RULES, R(0, 0, 50, 180), false, 1, 1000, 10, 1, 6, REASON_ScaleDownLimit},
    {"33", {0}, {10, 10, 10}, NO_RULES, R(0, 0, 10, 120), false, 1, 1000, 100, 0, 100, REASON_ScaleDownLimit},
    {"34", {0}, {10, 10, 10}, NO_RULES, R(0, 0, 1000, 120), false, 1, 1000, 10, 5, 5, REASON_DesiredWithinRange},
    {"the smallest change up", {0}, {0}, MIN_OF(2, 60, 50, 60), NO_RULES, false, 1, 1000, 1, 100, 2, REASON_ScaleUpLimit},
    {"the smallest change down", {0}, {0}, NO_RULES, MIN_OF(2, 60, 50, 60), false, 1, 1000, 5, 0, 3, REASON_ScaleDownLimit},
    {"without behavior", {0}, {0}, NO_RULES, NO_RULES, true, 3, 8, 5, 7, 7, REASON_DesiredWithinRange},
    {"without behavior: the minimum", {0}, {0}, NO_RULES, NO_RULES, true, 2, 8, 3, 1, 2, REASON_TooFewReplicas},
    {"without behavior: to zero", {0}, {0}, NO_RULES, NO_RULES, true, 0, 10, 1, 0, 0, REASON_DesiredWithinRange},
    {"without behavior: the maximum", {0}, {0}, NO_RULES, NO_RULES, true, 1, 10, 20, 1000, 10, REASON_TooManyReplicas},
    {"without behavior: twice", {0}, {0}, NO_RULES, NO_RULES, true, 1, 2000, 3, 1000, 6, REASON_ScaleUpLimit},
};
// clang-format on

static void policies_of(const struct rules_row *row, bool up, struct scaling_policy v[2],
                        struct scaling_rules *out)
{
    size_t n = 0;

    *out = (struct scaling_rules){
        .window_s = row->given ? row->window_s : -1, .tolerance = -1, .select = row->select};
    if (!row->given && up)
        v[n++] = (struct scaling_policy){POLICY_PODS, 4, 15};
    if (!row->given)
        v[n++] = (struct scaling_policy){POLICY_PERCENT, 100, 15};
    if (row->pods > 0)
        v[n++] = (struct scaling_policy){POLICY_PODS, row->pods, row->pods_s};
    if (row->percent > 0)
        v[n++] = (struct scaling_policy){POLICY_PERCENT, row->percent, row->percent_s};
    out->policies = v;
    out->n_policies = n;
}

/* Spread evenly over the last two minutes, as generateEventsUniformDistribution does. */
static size_t spread(const int changes[N_EVENTS], struct hpa_event *v)
{
    int n = 0;

    while (n < N_EVENTS && changes[n] > 0)
        n++;
    for (int i = 0; i < n; i++) {
        double gap = 120.0 / n;
        int age_s = (int)(120 - gap * (i + 1) + gap / 2);

        v[i] = (struct hpa_event){.change = changes[i], .t = NOW - age_s * 1000};
    }
    return (size_t)n;
}

static void test_rate(void **state)
{
    const struct rate_case *c = *state;
    struct hpa_event up[N_EVENTS], down[N_EVENTS];
    struct scaling_policy up_policies[2], down_policies[2];
    struct behavior b = {.given = true};
    struct hpa_state s = {.up = up, .down = down};
    struct hpa_input in = {
        .now = NOW,
        .spec_replicas = c->replicas,
        .min = c->min,
        .max = c->max,
        .behavior = c->no_behavior ? NULL : &b,
        .rules = &rules,
    };
    enum reason why;
    int32_t got;

    policies_of(&c->up, true, up_policies, &b.up);
    policies_of(&c->down, false, down_policies, &b.down);
    s.n_up = spread(c->up_events, up);
    s.n_down = spread(c->down_events, down);
    got = hpa__limit(&s, &in, c->desired, &why);
    assert_int_equal(got, c->want);
    assert_string_equal(reason_name(why), reason_name(c->why));
}

/* ---- recommendations --------------------------------------------------------------------- */

#define N_RECS 4

// clang-format off
static struct stabilize_case {
    const char *name;
    struct { int replicas, age_s; } recs[N_RECS];
    int32_t replicas, desired;
    int up_s, down_s; /* -1 both: without behavior */
    int32_t want;
    int list[N_RECS + 1];
} stabilizations[] = {
    {"none", {{0}}, 100, 5, -1, -1, 5, {5}},
    {"the highest", {{4, 120}, {5, 60}}, 100, 3, -1, -1, 5, {4, 5, 3}},
    {"itself", {{1, 120}, {2, 60}}, 100, 3, -1, -1, 3, {1, 2, 3}},
    {"old ones", {{10, 600}, {9, 540}}, 100, 3, -1, -1, 3, {10, 3}},
    {"old and young ones", {{10, 600}, {4, 60}, {5, 120}, {9, 540}}, 100, 3, -1, -1, 5, {10, 4, 5, 3}},
    {"at the window's age it has expired", {{9, 300}}, 100, 3, -1, -1, 3, {3}},
    {"behavior: none", {{0}}, 100, 5, 0, 0, 5, {5}},
    {"behavior: the highest", {{4, 120}, {5, 60}}, 100, 3, 0, 180, 5, {4, 5, 3}},
    {"behavior: the lowest", {{4, 120}, {5, 60}}, 1, 7, 300, 0, 4, {4, 5, 7}},
    {"behavior: down with a window for up", {{1, 120}, {2, 60}}, 100, 3, 300, 0, 3, {1, 2, 3}},
    {"behavior: up with a window for down", {{4, 120}, {5, 60}}, 1, 3, 0, 300, 3, {4, 5, 3}},
    {"behavior: old ones down", {{10, 600}, {9, 540}}, 100, 3, 0, 0, 3, {10, 3}},
    {"behavior: old ones up", {{10, 600}, {9, 540}}, 1, 100, 0, 0, 100, {10, 100}},
    {"behavior: old and young ones", {{10, 600}, {4, 60}, {5, 120}, {9, 540}}, 100, 3, 0, 180, 5, {10, 4, 5, 3}},
    {"behavior: old and young ones up", {{10, 6000}, {6, 60}, {5, 120}, {9, 180}}, 1, 100, 300, 0, 5, {100, 6, 5, 9}},
    {"behavior: between both, down", {{2, 6000}, {3, 180}}, 2, 1, 300, 300, 2, {1, 3}},
    {"behavior: between both, up", {{2, 6000}, {1, 180}}, 2, 3, 300, 300, 2, {3, 1}},
};
// clang-format on

static void test_stabilize(void **state)
{
    const struct stabilize_case *c = *state;
    struct hpa_state s = {0};
    struct behavior b = {.given = true, .up.window_s = c->up_s, .down.window_s = c->down_s};
    struct hpa_input in = {
        .now = NOW,
        .spec_replicas = c->replicas,
        .behavior = c->up_s < 0 ? NULL : &b,
        .rules = &rules,
    };
    enum reason held;
    size_t n = 0;

    for (size_t i = 0; i < N_RECS && c->recs[i].replicas > 0; i++)
        hpa__record(&s, SIZE_MAX, c->recs[i].replicas, NOW - c->recs[i].age_s * 1000);
    assert_int_equal(hpa__stabilize(&s, &in, c->desired, &held), c->want);
    while (n <= N_RECS && c->list[n] > 0)
        n++;
    assert_int_equal(s.n_recommendations, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(s.recommendations[i].replicas, c->list[i]);
    hpa_state_release(&s);
}

/* ---- events ------------------------------------------------------------------------------ */

// clang-format off
static struct event_case {
    const char *name;
    struct { int change, age_s; } before[N_RECS];
    struct rules_row up;
    int after[N_RECS + 1]; /* negative: outdated */
} events[] = {
    {"without behavior", {{0}}, {0}, {0}},
    {"without behavior one stays", {{7, 61}}, {0}, {7}},
    {"the first", {{0}}, R(10, 60, 100, 60), {5}},
    {"instead of an old one", {{7, 61}}, R(10, 60, 100, 60), {5}},
    {"beside a young one", {{7, 58}}, R(10, 60, 100, 60), {7, 5}},
    {"instead of the old one of two", {{7, 61}, {6, 59}}, R(10, 60, 0, 0), {5, 6}},
    {"instead of the last old one", {{8, 29}, {6, 59}, {7, 61}, {9, 61}}, R(10, 60, 100, 30), {8, 6, -7, 5}},
    {"the longest period counts", {{7, 58}, {6, 59}}, R(10, 120, 100, 30), {7, 6, 5}},
};
// clang-format on

static void test_event(void **state)
{
    const struct event_case *c = *state;
    struct hpa_state s = {.up = xcalloc(N_RECS, sizeof(*s.up)), .cap_up = N_RECS};
    struct scaling_policy policies[2];
    struct behavior b = {.given = true};
    struct hpa_input in = {.now = NOW, .behavior = c->up.given ? &b : NULL, .rules = &rules};
    size_t n = 0;

    policies_of(&c->up, true, policies, &b.up);
    while (s.n_up < N_RECS && c->before[s.n_up].change > 0) {
        s.up[s.n_up] = (struct hpa_event){.change = c->before[s.n_up].change,
                                          .t = NOW - c->before[s.n_up].age_s * 1000};
        s.n_up++;
    }
    hpa__store_event(&s, &in, 10, 15);
    while (n <= N_RECS && c->after[n] != 0)
        n++;
    assert_int_equal(s.n_up, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(s.up[i].change, abs(c->after[i]));
        assert_int_equal(s.up[i].outdated, c->after[i] < 0);
    }
    hpa_state_release(&s);
}

/* ---- whole syncs ------------------------------------------------------------------------- */

// clang-format off
static struct sync_case {
    const char *name;
    int32_t min, max, replicas;
    struct hpa_metric metrics[2];
    size_t n;
    int32_t desired;
    const char *able, *active, *limited, *note;
} syncs[] = {
    {"a limit", 1, 10, 1, {{METRIC_AVERAGE_VALUE, .usage_milli = 45000, .target_milli = 10000}}, 1, 4,
     "SucceededRescale", "ValidMetricFound", "ScaleUpLimit",
     "ceil(45 / 10) = 5, limited to max(2 x 1, 4) = 4 a sync"},
    {"within the tolerance", 1, 10, 5, {{METRIC_AVERAGE_VALUE, .usage_milli = 45000, .target_milli = 10000}}, 1, 5,
     "ReadyForNewScale", "ValidMetricFound", "DesiredWithinRange",
     "45 / (10 x 5) = 0.9 is within the tolerance: 5"},
    {"held", 1, 10, 5, {{METRIC_AVERAGE_VALUE, .usage_milli = 5792, .target_milli = 10000}}, 1, 5,
     "ScaleDownStabilized", "ValidMetricFound", "DesiredWithinRange",
     "ceil(5.792 / 10) = 1, held at 5 by the highest recommendation of the last 300 s"},
    {"a Value", 1, 10, 4, {{METRIC_VALUE, .usage_milli = 30000, .target_milli = 20000}}, 1, 6,
     "SucceededRescale", "ValidMetricFound", "DesiredWithinRange", "ceil(30 / 20 x 4 ready) = 6"},
    {"the maximum", 1, 4, 3, {{METRIC_AVERAGE_VALUE, .usage_milli = 99000, .target_milli = 10000}}, 1, 4,
     "SucceededRescale", "ValidMetricFound", "TooManyReplicas",
     "ceil(99 / 10) = 10, limited to the maximum 4"},
    {"at zero", 1, 4, 0, {{METRIC_AVERAGE_VALUE, .usage_milli = 99000, .target_milli = 10000}}, 1, 0,
     "SucceededGetScale", "ScalingDisabled", NULL, "at 0 replicas the HPA does nothing"},
    {"too many", 1, 4, 9, {{METRIC_AVERAGE_VALUE, .usage_milli = 0, .target_milli = 10000}}, 1, 4,
     "SucceededRescale", NULL, NULL, "9 are more than the maximum 4: cut at once"},
    {"too few", 3, 4, 1, {{METRIC_AVERAGE_VALUE, .usage_milli = 0, .target_milli = 10000}}, 1, 3,
     "SucceededRescale", NULL, NULL, "1 are fewer than the minimum 3: raised at once"},
    {"TestScaleUpOneMetricEmpty", 2, 6, 3,
     {{METRIC_UTILIZATION, HPA_CPU, .usage_milli = 40000, .target_milli = 30000}, {METRIC_AVERAGE_VALUE, .failed = true}}, 2, 4,
     "SucceededRescale", "ValidMetricFound", "DesiredWithinRange", "ceil(40 / 30 x 3 ready) = 4 by metric 1 of 2"},
    {"TestNoScaleDownOneMetricEmpty", 2, 6, 5,
     {{METRIC_UTILIZATION, HPA_CPU, .usage_milli = 20000, .target_milli = 50000}, {METRIC_AVERAGE_VALUE, .failed = true}}, 2, 5,
     "SucceededGetScale", "FailedGetExternalMetric", NULL, "a metric could not be had, so it stays at 5"},
    {"a negative value", 1, 6, 1, {{METRIC_AVERAGE_VALUE, .usage_milli = -5000, .target_milli = 10000}}, 1, 1,
     "ScaleDownStabilized", "ValidMetricFound", "DesiredWithinRange",
     "ceil(-5 / 10) = 0, held at 1 by the highest recommendation of the last 300 s"},
};
// clang-format on

static void assert_reason(const struct condition *c, const char *want)
{
    if (want == NULL)
        assert_null(c->reason);
    else
        assert_string_equal(c->reason, want);
}

static void test_sync(void **state)
{
    const struct sync_case *c = *state;
    struct arena a = {0};
    struct hpa_state s = {0};
    struct hpa_input in = {
        .now = NOW,
        .spec_replicas = c->replicas,
        .status_replicas = c->replicas,
        .ready_replicas = c->replicas,
        .min = c->min,
        .max = c->max,
        .metrics = c->metrics,
        .n_metrics = c->n,
        .rules = &rules,
    };
    struct hpa_output out;

    hpa_sync(&s, &in, &a, &out);
    assert_int_equal(out.desired, c->desired);
    assert_int_equal(out.rescale, c->desired != c->replicas);
    assert_reason(&out.able_to_scale, c->able);
    assert_reason(&out.scaling_active, c->active);
    assert_reason(&out.scaling_limited, c->limited);
    if (c->note != NULL)
        assert_str(out.note, c->note);
    hpa_state_release(&s);
    arena_release(&a);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, calcs, test_calc, name);
    CASES_ADD_TABLE(&c, resources, test_resource, name);
    cases_add(&c, "TestConfigurableTolerance gate off", test_gate_off, NULL);
    CASES_ADD_TABLE(&c, rates, test_rate, name);
    CASES_ADD_TABLE(&c, stabilizations, test_stabilize, name);
    CASES_ADD_TABLE(&c, events, test_event, name);
    CASES_ADD_TABLE(&c, syncs, test_sync, name);
    return CASES_RUN("hpa", &c);
}
