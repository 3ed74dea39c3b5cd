"""`ferula explain`: on files, folders and a running server; what it says, and its exit codes."""
import http.server
import json
import os
import re
import subprocess
import threading
import urllib.parse

import pytest

from conftest_server import FERULA, TOP, run_ferula, start_server

T0 = 1767355020
OBJECT = os.path.join(TOP, "deploy/kind/50-scaled-object.yaml")
QUERY = 'sum(rate(http_requests_total{namespace="keda-demo"}[2m]))'


def requests(t0=T0, n=13):
    lines = [f'http_requests_total{{namespace="keda-demo",pod="{pod}"}} {i * 225} {(t0 + i * 15) * 1000}'
             for i in range(n) for pod in "abc"]
    return "\n".join(lines) + "\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "requests.prom"
    path.write_text(requests())
    return path


def explain(*args, code=0, **more):
    done = run_ferula("explain", *args, **more)
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done


def said(*args, **more):
    return explain(*args, **more).stdout


def section(text, name):
    """The lines of one section without its name and margin."""
    lines, inside = [], False
    for line in text.splitlines():
        if line[:8].strip():
            inside = line[:8].strip() == name
        if inside:
            lines.append(line[8:])
    return lines


# ---- the document -----------------------------------------------------------------------------

def test_the_document_shows_what_it_prints(tmp_path):
    with open(os.path.join(TOP, "docs/tools.md"), encoding="utf-8") as doc:
        block = re.search(r"^```console\n(.*?)^```", doc.read().split("# Why KEDA sees")[1], re.M | re.S).group(1)
    script = "\n".join(re.findall(r"^[$>] (.*)$", block, re.M)).replace("deploy/kind", TOP + "/deploy/kind")
    done = subprocess.run(["bash", "-ec", script], stdout=subprocess.PIPE, text=True, check=True, cwd=tmp_path,
                          env=dict(os.environ, PATH=os.path.dirname(FERULA) + ":" + os.environ["PATH"]))
    assert done.stdout.splitlines() == [line for line in block.splitlines() if not line.startswith(("$ ", "> "))]


# ---- objects ----------------------------------------------------------------------------------

def changed(**fields):
    with open(OBJECT, encoding="utf-8") as f:
        text = f.read()
    for key, value in fields.items():
        text = re.sub(rf"{key}: .*", lambda _: f"{key}: {value}", text)
    return text


HPA = [  # changes, replicas, last lines of HPA and the result
    ({}, 3, ["ceil(45 / 10) = 5"], "3 -> 5 replicas"),
    ({}, 1, ["ceil(45 / 10) = 5", "limited to max(2 x 1, 4) = 4 a sync"], "1 -> 4 replicas"),
    ({"threshold": '"44"'}, 1, ["ratio 45 / (44 x 1) = 1.023, within the tolerance of 0.9 to 1.1: stays at 1"],
     "1 -> 1 replicas"),
    ({"threshold": '"2"'}, 9, ["ceil(45 / 2) = 23", "limited to the maximum 10"], "9 -> 10 replicas"),
    ({"threshold": '"40"'}, 9, ["ceil(45 / 40) = 2", "if no recommendation of the last 300 s was higher: one moment "
                                "does not show those, and until then it stays"], "9 -> 2 replicas"),
    ({}, 11, ["11 are more than the maximum 10: cut at once"], "11 -> 10 replicas"),
    ({"minReplicaCount": "0"}, 0, ["at 0 replicas the HPA does nothing",
                                   "a trigger is active: KEDA goes from 0 to 1, and the HPA on from there"],
     "0 -> 1 replicas"),
    ({"minReplicaCount": "0", "query": "sum(absent_metric)"}, 0,
     ["at 0 replicas the HPA does nothing", "no trigger is active: KEDA stays at 0"], "0 -> 0 replicas"),
    ({"minReplicaCount": "0", "query": "sum(absent_metric)"}, 1,
     ["raised to the minimum 1",
      "no trigger is active: KEDA goes straight to 0 when that has lasted cooldownPeriod, 90 s"], "1 -> 1 replicas"),
    ({"minReplicaCount": "0", "query": "http_requests_total"}, 2,
     ["a metric could not be had, so it stays at 2", "a trigger cannot be asked: KEDA does not go to 0"],
     "2 -> 2 replicas"),
]


