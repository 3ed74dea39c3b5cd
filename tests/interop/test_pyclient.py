"""prometheus-api-client (PyPI): what Python scripts and notebooks read metrics with."""
import json
import subprocess
import time

import pytest

import installed


@pytest.fixture(params=["GET", "POST"])
def calls(request, server):
    command, env = installed.python_program("pyclient", "calls.py")
    now = int(time.time()) // 15 * 15
    lines = ["# HELP demo_requests_total Requests.", "# TYPE demo_requests_total counter"]
    for i in range(21):
        lines += [f'demo_requests_total{{pod="{pod}"}} {i * 30} {(now + (i - 20) * 15) * 1000}'
                  for pod in "ab"]
    server.push("\n".join(lines) + f"\nother 1 {now}000\n")
    done = subprocess.run([*command, server.url, request.param, str(now)], env=env, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 0, done.stderr
    return now, json.loads(done.stdout)


def test_every_call(calls):
    now, got = calls
    assert got["connection"] is True
    assert got["all_metrics"] == ["demo_requests_total", "other"]
    assert got["label_names"] == ["__name__", "pod"]
    assert got["label_names of one"] == ["__name__"]
    assert got["label_values"] == ["a", "b"]
    assert sorted(s["pod"] for s in got["series"]) == ["a", "b"]
    metric = {"__name__": "demo_requests_total", "pod": "a"}
    assert got["current"] == [{"metric": metric, "value": [now, "600"]}]
    values = [[now + (i - 20) * 15, str(i * 30)] for i in range(5, 21)]
    assert got["range data"] == [{"metric": metric, "values": values}]
    assert [v for part in got["range data in parts"] for v in part["values"]] == values
    assert len(got["range data in parts"]) == 4
    assert got["custom_query"] == [{"metric": {}, "value": [now, "1200"]}]
    assert got["custom_query_range"] == [
        {"metric": {}, "values": [[now - 60 * i, str(600 - 120 * i)] for i in (4, 3, 2, 1, 0)]}]
    assert [(row["type"], row["help"]) for row in got["metadata"]] == [("counter", "Requests.")]
    assert got["targets"]["activeTargets"] == [] and got["scrape_pools"] == []
    assert "400" in got["error"] and "unclosed left parenthesis" in got["error"]
