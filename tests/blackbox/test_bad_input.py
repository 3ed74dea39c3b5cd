"""Bad input, a row each: the answer, that the server still serves, and that nothing is lost.

The rows are those of docs/bad-input.md, whose last column names the test; test_docs.py holds the two
together. What concerns sockets is in test_http_abuse.py, files and folders in test_serve.py.
"""
import os
import subprocess
import time

import pytest

import rw
from conftest_server import start_server

GOOD = {"__name__": "kept", "job": "before"}


def now_ms():
    return int(time.time() * 1000)


class Kept:
    """Samples written before the bad input, and the promise that they are there after it."""

    def __init__(self, server):
        self.server = server
        start = now_ms() - 60000
        self.samples = [(start + i * 1000, 0.1 * i) for i in range(20)]
        assert server.write(rw.body((GOOD, self.samples))).status == 204

    def check(self):
        assert self.server.get("/-/healthy").status == 200
        (series,) = self.server.query("kept[5m]")["result"]
        assert [(round(t * 1000), float(v)) for t, v in series["values"]] == self.samples
        later = {"__name__": "kept_later"}
        assert self.server.write(rw.body((later, [(now_ms(), 7.0)]))).status == 204
        assert self.server.value("kept_later") == "7"


@pytest.fixture
def kept(server):
    one = Kept(server)
    yield one
    one.check()
    server.restart(kill=True)
    (series,) = server.query("kept[5m]")["result"]
    assert len(series["values"]) == len(one.samples)


def good(name="also_good", value=1.0):
    return ({"__name__": name}, [(now_ms(), value)])


WHOLE = rw.message(*[({"__name__": "x", "i": str(i)}, [(1, 1.0)]) for i in range(50)])

