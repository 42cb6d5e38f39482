"""What masking costs and what it finds: CPU of one answer, hostile bodies, echoes, and honest texts found wrongly."""

import asyncio
import base64
import json
import os
import random
import statistics
import string
import sysconfig
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from integrations.broker.masking import Workers
from secrets_app.plaintext import Plaintext
from secrets_app.redaction.redactor import Redactor, ValueSet
from tests import public_grams
from tests.support.integrations.echoes import HEX, PARTS, TOKEN, UUID, WRITTEN, mask, redactor

MIB = 2**20
COUNTS = (3, 30, 300, 3_000)
ROUNDS = 5
FOLDERS = [Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("stdlib")), Path("/usr/share/doc")]
LARGEST_FILE = MIB
Row = dict[str, object]


def measure() -> list[Row]:
    """All figures, each with what it is of and its unit."""
    return [*_answers(), *_hostile(), *_others(), *_echoes(), *_false_positives()]


def _row(what: str, of: str, figure: float | str, unit: str) -> Row:
    return {"what": what, "of": of, "figure": figure, "unit": unit}


def _token(length: int = 40) -> str:
    return "".join(random.choices(string.ascii_letters + string.digits, k=length))


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


def _answers() -> Iterator[Row]:
    """An answer without a value, with so many values of other runs and three of its own; and making the index."""
    own = {f"own{number}": Plaintext(_token()) for number in range(3)}
    bodies = {
        "300 B of JSON": (_json(300), 200),
        "10 KiB of JSON": (_json(10_240), 50),
        "1 MiB of JSON": (_json(MIB), 1),
        "1 MiB of mixed escapes": (_repeated(b"%41a\\u0041b&#65;c\\n&amp;"), 1),
        "1 MiB of base64": (base64.b64encode(os.urandom(MIB))[:MIB], 1),
    }
    sets = {}
    for count in COUNTS:
        values = [("", Plaintext(_token())) for _ in range(count)]
        started = time.process_time()
        sets[count] = ValueSet(values, only_strong=True)
        yield _row("index made", f"{count} values", round((time.process_time() - started) * 1000, 2), "ms")
    for what, (body, times) in bodies.items():
        parts = [body, b"OK", b"Content-Type", b"application/json"]
        for count, others in sets.items():
            seconds = _cpu(lambda parts=parts, others=others: Redactor(own, others=[others]).mask_all(parts), times)
            yield _row(what, f"{count} values", round(seconds * 1e6), "µs")


