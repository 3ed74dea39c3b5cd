"""The life of `ferula serve`: start, signals, restarts, and folders that are not fit for it."""
import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from conftest_server import FERULA, clean_env, run_ferula, start_server


def serve(tmp_path, *flags, timeout=60):
    """A server that is expected to end by itself."""
    return run_ferula("serve", "--web.listen-address=127.0.0.1:0", *flags, cwd=tmp_path,
                      timeout=timeout)


# ---- signals ----------------------------------------------------------------------------------

@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(tmp_path, signum):
    with start_server(tmp_path) as server:
        server.push("m 1\n")
        assert server.stop(signum) == 0
        assert 'msg="See you next time!"' in server.stderr_text()


def test_a_signal_during_idle_connections(tmp_path):
    with start_server(tmp_path) as server:
        idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
        idle[0].sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n")  # half a request
        begun = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begun < 15
        for s in idle:
            s.close()


def test_a_signal_during_writes_loses_nothing(tmp_path):
    """Writers go on until the server is gone; each sample that got a 204 is there afterwards."""
    import rw

    acknowledged = []
    with start_server(tmp_path) as server:
        base = int(time.time() * 1000) - 60000

        def write(worker):
            i = 0
            while True:
                try:
                    body = rw.body(({"__name__": "m", "w": str(worker)}, [(base + i, float(i))]))
                    if server.write(body).status == 204:
                        acknowledged.append((worker, i))
                except (OSError, http.client.HTTPException):
                    return
                i += 1

        workers = [threading.Thread(target=write, args=(w,)) for w in range(4)]
        for w in workers:
            w.start()
        while len(acknowledged) < 50:
            time.sleep(0.01)
        assert server.stop() == 0
        for w in workers:
            w.join()
        server.start()
        for w in range(4):
            mine = [i for worker, i in acknowledged if worker == w]
            got = server.query(f'count_over_time(m{{w="{w}"}}[1h])', base / 1000 + 120)
            assert int(got["result"][0]["value"][1]) >= len(mine)


def test_a_second_signal_does_not_wait(tmp_path):
    """Both are pending when the process goes on, so the order of things is certain."""
    with start_server(tmp_path) as server:
        server.push("m 1\n")
        server.proc.send_signal(signal.SIGSTOP)
        server.proc.send_signal(signal.SIGTERM)
        server.proc.send_signal(signal.SIGINT)
        server.proc.send_signal(signal.SIGCONT)
        assert server.proc.wait(30) == 130
        server.start()
        assert server.value("m") == "1"


def test_a_file_that_is_damaged_under_it_ends_it_with_one_line(tmp_path):
    """Leaf pages that say they are LMDB's own copies: it writes to them, and the map is read-only."""
    with start_server(tmp_path) as server:
        server.errors_expected = True
        server.push("m 1\n")
        path = os.path.join(server.dir, "ferula.mdb")
        with open(path, "r+b", buffering=0) as file:
            for at in range(2 * 4096, os.path.getsize(path), 4096):
                file.seek(at + 10)
                if file.read(2) == b"\x02\0":
                    file.seek(at + 10)
                    file.write(b"\x12\0")
        with pytest.raises(AssertionError):
            server.push("m 2\n")
        assert server.proc.wait(30) == 70
        server.wait_log('level=ERROR msg="the data file is damaged')
        server.wait_log(f'file="{path}"')


def test_a_data_file_that_is_cut_under_it(tmp_path):
    with start_server(tmp_path) as server:
        server.errors_expected = True
        server.push("m 1\n")
        os.truncate(os.path.join(server.dir, "ferula.mdb"), 0)
        with pytest.raises((OSError, http.client.HTTPException)):
            server.get("/api/v1/labels")
        assert server.proc.wait(30) == 70
        server.wait_log('level=ERROR msg="the data file cannot be read')


def test_sighup_changes_nothing(server):
    server.proc.send_signal(signal.SIGHUP)
    server.wait_log("SIGHUP ignored")
    assert server.get("/-/healthy").status == 200


