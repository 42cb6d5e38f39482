"""The channel of a run that opens a WebSocket instead of waiting for an answer."""

from collections.abc import Sequence
from dataclasses import replace

from integrations.broker.streams.channel import FlowingChannel
from integrations.egress import configuration
from integrations.exchange.messages import OutgoingRequest, UpstreamResponse
from integrations.exchange.passed_headers import folded
from integrations.exchange.streams import Deadlines, Upload
from integrations.transport.websockets import Handshake, HandshakeAnswered, UpstreamSocket, opened

_PROTOCOL = "sec-websocket-protocol"


class SocketChannel(FlowingChannel):
    """A channel with one WebSocket.

    Attributes:
        offered: the sub-protocols that the caller offers. Those that the connection configures as a header come first.
        socket: the one that was opened; None if the upstream answered otherwise.
    """

    offered: Sequence[str] = ()
    socket: UpstreamSocket | None = None

    async def begin(self, request: OutgoingRequest, deadlines: Deadlines, upload: Upload | None) -> UpstreamResponse:
        """Make the handshake and return its answer, which is another status than 101 where no WebSocket was opened.

        Args:
            upload: None, for a handshake has no body.
        """
        del upload
        await self.prepare(request, deadlines.total)
        self.deadlines = deadlines
        opening = opened(
            self._handshake(request),
            configuration.policy(),
            ssl_context=configuration.ssl_context(),
            lookup=self.lookup,
        )
        try:
            self.socket = await self._open.enter_async_context(opening)
        except HandshakeAnswered as answered:
            self.has_sent = True
            return answered.response
        self.has_sent = True
        return self.socket.head

    def _handshake(self, request: OutgoingRequest) -> Handshake:
        """Return the handshake, whose sub-protocols are a list of their own."""
        own = [value for name, value in request.headers if folded(name) == _PROTOCOL]
        others = tuple(header for header in request.headers if folded(header[0]) != _PROTOCOL)
        protocols = [item.strip() for value in own for item in value.split(",") if item.strip()]
        offered = list(dict.fromkeys([*protocols, *self.offered]))
        return Handshake(replace(request, headers=others), offered, self.deadlines.first_byte)
