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

int main(void)
{
    struct cases c = {0};

    cases_add(&c, "walkthrough", test_walkthrough, NULL);
    return CASES_RUN("manifest", &c);
}
