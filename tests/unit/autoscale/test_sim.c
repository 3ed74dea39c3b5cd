/*
 * test_sim.c - whole stories of KEDA and the HPA: every change of the replica count, and what is
 * seen at some syncs.
 *
 * Steps read "@15 1->4 (45) ScaleUpLimit": the time in seconds, the change, what kubectl shows as
 * the current value, the rule. KEDA's steps have its name instead of the value.
 */
#include "fake_world.h"

#include <stdlib.h>

#include "ferula/base/mem.h"

#define MAX_LOOKS 6

static struct scaling_policy pods_2_in_60[] = {
    {POLICY_PODS, 2, 60}
};
static struct scaling_policy half_in_60[] = {
    {POLICY_PERCENT, 50, 60}
};
static struct scaling_policy default_up[] = {
    {POLICY_PODS,    4,   15},
    {POLICY_PERCENT, 100, 15},
};
static struct scaling_policy default_down[] = {
    {POLICY_PERCENT, 100, 15}
};

#define UP(window, list)                                                                           \
    .up = {.window_s = (window), .policies = (list), .n_policies = COUNT(list), .tolerance = -1}
#define DOWN(window, list)                                                                         \
    .down = {.window_s = (window), .policies = (list), .n_policies = COUNT(list), .tolerance = -1}

static const struct behavior empty_behavior = {
    true, UP(0, default_up), DOWN(-1, default_down), {0}};
static const struct behavior slow_up = {true, UP(0, pods_2_in_60), DOWN(-1, default_down), {0}};
static const struct behavior fast_down = {true, UP(0, default_up), DOWN(0, half_in_60), {0}};
static const struct behavior window_up = {true, UP(60, default_up), DOWN(-1, default_down), {0}};

