"""The headers of requests: conditions, and keys of requests that may be repeated."""

from http import HTTPStatus
from typing import Any

from config.api.answering.rules import reads, takes_idempotency_key, takes_if_match
from config.api.document.calls import DocumentedCall

VERSION = r'^(\*|(W/)?"[0-9]{1,9}(-[0-9a-f]{1,64})?")$'
IDEMPOTENCY = r"^[!-~]{8,255}$"

IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "required": False,
    "description": "The version that the change is about, in quotes, or an `ETag`; another version gets 412.",
    "schema": {"type": "string", "pattern": VERSION},
    "example": '"3"',
}
IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "required": False,
    "description": "The `ETag` of an answer that you have; while it is the same, the answer is 304 without a body.",
    "schema": {"type": "string"},
}
IF_NEW = {
    "in": "header",
    "name": "If-None-Match",
    "required": False,
    "description": "With `*`, create something new; if the name is taken, the answer is 412.",
    "schema": {"type": "string", "enum": ["*"]},
}
IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": "A text of your own for this request, such as a UUID. For 24 hours the same request with the same "
    "key is not carried out again: it gets the first answer.",
    "schema": {"type": "string", "minLength": 8, "maxLength": 255, "pattern": IDEMPOTENCY},
}


def add_conditions(call: DocumentedCall) -> None:
    """Add the headers that an operation reads, and the statuses that they lead to."""
    parameters: list[dict[str, Any]] = call.about["parameters"]
    if reads(call.operation):
        parameters.append(IF_NONE_MATCH)
        call.answers[304] = {"description": HTTPStatus.NOT_MODIFIED.phrase}
    if takes_if_match(call.operation):
        parameters.append(IF_MATCH)
        parameters += [IF_NEW] if HTTPStatus.CREATED in call.answers else []
    if takes_idempotency_key(call.operation):
        parameters.append(IDEMPOTENCY_KEY)
        call.answers.setdefault(409, {})
