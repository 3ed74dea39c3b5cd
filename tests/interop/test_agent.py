"""Debian's Prometheus as agent writes to ferula and, through the same proxy, to a Prometheus receiver.

The proxy keeps every request and both answers; an independent decoder says what was in them. What
ferula acknowledged must be there, once and bit for bit, also after kill -9; and both servers must
answer queries alike. Times of queries lie on no sample and no window edge: Prometheus 2.42 still
had windows closed on the left.
"""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import pytest

import rwdecode
from proxy import Proxy

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROMETHEUS = os.path.join(TOP, "build/peers/prometheus/usr/bin/prometheus")
STALE = 0x7FF0000000000002
TYPES = ["unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"]

AGENT = """\
global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}
scrape_configs:
  - job_name: sample-app
    static_configs:
      - targets: ['{app}']
        labels: {{namespace: keda-demo, pod: sample-app-0}}
  - job_name: agent
    static_configs: [{{targets: ['{agent}']}}]
remote_write:
  - url: {url}/api/v1/write
    queue_config: {{batch_send_deadline: 300ms, min_backoff: 50ms, max_backoff: 200ms}}
    metadata_config: {{send_interval: 1s}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    def __init__(self, tmp_path, name, command):
        self.log = open(tmp_path / f"{name}.log", "ab")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)

    def stop(self, how=signal.SIGTERM):
        """Fine when it has been stopped already."""
        if self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(timeout=30)
        self.log.close()


def wait_for(what, check, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if check():
                return
        except OSError:
            pass
        time.sleep(0.1)
    pytest.fail(f"not within {seconds} s: {what}")


def get(base, path, **parameters):
    url = f"{base}{path}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)["data"]


@pytest.fixture
def scene(server, tmp_path):
    """The app, a Prometheus receiver, the proxy before it and ferula, and the agent."""
    receiver_port, agent_port = free_port(), free_port()
    app_port = free_port()
    empty = tmp_path / "empty.yml"
    empty.write_text("{}\n")
    processes = [
        Process(tmp_path, "app", [sys.executable, os.path.join(TOP, "deploy/app/sample_app.py"),
                                  f"--listen=127.0.0.1:{app_port}"]),
        Process(tmp_path, "receiver", [
            PROMETHEUS, "--web.enable-remote-write-receiver", f"--config.file={empty}",
            f"--web.listen-address=127.0.0.1:{receiver_port}",
            f"--storage.tsdb.path={tmp_path}/receiver"]),
    ]
    receiver = f"http://127.0.0.1:{receiver_port}"
    wait_for("the receiver is ready",
             lambda: urllib.request.urlopen(receiver + "/-/ready", timeout=1).status == 200)
    wait_for("the app answers",
             lambda: urllib.request.urlopen(f"http://127.0.0.1:{app_port}/", timeout=1).status == 200)
    with Proxy(f"127.0.0.1:{server.port}", f"127.0.0.1:{receiver_port}") as proxy:
        config = tmp_path / "agent.yml"
        config.write_text(AGENT.format(app=f"127.0.0.1:{app_port}", url=proxy.url,
                                       agent=f"127.0.0.1:{agent_port}"))

        class Scene:
            pass

        scene = Scene()
        scene.proxy, scene.receiver, scene.server = proxy, receiver, server
        scene.app, scene.app_process = f"http://127.0.0.1:{app_port}", processes[0]

        def start_agent():
            scene.agent = Process(tmp_path, "agent", [
                PROMETHEUS, "--enable-feature=agent", f"--config.file={config}",
                f"--storage.agent.path={tmp_path}/agent",
                f"--web.listen-address=127.0.0.1:{agent_port}"])

        scene.start_agent = start_agent
        start_agent()
        yield scene
        scene.agent.stop()
        for process in processes:
            process.stop()


def sent(exchanges, acknowledged_by=None):
    """All that was in the requests, or in those that an upstream (its number) answered with 204."""
    series, metadata = {}, {}
    for exchange in exchanges:
        if acknowledged_by is None or exchange.answers[acknowledged_by][0] == 204:
            some, meta = rwdecode.write_request(exchange.body)
            for labels, samples in some.items():
                series.setdefault(labels, {}).update(samples)
            metadata.update(meta)
    return series, metadata


def bits(text):
    return struct.unpack("<Q", struct.pack("<d", float(text)))[0]


def stored(base):
    """Every sample that a range selector shows: {labels: {timestamp: bits}}; none may be doubled."""
    found = {}
    for element in get(base, "/api/v1/query", query='{__name__=~".+"}[1h]')["result"]:
        labels = tuple(sorted(element["metric"].items()))
        samples = [(round(t * 1000), bits(v)) for t, v in element["values"]]
        assert len({t for t, _ in samples}) == len(samples), f"doubled sample in {labels}"
        assert labels not in found
        found[labels] = dict(samples)
    return found


def without_stale(series):
    """NaN texts carry no payload, and stale markers are not shown by queries."""
    kept = {}
    for labels, samples in series.items():
        rest = {t: v if v & 0x7FFFFFFFFFFFFFFF <= 0x7FF0000000000000 else bits("NaN")
                for t, v in samples.items() if v != STALE}
        if rest:
            kept[labels] = rest
    return kept


def drive(app, seconds, per_second=40):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        urllib.request.urlopen(app + "/", timeout=5).read()
        time.sleep(1 / per_second)


QUERIES = [
    'sum(rate(http_requests_total{namespace="keda-demo"}[4s]))',
    'http_requests_total',
    'sum(increase(http_requests_total[5s]))',
    'irate(http_requests_total[3s])',
    'up',
    'sum by (job) (up)',
    'count({__name__=~".+"}) by (job)',
    'topk(3, scrape_samples_scraped)',
    'max_over_time(http_requests_total[4s]) - min_over_time(http_requests_total[4s])',
    'histogram_quantile(0.9, sum by (le) (prometheus_http_request_duration_seconds_bucket))',
    'avg(go_goroutines) / on() sum(up)',
    'sum(http_requests_total) > 5 or vector(0)',
    'delta(go_goroutines[4s])',
    'label_replace(up, "short", "$1", "job", "(sample).*")',
    'quantile_over_time(0.5, scrape_duration_seconds[4s])',
    'sum_over_time(up[4s:1s])',
    'absent(no_such_series)',
]


def canonical(data):
    """Order of elements and of keys is no part of the answer."""
    if data["resultType"] in ("vector", "matrix"):
        return sorted(json.dumps(element, sort_keys=True) for element in data["result"])
    return data


def test_agent_writes_the_same_to_ferula_and_to_prometheus(scene):
    drive(scene.app, 8)
    scene.app_process.stop()  # failed scrapes end its series with stale markers
    time.sleep(1.5)
    scene.agent.stop()
    exchanges = scene.proxy.exchanges()
    series, metadata = sent(exchanges, acknowledged_by=0)
    assert sent(exchanges, acknowledged_by=1)[0] == series, "the receiver got what ferula got"
    assert any("http_requests_total" in dict(labels).values() for labels in series)
    assert any(STALE in samples.values() for samples in series.values()), "stale markers were sent"

    mine = stored(scene.server.url)
    assert mine == without_stale(series)
    assert mine == stored(scene.receiver)

    assert metadata, "the agent sent metadata"
    served = get(scene.server.url, "/api/v1/metadata")
    assert {name: [{"type": TYPES[kind], "unit": unit, "help": text}]
            for name, (kind, text, unit) in metadata.items()} == served

    # The windows of these times are full of samples; none lies on a sample or an edge.
    times = sorted({t for samples in series.values() for t in samples})
    for part in (0.5, 0.7):
        at = times[int(len(times) * part)]
        at = (at + 137) / 1000
        for query in QUERIES:
            ours = get(scene.server.url, "/api/v1/query", query=query, time=at)
            theirs = get(scene.receiver, "/api/v1/query", query=query, time=at)
            assert canonical(ours) == canonical(theirs), f"{query} @ {at}"


def test_what_was_acknowledged_survives_kills_of_both_sides(scene):
    drive(scene.app, 2)
    scene.server.restart(kill=True)
    scene.proxy.upstreams[0] = f"127.0.0.1:{scene.server.port}"
    drive(scene.app, 1)
    scene.agent.stop(signal.SIGKILL)
    scene.start_agent()
    drive(scene.app, 2)
    scene.server.restart(kill=True)
    scene.proxy.upstreams[0] = f"127.0.0.1:{scene.server.port}"
    drive(scene.app, 2)
    scene.agent.stop()
    scene.server.restart(kill=True)

    exchanges = scene.proxy.exchanges()
    series, _ = sent(exchanges, acknowledged_by=0)
    want, mine = without_stale(series), stored(scene.server.url)
    for labels, samples in want.items():
        missing = samples.items() - mine.get(labels, {}).items()
        assert not missing, f"acknowledged and lost: {labels} {sorted(missing)[:3]}"
    # More than was acknowledged may be there: a 204 that a kill cut off. Nothing else may.
    everything = without_stale(sent(exchanges)[0])
    for labels, samples in mine.items():
        assert samples.items() <= everything[labels].items()
