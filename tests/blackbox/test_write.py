"""Remote write 1.0 end to end: the answer to each good and bad body, and that nothing else suffers.

Every refusal is checked three times: the answer, that the server still serves, and that what was
stored before is still there, also after kill -9.
"""
import struct
import threading
import time

import pytest

import rw
from conftest_server import start_server

AZURE = "/dataCollectionRules/dcr-0123/streams/Microsoft-PrometheusMetrics/api/v1/write"
MINUTE = 60000


def now_ms():
    return int(time.time() * 1000)


T = now_ms() - 10 * MINUTE
KEPT = ({"__name__": "kept", "job": "before"}, [(T - MINUTE, 41.0), (T, 42.0)])


@pytest.fixture
def kept(server):
    """A server that holds a series; whatever the test does, it is still there at the end."""
    assert server.write(rw.body(KEPT)).status == 204
    yield server
    unharmed(server)
    server.restart(kill=True)
    unharmed(server)


def unharmed(server):
    assert server.alive()
    assert server.get("/-/ready").status == 200
    assert server.value('kept{job="before"}', T / 1000) == "42"
    assert server.value("count_over_time(kept[5m])", T / 1000) == "2"


def names(server):
    return server.get("/api/v1/label/__name__/values").json()["data"]


# ---- what is taken ----------------------------------------------------------------------------

def test_answer_is_204_and_empty(server):
    reply = server.write(rw.body(({"__name__": "m", "a": "b"}, [(T, 1.5)])))
    assert (reply.status, reply.body) == (204, b"")
    assert not [h for h in reply.headers if h.startswith("x-prometheus-remote-write")]
    got = server.query("m", T / 1000)["result"]
    assert got == [{"metric": {"__name__": "m", "a": "b"}, "value": [T / 1000, "1.5"]}]


@pytest.mark.parametrize("path", [AZURE, "//api/v1/write", "/api/v1//write"])
def test_other_paths(server, path):
    assert server.write(rw.body(({"__name__": "m"}, [(T, 1.0)])), path=path).status == 204
    assert server.value("m", T / 1000) == "1"


def test_what_was_acknowledged_is_visible_at_once_and_after_a_crash(server):
    for i in range(20):
        assert server.write(rw.body(({"__name__": "m"}, [(T + i, float(i))]))).status == 204
        assert server.value("m", (T + i) / 1000) == str(i)
    server.restart(kill=True)
    assert server.value("count_over_time(m[1m])", (T + 19) / 1000) == "20"


@pytest.mark.parametrize("headers", [
    {"Content-Type": None},
    {"Content-Encoding": None},
    {"Content-Type": "application/x-protobuf;proto=prometheus.WriteRequest"},
    {"Content-Type": "application/x-protobuf; proto=prometheus.WriteRequest"},
    {"X-Prometheus-Remote-Write-Version": "2.0.0"},
    {"X-Prometheus-Remote-Write-Version": None},
], ids=str)
def test_headers_that_are_fine(server, headers):
    assert server.write(rw.body(({"__name__": "m"}, [(T, 1.0)])), headers).status == 204


@pytest.mark.parametrize("body", [b"\x00", rw.body(), rw.body(({"__name__": "m"}, []))],
                         ids=["decoded length 0", "no series", "series without samples"])
def test_empty_requests_are_fine(server, body):
    assert server.write(body).status == 204


