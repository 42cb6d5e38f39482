"""What every page has in common: refusals as pages, headers that keep pages out of caches, the ends of sessions."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin

from accounts.access.sessions import seen_now
from accounts.errors import Refusal
from accounts.sign_in import session_limits

Handler = Callable[[HttpRequest], HttpResponse]

VALUE_FIELDS = {"value", "dotenv"}
PAGE_OF_STATUS = {403: "403.html", 404: "404.html"}


class RefusalMiddleware:
    """Turns a refusal that no view handled into its page: 404 for strangers, 403 for colleagues without the right."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass through; the work is in `process_exception`."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer a refusal; every other exception goes on."""
        if not isinstance(exception, Refusal):
            return None
        page = PAGE_OF_STATUS.get(exception.status, "refused.html")
        return render(request, page, {"refusal": exception}, status=exception.status)


class SessionLimitsMiddleware:
    """Signs out whoever was away too long or is signed in for too long (accounts/sign_in/session_limits.py)."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """End the session, or note that it is in use."""
        if request.user.is_authenticated:
            if session_limits.is_over(request.session):
                logout(request)
                messages.info(request, "You were signed out: sessions end after 12 hours without use, or 7 days")
            elif session_limits.see(request.session):
                seen_now(request.session)
        return self.get_response(request)


class PrivatePagesMiddleware(MiddlewareMixin):
    """Keeps answers out of caches and search engines, and values out of URLs.

    A form that is sent by GET by mistake would put a typed value into the address bar, the history and every log on the
    way; such a request is refused before any view sees it (docs/security-rules.md, "Sessions and browsers").
    """

    async_capable = False

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Refuse values in the query string."""
        if any(name in VALUE_FIELDS or name.startswith("value_") for name in request.GET):
            return HttpResponse("A value never goes into a URL.", status=400, content_type="text/plain")
        return None

    def process_response(self, _request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Add the headers."""
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("X-Robots-Tag", "noindex")
        return response
