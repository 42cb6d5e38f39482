"""Errors at `/mcp` as JSON-RPC errors: clients of MCP show nothing of any other body."""

import json
from collections.abc import Awaitable, Mapping
from http import HTTPStatus
from typing import Any

from accounts.errors import InvalidJson
from config.http.errors import PROBLEM
from config.http.requests import Application, Receive, Send, read_json

PARSE_ERROR, INVALID_REQUEST, INTERNAL_ERROR = -32700, -32600, -32603

LARGEST_READ = 262_144
"""Bytes of a refused message up to which its id is read. Not every sender is known, and reading takes time."""

WHAT_TO_DO = {
    "bad_request": "Send one JSON-RPC request or notification, to the address of Coffer that the operator gave you.",
    "internal_error": "Try again. The server's log has more under the request_id.",
    "method_not_allowed": "Send each message with POST: there are no streams to open and no sessions to end.",
    "not_acceptable": "Send the header Accept: application/json, text/event-stream.",
    "unsupported_media_type": "Send the header Content-Type: application/json.",
    "service_unavailable": "Try again in a few seconds.",
}
"""What to do about a refusal that says nothing more than its status."""


class JsonRpcErrors:
    """An ASGI middleware that turns the problem documents of `/mcp` into JSON-RPC errors; status and headers stay."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> Awaitable[None]:
        """Handle a request to `/mcp`."""
        message = _Message(receive)
        return self._application(scope, message.receive, _Response(message, send).send)


class _Message:
    """The message of one request, as far as it has arrived."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._chunks, self._size = receive, list[bytes](), 0

    async def receive(self) -> Mapping[str, Any]:
        """Return what the server received, and keep the beginning of the body."""
        event = await self._receive()
        self._size += len(event.get("body", b""))
        if self._size <= LARGEST_READ:
            self._chunks.append(event.get("body", b""))
        return event

    def id(self) -> str | int | None:
        """Return the id of the request; None where none can be read."""
        if self._size > LARGEST_READ:
            return None
        try:
            message = read_json(b"".join(self._chunks))
        except InvalidJson:
            return None
        found = message.get("id") if isinstance(message, dict) else None
        return found if isinstance(found, str) or type(found) is int else None


class _Response:
    """The response to one request. A problem document is held back until it is complete."""

    def __init__(self, message: _Message, send: Send) -> None:
        self._message, self._send = message, send
        self._start: Mapping[str, Any] | None = None
        self._document = b""

    async def send(self, event: Mapping[str, Any]) -> None:
        """Send an event on, or the JSON-RPC error that stands for it."""
        if event["type"] == "http.response.start" and (b"content-type", PROBLEM.encode()) in _lowered(event):
            self._start = event
        elif self._start is None:
            await self._send(event)
        else:
            self._document += event.get("body", b"")
            if not event.get("more_body"):
                await self._send_error(self._start)

    async def _send_error(self, start: Mapping[str, Any]) -> None:
        body = json.dumps(json_rpc_error(json.loads(self._document), self._message.id())).encode()
        replaced = {b"content-type": b"application/json", b"content-length": str(len(body)).encode()}
        kept = [entry for entry in start["headers"] if entry[0].lower() not in replaced]
        await self._send({**start, "headers": [*kept, *replaced.items()]})
        await self._send({"type": "http.response.body", "body": body})


def _lowered(event: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in event["headers"]]


def json_rpc_error(document: Mapping[str, Any], message_id: str | int | None) -> dict[str, Any]:
    """Return a problem document as a JSON-RPC error response.

    The sentence says what to do; `data` has the code and the other members.
    """
    data = {name: value for name, value in document.items() if name not in {"type", "title", "detail"}}
    lines = [f"{error['field']}: {error['message']}" for error in document.get("errors", [])]
    sentence = " ".join(filter(None, (_sentence(document["detail"]), WHAT_TO_DO.get(document["code"]))))
    error = {"code": _code(document), "message": "\n".join([sentence, *lines]), "data": data}
    return {"jsonrpc": "2.0", "id": message_id, "error": error}


def _sentence(detail: str) -> str:
    return detail if detail.endswith((".", "…")) else f"{detail}."


def _code(document: Mapping[str, Any]) -> int:
    if document["code"] == InvalidJson.code:
        return PARSE_ERROR
    return INTERNAL_ERROR if document["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR else INVALID_REQUEST
