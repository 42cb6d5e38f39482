"""The wire of a run: what a kind's conversation may send through (`conversations.Wire`), on the operator's terms."""

from collections import defaultdict
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from uuid import UUID

from accounts.database import in_database
from integrations import nonces, outgoing, sip_transport, transport
from integrations.conversations import SipLine
from integrations.destinations import parse_url
from integrations.requests import OutgoingRequest, RequestTemplate, render
from integrations.responses import UpstreamResponse
from integrations.sip_messages import SipPeer
from integrations.tokens import TOKENS, Grant, read_grant
from secrets_app.plaintext import Plaintext


class Line:
    """The wire of one run; `composites` are the texts to mask beside the values, by the names of their secrets."""

    def __init__(self, organization: UUID, integration: UUID, value_ids: Mapping[str, UUID]) -> None:
        """`value_ids` are the keys of the opened values by the names of their secrets."""
        self.composites: dict[str, list[Plaintext]] = defaultdict(list)
        self._organization, self._integration, self._value_ids = organization, integration, value_ids

    async def http(self, request: OutgoingRequest) -> UpstreamResponse:
        """One HTTP request under the rules of `transport.send`."""
        return await transport.send(request, outgoing.policy(), ssl_context=outgoing.ssl_context())

    async def token(
        self, request: RequestTemplate, secrets: Mapping[str, Plaintext], *, instead_of: Plaintext | None = None
    ) -> Plaintext:
        """The access token of a token request: one for an organization, a request and the values in it."""

        async def fetch() -> Grant:
            response = await self.http(render(request, secrets=secrets, params={}))
            return read_grant(response, parse_url(request.base_url).raw_host or "")

        values = frozenset((name, self._value_ids[name]) for name in request.secret_names)
        token = await TOKENS.get((self._organization, request, values), fetch, instead_of=instead_of)
        for name in request.secret_names:
            self.mask(name, token)
        return token

    def sip(self, peer: SipPeer) -> AbstractAsyncContextManager[SipLine]:
        """A SIP connection under the rules of `sip_transport.connected`."""
        return sip_transport.connected(peer, outgoing.policy(), ssl_context=outgoing.ssl_context())

    async def nonce_count(self, nonce: str) -> int:
        """How often this integration has answered a nonce, this time included."""
        return await in_database(nonces.count_answer, self._integration, nonce)

    def mask(self, name: str, sent: Plaintext) -> None:
        """Have a text masked that is made of a secret and was sent, under the secret's name."""
        self.composites[name].append(sent)
