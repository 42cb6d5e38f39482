"""Middleware for all responses: problem documents for programs, compression, and the content policy."""

from http import HTTPStatus

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import GZipMiddleware
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


class CompressedPages(GZipMiddleware):
    """Compresses pages in which nothing stands that the request brought along.

    Whoever can choose a part of a page and see its compressed length learns about the rest of it (BREACH). So only
    pages of organizations and the page of the API are compressed, and only as the answer to a GET without a query:
    nothing of it was typed. No such page shows a credential, and a CSRF token is written differently in each response.
    Their lengths are padded at random all the same (docs/security-rules.md, "Sessions and browsers").
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:  # type: ignore[override]
        """Compress the body if the client accepts it and the page may be."""
        may_be = request.method == "GET" and not request.META.get("QUERY_STRING") and _is_compressible(request.path)
        is_page = response.status_code == HTTPStatus.OK and response.get("Content-Type", "").startswith("text/html")
        if may_be and is_page:
            super().process_response(request, response)  # changes the response in place
        return response


def _is_compressible(path: str) -> bool:
    return path.startswith("/o/") or path == "/api/v1/docs"


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
