"""Remote write 2.0 end to end: what is stored of good and bad requests, and what the answer counts.

Among the requests are those of the compliance suite for receivers.
"""
import time

import pytest

import rw
from conftest_server import start_server

AZURE = "/dataCollectionRules/dcr-0123/streams/Microsoft-PrometheusMetrics/api/v1/write"
T = int(time.time() * 1000) - 600_000
UP = {"__name__": "up", "job": "x"}


def counts(reply):
    """Samples, histograms, exemplars as the headers say; None when one is missing."""
    kinds = ("samples", "histograms", "exemplars")
    found = [reply.headers.get(f"x-prometheus-remote-write-{kind}-written") for kind in kinds]
    return None if None in found else tuple(int(n) for n in found)


def write(server, *series, path="/api/v1/write"):
    return server.write(rw.body2(*series), rw.V2, path=path)


@pytest.mark.parametrize("path", ["/api/v1/write", AZURE])
def test_answer_is_204_and_counts(server, path):
    reply = write(server, (UP, [(T, 1.5), (T + 1000, 2.5)]), path=path)
    assert (reply.status, reply.body, counts(reply)) == (204, b"", (2, 0, 0))
    got = server.query("up", T / 1000 + 1)["result"]
    assert got == [{"metric": UP, "value": [T / 1000 + 1, "2.5"]}]


def test_both_protocols_write_the_same_series(server):
    for i in range(6):
        labels = dict(sorted(UP.items(), reverse=i % 3 == 0))
        body = (labels, [(T + i, float(i))])
        reply = write(server, body) if i % 2 else server.write(rw.body(body))
        assert (reply.status, counts(reply)) == (204, (1, 0, 0) if i % 2 else None)
    assert server.value("count_over_time(up[1m])", T / 1000 + 1) == "6"
    assert server.value("count(up)", T / 1000 + 1) == "1"


def test_a_repeated_sample_counts_as_written(server):
    assert counts(write(server, (UP, [(T, 1.0)]))) == (1, 0, 0)
    assert counts(write(server, (UP, [(T, 1.0)]))) == (1, 0, 0)


def test_empty_requests(server):
    for body in (b"\x00", rw.body2()):
        reply = server.write(body, rw.V2)
        assert (reply.status, counts(reply)) == (204, (0, 0, 0))


@pytest.mark.parametrize("content_type,counted", [
    ("application/x-protobuf;proto=io.prometheus.write.v2.Request", True),
    ("application/x-protobuf; proto=io.prometheus.write.v2.Request", True),
    ("application/x-protobuf;proto=prometheus.WriteRequest", False),
    ("application/x-protobuf", False),
    (None, False),
])
def test_the_message_is_chosen_by_content_type(server, content_type, counted):
    reply = server.write(b"\x00", {"Content-Type": content_type,
                                   "X-Prometheus-Remote-Write-Version": "2.0.0"})
    assert (reply.status, counts(reply) is not None) == (204, counted)


@pytest.mark.parametrize("headers", [
    {"Content-Type": "application/json"}, {"Content-Type": "image/png"},
    {"Content-Encoding": "gzip"}, {"Content-Encoding": "deflate"},
    {"Content-Type": "application/x-protobuf;proto=io.prometheus.write.v3.Request"},
], ids=str)
def test_headers_are_refused_before_a_corrupt_body(server, headers):
    reply = server.write(b"0" + rw.body2((UP, [(T, 1.0)]))[1:], {**rw.V2, **headers})
    assert (reply.status, counts(reply)) == (415, None)


def test_a_corrupt_body(server):
    reply = server.write(b"0" + rw.body2((UP, [(T, 1.0)]))[1:], rw.V2)
    assert (reply.status, counts(reply)) == (400, (0, 0, 0))
    reply = server.write(rw.snappy(rw.tag(5, 0) + b"\x01"), rw.V2)
    assert (reply.status, counts(reply)) == (400, (0, 0, 0))
    assert "proto: wrong wireType" in reply.text


def test_accepted_messages(tmp_path):
    flag = "--web.remote-write-receiver.accepted-protobuf-messages="
    with start_server(tmp_path, flag + "io.prometheus.write.v2.Request") as server:
        reply = server.write(b"\x00")
        assert reply.status == 415
        assert reply.text == ("prometheus.WriteRequest protobuf message is not accepted by this "
                              "server; only accepts io.prometheus.write.v2.Request\n")
        assert server.write(b"\x00", rw.V2).status == 204
        assert server.get("/api/v1/status/flags").json()["data"][flag[2:-1]] == \
            "io.prometheus.write.v2.Request"
    with start_server(tmp_path, flag + "prometheus.WriteRequest") as server:
        assert server.write(b"\x00", rw.V2).status == 415
        assert server.write(b"\x00").status == 204


GOOD = ({"__name__": "good"}, [(T, 1.0)])

