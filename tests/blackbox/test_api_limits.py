"""Limits of queries: samples, time, how many at once, depth, length, and clients that leave."""
import http.client
import re
import socket
import threading
import time
import urllib.parse

import pytest

from api_data import get
from conftest_server import start_server

# Tens of seconds of work on any machine, in little memory.
SLOW = "sum_over_time(quantile_over_time(0.5, vector(time())[30000s:1s])[30000s:1s])"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    flags = ["--query.max-concurrency=2", "--query.timeout=1m"]
    with start_server(tmp_path_factory.mktemp("limits"), *flags) as server:
        yield server


def metric(server, name):
    return float(re.search(rf"^{name} (\S+)$", server.get("/metrics").text, re.MULTILINE).group(1))


def wait_until(check, seconds=30):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end
        time.sleep(0.02)


def start_slow(server):
    """Sends the slow query and leaves the socket open."""
    sock = socket.create_connection(("127.0.0.1", server.port))
    sock.sendall(f"GET /api/v1/query?query={urllib.parse.quote(SLOW)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return sock


def running(server, n):
    wait_until(lambda: metric(server, "ferula_query_running") == n)


def error_of(reply, status, kind):
    answer = reply.json()
    assert (reply.status, answer["status"], answer["errorType"]) == (status, "error", kind), reply
    return answer["error"]


def test_too_many_samples(tmp_path):
    with start_server(tmp_path, "--query.max-samples=100000") as server:
        reply = get(server, "/api/v1/query", {"query": "sum_over_time(vector(time())[20000s:1s])"})
        assert reply.status == 200, reply
        reply = get(server, "/api/v1/query", {"query": "sum_over_time(vector(time())[2d:1s])"})
        assert error_of(reply, 422, "execution") == \
            "query processing would load too many samples into memory in query execution"


def test_timeout(small):
    began = time.monotonic()
    reply = get(small, "/api/v1/query", {"query": SLOW, "timeout": "300ms"})
    assert error_of(reply, 503, "timeout") == "query timed out in expression evaluation"
    assert time.monotonic() - began < 10


def test_timeout_of_a_range_query(small):
    reply = get(small, "/api/v1/query_range", {"query": SLOW, "start": 0, "end": 10, "step": 1, "timeout": 0.3})
    assert error_of(reply, 503, "timeout") == "query timed out in expression evaluation"


def test_flag_bounds_the_parameter(tmp_path):
    with start_server(tmp_path, "--query.timeout=300ms") as server:
        reply = get(server, "/api/v1/query", {"query": SLOW, "timeout": "1h"})
        assert error_of(reply, 503, "timeout") == "query timed out in expression evaluation"


def test_a_client_that_leaves_frees_its_place(small):
    sock = start_slow(small)
    running(small, 1)
    sock.close()
    running(small, 0)


def test_waiting_counts_in_the_timeout(small):
    socks = [start_slow(small), start_slow(small)]
    running(small, 2)
    try:
        reply = get(small, "/api/v1/query", {"query": "1", "timeout": "200ms"})
        assert error_of(reply, 422, "execution") == "context deadline exceeded"
        assert small.get("/-/healthy").status == 200  # others are served meanwhile
        assert small.get("/api/v1/labels").status == 200
    finally:
        for sock in socks:
            sock.close()
    running(small, 0)
    assert small.value("1") == "1"


def test_a_free_place_is_taken(small):
    socks = [start_slow(small), start_slow(small)]
    running(small, 2)
    got = []
    waiting = threading.Thread(target=lambda: got.append(small.value("42")))
    waiting.start()
    socks[0].close()
    waiting.join(30)
    socks[1].close()
    assert got == ["42"]
    running(small, 0)


def test_a_stop_cancels_queries(tmp_path):
    server = start_server(tmp_path)
    sock = start_slow(server)
    running(server, 1)
    began = time.monotonic()
    server.check_end(server.stop())
    assert time.monotonic() - began < 20
    sock.settimeout(10)
    response = http.client.HTTPResponse(sock)
    try:
        response.begin()
    except (ConnectionError, http.client.HTTPException):
        return  # the connection was closed first: as good
    assert response.status == 499
    assert b'"errorType":"canceled"' in response.read()
    sock.close()


MONSTERS = {
    "parentheses": "(" * 10000 + "1" + ")" * 10000, "signs": "-" * 100000 + "1", "sums": "1+" * 300000 + "1",
    "calls": "abs(" * 20000, "a long name": "a" * (1 << 20) + "aa", "a long string": '"' + "x" * (1 << 20) + '"',
    "braces": "{" * 5000}


@pytest.mark.parametrize("name", MONSTERS)
def test_monsters(small, name):
    query = MONSTERS[name]
    for path in ("query", "format_query", "parse_query"):
        reply = small.post_form("/api/v1/" + path, {"query": query})
        error = error_of(reply, 400, "bad_data")
        assert error.startswith('invalid parameter "query": ') and len(error) < 4096
    assert small.value("1") == "1"


def test_regex_bomb(small):
    bomb = '{a=~"' + "(x+x+)+" * 50 + '"}'
    reply = small.post_form("/api/v1/query", {"query": bomb})
    assert reply.status in (200, 400), reply
    reply = small.post_form("/api/v1/query", {"query": '{a=~"(((x{1000}){1000}){1000})"}'})
    assert "error parsing regexp" in error_of(reply, 400, "bad_data")
