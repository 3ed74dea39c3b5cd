"""A ferula server for a test: started on a free port with its own folder, ended and looked at.

Used by the black-box tests and, by import, by those in other folders. FERULA names the binary.
"""
import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.parse

import pytest

__all__ = ["FERULA", "Server", "run_ferula", "server", "start_server"]

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FERULA = os.environ.get("FERULA", os.path.join(TOP, "build/release/ferula"))

READY = re.compile(r'msg="Server is ready".*?address=(\S+)|"msg":"Server is ready".*?"address":"([^"]+)"')
BAD_LINES = re.compile(r"level=ERROR|\"level\":\"ERROR\"|==ERROR: |runtime error: |WARNING: ThreadSanitizer"
                       r"|CHECK failed|check failed", re.IGNORECASE)
START_S = 60  # sanitizer builds on a busy machine


def clean_env(extra=None):
    """The environment without variables that would be taken as flags."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("FERULA_")}
    env.update(extra or {})
    return env


def run_ferula(*args, stdin=None, env=None, timeout=60, cwd=None):
    """Runs a command of ferula to its end; gives subprocess.CompletedProcess with text output."""
    return subprocess.run([FERULA, *map(str, args)], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, errors="surrogateescape",
                          timeout=timeout, env=clean_env(env), cwd=cwd)


class Reply:
    """An HTTP answer: status, headers (lower-case names), body as bytes."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {k.lower(): v for k, v in response.getheaders()}
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.text[:500]!r}>"