// clang-format off
static struct story {
    const char *name;
    struct piece m[MAX_PIECES], second[4];
    double threshold, second_threshold, activation;
    int min, max, start, poll_s, end_s;
    int cooldown_s, initial_cooldown_s, idle; /* 0: not given; idle is one more than written */
    enum target_type type;
    int ready_at_most;
    struct fallback fallback;
    const struct behavior *behavior;
    bool cached, strict; /* strict: ignoreNullValues false */
    const char *annotation;
    struct autoscale_versions versions; /* 0: the default ones */
    const char *steps;
    int looks[MAX_LOOKS];
    const char *seen; /* at the syncs of `looks`: replicas, shown, AbleToScale, ScalingLimited */
} stories[] = {
    {.name = "V1 a step up takes two syncs",
     .m = {{0, 45}},
     .start = 1,
     .end_s = 120,
     .steps = "@15 1->4 (45) ScaleUpLimit\n@30 4->5 (11250m) DesiredWithinRange\n",
     .looks = {45},
     .seen = "@45 5 (9) ReadyForNewScale DesiredWithinRange False\n"},
    {.name = "V2 to the maximum",
     .m = {{0, 150}},
     .start = 1,
     .end_s = 90,
     .steps = "@15 1->4 (150) ScaleUpLimit\n@30 4->8 (37500m) ScaleUpLimit\n"
              "@45 8->10 (18750m) TooManyReplicas\n",
     .looks = {60},
     .seen = "@60 10 (15) ReadyForNewScale TooManyReplicas True\n"},
    {.name = "V3 down after 300 s",
     .m = {{0, 0}},
     .start = 3,
     .end_s = 345,
     .steps = "@315 3->1 (0) TooFewReplicas\n",
     .looks = {15, 300, 330},
     .seen = "@15 3 (0) ScaleDownStabilized DesiredWithinRange False\n"
             "@300 3 (0) ScaleDownStabilized DesiredWithinRange False\n"
             "@330 1 (0) ReadyForNewScale TooFewReplicas True\n"},
    {.name = "V4 a rate window draining",
     .m = {{0, 150}, {60, 150, .slope = -1.25, .floor = 0.8}},
     .start = 10,
     .end_s = 600,
     .steps = "@405 10->8 (80m) ScaleDownStabilized\n@420 8->6 (100m) ScaleDownStabilized\n"
              "@435 6->4 (134m) ScaleDownStabilized\n@450 4->2 (200m) ScaleDownStabilized\n"
              "@465 2->1 (400m) DesiredWithinRange\n",
     .looks = {480},
     .seen = "@480 1 (800m) ReadyForNewScale DesiredWithinRange False\n"},
    {.name = "V5 the walkthrough's numbers",
     .m = {{0, 150},
           {60, 135},
           {75, 105},
           {90, 75},
           {105, 45},
           {120, 15},
           {135, 0.87},
           {390, 0.8},
           {405, 0.87},
           {420, 0.746},
           {435, 0.821}},
     .start = 10,
     .end_s = 440,
     .steps = "@375 10->8 (87m) ScaleDownStabilized\n@390 8->5 (100m) ScaleDownStabilized\n"
              "@405 5->2 (174m) ScaleDownStabilized\n@420 2->1 (373m) DesiredWithinRange\n",
     .looks = {435},
     .seen = "@435 1 (821m) ReadyForNewScale DesiredWithinRange False\n"},
    {.name = "V6 from and to zero",
     .m = {{0, 25}, {60, 0}},
     .min = -1,
     .cooldown_s = 90,
     .end_s = 150,
     .steps =
         "@0 keda 0->1 Activated\n@15 1->3 (25) DesiredWithinRange\n@135 keda 3->0 Deactivated\n",
     .looks = {30, 60, 120, 135},
     .seen = "@30 3 (8334m) ReadyForNewScale DesiredWithinRange False\n"
             "@60 3 (0) ScaleDownStabilized DesiredWithinRange False\n"
             "@120 3 (0) ScaleDownStabilized DesiredWithinRange False\n"
             "@135 0 <unknown> SucceededGetScale DesiredWithinRange False\n"},
    {.name = "V6b a cooldown longer than the stabilization",
     .m = {{0, 25}, {60, 0}},
     .min = -1,
     .cooldown_s = 400,
     .end_s = 465,
     .steps =
         "@0 keda 0->1 Activated\n@15 1->3 (25) DesiredWithinRange\n@345 3->1 (0) TooFewReplicas\n"
         "@450 keda 1->0 Deactivated\n"},
    {.name = "V7 activationThreshold is strict",
     .m = {{0, 5}, {15, 5.0}, {30, 5.001}, {45, 12}, {60, 4}},
     .activation = 5,
     .min = -1,
     .cooldown_s = 90,
     .end_s = 150,
     .steps =
         "@30 keda 0->1 Activated\n@45 1->2 (12) DesiredWithinRange\n@135 keda 2->0 Deactivated\n", .looks = {30},
     .seen = "@30 1 (5001m) ReadyForNewScale DesiredWithinRange False\n"},
    {.name = "V8 within the tolerance",
     .m = {{0, 36}, {20, 35.999}, {40, 43}, {60, 44}},
     .start = 4,
     .end_s = 90,
     .steps = "",
     .looks = {45, 60},
     .seen = "@45 4 (10750m) ReadyForNewScale DesiredWithinRange False\n"
             "@60 4 (11) ReadyForNewScale DesiredWithinRange False\n"},
    {.name = "V8 1.1 was outside until Kubernetes 1.32",
     .m = {{0, 44}},
     .start = 4,
     .end_s = 30,
     .versions = {22002, 132},
     .steps = "@15 4->5 (11) DesiredWithinRange\n"},
    {.name = "V8 just above the tolerance",
     .m = {{0, 44.001}},
     .start = 4,
     .end_s = 30,
     .steps = "@15 4->5 (11001m) DesiredWithinRange\n"    },
    {.name = "V8b nine tenths stay",
     .m = {{0, 91}, {60, 90}},
     .start = 10,
     .end_s = 900,
     .steps = ""},
    {.name = "V8b a bit less does not",
     .m = {{0, 91}, {50, 89}},
     .start = 10,
     .end_s = 900,
     .steps = "@345 10->9 (8900m) DesiredWithinRange\n",
     .looks = {360},
     .seen = "@360 9 (9889m) ReadyForNewScale DesiredWithinRange False\n"},
    {.name = "V9 polls and syncs count failures",
     .poll_s = 30,
     .m = {{0, 20}, {60, .kind = ANSWER_STATUS}, {150, 20}},
     .fallback = {true, 3, 6, FALLBACK_STATIC, {0}},
     .start = 2,
     .end_s = 450,
     .steps = "@90 2->4 (30) ScaleUpLimit\n@105 4->6 (15) DesiredWithinRange\n"
              "@435 6->2 (3334m) DesiredWithinRange\n", .looks = {60, 75, 120},
     .seen = "@60 2 <unknown> SucceededGetScale DesiredWithinRange False\n"
             "@75 2 <unknown> SucceededGetScale DesiredWithinRange False\n"
             "@120 6 (10) ReadyForNewScale DesiredWithinRange False\n"},
    {.name = "V9b only syncs did until KEDA 2.18",
     .poll_s = 30,
     .m = {{0, 20}, {60, .kind = ANSWER_STATUS}, {150, 20}},
     .fallback = {true, 3, 6, FALLBACK_STATIC, {0}},
     .start = 2,
     .end_s = 450,
     .versions = {21803, 133},
     .steps = "@105 2->4 (30) ScaleUpLimit\n@120 4->6 (15) DesiredWithinRange\n"
              "@435 6->2 (3334m) DesiredWithinRange\n"},
    {.name = "V10 a fallback below what there is",
     .m = {{0, 80}, {60, .kind = ANSWER_STATUS}},
     .fallback = {true, 1, 3, FALLBACK_STATIC, {0}},
     .start = 8,
     .end_s = 360,
     .steps = "@345 8->3 (3750m) DesiredWithinRange\n"},
    {.name = "V10 currentReplicasIfHigher",
     .m = {{0, 80}, {60, .kind = ANSWER_STATUS}},
     .fallback = {true, 1, 3, FALLBACK_CURRENT_IF_HIGHER, {0}},
     .start = 8,
     .end_s = 600,
     .steps = "",
     .looks = {345},
     .seen = "@345 8 (10) ReadyForNewScale DesiredWithinRange False\n"},
    {.name = "V11 a fallback wakes up",
     .m = {{0, .kind = ANSWER_STATUS}, {40, 25}},
     .min = -1,
     .fallback = {true, 2, 4, FALLBACK_STATIC, {0}},
     .end_s = 60,
     .steps = "@30 keda 0->1 FallbackActivated\n@30 1->4 (40) DesiredWithinRange\n",
     .looks = {45},
     .seen = "@45 4 (6250m) ScaleDownStabilized DesiredWithinRange False\n"},
    {.name = "V12 an error without fallback",
     .m = {{0, 45}, {60, .kind = ANSWER_STATUS}},
     .start = 5,
     .end_s = 900,
     .steps = "",
     .looks = {60},
     .seen = "@60 5 <unknown> SucceededGetScale DesiredWithinRange False\n"},
    {.name = "V13 two pods a minute",
     .m = {{0, 100}},
     .behavior = &slow_up,
     .start = 1,
     .end_s = 300,
     .steps =
         "@15 1->3 (100) ScaleUpLimit\n@75 3->5 (33334m) ScaleUpLimit\n@135 5->7 (20) ScaleUpLimit\n"
         "@195 7->9 (14286m) ScaleUpLimit\n@255 9->10 (11112m) DesiredWithinRange\n",
     .looks = {30},
     .seen = "@30 3 (33334m) ReadyForNewScale ScaleUpLimit True\n"},
    {.name = "V14 half a minute",
     .m = {{0, 0}},
     .behavior = &fast_down,
     .start = 10,
     .end_s = 300,
     .steps =
         "@15 10->5 (0) ScaleDownLimit\n@75 5->2 (0) ScaleDownLimit\n@135 2->1 (0) TooFewReplicas\n"},
    {.name = "V15 a window for growing",
     .m = {{0, 10}, {60, 50}},
     .behavior = &window_up,
     .start = 1,
     .end_s = 150,
     .steps = "@105 1->5 (50) DesiredWithinRange\n",
     .looks = {60, 75, 90},
     .seen = "@60 1 (50) ScaleUpStabilized DesiredWithinRange False\n"
             "@75 1 (50) ScaleUpStabilized DesiredWithinRange False\n"
             "@90 1 (50) ScaleUpStabilized DesiredWithinRange False\n"},
    {.name = "V16 behavior: {} is faster",
     .m = {{0, 150}},
     .behavior = &empty_behavior,
     .start = 1,
     .end_s = 60,
     .steps = "@15 1->5 (150) ScaleUpLimit\n@30 5->10 (30) TooManyReplicas\n"},
    {.name = "V17 a Value does not fall with the replicas",
     .m = {{0, 30}},
     .threshold = 20,
     .type = METRIC_VALUE,
     .start = 4,
     .end_s = 90,
     .steps = "@15 4->6 (30) DesiredWithinRange\n@30 6->9 (30) DesiredWithinRange\n"
              "@45 9->10 (30) TooManyReplicas\n"},
    {.name = "V17 only ready pods count",
     .m = {{0, 30}},
     .threshold = 20,
     .type = METRIC_VALUE,
     .ready_at_most = 2,
     .start = 4,
     .end_s = 330,
     .steps = "@315 4->3 (30) DesiredWithinRange\n"},
    {.name = "V18 idle",
     .m = {{0, 0}, {60, 35}},
     .idle = 1,
     .min = 2,
     .cooldown_s = 30,
     .start = 3,
     .end_s = 75,
     .steps =
         "@0 keda 3->0 Idled\n@60 keda 0->2 Activated\n@60 2->4 (17500m) DesiredWithinRange\n"},
    {.name = "V19 initialCooldownPeriod",
     .m = {{0, 0}},
     .min = -1,
     .initial_cooldown_s = 120,
     .start = 3,
     .end_s = 150,
     .steps = "@120 keda 3->0 DeactivatedInitially\n"},
    {.name = "V20 useCachedMetrics",
     .m = {{0, 10}, {70, 50}},
     .cached = true,
     .poll_s = 60,
     .start = 1,
     .end_s = 180,
     .steps = "@120 1->4 (50) ScaleUpLimit\n@135 4->5 (12500m) DesiredWithinRange\n",
     .looks = {105},
     .seen = "@105 1 (10) ReadyForNewScale DesiredWithinRange False\n"},
    {.name = "V21 above the maximum",
     .m = {{0, 12}},
     .start = 12,
     .end_s = 330,
     .steps = "@15 12->10 <unknown> AboveMaxReplicas\n@315 10->2 (1200m) DesiredWithinRange\n",
     .looks = {30},
     .seen = "@30 10 (1200m) ScaleDownStabilized TooManyReplicas True\n"},
    {.name = "V22 two triggers: the highest",
     .m = {{0, 45}},
     .second = {{0, 90}},
     .second_threshold = 30,
     .start = 4,
     .end_s = 60,
     .steps = "@15 4->5 (11250m) DesiredWithinRange\n"},
    {.name = "V22 an error keeps it up",
     .m = {{0, .kind = ANSWER_STATUS}},
     .second = {{0, 90}},
     .second_threshold = 30,
     .start = 5,
     .end_s = 600,
     .steps = ""},
    {.name = "V22 an error does not keep it from staying",
     .m = {{0, .kind = ANSWER_STATUS}},
     .second = {{0, 90}},
     .second_threshold = 30,
     .start = 3,
     .end_s = 60,
     .steps = "",
     .looks = {15},
     .seen = "@15 3 <unknown> ReadyForNewScale DesiredWithinRange False\n"},
    {.name = "V23 paused-scale-in",
     .m = {{0, 0}},
     .annotation = "autoscaling.keda.sh/paused-scale-in",
     .min = -1,
     .start = 10,
     .end_s = 600,
     .steps = "",
     .looks = {300, 315},
     .seen = "@300 10 (0) ScaleDownStabilized DesiredWithinRange False\n"
             "@315 10 (0) ReadyForNewScale ScaleDownLimit True\n"},
    {.name = "V24 NaN is 0",
     .m = {{0, NAN}},
     .start = 3,
     .end_s = 330,
     .steps = "@315 3->1 (0) TooFewReplicas\n"},
    {.name = "V24 infinity is 0",
     .m = {{0, INFINITY}},
     .start = 3,
     .end_s = 330,
     .steps = "@315 3->1 (0) TooFewReplicas\n"},
    {.name = "V24 nothing is 0",
     .m = {{0, 7, .n = -1}},
     .start = 3,
     .end_s = 330,
     .steps = "@315 3->1 (0) TooFewReplicas\n"},
    {.name = "V24 NaN is an error",
     .m = {{0, NAN}},
     .strict = true,
     .start = 3,
     .end_s = 330,
     .steps = "",
     .looks = {15},
     .seen = "@15 3 <unknown> SucceededGetScale  Unknown\n"},
    {.name = "V24 nothing is an error",
     .m = {{0, 7, .n = -1}},
     .strict = true,
     .start = 3,
     .end_s = 330,
     .steps = "",
     .looks = {15},
     .seen = "@15 3 <unknown> SucceededGetScale  Unknown\n"},
    {.name = "V24 two elements are an error",
     .m = {{0, 7, .n = 1}},
     .start = 3,
     .end_s = 330,
     .steps = "",
     .looks = {15},
     .seen = "@15 3 <unknown> SucceededGetScale  Unknown\n"},
    {.name = "V25 what ten replicas show",
     .m = {{0, 57.9215}},
     .start = 10,
     .end_s = 20,
     .steps = "",
     .looks = {15},
     .seen = "@15 10 (5793m) ScaleDownStabilized DesiredWithinRange False\n"},
    {.name = "V25 the walkthrough's",
     .m = {{0, 57.92}},
     .start = 10,
     .end_s = 20,
     .steps = "",
     .looks = {15},
     .seen = "@15 10 (5792m) ScaleDownStabilized DesiredWithinRange False\n"},
    {.name = "forced activation",
     .m = {{0, 0}},
     .annotation = "autoscaling.keda.sh/force-activation",
     .min = -1,
     .end_s = 600,
     .steps = "@0 keda 0->1 ForceActivated\n"},
    {.name = "paused-scale-out",
     .m = {{0, 50}},
     .annotation = "autoscaling.keda.sh/paused-scale-out",
     .min = -1,
     .end_s = 600,
     .steps = ""},
    {.name = "paused",
     .m = {{0, 50}},
     .annotation = "autoscaling.keda.sh/paused",
     .start = 2,
     .end_s = 600,
     .steps = ""},
    {.name = "paused-replicas",
     .m = {{0, 50}},
     .annotation = "autoscaling.keda.sh/paused-replicas",
     .start = 2,
     .end_s = 600,
     .steps = "@0 keda 2->1 PausedReplicas\n"},
    {.name = "raised to the minimum",
     .m = {{0, 0}},
     .min = 5,
     .start = 1,
     .end_s = 30,
     .steps = "@0 keda 1->5 RaisedToMin\n"},
};
// clang-format on

