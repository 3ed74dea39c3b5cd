"""The compliance suite for receivers of remote write 2.0 (prometheus/compliance), run as it is.

The suite takes a 400 for a pass even where it expects success. So what was refused is compared here
with what may be.
"""
import os
import re
import subprocess

import gopeer
from conftest_server import start_server

MODULE = "github.com/prometheus/compliance/remotewrite/receiver"
VERSION = "v0.0.0-20260806071727-67b8327a2e93"
CHECKSUM = "h1:VPMEZpXBAlaQrdz+ER6AQ9ArmxkYSy/SxkUixEwtH3Q="

REFUSED = re.compile("|".join((
    "TestBadContentTypes/", "TestBadContentEncodings/", "TestCorruptRequestBody", "TestRW1ErrorHandling",
    "without_name_label", "with_empty_name", "empty_metric", "bad_count_histogram",
    # A time series without a sample and without a histogram is none, says the protocol.
    # Nor is one with exemplars alone, when the series is not there yet.
    "metadata_without_data", "exemplars_without_data")))


def outcomes(log):
    """[(case, status code)] of every request; the case is the test that sent it."""
    case, found = None, []
    for line in log.splitlines():
        run = re.match(r"=== (?:RUN|NAME) +(\S+)", line)
        code = re.search(r'Response code from "ferula": (\d+)', line)
        case = run.group(1) if run else case
        if code:
            found.append((case, int(code.group(1))))
    return found


def test_suite(tmp_path):
    program, copy = gopeer.build_tests(MODULE, VERSION, CHECKSUM, "receiver-suite")
    # Some of its cases send, for series of cases before, samples of an hour ago.
    with start_server(tmp_path, "--storage.tsdb.out-of-order-time-window=2h") as server:
        config = tmp_path / "suite.yml"
        config.write_text(f"remote_write: [{{name: ferula, url: '{server.url}/api/v1/write'}}]\n")
        done = subprocess.run(
            [program, "-test.v"], cwd=copy, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=120, env={**os.environ, "PROMETHEUS_RW2_COMPLIANCE_CONFIG_FILE": str(config)})
    failed = re.findall(r"--- FAIL: (\S+/ferula) ", done.stdout)
    assert not failed and done.returncode == 0, done.stdout[-8000:]
    assert len(re.findall(r"^--- PASS: ", done.stdout, re.MULTILINE)) == 39
    found = outcomes(done.stdout)
    assert len(found) == 205
    refused = [case for case, code in found if code // 100 != 2]
    assert [case for case in refused if not REFUSED.search(case)] == []
    assert [case for case, code in found if REFUSED.search(case) and code // 100 == 2] == []
