"""Reading bodies before any application runs: bounded in size, in time and in number.

Django's ASGI handler writes a body larger than `FILE_UPLOAD_MAX_MEMORY_SIZE` to a temporary file before it looks at any
view, key or session. Text with values would be on disk, and anybody could fill it. And whoever sends half a body would
keep a request open for as long as they like. So such requests end here.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.db import Error
from django.http import HttpResponse
from django.template.loader import render_to_string

from accounts.access.callers import PresentedKey, bearer_token
from accounts.access.client_addresses import peer_address
from accounts.actors import Actor
from accounts.api.authentication import authenticate
from accounts.common.outages import as_refusal
from accounts.errors import RateLimited, Refusal, RequestTimedOut, TooLarge
from config.http.errors import AGENTS, API_PREFIX, TOO_LARGE, is_for_programs, problem
from config.http.requests import Application, Receive, Send, answer_unread, header_of
from integrations.broker.large_answers import AT_END
from integrations.kinds.config_fields import LARGEST_ARGUMENTS

ARRIVES_WITHIN = 1.0
"""Seconds after which a body that has not arrived counts as waiting, and its API key is checked first."""

READ_WITHIN = 60.0
"""Seconds that a body may take from then on."""

MOST_WAITING = 32
"""Bodies that may be waited for at once from one address."""

LARGEST_RUN = LARGEST_ARGUMENTS + 65_536
"""Bytes that a call of a run may have: the arguments, files among them, and what is around them."""

MOST_LARGE, MOST_LARGE_OF_ONE = 4, 2
"""Calls larger than other requests that a process holds in memory at once, until they are answered: of all
organizations, and of one."""

LARGE_RUN = (
    "A run may have at most 16 MiB of arguments, and above 2.5 MiB only a request that declares its Content-Length and "
    "carries a valid API key."
)
_RUNS = re.compile(rf"{API_PREFIX}v1/integrations/[^/]+/run|{'|'.join(AGENTS)}")


class WholeBodies:
    """An ASGI middleware that passes a request on once its body has arrived."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._waiting: Counter[str | None] = Counter()
        self._large: Counter[UUID] = Counter()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Read the body and call the application, or refuse the request without reading the rest."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        body = _Body(receive, scope["path"])
        at_end: list[Callable[[], None]] = []
        token = AT_END.set(at_end)
        try:
            if await self._has_arrived(scope, body, send):
                await self._application(scope, body.replayed, send)
        finally:
            AT_END.reset(token)
            if body.large_of:
                self._large[body.large_of] -= 1
                self._large += Counter()  # leaves out those without any
            for call in at_end:
                call()

    async def _has_arrived(self, scope: dict[str, Any], body: "_Body", send: Send) -> bool:
        """Return whether the body is there. Otherwise the client has left, or was refused."""
        try:
            if _declared_length(scope) > body.most:
                await self._admit_large(scope, body)
            if not body.take():
                await self._read_rest(scope, body)
        except RequestAborted:
            return False
        except Refusal as refusal:
            await answer_unread(_page(scope, refusal), send)
            return False
        return True

    async def _admit_large(self, scope: dict[str, Any], body: "_Body") -> None:
        """Let a run with a valid API key send more than other requests may.

        Raises:
            TooLarge, Unauthenticated, RateLimited: nothing of the body is read.
        """
        if not _RUNS.fullmatch(scope["path"]) or _declared_length(scope) > LARGEST_RUN:
            raise TooLarge(_about_size(scope["path"]))
        organization = (await _actor(scope)).organization.pk
        if self._large[organization] >= MOST_LARGE_OF_ONE or self._large.total() >= MOST_LARGE:
            refusal = RateLimited("Too many large calls are under way. Try again in a moment.")
            refusal.members["retry_after_seconds"] = 5
            raise refusal
        self._large[organization] += 1
        body.large_of, body.most = organization, LARGEST_RUN

    async def _read_rest(self, scope: dict[str, Any], body: "_Body") -> None:
        """Read what has not arrived with the head.

        Raises:
            RequestAborted: the client disconnected.
            TooLarge, Unauthenticated, RateLimited, RequestTimedOut: the rest of it is not read.
        """
        try:
            async with asyncio.timeout(ARRIVES_WITHIN):
                await body.read()
        except TimeoutError:
            await self._wait(scope, body)

    async def _wait(self, scope: dict[str, Any], body: "_Body") -> None:
        address = _address(scope)
        if self._waiting[address] >= MOST_WAITING:
            raise _too_many()
        self._waiting[address] += 1
        try:
            await _check_key(scope)
            await _read_in_time(body)
        finally:
            self._waiting[address] -= 1
            if not self._waiting[address]:
                del self._waiting[address]