# ---- health and readiness ---------------------------------------------------------------------

def test_healthy_and_ready(server):
    for path, text in (("/-/healthy", "Prometheus Server is Healthy.\n"),
                       ("/-/ready", "Prometheus Server is Ready.\n")):
        reply = server.get(path)
        assert reply.status == 200
        assert reply.text.split()[-1] == text.split()[-1]
        assert server.request("HEAD", path).status == 200


def test_log_begins_and_ready_line_is_one(server):
    log = server.stderr_text()
    assert 'msg="Starting ferula" version=' in log
    assert log.count('msg="Server is ready"') == 1
    assert f"address=127.0.0.1:{server.port}" in log


def test_serve_does_not_load_curl(server):
    with open(f"/proc/{server.proc.pid}/maps") as f:
        assert "libcurl" not in f.read()


def test_listens_on_all_addresses(tmp_path):
    with start_server(tmp_path, "--web.listen-address=:0") as server:
        assert server.get("/-/healthy").status == 200


# ---- restarts ---------------------------------------------------------------------------------

@pytest.mark.parametrize("kill", [False, True], ids=["SIGTERM", "SIGKILL"])
def test_restart_keeps_data(server, kill):
    server.push('# HELP m Help of m.\n# TYPE m gauge\nm{a="b"} 42 1700000000000\n')
    for _ in range(3):
        server.restart(kill=kill)
        assert server.value("m", 1700000000) == "42"
        assert server.get("/api/v1/labels").json()["data"] == ["__name__", "a"]
        assert server.get("/api/v1/metadata").json()["data"]["m"][0]["help"] == "Help of m."


# ---- folders ----------------------------------------------------------------------------------

def test_second_server_on_the_same_folder(server, tmp_path):
    done = serve(tmp_path, "--storage.tsdb.path=" + server.dir)
    assert done.returncode == 1
    assert 'msg="Cannot open the store"' in done.stderr and server.dir in done.stderr
    server.push("m 1\n")
    assert server.value("m") == "1"


def test_port_in_use(server, tmp_path):
    done = run_ferula("serve", f"--web.listen-address=127.0.0.1:{server.port}",
                      f"--storage.tsdb.path={tmp_path}/other")
    assert done.returncode == 1
    assert 'msg="Cannot listen"' in done.stderr and str(server.port) in done.stderr


def test_folder_is_made(tmp_path):
    folder = tmp_path / "data"
    with start_server(tmp_path):
        assert folder.is_dir()


def test_folder_is_a_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("x")
    done = serve(tmp_path, f"--storage.tsdb.path={path}")
    assert done.returncode == 1
    assert str(path) in done.stderr
    assert path.read_text() == "x"


def test_read_only_folder():
    """Root may write anywhere, so a run as root starts the server as nobody."""
    with tempfile.TemporaryDirectory() as top:
        os.chmod(top, 0o755)
        binary, folder = os.path.join(top, "ferula"), os.path.join(top, "ro")
        shutil.copy(FERULA, binary)
        os.mkdir(folder)
        os.chmod(folder, 0o555)
        done = subprocess.run([binary, "serve", "--web.listen-address=127.0.0.1:0",
                               "--storage.tsdb.path=" + folder], stderr=subprocess.PIPE, text=True,
                              user=65534 if os.geteuid() == 0 else None, timeout=60, cwd=top,
                              env=clean_env())
        assert done.returncode == 1
        assert 'msg="Cannot open the store"' in done.stderr
        assert f"the data folder {folder} is not writable" in done.stderr
        assert os.listdir(folder) == []


def test_folder_that_nobody_can_write_to(tmp_path):
    done = serve(tmp_path, "--storage.tsdb.path=/proc/ferula")
    assert done.returncode == 1
    assert 'msg="Cannot open the store"' in done.stderr and "/proc/ferula" in done.stderr


