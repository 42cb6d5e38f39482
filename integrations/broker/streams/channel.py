"""The channel of a run whose answer flows."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self
from uuid import UUID

from integrations.broker.channel import RunChannel
from integrations.egress import configuration
from integrations.exchange.messages import OutgoingRequest, UpstreamResponse
from integrations.exchange.streams import Deadlines, Upload
from integrations.transport.streams import StreamedResponse, streamed


class StreamingChannel(RunChannel):
    """A channel with one response that flows, for the block that it is used in. Leaving the block ends the call.

    Attributes:
        response: the one that was begun last.
        deadlines: its limits of time.
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
        """Create the channel as that of any run."""
        super().__init__(
            organization, integration, environment, value_ids, domains, check_not_stopped=check_not_stopped
        )
        self.response: StreamedResponse | None = None
        self.deadlines = Deadlines(0, 0, 0)
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Begin the block."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """End the call."""
        return await self._open.__aexit__(kind, fault, trace)

    async def begin(self, request: OutgoingRequest, deadlines: Deadlines, upload: Upload | None) -> UpstreamResponse:
        """Send a request and return the head of its response. A response that was begun before is left."""
        await self._open.aclose()
        await self.prepare(request, deadlines.total)
        self.deadlines = deadlines
        flowing = streamed(
            request,
            configuration.policy(),
            ssl_context=configuration.ssl_context(),
            deadlines=deadlines,
            upload=upload,
            owner=self.owner,
            lookup=self.lookup,
        )
        self.response = await self._open.enter_async_context(flowing)
        self.has_sent = True
        return self.response.head
