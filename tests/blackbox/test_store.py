"""The store behind the real server: what is late, what is old, and what a restart leaves."""
import time

import pytest

import rw
from conftest_server import start_server

MINUTE = 60000
HOUR = 60 * MINUTE
NOW = int(time.time() * 1000)
LABELS = {"__name__": "m", "job": "a"}


def samples(server, selector="m", hours=400):
    """Values by time, as an instant query of a range selector gives them."""
    got = server.query(f"{selector}[{hours}h]", NOW / 1000 + 1)["result"]
    return {round(t * 1000): v for series in got for t, v in series["values"]}


def metric(server, name):
    for line in server.get("/metrics").body.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    raise KeyError(name)


def test_out_of_order_is_refused_without_a_window(server):
    assert server.write(rw.body((LABELS, [(NOW, 1.0)]))).status == 204
    reply = server.write(rw.body((LABELS, [(NOW - MINUTE, 2.0)])))
    assert reply.status == 400
    assert b"out of order sample" in reply.body


def test_out_of_order_is_taken_within_the_window(tmp_path):
    with start_server(tmp_path, "--storage.tsdb.out-of-order-time-window=2h") as server:
        assert server.write(rw.body((LABELS, [(NOW, 1.0)]))).status == 204
        assert server.write(rw.body((LABELS, [(NOW - 90 * MINUTE, 2.0)]))).status == 204
        assert server.write(rw.body((LABELS, [(NOW - MINUTE, 3.0)]))).status == 204
        reply = server.write(rw.body((LABELS, [(NOW - 3 * HOUR, 4.0)])))
        assert (reply.status, b"too old sample" in reply.body) == (400, True)
        want = {NOW - 90 * MINUTE: "2", NOW - MINUTE: "3", NOW: "1"}
        assert samples(server) == want
        for kill in (True, False):
            server.restart(kill=kill)
            assert samples(server) == want


def test_backfill_takes_older_history_in_any_order(server):
    headers = {"Ferula-Backfill": "true"}
    assert server.write(rw.body((LABELS, [(NOW, 1.0)]))).status == 204
    want = {NOW: "1"}
    for i in (200, 1, 57, 199, 3, 57):
        t = NOW - i * HOUR
        assert server.write(rw.body((LABELS, [(t, float(i)), (t + 1, i + 0.5)])),
                            headers=headers).status == 204
        want |= {t: f"{i}", t + 1: f"{i}.5"}
    assert samples(server) == want
    for kill in (True, False):
        server.restart(kill=kill)
        assert samples(server) == want
    reply = server.write(rw.body((LABELS, [(NOW - 16 * 24 * HOUR, 1.0)])), headers=headers)
    assert (reply.status, b"out of bounds" in reply.body) == (400, True)


@pytest.mark.parametrize("kill", [False, True])
def test_restart_of_a_clean_stop_replays_nothing(server, kill):
    body = rw.body(*[({"__name__": "m", "i": str(i)}, [(NOW - 100 + k, float(k)) for k in range(50)])
                     for i in range(20)])
    assert server.write(body).status == 204
    server.restart(kill=kill)
    assert (metric(server, "ferula_store_wal_pieces") == 0) == (not kill)
    assert server.value("sum(count_over_time(m[1m]))", NOW / 1000) == "1000"


def test_retention_flags_are_shown(tmp_path):
    with start_server(tmp_path, "--storage.tsdb.retention.time=36h",
                      "--storage.tsdb.retention.size=1GB") as server:
        flags = server.get("/api/v1/status/flags").json()["data"]
        assert flags["storage.tsdb.retention.time"] == "1d12h"
        assert flags["storage.tsdb.retention.size"] == "1GB"
        assert flags["storage.tsdb.out-of-order-time-window"] == "0s"


def test_what_is_past_the_retention_goes(tmp_path):
    headers = {"Ferula-Backfill": "true"}
    old = {"__name__": "old", "only": "here"}
    with start_server(tmp_path, "--storage.tsdb.retention.time=100h") as server:
        assert server.write(rw.body((old, [(NOW - 99 * HOUR, 1.0)])), headers=headers).status == 204
        assert server.write(rw.body((LABELS, [(NOW, 1.0)]))).status == 204
        assert samples(server, "old")
    with start_server(tmp_path, "--storage.tsdb.retention.time=50h") as server:
        deadline = time.monotonic() + 10
        while samples(server, "old") and time.monotonic() < deadline:
            pass
        assert not samples(server, "old")
        assert server.get("/api/v1/labels").json()["data"] == ["__name__", "job"]
        assert samples(server) == {NOW: "1"}
