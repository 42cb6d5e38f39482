"""An upstream that keeps what it received, and actions and connectors that are saved and run through the API."""

import json
from contextlib import contextmanager
from email import message_from_bytes

import pytest

from tests.peers.loose_token_server import CLIENT_SECRET, GRANTED, LooseTokenServer
from tests.peers.upstreams import answering, http
from tests.support.things import store_secret


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


@pytest.fixture
def save_connector(owner, caller):
    """Saves a connector through the API: the response."""
    store_secret(owner, "crm.clientId", "agent-0007")
    store_secret(owner, "crm.clientSecret", CLIENT_SECRET)
    store_secret(owner, "crm.account", "account-5512-Xy")

    def save(url, path="/token", **config):
        wanted = {
            "type": "oauth2_client_credentials",
            "token_url": f"{url}{path}",
            "client_id": "{secrets.crm.clientId}",
            "client_secret": "{secrets.crm.clientSecret}",
            **config,
        }
        body = {"kind": "auth_connector", "name": "Sign-in", "environments": ["staging"], "config": wanted}
        return caller.call("POST", "/integrations", body)

    return save


@pytest.fixture
def run_signed_in(save_connector, caller):
    """Runs an action that uses a connector, both saved through the API: the result, and what the service saw."""

    @contextmanager
    def run(answer=GRANTED, **config):
        service = LooseTokenServer(answer)
        with answering(service.respond) as url:
            created = save_connector(url, **config)
            assert created.status_code == 201, created.json()
            action = {"base_url": url, "path": "/api", "method": "GET", "auth_connector": created.json()["id"]}
            body = {"kind": "api_action", "name": "Act", "environments": ["staging"], "config": action}
            target = caller.post("/integrations", body)
            yield caller.call("POST", f"/integrations/{target['id']}/run", {"environment": "staging"}).json(), service

    return run
