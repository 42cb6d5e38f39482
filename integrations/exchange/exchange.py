"""One exchange with an upstream, as a kind plans it: who is spoken to, with which secrets, and how it goes.

Owns: the questions that the broker puts to every exchange, and the simplest one, a single HTTP request. A
exchange is planned with its placeholders unresolved, judged, and held after its values were opened. Everything
that leaves goes through the channel that the broker hands in, so no kind opens a socket.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

from accounts.errors import FieldError
from integrations.egress.destinations import WEB
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
from integrations.sip.messages import SipMessage, SipPeer, SipRequest
from integrations.templating.slots import MASK, bearer
from secrets_app.plaintext import Plaintext

UNAUTHORIZED = 401

Hear = Callable[[bytes], Awaitable[bool]]
"""Gets each piece of an event stream as it comes, and says whether that is enough."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL that calls go to, and the field of the configuration that it was entered in.

    `schemes` are those that it may have; only a kind that does not speak HTTP names others.
    """

    field: str
    url: str
    schemes: frozenset[str] = WEB


class SipChannel(Protocol):
    """A SIP connection to one peer."""

    async def ask(self, request: SipRequest) -> SipMessage:
        """Send one request; its final response. Raises the refusals of `sip_transport`."""
        ...


SecondsToWait = Callable[[UpstreamResponse], float]


class Channel(Protocol):
    """What an exchange may send through. Every call is judged by the egress rules before anything leaves."""

    async def http(
        self,
        request: OutgoingRequest,
        *,
        seconds_to_wait: SecondsToWait | None = None,
        following: Following | None = None,
        hear: Hear | None = None,
    ) -> UpstreamResponse:
        """One HTTP request; raises the refusals of `transport.send`, which says what `hear` is for.

        Args:
            following: follow redirects, under the rules of `following.follow`; without it they are answers.
            seconds_to_wait: for how long an answer asks that no more calls are made with the secrets of this run.
                RateLimited is raised instead of sending one meanwhile.
        """
        ...

    async def token(
        self, request: RequestTemplate, secrets: Mapping[str, Plaintext], *, instead_of: Plaintext | None = None
    ) -> Plaintext:
        """The access token that this token request gives, kept for as long as it holds.

        Args:
            instead_of: one that was just refused.

        Raises TokenRefused, and the refusals of `http`.
        """
        ...

    def sip(self, peer: SipPeer) -> AbstractAsyncContextManager[SipChannel]:
        """A SIP connection, closed with the block; raises the refusals of `sip_transport`."""
        ...

    async def nonce_count(self, nonce: str) -> int:
        """How often this integration has answered a nonce, this time included: no two answers get the same count."""
        ...

    def mask(self, name: str, sent: Plaintext) -> None:
        """Have a text masked that is made of a secret and was sent, under the secret's name."""
        ...

    def hide(self, given: Plaintext) -> None:
        """Have a credential masked that the upstream gave for this run, under no name."""
        ...

    def recall(self, place: str) -> str | None:
        """What an exchange of the same integration left there with `remember`; None once it is forgotten."""
        ...

    def remember(self, place: str, fact: str) -> None:
        """Keep a fact about the upstream for later runs of the integration, in memory; never a credential."""
        ...


