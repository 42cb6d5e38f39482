"""Middleware for all responses: problem documents for programs, and the content policy."""

from http import HTTPStatus

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from config.http.errors import AGENTS, PROBLEM, is_for_programs, plain_problem


class ProblemMiddleware(MiddlewareMixin):
    """Turns errors of a router, a parser or Django's host check into problem documents for programs.

    Headers such as `Allow` are kept. So are errors of MCP itself, because its clients read JSON-RPC.
    """

    async_capable = False

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Replace the body of an error that does not come from Coffer."""
        refused = response.status_code >= HTTPStatus.BAD_REQUEST
        if not refused or not is_for_programs(request.path) or _is_ours(request, response):
            return response
        answer = plain_problem(HTTPStatus(response.status_code))
        answer.headers["Content-Length"] = str(len(answer.content))
        for name, value in response.headers.items():
            answer.headers.setdefault(name, value)
        return answer


def _is_ours(request: HttpRequest, response: HttpResponse) -> bool:
    """Whether programs can read this error as it is."""
    kind = response.headers.get("Content-Type")
    return kind == PROBLEM or (request.path in AGENTS and kind == "application/json")


class ContentPolicyMiddleware(CSPMiddleware):
    """django-csp's header, built once: no view changes it, and no page has a nonce."""

    _header: str | None = None

    def process_request(self, request: HttpRequest) -> None:
        """Do nothing; django-csp prepares a nonce here."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:  # type: ignore[override]
        """Add the header. It is built for the first response, and for each response in development mode."""
        if self._header is None or settings.DEBUG:
            super().process_response(request, response)
            self._header = response.headers.get(HEADER)
        else:
            response.headers.setdefault(HEADER, self._header)
        return response
