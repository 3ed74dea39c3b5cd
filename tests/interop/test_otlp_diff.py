"""Random OTLP requests to ferula and to the pinned Prometheus: the same answers, and afterwards the
same series, samples, histograms and exemplars.
"""
import json
import math
import os
import random
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from conftest_server import start_server
from pinned import Prometheus

PATH = "/api/v1/otlp/v1/metrics"
REQUESTS = int(os.environ.get("OTLP_REQUESTS", "150"))
T = int(time.time() * 1000) - 300_000

WORDS = ["http", "server", "a", "total", "ratio", "bytes", "B", "seconds", "per", "1", "c::d", "é"]
JOINTS = [".", "_", "__", "-", " ", "/", "{", "%"]
UNITS = ["", "1", "s", "ms", "By", "By/s", "{req}", "{req}/s", "m/s", "%", "°C", "a b", "KiBy/h", "s/"]
KEYS = ["a", "a.b", "a_b", "a-b", "http.method", "_x", "__y__", "9z", "job", "instance", "le",
        "quantile", "__name__", "ünder", "B"]
STRINGS = ["", "x", "y z", "<&>\"\\", "äöü", "10", "ns/s"]


class Requests:
    """Random requests; names and resources of each are its own."""

    def __init__(self, seed):
        self.rnd = random.Random(seed)

    def name(self, i, k):
        out = f"q{i}x{k}"
        for _ in range(self.rnd.randrange(4)):
            out += self.rnd.choice(JOINTS) + self.rnd.choice(WORDS)
        return out

    def number(self):
        return self.rnd.choice([0, 1, -1, 0.5, 1e21, 1e-7, 123456789, self.rnd.random(), 1 << 40])

    def value(self, depth=0):
        kind = self.rnd.randrange(8 if depth < 2 else 5)
        if kind < 3:
            return {"stringValue": self.rnd.choice(STRINGS)}
        if kind == 3:
            return {"intValue": str(self.rnd.randrange(-1000, 1000))}
        if kind == 4:
            return self.rnd.choice([{"boolValue": True}, {"doubleValue": self.number()},
                                    {"bytesValue": "AQID"}, {}])
        if kind == 5:
            return {"arrayValue": {"values": [self.value(depth + 1) for _ in range(self.rnd.randrange(3))]}}
        return {"kvlistValue": {"values": self.attributes(3, depth + 1)}}

    def attributes(self, most, depth=0):
        keys = self.rnd.sample(KEYS, self.rnd.randrange(most))
        return [{"key": k, "value": self.value(depth)} for k in keys]

    def exemplars(self, values):
        out = []
        for i, v in enumerate(values):
            one = {"timeUnixNano": str((T + i) * 1_000_000), "asDouble": v}
            if self.rnd.random() < 0.7:
                one["traceId"] = f"{self.rnd.getrandbits(128):032x}"
            if self.rnd.random() < 0.5:
                one["spanId"] = f"{self.rnd.getrandbits(64):016x}"
            if self.rnd.random() < 0.5:
                one["filteredAttributes"] = [{"key": "k", "value": {"stringValue": "v" * self.rnd.choice([1, 60, 200])}}]
            out.append(one)
        return out

    def points(self, make):
        """Points of series that differ, or of one at several times."""
        out = []
        for i in range(self.rnd.randrange(1, 4)):
            more = [{"key": "point", "value": {"intValue": i}}] if self.rnd.random() < 0.5 else []
            one = {"timeUnixNano": str((T + 1000 * i) * 1_000_000 + 999), "attributes":
                   self.attributes(4) + more, **make()}
            if self.rnd.random() < 0.5:
                one["startTimeUnixNano"] = str((T - 60_000) * 1_000_000)
            if self.rnd.random() < 0.1:
                one["flags"] = 1
            out.append(one)
        return {"dataPoints": out}

    def number_point(self):
        return self.rnd.choice([{"asDouble": self.number()}, {"asInt": str(self.rnd.randrange(99))}, {}])

    def histogram_point(self):
        bounds = sorted({self.rnd.choice([0, 0.1, 0.5, 1, 2.5, 1e6, 1e-9]) for _ in range(self.rnd.randrange(5))})
        counts = [self.rnd.randrange(9) for _ in range(len(bounds) + 1)]
        one = {"count": str(sum(counts)), "bucketCounts": counts, "explicitBounds": bounds}
        if self.rnd.random() < 0.8:
            one["sum"] = self.number()
        if self.rnd.random() < 0.5:
            one["exemplars"] = self.exemplars(sorted([0.05, 0.7, 3e6][:self.rnd.randrange(4)]))
        return one

    def exponential_point(self):
        sides = {}
        for side in ("positive", "negative"):
            if self.rnd.random() < 0.7:
                counts = [self.rnd.choice([0, 0, 0, 1, 5]) for _ in range(self.rnd.randrange(12))]
                sides[side] = {"offset": self.rnd.randrange(-20, 20), "bucketCounts": counts}
        zero = self.rnd.randrange(3)
        count = zero + sum(sum(s["bucketCounts"]) for s in sides.values())
        return {"count": count, "sum": self.number(), "zeroCount": zero, "zeroThreshold": 0.5,
                "scale": self.rnd.randrange(-4, 13), **sides}

    def summary_point(self):
        return {"count": "5", "sum": self.number(),
                "quantileValues": [{"quantile": q, "value": self.number()} for q in (0, 0.5, 0.99)]}

    def metric(self, i, k):
        kind = self.rnd.choice(["gauge", "sum", "histogram", "exponentialHistogram", "summary"])
        make = {"gauge": self.number_point, "sum": self.number_point, "histogram": self.histogram_point,
                "exponentialHistogram": self.exponential_point, "summary": self.summary_point}[kind]
        data = self.points(make)
        if kind not in ("gauge", "summary"):
            data["aggregationTemporality"] = 2
        if kind == "sum":
            data["isMonotonic"] = self.rnd.random() < 0.5
        name = ("native " if kind.startswith("exp") else "") + self.name(i, k)
        return {"name": name, "unit": self.rnd.choice(UNITS), kind: data,
                "description": self.rnd.choice(["", f"Help {i}."])}

    def request(self, i):
        attributes = [{"key": "own", "value": {"intValue": i}}] + self.attributes(5)
        for key in ("service.name", "service.namespace", "service.instance.id"):
            if self.rnd.random() < 0.6:
                attributes.append({"key": key, "value": {"stringValue": f"s{i}"}})
        metrics = [self.metric(i, k) for k in range(self.rnd.randrange(1, 5))]
        return {"resourceMetrics": [{"resource": {"attributes": attributes},
                                     "scopeMetrics": [{"scope": {"name": "s"}, "metrics": metrics}]}]}


