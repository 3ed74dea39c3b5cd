#!/usr/bin/python3
"""ferula beside Debian's prometheus and victoria-metrics: ingest, memory, disk, restarts, queries.

Each program is started in turn on a fresh folder and given the same bytes by bench-load, on the same
cores. SCENARIOS, PEERS (names by commas) and CONNECTIONS pick, or the flags of those names.
bench/README.md says what each figure is.
"""
import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import tempfile
import time

from peers import TOP, Running, disk_bytes, peers
from tables import print_columns, print_rows

DEFAULT = "10k,100k,new-series,1m,kill"
HALF_INTERVAL_MS = 7500  # queries ask half an interval after the last round: no sample on a window's edge
KEDA = 'sum(http_requests_total{namespace="keda-demo"})'
NEW_SERIES_QUERIES = f"count instant count(http_requests_total)\nkeda instant {KEDA}\n"


class Bench:
    """What all scenarios share: the load generator, the peers, the folder to work in."""

    def __init__(self, arguments):
        self.load = arguments.load
        known = peers(arguments.ferula)
        self.peers = [known[name] for name in arguments.peers.split(",")]
        self.folder = arguments.folder
        self.connections = arguments.connections

    def fresh(self):
        return tempfile.mkdtemp(prefix="ferula-bench-", dir=self.folder)

    def run_load(self, mode, url, *flags):
        done = subprocess.run([self.load, mode, *flags, "--json", url], stdout=subprocess.PIPE,
                              check=False)
        return json.loads(done.stdout)

    def write(self, server, *flags):
        """Loads; gives bench-load's report, with the CPU seconds that the server used, in all."""
        before = server.cpu_s()
        report = self.run_load("write", server.url, *flags)
        if report["refused_samples"] or report["lost"]:
            print(f"  {server.peer.name}: {report['refused_samples']} samples refused: "
                  f"{report['refused_text']}{report['lost']}")
        server.wait_idle()
        report["cpu_s"] = server.cpu_s() - before
        report["query_time"] = (report["end_ms"] + HALF_INTERVAL_MS) // 1000
        return report


# ---- the parts of a scenario: each gives rows, (what, unit, figure, more is better) -----------