/* A ScaledObject and all that it points to. */
struct built {
    struct scaled_object object;
    struct trigger triggers[2];
    struct pair_at metadata[2][5], annotations[1];
    char texts[2][3][32];
};

static void build_trigger(struct built *b, size_t i, const struct story *s, double threshold)
{
    char *target = b->texts[i][0], *activation = b->texts[i][1];

    (void)snprintf(target, sizeof(b->texts[0][0]), "%.17g", threshold);
    (void)snprintf(activation, sizeof(b->texts[0][0]), "%.17g", s->activation);
    b->metadata[i][0] = (struct pair_at){text_of("serverAddress"), text_of("http://prometheus")};
    b->metadata[i][1] = (struct pair_at){text_of("query"), text_of("m")};
    b->metadata[i][2] = (struct pair_at){text_of("threshold"), text_of(target)};
    b->metadata[i][3] = (struct pair_at){text_of("activationThreshold"), text_of(activation)};
    b->metadata[i][4] =
        (struct pair_at){text_of("ignoreNullValues"), text_of(s->strict ? "false" : "true")};
    b->triggers[i] = (struct trigger){
        .type = text_of("prometheus"),
        .metadata = {b->metadata[i], 5},
        .metric_type = s->type,
        .use_cached_metrics = s->cached,
    };
}

