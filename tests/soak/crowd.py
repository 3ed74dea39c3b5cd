"""Many clients of one server at once, each a process, on a time that runs faster than the clock.

Samples are of the past: while a second passes, SPEED seconds of data do, so that slots are sealed,
checkpoints made and old samples deleted within seconds.
"""
import multiprocessing
import socket
import time
import traceback
import urllib.parse

SPEED = 1200
AGO_S = 60 * 24 * 3600  # where the data begin; at SPEED that is enough for an hour

fork = multiprocessing.get_context("fork")


class DataClock:
    """Milliseconds of data, the same in all processes."""

    def __init__(self):
        self.base_ms = int((time.time() - AGO_S) * 1000)
        self.began = time.monotonic()

    def now_ms(self):
        return self.base_ms + int((time.monotonic() - self.began) * 1000 * SPEED)


class Client:
    """One connection that is kept; as little work a request as Python allows."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.left = b""

    def ask(self, head, body=b""):
        """Sends a request; gives (status, body)."""
        self.sock.sendall(f"{head}\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        data = self.left
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self.receive()
        status, lengths = int(data[9:12]), data[:end].lower().split(b"\r\ncontent-length:")
        size = 0 if status == 204 else int(lengths[1].split(b"\r\n")[0])
        while len(data) < end + 4 + size:
            data += self.receive()
        self.left = data[end + 4 + size:]
        return status, data[end + 4:end + 4 + size]

    def receive(self):
        data = self.sock.recv(1 << 20)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data

    def write(self, body, backfill=False):
        return self.ask("POST /api/v1/write HTTP/1.1\r\nContent-Type: application/x-protobuf\r\n"
                        "Content-Encoding: snappy" +
                        ("\r\nFerula-Backfill: true" if backfill else ""), body)

    def get(self, path, **params):
        return self.ask(f"GET {path}?{urllib.parse.urlencode(params)} HTTP/1.1")

    def query(self, expr, time_ms, **params):
        return self.get("/api/v1/query", query=expr, time=f"{time_ms / 1000:.3f}", **params)


class Crowd:
    """Runs functions in processes; each is called as work(client, stop, *args) and gives a count."""

    def __init__(self, port):
        self.port = port
        self.stop = fork.Event()
        self.members = []

    def add(self, work, *args):
        mine, theirs = fork.Pipe(duplex=False)
        process = fork.Process(target=self.run, args=(work, args, theirs), daemon=True)
        process.start()
        theirs.close()
        self.members.append((work.__name__, process, mine))

    def run(self, work, args, out):
        try:
            out.send((work(Client(self.port), self.stop, *args), None))
        except BaseException:
            self.stop.set()  # the others need not go on
            out.send((0, traceback.format_exc()))

    def wait(self, timeout=3600):
        """Sums of what the functions gave, by their names; fails with the first error of one."""
        sums, wrong = {}, []
        for name, process, pipe in self.members:
            if not pipe.poll(timeout):
                wrong.append(f"{name} does not end")
                process.kill()
                continue
            n, error = pipe.recv()
            sums[name] = sums.get(name, 0) + n
            if error:
                wrong.append(f"{name}: {error}")
            process.join()
        assert not wrong, "\n".join(wrong[:3])
        return sums

    def run_for(self, seconds):
        self.stop.wait(seconds)
        self.stop.set()
        return self.wait()
