"""The answers of Anthropic's API in the shapes that its SDKs read."""

import json
from collections.abc import Iterator
from typing import Any

from tests.peers.models.said import Said

HEAD = {"id": "msg_7", "type": "message", "role": "assistant", "model": "claude-sonnet-5", "stop_sequence": None}


def message(said: Said) -> dict[str, Any]:
    content = [{"type": "text", "text": said.text}, {**_tool(), "input": json.loads(said.arguments)}]
    return {**HEAD, "content": content, "stop_reason": "tool_use", "usage": {"input_tokens": 9, "output_tokens": 12}}


def events(said: Said) -> Iterator[str]:
    """A streamed message: text, then the input of a tool."""
    start = {**HEAD, "content": [], "stop_reason": None, "usage": {"input_tokens": 9, "output_tokens": 1}}
    yield _event("message_start", message=start)
    yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    yield _event("ping")
    for delta in said.deltas:
        yield _event("content_block_delta", index=0, delta={"type": "text_delta", "text": delta})
    yield _event("content_block_stop", index=0)
    yield _event("content_block_start", index=1, content_block={**_tool(), "input": {}})
    for delta in said.argument_deltas:
        yield _event("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": delta})
    yield _event("content_block_stop", index=1)
    ending = {"stop_reason": "tool_use", "stop_sequence": None}
    yield _event("message_delta", delta=ending, usage={"output_tokens": 12})
    yield _event("message_stop")


def failure(said: Said, status: int) -> dict[str, Any]:
    kind = "authentication_error" if status == 401 else "invalid_request_error"
    return {"type": "error", "error": {"type": kind, "message": f"Refused: {said.text}"}}


def _tool() -> dict[str, Any]:
    return {"type": "tool_use", "id": "toolu_7", "name": "book"}


def _event(kind: str, **members: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n"
