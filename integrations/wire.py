"""The wire of a run: what a kind's conversation may send through (`conversations.Wire`), on the operator's terms."""

from integrations import outgoing, transport
from integrations.requests import OutgoingRequest
from integrations.responses import UpstreamResponse


class Line:
    """The wire of one run."""

    async def http(self, request: OutgoingRequest) -> UpstreamResponse:
        """One HTTP request under the rules of `transport.send`."""
        return await transport.send(request, outgoing.policy(), ssl_context=outgoing.ssl_context())
