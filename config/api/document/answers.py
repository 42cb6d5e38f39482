"""The answers of every operation: headers, and refusals as problem documents with their codes."""

import re
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

from accounts.errors import ProofNeeded, Refusal
from config.api.answering.locations import READ_AT
from config.api.answering.rules import reads, takes_idempotency_key, takes_if_match
from config.api.document.calls import REF, DocumentedCall
from config.api.document.examples import PROBLEM_EXAMPLE
from config.http.errors import PROBLEM, plain_code
from integrations.errors import AlreadyDecided
from secrets_app.errors import RequestAnswered, TooManyRequests

OF_PAGES = {AlreadyDecided.code, ProofNeeded.code, RequestAnswered.code, TooManyRequests.code}
"""Codes that the API does not use."""
ALWAYS = (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)
WITH_BODY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
LATER = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)

HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-ID": {"description": "The id of this request in the server's log.", "schema": {"type": "string"}},
    "ETag": {
        "description": "Of this answer, for `If-None-Match`; where there is a version, for `If-Match` too.",
        "schema": {"type": "string"},
        "example": '"3-9f86d081884c7d65"',
    },
    "Location": {
        "description": "The address of what was created.",
        "schema": {"type": "string", "format": "uri-reference"},
        "example": "/api/v1/secrets/0b8e5b3c-3f1c-4d5e-9c53-5a9d3f7f3c11",
    },
    "Retry-After": {"description": "In seconds.", "schema": {"type": "integer", "minimum": 0}, "example": 5},
    "WWW-Authenticate": {"description": "`Bearer`.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true` where this is the answer to an earlier request with the same `Idempotency-Key`.",
        "schema": {"type": "string", "enum": ["true"]},
    },
}


def complete_answers(call: DocumentedCall) -> None:
    """Give each answer its headers, and put the problem document of its status in the place of each refusal."""
    for status in (*ALWAYS, *(WITH_BODY if call.has_body else ())):
        call.answers.setdefault(status.value, {})
    for status, answer in call.answers.items():
        if status >= HTTPStatus.BAD_REQUEST:
            call.answers[status] = {"$ref": f"#/components/responses/{_name_of(HTTPStatus(status))}"}
        else:
            answer["headers"] = _with_refs(_headers(call, status))
    ordered = dict(sorted(call.answers.items()))
    call.answers.clear()
    call.answers.update(ordered)


def problems_of(calls: list[DocumentedCall]) -> dict[str, Any]:
    """Return the refusals of all operations, by name: one for each status."""
    statuses = {HTTPStatus(status) for call in calls for status in call.answers if status >= HTTPStatus.BAD_REQUEST}
    return {_name_of(status): _problem(status) for status in sorted(statuses)}


def _problem(status: HTTPStatus) -> dict[str, Any]:
    more = {HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate",), **dict.fromkeys(LATER, ("Retry-After",))}
    content: dict[str, Any] = {"schema": {"$ref": REF.format("ProblemOut")}}
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        content["example"] = PROBLEM_EXAMPLE
    return {
        "description": f"{status.phrase}: {', '.join(f'`{code}`' for code in codes_of(status))}",
        "content": {PROBLEM: content},
        "headers": _with_refs(["X-Request-ID", *more.get(status, ())]),
    }


def _name_of(status: HTTPStatus) -> str:
    return status.phrase.replace(" ", "").replace("-", "")


def _with_refs(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


_ELSEWHERE = re.compile(r"\.web\.|config\.proxy\.")
"""Modules whose refusals no operation of the API answers with."""


def codes_of(status: HTTPStatus) -> list[str]:
    """Return the error codes of a status, in alphabetical order."""
    refusals = [refusal for refusal in _refusals(Refusal) if not _ELSEWHERE.search(refusal.__module__)]
    found = {refusal.code for refusal in refusals if getattr(refusal, "status", None) == status} - OF_PAGES
    return sorted(found | ({plain_code(status)} if status == HTTPStatus.BAD_REQUEST or not found else set()))


def _refusals(above: type[Refusal]) -> Iterator[type[Refusal]]:
    for refusal in above.__subclasses__():
        yield from (refusal, *_refusals(refusal))


def _headers(call: DocumentedCall, status: int) -> Iterator[str]:
    yield "X-Request-ID"
    if status == HTTPStatus.ACCEPTED or (status == HTTPStatus.CREATED and call.id in READ_AT):
        yield "Location"
    if reads(call.operation) or takes_if_match(call.operation):
        yield "ETag"
    if takes_idempotency_key(call.operation):
        yield "Idempotency-Replayed"