static void build(struct built *b, const struct story *s)
{
    build_trigger(b, 0, s, s->threshold > 0 ? s->threshold : 10);
    build_trigger(b, 1, s, s->second_threshold);
    b->annotations[0] = (struct pair_at){text_of(s->annotation), text_of("1")};
    b->object = (struct scaled_object){
        .name = text_of("app"),
        .ns = text_of("demo"),
        .annotations = {b->annotations,              s->annotation != NULL},
        .polling_interval_s = number_of(s->poll_s > 0 ? s->poll_s : 15),
        .min_replicas = number_of(s->min == 0 ? 1 : MAX(s->min, 0)),
        .max_replicas = number_of(s->max > 0 ? s->max : 10),
        .cooldown_s = {.v = s->cooldown_s,                           .given = s->cooldown_s > 0},
        .initial_cooldown_s = {.v = s->initial_cooldown_s,.given = s->initial_cooldown_s > 0},
        .idle_replicas = {.v = s->idle - 1,  .given = s->idle > 0},
        .fallback = s->fallback,
        .behavior = s->behavior != NULL ? *s->behavior : (struct behavior){0                          },
        .triggers = b->triggers,
        .n_triggers = s->second_threshold > 0 ? 2 : 1,
    };
}

static void add_shown(struct buf *b, const struct sim_event *ev)
{
    if (ev->metrics[0].shown_milli == INT64_MIN) {
        buf_puts(b, " <unknown>");
        return;
    }
    buf_puts(b, " (");
    quantity_print(b, ev->metrics[0].shown_milli);
    buf_putc(b, ')');
}

