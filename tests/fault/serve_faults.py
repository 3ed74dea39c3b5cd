#!/usr/bin/python3
"""A server in which the n-th allocation or call of the disk fails: it answers, or ends, and is right.

    serve_faults.py BUILD

Each run starts `ferula serve` under libinject.so on an empty folder, writes, asks, and stops it. The
server may refuse with a 5xx, drop the connection, or end with exit code 70 and a line of log; it
never ends by a signal, hangs or gives a wrong answer. A second server without faults then has what
was acknowledged. RUNS (300) is about how many runs fail an allocation, of which there are more;
FERULA_TEST_RANDOM repeats their n.
"""
import concurrent.futures
import gzip
import http.client
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "blackbox"))
import rw  # noqa: E402

BUILD = sys.argv[1] if len(sys.argv) > 1 else "build/release"
FERULA = os.path.join(TOP, BUILD, "ferula")
PRELOAD = os.path.join(TOP, BUILD, "libinject.so")
RUNS = int(os.environ.get("RUNS", "300"))
FOREVER = (1 << 32) - 1
MEMORY = (("malloc", "ENOMEM", 1), ("malloc", "ENOMEM", FOREVER))
DISK = (
    ("pwrite", "EIO", 1),
    ("pwrite", "ENOSPC", FOREVER),
    ("writev", "EIO", 1),
    ("writev", "ENOSPC", FOREVER),
    ("meta", "EIO", 1),
    ("fdatasync", "EIO", 1),
    ("fdatasync", "EIO", FOREVER),
    ("fsync", "EIO", 1),
    ("open", "EIO", 1),
    ("mmap", "ENOMEM", 1),
)
DISK_MOST = 200  # calls of a kind in a run; there are about ten
LIMIT_S = 20
READY = re.compile(rb'msg="Server is ready" address=127\.0\.0\.1:(\d+)')
VALUE = 0.1


class Wrong(Exception):
    """What the server must not do."""