@pytest.mark.parametrize("fields,replicas,lines,result", HPA, ids=range(len(HPA)))
def test_arithmetic(file, fields, replicas, lines, result):
    text = said("-", "--data", file, "--current-replicas", replicas, stdin=changed(**fields))
    assert section(text, "HPA")[-len(lines):] == lines
    assert section(text, "result") == [result]


KEDA = [  # query, what KEDA makes of it
    (QUERY, "44.99999999999999 > activationThreshold 0: active; the HPA is told 45"),
    ("sum(gone)", "0, because ignoreNullValues is true: prometheus metrics 'prometheus' target may be lost, the "
                  "result is empty"),
    ("vector(0) / 0", "0, because ignoreNullValues is true: prometheus query returns NaN"),
    ("rate(http_requests_total[2m])", "an error, and no value: prometheus query rate(http_requests_total[2m]) "
                                      "returned multiple elements"),
    ("1 + 1", "an error, and no value: json: cannot unmarshal number into Go struct field"),
    ("sum(", "an error, and no value: prometheus query api returned error. status: 400"),
]


@pytest.mark.parametrize("query,want", KEDA, ids=[case[0] for case in KEDA])
def test_verdicts(file, query, want):
    got = section(said("-", "--data", file, stdin=changed(query=query)), "KEDA")[0]
    assert got.startswith(want)


def test_experimental_parts(file):
    """They are computed, but it is said that a server may not."""
    query = "sum(mad_over_time(http_requests_total[2m]))"
    text = said("-", "--data", file, stdin=changed(query=query))
    want = ('has to have experimental parts on, or refuses it: 1:5: parse error: function "mad_over_time" is not '
            'enabled')
    assert section(text, "server") == [want] and section(text, "KEDA")[0].startswith("1350 > ")
    got = json.loads(said(query, "--data", file, "-o", "json"))
    assert want.endswith(got["experimental"])
    assert "experimental" not in json.loads(said(QUERY, "--data", file, "-o", "json"))


FORMULA = [  # formula, its line, the result
    ("(one + two) / 2", "formula (one + two) / 2 = 40, active; it takes the place of the triggers", "1 -> 4 replicas"),
    ("one > 100 ? one : 0", "formula one > 100 ? one : 0 = 0, not active; it takes the place of the triggers",
     "1 -> 1 replicas"),
    ("one / three", "formula one / three: error validating formula in ScalingModifiers", "1 -> 1 replicas"),
]


@pytest.mark.parametrize("formula,line,result", FORMULA, ids=[case[0] for case in FORMULA])
def test_formulas(file, formula, line, result):
    second = '''    - type: prometheus
      name: two
      metadata: {serverAddress: "http://p", query: "vector(35)", threshold: "1"}
'''
    text = changed().replace("- type: prometheus", "- name: one\n      type: prometheus") + second
    text = text.replace("  triggers:", '  advanced: {scalingModifiers: {formula: "%s", target: "10"}}\n  triggers:'
                        % formula)
    got = said("-", "--data", file, "--current-replicas=1", stdin=text)
    assert section(got, "HPA")[0].startswith(line)
    assert section(got, "result") == [result]
    assert got.count("\nKEDA    ") == 2


def test_which_objects(file):
    two = changed() + "---\n" + changed(name="other")
    both = said("-", "--data", file, stdin=two)
    assert [line for line in both.splitlines() if line.startswith("object")] == [
        "object  keda-demo/prometheus-scaler", "object  keda-demo/other"]
    one = said("-", "--data", file, "--name=other", stdin=two)
    assert section(one, "object") == ["keda-demo/other"]
    assert "there is no such ScaledObject" in explain("-", "--data", file, "--name=x", code=2, stdin=two).stderr
    refused = explain("-", "--data", file, code=2, stdin=changed(maxReplicaCount="0"))
    assert re.match(r"ferula explain: [^:]+:12:\d+: ", refused.stderr) and refused.stdout == ""
    assert explain("-", "--data", file, code=2, stdin="a: [").stderr.startswith("ferula explain: ")


