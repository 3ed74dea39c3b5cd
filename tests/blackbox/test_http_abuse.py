"""Hostile and broken clients on raw sockets: each is refused or closed, and the server goes on serving.

What every function of the HTTP server does with such input is in tests/unit/http; here the real binary
with its own limits and routes stands behind it.
"""
import os
import re
import resource
import selectors
import socket
import threading
import time

import pytest

from conftest_server import FERULA, start_server

HOST = b"Host: x\r\n"
POST = b"POST /api/v1/query HTTP/1.1\r\n" + HOST
NEXT = b"GET /api/v1/query?query=smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
SANITIZED = re.search(r"/(asan|tsan|coverage)/", FERULA) is not None

# What two servers could read differently; each is followed by a request that must not be answered.
PROBES = {
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 90\r\n\r\na=b",
    "two equal lengths": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\na=b",
    "two lengths in one header": POST + b"Content-Length: 3, 3\r\n\r\na=b",
    "a signed length": POST + b"Content-Length: +3\r\n\r\na=b",
    "a length that is no number": POST + b"Content-Length: 3x\r\n\r\na=b",
    "a length over 64 bits": POST + b"Content-Length: 18446744073709551619\r\n\r\na=b",
    "a blank before the colon": POST + b"Content-Length : 3\r\n\r\na=b",
    "length and chunked": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + LAST_CHUNK,
    "chunked and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + LAST_CHUNK,
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n" + LAST_CHUNK,
    "gzip coding": POST + b"Transfer-Encoding: gzip\r\n\r\n" + LAST_CHUNK,
    "two codings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n" + LAST_CHUNK,
    "a chunk size over 64 bits": POST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000003\r\na=b\r\n",
    "a chunk size that is no number": POST + b"Transfer-Encoding: chunked\r\n\r\n0x3\r\na=b\r\n" + LAST_CHUNK,
    "a NUL in a header": POST + b"X: a\0b\r\n\r\n",
    "a control byte in a header": POST + b"X: a\x01b\r\n\r\n",
    "a bare LF in the head": POST + b"X: a\nContent-Length: 3\r\n\r\na=b",
    "a bare LF at the end of the head": POST + b"\n",
    "a folded header": POST + b"X: a\r\n Content-Length: 3\r\n\r\na=b",
    "no host": b"POST /api/v1/query HTTP/1.1\r\n\r\n",
    "two hosts": POST + b"Host: y\r\n\r\n",
    "a blank in the target": b"GET /api/v1/query?query=1 2 HTTP/1.1\r\n" + HOST + b"\r\n",
}


def dial(server, timeout=20):
    return socket.create_connection(("127.0.0.1", server.port), timeout=timeout)


def hear(sock):
    """Everything until the server closes; the test fails when it does not."""
    parts = []
    try:
        while piece := sock.recv(65536):
            parts.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def exchange(server, data):
    with dial(server) as sock:
        try:
            sock.sendall(data)
        except (ConnectionResetError, BrokenPipeError):
            pass
        return hear(sock)


