"""The documents keep their word: every row of docs/bad-input.md names a test that is there."""
import os
import re
import subprocess

from conftest_server import FERULA, start_server

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def rows():
    return re.findall(r"^\| ([^|]+?) +\| ([^|]+?) +\| `([^`|]+)` +\|$", read("docs/bad-input.md"), re.M)


def test_every_row_names_a_test_that_exists():
    assert len(rows()) > 50
    for what, _, where in rows():
        match = re.fullmatch(r"(\w+\.py)::(\w+)(?:\[(.+)\])?", where)
        assert match, where
        text = read("tests/blackbox/" + match.group(1))
        assert re.search(rf"^def {match.group(2)}\(", text, re.M), where
        if match.group(3):
            assert f'"{match.group(3)}"' in text, f"{what}: no case {match.group(3)!r}"


def test_every_case_has_a_row():
    import test_bad_input as cases
    named = {where for _, _, where in rows()}
    for table, test in ((cases.BODIES, "test_bodies"), (cases.LABEL_SETS, "test_label_sets"),
                        (cases.SAMPLES, "test_samples"), (cases.QUERIES, "test_queries")):
        for name in table:
            assert f"test_bad_input.py::{test}[{name}]" in named, name


def test_the_quick_start_does_what_it_shows(tmp_path):
    """The README's lines as a shell runs them, on a free port and in a folder of the test's own."""
    block = re.search(r"^```console\n(.*?)^```", read("README.md"), re.M | re.S).group(1)
    lines = re.findall(r"^[$>] (.*)$", block, re.M)
    assert lines[0].startswith("make && ") and lines[1].startswith("ferula --web.listen-address=")
    with start_server(tmp_path) as server:
        script = "\n".join(lines[2:]).replace("http://127.0.0.1:9090", server.url)
        done = subprocess.run(["bash", "-ec", script], stdout=subprocess.PIPE, text=True, check=True,
                              env=dict(os.environ, PATH=os.path.dirname(FERULA) + ":" + os.environ["PATH"]))
    shown = [line for line in block.splitlines() if not line.startswith(("$", ">", "time="))]
    said = done.stdout.replace(server.url, "http://127.0.0.1:9090").splitlines()
    assert [re.sub(r"@\[.*", "", line) for line in said] == [re.sub(r"@\[.*", "", line) for line in shown]


def test_the_story_is_told_as_it_runs():
    block = re.findall(r"^```console\n(.*?)^```", read("README.md"), re.M | re.S)[1]
    commands = re.findall(r"^\$ (.*)$", block, re.M)
    shown = re.split(r"^\$ .*\n", block, flags=re.M)[1:]
    for command, output in zip(commands, shown):
        done = subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE, text=True, check=True, cwd=TOP,
                              env=dict(os.environ, PATH=os.path.dirname(FERULA) + ":" + os.environ["PATH"]))
        assert done.stdout == output, command


def test_the_reference_of_metrics_is_what_is_served(server):
    written = subprocess.run([os.path.join(TOP, "tools/metrics-doc")], stdout=subprocess.PIPE, text=True,
                             check=True).stdout
    assert written == read("docs/metrics.md"), "tools/metrics-doc > docs/metrics.md"
    served = server.get("/metrics").text
    for name in re.findall(r"`(\w+)`", written):
        if name.startswith("ferula_") and not name.startswith("ferula_http_re"):
            assert re.search(rf"^{name}[ {{]", served, re.M), name


def test_the_project_speaks_of_itself_only():
    """No path of a machine, no name of a registry's host."""
    hosts = ("proxy." + "golang.org", "pypi." + "org", "registry." + "npmjs", "deb." + "debian.org")
    for root, folders, files in os.walk(TOP):
        folders[:] = [f for f in folders if f not in ("build", ".git", "__pycache__", "corpus")]
        for name in files:
            if name.endswith((".c", ".h", ".cc", ".py", ".md", ".sh", ".go", ".yaml", ".yml", ".txt",
                              "Makefile")) and name != "go.sum":
                with open(os.path.join(root, name), encoding="utf-8", errors="replace") as file:
                    text = file.read()
                assert not any(host in text for host in hosts), os.path.join(root, name)
                assert not re.search(r"(?<![\w.])/(?:work|root|home)/\w", text), os.path.join(root, name)
