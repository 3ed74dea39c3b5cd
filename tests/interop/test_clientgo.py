"""client_golang's API client (v1.23.2): every call that ferula's API serves, decoded by it."""
import json
import subprocess
import time

import pytest

import gopeer


@pytest.fixture(scope="module")
def program():
    return gopeer.build("clientgo", "calls")


@pytest.fixture
def calls(server, program):
    """The outcome of every call; the data lies in the last five minutes."""
    now = int(time.time())
    lines = ["# HELP demo_requests_total Requests.", "# TYPE demo_requests_total counter"]
    for pod in ("a", "b"):
        lines += [f'demo_requests_total{{pod="{pod}",path="/<&>"}} {(i + 20) * 30} '
                  f'{(now + i * 15) * 1000}' for i in range(-20, 1)]
    server.push("\n".join(lines) + "\n")
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    done = subprocess.run([program, server.url, at], stdout=subprocess.PIPE, timeout=60, check=True)
    return json.loads(done.stdout)


def test_every_call_of_the_official_client(calls):
    vector = calls["query vector"]
    assert vector["type"] == "vector" and len(vector["value"]) == 2
    assert {v["metric"]["path"] for v in vector["value"]} == {"/<&>"}
    assert [v["value"][1] for v in vector["value"]] == ["600", "600"]
    assert calls["query matrix"]["type"] == "matrix"
    assert [len(m["values"]) for m in calls["query matrix"]["value"]] == [4, 4]
    assert calls["query scalar"]["type"] == "scalar" and calls["query scalar"]["value"][1] == "1.5"
    # This client has no strings; what it quotes shows that ferula sent the right answer.
    refused = calls["query string"]["error"]
    assert 'unexpected value type "string"' in refused and ',"text"]}' in refused
    assert len(calls["query limit"]["value"]) == 1
    assert calls["query limit"]["warnings"] == ["results truncated due to limit"]
    assert len(calls["query options"]["value"]) == 2

    bad = calls["query parse error"]
    assert bad["kind"] == "bad_data" and "parse error: unclosed left parenthesis" in bad["error"]
    bad = calls["query execution error"]
    assert bad["kind"] == "execution" and "many-to-many matching not allowed" in bad["error"]
    bad = calls["query_range too fine"]
    assert bad["kind"] == "bad_data" and "exceeded maximum resolution of 11,000" in bad["error"]

    points = calls["query_range"]["value"][0]["values"]
    assert abs(float(points[-1][1]) - 4) < 1e-9 and len(points) == 20

    assert calls["labels"]["value"] == ["__name__", "path", "pod"]
    assert set(calls["labels of all"]["value"]) >= {"__name__", "path", "pod"}
    assert calls["label values"]["value"] == ["a", "b"]
    assert calls["label values of all time"]["value"] == ["a", "b"]
    assert sorted(s["pod"] for s in calls["series"]["value"]) == ["a", "b"]

    want = [{"type": "counter", "help": "Requests.", "unit": ""}]
    assert calls["metadata"]["value"] == {"demo_requests_total": want}
    assert calls["metadata of one"]["value"] == {"demo_requests_total": want}
    assert calls["buildinfo"]["value"]["version"].startswith("3.")
    assert calls["runtimeinfo"]["value"]["reloadConfigSuccess"] is True
    assert calls["flags"]["value"]["query.lookback-delta"] == "5m"
    assert not [name for name, call in calls.items()
                if call.get("error") and "error" not in name
                and name not in ("query string", "query_range too fine")]
