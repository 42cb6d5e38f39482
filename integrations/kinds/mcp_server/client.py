"""One request of a run to an MCP server: sending, redirects within the origin, and the rest of a broken stream.

All requests of a run share one deadline. Requests that the server sends meanwhile are refused. Which requests are sent,
and with which headers, is decided in `sessions.py`; their replies are read in `replies.py`.
"""

import asyncio
import itertools
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from yarl import URL

from accounts.errors import Refusal
from integrations.errors import InvalidUrl, ResponseTooLarge, ResponseUnreadable, UpstreamTimeout, UpstreamUnreachable
from integrations.exchange.channels import Channel, OnPiece
from integrations.exchange.messages import OutgoingRequest, UpstreamResponse
from integrations.exchange.redirects import MAX_HOPS, is_origin_of, location_of, next_url, with_query
from integrations.kinds.mcp_server.messages import Message, encode, is_request, reply_to, says_tools_changed
from integrations.kinds.mcp_server.replies import McpResponse, ReplyReader, not_mcp
from secrets_app.plaintext import MIN_LENGTH, Plaintext

ACCEPT = "application/json, text/event-stream"
NOTIFY_SECONDS = 5.0
"""How long the response to a notification is waited for; nothing depends on it."""
END_SESSION_SECONDS = 2.0
MAX_RESUMPTIONS = 100
SHORTEST_ID = 16
"""Characters of a path segment from which on it is treated as a session id."""

_KEPT_METHOD = frozenset({301, 307, 308})
"""Redirects after which a POST is repeated as it is."""

NO_RESPONSE = (UpstreamTimeout, UpstreamUnreachable, ResponseUnreadable, ResponseTooLarge)
"""Refusals that only say that there is no readable response."""

Headers = Sequence[tuple[str, str]]


