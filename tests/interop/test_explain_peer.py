"""`ferula explain` says the same of a Prometheus (Debian's) and of ferula that have the same samples."""
import os
import time

import pytest

from conftest_server import TOP, run_ferula
from test_agent import PROMETHEUS, Process, free_port, get, wait_for

QUERIES = [
    'sum(rate(http_requests_total{namespace="keda-demo"}[2m]))', "http_requests_total", '{__name__=~".+"}',
    # selectors that find nothing
    "http_requests_totl", 'http_requests_total{namspace="keda-demo"}', 'http_requests_total{namespace="keda_demo"}',
    'http_requests_total{namespace="KEDA-DEMO"}', 'pod_labels{namespace="keda-demo"}', 'http_requests_total{code=~"5"}',
    'http_requests_total{code=~"4.."}', 'http_requests_total{code!="200",code!="500"}', '{job="apii"}',
    # samples that are elsewhere
    "old_total", "rate(old_total[5m])", "http_requests_total offset 10m", "rate(http_requests_total[2m] offset 20h)",
    "rate(slow_total[1m])", "rate(once_total[5m])", "max_over_time(rate(http_requests_total[15s])[2m:30s])",
    # functions and operators
    "queue > 0", "1e9 < http_requests_total", "http_requests_total and on(pod) pod_labels",
    "sum by (pod) (http_requests_total) / sum by (code) (http_requests_total)",
    "http_requests_total * on(pod) group_left() pod_labels", "http_requests_total unless http_requests_total",
    "histogram_quantile(0.9, sum(rate(http_requests_total[2m])))", "absent(http_requests_total)",
    "sum(nothing) or sum(nothing_else)", "absent_over_time(queue[1m])", "topk(0, queue)",
]


def samples(now):
    """Ascending in time, as Prometheus wants them."""
    rows = []

    def series(name, start, count, every, value):
        rows.extend((now + start + i * every, name, value(i)) for i in range(count))

    for pod in "abc":
        for code, by in (("200", 225), ("500", 0)):
            series(f'http_requests_total{{namespace="keda-demo",pod="{pod}",code="{code}",job="api"}}', -180, 13, 15,
                   lambda i, by=by: i * by)
        series(f'pod_labels{{exported_namespace="keda-demo",exported_pod="{pod}"}}', -180, 13, 15, lambda i: 1)
    series("slow_total", -180, 4, 60, lambda i: i)
    series("once_total", -5, 1, 15, lambda i: 7)
    series("old_total", -1380, 10, 15, lambda i: i)
    series('queue{name="mail"}', -180, 13, 15, lambda i: 0)
    return "".join(f"{name} {value} {t}000\n" for t, name, value in sorted(rows, key=lambda row: row[0]))


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("peer"), free_port()
    (folder / "empty.yml").write_text("global: {scrape_interval: 1h}\n")
    process = Process(folder, "prometheus", [
        PROMETHEUS, f"--config.file={folder}/empty.yml", f"--web.listen-address=127.0.0.1:{port}",
        f"--storage.tsdb.path={folder}/data", "--web.enable-remote-write-receiver"])
    url = f"http://127.0.0.1:{port}"
    wait_for("Prometheus answers", lambda: get(url, "/api/v1/query", query="1") is not None)
    yield url
    process.stop()


def test_both_say_the_same(peer, server):
    now = int(time.time())
    for url in (peer, server.url):
        done = run_ferula("push", url, "-", stdin=samples(now))
        assert done.returncode == 0, done.stderr
    for word in [*QUERIES, os.path.join(TOP, "deploy/kind/50-scaled-object.yaml")]:
        ours, theirs = (run_ferula("explain", word, "--data", url, f"--at={now}") for url in (server.url, peer))
        assert (ours.returncode, ours.stderr) == (theirs.returncode, theirs.stderr) == (0, ""), word
        assert ours.stdout == theirs.stdout, word
