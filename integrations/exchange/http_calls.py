"""Exchanges of one HTTP request, and the fetching of an access token that goes with it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from typing_extensions import override

from integrations.exchange.exchange import Channel, Exchange, StreamChannel
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
from integrations.templating.slots import MASK, bearer
from secrets_app.plaintext import Plaintext

UNAUTHORIZED = 401
READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class HttpCall(Exchange):
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
    can_stream: ClassVar[bool] = True

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
        request = replace(self.rendered(channel, secrets, params), needs_body=self.needs_body)
        following = Following.of(self.template, secrets) if self.follows_redirects else None
        return await self.authorized(channel, secrets, request, partial(channel.http, following=following))

    async def begin(
        self,
        channel: StreamChannel,
        /,
        *,
        secrets: Mapping[str, Plaintext],
        params: Mapping[str, object],
        passed: Passed = NOTHING,
    ) -> UpstreamResponse:
        """Do what `perform` does, as far as the head of the response. Nothing is passed along with it."""
        deadlines = Deadlines.within(self.template.timeout_seconds)
        request = self.rendered(channel, secrets, params)
        send = partial(channel.begin, deadlines=deadlines, upload=passed.upload)
        return await self.authorized(channel, secrets, request, send)

    def rendered(
        self, channel: Channel, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
    ) -> OutgoingRequest:
        """Return the request, and mask what it sends of its values in another form."""
        request = render(self.template, secrets=secrets, params=params)
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
