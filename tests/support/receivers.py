"""A receiver of webhooks on loopback, which keeps what it gets and answers as a test says."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from standardwebhooks import Webhook

from tests.peers.upstreams import answering, http


@dataclass
class Receiver:
    """What arrived, as pairs of headers and body, and the status of the next answers."""

    url: str = ""
    status: str = "200 OK"
    got: list[tuple[dict[str, str], str]] = field(default_factory=list)

    def respond(self, request, connection):
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [line.decode().partition(": ") for line in head.split(b"\r\n")[1:]]
        self.got.append(({name.lower(): value for name, _, value in lines}, body.decode()))
        connection.sendall(http(b'{"secret": "never-kept"}', status=self.status))

    @property
    def events(self) -> list[dict]:
        """The bodies that arrived, read as JSON."""
        return [json.loads(body) for _, body in self.got]

    def verified(self, secret: str) -> list[dict]:
        """The same, each checked with the library of Standard Webhooks. Raises WebhookVerificationError."""
        return [Webhook(secret).verify(body, headers) for headers, body in self.got]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Serve a receiver on loopback until the block ends."""
    found = Receiver()
    with answering(found.respond) as url:
        found.url = f"{url}/hooks/coffer"
        yield found
