#!/usr/bin/python3
"""Plays the KEDA on Azure Managed Prometheus walkthrough on this machine: no cloud, no cluster.

Real parts: the sample app, load generators (30 req/s each), Debian's Prometheus as agent, and ferula.
The agent scrapes the app and remote-writes to ferula; every few seconds this script asks ferula what
KEDA's prometheus scaler would ask, and shows what KEDA's trigger makes of it:
clamp(ceil(value / threshold), minReplicaCount, maxReplicaCount).

The walkthrough's query has a window of 2m, so its story takes about eight minutes. By default it is
played six times faster: window 20s and a scrape every second. DEMO_WINDOW=2m plays it unchanged.
"""
import argparse
import ctypes
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
THRESHOLD, LEAST, MOST = 10, 1, 10
PR_SET_PDEATHSIG = 1

AGENT_CONFIG = """\
global:
  scrape_interval: {interval}
scrape_configs:
  - job_name: sample-app
    static_configs:
      - targets: ['{app}']
        labels: {{namespace: keda-demo, pod: sample-app-0}}
remote_write:
  - url: http://{ferula}/api/v1/write
    queue_config: {{batch_send_deadline: 1s}}
"""


def die_with_parent():
    """In the child: nothing is left running, even when this script is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Story:
    """The processes of the demo; leaving the `with` block ends them all."""

    def __init__(self, ferula, agent, window):
        self.ferula_binary, self.agent_binary = ferula, agent
        self.window = window
        self.folder = tempfile.mkdtemp(prefix="ferula-demo-")
        self.processes, self.generators = [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.generators + self.processes[::-1]:
            process.terminate()
        for process in self.generators + self.processes[::-1]:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, command, ready=None):
        """Starts a process; waits for `ready` in its log and gives the match."""
        log_path = os.path.join(self.folder, name + ".log")
        with open(log_path, "wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                       preexec_fn=die_with_parent)
        (self.generators if name.startswith("generator") else self.processes).append(process)
        end = time.monotonic() + 30
        while ready:
            with open(log_path, encoding="utf-8", errors="replace") as log:
                text = log.read()
            found = re.search(ready, text)
            if found:
                return found
            if process.poll() is not None or time.monotonic() > end:
                sys.exit(f"demo: {name} did not start:\n{text[-2000:]}")
            time.sleep(0.02)
        return None

    def start_all(self, interval):
        found = self.start("ferula", [self.ferula_binary, "serve",
                                      "--web.listen-address=127.0.0.1:0",
                                      "--storage.tsdb.path=" + os.path.join(self.folder, "data")],
                           r'Server is ready.*address=(\S+)')
        self.ferula = found.group(1)
        found = self.start("app", [sys.executable, os.path.join(TOP, "deploy/app/sample_app.py"),
                                   "--listen=127.0.0.1:0"], r"sample app on (\S+)")
        self.app = found.group(1)
        config = os.path.join(self.folder, "agent.yml")
        with open(config, "w", encoding="utf-8") as out:
            out.write(AGENT_CONFIG.format(interval=interval, app=self.app, ferula=self.ferula))
        self.start("agent", [self.agent_binary, "--enable-feature=agent", "--config.file=" + config,
                             "--storage.agent.path=" + os.path.join(self.folder, "agent"),
                             "--web.listen-address=127.0.0.1:0", "--log.level=warn"])

    def scale_generators(self, n):
        while len(self.generators) > n:
            process = self.generators.pop()
            process.terminate()
            process.wait()
        while len(self.generators) < n:
            self.start(f"generator-{len(self.generators)}",
                       [sys.executable, os.path.join(TOP, "deploy/app/load_generator.py"),
                        f"http://{self.app}/"])

    def requests_served(self):
        with urllib.request.urlopen(f"http://{self.app}/metrics", timeout=5) as answer:
            return int(re.search(rb"^http_requests_total\S* (\d+)", answer.read(), re.M).group(1))

    def samples_stored(self):
        with urllib.request.urlopen(f"http://{self.ferula}/metrics", timeout=5) as answer:
            return int(re.search(rb"^ferula_ingest_samples_appended_total (\d+)", answer.read(),
                                 re.M).group(1))

    def query(self, expression):
        """As KEDA asks: an instant query at the current time, cut to whole seconds."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        url = (f"http://{self.ferula}/api/v1/query?query={urllib.parse.quote_plus(expression)}"
               f"&time={now}")
        with urllib.request.urlopen(url, timeout=3) as answer:
            result = json.load(answer)["data"]["result"]
        return float(result[0]["value"][1]) if result else None


