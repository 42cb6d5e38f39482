"""What applications do with Anthropic's SDK; prints all that arrived, once for each line of variables that it reads.

Address and key come from the SDK's own variables.
"""

import json
import os
import sys
from typing import Any

from anthropic import Anthropic, APIStatusError

ASKED: Any = {"model": "claude-sonnet-5", "max_tokens": 100, "messages": [{"role": "user", "content": "When?"}]}
ARRIVED: list[str] = []
"""The pieces of all that flowed, also of what broke off."""
TOOLS: Any = [{"name": "book", "input_schema": {"type": "object"}}]


def message(client: Anthropic) -> Any:
    raw = client.messages.with_raw_response.create(**ASKED, tools=TOOLS)
    return {"headers": dict(raw.headers), "body": raw.parse().model_dump()}


def streamed_message(client: Anthropic) -> Any:
    with client.messages.stream(**ASKED, tools=TOOLS) as stream:
        text = "".join(stream.text_stream)
        return {"text": text, "message": stream.get_final_message().model_dump()}


def events(client: Anthropic) -> Any:
    told = []
    for event in client.messages.create(**ASKED, tools=TOOLS, stream=True):
        told.append(event.model_dump())
        delta = told[-1].get("delta") or {}
        ARRIVED.append(delta.get("text") or delta.get("partial_json") or "")
    return told


def failure(client: Anthropic) -> Any:
    try:
        client.messages.create(**ASKED | {"model": "broken"})
    except APIStatusError as error:
        return {"status": error.status_code, "body": error.body, "headers": dict(error.response.headers)}


def results() -> dict[str, Any]:
    """What each step got, with a client of its own."""
    got: dict[str, Any] = {}
    ARRIVED.clear()
    with Anthropic(max_retries=0, timeout=30) as client:
        for step in (message, streamed_message, events, failure):
            try:
                got[step.__name__] = step(client)
            except Exception as error:
                got[step.__name__] = {"raised": f"{type(error).__name__}: {error}"}
    return {**got, "arrived": "".join(ARRIVED)}


for line in sys.stdin:
    os.environ.update(json.loads(line))
    sys.stdout.write(json.dumps(results(), default=str) + "\n")
    sys.stdout.flush()