def post(url, body):
    """Status and text."""
    asked = urllib.request.Request(url + PATH, json.dumps(body).encode(),
                                   {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=20) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def get(url, path, **params):
    query = urllib.parse.urlencode(params)
    with urllib.request.urlopen(f"{url}/api/v1/{path}?{query}", timeout=60) as reply:
        return json.load(reply)["data"]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("otlp")
    with start_server(folder, "--web.enable-otlp-receiver") as ferula, \
            Prometheus(folder, "--web.enable-otlp-receiver",
                       "--enable-feature=exemplar-storage") as prometheus:
        yield ferula.url, prometheus.url


@pytest.fixture(scope="module")
def filled(both):
    random_ones = Requests(17)
    for i in range(REQUESTS):
        request = random_ones.request(i)
        got, want = (post(url, request) for url in both)
        assert got == want == (200, ""), (json.dumps(request), got, want)
    return both


def by_labels(result, key):
    return {json.dumps(one["metric"], sort_keys=True): one[key] for one in result}


def ask(url, query):
    return get(url, "query", query=query, time=(T + 60_000) / 1000)["result"]


def test_series(filled):
    got, want = (sorted(json.dumps(s, sort_keys=True) for s in
                        get(url, "series", **{"match[]": '{__name__=~".+"}'})) for url in filled)
    assert len(want) > REQUESTS and got == want


def test_floats(filled):
    query = '{__name__=~".+",__name__!~"native.*"}[10m]'
    got, want = (by_labels(ask(url, query), "values") for url in filled)
    assert len(want) > REQUESTS and got == want


@pytest.mark.parametrize("function", [
    "histogram_count(%s)", "histogram_sum(%s)", "histogram_quantile(0.1, %s)",
    "histogram_quantile(0.9, %s)", "histogram_fraction(-1, 3, %s)", "histogram_stddev(%s)"])
def test_histograms(filled, function):
    query = function % ('label_replace(last_over_time({__name__=~"native.*"}[10m]), '
                        '"name", "$1", "__name__", "(.*)")')
    got, want = (by_labels(ask(url, query), "value") for url in filled)
    assert len(want) > REQUESTS / 4 and got.keys() == want.keys()
    for labels, (_, value) in want.items():  # interpolation takes exp and logarithms
        mine = float(got[labels][1])
        assert mine == float(value) or math.isclose(mine, float(value), rel_tol=1e-12) or value == "NaN" \
            and math.isnan(mine), (labels, mine, value)


def test_histograms_bucket_by_bucket(filled):
    got, want = (by_labels(ask(url, '{__name__=~"native.*"}[10m]'), "histograms") for url in filled)
    assert len(want) > REQUESTS / 4 and got == want


def test_exemplars(filled):
    got, want = (sorted(json.dumps(one, sort_keys=True) for one in
                        get(url, "query_exemplars", query='{__name__=~".+"}', start=T / 1000 - 600,
                            end=T / 1000 + 600)) for url in filled)
    assert len(want) > REQUESTS / 4 and got == want


def delta(name):
    return {"name": name, "sum": {"aggregationTemporality": 1, "dataPoints": [{}]}}


def gauge(name, **more):
    point = {"timeUnixNano": str(T * 1_000_000), "asInt": 1, **more}
    return {"name": name, "gauge": {"dataPoints": [point]}}


def attribute(key):
    return {"attributes": [{"key": key, "value": {"stringValue": "x"}}]}


def exponential(**more):
    return {"name": "e", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [
        {"timeUnixNano": str(T * 1_000_000), **more}]}}


