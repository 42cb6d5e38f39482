"""The channel of a run: what a kind's exchange may send through (`exchange.Channel`), on the operator's terms."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

from accounts.common.database import in_database
from integrations.broker import nonces
from integrations.broker.back_off import BACK_OFF
from integrations.broker.following import follow
from integrations.broker.oauth_tokens import TOKENS, Grant, read_grant
from integrations.broker.server_facts import SERVER_FACTS
from integrations.egress import configuration
from integrations.egress.destinations import parse_url
from integrations.egress.lookups import LOOKUPS
from integrations.exchange.exchange import Hear, SecondsToWait, SipChannel
from integrations.exchange.messages import OutgoingRequest, RequestTemplate, UpstreamResponse, render
from integrations.exchange.redirects import Following
from integrations.sip.messages import SipPeer
from integrations.transport import client
from integrations.transport import sip as sip_transport
from secrets_app.plaintext import Plaintext
from secrets_app.redaction.redactor import Redactor

UNNAMED = ""
"""The name of what is masked and is no secret of the organization."""


class RunChannel:
    """The channel of one run; `composites` are the texts to mask beside the values, by the names of their secrets."""

    def __init__(
        self, organization: UUID, integration: UUID, value_ids: Mapping[str, UUID], domains: Mapping[str, Sequence[str]]
    ) -> None:
        """`value_ids` are the keys of the opened values, `domains` their allowed domains, by the secrets' names."""
        self.composites: dict[str, list[Plaintext]] = defaultdict(list)
        self.has_sent = False
        """Whether anything of this run left: what is refused afterwards was not refused in time."""
        self._organization, self._integration = organization, integration
        self._value_ids, self._domains = value_ids, domains
        self._lookup = partial(LOOKUPS.addresses, organization)

    async def http(
        self,
        request: OutgoingRequest,
        *,
        seconds_to_wait: SecondsToWait | None = None,
        following: Following | None = None,
        hear: Hear | None = None,
    ) -> UpstreamResponse:
        """One HTTP request under the rules of `transport.send`, unless its host asked for a pause."""
        if following:
            redactor = Redactor(following.secrets, self.composites)
            return await follow(request, following, send=self._send, domains=self._domains, redactor=redactor)
        if seconds_to_wait is None:
            return await self._send(request, hear)
        key = (self._organization, request.url.origin(), frozenset(self._value_ids.values()))
        BACK_OFF.refuse(key, request.url.raw_host or "")
        response = await self._send(request, hear)
        BACK_OFF.note(key, seconds_to_wait(response))
        return response

    async def _send(self, request: OutgoingRequest, hear: Hear | None = None) -> UpstreamResponse:
        response = await client.send(
            request,
            configuration.policy(),
            ssl_context=configuration.ssl_context(),
            owner=(self._organization, self._integration),
            lookup=self._lookup,
            hear=hear,
        )
        self.has_sent = True
        return response

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

    @asynccontextmanager
    async def sip(self, peer: SipPeer) -> AsyncIterator[SipChannel]:
        """A SIP connection under the rules of `sip_transport.connected`."""
        policy, context = configuration.policy(), configuration.ssl_context()
        async with sip_transport.connected(peer, policy, ssl_context=context, lookup=self._lookup) as line:
            self.has_sent = True
            yield line

    async def nonce_count(self, nonce: str) -> int:
        """How often this integration has answered a nonce, this time included."""
        return await in_database(nonces.count_answer, self._integration, nonce)

    def mask(self, name: str, sent: Plaintext) -> None:
        """Have a text masked that is made of a secret and was sent, under the secret's name."""
        self.composites[name].append(sent)

    def hide(self, given: Plaintext) -> None:
        """Have a credential masked that the upstream gave for this run, under no name."""
        self.composites[UNNAMED].append(given)

    def recall(self, place: str) -> str | None:
        """What was remembered for this integration of this organization."""
        return SERVER_FACTS.get((self._organization, self._integration, place))

    def remember(self, place: str, fact: str) -> None:
        """Keep a fact for this integration of this organization."""
        SERVER_FACTS.put((self._organization, self._integration, place), fact)