def test_json(file):
    got = json.loads(said(OBJECT, "--data", file, "--current-replicas=3", "-o", "json"))
    assert [finding["rule"] for finding in got["lint"]] == ["FER020", "FER001"]
    object_, = got["objects"]
    assert (object_["name"], object_["current"], object_["replicas"], object_["complete"]) == (
        "prometheus-scaler", 3, 5, True)
    trigger, = object_["triggers"]
    assert trigger["keda"] == {"failed": False, "active": True, "why": "", "value": "44.99999999999999",
                               "quantity": "45"}
    nodes = trigger["nodes"]
    assert [(n["parent"], n["type"], n["series"], n["samples"]) for n in nodes] == [
        (-1, "vector", 1, 1), (0, "vector", 3, 3), (1, "matrix", 3, 24)]
    assert nodes[2]["window"] == [T0 + 60, T0 + 180]
    assert nodes[2]["elements"][0]["newest"][-1] == [T0 + 180, "2700"]
    empty = json.loads(said("sum(http_requests_totl)", "--data", file, "-o", "json"))["empty"]
    assert [(e["cause"], e["hints"]) for e in empty] == [
        ("matcher", [{"likeness": "near", "label": "__name__", "value": "http_requests_total"}])]
    differing = json.loads(said("http_requests_total", "--data", file, "-o", "json"))["differing"]
    assert differing == [{"label": "pod", "values": 3, "missing": 0}]


# ---- triggers of all types --------------------------------------------------------------------

QUEUE = '{type: azure-queue, metadata: {queueLength: "5", queueName: q, accountName: a}}'
CPU = '{type: cpu, metricType: Utilization, metadata: {value: "60"}}'
MEMORY = '{type: memory, metricType: AverageValue, metadata: {value: 1k}}'
OFFICE = ('{type: cron, name: office, metadata: {timezone: Europe/Berlin, start: 0 8 * * *, end: 0 18 * * *, '
          'desiredReplicas: "7"}}')
NOWHERE = OFFICE.replace("Europe/Berlin", "Nowhere")


def prom(query, name="req", threshold=10, more=""):
    return (f'{{type: prometheus, name: {name}, metadata: {{serverAddress: "http://p", query: {json.dumps(query)}, '
            f'threshold: "{threshold}"{more}}}}}')


def object_of(*triggers, low=0, spec="", annotations=""):
    return (f"apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{name: so, annotations: {{{annotations}}}}}\n"
            f"spec:\n  scaleTargetRef: {{name: app}}\n  minReplicaCount: {low}\n  maxReplicaCount: 20\n  {spec}\n"
            "  triggers:\n" + "".join(f"  - {t}\n" for t in triggers))


def modifiers(formula, target="10"):
    return f"advanced: {{scalingModifiers: {{formula: {json.dumps(formula)}, target: \"{target}\"}}}}"


