"""Every refusal below `/api/` is a problem document, whoever refused: a router, a parser, Django's host check."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from config.errors import API_PREFIX, PROBLEM, plain_problem


class ProblemMiddleware(MiddlewareMixin):
    """Puts the API's shape around answers that come from elsewhere. Headers such as `Allow` stay."""

    async_capable = False

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Pass through; replace the body of a foreign refusal."""
        refused = response.status_code >= HTTPStatus.BAD_REQUEST
        if not refused or not request.path.startswith(API_PREFIX) or response.headers.get("Content-Type") == PROBLEM:
            return response
        answer = plain_problem(HTTPStatus(response.status_code))
        answer.headers["Content-Length"] = str(len(answer.content))
        for name, value in response.headers.items():
            answer.headers.setdefault(name, value)
        return answer