def test_chunked_body(server):
    body = rw.body(({"__name__": "m"}, [(T, 1.0)]))
    pieces = iter([body[:5], body[5:]])  # without a length: http.client sends chunks
    reply = server.request("POST", "/api/v1/write", pieces,
                           {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"})
    assert reply.status == 204


BITS = [0x7FF0000000000002, 0x7FF8000000000001, 0x7FF8000000000000, 0xFFF8000000000123,
        0x8000000000000000, 0x0000000000000001, 0x7FEFFFFFFFFFFFFF, 0x7FF0000000000000,
        0xFFF0000000000000]


def test_values_are_kept_bit_for_bit(server):
    """A repeated sample is accepted only when its bits are equal: that asks for the bits."""
    for i, bits in enumerate(BITS):
        labels = {"__name__": "bits", "i": str(i)}
        assert server.write(rw.body((labels, [(T, bits)]))).status == 204
        assert server.write(rw.body((labels, [(T, bits)]))).status == 204
        assert server.write(rw.body((labels, [(T, bits ^ 1)]))).status == 400
    server.restart(kill=True)
    for i, bits in enumerate(BITS):
        labels = {"__name__": "bits", "i": str(i)}
        assert server.write(rw.body((labels, [(T, bits)]))).status == 204, hex(bits)
        assert server.write(rw.body((labels, [(T, bits ^ 1)]))).status == 400, hex(bits)


def test_stale_marker_ends_a_series(server):
    stale = 0x7FF0000000000002
    assert server.write(rw.body(({"__name__": "m"}, [(T, 1.0), (T + 1000, stale)]))).status == 204
    assert server.value("m", T / 1000) == "1"
    assert server.value("m", T / 1000 + 1) is None
    nan = 0x7FF8000000000001
    assert server.write(rw.body(({"__name__": "n"}, [(T, nan)]))).status == 204
    assert server.value("n", T / 1000) == "NaN"


def test_labels_are_sorted_and_empty_values_dropped(server):
    body = rw.body(([("z", "1"), ("__name__", "m"), ("empty", ""), ("a", "2")], [(T, 1.0)]))
    assert server.write(body).status == 204
    got = server.get("/api/v1/series", match="m").json()["data"]
    assert got == [{"__name__": "m", "a": "2", "z": "1"}]
    again = rw.body(([("a", "2"), ("z", "1"), ("__name__", "m")], [(T + 1, 2.0)]))
    assert server.write(again).status == 204
    assert server.value("m", T / 1000 + 1) == "2"


def test_one_series_in_several_pieces(server):
    labels = {"__name__": "m"}
    assert server.write(rw.body((labels, [(T, 1.0)]), (labels, [(T + 1, 2.0)]))).status == 204
    assert server.value("count_over_time(m[1m])", T / 1000 + 1) == "2"


def test_utf8_names_and_values(server):
    labels = {"__name__": "mé.trik", "étiquette": "数据\n\"\\", "a": "\x00\x01"}
    assert server.write(rw.body((labels, [(T, 1.0)]))).status == 204
    assert server.query('{"mé.trik"}', T / 1000)["result"][0]["metric"] == labels


def test_metadata_is_kept_and_served(server):
    meta = [rw.metadata(1, "requests_total", "Requests.", ""), rw.metadata(2, "size", "How big.", "bytes"),
            rw.metadata(3, "latency", "How long.")]
    assert server.write(rw.body(meta=meta)).status == 204
    want = {"requests_total": [{"type": "counter", "help": "Requests.", "unit": ""}],
            "size": [{"type": "gauge", "help": "How big.", "unit": "bytes"}],
            "latency": [{"type": "histogram", "help": "How long.", "unit": ""}]}
    assert server.get("/api/v1/metadata").json()["data"] == want
    assert server.write(rw.body(meta=[rw.metadata(1, "requests_total", "New help.")])).status == 204
    server.restart(kill=True)
    want["requests_total"][0]["help"] = "New help."
    assert server.get("/api/v1/metadata").json()["data"] == want


def test_unknown_fields_are_skipped(server):
    one = rw.series({"__name__": "m"}, [(T, 1.0)], extra=rw.field(99, b"later") + rw.tag(98, 0) + rw.varint(7))
    body = rw.field(1, one) + rw.field(50, b"new") + rw.tag(51, 5) + b"\0\0\0\0" + rw.tag(52, 1) + b"\0" * 8
    assert server.write(rw.snappy(body)).status == 204
    assert server.value("m", T / 1000) == "1"


def test_exemplars_with_long_labels_are_dropped_and_counted(server):
    for trace in ("x", "x" * 121):
        exemplar = rw.field(3, rw.exemplar({"trace_id": trace}, 1.0, T))
        one = rw.series({"__name__": "m"}, [(T, 1.0)], exemplar)
        assert server.write(rw.body(one)).status == 204
    assert server.value("m", T / 1000) == "1"
    assert "ferula_ingest_exemplars_dropped_total 1\n" in server.get("/metrics").text


def test_writers_in_parallel(server):
    """Concurrent requests with shared and own series: each acknowledged sample is there once."""
    def work(w):
        for i in range(50):
            reply = server.write(rw.body(({"__name__": "own", "w": str(w)}, [(T + i, float(i))]),
                                         ({"__name__": "new", "w": str(w), "i": str(i)}, [(T, 1.0)])))
            assert reply.status == 204, reply

    threads = [threading.Thread(target=work, args=(w,)) for w in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    at = T / 1000 + 1
    assert server.value("sum(count_over_time(own[1m]))", at) == "400"
    assert server.value("count(new)", at) == "400"
    server.restart(kill=True)
    assert server.value("sum(count_over_time(own[1m]))", at) == "400"
    assert server.value("count(new)", at) == "400"


# ---- refused before the body matters ----------------------------------------------------------

@pytest.mark.parametrize("headers,status,text", [
    ({"Content-Encoding": "gzip"}, 415,
     "gzip encoding (compression) is not accepted by this server; only snappy is acceptable"),
    ({"Content-Type": "text/plain"}, 415,
     "expected application/x-protobuf as the first (media) part, got text/plain content-type"),
    ({"Content-Type": "application/x-protobuf;proto=x.Y"}, 415,
     "unknown type for remote write protobuf message x.Y"),
    ({"Content-Type": "application/x-protobuf;proto"}, 415, "expected parameters to be key-values"),
], ids=str)
@pytest.mark.parametrize("good_body", [True, False], ids=["good body", "corrupt body"])
def test_headers_are_judged_first(kept, headers, status, text, good_body):
    body = rw.body(({"__name__": "m"}, [(T, 1.0)])) if good_body else b"\xff\xff corrupt"
    reply = kept.write(body, headers)
    assert reply.status == status and text in reply.text
    assert reply.text.endswith("\n")
    assert names(kept) == ["kept"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods(kept, method):
    assert kept.request(method, "/api/v1/write", b"" if method == "PUT" else None).status in (404, 405)


def test_too_large_a_body_is_413(tmp_path):
    with start_server(tmp_path, "--ingest.max-request-bytes=64KB") as server:
        reply = server.write(b"\0" * 65537)
        assert (reply.status, reply.text) == (413, "request body exceeds the 65536 bytes limit\n")
        assert server.write(rw.body(({"__name__": "m"}, [(T, 1.0)]))).status == 204


def test_the_default_limit_is_32_mib(kept):
    reply = kept.write(b"\0" * (32 * 1024 * 1024 + 1))
    assert (reply.status, reply.text) == (413, "request body exceeds the 33554432 bytes limit\n")


# ---- bodies that are no message ---------------------------------------------------------------

GOOD = rw.message(({"__name__": "m", "a": "b"}, [(T, 1.0)]))
SERIES = rw.series({"__name__": "m"}, [(T, 1.0)])

CORRUPT = {
    "zero bytes": b"",
    "not snappy": b"hello, this is no snappy",
    "snappy framing format": b"\xff\x06\x00\x00sNaPpY" + GOOD,
    "a snappy block cut short": rw.snappy(GOOD)[:-3],
    "snappy claims more than there is": rw.snappy(GOOD, claimed=len(GOOD) + 5),
    "snappy claims less than there is": rw.snappy(GOOD, claimed=len(GOOD) - 5),
    "snappy length with no end": b"\xff" * 12,
    "snappy copies from before the start": b"\x0a\x00a\x1d\xff\x00",
    "plain protobuf": GOOD,
}


@pytest.mark.parametrize("body", CORRUPT.values(), ids=CORRUPT.keys())
def test_not_snappy(kept, body):
    reply = kept.write(body)
    assert reply.status == 400 and reply.text.strip()
    assert names(kept) == ["kept"]


@pytest.mark.parametrize("claimed", [33554433, 1 << 31, (1 << 32) - 1])
def test_over_claiming_is_refused_without_the_memory(kept, claimed):
    reply = kept.write(rw.snappy(GOOD, claimed=claimed))
    assert (reply.status, reply.text) == (400, "decoded size exceeds the 33554432 bytes limit\n")
    with open(f"/proc/{kept.proc.pid}/status") as f:
        peak = [line for line in f if line.startswith("VmHWM")][0]
    assert int(peak.split()[1]) < 1 << 20 # KiB; sanitizers need room of their own


def test_bomb_of_copies(kept):
    """A small body that decodes to more than the limit."""
    body = rw.varint(64 << 20) + b"\x00a" + b"\xfe\x01\x00" * ((64 << 20) // 64)
    reply = kept.write(body)
    assert (reply.status, reply.text) == (400, "decoded size exceeds the 33554432 bytes limit\n")


BAD_PROTO = {
    "cut in a series": rw.message(SERIES)[:-3],
    "a length beyond the end": rw.tag(1, 2) + rw.varint(1000) + b"abc",
    "a length beyond memory": rw.tag(1, 2) + rw.varint((1 << 63) + 5) + b"abc",
    "a varint with no end": rw.tag(1, 2) + b"\xff" * 11,
    "a series as a number": rw.tag(1, 0) + rw.varint(5),
    "a series as a fixed64": rw.tag(1, 1) + b"\0" * 8,
    "a label as a number": rw.field(1, rw.tag(1, 0) + rw.varint(5)),
    "a label name as a number": rw.field(1, rw.field(1, rw.tag(1, 0) + rw.varint(5))),
    "a sample as a number": rw.field(1, rw.tag(2, 0) + rw.varint(5)),
    "a value as a varint": rw.field(1, rw.field(2, rw.tag(1, 0) + rw.varint(5))),
    "a time as a fixed64": rw.field(1, rw.field(2, rw.tag(2, 1) + b"\0" * 8)),
    "metadata as a number": rw.tag(3, 0) + rw.varint(5),
    "field number zero": rw.tag(0, 2) + rw.varint(0),
    "an end of a group": rw.tag(7, 4),
    "wire type 7": rw.tag(1, 7),
    "a fixed64 cut short": rw.field(1, rw.field(2, rw.tag(1, 1) + b"\0\0")),
}


@pytest.mark.parametrize("message", BAD_PROTO.values(), ids=BAD_PROTO.keys())
def test_bad_protobuf(kept, message):
    reply = kept.write(rw.snappy(message))
    assert reply.status == 400 and reply.text.strip()
    assert names(kept) == ["kept"]


def test_every_cut_of_a_good_body(kept):
    """No length of a good message makes the server fall over, or store half a label."""
    message = rw.message(({"__name__": "cut", "label": "value"}, [(T, 1.0), (T + 1, 2.0)]),
                         meta=[rw.metadata(1, "cut", "Help.")])
    for n in range(len(message)):
        assert kept.write(rw.snappy(message[:n])).status in (204, 400)
    for metric in kept.get("/api/v1/series", match="cut").json()["data"]:
        assert metric == {"__name__": "cut", "label": "value"}


def test_every_byte_changed(kept):
    """One byte after the other set to strange values."""
    body = bytearray(rw.body(({"__name__": "changed", "l": "v"}, [(T, 1.0)])))
    for i in range(len(body)):
        for byte in (0x00, 0xFF, body[i] ^ 0x01, body[i] ^ 0x80):
            changed = bytes(body[:i]) + bytes([byte]) + bytes(body[i + 1:])
            assert kept.write(changed).status in (204, 400)


# ---- labels that are refused, beside a series that is taken -----------------------------------

BAD_LABELS = {
    "no name": [("a", "b")],
    "no label at all": [],
    "an empty metric name": [("__name__", "")],
    "an empty label name": [("__name__", "bad"), ("", "x")],
    "a label twice": [("__name__", "bad"), ("a", "1"), ("a", "2")],
    "the same pair twice": [("__name__", "bad"), ("a", "1"), ("a", "1")],
    "a value that is not UTF-8": [("__name__", "bad"), ("a", b"\xff\xfe")],
    "a name that is not UTF-8": [("__name__", "bad"), (b"\xc3\x28", "x")],
    "a metric name that is not UTF-8": [("__name__", b"\xed\xa0\x80")],
    "10,000 labels": [("__name__", "bad")] + [(f"l{i}", "x") for i in range(10000)],
    "257 labels": [("__name__", "bad")] + [(f"l{i:03}", "x") for i in range(256)],
    "a long label name": [("__name__", "bad"), ("n" * 1025, "x")],
    "a long metric name": [("__name__", "n" * 1025)],
    "a long value": [("__name__", "bad"), ("a", "v" * 4001)],
    "a value of 1 MB": [("__name__", "bad"), ("a", "v" * (1 << 20))],
}


@pytest.mark.parametrize("labels", BAD_LABELS.values(), ids=BAD_LABELS.keys())
def test_bad_label_set(kept, labels):
    good = ({"__name__": "good"}, [(T, 7.0)])
    also = ({"__name__": "also"}, [(T, 8.0)])
    reply = kept.write(rw.body(good, (labels, [(T, 1.0), (T + 1, 2.0)]), also))
    assert reply.status == 400
    assert "2 of 4 samples refused" in reply.text and "1 label set" in reply.text
    assert len(reply.text) < 4096
    assert names(kept) == ["also", "good", "kept"]
    assert kept.value("good", T / 1000) == "7" and kept.value("also", T / 1000) == "8"
    # what was refused once is refused again: it must not be known by its bytes
    assert kept.write(rw.body((labels, [(T, 1.0)]))).status == 400


def test_largest_labels_that_are_taken(server):
    labels = [("__name__", "m" * 1024)] + [(f"l{i:03}", "v") for i in range(254)] + [("n" * 1024, "v" * 4000)]
    assert server.write(rw.body((labels, [(T, 1.0)]))).status == 204
    assert server.get("/api/v1/series", match='{l000="v"}').json()["data"] == [dict(labels)]
    server.restart(kill=True)
    assert server.get("/api/v1/series", match='{l000="v"}').json()["data"] == [dict(labels)]


def test_limits_are_flags(tmp_path):
    with start_server(tmp_path, "--ingest.max-labels=2", "--ingest.max-label-name-bytes=8",
                      "--ingest.max-label-value-bytes=9") as server:
        assert server.write(rw.body(({"__name__": "m", "a": "x" * 9}, [(T, 1.0)]))).status == 204
        for labels in ({"__name__": "m", "a": "1", "b": "2"}, {"__name__": "m", "nine_char": "1"},
                       {"__name__": "m", "a": "x" * 10}):
            reply = server.write(rw.body((labels, [(T, 1.0)])))
            assert reply.status == 400 and "limit" in reply.text


# ---- samples that are refused -----------------------------------------------------------------

def far(minutes):
    return now_ms() + minutes * MINUTE


REFUSED = {  # samples of the series `kept`, and the text
    "out of order": ([(T - 1, 1.0)], "out of order sample"),
    "same time, another value": ([(T, 43.0)], f"duplicate sample for timestamp {T}; overrides not allowed: "
                                              "existing 42, new value 43"),
    "too far in the future": ([(T + 60 * MINUTE, 1.0)], "too far in the future"),
    "the year 2262": ([((1 << 63) - 1, 1.0)], "too far in the future"),
    "the year -292 million": ([(-(1 << 63), 1.0)], "out of"),
    "milliseconds taken for seconds": ([(T // 1000, 1.0)], "out of"),
    "seconds taken for nanoseconds": ([(T * 1000000, 1.0)], "too far in the future"),
}


@pytest.mark.parametrize("samples,text", REFUSED.values(), ids=REFUSED.keys())
def test_refused_sample_beside_good_ones(kept, samples, text):
    good = ({"__name__": "good"}, [(T, 7.0)])
    reply = kept.write(rw.body((KEPT[0], samples), good))
    assert reply.status == 400 and text in reply.text
    assert "1 of 2 samples refused" in reply.text
    assert kept.value("good", T / 1000) == "7"


def test_samples_after_a_bad_one_go_on(kept):
    reply = kept.write(rw.body(({"__name__": "m"}, [(T, 1.0), (T - 5, 2.0), (T + 5, 3.0)])))
    assert reply.status == 400 and "1 of 3 samples refused" in reply.text
    assert kept.value("sum_over_time(m[1m])", T / 1000 + 1) == "4"


def test_too_old_for_the_store(kept):
    """More than an hour older than the newest sample of all, even in a new series."""
    reply = kept.write(rw.body(({"__name__": "new"}, [(T - 61 * MINUTE, 1.0)])))
    assert reply.status == 400 and "out of bounds" in reply.text
    assert kept.write(rw.body(({"__name__": "new"}, [(T - 50 * MINUTE, 1.0)]))).status == 204


def test_a_little_in_the_future_is_fine(server):
    soon = now_ms() + 9 * MINUTE
    assert server.write(rw.body(({"__name__": "m"}, [(soon, 1.0)]))).status == 204
    assert server.value("m", soon / 1000) == "1"


def test_repeating_a_request_changes_nothing(server):
    """What an agent does that did not hear the answer."""
    body = rw.body(({"__name__": "m"}, [(T, 1.0), (T + 1, 2.0)]))
    assert server.write(body).status == 204
    assert server.write(rw.body(({"__name__": "m"}, [(T + 1, 2.0)]))).status == 204
    assert server.value("count_over_time(m[1m])", T / 1000 + 1) == "2"


def test_unsound_histograms_are_refused_by_name(kept):
    one = rw.series({"__name__": "h"}, [], rw.field(4, rw.histogram(1, 2.0, T)))
    reply = kept.write(rw.body(one, ({"__name__": "good"}, [(T, 7.0)])))
    assert reply.status == 400
    assert reply.text == (
        "1 of 2 samples refused: 0 observations found in buckets, but the Count field is 1: "
        "histogram's observation count should equal the number of observations found in the "
        'buckets (in absence of NaN) for series {__name__="h"}\n')
    assert kept.value("good", T / 1000) == "7"


def test_a_huge_histogram_is_refused_alone(kept):
    many = [1.5] * 600
    huge = rw.series({"__name__": "huge"}, [], rw.field(4, rw.float_histogram(900.0, 1.0, T, buckets=many)))
    reply = kept.write(rw.body(huge, ({"__name__": "beside_huge"}, [(T, 1.0)])))
    assert (reply.status, "histogram has 600 buckets, more than can be stored" in reply.text) == (400, True), reply
    assert kept.value("beside_huge", T / 1000) == "1"
    whole = rw.series({"__name__": "large"}, [], rw.field(4, rw.histogram(600, 1.0, T, buckets=[1] * 600)))
    assert kept.write(rw.body(whole)).status == 204


def histograms_are_back(server):
    at = T / 1000 + 1
    assert server.value('histogram_count(h{job="whole"})', at) == "5"
    assert server.value('histogram_sum(h{job="whole"})', at) == "2.5"
    assert server.value('histogram_count(h{job="float"})', at) == "3.5"
    assert server.value('histogram_quantile(0.5, h{job="custom"})', at) == "1.25"
    assert server.value('count_over_time(h{job="whole"}[1m])', at) == "2"
    assert server.value('count(h{job="stale"})', at) is None


def test_native_histograms(server):
    def series(job, *histograms):
        return rw.series({"__name__": "h", "job": job}, [], b"".join(rw.field(4, h) for h in histograms))

    stale = 0x7FF0000000000002
    body = rw.body(series("whole", rw.histogram(3, 1.5, T, buckets=(1, 2)),
                          rw.histogram(5, 2.5, T + 1000, buckets=(1, 4))),
                   series("float", rw.float_histogram(3.5, 2.0, T, buckets=(1.5, 2.0))),
                   series("custom", rw.histogram(3, 2.0, T, schema=-53, buckets=(1, 2), custom=(1.0, 2.0))),
                   series("stale", rw.histogram(1, 1.0, T, buckets=(1,)), rw.histogram(0, stale, T + 500)))
    assert server.write(body).status == 204
    histograms_are_back(server)
    server.restart(kill=True)
    histograms_are_back(server)


def test_a_histogram_out_of_order(server):
    def write(t_ms):
        one = rw.series({"__name__": "h"}, [], rw.field(4, rw.histogram(1, 1.0, t_ms, buckets=(1,))))
        return server.write(rw.body(one, ({"__name__": "good"}, [(T, 7.0)])))

    assert write(T).status == 204
    reply = write(T - 1)
    assert (reply.status, reply.text) == (
        400, f'1 of 2 samples refused: out of order sample for series {{__name__="h"}} at {T - 1}\n')


def test_many_bad_ones_have_a_short_answer(kept):
    bad = [({"__name__": f"m{i}", "": "x"}, [(T, 1.0)]) for i in range(1000)]
    reply = kept.write(rw.body(*bad))
    assert reply.status == 400 and "1000 label sets" in reply.text and len(reply.text) < 4096


def test_bad_metadata_does_no_harm(kept):
    meta = [rw.metadata(99, "odd_type", "x"), rw.metadata(1, "", "no family"),
            rw.metadata(1, "long", "x" * (1 << 20)), rw.tag(1, 0) + rw.varint(1) + rw.field(2, b"\xff\xfe")]
    assert kept.write(rw.body(meta=meta)).status in (204, 400)
    assert kept.get("/api/v1/metadata").status == 200


# ---- half requests ----------------------------------------------------------------------------

def test_client_that_leaves_in_the_middle(kept):
    import socket

    body = rw.body(({"__name__": "half"}, [(T, 1.0)]))
    head = (f"POST /api/v1/write HTTP/1.1\r\nHost: x\r\nContent-Encoding: snappy\r\n"
            f"Content-Type: application/x-protobuf\r\nContent-Length: {len(body)}\r\n\r\n").encode()
    for part in (head[:30], head, head + body[:-1]):
        with socket.create_connection(("127.0.0.1", kept.port)) as s:
            s.sendall(part)
    assert names(kept) == ["kept"]
    with socket.create_connection(("127.0.0.1", kept.port)) as s:
        s.sendall(head + body)
        s.settimeout(30)
        assert s.recv(100).startswith(b"HTTP/1.1 204")


def test_oracle_of_the_helper():
    """rw.py itself: a known body, byte for byte."""
    assert rw.message(({"__name__": "m"}, [(1, 2.0)])) == (
        b"\x0a\x1c" b"\x0a\x0d" b"\x0a\x08__name__" b"\x12\x01m" b"\x12\x0b" b"\x09" + struct.pack("<d", 2.0)
        + b"\x10\x01")
    assert rw.snappy(b"abc") == b"\x03\x08abc"
