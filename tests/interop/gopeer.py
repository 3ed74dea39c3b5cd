"""Go programs as peers: built once from their module under tests/interop, kept in build/interop."""
import json
import os
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def build(module, package):
    """The program of tests/interop/<module>/<package>; Go's own cache makes a second build quick."""
    out = os.path.join(TOP, "build/interop", f"{module}-{package}")
    os.makedirs(os.path.dirname(out), exist_ok=True)
    done = subprocess.run([os.path.join(TOP, "tools/go"), "build", "-o", out, "./" + package],
                          cwd=os.path.join(TOP, "tests/interop", module), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=2400)
    assert done.returncode == 0, f"go build of {module}/{package}:\n{done.stdout[-4000:]}"
    return out


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
