"""The ASGI handler of `/api/` and `/mcp`, without what only pages need: cookies, sessions, signals, request threads.

Django's handler keeps a thread for every request in flight and switches threads for every synchronous middleware. This
handler runs everything that only computes on the event loop, and synchronous operations in the database threads. URLs,
requests, refusals and responses are the same.
"""

import contextvars
import io
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.security import SecurityMiddleware
from django.urls import set_script_prefix
from django.utils.deprecation import MiddlewareMixin
from django.utils.log import log_response
from typing_extensions import override

from accounts.common.database import in_database
from accounts.errors import Refusal
from accounts.web.middleware import PrivatePagesMiddleware
from config.api.answering.held import answer_to
from config.http.middleware import ContentPolicyMiddleware, ProblemMiddleware
from config.http.requests import WhileConnected, read_body

JSON = "application/json; charset=utf-8"

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

HEADERS_READ = {b"host"}
"""The request headers that this middleware reads."""


class ApiHandler(ASGIHandler):
    """Django's handler with only `LAYERS` as middleware."""

    @override
    def load_middleware(self, is_async: bool = False) -> None:
        """Build the chain of middleware."""
        self._middleware_chain = _with_layers(self._get_response_async)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request. If the client disconnects, the work on it is cancelled."""
        try:
            body = await read_body(receive)
        except RequestAborted:
            return
        with WhileConnected(receive):
            await self.answer(scope, body, send)

    async def answer(self, scope: Any, body: bytes, send: Any, fault: Exception | None = None) -> None:
        """Handle a request whose body was read.

        Args:
            fault: an exception that its operation raised already; the response is the same as if it raised it here.
        """
        chain = self._middleware_chain if fault is None else _with_layers(_raising(fault))
        set_script_prefix(get_script_prefix(scope))
        made: tuple[Any, Any] = self.create_request(scope, io.BytesIO(body))
        request, response = made
        if request is not None:
            request._body = body  # noqa: SLF001 - read and limited by `WholeBodies`, for a run beyond Django's limit
            response = await chain(request)
            if response.status_code >= HTTPStatus.BAD_REQUEST:
                log_response("%s: %s", response.reason_phrase, request.path, response=response, request=request)
        await self.send_response(response, send)

    async def response_headers(self, scope: Any, headers: Headers) -> Headers | None:
        """Return the headers of a successful JSON response to a request with these headers, without `Content-Length`.

        Returns None if a middleware responds by itself.
        """
        request, _ = self.create_request({**scope, "headers": headers}, io.BytesIO())
        response = await _with_layers(_empty)(request) if request else HttpResponse(status=HTTPStatus.BAD_REQUEST)
        return _written(response) if response.status_code == HTTPStatus.OK else None

    async def _get_response_async(self, request: HttpRequest) -> Any:
        """Call the view: on the event loop if it is asynchronous, otherwise in a database thread."""
        view, args, kwargs = self.resolve_request(request)
        if iscoroutinefunction(view):
            return await view(request, *args, **kwargs)
        return await in_database(contextvars.copy_context().run, view, request, *args, **kwargs)


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
            return answer_to(fault)
        raise fault

    return handle


async def _empty(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(content_type=JSON)


def _written(response: HttpResponse) -> Headers:
    """Return the headers as the server sends them, without `Content-Length`."""
    named = [(name, value) for name, value in response.items() if name != "Content-Length"]
    return tuple((name.encode("ascii"), value.encode("latin-1")) for name, value in named)
