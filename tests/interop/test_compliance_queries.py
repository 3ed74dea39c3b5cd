"""539 range queries as a compliance tester sends them, to ferula and to the pinned Prometheus, both
with the same series: whole matrices, warnings and errors must be the same.

Numbers are compared as printed; those of exp, logarithms and powers within 1e-12, as the C library and
Go round them differently. With PROMQLTEST_DIR naming a folder that has promql-test-queries.yml, its
queries are compared, too.
"""
import http.client
import json
import os
import re
import urllib.parse

import pytest
import yaml

import promql_demo as demo
import rw
from conftest_server import start_server
from pinned import Prometheus

LIBM = re.compile(r"\b(exp|ln|log2|log10)\(|\^")
SLICE = 240  # values of each series in one request: receivers take no series an hour behind another


def file_queries():
    path = os.path.join(os.environ.get("PROMQLTEST_DIR", ""), "promql-test-queries.yml")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return list(demo.cases_of_file(yaml.safe_load(file)["test_cases"]))


def requests():
    """Remote-write bodies of all series, in order of time."""
    total = (demo.BEFORE_S + demo.WINDOW_S + demo.AFTER_S) * 1000 // demo.STEP_MS
    # Prometheus sums series as they came to be, ferula by their labels: here that is one order.
    every = sorted((sorted(labels.items()), values) for labels, values in demo.series(total))
    first = (demo.START - demo.BEFORE_S) * 1000
    for at in range(0, total, SLICE):
        part = []
        for number, (labels, values) in enumerate(every):
            t = first + 7 * number  # no two targets are scraped at once
            part.append((labels, [(t + i * demo.STEP_MS, v) for i, v in
                                  enumerate(values[at:at + SLICE], at) if v is not None]))
        yield rw.body(*(one for one in part if one[1]))


class Client:
    """Asks a server over one connection."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def write(self, body):
        self.connection.request("POST", "/api/v1/write", body, {
            "Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Write-Version": "0.1.0"})
        answer = self.connection.getresponse()
        assert answer.status == 204, answer.read()
        answer.read()

    def query_range(self, query):
        form = urllib.parse.urlencode({
            "query": query, "start": demo.START, "end": demo.START + demo.WINDOW_S,
            "step": demo.RESOLUTION_S})
        self.connection.request("POST", "/api/v1/query_range", form,
                                {"Content-Type": "application/x-www-form-urlencoded"})
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compliance")
    with start_server(folder) as ferula, Prometheus(
            folder, "--web.enable-remote-write-receiver") as prometheus:
        clients = Client(ferula.port), Client(prometheus.port)
        for body in requests():
            for client in clients:
                client.write(body)
        yield clients


def close(mine, theirs):
    a, b = float(mine), float(theirs)
    return mine == theirs or abs(a - b) <= 1e-12 * max(abs(a), abs(b))


def equal_but_for_rounding(mine, theirs):
    if [s["metric"] for s in mine] != [s["metric"] for s in theirs]:
        return False
    pairs = [(a, b) for x, y in zip(mine, theirs) for a, b in zip(x["values"], y["values"])]
    return all(len(x["values"]) == len(y["values"]) for x, y in zip(mine, theirs)) and all(
        a[0] == b[0] and close(a[1], b[1]) for a, b in pairs)


def compare(both, query):
    (status, mine), (want, theirs) = both[0].query_range(query), both[1].query_range(query)
    assert status == want, mine
    for key in ("status", "errorType", "error"):
        assert mine.get(key) == theirs.get(key)
    for key in ("warnings", "infos"):
        assert sorted(mine.get(key, [])) == sorted(theirs.get(key, []))
    if status == 200:
        a, b = mine["data"]["result"], theirs["data"]["result"]
        assert a == b or (LIBM.search(query) and equal_but_for_rounding(a, b))


@pytest.mark.parametrize("query", demo.own_queries() + file_queries())
def test_query(both, query):
    compare(both, query)


def test_there_is_something_to_compare(both):
    """Most must have an answer, or the comparison would prove nothing."""
    some = demo.own_queries()[::9]
    answers = [both[1].query_range(query)[1].get("data", {}).get("result") for query in some]
    assert len(demo.own_queries()) == 539 and sum(map(bool, answers)) > 0.8 * len(some)
