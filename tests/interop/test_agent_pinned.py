"""The pinned Prometheus as agent scrapes, native histograms included, and writes with 1.0 and 2.0 to
ferula and, through the same proxy, to a server of the same version: both must have the same then."""
import time
import urllib.request

import pytest

import rwdecode
from pinned import Prometheus, ask, program
from proxy import Proxy
from test_agent import TYPES, Process, wait_for

AGENT = """\
global:
  scrape_interval: 500ms
  scrape_timeout: 500ms
  scrape_native_histograms: true
  scrape_protocols: [PrometheusProto, OpenMetricsText1.0.0]
scrape_configs:
  - job_name: prometheus
    static_configs: [{{targets: ['127.0.0.1:{target}']}}]
  - job_name: gone
    static_configs: [{{targets: ['127.0.0.1:1']}}]
remote_write:
  - url: {url}/api/v1/write
    protobuf_message: {message}
    send_native_histograms: true
    send_exemplars: true
    queue_config: {{batch_send_deadline: 300ms, min_backoff: 50ms, max_backoff: 200ms}}
    metadata_config: {{send_interval: 1s}}
"""
MESSAGES = {"v1": "prometheus.WriteRequest", "v2": "io.prometheus.write.v2.Request"}
SECONDS = 4


def everything(url):
    """Every sample of the last hour, by series; order is no part of the answer."""
    data = ask(url, "/api/v1/query", {"query": '{__name__=~".+"}[1h]'})[1]["data"]
    return {tuple(sorted(s["metric"].items())): s for s in data["result"]}


@pytest.mark.parametrize("version", MESSAGES)
def test_agent(server, tmp_path, version):
    with Prometheus(tmp_path, "--web.enable-remote-write-receiver") as prometheus, \
            Proxy(f"127.0.0.1:{server.port}", f"127.0.0.1:{prometheus.port}") as proxy:
        config = tmp_path / "agent.yml"
        config.write_text(AGENT.format(target=prometheus.port, url=proxy.url,
                                       message=MESSAGES[version]))
        agent = Process(tmp_path, "agent", [
            program("prometheus"), "--agent", f"--config.file={config}",
            f"--storage.agent.path={tmp_path}/agent", "--web.listen-address=127.0.0.1:0",
            "--scrape.discovery-reload-interval=100ms"])
        try:
            wait_for("samples arrive", proxy.exchanges)
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:  # its histograms count these
                urllib.request.urlopen(prometheus.url + "/api/v1/query?query=up", timeout=5).read()
                time.sleep(0.05)
        finally:
            agent.stop()
        exchanges = proxy.exchanges()
        assert {e.answers[0][0] for e in exchanges} == {204}
        mine, theirs = everything(server.url), everything(prometheus.url)
        assert mine == theirs and len(mine) > 300
        assert any("histograms" in series for series in mine.values())
        assert len([s for s in mine if ("job", "gone") in s]) >= 1

        if version == "v1":  # of 2.0's metadata an agent has none yet
            sent = {}
            for exchange in exchanges:
                sent.update(rwdecode.write_request(exchange.body)[1])
            assert sent
            assert ask(server.url, "/api/v1/metadata")[1]["data"] == {
                name: [{"type": TYPES[kind], "unit": unit, "help": text}]
                for name, (kind, text, unit) in sent.items()}