class Exchange(ABC):
    """One operation or check, planned."""

    reports_steps: ClassVar[bool] = False
    """Whether a check answers with `steps_response` instead of what an upstream said."""

    @property
    @abstractmethod
    def secret_names(self) -> tuple[str, ...]:
        """Names of all secrets that it needs, each once."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """What is sent, in a few words without values: `GET /v2/me`."""

    def problems(self, params: Mapping[str, object]) -> list[FieldError]:  # noqa: ARG002 - a schema says it all mostly
        """What is wrong with arguments beyond what the schema of the operation says, as `params.NAME`."""
        return []

    @abstractmethod
    async def perform(
        self, channel: Channel, *, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
    ) -> UpstreamResponse:
        """Have it, within its own limit of time.

        Args:
            secrets: a value for each of `secret_names`.
            params: the arguments, checked and complete.

        Raises:
            Refusal: a code of docs/api.md, "Errors"; never with a value.
        """

    def note(self, params: Mapping[str, Any]) -> str:  # noqa: ARG002 - most are told well enough by their operation
        """What the record of the run says beside the operation, of arguments without problems: 200 characters."""
        return ""

    def preview(self, params: Mapping[str, object]) -> PreviewRequest | None:  # noqa: ARG002 - some cannot be shown
        """What is sent, for people, with every value masked; None where that says nothing."""
        return None


@dataclass(frozen=True, slots=True)
class HttpCall(Exchange):
    """One HTTP request and its answer; `token` is the request for the access token that it needs."""

    template: RequestTemplate
    token: RequestTemplate | None = None
    follows_redirects: bool = False

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Those of both requests."""
        return tuple(dict.fromkeys([*self.template.secret_names, *(self.token.secret_names if self.token else ())]))

    @property
    def summary(self) -> str:
        """Method and path."""
        return f"{self.template.method} {self.template.path.source or '/'}"

    async def perform(
        self, channel: Channel, *, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
    ) -> UpstreamResponse:
        """Render and send. An access token that is refused is fetched anew, once."""
        request = render(self.template, secrets=secrets, params=params)
        if self.template.basic:
            credential = dict(request.headers)[AUTHORIZATION].removeprefix("Basic ")
            for name in self.template.basic.password.secret_names:
                channel.mask(name, Plaintext(credential))
        following = Following.of(self.template, secrets) if self.follows_redirects else None
        if self.token is None:
            return await channel.http(request, following=following)
        access = await channel.token(self.token, secrets)
        response = await channel.http(_with_token(request, access), following=following)
        if response.status != UNAUTHORIZED:
            return response
        access = await channel.token(self.token, secrets, instead_of=access)
        return await channel.http(_with_token(request, access), following=following)

    def preview(self, params: Mapping[str, object]) -> PreviewRequest:
        """The request with every value masked."""
        shown = preview(self.template, params=params)
        return replace(shown, headers=[*shown.headers, (AUTHORIZATION, f"Bearer {MASK}")]) if self.token else shown


@dataclass(frozen=True, slots=True)
class TokenCall(Exchange):
    """Fetching an access token, to see whether that works; what came is told and not shown."""

    token: RequestTemplate
    reports_steps: ClassVar[bool] = True

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Those of the token request."""
        return self.token.secret_names

    @property
    def summary(self) -> str:
        """What is asked for."""
        return "Fetch an access token"

    async def perform(
        self,
        channel: Channel,
        *,
        secrets: Mapping[str, Plaintext],
        params: Mapping[str, object],  # noqa: ARG002 - it has none
    ) -> UpstreamResponse:
        """One step; a refusal of the token endpoint is the caller's to tell."""
        await channel.token(self.token, secrets)
        return steps_response([Step("token", PASSED, None, "The token endpoint gave an access token.")])


PASSED, FAILED, NOT_CHECKABLE = "passed", "failed", "not_checkable"


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of a check found: `passed`, `failed` with a code, or `not_checkable`."""

    name: str
    outcome: str
    code: str | None
    detail: str

    @property
    def title(self) -> str:
        """Its name as a heading."""
        return self.name.replace("_", " ").capitalize()

    def as_json(self) -> dict[str, Any]:
        """The step as the API gives it."""
        return {"name": self.name, "outcome": self.outcome, "code": self.code, "detail": self.detail}


def steps_response(steps: list[Step]) -> UpstreamResponse:
    """The steps of a check as an answer, so that they pass the masking like everything else."""
    body = json.dumps({"steps": [step.as_json() for step in steps]}).encode()
    return UpstreamResponse(None, b"", (), body, True, succeeded=all(step.outcome != FAILED for step in steps))


def _with_token(request: OutgoingRequest, access: Plaintext) -> OutgoingRequest:
    return replace(request, headers=(*request.headers, (AUTHORIZATION, bearer(access))))
