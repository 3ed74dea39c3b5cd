/*
 * test_manifest.c - ScaledObjects and what belongs to them, read from YAML and JSON.
 */
#include "cases.h"

#include <stdio.h>

#include "ferula/autoscale/manifest.h"

#define SO                                                                                         \
    "apiVersion: keda.sh/v1alpha1\n"                                                               \
    "kind: ScaledObject\n"                                                                         \
    "metadata:\n"                                                                                  \
    "  name: a\n"                                                                                  \
    "spec:\n"                                                                                      \
    "  scaleTargetRef: {name: app}\n"

#define TRIGGER                                                                                    \
    "  triggers:\n"                                                                                \
    "  - type: prometheus\n"                                                                       \
    "    metadata: {serverAddress: http://p, query: up, threshold: \"1\"}\n"

#define HPA                                                                                        \
    "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\n"             \
    "spec: {scaleTargetRef: {name: x, kind: Rc}, "
#define AUTH                                                                                       \
    "apiVersion: keda.sh/v1alpha1\nkind: TriggerAuthentication\nmetadata: {name: a}\nspec: {"
#define BEHAVIOR(rules)                                                                            \
    "  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {" rules "}}}}\n"
#define PATH "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown."

struct reading_case {
    struct arena arena;
    struct manifests m;
    struct complaints c;
    struct fault f;
    int rc;
};

static void read_text(struct reading_case *t, const char *text)
{
    *t = (struct reading_case){0};
    t->rc = manifests_read(&t->arena, str_of(text), "f.yaml", &t->m, &t->c, &t->f);
}

/* ---- the walkthrough's object, field by field ------------------------------------------- */

static const char walkthrough[] =
    "---\n"
    "# Source: chart/templates/03-scaled-object.yaml\n"
    "apiVersion: keda.sh/v1alpha1\n"
    "kind: ScaledObject\n"
    "metadata:\n"
    "  name: prometheus-scaler\n"
    "  namespace: keda-demo\n"
    "  annotations:\n"
    "    autoscaling.keda.sh/paused: \"false\"\n"
    "spec:\n"
    "  scaleTargetRef:\n"
    "    name: sample-app\n"
    "  minReplicaCount: 1\n"
    "  maxReplicaCount: 10\n"
    "  pollingInterval: 15\n"
    "  cooldownPeriod: 90\n"
    "  triggers:\n"
    "    - type: prometheus\n"
    "      metadata:\n"
    "        serverAddress: {{ PROMETHEUS_QUERY_ENDPOINT }}\n"
    "        query: sum(rate(http_requests_total{namespace=\"keda-demo\"}[2m]))\n"
    "        threshold: \"10\"\n"
    "      authenticationRef:\n"
    "        name: prometheus-auth\n"
    "---\n"
    "apiVersion: keda.sh/v1alpha1\n"
    "kind: TriggerAuthentication\n"
    "metadata:\n"
    "  name: prometheus-auth\n"
    "  namespace: keda-demo\n"
    "spec:\n"
    "  podIdentity:\n"
    "    provider: azure-workload\n"
    "    identityId: <PROMETHEUS_WORKLOAD_IDENTITY_CLIENT_ID>\n"
    "---\n"
    "apiVersion: v1\n"
    "kind: Service\n"
    "metadata: {name: sample-app}\n";