BODIES = {
    # name: (body, headers, status, part of the answer)
    "truncated message": (rw.snappy(WHOLE[:-3]), {}, 400, ""),
    "not snappy": (b"hello, this is no snappy block", {}, 400, "snappy: corrupt input"),
    "empty body": (b"", {}, 400, "snappy: corrupt input"),
    "truncated snappy block": (rw.snappy(WHOLE)[:-10], {}, 400, "snappy: corrupt input"),
    "snappy block that claims 4 GiB": (rw.snappy(WHOLE, claimed=(1 << 32) - 1), {}, 400,
                                       "decoded size exceeds the 33554432 bytes limit"),
    "snappy block that claims 32 MiB and holds nothing": (rw.snappy(b"", claimed=32 << 20), {}, 400,
                                                          "snappy: corrupt input"),
    "body over 32 MiB": (bytes((32 << 20) + 1), {}, 413,
                         "request body exceeds the 33554432 bytes limit"),
    "wrong wire type": (rw.snappy(rw.tag(1, 0) + rw.varint(5)), {}, 400, ""),
    "field longer than its message": (rw.snappy(rw.tag(1, 2) + rw.varint(1000) + b"x"), {}, 400, ""),
    "protobuf group": (rw.snappy(rw.tag(9, 3) + rw.tag(9, 4)), {}, 400, ""),
    "gzip instead of snappy": (b"x", {"Content-Encoding": "gzip"}, 415,
                               "gzip encoding (compression) is not accepted by this server; only "
                               "snappy is acceptable"),
    "JSON content type": (b"{}", {"Content-Type": "application/json"}, 415,
                          "expected application/x-protobuf as the first (media) part"),
    "an unknown message": (b"x", {"Content-Type": "application/x-protobuf;proto=x.Request"}, 415,
                           "unknown type for remote write protobuf message x.Request"),
    "remote write 2.0 that is 1.0": (rw.snappy(WHOLE), rw.V2, 400, "a prometheus.WriteRequest, sent as"),
    "remote write 2.0, truncated": (rw.body2(({"__name__": "m"}, [(1, 1.0)]))[:-3], rw.V2, 400,
                                    "snappy: corrupt input"),
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies(kept, name):
    body, headers, status, text = BODIES[name]
    reply = kept.server.write(body, headers)
    assert (reply.status, text in reply.text) == (status, True), reply


def labels(n):
    return [("__name__", "wide")] + [(f"l{i:05}", "v") for i in range(n - 1)]


LABEL_SETS = {
    # name: (labels, what the answer names)
    "10,000 labels": (labels(10000), "256"),
    "label name over 1,024 bytes": ([("__name__", "m"), ("n" * 1025, "v")], "1024"),
    "label value over 4,000 bytes": ([("__name__", "m"), ("n", "v" * 4001)], "4000"),
    "no metric name": ([("job", "x")], "__name__"),
    "no labels at all": ([], "label"),
    "empty label name": ([("__name__", "m"), ("", "v")], "label"),
    "the same label twice": ([("__name__", "m"), ("a", "1"), ("a", "2")], "a"),
    "label value that is no UTF-8": ([("__name__", "m"), ("a", b"\xff\xfe")], "UTF-8"),
    "label name that is no UTF-8": ([("__name__", "m"), (b"\xff", "v")], "UTF-8"),
}


@pytest.mark.parametrize("name", LABEL_SETS)
def test_label_sets(kept, name):
    bad, text = LABEL_SETS[name]
    reply = kept.server.write(rw.body((bad, [(now_ms(), 1.0)]), good()))
    assert reply.status == 400 and "1" in reply.text and text in reply.text, reply
    assert kept.server.value("also_good") == "1", "the good part is stored"


def at(seconds):
    return now_ms() + int(seconds * 1000)


SAMPLES = {
    # name: (samples of the series `kept`, part of the answer)
    "out of order": ([(at(-300), 1.0)], "out of order sample"),
    "same time, other value": (None, "duplicate sample for timestamp"),
    "a day old": ([(at(-86400), 1.0)], "out of bounds"),
    "an hour in the future": ([(at(3600), 1.0)], "too far in the future"),
    "time zero": ([(0, 1.0)], "out of bounds"),
    "the largest time": ([((1 << 63) - 1, 1.0)], "too far in the future"),
    "the smallest time": ([(-(1 << 63), 1.0)], "out of bounds"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_samples(kept, name):
    samples, text = SAMPLES[name]
    samples = samples or [(kept.samples[-1][0], 99.0)]
    other = dict(GOOD, job="new") if "old" in name or "time" in name or "future" in name else GOOD
    if name == "same time, other value":
        other = GOOD
    reply = kept.server.write(rw.body((other, samples), good()))
    assert reply.status == 400 and text in reply.text and "1" in reply.text, reply
    assert kept.server.value("also_good") == "1", "the good part is stored"


def test_exemplars(kept):
    """Those with too many labels are dropped, as in Prometheus; samples do not suffer."""
    for labels in ({"trace_id": "x"}, {"trace_id": "x" * 121}):
        exemplar = rw.field(3, rw.exemplar(labels, 1.0, now_ms()))
        reply = kept.server.write(rw.snappy(rw.field(1, rw.series(*good("e"), extra=exemplar))))
        assert reply.status == 204
    assert kept.server.value("e") == "1"


def test_unsound_histograms(kept):
    for histogram, text in (
            (rw.histogram(99, 1.0, now_ms(), buckets=(1, 2)), "3 observations found in buckets"),
            (rw.histogram(1, 1.0, now_ms(), schema=99), "histogram has an invalid schema"),
            (rw.field(8, rw.span(0, 1 << 31)), "histogram spans specify different number of buckets")):
        bad = rw.series({"__name__": "h"}, [], rw.field(4, histogram))
        reply = kept.server.write(rw.snappy(rw.field(1, bad) + rw.field(1, rw.series(*good()))))
        assert reply.status == 400 and text in reply.text and '{__name__="h"}' in reply.text
    assert kept.server.value("also_good") == "1"


def rss_mib(server):
    with open(f"/proc/{server.proc.pid}/status", encoding="ascii") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) / 1024


SANITIZED = "asan" in os.environ.get("FERULA", "") or "tsan" in os.environ.get("FERULA", "")


def snappy_repeat(unit, times):
    """A small block that decodes to many times the same bytes: copies of what came before."""
    out = bytearray(rw.varint(len(unit) * times))
    out.append(len(unit) - 1 << 2)
    out += unit
    left = len(unit) * (times - 1)
    while left:
        n = min(64, left)
        out += bytes([(n - 1) << 2 | 2]) + len(unit).to_bytes(2, "little")
        left -= n
    return bytes(out)


def test_a_bomb_of_empty_series(kept):
    before = rss_mib(kept.server)
    reply = kept.server.write(snappy_repeat(rw.field(1, b""), 4 << 20))
    assert reply.status in (204, 400)
    if not SANITIZED:
        assert rss_mib(kept.server) - before < 40


NESTED = 10000
QUERIES = {
    # name: (query, status, part of the answer)
    "syntax error": ("sum(rate(", 400, 'parse error: unclosed left parenthesis'),
    "unknown function": ("summ(x)", 400, 'unknown function with name \\"summ\\"'),
    "type error": ("rate(kept)", 400, "expected type range vector"),
    "no query": ("", 400, "no expression found in input"),
    "1 MB of text": ("x" * (1 << 20) + "{", 400, "bad_data"),
    "1 MB of additions": ("+".join(["1"] * (1 << 19)), 400, "bad_data"),
    "nested 10,000 deep in parentheses": ("(" * NESTED + "1" + ")" * NESTED, 400, "bad_data"),
    "10,000 signs": ("-" * NESTED + "kept", 400, "bad_data"),
    "nested 10,000 deep in functions": ("abs(" * NESTED + "kept" + ")" * NESTED, 400, "bad_data"),
    "invalid UTF-8": (b"kept{job='\xff'}", 400, "invalid UTF-8"),
    "regex that is none": ('kept{job=~"("}', 400, "missing closing )"),
    "regex with look-ahead": ('kept{job=~"(?=x)"}', 400, "parsing regexp"),
    "regex that would grow without bounds": ('kept{job=~"((((a{100}){100}){100}){100})"}', 400,
                                             "parsing regexp"),
    "many-to-many": ('{__name__="kept"} * on() group_left() {__name__=~"kept|two"}', 422,
                     "many-to-many matching not allowed"),
}


@pytest.mark.parametrize("name", QUERIES)
def test_queries(kept, name):
    query, status, text = QUERIES[name]
    if status == 422:
        assert kept.server.write(rw.body(({"__name__": "two"}, [(now_ms(), 1.0)]))).status == 204
    begin = time.monotonic()
    reply = kept.server.post_form("/api/v1/query", {"query": query})
    assert (reply.status, text in reply.text) == (status, True), reply
    assert reply.json()["status"] == "error"
    assert time.monotonic() - begin < (20 if SANITIZED else 2)


def test_a_regex_that_backtracks_elsewhere(kept):
    """(a+)+$ is exponential for backtracking engines; RE2 takes linear time."""
    value = "a" * 3000 + "!"
    assert kept.server.write(rw.body(({"__name__": "evil", "v": value}, [(now_ms(), 1.0)]))).status == 204
    begin = time.monotonic()
    assert kept.server.value('evil{v=~"(a+)+(a|b)*$"}') is None
    assert time.monotonic() - begin < (20 if SANITIZED else 1)


def test_a_range_of_more_than_11000_steps(kept):
    reply = kept.server.get("/api/v1/query_range", query="kept", start=0, end=11001, step=1)
    assert reply.status == 400
    assert "exceeded maximum resolution of 11,000 points per timeseries" in reply.json()["error"]
    reply = kept.server.get("/api/v1/query_range", query="kept", start=0, end=11000, step=1)
    assert reply.status == 200


def test_too_many_samples(tmp_path):
    with start_server(tmp_path, "--query.max-samples=100") as server:
        kept = Kept(server)
        for i in range(10):
            assert server.write(rw.body(({"__name__": "many", "i": str(i)}, kept.samples))).status == 204
        reply = server.get("/api/v1/query", query="sum_over_time(many[5m:1s])")
        assert reply.status == 422
        assert reply.json()["error"] == ("query processing would load too many samples into memory "
                                         "in query execution")
        kept.check()


def test_a_query_that_takes_too_long(tmp_path):
    with start_server(tmp_path, "--query.timeout=20ms") as server:
        kept = Kept(server)
        reply = server.get("/api/v1/query", timeout=60,
                           query="max_over_time(stddev_over_time(vector(1)[2h:1s])[2h:1s])")
        assert reply.status == 503 and reply.json()["errorType"] == "timeout", reply
        assert "query timed out in expression evaluation" in reply.text
        kept.check()


def test_a_full_store(tmp_path):
    """The smallest map: writes are refused with 503 and Retry-After, reads go on."""
    with start_server(tmp_path, "--storage.map-size=1MB") as server:
        server.errors_expected = True
        kept = Kept(server)
        stored, refused = 0, None
        for i in range(400):
            reply = server.write(rw.body(*[({"__name__": "fill", "i": f"{i}-{j}", "pad": "x" * 200},
                                            [(now_ms(), float(i))]) for j in range(20)]))
            if reply.status != 204:
                refused = reply
                break
            stored += 20
        assert refused is not None and refused.status == 503 and refused.headers["retry-after"], refused
        assert server.get("/-/healthy").status == 200
        assert server.value("count(fill)") == str(stored), "what was acknowledged is there"
        (series,) = server.query("kept[5m]")["result"]
        assert len(series["values"]) == len(kept.samples)
        server.restart(kill=True)
        assert server.value("count(last_over_time(fill[5m]))") == str(stored)


def test_a_full_disk(tmp_path):
    """A file system of 2 MiB that is filled, and freed; full_disk.py is the story.

    Where no file system may be mounted, a limit on file sizes stands for it.
    """
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "full_disk.py")
    small = tmp_path / "small"
    small.mkdir()
    inside = f"mount -t tmpfs -o size=2m none {small} && exec /usr/bin/python3 {script} {small}"
    unshare = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])
    may_mount = subprocess.run([*unshare, "mount", "-t", "tmpfs", "none", str(small)],
                               stderr=subprocess.DEVNULL).returncode == 0
    command = [*unshare, "sh", "-c", inside] if may_mount else ["/usr/bin/python3", script, "--limit",
                                                               str(small)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=120)
    assert done.returncode == 0 and "recovered" in done.stdout, done.stdout
