"""Query strings that are not UTF-8.

Django's ASGI handler responds to them with an empty page, before any middleware runs.
"""

from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from django.template.loader import render_to_string

from config.http.bodies import Application, Receive, Send, answer_unread
from config.http.errors import is_for_programs, plain_problem


class ReadableQueries:
    """An ASGI middleware that responds with Coffer's own 400 to a query string that is not UTF-8."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Pass on requests whose query string can be decoded."""
        if scope["type"] != "http" or _is_utf8(scope["query_string"]):
            await self._application(scope, receive, send)
        elif is_for_programs(scope["path"]):
            await answer_unread(plain_problem(HTTPStatus.BAD_REQUEST), send)
        else:
            await answer_unread(HttpResponse(render_to_string("400.html"), status=400), send)


def _is_utf8(query: bytes) -> bool:
    try:
        query.decode()
    except UnicodeDecodeError:
        return False
    return True
