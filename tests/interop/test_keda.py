"""KEDA's own prometheus scaler (v2.20.2, unchanged) polls ferula.

The trigger is the walkthrough's; each outcome is what KEDA's source says: one element is the value,
none is 0 (or an error), several are an error, NaN and Inf are 0 (or an error), a scalar is an error.
"""
import base64
import re
import time

import pytest

from canned import Canned
from conftest_server import start_server
from proxy import Proxy

QUERY = 'sum(rate(http_requests_total{namespace="keda-demo"}[2m]))'


def trigger(address, query=QUERY, **more):
    return {"metadata": {"serverAddress": address, "query": query, "threshold": "10", **more}}


def fill(server, per_second=45):
    """Two pods, a scrape every 15 s up to now, together `per_second` requests a second."""
    now = int(time.time())
    lines = ["# TYPE http_requests_total counter"]
    for pod in ("a", "b"):
        for i in range(-12, 1):
            value = (i + 12) * 15 * per_second / 2
            lines.append(f'http_requests_total{{namespace="keda-demo",pod="{pod}"}} {value} '
                         f'{(now + i * 15) * 1000}')
    server.push("\n".join(lines) + "\n")


def test_the_walkthroughs_trigger_gets_its_value(server, keda):
    fill(server)
    got = keda.ask(trigger(server.url))
    assert got["stage"] == "done", got
    assert got["active"] is True
    assert got["metricName"] == "s0-prometheus"
    assert got["target"] == "average 10"
    assert abs(got["milli"] - 45000) <= 1


def test_a_trailing_slash_in_the_address_is_no_matter(server, keda):
    fill(server)
    got = keda.ask(trigger(server.url + "/"))
    assert got["stage"] == "done" and abs(got["milli"] - 45000) <= 1, got


def test_metric_type_value(server, keda):
    fill(server)
    got = keda.ask(dict(trigger(server.url), metricType="Value"))
    assert got["target"] == "value 10" and abs(got["milli"] - 45000) <= 1


def test_activation_needs_more_than_the_threshold(server, keda):
    for value, active in (("4.999", False), ("5", False), ("5.001", True)):
        got = keda.ask(trigger(server.url, f"vector({value})", activationThreshold="5"))
        assert (got["stage"], got["active"]) == ("done", active), got


EMPTY = "prometheus metrics 'prometheus' target may be lost, the result is empty"

OUTCOMES = [
    # query, ignoreNullValues, milli or error
    ("no_such_series", "true", 0),
    ("no_such_series", "false", EMPTY),
    ("vector(0) / vector(0)", "true", 0),
    ("vector(0) / vector(0)", "false", "prometheus query returns NaN"),
    ("vector(1) / vector(0)", "true", 0),
    ("vector(1) / vector(0)", "false", "prometheus query returns +Inf"),
    ("vector(-1) / vector(0)", "true", 0),
    ("vector(-1) / vector(0)", "false", "prometheus query returns -Inf"),
    ("vector(57.9215)", "true", 57922),
    ("vector(1e21)", "true", None),
    ("vector(0.0000001)", "true", 0),
]


@pytest.mark.parametrize("query,ignore,want", OUTCOMES)
def test_empty_nan_and_infinite_answers(server, keda, query, ignore, want):
    got = keda.ask(trigger(server.url, query, ignoreNullValues=ignore))
    if want is None:
        assert got["stage"] == "done", got
    elif isinstance(want, int):
        assert (got["stage"], got["milli"]) == ("done", want), got
    else:
        assert got["stage"] == "poll" and want in got["error"], got


@pytest.mark.parametrize("ignore", ["true", "false"])
def test_several_elements_are_an_error(server, keda, ignore):
    fill(server)
    got = keda.ask(trigger(server.url, "http_requests_total", ignoreNullValues=ignore))
    assert got["error"] == "prometheus query http_requests_total returned multiple elements"


@pytest.mark.parametrize("query", ["1", '"text"'])
def test_a_scalar_or_string_answer_is_an_error(server, keda, query):
    got = keda.ask(trigger(server.url, query))
    assert got["stage"] == "poll" and "cannot unmarshal" in got["error"], got


