"""How requests are received, before Django sees them: where they go, and how bodies are parsed.

Django responds with an empty page to a query string that is not UTF-8, before any middleware runs.
"""

import asyncio
import errno
import logging
import os
import re
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from random import Random
from typing import Any, cast
from urllib.parse import urlsplit

from asgiref.sync import markcoroutinefunction
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.common import observers
from accounts.common.fields import RepeatedName
from accounts.common.fields import read_json as json_as_written
from accounts.common.log_filters import described
from accounts.common.outages import log_outage
from accounts.common.request_notes import NOTES, REQUEST_ID, REQUESTS
from accounts.errors import InvalidJson, OutOfResources
from config.http.errors import AGENTS, is_for_programs, plain_problem, unavailable
from config.http.handshakes import BEGINNINGS, WEBSOCKET, Receive, Send, answering_handshake
from integrations.egress.own_ports import note_port

Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

PASSED_THROUGH = "/proxy/"
"""The beginning of the targets of requests that are passed through, as they arrive: nothing of it is encoded."""
LIVENESS = "/healthz"
PROBES = {LIVENESS, "/readyz"}
METRICS = "/metrics"

LARGEST_RESERVE = 256
"""Descriptors that are left to work under way, or an eighth of all where that is less."""

LOOK_SECONDS = 0.01
"""How often descriptors are counted; as many requests as arrive meanwhile take a small part of the reserve."""

logger = logging.getLogger(REQUESTS)

_ids = Random()  # noqa: S311 - ids tell requests apart and protect nothing
_is_request_id = re.compile(rb"[A-Za-z0-9._:/+=@-]{8,128}").fullmatch


class RequestIds:
    """An ASGI middleware that gives each request a line in the log and an id, which its response carries.

    An id that came with the request is kept, so that a call can be followed through several systems.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        most = sys.maxsize if limit == resource.RLIM_INFINITY else limit
        self._first_reserved = most - min(most // 8, LARGEST_RESERVE)
        self._descriptor = os.open(os.devnull, os.O_RDONLY)
        self._has_enough, self._looks_again = True, 0.0

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Pass the request on, and add the header to its response."""
        if scope["type"] not in {"http", WEBSOCKET}:
            await self._application(scope, receive, send)
            return
        started, status, notes, request_id = time.monotonic(), 0, dict[str, str](), _request_id_of(scope)
        of_id, of_notes = REQUEST_ID.set(request_id.decode()), NOTES.set(notes)

        def send_with_id(message: Mapping[str, Any]) -> Awaitable[None]:
            nonlocal status
            if message["type"] in BEGINNINGS:
                status, headers = message.get("status", HTTPStatus.SWITCHING_PROTOCOLS), message["headers"]
                if b"x-request-id" not in dict(headers):  # an upstream's stays
                    message = {**message, "headers": [*headers, (b"x-request-id", request_id)]}
            return send(message)

        try:
            if scope["path"] == LIVENESS or self._has_descriptors(started):
                await self._application(scope, receive, send_with_id)
            else:
                answering = answering_handshake(send_with_id) if scope["type"] == WEBSOCKET else send_with_id
                await answer_unread(unavailable(scope["path"], OutOfResources()), answering)
        finally:
            if not _is_probe(scope["path"], status):
                _log_request(scope, status, started, notes)
                for tell in observers.REQUEST_ENDED:
                    tell(status, notes)
            REQUEST_ID.reset(of_id)
            NOTES.reset(of_notes)

    def _has_descriptors(self, moment: float) -> bool:
        """Return whether enough descriptors were free lately to finish what is under way; the lowest free one tells.

        When they run out, new requests are refused early, because work would fail in its middle.
        """
        if moment < self._looks_again:
            return self._has_enough
        self._looks_again, self._has_enough = moment + LOOK_SECONDS, False
        try:
            lowest = os.dup(self._descriptor)
        except OSError as fault:
            log_outage(fault)
            return False
        os.close(lowest)
        if lowest >= self._first_reserved:
            log_outage(OSError(errno.EMFILE, ""))
        self._has_enough = lowest < self._first_reserved
        return self._has_enough


def header_of(scope: Mapping[str, Any], name: bytes) -> str:
    """Return the first header of this name, in lower case, or an empty text."""
    return next((value.decode("latin-1") for found, value in scope["headers"] if found == name), "")


def _request_id_of(scope: dict[str, Any]) -> bytes:
    """Return the id that came with the request, or a new one if there is none, several or one that is not safe."""
    given = [value for name, value in scope["headers"] if name == b"x-request-id"]
    return given[0] if len(given) == 1 and _is_request_id(given[0]) else b"%032x" % _ids.getrandbits(128)


def _is_probe(path: str, status: int) -> bool:
    """Return whether a machine asked how things are. Metrics that were asked for with a wrong token are no probe."""
    return path in PROBES or (path == METRICS and status == HTTPStatus.OK)


def _log_request(scope: dict[str, Any], status: int, started: float, notes: dict[str, str]) -> None:
    """Write the line of a request; its status is 0 if the client left before the response."""
    if not logger.isEnabledFor(logging.INFO):
        return
    fields = {
        "method": scope.get("method", "GET"),
        **(notes if "route" in notes else described(scope["path"]) | notes),
        "status": status,
        "milliseconds": round((time.monotonic() - started) * 1000),
    }
    logger.info("request %s", fields)


