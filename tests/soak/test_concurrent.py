"""Writers and queriers side by side, while the store seals, checkpoints and deletes below them.

SECONDS (4) is how long each mix runs, PAIRS (2000) how many writes are looked for right after their
answer. The figures are printed (pytest -s).
"""
import json
import os
import random
import time

import pytest

import rw
from conftest_server import start_server
from crowd import Crowd, DataClock

SECONDS = float(os.environ.get("SECONDS", "4"))
PAIRS = int(os.environ.get("PAIRS", "2000"))
MINUTE = 60000

FLAGS = ("--storage.tsdb.retention.time=20m", "--storage.tsdb.out-of-order-time-window=30m",
         "--query.max-concurrency=64")


def metric(server, name):
    for line in server.get("/metrics").text.splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    raise KeyError(name)


def expect(answer, *statuses):
    status, body = answer
    assert status in statuses, f"{status} {body[:500]!r}"
    return body


def result(answer):
    return json.loads(expect(answer, 200))["data"]["result"]


# ---- writers

def write_now(client, clock, t, body):
    """It may be too old only when it was under way for most of an hour of data."""
    status, text = client.write(body)
    assert status == 204 or (status == 400 and clock.now_ms() - t > 50 * MINUTE), f"{status} {text!r}"


def steady(client, stop, clock, number):
    """The same series all the time, now and then twice, as an agent does after a lost answer."""
    n = 0
    while not stop.is_set():
        t = clock.now_ms()
        body = rw.body(*(({"__name__": "steady", "w": str(number), "i": str(i)}, [(t, float(n))])
                         for i in range(40)))
        for _ in range(2 if n % 10 == 0 else 1):
            write_now(client, clock, t, body)
        n += 1
    return n


def churning(client, stop, clock, number):
    """Series that live for a few requests."""
    n = 0
    while not stop.is_set():
        t = clock.now_ms()
        write_now(client, clock, t, rw.body(*(
            ({"__name__": "churn", "w": str(number), "pod": f"p{n // 5}-{i}", f"only{n // 5 % 7}": "x"},
             [(t, float(n))]) for i in range(20))))
        n += 1
    return n


def late(client, stop, clock, number):
    """Within the window and, by the time that passes on the way, a little before it."""
    dice = random.Random(number)
    n = 0
    while not stop.is_set():
        t = clock.now_ms()
        expect(client.write(rw.body(*(
            ({"__name__": "late", "w": str(number), "i": str(i)},
             [(t - dice.randrange(32 * MINUTE), float(n))]) for i in range(20)))), 204, 400)
        n += 1
    return n


def backfilling(client, stop, clock, number):
    """Hours in order, beginning before the retention does."""
    dice = random.Random(number)
    n = 0
    while not stop.is_set():
        t = clock.now_ms() - dice.randrange(100 * MINUTE)
        body = rw.body(*(({"__name__": "back", "w": str(number), "i": str(i % 3)},
                          [(t + i * 1000 + k, float(k)) for k in range(20)]) for i in range(6)))
        expect(client.write(body, backfill=True), 204, 400)
        n += 1
    return n


# ---- queriers

QUERIES = ("sum(rate(steady[2m]))", "sum by (w) (rate(steady[5m]))", "count(churn)", "max(late)",
           "sum(count_over_time(back[30m]))", 'churn{pod=~"p1.*"}', 'steady{i!~"1|2|3"}',
           "topk(3, sum by (w) (late))", 'count({__name__=~".+"})')


def asking(client, stop, clock, number):
    dice = random.Random(number)
    n = 0
    while not stop.is_set():
        t = clock.now_ms()
        kind = dice.randrange(6)
        if kind < 3:
            expect(client.query(dice.choice(QUERIES), t), 200)
        elif kind == 3:
            expect(client.get("/api/v1/query_range", query="sum by (w) (rate(steady[2m]))",
                              start=(t - 60 * MINUTE) / 1000, end=t / 1000, step=30), 200)
        elif kind == 4:
            name = dice.choice(("pod", "i", "__name__", "only3"))
            expect(client.get(f"/api/v1/label/{name}/values"), 200)
            expect(client.get("/api/v1/labels"), 200)
        else:
            expect(client.get("/api/v1/series", **{"match[]": "churn", "start": (t - MINUTE) / 1000,
                                                   "end": t / 1000}), 200)
        n += 1
    return n


