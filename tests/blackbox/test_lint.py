"""`ferula lint`: each rule with a manifest that it finds and one that it does not, formats, exit codes."""
import json
import os
import re
import subprocess

import pytest

from conftest_server import FERULA, TOP, run_ferula

WALKTHROUGH = """\
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata:
  name: prometheus-auth
  namespace: keda-demo
spec:
  podIdentity:
    provider: azure-workload
    identityId: 11111111-2222-3333-4444-555555555555
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: prometheus-scaler
  namespace: keda-demo
spec:
  scaleTargetRef:
    name: sample-app
  minReplicaCount: 1
  maxReplicaCount: 10
  pollingInterval: 15
  cooldownPeriod: 90
  triggers:
    - type: prometheus
      metadata:
        serverAddress: https://demo.eastus.prometheus.monitor.azure.com
        query: sum(rate(http_requests_total{namespace="keda-demo"}[2m]))
        threshold: "10"
      authenticationRef:
        name: prometheus-auth
"""

QUERY = "sum(rate(x_total[2m]))"


def so(query=QUERY, spec="  minReplicaCount: 1\n", metadata="", trigger="", name="a", address="http://prom:9090",
       threshold='"10"', target="app"):
    """A ScaledObject that no rule finds anything in, with some of it changed."""
    lines = ["apiVersion: keda.sh/v1alpha1", "kind: ScaledObject", f"metadata: {{name: {name}}}", "spec:",
             f"  scaleTargetRef: {{name: {target}}}"] + spec.splitlines() + [
                 "  triggers:", "  - type: prometheus"] + trigger.splitlines() + [
                     "    metadata:", f"      serverAddress: {address}"]
    if query:
        lines += [f"      query: {json.dumps(query)}"]
    if threshold:
        lines += [f"      threshold: {threshold}"]
    return "\n".join(lines + metadata.splitlines()) + "\n"


ZERO = "  minReplicaCount: 0\n"
STRICT = '      ignoreNullValues: "false"\n'
AZURE = "https://demo.eastus.prometheus.monitor.azure.com"
REF = "    authenticationRef: {name: auth}\n"
FALLBACK = "  minReplicaCount: 1\n  maxReplicaCount: 5\n  fallback: {failureThreshold: 3, replicas: %d}\n"


TOLERANCE = "  minReplicaCount: 1\n  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleUp: {tolerance: '0.2'}}}}\n"
FORMULA = "  minReplicaCount: 1\n  advanced: {scalingModifiers: {formula: \"%s\", target: \"%d\"}}\n"


def auth(name="auth", provider="azure-workload"):
    return (f"---\napiVersion: keda.sh/v1alpha1\nkind: TriggerAuthentication\nmetadata: {{name: {name}}}\n"
            f"spec: {{podIdentity: {{provider: {provider}}}}}\n")


def behavior(direction):
    return ("  advanced: {horizontalPodAutoscalerConfig: {behavior: {%s: {stabilizationWindowSeconds: 60}}}}\n"
            % direction)


HPA_NAME = "  minReplicaCount: 1\n  advanced: {horizontalPodAutoscalerConfig: {name: %s}}\n"
TRANSFER = 'a, annotations: {scaledobject.keda.sh/transfer-hpa-ownership: "true"}'
MODIFIERS = ("  minReplicaCount: 1\n  advanced: {scalingModifiers: {formula: a, target: '1', activationTarget: '%s'}}\n")
BY_FORMULA = ("  minReplicaCount: 1\n  fallback: {replicas: 1, failureThreshold: 1, behavior: scalingModifiers}\n"
              "  advanced: {scalingModifiers: {formula: a, target: '1'}}\n")


def cron(timezone="UTC", start="0 8 * * *", end="0 18 * * *"):
    return (f"  - type: cron\n    metadata: {{timezone: {timezone}, start: '{start}', end: '{end}', "
            "desiredReplicas: '2'}\n")


