"""The ASGI handler of `/api/` and `/mcp`, without what only pages need: cookies, sessions, signals, request threads.

Django's handler keeps a thread for every request in flight and switches threads for every synchronous middleware. This
handler runs everything that only computes on the event loop, and synchronous operations in the database threads. URLs,
requests, refusals and responses are the same.
"""

import asyncio
import contextvars
import io
from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from typing import Any, cast

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.security import SecurityMiddleware
from django.urls import reverse, set_script_prefix
from django.utils.deprecation import MiddlewareMixin
from django.utils.log import log_response
from typing_extensions import override

from accounts.common.database import in_database
from accounts.errors import Refusal
from accounts.web.middleware import PrivatePagesMiddleware
from config.api.fast_path import JSON, fast_path_call
from config.http.bodies import Application, Receive, Send
from config.http.errors import is_for_programs, problem
from config.http.middleware import ContentPolicyMiddleware, ProblemMiddleware

Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]
Headers = tuple[tuple[bytes, bytes], ...]
"""The headers of a request or a response, as ASGI represents them."""

LAYERS: tuple[type[MiddlewareMixin], ...] = (
    ProblemMiddleware,
    SecurityMiddleware,
    ContentPolicyMiddleware,
    PrivatePagesMiddleware,
    CommonMiddleware,
    XFrameOptionsMiddleware,
)
"""The middleware of `settings.MIDDLEWARE` that concerns the API, in order. None of it blocks or reads a database."""

HEADERS_READ = {b"host", b"x-forwarded-proto"}
"""The request headers that this middleware reads."""

MAX_CACHED_HEADS = 256
"""Different sets of these headers for which the response headers are cached."""


class ApiOrPages:
    """An ASGI application that routes the API to one handler and everything else to another.

    The API's documentation is a page.
    """

    def __init__(self, *, api: Application, pages: Application) -> None:
        self._api, self._pages = api, pages
        self._documentation = reverse("api-1:openapi-view")

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Pass the event to one of the two applications."""
        is_api = scope["type"] == "http" and is_for_programs(scope["path"])
        chosen = self._api if is_api and scope["path"] != self._documentation else self._pages
        await chosen(scope, receive, send)


class ApiHandler(ASGIHandler):
    """Django's handler with only `LAYERS` as middleware. A run skips most of it (config/api/fast_path.py)."""

    def __init__(self) -> None:
        super().__init__()
        self._heads: dict[Headers, Headers | None] = {}

    @override
    def load_middleware(self, is_async: bool = False) -> None:
        """Build the chain of middleware."""
        self._middleware_chain = _with_layers(self._get_response_async)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request. If the client disconnects, the work on it is cancelled."""
        try:
            body = await _read(receive)
        except RequestAborted:
            return
        await _while_connected(receive, self._answer(scope, body, send))

    async def _answer(self, scope: Any, body: bytes, send: Any) -> None:
        call = fast_path_call(scope, body)
        head = await self._head(scope) if call else None
        if call is None or head is None:
            await self._answer_in_django(scope, body, send, self._middleware_chain)
            return
        try:
            answer = await call.answer()
        except Exception as fault:
            await self._answer_in_django(scope, body, send, _with_layers(_raising(fault)))
            return
        length = (b"Content-Length", str(len(answer)).encode())
        await send({"type": "http.response.start", "status": HTTPStatus.OK.value, "headers": [*head, length]})
        await send({"type": "http.response.body", "body": answer})

    async def _head(self, scope: Any) -> Headers | None:
        """Return the headers of a successful response to this request, or None if a middleware responds by itself.

        The middleware runs once for each different set of the headers that it reads; no other header is passed to it.
        """
        relevant = tuple(entry for entry in scope["headers"] if entry[0] in HEADERS_READ)
        key = ((b":scheme", scope.get("scheme", "http").encode()), *relevant)
        if key not in self._heads:
            if len(self._heads) >= MAX_CACHED_HEADS:
                self._heads.clear()
            request, _ = self.create_request({**scope, "headers": relevant}, io.BytesIO())
            response = await _with_layers(_empty)(request) if request else HttpResponse(status=HTTPStatus.BAD_REQUEST)
            self._heads[key] = _written(response) if response.status_code == HTTPStatus.OK else None
        return self._heads[key]

    async def _answer_in_django(self, scope: Any, body: bytes, send: Any, chain: Handler) -> None:
        set_script_prefix(get_script_prefix(scope))
        made: tuple[Any, Any] = self.create_request(scope, io.BytesIO(body))
        request, response = made
        if request is not None:
            response = await chain(request)
            if response.status_code >= HTTPStatus.BAD_REQUEST:
                log_response("%s: %s", response.reason_phrase, request.path, response=response, request=request)
        await self.send_response(response, send)

    async def _get_response_async(self, request: HttpRequest) -> Any:
        """Call the view: on the event loop if it is asynchronous, otherwise in a database thread."""
        view, args, kwargs = self.resolve_request(request)
        if iscoroutinefunction(view):
            return await view(request, *args, **kwargs)
        return await in_database(contextvars.copy_context().run, view, request, *args, **kwargs)


async def _read(receive: Any) -> bytes:
    """Return the body. `BoundedBodies` has limited its size.

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


async def _while_connected(receive: Any, work: Coroutine[Any, Any, None]) -> None:
    """Do the work, and cancel it if the client disconnects before it is done."""
    current = cast("asyncio.Task[None]", asyncio.current_task())
    disconnect = asyncio.create_task(receive())

    def stop(_: Any) -> None:
        current.cancel()

    disconnect.add_done_callback(stop)
    try:
        await work
    except asyncio.CancelledError:
        if not disconnect.done() or disconnect.cancelled():
            raise
        current.uncancel()
    finally:
        disconnect.remove_done_callback(stop)
        disconnect.cancel()


def _with_layers(answer: Handler) -> Handler:
    """Wrap a handler in `LAYERS`. As in Django, exceptions become responses at each of them."""
    handler: Any = convert_exception_to_response(answer)
    for layer in reversed(LAYERS):
        handler = convert_exception_to_response(_around(layer(handler), handler))
    return handler


def _around(layer: Any, inner: Handler) -> Handler:
    """Wrap a handler in one middleware, whose two methods run on the event loop."""
    before, after = getattr(layer, "process_request", None), getattr(layer, "process_response", None)

    async def handle(request: HttpRequest) -> HttpResponse:
        response = before(request) if before else None
        if response is None:
            response = await inner(request)
        return after(request, response) if after else response

    return handle


def _raising(fault: Exception) -> Handler:
    """Return a handler that behaves like an operation that raised this exception."""

    async def handle(_request: HttpRequest) -> HttpResponse:
        if isinstance(fault, Refusal):
            return problem(fault)
        raise fault

    return handle


async def _empty(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(content_type=JSON)


def _written(response: HttpResponse) -> Headers:
    """Return the headers as the server sends them, without `Content-Length`."""
    named = [(name, value) for name, value in response.items() if name != "Content-Length"]
    return tuple((name.encode("ascii"), value.encode("latin-1")) for name, value in named)
