"""kill -9 during ingest: every acknowledged sample is there afterwards, once, bit for bit.

Several clients remote-write without a pause, each its own series, and send a request again until it
is answered, as an agent does. Meanwhile the server is killed at random moments and started again.
What a client had no answer for may be there or not, but whole.

CYCLES (200) is the number of kills; FERULA names the binary; FERULA_TEST_RANDOM repeats a run's
choices (not its timing).
"""
import http.client
import os
import random
import struct
import threading
import time

import rw
from conftest_server import Server, run_ferula

CYCLES = int(os.environ.get("CYCLES", "200"))
N_CLIENTS = 4
N_STEADY = 10       # series that get a sample with every request
NEW_EVERY = 40      # requests after which one more series begins
KILL_MS = (5, 500)  # after the server is ready
VERIFY_EVERY = 10   # kills after which the tables must agree


def value_of(client, series, number):
    """A double with all its bits in use, and now and then a special one."""
    pick = (client * 7919 + series * 104729 + number * 15485863) % (1 << 32)
    if pick % 50 == 0:
        return (0.0, -0.0, float("inf"), float("-inf"), 5e-324, float(number))[pick // 50 % 6]
    return struct.unpack("<d", struct.pack("<Q", 0x3FF0000000000000 | pick << 20 | number & 0xFFFFF))[0]


def series_of(number):
    """The series that request `number` writes: the steady ones and a young one."""
    return [*range(N_STEADY), N_STEADY + number // NEW_EVERY]


class Client(threading.Thread):
    """Writes until stopped. `acked` is the number of the newest request with an answer of 204."""

    def __init__(self, server, number, base_ms, stop):
        super().__init__(daemon=True)
        self.server, self.number, self.base_ms, self.stop_event = server, number, base_ms, stop
        self.acked = self.sent = self.repeats = 0
        self.wrong = None
        self.conn = None

    def body(self, request):
        return rw.body(*(({"__name__": "m", "client": str(self.number), "series": str(s)},
                          [(self.base_ms + request, value_of(self.number, s, request))])
                         for s in series_of(request)))

    def post(self, body):
        """The status, or None when there was no answer."""
        try:
            if self.conn is None:
                self.conn = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
            self.conn.request("POST", "/api/v1/write", body,
                              {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"})
            reply = self.conn.getresponse()
            text = reply.read()
        except (OSError, http.client.HTTPException):
            if self.conn is not None:
                self.conn.close()
            self.conn = None
            return None
        if reply.status not in (204, 503):
            self.wrong = f"request {self.sent} of client {self.number}: {reply.status} {text!r}"
        return reply.status

    def run(self):
        while not self.stop_event.is_set() and self.wrong is None:
            self.sent = self.acked + 1
            body = self.body(self.sent)
            while self.post(body) != 204:
                if self.wrong is not None or self.stop_event.is_set():
                    return
                self.repeats += 1
                time.sleep(0.002)
            self.acked = self.sent


def bits(value):
    return struct.pack("<d", value)


def stored(server, client, base_ms, last):
    """{series: [(request, value)]} of a client, as the range selector gives it."""
    seconds = (last + 1000) // 1000 + 1
    reply = server.get("/api/v1/query", timeout=120, query=f'm{{client="{client}"}}[{seconds}s]',
                       time=f"{(base_ms + last + 1) / 1000:.3f}")
    assert reply.status == 200, reply
    return {int(s["metric"]["series"]):
            [(round(t * 1000) - base_ms, float(v)) for t, v in s["values"]]
            for s in reply.json()["data"]["result"]}


def check(server, client):
    """Every acknowledged request is stored whole and once, and nothing that was not sent is."""
    got = stored(server, client.number, client.base_ms, client.sent)
    want = {}
    for request in range(1, client.sent + 1):
        for s in series_of(request):
            want.setdefault(s, []).append(request)
    whole = None
    for s, requests in want.items():
        have = [n for n, _ in got.get(s, [])]
        assert have == sorted(set(have)), f"series {s} of client {client.number} has doubles"
        acked = [n for n in requests if n <= client.acked]
        assert have in (acked, requests), \
            f"series {s} of client {client.number}: {sorted(set(acked) - set(have))[:5]} lost, " \
            f"{sorted(set(have) - set(requests))[:5]} never sent"
        for n, v in got.get(s, []):
            assert bits(v) == bits(value_of(client.number, s, n)), (client.number, s, n, v)
        if client.sent > client.acked and client.sent in requests:
            there = client.sent in have
            assert whole in (None, there), f"request {client.sent} of client {client.number} is torn"
            whole = there
    assert set(got) <= set(want)
    return sum(len(v) for v in got.values())


def test_kill9(tmp_path):
    choices = int(os.environ.get("FERULA_TEST_RANDOM", "0")) or random.SystemRandom().getrandbits(32)
    print(f"FERULA_TEST_RANDOM={choices}")
    dice = random.Random(choices)
    base_ms = int(time.time() * 1000) - 20 * 60 * 1000
    stop = threading.Event()
    slowest = 0.0
    with Server(tmp_path) as server:
        clients = [Client(server, i, base_ms, stop) for i in range(N_CLIENTS)]
        for c in clients:
            c.start()
        for cycle in range(CYCLES):
            time.sleep(dice.uniform(*KILL_MS) / 1000)
            server.kill()
            if cycle % VERIFY_EVERY == 0:
                done = run_ferula("tsdb", "verify", server.dir)
                assert done.returncode == 0, done.stdout + done.stderr
            began = time.monotonic()
            server.start()
            slowest = max(slowest, time.monotonic() - began)
            wrong = [c.wrong for c in clients if c.wrong is not None]
            assert not wrong, wrong
        stop.set()
        for c in clients:
            c.join(60)
            assert not c.is_alive() and c.wrong is None, c.wrong
        server.restart(kill=True)
        n = sum(check(server, c) for c in clients)
    acked = sum(c.acked for c in clients)
    print(f"{CYCLES} kills, {acked} requests acknowledged, {n} samples, "
          f"{sum(c.repeats for c in clients)} repeats, slowest start {slowest * 1000:.0f} ms")
    assert acked > CYCLES, "the clients hardly got to write"
