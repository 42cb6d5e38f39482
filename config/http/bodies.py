"""The limit of the size of request bodies.

Django's ASGI handler writes a body larger than `FILE_UPLOAD_MAX_MEMORY_SIZE` to a temporary file before it looks at any
view, key or session. Text with values would be on disk, and anybody could fill it. So such a request ends here.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.template.loader import render_to_string

from accounts.errors import TooLarge
from config.http.errors import TOO_LARGE, is_for_programs, problem

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]


class BoundedBodies:
    """An ASGI middleware that responds with 413 to a larger body, by its declared length or as it arrives."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Pass on requests that are small enough."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        size = _declared_length(scope)
        if size <= settings.FILE_UPLOAD_MAX_MEMORY_SIZE:
            size = 0

            async def counted() -> Mapping[str, Any]:
                nonlocal size
                message = await receive()
                size += len(message.get("body", b""))
                return message if size <= settings.FILE_UPLOAD_MAX_MEMORY_SIZE else {"type": "http.disconnect"}

            await self._application(scope, counted, send)
        if size > settings.FILE_UPLOAD_MAX_MEMORY_SIZE:
            is_api = is_for_programs(scope["path"])
            page = problem(TooLarge(TOO_LARGE)) if is_api else HttpResponse(render_to_string("413.html"), status=413)
            await answer_unread(page, send)


def _declared_length(scope: dict[str, Any]) -> int:
    """Return the declared length. It is 0 if there is none or it is invalid; the body is then counted as it arrives."""
    text = dict(scope["headers"]).get(b"content-length", b"")
    return int(text) if text.isdigit() else 0


async def answer_unread(response: HttpResponse, send: Send) -> None:
    """Refuse a request before Django sees it, and close the connection without reading the rest of the body."""
    for name, value in (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"), ("Connection", "close")):
        response.headers[name] = value
    headers = [(name.lower().encode(), value.encode()) for name, value in response.headers.items()]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
