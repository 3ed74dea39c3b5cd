"""/api/v1/query and query_range: results byte for byte, parameters, errors."""
import gzip
import http.client
import json
import zlib

import pytest

from api_data import LAST, T0, api, both, get, ok  # noqa: F401

SUM_RATE = 'sum(rate(http_requests_total{job="app"}[2m]))'


def data_bytes(reply):
    assert reply.status == 200, reply
    head, tail = b'{"status":"success","data":', b"}"
    assert reply.body.startswith(head) and reply.body.endswith(tail), reply
    return reply.body[len(head):-len(tail)].decode()


RESULTS = [
    # query, time, data
    (SUM_RATE, LAST, '{"resultType":"vector","result":[{"metric":{},"value":[1700000600,"5.999999999999999"]}]}'),
    ('http_requests_total{code="500"}', LAST,
     '{"resultType":"vector","result":[{"metric":{"__name__":"http_requests_total","code":"500",'
     '"instance":"b:1","job":"app"},"value":[1700000600,"1200"]}]}'),
    ('http_requests_total{code="500"}[30s]', LAST,
     '{"resultType":"matrix","result":[{"metric":{"__name__":"http_requests_total","code":"500",'
     '"instance":"b:1","job":"app"},"values":[[1700000585,"1170"],[1700000600,"1200"]]}]}'),
    ("millis[10s]", LAST,
     '{"resultType":"matrix","result":[{"metric":{"__name__":"millis"},'
     '"values":[[1700000599.001,"1"],[1700000599.999,"2"]]}]}'),
    ("millis", "1700000600.05",
     '{"resultType":"vector","result":[{"metric":{"__name__":"millis"},"value":[1700000600.050,"2"]}]}'),
    ("nothing_here", LAST, '{"resultType":"vector","result":[]}'),
    ("nothing_here[5m]", LAST, '{"resultType":"matrix","result":[]}'),
    ("1+1", 4, '{"resultType":"scalar","result":[4,"2"]}'),
    ("1e21", "4.1", '{"resultType":"scalar","result":[4.1,"1000000000000000000000"]}'),
    ("1e-7", "1435781451.781", '{"resultType":"scalar","result":[1435781451.781,"0.0000001"]}'),
    ("NaN", 0, '{"resultType":"scalar","result":[0,"NaN"]}'),
    ("-Inf", 0, '{"resultType":"scalar","result":[0,"-Inf"]}'),
    ('"a<b"', 4, '{"resultType":"string","result":[4,"a\\u003cb"]}'),
    ("time()", "2024-01-02T03:04:05Z", '{"resultType":"scalar","result":[1704164645,"1704164645"]}'),
    ('{__name__="odd"}', LAST,
     '{"resultType":"vector","result":[{"metric":{"__name__":"odd","odd.name":"x",'
     '"path":"/a<b>&c\\"d\\\\\\n\u00e9\u2028"},"value":[1700000600,"1"]}]}'),
]


@pytest.mark.parametrize("query,time,want", RESULTS, ids=[r[0] for r in RESULTS])
def test_instant(api, query, time, want):
    assert data_bytes(both(api, "/api/v1/query", query=query, time=time)) == want


@pytest.mark.parametrize("name,want", [
    ("zero", "-0"), ("tiny", "1e-07"), ("small", "0.000001"), ("huge", "1e+21"),
    ("big", "123456789012345680000"), ("nan", "NaN"), ("inf", "+Inf"), ("minus_inf", "-Inf"),
    ("third", "0.3333333333333333")])
def test_numbers(api, name, want):
    assert api.value(f'number{{is="{name}"}}', LAST) == want


def test_no_time_is_now(api):
    data = ok(get(api, "/api/v1/query", {"query": "vector(1)", "time": ""}))
    assert data["result"][0]["value"][0] > LAST
    assert api.value("http_requests_total") is None  # the data is long past


def test_body_before_url(api):
    reply = api.request("POST", "/api/v1/query?query=1&time=5", "query=2&time=6",
                        {"Content-Type": "application/x-www-form-urlencoded"})
    assert data_bytes(reply) == '{"resultType":"scalar","result":[6,"2"]}'


