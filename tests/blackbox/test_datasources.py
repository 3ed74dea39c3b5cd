"""The requests that dashboards' data sources send, byte for byte, and what they need of the answers.

Grafana asks through its backend: POST forms by default, GET by setting, and GET for what has no POST;
when a POST is answered with 400 or 405 it asks again with GET. Perses asks from the browser with POST
forms, and GET for label values and metadata.
"""
import gzip
import json
import urllib.parse

import pytest

import rw
from api_data import LAST, T0, api  # noqa: F401

FORM = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Grafana/12.1.0",
        "Accept-Encoding": "gzip"}
GET_ONLY = ("/api/v1/label/", "/api/v1/metadata", "/api/v1/targets", "/api/v1/rules",
            "/api/v1/alerts", "/api/v1/status/", "/api/v1/notifications")
LIMIT = 40000
ALL = '{__name__!=""}'


def decoded(reply):
    body = reply.body
    if reply.headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    assert reply.headers["content-type"].startswith("application/json")
    return json.loads(body)


class Grafana:
    """Its data source with one setting of the method."""

    def __init__(self, server, method):
        self.server, self.method = server, method

    def get(self, path, query):
        head = {k: v for k, v in FORM.items() if k != "Content-Type"}
        return self.server.request("GET", path + ("?" + query if query else ""), headers=head)

    def query(self, path, **params):
        """A panel's query, as its backend sends it."""
        form = urllib.parse.urlencode(sorted(params.items()))
        reply = self.get(path, form) if self.method == "GET" else \
            self.server.request("POST", path, form, FORM)
        return reply.status, decoded(reply)

    def resource(self, path, url_query="", body=""):
        """A call of its editor; its backend hands it on, and once more with GET when refused."""
        everything = "&".join(part for part in (url_query, body) if part)
        if self.method == "GET" or path.startswith(GET_ONLY):
            reply = self.get(path, everything)
        else:
            reply = self.server.request("POST", path + ("?" + url_query if url_query else ""), body,
                                        FORM)
            if reply.status in (400, 405):
                reply = self.get(path, everything)
        answer = decoded(reply)
        assert (reply.status, answer["status"]) == (200, "success"), answer
        return answer["data"]


@pytest.fixture(params=["POST", "GET"])
def grafana(request, api):  # noqa: F811
    return Grafana(api, request.param)


def form(**params):
    """Parameters as URL or form; `match` is sent as match[], a list is repeated."""
    pairs = []
    for key, value in params.items():
        for one in value if isinstance(value, list) else [value]:
            pairs.append(("match[]" if key == "match" else key, one))
    return urllib.parse.urlencode(pairs)


def test_grafana_health_check(grafana):
    """`1+1` at four seconds: its decoder wants a scalar. Then the version, which must not be Mimir's."""
    status, answer = grafana.query("/api/v1/query", query="1+1", time="4")
    assert status == 200
    assert answer == {"status": "success", "data": {"resultType": "scalar", "result": [4, "2"]}}
    info = grafana.resource("/api/v1/status/buildinfo")
    assert info["version"].startswith("3.") and "features" not in info


def test_grafana_range_panel(grafana):
    status, answer = grafana.query(
        "/api/v1/query_range", query="sum by (instance) (rate(http_requests_total[1m0s]))",
        start=f"{T0 + 60}", end=f"{T0 + 300}", step="15", timeout="60s")
    assert status == 200 and answer["data"]["resultType"] == "matrix"
    assert [s["metric"] for s in answer["data"]["result"]] == [{"instance": "a:1"}, {"instance": "b:1"}]
    values = answer["data"]["result"][0]["values"]
    assert [t for t, _ in values] == list(range(T0 + 60, T0 + 301, 15))
    assert float(values[0][1]) == pytest.approx(2, abs=1e-12)


def test_grafana_range_with_parts_of_seconds(grafana):
    """Times and steps are floats without an exponent."""
    status, answer = grafana.query("/api/v1/query_range", query="time()", start="1700000000.25",
                                   end="1700000001.25", step="0.5")
    assert status == 200
    assert answer["data"]["result"] == [{"metric": {}, "values": [
        [1700000000.25, "1700000000.25"], [1700000000.75, "1700000000.75"],
        [1700000001.25, "1700000001.25"]]}]


def test_grafana_instant_panel(grafana):
    status, answer = grafana.query("/api/v1/query", query='http_requests_total{instance=~"a:1|b:1"}',
                                   time=f"{LAST}.123")
    assert status == 200 and answer["data"]["resultType"] == "vector"
    assert [s["value"] for s in answer["data"]["result"]] == [[LAST + 0.123, "1200"]] * 3


def test_grafana_shows_errors(grafana):
    status, answer = grafana.query("/api/v1/query_range", query="rate(", start="1", end="2", step="1")
    assert status == 400 and answer["status"] == "error"
    assert answer["errorType"] == "bad_data" and "parse error" in answer["error"]


def test_grafana_exemplar_probe(grafana):
    """To learn whether there are exemplars it sends milliseconds where seconds are meant."""
    span = urllib.parse.urlencode({"query": "test", "start": T0 * 1000, "end": LAST * 1000})
    assert grafana.resource("/api/v1/query_exemplars", span) == []
    status, answer = grafana.query("/api/v1/query_exemplars", query="http_requests_total",
                                   start=f"{T0}", end=f"{LAST}")
    assert (status, answer) == (200, {"status": "success", "data": []})


