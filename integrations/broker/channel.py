"""The channel of a run: the implementation of `exchange.Channel` under the operator's egress policy."""

import math
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Self
from uuid import UUID

from accounts.common.database import in_database
from integrations.broker.following import follow
from integrations.broker.large_answers import make_room
from integrations.broker.memory import nonces
from integrations.broker.memory.back_off import BACK_OFF
from integrations.broker.memory.server_facts import SERVER_FACTS
from integrations.broker.preparation import Admitted
from integrations.broker.remote_tools import note_changed_tools
from integrations.broker.tokens.oauth_tokens import TOKENS, Grant
from integrations.broker.tokens.token_answers import read_grant
from integrations.broker.tokens.token_requests import ask
from integrations.egress import configuration
from integrations.egress.destinations import parse_url
from integrations.egress.lookups import LOOKUPS
from integrations.exchange.channels import OnPiece, OnText, SecondsToWait, SipChannel
from integrations.exchange.messages import OutgoingRequest, RequestTemplate, UpstreamResponse, render
from integrations.exchange.redirects import Following
from integrations.sip.messages import SipMessage, SipPeer, SipRequest
from integrations.transport import client
from integrations.transport import sip as sip_transport
from secrets_app.plaintext import Plaintext
from secrets_app.redaction.redactor import UNNAMED, Redactor


class _CheckedSip:
    """A SIP connection that looks whether the run is stopped before each request but the first."""

    def __init__(self, connection: SipChannel, check_not_stopped: Callable[[], Awaitable[object]]) -> None:
        self._connection, self._check_not_stopped = connection, check_not_stopped
        self._has_sent = False

    async def send(self, request: SipRequest, *, seconds: float = math.inf) -> SipMessage:
        """Send a request and return its final response, as the connection does."""
        if self._has_sent:
            await self._check_not_stopped()
        self._has_sent = True
        return await self._connection.send(request, seconds=seconds)


