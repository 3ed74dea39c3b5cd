"""OTLP over HTTP end to end: what is stored of a request, and the answers to bad ones."""
import gzip
import json
import time

import pytest

import rw
from conftest_server import start_server

PATH = "/api/v1/otlp/v1/metrics"
T = int(time.time() * 1000) - 600_000


@pytest.fixture
def otlp(tmp_path):
    with start_server(tmp_path, "--web.enable-otlp-receiver") as server:
        yield server


def ns(t_ms):
    return str(t_ms * 1_000_000)


def attrs(**pairs):
    return [{"key": k.replace("_", "."), "value": {"stringValue": v}} for k, v in pairs.items()]


def request(*metrics, **resource):
    return {"resourceMetrics": [{"resource": {"attributes": attrs(**resource)},
                                 "scopeMetrics": [{"metrics": list(metrics)}]}]}


def point(value, t_ms=T, **pairs):
    return {"timeUnixNano": ns(t_ms), "asDouble": value, "attributes": attrs(**pairs)}


def gauge(name, *points, **more):
    return {"name": name, "gauge": {"dataPoints": list(points)}, **more}


def counter(name, *points, temporality=2, **more):
    return {"name": name, "sum": {"dataPoints": list(points), "isMonotonic": True,
                                  "aggregationTemporality": temporality}, **more}


def send(server, body, headers=None):
    head = {"Content-Type": "application/json", **(headers or {})}
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return server.request("POST", PATH, body, {k: v for k, v in head.items() if v is not None})


def test_off_unless_asked_for(server):
    reply = send(server, {}, {"Content-Type": "nonsense"})
    assert (reply.status, reply.text) == (
        404, "otlp write receiver needs to be enabled with --web.enable-otlp-receiver\n")
    assert server.get("/api/v1/features").json()["data"]["api"]["otlp_write_receiver"] is False


def test_metrics_of_an_application(otlp):
    reply = send(otlp, request(
        counter("http.server.requests", point(5, http_method="GET"), point(7, http_method="PUT"),
                unit="{request}", description="Requests."),
        gauge("memory.usage", point(1024), unit="By"),
        {"name": "http.server.duration", "unit": "s", "histogram": {
            "aggregationTemporality": 2, "dataPoints": [{
                "timeUnixNano": ns(T), "count": "6", "sum": 7.5, "bucketCounts": ["1", "2", "3"],
                "explicitBounds": [0.5, 1]}]}},
        {"name": "gc", "summary": {"dataPoints": [{
            "timeUnixNano": ns(T), "count": 2, "sum": 3,
            "quantileValues": [{"quantile": 0.99, "value": 2}]}]}},
        service_name="shop", service_namespace="eu", service_instance_id="pod-1", host_name="n1"))
    assert (reply.status, reply.body) == (200, b"")
    at = T / 1000
    job = {"job": "eu/shop", "instance": "pod-1"}
    got = otlp.query("http_server_requests_total", at)["result"]
    assert [(one["metric"], one["value"][1]) for one in got] == [
        ({"__name__": "http_server_requests_total", "http_method": m, **job}, v)
        for m, v in (("GET", "5"), ("PUT", "7"))]
    assert otlp.value("memory_usage_bytes", at) == "1024"
    assert otlp.value("histogram_quantile(0.5, http_server_duration_seconds_bucket)", at) == "1"
    assert otlp.value("http_server_duration_seconds_sum / http_server_duration_seconds_count", at) == "1.25"
    assert otlp.value('gc{quantile="0.99"}', at) == "2"
    assert otlp.value('target_info{host_name="n1",job="eu/shop",instance="pod-1"}', at) == "1"
    meta = otlp.get("/api/v1/metadata").json()["data"]
    assert meta["http_server_requests_total"] == [
        {"type": "counter", "help": "Requests.", "unit": ""}]
    assert meta["http_server_duration_seconds"] == [
        {"type": "histogram", "help": "", "unit": "seconds"}]
    assert otlp.get("/api/v1/features").json()["data"]["api"]["otlp_write_receiver"] is True


def test_exponential_histogram(otlp):
    points = [{"timeUnixNano": ns(T + 1000 * i), "count": str(13 + i), "sum": 2, "scale": 0,
               "zeroCount": "1", "positive": {"offset": -1, "bucketCounts": ["5", "0", str(7 + i)]}}
              for i in range(3)]
    reply = send(otlp, request({"name": "e", "unit": "s", "exponentialHistogram": {
        "aggregationTemporality": 2, "dataPoints": points}}))
    assert (reply.status, reply.body) == (200, b"")
    for _ in range(2):
        at = T / 1000 + 2
        assert otlp.value("histogram_count(e_seconds)", at) == "15"
        assert otlp.value("histogram_fraction(1, 4, e_seconds)", at) == "0.6"
        assert otlp.value("count_over_time(e_seconds[1m])", at) == "3"
        otlp.restart(kill=True)