BAD = {
    "delta": [delta("d"), gauge("good")],
    "delta of a quoted name, twice": [delta('d"é\n'), delta("e")],
    "unspecified temporality": [{"name": "h", "histogram": {"dataPoints": [{}]}}],
    "no points": [{"name": "g.h", "gauge": {}}, {"name": "s", "summary": {}}],
    "no data": [{"name": "nothing"}],
    "no name": [gauge(""), gauge("测"), gauge("__")],
    "label names that cannot be": [gauge("g", **attribute("")), gauge("g", **attribute("__"))],
    "too coarse": [exponential(scale=-5)],
    "unsound": [exponential(count="5")],
    "an exemplar without value": [{"name": "s", "sum": {"aggregationTemporality": 2, "dataPoints": [
        {"timeUnixNano": str(T * 1_000_000), "exemplars": [{}]}]}}],
    "in the future": [gauge("f", timeUnixNano=str((T + 10_000_000) * 1_000_000))],
}


@pytest.mark.parametrize("name", BAD)
def test_bad_requests(both, name):
    request = {"resourceMetrics": [{"scopeMetrics": [{"metrics": BAD[name]}]}]}
    got, want = (post(url, request) for url in both)
    assert got[0] == want[0] and want[0] >= 400, (got, want)
    assert got[1].split(" for series ")[0].strip() == want[1].strip()