BAD = [
    # what is bad, the text of its line
    (({"job": "x"}, [(T, 1.0)]), 'invalid metric name or labels, got {job="x"}'),
    (({}, [(T, 1.0)]), "invalid metric name or labels, got {}"),
    (({"__name__": ""}, [(T, 1.0)]), 'invalid metric name or labels, got {__name__=""}'),
    (([("__name__", "m"), ("a", "1"), ("a", "2")], [(T, 1.0)]),
     'invalid labels for series, labels {__name__="m", a="1", a="2"}, duplicated label a'),
    ({"labels": rw.field(1, b"\x01\x02\x03"), "samples": [(T, 1.0)]},
     "parsing labels for series [1 2 3]: invalid labelRefs length 3"),
    ({"labels": rw.field(1, b"\x01\x7f"), "samples": [(T, 1.0)]},
     "parsing labels for series [1 127]: labelRefs 1 (name) = 127 (value) outside of symbols table "
     "(size 3)"),
    ({"labels": UP}, "TimeSeries must contain at least one sample or histogram for series "
                     '{__name__="up", job="x"}'),
    (({"__name__": "good", "late": "x"}, [(T + 3_600_000, 1.0)]),
     "out of bounds: timestamp is too far in the future for series "
     '{__name__="good", late="x"}'),
    (({"__name__": "good"}, [(T - 1, 1.0)]), 'out of order sample for series {__name__="good"}'),
    (({"__name__": "good"}, [(T, 2.0)]),
     f"duplicate sample for timestamp {T}; overrides not allowed: existing 1, new value 2 for "
     'series {__name__="good"}'),
    ({"labels": {"__name__": "h"}, "histograms": [rw.histogram(99, 1.0, T, buckets=(1, 2))]},
     "3 observations found in buckets, but the Count field is 99: histogram's observation count "
     "should equal the number of observations found in the buckets (in absence of NaN) for series "
     '{__name__="h"}'),
]


@pytest.mark.parametrize("bad,line", BAD, ids=[line[:60] for _, line in BAD])
def test_the_good_part_is_stored_and_counted(server, bad, line):
    reply = write(server, GOOD, bad)
    assert (reply.status, reply.text, counts(reply)) == (400, line + "\n", (1, 0, 0))
    assert server.value("good", T / 1000) == "1"


H = {"__name__": "h"}


def test_histograms_are_stored_and_counted(server):
    histograms = [rw.histogram(3, 1.5, T, buckets=(1, 2)), rw.histogram(5, 2.5, T + 1000, buckets=(1, 4))]
    for n in (2, 1):  # then the newest again
        reply = write(server, {"labels": H, "histograms": histograms[-n:]}, (UP, [(T, 1.0)]))
        assert (reply.status, counts(reply)) == (204, (1, n, 0))
    for _ in range(2):
        assert server.value("histogram_count(h)", T / 1000 + 1) == "5"
        assert server.value("count_over_time(h[1m])", T / 1000 + 1) == "2"
        server.restart(kill=True)


def test_bad_histograms_leave_the_good_ones(server):
    assert write(server, {"labels": H, "histograms": [rw.histogram(1, 1.0, T, buckets=(1,))]}).status == 204
    reply = write(server, {"labels": H, "histograms": [
        rw.histogram(1, 1.0, T - 1000, buckets=(1,)), rw.histogram(9, 1.0, T + 500),
        rw.histogram(2, 1.0, T + 1000, buckets=(2,))]})
    assert (reply.status, counts(reply)) == (400, (0, 1, 0))
    assert reply.text.splitlines() == [
        "0 observations found in buckets, but the Count field is 9: histogram's observation count should "
        "equal the number of observations found in the buckets (in absence of NaN) for series "
        '{__name__="h"}', 'out of order sample for series {__name__="h"}']
    assert server.value("histogram_count(h)", T / 1000 + 1) == "2"


@pytest.mark.parametrize("buckets,more", [
    ((), {}), ((1,), {}), ((1, 0, 0, 2), {}), ((3, 2, 1), {"schema": 3}),
    ((1, 2, 3, 4, 5, 6), {"schema": -53, "custom": (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)}),
], ids=str)
def test_histograms_of_the_compliance_suite(server, buckets, more):
    reply = write(server, {"labels": H, "histograms": [
        rw.histogram(sum(buckets), 1.0, T, buckets=buckets, **more)]})
    assert (reply.status, counts(reply)) == (204, (0, 1, 0))
    assert server.value("histogram_count(h)", T / 1000) == str(sum(buckets))


@pytest.mark.parametrize("exemplars", [
    [({"trace_id": "abc"}, 1.0, T)], [({}, float("nan"), T)],
    [({"a": "1"}, 1.0, T - 1000), ({"b": "2"}, float("inf"), T)],
], ids=str)
def test_exemplars_are_counted(server, exemplars):
    reply = write(server, {"labels": UP, "samples": [(T, 1.0)], "exemplars": exemplars})
    assert (reply.status, counts(reply)) == (204, (1, 0, len(exemplars)))
    reply = write(server, {"labels": UP, "exemplars": exemplars[-1:]})  # as Prometheus' agent sends
    assert (reply.status, counts(reply)) == (204, (0, 0, 1))


