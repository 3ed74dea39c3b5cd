"""Prometheus' PromQL editor (codemirror-promql, npm) completes from a running ferula."""
import json
import subprocess
import time

import pytest

import installed


@pytest.fixture(params=["POST", "GET"])
def complete(request, server):
    now = int(time.time())
    lines = ["# HELP demo_requests_total Requests <served>.", "# TYPE demo_requests_total counter"]
    lines += [f'demo_requests_total{{pod="{pod}",path="/<&>"}} 1 {now}000' for pod in "ab"]
    server.push("\n".join([*lines, f'demo_other{{zone="x"}} 1 {now}000']) + "\n")
    command = installed.node_program("codemirror", "complete.js")

    def ask(*texts):
        done = subprocess.run([*command, server.url, request.param], text=True,
                              input="".join(t + "\n" for t in texts), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]
    return ask


METRICS = [{"label": "demo_other"},
           {"label": "demo_requests_total", "detail": "counter", "info": "Requests <served>."}]

# The text before the cursor, and the labels of what is offered.
CASES = [
    ("demo_requests_total{p", ["path", "pod"]),
    ('demo_requests_total{pod="', ["a", "b"]),
    ('demo_requests_total{pod="a", path=~"', ["/<&>"]),
    ('{__name__="demo_other", zone!="', ["x"]),
    ('{__name__="', ["demo_other", "demo_requests_total"]),
    ("sum by (", ["__name__", "path", "pod", "zone"]),
    ("sum(demo_requests_total) by (", ["path", "pod"]),
    ("demo_other * on (", ["__name__", "path", "pod", "zone"]),
]


def test_completion(complete):
    metrics, inner, *rest = complete("dem", "sum(rate(demo_", *(text for text, _ in CASES))
    assert metrics == METRICS and inner == METRICS
    for (text, want), options in zip(CASES, rest):
        assert sorted(option["label"] for option in options) == want, text