static void test_walkthrough(void **state)
{
    struct reading_case t;
    const struct scaled_object *so;
    const struct trigger *trigger;

    (void)state;
    read_text(&t, walkthrough);
    assert_int_equal(t.rc, 0);
    assert_int_equal(t.m.n_scaled_objects, 1);
    assert_int_equal(t.m.n_auths, 1);
    assert_int_equal(t.m.n_passed_over, 1);
    so = &t.m.scaled_objects[0];
    assert_str(so->name.s, "prometheus-scaler");
    assert_str(so->ns.s, "keda-demo");
    assert_int_equal(so->at.line, 3);
    assert_str(so->target_name.s, "sample-app");
    assert_str(so->target_kind.s, "Deployment");
    assert_int_equal(so->min_replicas.v, 1);
    assert_int_equal(so->max_replicas.v, 10);
    assert_int_equal(so->polling_interval_s.v, 15);
    assert_int_equal(so->cooldown_s.v, 90);
    assert_int_equal(so->cooldown_s.at.line, 16);
    assert_int_equal(so->cooldown_s.at.column, 19);
    assert_false(so->idle_replicas.given);
    assert_str(pairs_get(&so->annotations, "autoscaling.keda.sh/paused"), "false");
    assert_int_equal(so->n_triggers, 1);
    trigger = &so->triggers[0];
    assert_str(trigger->type.s, "prometheus");
    assert_int_equal(trigger->metric_type, METRIC_AVERAGE_VALUE);
    assert_str(trigger->authentication.s, "prometheus-auth");
    assert_str(pairs_get(&trigger->metadata, "serverAddress"), "{{ PROMETHEUS_QUERY_ENDPOINT }}");
    assert_str(pairs_get(&trigger->metadata, "query"),
               "sum(rate(http_requests_total{namespace=\"keda-demo\"}[2m]))");
    assert_null(pairs_find(&trigger->metadata, "activationThreshold"));
    assert_str(t.m.auths[0].provider.s, "azure-workload");
    assert_str(t.m.auths[0].identity_id.s, "<PROMETHEUS_WORKLOAD_IDENTITY_CLIENT_ID>");
    assert_int_equal(t.c.n, 1); /* the placeholder that is not quoted */
    assert_false(t.c.v[0].fatal);
    assert_int_equal(t.c.v[0].at.line, 20);
    arena_release(&t.arena);
}

/* ---- complaints ------------------------------------------------------------------------- */