static void add_step(struct buf *b, const struct sim_event *ev)
{
    buf_addf(b, "@%d%s %d->%d", (int)((ev->t - T0) / 1000), ev->actor == ACTOR_KEDA ? " keda" : "",
             ev->before, ev->after);
    if (ev->actor == ACTOR_HPA)
        add_shown(b, ev);
    buf_addf(b, " %s\n", reason_name(ev->reason));
}

static void add_look(struct buf *b, const struct sim_event *ev)
{
    static const char *const statuses[] = {"Unknown", "True", "False"};

    buf_addf(b, "@%d %d", (int)((ev->t - T0) / 1000), ev->after);
    add_shown(b, ev);
    buf_addf(b, " %s %s %s\n", ev->able_to_scale.reason,
             ev->scaling_limited.reason == NULL ? "" : ev->scaling_limited.reason,
             statuses[ev->scaling_limited.status]);
}

static bool looked_at(const struct story *s, const struct sim_event *ev)
{
    for (size_t i = 0; i < MAX_LOOKS; i++)
        if (s->looks[i] > 0 && ev->t == T0 + s->looks[i] * 1000)
            return ev->actor == ACTOR_HPA;
    return false;
}

/* One run of a story, and what was seen of it. */
struct seen {
    const struct story *story;
    struct buf steps, looks, all;
};

