"""Programs that are measured side by side: how each is started, asked, watched and ended."""
import http.client
import json
import os
import re
import socket
import subprocess
import threading
import time
import urllib.parse

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SAMPLE_S = 0.05  # how often memory is read
START_S = 600  # a large store may take long to replay
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(port, path, timeout=120, **params):
    """The body of a 200; None for anything else, a server that is not there included."""
    if params:
        path += "?" + urllib.parse.urlencode(params)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        body = reply.read()
        return body if reply.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def disk_bytes(folder):
    """What `du` counts: blocks that are allocated."""
    return sum(os.lstat(os.path.join(root, name)).st_blocks * 512
               for root, _, names in os.walk(folder) for name in names)


class Peer:
    """A kind of program. `command` is a function of the folder and the port."""

    def __init__(self, name, command, ready, flush=None, merge=None, used=None, settled=None):
        self.name, self.command, self.ready = name, command, ready
        self.settled = settled or (lambda port: True)  # no work is put off any more
        self.flush = flush or (lambda port: None)  # makes what was written visible to queries
        self.merge = merge or (lambda port: None)  # brings the files to their final form
        self.used = used or (lambda port: None)  # bytes in use within the files; None: unknown


def _metric(port, name):
    found = re.search(rb"^" + name.encode() + rb" (\S+)$", get(port, "/metrics") or b"", re.MULTILINE)
    return float(found.group(1)) if found else None


def _ferula_used(port):
    """The pages in use, from ferula's metric of Prometheus' name."""
    return _metric(port, "prometheus_tsdb_storage_blocks_bytes")


def _ferula_settled(port):
    """The load is of the past, so its half hours are sealed ten seconds after its last sample."""
    return _metric(port, "ferula_store_head_bytes") == 0


def peers(ferula):
    folder = os.path.join(TOP, "build/peers")

    def prometheus(path, port):
        empty = os.path.join(path, "empty.yml")
        with open(empty, "w", encoding="utf-8") as out:
            out.write("{}\n")
        return [f"{folder}/prometheus/usr/bin/prometheus", f"--config.file={empty}",
                f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={path}/data",
                "--web.enable-remote-write-receiver"]

    return {
        "ferula": Peer("ferula", lambda path, port: [
            ferula, "serve", f"--web.listen-address=127.0.0.1:{port}",
            f"--storage.tsdb.path={path}/data"], "/-/ready", used=_ferula_used,
            settled=_ferula_settled),
        "prometheus": Peer("prometheus 2.42", prometheus, "/-/ready"),
        "victoria-metrics": Peer("victoria-metrics 1.79", lambda path, port: [
            f"{folder}/victoria-metrics/usr/bin/victoria-metrics",
            f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={path}/data",
            "-retentionPeriod=100y"], "/health",
            flush=lambda port: get(port, "/internal/force_flush"),
            merge=lambda port: get(port, "/internal/force_merge")),
    }


class Running:
    """A started program on `folder`, with its peak memory sampled. Use as a context manager."""

    def __init__(self, peer, folder):
        self.peer, self.port = peer, free_port()
        command = peer.command(folder, self.port)
        self.begin = time.perf_counter()
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.peak = {"RssAnon": 0, "RssFile": 0}
        self._stop = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def _watch(self):
        while not self._stop.wait(SAMPLE_S):
            for name, kib in self.memory_kib().items():
                if name in self.peak:
                    self.peak[name] = max(self.peak[name], kib)

    def memory_kib(self):
        """Of a program that runs: RssAnon, RssFile, VmRSS; nothing of one that ended."""
        try:
            with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
                fields = dict(line.split(":", 1) for line in status)
            return {n: int(fields[n].split()[0]) for n in ("RssAnon", "RssFile", "VmRSS")}
        except (OSError, KeyError):
            return {}

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def wait(self, good, pause):
        """Waits until good() is true; gives the seconds since the program was started."""
        while not good():
            if self.process.poll() is not None or time.perf_counter() - self.begin > START_S:
                raise SystemExit(f"bench: {self.peer.name} did not start")
            time.sleep(pause)
        return time.perf_counter() - self.begin

    def wait_ready(self, pause=0.0005):
        return self.wait(lambda: get(self.port, self.peer.ready, 1) is not None, pause)

    def wait_idle(self, most=120):
        """Until it has used less than 2 % of a core for a second, and says that no work is put off."""
        end = time.monotonic() + most
        while time.monotonic() < end:
            before = self.cpu_s()
            time.sleep(1)
            if self.cpu_s() - before < 0.02 and self.peer.settled(self.port):
                return

    def value(self, expr, when):
        """The first value of an instant query as text; None when there is none."""
        answer = self.ask("/api/v1/query", query=expr, time=when, nocache=1)
        result = answer["data"]["result"] if answer else []
        return result[0]["value"][1] if result else None

    def ask(self, path, **params):
        """The JSON of a 200; None for anything else."""
        body = get(self.port, path, **params)
        return json.loads(body) if body else None

    def end(self, kill=False):
        """SIGTERM or SIGKILL; gives the seconds that it took to end."""
        begin = time.perf_counter()
        self._stop.set()
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        self.process.wait()
        self._watcher.join()
        return time.perf_counter() - begin

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.end(kill=True)
