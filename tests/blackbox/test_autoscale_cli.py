"""ferula test and ferula simulate: stories of ScaledObjects in virtual time."""
import csv
import io
import json
import os
import re
import select
import subprocess
import time
import xml.etree.ElementTree as ElementTree

import pytest

from conftest_server import FERULA, TOP, run_ferula, start_server

EXAMPLES = os.path.join(TOP, "examples")
OBJECT = os.path.join(EXAMPLES, "scaled-object.yaml")
STORIES = sorted(name for name in os.listdir(EXAMPLES) if name.endswith(".test.yaml"))
LOAD = ("--load=0:30,5m:150,10m:0", "--app=capacity=20,start=10s,warm-up=2m")

STORY = """evaluation_interval: 15s
scaled_objects: [{object}]
tests:
  - name: fifteen
    autoscale: {{app: {{load: "0:150", warm_up: 2m}}, for: 5m}}
    autoscale_test:
{checks}
"""


def story(tmp_path, *checks, name="story.yaml"):
    path = tmp_path / name
    lines = "\n".join(f"      - {check}" for check in checks)
    path.write_text(STORY.format(object=OBJECT, checks=lines))
    return path


def out_of(done, code):
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


# ---- examples ---------------------------------------------------------------------------------

@pytest.mark.parametrize("name", STORIES)
def test_examples_pass(name):
    out = out_of(run_ferula("test", os.path.join(EXAMPLES, name)), 0)
    assert out.endswith(" passed, 0 failed\n") and "FAIL" not in out


def test_the_walkthrough_step_by_step():
    """150 requests a second: 1, 4, 8, 10; and in after the HPA's 300 s, not cooldownPeriod's 90."""
    out = out_of(run_ferula("simulate", OBJECT, "--load=0:150,5m:0", "--app=warm-up=2m", "-o", "csv"), 0)
    rows = [r for r in csv.DictReader(io.StringIO(out)) if r["before"] != r["after"]]
    assert [(r["seconds"], r["after"], r["reason"]) for r in rows[:3]] == [
        ("15.000", "4", "ScaleUpLimit"), ("30.000", "8", "ScaleUpLimit"),
        ("45.000", "10", "TooManyReplicas")]
    assert rows[-1]["after"] == "1" and all(r["actor"] == "hpa" for r in rows)
    # 15 are recommended until 5m15s, 10 until 5m45s or so: nothing goes in the 300 s after that.
    assert float(rows[3]["seconds"]) > 10 * 60 and rows[3]["reason"] == "ScaleDownStabilized"


# ---- results ----------------------------------------------------------------------------------

def test_output_is_byte_for_byte_the_same():
    words = ["test", "--debug", *(os.path.join(EXAMPLES, name) for name in STORIES)]
    first = run_ferula(*words, "--jobs=1").stdout
    assert first == run_ferula(*words, "--jobs=4").stdout
    assert " ms)" not in first and " ms)" in run_ferula(*words, "--timing").stdout


def test_a_failure_shows_the_rule_and_a_hint(tmp_path):
    path = story(tmp_path, "{at: 30s, replicas: 10}")
    out = out_of(run_ferula("test", path), 1)
    assert f"at 30s: replicas is 8, expected replicas == 10   ({path}:7:29)" in out
    assert re.search(r"15s +HPA +150/10 +1 -> 4 +ScaleUpLimit: .*max\(2 x 1, 4\)", out)
    assert "hint FER001: cooldownPeriod 90 does nothing" in out
    assert out.endswith("0 passed, 1 failed\n")
    diff = out_of(run_ferula("test", "--diff", path), 1)
    assert "- replicas == 10\n" in diff and "+ replicas == 8\n" in diff