def test_a_matrix_answer_has_no_value(server, keda):
    fill(server)
    query = 'http_requests_total{pod="a"}[1m]'
    assert keda.ask(trigger(server.url, query))["milli"] == 0
    got = keda.ask(trigger(server.url, query, ignoreNullValues="false"))
    assert "the value list is empty" in got["error"]


def test_a_query_that_does_not_parse_is_an_error_not_a_zero(server, keda):
    got = keda.ask(trigger(server.url, "sum(rate("))
    assert got["error"] == "prometheus query api returned error. status: 400"


def test_a_query_that_cannot_be_executed_is_an_error(server, keda):
    fill(server)
    got = keda.ask(trigger(server.url, "http_requests_total * on(namespace) http_requests_total"))
    assert got["error"] == "prometheus query api returned error. status: 422"


def test_a_server_that_is_gone_is_an_error(server, keda):
    server.stop()
    got = keda.ask(trigger(server.url))
    assert got["stage"] == "poll" and "connection refused" in got["error"]


AUTH = [
    # auth parameters, header, value
    ({"authModes": "bearer", "bearerToken": "t0ken"}, "Authorization", "Bearer t0ken"),
    ({"authModes": "basic", "username": "u", "password": "p"}, "Authorization",
     "Basic " + base64.b64encode(b"u:p").decode()),
    ({"authModes": "custom", "customAuthHeader": "X-Key", "customAuthValue": "v"}, "X-Key", "v"),
]


@pytest.mark.parametrize("auth,header,value", AUTH)
def test_auth_modes_send_their_header_and_are_served(server, keda, auth, header, value):
    fill(server)
    modes = auth["authModes"]
    with Proxy(f"127.0.0.1:{server.port}") as proxy:
        got = keda.ask(dict(trigger(proxy.url, authModes=modes), auth=auth))
        assert got["stage"] == "done" and abs(got["milli"] - 45000) <= 1, got
        assert proxy.exchanges()[0].headers[header] == value


def test_custom_headers_and_query_parameters(server, keda):
    fill(server)
    with Proxy(f"127.0.0.1:{server.port}") as proxy:
        got = keda.ask(trigger(proxy.url, customHeaders="X-Scope=a,X-Other=b",
                               queryParameters="dedup=true,partial response=x y",
                               namespace="keda-demo"))
        assert got["stage"] == "done" and abs(got["milli"] - 45000) <= 1, got
        (sent,) = proxy.exchanges()
        assert sent.headers["X-Scope"] == "a" and sent.headers["X-Other"] == "b"
        assert sent.method == "GET" and sent.path.startswith("/api/v1/query?query=")
        assert "&namespace=keda-demo" in sent.path
        assert "&dedup=true" in sent.path and "&partial+response=x+y" in sent.path


def test_gzip_is_spoken_between_the_two(server, keda):
    """Go's client asks for gzip by itself and decodes it."""
    got = keda.ask(trigger(server.url, "vector(1) # " + "x" * 2000))
    assert got["milli"] == 1000


CANNED = [
    # what KEDA does with answers that ferula must never give
    (b'{"status":"error","errorType":"execution","error":"x"}', 200, 0),
    (b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"2"]}]}}',
     200, 2000),
    (b"", 204, "EOF"),
    (b"", 200, "unexpected end of JSON input"),
    (b"nope", 503, "status: 503"),
]


@pytest.mark.parametrize("body,status,want", CANNED)
def test_what_keda_would_make_of_other_answers(keda, body, status, want):
    """Why ferula answers errors with a status: KEDA reads a 200 with an error inside as zero."""
    with Canned(body, status) as canned:
        got = keda.ask(trigger(canned.url))
    if isinstance(want, int):
        assert (got["stage"], got["milli"]) == ("done", want)
    else:
        assert got["stage"] == "poll" and (want in got["error"] or "JSON" in got["error"]), got


@pytest.mark.parametrize("missing", ["serverAddress", "query", "threshold"])
def test_a_trigger_without_a_required_field_is_not_built(keda, missing):
    request = trigger("http://127.0.0.1:9")
    request["metadata"][missing] = ""
    got = keda.ask(request)
    assert got["stage"] == "build"
    assert f'missing required parameter "{missing}" in [triggerMetadata]' in got["error"]


