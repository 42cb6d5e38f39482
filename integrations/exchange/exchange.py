"""An exchange with an upstream: what a kind plans and the broker performs.

A kind plans an exchange with its placeholders unresolved; the broker checks it, decrypts the values and performs it.
Everything is sent through the channel that the broker passes in. The simplest exchange is one request (`HttpCall`).
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from accounts.errors import FieldError
from integrations.egress.destinations import WEB
from integrations.exchange.messages import OutgoingRequest, PreviewRequest, RequestTemplate, UpstreamResponse
from integrations.exchange.redirects import Following
from integrations.exchange.returns import EVERYTHING, Returns
from integrations.exchange.streams import NOTHING, Deadlines, Passed, Upload
from integrations.sip.messages import SipMessage, SipPeer, SipRequest
from integrations.templating.placeholders import Template
from secrets_app.plaintext import Plaintext

OnPiece = Callable[[bytes], Awaitable[bool]]
"""Receives each piece of an event stream; returns whether the rest of the stream is not needed."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL that runs call, and the field of the configuration that holds it.

    Attributes:
        schemes: the schemes that the URL may have; only kinds that do not speak HTTP set it.
    """

    field: str
    url: str
    schemes: frozenset[str] = WEB


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


class Exchange(ABC):
    """A planned operation or check."""

    returns: Returns = EVERYTHING
    """What of the response is passed on."""
    reports_steps: ClassVar[bool] = False
    """Whether the response is made by `steps_response` instead of coming from an upstream."""
    can_stream: ClassVar[bool] = False
    """Whether `begin` is there."""
    only_streams: ClassVar[bool] = False
    """Whether `begin` is all there is."""

    @property
    @abstractmethod
    def secret_names(self) -> tuple[str, ...]:
        """The names of all secrets that the exchange needs, without duplicates."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """A short description without values: `GET /v2/me`."""

    @property
    def requests(self) -> tuple[RequestTemplate, ...]:
        """The HTTP requests that hold secrets, with placeholders unresolved; none in another protocol."""
        return ()

    @property
    def sip_texts(self) -> Mapping[str, Template]:
        """The texts of a SIP login by what they are, with placeholders unresolved; none in another protocol."""
        return {}

    def problems(self, _params: Mapping[str, Any], /) -> list[FieldError]:
        """Return what is wrong with arguments that match the operation's schema, as `params.NAME`."""
        return []

    @abstractmethod
    async def perform(
        self, channel: Channel, *, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
    ) -> UpstreamResponse:
        """Perform the exchange within its time limit.

        Args:
            channel: the only way to send anything.
            secrets: a value for each of `secret_names`.
            params: the arguments, checked and with defaults filled in.

        Raises:
            Refusal: with a code of docs/api.md, "Errors"; never with a value.
        """

    async def begin(
        self,
        _channel: StreamChannel,
        /,
        *,
        secrets: Mapping[str, Plaintext],  # noqa: ARG002 - what exchanges that can stream take
        params: Mapping[str, object],  # noqa: ARG002
        passed: Passed = NOTHING,  # noqa: ARG002
    ) -> UpstreamResponse:
        """Begin the exchange and return the head of its response; the body flows through the channel.

        Args:
            passed: what the caller sends along.

        Raises:
            LookupError: it cannot stream. Callers check `can_stream` first.
            Refusal: as `perform`.
        """
        raise LookupError(f"{type(self).__name__} cannot stream")

    def note(self, _params: Mapping[str, Any], /) -> str:
        """Return a note of at most 200 characters for the record of the run. By default it is empty."""
        return ""

    def preview(self, _params: Mapping[str, object], /) -> PreviewRequest | None:
        """Return the request with every value masked; None if there is nothing to show."""
        return None