class _Body:
    """The body of one request, as far as it has arrived."""

    def __init__(self, receive: Receive, path: str) -> None:
        self._receive, self._path = receive, path
        self._chunks: list[bytes] = []
        self._size = 0
        self._is_complete = self._is_replayed = False
        self.large_of: UUID | None = None
        self.most = settings.FILE_UPLOAD_MAX_MEMORY_SIZE

    def take(self) -> bool:
        """Take what has arrived already, without the timer that waiting needs; return whether that is all of it.

        Raises:
            as `read`.
        """
        while not self._is_complete and (message := _already_there(self._receive())):
            self._add(message)
        return self._is_complete

    async def read(self) -> None:
        """Read the rest. It may be cancelled and called again.

        Raises:
            RequestAborted: the client disconnected.
            TooLarge: it is larger than Coffer reads.
        """
        while not self._is_complete:
            self._add(await self._receive())

    def _add(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.disconnect":
            raise RequestAborted
        self._chunks.append(message.get("body", b""))
        self._size += len(self._chunks[-1])
        if self._size > self.most:
            raise TooLarge(_about_size(self._path))
        self._is_complete = not message.get("more_body", False)

    async def replayed(self) -> Mapping[str, Any]:
        """Return the body as one message, and afterwards what the server sends."""
        if self._is_replayed:
            return await self._receive()
        self._is_replayed = True
        return {"type": "http.request", "body": b"".join(self._chunks), "more_body": False}


def _already_there(message: Coroutine[Any, Any, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return a message if receiving it does not wait; otherwise None, as if it had not been asked for."""
    try:
        message.send(None)
    except StopIteration as received:
        return received.value
    message.close()
    return None


async def _read_in_time(body: _Body) -> None:
    try:
        async with asyncio.timeout(READ_WITHIN):
            await body.read()
    except TimeoutError:
        raise RequestTimedOut("The rest of the request did not arrive in time. Send it again.") from None


async def _check_key(scope: dict[str, Any]) -> None:
    """Check the API key of a request to the API before its body is waited for.

    Raises:
        Unauthenticated: there is no valid key.
    """
    if is_for_programs(scope["path"]):
        await _actor(scope)


async def _actor(scope: dict[str, Any]) -> Actor:
    """Return the actor of the API key that came with a request.

    Raises:
        Unauthenticated: there is no valid key.
        DatabaseUnavailable: nobody can say.
    """
    token = bearer_token(header_of(scope, b"authorization"))
    key = PresentedKey(token or "", _address(scope), header_of(scope, b"user-agent"))
    try:
        return await authenticate(key)
    except Error as fault:
        raise as_refusal(fault)  # noqa: B904 - an exception that is none stays as it is


def _about_size(path: str) -> str:
    """Return the sentence about a body that is too large."""
    return LARGE_RUN if _RUNS.fullmatch(path) else TOO_LARGE


def _address(scope: dict[str, Any]) -> str | None:
    return peer_address((scope.get("client") or [""])[0])


def _too_many() -> RateLimited:
    refusal = RateLimited("Too many unfinished requests come from this address. Finish them, or try again later.")
    refusal.members["retry_after_seconds"] = round(READ_WITHIN)
    return refusal


def _page(scope: dict[str, Any], refusal: Refusal) -> HttpResponse:
    """Return the refusal as a problem document for programs, otherwise as a page."""
    if is_for_programs(scope["path"]):
        return problem(refusal)
    name = {TooLarge.status: "413.html", RateLimited.status: "429.html"}.get(refusal.status, "408.html")
    return HttpResponse(render_to_string(name), status=refusal.status)


def _declared_length(scope: dict[str, Any]) -> int:
    """Return the declared length. It is 0 if there is none or it is invalid; the body is then counted as it arrives."""
    text = dict(scope["headers"]).get(b"content-length", b"")
    return int(text) if text.isdigit() else 0
