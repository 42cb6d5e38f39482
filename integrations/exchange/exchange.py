"""An exchange with an upstream: what a kind plans and the broker performs.

A kind plans an exchange with its placeholders unresolved; the broker checks it, decrypts the values and performs it.
Everything is sent through the channel that the broker passes in. The simplest exchange is one request (`HttpCall`).
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

from typing_extensions import override

from accounts.errors import FieldError
from integrations.egress.destinations import WEB
from integrations.exchange.channels import Channel, StreamChannel
from integrations.exchange.messages import (
    AUTHORIZATION,
    OutgoingRequest,
    PreviewRequest,
    RequestTemplate,
    UpstreamResponse,
    preview,
    render,
)
from integrations.exchange.redirects import Following
from integrations.exchange.returns import EVERYTHING, PassedOn, Returns
from integrations.exchange.steps import PASSED, Step, steps_response
from integrations.exchange.streams import NOTHING, Deadlines, Passed
from integrations.templating.placeholders import Template
from integrations.templating.slots import MASK, bearer
from secrets_app.plaintext import Plaintext

UNAUTHORIZED = 401
READING = frozenset({"GET", "HEAD"})
STREAM_SECONDS = 600.0
"""How long the answer of an action may flow. The limit of the action is that of its first byte and of each pause."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL that runs call, and the field of the configuration that holds it.

    Attributes:
        schemes: the schemes that the URL may have; only kinds that do not speak HTTP set it.
    """

    field: str
    url: str
    schemes: frozenset[str] = WEB


class Exchange(ABC):
    """A planned operation or check."""

    returns: Returns = EVERYTHING
    """What of the response is passed on."""
    reports_steps: ClassVar[bool] = False
    """Whether the response is made by `steps_response` instead of coming from an upstream."""

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

    def note(self, _params: Mapping[str, Any], /) -> str:
        """Return a note of at most 200 characters for the record of the run. By default it is empty."""
        return ""

    def preview(self, _params: Mapping[str, object], /) -> PreviewRequest | None:
        """Return the request with every value masked; None if there is nothing to show."""
        return None


class Streamable(Exchange):
    """An exchange whose answer may flow: one response, taken piece by piece."""

    only_streams: ClassVar[bool] = False
    """Whether it cannot be performed."""

    @abstractmethod
    async def begin(
        self,
        channel: StreamChannel,
        *,
        secrets: Mapping[str, Plaintext],
        params: Mapping[str, object],
        passed: Passed = NOTHING,
    ) -> UpstreamResponse:
        """Begin the exchange and return the head of its response; the body flows through the channel.

        Args:
            passed: what the caller sends along.

        Raises:
            Refusal: as `perform`.
        """


@dataclass(frozen=True, slots=True)
class HttpCall(Streamable):
    """One HTTP request.

    Attributes:
        template: the request.
        token: the request for the access token that is sent with it.
        follows_redirects: whether redirects are followed.
    """

    template: RequestTemplate
    token: RequestTemplate | None = None
    follows_redirects: bool = False
    returns: Returns = EVERYTHING

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The names of the secrets in both requests."""
        return tuple(dict.fromkeys([*self.template.secret_names, *(self.token.secret_names if self.token else ())]))

    @property
    def summary(self) -> str:
        """The method and path."""
        return f"{self.template.method} {self.template.path.source or '/'}"

    @property
    def requests(self) -> tuple[RequestTemplate, ...]:
        """Both requests."""
        return (self.template, self.token) if self.token else (self.template,)

    @property
    def needs_body(self) -> bool:
        """Whether a 2xx without its body is worth nothing to the caller: a request that reads, and not the status."""
        return self.template.method in READING and self.returns.passed_on is not PassedOn.STATUS

    async def perform(
        self, channel: Channel, *, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
    ) -> UpstreamResponse:
        """Render and send the request. If the access token is refused, fetch a new one and try once more."""
        request = self.rendered(channel, secrets, params, needs_body=self.needs_body)
        following = Following.of(self.template, secrets) if self.follows_redirects else None
        return await self.authorized(channel, secrets, request, partial(channel.http, following=following))

    async def begin(
        self,
        channel: StreamChannel,
        *,
        secrets: Mapping[str, Plaintext],
        params: Mapping[str, object],
        passed: Passed = NOTHING,
    ) -> UpstreamResponse:
        """Do what `perform` does, as far as the head of the response. Nothing is passed along with it."""
        seconds = self.template.timeout_seconds
        deadlines = Deadlines(first_byte=seconds, idle=seconds, total=STREAM_SECONDS)
        request = self.rendered(channel, secrets, params)
        send = partial(channel.begin, deadlines=deadlines, upload=passed.upload)
        return await self.authorized(channel, secrets, request, send)

    def rendered(
        self,
        channel: Channel,
        secrets: Mapping[str, Plaintext],
        params: Mapping[str, object],
        *,
        needs_body: bool = True,
    ) -> OutgoingRequest:
        """Return the request, and mask what it sends of its values in another form."""
        request = render(self.template, secrets=secrets, params=params, needs_body=needs_body)
        if self.template.basic:
            credential = dict(request.headers)[AUTHORIZATION].removeprefix("Basic ")
            for name in self.template.basic.secret_names:
                channel.mask(name, Plaintext(credential))
        return request

    async def authorized(
        self,
        channel: Channel,
        secrets: Mapping[str, Plaintext],
        request: OutgoingRequest,
        send: Callable[[OutgoingRequest], Awaitable[UpstreamResponse]],
        *,
        once: bool = False,
    ) -> UpstreamResponse:
        """Send a request with an access token, if the call needs one.

        Args:
            once: whether it cannot be sent again with a new token; then the next call gets the new one.
        """
        if self.token is None:
            return await send(request)
        access = await channel.token(self.token, secrets)
        response = await send(_with_token(request, access))
        if response.status != UNAUTHORIZED:
            return response
        access = await channel.token(self.token, secrets, instead_of=access)
        return response if once else await send(_with_token(request, access))

    def preview(self, params: Mapping[str, object]) -> PreviewRequest:
        """Return the request with every value masked."""
        shown = preview(self.template, params=params)
        return replace(shown, headers=[*shown.headers, (AUTHORIZATION, f"Bearer {MASK}")]) if self.token else shown


@dataclass(frozen=True, slots=True)
class TokenCall(Exchange):
    """Fetches an access token to check that this works. The response reports a step and not the token."""

    token: RequestTemplate
    reports_steps: ClassVar[bool] = True

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The names of the secrets in the token request."""
        return self.token.secret_names

    @property
    def summary(self) -> str:
        """A description of the request."""
        return "Fetch an access token"

    @override
    async def perform(
        self, channel: Channel, *, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
    ) -> UpstreamResponse:
        """Fetch the token and return one step.

        Raises:
            TokenRefused: the token endpoint issued no token.
        """
        await channel.token(self.token, secrets)
        return steps_response([Step("token", PASSED, None, "The token endpoint issued an access token.")])


def _with_token(request: OutgoingRequest, access: Plaintext) -> OutgoingRequest:
    return replace(request, headers=(*request.headers, (AUTHORIZATION, bearer(access))))
