"""POST /api/v1/read: what is refused, and how; a long range; many readers at once."""
import threading

import pytest

import rw
from conftest_server import start_server

MINUTE = 60_000
YEAR = 365 * 24 * 60 * MINUTE
T = 1_700_000_000_000


def matcher(kind, name, value):
    return rw.tag(1, 0) + rw.varint(kind) + rw.field(2, name.encode()) + rw.field(3, value.encode())


def query(start, end, *matchers):
    body = rw.tag(1, 0) + rw.varint(start) + rw.tag(2, 0) + rw.varint(end)
    return rw.field(1, body + b"".join(rw.field(3, m) for m in matchers))


def read(server, message, packed=True):
    return server.request("POST", "/api/v1/read", rw.snappy(message) if packed else message,
                          {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"})


UP = query(0, T, matcher(0, "__name__", "up"))


@pytest.mark.parametrize("message, text", [
    (query(0, 1, matcher(2, "job", "a(")), "error parsing regexp: missing closing ): `"),
    (query(0, 1, matcher(9, "job", "a")), "invalid matcher type"),
    (UP + rw.tag(2, 0) + rw.varint(7), "server does not support any of the requested response types"),
    (UP + rw.field(2, b"\x07\x08"), "server does not support any of the requested response types"),
    (UP[:-1], "proto: unexpected EOF at byte "),
    (b"\xff\xff\xff", "proto: unexpected EOF at byte "),
    (UP + rw.tag(2, 1) + b"12345678", "proto: wrong wireType = 1 for field AcceptedResponseTypes"),
])
def test_bad_requests(server, message, text):
    reply = read(server, message)
    assert reply.status == 400 and reply.text.startswith(text) and reply.text.endswith("\n"), reply


@pytest.mark.parametrize("body, text", [
    (b"", "snappy: corrupt input\n"), (b"\xff\xff", "snappy: corrupt input\n"),
    (rw.snappy(b"x" * 50, claimed=1 << 31), "decoded size exceeds the 33554432 bytes limit\n"),
])
def test_bad_bodies(server, body, text):
    reply = read(server, body, packed=False)
    assert (reply.status, reply.text) == (400, text)


def test_nothing_to_read(server):
    reply = read(server, b"")
    assert (reply.status, reply.headers["content-type"], reply.body) == (200, "application/x-protobuf", b"\0")
    reply = read(server, UP)
    assert (reply.status, reply.body) == (200, b"\x02\x04\x0a\x00")
    chunks = read(server, UP + rw.tag(2, 0) + rw.varint(1))
    assert (chunks.status, chunks.body) == (200, b"")
    assert chunks.headers["content-type"].startswith("application/x-streamed-protobuf; proto=")
    first_known = read(server, UP + rw.field(2, b"\x09\x01\x00"))
    assert first_known.headers["content-type"] == chunks.headers["content-type"]
    assert server.get("/api/v1/read").status == 405


def test_a_year(tmp_path):
    """Samples all over a year, and many on its first day; a restart moves them into sealed chunks."""
    samples = [(T + i * 3000, i / 7) for i in range(28_000)]
    samples += [(T + i * YEAR // 700, float(i)) for i in range(2, 700)]
    with start_server(tmp_path, "--storage.tsdb.retention.time=0") as server:
        reply = server.request("POST", "/api/v1/write", rw.body(({"__name__": "up"}, samples)), {
            "Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
            "Ferula-Backfill": "true"})
        assert reply.status == 204, reply
        server.restart()
        for kind in (0, 1):
            reply = read(server, query(T, T + YEAR, matcher(0, "__name__", "up")) + rw.tag(2, 0)
                         + rw.varint(kind))
            assert reply.status == 200 and len(reply.body) > 100_000


def test_readers_wait_for_each_other(tmp_path):
    with start_server(tmp_path, "--storage.remote.read-concurrent-limit=1") as server:
        server.push("".join(f'up{{i="{i}"}} 1\n' for i in range(2000)))
        replies = []
        threads = [threading.Thread(target=lambda: replies.append(
            read(server, query(0, 2**53, matcher(0, "__name__", "up"))).status)) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert replies == [200] * 8
