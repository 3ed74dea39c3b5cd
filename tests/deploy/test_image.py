"""The one script that the Dockerfile runs, run here; what it makes is a root file system that works.

The image build itself (docker build) is not part of the tests.
"""
import os
import re
import subprocess
import urllib.request

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    out = tmp_path_factory.mktemp("image")
    done = subprocess.run(["sh", os.path.join(TOP, "deploy/image/build.sh"), str(out)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
    assert done.returncode == 0, done.stdout
    return out


def inside(root, *command):
    """As the container runs it: its own root, user 65534 where we may choose, no other file."""
    if os.geteuid() == 0:
        return ["chroot", "--userspec=65534:65534", str(root), *command]
    return ["unshare", "--user", "--map-root-user", "chroot", str(root), *command]


def test_the_image_runs_from_its_own_root(root):
    done = subprocess.run(inside(root, "/usr/bin/ferula", "--version"), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=20)
    assert done.returncode == 0 and done.stdout.startswith("ferula, version"), done.stdout
    process = subprocess.Popen(inside(root, "/usr/bin/ferula", "serve",
                                      "--web.listen-address=127.0.0.1:0",
                                      "--storage.tsdb.path=/data"),
                               stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            found = re.search(r"Server is ready.*address=(\S+)", line)
            if found:
                break
        answer = urllib.request.urlopen(f"http://{found.group(1)}/-/ready", timeout=5)
        assert answer.status == 200
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 0


def test_the_dockerfile_runs_that_script_and_starts_that_program():
    with open(os.path.join(TOP, "deploy/image/Dockerfile"), encoding="utf-8") as file:
        text = file.read()
    assert re.findall(r"^RUN (.*)$", text, re.M) == ["sh /src/deploy/image/build.sh /image"]
    assert 'ENTRYPOINT ["/usr/bin/ferula"]' in text and "USER 65534" in text