def test_post_with_parameters_in_the_url(api):
    reply = api.request("POST", "/api/v1/query?query=1&time=5")
    assert data_bytes(reply) == '{"resultType":"scalar","result":[5,"1"]}'


def test_repeated_slashes(api):
    assert api.get("//api/v1/query", query="1").status == 200


# ---- range queries


def test_range(api):
    reply = both(api, "/api/v1/query_range", query='http_requests_total{code="500"}', start=T0,
                 end=T0 + 35, step=15)
    assert data_bytes(reply) == (
        '{"resultType":"matrix","result":[{"metric":{"__name__":"http_requests_total","code":"500",'
        '"instance":"b:1","job":"app"},"values":[[1700000000,"0"],[1700000015,"30"],[1700000030,"60"]]}]}')


def test_range_of_a_scalar(api):
    reply = both(api, "/api/v1/query_range", query="1", start=1, end=2, step="500ms")
    assert data_bytes(reply) == ('{"resultType":"matrix","result":[{"metric":{},'
                                 '"values":[[1,"1"],[1.500,"1"],[2,"1"]]}]}')


def test_11001_points_are_allowed(api):
    data = ok(both(api, "/api/v1/query_range", query="1", start=0, end=11000, step=1))
    assert len(data["result"][0]["values"]) == 11001


# ---- limits and notes


def test_limit_cuts_series(api):
    answer = both(api, "/api/v1/query", query="http_requests_total", time=LAST, limit=2).json()
    assert len(answer["data"]["result"]) == 2
    assert answer["warnings"] == ["results truncated due to limit"]
    answer = both(api, "/api/v1/query", query="http_requests_total", time=LAST, limit=3).json()
    assert len(answer["data"]["result"]) == 3 and "warnings" not in answer
    answer = both(api, "/api/v1/query_range", query="http_requests_total", start=T0, end=LAST,
                  step=60, limit=1).json()
    assert len(answer["data"]["result"]) == 1
    assert answer["warnings"] == ["results truncated due to limit"]
    assert "warnings" not in both(api, "/api/v1/query", query="1", time=1, limit=1).json()


@pytest.mark.parametrize("stats,warns", [("true", False), ("all", False), ("yes", True)])
def test_stats(api, stats, warns):
    answer = api.get("/api/v1/query", query="http_requests_total", time=LAST, stats=stats).json()
    got = answer["data"]["stats"]
    assert list(answer["data"]) == ["resultType", "result", "stats"]
    assert list(got) == ["timings", "samples"]
    assert list(got["timings"]) == ["evalTotalTime", "resultSortTime", "queryPreparationTime",
                                    "innerEvalTime", "execQueueTime", "execTotalTime"]
    assert list(got["samples"]) == ["totalQueryableSamples", "samplesRead", "peakSamples"]
    assert got["timings"]["execTotalTime"] >= got["timings"]["evalTotalTime"] >= 0
    warning = ('value "yes" for parameter "stats" is deprecated and will be rejected in the next major '
               'release, use "true" or "all"')
    assert answer.get("warnings") == ([warning] if warns else None)


# Queries and their samples in total, read and at once, from T0 + 60 s on in four steps of 15 s.
@pytest.mark.parametrize("query,total,read,peak", [
    ("http_requests_total", 12, 12, 12),
    ("sum(http_requests_total)", 12, 12, 12),
    ("sum(count_over_time(http_requests_total[30s]))", 24, 15, 14),
    ("http_requests_total * 2", 12, 12, 32),
    ("1", 0, 0, 4),
])
def test_samples_counted(api, query, total, read, peak):
    got = ok(api.get("/api/v1/query_range", query=query, start=T0 + 60, end=T0 + 105, step=15,
                     stats="true"))["stats"]["samples"]
    assert got == {"totalQueryableSamples": total, "samplesRead": read, "peakSamples": peak}


def test_no_stats_unless_asked(api):
    assert "stats" not in ok(api.get("/api/v1/query", query="1", stats=""))


