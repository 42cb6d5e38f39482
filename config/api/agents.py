"""The endpoint `/mcp`: the operations that an API key may run, as tools of an MCP server (docs/api.md, "Agents").

The caller is authenticated before the protocol's server (`config.api.agent_server`) sees the message.
"""

import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed

from accounts.access.route_permissions import RoutePermission, set_permission
from accounts.actors import Actor
from accounts.api.authentication import AsyncApiKeyAuth
from accounts.common.environments import Environment
from accounts.errors import PermissionDenied, Refusal, Unauthenticated
from accounts.policy import Permission
from config.http.errors import AGENTS, plain_problem, problem
from config.http.requests import Application
from integrations.tools.agent_tools import environment_of

CALLER, BODY = "coffer.caller", "coffer.body"
"""What the scope of a message has beside that of ASGI: a `Caller`, and the bytes as they arrived."""
_AUTHENTICATION = AsyncApiKeyAuth()


@dataclass(frozen=True, slots=True)
class Caller:
    """The actor of the API key and the key's only environment."""

    actor: Actor
    environment: Environment


servers: dict[asyncio.AbstractEventLoop, Application] = {}
"""The MCP server of each event loop, from the server's start to its stop (`config.api.agent_server`)."""


async def answer_agent(request: HttpRequest) -> HttpResponse:
    """Handle one message of an agent."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        caller = await _caller(request)
    except Refusal as refusal:
        return problem(refusal)
    server = servers.get(asyncio.get_running_loop())
    return await _forward(server, request, caller) if server else plain_problem(HTTPStatus.SERVICE_UNAVAILABLE)


mcp = set_permission(login_not_required(answer_agent), RoutePermission("key", Permission.INTEGRATIONS_RUN))


async def _caller(request: HttpRequest) -> Caller:
    """Authenticate an agent.

    Raises:
        Unauthenticated: there is no valid API key.
        PermissionDenied: the key lacks the scope or has several environments, or another site's page sent the request.
    """
    origin = request.headers.get("Origin")
    if origin and origin != _own_origin():
        raise PermissionDenied("Pages of other sites may not call /mcp.")  # MCP, "Security Warning"
    authenticating = _AUTHENTICATION(request)
    if authenticating is None:
        raise Unauthenticated("Send an API key: Authorization: Bearer cof_…")
    actor: Actor = await authenticating  # type: ignore[misc]
    actor.check(Permission.INTEGRATIONS_RUN)
    return Caller(actor, environment_of(actor))


def _own_origin() -> str:
    site = urlsplit(settings.SITE_URL)
    return f"{site.scheme}://{site.netloc}"


async def _forward(server: Application, request: HttpRequest, caller: Caller) -> HttpResponse:
    """Pass the message to the protocol's server, without the API key, and return its response."""
    body = request.body
    received, sent = False, []

    async def receive() -> dict[str, Any]:
        nonlocal received
        if received:
            await asyncio.Event().wait()  # if the client disconnects, the whole request is cancelled
        received = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await server({**_scope(request, caller), BODY: body}, receive, send)
    status, answer = sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])
    if status >= HTTPStatus.BAD_REQUEST and not _refers_to_a_message(answer):
        return plain_problem(HTTPStatus(status))
    response = HttpResponse(answer, status=status)
    del response.headers["Content-Type"]
    for name, value in sent[0]["headers"]:
        if name.lower() in {b"content-type", b"mcp-session-id", b"allow"}:
            response.headers[name.decode("latin-1")] = value.decode("latin-1")
    return response


def _scope(request: HttpRequest, caller: Caller) -> dict[str, Any]:
    """Return the ASGI scope of a message to the protocol's server. The API key and cookies are left out."""
    unnamed = dict.fromkeys(("accept", "content-type"), "application/json")  # without them, the SDK refuses a message
    found = unnamed | {name.lower(): value for name, value in request.headers.items() if value}
    passed_on = found.keys() - {"authorization", "cookie"}
    headers = [(name.encode("latin-1"), found[name].encode("latin-1")) for name in sorted(passed_on)]
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
