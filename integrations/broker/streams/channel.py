"""The channels of runs whose answer flows."""

from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from integrations.broker.channel import RunChannel
from integrations.egress import configuration
from integrations.exchange.messages import OutgoingRequest, UpstreamResponse
from integrations.exchange.streams import Deadlines, Upload
from integrations.transport.streams import StreamedResponse, streamed


class FlowingChannel(RunChannel):
    """A channel for the block that it is used in. Leaving the block ends the call.

    Attributes:
        deadlines: the limits of time of the call.
    """

    deadlines = Deadlines(0, 0, 0)

    async def __aenter__(self) -> Self:
        """Begin the block."""
        self._open = AsyncExitStack()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """End the call."""
        return await self._open.__aexit__(kind, fault, trace)


class StreamingChannel(FlowingChannel):
    """A channel with one response that flows.

    Attributes:
        response: the one that was begun last.
    """

    response: StreamedResponse | None = None

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
