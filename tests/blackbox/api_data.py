"""The series that the API tests look at, and a server that has them.

Times are fixed and far in the past: results do not depend on when a test runs.
"""
import pytest

import rw
from conftest_server import start_server

T0 = 1700000000  # seconds; samples every 15 s for 10 minutes
N = 41
LAST = T0 + (N - 1) * 15

COUNTERS = [
    {"__name__": "http_requests_total", "job": "app", "instance": "a:1", "code": "200"},
    {"__name__": "http_requests_total", "job": "app", "instance": "b:1", "code": "200"},
    {"__name__": "http_requests_total", "job": "app", "instance": "b:1", "code": "500"},
]
ODD = {"__name__": "odd", "path": "/a<b>&c\"d\\\n\u00e9\u2028", "odd.name": "x"}
NUMBERS = {"zero": -0.0, "tiny": 1e-7, "small": 0.000001, "huge": 1e21, "big": 123456789012345680000.0,
           "nan": float("nan"), "inf": float("inf"), "minus_inf": float("-inf"), "third": 1 / 3}


def fill(server):
    samples = [(1000 * (T0 + 15 * i), 30.0 * i) for i in range(N)]
    every = [(labels, samples) for labels in COUNTERS]
    every.append((sorted(ODD.items()), [(1000 * LAST, 1.0)]))
    every += [({"__name__": "number", "is": name}, [(1000 * LAST, value)])
              for name, value in NUMBERS.items()]
    every.append(({"__name__": "millis"}, [(1000 * LAST - 999, 1.0), (1000 * LAST - 1, 2.0)]))
    meta = [rw.metadata(1, "http_requests_total", "Requests <served>.", ""),
            rw.metadata(2, "number", "Numbers.", "bytes")]
    reply = server.write(rw.body(*every, meta=meta))
    assert reply.status == 204, reply


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    """One server for all tests of a file; nobody writes to it afterwards."""
    with start_server(tmp_path_factory.mktemp("api")) as server:
        fill(server)
        yield server


def get(server, path, params):
    """GET with parameters of any name (server.get() takes `timeout` for itself)."""
    return server.request("GET", path + "?" + server.encode(params))


def both(server, path, **params):
    """The same request as GET and as POST form; the answers must be the same."""
    got = get(server, path, params)
    posted = server.post_form(path, params)
    assert (got.status, got.body) == (posted.status, posted.body)
    return got


def ok(reply):
    assert reply.status == 200, reply
    assert reply.headers["content-type"] == "application/json"
    answer = reply.json()
    assert answer["status"] == "success"
    return answer["data"]
