"""Faults that are asked for: what a scaler meets, whom, how long; and emptying the store."""
import json
import time

import pytest

from conftest_server import start_server
from keda_poll import poll, polls


@pytest.fixture
def admin(tmp_path):
    with start_server(tmp_path, "--web.enable-admin-api") as server:
        yield server


def add(server, kind, lasts="1m", **params):
    reply = server.post_form("/_ferula/faults", {"kind": kind, "for": lasts, **params})
    assert reply.status == 200, reply
    return reply.json()["data"]


def values(reply):
    return [r["value"][1] for r in reply.json()["data"]["result"]]


# kind, what the answer has, verdict, why
KINDS = [
    ("empty", [], "zero", "empty"),
    ("nan", ["NaN"], "zero", "NaN"),
    ("inf", ["+Inf"], "zero", "+Inf"),
    ("two", ["1", "1"], "error", "multiple elements"),
]


@pytest.mark.parametrize("kind, want, verdict, why", KINDS)
def test_vectors(admin, kind, want, verdict, why):
    add(admin, kind)
    reply = poll(admin, "vector(7)")
    assert reply.status == 200 and values(reply) == want
    (got,) = polls(admin)
    assert (got["verdict"], got["why"], got["fault"]) == (verdict, why, True)


def test_scalar(admin):
    add(admin, "scalar")
    assert poll(admin, "vector(7)").json()["data"]["resultType"] == "scalar"
    assert polls(admin)[0]["verdict"] == "error"


# KEDA takes any body with a 2xx for an answer, and one without a result for an empty one
@pytest.mark.parametrize("code, verdict, why", [
    (200, "zero", "empty"), (202, "zero", "empty"), (204, "error", "no JSON"), (304, "error", "status"),
    (401, "error", "status"), (429, "error", "status"), (500, "error", "status"), (503, "error", "status")])
def test_status(admin, code, verdict, why):
    add(admin, f"status {code}")
    assert poll(admin, "vector(7)").status == code
    (got,) = polls(admin)
    assert (got["status"], got["verdict"], got["why"]) == (code, verdict, why)


@pytest.mark.parametrize("kind", ["garbled", "truncate"])
def test_what_is_no_json(admin, kind):
    add(admin, kind)
    reply = poll(admin, "vector(7)")
    assert reply.status == 200
    with pytest.raises(json.JSONDecodeError):
        reply.json()
    assert polls(admin)[0]["why"] == "no JSON"


def test_slow(admin):
    add(admin, "slow 300ms")
    begin = time.monotonic()
    assert values(poll(admin, "vector(7)")) == ["7"]
    assert time.monotonic() - begin >= 0.3
    assert polls(admin)[0]["latencySeconds"] >= 0.3


def test_whom(admin):
    add(admin, "nan", query="keda-demo")
    add(admin, "empty", regex="vector\\([0-9]\\)")
    add(admin, "two", caller="agent-x")
    assert values(poll(admin, "vector(42)")) == ["42"]
    assert values(poll(admin, 'vector(42) + 0 # keda-demo')) == ["NaN"]
    assert values(poll(admin, "vector(7)")) == []
    assert values(poll(admin, "vector(42)", agent="agent-x/1")) == ["1", "1"]
    assert [f["hits"] for f in admin.get("/_ferula/faults").json()["data"]] == [1, 1, 1]


def test_range_queries_too(admin):
    ask = dict(query="vector(7)", start=0, end=60, step=30)
    add(admin, "nan")
    assert len(admin.get("/api/v1/query_range", **ask).json()["data"]["result"]) == 1
    add(admin, "empty")
    add(admin, "two")  # is newer, but not for ranges
    assert admin.get("/api/v1/query_range", **ask).json()["data"] == {"resultType": "matrix", "result": []}
    assert [f["hits"] for f in admin.get("/_ferula/faults").json()["data"]] == [0, 1, 0]
    add(admin, "status 503")
    assert admin.get("/api/v1/query_range", **ask).status == 503
    assert admin.get("/api/v1/labels").status == 200


def test_life(admin):
    first = add(admin, "nan")
    second = add(admin, "empty", "2m", query="x")
    assert second["query"] == "x" and second["ends"] > first["ends"]
    assert "\nferula_faults_active 2\n" in admin.get("/metrics").text
    assert admin.request("DELETE", f"/_ferula/faults?id={first['id']}").status == 204
    assert admin.request("DELETE", f"/_ferula/faults?id={first['id']}").status == 404
    assert values(poll(admin, "vector(7)")) == ["7"]
    assert [f["id"] for f in admin.get("/_ferula/faults").json()["data"]] == [second["id"]]
    assert admin.request("DELETE", "/_ferula/faults").status == 204
    assert admin.get("/_ferula/faults").json()["data"] == []
    assert "\nferula_faults_active 0\n" in admin.get("/metrics").text
    admin.wait_log('msg="A fault begins" id=1 kind=nan')
    admin.wait_log('msg="A fault has ended" id=1')


