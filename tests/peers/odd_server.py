"""An MCP server of the legacy era over raw sockets, which answers each method as a test says, and keeps what it got."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.peers.upstreams import answering, http

SESSION = "session-0815-4711-canary"
TOOLS = [{"name": "echo", "description": "Says it again.", "inputSchema": {"type": "object"}}]
Answer = Callable[[dict, Any], None] | bytes


@dataclass
class Received:
    """One request: verb, headers in lower case, the message in it, and the body as it came."""

    verb: str
    target: str
    headers: dict[str, str]
    message: dict[str, Any]
    body: bytes

    @property
    def method(self) -> str:
        """The JSON-RPC method; that of HTTP where there is no message."""
        return self.message.get("method", self.verb)


def result(message: dict, found: Any, *headers: str) -> bytes:
    """A JSON answer."""
    body = json.dumps({"jsonrpc": "2.0", "id": message.get("id"), "result": found}).encode()
    return http(body, headers=("Content-Type: application/json", *headers))


def error(message: dict, code: int, status: str = "200 OK", **more: Any) -> bytes:
    """A JSON-RPC error."""
    body = {"jsonrpc": "2.0", "id": message.get("id"), "error": {"code": code, "message": "no", **more}}
    return http(json.dumps(body).encode(), status=status, headers=("Content-Type: application/json",))


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def event(message: Any) -> bytes:
    """One message of an event stream."""
    return b"event: message\ndata: " + json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n\n"


@dataclass
class OddServer:
    """What it answers to each method, by default what a server of 2025-11-25 would; `moved` answers by target."""

    answers: dict[str, Any] = field(default_factory=dict)
    moved: dict[str, bytes] = field(default_factory=dict)
    url: str = ""
    received: list[Received] = field(default_factory=list)

    @property
    def methods(self) -> list[str]:
        """What it was asked, in order."""
        return [each.method for each in self.received]

    def respond(self, request: bytes, sock: Any) -> None:
        """Keep and answer one request."""
        head, _, body = request.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        pairs = (line.partition(": ") for line in lines)
        headers = {name.lower(): value for name, _, value in pairs}
        verb, target, _ = first.split(" ")
        got = Received(verb, target, headers, json.loads(body) if body else {}, body)
        self.received.append(got)
        answer = self.moved.get(target) or self.answers.get(got.method, DEFAULTS.get(got.method))
        if isinstance(answer, list):
            answer = answer.pop(0)
        if callable(answer):
            answer = answer(got.message, sock)
        if answer:
            sock.sendall(answer)


DEFAULTS: dict[str, Any] = {
    "server/discover": http(b"Bad Request: no session", status="400 Bad Request"),
    "initialize": lambda message, _: result(
        message, {"protocolVersion": "2025-11-25", "capabilities": {}}, f"Mcp-Session-Id: {SESSION}"
    ),
    "notifications/initialized": http(b"", status="202 Accepted"),
    "tools/list": lambda message, _: result(message, {"tools": TOOLS}),
    "tools/call": lambda message, _: result(message, {"content": [{"type": "text", "text": "done"}]}),
    "DELETE": http(b""),
    "POST": http(b"", status="202 Accepted"),
}


@contextmanager
def odd_server(
    answers: dict[str, Any] | None = None, moved: dict[str, bytes] | None = None, **options: Any
) -> Iterator[OddServer]:
    """One that answers until the block ends."""
    server = OddServer(answers or {}, moved or {})
    with answering(server.respond, **options) as url:
        server.url = f"{url}/mcp"
        yield server
