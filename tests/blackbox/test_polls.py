"""Polls of scalers: which requests are taken for one, what is recorded, and `ferula polls`."""
import csv
import io
import json
import re
import subprocess
import time

import pytest

import keda_poll
from conftest_server import FERULA, run_ferula, start_server
from keda_poll import poll, polls

# query, kind, elements, value, verdict, why
ANSWERS = [
    ("vector(4.5)", "vector", 1, "4.5", "value", None),
    ("no_such_series", "vector", 0, None, "zero", "empty"),
    ("vector(0)/vector(0)", "vector", 1, "NaN", "zero", "NaN"),
    ("vector(-1)/vector(0)", "vector", 1, "-Inf", "zero", "-Inf"),
    ('vector(1) or label_replace(vector(2), "a", "b", "", "")', "vector", 2, None, "error",
     "multiple elements"),
    ("1", "scalar", None, "1", "error", "scalar"),
    ('"text"', "string", None, None, "error", "scalar"),
    ("no_such_series[1m]", "matrix", 0, None, "zero", "empty"),
    ("sum(", "status", None, None, "error", "status"),
]


def test_what_is_recorded(server):
    before = time.time()
    for query, *_ in ANSWERS:
        poll(server, query)
    got = polls(server)
    assert [(p["query"], p["kind"], p.get("elements"), p.get("value"), p["verdict"], p.get("why"))
            for p in got] == ANSWERS
    assert [p["id"] for p in got] == list(range(1, len(ANSWERS) + 1))
    assert {p["userAgent"] for p in got} == {keda_poll.AGENT}
    assert all(p["caller"].startswith("127.0.0.1:") for p in got)
    assert all(before - 1 <= p["time"] <= time.time() and 0 <= p["latencySeconds"] < 30 for p in got)
    assert [p["status"] for p in got] == [200] * (len(ANSWERS) - 1) + [400]
    metrics = server.get("/metrics").text
    assert f"\nferula_polls_recorded_total {len(ANSWERS)}\n" in metrics


def test_what_is_no_poll(server):
    poll(server, "vector(1)", agent="Mozilla/5.0")
    poll(server, "vector(1)", when="1700000000")
    poll(server, "vector(1)", when="2023-11-14T22:13:20.5Z")
    poll(server, "vector(1)", when="2023-11-14T22:13:20%2B00:00")
    server.query("vector(1)")
    server.request("GET", "/api/v1/query?query=vector(1)", headers={"User-Agent": keda_poll.AGENT})
    assert polls(server) == []


def test_filters(server):
    for query in ("vector(1)", "vector(2)", "up"):
        poll(server, query)
    assert [p["query"] for p in polls(server, query="vector")] == ["vector(1)", "vector(2)"]
    assert [p["query"] for p in polls(server, limit=2)] == ["vector(2)", "up"]
    assert [p["query"] for p in polls(server, after=2)] == ["up"]
    assert len(polls(server, caller="127.0.0.1")) == len(polls(server, caller="Go-http")) == 3
    assert polls(server, caller="10.0.0.1") == polls(server, since=time.time() + 60) == []
    assert server.get("/_ferula/polls", after="x").status == 400
    assert server.get("/_ferula/polls", since="x").status == server.get("/_ferula/polls", since="nan").status == 400


def test_few_have_the_cadence_of_all(server):
    """KEDA's retries are at once, so that a rhythm can be seen within a test."""
    for _ in range(2):
        poll(server, "sum(")
    both = server.get("/_ferula/polls").json()["data"]
    assert [p["cadence"] for p in both["polls"]] == ["unknown", "retry"]
    for params in (dict(limit=1), dict(after=1), dict(limit=1, after=1)):
        data = server.get("/_ferula/polls", **params).json()["data"]
        assert [(p["id"], p["cadence"]) for p in data["polls"]] == [(2, "retry")], params
        assert data["streams"] == both["streams"]
    assert polls(server, after=2) == polls(server, limit=1, after=2) == []