def _hostile() -> Iterator[Row]:
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
        "tags": b"<b>x",
        "everything": rb"%25\\&amp;+ %5c&#37;\u0025&#x5c;a=3D<b>\1 ",
    }
    bodies = {name: _repeated(storm) for name, storm in storms.items()}
    bodies["runs of 22 base64 characters"] = b" ".join(base64.b64encode(os.urandom(16))[:22] for _ in range(MIB // 23))
    guard = Redactor({}, others=[ValueSet([("", Plaintext(_token())) for _ in range(300)])])
    found = {name: _cpu(lambda body=body: guard.mask_bytes(body)) * 1000 for name, body in bodies.items()}
    for name, milliseconds in sorted(found.items(), key=lambda item: -item[1]):
        yield _row("a hostile MiB", name, round(milliseconds), "ms")
    value = redactor("a" * 65_000)
    seconds = _cpu(lambda: value.mask_bytes(b"a" * MIB))
    yield _row("a value of 65,000 equal letters", "1 MiB of that letter", round(seconds * 1000), "ms")


def _others() -> Iterator[Row]:
    """How long a small answer takes while another organization's hostile answers are searched."""
    guard = Redactor({}, others=[ValueSet([("", Plaintext(_token())) for _ in range(300)])])
    hostile, small = _repeated(b"%41a\\u0041b&#65;c"), _json(300)

    async def medians() -> tuple[float, float]:
        workers, attacker, caller = Workers(), uuid.uuid4(), uuid.uuid4()

        async def one() -> float:
            started = time.perf_counter()
            await workers.run(caller, len(small), lambda: guard.mask_bytes(small))
            await asyncio.sleep(0)
            return time.perf_counter() - started

        quiet = [await one() for _ in range(300)]
        attack = [
            asyncio.ensure_future(workers.run(attacker, MIB, lambda: guard.mask_bytes(hostile))) for _ in range(8)
        ]
        busy = []
        while not all(task.done() for task in attack):
            busy.append(await one())
            await asyncio.sleep(0.001)
        return statistics.median(quiet), statistics.median(busy)

    quiet, busy = asyncio.run(medians())
    yield _row("a small answer", "alone, median", round(quiet * 1e6), "µs")
    yield _row("a small answer", "beside 8 hostile MiB of another organization, median", round(busy * 1e6), "µs")


def _echoes() -> Iterator[Row]:
    values = (TOKEN, UUID, HEX)
    found = [
        bool(mask(redactor(value), f'{{"a": "{write(value)}"}}').found)
        for value in values
        for write in WRITTEN.values()
    ]
    parts = [bool(mask(redactor(value), f"<{echo}>").found) for value, echo in PARTS.values()]
    yield _row("echoes found", f"{len(WRITTEN)} ways, {len(values)} strong values", f"{sum(found)} of {len(found)}", "")
    yield _row("echoes found", "parts of values", f"{sum(parts)} of {len(parts)}", "")
    pieces = [(value := _token(), value[(at := random.randrange(20)) : at + 20]) for _ in range(2_000)]
    shown = sum(bool(mask(redactor(value), piece).found) for value, piece in pieces)
    yield _row("pieces of 20 characters found", "random tokens", f"{shown} of {len(pieces)}", "")


def _false_positives() -> Iterator[Row]:
    """Texts that are nobody's, searched for the strong values of an organization that stores many."""
    values = list(_stored())
    guard = ValueSet(values, only_strong=True)
    wrong: Counter[str] = Counter()
    files = size = 0
    for text in _texts():
        files, size = files + 1, size + len(text)
        hits = Redactor({}, others=[guard]).hits(text)
        wrong.update({"not checked"} if hits is None else {hit.name for hit in hits})
    of = f"{files:,} files, {size // MIB:,} MiB, {len(values):,} values"
    yield _row("honest texts found wrongly", of, ", ".join(f"{name}: {n}" for name, n in wrong.items()) or "none", "")
    foreign = [*_keys(), *(text for texts in public_grams.tool_keys() for text in texts)]
    hits = Counter(hit.name for text in foreign for hit in Redactor({}, others=[guard]).hits(text) or ())
    yield _row("keys of somebody else found wrongly", f"{len(foreign)} keys", str(dict(hits)) if hits else "none", "")


def _stored() -> Iterator[tuple[str, Plaintext]]:
    words = ["summer", "winter", "dragon", "monkey", "coffee", "purple", "orange", "garden", "silver", "window"]
    for _ in range(1_000):
        yield "token", Plaintext(_token())
        yield "password", Plaintext(f"{random.choice(words).title()}{random.choice(words)}{random.randrange(10_000)}!")
    for _ in range(300):
        yield "UUID", Plaintext(str(uuid.uuid4()))
        yield "hexadecimal", Plaintext(os.urandom(20).hex())
        yield "prefixed token", Plaintext(f"sk_live_{_token(24)}")
        yield "URL", Plaintext(f"postgres://app:{_token(16)}@db.example.com:5432/prod")
        header, claims = (
            base64.urlsafe_b64encode(text).rstrip(b"=").decode()
            for text in (b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"1","iss":"example"}')
        )
        yield "JWT", Plaintext(f"{header}.{claims}.{_token(43)}")
    for key in _keys():
        yield "key", Plaintext(key.decode())
        account = {"type": "service_account", "client_email": "a@example.com", "private_key": key.decode()}
        yield "service account", Plaintext(json.dumps(account))
    for texts in public_grams.tool_keys():
        yield "key of a tool", Plaintext(texts[0].decode())


def _keys() -> Iterator[bytes]:
    for name, make in public_grams.private_keys().items():
        if "public" in name or "4096" in name:
            continue
        try:
            yield make()
        except (ValueError, TypeError, AttributeError):
            continue  # this algorithm is not written in this format


def _texts() -> Iterator[bytes]:
    for folder in FOLDERS:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and 0 < path.stat().st_size <= LARGEST_FILE:
                yield path.read_bytes()