class ReadableQueries:
    """An ASGI middleware that responds with Coffer's own 400 to a query string that is not UTF-8."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> Awaitable[None]:
        """Pass on requests whose query string can be decoded."""
        if scope["type"] != "http" or not scope["query_string"] or _is_utf8(scope["query_string"]):
            return self._application(scope, receive, send)
        if is_for_programs(scope["path"]):
            return answer_unread(plain_problem(HTTPStatus.BAD_REQUEST), send)
        return answer_unread(HttpResponse(render_to_string("400.html"), status=400), send)


class AgentsOrEverybody:
    """The outermost ASGI application: agents get errors of their protocol."""

    def __init__(self, *, agents: Application, everybody: Application) -> None:
        self._agents, self._everybody = agents, everybody

    @markcoroutinefunction  # servers look for it, to tell the version of ASGI
    def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on."""
        is_agent = scope["type"] == "http" and scope["path"] in AGENTS
        return (self._agents if is_agent else self._everybody)(scope, receive, send)


class FlowingOrWhole:
    """An ASGI application that hands WebSockets and requests whose bodies flow on to applications of their own."""

    def __init__(self, *, flowing: Application, sockets: Application, whole: Application) -> None:
        self._flowing, self._sockets, self._whole = flowing, sockets, whole

    def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on."""
        chosen = self._sockets if scope["type"] == WEBSOCKET else self._whole
        if scope["type"] == "http" and scope.get("raw_path", b"").startswith(PASSED_THROUGH.encode()):
            chosen = self._flowing
        return chosen(scope, receive, send)


class ApiOrPages:
    """An ASGI application that routes the API, the pages and the server's lifespan to their applications.

    The API's documentation is a page. Probes are passed on as requests to the site itself.
    """

    def __init__(self, *, api: Application, pages: Application, lifespan: Application) -> None:
        self._api, self._pages, self._lifespan = api, pages, lifespan
        self._documentation = reverse("api-1:openapi-view")

    def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the event to one of the applications."""
        if scope.get("server"):
            note_port(scope["server"][1])
        if scope["type"] == "http" and (scope["path"] in PROBES or scope["path"] == METRICS):
            scope = _to_the_site(scope)
        chosen = self._lifespan if scope["type"] == "lifespan" else self._pages
        if scope["type"] == "http" and is_for_programs(scope["path"]) and scope["path"] != self._documentation:
            chosen = self._api
        return chosen(scope, receive, send)


def read_json(body: bytes) -> Any:
    """Parse a JSON text strictly, with numbers as written.

    Raises:
        InvalidJson: it is not JSON or not UTF-8. The parser's message is dropped, because it may quote the body.
    """
    try:
        return json_as_written(body.decode())
    except RepeatedName:
        raise InvalidJson("The body is not valid JSON: an object has the same name twice. Keep one of them.") from None
    except (ValueError, RecursionError):
        raise InvalidJson("The body is not valid JSON.") from None


async def read_body(receive: Any) -> bytes:
    """Return the body. `WholeBodies` has read it within its limits.

    Raises:
        RequestAborted: the client disconnected.
    """
    chunks, more = [], True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestAborted
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


class WhileConnected:
    """The context of work on a request, which is cancelled if the client disconnects before it is done.

    The message that tells so is taken step by step, by a callback of what it waits for: a task of its own for each
    request would cost twice as much.
    """

    def __init__(self, receive: Receive) -> None:
        self._message = receive()
        self._has_left = self._is_done = False

    def __enter__(self) -> None:
        self._work = cast("asyncio.Task[None]", asyncio.current_task())
        self._go_on()

    def _go_on(self, _: object = None) -> None:
        if self._is_done:
            return
        try:
            self._message.send(None).add_done_callback(self._go_on)
        except StopIteration:
            self._has_left = True
            self._work.cancel()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        """Return whether a fault is the cancellation of the work, which ends here."""
        self._is_done = True
        self._message.close()
        is_ours = kind is asyncio.CancelledError and self._has_left
        if is_ours:
            self._work.uncancel()
        return is_ours


async def answer_unread(response: HttpResponse, send: Send) -> None:
    """Refuse a request before Django sees it, and close the connection without reading the rest of the body."""
    for name, value in (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"), ("Connection", "close")):
        response.headers[name] = value
    headers = [(name.lower().encode(), value.encode()) for name, value in response.headers.items()]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})


def _to_the_site(scope: dict[str, Any]) -> dict[str, Any]:
    """Return the scope of a probe with the host and scheme of the site, and no other header than a token.

    Load balancers probe by IP address and plain HTTP, and so does Prometheus. Neither the check of the host nor the
    redirect to https protects anything here, because the answers are the same for everybody who has the token.
    """
    headers = [entry for entry in scope["headers"] if entry[0] == b"authorization"]
    headers.append((b"host", settings.ALLOWED_HOSTS[0].encode()))
    return {**scope, "headers": headers, "scheme": urlsplit(settings.SITE_URL).scheme}


def _is_utf8(query: bytes) -> bool:
    return query.decode(errors="ignore").encode() == query
