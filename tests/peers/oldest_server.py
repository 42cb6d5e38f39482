"""An MCP server of 2024-11-05 (HTTP+SSE): one stream, and requests posted beside it."""

import queue

from tests.peers.odd_server import STREAM, event
from tests.peers.upstreams import http

SESSION = "session-4711-canary"
ACCEPTED = http(b"", status="202 Accepted")
RESULTS = {
    "initialize": {"protocolVersion": "2024-11-05", "capabilities": {}},
    "tools/list": {"tools": [{"name": "echo", "description": f"You are {SESSION}."}]},
    "tools/call": {"content": []},
}


class Oldest:
    """Answers of an `OddServer` that speaks this transport."""

    def __init__(self, endpoint=f"/messages?session={SESSION}", first=b""):
        self.endpoint, self.first = endpoint, first
        self.said = queue.Queue()
        self.answers = {"server/discover": http(b"", status="405 Method Not Allowed"), "GET": self.stream}
        self.answers["initialize"] = self.initialize
        self.answers["notifications/initialized"] = self.answers["POST"] = ACCEPTED
        self.answers |= {method: self.reply for method in RESULTS if method != "initialize"}

    def stream(self, message, sock):
        sock.sendall(STREAM + self.first + f"event: endpoint\ndata: {self.endpoint}\n\n".encode())
        while said := self.said.get():
            sock.sendall(said)

    def initialize(self, message, sock):
        if self.server.received[-1].target == "/mcp?tenant=1":
            return http(b"", status="404 Not Found")
        return self.reply(message, sock)

    def reply(self, message, sock):
        self.said.put(event({"id": message["id"], "result": RESULTS[message["method"]]}))
        return ACCEPTED
