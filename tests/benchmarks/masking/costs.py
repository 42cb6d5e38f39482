"""CPU of searching one answer."""

import base64
import json
import os
import time
from collections.abc import Callable, Iterator

from secrets_app.plaintext import Plaintext
from secrets_app.redaction.redactor import Redactor, ValueSet
from tests.benchmarks.masking.rows import MIB, Row, row, token
from tests.support.integrations.echoes import redactor

COUNTS = (3, 30, 300, 3_000)
ROUNDS = 5


def _json(size: int) -> bytes:
    rows = [
        {"id": number, "name": "Anna Example", "email": "anna@example.com", "note": "The quick brown fox", "on": True}
        for number in range(size // 90)
    ]
    return json.dumps(rows).encode()[:size]


def _repeated(text: bytes) -> bytes:
    return (text * (MIB // len(text) + 1))[:MIB]


def _cpu(job: Callable[[], object], times: int = 1) -> float:
    """The least CPU of one call in several rounds, in seconds."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(times):
            job()
        best = min(best, (time.process_time() - started) / times)
    return best


def answers() -> Iterator[Row]:
    """An answer without a value, with so many values of other runs and three of its own; and making the index."""
    own = {f"own{number}": Plaintext(token()) for number in range(3)}
    bodies = {
        "300 B of JSON": (_json(300), 200),
        "10 KiB of JSON": (_json(10_240), 50),
        "1 MiB of JSON": (_json(MIB), 1),
        "1 MiB of mixed escapes": (_repeated(b"%41a\\u0041b&#65;c\\n&amp;"), 1),
        "1 MiB of base64": (base64.b64encode(os.urandom(MIB))[:MIB], 1),
    }
    sets = {}
    for count in COUNTS:
        values = [("", Plaintext(token())) for _ in range(count)]
        started = time.process_time()
        sets[count] = ValueSet(values, only_strong=True)
        yield row("index made", f"{count} values", round((time.process_time() - started) * 1000, 2), "ms")
    for what, (body, times) in bodies.items():
        parts = [body, b"OK", b"Content-Type", b"application/json"]
        for count, others in sets.items():
            seconds = _cpu(lambda parts=parts, others=others: Redactor(own, others=[others]).mask_all(parts), times)
            yield row(what, f"{count} values", round(seconds * 1e6), "µs")


def hostile_bodies() -> Iterator[Row]:
    storms = {
        "percent of percent": b"%2525252541",
        "escapes between letters": b"%41a",
        "units between letters": b"\\u0041a",
        "entities": b"&amp;",
        "numeric entities": b"&#65;a",
        "backslashes": b"\\",
        "numbers": b"65, ",
        "short base64 of text": b"QUJDREVGR0hJSktMTU5PUA ",
        "base64 of base64 of base64": base64.b64encode(base64.b64encode(base64.b64encode(b"some text " * 300))),
        "base64 of NULs": b"A",
        "tags": b"<b>x",
        "everything": rb"%25\\&amp;+ %5c&#37;\u0025&#x5c;a=3D<b>\1 ",
    }
    bodies = {name: _repeated(storm) for name, storm in storms.items()}
    bodies["runs of 22 base64 characters"] = b" ".join(base64.b64encode(os.urandom(16))[:22] for _ in range(MIB // 23))
    guard = Redactor({}, others=[ValueSet([("", Plaintext(token())) for _ in range(300)])])
    found = {name: _cpu(lambda body=body: guard.mask_bytes(body)) * 1000 for name, body in bodies.items()}
    for name, milliseconds in sorted(found.items(), key=lambda item: -item[1]):
        yield row("a hostile MiB", name, round(milliseconds), "ms")
    value = redactor("a" * 65_000)
    seconds = _cpu(lambda: value.mask_bytes(b"a" * MIB))
    yield row("a value of 65,000 equal letters", "1 MiB of that letter", round(seconds * 1000), "ms")