def hpa(name="h", target="app", meta="", api="v2"):
    return (f"---\napiVersion: autoscaling/{api}\nkind: HorizontalPodAutoscaler\nmetadata: {{name: {name}{meta}}}\n"
            f"spec: {{scaleTargetRef: {{kind: Deployment, name: {target}}}, maxReplicas: 3}}\n")


# Rule, what it finds, what it does not, further flags.
RULES = [
    ("FER001", so(spec="  minReplicaCount: 1\n  cooldownPeriod: 90\n"), so(spec=ZERO + "  cooldownPeriod: 90\n")),
    ("FER001", so(spec="  minReplicaCount: 1\n  cooldownPeriod: 90\n"),
     so(spec="  minReplicaCount: 1\n  idleReplicaCount: 0\n  cooldownPeriod: 90\n")),
    ("FER002", so("sum(rate(x_total[15s]))"), so("sum(rate(x_total[30s]))")),
    ("FER002", so("sum(increase(x_total[45s]))"), so("sum(increase(x_total[1m]))"), "--scrape-interval=30s"),
    ("FER002", so("max(deriv(x[10s]))"), so("max(max_over_time(x[10s]))")),
    ("FER003", so("rate(x_total[2m])"), so("sum(rate(x_total[2m]))")),
    ("FER003", so("sum by (route) (rate(x_total[2m]))"), so('sum by (route) (rate(x_total{route="a"}[2m]))')),
    ("FER003", so("topk(2, x)"), so("topk(1, x)")),
    ("FER003", so("sum by (le) (rate(x_bucket[2m]))"),
     so("histogram_quantile(0.9, sum by (le) (rate(x_bucket[2m])))")),
    ("FER003", so("sum(x) or y"), so("sum(x) or vector(0)")),
    ("FER003", so("x * on (a) group_left y"), so("sum(x) * on () group_left sum(y)")),
    ("FER003", so("count_values(\"v\", x)"), so("count(x)")),
    ("FER003", so("x or vector(0)"), so("(histogram_quantile(0.9, sum by (le) (x))) >= 0 or vector(0)")),
    ("FER003", so('sum by (a) (x{a="b"}) or vector(0)'), so('sum by (a) (x{a="b"}) or on () vector(0)')),
    ("FER003", so("x or on () vector(0)"), so("clamp_max(ceil(sum(x)), 500) or vector(0)")),
    ("FER003", so('label_replace(sum(x), "a", "b", "", "") or vector(0)'), so("-sum(x) or vector(0)")),
    ("FER003", so("max_over_time(topk(1, x)[5m:])"), so("max_over_time(sum(x)[5m:])")),
    ("FER003", so('sum by (a) (count_values("a", x{a="b"}))'), so('sum by (a) (count(x{a="b"}) by (a))')),
    ("FER003", so("histogram_quantile(0.9, sum by (le, a) (x))"),
     so('histogram_quantile(0.9, sum by (le, a) (x{a="b"}))')),
    ("FER003", so('histogram_quantile(0.9, sum by (a) (x{a="b"})) or vector(0)'),
     so('histogram_quantile(0.9, sum(x)) or vector(0)')),
    ("FER003", so("sum(x) or absent(x)"), so("sum(x) and on () (hour() > 3)")),
    ("FER004", so(spec=ZERO), so(spec=ZERO, metadata=STRICT)),
    ("FER004", so(spec=ZERO, metadata='      ignoreNullValues: "true"\n'), so()),
    ("FER005", so("sum(x) / sum(y)"), so("sum(x) / (sum(y) > 0)")),
    ("FER005", so("sum(x) / sum(y)"), so("sum(x) / 60")),
    ("FER005", so("sum(x) / sum(y)"), so("sum(x) / clamp_min(sum(y), 1)")),
    ("FER005", so("sum(x) / sum(y) or vector(0)"), so("sum(x) / sum(y) >= 0 or vector(0)")),
    ("FER005", so("sum(x) / sum(y)"), so("sum(x) / count(y)")),
    ("FER005", so("sum(x) / (sum(y) > 0 or vector(0))"), so("sum(x) / (sum(y) > 0 or vector(1))")),
    ("FER005", so("sum(x) / -sum(y)"), so("sum(x) / -5")),
    ("FER005", so("sum(x) / vector(0)"), so("sum(x) / (count(y) unless sum(z))")),
    ("FER005", so("histogram_quantile(0.9, sum by (le) (rate(x_bucket[2m])))"), so()),
    ("FER006", so("scalar(sum(x))"), so("vector(scalar(sum(x)))")),
    ("FER006", so("x[5m]"), so("sum(sum_over_time(x[5m]))")),
    ("FER006", so('"text"'), so()),
    ("FER007", so('sum({job="a"})'), so('sum(x{job="a"})'), "--azure"),
    ("FER007", so('sum({__name__=~"a|b"})', address=AZURE, trigger=REF), so('sum({__name__=~"a|b"})')),
    ("FER008", so('sum(x{env="A"}) + sum(y{env="a"})'), so('sum(x{env="A"}) + sum(y{env="A"})'), "--azure"),
    ("FER008", so("sum(Xs) + sum(xs)"), so("sum(xs) + sum(ys)"), "--azure"),
    ("FER009", so("sum(x_total)"), so("sum(rate(x_total[2m]))")),
    ("FER009", so("sum(x_total)"), so("count(x_total)")),
    ("FER009", so("sum(x_total)"), so("sum(job:x_total)")),
    ("FER010", so("sum(rate(queue_depth[2m]))"), so("sum(queue_depth)")),
    ("FER011", so(address="http://prom:9090/api/v1"), so(address="http://prom:9090/prefix/")),
    ("FER011", so(address="http://prom:9090/api/v1/"), so(address="http://prom/api/v1/projects/p")),
    ("FER012", so("clamp_max(sum(x), 50)", spec="  minReplicaCount: 1\n  maxReplicaCount: 20\n"),
     so("clamp_max(sum(x), 200)", spec="  minReplicaCount: 1\n  maxReplicaCount: 20\n")),
    ("FER012", so("sum(x) < 50"), so("50 < sum(x)")),
    ("FER012", so("50 >= sum(x)"), so("sum(x) > 50")),
    ("FER012", so("50 == sum(x)"), so("sum(x) != 50")),
    ("FER012", so("clamp_max(sum(x), 20)", spec="  minReplicaCount: 3\n  maxReplicaCount: 4\n"),
     so("clamp_max(sum(x), 20)", spec="  minReplicaCount: 4\n  maxReplicaCount: 4\n")),
    ("FER013", so(spec=ZERO + behavior("scaleDown")), so(spec=ZERO + behavior("scaleUp"))),
    ("FER013", so(spec=ZERO + behavior("scaleDown")), so(spec="  minReplicaCount: 1\n" + behavior("scaleDown"))),
    ("FER014", so(address="{{ ENDPOINT }}"), so(address="http://prom")),
    ("FER014", so(address="<ENDPOINT>"), so("sum(x < 5) + sum(y > 3)")),
    ("FER014", so(address="${ENDPOINT}"), so('sum(label_replace(x, "a", "${1}", "b", "(.*)"))')),
    ("FER014", so(spec="  minReplicaCount: ${MIN}\n"), so(spec="  minReplicaCount: 1.0\n  maxReplicaCount: 1e1\n")),
    ("FER014", so(trigger="    metricType: <TYPE>\n"), so()),
    ("FER014", so(target='"{{ .Values.name }}"'), so()),
    ("FER014", so(name="a, labels: {team: '${TEAM}'}"), so(name="a, labels: {team: b}")),
    ("FER014", so("sum(label_replace(x, 'a', '${n}', 'b', '(.*)'))"),
     so("sum(label_replace(x, 'a', '${n}', 'b', '(?P<n>.*)'))")),
    ("FER014", so('sum(x{env="<ENV>"})'), so("sum(label_replace(x, 'a', '${N}', 'b', '(?<N>.*)'))")),
    ("FER014", so() + auth("'${AUTH}'"), so() + auth()),
    ("FER015", so(threshold="10"), so(threshold='"10"')),
    ("FER015", so(threshold='"ten"'), so(threshold='"1e1"')),
    ("FER015", so(query=None), so()),
    ("FER015", so(threshold='"0.0001"'), so(threshold='"0.001"')),
    ("FER015", so(spec=FORMULA % ("a + c", 2), trigger="    name: a\n"),
     so(spec=FORMULA % ("a + 1", 2), trigger="    name: a\n")),
    ("FER015", so(spec=FORMULA % ("a", 0), trigger="    name: a\n"),
     so(spec=FORMULA % ("a", 1), trigger="    name: a\n")),
    ("FER015", so(spec="  minReplicaCount: -1\n"), so()),
    ("FER015", so(name="My_App"), so(name="my.app-1")),
    ("FER015", so(name="-a"), so(name="0a")),
    ("FER015", so(spec=HPA_NAME % "A_b"), so(spec=HPA_NAME % "a-b")),
    ("FER015", so() + cron(timezone="Mars/X"), so() + cron()),
    ("FER015", so() + cron(start="60 * * * *"), so() + cron(start="59 * * * *")),
    ("FER015", so() + cron(end=""), so() + cron(end="${END}")),
    ("FER015", so() + "  - {type: cpu, metadata: {value: '0'}}\n", so() + "  - {type: cpu, metadata: {value: '1'}}\n"),
    ("FER015", so() + "  - {type: cpu, metadata: {}}\n", so() + "  - {type: kafka, metadata: {}}\n"),
    ("FER015", so() + "  - {type: memory, metricType: AverageValue, metadata: {value: 5Mb}}\n",
     so() + "  - {type: memory, metricType: AverageValue, metadata: {value: 5Mi}}\n"),
    ("FER015", so(spec=MODIFIERS % "ten", trigger="    name: a\n"), so(spec=MODIFIERS % "10", trigger="    name: a\n")),
    ("FER015", so(spec=BY_FORMULA, trigger="    name: a\n"),
     so(spec=BY_FORMULA.replace("scalingModifiers}", "static}"), trigger="    name: a\n"), "--keda-version=2.19"),
    ("FER016", so(spec=TOLERANCE), so()),
    ("FER016", so(name='a, annotations: {autoscaling.keda.sh/paused-scale-in: "true"}'),
     so(name='a, annotations: {autoscaling.keda.sh/paused: "false"}'), "--keda-version=2.17"),
    ("FER016", so(spec="  minReplicas: 1\n  minReplicaCount: 1\n"), so()),
    ("FER016", so() + "---\n" + so(), so() + "---\n" + so(name="b", target="other")),
    ("FER017", so("sum(rate(x_total[2m])"), so()),
    ("FER018", so(address=AZURE), so(address=AZURE, trigger=REF)),
    ("FER018", so(trigger=REF) + auth("other"), so(trigger=REF) + auth()),
    ("FER019", so(trigger=REF) + auth(), so(trigger=REF, address="https://prom") + auth()),
    ("FER019", so(trigger=REF) + auth(), so(trigger=REF) + auth(provider="none")),
    ("FER020", so(spec="  minReplicaCount: 1\n  pollingInterval: 5\n"), so(spec=ZERO + "  pollingInterval: 5\n")),
    ("FER020", so(spec="  minReplicaCount: 1\n  pollingInterval: 5\n"),
     so(spec="  minReplicaCount: 1\n  pollingInterval: 5\n", trigger="    useCachedMetrics: true\n")),
    ("FER021", so(spec="  minReplicaCount: 3\n  idleReplicaCount: 1\n"),
     so(spec="  minReplicaCount: 3\n  idleReplicaCount: 0\n")),
    ("FER022", so(spec=FALLBACK % 3, trigger="    useCachedMetrics: true\n"), so(spec=FALLBACK % 3)),
    ("FER023", so() + "---\n" + so(name="b"), so() + "---\n" + so(name="b", target="other")),
    ("FER023", so() + "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\n"
     "spec: {scaleTargetRef: {kind: Deployment, name: app}, maxReplicas: 3}\n",
     so() + "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\n"
     "spec: {scaleTargetRef: {kind: StatefulSet, name: app}, maxReplicas: 3}\n"),
    ("FER023", so() + hpa(api="v1"), so() + hpa("keda-hpa-a")),
    ("FER023", so() + hpa(), so() + hpa(meta=', annotations: {validations.keda.sh/hpa-ownership: "false"}')),
    ("FER023", so() + hpa(meta=", ownerReferences: [{kind: ScaledObject, name: b}]"),
     so() + hpa(meta=", ownerReferences: [{kind: ScaledObject, name: a}]")),
    ("FER023", so(spec=HPA_NAME % "h") + hpa(), so(name=TRANSFER, spec=HPA_NAME % "h") + hpa()),
    ("FER023", so(name=TRANSFER) + hpa(), so(name=TRANSFER) + hpa(target="other")),
    ("FER023", so(spec=HPA_NAME % "h") + "---\n" + so(name="b", target="other", spec=HPA_NAME % "h"),
     so(spec=HPA_NAME % "h") + "---\n" + so(name="b", target="other", spec=HPA_NAME % "i")),
    ("FER024", so(spec="  minReplicaCount: 5\n  maxReplicaCount: 5\n"),
     so(spec="  minReplicaCount: 5\n  maxReplicaCount: 6\n")),
    ("FER025", so(spec=FALLBACK % 9), so(spec=FALLBACK % 5)),
    ("FER025", so(spec=FALLBACK % 0), so(spec=FALLBACK % 1)),
    ("FER026", so(metadata='      activationThreshold: "5"\n'),
     so(spec=ZERO, metadata='      activationThreshold: "5"\n')),
    ("FER027", so(metadata='      ignoreNullValue: "false"\n'), so(metadata=STRICT)),
    ("FER027", so(metadata="      metricName: m\n"), so()),
]


