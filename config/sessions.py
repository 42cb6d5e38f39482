"""Sessions in the database, of which the database alone is worth nothing (the setting `SESSION_ENGINE`).

The key of a row is a digest of the key in the cookie, so that a copied row signs nobody in. What a session holds is
sealed and bound to its row: a copy of the database shows no code that was just sent by mail, and one person's session
cannot be put into another row.
"""

import json
import secrets
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends import db
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from typing_extensions import override

from secrets_app.sealing import sealed_sessions

ROW_KEY_LENGTH = 40
"""The length of the columns of Django and django-allauth: 160 bits in hexadecimal digits."""


class RowKey(str):
    """The key of a row, which may be listed and logged. It remembers the cookie that it was made from, if any."""

    cookie: str | None = None

    @classmethod
    def of(cls, cookie: str) -> "RowKey":
        """Return the key of the row that belongs to a cookie."""
        key = cls(sha256(cookie.encode(errors="replace")).hexdigest()[:ROW_KEY_LENGTH])
        key.cookie = cookie
        return key


class SessionStore(db.SessionStore):
    """A session by the key of its row. A `RowKey` that was made from a cookie also says what the cookie is."""

    def _get_new_session_key(self) -> RowKey:
        """Return the row key of a new cookie. The base class calls it for a new session and when the key changes."""
        return RowKey.of(secrets.token_urlsafe(32))

    async def _aget_new_session_key(self) -> RowKey:
        """Return the same for asynchronous callers."""
        return self._get_new_session_key()

    @override
    def encode(self, session_dict: dict[str, Any]) -> str:
        """Return the sealed session."""
        return sealed_sessions.seal(json.dumps(session_dict), self.session_key or "")

    @override
    def decode(self, session_data: str | bytes) -> dict[str, Any]:
        """Return what the session holds; nothing if the row was changed or copied from another session."""
        opened = sealed_sessions.open_or_none(str(session_data), self.session_key or "")
        found: dict[str, Any] = json.loads(opened) if opened else {}
        return found


class SessionCookieMiddleware(SessionMiddleware):
    """Django's middleware, with a cookie that differs from the key of the row."""

    @override
    def process_request(self, request: HttpRequest) -> None:
        cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        request.session = SessionStore(RowKey.of(cookie) if cookie else None)

    @override
    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response = super().process_response(request, response)
        sent = response.cookies.get(settings.SESSION_COOKIE_NAME)
        if sent is not None and sent.value:
            response.cookies[settings.SESSION_COOKIE_NAME] = request.session.session_key.cookie  # type: ignore[union-attr]
        return response
