"""Large questions about native histograms whose clients leave, run out of time, or meet the end of
the server: nothing is kept of them (a server that leaks ends badly under the address sanitizer)."""
import re
import socket
import time
import urllib.parse

import pytest

import rw
from conftest_server import start_server

N_SERIES = 600  # enough for the helpers of a query to come
STEP = 15_000
N_SAMPLES = 40
T = 1_700_000_000_000
END = T + N_SAMPLES * STEP

# Minutes of work: each window of the subquery adds all histograms again.
SLOW = "histogram_quantile(0.9, sum by (job) (rate(h[5m]) + sum_over_time(delta(h[2m])[1h:1s])))"


def one_series(i):
    hists = []
    for k in range(N_SAMPLES):
        buckets = [i + k * b for b in range(1, 12 + k // 20)]  # other buckets now and then
        hists.append(rw.histogram(sum(buckets), float(k), T + k * STEP, buckets=buckets))
    return rw.series({"__name__": "h", "i": str(i), "job": f"j{i % 3}"}, [],
                     b"".join(rw.field(4, h) for h in hists))


@pytest.fixture
def full(tmp_path):
    with start_server(tmp_path, "--query.timeout=5m", "--query.max-samples=500000000") as server:
        reply = server.write(rw.body(*(one_series(i) for i in range(N_SERIES))),
                             {"Ferula-Backfill": "true"})
        assert reply.status == 204, reply
        yield server


def range_path(expr, **more):
    return "/api/v1/query_range?" + urllib.parse.urlencode(
        {"query": expr, "start": T / 1000, "end": END / 1000, "step": 15, **more})


def send(server, path, body=b""):
    """Sends a request and leaves the socket open, with little room for the answer."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", server.port))
    head = f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    if body:
        head += "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n"
    sock.sendall(head.encode() + b"\r\n" + body)
    return sock


def read_body(kind):
    matcher = rw.tag(1, 0) + rw.varint(0) + rw.field(2, b"__name__") + rw.field(3, b"h")
    query = rw.tag(1, 0) + rw.varint(T) + rw.tag(2, 0) + rw.varint(END) + rw.field(3, matcher)
    return rw.snappy(rw.field(1, query) + rw.tag(2, 0) + rw.varint(kind))


def running(server, n):
    end = time.monotonic() + 60
    while True:
        text = server.get("/metrics").text
        if float(re.search(r"^ferula_query_running (\S+)$", text, re.MULTILINE).group(1)) == n:
            return
        assert time.monotonic() < end, f"not {n} queries at once"
        time.sleep(0.02)


def test_clients_that_leave_before_the_answer(full):
    socks = [send(full, range_path(SLOW)) for _ in range(4)]
    running(full, 4)
    for sock in socks:
        sock.close()
    running(full, 0)
    assert full.query("count(h)", time=END / 1000)["result"][0]["value"][1] == str(N_SERIES)


@pytest.mark.parametrize("path, body", [
    (range_path("h"), b""),
    (range_path("rate(h[1m])"), b""),
    ("/api/v1/query?" + urllib.parse.urlencode({"query": "h[1h]", "time": END / 1000}), b""),
    ("/api/v1/read", read_body(0)),
    ("/api/v1/read", read_body(1)),
], ids=["range", "rate", "matrix", "samples", "chunks"])
def test_clients_that_leave_in_the_answer(full, path, body):
    for _ in range(4):
        sock = send(full, path, body)
        sock.settimeout(60)
        assert sock.recv(64).startswith(b"HTTP/1.1 200"), path
        sock.close()
    running(full, 0)
    assert full.value("1") == "1"


def test_out_of_time_and_out_of_samples(full):
    reply = full.get(range_path(SLOW, timeout="300ms"), timeout=60)
    assert (reply.status, reply.json()["errorType"]) == (503, "timeout")
    full.stop()
    full.flags = [f for f in full.flags if "max-samples" not in f] + ["--query.max-samples=20000"]
    full.start()
    for expr in ("rate(h[1m])", "h + h", "sum by (i) (h)"):
        reply = full.get(range_path(expr), timeout=60)
        assert (reply.status, reply.json()["errorType"]) == (422, "execution"), expr


def test_the_server_ends_meanwhile(full):
    socks = [send(full, range_path(SLOW)), send(full, range_path("h")),
             send(full, "/api/v1/read", read_body(1))]
    running(full, 1)
    full.check_end(full.stop())
    for sock in socks:
        sock.close()