class Server:
    """One ferula serve. Attributes: url, host, port, dir (the data folder), proc."""

    def __init__(self, tmp_path, *flags, env=None, listen="127.0.0.1:0"):
        self.dir = os.path.join(str(tmp_path), "data")
        self.flags = [str(f) for f in flags]
        if not any(f.startswith(("--storage.tsdb.path", "--storage.memory")) for f in self.flags):
            self.flags.append("--storage.tsdb.path=" + self.dir)
        if not any(f.startswith("--web.listen-address") for f in self.flags):
            self.flags.append("--web.listen-address=" + listen)
        self.env = env
        self.cwd = str(tmp_path)
        os.makedirs(self.cwd, exist_ok=True)
        self.proc = None
        self.errors_expected = False  # a test that provokes an ERROR line sets this
        self._lines = []
        self.start()

    # ---- life cycle

    def start(self):
        self.proc = subprocess.Popen([FERULA, "serve", *self.flags], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                     env=clean_env(self.env), cwd=self.cwd)
        ready = threading.Event()
        address = []
        self._reader = threading.Thread(target=self._read, args=(self.proc, ready, address),
                                        daemon=True)
        self._reader.start()
        if not ready.wait(START_S) or not address:
            self.proc.kill()
            self.proc.wait()
            self._reader.join(10)
            raise AssertionError("ferula did not start:\n" + self.stderr_text())
        self.host, _, port = address[0].rpartition(":")
        self.port = int(port)
        self.url = f"http://{address[0]}"

    def _read(self, proc, ready, address):
        for raw in proc.stderr:
            line = raw.decode("utf-8", "replace")
            self._lines.append(line)
            found = READY.search(line)
            if found and not ready.is_set():
                address.append(found.group(1) or found.group(2))
                ready.set()
        ready.set()

    def stderr_text(self):
        """All that was logged so far, by all processes of this server."""
        return "".join(self._lines)

    def wait_log(self, pattern, timeout=10):
        """Waits until the log has a match for `pattern`, and gives it."""
        end = time.monotonic() + timeout
        while True:
            found = re.search(pattern, self.stderr_text())
            if found:
                return found
            assert time.monotonic() < end, f"no {pattern!r} in the log:\n{self.stderr_text()}"
            time.sleep(0.01)

    def alive(self):
        return self.proc.poll() is None

    def kill(self):
        """SIGKILL: what a crash or an impatient orchestrator does."""
        self.proc.kill()
        self.proc.wait()
        self._reader.join(10)

    def stop(self, signum=signal.SIGTERM, timeout=60):
        """Ends it politely; gives the exit code. Fine when it has ended already."""
        if self.alive():
            self.proc.send_signal(signum)
        try:
            code = self.proc.wait(timeout)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
            raise AssertionError("ferula did not end after a signal:\n" + self.stderr_text())
        self._reader.join(10)
        return code

    def restart(self, kill=False):
        """Stops (or kills) and starts again on the same folder; the port changes."""
        if kill:
            self.kill()
        elif self.alive():
            self.check_end(self.stop())
        self.start()

    def check_end(self, code):
        text = self.stderr_text()
        assert code == 0, f"exit code {code}:\n{text}"
        assert self.errors_expected or not BAD_LINES.search(text), text

    def close(self):
        if self.proc.returncode is None:
            self.check_end(self.stop())
        elif not self.errors_expected:
            assert not BAD_LINES.search(self.stderr_text()), self.stderr_text()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            if self.alive():
                self.kill()
            print("---- log of ferula\n" + self.stderr_text()[-8000:])
            return
        self.close()

    # ---- requests

    def request(self, method, path, body=None, headers=None, timeout=30):
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            conn.request(method, path, body=body, headers=headers or {})
            return Reply(conn.getresponse())
        finally:
            conn.close()

    def get(self, path, headers=None, timeout=30, **params):
        """GET; a parameter whose value is a list is repeated, `match` is sent as match[]."""
        if params:
            path += "?" + self.encode(params)
        return self.request("GET", path, headers=headers, timeout=timeout)

    def post_form(self, path, params, headers=None, timeout=30):
        head = {"Content-Type": "application/x-www-form-urlencoded"}
        head.update(headers or {})
        return self.request("POST", path, self.encode(params), head, timeout)

    @staticmethod
    def encode(params):
        pairs = []
        for key, value in (params.items() if isinstance(params, dict) else params):
            for one in value if isinstance(value, (list, tuple)) else [value]:
                pairs.append(("match[]" if key == "match" else key, one))
        return urllib.parse.urlencode(pairs)

    def query(self, expr, time=None):
        """An instant query; gives `data` ({"resultType": ..., "result": ...})."""
        params = {"query": expr}
        if time is not None:
            params["time"] = time
        reply = self.post_form("/api/v1/query", params)
        assert reply.status == 200, reply
        return reply.json()["data"]

    def value(self, expr, time=None):
        """The one value of an instant query as text; None when there is no series."""
        data = self.query(expr, time)
        if data["resultType"] == "scalar":
            return data["result"][1]
        assert len(data["result"]) <= 1, data
        return data["result"][0]["value"][1] if data["result"] else None

    def query_range(self, expr, start, end, step):
        reply = self.post_form("/api/v1/query_range",
                               {"query": expr, "start": start, "end": end, "step": step})
        assert reply.status == 200, reply
        return reply.json()["data"]

    def write(self, body, headers=None, path="/api/v1/write"):
        """A raw remote-write request; `headers` replace or (value None) remove the usual ones."""
        head = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
                "X-Prometheus-Remote-Write-Version": "0.1.0", "User-Agent": "test"}
        head.update(headers or {})
        return self.request("POST", path, body, {k: v for k, v in head.items() if v is not None})

    def push(self, text, *flags):
        """Sends text exposition with `ferula push`, which must succeed; gives its output."""
        done = run_ferula("push", *flags, self.url, "-", stdin=text)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def start_server(tmp_path, *flags, env=None, **more):
    """A server with flags of its own: `with start_server(tmp_path, "--x=y") as server:`."""
    return Server(tmp_path, *flags, env=env, **more)


@pytest.fixture
def server(tmp_path):
    """A server with default flags; ended by SIGTERM, and its exit code and log are checked."""
    with start_server(tmp_path) as one:
        yield one
