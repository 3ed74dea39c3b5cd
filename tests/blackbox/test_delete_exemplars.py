"""Deleting series through the admin API, and exemplars: written, asked for, bounded."""
import time

import pytest

import rw
from conftest_server import start_server

T = 1_700_000_000_000


def write(server, *series, backfill=True):
    headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}
    if backfill:
        headers["Ferula-Backfill"] = "true"
    return server.request("POST", "/api/v1/write", rw.body(*series), headers)


def values(server, query, at=T + 60_000):
    reply = server.get("/api/v1/query", query=query, time=at / 1000)
    assert reply.status == 200, reply
    return {tuple(sorted(r["metric"].items())): r.get("value", [0, r.get("values")])[1]
            for r in reply.json()["data"]["result"]}


@pytest.fixture
def admin(tmp_path):
    with start_server(tmp_path, "--web.enable-admin-api", "--storage.tsdb.retention.time=0") as server:
        yield server


def delete(server, **params):
    return server.post_form("/api/v1/admin/tsdb/delete_series", params)


def test_delete(admin):
    for job in ("a", "b", "c"):
        assert write(admin, ({"__name__": "m", "job": job},
                             [(T + i * 1000, float(i)) for i in range(60)])).status == 204
    reply = delete(admin, match=['m{job="a"}', '{job=~"b.*"}'], start=(T + 10_000) / 1000,
                   end=(T + 19_000) / 1000)
    assert (reply.status, reply.body) == (204, b"")

    def counts():
        return {k[0][1]: v for k, v in values(admin, "count_over_time(m[2m])").items()}

    for _ in range(2):
        assert counts() == {"a": "50", "b": "50", "c": "60"}
        admin.restart(kill=True)
    assert delete(admin, match="m{job='c'}").status == 204
    assert admin.request("PUT", "/api/v1/admin/tsdb/clean_tombstones").status == 204
    assert counts() == {"a": "50", "b": "50"}
    assert admin.get("/api/v1/label/job/values").json()["data"] == ["a", "b"]
    assert admin.get("/api/v1/series", match="m").json()["data"] == [
        {"__name__": "m", "job": "a"}, {"__name__": "m", "job": "b"}]
    # A series that was deleted can begin anew.
    assert write(admin, ({"__name__": "m", "job": "c"}, [(T + 60_000, 7.0)])).status == 204
    assert values(admin, "m{job='c'}") == {(("__name__", "m"), ("job", "c")): "7"}


@pytest.mark.parametrize("params, text", [
    ({}, "no match[] parameter provided"),
    ({"match": "m{"}, 'invalid parameter "match[]": 1:3: parse error: unexpected end of input inside braces'),
    ({"match": ["m", "{a="]}, 'invalid parameter "match[]": 1:4: parse error: unexpected end of input'),
    ({"match": "m", "start": "x"},
     'invalid parameter "start": invalid time value for \'start\': cannot parse "x" to a valid timestamp'),
])
def test_bad_deletes(admin, params, text):
    assert write(admin, ({"__name__": "m"}, [(T, 1.0)])).status == 204
    reply = delete(admin, **params)
    assert reply.status == 400 and reply.json()["error"].startswith(text), reply
    assert values(admin, "m", T) == {(("__name__", "m"),): "1"}
    assert admin.get("/api/v1/admin/tsdb/delete_series").status == 405


# ---- exemplars


def exemplars(server, query, **params):
    reply = server.get("/api/v1/query_exemplars", query=query, **params)
    assert reply.status == 200, reply
    return reply.json()["data"]


def with_exemplars(labels, samples, *marks):
    return rw.series(labels, samples, b"".join(rw.field(3, rw.exemplar(*m)) for m in marks))


def test_exemplars(server):
    now = int(time.time()) * 1000
    labels = {"__name__": "m_bucket", "le": "1", "job": "a"}
    assert write(server, with_exemplars(labels, [(now, 1.0)], ({"trace_id": "x"}, 0.5, now - 5),
                                        ({"trace_id": "y", "span": "<&>"}, 1e30, now)),
                 backfill=False).status == 204
    want = [{"seriesLabels": labels, "exemplars": [
        {"labels": {"trace_id": "x"}, "value": "0.5", "timestamp": (now - 5) / 1000},
        {"labels": {"trace_id": "y", "span": "<&>"}, "value": "1e+30", "timestamp": now / 1000}]}]
    for _ in range(2):
        assert exemplars(server, "histogram_quantile(0.9, sum(rate(m_bucket[5m])) by (le))") == want
        server.restart(kill=True)
    assert exemplars(server, "m_bucket", end=(now - 1) / 1000)[0]["exemplars"] == want[0]["exemplars"][:1]
    assert exemplars(server, 'm_bucket{job="b"} + other') == []
    # Too long for OpenMetrics: dropped, and the samples are stored.
    assert write(server, with_exemplars(labels, [(now + 1, 2.0)], ({"id": "z" * 127}, 1.0, now + 1)),
                 backfill=False).status == 204
    assert exemplars(server, "m_bucket") == want
    assert values(server, "m_bucket", now + 1).popitem()[1] == "2"


def test_a_storm_of_exemplars(tmp_path):
    """Ten times as many as are kept: the newest stay, and the file does not grow with the rest."""
    now = int(time.time()) * 1000
    with start_server(tmp_path, "--storage.max-exemplars=1000") as server:
        for round_ in range(10):
            batch = [with_exemplars({"__name__": "m", "i": str(i)}, [(now + round_, 1.0)],
                                    ({"trace_id": f"{round_}-{i}"}, float(i), now + round_))
                     for i in range(1000)]
            assert write(server, *batch, backfill=False).status == 204
        kept = exemplars(server, "m")
        assert sum(len(s["exemplars"]) for s in kept) == 1000
        assert {e["labels"]["trace_id"][0] for s in kept for e in s["exemplars"]} == {"9"}
    with start_server(tmp_path, "--storage.max-exemplars=0") as server:
        assert exemplars(server, "m") == []
