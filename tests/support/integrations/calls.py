"""One way to make a call in tests, and a resolver that can change its mind; no tests here."""

import ssl
from dataclasses import replace

from yarl import URL

from integrations.egress.lookups import system_lookup
from integrations.egress.policy import EgressPolicy
from integrations.exchange.messages import RESPONSE_BYTES, OutgoingRequest
from integrations.transport.client import UpstreamResponse, send
from tests.peers.tls_upstream import Upstream

LOOPBACK = EgressPolicy.parse("127.0.0.1/32")
CLOSED = EgressPolicy()
CANARY = "canary-5b1f"


class Names:
    """A resolver for tests that counts its lookups and may change its mind."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def request(
    url: str, *, method: str = "GET", headers=(), body: bytes | None = None, seconds: float = 5
) -> OutgoingRequest:
    return OutgoingRequest(method, URL(url, encoded=True), tuple(headers), body, seconds)


async def call(server: Upstream, trusting: ssl.SSLContext, *, path="/", **parts) -> UpstreamResponse:
    most_bytes = parts.pop("max_body", RESPONSE_BYTES)
    outgoing = replace(request(f"http://127.0.0.1:{server.port}{path}", **parts), most_bytes=most_bytes)
    return await send(outgoing, LOOPBACK, ssl_context=trusting, lookup=system_lookup)
