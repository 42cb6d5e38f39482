"""The wire of a run: what a kind's conversation may send through (`conversations.Wire`), on the operator's terms."""

from collections import defaultdict
from collections.abc import Mapping
from uuid import UUID

from integrations import outgoing, transport
from integrations.conversations import Hear
from integrations.destinations import parse_url
from integrations.memory import MEMORY
from integrations.requests import OutgoingRequest, RequestTemplate, render
from integrations.responses import UpstreamResponse
from integrations.tokens import TOKENS, Grant, read_grant
from secrets_app.plaintext import Plaintext

UNNAMED = ""
"""The name of what is masked and is no secret of the organization."""


class Line:
    """The wire of one run; `composites` are the texts to mask beside the values, by the names of their secrets."""

    def __init__(self, organization: UUID, integration: UUID, value_ids: Mapping[str, UUID]) -> None:
        """`value_ids` are the keys of the opened values by the names of their secrets."""
        self.composites: dict[str, list[Plaintext]] = defaultdict(list)
        self._organization, self._integration, self._value_ids = organization, integration, value_ids

    async def http(self, request: OutgoingRequest, *, hear: Hear | None = None) -> UpstreamResponse:
        """One HTTP request under the rules of `transport.send`."""
        return await transport.send(request, outgoing.policy(), ssl_context=outgoing.ssl_context(), hear=hear)

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

    def mask(self, name: str, sent: Plaintext) -> None:
        """Have a text masked that is made of a secret and was sent, under the secret's name."""
        self.composites[name].append(sent)

    def hide(self, given: Plaintext) -> None:
        """Have a credential masked that the upstream gave for this run, under no name."""
        self.composites[UNNAMED].append(given)

    def recall(self, place: str) -> str | None:
        """What was remembered for this integration of this organization."""
        return MEMORY.get((self._organization, self._integration, place))

    def remember(self, place: str, fact: str) -> None:
        """Keep a fact for this integration of this organization."""
        MEMORY.put((self._organization, self._integration, place), fact)
