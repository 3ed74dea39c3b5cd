"""promtool of the pinned Prometheus (v0.314.0): queries, checks and pushes, and what it prints."""
import json
import subprocess
import time

import pytest

from conftest_server import start_server
from pinned import program

STEPS = 21
BUCKETS = (("0.1", 1), ("0.5", 2), ("1", 2), ("+Inf", 3))


class Promtool:
    def __init__(self, server, now):
        self.program, self.server, self.now = program("promtool"), server, now

    def run(self, *words, stdin=None):
        """(exit code, stdout, stderr); URL stands for the server, T-30 for half a minute ago."""
        command = [w.replace("URL", self.server.url) for w in words]
        command = [w if "=T" not in w else w.split("T")[0] + str(self.now + int(w.split("T")[1]))
                   for w in command]
        done = subprocess.run([self.program, *command], input=stdin, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    def out(self, *words, stdin=None):
        code, out, err = self.run(*words, stdin=stdin)
        assert code == 0, err
        return out


@pytest.fixture(scope="module")
def promtool(tmp_path_factory):
    """Two counters and a classic histogram over the last five minutes."""
    now = int(time.time()) // 15 * 15
    lines = ["# HELP demo_requests_total Requests.", "# TYPE demo_requests_total counter"]
    for i in range(STEPS):
        at = (now + (i - STEPS + 1) * 15) * 1000
        lines += [f'demo_requests_total{{pod="{pod}",path="/<&>"}} {i * 32} {at}' for pod in "ab"]
        lines += [f'demo_seconds_bucket{{le="{le}"}} {i * n} {at}' for le, n in BUCKETS]
    with start_server(tmp_path_factory.mktemp("promtool")) as server:
        server.push("\n".join(lines) + "\n")
        yield Promtool(server, now)


@pytest.mark.parametrize("query,want", [
    ("demo_requests_total", 'demo_requests_total{path="/<&>", pod="a"} => 640 @[T]\n'
                            'demo_requests_total{path="/<&>", pod="b"} => 640 @[T]\n'),
    ("sum(demo_requests_total) / 1280", "{} => 1 @[T]\n"),
    ("1.5", "scalar: 1.5 @[T]\n"),
    ("no_such_metric", "\n"),
])
def test_query_instant(promtool, query, want):
    assert promtool.out("query", "instant", "URL", query, "--time=T+0") == \
        want.replace("T]", f"{promtool.now}]")


def test_query_instant_as_json(promtool):
    got = json.loads(promtool.out("query", "-o", "json", "instant", "URL",
                                  'demo_requests_total{pod="a"}', "--time=T-30"))
    assert got == [{"metric": {"__name__": "demo_requests_total", "path": "/<&>", "pod": "a"},
                    "value": [promtool.now - 30, "576"]}]


def test_query_range(promtool):
    got = promtool.out("query", "range", "URL", "max(demo_requests_total)", "--start=T-60",
                       "--end=T+0", "--step=30s")
    t = promtool.now
    assert got == f"{{}} =>\n512 @[{t - 60}]\n576 @[{t - 30}]\n640 @[{t}]\n"
    default = json.loads(promtool.out("query", "-o", "json", "range", "URL", "vector(1)"))
    assert 299 <= len(default[0]["values"]) <= 301  # five minutes by seconds


def test_query_series_and_labels(promtool):
    got = promtool.out("query", "series", "URL", "--match=demo_requests_total",
                       '--match=demo_seconds_bucket{le="1"}')
    assert got.splitlines() == ['{__name__="demo_requests_total", path="/<&>", pod="a"}',
                                '{__name__="demo_requests_total", path="/<&>", pod="b"}',
                                '{__name__="demo_seconds_bucket", le="1"}']
    assert promtool.out("query", "labels", "URL", "pod") == "a\nb\n"
    assert promtool.out("query", "labels", "URL", "le", "--match=demo_seconds_bucket",
                        "--start=T-60", "--end=T+0") == "+Inf\n0.1\n0.5\n1\n"
    assert promtool.out("query", "labels", "URL", "nobody") == ""


def test_query_analyze(promtool):
    got = promtool.out("query", "analyze", "--server=URL", "--type=histogram", "--time=T+0",
                       "--duration=4m", "--match=demo_seconds_bucket")
    assert "- demo_seconds_bucket{} (classic): 3/3.000/3/4\n" in got
    assert "- total: 4/4.000/4\n" in got


@pytest.mark.parametrize("words,text", [
    (("query", "instant", "URL", "sum("),
     'query error: bad_data: invalid parameter "query": 1:5: parse error: unclosed left parenthesis'),
    (("query", "instant", "URL", "demo_requests_total * on () demo_requests_total"),
     "query error: execution: "),
    (("query", "range", "URL", "1", "--start=1", "--end=99999", "--step=1s"),
     "query error: bad_data: exceeded maximum resolution of 11,000 points per timeseries"),
    (("query", "series", "URL", "--match={"), "query error: bad_data: "),
])
def test_errors(promtool, words, text):
    code, out, err = promtool.run(*words)
    assert (code, out) == (1, "") and err.startswith(text)


def test_checks(promtool):
    assert promtool.run("check", "healthy", "--url=URL")[0] == 0
    assert promtool.run("check", "ready", "--url=URL")[0] == 0


PUSHED = """\
# HELP pushed_total Pushed.
# TYPE pushed_total counter
pushed_total{by="promtool"} 5
# TYPE pushed_seconds histogram
pushed_seconds_bucket{le="1"} 1
pushed_seconds_bucket{le="+Inf"} 2
pushed_seconds_sum 3
pushed_seconds_count 2
# TYPE pushed_degrees gauge
pushed_degrees -1.5
# TYPE pushed_size summary
pushed_size{quantile="0.5"} 7
pushed_size_sum 9
pushed_size_count 4
"""


def test_push_metrics(server):
    promtool = Promtool(server, 0)
    assert "SUCCESS" in promtool.out("push", "metrics", "URL", "--label=job=x", stdin=PUSHED)
    found = {}
    for one in server.query('{job="x"}')["result"]:
        labels = {k: v for k, v in one["metric"].items() if k not in ("__name__", "job")}
        found[one["metric"]["__name__"] + json.dumps(labels)] = one["value"][1]
    assert found == {
        'pushed_total{"by": "promtool"}': "5", "pushed_degrees{}": "-1.5",
        'pushed_seconds_bucket{"le": "1"}': "1", 'pushed_seconds_bucket{"le": "+Inf"}': "2",
        "pushed_seconds_sum{}": "3", "pushed_seconds_count{}": "2",
        'pushed_size{"quantile": "0.5"}': "7", "pushed_size_sum{}": "9", "pushed_size_count{}": "4"}
    metadata = server.get("/api/v1/metadata").json()["data"]
    assert {name: rows[0]["type"] for name, rows in metadata.items()} == {
        "pushed_total": "counter", "pushed_seconds": "histogram", "pushed_degrees": "gauge",
        "pushed_size": "summary"}


def test_push_that_is_refused(server):
    code, _, err = Promtool(server, 0).run("push", "metrics", "URL", stdin="late 1 99999999999999\n")
    assert code == 1 and "400 Bad Request" in err and "too far in the future" in err


def test_push_as_version_2(server):
    """This promtool sends 1.0's message under 2.0's type. Prometheus says well done, and has nothing."""
    code, _, err = Promtool(server, 0).run(
        "push", "metrics", "URL", "--protobuf_message=io.prometheus.write.v2.Request", stdin=PUSHED)
    assert code == 1
    assert "400 Bad Request: a prometheus.WriteRequest, sent as io.prometheus.write.v2.Request" in err
