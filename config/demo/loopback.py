"""HTTP servers of the demo, in threads of this process, on loopback alone."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOST = "127.0.0.1"
LARGEST_BODY = 1024 * 1024
SECONDS_TO_END = 0.02
"""How often a server looks whether it is to end."""

Note = Callable[[dict[str, Any]], None]
"""Takes down what a server received."""


class Server(ThreadingHTTPServer):
    """Refuses a port that another server listens on."""

    allow_reuse_port = False
    daemon_threads = True


class Handler(BaseHTTPRequestHandler):
    """Reads a request and notes it."""

    protocol_version = "HTTP/1.1"
    note: Note

    def received(self) -> dict[str, Any]:
        """The request, noted."""
        length = min(int(self.headers.get("Content-Length") or 0), LARGEST_BODY)
        seen = {
            "method": self.command,
            "path": self.path,
            "headers": dict(self.headers.items()),
            "body": self.rfile.read(length).decode("utf-8", "replace"),
        }
        self.note(seen)
        return seen

    def send_json(self, status: int, body: bytes) -> None:
        """Answer with a JSON document; HEAD gets its headers alone."""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """The standard line would repeat the query string on standard error; `note` is the record."""


@contextmanager
def serving_http(handler: type[Handler], port: int, note: Note) -> Iterator[int]:
    """Serve in a thread until the block ends; the port in use (0 asks for a free one).

    Raises:
        OSError: the port is taken.
    """
    noting = type(f"Noting{handler.__name__}", (handler,), {"note": staticmethod(note)})
    with Server((HOST, port), noting) as server:
        threading.Thread(
            target=server.serve_forever, args=(SECONDS_TO_END,), name=handler.__name__, daemon=True
        ).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
