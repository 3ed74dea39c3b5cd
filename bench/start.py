#!/usr/bin/python3
"""Start time and idle memory of ferula beside Debian's prometheus and victoria-metrics, in one run.

Each program is started RUNS times on a fresh folder, in turn. Start: from exec to the first 200 of
its readiness endpoint, asked every half millisecond. Memory: two seconds after that, from
/proc/PID/status: anonymous pages, file-backed pages, and all of it (VmRSS). Medians are shown.
"""
import argparse
import http.client
import os
import platform
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def commands(ferula, folder, port):
    peers = os.path.join(TOP, "build/peers")
    empty = os.path.join(folder, "empty.yml")
    with open(empty, "w", encoding="utf-8") as out:
        out.write("{}\n")
    return {
        "ferula": ([ferula, "serve", f"--web.listen-address=127.0.0.1:{port}",
                    f"--storage.tsdb.path={folder}/data"], "/-/ready"),
        "prometheus 2.42": ([f"{peers}/prometheus/usr/bin/prometheus", f"--config.file={empty}",
                             f"--web.listen-address=127.0.0.1:{port}",
                             f"--storage.tsdb.path={folder}/data",
                             "--web.enable-remote-write-receiver"], "/-/ready"),
        "victoria-metrics 1.79": ([f"{peers}/victoria-metrics/usr/bin/victoria-metrics",
                                   f"-httpListenAddr=127.0.0.1:{port}",
                                   f"-storageDataPath={folder}/data"], "/health"),
    }


def ready(port, path):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False


def memory_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        fields = dict(line.split(":", 1) for line in status)
    return tuple(int(fields[name].split()[0]) for name in ("RssAnon", "RssFile", "VmRSS"))


def measure(name, ferula, settle):
    folder, port = tempfile.mkdtemp(prefix="ferula-bench-"), free_port()
    command, path = commands(ferula, folder, port)[name]
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not ready(port, path):
            if process.poll() is not None or time.perf_counter() - begin > 30:
                raise SystemExit(f"bench: {name} did not start")
            time.sleep(0.0005)
        start_ms = (time.perf_counter() - begin) * 1000
        time.sleep(settle)
        return (start_ms, *memory_kib(process.pid))
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ferula", default=os.path.join(TOP, "build/release/ferula"))
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--settle", type=float, default=2, help="seconds before memory is read")
    arguments = parser.parse_args()
    names = list(commands(arguments.ferula, tempfile.gettempdir(), 1))
    rows = {name: [] for name in names}
    for _ in range(arguments.runs):
        for name in names:
            rows[name].append(measure(name, arguments.ferula, arguments.settle))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}; "
          f"median of {arguments.runs} runs")
    print(f"{'':24}{'start':>10}{'anonymous':>12}{'file':>10}{'all':>10}{'start, all / ferula':>24}")
    base = None
    for name in names:
        start, anonymous, file, everything = (statistics.median(c) for c in zip(*rows[name]))
        base = base or (start, everything)
        print(f"{name:24}{start:7.1f} ms{anonymous / 1024:9.1f} MB{file / 1024:7.1f} MB"
              f"{everything / 1024:7.1f} MB{start / base[0]:14.1f} x {everything / base[1]:5.1f} x")


if __name__ == "__main__":
    main()
