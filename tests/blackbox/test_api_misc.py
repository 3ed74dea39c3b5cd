"""The rest of the API: format_query, parse_query, status, constants, /metrics, health."""
import re

import pytest

from api_data import LAST, api, both, ok  # noqa: F401


@pytest.mark.parametrize("query,want", [
    ("sum  by(job)(rate(x[5m]))", "sum by (job) (rate(x[5m]))"),
    ("1+1", "1 + 1"), ("foo{ a = 'b' }", 'foo{a="b"}')])
def test_format_query(api, query, want):
    assert ok(both(api, "/api/v1/format_query", query=query)) == want


@pytest.mark.parametrize("path", ["format_query", "parse_query"])
def test_bad_query(api, path):
    reply = both(api, "/api/v1/" + path, query="sum(")
    assert reply.status == 400
    assert reply.json()["error"] == 'invalid parameter "query": 1:5: parse error: unclosed left parenthesis'


def selector(name, kind="vectorSelector", **more):
    out = {"anchored": False, "matchers": [{"name": "__name__", "type": "=", "value": name}], "name": name,
           "offset": 0, "offsetExpr": None, "smoothed": False, "startOrEnd": None, "timestamp": None,
           "type": kind}
    out.update(more)
    return out


NUMBER = {"type": "numberLiteral", "val": "2"}
ABS = {"argTypes": ["vector"], "name": "abs", "returnType": "vector", "variadic": 0}

TREES = [
    ("2", NUMBER),
    ("1e21", {"type": "numberLiteral", "val": "1000000000000000000000"}),
    ("'a<b'", {"type": "stringLiteral", "val": "a<b"}),
    ("-x", {"expr": selector("x"), "op": "-", "type": "unaryExpr"}),
    ("(2)", {"expr": NUMBER, "type": "parenExpr"}),
    ("x offset 5m", selector("x", offset=300000)),
    ("x @ 1.5", selector("x", timestamp=1500)),
    ("x @ end()", selector("x", startOrEnd="end")),
    ("abs(x)", {"args": [selector("x")], "func": ABS, "type": "call"}),
    ("rate(x[5m])[1h:1m]",
     {"expr": {"args": [selector("x", "matrixSelector", range=300000, rangeExpr=None)],
               "func": {"argTypes": ["matrix"], "name": "rate", "returnType": "vector", "variadic": 0},
               "type": "call"},
      "offset": 0, "offsetExpr": None, "range": 3600000, "rangeExpr": None, "startOrEnd": None,
      "step": 60000, "stepExpr": None, "timestamp": None, "type": "subquery"}),
    ("topk by (a) (2, x)", {"expr": selector("x"), "grouping": ["a"], "op": "topk", "param": NUMBER,
                            "type": "aggregation", "without": False}),
    ("sum without (b) (x)", {"expr": selector("x"), "grouping": ["b"], "op": "sum", "param": None,
                             "type": "aggregation", "without": True}),
    ("x > bool 2", {"bool": True, "lhs": selector("x"), "matching": None, "op": ">", "rhs": NUMBER,
                    "type": "binaryExpr"}),
    ("x * on(a) group_left(b) y",
     {"bool": False, "lhs": selector("x"),
      "matching": {"card": "many-to-one", "fillValues": {"lhs": None, "rhs": None}, "include": ["b"],
                   "labels": ["a"], "on": True},
      "op": "*", "rhs": selector("y"), "type": "binaryExpr"}),
    ("x[2m+3m]", selector("x", "matrixSelector", range=0, rangeExpr={
        "lhs": {"duration": True, "type": "numberLiteral", "val": "120"}, "op": "+",
        "rhs": {"duration": True, "type": "numberLiteral", "val": "180"}, "type": "durationExpr",
        "wrapped": False})),
]


def sorted_keys(value):
    if isinstance(value, dict):
        assert list(value) == sorted(value)
        return all(sorted_keys(v) for v in value.values())
    return all(sorted_keys(v) for v in value) if isinstance(value, list) else True


