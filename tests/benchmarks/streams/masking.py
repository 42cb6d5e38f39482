"""CPU of masking streams alone, and how long pieces are held back."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from secrets_app.plaintext import Plaintext
from secrets_app.redaction.redactor import Redactor, ValueSet
from secrets_app.redaction.streams import StreamMask
from tests.benchmarks.masking.rows import Row, row, token
from tests.support.integrations.streams import AUDIO, LINES, SERVICES, TEXT

ROUNDS = 2
SIZES = (1, 100, 1_000, 65_536)
PROSE = (Path(__file__).resolve().parents[3] / "docs" / "concepts.md").read_text()

__all__ = ["Row", "row", "streams"]


def streams() -> Iterator[Row]:
    """Clean streams, with one value of the run and thirty of other runs to the same host."""
    others = ValueSet([("", Plaintext(token())) for _ in range(30)], only_strong=True)
    guard = Redactor({"own": Plaintext(token())}, others=[others])
    for what, media_type, body in _bodies():
        for size in SIZES:
            some = body[: 20_000 if size < 1_000 else len(body)]
            pieces = [some[at : at + size] for at in range(0, len(some), size)]
            seconds, held = _masked(guard, media_type, pieces)
            of = f"in pieces of {size}"
            yield row(f"masking {what}", of, round(seconds * 1e6 / len(some) * 1_000, 1), "µs per 1,000 bytes")
            if size == 1:
                yield row(f"masking {what}", "held back at most", held, "bytes")
    for name, service in SERVICES.items():
        events = [service.write(PROSE[at : at + 4]).encode() for at in range(0, 2_000, 4)]
        seconds, _ = _masked(guard, service.media_type, events)
        delayed = _delayed(guard, service.media_type, events)
        yield row(f"masking events: {name}", "of 4 characters each", round(seconds * 1e6 / len(events)), "µs an event")
        yield row(f"masking events: {name}", "not delayed", f"{1 - delayed / len(events):.1%}", "")


def _bodies() -> Iterator[tuple[str, str, bytes]]:
    yield "text", TEXT, PROSE.encode() * 20
    yield "audio", AUDIO, os.urandom(1_000_000)
    lines = [json.dumps({"id": at, "text": PROSE[at : at + 80]}).encode() for at in range(500)]
    yield "lines of JSON", LINES, b"\n".join(lines)


def _masked(guard: Redactor, media_type: str, pieces: list[bytes]) -> tuple[float, int]:
    """The least CPU of masking all pieces, in seconds; and the most bytes that were held back."""
    return min(_once(guard, media_type, pieces) for _ in range(ROUNDS))


def _once(guard: Redactor, media_type: str, pieces: list[bytes]) -> tuple[float, int]:
    mask, come, gone, held = StreamMask(guard, media_type), 0, 0, 0
    started = time.process_time()
    for piece in pieces:
        come += len(piece)
        gone += len(mask.feed(piece))
        held = max(held, come - gone)
    mask.end()
    return time.process_time() - started, held


def _delayed(guard: Redactor, media_type: str, events: list[bytes]) -> int:
    mask = StreamMask(guard, media_type)
    return sum(not mask.feed(event) for event in events)