FAILS = 'label_replace(vector(1), "a", "b", "", "") or vector(2)'  # two elements
CANNOT = "a trigger cannot be asked"
# triggers and more, --number, replicas now, the end of what is said, replicas then
OBJECTS = [
    # external metrics come before those of pods, whatever the order of the triggers
    ([CPU, prom(QUERY), OFFICE, QUEUE], {}, ["0=90", "3=12"], 3,
     ["trigger 1: ceil(45 / 10) = 5", "trigger 2: ratio 7 / (1 x 3) = 2.333, outside the tolerance of 0.9 to 1.1",
      "trigger 2: ceil(7 / 1) = 7", "trigger 3: ratio 12 / (5 x 3) = 0.8, outside the tolerance of 0.9 to 1.1",
      "trigger 3: ceil(12 / 5) = 3", "trigger 0: ratio 90 / 60 = 1.5, outside the tolerance of 0.9 to 1.1",
      "trigger 0: ceil(90 / 60 x 3 ready) = 5", "the highest of 4: 7", "limited to max(2 x 3, 4) = 6 a sync"], 6),
    ([prom(QUERY), MEMORY], {}, ["1=2500"], 2, ["trigger 1: ceil(2500 / 1000 x 2 ready) = 5", "the highest of 2: 5",
                                                 "limited to max(2 x 2, 4) = 4 a sync"], 4),
    ([prom(QUERY)], {}, ["req=95"], 9, ["ratio 95 / (10 x 9) = 1.056, within the tolerance of 0.9 to 1.1: stays at 9"],
     9),
    ([prom(QUERY)], {}, ["0=1", "req=200"], 20, ["ratio 200 / (10 x 20) = 1, within the tolerance of 0.9 to 1.1: "
                                                 "stays at 20"], 20),
    # what is not known
    ([QUEUE, prom("vector(0)")], {}, [], 0,
     ["by 1 of 2 triggers; what the others ask for may be more", "at 0 replicas the HPA does nothing",
      "no trigger that was asked is active: KEDA stays at 0 unless another one is"], 0),
    ([QUEUE, prom("vector(0)")], {}, ["0=0"], 2,
     ["raised to the minimum 1", "no trigger is active: KEDA goes straight to 0 when that has lasted cooldownPeriod, "
      "300 s"], 1),
    ([QUEUE], {}, [], 2, [], None),
    (["{type: external, metadata: {scalerAddress: a}}"], {}, [], 2, [], None),
    ([prom(QUERY), "{type: external, metadata: {scalerAddress: a}}"], {}, [], 5,
     ["by 1 of 2 triggers; what the others ask for may be more", "ratio 45 / (10 x 5) = 0.9, within the tolerance of "
      "0.9 to 1.1: stays at 5"], 5),
    # cpu and memory and activity
    ([CPU, MEMORY], {"low": 1}, ["0=1", "1=1"], 0, ["at 0 replicas the HPA does nothing", "cpu and memory alone are always "
                                            "active: KEDA goes from 0 to 1, and the HPA on from there"], 1),
    ([CPU, prom("vector(0)")], {}, ["0=90"], 0, ["at 0 replicas the HPA does nothing",
                                                 "no trigger is active: KEDA stays at 0"], 0),
    ([CPU, prom("vector(0)")], {}, ["0=90"], 2, ["the highest of 2: 3", "no trigger is active: KEDA goes straight to 0 "
                                                 "when that has lasted cooldownPeriod, 300 s"], 3),
    # cron
    ([NOWHERE], {}, [], 2, ["a metric could not be had, so it stays at 2", CANNOT + ": KEDA does not go to 0"], 2),
    ([NOWHERE, prom(QUERY)], {}, [], 2, ["trigger 0: failed, and asks for nothing",
                                         "trigger 1: ratio 45 / (10 x 2) = 2.25, outside the tolerance of 0.9 to 1.1",
                                         "trigger 1: ceil(45 / 10) = 5", "the highest of 2: 5",
                                         "limited to max(2 x 2, 4) = 4 a sync"], 4),
    # thresholds are rounded to thousandths, the target of the composite metric is cut, and so is its value
    ([prom("vector(0.0109)", threshold=0.0019)], {}, [], 9,
     ["ratio 0.011 / (0.002 x 9) = 0.6111, outside the tolerance of 0.9 to 1.1", "ceil(0.011 / 0.002) = 6",
      "if no recommendation of the last 300 s was higher: one moment does not show those, and until then it stays"], 6),
    ([prom("vector(0.0109)", "a")], {"spec": modifiers("a / 1.9", "0.0019")}, [], 9,
     ["ratio 0.005 / (0.001 x 9) = 0.5556, outside the tolerance of 0.9 to 1.1", "ceil(0.005 / 0.001) = 5",
      "if no recommendation of the last 300 s was higher: one moment does not show those, and until then it stays"], 5),
    ([CPU, prom("vector(30)", "a"), QUEUE.replace("type", "name: q, type", 1)],
     {"spec": modifiers("a + q")}, ["q=20", "0=60"], 3,
     ["formula a + q = 50, active; it takes the place of the triggers",
      "trigger 0: ratio 60 / 60 = 1, within the tolerance of 0.9 to 1.1: stays at 3",
      "formula: ratio 50 / (10 x 3) = 1.667, outside the tolerance of 0.9 to 1.1", "formula: ceil(50 / 10) = 5",
      "the highest of 2: 5"], 5),
    ([prom("vector(30)", "a"), QUEUE.replace("type", "name: q, type", 1)], {"spec": modifiers("a + q")}, [], 3,
     ["the formula of scalingModifiers needs triggers that are not asked"], None),
    ([prom("vector(30)", "a")], {"spec": modifiers("a")}, [], 0,
     ["at 0 replicas the HPA does nothing", "the formula is active: KEDA goes from 0 to 1, and the HPA on from there"],
     1),
    # a trigger that fails is the formula's error until a fallback is in force
    ([prom(FAILS, "a"), prom("vector(30)", "b")], {"spec": modifiers("(a ?? 5) + b")}, [], 3,
     ["formula (a ?? 5) + b: prometheus query " + FAILS + " returned multiple elements",
      "a metric could not be had, so it stays at 3", CANNOT + ": KEDA does not go to 0"], 3),
    # fallbacks
    *[([prom(FAILS)], {"spec": f"fallback: {{failureThreshold: 3, replicas: 6{behavior}}}"}, [], 3,
       ["a metric could not be had, so it stays at 3", "after more than 3 failures in a row " + text,
        CANNOT + ": KEDA does not go to 0"], 3)
      for behavior, text in [
          ("", "the fallback's 6 replicas are asked for"),
          (", behavior: currentReplicas", "the fallback asks for as many replicas as there are"),
          (", behavior: currentReplicasIfHigher",
           "the fallback's 6 replicas are asked for, or as many as there are if those are more"),
          (", behavior: currentReplicasIfLower",
           "the fallback's 6 replicas are asked for, or as many as there are if those are fewer")]],
    ([prom(FAILS)], {"spec": "fallback: {failureThreshold: 3, replicas: 0}"}, [], 3,
     ["a metric could not be had, so it stays at 3",
      "after more than 3 failures in a row the fallback's 0 replicas are asked for",
      "no trigger is active: KEDA goes straight to 0 when that has lasted cooldownPeriod, 300 s"], 3),
    # idleReplicaCount
    ([prom("vector(0)")], {"low": 2, "spec": "idleReplicaCount: 0"}, [], 2,
     ["raised to the minimum 2", "no trigger is active: KEDA goes straight to 0 when that has lasted cooldownPeriod, "
      "300 s"], 2),
    ([prom("vector(9)")], {"low": 2, "spec": "idleReplicaCount: 0"}, [], 0,
     ["at 0 replicas the HPA does nothing", "a trigger is active: KEDA goes from 0 to 2, and the HPA on from there"], 2),
    # annotations
    *[([prom(query)], {"annotations": "autoscaling.keda.sh/" + annotation}, [], now, lines, then)
      for annotation, query, now, lines, then in [
          ('paused: "true"', QUERY, 3, ["paused by annotation: KEDA has deleted the HPA, polls nothing, and it stays at "
                                        "3"], 3),
          ('paused: "false"', QUERY, 3, ["ceil(45 / 10) = 5"], 5),
          ('paused-replicas: "9"', QUERY, 3, ["paused-replicas: KEDA has deleted the HPA, polls nothing, and scales to "
                                              "9"], 9),
          ('paused-scale-in: "true"', "vector(0)", 3, ["limited to 3, and scale-down is disabled", "no trigger is active, "
                                                       "but paused-scale-in: KEDA does not go to 0"], 3),
          ('paused-scale-out: "true"', QUERY, 3, ["limited to 3, and scale-up is disabled"], 3),
          ('paused-scale-out: "true"', QUERY, 0, ["at 0 replicas the HPA does nothing", "a trigger is active, but "
                                                  "paused-scale-out: KEDA stays at 0"], 0),
          ('force-activation: "true"', "vector(0)", 0, ["at 0 replicas the HPA does nothing", "activation is forced by "
                                                        "annotation: KEDA goes from 0 to 1, and the HPA on from there"],
           1)]],
]


