"""Middleware for pages: refusals become pages, pages stay out of caches, and sessions end."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin

from accounts.access.sessions import seen_now
from accounts.common.request_notes import note
from accounts.errors import Refusal
from accounts.sign_in import session_limits

Handler = Callable[[HttpRequest], HttpResponse]

VALUE_FIELDS = {"value", "dotenv"}
PAGE_OF_STATUS = {403: "403.html", 404: "404.html"}


class RefusalMiddleware:
    """Turns a refusal that no view handled into its page, such as 403 or 404."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on; the work is done in `process_exception`."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Render a refusal. Other exceptions are passed on."""
        if not isinstance(exception, Refusal):
            return None
        note(code=exception.code)
        page = PAGE_OF_STATUS.get(exception.status, "refused.html")
        return render(request, page, {"refusal": exception}, status=exception.status)


class SessionLimitsMiddleware:
    """Signs people out when their session reaches its limits (accounts/sign_in/session_limits.py)."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """End the session, or note that it is in use."""
        if request.user.is_authenticated:
            if session_limits.is_over(request.session):
                logout(request)
                messages.info(request, "You were signed out: sessions end after 12 hours without use or after 7 days")
            elif session_limits.see(request.session):
                seen_now(request.session)
        return self.get_response(request)


class PrivatePagesMiddleware(MiddlewareMixin):
    """Keeps responses out of caches and search engines, and values out of URLs.

    A form sent by GET by mistake would put a typed value into the address bar, the history and every log on the way.
    Such a request is refused before any view sees it (docs/security-rules.md, "Sessions and browsers").
    """

    async_capable = False

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Refuse values in the query string."""
        if any(name in VALUE_FIELDS or name.startswith("value_") for name in request.GET):
            return HttpResponse("Values do not belong in a URL.", status=400, content_type="text/plain")
        return None

    def process_response(self, _request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Add the headers."""
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("X-Robots-Tag", "noindex")
        return response
