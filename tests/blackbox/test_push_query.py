"""`ferula push` and `ferula query` against a real server, and against servers that misbehave."""
import http.server
import json
import socket
import threading

import pytest

from conftest_server import run_ferula, start_server

T0 = 1700000000


def om(*lines):
    return "".join(line + "\n" for line in lines) + "# EOF\n"


class Fake:
    """A server that gives one answer to everything and keeps what it was asked."""

    def __init__(self, status, body, content_type="application/json"):
        asked = self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                asked.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer

            def log_message(self, *args):
                pass

        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.httpd.server_port}"
        threading.Thread(target=self.httpd.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.httpd.shutdown()
        self.httpd.server_close()


# ---- push -------------------------------------------------------------------------------------

def test_push_says_what_it_sent(server):
    out = server.push('# TYPE a counter\na{x="1"} 1\na{x="2"} 2\nb 3\n')
    assert out == f"sent 3 samples of 3 series in 1 request to {server.url}/api/v1/write\n"
    assert server.value("sum(a)") == "3"
    assert server.value("b") == "3"


def test_push_a_file(server, tmp_path):
    path = tmp_path / "metrics.txt"
    path.write_text(f"m 7 {T0}000\n")
    assert run_ferula("push", server.url, path).returncode == 0
    assert server.value("m", T0) == "7"


def test_push_openmetrics(server):
    server.push(om("# TYPE c counter", "# HELP c Things.", f'c_total{{a="b"}} 5 {T0}.5', f'c_total{{a="b"}} 6 {T0 + 1}'))
    assert server.value("c_total", T0 + 1) == "6"
    assert server.value("count_over_time(c_total[1m])", T0 + 1) == "2"


def test_push_adds_labels(server):
    server.push(f'm{{job="x"}} 1 {T0}000\n', "--label=job=y", "--label", "zone=a=b")
    got = server.query("m", T0)["result"]
    assert [r["metric"] for r in got] == [{"__name__": "m", "job": "y", "zone": "a=b"}]


def test_push_keeps_special_values(server):
    server.push(f"m{{k=\"nan\"}} NaN {T0}000\nm{{k=\"inf\"}} +Inf {T0}000\nm{{k=\"zero\"}} -0 {T0}000\n")
    got = {r["metric"]["k"]: r["value"][1] for r in server.query("m", T0)["result"]}
    assert got == {"nan": "NaN", "inf": "+Inf", "zero": "-0"}


def test_push_of_a_long_history(server):
    """Ten hours of several series, more than one request: nothing is too old on the way."""
    lines = []
    for s in range(5):
        lines += [f'm{{s="{s}"}} {i} {T0 + i * 60}' for i in range(600)]
    out = server.push(om("# TYPE m gauge", *lines))
    assert "sent 3000 samples of 5 series in 2 requests" in out
    got = server.query("count_over_time(m[11h])", T0 + 600 * 60)["result"]
    assert [r["value"][1] for r in got] == ["600"] * 5


def test_push_in_part_refused(server):
    server.push(f"m 5 {T0}000\n")
    done = run_ferula("push", server.url, "-", stdin=f"m 6 {T0}000\nn 1 {T0}000\n")
    assert done.returncode == 1
    assert "the server answered 400: " in done.stderr and "duplicate sample for timestamp" in done.stderr
    assert server.value("m", T0) == "5" and server.value("n", T0) == "1"


def test_push_to_the_path_of_azure(server):
    path = "/dataCollectionRules/dcr-1/streams/Microsoft-PrometheusMetrics/api/v1/write"
    done = run_ferula("push", server.url + path, "-", stdin="m 1\n")
    assert done.returncode == 0 and done.stdout.endswith(path + "\n")
    assert server.value("m") == "1"


def test_push_of_older_history(server):
    server.push(om("# TYPE m gauge", f"m 9 {T0}"))
    old = om("# TYPE m gauge", f"m 1 {T0 - 86400}", f"m 2 {T0 - 90000}")
    done = run_ferula("push", server.url, "-", stdin=old)
    assert done.returncode == 1 and "out of bounds" in done.stderr
    server.push(old, "--backfill")
    assert [server.value("m", T0 - t) for t in (0, 86400, 90000)] == ["9", "1", "2"]


def test_push_of_nothing(server):
    assert server.push("").startswith("sent 0 samples of 0 series in 0 requests")


@pytest.mark.parametrize("text,said", [("m 1\nm{ 2\n", "line 2"), ("m one\n", "line 1")])
def test_push_of_what_is_no_exposition(server, text, said):
    done = run_ferula("push", server.url, "-", stdin=text)
    assert done.returncode == 1
    assert said in done.stderr
    assert server.query("{__name__!=\"\"}")["result"] == []


def test_push_faults(server, tmp_path):
    done = run_ferula("push", server.url, tmp_path / "absent")
    assert done.returncode == 1 and "No such file" in done.stderr
    done = run_ferula("push", "--label=x", server.url, "-", stdin="m 1\n")
    assert done.returncode == 2 and "expected name=value" in done.stderr
    done = run_ferula("push", "127.0.0.1:1", "-", stdin="m 1\n")
    assert done.returncode == 4
    done = run_ferula("push", "ftp://127.0.0.1/", "-", stdin="m 1\n")
    assert done.returncode == 2


def test_push_headers_are_those_of_the_protocol():
    with Fake(204, b"") as fake:
        url = fake.url.replace("http://", "http://me:secret@")
        assert run_ferula("push", "--header=X-Scope: team", url, "-", stdin="m 1\n").returncode == 0
        method, path, headers, body = fake.asked[0]
    assert (method, path) == ("POST", "/api/v1/write")
    assert headers["Content-Encoding"] == "snappy"
    assert headers["Content-Type"] == "application/x-protobuf"
    assert headers["X-Prometheus-Remote-Write-Version"] == "0.1.0"
    assert headers["User-Agent"].startswith("ferula/")
    assert headers["X-Scope"] == "team"
    assert headers["Authorization"] == "Basic bWU6c2VjcmV0"
    assert b"__name__" in body


def test_push_stops_at_a_failing_server():
    with Fake(503, b"try later\n", "text/plain") as fake:
        done = run_ferula("push", fake.url, "-", stdin="".join(f"m{i} 1\n" for i in range(5000)))
        assert done.returncode == 1
        assert "the server answered 503: try later" in done.stderr
        assert len(fake.asked) == 1


# ---- query ------------------------------------------------------------------------------------

@pytest.fixture
def filled(server):
    server.push(f'up{{job="a",instance="h:1"}} 1 {T0}000\nup{{job="b"}} 0.5 {T0}000\nplain 3 {T0}000\n')
    return server


INSTANT = [
    ("1+1", f"scalar: 2 @[{T0}]\n"),
    ('"text"', "text\n"),
    ("plain", f"plain => 3 @[{T0}]\n"),
    ("sum(up)", f"{{}} => 1.5 @[{T0}]\n"),
    ('up{job="a"}', f'up{{instance="h:1", job="a"}} => 1 @[{T0}]\n'),
    ("sum by (job) (up)", f'{{job="a"}} => 1 @[{T0}]\n{{job="b"}} => 0.5 @[{T0}]\n'),
    ("plain[1m]", f"plain =>\n3 @[{T0}]\n"),
    ("absent_metric", "\n"),
]


@pytest.mark.parametrize("expr,want", INSTANT, ids=[e for e, _ in INSTANT])
def test_instant_prints_as_promtool(filled, expr, want):
    done = run_ferula("query", "instant", f"--time={T0}", filled.url, expr)
    assert (done.returncode, done.stdout, done.stderr) == (0, want, "")


def test_instant_as_json(filled):
    done = run_ferula("query", "instant", "-o", "json", f"--time={T0}.25", filled.url, "plain")
    assert json.loads(done.stdout) == [{"metric": {"__name__": "plain"}, "value": [T0 + 0.25, "3"]}]
    assert f"{T0}.25" in done.stdout


def test_time_as_rfc3339(filled):
    done = run_ferula("query", "instant", "--time=2023-11-14T22:13:20Z", filled.url, "time()")
    assert done.stdout == f"scalar: {T0} @[{T0}]\n"


def test_range(filled):
    done = run_ferula("query", "range", f"--start={T0}", f"--end={T0 + 20}", "--step=10s", filled.url, "plain*2")
    assert done.stdout == f"{{}} =>\n6 @[{T0}]\n6 @[{T0 + 10}]\n6 @[{T0 + 20}]\n"
    done = run_ferula("query", "range", f"--end={T0 + 60}", filled.url, "vector(1)")
    assert len(done.stdout.splitlines()) == 1 + 301  # 5 minutes, a step of 1 s


def test_series_and_labels(filled):
    at = [f"--start={T0 - 60}", f"--end={T0 + 60}"]
    done = run_ferula("query", "series", *at, "--match=up", "--match=plain", filled.url + "/")
    assert sorted(done.stdout.splitlines()) == ['{__name__="plain"}',
                                                '{__name__="up", instance="h:1", job="a"}',
                                                '{__name__="up", job="b"}']
    assert run_ferula("query", "labels", *at, filled.url, "job").stdout == "a\nb\n"
    assert run_ferula("query", "labels", *at, "--match=plain", filled.url, "job").stdout == ""
    done = run_ferula("query", "labels", *at, "-o", "json", filled.url, "job")
    assert json.loads(done.stdout) == ["a", "b"]


def test_series_and_labels_of_now(server):
    server.push('m{a="b"} 1\n')
    assert run_ferula("query", "series", "--match=m", server.url).stdout == '{__name__="m", a="b"}\n'
    assert run_ferula("query", "labels", server.url, "a").stdout == "b\n"


def test_query_error_is_told(filled):
    done = run_ferula("query", "instant", filled.url, "sum(")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith('query error: bad_data: invalid parameter "query": 1:5: parse error')


@pytest.mark.parametrize("status,body,said", [
    (404, b"404 page not found\n", "query error: client_error: client error: 404 (detail: 404 page not found)"),
    (502, b"", "query error: server_error: server error: 502"),
    (200, b"<html>", "query error: bad_response: "),
    (200, b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{}}]}}', "query error: bad_response: "),
    (200, b'{"status":"success","data":{"resultType":"tensor","result":[]}}', "query error: bad_response: "),
])
def test_strange_answers(status, body, said):
    with Fake(status, body) as fake:
        done = run_ferula("query", "instant", fake.url, "up")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith(said)