// clang-format off
static struct complaint_case {
    const char *text; /* names the test, too */
    int line;
    bool fatal;
    const char *want; /* NULL: none */
} complaint_cases[] = {
    {SO TRIGGER, 0, false, NULL},
    {"apiVersion: v1\n", 0, false, NULL},
    {"- a\n", 0, false, NULL},
    {"on: push\njobs: {}\n", 0, false, NULL},
    {"apiVersion: keda.sh/v1alpha1\n", 1, true, "error validating data: kind not set"},
    {"kind: ScaledObject\n", 1, true, "error validating data: apiVersion not set"},
    {"apiVersion: keda.sh/v1\nkind: ScaledObject\n", 1, true,
     "no matches for kind \"ScaledObject\" in version \"keda.sh/v1\""},
    {SO, 6, true, "spec.triggers: Required value"},
    {SO "  triggers: []\n", 7, true,
     "spec.triggers: Invalid value: 0: spec.triggers in body should have at least 1 items"},
    {SO "  minReplicaCount: \"1\"\n" TRIGGER, 7, true,
     "spec.minReplicaCount: Invalid value: \"string\": spec.minReplicaCount in body must be of type "
     "integer: \"string\""},
    {SO "  pollingInterval: 0\n" TRIGGER, 7, true,
     "spec.pollingInterval: Invalid value: 0: spec.pollingInterval in body should be greater than "
     "or equal to 1"},
    {SO "  maxReplicaCount: 3000000000\n" TRIGGER, 7, true,
     "spec.maxReplicaCount: Invalid value: 3000000000: spec.maxReplicaCount in body should be less "
     "than or equal to 2147483647"},
    {SO "  minReplicas: 1\n" TRIGGER, 7, false, "unknown field \"spec.minReplicas\""},
    {SO "  minReplicaCount: 3\n  maxReplicaCount: 2\n" TRIGGER, 7, true,
     "MinReplicaCount=3 must be less than MaxReplicaCount=2"},
    {SO "  minReplicaCount: 2\n  idleReplicaCount: 2\n" TRIGGER, 8, true,
     "IdleReplicaCount=2 must be less than MinReplicaCount=2"},
    {SO "  minReplicaCount: 0\n  idleReplicaCount: 0\n" TRIGGER, 0, false, NULL},
    {SO "  idleReplicaCount: 0\n" TRIGGER, 7, true,
     "IdleReplicaCount=0 must be less than MinReplicaCount=0"},
    {SO "  triggers: [{type: cron}]\n", 7, true, "spec.triggers[0].metadata: Required value"},
    {SO "  triggers: [{type: x, metadata: {threshold: 10}}]\n", 7, true,
     "spec.triggers[0].metadata.threshold: Invalid value: \"integer\": "
     "spec.triggers[0].metadata.threshold in body must be of type string: \"integer\""},
    {SO "  triggers: [{type: x, metadata: {b: yes}}]\n", 7, true,
     "spec.triggers[0].metadata.b: Invalid value: \"boolean\": spec.triggers[0].metadata.b in body "
     "must be of type string: \"boolean\""},
    {SO "  triggers: [{type: cpu, metadata: {}, useCachedMetrics: true}]\n  minReplicaCount: 1\n", 7,
     true, "property \"useCachedMetrics\" is not supported for \"cpu\" scaler"},
    {SO "  triggers: [{type: cpu, metadata: {}}]\n", 7, true,
     "scaledobject has only cpu/memory triggers AND minReplica is 0 (scale to zero doesn't work in "
     "this case)"},
    {SO "  triggers: [{type: x, name: q, metadata: {}}, {type: x, name: q, metadata: {}}]\n", 7, true,
     "triggerName \"q\" is defined multiple times in the ScaledObject/ScaledJob, but it must be "
     "unique"},
    {SO "  triggers: [{type: x, metadata: {}, metricType: Utilization}]\n", 7, true,
     "error getting scaler metric type: 'Utilization' metric type is unsupported for external "
     "metrics, allowed values are 'Value' or 'AverageValue'"},
    {SO "  fallback: {replicas: 2}\n" TRIGGER, 7, true,
     "spec.fallback.failureThreshold: Required value"},
    {SO "  fallback: {replicas: 2, failureThreshold: 1, behavior: x}\n" TRIGGER, 7, true,
     "spec.fallback.behavior: Unsupported value: \"x\": supported values: \"static\", "
     "\"currentReplicas\", \"currentReplicasIfHigher\", \"currentReplicasIfLower\", "
     "\"scalingModifiers\""},
    {SO "  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: "
        "{stabilizationWindowSeconds: 4000}}}}\n" TRIGGER,
     7, true,
     "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds: "
     "Invalid value: 4000: must be less than or equal to 3600"},
    {"apiVersion: keda.sh/v1alpha1\nkind: TriggerAuthentication\nmetadata: {name: a}\n"
     "spec: {podIdentity: {provider: azure}}\n",
     4, true,
     "spec.podIdentity.provider: Unsupported value: \"azure\": supported values: "
     "\"azure-workload\", \"gcp\", \"aws\", \"aws-eks\", \"none\""},
    {"apiVersion: keda.sh/v1alpha1\nkind: TriggerAuthentication\n"
     "metadata: {name: a, annotations: {x: 1}}\nspec: {}\n",
     3, true,
     "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.annotations of type "
     "string"},
    {"apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\n"
     "spec: {scaleTargetRef: {name: x, kind: Deployment}, minReplicas: 3, maxReplicas: 2}\n",
     4, true, "spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`"},
    {AUTH "podIdentity: {provider: azure-workload, identityId: ''}}\n", 4, true,
     "identityId of PodIdentity should not be empty. If it's set, identityId has to be different than "
     "\"\""},
    {AUTH "podIdentity: {provider: azure-workload, identityAuthorityHost: h}}\n", 4, true,
     "identityTenantID of PodIdentity should not be nil or empty when identityAuthorityHost of "
     "PodIdentity is set"},
    {AUTH "podIdentity: {provider: azure-workload, identityTenantId: ''}}\n", 4, true,
     "identityTenantId of PodIdentity should not be empty. If it's set, identityTenantId has to be "
     "different than \"\""},
    {AUTH "podIdentity: {provider: aws, roleArn: r, identityOwner: workload}}\n", 4, true,
     "roleArn of PodIdentity can't be set if KEDA isn't identityOwner"},
    {AUTH "podIdentity: {provider: aws, externalID: e}}\n", 4, true,
     "externalID of PodIdentity requires roleArn to be set"},
    {AUTH "podIdentity: {provider: gcp, identityId: ''}}\n", 0, false, NULL},
    {AUTH "secretTargetRef: {parameter: p}}\n", 4, true,
     "spec.secretTargetRef: Invalid value: \"object\": spec.secretTargetRef in body must be of type "
     "array: \"object\""},
    {AUTH "secretTargetRef: [{parameter: p, name: m}]}\n", 4, true,
     "spec.secretTargetRef[0].key: Required value"},
    {AUTH "env: [{parameter: p, name: m, key: k}]}\n", 4, false, "unknown field \"spec.env[0].key\""},
    {SO TRIGGER "  advanced: {restoreToOriginalReplicaCount: 'true'}\n", 10, true,
     "spec.advanced.restoreToOriginalReplicaCount: Invalid value: \"string\": "
     "spec.advanced.restoreToOriginalReplicaCount in body must be of type boolean: \"string\""},
    {HPA "minReplicas: 0, maxReplicas: 2}\n", 4, true,
     "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"},
    {HPA "maxReplicas: 0}\n", 4, true, "spec.maxReplicas: Invalid value: 0: must be greater than 0"},
    {HPA "maxReplicas: 2, behavior: {scaleUp: {policies: []}}}\n", 4, true,
     "spec.behavior.scaleUp.policies: Required value: must specify at least one Policy"},
    {HPA "maxReplicas: 2, behavior: {scaleUp: {tolerance: 0.05}}}\n", 0, false, NULL},
    {"apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\n"
     "spec: {scaleTargetRef: {name: x}, maxReplicas: 2}\n",
     4, true, "spec.scaleTargetRef.kind: Required value"},
    {"apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\nspec: "
     "{scaleTargetRef: {name: x, kind: Rc}, maxReplicas: 2, targetCPUUtilizationPercentage: 8}\n",
     0, false, NULL},
    {SO TRIGGER BEHAVIOR("stabilizationWindowSeconds: -1"), 10, true,
     PATH "stabilizationWindowSeconds: Invalid value: -1: must be greater than or equal to zero"},
    {SO TRIGGER BEHAVIOR("policies: []"), 0, false, NULL},
    {SO TRIGGER BEHAVIOR("tolerance: '1e-1'"), 0, false, NULL},
    {SO TRIGGER BEHAVIOR("tolerance: 0.05"), 10, true,
     PATH "tolerance: Invalid value: \"number\": " PATH
     "tolerance in body must be of type integer,string: \"number\""},
    {SO TRIGGER BEHAVIOR("tolerance: m"), 10, true,
     PATH "tolerance: Invalid value: \"m\": quantities must match the regular expression "
     "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"},
    {SO TRIGGER BEHAVIOR("tolerance: -50m"), 10, true,
     PATH "tolerance: Invalid value: \"-50m\": must be greater than or equal to 0"},
    {SO TRIGGER "  advanced: {scalingModifiers: {formula: ''}}\n", 0, false, NULL},
    {SO TRIGGER "  advanced: {scalingModifiers: {target: '1'}}\n", 10, true,
     "error ScalingModifiers.Formula is mandatory"},
    {SO "  triggers: [{type: '', metadata: {}}]\n", 7, true,
     "spec.triggers[0].type: Invalid value: \"\": spec.triggers[0].type in body should be at least "
     "1 chars long"},
    {"apiVersion: keda.sh/v1alpha1\nkind: Scaledobject\n", 1, true,
     "no matches for kind \"Scaledobject\" in version \"keda.sh/v1alpha1\""},
    {"apiVersion: keda.sh/v1\nkind: TriggerAuthentication\n", 1, true,
     "no matches for kind \"TriggerAuthentication\" in version \"keda.sh/v1\""},
    {"apiVersion: keda.sh/v1alpha1\nkind: ScaledJob\n", 0, false, NULL},
    {"apiVersion: keda.sh/v1alpha1\nkind: ScaledObjectList\nitems: []\n", 0, false, NULL},
    {SO TRIGGER "---\n" SO TRIGGER, 11, false,
     "the ScaledObject \"a\" is in the file twice, first in line 1"},
};
// clang-format on

