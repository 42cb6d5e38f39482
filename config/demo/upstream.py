"""A tiny HTTP server that answers with what it was sent: the other end of the demo's actions, and of tests.

It writes each request down, values included, because that is its point: it shows that the real value arrived. It
listens on loopback alone.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Note = Callable[[dict[str, Any]], None]
LARGEST_BODY = 1024 * 1024


class EchoHandler(BaseHTTPRequestHandler):
    """Answers every method with the request as JSON; `?status=404` asks for another status."""

    protocol_version = "HTTP/1.1"
    note: Note

    def answer(self) -> None:
        """Read the request, note it, send it back."""
        length = min(int(self.headers.get("Content-Length") or 0), LARGEST_BODY)
        seen = {
            "method": self.command,
            "path": self.path,
            "headers": dict(self.headers.items()),
            "body": self.rfile.read(length).decode("utf-8", "replace"),
        }
        self.note(seen)
        body = json.dumps(seen, indent=2).encode()
        self.send_response(404 if "status=404" in self.path else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """The standard line would repeat the query string on standard error; `note` is the record."""


@contextmanager
def serving(port: int, note: Note) -> Iterator[int]:
    """Serve on 127.0.0.1 in a thread until the block ends; the port in use (0 asks for a free one)."""
    handler = type("NotingEchoHandler", (EchoHandler,), {"note": staticmethod(note)})
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, name="echo-upstream", daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