def test_warnings_go_to_stderr():
    answer = {"status": "success", "data": {"resultType": "scalar", "result": [1, "2"]},
              "warnings": ["careful"], "infos": ["by the way"]}
    with Fake(200, json.dumps(answer).encode()) as fake:
        done = run_ferula("query", "instant", fake.url, "2")
    assert done.stdout == "scalar: 2 @[1]\n"
    assert done.stderr == "query warning: careful\nquery info: by the way\n"


def test_query_headers_and_timeout():
    with Fake(200, b'{"status":"success","data":["x"]}') as fake:
        done = run_ferula("query", "labels", "--header=Authorization=Bearer t", fake.url + "/prefix/", "a b")
        assert done.stdout == "x\n"
        method, path, headers, _ = fake.asked[0]
    assert method == "GET" and path.startswith("/prefix/api/v1/label/a%20b/values?start=")
    assert headers["Authorization"] == "Bearer t"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"127.0.0.1:{silent.getsockname()[1]}"
        assert run_ferula("query", "instant", "--timeout=200ms", url, "up").returncode == 4


def test_unreachable_is_exit_4():
    done = run_ferula("query", "instant", "http://127.0.0.1:1", "up")
    assert done.returncode == 4 and done.stderr.startswith("query error: ")


def test_a_proxy_is_not_used_for_this_machine(filled):
    done = run_ferula("query", "instant", filled.url, "1", env={"http_proxy": "http://127.0.0.1:1"})
    assert done.returncode == 0


def test_examples_of_help_work(tmp_path):
    """The server's own prefix may be part of the URL."""
    with start_server(tmp_path, "--web.route-prefix=/prom") as server:
        assert run_ferula("push", server.url + "/prom", "-", stdin='queue_length{queue="mail"} 12\n').returncode == 0
        done = run_ferula("query", "instant", server.url + "/prom", "queue_length")
        assert done.stdout.startswith('queue_length{queue="mail"} => 12 @[')