@pytest.mark.parametrize("check,fails", [
    ("{at: 15s, replicas: 4}", None),
    ("{at: 15s, min_replicas: 5}", "replicas is 4, expected replicas >= 5"),
    ("{at: 15s, max_replicas: 4, reason: ScaleUpLimit}", None),
    ("{within: 30s, replicas: 8}", None),
    ("{within: 30s, replicas: 10}", "within 30s, and at its end: replicas is 8"),
    ("{from: 30s, within: 15s, replicas: 10}", None),
    ("{never: 'replicas > 8'}", "never, but at 45s: replicas is 10, expected replicas > 8"),
    ("{never: 'replicas > 8', to: 44s}", None),
    ("{always: 'replicas <= 10'}", None),
    ("{always: 'replicas >= 8', from: 30s}", None),
    ("{always: 'ready == 10', from: 1m}", None),
    ("{at: 30s, always: 'metric > 100'}", None),
    ("{at: 15s, reason: TooManyReplicas}", "the reason is ScalerActive (KEDA), ScaleUpLimit (HPA)"),
    ("{at: 1m, condition: Ready=True}", None),
    ("{at: 1m, condition: ScalingLimited=True/TooManyReplicas}", None),
    ("{at: 1m, condition: ScalingLimited=False}", "ScalingLimited=True/TooManyReplicas, expected"),
    ("{faults: {from: 1m, answer: 503}, expect: {at: 2m, condition: Ready=False/TriggerError}}", None),
    ("{faults: {from: 1m, answer: two}, expect: {at: 2m, reason: FailedGetExternalMetric}}", None),
    ("{faults: {from: 1m, answer: garbled}, expect: {min_replicas: 10}}", None),
    ("{faults: {from: 1m, answer: slow, delay: 1s}, expect: {at: 2m, condition: Ready=True}}", None),
    ("{faults: {from: 1m, answer: slow, delay: 3s}, expect: {at: 2m, condition: Ready=False}}", None),
    ("{faults: {from: 0s, answer: nan}, expect: {always: 'replicas == 1'}}", None),
    ("{faults: {from: 0s, answer: gap}, expect: {at: 5m, replicas: 10}}", None),
])
def test_checks(tmp_path, check, fails):
    done = run_ferula("test", story(tmp_path, check))
    out = out_of(done, 0 if fails is None else 1)
    assert fails is None or fails in out


def test_run_picks_by_name():
    path = os.path.join(EXAMPLES, "walkthrough.test.yaml")
    assert "1 passed" in out_of(run_ferula("test", "--run=outage", path), 0)
    assert "no test matches 'nothing'" in run_ferula("test", "--run=nothing", path).stderr
    done = run_ferula("test", "--run=(", path)
    assert done.returncode == 2 and "error parsing regexp" in done.stderr


def test_junit_and_github(tmp_path):
    path = story(tmp_path, "{at: 15s, replicas: 4}", "{at: 30s, replicas: 10}")
    junit = tmp_path / "out.xml"
    out = out_of(run_ferula("test", f"--junit={junit}", "--github", path), 1)
    assert (f"::error file={path},line=8,col=29,title=fifteen::at 30s: replicas is 8, expected "
            "replicas == 10\n") in out
    root = ElementTree.parse(junit).getroot()
    assert root.attrib == {"tests": "1", "failures": "1"}
    case = root.find("testsuite/testcase")
    assert case.get("name") == "fifteen"
    assert case.find("failure").get("message") == "at 30s: replicas is 8, expected replicas == 10"
    assert "ScaleUpLimit" in case.find("failure").text


def test_update_blesses_what_is(tmp_path):
    path = story(tmp_path, "{at: 15s, replicas: 3} # ≥ 3", "{at: 30s, replicas: 10, reason: ScaleUpLimit}",
                 "{at: 45s, min_replicas: 11}")
    before = path.read_text()
    done = run_ferula("test", "--update", path)
    assert done.returncode == 1 and "2 expected numbers updated" in done.stderr
    assert path.read_text() == before.replace("replicas: 3}", "replicas: 4}").replace(
        "30s, replicas: 10", "30s, replicas: 8")
    assert os.listdir(tmp_path) == ["story.yaml"]
    again = out_of(run_ferula("test", path), 1)
    assert again.count("expected") == 1 and "replicas >= 11" in again


