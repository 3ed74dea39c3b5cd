"""The CI pieces: the very commands of each file are run, in order, as its runner would."""
import os
import re
import shutil
import subprocess
import sys

import yaml

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CI = os.path.join(TOP, "deploy/ci")
ALL_PASSED = re.compile(r"^[1-9]\d* passed, 0 failed$", re.M)
FERULA = os.environ.get("FERULA", os.path.join(TOP, "build/release/ferula"))


def checkout(tmp_path):
    """A folder that looks like a built checkout; set-up and make were done by whoever built it."""
    folder = tmp_path / "ferula"
    (folder / "build/release").mkdir(parents=True)
    (folder / "tools").mkdir()
    shutil.copy(FERULA, folder / "build/release/ferula")
    shutil.copytree(os.path.join(TOP, "examples"), folder / "examples")
    (folder / "tools/setup").write_text("#!/bin/sh\nexit 0\n")
    (folder / "tools/setup").chmod(0o755)
    (folder / "Makefile").write_text("ferula:\n\t@:\n")
    return folder


def test_github_actions(tmp_path):
    with open(os.path.join(CI, "github-actions.yml"), encoding="utf-8") as file:
        job = yaml.safe_load(file)["jobs"]["keda-query"]
    checkout(tmp_path)
    variables = tmp_path / "env"
    variables.write_text("")
    env = dict(os.environ, RUNNER_TEMP=str(tmp_path), GITHUB_ENV=str(variables))
    ran, said = 0, []
    try:
        for step in job["steps"]:
            if "run" not in step:
                continue
            env.update(line.split("=", 1) for line in variables.read_text().splitlines())
            cwd = tmp_path / step.get("working-directory", ".")
            with open(tmp_path / "out", "wb") as out:  # a pipe would wait for the server, too
                done = subprocess.run(["sh", "-e", "-c", step["run"]], cwd=cwd, env=env, timeout=60,
                                      stdout=out, stderr=out)
            said.append((tmp_path / "out").read_text())
            assert done.returncode == 0, step["name"] + "\n" + said[-1]
            ran += 1
    finally:
        stop(tmp_path / "ferula.pid")
    assert "KEDA gets 45.000" in "".join(said)
    assert ALL_PASSED.search("".join(said))
    assert (tmp_path / "scaling.xml").exists()
    assert ran == 7


def stop(pid_file):
    if pid_file.exists():
        subprocess.run(["kill", pid_file.read_text().strip()], stderr=subprocess.DEVNULL)


def test_gitlab(tmp_path):
    with open(os.path.join(CI, "gitlab-ci.yml"), encoding="utf-8") as file:
        job = yaml.safe_load(file)["keda-query"]
    checkout(tmp_path)
    script = "\n".join(job["before_script"] + job["script"])  # GitLab runs both in one shell
    env = dict(os.environ, DATA=str(tmp_path / "data"), LOG=str(tmp_path / "log"))
    assert set(job["variables"]) == {"DATA", "LOG"}
    done = subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env=env, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    assert "KEDA gets 45.000" in done.stdout
    assert ALL_PASSED.search(done.stdout) and (tmp_path / "ferula/scaling.xml").exists()


def keda_of(kind, result):
    """What the fixture makes of an answer."""
    sys.path.insert(0, CI)
    try:
        import ferula_fixture
    finally:
        sys.path.remove(CI)
    server = object.__new__(ferula_fixture.Ferula)
    server.ask = lambda expression: {"resultType": kind, "result": result}
    return server.keda("q")


def test_what_the_fixture_makes_of_answers():
    for value, want in [("45.0004", 45), ("0.0005", 0.001), ("NaN", 0), ("+Inf", 0), ("-Inf", 0), ("-3", 0)]:
        assert keda_of("vector", [{"metric": {}, "value": [0, value]}]) == want
    assert keda_of("vector", []) == 0
    for answer in [("scalar", [0, "1"]), ("vector", [{"value": [0, "1"]}] * 2)]:
        try:
            keda_of(*answer)
        except AssertionError as e:
            assert str(e).startswith("KEDA ")
        else:
            assert False, answer


def test_pytest_fixture():
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                           "test_example.py"], cwd=CI, env=dict(os.environ, FERULA=FERULA),
                          timeout=60, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout
