"""One conversation with an upstream, as a kind plans it: who is spoken to, with which secrets, and how it goes.

Owns: the questions that the broker puts to every conversation, and the simplest one, a single HTTP request. A
conversation is planned with its placeholders unresolved, judged, and held after its values were opened. Everything
that leaves goes through the wire that the broker hands in, so no kind opens a socket.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from integrations.requests import AUTHORIZATION, OutgoingRequest, PreviewRequest, RequestTemplate, preview, render
from integrations.responses import UpstreamResponse
from secrets_app.plaintext import Plaintext


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL that calls go to, and the field of the configuration that it was entered in."""

    field: str
    url: str


class Wire(Protocol):
    """What a conversation may send through. Every call is judged by the egress rules before anything leaves."""

    async def http(self, request: OutgoingRequest) -> UpstreamResponse:
        """One HTTP request; raises the refusals of `transport.send`."""
        ...

    def mask(self, name: str, sent: Plaintext) -> None:
        """Have a text masked that is made of a secret and was sent, under the secret's name."""
        ...


class Conversation(ABC):
    """One operation or check, planned."""

    @property
    @abstractmethod
    def secret_names(self) -> tuple[str, ...]:
        """Names of all secrets that it needs, each once."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """What is sent, in a few words without values: `GET /v2/me`."""

    @abstractmethod
    async def hold(
        self, wire: Wire, *, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
    ) -> UpstreamResponse:
        """Have it, within its own limit of time.

        Args:
            secrets: a value for each of `secret_names`.
            params: the arguments, checked and complete.

        Raises:
            Refusal: a code of API.md; never with a value.
        """

    def preview(self, params: Mapping[str, object]) -> PreviewRequest | None:  # noqa: ARG002 - some cannot be shown
        """What is sent, for people, with every value masked; None where that says nothing."""
        return None


@dataclass(frozen=True, slots=True)
class HttpCall(Conversation):
    """One HTTP request and its answer."""

    template: RequestTemplate

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Those of the template."""
        return self.template.secret_names

    @property
    def summary(self) -> str:
        """Method and path."""
        return f"{self.template.method} {self.template.path.source or '/'}"

    async def hold(
        self, wire: Wire, *, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
    ) -> UpstreamResponse:
        """Render and send."""
        request = render(self.template, secrets=secrets, params=params)
        if self.template.basic:
            credential = dict(request.headers)[AUTHORIZATION].removeprefix("Basic ")
            for name in self.template.basic.password.secret_names:
                wire.mask(name, Plaintext(credential))
        return await wire.http(request)

    def preview(self, params: Mapping[str, object]) -> PreviewRequest:
        """The request with every value masked."""
        return preview(self.template, params=params)
