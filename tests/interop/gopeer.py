"""Go programs as peers: built once from their module under tests/interop, kept in build/interop."""
import json
import os
import shutil
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


OUT = os.path.join(TOP, "build/interop")


def go(folder, *arguments):
    """Runs Go's tool in a folder; gives what it prints."""
    os.makedirs(OUT, exist_ok=True)
    done = subprocess.run([os.path.join(TOP, "tools/go"), *arguments], cwd=folder, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=2400)
    assert done.returncode == 0, f"go {' '.join(arguments)}:\n{done.stderr[-4000:]}"
    return done.stdout


def build(module, package, *flags, name=None):
    """The program of tests/interop/<module>/<package>; Go's own cache makes a second build quick."""
    out = os.path.join(OUT, name or f"{module}-{package}")
    go(os.path.join(TOP, "tests/interop", module), "build", *flags, "-o", out, "./" + package)
    return out


def build_tool(module, path, *flags):
    """A program of a module that tests/interop/<module> requires as a tool."""
    out = os.path.join(OUT, path.rsplit("/", 1)[1])
    go(os.path.join(TOP, "tests/interop", module), "build", *flags, "-o", out, path)
    return out


def build_test(module, package, name, *flags):
    """The test program of tests/interop/<module>/<package>: a peer that needs virtual time."""
    out = os.path.join(OUT, name + ".test")
    go(os.path.join(TOP, "tests/interop", module), "test", "-c", *flags, "-o", out, "./" + package)
    return out


def build_tests(path, version, checksum, name):
    """The test program of a module that is nothing but tests, and the copy of it to run them in."""
    copy = os.path.join(OUT, name)
    program = copy + ".test"
    if not os.path.exists(program):
        os.makedirs(OUT, exist_ok=True)
        module = json.loads(go(OUT, "mod", "download", "-json", f"{path}@{version}"))
        assert module["Sum"] == checksum, "another module than the one that is pinned"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(module["Dir"], copy, copy_function=shutil.copyfile)
        os.chmod(copy, 0o755)
        go(copy, "test", "-c", "-o", program, ".")
    return program, copy


class JsonLines:
    """A peer that answers a JSON line with a JSON line, for as long as it lives."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)

    def ask(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the peer has ended"
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=20)