def test_watch_runs_again(tmp_path):
    path = story(tmp_path, "{at: 15s, replicas: 4}")
    with subprocess.Popen([FERULA, "test", "--watch", path], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert "PASS" in process.stdout.readline()
            assert process.stdout.readline() == "1 passed, 0 failed\n"
            changed = path.read_text().replace("replicas: 4", "replicas: 5")
            while True:  # the watch may not have begun yet
                (tmp_path / "new").write_text(changed)
                os.replace(tmp_path / "new", path)
                ready, _, _ = select.select([process.stdout], [], [], 0.05)
                if ready:
                    break
            assert "FAIL" in process.stdout.readline()
        finally:
            process.kill()


# ---- promtool's half --------------------------------------------------------------------------

PROMTOOL = """rule_files: []
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: up{job="a"}
        values: 1x3 _ stale 0 3
      - series: h
        values: '{{schema:0 sum:3 count:2 buckets:[1 1]}}x2'
    promql_expr_test:
"""


@pytest.mark.parametrize("expr,at,samples,fails", [
    ("up", "1m", "[{labels: 'up{job=\"a\"}', value: 1}]", None),
    ("sum(up)", "2m", "[{labels: '{}', value: 1}]", None),
    ("sum(up)", "2m", "[{value: 1}]", None),
    ("1 + 1", "2m", "[{labels: '{}', value: 2}]", None),
    ("up", "5m", "[]", None),
    ("up", "1m", "[]", "got: {__name__=\"up\", job=\"a\"} 1"),
    ("up", "1m", "[{labels: 'up', value: 1}]", "exp: {__name__=\"up\"} 1"),
    ("up", "1m", "[{labels: 'up{job=\"a\"}', value: 2}]", "exp: {__name__=\"up\", job=\"a\"} 2"),
    ("h", "1m", "[{labels: h, histogram: '{{schema:0 sum:3 count:2 counter_reset_hint:not_reset buckets:[1 1]}}'}]", None),
    ("h", "1m", "[{labels: h, histogram: '{{schema:0 sum:4 count:2 buckets:[1 1]}}'}]", "exp: "),
    ("up[2m]", "1m", "[]", "err: rule result is not a vector or scalar"),
    ("up{", "1m", "[]", "err: 1:4: parse error"),
])
def test_promql(tmp_path, expr, at, samples, fails):
    path = tmp_path / "t.yaml"
    path.write_text(PROMTOOL + f"      - {{expr: '{expr}', eval_time: {at}, exp_samples: {samples}}}\n")
    out = out_of(run_ferula("test", path), 0 if fails is None else 1)
    assert fails is None or fails in out


# ---- what is wrong ----------------------------------------------------------------------------

@pytest.mark.parametrize("old,new,says", [
    ("for: 5m", "four: 5m", "5:52: error: unknown field 'four', did you mean 'for'?; there are initial_replicas, "),
    ("for: 5m", "for: 5", "5:57: error: not a valid duration string"),
    ("tests:", "testz:", "3:1: error: unknown field 'testz', did you mean 'tests'?"),
    ("for: 5m", "nonsense: 5m", "error: unknown field 'nonsense'; there are "),
    ("for: 5m", "initial_replicas: 100001", "error: initial_replicas has to be at most 100000"),
    ("at: 15s", "at: 15s, within: 1m", "7:9: error: 'at' is one moment"),
    ("at: 15s", "from: 2m, to: 1m", "7:9: error: 'to' is before 'from'"),
    ('load: "0:150"', "load: [{at: 0s, value: -1}]", "'value' has to be a number of at least 0"),
    ("at: 15s", "at: 15s, at2: 1s", "unknown field 'at2', did you mean 'at'?; there are scaled_object, at, within"),
    ("replicas: 4", "replicas: -4", "7:29: error: '-4' is no number of at least 0"),
    ("at: 15s", "at: 6m", "7:28: error: this is after the end of the test ('for')"),
    ("for: 5m", "sync_period: 1ms", "sync_period has to be at least 1s"),
    ("warm_up: 2m", "scrape_interval: 1ms", "scrape_interval has to be at least 1s"),
    (", replicas: 4", "", "7:9: error: nothing is expected here"),
    (", replicas: 4", ", never: replicas", "'replicas' is not NAME OPERATOR NUMBER"),
    (", replicas: 4", ", reason: Why", "'Why' is no reason"),
    (", replicas: 4", ", condition: Ready=Yes", "is not TYPE=True|False|Unknown[/REASON]"),
    ("at: 15s", "scaled_object: other, at: 15s", "there is no ScaledObject 'other'"),
    ("at: 15s", "faults: {answer: nothing}, at: 15s", "'nothing' is no fault"),
    ("0:150", "0:150,0:20", "the times of a load have to ascend"),
    ("0:150", "150", "'150' is not TIME:NUMBER"),
    ("tests:", "rule_files: [a.yml]\ntests:", "there are no recording or alerting rules in ferula"),
    ("for: 5m", "changes: {annotations: {a: b}}", "5:61: error: a change needs 'at'"),
    ("for: 5m", "changes: {at: 1m}", "5:61: error: nothing changes here: annotations or spec"),
    ("for: 5m", "changes: {at: 1m, scaled_object: x, spec: {}}", "there is no ScaledObject 'x'"),
    ("for: 5m", "changes: [{at: 2m, spec: {}}, {at: 1m, spec: {}}]", "5:82: error: the times of changes have to ascend"),
    ("for: 5m", "created_at: 2m, changes: {at: 1m, spec: {}}", "this is before the ScaledObject is created"),
    ("for: 5m", "changes: {at: 1m, spec: {triggers: []}}", "5:77: error: 'triggers' cannot change while a test runs"),
    ("for: 5m", "changes: {at: 1m, spec: {fallback: null}}", "'fallback' needs the value it changes to"),
    ("for: 5m", "changes: {at: 1m, spec: {maxReplicaCount: x}}",
     "error: spec.maxReplicaCount: Invalid value: \"string\": spec.maxReplicaCount in body must be of type integer"),
    ("for: 5m", "changes: {at: 1m, spec: {minReplicaCount: 11}}",
     "error: MinReplicaCount=11 must be less than MaxReplicaCount=10"),
    ("for: 5m", "changes: {at: 1m, annotations: {a: 1}}", "metadata.annotations.a in body must be of type string"),
    ("scaled-object.yaml", "not-there.yaml", "not-there.yaml: No such file or directory"),
    ("evaluation_interval: 15s", "evaluation_interval: [", "did not find expected"),
])
def test_a_bad_file_is_told_and_nothing_is_run(tmp_path, old, new, says):
    path = story(tmp_path, "{at: 15s, replicas: 4}")
    path.write_text(path.read_text().replace(old, new))
    junit = tmp_path / "out.xml"
    done = run_ferula("test", f"--junit={junit}", "--update", path)
    assert done.returncode == 2 and done.stdout == "", done.stdout
    assert says in done.stderr, done.stderr
    assert not junit.exists()


def test_what_cannot_be_run_is_an_error(tmp_path):
    so = tmp_path / "so.yaml"
    with open(OBJECT, encoding="utf-8") as file:
        so.write_text(file.read().replace("type: prometheus", "type: azure-queue"))
    path = story(tmp_path, "{at: 15s, replicas: 4}")
    path.write_text(path.read_text().replace(OBJECT, "so.yaml"))
    done = run_ferula("test", path)
    assert done.returncode == 2 and "needs to be told its number over time" in done.stdout
    path = story(tmp_path, "{at: 33d, replicas: 4}")
    path.write_text(path.read_text().replace(", for: 5m", ""))
    done = run_ferula("test", path)
    assert done.returncode == 2 and "more than 32 days would not fit in memory" in done.stdout
    path = story(tmp_path, "{at: 15s, replicas: 4, faults: {answer: empty, trigger: 1}}")
    done = run_ferula("test", path)
    assert done.returncode == 2 and "faults: there is no trigger 1 in ScaledObject" in done.stdout
    assert run_ferula("test").returncode == 2
    assert run_ferula("test", tmp_path / "none.yaml").returncode == 2


# ---- simulate ---------------------------------------------------------------------------------

def test_simulate_prints_a_timeline_and_figures():
    out = out_of(run_ferula("simulate", OBJECT, *LOAD), 0)
    assert re.search(r"^7m15s +HPA +\S+ +9 -> 10 +TooManyReplicas: ", out, re.M)
    assert re.search(r"^prometheus-scaler +7140 +2m30s +6900 +12 +1 +1 +10 +1$", out, re.M)
    assert out == run_ferula("simulate", OBJECT, *LOAD).stdout


def test_simulate_sweeps_and_compares(tmp_path):
    out = out_of(run_ferula("simulate", OBJECT, *LOAD, "--sweep=threshold=5..20:5"), 0)
    assert [line.split()[0] for line in out.splitlines()[1:]] == [
        "threshold=5", "threshold=10", "threshold=15", "threshold=20"]
    windows = [line.split() for line in out_of(run_ferula(
        "simulate", OBJECT, *LOAD, "--sweep=scaleDown.stabilizationWindowSeconds=0,300"), 0).splitlines()[1:]]
    plain = out_of(run_ferula("simulate", OBJECT, *LOAD), 0).splitlines()[-1].split()
    assert windows[1][1:] == plain[1:] != windows[0][1:]  # 300 s is the controller's own
    assert "nothing is called 'treshold'" in run_ferula("simulate", OBJECT, "--sweep=treshold=1").stderr
    other = tmp_path / "other.yaml"
    with open(OBJECT, encoding="utf-8") as file:
        other.write_text(file.read().replace("maxReplicaCount: 10", "maxReplicaCount: 5"))
    both = json.loads(out_of(run_ferula("simulate", OBJECT, other, *LOAD, "-o", "json"), 0))
    assert [v["summary"]["max"] for v in both["variants"]] == [10, 5]
    assert both["variants"][0]["summary"]["lost"] < both["variants"][1]["summary"]["lost"]
    assert both["variants"][1]["name"] == str(other)


QUEUE = """apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: q}
spec:
  scaleTargetRef: {name: q}
  minReplicaCount: 1
  triggers:
  - {type: azure-queue, name: queue, metadata: {queueName: a, queueLength: "5"}}
  - {type: cpu, metadata: {value: "50"}}
"""


def test_simulate_takes_numbers_of_triggers(tmp_path):
    """By name or place, one or some over time: as ferula explain, and as the numbers of a test file."""
    so = tmp_path / "q.yaml"
    so.write_text(QUEUE)
    out = out_of(run_ferula("simulate", so, "--number=queue=40", "--number=1=25"), 0)
    assert out.splitlines()[-1].split()[-1] == "8" and "ceil(40 / 5) = 8" in out
    assert out == out_of(run_ferula("simulate", so, "--number=0=0:40", "--number=1=25", "--for=15m"), 0)
    out = out_of(run_ferula("simulate", so, "--number=queue=0:0,5m:40,6m:0", "--number=1=0"), 0)
    assert "ceil(30 / 5) = 6" in out and out.splitlines()[-1].split()[-1] == "1"  # lines; to ten minutes after
    data = tmp_path / "none.om"
    data.write_text("# EOF\n")
    now = out_of(run_ferula("explain", so, f"--data={data}", "--number=queue=40", "--number=1=25"), 0)
    assert re.search(r"40 / 5\b.* 8\b", now), now
    for number, says in (("x=1", "there is no trigger x"), ("queue", "expected TRIGGER=NUMBER or TRIGGER=TIME:NUMBER"),
                         ("0=1,2", "'2' is not TIME:NUMBER"), ("0=-1", "'-1' is no number of at least 0")):
        done = run_ferula("simulate", so, f"--number={number}", "--number=1=25")
        assert done.returncode == 2 and f"invalid value \"{number}\" for flag '--number': {says}" in done.stderr
    path = story(tmp_path, "{at: 5m, replicas: 8}")
    numbers = "numbers: [{trigger: queue, values: '0:40'}, {trigger: '1', values: '0:25'}]"
    path.write_text(path.read_text().replace(OBJECT, "q.yaml").replace('app: {load: "0:150", warm_up: 2m}', numbers))
    out_of(run_ferula("test", path), 0)


def test_more_pods_than_there_can_be(tmp_path):
    """They end the simulation, and not with the memory."""
    crowd = tmp_path / "crowd.yaml"
    with open(OBJECT, encoding="utf-8") as file:
        crowd.write_text(file.read().replace("maxReplicaCount: 10", "maxReplicaCount: 2000000000"))
    done = run_ferula("simulate", crowd, "--load=0:1e12", "--for=30m")
    assert done.returncode == 2
    assert "replicas are wanted, more than the 100000 pods that are simulated" in done.stderr


def test_simulate_draws(tmp_path):
    picture = tmp_path / "a.svg"
    out_of(run_ferula("simulate", OBJECT, *LOAD, f"--svg={picture}"), 0)
    root = ElementTree.parse(picture).getroot()
    width, height = int(root.get("width")), int(root.get("height"))
    svg = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(svg + "path")) == 4 and len([r for r in root.findall(svg + "rect") if r.get("class") == "m"]) == 12
    for tag in root.iter():
        for name, most in (("x", width), ("y", height)):
            assert 0 <= float(tag.get(name, 0)) <= most
    assert any("TooManyReplicas" in (t.text or "") for t in root.findall(svg + "text"))
    done = run_ferula("simulate", OBJECT, *LOAD, f"--svg={tmp_path}/none/a.svg")
    assert done.returncode == 1 and done.stdout == ""


