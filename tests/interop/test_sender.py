"""Prometheus' own remote-write queue (v0.314.0) sends every kind of sample, with remote write 1.0 and
2.0, to ferula and to the pinned Prometheus; both must answer alike afterwards.

The queue puts exemplars into time series of their own, which Prometheus' receiver of 2.0 refuses, and
that receiver forgets start timestamps: what ferula has of both is compared with what was sent.
"""
import json
import subprocess

import pytest

import gopeer
from conftest_server import start_server
from pinned import Prometheus, ask, program
from proxy import Proxy

V1, V2 = "1", "2"
CONTENT = {V1: "application/x-protobuf",
           V2: "application/x-protobuf;proto=io.prometheus.write.v2.Request"}
VERSION = {V1: "0.1.0", V2: "2.0.0"}
CODES = ("200", "500")
NOT_RESET = 2
QUEUE = "prometheus_remote_storage_"


class Sent:
    """What was sent, by which protocol, and the two that have it."""


@pytest.fixture(scope="module", params=[V1, V2], ids=["v1", "v2"])
def sent(request, tmp_path_factory):
    sender = gopeer.build("prometheus", "sender")
    folder = tmp_path_factory.mktemp("sender")
    with start_server(folder, "--enable-feature=st-storage") as ferula, Prometheus(
            folder, "--web.enable-remote-write-receiver",
            "--enable-feature=exemplar-storage") as prometheus, \
            Proxy(f"127.0.0.1:{ferula.port}", f"127.0.0.1:{prometheus.port}") as proxy:
        done = subprocess.run(
            [sender, proxy.url + "/api/v1/write", request.param, str(folder / "queue")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        one = Sent()
        one.version, one.report = request.param, json.loads(done.stdout)
        one.exchanges, one.ferula, one.prometheus = proxy.exchanges(), ferula, prometheus
        one.start = one.report["base"] // 1000
        one.end = one.start + one.report["steps"] * one.report["step"] // 1000
        yield one


def test_all_was_sent_and_taken(sent):
    queue, appended = sent.report["queue"], sent.report["appended"]
    got = {kind: queue[QUEUE + kind.lower() + "_total"] for kind in appended}
    # 1.0 has no custom buckets: the sender itself drops those.
    dropped = queue.get(QUEUE + "histograms_dropped_total", 0)
    assert dropped == (2 * sent.report["steps"] if sent.version == V1 else 0)
    assert got == {**appended, "Histograms": appended["Histograms"] - dropped}
    assert not [(k, v) for k, v in queue.items() if "failed" in k and v]
    for exchange in sent.exchanges:
        head = {k.lower(): v for k, v in exchange.headers.items()}
        assert head["content-type"] == CONTENT[sent.version]
        assert head["x-prometheus-remote-write-version"] == VERSION[sent.version]
        assert exchange.answers[0] == (204, b"")


def test_what_was_written_is_told(sent):
    """2.0's headers; 1.0 has none."""
    told = {}
    for exchange in sent.exchanges:
        for name, value in exchange.written[0].items():
            told[name.lower()] = told.get(name.lower(), 0) + int(value)
    want = {f"x-prometheus-remote-write-{kind.lower()}-written": n
            for kind, n in sent.report["appended"].items()}
    assert told == (want if sent.version == V2 else {})


INSTANT = [
    '{__name__=~"sent_.+"}[10m]',
    'count by (__name__) ({__name__=~"sent_.+"})',
    'sum by (code) (sent_seconds)',
    'sent_custom_seconds',
    'sent_gauge_seconds',
]
RANGE = [
    'sent_requests_total',
    'sent_odd',
    'sent_gone',
    'sent_mixed',
    'sent_stale_seconds',
    'sum(rate(sent_requests_total[30s]))',
    'rate(sent_seconds[30s])',
    'increase(sent_reset_seconds[1m])',
    'resets(sent_reset_seconds[2m])',
    'changes(sent_gauge_seconds[1m])',
    'rate(sent_float_seconds[30s])',
    'delta(sent_gauge_seconds[30s])',
    'histogram_quantile(0.9, sum by (code) (rate(sent_seconds[1m])))',
    'histogram_quantile(0.5, sent_custom_seconds)',
    'histogram_fraction(0, 0.9, sent_float_seconds)',
    'histogram_count(sent_seconds) + histogram_sum(sent_seconds)',
    'histogram_avg(rate(sent_custom_seconds[1m]))',
    'sent_seconds / 3',
    'sum_over_time(sent_custom_seconds[20s])',
]


def answers(sent, path, **parameters):
    status, mine = ask(sent.ferula.url, path, parameters)
    assert status == 200, mine
    theirs = ask(sent.prometheus.url, path, parameters)[1]
    for answer in (mine, theirs):
        answer["data"]["result"].sort(key=lambda s: sorted(s["metric"].items()))
    return mine, theirs


@pytest.mark.parametrize("query", INSTANT)
def test_instant_query(sent, query):
    mine, theirs = answers(sent, "/api/v1/query", query=query, time=sent.end)
    assert mine == theirs
    assert mine["data"]["result"] or (sent.version == V1 and "custom" in query)


@pytest.mark.parametrize("query", RANGE)
def test_range_query(sent, query):
    mine, theirs = answers(sent, "/api/v1/query_range", query=query, start=sent.start + 1,
                           end=sent.end, step=7)
    assert mine == theirs
    assert mine["data"]["result"] or (sent.version == V1 and "custom" in query)


def exemplars_sent(sent, name, code):
    for step in range(0, sent.report["steps"], 4):
        t = sent.report["base"] + step * sent.report["step"] - 1
        yield {"labels": {"<&>": "\u00fc", "trace_id": f"{code}-{step}"},
               "value": f"{step / 8:g}", "timestamp": t / 1000}


def test_exemplars(sent):
    status, answer = ask(sent.ferula.url, "/api/v1/query_exemplars", {
        "query": 'sum(rate(sent_requests_total[1m])) + sum(sent_seconds{code="200"})',
        "start": sent.start - 60, "end": sent.end})
    assert status == 200, answer
    got = sorted(answer["data"], key=lambda s: sorted(s["seriesLabels"].items()))
    assert got == [
        {"seriesLabels": {"__name__": name, "code": code, "job": "sender"},
         "exemplars": list(exemplars_sent(sent, name, code))}
        for name, code in (("sent_requests_total", "200"), ("sent_requests_total", "500"),
                           ("sent_seconds", "200"))]


def without_hints(line):
    """A series that was read. Where a chunk begins, Prometheus does not know that nothing was reset."""
    one = json.loads(line)
    one["histograms"] = [[t, hint if hint != NOT_RESET else 0,
                          text.replace(" counter_reset_hint:not_reset", "")]
                         for t, hint, text in one["histograms"]]
    return one


@pytest.mark.parametrize("kind", ["samples", "chunks"])
def test_remote_read(sent, kind):
    """By Prometheus' own client: every sample, to the bit."""
    reader = gopeer.build("promeval", "remoteread")
    got = []
    for server in (sent.ferula, sent.prometheus):
        done = subprocess.run(
            [reader, server.url + "/api/v1/read", kind, str(sent.start * 1000), str(sent.end * 1000),
             "__name__=~sent_.+"], stdout=subprocess.PIPE, text=True, timeout=60, check=True)
        got.append([without_hints(line) for line in done.stdout.splitlines()])
    assert len(got[0]) == (20 if sent.version == V2 else 18)
    assert got[0] == got[1]


def test_promtool_analyzes_histograms(sent):
    said = [subprocess.run(
        [program("promtool"), "query", "analyze", "--server=" + server.url, "--type=histogram",
         f"--time={sent.end}", "--duration=5m", "--match=sent_seconds", "--match=sent_reset_seconds"],
        stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout
        for server in (sent.ferula, sent.prometheus)]
    assert "Native histogram series (4 in total)" in said[0]
    assert sorted(said[0].splitlines()) == sorted(said[1].splitlines())


def test_metadata(sent):
    """2.0 sends it with the samples; 1.0 in requests of its own, from what was scraped: here nothing."""
    served = ask(sent.ferula.url, "/api/v1/metadata")[1]["data"]
    if sent.version == V1:
        assert served == {}
        return
    assert served["sent_requests_total"] == [
        {"type": "counter", "unit": "", "help": "Requests <served>."}]
    assert served["sent_odd"] == [{"type": "gauge", "unit": "degrees", "help": "Odd numbers."}]
    assert served["sent_seconds"] == [{"type": "histogram", "unit": "seconds", "help": "Latency."}]
    assert served["sent_gauge_seconds"][0]["type"] == "gaugehistogram"


def test_restart_keeps_it_all(sent):
    """As `kill -9` leaves it, start timestamps too; they are asked for here because rates use them then.

    Only 2.0 has them: counters began a minute before the first sample, and at step 30 anew.
    """
    query = {"query": INSTANT[0], "time": sent.end}
    before = ask(sent.ferula.url, "/api/v1/query", query)[1]
    sent.ferula.flags.append("--enable-feature=use-start-timestamps,promql-experimental-functions")
    sent.ferula.restart(kill=True)
    assert ask(sent.ferula.url, "/api/v1/query", query)[1] == before

    base, step = sent.start, sent.report["step"] // 1000
    restart = base + 30 * step
    times = range(base, sent.end, step)
    for name in ("sent_requests_total", "sent_seconds", "sent_float_seconds", "sent_custom_seconds"):
        answer = ask(sent.ferula.url, "/api/v1/query_range", {
            "query": f'start_timestamp({name}{{code="500"}})', "start": base, "end": sent.end - 1,
            "step": step})[1]
        got = [[t, float(v)] for s in answer["data"]["result"] for t, v in s["values"]]
        if sent.version == V2:
            assert got == [[t, base - 60 if t < restart else restart - 0.001] for t in times], name
        else:
            assert {start for _, start in got} <= {0}, name
