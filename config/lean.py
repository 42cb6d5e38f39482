"""`/api/` and `/mcp` without what only pages need: no cookies, sessions, request signals, no thread for each request.

Django's own ASGI handler keeps a thread for every request in flight and changes threads for every synchronous
middleware. Here everything that only computes runs on the event loop, and synchronous operations run in the database
threads. URLs, requests, refusals and the API itself are the same, and so is every answer (`tests/test_lean.py`).
"""

import asyncio
import contextvars
import io
from collections.abc import Awaitable, Callable
from typing import Any

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

from accounts.database import in_database
from accounts.middleware import PrivatePagesMiddleware
from config.bodies import Application, Receive, Send
from config.direct import answer_run
from config.errors import is_for_programs
from config.middleware import ContentPolicyMiddleware, ProblemMiddleware

Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]

LAYERS: tuple[type[MiddlewareMixin], ...] = (
    ProblemMiddleware,
    SecurityMiddleware,
    ContentPolicyMiddleware,
    PrivatePagesMiddleware,
    CommonMiddleware,
    XFrameOptionsMiddleware,
)
"""Those of `settings.MIDDLEWARE` that concern the API, in the same order. None of them reads a database or waits."""


class ByAddress:
    """An ASGI application that gives the API to one handler and everything else to another.

    The readable page about the API is a page.
    """

    def __init__(self, *, api: Application, pages: Application) -> None:
        self._api, self._pages = api, pages
        self._page_about_it = reverse("api-1:openapi-view")

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Hand over."""
        is_api = scope["type"] == "http" and is_for_programs(scope["path"])
        chosen = self._api if is_api and scope["path"] != self._page_about_it else self._pages
        await chosen(scope, receive, send)


class LeanHandler(ASGIHandler):
    """Django's handler with `LAYERS` alone."""

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: ARG002 - Django's signature
        """Build the chain; each layer answers for what is raised inside it, as in Django's own."""
        handler: Any = convert_exception_to_response(self._get_response_async)
        for layer in reversed(LAYERS):
            handler = convert_exception_to_response(_around(layer(handler), handler))
        self._middleware_chain = handler

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request. A caller who leaves ends the work on it."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        set_script_prefix(get_script_prefix(scope))
        made: tuple[Any, Any] = self.create_request(scope, body)
        request, refusal = made
        if request is None:
            await self.send_response(refusal, send)
            return
        work = asyncio.create_task(self._answer(request, send))
        leaving = asyncio.create_task(receive())
        try:
            await asyncio.wait((work, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not work.done():
                work.cancel()
                await asyncio.wait((work,))
        if not work.cancelled():
            work.result()

    async def read_body(self, receive: Any) -> Any:
        """The body in memory; `BoundedBodies` has seen to its size."""
        chunks, more = [], True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RequestAborted
            chunks.append(message.get("body", b""))
            more = message.get("more_body", False)
        return io.BytesIO(b"".join(chunks))

    async def get_response_async(self, request: HttpRequest) -> Any:
        """The answer, refusals logged as Django logs them."""
        response = await self._middleware_chain(request)
        if response.status_code >= 400:  # noqa: PLR2004 - as in Django
            log_response("%s: %s", response.reason_phrase, request.path, response=response, request=request)
        return response

    async def _get_response_async(self, request: HttpRequest) -> Any:
        """What the operation answers: on the loop if it is asynchronous, else in a database thread."""
        response = await answer_run(request)
        if response is not None:
            return response
        view, args, kwargs = self.resolve_request(request)
        if iscoroutinefunction(view):
            return await view(request, *args, **kwargs)
        return await in_database(contextvars.copy_context().run, view, request, *args, **kwargs)

    async def _answer(self, request: HttpRequest, send: Any) -> None:
        await self.send_response(await self.get_response_async(request), send)


def _around(layer: Any, inner: Handler) -> Handler:
    """One layer, on the loop: its two halves are plain functions."""
    before, after = getattr(layer, "process_request", None), getattr(layer, "process_response", None)

    async def handle(request: HttpRequest) -> HttpResponse:
        response = before(request) if before else None
        if response is None:
            response = await inner(request)
        return after(request, response) if after else response

    return handle
