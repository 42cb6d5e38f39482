"""What applications do with OpenAI's SDK; prints all that arrived, once for each line of variables that it reads.

Address and key come from the SDK's own variables.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from openai import APIStatusError, AsyncOpenAI

ASKED: Any = [{"role": "user", "content": "When can I come?"}]
TOOLS: Any = [{"type": "function", "function": {"name": "book", "parameters": {"type": "object"}}}]
ARRIVED: list[str] = []
"""The pieces of all that flowed, also of what broke off."""
SOUND = b"RIFF" + bytes(range(256)) * 300


async def chat(client: AsyncOpenAI) -> Any:
    raw = await client.chat.completions.with_raw_response.create(model="gpt-5", messages=ASKED, tools=TOOLS)
    return {"headers": dict(raw.headers), "body": raw.parse().model_dump()}


async def streamed_chat(client: AsyncOpenAI) -> Any:
    stream = await client.chat.completions.create(model="gpt-5", messages=ASKED, tools=TOOLS, stream=True)
    text, arguments, names = "", "", []
    async for chunk in stream:
        delta = chunk.choices[0].delta
        ARRIVED.append(delta.content or "")
        text += delta.content or ""
        for call in delta.tool_calls or []:
            ARRIVED.append((call.function and call.function.arguments) or "")
            arguments += (call.function and call.function.arguments) or ""
            names += [call.function.name] if call.function and call.function.name else []
    return {"text": text, "arguments": arguments, "names": names, "headers": dict(stream.response.headers)}


async def streamed_response(client: AsyncOpenAI) -> Any:
    deltas, final = [], {}
    async for event in await client.responses.create(model="gpt-5", input="When?", stream=True):
        if event.type == "response.output_text.delta":
            deltas.append(event.delta)
            ARRIVED.append(event.delta)
        if event.type == "response.completed":
            final = event.response.model_dump(mode="json")
    return {"text": "".join(deltas), "final": final}


async def upload(client: AsyncOpenAI) -> Any:
    file = await client.files.create(file=("answers.jsonl", b'{"a": 1}\n' * 20_000), purpose="batch")
    return file.model_dump()


async def speech(client: AsyncOpenAI) -> Any:
    heard = b""
    speaking = client.audio.speech.with_streaming_response
    async with speaking.create(model="gpt-4o-mini-tts", voice="alloy", input="Good morning.") as response:
        async for piece in response.iter_bytes():
            heard += piece
            ARRIVED.append(piece.hex())
        return {"hex": heard.hex(), "headers": dict(response.headers)}


async def transcription(client: AsyncOpenAI) -> Any:
    found = await client.audio.transcriptions.create(model="whisper-1", file=("call.wav", SOUND, "audio/wav"))
    return found.text


async def failure(client: AsyncOpenAI) -> Any:
    try:
        await client.chat.completions.create(model="broken", messages=ASKED)
    except APIStatusError as error:
        return {"status": error.status_code, "body": error.body, "headers": dict(error.response.headers)}


async def realtime(client: AsyncOpenAI) -> Any:
    """A session of the realtime client: an update, an answer in text and sound, an item, and a good-bye."""
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await connection.session.update(session={"type": "realtime", "instructions": "Be brief."})
        await connection.response.create()
        texts: dict[str, str] = {}
        async for event in connection:
            ARRIVED.append(getattr(event, "delta", None) or "")
            texts[event.type] = texts.get(event.type, "") + (getattr(event, "delta", None) or ".")
            if event.type == "response.done":
                await connection.conversation.item.create(item={"id": "item_9", "type": "message", "role": "user",
                    "content": [{"type": "input_text", "text": "Yes."}]})  # fmt: skip
            if event.type == "conversation.item.created":
                break
        return texts


STEPS: list[Callable[[AsyncOpenAI], Awaitable[Any]]] = [
    chat, streamed_chat, streamed_response, upload, speech, transcription, failure, realtime,
]  # fmt: skip


async def results() -> dict[str, Any]:
    """What each step got, with a client of its own."""
    got: dict[str, Any] = {}
    ARRIVED.clear()
    async with AsyncOpenAI(max_retries=0, timeout=30) as client:
        for step in STEPS:
            try:
                got[step.__name__] = await step(client)
            except Exception as error:
                got[step.__name__] = {"raised": f"{type(error).__name__}: {error}"}
    return {**got, "arrived": "".join(ARRIVED)}


for line in sys.stdin:
    os.environ.update(json.loads(line))
    sys.stdout.write(json.dumps(asyncio.run(results()), default=str) + "\n")
    sys.stdout.flush()