def test_foreign_store_is_left_alone(tmp_path):
    """Another program's LMDB file is neither used nor changed."""
    with start_server(tmp_path / "probe") as server:
        name = os.path.basename(largest(server.dir))
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / name).write_bytes(b"somebody else's" * 1000)
    done = serve(tmp_path, f"--storage.tsdb.path={folder}")
    assert done.returncode == 1
    assert 'msg="Cannot open the store"' in done.stderr and str(folder) in done.stderr
    assert (folder / name).read_bytes() == b"somebody else's" * 1000


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "lost+found").mkdir()
    (folder / "notes").write_bytes(b"x" * 1024)
    (folder / ".hidden").write_bytes(b"x")
    with start_server(tmp_path) as server:
        server.push("m 1\n")
        (folder / "wal").mkdir()  # a folder that is ours already stays so
        server.restart()
        assert server.value("m") == "1"
    assert (folder / "notes").read_bytes() == b"x" * 1024
    assert (folder / ".hidden").read_bytes() == b"x"


@pytest.mark.parametrize("name, owner", [
    ("wal/00000000", "Prometheus"), ("chunks_head/000001", "Prometheus"),
    ("queries.active", "Prometheus"),
    ("01HZX3Q2V8J6T0N9M4K7B5C1DE/meta.json", "Prometheus"), ("flock.lock", "VictoriaMetrics"),
    ("indexdb/1", "VictoriaMetrics"), ("data.mdb", "LMDB"), ("lock.mdb", "LMDB")])
def test_folder_of_another_program(tmp_path, name, owner):
    path = tmp_path / "theirs" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"theirs")
    done = serve(tmp_path, f"--storage.tsdb.path={tmp_path}/theirs")
    assert done.returncode == 1
    assert 'msg="Cannot open the store"' in done.stderr
    assert owner in done.stderr and name.partition("/")[0] in done.stderr
    assert path.read_bytes() == b"theirs"
    assert len(os.listdir(tmp_path / "theirs")) == 1, "nothing was added"


def files_of(folder):
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.path.getsize(path) > 0 and "lock" not in name.lower():
            yield path


def largest(folder):
    return max(files_of(folder), key=os.path.getsize)


def damaged(server, change):
    """Stops the server, lets `change` at its data file, and starts it: (exit code, stderr)."""
    server.push("".join(f'm{{i="{i}"}} {i} 1700000000000\n' for i in range(500)))
    assert server.stop() == 0
    with open(largest(server.dir), "r+b") as f:
        change(f)
    proc = subprocess.Popen([FERULA, "serve", *server.flags], stderr=subprocess.PIPE, text=True,
                            env=clean_env(), cwd=server.cwd)
    lines = []
    for line in proc.stderr:
        lines.append(line)
        if "Server is ready" in line:
            proc.terminate()
    return proc.wait(), "".join(lines)


def overwrite_start(f):
    f.write(b"not a store" * 1000)


def cut(f):
    f.truncate(os.fstat(f.fileno()).st_size // 2)


def zero_all(f):
    size = os.fstat(f.fileno()).st_size
    f.write(b"\0" * size)


@pytest.mark.parametrize("change", [overwrite_start, cut, zero_all])
def test_damaged_file_is_one_clear_error(server, change):
    code, text = damaged(server, change)
    assert code == 1, text
    assert 'msg="Cannot open the store"' in text
    assert "ferula" in text and "==ERROR" not in text


def test_empty_folder_of_a_killed_first_start(tmp_path):
    """kill -9 at any time during the first start leaves a folder that the next start can use."""
    for delay in (0, 0.002, 0.005, 0.01, 0.02):
        proc = subprocess.Popen([FERULA, "serve", "--web.listen-address=127.0.0.1:0",
                                 f"--storage.tsdb.path={tmp_path}/data"], stderr=subprocess.DEVNULL,
                                env=clean_env())
        time.sleep(delay)
        proc.kill()
        proc.wait()
    with start_server(tmp_path) as server:
        server.push("m 1\n")
        assert server.value("m") == "1"
