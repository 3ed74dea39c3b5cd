"""Good and bad requests of remote write 2.0 to ferula and to the pinned Prometheus: the same statuses,
texts and counts.

Not asked: samples of a series that contradict each other in one request. Prometheus looks at what was
there before the request only, counts them as written and drops them in silence; ferula refuses them.
"""
import urllib.error
import urllib.request

import pytest

import rw
from conftest_server import start_server
from pinned import Prometheus
from test_write2 import BAD, GOOD, H, T, UP, counts


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("write2")
    with start_server(folder) as ferula, Prometheus(
            folder, "--web.enable-remote-write-receiver",
            "--enable-feature=exemplar-storage") as prometheus:
        yield ferula.url, prometheus.url


class Answer:
    def __init__(self, reply):
        self.status, self.text = reply.status, reply.read().decode()
        self.headers = {k.lower(): v for k, v in reply.headers.items()}

    def __repr__(self):
        return repr((self.status, self.text, counts(self)))

    def __eq__(self, other):
        return repr(self) == repr(other)


def post(url, body, headers):
    head = {"Content-Encoding": "snappy", **rw.V2, **headers}
    asked = urllib.request.Request(url + "/api/v1/write", body,
                                   {k: v for k, v in head.items() if v is not None})
    try:
        with urllib.request.urlopen(asked, timeout=20) as reply:
            return Answer(reply)
    except urllib.error.HTTPError as refused:
        return Answer(refused)


def agree(both, body, headers=()):
    got, want = (post(url, body, dict(headers)) for url in both)
    assert got == want
    return want


@pytest.mark.parametrize("bad,line", BAD, ids=[line[:60] for _, line in BAD])
def test_bad_requests(both, bad, line):
    agree(both, rw.body2(GOOD, bad))


HEADERS = [
    ({"Content-Type": "application/json"}, rw.body2(GOOD)),
    ({"Content-Type": "application/x-protobuf;proto"}, rw.body2(GOOD)),
    ({"Content-Type": "application/x-protobuf;proto=x.Y"}, rw.body2(GOOD)),
    ({"Content-Type": "application/x-protobuf;x=y"}, rw.body(GOOD)),
    ({"Content-Type": "application/x-protobuf;proto=prometheus.WriteRequest"}, rw.body(GOOD)),
    ({"Content-Encoding": "gzip"}, rw.body2(GOOD)),
    ({}, b"\x00"),
]


@pytest.mark.parametrize("headers,body", HEADERS, ids=[str(h) for h, _ in HEADERS])
def test_headers(both, headers, body):
    agree(both, body, headers)


def one_histogram(**more):
    return {"labels": {**H, "case": str(more)}, "histograms": [rw.histogram(3, 1.0, T, **more)]}


SERIES = [
    {"labels": {**UP, "e": "1"}, "samples": [(T, 1.0)], "exemplars": [({"a": "b"}, 1.0, T)]},
    {"labels": {**UP, "e": "2"}, "samples": [(T, 1.0)], "exemplars": [({"a": "b" * 200}, 1.0, T)]},
    {"labels": {**UP, "e": "3"}, "samples": [(T, 1.0), (T, 1.0), (T + 1, 1.0)]},
    {"labels": {**UP, "e": "none yet"}, "exemplars": [({"a": "b"}, 1.0, T)]},
    {"labels": {**UP, "e": "4"}, "samples": [(T, 1.0)], "meta": (99, "h", "u")},
    {"labels": [("z", "1"), ("__name__", "m"), ("a", ""), ("b", "2")], "samples": [(T, 1.0)]},
    {"labels": {"__name__": "m m", "é": "测"}, "samples": [(T, 1.0)]},
    {"labels": [("__name__", "m"), ("a", b"\xff")], "samples": [(T, 1.0)]},
    {"labels": [("__name__", "m"), ("", "x")], "samples": [(T, 1.0)]},
    one_histogram(buckets=(1, 2)), one_histogram(buckets=(1, 1)), one_histogram(buckets=(4, -1)),
    one_histogram(buckets=(1, 2), schema=9), one_histogram(buckets=(1, 2), schema=52),
    one_histogram(buckets=(1, 2), schema=53), one_histogram(buckets=(1, 2), schema=-5),
    one_histogram(buckets=(1, 2), schema=-53, custom=(1.0,)),
    one_histogram(buckets=(1, 2), schema=-53, custom=(2.0, 1.0)),
    one_histogram(buckets=(1, 1, 1), schema=-53, custom=(1.0,)),
    one_histogram(buckets=(1, 2), schema=-53, custom=(1.0, float("inf"))),
    one_histogram(buckets=(1, 2), custom=(1.0, 2.0)),
    {"labels": {**H, "n": "spans"}, "histograms": [
        rw.histogram(0, 1.0, T) + rw.field(8, rw.span(0, 3)) + rw.field(11, rw.span(0, 5))]},
    {"labels": {**H, "n": "back"}, "histograms": [
        rw.histogram(2, 1.0, T, buckets=(1, 1)) + rw.field(11, rw.span(-3, 0))]},
    {"labels": {**H, "n": "float"}, "histograms": [rw.float_histogram(9.0, 1.0, T, buckets=(1.0, -2.0))]},
    {"labels": {**H, "n": "count"}, "histograms": [rw.float_histogram(-9.0, 1.0, T)]},
    {"labels": {**H, "n": "NaN"}, "histograms": [rw.histogram(9, float("nan"), T, buckets=(1, 1))]},
    {"labels": {**H, "n": "mixed"}, "samples": [(T, 1.0)], "histograms": [rw.histogram(0, 1.0, T + 1)]},
    {"labels": {**H, "n": "future"}, "histograms": [rw.histogram(0, 1.0, T + 5_000_000)]},
]


@pytest.mark.parametrize("series", SERIES, ids=[str(s)[:70] for s in SERIES])
def test_series(both, series):
    agree(both, rw.body2(series))