def lint(text, *flags, code=None):
    done = run_ferula("lint", *flags, "-", stdin=text)
    if code is not None:
        assert done.returncode == code, done.stdout + done.stderr
    return done


def findings(text, *flags):
    done = lint(text, "--format=json", *flags)
    assert done.returncode in (0, 3), done.stderr
    found = json.loads(done.stdout)["findings"]
    assert done.returncode == (3 if found else 0)
    return found


def rules_of(text, *flags):
    return {finding["rule"] for finding in findings(text, *flags)}


def all_rules():
    return re.findall(r"^\| \[(FER\d+)\]", run_ferula("help", "lint-markdown").stdout, re.M)


# ---- rules ------------------------------------------------------------------------------------

@pytest.mark.parametrize("row", RULES, ids=[f"{i}-{row[0]}" for i, row in enumerate(RULES)])
def test_rule(row):
    rule, bad, good, flags = row[0], row[1], row[2], row[3:]
    assert rule in rules_of(bad, *flags)
    assert rule not in rules_of(good, *flags)
    assert rule not in rules_of(bad, "--disable=" + rule, *flags)


def test_every_rule_has_a_case_and_a_page():
    assert sorted({row[0] for row in RULES}) == all_rules()
    for rule in all_rules():
        page = run_ferula("help", rule).stdout
        assert page.startswith(rule + ": ")
        assert all(part in page for part in ("\nWhy: ", "\nExample:", "\nFix: "))
        assert 12 <= page.count("\n") <= 25, page
        assert run_ferula("help", rule.lower()).stdout == page