@pytest.mark.parametrize("query,want", TREES, ids=[t[0] for t in TREES])
def test_parse_query(api, query, want):
    got = ok(both(api, "/api/v1/parse_query", query=query))
    assert got == want
    assert sorted_keys(got)


# ---- status


def test_buildinfo(api):
    info = ok(api.get("/api/v1/status/buildinfo"))
    assert list(info) == ["version", "revision", "branch", "buildUser", "buildDate", "goVersion"]
    assert info["version"] == "3.14.0" and info["revision"].startswith("ferula-")
    assert api.get("/version").json() == info


def test_runtimeinfo(api):
    info = ok(api.get("/api/v1/status/runtimeinfo"))
    assert list(info) == ["startTime", "CWD", "hostname", "serverTime", "reloadConfigSuccess", "lastConfigTime",
                          "corruptionCount", "goroutineCount", "GOMAXPROCS", "GOMEMLIMIT", "GOGC", "GODEBUG",
                          "storageRetention"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", info["startTime"])
    assert info["reloadConfigSuccess"] is True and info["goroutineCount"] > 0


def test_flags(api):
    flags = ok(api.get("/api/v1/status/flags"))
    assert all(isinstance(v, str) for v in flags.values())
    assert list(flags) == sorted(flags)
    assert flags["query.lookback-delta"] == "5m" and flags["query.timeout"] == "2m"
    assert flags["storage.tsdb.path"] == api.dir


def test_tsdb(api):
    got = ok(api.get("/api/v1/status/tsdb", limit=2))
    assert list(got) == ["headStats", "seriesCountByMetricName", "labelValueCountByLabelName",
                         "memoryInBytesByLabelName", "seriesCountByLabelValuePair"]
    assert list(got["headStats"]) == ["numSeries", "numLabelPairs", "chunkCount", "minTime", "maxTime"]
    assert got["headStats"]["numSeries"] == 14
    assert got["headStats"]["maxTime"] == 1000 * LAST
    assert got["seriesCountByMetricName"] == [{"name": "number", "value": 9},
                                              {"name": "http_requests_total", "value": 3}]
    assert got["seriesCountByLabelValuePair"][0] == {"name": "__name__=number", "value": 9}
    assert got["labelValueCountByLabelName"][0] == {"name": "is", "value": 9}


def test_empty_tsdb(server):
    got = ok(server.get("/api/v1/status/tsdb"))
    assert got["headStats"]["numSeries"] == 0 and got["seriesCountByMetricName"] == []


@pytest.mark.parametrize("path,data", [
    ("alertmanagers", {"activeAlertmanagers": [], "droppedAlertmanagers": []}),
    ("alerts", {"alerts": []}),
    ("notifications", []),
    ("rules", {"groups": []}),
    ("rules?type=alert", {"groups": []}),
    ("scrape_pools", {"scrapePools": []}),
    ("status/config", {"yaml": ""}),
    ("status/tsdb/blocks", {"blocks": []}),
    ("status/walreplay", {"min": 0, "max": 0, "current": 0}),
    ("targets", {"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {}}),
    ("targets?state=active", {"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": None}),
    ("targets/metadata", []),
    ("query_exemplars?query=test&start=1700000000000&end=1700000600000", []),
])
def test_constants(api, path, data):
    assert ok(api.get("/api/v1/" + path)) == data


def test_features(api):
    got = ok(api.get("/api/v1/features"))
    assert got["promql_operators"]["atan2"] and not got["promql_operators"]["limit_ratio"]
    assert got["promql"]["group_left"] and not got["promql"]["smoothed"]
    assert got["promql_functions"]["rate"] is True and got["api"]["remote_write_receiver"] is True
    assert all(isinstance(on, bool) for group in got.values() for on in group.values())


def test_exemplars(api):
    assert ok(both(api, "/api/v1/query_exemplars", query="sum(rate(x[5m]))")) == []
    reply = both(api, "/api/v1/query_exemplars", query="1")
    assert (reply.status, reply.body) == (204, b"")
    reply = both(api, "/api/v1/query_exemplars", query="x", start=2, end=1)
    assert reply.json()["error"] == "end timestamp must not be before start timestamp"
    reply = both(api, "/api/v1/query_exemplars", query="sum(")
    assert reply.json()["error"] == "1:5: parse error: unclosed left parenthesis"


def test_refused(api):
    reply = api.get("/api/v1/rules?type=x")
    assert (reply.status, reply.json()["error"]) == (400, 'invalid parameter "type": not supported value "x"')
    for call in ("snapshot", "delete_series", "clean_tombstones"):
        reply = api.request("POST", "/api/v1/admin/tsdb/" + call)
        assert reply.status == 500
        assert reply.json() == {"status": "error", "errorType": "unavailable", "error": "admin APIs disabled"}
    for path in ("/-/reload", "/-/quit"):
        for method in ("POST", "PUT"):
            reply = api.request(method, path)
            assert (reply.status, reply.text) == (403, "Lifecycle API is not enabled.")
        reply = api.get(path)
        assert (reply.status, reply.text) == (405, "Only POST or PUT requests allowed")


def test_health(api):
    for path, word in (("/-/healthy", "Healthy"), ("/-/ready", "Ready")):
        reply = api.get(path)
        assert (reply.status, reply.text) == (200, f"ferula is {word}.\n")
        head = api.request("HEAD", path)
        assert (head.status, head.body) == (200, b"")


def test_index(api):
    reply = api.get("/")
    assert reply.status == 200 and "/api/v1/query" in reply.text


# ---- /metrics

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')


def families(text):
    """Checks the text format and the limits of Azure's agent; {family: (type, {sample: value})}."""
    out, current = {}, None
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = line.split(" ", 3)[2]
            assert current not in out, f"{current} twice"
            out[current] = (None, {})
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == current and kind in ("counter", "gauge", "histogram", "summary")
            out[name] = (kind, out[name][1])
        else:
            found = SAMPLE.fullmatch(line)
            assert found, line
            name, labels, value = found.groups()
            suffixes = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}
            assert name in [current + s for s in suffixes.get(out[current][0], ("",))], line
            pairs = LABEL.findall(labels or "")
            assert "".join(f'{n}="{v}",' for n, v in pairs).rstrip(",") == (labels or ""), line
            assert len(pairs) <= 63 and all(len(n) <= 511 and len(v) <= 1023 for n, v in pairs)
            assert len(name) <= 511
            key = (name, labels or "")
            assert key not in out[current][1], line
            out[current][1][key] = float(value)
    return out


def test_metrics(api):
    api.get("/api/v1/query", query="up")
    reply = api.get("/metrics")
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    got = families(reply.text)
    flat = {name: value for _, samples in got.values() for (name, _), value in samples.items()}
    for name in ("ferula_build_info", "prometheus_build_info", "prometheus_ready",
                 "prometheus_config_last_reload_successful"):
        assert flat[name] == 1
    assert flat["process_resident_memory_bytes"] > 100000
    assert flat["process_cpu_seconds_total"] >= 0
    assert flat["process_open_fds"] > 3 and flat["process_max_fds"] >= flat["process_open_fds"]
    assert flat["process_start_time_seconds"] > 1.7e9
    assert flat["ferula_store_series"] == flat["prometheus_tsdb_head_series"] == 14
    assert flat["ferula_ingest_samples_appended_total"] == 3 * 41 + 1 + 9 + 2
    assert flat["prometheus_engine_queries_concurrent_max"] == 20
    assert flat["prometheus_engine_query_duration_seconds_count"] > 0
    assert flat["ferula_query_total"] > 0
    assert got["prometheus_tsdb_head_samples_appended_total"][0] == "counter"
