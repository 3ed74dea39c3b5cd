"""Times, ranges and numbers at the ends of what 64 bits hold: an answer, never a crash.

Under the sanitizer build an overflow on the way ends the server, and so the test.
"""
import pytest

TIMES = ["-9223372036854775", "9223372036854775", "-9223372036854775.807", "9223372036854775.807",
         "1e300", "-1e300", "NaN", "Inf", "0"]

QUERIES = [
    "rate(m[5m])",
    "sum_over_time(m[290y:1y] offset 290y) + m offset -290y",
    "max_over_time(m[1h:1s]) or timestamp(m) or year() or predict_linear(m[5m], 1e300)",
    "m @ 9223372036854775 or m @ -9223372036854775 offset 200y",
    "month(vector(1e300)) + hour(vector(-1e300)) + round(m, 1e-320) + (m % 0) + (1e308 ^ 10)",
    "topk(9e18, m) or bottomk(-9e18, m)",
    "holt(m) or quantile(NaN, m)",
]


@pytest.mark.parametrize("query", QUERIES)
def test_instant_queries_at_the_ends_of_time(server, query):
    server.push("m 1\n")
    for time in TIMES:
        reply = server.get("/api/v1/query", query=query, time=time)
        assert reply.status in (200, 400, 422), (time, reply)
    assert server.value("m") == "1"


RANGES = [
    ("-9223372036854775", "9223372036854775", "1", 400),
    ("-9223372036854775", "9223372036854775", "9223372036", 400),
    ("9223372036854774", "9223372036854775", "1", 200),
    ("-9223372036854775", "-9223372036854774", "0.001", 200),
    ("0", "1", "9223372036", 200),
    ("0", "1", "1e300", 400),
]


@pytest.mark.parametrize("start,end,step,status", RANGES)
def test_range_queries_at_the_ends_of_time(server, start, end, step, status):
    server.push("m 1\n")
    reply = server.get("/api/v1/query_range", query="rate(m[5m] offset 1y)", start=start, end=end,
                       step=step)
    assert reply.status == status, reply
    assert server.value("m") == "1"


def test_other_parameters(server):
    server.push("m 1\n")
    for path, params, status in (
            ("/api/v1/query", {"query": "m", "lookback_delta": "9223372036"}, 200),
            ("/api/v1/query", {"query": "m", "timeout": "1e300"}, 400),
            ("/api/v1/query", {"query": "m", "limit": "99999999999999999999"}, 400),
            ("/api/v1/query", {"query": "m offset 9e18"}, 400),
            ("/api/v1/series", {"match[]": "m", "start": "-1e300", "end": "1e300"}, 200),
            ("/api/v1/labels", {"start": "9223372036854775", "end": "-9223372036854775"}, 200)):
        assert server.post_form(path, params).status == status, (path, params)
