"""The wire of a run: what a kind's conversation may send through (`conversations.Wire`), on the operator's terms."""

from collections import defaultdict

from integrations import outgoing, transport
from integrations.requests import OutgoingRequest
from integrations.responses import UpstreamResponse
from secrets_app.plaintext import Plaintext


class Line:
    """The wire of one run; `composites` are the texts to mask beside the values, by the names of their secrets."""

    def __init__(self) -> None:
        self.composites: dict[str, list[Plaintext]] = defaultdict(list)

    async def http(self, request: OutgoingRequest) -> UpstreamResponse:
        """One HTTP request under the rules of `transport.send`."""
        return await transport.send(request, outgoing.policy(), ssl_context=outgoing.ssl_context())

    def mask(self, name: str, sent: Plaintext) -> None:
        """Have a text masked that is made of a secret and was sent, under the secret's name."""
        self.composites[name].append(sent)
