"""A tiny HTTP server that answers with what it was sent: the other end of the demo's actions, and of tests.

It writes each request down, values included, because that is its point: it shows that the real value arrived. It
listens on loopback alone.
"""

import json
from contextlib import AbstractContextManager

from config.demo.loopback import Handler, Note, serving_http


class EchoHandler(Handler):
    """Answers every method with the request as JSON; `?status=404` asks for another status."""

    def answer(self) -> None:
        """Read the request, note it, send it back."""
        body = json.dumps(self.received(), indent=2).encode()
        self.send_json(404 if "status=404" in self.path else 200, body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer  # noqa: N815 - the names that http.server calls


def serving(port: int, note: Note) -> AbstractContextManager[int]:
    """Serve on 127.0.0.1 in a thread until the block ends; the port in use (0 asks for a free one)."""
    return serving_http(EchoHandler, port, note)
