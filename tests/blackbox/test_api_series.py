"""/api/v1/series, labels, label values and metadata."""
import pytest

from api_data import COUNTERS, LAST, NUMBERS, ODD, T0, api, both, ok  # noqa: F401

EVERY_NAME = ["__name__", "code", "instance", "is", "job", "odd.name", "path"]


def by_labels(one):
    return sorted(one.items())


def test_series(api):
    data = ok(both(api, "/api/v1/series", match="http_requests_total"))
    assert sorted(data, key=by_labels) == sorted(COUNTERS, key=by_labels)
    assert ok(both(api, "/api/v1/series", match="nothing_here")) == []


def test_series_merges_matches(api):
    data = ok(both(api, "/api/v1/series",
                   match=["http_requests_total", '{instance="b:1"}', "odd", '{code="500"}']))
    assert data == sorted(COUNTERS + [ODD], key=by_labels)


def test_series_in_time(api):
    assert ok(both(api, "/api/v1/series", match="odd", start=LAST - 60, end=LAST + 60)) == [ODD]
    assert ok(both(api, "/api/v1/series", match="odd", start=LAST + 864000, end=LAST + 864060)) == []
    assert ok(both(api, "/api/v1/series", match="odd", start="2023-11-14T22:20:00Z",
                   end="2023-11-14T22:25:00Z")) == [ODD]


def test_series_limit(api):
    answer = both(api, "/api/v1/series", match="http_requests_total", limit=2).json()
    assert len(answer["data"]) == 2 and answer["warnings"] == ["results truncated due to limit"]
    answer = both(api, "/api/v1/series", match="http_requests_total", limit=3).json()
    assert len(answer["data"]) == 3 and "warnings" not in answer


def test_labels(api):
    assert ok(both(api, "/api/v1/labels")) == EVERY_NAME
    assert ok(both(api, "/api/v1/labels", match="number")) == ["__name__", "is"]
    assert ok(both(api, "/api/v1/labels", match=["number", "odd"])) == ["__name__", "is", "odd.name", "path"]
    assert ok(both(api, "/api/v1/labels", match="nothing_here")) == []
    answer = both(api, "/api/v1/labels", limit=2).json()
    assert answer == {"status": "success", "data": EVERY_NAME[:2],
                      "warnings": ["results truncated due to limit"]}
    # client_golang sends empty parameters
    assert ok(both(api, "/api/v1/labels", limit="", start="", end="")) == EVERY_NAME


def test_label_values(api):
    assert ok(api.get("/api/v1/label/code/values")) == ["200", "500"]
    assert ok(api.get("/api/v1/label/__name__/values")) == ["http_requests_total", "millis", "number", "odd"]
    assert ok(api.get("/api/v1/label/is/values")) == sorted(NUMBERS)
    assert ok(api.get("/api/v1/label/code/values", match='{instance="a:1"}')) == ["200"]
    assert ok(api.get("/api/v1/label/__name__/values", match=["odd", "number"])) == ["number", "odd"]
    assert ok(api.get("/api/v1/label/nobody_has_it/values")) == []
    answer = api.get("/api/v1/label/code/values", limit=1).json()
    assert answer["data"] == ["200"] and answer["warnings"] == ["results truncated due to limit"]


@pytest.mark.parametrize("name", ["odd.name", "odd%2Ename", "U__odd_2e_name", "U__odd_2E_name"])
def test_label_values_of_an_odd_name(api, name):
    assert ok(api.get(f"/api/v1/label/{name}/values")) == ["x"]


def test_values_are_html_escaped(api):
    assert api.get("/api/v1/label/path/values").body.decode() == (
        '{"status":"success","data":["/a\\u003cb\\u003e\\u0026c\\"d\\\\\\n\u00e9\\u2028"]}')


NON_EMPTY = "match[] must contain at least one non-empty matcher"
BAD_TIME = "invalid parameter \"{0}\": invalid time value for '{0}': cannot parse \"x\" to a valid timestamp"

ERRORS = [
    ("/api/v1/series", {}, "no match[] parameter provided"),
    ("/api/v1/series", {"match": '{a=""}'}, f'invalid parameter "match[]": {NON_EMPTY}'),
    ("/api/v1/series", {"match": "up{"},
     'invalid parameter "match[]": 1:4: parse error: unexpected end of input inside braces'),
    ("/api/v1/series", {"match": "up", "start": "x"}, BAD_TIME.format("start")),
    ("/api/v1/series", {"match": "up", "end": "x"}, BAD_TIME.format("end")),
    ("/api/v1/series", {"match": "up", "limit": "-2"},
     'invalid parameter "limit": limit must be non-negative'),
    ("/api/v1/labels", {"match": '{a=~".*"}'}, NON_EMPTY),
    ("/api/v1/labels", {"match": "up{"}, "1:4: parse error: unexpected end of input inside braces"),
    ("/api/v1/labels", {"start": "x"}, BAD_TIME.format("start")),
    ("/api/v1/labels", {"limit": "x"},
     'invalid parameter "limit": strconv.Atoi: parsing "x": invalid syntax'),
    ("/api/v1/label/job/values", {"match": '{a=""}'}, NON_EMPTY),
    ("/api/v1/label/job/values", {"end": "x"}, BAD_TIME.format("end")),
    ("/api/v1/label/%ff/values", {}, 'invalid label name: "\\xff"'),
    ("/api/v1/metadata", {"limit": "x"}, "limit must be a number"),
    ("/api/v1/metadata", {"limit_per_metric": "x"}, "limit_per_metric must be a number"),
    ("/api/v1/status/tsdb", {"limit": "0"}, "limit must be a positive number"),
    ("/api/v1/status/tsdb", {"limit": "10001"}, "limit must not exceed 10000"),
]


@pytest.mark.parametrize("path,params,text", ERRORS, ids=[f"{e[0][8:]} {e[1]}" for e in ERRORS])
def test_errors(api, path, params, text):
    reply = api.get(path, **params)
    assert reply.status == 400, reply
    assert reply.json() == {"status": "error", "errorType": "bad_data", "error": text}


def test_malformed_escape(api):
    reply = api.get("/api/v1/series?match[]=%zz")
    assert reply.status == 400
    assert reply.json()["error"] == 'error parsing form values: invalid URL escape "%zz"'


def test_metadata(api):
    every = {"http_requests_total": [{"type": "counter", "unit": "", "help": "Requests <served>."}],
             "number": [{"type": "gauge", "unit": "bytes", "help": "Numbers."}]}
    assert ok(api.get("/api/v1/metadata")) == every
    assert ok(api.get("/api/v1/metadata", metric="number")) == {"number": every["number"]}
    assert ok(api.get("/api/v1/metadata", metric="nothing_here")) == {}
    assert ok(api.get("/api/v1/metadata", metric="", limit="", limit_per_metric="1")) == every
    assert len(ok(api.get("/api/v1/metadata", limit=1))) == 1
    assert ok(api.get("/api/v1/metadata", limit=0)) == {}
    assert ok(api.get("/api/v1/metadata", limit=-1)) == every
    assert b'{"type":"counter","unit":"","help":"Requests \\u003cserved\\u003e."}' in \
        api.get("/api/v1/metadata").body


def test_query_while_writing_sees_each_answered_write(server):
    import rw
    for i in range(20):
        assert server.write(rw.body(({"__name__": "w"}, [(1000 * (T0 + i), float(i))]))).status == 204
        assert server.value("w", T0 + i) == str(i)
