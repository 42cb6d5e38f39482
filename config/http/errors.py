"""Responses to requests that no view handled: pages for people, problem documents for the API."""

import logging
import re
import sys
import traceback
from http import HTTPStatus
from uuid import UUID

from django.core.exceptions import RequestDataTooBig
from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve

from accounts.common.outages import as_refusal, refusal_for
from accounts.common.request_notes import note
from accounts.errors import FieldError, NotFound, OutOfResources, Refusal
from config.logs import REQUEST_ID

logger = logging.getLogger(__name__)

API_PREFIX = "/api/"
AGENTS = ("/mcp", "/mcp/")
"""The endpoint for agents. Some clients write its address with a slash at the end."""
PROBLEM = "application/problem+json"
_NIL = UUID(int=0)
_THINGS = {"secrets": "secret", "integrations": "integration"}
TOO_LARGE = "A request may have at most 2.5 MiB."
is_for_programs = re.compile(rf"{API_PREFIX}|/proxy/|(?:{'|'.join(AGENTS)})\Z").match
"""Whether a path belongs to the API, is `/mcp` or is passed through: all respond with problem documents, not pages."""


class InternalError(Refusal):
    """An unexpected error. Callers learn nothing about it."""

    code, status, title = "internal_error", 500, HTTPStatus.INTERNAL_SERVER_ERROR.phrase

    def __init__(self) -> None:
        super().__init__(HTTPStatus.INTERNAL_SERVER_ERROR.description)


def refusal_of(fault: Exception, what: str) -> Refusal:
    """Return the refusal for what broke off a request whose content flows.

    Of an unexpected fault the log gets the kind and the place alone: its message could quote what flowed.

    Args:
        what: what could not be done, for the log.
    """
    if isinstance(fault, Error):
        fault = as_refusal(fault)
    if isinstance(fault, Refusal):
        return fault
    place = traceback.extract_tb(fault.__traceback__)[-1]
    logger.error("%s: %s at %s:%s", what, type(fault).__name__, place.filename, place.lineno)
    return InternalError()


def problem(refusal: Refusal) -> HttpResponse:
    """Return a refusal as an RFC 9457 problem document (docs/api.md, "Errors")."""
    note(code=refusal.code)
    document: dict[str, object] = {
        "type": f"urn:coffer:problem:{refusal.code}",
        "title": refusal.title,
        "status": refusal.status,
        "code": refusal.code,
        "detail": refusal.detail,
    }
    if refusal.errors:
        document["errors"] = [_as_json(error) for error in refusal.errors]
    answer = JsonResponse({**document, **refusal.members, **_request_id()}, status=refusal.status, content_type=PROBLEM)
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = "Bearer"  # RFC 9110 section 11.6.1
    if "retry_after_seconds" in refusal.members:
        answer.headers["Retry-After"] = str(refusal.members["retry_after_seconds"])
    return answer


def _as_json(error: FieldError) -> dict[str, object]:
    """Return an invalid field; of a document that was sent, with its line."""
    return {"field": error.field, "message": error.message, **({"line": error.line} if error.line else {})}


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Respond with 404: a problem document for programs, otherwise the page."""
    del exception  # unused, but Django passes it by name
    if is_for_programs(request.path):
        return problem(NotFound(_no_such(request.path)))
    return render(request, "404.html", status=404)


def _no_such(path: str) -> str:
    """Return what an address names that does not exist: a thing whose id is malformed, or the address itself."""
    parts = path.split("/")
    for index, part in enumerate(parts):
        thing = _THINGS.get(parts[index - 1]) if index else None
        if thing and part and _is_address("/".join([*parts[:index], str(_NIL), *parts[index + 1 :]])):
            return f"No such {thing}."
    return "No such address."


def _is_address(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Respond with 400, or with 413 to a body that is too large.

    Middleware turns it into a problem document for programs.
    """
    if isinstance(exception, RequestDataTooBig):
        return HttpResponse(render_to_string("413.html", request=request), status=413)
    return HttpResponse(render_to_string("400.html", request=request), status=400)


def plain_problem(status: HTTPStatus) -> HttpResponse:
    """Return a problem document for a status alone, with codes such as `method_not_allowed` and `internal_error`."""
    code = plain_code(status)
    note(code=code)
    document = {
        "type": f"urn:coffer:problem:{code}",
        "title": status.phrase,
        "status": status.value,
        "code": code,
        "detail": status.description or status.phrase,
    }
    return JsonResponse(document | _request_id(), status=status, content_type=PROBLEM)


def plain_code(status: HTTPStatus) -> str:
    """Return the code of a problem document for a status alone."""
    is_ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return InternalError.code if is_ours else status.phrase.lower().replace(" ", "_")


def server_error(request: HttpRequest) -> HttpResponse:
    """Respond with 500, or with 503 during an outage of the database or a shortage.

    The pages show nothing about the error and use no database, which may be what is broken.
    """
    if refusal := refusal_for(sys.exc_info()[1]):
        return unavailable(request.path, refusal)
    if is_for_programs(request.path):
        return plain_problem(HTTPStatus.INTERNAL_SERVER_ERROR)
    return HttpResponse(render_to_string("500.html", _request_id()), status=500)


def _request_id() -> dict[str, str]:
    """Return the member `request_id`, which finds the request in the log; nothing outside of the server."""
    request_id = REQUEST_ID.get()
    return {"request_id": request_id} if request_id else {}


def unavailable(path: str, refusal: Refusal) -> HttpResponse:
    """Respond with 503: a problem document for programs, otherwise the page. Neither needs a database or a file."""
    if is_for_programs(path):
        return problem(refusal)
    note(code=refusal.code)
    headers = {"Retry-After": str(refusal.members["retry_after_seconds"])}
    shown = {**_request_id(), "is_short": isinstance(refusal, OutOfResources)}
    return HttpResponse(render_to_string("503.html", shown), status=refusal.status, headers=headers)