def test_grafana_exemplars(server):
    """Its panels want label sets and numbers as text, times as numbers."""
    labels = {"__name__": "with_exemplar_total", "pod": "a"}
    exemplar = rw.field(3, rw.exemplar({"traceID": "abc"}, 0.25, T0 * 1000 + 500))
    reply = server.write(rw.body(rw.series(labels, [(T0 * 1000 + 900, 1.0)], exemplar)))
    assert reply.status == 204, reply
    for method in ("POST", "GET"):
        status, answer = Grafana(server, method).query(
            "/api/v1/query_exemplars", query="sum(rate(with_exemplar_total[1m0s]))",
            start=f"{T0}", end=f"{T0 + 60}")
        assert (status, answer["data"]) == (200, [{"seriesLabels": labels, "exemplars": [
            {"labels": {"traceID": "abc"}, "value": "0.25", "timestamp": T0 + 0.5}]}])


SPAN = {"start": T0, "end": LAST}
NAMES = ["http_requests_total", "millis", "number", "odd"]


def test_grafana_lists_metrics(grafana):
    assert grafana.resource("/api/v1/label/__name__/values", form(limit=LIMIT, **SPAN)) == NAMES
    assert grafana.resource("/api/v1/label/__name__/values", form(limit=2, **SPAN)) == NAMES[:2]
    some = form(limit=LIMIT, **SPAN, match='{job="app"}')
    assert grafana.resource("/api/v1/label/__name__/values", some) == ["http_requests_total"]


def test_grafana_lists_labels(grafana):
    every = ["__name__", "code", "instance", "is", "job", "odd.name", "path"]
    assert grafana.resource("/api/v1/labels", "", form(limit=LIMIT, **SPAN)) == every
    assert grafana.resource("/api/v1/labels", "", form(limit=LIMIT, **SPAN, match="number")) == \
        ["__name__", "is"]
    assert grafana.resource("/api/v1/labels", form(limit=LIMIT, **SPAN), "") == every


def test_grafana_lists_values(grafana):
    path = "/api/v1/label/code/values"
    assert grafana.resource(path, form(limit=LIMIT, **SPAN)) == ["200", "500"]
    assert grafana.resource(path, form(limit=LIMIT, **SPAN,
                                       match='http_requests_total{instance="a:1"}')) == ["200"]


def test_grafana_escapes_label_names(grafana):
    """Names that are no classic ones come as U__, with code points in hex between underscores."""
    assert grafana.resource("/api/v1/label/U__odd_2e_name/values", form(limit=LIMIT, **SPAN)) == ["x"]
    quoted = form(limit=LIMIT, **SPAN, match='{"odd.name"!="",__name__="odd"}')
    assert grafana.resource("/api/v1/label/U__odd_2e_name/values", quoted) == ["x"]


def test_grafana_finds_series(grafana):
    found = grafana.resource("/api/v1/series", "", form(**SPAN, match='{instance="b:1"}', limit=LIMIT))
    assert sorted(s["code"] for s in found) == ["200", "500"]
    assert len(grafana.resource("/api/v1/series", "", form(**SPAN, match=ALL, limit=LIMIT))) == 14
    assert len(grafana.resource("/api/v1/series", "", form(**SPAN, match=ALL, limit=3))) == 3


def test_grafana_reads_metadata_and_rules(grafana):
    assert grafana.resource("/api/v1/metadata", form(limit=LIMIT))["http_requests_total"] == \
        [{"type": "counter", "unit": "", "help": "Requests <served>."}]
    assert grafana.resource("/api/v1/rules") == {"groups": []}


def test_grafana_repeats_as_get(api):  # noqa: F811
    """What is refused as POST is refused as GET with the same words, which the user is shown."""
    body = form(**SPAN, match="{", limit=LIMIT)
    first = api.request("POST", "/api/v1/series", body, FORM)
    second = api.request("GET", "/api/v1/series?" + body, headers=FORM)
    assert first.status == second.status == 400
    assert decoded(first) == decoded(second)
    assert api.request("POST", "/api/v1/label/code/values", body, FORM).status == 405


# ---- Perses

PERSES = {"Content-Type": "application/x-www-form-urlencoded;charset=UTF-8", "Origin": "http://perses"}


def perses(server, path, **params):
    reply = server.request("POST", path, form(**params), PERSES)
    assert reply.status == 200, reply
    assert reply.headers["access-control-allow-origin"] == "*"
    return decoded(reply)["data"]


def test_perses_health(api):  # noqa: F811
    assert api.request("GET", "/-/healthy", headers={"Origin": "http://perses"}).status == 200


def test_perses_queries(api):  # noqa: F811
    data = perses(api, "/api/v1/query", query="sum(http_requests_total)", time=LAST)
    assert data == {"resultType": "vector", "result": [{"metric": {}, "value": [LAST, "3600"]}]}
    data = perses(api, "/api/v1/query_range", query='number{is="third"}', start=LAST - 30, end=LAST,
                  step=15)
    assert data["result"] == [{"metric": {"__name__": "number", "is": "third"},
                               "values": [[LAST, "0.3333333333333333"]]}]


def test_perses_editor(api):  # noqa: F811
    assert perses(api, "/api/v1/labels", **SPAN, match=["number", "millis"]) == ["__name__", "is"]
    assert len(perses(api, "/api/v1/series", **SPAN, match="number")) == 9
    tree = perses(api, "/api/v1/parse_query", query="sum(rate(a[5m])) > 1")
    assert (tree["type"], tree["op"], tree["lhs"]["type"]) == ("binaryExpr", ">", "aggregation")
    head = {"Origin": "http://perses"}
    path = "/api/v1/label/" + urllib.parse.quote("odd.name", safe="") + "/values?"
    assert decoded(api.request("GET", path + form(match="odd", **SPAN), headers=head))["data"] == ["x"]
    answer = decoded(api.request("GET", "/api/v1/metadata?metric=number&limit=1", headers=head))
    assert answer["data"] == {"number": [{"type": "gauge", "unit": "bytes", "help": "Numbers."}]}