def test_nothing_is_found_in_a_good_object():
    assert lint(so(), code=0).stdout == "no findings in 1 ScaledObject\n"


def test_the_walkthrough():
    found = findings(WALKTHROUGH)
    assert [f["rule"] for f in found] == ["FER020", "FER001"]
    assert (found[1]["line"], found[1]["column"]) == (22, 19)
    assert "cooldownPeriod 90 does nothing" in found[1]["text"] and "300 s" in found[1]["text"]
    assert rules_of(WALKTHROUGH, "--severity=warning") == {"FER001"}
    assert rules_of(WALKTHROUGH, "--severity=error") == set()


def test_templates_are_linted_for_all_else():
    text = so(address="${ENDPOINT}", spec=ZERO, metadata=STRICT)
    assert rules_of(text) == {"FER014"} and rules_of(text, "--disable=FER014") == set()
    text = so("clamp_max(sum(x), 50)", address="${ENDPOINT}")
    assert rules_of(text, "--disable=FER014") == {"FER012"}


def test_a_minimum_that_cannot_be_read_is_not_0():
    for text in ("${MIN}", "{{ .Values.min }}", "<MIN>"):  # nor is it anything but a template
        assert rules_of(so(spec=f"  minReplicaCount: {text}\n")) == {"FER014"}
    assert rules_of(so(spec="  minReplicaCount: some\n")) == {"FER015"}
    assert rules_of(so(spec=FALLBACK % -1)) == {"FER015"}
    assert rules_of(so(spec=(FALLBACK % 5).replace("unt: 5", "unt: ${MAX}").replace("unt: 1", "unt: ${MIN}"))) == {"FER014"}
    assert rules_of(so(spec="")) == {"FER004"}