# ---- faults and polls: what ferula does on purpose, and what it says of it


@pytest.fixture
def admin(tmp_path):
    with start_server(tmp_path, "--web.enable-admin-api") as one:
        yield one


def fault(server, kind, **params):
    reply = server.post_form("/_ferula/faults", {"kind": kind, "for": "1m", **params})
    assert reply.status == 200, reply


def polls(server):
    reply = server.get("/_ferula/polls")
    assert reply.status == 200, reply
    return reply.json()["data"]["polls"]


def verdicts(server):
    return [(p["verdict"], p.get("why"), p.get("value")) for p in polls(server)]


FAULTS = [
    # fault, ignoreNullValues, milli or error, what ferula says of the poll
    ("empty", "true", 0, ("zero", "empty", None)),
    ("empty", "false", EMPTY, ("zero", "empty", None)),
    ("nan", "true", 0, ("zero", "NaN", "NaN")),
    ("nan", "false", "prometheus query returns NaN", ("zero", "NaN", "NaN")),
    ("inf", "true", 0, ("zero", "+Inf", "+Inf")),
    ("inf", "false", "prometheus query returns +Inf", ("zero", "+Inf", "+Inf")),
    ("two", "true", "returned multiple elements", ("error", "multiple elements", None)),
    ("scalar", "true", "cannot unmarshal", ("error", "scalar", "1")),
    ("status 503", "true", "prometheus query api returned error. status: 503",
     ("error", "status", None)),
    ("status 204", "true", "JSON", ("error", "no JSON", None)),
    ("garbled", "true", "invalid character", ("error", "no JSON", None)),
    ("truncate", "true", "unexpected end of JSON input", ("error", "no JSON", None)),
    ("slow 100ms", "true", 7500, ("value", None, "7.5")),
]


@pytest.mark.parametrize("kind,ignore,want,said", FAULTS)
def test_faults_are_what_keda_sees(admin, keda, kind, ignore, want, said):
    fault(admin, kind)
    got = keda.ask(trigger(admin.url, "vector(7.5)", ignoreNullValues=ignore))
    if isinstance(want, int):
        assert (got["stage"], got["milli"]) == ("done", want), got
    else:
        assert got["stage"] == "poll" and want in got["error"], got
        told = polls(admin)[0].get("keda")
        assert told is None or ignore == "false" or told == got["error"], told
    assert verdicts(admin) == [said]


def test_an_answer_after_kedas_timeout(admin, keda):
    fault(admin, "slow 30s")
    got = keda.ask(trigger(admin.url, "vector(7.5)", timeout="300ms"))
    # Go's client has several texts for it: the timers of the client and of the request's context race.
    assert got["stage"] == "poll" and got["seconds"] >= 0.3, got
    assert re.search(r"context deadline exceeded|\(Client\.Timeout exceeded while awaiting headers\)", got["error"]), got
    end = time.monotonic() + 20
    while verdicts(admin) != [("error", "timeout", None)]:  # it sees that nobody waits any more
        assert time.monotonic() < end, verdicts(admin)


@pytest.mark.parametrize("query,ignore,want", [o for o in OUTCOMES if o[1] == "true"])
def test_polls_are_recorded_with_kedas_verdict(server, keda, query, ignore, want):
    got = keda.ask(trigger(server.url, query, ignoreNullValues=ignore))
    assert got["stage"] == "done", got
    ((verdict, why, value),) = verdicts(server)
    if verdict == "value":
        assert want is None or round(float(value) * 1000) == want
    else:
        assert (verdict, want) == ("zero", 0) and why in ("empty", "NaN", "+Inf", "-Inf")
    (poll,) = polls(server)
    assert poll["query"] == query and poll["userAgent"] == "Go-http-client/1.1"


@pytest.mark.parametrize("query", ["1", '"text"', "sum(rate("])
def test_errors_are_recorded_as_errors(server, keda, query):
    assert keda.ask(trigger(server.url, query))["stage"] == "poll"
    assert [v[0] for v in verdicts(server)] == ["error"]