# ---- a request is seen whole or not at all

HALF = 25


def whole_requests(client, stop, clock):
    """Request n gives the value n to HALF series that are there and to HALF new ones."""
    n = 0
    while not stop.is_set():
        t, n = clock.now_ms(), n + 1
        old = [({"__name__": "whole", "i": str(i)}, [(t, float(n))]) for i in range(HALF)]
        new = [({"__name__": "whole", "i": str(i), "request": str(n)}, [(t, float(n))])
               for i in range(HALF)]
        both = old + new
        random.Random(n).shuffle(both)
        expect(client.write(rw.body(*both)), 204)
    return n


def looking_for_halves(client, stop, clock):
    n = 0
    while not stop.is_set():
        series = result(client.query("whole", clock.now_ms()))
        old = {int(s["value"][1]) for s in series if "request" not in s["metric"]}
        new = [int(s["metric"]["request"]) for s in series if "request" in s["metric"]]
        if series:
            newest = max(new)
            assert old == {newest}, f"series that were there have {sorted(old)}, new ones {newest}"
            assert new.count(newest) == HALF, f"{new.count(newest)} of {HALF} new series of {newest}"
            n += 1
    return n


@pytest.mark.parametrize("older", [late, backfilling])
def test_writers_and_queriers(tmp_path, older):
    """
    Sixteen of each. The sanitizers speak up, and so do wrong statuses and torn requests. After a
    backfill all is late, for it seals what is older than the clock less an hour.
    """
    clock = DataClock()
    with start_server(tmp_path, *FLAGS) as server:
        crowd = Crowd(server.port)
        for number in range(5):
            crowd.add(steady, clock, number)
            crowd.add(churning, clock, number)
            crowd.add(older, clock, number)
        crowd.add(whole_requests, clock)
        for number in range(13):
            crowd.add(asking, clock, number)
        for _ in range(3):
            crowd.add(looking_for_halves, clock)
        sums = crowd.run_for(SECONDS)
        figures = {name: int(metric(server, "ferula_store_" + name))
                   for name in ("series", "series_removed_total", "slots_sealed_total",
                                "samples_merged_total", "checkpoints_total")}
        print(sums, figures)
        assert older is backfilling or min(figures["slots_sealed_total"], figures["checkpoints_total"]) > 0
        server.restart(kill=True)
        assert server.value("count(count_over_time(whole[2h]))", clock.now_ms() / 1000) is not None


# ---- what is answered is seen

def pairs(client, stop, clock, number, most):
    """Writes, and asks at once; every 50th is the first sample of a series."""
    t = n = 0
    while n < most and not stop.is_set():
        t, n = max(t + 1, clock.now_ms()), n + 1
        labels = {"__name__": "pair", "c": str(number), "k": str(n // 50)}
        expect(client.write(rw.body((labels, [(t, float(n))]))), 204)
        got = result(client.query(f'pair{{c="{number}",k="{n // 50}"}}', t))
        assert [s["value"][1] for s in got] == [str(n)], f"{n} at {t}: {got}"
    return n


def test_what_is_answered_is_seen(tmp_path):
    clock = DataClock()
    with start_server(tmp_path, *FLAGS) as server:
        crowd = Crowd(server.port)
        began = time.monotonic()
        for number in range(8):
            crowd.add(pairs, clock, number, PAIRS // 8)
        n = crowd.wait()["pairs"]
        seconds = time.monotonic() - began
        print(f"{n} pairs, {n / seconds:.0f} a second,"
              f" {metric(server, 'ferula_store_slots_sealed_total'):.0f} slots sealed,"
              f" {metric(server, 'ferula_store_series_removed_total'):.0f} series removed")
        assert n == PAIRS // 8 * 8