@pytest.mark.parametrize("triggers,more,numbers,now,lines,then", OBJECTS, ids=range(len(OBJECTS)))
def test_objects(file, triggers, more, numbers, now, lines, then):
    words = ["-", "--data", file, f"--current-replicas={now}", *(f"--number={n}" for n in numbers)]
    text = said(*words, stdin=object_of(*triggers, **more))
    assert section(text, "HPA")[-len(lines):] == lines
    assert section(text, "result") == ([] if then is None else [f"{now} -> {then} replicas"])
    got, = json.loads(said(*words, "-o", "json", stdin=object_of(*triggers, **more)))["objects"]
    assert got.get("replicas") == then and got["hpa"] == section(text, "HPA")


def test_what_is_said_of_triggers(file):
    text = said("-", "--data", file, "--number=0=90", stdin=object_of(CPU, OFFICE, QUEUE, NOWHERE.replace("office", "no-zone")))
    lines = text.splitlines()
    assert lines[1:11] == [
        "trigger 0, cpu, target 60 %", "number  90 %", "KEDA    does not ask for it: the HPA does",
        "trigger 1, cron office, target 1 a replica", "cron    from 0 8 * * * to 0 18 * * * in Europe/Berlin: 7",
        "KEDA    7 > activation value 0: active; the HPA is told 7",
        "trigger 2, azure-queue: not asked: --number 2=N says what it is worth",
        "trigger 3, cron no-zone, target 1 a replica", "cron    from 0 8 * * * to 0 18 * * * in Nowhere: not known",
        "KEDA    an error, and no value: unable to load timezone: unknown time zone Nowhere"]
    night = said("-", "--data", file, "--at=2026-01-02T20:00:00Z", stdin=object_of(OFFICE))
    assert section(night, "cron") == ["from 0 8 * * * to 0 18 * * * in Europe/Berlin: 0"]
    assert section(night, "KEDA") == ["0 is not more than activation value 0: not active; the HPA is told 0"]


