"""A recording HTTP proxy: forwards every request to one or more servers and keeps what was said.

The first upstream's answer goes back to the client; what the others said is kept beside it.
"""
import http.client
import http.server
import threading
from dataclasses import dataclass, field

WRITTEN = "x-prometheus-remote-write-"

@dataclass
class Exchange:
    method: str
    path: str
    headers: dict
    body: bytes
    answers: list = field(default_factory=list)  # (status, body) of each upstream, in order
    written: list = field(default_factory=list)  # each upstream's X-Prometheus-Remote-Write headers


class Proxy:
    """Use as a context manager; .url is what clients are given, .log what has been recorded."""

    def __init__(self, *upstreams):
        self.upstreams = list(upstreams)  # "host:port"; may be changed while running
        self.log = []
        self.lock = threading.Lock()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                exchange = Exchange(self.command, self.path, dict(self.headers.items()), body)
                first = None
                for upstream in proxy.upstreams:
                    answer = proxy.forward(upstream, exchange)
                    exchange.answers.append(answer[:2])
                    exchange.written.append(answer[3])
                    first = first or answer
                with proxy.lock:
                    proxy.log.append(exchange)
                status, content, kind, written = first
                self.send_response(status)
                for name, value in written.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if status != 204:
                    self.wfile.write(content)

            do_GET = do_POST = handle_any

            def log_message(self, *args):
                """Quiet."""

        http.server.ThreadingHTTPServer.daemon_threads = True
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def forward(self, upstream, exchange):
        """(status, body, content type, what it says that it wrote); 502 when it cannot be reached."""
        connection = http.client.HTTPConnection(upstream, timeout=10)
        try:
            headers = {k: v for k, v in exchange.headers.items()
                       if k.lower() not in ("host", "connection", "accept-encoding")}
            connection.request(exchange.method, exchange.path, exchange.body or None, headers)
            answer = connection.getresponse()
            written = {k: v for k, v in answer.getheaders() if k.lower().startswith(WRITTEN)}
            kind = answer.getheader("Content-Type") or "text/plain"
            return answer.status, answer.read(), kind, written
        except (OSError, http.client.HTTPException) as error:
            return 502, str(error).encode(), "text/plain", {}
        finally:
            connection.close()

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def exchanges(self):
        with self.lock:
            return list(self.log)
