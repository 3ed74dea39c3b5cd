"""bench-load, the load generator of `make bench-compare`: what it sends is stored and answered."""
import json
import os
import subprocess

from conftest_server import FERULA, start_server

LOAD = os.path.join(os.environ.get("FERULA_BUILD", os.path.dirname(FERULA)), "bench-load")
ALL = '{__name__=~".+"}'


def bench_load(mode, url, *flags, code=0):
    done = subprocess.run([LOAD, mode, *flags, "--json", url], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def stored(server, end, function="sum"):
    """Samples (or, by "count", series) of the hour up to `end`; by name, which functions drop."""
    names = server.get("/api/v1/label/__name__/values").json()["data"]
    return sum(int(server.value(f"{function}(count_over_time({name}[1h]))", end)) for name in names)


def test_all_is_acknowledged_and_queries_answer(server, tmp_path):
    acks = str(tmp_path / "acks")
    load = ("--series=200", "--rounds=4", "--connections=2", "--samples-per-request=30")
    wrote = bench_load("write", server.url, *load, "--acks=" + acks)
    assert (wrote["samples"], wrote["requests"], wrote["refused_samples"]) == (800, 32, 0)
    assert wrote["end_ms"] - wrote["start_ms"] == 45000 and wrote["start_ms"] % 1800000 == 0
    with open(acks, encoding="ascii") as lines:
        assert lines.read() == "4 0\n4 0\n"

    end = wrote["end_ms"] // 1000
    assert stored(server, end) == 800
    assert server.value(f"count({ALL})", end) == "200"
    assert server.value("count(http_requests_total)", end) == "20"
    assert server.value('count(http_requests_total{namespace="keda-demo"})', end) == "10"

    answers = bench_load("query", server.url, f"--time={end}", "--repeat=4", "--connections=2")
    assert [a["name"] for a in answers] == ["keda", "sum", "by-code", "topk", "quantile",
                                            "range-keda", "range-sum"]
    assert all(a["asked"] == 4 and a["failed"] == 0 for a in answers)
    assert answers[0]["value"] == server.value(
        'sum(rate(http_requests_total{namespace="keda-demo"}[2m]))', end)

    # The same seed makes the same bytes: the last round repeats what is newest, which is accepted
    # only when the values are the same; the rounds before it are out of order by now.
    again = bench_load("write", server.url, *load, f"--start={wrote['start_ms'] // 1000}", code=1)
    assert (again["samples"], again["refused_samples"]) == (200, 600)
    assert "out of order sample" in again["refused_text"] and stored(server, end) == 800


def test_churn_replaces_pods(server):
    wrote = bench_load("write", server.url, "--series=300", "--rounds=9", "--churn=50")
    assert wrote["samples"] == 2700
    # Of the two pods that may go, one went after a minute and the other after two.
    assert stored(server, wrote["end_ms"] // 1000, "count") == 500


def test_a_server_that_went_away(tmp_path):
    with start_server(tmp_path) as server:
        url = server.url
    wrote = bench_load("write", url, "--series=100", "--rounds=2", code=1)
    assert wrote["samples"] == 0 and "Connection refused" in wrote["lost"]
    answers = bench_load("query", url, "--repeat=1", "--only=keda", code=1)
    assert answers[0]["failed"] == 1 and "Connection refused" in answers[0]["error"]
