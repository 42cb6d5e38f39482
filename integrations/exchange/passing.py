"""A request that is passed through: a caller's method, path, query, headers and body, with a connection's credential.

What the connection configures is rendered as for every request and wins. Whether the path may be called is decided
before anything is opened, in the spelling that is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, cast

from typing_extensions import override

from accounts.errors import FieldError
from integrations.errors import InvalidArguments, PathNotAllowed
from integrations.exchange.channels import Channel, StreamChannel
from integrations.exchange.exchange import HttpCall, Streamable
from integrations.exchange.messages import (
    OutgoingRequest,
    PreviewRequest,
    RequestTemplate,
    UpstreamResponse,
    uncached_url,
)
from integrations.exchange.passed_headers import folded, sent_on
from integrations.exchange.passed_paths import METHODS, ListedPath, names_in, one_path, one_query, without_parameters
from integrations.exchange.streams import NOTHING, Deadlines, Passed
from secrets_app.plaintext import Plaintext

PASS_THROUGH = "pass_through"  # noqa: S105 - the operation
"""The operation."""

PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "method": {"type": "string", "enum": list(METHODS), "description": "The method."},
        "path": {"type": "string", "description": "What follows the connection in the address, percent-encoded."},
        "query": {"type": "string", "description": "The query, without its question mark."},
    },
    "required": ["method", "path", "query"],
    "additionalProperties": False,
}
"""The arguments that rules see."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing at the upstream (RFC 9110 section 9.2.1)."""

MOST_NOTED = 200
"""Characters of a note."""

_ELSEWHERE = "A request is passed through at /proxy/ and not run as an operation (docs/pass-through.md)."


def arguments_of(method: str, path: str, query: str) -> dict[str, str]:
    """Return the arguments of a request, in the spelling that is judged and sent.

    Raises:
        InvalidPathValue: the path could be read in more than one way.
    """
    return {"method": method, "path": one_path(path), "query": one_query(query)}


@dataclass(frozen=True, slots=True)
class PassThrough(Streamable):
    """Passes one request through.

    Attributes:
        call: what the connection adds: base URL, query, headers and credential.
        listed: the requests that may be passed through; None for all.
    """

    call: HttpCall
    listed: tuple[ListedPath, ...] | None
    deadlines: Deadlines
    only_streams: ClassVar[bool] = True

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The names of the secrets that the connection adds."""
        return self.call.secret_names

    @property
    def summary(self) -> str:
        """A description without the address, which is the caller's."""
        return "Pass a request through"

    @property
    def requests(self) -> tuple[RequestTemplate, ...]:
        """The requests that hold secrets."""
        return self.call.requests

    @override
    def problems(self, params: Mapping[str, Any], /) -> list[FieldError]:
        """Return nothing: only whether the path is listed is left to be checked.

        Raises:
            PathNotAllowed: it is not.
        """
        if self.listed is not None and self._line(params) is None:
            raise PathNotAllowed(
                "This method and path are not on the list of the connection. An owner or admin can add them there, "
                "under Pass-through."
            )
        return []

    @override
    def note(self, params: Mapping[str, Any], /) -> str:
        """Return the method and the line of the list that covers the path. The path itself is not kept."""
        line = self._line(params)
        return f"{params['method']} {line.path}"[:MOST_NOTED] if line else str(params["method"])

    def _line(self, params: Mapping[str, Any]) -> ListedPath | None:
        return next((line for line in self.listed or () if line.covers(params["method"], params["path"])), None)

    @override
    async def perform(
        self, _channel: Channel, *, secrets: Mapping[str, Plaintext], params: Mapping[str, object]
    ) -> UpstreamResponse:
        """Refuse.

        Raises:
            InvalidArguments: always. It only flows.
        """
        raise InvalidArguments(_ELSEWHERE)

    @override
    async def begin(
        self,
        channel: StreamChannel,
        *,
        secrets: Mapping[str, Plaintext],
        params: Mapping[str, object],
        passed: Passed = NOTHING,
    ) -> UpstreamResponse:
        """Send the caller's request with what the connection adds, and return the head of the response.

        A request with a body is sent once. Any other is sent again with a new access token if the first was refused.
        """
        rendered = self.call.rendered(channel, secrets, {})
        send = partial(channel.begin, deadlines=self.deadlines, upload=passed.upload)
        request = self._request(rendered, cast("Mapping[str, str]", params), passed)
        return await self.call.authorized(channel, secrets, request, send, once=passed.upload is not None)

    def preview(self, params: Mapping[str, object]) -> PreviewRequest:
        """Return the request as far as the arguments say it, with every value masked."""
        given = cast("Mapping[str, str]", params)
        shown = self.call.preview({})
        path, _, own = shown.path_and_query.partition("?")
        address = (path.removesuffix("/") + given["path"]) or "/"
        query = _joined(given["query"], own)
        return replace(shown, method=given["method"], path_and_query=f"{address}?{query}" if query else address)

    def _request(self, rendered: OutgoingRequest, given: Mapping[str, str], passed: Passed) -> OutgoingRequest:
        base = rendered.url
        path = base.raw_path.removesuffix("/") + given["path"] or "/"
        url = uncached_url(base.scheme, base.raw_authority, path, _joined(given["query"], base.raw_query_string))
        own = {folded(name) for name, _ in rendered.headers}
        headers = (*sent_on(passed.headers, own), *rendered.headers)
        return replace(rendered, method=given["method"], url=url, headers=headers)


def _joined(given: str, own: str) -> str:
    """Return a caller's query with the connection's, which wins."""
    others = without_parameters(given, names_in(own)) if own else given
    return "&".join(filter(None, (others, own)))