class RunChannel:
    """The channel of one run.

    Attributes:
        composites: texts to mask besides the values, by the names of the secrets that they contain.
        has_sent: whether anything was sent, so that a later refusal counts as a failure.
        hosts: the hosts that were called; an answer may hold values that other runs sent there.
        owner: whose kept connections it may use.
        lookup: how names are resolved.
        deadline: when the run has to end, by `time.monotonic`; None before the first request.
        on_text: is told of texts while they arrive.
    """

    def __init__(
        self,
        organization: UUID,
        integration: UUID,
        environment: str,
        value_ids: Mapping[str, UUID],
        domains: Mapping[str, Sequence[str]],
        *,
        check_not_stopped: Callable[[], Awaitable[object]],
    ) -> None:
        """Create the channel of a run.

        Args:
            value_ids: the ids of the decrypted values, by the names of their secrets.
            domains: the allowed domains of each secret, by name.
            check_not_stopped: raises a refusal once the run is stopped; it is called before each request but the first,
                for which admission has just looked.
        """
        self.composites: dict[str, list[Plaintext]] = defaultdict(list)
        self.has_sent = self._has_announced = False
        self.hosts: set[str] = set()
        self.deadline: float | None = None
        self.on_text: OnText | None = None
        self._organization, self._integration = organization, integration
        self.owner = (organization.int, integration.int, environment)
        self._value_ids, self._domains, self._check_not_stopped = value_ids, domains, check_not_stopped
        self.lookup = partial(LOOKUPS.addresses, organization)

    @classmethod
    def of(cls, admitted: Admitted, *, check_not_stopped: Callable[[], Awaitable[object]]) -> Self:
        """Return the channel of an admitted call."""
        run = admitted.run
        return cls(
            run.organization_id,
            run.integration_id,
            run.environment,
            admitted.value_ids,
            admitted.domains,
            check_not_stopped=check_not_stopped,
        )

    async def http(
        self,
        request: OutgoingRequest,
        *,
        seconds_to_wait: SecondsToWait | None = None,
        following: Following | None = None,
        on_piece: OnPiece | None = None,
    ) -> UpstreamResponse:
        """Send an HTTP request under the rules of `transport.client.send`, unless its host is in back-off."""
        if following:
            redactor = Redactor(following.secrets, self.composites)
            return await follow(request, following, send=self._send, domains=self._domains, redactor=redactor)
        if seconds_to_wait is None:
            return await self._send(request, on_piece)
        key = (self._organization, request.url.origin(), frozenset(self._value_ids.values()))
        BACK_OFF.refuse(key, request.url.raw_host or "")
        response = await self._send(request, on_piece)
        BACK_OFF.note(key, seconds_to_wait(response))
        return response

    async def _send(self, request: OutgoingRequest, on_piece: OnPiece | None = None) -> UpstreamResponse:
        await self.prepare(request, request.timeout_seconds)
        response = await client.send(
            request,
            configuration.policy(),
            ssl_context=configuration.ssl_context(),
            owner=self.owner,
            lookup=self.lookup,
            on_piece=on_piece,
            on_text=self.on_text,
            on_large=partial(make_room, self._organization),
        )
        self.has_sent = True
        return response

    async def prepare(self, request: OutgoingRequest, seconds: float) -> None:
        """Look before each request but the first whether the run is stopped, and note the host and the deadline."""
        if self.has_sent:
            await self._check_not_stopped()
        self._note(request.url.raw_host or "", seconds)

    async def token(
        self, request: RequestTemplate, secrets: Mapping[str, Plaintext], *, instead_of: Plaintext | None = None
    ) -> Plaintext:
        """Return the access token for a token request; it is shared by runs with the same values."""

        async def fetch() -> Grant:
            response = await ask(render(request, secrets=secrets, params={}), self._send)
            return read_grant(response, parse_url(request.base_url).raw_host or "")

        values = frozenset((name, self._value_ids[name]) for name in request.secret_names)
        token = await TOKENS.get((self._organization, request, values), fetch, instead_of=instead_of)
        for name in request.secret_names:
            self.mask(name, token)
        return token

    @asynccontextmanager
    async def sip(self, peer: SipPeer) -> AsyncIterator[SipChannel]:
        """Open a SIP connection under the rules of `transport.sip.connected`."""
        if self.has_sent:
            await self._check_not_stopped()
        self._note("", sip_transport.WHOLE_SECONDS)
        policy, context = configuration.policy(), configuration.ssl_context()
        async with sip_transport.connected(peer, policy, ssl_context=context, lookup=self.lookup) as connection:
            self.has_sent = True
            yield _CheckedSip(connection, self._check_not_stopped)

    def _note(self, host: str, seconds: float) -> None:
        self.hosts.add(host)
        self.deadline = self.deadline or time.monotonic() + seconds

    async def nonce_count(self, nonce: str) -> int:
        """Count an answer of this integration to a nonce; return the number of answers so far."""
        return await in_database(nonces.count_answer, self._integration, nonce)

    async def tools_changed(self) -> None:
        """Note, once in a run, that the tools of this integration are to be listed anew."""
        if not self._has_announced:
            self._has_announced = True
            await in_database(note_changed_tools, self._integration)

    def mask(self, name: str, sent: Plaintext) -> None:
        """Mask a text that was sent and contains a secret, under the secret's name."""
        self.composites[name].append(sent)

    def hide(self, given: Plaintext) -> None:
        """Mask a credential that the upstream issued for this run, without a name."""
        self.composites[UNNAMED].append(given)

    def recall(self, place: str) -> str | None:
        """Return a fact that an earlier run of this integration remembered; None if there is none."""
        return SERVER_FACTS.get((self._organization, self._integration, place))

    def remember(self, place: str, fact: str) -> None:
        """Remember a fact for later runs of this integration."""
        SERVER_FACTS.put((self._organization, self._integration, place), fact)
