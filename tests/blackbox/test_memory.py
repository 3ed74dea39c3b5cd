"""--storage.memory: nothing on a disk, the same answers, empty after a restart."""
import glob
import os
import time

import pytest

import rw
from conftest_server import start_server


@pytest.fixture
def memory_server(tmp_path):
    with start_server(tmp_path, "--storage.memory", "--storage.map-size=8MB") as server:
        server.errors_expected = True
        yield server


def links(proc):
    """Where the descriptors of a process lead."""
    found = []
    for path in glob.glob(f"/proc/{proc.pid}/fd/*"):
        try:
            found.append(os.readlink(path))
        except OSError:
            pass  # closed meanwhile
    return found


def memory_file_bytes(proc):
    """What the memory files of a process take."""
    files = {}
    for path in glob.glob(f"/proc/{proc.pid}/fd/*"):
        try:
            if os.readlink(path).startswith("/memfd:"):
                stat = os.stat(path)
                files[stat.st_ino] = stat.st_blocks * 512
        except OSError:
            pass  # closed meanwhile
    return sum(files.values())


def test_no_file_appears(tmp_path, memory_server):
    memory_server.push("m 1\n")
    assert memory_server.value("m") == "1"
    assert os.listdir(tmp_path) == []
    files = [link for link in links(memory_server.proc) if link.startswith("/")]
    names = [name for name in files if not name.startswith(("/memfd:", "/dev/null"))]
    assert names == [], files
    assert any(name.startswith("/memfd:ferula.mdb") for name in files)
    assert glob.glob("/dev/shm/ferula-memory-*") == []


def test_a_restart_is_empty_and_sigterm_is_clean(memory_server):
    memory_server.push("m 1\n")
    assert memory_server.stop() == 0
    memory_server.start()
    assert memory_server.query("m")["result"] == []
    memory_server.push("m 2\n")
    assert memory_server.value("m") == "2"


def test_memory_is_bounded_by_the_map_size(memory_server):
    """Series come until the store is full: 503, queries go on, and the files stay in the bound."""
    now, stored = int(time.time() * 1000), 0
    for i in range(400):
        reply = memory_server.write(rw.body(*[({"__name__": "m", "i": f"{i}-{j}", "pad": "x" * 200},
                                               [(now, 1.0)]) for j in range(200)]))
        if reply.status != 204:
            break
        stored += 200
    assert reply.status == 503 and reply.headers["retry-after"], reply
    assert memory_server.value("count(m)") == str(stored)
    assert memory_server.get("/-/ready").status == 200
    assert 4 * 2**20 < memory_file_bytes(memory_server.proc) < 9 * 2**20


def test_a_path_beside_it_is_said_to_be_of_no_use(tmp_path):
    path = str(tmp_path / "other")
    with start_server(tmp_path, "--storage.memory", "--storage.tsdb.path=" + path) as server:
        server.wait_log("--storage.tsdb.path is not used with --storage.memory")
        assert not os.path.exists(path)


@pytest.mark.parametrize("place", ["missing", "not a folder"])
def test_odd_temporary_folders_do_not_matter(tmp_path, place):
    odd = tmp_path / "odd"
    if place == "not a folder":
        odd.write_text("")
    with start_server(tmp_path, "--storage.memory", env={"TMPDIR": str(odd)}) as server:
        server.push("m 1\n")
        assert server.value("m") == "1"
