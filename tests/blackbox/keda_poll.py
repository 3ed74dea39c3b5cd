"""Requests as KEDA's prometheus scaler sends them."""
import time
import urllib.parse

AGENT = "Go-http-client/1.1"


def poll(server, query, agent=AGENT, when=None, timeout=30):
    """One poll; gives the reply."""
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) if when is None else when
    path = f"/api/v1/query?query={urllib.parse.quote_plus(query)}&time={when}"
    return server.request("GET", path, headers={"User-Agent": agent}, timeout=timeout)


def polls(server, **params):
    reply = server.get("/_ferula/polls", **params)
    assert reply.status == 200, reply
    return reply.json()["data"]["polls"]