class Process:
    """A server of one run. `port` is None when it ended before it was ready."""

    def __init__(self, folder, inject=None):
        env = {k: v for k, v in os.environ.items() if not k.startswith("FERULA_")}
        if inject is not None:
            env.update(LD_PRELOAD=PRELOAD, INJECT=inject, INJECT_DIR=folder + "/data",
                       INJECT_REPORT=folder + "/fired")
        self.log_path = folder + "/log"
        with open(self.log_path, "wb") as log:
            self.proc = subprocess.Popen(
                [FERULA, "serve", "--web.listen-address=127.0.0.1:0",
                 "--storage.tsdb.path=" + folder + "/data"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, env=env)
        self.port = None
        end = time.monotonic() + LIMIT_S
        while self.port is None and time.monotonic() < end:
            ended = self.proc.poll() is not None
            found = READY.search(self.log())
            if found:
                self.port = int(found.group(1))
            elif ended:
                return
            else:
                time.sleep(0.002)
        if self.port is None:
            self.proc.kill()
            raise Wrong("neither ready nor ended")

    def log(self):
        with open(self.log_path, "rb") as log:
            return log.read()

    def request(self, method, path, body=None):
        """(status, body); (None, b"") when there was no answer."""
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        try:
            conn.request(method, path, body,
                         {"Content-Encoding": "snappy"} if body else {"Accept-Encoding": "gzip"})
            reply = conn.getresponse()
            data = reply.read()
            packed = reply.headers.get("Content-Encoding") == "gzip"
            return reply.status, gzip.decompress(data) if packed else data
        except TimeoutError:
            raise Wrong(f"no answer to {method} {path} and no end of the connection")
        except (OSError, http.client.HTTPException):
            return None, b""
        finally:
            conn.close()

    def stop(self):
        self.proc.terminate()
        try:
            return self.proc.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
            raise Wrong("did not end after SIGTERM")


def ask(server, now_ms):
    """The stored value, None when there is none; False when there was no answer."""
    status, body = server.request("GET", f"/api/v1/query?query=m%7Ba%3D~%22b.*c%22%7D"
                                         f"&time={now_ms / 1000:.3f}")
    if status is None or 500 <= status < 600:
        return False
    if status != 200:
        raise Wrong(f"the query was answered with {status}: {body[:200]!r}")
    try:
        result = json.loads(body)["data"]["result"]
    except ValueError:
        raise Wrong(f"the query's answer is not JSON: {body[:60]!r}")
    return float(result[0]["value"][1]) if result else None


def check_end(server, code):
    log = server.log().decode("utf-8", "replace")
    if code == 0:
        return
    if code not in (1, 70):
        raise Wrong(f"ended with code {code}:\n{log[-600:]}")
    if "level=ERROR" not in log:
        raise Wrong(f"ended with code {code} and no word of why:\n{log[-600:]}")


def use(folder, inject, now_ms):
    """True when the write was acknowledged."""
    server = Process(folder, inject)
    acked = False
    try:
        if server.port is not None:
            status, body = server.request(
                "POST", "/api/v1/write",
                rw.body(({"__name__": "m", "a": "b and c"}, [(now_ms, VALUE)])))
            acked = status == 204
            if status is not None and not acked and not 500 <= status < 600:
                raise Wrong(f"the write was answered with {status}: {body[:200]!r}")
            got = ask(server, now_ms)
            if got is not False and got not in ((VALUE,) if acked else (VALUE, None)):
                raise Wrong(f"the query gave {got} after {status}")
    finally:
        code = server.stop()
    check_end(server, code)
    return acked


def run(case, n):
    """(whether the fault came, what was wrong or None)."""
    folder = tempfile.mkdtemp(prefix="ferula-faults-",
                              dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    now_ms = int(time.time() * 1000)
    try:
        call, error, times = case
        acked = use(folder, f"{call}:{error}:{n}:{times}", now_ms)
        server = Process(folder)
        try:
            got = ask(server, now_ms) if server.port is not None else "nothing: it does not start"
        finally:
            server.stop()
        if got not in ((VALUE,) if acked else (VALUE, None)):
            raise Wrong(f"afterwards there is {got}; acknowledged: {acked}")
        return os.path.exists(folder + "/fired"), None
    except Wrong as e:
        return True, f"n = {n}: {e}"
    finally:
        shutil.rmtree(folder)


def count_allocations():
    """About how many allocations a run makes: an n whose failure does not come any more."""
    n = 256
    while run(MEMORY[0], n)[0]:
        n = n * 5 // 4
    return n


def run_many(case, numbers):
    """Two at a time; the results of run()."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda n: run(case, n), numbers))


def run_until_none(case):
    """For n = 1, 2, 3... until the fault does not come any more."""
    results = []
    for n in range(1, DISK_MOST, 4):
        results += run_many(case, range(n, n + 4))
        if not results[-1][0]:
            break
    return results


def report(case, results):
    """Prints how a case went; True when it is as it must be."""
    call, error, times = case
    wrong = [text for _, text in results if text is not None]
    n_fired = sum(fired for fired, _ in results)
    print(f"server: {call:<9} {error:<6} {'once' if times == 1 else 'from then on':<12} "
          f"{len(results):3d} runs, {n_fired:3d} with a fault, {len(wrong)} wrong", flush=True)
    for text in wrong[:5]:
        print("    " + text)
    return not wrong and n_fired > 0


def main():
    choices = int(os.environ.get("FERULA_TEST_RANDOM", "0")) or random.SystemRandom().getrandbits(32)
    print(f"FERULA_TEST_RANDOM={choices}")
    dice = random.Random(choices)
    most = count_allocations()
    stride = max(1, len(MEMORY) * most // RUNS)
    good = [report(case, run_many(case, range(1 + dice.randrange(stride), most, stride)))
            for case in MEMORY]
    good += [report(case, run_until_none(case)) for case in DISK]
    print(f"{sum(good)} passed, {len(good) - sum(good)} failed")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
