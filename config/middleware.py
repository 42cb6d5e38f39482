"""Every refusal below `/api/` is a problem document, whoever refused: a router, a parser, Django's host check."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from config.errors import API_PREFIX, PROBLEM, plain_problem

Handler = Callable[[HttpRequest], HttpResponse]


class ProblemMiddleware:
    """Puts the API's shape around answers that come from elsewhere. Headers such as `Allow` stay."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass through; replace the body of a foreign refusal."""
        response = self.get_response(request)
        refused = response.status_code >= HTTPStatus.BAD_REQUEST
        if not refused or not request.path.startswith(API_PREFIX) or response.headers.get("Content-Type") == PROBLEM:
            return response
        answer = plain_problem(HTTPStatus(response.status_code))
        for name, value in response.headers.items():
            answer.headers.setdefault(name, value)
        return answer