def test_a_kill_loses_at_most_the_last_second(server):
    poll(server, "vector(1)")
    end = time.monotonic() + 20
    while True:  # until it is on disk: a copy of the store has it
        done = run_ferula("tsdb", "analyze", "--format=json", server.url)
        rows = {t["name"]: t["rows"] for t in json.loads(done.stdout)["tables"]}
        if rows["polls"] == 1:
            break
        assert time.monotonic() < end, rows
    server.restart(kill=True)
    assert [p["query"] for p in polls(server)] == ["vector(1)"]
    poll(server, "vector(2)")
    server.restart()
    assert [p["query"] for p in polls(server)] == ["vector(1)", "vector(2)"]


@pytest.mark.parametrize("most, kept", [(3, ["2", "3", "4"]), (0, [])])
def test_the_newest_are_kept(tmp_path, most, kept):
    with start_server(tmp_path, f"--polls.max={most}") as server:
        for i in range(5):
            poll(server, str(i))
        server.restart()
        end = time.monotonic() + 20
        while (got := [p["query"] for p in polls(server)]) != kept:
            assert time.monotonic() < end, got


def test_in_memory(tmp_path):
    with start_server(tmp_path, "--storage.memory") as server:
        poll(server, "vector(1)")
        assert len(polls(server)) == 1


# ---- ferula polls


def test_table(server):
    poll(server, "vector(4.5)")
    poll(server, 'up{a="b"}\n+ 1')
    done = run_ferula("polls", server.url)
    assert (done.returncode, done.stderr) == (0, "")
    title, one, two = done.stdout.splitlines()
    assert title.split() == ["TIME", "CALLER", "CADENCE", "VALUE", "KEDA'S", "VERDICT", "LATENCY",
                             "ms", "QUERY"]
    words = one.split()
    assert words[1].startswith("127.0.0.1:") and words[2:5] == ["unknown", "4.5", "value"]
    assert words[6:] == ["vector(4.5)"]
    assert two.endswith('up{a="b"} + 1') and " 0 (empty) " in two


def test_csv_and_json(server):
    poll(server, 'label_replace(vector(1),"a","b,\\"c","","")')
    (row,) = csv.DictReader(io.StringIO(run_ferula("polls", "--csv", server.url).stdout))
    (line,) = run_ferula("polls", "--json", "--since=1m", server.url).stdout.splitlines()
    (want,) = polls(server)
    assert json.loads(line) == want
    assert row["query"] == want["query"] and row["value"] == "1" and row["verdict"] == "value"
    assert run_ferula("polls", "--csv", "--json", server.url).returncode == 2
    assert run_ferula("polls", "--since=soon", server.url).returncode == 2
    assert run_ferula("polls", "http://127.0.0.1:1").returncode == 4


def test_follow(server):
    poll(server, "vector(1)")
    proc = subprocess.Popen([FERULA, "polls", "-f", "--json", "--limit=1", server.url], stdout=subprocess.PIPE,
                            text=True)
    try:
        assert json.loads(proc.stdout.readline())["query"] == "vector(1)"
        poll(server, "vector(2)")
        poll(server, "vector(3)")
        assert json.loads(proc.stdout.readline())["query"] == "vector(2)"
        assert json.loads(proc.stdout.readline())["query"] == "vector(3)"
        server.stop()
        assert proc.wait(timeout=30) == 4
    finally:
        proc.kill()
        proc.wait()
        proc.stdout.close()


def test_polls_that_stopped_are_told(server):
    for _ in range(3):
        poll(server, "vector(1)")
    (stream,) = server.get("/_ferula/polls").json()["data"]["streams"]
    assert (stream["query"], stream["caller"], stream["polls"]) == ("vector(1)", "127.0.0.1", 3)
    assert stream["stopped"] is False and stream.get("intervalSeconds", 0) < 3  # none within a millisecond
    end = time.monotonic() + 60
    while "have stopped" not in (told := run_ferula("polls", server.url).stderr):
        assert time.monotonic() < end
    assert re.fullmatch(r"ferula polls: the polls by 127.0.0.1 \(\w+\) have stopped: none for \d+ s, and they "
                        r"came every \S+ s: vector\(1\)\n", told), told