def recording(rate=150, minutes=20, begin=1_700_000_000):
    """A counter that rises evenly, by 15 s."""
    return [(begin + i * 15, i * 15 * rate) for i in range(minutes * 4 + 1)]


def test_simulate_on_recorded_data(tmp_path):
    rows = recording()
    om = tmp_path / "a.om"
    om.write_text("# TYPE http_requests counter\n" + "".join(
        f'http_requests_total{{namespace="keda-demo"}} {v} {t}\n' for t, v in rows) + "# EOF\n")
    lines = tmp_path / "a.jsonl"
    lines.write_text(json.dumps({
        "metric": {"__name__": "http_requests_total", "namespace": "keda-demo"},
        "values": [v for _, v in rows], "timestamps": [t * 1000 for t, _ in rows]}) + "\n")
    series = tmp_path / "a.series"
    series.write_text('# as promtool has it\nhttp_requests_total{namespace="keda-demo"} 0+2250x80\n')
    outs = [out_of(run_ferula("simulate", OBJECT, *words), 0) for words in (
        [f"--data={om}"], [f"--data={lines}"], [f"--series={series}"])]
    assert outs[0] == outs[1] == outs[2]
    assert re.search(r"^1m15s +HPA +\S+ +8 -> 10 ", outs[0], re.M)
    with start_server(tmp_path / "server") as server:
        server.push("".join(f'http_requests_total{{namespace="keda-demo"}} {v} {t * 1000}\n'
                            for t, v in recording(begin=int(time.time()) - 1200)))
        live = out_of(run_ferula("simulate", OBJECT, f"--data={server.url}", "--for=15m"), 0)
    assert re.search(r"^15s +HPA +150/10 +1 -> 4 +ScaleUpLimit", live, re.M)