def test_triggers_as_json(file):
    got, = json.loads(said("-", "--data", file, "--number=0=90", "-o", "json", stdin=object_of(
        CPU, OFFICE, QUEUE, NOWHERE.replace("office", "no-zone"))))["objects"]
    cpu, office, queue, no_zone = got["triggers"]
    assert (cpu["target"], cpu["number"], "keda" in cpu, got["complete"]) == ("60", "90", False, False)
    assert (office["schedule"], office["keda"]["active"], office["proposal"]) == ("7", True, 7)
    assert "not asked" in queue["text"] and "target" not in queue
    assert no_zone["keda"]["failed"] and "schedule" not in no_zone and no_zone["proposal"] == -1
    formula = json.loads(said("-", "--data", file, "-o", "json", stdin=object_of(
        prom("vector(30)", "a"), spec=modifiers("a / 3"))))["objects"][0]["formula"]
    assert formula == {"text": "a / 3", "target": "10", "keda": {
        "failed": False, "active": True, "why": "", "value": "10", "quantity": "10"}}


def test_a_trigger_that_keda_refuses(file):
    text = said("-", "--data", file, "--current-replicas=3", stdin=object_of(prom(QUERY), QUEUE.replace('"5"', "five")))
    assert section(text, "HPA") == ["KEDA refuses trigger 1, and with it the ScaledObject: there is no HPA, and nothing is "
                                    "scaled"]
    assert "result" not in text and "trigger 1, azure-queue: error parsing azure-queue metadata: " in text


NUMBERS = [  # --number, what stderr says
    ("x=1", "there is no trigger x"), ("1=1", "there is no trigger 1"), ("0", "expected TRIGGER=NUMBER"),
    ("=1", "expected TRIGGER=NUMBER"), ("0=", "expected TRIGGER=NUMBER"), ("0=NaN", "expected TRIGGER=NUMBER"),
    ("0=1x", "expected TRIGGER=NUMBER"), ("-1=1", "there is no trigger -1"),
    ("18446744073709551616=1", "there is no trigger"),
]