/* All of an event, so that runs can be compared. */
static void add_all(struct buf *b, const struct sim_event *ev)
{
    const struct condition *const conditions[] = {
        &ev->ready,      &ev->active_cond,   &ev->fallback_cond,  &ev->paused,
        &ev->hpa_active, &ev->able_to_scale, &ev->scaling_active, &ev->scaling_limited};

    buf_addf(b, "%lld %d %d %d %d %d %d " STR_FMT "\n", (long long)ev->t, (int)ev->actor,
             ev->before, ev->after, ev->desired, ev->proposal, (int)ev->reason, STR_ARG(ev->note));
    for (size_t i = 0; i < COUNT(conditions); i++)
        buf_addf(b, "%d " STR_FMT "\n", (int)conditions[i]->status,
                 STR_ARG(conditions[i]->message));
    for (size_t i = 0; i < ev->n_metrics; i++)
        buf_addf(b, "%lld " STR_FMT "\n", (long long)ev->metrics[i].verdict.milli,
                 STR_ARG(ev->metrics[i].verdict.why));
}

static int see(void *ctx, const struct sim_event *ev)
{
    struct seen *x = ctx;

    assert_true(ev->note.n > 0);
    if (ev->before != ev->after)
        add_step(&x->steps, ev);
    if (looked_at(x->story, ev))
        add_look(&x->looks, ev);
    add_all(&x->all, ev);
    return 0;
}

static void seen_release(struct seen *x)
{
    buf_release(&x->steps);
    buf_release(&x->looks);
    buf_release(&x->all);
}