static void test_complaint(void **state)
{
    const struct complaint_case *c = *state;
    struct reading_case t;

    read_text(&t, c->text);
    assert_int_equal(t.rc, 0);
    if (c->want == NULL) {
        assert_int_equal(t.c.n, 0);
    } else {
        assert_true(t.c.n >= 1);
        assert_str(t.c.v[0].text, c->want);
        assert_int_equal(t.c.v[0].at.line, c->line);
        assert_int_equal(t.c.v[0].fatal, c->fatal);
        assert_int_equal(t.c.n, 1);
    }
    arena_release(&t.arena);
}

/* ---- lists, JSON and what kubectl adds -------------------------------------------------- */

static void test_list(void **state)
{
    struct reading_case t;

    (void)state;
    read_text(&t, "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"metadata\": {},"
                  " \"items\": [{\"apiVersion\": \"keda.sh/v1alpha1\", \"kind\": \"ScaledObject\","
                  " \"metadata\": {\"name\": \"a\", \"managedFields\": [{}], \"uid\": \"u\"},"
                  " \"spec\": {\"scaleTargetRef\": {\"name\": \"x\"}, \"triggers\":"
                  " [{\"type\": \"cron\", \"metadata\": {}}]}, \"status\": {\"conditions\": []}},"
                  " {\"apiVersion\": \"v1\", \"kind\": \"Pod\"}]}");
    assert_int_equal(t.rc, 0);
    assert_int_equal(t.c.n, 0);
    assert_int_equal(t.m.n_scaled_objects, 1);
    assert_int_equal(t.m.n_passed_over, 1);
    arena_release(&t.arena);
}

