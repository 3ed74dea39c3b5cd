"""`ferula explain`: on files, folders and a running server; what it says, and its exit codes."""
import http.server
import json
import os
import re
import subprocess
import threading

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
                "the newest sample of 1 series is 1m15s old, and the selector sees 1m"]
        else:
            assert live[query] == want, query
        assert said(query, "--data", server.dir, at) == said(query, *both, at)
    assert live_object == said(OBJECT, *both, at)
    assert "was marked as gone" in live["gone"]


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
