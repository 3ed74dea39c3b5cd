#!/usr/bin/python3
"""The real server under load for a long time, and a look at what grows.

    tests/soak/soak.py --ferula build/release/ferula --load build/release/bench-load

SOAK_S (1800) seconds; SOAK_SERIES (50000) active series, of which 1 % are replaced each minute of data;
SOAK_HOURS (24, at least 9) hours of data pass meanwhile. The server keeps 2 hours. Beside the load there
are late samples, duplicates and queries; a kill -9 comes after a half, a SIGTERM after two thirds, and
backfills at the end (a backfill seals what is older than the clock less an hour, and so all of this).
A chart of 60 moments is printed, and what is wrong; then the exit code is 1.
"""
import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "blackbox"))

import rw  # noqa: E402

INTERVAL_S = 15
KEPT_S = 2 * 3600
SLOT_S = 1800
SURE_S = KEPT_S - 900  # of data: what is asked for; a little ahead of the load is written
CHURN = 1  # percent a minute
PER_REQUEST = 2000
MOMENTS = 60
BACKFILL = 3  # kind of the extra series
BARS = "▁▂▃▄▅▆▇█"

QUERIES = (
    ("keda", "/api/v1/query", {"query": 'sum(rate(http_requests_total{namespace="keda-demo"}[2m]))'}),
    ("sum", "/api/v1/query", {"query": "sum(rate(http_requests_total[2m]))"}),
    ("range", "/api/v1/query_range", {"query": "sum by (code) (rate(http_requests_total[2m]))"}),
    ("values", "/api/v1/label/pod/values", {}),
    ("series", "/api/v1/series", {"match[]": 'http_requests_total{namespace="keda-demo"}'}),
)


def percentile(v, p):
    v = sorted(v)
    return v[min(len(v) - 1, int(len(v) * p / 100))] if v else 0.0


