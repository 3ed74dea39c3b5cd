#!/usr/bin/env python3
"""The sample app of the walkthrough: a small HTTP server that counts its requests.

Any path is answered with a greeting and counted in http_requests_total; /metrics exposes the counter
in Prometheus' text format. Standard library only, so python:3-slim runs it as it is.

    sample_app.py [--listen HOST:PORT]     (default 0.0.0.0:8000; port 0: any; the address is printed)
"""
import argparse
import http.server
import signal
import threading

METRICS = """\
# HELP http_requests_total Requests that the app has answered.
# TYPE http_requests_total counter
http_requests_total{{method="GET",path="/"}} {requests}
# HELP sample_app_info The sample app.
# TYPE sample_app_info gauge
sample_app_info{{version="1"}} 1
"""


class Counter:
    def __init__(self):
        self.value = 0
        self.lock = threading.Lock()

    def add(self):
        with self.lock:
            self.value += 1


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # head and body in one segment: two would wait for the peer's delayed ACK
    counter = Counter()

    def do_GET(self):
        if self.path == "/metrics":
            body = METRICS.format(requests=self.counter.value).encode()
            kind = "text/plain; version=0.0.4; charset=utf-8"
        elif self.path == "/healthz":
            body, kind = b"ok\n", "text/plain"
        else:
            self.counter.add()
            body, kind = b"hello\n", "text/plain"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Quiet: a line a request would drown everything else."""


def main():
    parser = argparse.ArgumentParser(description="HTTP server that counts its requests")
    parser.add_argument("--listen", default="0.0.0.0:8000", metavar="HOST:PORT")
    host, _, port = parser.parse_args().listen.rpartition(":")
    http.server.ThreadingHTTPServer.daemon_threads = True
    server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"sample app on {host}:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