/* ---- behavior's defaults ---------------------------------------------------------------- */

static void test_behavior(void **state)
{
    struct reading_case t;
    const struct behavior *b;

    (void)state;
    read_text(&t, SO TRIGGER "  advanced:\n    horizontalPodAutoscalerConfig:\n      behavior:\n"
                             "        scaleDown:\n          selectPolicy: Min\n"
                             "          tolerance: 50m\n"
                             "          policies: [{type: Pods, value: 1, periodSeconds: 60}]\n");
    assert_int_equal(t.c.n, 0);
    b = &t.m.scaled_objects[0].behavior;
    assert_true(b->given);
    assert_int_equal(b->up.window_s, 0);
    assert_int_equal(b->up.n_policies, 2);
    assert_int_equal(b->up.policies[0].type, POLICY_PODS);
    assert_int_equal(b->up.policies[0].value, 4);
    assert_int_equal(b->up.policies[1].type, POLICY_PERCENT);
    assert_true(b->up.tolerance < 0);
    assert_int_equal(b->down.window_s, -1);
    assert_int_equal(b->down.select, SELECT_MIN);
    assert_int_equal(b->down.n_policies, 1);
    assert_int_equal(b->down.policies[0].period_s, 60);
    assert_true(b->down.tolerance > 0.0499 && b->down.tolerance < 0.0501);
    arena_release(&t.arena);
}

int main(void)
{
    struct cases c = {0};

    CASES_ADD_TABLE(&c, complaint_cases, test_complaint, text);
    cases_add(&c, "list", test_list, NULL);
    cases_add(&c, "behavior", test_behavior, NULL);
    cases_add(&c, "walkthrough", test_walkthrough, NULL);
    return CASES_RUN("manifest", &c);
}