class Load:
    """bench-load, one run after another; what each had acknowledged is kept as (round, samples)."""

    def __init__(self, args, start_s, rounds):
        self.args, self.start_s, self.rounds = args, start_s, rounds
        self.next_round = 0
        self.whole = []     # (first round, round after the last) that were acknowledged whole
        self.partial = []   # (round, samples at least, samples at most)
        self.process = None

    def begin(self, url):
        self.acks = os.path.join(self.args.folder, "acks")
        self.first = self.next_round
        self.began = time.monotonic()
        self.seconds = (self.rounds - self.first) / self.rounds * self.args.seconds
        self.process = subprocess.Popen(
            [self.args.load, "write", f"--series={self.args.series}", f"--rounds={self.rounds}",
             f"--first-round={self.first}", f"--start={self.start_s}", f"--interval={INTERVAL_S}s",
             f"--churn={CHURN}", f"--samples-per-request={PER_REQUEST}", f"--over={int(self.seconds * 1000)}ms",
             "--memory=32MB", "--acks=" + self.acks, "--json", url],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def data_time(self):
        """Of the newest round, about, in seconds."""
        done = min(1.0, (time.monotonic() - self.began) / self.seconds)
        return self.start_s + int(self.first + (self.rounds - self.first) * done) * INTERVAL_S

    def end(self):
        """After the server went away, or all rounds were sent: notes what was acknowledged."""
        out, err = self.process.communicate(timeout=120)
        report = json.loads(out or "{}")
        with open(self.acks, encoding="ascii") as f:
            whole, after = (int(n) for n in f.read().split())
        self.process = None
        whole = max(whole, self.first)
        self.whole.append((self.first, whole))
        self.next_round = whole
        if whole < self.rounds:
            self.partial.append((whole, after, min(after + PER_REQUEST, self.args.series)))
            self.next_round = whole + 1  # its other half would be sent with other values
        if report.get("refused_requests"):
            return f"{report['refused_requests']} requests refused: {report['refused_text']}"
        return err.strip()

    def samples_between(self, first, after):
        """Least and most that are stored of rounds [first, after)."""
        whole = sum(max(0, min(b, after) - max(a, first)) for a, b in self.whole) * self.args.series
        partial = [p for p in self.partial if first <= p[0] < after]
        return whole + sum(p[1] for p in partial), whole + sum(p[2] for p in partial)


class Soak:
    def __init__(self, args, server):
        self.args, self.server = args, server
        self.wrong = []
        self.latency = {name: [] for name, _, _ in QUERIES}
        self.recent = []  # latencies since the last moment
        self.moments = []
        self.down = threading.Lock()  # held while the server is restarted
        self.stop = threading.Event()
        self.dice = random.Random(1)
        self.extra = {}  # samples of the extra series that were acknowledged, by (series, time)
        self.hours = max(9, args.hours)
        rounds = self.hours * 3600 // INTERVAL_S
        now = int(time.time())
        self.load = Load(args, now - now % SLOT_S - self.hours * 3600 - SLOT_S, rounds)

    def blame(self, text):
        if len(self.wrong) < 20 and text not in self.wrong:
            self.wrong.append(text)
            print("wrong: " + text, flush=True)

    # ---- beside the load

    def query_thread(self):
        at = 0
        while not self.stop.wait(0.05):
            name, path, params = QUERIES[at % len(QUERIES)]
            at += 1
            with self.down:
                t = self.load.data_time()
                when = {"start": t - 3600, "end": t}
                if path.endswith("/query"):
                    when = {"time": t}
                elif path.endswith("query_range"):
                    when["step"] = 30
                began = time.monotonic()
                reply = self.server.get(path, timeout=120, **params, **when)
                took = (time.monotonic() - began) * 1000
            self.latency[name].append(took)
            self.recent.append(took)
            if reply.status != 200:
                self.blame(f"{name}: {reply!r}")

    def extra_thread(self):
        """Late samples and duplicates of a few series."""
        number = 0
        while not self.stop.wait(0.05):
            number += 1
            with self.down:
                kind = number % 3
                back_s = self.dice.randrange(1, (25 * 60, 25 * 60, 1)[kind] + 1)
                self.write_extra(kind, number, back_s)

    def write_extra(self, kind, number, back_s):
        """Some of them twice. What is acknowledged is noted."""
        from_ms, series = (self.load.data_time() - back_s) * 1000, str(self.dice.randrange(5))
        samples = [(from_ms + i * 1000, float(number)) for i in range(20)]
        body = rw.body(({"__name__": "soak_extra", "kind": str(kind), "i": series}, samples))
        for _ in range(2 if number % 5 == 0 else 1):
            reply = self.server.write(body, {"Ferula-Backfill": "true"} if kind == BACKFILL else None)
            if reply.status == 204:
                self.extra.setdefault((kind, series), set()).update(t for t, _ in samples)
            elif reply.status != 400:
                self.blame(f"extra: {reply!r}")

    # ---- what grows

    def look(self):
        with self.down:
            metrics = dict(line.rsplit(" ", 1) for line in self.server.get("/metrics").text.splitlines()
                           if line and line[0] != "#")
            with open(f"/proc/{self.server.proc.pid}/status", encoding="ascii") as f:
                anon = int(re.search(r"RssAnon:\s+(\d+)", f.read()).group(1)) * 1024
            size = sum(os.stat(os.path.join(self.server.dir, name)).st_blocks * 512
                       for name in os.listdir(self.server.dir))
            t = self.load.data_time()
        recent, self.recent = self.recent, []
        self.moments.append({
            "data hours": (t - self.load.start_s) / 3600,
            "anonymous MB": anon / 1e6,
            "file MB": size / 1e6,
            "used MB": float(metrics["prometheus_tsdb_storage_blocks_bytes"]) / 1e6,
            "series": float(metrics["ferula_store_series"]),
            "WAL pieces": float(metrics["ferula_store_wal_pieces"]),
            "query p50 ms": percentile(recent, 50),
            "query max ms": max(recent, default=0.0),
        })

    def restart(self, kill):
        with self.down:
            began = time.monotonic()
            if kill:
                self.server.kill()
            else:
                self.server.check_end(self.server.stop())
            error = self.load.end()
            if error and "refused" in error:
                self.blame(error)
            self.server.start()
            print(f"{'kill -9' if kill else 'SIGTERM'} and start: "
                  f"{time.monotonic() - began:.2f} s, after round {self.load.next_round}", flush=True)
            self.check_counts()
        self.load.begin(self.server.url)

    # ---- what must hold

    def check_plateau(self):
        third = len(self.moments) // 3
        for name in ("anonymous MB", "used MB"):
            middle = max(m[name] for m in self.moments[third:2 * third])
            last = max(m[name] for m in self.moments[2 * third:])
            if last > 1.1 * middle:
                self.blame(f"{name} grows: {middle:.1f} in the middle third, {last:.1f} in the last")
        minutes = (KEPT_S + 2 * SLOT_S) / 60
        bound = self.args.series * (1 + CHURN / 100 * minutes) + 100
        most = max(m["series"] for m in self.moments)
        if most > bound:
            self.blame(f"{most:.0f} series, above {bound:.0f}")

    def check_counts(self):
        """What was acknowledged within the kept window is there, once."""
        last = self.load.next_round - 1
        end = self.load.start_s + last * INTERVAL_S
        rounds = SURE_S // INTERVAL_S
        least, most = self.load.samples_between(last + 1 - rounds, last + 1)
        names = self.server.get("/api/v1/label/__name__/values").json()["data"]
        got = sum(float(self.server.value(f"sum(count_over_time({name}[{SURE_S}s]))", end) or 0)
                  for name in names if name != "soak_extra")
        print(f"of the last {rounds} rounds {got:.0f} samples are stored; {least} were acknowledged")
        if not least <= got <= most:
            self.blame(f"{got:.0f} samples stored, between {least} and {most} expected")
        n = 0
        for (kind, series), times in self.extra.items():
            reply = self.server.get(
                "/api/v1/query", time=end, timeout=120,
                query=f'soak_extra{{kind="{kind}",i="{series}"}}[{SURE_S}s]')
            result = reply.json()["data"]["result"]
            have = {round(t * 1000) for s in result for t, _ in s["values"]}
            want = {t for t in times if (end - SURE_S) * 1000 < t <= end * 1000}
            n += len(want)
            if want - have:
                self.blame(f"kind {kind}, series {series}: {len(want - have)} of {len(want)} lost,"
                           f" like {min(want - have)}")
        print(f"{n} late, repeated and backfilled samples are there")

    def check_log(self):
        bad = [line for line in self.server.stderr_text().splitlines()
               if re.search(r'level=ERROR|"level":"ERROR"|level=WARN', line)]
        if bad:
            self.blame("the log: " + bad[0])
        metrics = self.server.get("/metrics").text
        fives = re.findall(r'^ferula_http_requests_total\{[^}]*code="5\d\d"[^}]*\} ([1-9]\d*)', metrics, re.M)
        if fives:
            self.blame(f"{sum(map(int, fives))} answers of 5xx")

    def print_chart(self):
        print(f"\n{len(self.moments)} moments: from the first to the last; least, most")
        for name in self.moments[0]:
            v = [m[name] for m in self.moments]
            low, high = min(v), max(v)
            chart = "".join(BARS[int((x - low) / (high - low or 1) * 7.99)] for x in v)
            print(f"{name:<14} {chart} {low:10.1f} {high:10.1f}")
        for name, v in self.latency.items():
            print(f"{name:<14} {len(v)} times, p50 {percentile(v, 50):.1f} ms,"
                  f" p99 {percentile(v, 99):.1f} ms, longest {max(v, default=0):.1f} ms")

    def run(self):
        threads = [threading.Thread(target=self.guarded, args=(work,), daemon=True)
                   for work in (self.query_thread, self.extra_thread)]
        self.load.begin(self.server.url)
        began = time.monotonic()
        for t in threads:
            t.start()
        for moment in range(1, MOMENTS + 1):
            time.sleep(max(0, began + moment * self.args.seconds / MOMENTS - time.monotonic()))
            self.look()
            if moment == MOMENTS // 2:
                self.restart(kill=True)
            elif moment == MOMENTS * 2 // 3:
                self.restart(kill=False)
        error = self.load.end()
        if error:
            self.blame("bench-load: " + error)
        self.stop.set()
        for t in threads:
            t.join(120)
        self.check_plateau()
        for number in range(1000):
            self.write_extra(BACKFILL, number, self.dice.randrange(30, KEPT_S - SLOT_S))
        self.check_counts()
        self.server.restart()
        self.check_counts()
        self.check_log()
        self.print_chart()

    def guarded(self, work):
        try:
            work()
        except Exception as e:  # a thread that dies in silence would be a test that passes
            self.blame(f"{work.__name__}: {e!r}")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--ferula", required=True)
    p.add_argument("--load", required=True)
    p.add_argument("--seconds", type=float, default=float(os.environ.get("SOAK_S", "1800")))
    p.add_argument("--series", type=int, default=int(os.environ.get("SOAK_SERIES", "50000")))
    p.add_argument("--hours", type=int, default=int(os.environ.get("SOAK_HOURS", "24")))
    args = p.parse_args()
    os.environ["FERULA"] = os.path.abspath(args.ferula)
    from conftest_server import Server
    with tempfile.TemporaryDirectory(prefix="ferula-soak-") as args.folder:
        with Server(args.folder, "--storage.tsdb.retention.time=2h",
                    "--storage.tsdb.out-of-order-time-window=30m") as server:
            soak = Soak(args, server)
            soak.run()
    print(f"{int(not soak.wrong)} passed, {len(soak.wrong)} failed")
    return 1 if soak.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
