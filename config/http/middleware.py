"""What answers have in common: refusals below `/api/` as problem documents, and the content policy."""

from http import HTTPStatus

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from config.http.errors import AGENTS, PROBLEM, is_for_programs, plain_problem


class ProblemMiddleware(MiddlewareMixin):
    """Puts the API's shape around answers that come from elsewhere: a router, a parser, Django's host check.

    Headers such as `Allow` stay. What the protocol of agents says itself stays too: its clients read JSON-RPC.
    """

    async_capable = False

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Pass through; replace the body of a foreign refusal."""
        refused = response.status_code >= HTTPStatus.BAD_REQUEST
        if not refused or not is_for_programs(request.path) or _is_ours(request, response):
            return response
        answer = plain_problem(HTTPStatus(response.status_code))
        answer.headers["Content-Length"] = str(len(answer.content))
        for name, value in response.headers.items():
            answer.headers.setdefault(name, value)
        return answer


def _is_ours(request: HttpRequest, response: HttpResponse) -> bool:
    """Whether programs can read this refusal as it is."""
    kind = response.headers.get("Content-Type")
    return kind == PROBLEM or (request.path == AGENTS and kind == "application/json")


class ContentPolicyMiddleware(CSPMiddleware):
    """django-csp's header, put together once: no view of ours changes it, and no page has a nonce."""

    _header: str | None = None

    def process_request(self, request: HttpRequest) -> None:
        """Nothing: the library prepares a nonce here."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:  # type: ignore[override]
        """Add the header, as the library does the first time, and always in development mode."""
        if self._header is None or settings.DEBUG:
            super().process_response(request, response)
            self._header = response.headers.get(HEADER)
        else:
            response.headers.setdefault(HEADER, self._header)
        return response