def test_lookback_delta(api):
    late = LAST + 200
    assert api.value('http_requests_total{code="500"}', late) == "1200"
    for delta, found in (("1m", False), ("60", False), ("10m", True), ("0", True), ("-1", True)):
        data = ok(api.get("/api/v1/query", query='http_requests_total{code="500"}', time=late,
                          lookback_delta=delta))
        assert bool(data["result"]) == found, delta


# ---- errors


def parse_error(query, text):
    return ("/api/v1/query", {"query": query}, 400, "bad_data", f'invalid parameter "query": {text}')


RANGE = "/api/v1/query_range"
GOOD = {"query": "1", "start": "1", "end": "2", "step": "1"}

ERRORS = [
    parse_error("", "unknown position: parse error: no expression found in input"),
    parse_error("sum(", "1:5: parse error: unclosed left parenthesis"),
    parse_error("up{", "1:4: parse error: unexpected end of input inside braces"),
    parse_error("foo bar", '1:5: parse error: unexpected identifier "bar"'),
    parse_error("rate(up)", '1:6: parse error: expected type range vector in call to function "rate", '
                            'got instant vector'),
    ("/api/v1/query", {"query": "1", "limit": "x"}, 400, "bad_data",
     'invalid parameter "limit": strconv.Atoi: parsing "x": invalid syntax'),
    ("/api/v1/query", {"query": "1", "limit": "-1"}, 400, "bad_data",
     'invalid parameter "limit": limit must be non-negative'),
    ("/api/v1/query", {"query": "1", "time": "x"}, 400, "bad_data",
     "invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp"),
    ("/api/v1/query", {"query": "1", "timeout": "x"}, 400, "bad_data",
     'invalid parameter "timeout": cannot parse "x" to a valid duration'),
    ("/api/v1/query", {"query": "1", "timeout": "1e10"}, 400, "bad_data",
     'invalid parameter "timeout": cannot parse "1e10" to a valid duration. It overflows int64'),
    ("/api/v1/query", {"query": "1", "lookback_delta": "x"}, 400, "bad_data",
     'error parsing lookback delta duration: cannot parse "x" to a valid duration'),
    (RANGE, {**GOOD, "start": ""}, 400, "bad_data",
     'invalid parameter "start": cannot parse "" to a valid timestamp'),
    (RANGE, {**GOOD, "end": "x"}, 400, "bad_data",
     'invalid parameter "end": cannot parse "x" to a valid timestamp'),
    (RANGE, {**GOOD, "end": "0"}, 400, "bad_data",
     'invalid parameter "end": end timestamp must not be before start time'),
    (RANGE, {**GOOD, "step": ""}, 400, "bad_data",
     'invalid parameter "step": cannot parse "" to a valid duration'),
    (RANGE, {**GOOD, "step": "0"}, 400, "bad_data",
     'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
     'Try a positive integer'),
    (RANGE, {**GOOD, "end": "11002"}, 400, "bad_data",
     'exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution '
     '(?step=XX)'),
    (RANGE, {**GOOD, "query": "up[5m]"}, 400, "bad_data",
     'invalid parameter "query": invalid expression type "range vector" for range query, must be Scalar '
     'or instant Vector'),
    (RANGE, {**GOOD, "query": '"text"'}, 400, "bad_data",
     'invalid parameter "query": invalid expression type "string" for range query, must be Scalar '
     'or instant Vector'),
    ("/api/v1/query", {"query": "http_requests_total + on(job) http_requests_total", "time": LAST}, 422,
     "execution", None),
    ("/api/v1/query", {"query": 'label_replace(number, "a", "b", "is", "(")', "time": LAST}, 422,
     "execution", None),
    ("/api/v1/query", {"query": "1", "timeout": "0"}, 503, "timeout",
     "query timed out in query execution"),
    ("/api/v1/query", {"query": "1", "timeout": "-5"}, 503, "timeout",
     "query timed out in query execution"),
]


@pytest.mark.parametrize("path,params,status,kind,text", ERRORS,
                         ids=[f"{e[0][8:]} {e[1]}" for e in ERRORS])
