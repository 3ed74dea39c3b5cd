"""client_golang's API client (v1.23.2): every call that ferula's API serves, decoded by it; and its
remote-write client (exp/api/remote), which speaks 2.0."""
import json
import subprocess
import time

import pytest

import gopeer
import rw


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
    exemplar = rw.field(3, rw.exemplar({"trace_id": "abc", "a b": "/<&>"}, 0.25, now * 1000 - 500))
    reply = server.write(rw.body(rw.series({"__name__": "with_exemplar_total"}, [(now * 1000, 1.0)],
                                           exemplar)))
    assert reply.status == 204, reply
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
    found = calls["exemplars"]["value"]
    assert [e["seriesLabels"] for e in found] == [{"__name__": "with_exemplar_total"}]
    assert [(e["labels"], e["value"]) for e in found[0]["exemplars"]] == [
        ({"trace_id": "abc", "a b": "/<&>"}, "0.25")]

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


def test_remote_write_2(server):
    now = int(time.time() * 1000)
    done = subprocess.run([gopeer.build("clientgo", "write2"), server.url, str(now)],
                          stdout=subprocess.PIPE, timeout=60, check=True)
    said = json.loads(done.stdout)
    assert said["good"] == {"Samples": 2, "Histograms": 1, "Exemplars": 1, "Error": ""}
    # What is not 2xx it repeats, or gives up; the count of what was written is kept.
    assert said["bad"]["Samples"] == 1 and "400 Bad Request: out of order sample" in said["bad"]["Error"]
    assert server.value("partly", now / 1000) == "1"
    assert server.value('increase(written_total{by="client_golang"}[1m])', now / 1000) is not None

    found = server.query("written_seconds", now / 1000)["result"]
    assert found[0]["histogram"][1] == {
        "count": "6", "sum": "4.5",
        "buckets": [[3, "-0.001", "0.001", "1"], [0, "0.5", "1", "2"], [0, "1", "2", "3"]]}
    metadata = server.get("/api/v1/metadata").json()["data"]
    assert metadata["written_total"] == [
        {"type": "counter", "unit": "things", "help": "Things written."}]
    exemplars = server.get("/api/v1/query_exemplars", query="written_total").json()["data"]
    assert [e["labels"] for e in exemplars[0]["exemplars"]] == [{"trace_id": "abc"}]
