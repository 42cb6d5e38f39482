"""The endpoint `/mcp`: the operations that an API key may run, as tools of an MCP server (docs/mcp.md).

The caller is authenticated before the protocol's server (`config.api.agent_server`) sees the message.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import anyio
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, StreamingHttpResponse

from accounts.access.callers import PresentedKey, bearer_token
from accounts.access.client_addresses import client_address
from accounts.access.last_use import record_client
from accounts.access.route_permissions import RoutePermission, set_permission
from accounts.common.request_notes import note
from accounts.errors import InvalidJson, PermissionDenied, Refusal, Unauthenticated
from accounts.policy import Permission
from config.agents.arrivals import ARRIVALS, CALL, Arrival, called_tool
from config.agents.callers import CALLER, Caller
from config.agents.calls import cancel
from config.agents.errors import LARGEST_READ
from config.agents.stopped import answer_stopped
from config.api.mcp_clients import client_name
from config.http.errors import AGENTS, plain_problem, problem
from config.http.requests import Application, read_json
from integrations.tools.agent_tools import environment_of

JSON, EVENTS = "application/json", "text/event-stream"
SESSION = "mcp-session-id"
_is_session = re.compile(r"([0-9a-f]{32})(-pages)?").fullmatch

_PASSED_BACK = {b"content-type", b"allow"}


@dataclass(frozen=True, slots=True)
class Serving:
    """The MCP server of an event loop: one responds with JSON, one with event streams."""

    plain: Application
    streaming: Application


servers: dict[asyncio.AbstractEventLoop, Serving] = {}
"""The MCP server of each event loop, from the server's start to its stop (`config.api.agent_server`)."""


async def answer_agent(request: HttpRequest) -> HttpResponseBase:
    """Handle one message of an agent."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        caller = await _caller(request)
    except Refusal as refusal:
        return answer_stopped(request.body, refusal) or problem(refusal)
    serving = servers.get(asyncio.get_running_loop())
    if serving is None:
        return plain_problem(HTTPStatus.SERVICE_UNAVAILABLE)
    if status := _malformed(request, caller):
        return plain_problem(status)
    await record_client(caller.actor, client_name(caller.params))
    if caller.method == "notifications/cancelled" and (call := caller.call(caller.params.get("requestId"))):
        cancel(call)
    if _wants_events(request, caller):
        return await _streamed(serving.streaming, request, caller)
    return await _forward(serving.plain, request, caller)


mcp = set_permission(login_not_required(answer_agent), RoutePermission("key", Permission.INTEGRATIONS_RUN))


async def _caller(request: HttpRequest) -> Caller:
    """Authenticate an agent and read its message.

    Raises:
        Unauthenticated: there is no valid API key.
        PermissionDenied: the key lacks the scope or has several environments, or another site's page sent the request.
        InvalidJson: the message is not JSON.
    """
    origin = request.headers.get("Origin")
    if origin and origin != _own_origin():
        raise PermissionDenied("Pages of other sites may not call /mcp. Call it from a program.")  # MCP, "Security"
    token = bearer_token(request.headers.get("Authorization", ""))
    if token is None:
        raise Unauthenticated("Send an API key: Authorization: Bearer cof_…")
    key = PresentedKey(token, client_address(request), request.headers.get("User-Agent", ""))
    if len(request.body) > LARGEST_READ:
        await ARRIVALS.ask(Arrival(key, ""))  # so much is read for nobody who is unknown
    message = _message(request)
    actor, tool = await ARRIVALS.ask(Arrival(key, called_tool(message)))
    note(organization=str(actor.organization.pk), key=str(actor.id))
    actor.check(Permission.INTEGRATIONS_RUN)
    environment, session = environment_of(actor), request.headers.get(SESSION, "")
    if isinstance(message, InvalidJson):
        raise message
    return Caller(actor, environment, message, tool, session if _is_session(session) else "")


def _message(request: HttpRequest) -> Any:
    """Return the parsed message, or the refusal of one that is not JSON."""
    try:
        return read_json(request.body)
    except InvalidJson as refusal:
        return refusal


def _malformed(request: HttpRequest, caller: Caller) -> HTTPStatus | None:
    """Return the status for what is no message; None for a message."""
    if (request.content_type or JSON) != JSON:
        return HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    return None if caller.is_message else HTTPStatus.BAD_REQUEST


def _own_origin() -> str:
    site = urlsplit(settings.SITE_URL)
    return f"{site.scheme}://{site.netloc}"


def _wants_events(request: HttpRequest, caller: Caller) -> bool:
    """Return whether the sender reads event streams, and listens for changes or wants to be told of progress."""
    meta = caller.params.get("_meta")
    is_told = caller.method == CALL and isinstance(meta, dict) and meta.get("progressToken") is not None
    return (is_told or caller.method == "subscriptions/listen") and EVENTS in request.headers.get("Accept", "")


async def _forward(server: Application, request: HttpRequest, caller: Caller) -> HttpResponse:
    """Pass the message to the protocol's server, without the API key, and return its response."""
    sent: list[Mapping[str, Any]] = []

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    await server(_scope(request, caller), _receiving(request.body), send)
    return _whole(sent, caller)


