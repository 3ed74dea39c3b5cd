"""The demo, shortened: the same parts and the same story with a window of a few seconds."""
import os
import re
import signal
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FERULA = os.environ.get("FERULA", os.path.join(TOP, "build/release/ferula"))


def start(folder, *arguments):
    return subprocess.Popen([sys.executable, os.path.join(TOP, "tools/demo.py"), "--ferula", FERULA,
                             *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env=dict(os.environ, TMPDIR=str(folder)))


def left_running(folder):
    """Processes whose command line names this demo's folder."""
    found = subprocess.run(["pgrep", "-af", str(folder)], stdout=subprocess.PIPE, text=True)
    return found.stdout


def test_a_short_story_rises_to_ten_replicas_and_falls_back_to_one(tmp_path):
    process = start(tmp_path, "--window", "6s")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert re.search(r"^demo: ok: the value rose to 1[3-6]\d\.\d req/s", output, re.M), output
    assert "20 times faster" in output
    assert not left_running(tmp_path)


def test_an_interrupt_leaves_nothing_running(tmp_path):
    process = start(tmp_path, "--window", "6s")
    for line in process.stdout:
        if "KEDA's value" in line:
            break
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "nothing is left running" in output
    assert not left_running(tmp_path)
