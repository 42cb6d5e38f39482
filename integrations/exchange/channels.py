"""The channel that the broker passes to an exchange: the only way to send anything."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from integrations.exchange.messages import OutgoingRequest, RequestTemplate, UpstreamResponse
from integrations.exchange.redirects import Following
from integrations.exchange.streams import Deadlines, Upload
from integrations.sip.messages import SipMessage, SipPeer, SipRequest
from secrets_app.plaintext import Plaintext

OnPiece = Callable[[bytes], Awaitable[bool]]
"""Receives each piece of an event stream; returns whether the rest of the stream is not needed."""
OnText = Callable[[str, bytes], Awaitable[None]]
"""Receives the media type of a text that a call which worked is answered with, and each piece of it."""


class SipChannel(Protocol):
    """A SIP connection to one peer."""

    async def send(self, request: SipRequest, *, seconds: float = ...) -> SipMessage:
        """Send a request and return its final response; `seconds` shortens the time limit of the transport.

        Raises:
            Refusal: as `transport.sip.SipConnection.send`.
        """
        ...


SecondsToWait = Callable[[UpstreamResponse], float]
"""Returns for how many seconds a response asks the client to send no further requests."""


class Channel(Protocol):
    """What an exchange sends through. Every request is checked against the egress rules before it is sent."""

    async def http(
        self,
        request: OutgoingRequest,
        *,
        seconds_to_wait: SecondsToWait | None = None,
        following: Following | None = None,
        on_piece: OnPiece | None = None,
    ) -> UpstreamResponse:
        """Send an HTTP request.

        Args:
            following: follow redirects under the rules of `broker.following.follow`; without it, redirects are
                responses.
            seconds_to_wait: reads from the response for how long to send no further requests with the secrets of this
                run.
            on_piece: receives the pieces of an event stream (`transport.client.send`).

        Raises:
            RateLimited: an earlier response asked to wait.
            Refusal: as `transport.client.send`.
        """
        ...

    async def token(
        self, request: RequestTemplate, secrets: Mapping[str, Plaintext], *, instead_of: Plaintext | None = None
    ) -> Plaintext:
        """Return the access token for a token request, from the cache if possible.

        Args:
            instead_of: a token that the upstream has just refused.

        Raises:
            TokenRefused: the token endpoint issued no token.
            Refusal: as `http`.
        """
        ...

    def sip(self, peer: SipPeer) -> AbstractAsyncContextManager[SipChannel]:
        """Open a SIP connection that is closed with the `async with` block.

        Raises:
            Refusal: as `transport.sip.connected`.
        """
        ...

    async def nonce_count(self, nonce: str) -> int:
        """Count an answer of this integration to a nonce; return the number of answers so far.

        No two answers get the same count.
        """
        ...

    def mask(self, name: str, sent: Plaintext) -> None:
        """Mask a text that was sent and contains a secret, under the secret's name."""
        ...

    def hide(self, given: Plaintext) -> None:
        """Mask a credential that the upstream issued for this run, without a name."""
        ...

    async def tools_changed(self) -> None:
        """Note that the upstream said that its tools have changed. Nothing is sent because of it."""
        ...

    def recall(self, place: str) -> str | None:
        """Return the fact that an earlier exchange of this integration remembered; None if there is none."""
        ...

    def remember(self, place: str, fact: str) -> None:
        """Remember a fact about the upstream for later runs, in memory. A fact is never a credential."""
        ...


class StreamChannel(Channel, Protocol):
    """A channel through which one response flows: the body of the request that was begun last."""

    async def begin(self, request: OutgoingRequest, deadlines: Deadlines, upload: Upload | None) -> UpstreamResponse:
        """Send a request and return the response with its head alone. Redirects are returned like any response.

        Raises:
            Refusal: as `transport.streams.streamed`.
        """
        ...
