"""The realtime WebSocket: events as OpenAI's are, and binary frames as other voice services send them."""

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

from tests.peers.models.said import CREDENTIAL, Said

PROTOCOL = "realtime"
PLACE = {"response_id": "resp_7", "item_id": "item_7", "output_index": 0, "content_index": 0}
LARGEST = 32 * 1024 * 1024


async def speak(request: web.Request, said: Said) -> web.StreamResponse:
    socket = web.WebSocketResponse(protocols=(PROTOCOL,), max_msg_size=LARGEST, compress=True)
    for name, value in said.headers.items():
        socket.headers[name] = value
    await socket.prepare(request)
    await _send(socket, "session.created", session={"id": "sess_7", "type": "realtime", "model": "gpt-realtime"})
    try:
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                await socket.send_bytes(said.audio if said.echoes else message.data)
            elif message.type is WSMsgType.TEXT:
                await _answer(socket, json.loads(message.data), said)
    finally:
        said.ended.append(f"closed {socket.close_code}")
    return socket


async def _answer(socket: web.WebSocketResponse, event: dict[str, Any], said: Said) -> None:
    said.asked.append(("WEBSOCKET", event["type"], event))
    if event["type"] == "session.update":
        await _send(socket, "session.updated", session={**event["session"], "id": "sess_7"})
    elif event["type"] == "response.create":
        async for kind, members in _response(said):
            await _send(socket, kind, **members)
    elif event["type"] == "say":
        await socket.send_str(event["text"])
    elif event["type"] == "flood":
        with suppress(ConnectionResetError):
            await _flood(socket, event["bytes"], said)
    elif event["type"] == "leave":
        reason = f"Bye {CREDENTIAL}" if said.echoes else "Bye"
        await socket.close(code=event.get("code", 4007), message=reason.encode())
    else:
        await _send(socket, "conversation.item.created", item=event.get("item") or {"id": "item_7"})


async def _response(said: Said) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    for delta in said.deltas:
        yield "response.output_text.delta", {**PLACE, "delta": delta}
    yield "response.output_audio.delta", {**PLACE, "delta": said.audio_base64}
    for delta in said.argument_deltas:
        yield "response.function_call_arguments.delta", {**PLACE, "call_id": "call_7", "delta": delta}
    yield "response.done", {"response": {"id": "resp_7", "object": "realtime.response", "status": "completed"}}


async def _flood(socket: web.WebSocketResponse, size: int, said: Said) -> None:
    for _ in range(size // 65536):
        await socket.send_bytes(bytes(65536))
        said.flooded += 65536


async def _send(socket: web.WebSocketResponse, kind: str, **members: Any) -> None:
    await socket.send_str(json.dumps({"type": kind, "event_id": "event_7", **members}))
