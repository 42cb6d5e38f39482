"""The fast path: `POST /integrations/{id}/run` without Django and ninja (docs/decisions/0012-the-fast-path.md).

Only a well-formed call is handled here, and only if it is not refused; every other call goes to the framework, which
says what is wrong. Both give the same responses (`tests/config/api/test_fast_path.py`).
"""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import RequestAborted
from django.urls.converters import UUIDConverter
from pydantic import ValidationError

from accounts.access.callers import PresentedKey, bearer_token
from accounts.access.client_addresses import peer_address
from accounts.common.request_notes import NOTES
from accounts.errors import InvalidJson
from config.api.flowing import ROUTE, flow
from config.api.handler import HEADERS_READ, ApiHandler, Headers
from config.http.errors import API_PREFIX
from config.http.requests import WhileConnected, read_body, read_json
from integrations.api.run_schemas import RunIn
from integrations.broker import broker
from integrations.broker.preparation import Call

MAX_CACHED_HEADERS = 256
"""Different sets of request headers for which the response headers are cached."""

_ADDRESS = re.compile(rf"{API_PREFIX}v1/integrations/({UUIDConverter.regex})/run")


class FastPath:
    """The ASGI application of the API: answers runs itself and leaves every other request to Django's handler."""

    def __init__(self, handler: ApiHandler) -> None:
        self._handler = handler
        self._response_headers: dict[Headers, Headers | None] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request. If the client disconnects, the work on it is cancelled."""
        try:
            body = await read_body(receive)
        except RequestAborted:
            return
        with WhileConnected(receive):
            await self._answer(scope, body, send)

    async def _answer(self, scope: Any, body: bytes, send: Any) -> None:
        call = fast_path_call(scope, body)
        headers = await self._headers(scope) if call else None
        if call is None or headers is None:
            await self._handler.answer(scope, body, send)
            return
        try:
            if call.streams:
                await flow(call.key, call.call, headers, send)
                return
            result = await broker.run(call.key, call.call)
            answer = result.text_of(result.as_json()).encode()
        except Exception as fault:
            await self._handler.answer(scope, body, send, fault)
            return
        NOTES.get({}).update(route=ROUTE)
        length = (b"Content-Length", str(len(answer)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": answer})

    async def _headers(self, scope: Any) -> Headers | None:
        """Return the headers of a successful response to this request, or None if a middleware responds by itself.

        The middleware runs once for each different set of the headers that it reads; no other header is passed to it.
        """
        relevant = tuple([entry for entry in scope["headers"] if entry[0] in HEADERS_READ])
        key = ((b":scheme", scope.get("scheme", "http").encode()), *relevant)
        if key not in self._response_headers:
            if len(self._response_headers) >= MAX_CACHED_HEADERS:
                self._response_headers.clear()
            self._response_headers[key] = await self._handler.response_headers(scope, relevant)
        return self._response_headers[key]


@dataclass(frozen=True, slots=True)
class FastPathCall:
    """A well-formed call.

    Attributes:
        key: the API key that came with it.
        call: the run that it asks for.
        streams: whether the answer is wanted while it arrives.
    """

    key: PresentedKey
    call: Call
    streams: bool


def fast_path_call(scope: dict[str, Any], body: bytes) -> FastPathCall | None:
    """Parse a request. Returns None if the framework has to handle it, as any request that repeats a header."""
    address = _ADDRESS.fullmatch(scope["path"]) if scope["method"] == "POST" else None
    headers = dict(scope["headers"])
    token = bearer_token(headers.get(b"authorization", b"").decode("latin-1"))
    has_more = scope.get("query_string") or scope.get("root_path") or headers.get(b"idempotency-key")
    if not address or token is None or has_more or len(headers) != len(scope["headers"]):
        return None
    try:
        payload = RunIn.model_validate(read_json(body))
    except (InvalidJson, ValidationError):
        return None
    sent_from = peer_address((scope.get("client") or [""])[0])
    key = PresentedKey(token, sent_from, headers.get(b"user-agent", b"").decode("latin-1"))
    return FastPathCall(key, Call.requested(UUID(address[1]), payload), payload.stream)