/* With a sink nothing is kept. */
static void run_story(const struct story *s, bool sinks, struct seen *out)
{
    struct built *b = xnew(struct built);
    struct arena arena = {0};
    struct fake fake = {
        .pieces = {s->m, s->second},
        .replicas = s->start,
        .ready_at_most = s->ready_at_most,
        .last = INT64_MIN
    };
    struct autoscale_versions versions = AUTOSCALE_VERSIONS_DEFAULT;
    struct sim_setup setup = {
        .object = &b->object,
        .versions = s->versions.keda > 0 ? s->versions : versions,
        .world = fake_world(&fake),
        .start = T0,
        .end = T0 + s->end_s * 1000,
        .replicas = s->start,
        .sink = sinks ? see : NULL,
        .sink_ctx = out,
    };
    struct sim_trace trace;
    struct fault f = {0};

    *out = (struct seen){.story = s};
    build(b, s);
    if (sim_run(&arena, &setup, &trace, &f) != 0)
        fail_msg("%s", f.text);
    assert_true(!sinks || trace.n_events == 0);
    for (size_t i = 0; i < trace.n_events; i++)
        see(out, &trace.events[i]);
    arena_release(&arena);
    free(b);
}

static void test_story(void **state)
{
    const struct story *s = *state;
    struct seen kept, sunk;

    run_story(s, false, &kept);
    run_story(s, true, &sunk);
    assert_str(buf_str(&kept.steps), s->steps);
    assert_str(buf_str(&kept.looks), s->seen == NULL ? "" : s->seen);
    assert_str(buf_str(&sunk.all), kept.all.p);
    seen_release(&kept);
    seen_release(&sunk);
}

static int count_event(void *ctx, const struct sim_event *ev)
{
    (void)ev;
    ++*(size_t *)ctx;
    return 0;
}

/* A trigger fails for all but the first minute, which has the longest texts. */
static void test_sixty_days(void **state)
{
    const struct story s = {
        .m = {{0, 25}, {60, 0, ANSWER_ERROR}},
          .start = 3, .poll_s = 30
    };
    struct built *b = xnew(struct built);
    struct arena arena = {0};
    struct fake fake = {.pieces = {s.m}, .replicas = 3, .last = INT64_MIN};
    size_t n_events = 0;
    struct sim_setup setup = {
        .object = &b->object,
        .versions = AUTOSCALE_VERSIONS_DEFAULT,
        .world = fake_world(&fake),
        .start = T0,
        .end = T0 + (ts_ms)60 * 86400000,
        .replicas = 3,
        .sink = count_event,
        .sink_ctx = &n_events,
    };
    struct sim_trace trace;
    struct fault f = {0};

    (void)state;
    build(b, &s);
    assert_int_equal(sim_run(&arena, &setup, &trace, &f), 0);
    assert_int_equal(n_events, 60 * 86400 / 15 + 60 * 86400 / 30 + 1);
    assert_true(arena.used_bytes < 16384 && trace.event_bytes < 32768);
    arena_release(&arena);
    free(b);
}

static int stop_at_once(void *ctx, const struct sim_event *ev)
{
    (void)ctx, (void)ev;
    return FER_EIO;
}

static void test_sink_ends_it(void **state)
{
    struct built *b = xnew(struct built);
    struct arena arena = {0};
    struct fake fake = {.pieces = {stories[0].m}, .replicas = 1, .last = INT64_MIN};
    struct sim_setup setup = {.object = &b->object,
                              .versions = AUTOSCALE_VERSIONS_DEFAULT,
                              .world = fake_world(&fake),
                              .start = T0,
                              .end = T0 + 60000,
                              .replicas = 1,
                              .sink = stop_at_once};
    struct sim_trace trace;
    struct fault f = {0};

    (void)state;
    build(b, &stories[0]);
    assert_int_equal(sim_run(&arena, &setup, &trace, &f), FER_EIO);
    assert_int_equal(fake.last, T0);
    arena_release(&arena);
    free(b);
}

int main(void)
{
    static struct cases c;

    cases_add(&c, "sixty days in bounded memory", test_sixty_days, NULL);
    cases_add(&c, "a sink ends it", test_sink_ends_it, NULL);
    CASES_ADD_TABLE(&c, stories, test_story, name);
    return CASES_RUN("sim", &c);
}