def recorded_days(days, chunk=240, begin=1_700_000_000):
    """Lines of JSON of a counter whose rate goes up and down each day, in order of time."""
    lines, value = [], 0
    for first in range(0, days * 5760, chunk):
        values = []
        for i in range(first, first + chunk):
            values.append(value)
            value += 15 * (150 if i % 5760 < 2880 else 20)
        lines.append(json.dumps({
            "metric": {"__name__": "http_requests_total", "namespace": "keda-demo"}, "values": values,
            "timestamps": [(begin + i * 15) * 1000 for i in range(first, first + chunk)]}) + "\n")
    return lines


def test_a_long_recording_is_read_in_windows(tmp_path):
    path, series = tmp_path / "a.jsonl", tmp_path / "a.series"
    path.write_text("".join(recorded_days(10)))
    series.write_text("unrelated 0+1x4\n")  # with it the recording is held whole
    copy = tmp_path / "b.jsonl"
    copy.write_text(path.read_text().splitlines()[0] + "\n")  # two files are not read while time goes on
    outs = [out_of(run_ferula("simulate", OBJECT, f"--data={path}", "-o", "csv", *words), 0)
            for words in ([], [f"--data={copy}"], [f"--series={series}"])]
    assert len(outs[0].splitlines()) > 10 * 5760
    assert outs[0] == outs[1] == outs[2]
    part = ["--start=1700300000", "--for=2h", "-o", "csv"]
    assert out_of(run_ferula("simulate", OBJECT, f"--data={path}", *part), 0) == out_of(
        run_ferula("simulate", OBJECT, f"--data={path}", f"--series={series}", *part), 0)