def test_the_place_is_in_the_query():
    text = so(query=None) + "      query: |\n        sum(\n          rate(x_total[5s])\n        )\n"
    found = [f for f in findings(text) if f["rule"] == "FER002"]
    line = text[:text.index("x_total")].count("\n") + 1
    assert (found[0]["line"], found[0]["column"]) == (line, 16)
    found = [f for f in findings(text.replace("query: |\n", "query: |\n\n\n")) if f["rule"] == "FER002"]
    assert (found[0]["line"], found[0]["column"]) == (line + 2, 16)
    text = so("sum(x{)")
    found = [f for f in findings(text) if f["rule"] == "FER017"]
    assert text.splitlines()[found[0]["line"] - 1][found[0]["column"] - 1] == ")"
    assert "parse error" in found[0]["text"]


@pytest.mark.parametrize("query, want", [
    ('sum(x_total{a="b"})', 'rate(x_total{a="b"}[2m])'),
    ("sum(x_total offset 5m)", "rate() of it over a window"),
])
def test_the_fix_of_a_counter_is_promql(query, want):
    assert [f["fix"] for f in findings(so(query)) if f["rule"] == "FER009"] == [want]


def test_what_cannot_be_reached():
    text = so("clamp_max(sum(x), 20)", spec="  minReplicaCount: 3\n  maxReplicaCount: 6\n")
    (found,) = findings(text)
    assert "never more than 3 replicas; maxReplicaCount is 6" in found["text"]
    assert found["fix"] == "a threshold under 4 reaches it"
    (found,) = findings(so("vector(0)"))
    assert found["fix"] == "a query whose value can be above 0"