def test_exemplars_are_back(server):
    write(server, {"labels": UP, "samples": [(T, 1.0)], "exemplars": [({"b": "2", "a": "1"}, 0.5, T - 1)]})
    for _ in range(2):
        data = server.get("/api/v1/query_exemplars", query="up", start=T / 1000 - 60,
                          end=T / 1000 + 60).json()["data"]
        assert data == [{"seriesLabels": UP, "exemplars": [
            {"labels": {"a": "1", "b": "2"}, "value": "0.5", "timestamp": (T - 1) / 1000}]}]
        server.restart(kill=True)


def test_exemplars_of_a_series_that_is_not_there(server):
    reply = write(server, {"labels": UP, "exemplars": [({"a": "1"}, 0.5, T)]})
    assert (reply.status, counts(reply)) == (400, (0, 0, 0))
    assert reply.text == ("TimeSeries must contain at least one sample or histogram for series "
                          '{__name__="up", job="x"}\n')


def test_an_exemplar_out_of_order(server):
    for t_ms, status, written in ((T, 204, 1), (T, 204, 1), (T - 1, 400, 0)):
        reply = write(server, {"labels": UP, "samples": [(T, 1.0)], "exemplars": [({"a": "1"}, 0.5, t_ms)]})
        assert (reply.status, counts(reply)) == (status, (1, 0, written))
    assert reply.text == "out of order exemplar\n"


def test_a_line_for_each_bad_series(server):
    bad = [({"bad": str(i)}, [(T, 1.0)]) for i in range(12)]
    reply = write(server, *bad, GOOD)
    lines = [f'invalid metric name or labels, got {{bad="{i}"}}' for i in range(10)]
    assert reply.text.splitlines() == lines + ["and 2 more like these"]
    assert counts(reply) == (1, 0, 0)


def test_a_series_twice_in_a_request(server):
    reply = write(server, (UP, [(T, 1.0)]), (UP, [(T + 1, 2.0), (T + 1, 2.0)]), (UP, [(T, 1.0)]))
    assert (reply.status, counts(reply)[0]) == (400, 3)
    assert server.value("count_over_time(up[1m])", T / 1000 + 1) == "2"


@pytest.mark.parametrize("labels", [
    {"__name__": "dots.and spaces", "label.with.dots": "v", "a b": "w"},
    {"__name__": "m", "text": "line\nline", "unicode": "äöü 测试 🚀"},
    {"zone": "z", "__name__": "unsorted", "a": "1", "empty": ""},
], ids=str)
def test_labels_of_the_compliance_suite(server, labels):
    assert write(server, (labels, [(T, 1.0)])).status == 204
    got = server.query('{zone="z"} or {__name__=~"dots.*|m"}', T / 1000)["result"]
    assert [one["metric"] for one in got] == [{k: v for k, v in labels.items() if v}]


def test_metadata_of_series(server):
    write(server,
          {"labels": {"__name__": "jobs_total", "a": "1"}, "samples": [(T, 1.0)],
           "meta": (1, "Jobs done.", "")},
          {"labels": {"__name__": "jobs_total", "a": "2"}, "samples": [(T, 1.0)],
           "meta": (1, "Jobs done.", "")},
          {"labels": {"__name__": "wait_seconds_bucket", "le": "+Inf"}, "samples": [(T, 1.0)],
           "meta": (3, "Waited.", "seconds")},
          (UP, [(T, 1.0)]))
    assert server.get("/api/v1/metadata").json()["data"] == {
        "jobs_total": [{"type": "counter", "help": "Jobs done.", "unit": ""}],
        "wait_seconds": [{"type": "histogram", "help": "Waited.", "unit": "seconds"}]}


def test_old_created_timestamp_and_unknown_fields_are_passed_over(server):
    reply = write(server, {"labels": UP, "samples": [(T, 1.0, T - 5000)],
                           "extra": rw.tag(6, 0) + rw.varint(T) + rw.field(99, b"x")})
    assert (reply.status, counts(reply)) == (204, (1, 0, 0))
    assert server.value("count_over_time(up[1h])", T / 1000) == "1", "no zero sample is made"


def test_what_was_acknowledged_is_there_after_a_crash(server):
    for i in range(10):
        assert write(server, (UP, [(T + i, float(i))])).status == 204
    server.restart(kill=True)
    assert server.value("count_over_time(up[1m])", T / 1000 + 1) == "10"
    assert write(server, (UP, [(T + 10, 10.0)])).status == 204
    assert server.value("count(count_over_time(up[1m]))", T / 1000 + 1) == "1"