def fdatasync_ms(folder, n=300):
    """p50 and p99 of appending 4 KiB and fdatasync, in `folder`."""
    path = os.path.join(folder, "fdatasync")
    spans = []
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        for _ in range(n):
            begin = time.perf_counter()
            os.write(fd, b"x" * 4096)
            os.fdatasync(fd)
            spans.append((time.perf_counter() - begin) * 1000)
    finally:
        os.close(fd)
        os.unlink(path)
    spans.sort()
    return spans[n // 2], spans[n * 99 // 100]


def ingest_rows(report, server, disk):
    samples = report["samples"]
    return [
        ("samples per second", "", report["samples_per_s"], True),
        ("samples per server CPU second", "", samples / report["cpu_s"], True),
        ("a write, p50", "ms", report["latency_ms"]["p50"], False),
        ("a write, p99", "ms", report["latency_ms"]["p99"], False),
        ("the folder's fdatasync, p50", "ms", disk[0], None),
        ("the folder's fdatasync, p99", "ms", disk[1], None),
        ("peak memory, anonymous", "MB", server.peak["RssAnon"] / 1024, False),
        ("peak memory, file-backed", "MB", server.peak["RssFile"] / 1024, False),
    ]


def disk_rows(report, server, folder):
    server.peer.flush(server.port)
    server.peer.merge(server.port)
    server.wait_idle()
    samples = report["samples"]
    used, whole = server.peer.used(server.port), disk_bytes(os.path.join(folder, "data"))
    return [
        ("disk, used pages, a sample", "B", (used or whole) / samples, False),
        ("disk, du, a sample", "B", whole / samples, False),
    ]


def query_rows(bench, server, report, queries):
    flags = [f"--time={report['query_time']}", "--repeat=100", "--seconds=3s"]
    server.peer.flush(server.port)
    rows = []
    for answer in bench.run_load("query", server.url, *flags, *queries):
        if answer["failed"]:
            print(f"  {server.peer.name}: {answer['name']}: {answer['error']}")
        rows.append((f"query {answer['name']}, p50", "ms", answer["p50_ms"], False))
        rows.append((f"query {answer['name']}, p99", "ms", answer["p99_ms"], False))
        rows.append((f"query {answer['name']}, value", "", answer["value"], None))
    answer = bench.run_load("query", server.url, f"--time={report['query_time']}", "--only=keda",
                            "--connections=8", "--repeat=10000000", "--seconds=3s", *queries)[0]
    rows.append(("KEDA's query by 8 connections", "/s", answer["per_s"], True))
    return rows


def restart(peer, folder, when, want):
    """Starts again on the folder; gives the server and the ms from exec to the answer `want`."""
    server = Running(peer, folder)
    try:
        seconds = server.wait(lambda: server.value(KEDA, when) == want, 0.002)
        return server, seconds * 1000
    except BaseException:
        server.end(kill=True)
        raise


def run_peer(bench, peer, flags, queries):
    """One scenario on one peer."""
    folder = bench.fresh()
    try:
        disk = fdatasync_ms(folder)
        with Running(peer, folder) as server:
            server.wait_ready()
            report = bench.write(server, *flags)
            rows = ingest_rows(report, server, disk)
            rows += query_rows(bench, server, report, queries)
            rows += disk_rows(report, server, folder)
            want = server.value(KEDA, report["query_time"])
            if want is None:
                raise SystemExit(f"bench: {peer.name} does not answer KEDA's query")
            rows.append(("SIGTERM to exit", "ms", server.end() * 1000, False))
        server, start_ms = restart(peer, folder, report["query_time"], want)
        rows.append(("exec to answer, after SIGTERM", "ms", start_ms, False))
        server.end(kill=True)
        server, start_ms = restart(peer, folder, report["query_time"], want)
        rows.append(("exec to answer, after kill -9", "ms", start_ms, False))
        server.end()
        return rows
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def side_by_side(series, rounds, custom_queries=None):
    def run(bench, name):
        print(f"\n== {name}: {series:,} series x {rounds} samples, "
              f"connections: {bench.connections}, 2,000 samples a request", flush=True)
        flags = [f"--series={series}", f"--rounds={rounds}", f"--connections={bench.connections}"]
        with tempfile.NamedTemporaryFile("w", suffix=".queries") as file:
            file.write(custom_queries or "")
            file.flush()
            queries = [f"--queries={file.name}"] if custom_queries else []
            results = {p.name: run_peer(bench, p, flags, queries) for p in bench.peers}
        print_columns(results)
        return results
    return run


# ---- kill -9 while samples come in -----------------------------------------------------------

def stored_until(server, start_ms, end_ms):
    """Samples from start to end, over all series; by name, because functions drop it."""
    body = server.ask("/api/v1/label/__name__/values", start=start_ms // 1000 - 60,
                      end=end_ms // 1000 + 60)
    window = f"{(end_ms - start_ms) // 1000 + 60}s"
    values = (server.value(f"sum(count_over_time({name}[{window}]))", end_ms / 1000)
              for name in body["data"])
    return sum(int(float(v)) for v in values if v is not None)


def kill_once(bench, peer, after_s, n_series=10000):
    """Gives acknowledged samples, lost samples, ms from exec to ready and to the first answer."""
    folder = bench.fresh()
    acks = os.path.join(folder, "acks")
    try:
        with Running(peer, folder) as server:
            server.wait_ready()
            idle = server.cpu_s()
            load = subprocess.Popen([bench.load, "write", f"--series={n_series}", "--rounds=1000",
                                     "--memory=1GB", "--retry=0s", f"--acks={acks}", "--json", server.url],
                                    stdout=subprocess.PIPE)
            while server.cpu_s() - idle < 0.1:
                time.sleep(0.01)
            time.sleep(after_s)
            server.end(kill=True)
            report = json.loads(load.communicate()[0])
        with open(acks, encoding="ascii") as lines:
            rounds, acked_after = map(int, lines.read().split())
        with Running(peer, folder) as server:
            ready_ms = server.wait_ready() * 1000
            last_ms = report["start_ms"] + 15000 * (rounds - 1)
            complete = stored_until(server, report["start_ms"], last_ms) if rounds else 0
            rest = stored_until(server, report["start_ms"], last_ms + 15000) - complete
            # Of the round that was cut short, one request may be stored and not acknowledged.
            lost = max(0, n_series * rounds - complete) + max(0, acked_after - rest)
            server.end()
        return report["samples"], lost, ready_ms
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_kill(bench, name):
    print(f"\n== {name}: kill -9 after 1, 3 and 6 s of load, 10,000 series, 1 connection", flush=True)
    results = {}
    for peer in bench.peers:
        acked, lost, ready_ms = zip(*(kill_once(bench, peer, s) for s in (1, 3, 6)))
        results[peer.name] = [
            ("samples acknowledged", "", sum(acked), None),
            ("of these lost", "", sum(lost), None),
            ("exec to ready, median", "ms", statistics.median(ready_ms), False),
        ]
    print_columns(results)
    return results


# ---- how cost grows --------------------------------------------------------------------------

def growth_row(bench, peer, flags):
    folder = bench.fresh()
    try:
        with Running(peer, folder) as server:
            server.wait_ready()
            report = bench.write(server, *flags)
            disk = dict((r[0], r[2]) for r in disk_rows(report, server, folder))
            return [report["samples_per_s"], report["requests_per_s"],
                    report["cpu_s"] / report["samples"] * 1e6, report["latency_ms"]["p99"],
                    server.peak["RssAnon"] / 1024, disk["disk, used pages, a sample"]]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


GROWTH = {
    "series (x 40 samples)": [(f"{n:,}", [f"--series={n}", "--rounds=40"])
                              for n in (1000, 10000, 100000, 300000)],
    "samples of each of 10,000 series": [(str(n), ["--series=10000", f"--rounds={n}"])
                                         for n in (30, 120, 480)],
    "samples a request (10,000 series x 40)": [
        (str(n), ["--series=10000", "--rounds=40", f"--samples-per-request={n}"])
        for n in (5000, 2000, 500, 100, 20)],
    "connections (10,000 series x 120, 500 a request)": [
        (str(n), ["--series=10000", "--rounds=120", "--samples-per-request=500",
                  f"--connections={n}"]) for n in (1, 2, 4, 8, 16)],
    "churn, percent of series a minute (10,000 series x 120)": [
        (str(n), ["--series=10000", "--rounds=120", f"--churn={n}"]) for n in (0, 1, 5, 20, 50)],
}


def run_scaling(bench, _name):
    results = {}
    heads = ["samples/s", "requests/s", "CPU us/sample", "write p99 ms", "anon MB", "B/sample"]
    for what, cases in GROWTH.items():
        for peer in bench.peers:
            rows = [(label, growth_row(bench, peer, flags)) for label, flags in cases]
            results[f"{what}, {peer.name}"] = rows
            print(f"\n== {peer.name}: {what}")
            print_rows(heads, rows)
    return results


READ_SERIES = (1000, 10000, 100000, 1000000)
READ_QUERY = 'all instant sum(last_over_time({__name__!=""}[2m]))\n'  # which keeps names apart


def read_row(bench, peer, n_series):
    folder = bench.fresh()
    try:
        with Running(peer, folder) as server, tempfile.NamedTemporaryFile("w") as file:
            file.write(READ_QUERY)
            file.flush()
            server.wait_ready()
            report = bench.write(server, f"--series={n_series}", "--rounds=20")
            answer = bench.run_load("query", server.url, f"--time={report['query_time']}",
                                    "--repeat=100", "--seconds=5s", f"--queries={file.name}")[0]
            if answer["failed"]:
                print(f"  {peer.name}: {answer['error']}")
                return [None] * 3
            return [answer["p50_ms"], answer["p99_ms"], answer["p50_ms"] * 1e6 / n_series]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_reads(bench, _name):
    results = {}
    for peer in bench.peers:
        rows = [(f"{n:,}", read_row(bench, peer, n)) for n in READ_SERIES]
        results[f"sum(last_over_time()) of all series, {peer.name}"] = rows
        print(f"\n== {peer.name}: sum(last_over_time()) of all series, 8 samples of each in the window")
        print_rows(["p50 ms", "p99 ms", "ns/series"], rows)
    return results


SCENARIOS = {
    "10k": side_by_side(10000, 120),
    "100k": side_by_side(100000, 120),
    "1m": side_by_side(1000000, 20),
    "new-series": side_by_side(1000000, 1, NEW_SERIES_QUERIES),
    "10k-24h": side_by_side(10000, 5760),
    "24h": side_by_side(100000, 5760),
    "kill": run_kill,
    "scaling": run_scaling,
    "reads": run_reads,
}


def main():
    build = os.path.join(TOP, "build/release")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ferula", default=os.path.join(build, "ferula"))
    parser.add_argument("--load", default=os.path.join(build, "bench-load"))
    parser.add_argument("--scenarios", default=os.environ.get("SCENARIOS") or DEFAULT,
                        help="of " + ", ".join(SCENARIOS))
    parser.add_argument("--peers", default=os.environ.get("PEERS") or
                        "ferula,prometheus,victoria-metrics")
    parser.add_argument("--connections", type=int, default=os.environ.get("CONNECTIONS") or 1,
                        help="of the load of 10k, 100k, 1m, new-series and the 24-hour scenarios")
    parser.add_argument("--folder", help="where data folders are made; default: $TMPDIR or /tmp")
    parser.add_argument("--json", metavar="FILE", help="write all figures there, too")
    arguments = parser.parse_args()
    bench = Bench(arguments)
    print(f"{platform.machine()}, {os.cpu_count()} cores shared by server and load generator, "
          f"Linux {platform.release()}; one run")
    results = {name: SCENARIOS[name](bench, name) for name in arguments.scenarios.split(",")}
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as out:
            json.dump(results, out, indent=1)


if __name__ == "__main__":
    main()
