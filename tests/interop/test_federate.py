"""A Prometheus (Debian's) that federates from ferula has the same series with the same values."""
import os
import subprocess
import time
import urllib.request

import pytest

from test_agent import PROMETHEUS, Process, free_port, get, wait_for

CONFIG = """\
global: {{scrape_interval: 300ms, scrape_timeout: 300ms}}
scrape_configs:
  - job_name: federate
    honor_labels: true
    metrics_path: /federate
    params: {{'match[]': ['{{__name__=~"fed_.*"}}', '{{job="app"}}']}}
    static_configs: [{{targets: ['{target}']}}]
"""


@pytest.mark.parametrize("flags", [[], ["--enable-feature=native-histograms"]],
                         ids=["text", "protobuf"])
def test_prometheus_federates(server, tmp_path, flags):
    now = int(time.time())
    server.push("".join(f'fed_total{{job="app",instance="i{i}",path="/<\\"&\\\\>"}} {i * 1.5} {now}000\n'
                        for i in range(3))
                + f'fed_odd{{job="b"}} NaN {now}000\nfed_odd{{job="c"}} +Inf {now}000\n'
                + f'old{{job="app"}} 1 {now - 400}000\nother{{job="x"}} 1 {now}000\n')
    port = free_port()
    config = tmp_path / "federate.yml"
    config.write_text(CONFIG.format(target=f"127.0.0.1:{server.port}"))
    peer = Process(tmp_path, "federate", [
        PROMETHEUS, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}",
        f"--storage.tsdb.path={tmp_path}/federated", *flags])
    try:
        base = f"http://127.0.0.1:{port}"
        wait_for("the series are there", lambda: len(get(
            base, "/api/v1/query", query='{__name__=~"fed_.*"}', time=now)["result"]) == 5)
        query = 'sort({__name__=~"fed_.*|old|other"})'
        theirs = get(base, "/api/v1/query", query=query, time=now)["result"]
        ours = get(server.url, "/api/v1/query", query=query, time=now)["result"]
        ours = [x for x in ours if x["metric"]["__name__"] not in ("old", "other")]

        def plain(result):
            return [(x["metric"], x["value"][1]) for x in result]

        for metric in (x["metric"] for x in theirs):
            metric.setdefault("instance", "")
        for metric in (x["metric"] for x in ours):
            metric.setdefault("instance", "")
        assert sorted(map(str, plain(theirs))) == sorted(map(str, plain(ours)))
    finally:
        peer.stop()