def test_a_fault_ends_by_itself(admin):
    add(admin, "nan", "200ms")
    end = time.monotonic() + 20
    while values(poll(admin, "vector(7)")) != ["7"]:
        assert time.monotonic() < end
    assert admin.get("/_ferula/faults").json()["data"] == []


@pytest.mark.parametrize("params, name", [
    ({"kind": "odd", "for": "1m"}, "kind"),
    ({"kind": "status 9", "for": "1m"}, "kind"),
    ({"kind": "nan"}, "for"),
    ({"kind": "nan", "for": "0s"}, "for"),
    ({"kind": "nan", "for": "2d"}, "for"),
    ({"kind": "nan", "for": "1m", "regex": "("}, "regex"),
])
def test_bad_faults(admin, params, name):
    reply = admin.post_form("/_ferula/faults", params)
    assert reply.status == 400 and f'parameter "{name}"' in reply.json()["error"], reply


def test_a_misread_fault_meets_nobody(admin):
    """Without its `query` a fault would meet all."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for body, want in [(b"kind=nan&for=1m&query=%zz", "error parsing form values"),
                       (b"kind=nan&for=1m&qurey=a",
                        'unknown parameter "qurey": there are kind, for, query, regex, caller'),
                       (b"kind=nan&for=1m&query=a&query=b", 'parameter "query" is given more than once'),
                       (b"kind=nan&for=1m&query=" + b"a" * 4097, 'invalid parameter "query": longer than 4096 bytes'),
                       (b"kind=nan&for=1m&caller=" + b"a" * 4097, 'invalid parameter "caller": longer'),
                       (b"kind=nan&for=1m&regex=" + b"a" * 4097, 'invalid parameter "regex": longer')]:
        reply = admin.request("POST", "/_ferula/faults", body, form)
        assert reply.status == 400 and want in reply.json()["error"], reply
    assert admin.get("/_ferula/faults").json()["data"] == []
    add(admin, "nan", query="a" * 4096)
    reply = admin.request("DELETE", "/_ferula/faults", b"id=7", form)
    assert (reply.status, reply.json()["error"]) == (400, "DELETE takes its parameters in the URL")
    for url, want in (("?idd=7", 'unknown parameter "idd": there are id'), ("?id=%zz", "error parsing form values")):
        reply = admin.request("DELETE", "/_ferula/faults" + url)
        assert reply.status == 400 and want in reply.json()["error"]
    assert len(admin.get("/_ferula/faults").json()["data"]) == 1


def test_too_many(admin):
    for _ in range(64):
        add(admin, "nan")
    assert admin.post_form("/_ferula/faults", {"kind": "nan", "for": "1m"}).status == 400


def test_only_with_the_admin_api(server):
    for method, path in (("POST", "faults?kind=nan&for=1m"), ("GET", "faults"), ("DELETE", "faults"),
                         ("POST", "reset")):
        reply = server.request(method, "/_ferula/" + path)
        assert (reply.status, reply.json()["error"]) == (500, "admin APIs disabled"), path
    assert values(poll(server, "vector(7)")) == ["7"]


# ---- an empty store


def test_reset(admin):
    for round_ in range(2):
        admin.push(f'# TYPE m gauge\nm{{job="a"}} {round_}\nm{{job="b"}} 2\n')
        assert admin.value('m{job="a"}') == str(round_)
        poll(admin, "m")
        add(admin, "nan")
        assert admin.request("POST", "/_ferula/reset").status == 204
        assert admin.get("/api/v1/series", match='{__name__=~".+"}').json()["data"] == []
        assert admin.get("/api/v1/label/job/values").json()["data"] == []
        assert polls(admin) == admin.get("/_ferula/faults").json()["data"] == []
        assert admin.query("m")["result"] == []
        if round_ == 0:
            admin.restart(kill=True)
            assert admin.query("m")["result"] == []


def test_ids_of_polls_go_on_after_a_reset(admin):
    """Who asks for what came `after` a poll misses none."""
    poll(admin, "m")
    (before,) = polls(admin)
    assert admin.request("POST", "/_ferula/reset").status == 204
    admin.restart()
    assert polls(admin) == []
    poll(admin, "up")
    assert [p["query"] for p in polls(admin, after=before["id"])] == ["up"]