def test_errors(api, path, params, status, kind, text):
    reply = both(api, path, **params)
    assert reply.status == status, reply
    assert reply.headers["content-type"] == "application/json"
    answer = reply.json()
    assert list(answer) == ["status", "errorType", "error"]
    assert (answer["status"], answer["errorType"]) == ("error", kind)
    if text is not None:
        assert answer["error"] == text


def test_order_of_checks(api):
    """Everything is wrong: the first in Prometheus' order is named; mending it names the next."""
    bad = {"limit": "x", "start": "x", "end": "x", "step": "x", "timeout": "x", "lookback_delta": "x",
           "query": "("}
    mended = {"limit": "1", "start": "1", "end": "2", "step": "1", "timeout": "1m", "lookback_delta": "1m"}
    for name in mended:
        answer = get(api, RANGE, bad).json()
        want = "error parsing lookback delta" if name == "lookback_delta" else f'invalid parameter "{name}"'
        assert answer["error"].startswith(want)
        bad[name] = mended[name]
    assert get(api, RANGE, bad).json()["error"].startswith('invalid parameter "query"')


def test_error_is_html_escaped(api):
    assert b'"error":"invalid parameter \\"time\\": invalid time value for \'time\': cannot parse ' \
           b'\\"\\u003ca\\u003e\\u0026\\" to' in api.get("/api/v1/query", query="1", time="<a>&").body


# ---- transport


def test_cors(api):
    plain = api.get("/api/v1/query", query="1")
    assert "access-control-allow-origin" not in plain.headers
    conn = http.client.HTTPConnection("127.0.0.1", api.port, timeout=30)
    conn.request("GET", "/api/v1/query?query=1")
    vary = conn.getresponse().headers.get_all("Vary")
    conn.close()
    assert "Origin" in ",".join(vary) and "Accept-Encoding" in ",".join(vary)
    for reply in (api.get("/api/v1/query", headers={"Origin": "http://x"}, query="1"),
                  api.get("/api/v1/query", headers={"Origin": "http://x"}, query="("),
                  api.request("OPTIONS", "/api/v1/query", headers={"Origin": "http://x"})):
        assert reply.headers["access-control-allow-origin"] == "*"
        assert reply.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
        assert reply.headers["access-control-allow-headers"] == "Accept, Authorization, Content-Type, Origin"
        assert reply.headers["access-control-expose-headers"] == "Date"


@pytest.mark.parametrize("path", ["/api/v1/query", "/api/v1/label/job/values", "/api/v1/nowhere"])
def test_options(api, path):
    reply = api.request("OPTIONS", path)
    assert (reply.status, reply.body) == (204, b"")


@pytest.mark.parametrize("accept,encoding", [
    ("gzip", "gzip"), ("deflate", "deflate"), ("br, gzip", "gzip"), (" deflate , gzip", "deflate"),
    ("gzip;q=1", None), ("*", None), ("", None)])
@pytest.mark.parametrize("query", ["1", "("])
def test_compression(api, accept, encoding, query):
    plain = api.get("/api/v1/query", query=query, time=1)
    reply = api.get("/api/v1/query", headers={"Accept-Encoding": accept}, query=query, time=1)
    assert reply.headers.get("content-encoding") == encoding
    undo = {"gzip": gzip.decompress, "deflate": zlib.decompress, None: bytes}[encoding]
    assert undo(reply.body) == plain.body
    assert reply.status == plain.status


@pytest.mark.parametrize("method,path,status", [
    ("PUT", "/api/v1/query", 405), ("DELETE", "/api/v1/labels", 405),
    ("POST", "/api/v1/label/job/values", 405), ("POST", "/api/v1/metadata", 405),
    ("GET", "/api/v1/write", 405), ("GET", "/api/v1/nowhere", 404), ("GET", "/api/v1/", 404),
    ("POST", "/api/v1/nowhere", 404)])
def test_other_paths_and_methods(api, method, path, status):
    assert api.request(method, path).status == status


def test_accept_falls_back_to_json(api):
    reply = api.get("/api/v1/query", headers={"Accept": "application/xml"}, query="1")
    assert reply.status == 200 and json.loads(reply.body)["status"] == "success"
