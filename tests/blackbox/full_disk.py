"""Run by test_bad_input.py inside a mount namespace: ferula on a disk that fills up and is freed."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rw  # noqa: E402
from conftest_server import Server  # noqa: E402


def write(server, i):
    samples = [({"__name__": "fill", "i": f"{i}-{j}", "pad": "x" * 200}, [(int(time.time() * 1000), float(i))])
               for j in range(20)]
    return server.write(rw.body(*samples))


def main(folder):
    ballast = os.path.join(folder, "ballast")
    with open(ballast, "wb") as out:
        out.write(bytes(1 << 20))
    server = Server(folder)
    server.errors_expected = True
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
    os.unlink(ballast)
    reply = write(server, i)
    assert reply.status == 204, reply
    stored += 20
    server.restart(kill=True)
    assert server.value("count(last_over_time(fill[5m]))") == str(stored)
    server.stop()
    print("recovered")


if __name__ == "__main__":
    main(sys.argv[1])