# ---- formats ----------------------------------------------------------------------------------

def test_text():
    done = lint(so(spec="  minReplicaCount: 1\n  cooldownPeriod: 90\n"), code=3)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("<stdin>:7:19: warning: FER001: cooldownPeriod 90 does nothing")
    assert lines[1].startswith("    fix: ")
    assert lines[-1] == "0 errors, 1 warning, 0 notes in 1 ScaledObject; `ferula help FER001` explains a rule"


def test_sarif(tmp_path):
    path = tmp_path / "a b.yaml"
    path.write_text(WALKTHROUGH)
    done = run_ferula("lint", "--format=sarif", str(path))
    assert done.returncode == 3
    log = json.loads(done.stdout)
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "ferula" and driver["version"]
    assert [rule["id"] for rule in driver["rules"]] == all_rules()
    for rule in driver["rules"]:
        assert set(rule) == {"id", "shortDescription", "fullDescription", "help", "defaultConfiguration"}
        assert rule["shortDescription"]["text"] and rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("note", "warning", "error")
    assert [result["ruleId"] for result in run["results"]] == ["FER020", "FER001"]
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("note", "warning", "error") and result["message"]["text"]
        (location,) = result["locations"]
        physical = location["physicalLocation"]
        assert physical["artifactLocation"]["uri"] == "file://" + str(path).replace(" ", "%20")
        assert physical["region"]["startLine"] >= 1 and physical["region"]["startColumn"] >= 1


