"""JSON-RPC 2.0 as MCP uses it: what is written, and what is taken for an answer.

Owns: the shapes of messages. Who sends them, and in which headers, is `client.py` and `sessions.py`.
"""

import json
from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]

METHOD_NOT_FOUND = -32601
HEADER_MISMATCH, MISSING_CAPABILITY, UNSUPPORTED_VERSION = -32020, -32021, -32022
MODERN_ERRORS = frozenset({HEADER_MISMATCH, MISSING_CAPABILITY, UNSUPPORTED_VERSION})
"""Codes that only servers of 2026-07-28 and later send."""

REFUSED = "This client gives no input to servers: no sampling, no elicitation, no roots."


DEEPEST = 100
"""Levels of lists and objects in a message: whatever looks at one afterwards need not mind the depth."""


class NotJsonRpcError(ValueError):
    """What came is no JSON-RPC message."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one request: a result, or an error."""

    result: Message | None = field(default=None, repr=False)
    error: Message | None = field(default=None, repr=False)
    names_request: bool = True
    """Whether it carries the id of the request."""

    @property
    def error_code(self) -> int | None:
        """The error's code, where it is a number."""
        code = self.error.get("code") if self.error else None
        return code if isinstance(code, int) and not isinstance(code, bool) else None


def encode(message: Message) -> bytes:
    """The message as it is sent."""
    return json.dumps(message, allow_nan=False).encode()


def decode(data: bytes) -> list[Message]:
    """The messages in a body or an event: one, or a batch (2025-03-26 alone has them).

    Raises:
        NotJsonRpcError: anything else; the exception carries nothing of it.
    """
    try:
        found = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise NotJsonRpcError from None
    messages = found if isinstance(found, list) else [found]
    if _is_deeper(found, DEEPEST):
        raise NotJsonRpcError
    if not all(isinstance(message, dict) and message.get("jsonrpc") == "2.0" for message in messages):
        raise NotJsonRpcError
    return messages


def reply_in(message: Message, request_id: int, *, rejected: bool = False) -> Reply | None:
    """The reply to our request, if the message is one.

    Args:
        rejected: the HTTP status was one of failure: an error may then come without the request's id.
    """
    answered = message.get("id")
    is_ours = answered == request_id and not isinstance(answered, bool)
    result, error = message.get("result"), message.get("error")
    if isinstance(error, dict) and (is_ours or (rejected and answered is None)):
        return Reply(error=error, names_request=is_ours)
    return Reply(result=result) if is_ours and isinstance(result, dict) else None


def is_request(message: Message) -> bool:
    """Whether the server asks something of us."""
    return isinstance(message.get("method"), str) and isinstance(message.get("id"), str | int)


def answer_to(message: Message) -> Message:
    """Our answer to a request of the server: a ping is answered, all else is refused (docs/threat-model.md, T16)."""
    answer: Message = {"jsonrpc": "2.0", "id": message["id"]}
    if message["method"] == "ping":
        return answer | {"result": {}}
    return answer | {"error": {"code": METHOD_NOT_FOUND, "message": REFUSED}}


def _is_deeper(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    children = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(child, levels - 1) for child in children)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
