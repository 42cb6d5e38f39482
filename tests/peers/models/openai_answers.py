"""The answers of OpenAI's API in the shapes that its SDKs read."""

import json
from collections.abc import Iterator
from typing import Any

from tests.peers.models.said import Said

HEAD = {"id": "chatcmpl-7", "created": 1_790_000_000, "model": "gpt-5"}
TOKENS = {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}


def completion(said: Said) -> dict[str, Any]:
    message = {"role": "assistant", "content": said.text, "refusal": None, "tool_calls": [_call(said.arguments)]}
    choices = [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}]
    return {**HEAD, "object": "chat.completion", "choices": choices, "usage": TOKENS}


def chunks(said: Said) -> Iterator[str]:
    """A streamed completion: text, then the arguments of a tool call."""
    yield _chunk({"role": "assistant", "content": ""})
    for delta in said.deltas:
        yield _chunk({"content": delta})
    yield _chunk({"tool_calls": [{"index": 0, **_call("")}]})
    for delta in said.argument_deltas:
        yield _chunk({"tool_calls": [{"index": 0, "function": {"arguments": delta}}]})
    yield _chunk({}, "tool_calls")
    yield "data: [DONE]\n\n"


def response_events(said: Said) -> Iterator[str]:
    """The stream of the Responses API."""
    place = {"item_id": "msg_7", "output_index": 0, "content_index": 0}
    yield _event({"type": "response.created", "sequence_number": 0, "response": _response("in_progress", "")})
    for number, delta in enumerate(said.deltas, 1):
        told = {"type": "response.output_text.delta", "sequence_number": number, "delta": delta, "logprobs": []}
        yield _event({**told, **place})
    done = {"type": "response.completed", "sequence_number": 99, "response": _response("completed", said.text)}
    yield _event(done)


def failure(said: Said, status: int) -> dict[str, Any]:
    kind = "authentication_error" if status == 401 else "invalid_request_error"
    return {"error": {"message": f"Refused: {said.text}", "type": kind, "param": None, "code": "refused"}}


def _call(arguments: str) -> dict[str, Any]:
    return {"id": "call_7", "type": "function", "function": {"name": "book", "arguments": arguments}}


def _chunk(delta: dict[str, Any], reason: str | None = None) -> str:
    choices = [{"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}]
    return f"data: {json.dumps({**HEAD, 'object': 'chat.completion.chunk', 'choices': choices})}\n\n"


def _event(told: dict[str, Any]) -> str:
    return f"event: {told['type']}\ndata: {json.dumps(told)}\n\n"


def _response(status: str, text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    output = [{"id": "msg_7", "type": "message", "role": "assistant", "status": status, "content": content}]
    shape = {"object": "response", "created_at": 1_790_000_000, "model": "gpt-5", "parallel_tool_calls": True}
    return {"id": "resp_7", **shape, "status": status, "output": output, "tool_choice": "auto", "tools": []}
