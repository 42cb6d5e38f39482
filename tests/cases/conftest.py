"""An upstream that keeps what it received, and actions that are saved and run through the API."""

import json
from email import message_from_bytes

import pytest

from tests.peers.upstreams import answering, http


class Upstream:
    """Keeps the bytes of the last request."""

    def __init__(self, url, seen):
        self.url, self._seen = url, seen

    @property
    def head(self):
        return self._seen[-1].partition(b"\r\n\r\n")[0].decode()

    @property
    def body(self):
        return self._seen[-1].partition(b"\r\n\r\n")[2]

    @property
    def target(self):
        return self.head.split(" ", 2)[1]

    def header(self, name):
        found = [line.partition(": ")[2] for line in self.head.splitlines()[1:] if line.lower().startswith(f"{name}:")]
        return found[0] if found else None

    @property
    def parts(self):
        """The parts of a multipart body, by a parser of the standard library: name, file name, type, bytes."""
        message = message_from_bytes(f"Content-Type: {self.header('content-type')}\r\n\r\n".encode() + self.body)
        return [
            (
                part.get_param("name", header="Content-Disposition"),
                part.get_filename(),
                part.get("Content-Type"),
                part.get_payload(decode=True),
            )
            for part in message.get_payload()
        ]


@pytest.fixture
def upstream():
    seen = []

    def answer(request, connection):
        seen.append(request)
        connection.sendall(http(b"" if request.startswith(b"HEAD") else b"{}"))

    with answering(answer) as url:
        yield Upstream(url, seen)


@pytest.fixture
def send(caller, upstream):
    """Saves an action through the API, and runs it with these arguments."""

    def create(parameters=None, **config):
        schema = {"type": "object", "properties": parameters or {}}
        body = {"base_url": upstream.url, "method": "POST", "parameters": schema, "timeout_seconds": 10, **config}
        return caller.call(
            "POST", "/integrations",
            {"kind": "api_action", "name": "Case", "environments": ["staging"], "config": body},
        )  # fmt: skip

    def run(arguments=None, parameters=None, *, raw=None, **config):
        created = create(parameters, **config).json()
        assert "id" in created, created["errors"]
        params = json.dumps(arguments or {}) if raw is None else raw
        call = f'{{"environment": "staging", "params": {params}}}'.encode()
        return caller.call("POST", f"/integrations/{created['id']}/run", raw=call)

    run.create = create
    return run
