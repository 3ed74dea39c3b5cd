"""/federate: what it prints, byte by byte, and what it refuses."""
import re
import socket
import time

import pytest

from conftest_server import start_server


@pytest.fixture(scope="module")
def fed(tmp_path_factory):
    with start_server(tmp_path_factory.mktemp("federate")) as server:
        now = server.now = int(time.time())
        server.push(f'b_total{{job="y"}} 2.50 {now}000\nb_total{{job="x",instance="i"}} 1e30 {now}000\n'
                    f'a{{v="q\\"\\\\\\n"}} -0 {now}000\na{{v="z"}} NaN {now}000\nold 1 {now - 301}000\n'
                    f'gone 1 {now - 1}000\n')
        server.push(f'{{"dotted.name","odd label"="v"}} 7 {now}000\n')
        yield server


def text(server, accept=None, **params):
    reply = server.get("/federate", headers={"Accept": accept} if accept else None, **params)
    assert reply.status == 200
    return reply


def test_text(fed):
    reply = text(fed, match=['{__name__=~"a|b_total|old"}', "a", '{job="x"}'])
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
    t = f"{fed.now}000"
    assert reply.text == (
        '# TYPE a untyped\n'
        f'a{{v="q\\"\\\\\\n",instance=""}} 0 {t}\na{{v="z",instance=""}} NaN {t}\n'
        '# TYPE b_total untyped\n'
        f'b_total{{instance="i",job="x"}} 1e+30 {t}\nb_total{{job="y",instance=""}} 2.5 {t}\n')


@pytest.mark.parametrize("scheme, line", [
    ("underscores", 'dotted_name{odd_label="v",instance=""} 7'),
    ("dots", 'dotted_dot_name{odd__label="v",instance=""} 7'),
    ("values", 'U__dotted_2e_name{U__odd_20_label="v",instance=""} 7'),
    ("allow-utf-8", '{"dotted.name","odd label"="v",instance=""} 7'),
    ("unheard-of", 'dotted_name{odd_label="v",instance=""} 7'),
])
def test_names(fed, scheme, line):
    reply = text(fed, f"text/plain;version=0.0.4;escaping={scheme};q=0.5", match='{"dotted.name"}')
    assert reply.text.splitlines()[1] == f"{line} {fed.now}000"


def test_negotiation(fed):
    proto = ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
             "encoding=delimited")
    for accept, kind in ((proto, "application/vnd"), (f"{proto};q=0.4,text/plain;q=0.5", "text/plain"),
                         (f"text/plain;q=0.2,{proto};q=0.3", "application/vnd"),
                         ("application/openmetrics-text;version=1.0.0", "text/plain"),
                         ("*/*;q=abc,;;=,", "text/plain")):
        assert text(fed, accept, match="a").headers["content-type"].startswith(kind), accept
    assert text(fed, proto, match='{job="y"}').body[1:].startswith(b"\n\x07b_total\x18\x03")


def test_bad_input(fed):
    assert text(fed).body == b""
    reply = fed.get("/federate", match="a{")
    assert (reply.status, reply.text) == (400, "1:3: parse error: unexpected end of input inside braces\n")
    assert fed.get("/federate?match[]=%zz").status == 400


def test_a_client_that_leaves_ends_its_request(tmp_path):
    """Selectors that give the same series again and again make it a second of work or more."""
    with start_server(tmp_path) as server:
        server.push("".join(f'a{{i="{i}"}} 1\n' for i in range(5000)))
        target = "/federate?" + "&".join(["match[]=a"] * 500)
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        done = None
        end = time.monotonic() + 30
        while done is None:
            assert time.monotonic() < end
            done = re.search(r'^ferula_http_requests_total\{handler="/federate",code="(\d+)"\} 1$',
                             server.get("/metrics").text, re.MULTILINE)
        assert done.group(1) == "500"  # canceled: a request that is worked off is a 200
