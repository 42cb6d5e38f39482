"""Streams as upstreams send them, cut into pieces, and what a reader of the masked stream sees."""

import json
from collections.abc import Callable, Iterable
from typing import NamedTuple

from secrets_app.redaction.reasons import Reason
from secrets_app.redaction.redactor import Redactor
from secrets_app.redaction.streams import StreamMask, StreamWithheld
from secrets_app.redaction.views import canonical, views

EVENTS, LINES, TEXT, AUDIO = "text/event-stream", "application/x-ndjson", "text/plain; charset=utf-8", "audio/mpeg"
CLEAN = "Lorem ipsum dolor, the quick brown fox jumps over a lazy dog. " * 8


class Streamed(NamedTuple):
    """What became of a stream."""

    passed: bytes
    withheld: Reason | None
    found: frozenset[str]
    most_held: int
    """The most bytes that had come and not gone on."""


def streamed(guard: Redactor, pieces: Iterable[bytes], media_type: str | None = TEXT) -> Streamed:
    mask = StreamMask(guard, media_type)
    passed, come, most_held, withheld = b"", 0, 0, None
    try:
        for piece in pieces:
            come += len(piece)
            passed += mask.feed(piece)
            most_held = max(most_held, come - len(passed))
        passed += mask.end()
    except StreamWithheld as stop:
        withheld = stop.reason
    return Streamed(passed, withheld, mask.found, most_held)


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def longest_piece(value: str, text: bytes) -> int:
    """The most consecutive letters and digits of a value that a text shows in any view."""
    letters, seen, longest = canonical(value.encode()), [one for _, one in views(text)], 0
    for start in range(len(letters)):
        while any(letters[start : start + longest + 1] in one for one in seen) and start + longest < len(letters):
            longest += 1
    return longest


def _chat(text: str) -> str:
    delta = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    chunk = {"id": "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG", "created": 1741570283, "model": "gpt-4o"}
    return f"data: {json.dumps({**chunk, 'choices': [delta]})}\n\n"


def _content_block(delta: dict[str, str]) -> str:
    return f"event: content_block_delta\r\ndata: {json.dumps({'index': 0, 'delta': delta})}\r\n\r\n"


class Service(NamedTuple):
    """How a service sends a text in pieces, and how a client reads a piece out of an event or line."""

    media_type: str
    write: Callable[[str], str]
    read: Callable[[str], str]


def _data(event: str) -> str:
    return "\n".join(line[6:] for line in event.splitlines() if line.startswith("data: "))


SERVICES = {
    "chat": Service(EVENTS, _chat, lambda event: json.loads(_data(event))["choices"][0]["delta"]["content"]),
    "text blocks": Service(
        EVENTS,
        lambda text: _content_block({"type": "text_delta", "text": text}),
        lambda event: json.loads(_data(event))["delta"]["text"],
    ),
    "arguments of a tool": Service(
        EVENTS,
        lambda text: _content_block({"type": "input_json_delta", "partial_json": text}),
        lambda event: json.loads(_data(event))["delta"]["partial_json"],
    ),
    "plain data": Service(EVENTS, lambda text: f"data: {text}\n\n", _data),
    "lines": Service(
        LINES,
        lambda text: json.dumps({"message": {"content": text}, "done": False}) + "\n",
        lambda line: json.loads(line)["message"]["content"],
    ),
}


def texts(service: Service, passed: bytes) -> str:
    """The text that a client of a service reads."""
    end = "\n" if service.media_type == LINES else "\n\n"
    units = passed.decode().replace("\r\n", "\n").split(end)
    return "".join(service.read(unit) for unit in units if unit)