@pytest.mark.parametrize("number,want", NUMBERS, ids=[case[0] for case in NUMBERS])
def test_numbers_that_fit_nothing(file, number, want):
    done = explain("-", "--data", file, f"--number={number}", code=2, stdin=object_of(QUEUE))
    assert done.stdout == "" and done.stderr.startswith(
        f"ferula explain: invalid value \"{number}\" for flag '--number': {want}")


# ---- times ------------------------------------------------------------------------------------

@pytest.mark.parametrize("at,want", [
    (None, "12:00:00Z"), ("-1m30s", "11:58:30Z"), ("+1m", "12:01:00Z"), (str(T0 + 60), "11:58:00Z"),
    ("2026-01-02T11:59:00Z", "11:59:00Z")])
def test_times(file, at, want):
    text = said(QUERY, "--data", file, *([] if at is None else [f"--at={at}"]))
    assert section(text, "query")[0] == "at 2026-01-02T" + want


TEST_FILE = '''
tests:
- name: rise
  start_timestamp: 2026-01-02T11:57:00Z
  interval: 15s
  input_series:
  - {series: 'http_requests_total{namespace="keda-demo",pod="a"}', values: '0+675x12'}
- name: none
'''


def test_series_of_a_test_file(tmp_path):
    path = tmp_path / "scaling.test.yaml"
    path.write_text(TEST_FILE)
    text = said(OBJECT, "--data", path, "--current-replicas=3")
    assert section(text, "query")[0] == "at 2026-01-02T12:00:00Z"
    assert section(text, "result") == ["3 -> 5 replicas"]
    assert "there are no series at all" in said(OBJECT, "--data", path, "--test=none")
    assert "has no test \"x\"" in explain(OBJECT, "--data", path, "--test=x", code=2).stderr
    path.write_text("tests: 1")
    assert f"{path}:1:8: " in explain(OBJECT, "--data", path, code=2).stderr


# ---- faults -----------------------------------------------------------------------------------

FAULTS = [  # words, exit code, what stderr says
    ([QUERY], 2, "required flag --data not provided"),
    ([QUERY, "--data", "absent.prom"], 2, "absent.prom: No such file or directory"),
    ([QUERY, "--data", "."], 2, "there is no store in .: no file ferula.mdb"),
    ([QUERY, "--data", "FILE", "--data", "."], 2, ".: only files of samples can be taken together"),
    ([QUERY, "--data", "BAD"], 2, "line 1: "),
    ([QUERY, "--data", "FILE", "--at=noon"], 2, "invalid value \"noon\" for flag '--at'"),
    ([QUERY, "--data", "FILE", "--current-replicas=-1"], 2, "invalid value \"-1\" for flag '--current-replicas'"),
    ([QUERY, "--data", "FILE", "--keda-version=9"], 2, "9"),
    ([QUERY, "--data", "FILE", "--number=0=1"], 2, "--number is of ScaledObjects, and 'sum(rate("),
    ([QUERY, "--data", "FILE", "--name=x"], 2, "--name is of ScaledObjects"),
    (["so.yamll", "--data", "FILE", "--current-replicas=3"], 2, "--current-replicas is of ScaledObjects, and "
     "'so.yamll' is taken for a query: there is no file called so"),
    ([QUERY, "--data", "FILE", "--test=x"], 2, "--test is of files of ferula test"),
    (["-", "--data", "-"], 2, "stdin cannot be the manifests and the data"),
    (["sum(", "--data", "FILE"], 2, "1:5: parse error: unclosed left parenthesis"),
    (["so.yaml", "--data", "FILE"], 2, "so.yaml: No such file or directory"),
    ([QUERY, "--data", "127.0.0.1:1"], 4, "http://127.0.0.1:1: "),
]


@pytest.mark.parametrize("words,code,want", FAULTS, ids=range(len(FAULTS)))
def test_faults(tmp_path, file, words, code, want):
    (tmp_path / "bad").write_text("a{b 1\n")
    names = {"FILE": str(file), "BAD": str(tmp_path / "bad")}
    done = explain(*(names.get(word, word) for word in words), code=code, cwd=tmp_path)
    assert want in done.stderr and done.stdout == ""


# ---- servers and folders ----------------------------------------------------------------------