@pytest.mark.parametrize("path, uri, annotated", [
    ("a:b, c%.yaml", "a%3Ab%2C%20c%25.yaml", "a%3Ab%2C c%25.yaml"),
    ("./sub/ü.yaml", "sub/%C3%BC.yaml", "sub/ü.yaml"),
])
def test_paths(tmp_path, path, uri, annotated):
    (tmp_path / "sub").mkdir()
    (tmp_path / path).write_text(so(threshold="10"), encoding="utf-8")
    done = run_ferula("lint", "--format=sarif", path, cwd=tmp_path)
    location = json.loads(done.stdout)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == uri
    done = run_ferula("lint", "--format=github", path, cwd=tmp_path)
    assert done.stdout.startswith(f"::error file={annotated},line=12,col=18,title=FER015::spec.triggers")


def test_what_could_not_be_read_is_told(tmp_path):
    (tmp_path / "a.yaml").write_text("a: [1\n")
    done = run_ferula("lint", str(tmp_path))
    assert done.returncode == 2 and done.stdout == "" and "a.yaml:2:1: did not find" in done.stderr
    for path, successful in (("/dev/null", True), (str(tmp_path), False)):
        (run,) = json.loads(run_ferula("lint", "--format=sarif", path).stdout)["runs"]
        assert run["invocations"] == [{"executionSuccessful": successful}]


def test_what_a_terminal_would_obey_is_shown():
    text = so("sum(x)").replace('"sum(x)"', r'"sum(x) / sum(y{a=\"\e\"})"')
    assert r'divide by (sum(y{a="\x1b"}) > 0)' in lint(text, code=3).stdout


def test_sarif_without_findings():
    assert json.loads(lint(so(), "--format=sarif", code=0).stdout)["runs"][0]["results"] == []


def test_github():
    lines = lint(WALKTHROUGH, "--format=github", code=3).stdout.splitlines()
    assert lines[0].startswith("::notice file=<stdin>,line=21,col=20,title=FER020::pollingInterval 15")
    assert lines[1].startswith("::warning file=<stdin>,line=22,col=19,title=FER001::") and "%0AFix: " in lines[1]
    assert lint(so(), "--format=github", code=0).stdout == ""


# ---- files ------------------------------------------------------------------------------------

def test_folders(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / ".hidden").mkdir()
    bad = so(threshold="10")
    for name in ("b.yml", "a.yaml", "sub/c.json", "sub/notes.txt", ".hidden/d.yaml"):
        text = bad
        if name.endswith(".json"):
            text = json.dumps({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "j"}})
        (tmp_path / name).write_text(text)
    (tmp_path / "sub" / "loop").symlink_to(tmp_path)
    (tmp_path / "one.yaml").symlink_to(tmp_path)
    (tmp_path / "two.yaml").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.yaml")
    done = run_ferula("lint", "--format=json", str(tmp_path))
    assert done.returncode == 3
    names = [os.path.relpath(f["file"], tmp_path) for f in json.loads(done.stdout)["findings"]
             if f["rule"] == "FER015"]
    assert sorted(set(names)) == ["a.yaml", "b.yml", "sub/c.json"]
    assert names == sorted(names)


def test_a_file_full_of_complaints_hides_no_other(tmp_path):
    (tmp_path / "a.yaml").write_text(so(spec="".join(f"  f{i}: 1\n" for i in range(1500))))
    (tmp_path / "b.yaml").write_text(so(name="b", target="b", spec="  minReplicas: 1\n  minReplicaCount: 1\n"))
    done = run_ferula("lint", "--format=json", str(tmp_path))
    found = [f for f in json.loads(done.stdout)["findings"] if f["rule"] == "FER016"]
    assert len(found) == 1001 and found[-1]["file"].endswith("b.yaml")


