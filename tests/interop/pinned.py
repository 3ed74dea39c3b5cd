"""The pinned Prometheus (v0.314.0 of its module), built from source: its server and its promtool."""
import functools
import json
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import gopeer

MODULE = "github.com/prometheus/prometheus/cmd/"
READY_S = 60


@functools.lru_cache
def program(name):
    """`prometheus` or `promtool`, without service discovery, which is most of its code."""
    return gopeer.build_tool("prometheus", MODULE + name, "-tags=remove_all_sd")


class Prometheus:
    """A server on a free port: `with Prometheus(tmp_path, "--flag") as peer:`; .url, .port."""

    def __init__(self, tmp_path, *flags, config="{}\n"):
        self.path = tmp_path / "prometheus"
        self.path.mkdir()
        (self.path / "config.yml").write_text(config)
        self.flags = flags

    def __enter__(self):
        self.log = open(self.path / "log", "w+b")
        self.process = subprocess.Popen([
            program("prometheus"), f"--config.file={self.path}/config.yml",
            "--web.listen-address=127.0.0.1:0", *self.flags], stdout=self.log, stderr=self.log,
            cwd=self.path)
        end = time.monotonic() + READY_S
        while not self.is_ready():
            assert self.process.poll() is None and time.monotonic() < end, self.log_text()
            time.sleep(0.05)
        return self

    def log_text(self):
        return (self.path / "log").read_text(errors="replace")

    def is_ready(self):
        found = re.search(r'msg="Listening on" .*address=127\.0\.0\.1:(\d+)', self.log_text())
        if not found:
            return False
        self.port = int(found.group(1))
        self.url = f"http://127.0.0.1:{self.port}"
        try:
            return urllib.request.urlopen(self.url + "/-/ready", timeout=5).status == 200
        except OSError:
            return False

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.log.close()


def ask(url, path, parameters=()):
    """(HTTP status, answer) of an API call as GET; parameters are a dict or pairs."""
    query = urllib.parse.urlencode(parameters, doseq=True)
    try:
        with urllib.request.urlopen(f"{url}{path}?{query}", timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