def _whole(sent: list[Mapping[str, Any]], caller: Caller) -> HttpResponse:
    """Return a response that was sent as a whole."""
    status, answer = sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])
    if status >= HTTPStatus.BAD_REQUEST and not _refers_to_a_message(answer):
        return plain_problem(HTTPStatus(status))
    response = HttpResponse(answer, status=status)
    del response.headers["Content-Type"]
    _pass_back(sent[0], response)
    if caller.method == "initialize" and status == HTTPStatus.OK:
        response.headers[SESSION] = uuid4().hex + ("-pages" if _declares_pages(caller) else "")
    return response


async def _streamed(server: Application, request: HttpRequest, caller: Caller) -> HttpResponseBase:
    """Do the same for a response that may be an event stream, which ends with the call."""
    send, receive = anyio.create_memory_object_stream[Mapping[str, Any]](0)

    async def serve() -> None:
        async with send:
            await server(_scope(request, caller), _receiving(request.body), send.send)

    serving = asyncio.create_task(serve())

    async def events() -> AsyncGenerator[Mapping[str, Any], None]:
        try:
            async with receive:
                async for message in receive:
                    yield message
            await serving
        finally:
            serving.cancel()

    messages = events()
    start = await anext(messages)
    if not _is_stream(start):
        return _whole([start, *[message async for message in messages]], caller)
    response = StreamingHttpResponse(_bodies(messages), status=start["status"])
    _pass_back(start, response)
    response.headers["X-Accel-Buffering"] = "no"  # nginx passes each event on at once
    return response


async def _bodies(messages: AsyncGenerator[Mapping[str, Any], None]) -> AsyncIterator[bytes]:
    async with aclosing(messages):
        async for message in messages:
            yield message.get("body", b"")


def _receiving(body: bytes) -> Any:
    """Return ASGI's `receive` for a message that has arrived."""
    received = False

    async def receive() -> dict[str, Any]:
        nonlocal received
        if received:
            await asyncio.Event().wait()  # if the client disconnects, the whole request is cancelled
        received = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _is_stream(start: Mapping[str, Any]) -> bool:
    types = [value for name, value in start["headers"] if name.lower() == b"content-type"]
    return bool(types) and types[0].startswith(EVENTS.encode())


def _pass_back(start: Mapping[str, Any], response: HttpResponseBase) -> None:
    for name, value in start["headers"]:
        if name.lower() in _PASSED_BACK:
            response.headers[name.decode("latin-1")] = value.decode("latin-1")


def _declares_pages(caller: Caller) -> bool:
    """Return whether `initialize` declares that the client can open pages for a person (2025-11-25, "Elicitation")."""
    capabilities = caller.params.get("capabilities")
    elicitation = capabilities.get("elicitation") if isinstance(capabilities, dict) else None
    return isinstance(elicitation, dict) and isinstance(elicitation.get("url"), dict)


def _scope(request: HttpRequest, caller: Caller) -> dict[str, Any]:
    """Return the ASGI scope of a message to the protocol's server. The API key and cookies are left out."""
    unnamed = dict.fromkeys(("accept", "content-type"), JSON)  # without them, the SDK refuses a message
    found = unnamed | {name.lower(): value for name, value in request.headers.items() if value}
    passed_on = found.keys() - {"authorization", "cookie"}
    headers = [(name.encode("latin-1"), found[name].strip(" \t").encode("latin-1")) for name in sorted(passed_on)]
    return {
        "type": "http",
        "method": "POST",
        "path": AGENTS[0],
        "raw_path": AGENTS[0].encode(),
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "http_version": "1.1",
        "scheme": request.scheme,
        "client": None,
        "server": None,
        CALLER: caller,
    }


def _refers_to_a_message(answer: bytes) -> bool:
    """Whether an error refers to a message that could be parsed.

    Otherwise the SDK repeats the input in its response.
    """
    try:
        return json.loads(answer).get("id") is not None
    except ValueError:  # an error of the transport is not JSON
        return False
