"""ScaledObjects and TriggerAuthentications with one thing changed: what KEDA's types, the schema of its CRDs
and the checks of its webhook (v2.20.2, unchanged) refuse, and what `ferula lint` does."""
import bisect
import json
import os
import re
import subprocess

import gopeer
from autoscale_diff import BUILD

VALUES = [0, 1, 2, -1, 1.0, -1.0, 1.5, 3e9, 3000000000, 1e20, 1e22, True, "", "1", "x", "Max", "Pods", "Value", "-1", "50m", [], {}, ["x"],
          {"x": "y"}, {"x": 1}]
PROMETHEUS = {"type": "prometheus", "name": "p", "metricType": "AverageValue", "useCachedMetrics": False,
              "metadata": {"serverAddress": "http://p", "query": "sum(x)", "threshold": "10"},
              "authenticationRef": {"name": "auth", "kind": "TriggerAuthentication"}}
RULES = {"stabilizationWindowSeconds": 60, "selectPolicy": "Min", "tolerance": "0.1",
         "policies": [{"type": "Pods", "value": 4, "periodSeconds": 60}]}
OBJECT = {
    "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "a"},
    "spec": {
        "scaleTargetRef": {"name": "app", "kind": "Deployment", "apiVersion": "apps/v1",
                           "envSourceContainerName": "c"},
        "pollingInterval": 10, "cooldownPeriod": 60, "initialCooldownPeriod": 5, "idleReplicaCount": 0,
        "minReplicaCount": 1, "maxReplicaCount": 10,
        "fallback": {"failureThreshold": 3, "replicas": 2, "behavior": "currentReplicas"},
        "advanced": {"restoreToOriginalReplicaCount": True,
                     "horizontalPodAutoscalerConfig": {"name": "hpa", "behavior": {"scaleUp": RULES, "scaleDown": RULES}},
                     "scalingModifiers": {"formula": "p + 1", "target": "2", "activationTarget": "1",
                                          "metricType": "AverageValue"}},
        "triggers": [PROMETHEUS, {"type": "cron", "metadata": {
            "timezone": "UTC", "start": "0 8 * * *", "end": "0 9 * * *", "desiredReplicas": "2"}}]}}
AUTH = {"apiVersion": "keda.sh/v1alpha1", "kind": "TriggerAuthentication", "metadata": {"name": "auth"},
        "spec": {"podIdentity": {"provider": "azure-workload", "identityId": "1", "identityTenantId": "t",
                                 "identityAuthorityHost": "h", "roleArn": "r", "externalID": "e",
                                 "identityOwner": "workload"},
                 "secretTargetRef": [{"parameter": "p", "name": "n", "key": "k"}],
                 "configMapTargetRef": [{"parameter": "p", "name": "n", "key": "k"}],
                 "env": [{"parameter": "p", "name": "n", "containerName": "c"}], "filePath": "f"}}
AWS = dict(AUTH, spec={"podIdentity": {"provider": "aws", "roleArn": "r", "externalID": "e", "identityOwner": "keda"}})
# What lint refuses on the ground of later checks: those of the scalers, of the HPA that KEDA makes, and of
# KEDA's operator.
LATER = ("error parsing prometheus metadata", "error parsing cron metadata", "error getting scaler metric type",
         "metadata.name of the HPA: ", "must be greater than zero", "must be greater than or equal to zero",
         "must be either Utilization", "supported values: \"Max\", \"Min\"", "supported values: \"Pods\"",
         "must be greater than or equal to 0", "scalingModifiers.ActivationTarget",
         "quantities must match", "unable to load timezone", "makes a target of 0")


def paths(value, path=()):
    """Every place in a document, but for apiVersion, kind and metadata."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if path or key == "spec":
            yield path + (key,)
            yield from paths(item, path + (key,))


def changed(document, path, value=None, remove=False):
    document = json.loads(json.dumps(document))  # unlike deepcopy(), what is shared is not afterwards
    parent = document
    for key in path[:-1]:
        parent = parent[key]
    if remove:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    return document


def documents():
    """What is changed, and the document."""
    for base in (OBJECT, AUTH, AWS):
        yield base["kind"], base
        for path in paths(base):
            name = base["kind"] + "." + ".".join(map(str, path))
            yield "no " + name, changed(base, path, remove=True)
            for value in VALUES:
                yield f"{name}: {json.dumps(value)}", changed(base, path, value)


def refused_by_lint(texts):
    starts, line = [], 1
    for text in texts:
        starts.append(line)
        line += text.count("\n") + 1
    done = subprocess.run([os.path.join(BUILD, "ferula"), "lint", "--k8s-version=1.35", "--format=json", "-"], input="---\n".join(texts), text=True,
                          stdout=subprocess.PIPE, check=False)
    found = [[] for _ in texts]
    for finding in json.loads(done.stdout)["findings"]:
        if finding["rule"] in ("FER015", "FER016"):
            found[bisect.bisect(starts, finding["line"]) - 1].append(finding["text"])
    return found


def refused_by_keda(texts):
    module = json.loads(gopeer.go(gopeer.TOP + "/tests/interop/keda", "list", "-m", "-json",
                                  "github.com/kedacore/keda/v2"))["Dir"]
    done = subprocess.run([gopeer.build("keda", "manifests"), module + "/config/crd/bases"],
                          input="\n---\n".join(texts), text=True, stdout=subprocess.PIPE, check=False)
    return json.loads(done.stdout)


def is_told(text):
    """Not told: that what is no text is none of the texts either, and the branches of a quantity's schema."""
    return ("Unsupported value" not in text or 'value: "' in text) and ".tolerance" not in text


def plain(text):
    """JSON has one kind of number here, and two in the API server; a formula's error comes with a picture."""
    text = re.sub(r" \(1:\d+\)$", "", text.split("\n | ")[0])
    return re.sub(r"valid target: [-\d%].*", "valid target", text.replace('"integer"', '"number"'))


def test_lint_refuses_what_keda_refuses():
    changes, texts = [], []
    for i, (change, document) in enumerate(documents()):
        text = json.dumps(dict(document, metadata={"name": f"{document['metadata']['name']}{i}"}))
        changes.append(change)
        texts.append(text.replace('"app"', f'"app{i}"').replace('"hpa"', f'"hpa{i}"') + "\n")
    theirs = refused_by_keda(texts)
    mine = []
    for i in range(0, len(texts), 100):  # lint keeps a thousand complaints
        mine += refused_by_lint(texts[i:i + 100])
    assert len(theirs) == len(mine) == len(texts) > 1000
    wrong = []
    for change, keda, lint in zip(changes, theirs, mine):
        errors, known = keda.get("errors", []), [t for t in lint if not any(part in t for part in LATER)]
        missing = [t for t in keda.get("schema", []) if is_told(t) and plain(t) not in map(plain, lint)]
        if bool(errors) > bool(lint) or (known and not errors) or missing:
            wrong.append(f"{change}\n    KEDA   {errors}\n    ferula {lint}")
    assert not wrong, f"{len(wrong)} of {len(texts)} differ\n" + "\n".join(wrong[:8])