def test_the_same_again_is_fine_and_so_is_a_crash(otlp):
    for i in range(4):
        for _ in range(2):
            body = request(gauge("m", point(i, T + i)), service_name="x", host="h")
            assert send(otlp, body).status == 200
    otlp.restart(kill=True)
    assert otlp.value("count_over_time(m[1m])", T / 1000 + 1) == "4"
    assert otlp.value("count_over_time(target_info[1m])", T / 1000 + 1) == "4"
    assert send(otlp, request(gauge("m", point(9, T + 9)), service_name="x", host="h")).status == 200
    assert otlp.value("count(count_over_time(m[1m]))", T / 1000 + 1) == "1"


def protobuf(t_ms):
    """A gauge m with the value 2."""
    one = rw.tag(3, 1) + int(t_ms * 1_000_000).to_bytes(8, "little") + rw.tag(4, 1) + rw.f64(2.0)
    metric = rw.field(1, b"m") + rw.field(5, rw.field(1, one))
    return rw.field(1, rw.field(2, rw.field(2, metric)))


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("kind", ["application/json", "application/x-protobuf"])
def test_forms(otlp, kind, zipped):
    body = protobuf(T) if "protobuf" in kind else json.dumps(request(gauge("m", point(2)))).encode()
    reply = send(otlp, gzip.compress(body) if zipped else body,
                 {"Content-Type": kind, "Content-Encoding": "gzip" if zipped else None})
    assert (reply.status, reply.body) == (200, b"")
    assert otlp.value("m", T / 1000) == "2"


GOOD = gauge("good", point(1))

BAD = [
    # body, headers, status, text
    (b"{}", {"Content-Type": "text/plain"}, 400,
     "unsupported content type: text/plain, supported: [application/json, application/x-protobuf]"),
    (b"{}", {"Content-Type": None}, 400,
     "unsupported content type: , supported: [application/json, application/x-protobuf]"),
    (b"{}", {"Content-Encoding": "deflate"}, 400,
     'unsupported compression: deflate. Only "gzip" or no compression supported'),
    (b"{}", {"Content-Encoding": "gzip"}, 400, "gzip: incorrect header check"),
    (gzip.compress(b"{}")[:-4], {"Content-Encoding": "gzip"}, 400, "unexpected EOF"),
    (b"[]", {}, 400, "json: expected an object at byte 0"),
    (b"\x0a\x05", {"Content-Type": "application/x-protobuf"}, 400,
     "proto: unexpected EOF at byte 2"),
    (request(counter("d", point(1), temporality=1), GOOD), {}, 500,
     'invalid temporality and type combination for metric "d"'),
    (request(gauge("none"), GOOD), {}, 500, "empty data points. none is dropped"),
    (request(gauge("m", point(1, T + 3_600_000)), GOOD), {}, 400,
     'out of bounds: timestamp is too far in the future for series {__name__="m"}'),
    (request(GOOD, gauge("good", point(2))), {}, 400,
     f"duplicate sample for timestamp {T}; overrides not allowed: existing 1, new value 2 for "
     'series {__name__="good"}'),
]


@pytest.mark.parametrize("body,headers,status,text", BAD, ids=[text[:50] for *_, text in BAD])
def test_bad_requests(otlp, body, headers, status, text):
    reply = send(otlp, body, headers)
    assert (reply.status, reply.text) == (status, text + "\n")
    if isinstance(body, dict):
        assert otlp.value("good", T / 1000) == "1", "the good part is stored"
    assert send(otlp, {}).status == 200


def test_a_bomb_in_gzip(otlp):
    body = gzip.compress(b"[" * (64 << 20), compresslevel=1)
    reply = send(otlp, body, {"Content-Encoding": "gzip"})
    assert (reply.status, reply.text) == (400, "decoded size exceeds the 33554432 bytes limit\n")


def test_type_and_unit_labels(tmp_path):
    with start_server(tmp_path, "--web.enable-otlp-receiver",
                      "--enable-feature=type-and-unit-labels") as server:
        assert send(server, request(counter("m", point(1), unit="s"))).status == 200
        one = server.query("m_seconds_total", T / 1000)["result"][0]
        assert one["metric"] == {"__name__": "m_seconds_total", "__type__": "counter",
                                 "__unit__": "seconds"}
        reply = server.write(rw.body2({"labels": {"__name__": "n"}, "samples": [(T, 1.0)],
                                       "meta": (2, "", "bytes")}), rw.V2)
        assert reply.status == 204
        one = server.query('{__name__="n"}', T / 1000)["result"][0]
        assert one["metric"] == {"__name__": "n", "__type__": "gauge", "__unit__": "bytes"}