def test_the_clock_of_a_long_recording(tmp_path):
    lines = recorded_days(33, chunk=5760)
    path = tmp_path / "a.jsonl"
    path.write_text("".join(lines[1:] + lines[:1]))
    done = run_ferula("simulate", OBJECT, f"--data={path}")
    assert done.returncode == 2 and done.stdout == ""
    assert f"{path}:33: the clock goes backwards" in done.stderr
    path.write_text("".join(lines[1:20] + lines[:1]))  # a short one is held, in any order
    out_of(run_ferula("simulate", OBJECT, f"--data={path}"), 0)


def test_simulate_a_quarter(tmp_path):
    out = out_of(run_ferula("simulate", OBJECT, "--load=0:30,40d:150", "--for=90d"), 0)
    assert re.search(r"^40d15s +HPA ", out, re.M), out
    assert len(out.splitlines()) < 40


@pytest.mark.parametrize("words,says", [
    (["--load=5"], "'5' is not TIME:NUMBER"),
    (["--app=capacitty=5"], "'capacitty' is none of capacity"),
    (["--fault=5m=empty"], "expected FROM-TO=KIND"),
    (["--metric={a=\"b\"}"], "expected a metric"),
    (["--sweep=threshold=9..1"], "expected KEY=VALUES"),
    (["--keda-version=9"], "keda-version"),
    (["--data=/not/there"], "/not/there"),
    (["--series=/not/there"], "/not/there"),
    (["--for=11y"], "more than ten years"),
    (["--app=scrape=1ms"], "scrape has to be at least 1s"),
    (["--app=warm-up=1y"], "warm-up is more than 32 days"),
])
def test_simulate_refuses(words, says):
    done = run_ferula("simulate", OBJECT, *words)
    assert done.returncode == 2 and done.stdout == "" and says in done.stderr, done.stderr


# ---- outputs that cannot be, and nothing half-written ------------------------------------------

@pytest.mark.parametrize("flags,code,says", [
    (["--svg=none/a.svg"], 1, "none/a.svg: No such file or directory"),
    (["--sweep=minReplicaCount=1,20"], 2, "minReplicaCount=20: MinReplicaCount=20 must be less than"),
    (["--sweep=threshold=10,0"], 2, "threshold=0: "),
    (["--sweep=maxReplicaCount=1e300"], 2, "nothing is called 'maxReplicaCount'"),
    (["--fault=7m-5m=empty"], 2, "expected FROM-TO=KIND"),
    (["--sweep=maxReplicaCount=2.5"], 2, "nothing is called 'maxReplicaCount'"),
])
@pytest.mark.parametrize("form", ["text", "csv", "json"])
def test_simulate_refuses_before_it_prints(tmp_path, form, flags, code, says):
    done = run_ferula("simulate", OBJECT, *LOAD, "--for=30d", "-o", form, *flags, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert says in done.stderr
    assert os.listdir(tmp_path) == []
