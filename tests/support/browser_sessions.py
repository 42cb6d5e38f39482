"""Django's test client with Coffer's cookies, which are not the keys of the rows (`config.sessions`)."""

from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.test import Client

from accounts.models import User
from config.sessions import RowKey, SessionStore


def stored_sessions() -> list[dict[str, Any]]:
    """What every stored session holds, as this installation opens it."""
    return [SessionStore(key).load() for key in Session.objects.values_list("session_key", flat=True)]


def session_of(client: Client) -> SessionStore:
    """The session of the client's cookie; a new one, with its cookie, if it has none."""
    cookie = client.cookies.get(settings.SESSION_COOKIE_NAME)
    if cookie is not None and cookie.value:
        return SessionStore(RowKey.of(cookie.value))
    session = SessionStore()
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key.cookie
    return session


def force_login(client: Client, user: User, backend: str | None = None) -> None:
    """Sign in without credentials, as the test client does."""
    request: Any = HttpRequest()
    request.session = session_of(client) if client.cookies.get(settings.SESSION_COOKIE_NAME) else SessionStore()
    login(request, user, backend or settings.AUTHENTICATION_BACKENDS[0])
    request.session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = request.session.session_key.cookie


def use_cookies_of_coffer() -> None:
    """Make every test client do this."""
    Client.session = property(session_of)
    Client.force_login = force_login