def replicas_for(value):
    return max(LEAST, min(MOST, math.ceil((value or 0) / THRESHOLD)))


def play(story, phases, every):
    """Runs the phases (seconds, generators); gives the rows that were shown."""
    expression = f'sum(rate(http_requests_total{{namespace="keda-demo"}}[{story.window}]))'
    print(f"query       {expression}\ntrigger     threshold {THRESHOLD}, minReplicaCount {LEAST}, "
          f"maxReplicaCount {MOST}\n")
    print("   time  generators   load now   KEDA's value   ceil(value/10) in 1..10")
    rows, begin = [], time.monotonic()
    served, served_at = story.requests_served(), begin
    for seconds, generators in phases:
        story.scale_generators(generators)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(max(0, min(every, end - time.monotonic())))
            now, count = time.monotonic(), story.requests_served()
            load = (count - served) / (now - served_at)
            served, served_at = count, now
            value = story.query(expression)
            replicas = replicas_for(value)
            rows.append((now - begin, generators, load, value, replicas))
            shown = "no data yet" if value is None else f"{value:.2f} req/s"
            print(f"{now - begin:6.0f}s  {generators:10}  {load:5.0f} req/s  {shown:>13}   "
                  f"{replicas:5}  {'#' * replicas}", flush=True)
    return rows


def verdict(story, rows):
    """The last line; the exit code is 0 only when the story was told to its end."""
    top = max(rows, key=lambda r: r[3] or 0)
    first_at_most = next((r for r in rows if r[4] == MOST), None)
    last = rows[-1]
    good = (first_at_most is not None and last[4] == LEAST and last[3] is not None
            and 135 <= (top[3] or 0) <= 165)
    print(f"\ndemo: {'ok' if good else 'FAILED'}: the value rose to {top[3] or 0:.1f} req/s, asked for "
          f"{MOST if first_at_most else max(r[4] for r in rows)} replicas after "
          f"{first_at_most[0] if first_at_most else 0:.0f} s and for {last[4]} at the end; "
          f"{story.samples_stored()} samples stored; nothing is left running")
    return 0 if good else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ferula", default=os.path.join(TOP, "build/release/ferula"))
    parser.add_argument("--agent", default=os.path.join(TOP, "build/peers/prometheus/usr/bin/prometheus"))
    parser.add_argument("--window", default=os.environ.get("DEMO_WINDOW", "20s"),
                        help="of rate(); 2m is the walkthrough's own (20s)")
    arguments = parser.parse_args()
    match = re.fullmatch(r"(\d+)(s|m)", arguments.window)
    if not match or int(match.group(1)) == 0:
        parser.error("--window must be like 20s or 2m")
    window = int(match.group(1)) * (60 if match.group(2) == "m" else 1)
    # A rise that fills the window, and a fall that empties it; scrapes eight and more a window.
    interval = min(15, max(1, window // 20)) if window < 120 else 15
    phases = [(window, 1), (max(window * 1.6, window + 3 * interval + 5), 5),
              (max(window * 1.4, window + 2 * interval + 4), 0)]
    every = 15 if window >= 120 else max(1, window / 5)

    print(f"The walkthrough's story in {sum(p[0] for p in phases) / 60:.1f} minutes, with Debian's "
          f"Prometheus as agent.")
    if window < 120:
        print(f"Played {120 / window:g} times faster than written there: window {arguments.window} "
              f"instead of 2m, a scrape every {interval} s instead of 15.\n"
              f"DEMO_WINDOW=2m plays the walkthrough's query unchanged, in about eight minutes.")
    print()
    # A shell that starts this in the background has SIGINT ignored; here it must work.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with Story(arguments.ferula, arguments.agent, arguments.window) as story:
        try:
            story.start_all(f"{interval}s")
            return verdict(story, play(story, phases, every))
        except KeyboardInterrupt:
            print("\ndemo: interrupted; nothing is left running")
            return 130


if __name__ == "__main__":
    sys.exit(main())
