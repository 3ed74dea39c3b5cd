"""Run by test_bad_input.py: ferula on a disk that fills up and is freed.

    full_disk.py [--limit] FOLDER     FOLDER is a small file system; --limit: any folder will do
"""
import os
import resource
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rw  # noqa: E402
from conftest_server import Server  # noqa: E402


def write(server, i):
    samples = [({"__name__": "fill", "i": f"{i}-{j}", "pad": "x" * 200}, [(int(time.time() * 1000), float(i))])
               for j in range(20)]
    return server.write(rw.body(*samples))


class Ballast:
    """Room that is taken at first, and given back."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "ballast")
        with open(self.path, "wb") as out:
            out.write(bytes(1 << 20))

    def attach(self, server):
        """The disk is as full as it is."""

    def free(self, server):
        os.unlink(self.path)


class SizeLimit:
    """The same by RLIMIT_FSIZE: no file of the server may grow beyond 1 MiB, until it may."""

    def attach(self, server):
        self.old = resource.prlimit(server.proc.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.proc.pid, resource.RLIMIT_FSIZE, (1 << 20, self.old[1]))

    def free(self, server):
        resource.prlimit(server.proc.pid, resource.RLIMIT_FSIZE, self.old)


def main(folder, limit):
    room = SizeLimit() if limit else Ballast(folder)
    server = Server(folder)
    server.errors_expected = True
    room.attach(server)
    stored, i, reply = 0, 0, None
    while i < 400:
        reply = write(server, i)
        i += 1
        if reply.status != 204:
            break
        stored += 20
    assert reply.status == 503 and reply.headers["retry-after"], reply
    assert server.get("/-/healthy").status == 200
    assert server.value("count(fill)") == str(stored)
    room.free(server)
    reply = write(server, i)
    assert reply.status == 204, reply
    stored += 20
    server.restart(kill=True)
    assert server.value("count(last_over_time(fill[5m]))") == str(stored)
    server.stop()
    print("recovered")


if __name__ == "__main__":
    main(sys.argv[-1], "--limit" in sys.argv[1:-1])
