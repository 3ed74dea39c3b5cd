"""A pytest fixture: a ferula of its own for each test, on a port of its own, gone afterwards.

    from ferula_fixture import ferula      # or copy it into conftest.py

    def test_the_query_of_my_scaled_object(ferula):
        ferula.push(rising('http_requests_total{namespace="keda-demo"}', per_second=45))
        assert ferula.keda('sum(rate(http_requests_total{namespace="keda-demo"}[2m]))') == 45

The program is found in $FERULA, or on the PATH. Standard library and pytest only.
"""
import json
import math
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

import pytest


class Ferula:
    def __init__(self, folder):
        self.program = os.environ.get("FERULA") or shutil.which("ferula") or "ferula"
        self.log_path = os.path.join(folder, "ferula.log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [self.program, "serve", "--web.listen-address=127.0.0.1:0",
                 "--storage.tsdb.path=" + os.path.join(folder, "data")], stderr=log)
        self.url = "http://" + self._address()

    def _address(self):
        end = time.monotonic() + 30
        while time.monotonic() < end and self.process.poll() is None:
            with open(self.log_path, encoding="utf-8") as log:
                found = re.search(r"Server is ready.*address=(\S+)", log.read())
            if found:
                return found.group(1)
            time.sleep(0.02)
        self.process.kill()
        with open(self.log_path, encoding="utf-8") as log:
            raise RuntimeError("ferula did not start:\n" + log.read())

    def push(self, text):
        """Text exposition or OpenMetrics, with or without timestamps."""
        subprocess.run([self.program, "push", self.url, "-"], input=text.encode(), check=True,
                       stdout=subprocess.DEVNULL)

    def ask(self, expression):
        """What is answered to an instant query at the current time: resultType and result."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        url = f"{self.url}/api/v1/query?" + urllib.parse.urlencode({"query": expression, "time": now})
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expression):
        """The result array."""
        return self.ask(expression)["result"]

    def keda(self, expression):
        """What KEDA's prometheus scaler tells the HPA, with its defaults: nothing, NaN, infinities
        and what is negative are 0, and of other values thousandths are kept."""
        data = self.ask(expression)
        assert data["resultType"] == "vector", f"KEDA needs a vector: {data['resultType']}"
        assert len(data["result"]) <= 1, f"KEDA refuses several elements: {len(data['result'])}"
        value = float(data["result"][0]["value"][1]) if data["result"] else 0.0
        return float(f"{value:.3f}") if math.isfinite(value) and value > 0 else 0.0

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=30) == 0


def rising(series, per_second, seconds=180, every=15):
    """A counter that rises evenly up to now, as text exposition with timestamps."""
    now = int(time.time())
    return "".join(f"{series} {i * every * per_second} {(now - seconds + i * every) * 1000}\n"
                   for i in range(seconds // every + 1))


@pytest.fixture
def ferula():
    with tempfile.TemporaryDirectory(prefix="ferula-") as folder:
        server = Ferula(folder)
        yield server
        server.stop()
