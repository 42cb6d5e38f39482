"""The handshake of a WebSocket, which is a request to everything that looks at heads (ASGI, "WebSocket")."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

Receive = Callable[[], Coroutine[Any, Any, Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

WEBSOCKET = "websocket"
"""The type of a scope."""
BEGINNINGS = {"http.response.start", "websocket.http.response.start", "websocket.accept"}
"""The messages that begin an answer; the last has no status, which is 101."""


def answering_handshake(send: Send) -> Send:
    """Return what sends the messages of an HTTP response as the answer to a handshake."""

    async def prefixed(message: Mapping[str, Any]) -> None:
        await send({**message, "type": f"websocket.{message['type']}"})

    return prefixed
