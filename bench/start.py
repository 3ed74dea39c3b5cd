#!/usr/bin/python3
"""Start time and idle memory of ferula beside Debian's prometheus and victoria-metrics, in one run.

Each program is started RUNS times on a fresh folder, in turn. Start: from exec to the first 200 of
its readiness endpoint, asked every half millisecond. Memory: two seconds after that, from
/proc/PID/status: anonymous pages, file-backed pages, and all of it (VmRSS). Medians are shown.
"""
import argparse
import os
import platform
import shutil
import statistics
import tempfile
import time

from peers import TOP, Running, peers


def measure(peer, settle):
    folder = tempfile.mkdtemp(prefix="ferula-bench-")
    try:
        with Running(peer, folder) as server:
            start_ms = server.wait_ready() * 1000
            time.sleep(settle)
            memory = server.memory_kib()
            return start_ms, memory["RssAnon"], memory["RssFile"], memory["VmRSS"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ferula", default=os.path.join(TOP, "build/release/ferula"))
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--settle", type=float, default=2, help="seconds before memory is read")
    arguments = parser.parse_args()
    programs = peers(arguments.ferula).values()
    rows = {peer.name: [] for peer in programs}
    for _ in range(arguments.runs):
        for peer in programs:
            rows[peer.name].append(measure(peer, arguments.settle))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}; "
          f"median of {arguments.runs} runs")
    print(f"{'':24}{'start':>10}{'anonymous':>12}{'file':>10}{'all':>10}{'start, all / ferula':>24}")
    base = None
    for name, measured in rows.items():
        start, anonymous, file, everything = (statistics.median(c) for c in zip(*measured))
        base = base or (start, everything)
        print(f"{name:24}{start:7.1f} ms{anonymous / 1024:9.1f} MB{file / 1024:7.1f} MB"
              f"{everything / 1024:7.1f} MB{start / base[0]:14.1f} x {everything / base[1]:5.1f} x")


if __name__ == "__main__":
    main()