def test_auths_may_be_in_another_file(tmp_path):
    (tmp_path / "auth.yaml").write_text(auth())
    (tmp_path / "so.yaml").write_text(so(trigger=REF, address="https://prom"))
    assert run_ferula("lint", str(tmp_path)).returncode == 0


def test_targets_of_two_files_are_the_same_in_a_namespace(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text(so(name=name))
    assert run_ferula("lint", str(tmp_path)).returncode == 0
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text(so(name=name + ", namespace: ns"))
    assert "FER023" in run_ferula("lint", str(tmp_path)).stdout


@pytest.mark.parametrize("text, want", [
    ("a: [1\n", "<stdin>:2:1: did not find expected ',' or ']'"),
    ("a: 1\na: 2\n", '<stdin>:2:1: the key "a" is already set in line 1'),
    ("{{- if .Values.x }}\na: 1\n", "(a template? render it first)"),
    ("x: &a [1]\ny: &b [*a, *a, *c]\n", "unknown anchor 'c' referenced"),
    ("[" * 5000, "more than 100 levels deep"),
    ("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        "a%d: &a%d [%s]\n" % (i, i, ", ".join(["*a%d" % (i - 1)] * 10)) for i in range(1, 12)),
     "aliases make it more than 200000 nodes"),
    ("\x00\x01", "<stdin>:1:1: "),
], ids=["open", "twice", "template", "alias", "deep", "laughs", "binary"])
def test_what_is_no_yaml(text, want):
    done = lint(text, code=2)
    assert want in done.stderr and done.stderr.startswith("ferula lint: ")


def test_other_kinds_are_passed_over():
    done = lint("apiVersion: v1\nkind: Service\nmetadata: {name: s}\n", code=0)
    assert done.stdout == "no findings in 0 ScaledObjects\n"


def test_wrong_kinds_are_found():
    assert rules_of("kind: ScaledObject\n") == {"FER015"}
    assert rules_of("apiVersion: keda.sh/v2\nkind: ScaledObject\n") == {"FER015"}
    assert rules_of("apiVersion: keda.sh/v1alpha1\n") == {"FER015"}
    assert rules_of("on: push\njobs: {}\n") == rules_of("[1, 2]\n") == set()


def test_a_file_that_is_not_there_does_not_hide_the_others(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(WALKTHROUGH)
    done = run_ferula("lint", str(tmp_path / "none.yaml"), str(path))
    assert done.returncode == 2
    assert "No such file or directory" in done.stderr and "FER001" in done.stdout


# ---- usage ------------------------------------------------------------------------------------

@pytest.mark.parametrize("flags, want", [
    ((), "expected FILE|FOLDER|-..."),
    (("--disable=FER1", "-"), "there is no rule 'FER1'"),
    (("--format=xml", "-"), "format"),
    (("--severity=fatal", "-"), "severity"),
    (("--keda-version=1.0", "-"), "KEDA 1.0 is not known"),
    (("--k8s-version=x", "-"), "no version of Kubernetes"),
])
def test_wrong_usage(flags, want):
    done = run_ferula("lint", *flags)
    assert done.returncode == 2 and want in done.stderr


def test_versions_change_what_is_said():
    assert "FER016" not in rules_of(so(spec=TOLERANCE), "--k8s-version=1.35")
    assert "FER015" not in rules_of(so(spec=BY_FORMULA, trigger="    name: a\n"))
    text = so("sum(x) / sum(y)")
    old = [f["text"] for f in findings(text, "--keda-version=2.19") if f["rule"] == "FER005"]
    new = [f["text"] for f in findings(text) if f["rule"] == "FER005"]
    assert "undefined" in old[0] and "takes that for 0" in new[0]


def test_the_reference_is_what_the_program_says():
    with open(os.path.join(TOP, "docs/lint.md"), encoding="utf-8") as file:
        assert file.read() == run_ferula("help", "lint-markdown").stdout


def test_stdout_that_is_closed_is_no_crash():
    done = subprocess.run(f"'{FERULA}' lint - >&-", shell=True, input=WALKTHROUGH, text=True,
                          stderr=subprocess.PIPE)
    assert done.returncode == 1