SAME = [QUERY, "http_requests_total", 'http_requests_total{pod="d"}', 'http_requests_total{Pod="a"}', "gone",
        "rate(gone[1m])", "max_over_time(sum(http_requests_total)[1m:15s])", 'up{namespace="keda-demo"}',
        "http_requests_total offset 1m", "http_requests_total > 1e9", "rate(http_requests_total[15s])"]


def test_files_servers_and_folders_agree(tmp_path):
    at = f"--at={T0 + 180}"
    lines = [{"metric": {"__name__": "gone"}, "values": [1, 1, "stale"],
              "timestamps": [(T0 + s) * 1000 for s in (90, 105, 120)]}]
    (tmp_path / "gone.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "requests.prom").write_text(requests())
    with start_server(tmp_path / "data", "--storage.tsdb.retention.time=0") as server:
        server.push(requests(), "--backfill")
        assert run_ferula("tsdb", "import", tmp_path / "gone.jsonl", server.url).returncode == 0
        live = {q: said(q, "--data", server.url, at) for q in SAME}
        live_object = said(OBJECT, "--data", server.url, at)
        dump = run_ferula("tsdb", "dump", server.url).stdout
    (tmp_path / "all.jsonl").write_text(dump)
    both = ["--data", tmp_path / "requests.prom", "--data", tmp_path / "gone.jsonl"]
    for query in SAME:
        want = said(query, *both, at)
        assert said(query, "--data", tmp_path / "all.jsonl", at) == want
        assert said(query, "--data", server.dir, at) == want
        if query == "gone":  # over HTTP nothing but the last sample before the marker is known
            want = want.replace("1m before", "1m15s before")
        if query == "rate(gone[1m])":
            assert section(live[query], "empty")[1:2] == [
                "the newest sample of 1 series is 1m15s old, and the selector sees 1m: nothing has been written since"]
        else:
            assert live[query] == want, query
        assert said(query, "--data", server.dir, at) == said(query, *both, at)
    assert live_object == said(OBJECT, *both, at)
    assert "was marked as gone" in live["gone"]


def test_what_a_server_lists_of_other_times(server):
    server.push(requests(int(server.get("/api/v1/query", query="time()").json()["data"]["result"][0]) - 180))
    empty = section(said("http_requests_total @ 1000", "--data", server.url), "empty")
    assert empty[1] == "there is no metric http_requests_total within 1d of 1970-01-01T00:16:40Z"
    assert empty[3] == "http_requests_total is there, but not then"


def test_ranges_that_have_their_start(tmp_path):
    """Servers before Prometheus 3 give the sample at the very start of a range, too."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            data = [{"__name__": "m"}]
            if self.path == "/api/v1/query":
                values = [[T0 + s, str(s)] for s in range(0, 181, 15)]
                width = re.search(r"\[(\d+)ms\]", form["query"][0])
                if width:
                    end = float(form["time"][0])
                    start = end - int(width.group(1)) / 1000
                    values = [v for v in values if start - 1e-6 <= v[0] <= end]
                data = {"result": [{"metric": data[0], "values": values}]}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"status": "success", "data": data}).encode())

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{web.server_address[1]}"
        text = said("count_over_time(m[1m])", "--data", url, f"--at={T0 + 180}")
        web.shutdown()
    assert " => 4\n" in text and "1 series, 4 samples in (11:59:00, 12:00:00]" in text


def test_a_server_is_asked_for_now(server):
    now = int(server.get("/api/v1/query", query="time()").json()["data"]["result"][0])
    server.push(requests(now - 180))
    text = said("sum(http_requests_total)", "--data", server.url)
    assert "{} => 8100" in text


def test_answers_that_are_none():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(self.server.status)
            self.end_headers()
            self.wfile.write(self.server.answer)

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{web.server_address[1]}"
        for status, answer, want in [(401, b"who are you", "answered 401: who are you"),
                                     (200, b"<html>", "answered 200, but not as Prometheus' API does"),
                                     (422, b'{"status":"error","error":"too much"}', "answered 422: too much")]:
            web.status, web.answer = status, answer
            assert explain("up", "--data", url, code=2).stderr == f"ferula explain: {url} {want}\n"
        web.shutdown()