class McpClient:
    """The connection to one server during one run."""

    def __init__(self, channel: Channel, request: OutgoingRequest) -> None:
        """Create a client.

        Args:
            request: a rendered request without body; its URL and headers are part of every request.
        """
        self._channel, self._request = channel, request
        self._deadline = time.monotonic() + request.timeout_seconds
        self._ids = itertools.count(1)

    def __repr__(self) -> str:
        return "<McpClient>"

    @property
    def host(self) -> str:
        """The server's host, for messages."""
        return self._request.url.raw_host or ""

    @property
    def sends_more(self) -> bool:
        """Whether headers or query parameters are configured, which may hold a credential."""
        return bool(self._request.headers or self._request.url.raw_query_string)

    def left(self) -> float:
        """Return the seconds that are left of the run.

        Raises:
            UpstreamTimeout: there are none.
        """
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise UpstreamTimeout(f"{self.host} did not answer in time.")
        return seconds

    def hide(self, given: str) -> None:
        """Mask a credential that the server issued. A short one cannot be told from other text and is not masked."""
        if len(given) >= MIN_LENGTH:
            self._channel.hide(Plaintext(given))

    async def request(
        self, method: str, params: Mapping[str, Any], headers: Headers, *, resumes: bool = False
    ) -> McpResponse:
        """Send a JSON-RPC request.

        Args:
            resumes: ask for the rest of an event stream that ends before the reply.

        Raises:
            ResponseUnreadable: the event stream is not MCP.
            Refusal: as the transport.
        """
        return await self.post(self.numbered(method, params), headers, resumes=resumes)

    def numbered(self, method: str, params: Mapping[str, Any]) -> Message:
        """Return a request with an id of its own."""
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": dict(params)}

    async def post(self, message: Message, headers: Headers, *, resumes: bool = False) -> McpResponse:
        """Send a numbered request, as `request` does."""

        async def heed(said: Message) -> None:
            await self.heed(said, headers)

        reader = ReplyReader(self.host, message["id"], heed)
        try:
            response = await reader.response(await self._http(self._post(message, headers), reader.on_piece))
        except (ResponseUnreadable, UpstreamUnreachable):
            if not (resumes and reader.is_resumable):
                raise
            response = McpResponse(HTTPStatus.OK, None)
        return await self._rest(response, reader, headers) if resumes and not response.is_rejected else response

    async def _rest(self, response: McpResponse, reader: ReplyReader, headers: Headers) -> McpResponse:
        """Ask for the rest of a stream with GET, which sends the request no second time ("Resumability").

        The status stays that of the request, whatever the server answers to GET.
        """
        for _ in range(MAX_RESUMPTIONS):
            if not reader.is_resumable:
                break
            await asyncio.sleep(min(reader.resume(), self.left()))
            resuming = (*headers, ("Last-Event-ID", reader.last_id))
            with suppress(ResponseUnreadable, UpstreamUnreachable):  # broken off once more
                rest = await self._http(self._built("GET", resuming, None, self.left()), reader.on_piece)
                if rest.status != HTTPStatus.OK:
                    break
                response = replace(response, reply=(await reader.response(rest)).reply)
        return response

    async def notify(self, message: Message, headers: Headers) -> None:
        """Send a notification, or a reply to a request of the server. The run does not depend on the response.

        Raises:
            Refusal: as the transport, unless there is merely no readable response in time.
        """
        with suppress(*NO_RESPONSE):
            post = self._post(message, headers)
            request = replace(post, timeout_seconds=min(NOTIFY_SECONDS, self.left()), needs_body=False)
            await self._http(request, _discard)

    async def heed(self, said: Message, headers: Headers) -> None:
        """Answer a request of the server, or note that its tools changed; anything else of it is ignored.

        Raises:
            Refusal: as `notify`.
        """
        if says_tools_changed(said):
            await self._channel.tools_changed()
        elif is_request(said):
            await self.notify(reply_to(said), headers)

    async def listen(self, on_piece: OnPiece) -> int:
        """GET the event stream of a server of 2024-11-05 for the rest of the run; return the HTTP status.

        Raises:
            Refusal: as the transport, and as `on_piece`.
        """
        response = await self._http(self._built("GET", (), None, self.left()), on_piece)
        return response.status or 0

    def at(self, reference: bytes) -> "McpClient":
        """Return a client for another address of the same origin; deadline and ids are shared.

        What may be a session id in the address is masked: new query values, and new long segments of the path.

        Args:
            reference: a URI reference, as the server sent it.

        Raises:
            InvalidUrl: it leads to another origin, or is ambiguous.
        """
        url = self._resolved(self._request.url, reference)
        own = set(self._request.url.raw_query_string.split("&"))
        for part in url.raw_query_string.split("&"):
            if part not in own:
                self.hide(part.partition("=")[2])
        for segment in set(url.raw_path.split("/")) - set(self._request.url.raw_path.split("/")):
            if len(segment) >= SHORTEST_ID:
                self.hide(segment)
        client = McpClient(self._channel, replace(self._request, url=url))
        client._deadline, client._ids = self._deadline, self._ids
        return client

    async def end_session(self, headers: Headers) -> None:
        """DELETE the session. The result does not matter to the run."""
        seconds = min(END_SESSION_SECONDS, self._deadline - time.monotonic())
        if seconds > 0:
            with suppress(Refusal):
                await self._http(self._built("DELETE", headers, None, seconds), _discard)

    def unreadable(self) -> ResponseUnreadable:
        """Return the refusal for a response that is not MCP."""
        return not_mcp(self.host)

    async def _http(self, request: OutgoingRequest, on_piece: OnPiece) -> UpstreamResponse:
        """Send a request, and again where a redirect within the origin leads; other redirects are returned."""
        for _ in range(MAX_HOPS):
            response = await self._channel.http(request, on_piece=on_piece)
            url = self._moved(request, response)
            if url is None:
                return response
            request = replace(request, url=url, timeout_seconds=min(request.timeout_seconds, self.left()))
        return await self._channel.http(request, on_piece=on_piece)

    def _moved(self, request: OutgoingRequest, response: UpstreamResponse) -> URL | None:
        """Return where a redirect within the origin leads; None if there is none.

        A POST is repeated where the status allows it, and after 302 where the address differs in its last slash alone;
        elsewhere 302 and 303 lead to a page, such as one to sign in.
        """
        try:
            location = location_of(response)
            url = self._resolved(request.url, location) if location else None
        except InvalidUrl:
            return None
        if url is None or request.method == "GET" or response.status in _KEPT_METHOD:
            return url
        is_same = url.raw_path.rstrip("/") == request.url.raw_path.rstrip("/")
        return url if is_same and response.status == HTTPStatus.FOUND else None

    def _resolved(self, base: URL, reference: bytes) -> URL:
        """Return the URL that a reference of the server names, with the configured query.

        Raises:
            InvalidUrl: it leads to another origin, or is ambiguous.
        """
        return with_query(next_url(base, reference, self._own), self._request.url.raw_query_string)

    def _own(self, origin: str) -> URL:
        """Return the configured URL if `origin` is its origin.

        Raises:
            InvalidUrl: it is another origin.
        """
        if is_origin_of(origin, self._request.url):
            return self._request.url
        raise InvalidUrl("The server named an address of another origin.")

    def _post(self, message: Message, headers: Headers) -> OutgoingRequest:
        typed = (("Content-Type", "application/json"), *headers)
        return self._built("POST", typed, encode(message), self.left())

    def _built(self, method: str, headers: Headers, body: bytes | None, seconds: float) -> OutgoingRequest:
        complete = (("Accept", ACCEPT), *headers, *self._request.headers)
        return replace(self._request, method=method, headers=complete, body=body, timeout_seconds=seconds)


async def _discard(_: bytes) -> bool:
    """Skip the rest of a stream from which no reply is expected."""
    return True
