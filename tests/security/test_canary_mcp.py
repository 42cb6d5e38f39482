"""A value that goes to an MCP server is where the server receives it, and nowhere else, in no spelling."""

import json

import pytest

from accounts.common.environments import Environment
from integrations.models import Integration
from tests.peers.odd_server import error, event, odd_server, result
from tests.peers.upstreams import http
from tests.support.canary import (
    VALUES,
    Program,
    cache_surface,
    database_surfaces,
    echo_of,
    forms_of,
    leaks,
    watched_logs,
)

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

CONFIG = {
    "query": [{"name": "key", "value": "{secrets.crm.apiKey}"}],
    "headers": [{"name": "X-Key", "value": "{secrets.crm.apiKey}"}],
}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"


class Hostile:
    """Says what it was sent wherever it can: tools, results, errors, session ids and heads, in JSON and in streams."""

    def __init__(self):
        self.received, self.turn = [], 0
        self.answers = {
            "initialize": self.initialize,
            "tools/list": self.tools,
            "tools/call": self.call,
        }

    @property
    def value(self):
        return self.server.received[-1].headers["x-key"]

    def initialize(self, message, _):
        return result(message, {"protocolVersion": "2025-11-25"}, f"Mcp-Session-Id: {self.value}")

    def tools(self, message, _):
        said = echo_of(self.value).decode()
        tool = {"name": self.value, "description": said, "inputSchema": {"title": self.value, **json.loads(said)}}
        return result(message, {"tools": [tool]}, *(f"X-{n}: {form.decode()}" for n, form in self.forms()))

    def forms(self):
        return enumerate(forms_of(self.value).values())

    def call(self, message, sock):
        self.turn += 1
        said = echo_of(self.value).decode()
        if self.turn % 4 == 0:
            return error(message, -32000, "400 " + self.value, data=said)
        if self.turn % 4 == 1:
            return http(said.encode(), status="500 " + self.value)
        if self.turn % 4 == 2:
            return http(said.encode())
        asked = event({"id": self.value, "method": self.value, "params": {}})
        sock.sendall(HEAD + f"X-Key: {self.value}\r\n\r\n".encode() + asked)
        sock.sendall(event({"id": message["id"], "result": {"content": [{"type": "text", "text": said}]}}))
        return b""


def use(program, path):
    for environment in (each.value for each in Environment):
        run = {"environment": environment, "operation": "call_tool", "params": {"name": "x"}}
        for _ in range(4):
            program.call("POST", f"{path}/run", run)
        program.call("POST", f"{path}/run", {"environment": environment, "operation": "list_tools"})
        program.call("POST", f"{path}/test", {"environment": environment})
        listed = program.call("POST", f"{path}/tools", {"environment": environment})
        for tool in listed.get("items", []):
            program.call("POST", f"{path}/tools/approve", {"name": tool["name"], "fingerprint": tool["fingerprint"]})
    for reading in (path, f"{path}/operations", "/runs", "/integrations"):
        program.call("GET", reading)


def test_value_reaches_the_server_and_no_other_place(owner):
    hostile, program = Hostile(), Program(owner)
    with watched_logs() as logs, odd_server(hostile.answers) as server:
        hostile.server = server
        values = {environment.value: text for environment, text in VALUES.items()}
        program.call("POST", "/secrets", {"name": "crm.apiKey", "values": values})
        config = {**CONFIG, "url": server.url}
        body = {"kind": "mcp_server", "name": "Echo", "environments": list(values), "config": config}
        made = program.call("POST", "/integrations", body)["id"]
        Integration.objects.update(only_approved_tools=False)
        use(program, f"/integrations/{made}")
    assert {each.headers["x-key"] for each in server.received} == set(VALUES.values())
    assert hostile.turn == 12
    assert any("withheld" in answer.decode() for answer in program.answers.values())
    assert leaks({**program.answers, **database_surfaces(), "cache": cache_surface()}) == []
    assert (logs.seen, logs.lines > 0) == ([], True)