def rss_mb(server):
    with open(f"/proc/{server.proc.pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) / 1024


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with start_server(tmp_path_factory.mktemp("abuse")) as one:
        yield one


@pytest.mark.parametrize("name", PROBES)
def test_smuggling(shared, name):
    answer = exchange(shared, PROBES[name] + NEXT)
    assert answer == b"" or re.match(rb"HTTP/1\.1 4(00|13) ", answer), answer
    assert b"HTTP/1.1 200" not in answer and b"smuggled" not in answer
    assert shared.value("1") == "1"


def test_after_a_chunked_body_the_connection_ends(shared):
    body = b"Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nquery=1\r\n"
    answer = exchange(shared, POST + body + LAST_CHUNK + NEXT)
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.count(b"HTTP/1.1 ") == 1
    assert b"smuggled" not in answer


def test_a_body_over_the_limit_is_413(shared):
    head = b"POST /api/v1/write HTTP/1.1\r\n" + HOST + b"Content-Type: application/x-protobuf\r\n"
    text = b"request body exceeds the 33554432 bytes limit"
    answer = exchange(shared, head + b"Content-Encoding: snappy\r\nContent-Length: 99999999999\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ") and text in answer, answer

    reply = shared.write(b"x" * (33554432 + 1))
    assert reply.status == 413 and text in reply.body, reply
    assert shared.value("1") == "1"


def test_a_huge_head_is_refused(shared):
    target = b"GET /api/v1/query?query=" + b"1" * (1 << 20) + b" HTTP/1.1\r\n" + HOST + b"\r\n"
    header = b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * (1 << 20) + b"\r\n\r\n"
    for data, status in ((target, b"414"), (header, b"431")):
        answer = exchange(shared, data)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 " + status), answer[:200]
    assert shared.value("1") == "1"


def test_thousands_of_parameters_and_small_headers(shared):
    """Each would be a record in what memory a connection has for its head."""
    for names, said in ((800, b"200"), (900, b"200"), (30000, b"200"), (40000, b"414")):
        query = b"query=1" + b"&a" * names
        answer = exchange(shared, b"GET /api/v1/query?" + query + b" HTTP/1.1\r\n" + HOST +
                          b"Connection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 " + said), (names, answer[:200])
        assert (b'"resultType":"scalar"' in answer) == (said == b"200")
    for header, said in ((b"a: b\r\n" * 300, b"400"), (b"a: b\r\n" * 5000, b"431"),
                         (b"Cookie: " + b"a=b; " * 2000 + b"\r\n", b"431")):
        answer = exchange(shared, b"GET /-/ready HTTP/1.1\r\n" + HOST + header + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 " + said), answer[:200]
    assert shared.value("1") == "1"


@pytest.mark.parametrize("part", [
    b"", b"GE", b"GET /api/v1/query?query=1 HTTP/1.1\r\nHo", POST + b"Content-Length: 100\r\n\r\nquery=",
    POST + b"Transfer-Encoding: chunked\r\n\r\n64\r\nquery="])
def test_a_client_that_leaves_half_way(shared, part):
    for linger in (False, True):
        sock = dial(shared)
        sock.sendall(part)
        if linger:  # a reset instead of an orderly end
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
    assert shared.value("1") == "1"


def test_clients_that_never_read_their_answers(shared):
    socks = [dial(shared) for _ in range(20)]
    for sock in socks:
        sock.sendall((b"GET /metrics HTTP/1.1\r\n" + HOST + b"\r\n") * 20)
    assert shared.value("1") == "1"
    for sock in socks:
        sock.close()


@pytest.mark.parametrize("request_bytes", [
    b"GET /api/v1/query?query=1 HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1000,
    POST + b"Content-Length: 1000\r\n\r\n" + b"a" * 1000], ids=["head", "body"])
def test_a_drip_does_not_survive_the_read_timeout(tmp_path, request_bytes):
    with start_server(tmp_path, "--web.read-timeout=500ms") as server:
        sock = dial(server)
        start = time.monotonic()
        try:
            for byte in request_bytes:
                sock.sendall(bytes([byte]))
                time.sleep(0.02)
                assert time.monotonic() - start < 10, "still open"
        except (ConnectionResetError, BrokenPipeError):
            pass
        sock.close()
        assert time.monotonic() - start < 10
        assert server.value("1") == "1"
        assert float(server.value("1")) == 1


class Crowd:
    """Connections that say nothing or a byte now and then; what the server closes is replaced."""

    def __init__(self, server, size):
        self.server = server
        self.size = size
        self.opened = 0
        self.ended = threading.Event()
        self.full = threading.Event()
        self.select = selectors.DefaultSelector()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2 * self.size)), hard))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(30)
        for key in list(self.select.get_map().values()):
            key.fileobj.close()
        self.select.close()

    def open_one(self):
        sock = socket.socket()
        sock.settimeout(5)
        sock.connect(("127.0.0.1", self.server.port))
        sock.setblocking(False)
        self.opened += 1
        if self.opened % 2:
            sock.send(b"GET /api/v1/query?query=1 HTTP/1.1\r\nHost: x\r\nX-Drip: ")
        self.select.register(sock, selectors.EVENT_READ, self.opened % 2)

    def drip(self):
        for key in list(self.select.get_map().values()):
            try:
                if key.data:
                    key.fileobj.send(b"a")
            except OSError:
                pass

    def run(self):
        next_drip = 0
        while not self.ended.is_set():
            for key, _ in self.select.select(0):  # the server has closed these
                self.select.unregister(key.fileobj)
                key.fileobj.close()
            for _ in range(200):
                try:
                    self.open_one()
                except OSError:
                    break
            if self.opened >= self.size:
                self.full.set()
                self.ended.wait(0.1)
            if time.monotonic() > next_drip:
                self.drip()
                next_drip = time.monotonic() + 1


def test_a_poll_is_answered_while_5000_others_idle_or_drip(server):
    before = rss_mb(server)
    slowest = most = polls = 0
    with Crowd(server, 5000) as crowd:
        end = time.monotonic() + 10
        more = 0
        while time.monotonic() < end and more < 10:
            start = time.monotonic()
            reply = server.get("/api/v1/query?query=1", timeout=10)
            slowest = max(slowest, time.monotonic() - start)
            assert reply.status == 200
            polls += 1
            most = max(most, rss_mb(server))
            more += crowd.full.is_set()
            time.sleep(0.05)
        assert crowd.full.wait(30), f"only {crowd.opened} connections were opened"
    print(f"{crowd.opened} connections, {polls} polls, slowest {slowest:.3f} s, "
          f"memory {before:.1f} to {most:.1f} MB")
    assert slowest < (10 if SANITIZED else 1)
    assert SANITIZED or most < 100
    assert polls > 5
    # All of them are gone, and the server is as before.
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = re.search(r"^ferula_http_connections (\d+)$", server.get("/metrics").text, re.M)
        if int(found.group(1)) <= 2:
            break
        time.sleep(0.05)
    assert int(found.group(1)) <= 2
    evicted = re.search(r"^ferula_http_connections_evicted_total (\d+)$", server.get("/metrics").text, re.M)
    assert int(evicted.group(1)) > 1000


def test_out_of_file_descriptors_makes_room(tmp_path):
    with start_server(tmp_path) as server:
        used = len(os.listdir(f"/proc/{server.proc.pid}/fd"))
        resource.prlimit(server.proc.pid, resource.RLIMIT_NOFILE, (used + 50, used + 50))
        socks = [dial(server) for _ in range(200)]
        start = time.monotonic()
        assert server.value("1") == "1"
        assert time.monotonic() - start < 5
        for sock in socks:
            sock.close()
        assert server.value("1") == "1"
