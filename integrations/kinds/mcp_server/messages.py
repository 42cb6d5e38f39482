"""JSON-RPC 2.0 messages as MCP uses them: writing requests, and recognizing replies.

Sending is left to `client.py`, and headers to `sessions.py`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from integrations.templating.json_body import WrittenNumber, write_json

Message = dict[str, Any]

TOOLS_CHANGED = "notifications/tools/list_changed"
METHOD_NOT_FOUND = -32601
HEADER_MISMATCH, MISSING_CAPABILITY, UNSUPPORTED_VERSION = -32020, -32021, -32022
MODERN_ERRORS = frozenset({HEADER_MISMATCH, MISSING_CAPABILITY, UNSUPPORTED_VERSION})
"""Error codes that only servers of 2026-07-28 and later send."""

REFUSED = "This client gives no input to servers: no sampling, no elicitation, no roots."


DEEPEST = 100
"""The greatest depth of lists and objects in a message, so that later code can recurse."""


class NotJsonRpcError(ValueError):
    """The data is not a JSON-RPC message."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply to a request: a result or an error.

    Attributes:
        names_request: whether it carries the id of the request.
    """

    result: Message | None = field(default=None, repr=False)
    error: Message | None = field(default=None, repr=False)
    names_request: bool = True

    @property
    def error_code(self) -> int | None:
        """The error code, if it is a number."""
        code = self.error.get("code") if self.error else None
        return code if isinstance(code, int) and not isinstance(code, bool) else None


def encode(message: Message) -> bytes:
    """Return the message as JSON bytes, with numbers as written."""
    return write_json(message).encode()


def decode(data: bytes) -> list[Message]:
    """Parse the messages of a body or event: one message, or a batch as in 2025-03-26.

    Raises:
        NotJsonRpcError: the data is anything else; the exception quotes nothing.
    """
    try:
        found = json.loads(data, parse_constant=_refuse_constant, parse_float=WrittenNumber)
    except (ValueError, RecursionError):
        raise NotJsonRpcError from None
    messages = found if isinstance(found, list) else [found]
    if _is_deeper(found, DEEPEST):
        raise NotJsonRpcError
    if not all(_is_message(message) for message in messages):
        raise NotJsonRpcError
    return messages


def _is_message(found: object) -> bool:
    """Return whether it is a message; some servers leave the version out of a reply."""
    if not isinstance(found, dict):
        return False
    return found.get("jsonrpc") == "2.0" or (
        "jsonrpc" not in found and "id" in found and bool({"result", "error"} & found.keys())
    )


def reply_among(messages: Sequence[Message], request_id: int) -> Reply | None:
    """Return the reply to a request; an error without an id counts where no message has the id of the request."""
    found = [reply for message in messages if (reply := reply_in(message, request_id))]
    return next((reply for reply in found if reply.names_request), found[0] if found else None)


def reply_in(message: Message, request_id: int) -> Reply | None:
    """Return the reply to a request if the message is one. An error may lack the id of the request."""
    answered = message.get("id")
    is_ours = answered in (request_id, str(request_id)) and not isinstance(answered, bool)  # some return it as text
    result, error = message.get("result"), error_in(message)
    if error is not None and (is_ours or answered is None):
        return Reply(error=error, names_request=is_ours)
    return Reply(result=result) if is_ours and isinstance(result, dict) else None


def error_in(message: Message) -> Message | None:
    """Return the error of a message; None if it has none."""
    error = message.get("error")
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else None


def is_notification(message: Message) -> bool:
    """Return whether the message is a notification, which nobody answers."""
    return isinstance(message.get("method"), str) and message.get("id") is None


def is_request(message: Message) -> bool:
    """Return whether the message is a request of the server."""
    return isinstance(message.get("method"), str) and isinstance(message.get("id"), str | int)


def says_tools_changed(message: Message) -> bool:
    """Return whether the server says that its list of tools has changed."""
    return message.get("method") == TOOLS_CHANGED and is_notification(message)


def reply_to(message: Message) -> Message:
    """Return the reply to a request of the server: pings are answered, everything else is refused.

    See docs/threat-model.md, T16.
    """
    reply: Message = {"jsonrpc": "2.0", "id": message["id"]}
    if message["method"] == "ping":
        return reply | {"result": {}}
    return reply | {"error": {"code": METHOD_NOT_FOUND, "message": REFUSED}}


def _is_deeper(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    children = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(child, levels - 1) for child in children)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
