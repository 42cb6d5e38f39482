"""Echoes that are found, and honest texts that are found wrongly."""

import base64
import json
import os
import random
import sysconfig
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from secrets_app.plaintext import Plaintext
from secrets_app.redaction.redactor import Redactor, ValueSet
from tests import public_grams
from tests.benchmarks.masking.rows import MIB, Row, row, token
from tests.support.integrations.echoes import HEX, PARTS, TOKEN, UUID, WRITTEN, mask, redactor

FOLDERS = [Path(sysconfig.get_path("purelib")), Path("/usr/share/doc")]
LARGEST_FILE = MIB


def echoes() -> Iterator[Row]:
    values = (TOKEN, UUID, HEX)
    found = [
        bool(mask(redactor(value), f'{{"a": "{write(value)}"}}').found)
        for value in values
        for write in WRITTEN.values()
    ]
    parts = [bool(mask(redactor(value), f"<{echo}>").found) for value, echo in PARTS.values()]
    yield row("echoes found", f"{len(WRITTEN)} ways, {len(values)} strong values", f"{sum(found)} of {len(found)}", "")
    yield row("echoes found", "parts of values", f"{sum(parts)} of {len(parts)}", "")
    pieces = [(value := token(), value[(at := random.randrange(20)) : at + 20]) for _ in range(2_000)]
    shown = sum(bool(mask(redactor(value), piece).found) for value, piece in pieces)
    yield row("pieces of 20 characters found", "random tokens", f"{shown} of {len(pieces)}", "")


def false_positives() -> Iterator[Row]:
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
    yield row("honest texts found wrongly", of, ", ".join(f"{name}: {n}" for name, n in wrong.items()) or "none", "")
    foreign = [*_keys(), *(text for texts in public_grams.tool_keys() for text in texts)]
    hits = Counter(hit.name for text in foreign for hit in Redactor({}, others=[guard]).hits(text) or ())
    yield row("keys of somebody else found wrongly", f"{len(foreign)} keys", str(dict(hits)) if hits else "none", "")


def _stored() -> Iterator[tuple[str, Plaintext]]:
    words = ["summer", "winter", "dragon", "monkey", "coffee", "purple", "orange", "garden", "silver", "window"]
    for _ in range(1_000):
        yield "token", Plaintext(token())
        yield "password", Plaintext(f"{random.choice(words).title()}{random.choice(words)}{random.randrange(10_000)}!")
    for _ in range(300):
        yield "UUID", Plaintext(str(uuid.uuid4()))
        yield "hexadecimal", Plaintext(os.urandom(20).hex())
        yield "prefixed token", Plaintext(f"sk_live_{token(24)}")
        yield "URL", Plaintext(f"postgres://app:{token(16)}@db.example.com:5432/prod")
        header, claims = (
            base64.urlsafe_b64encode(text).rstrip(b"=").decode()
            for text in (b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"1","iss":"example"}')
        )
        yield "JWT", Plaintext(f"{header}.{claims}.{token(43)}")
    for key in _keys():
        yield "key", Plaintext(key.decode())
        account = {"type": "service_account", "client_email": "a@example.com", "private_key": key.decode()}
        yield "service account", Plaintext(json.dumps(account))
    for texts in public_grams.tool_keys():
        yield "key of a tool", Plaintext(texts[0].decode())


def _keys() -> Iterator[bytes]:
    for algorithm, make in public_grams.ALGORITHMS.items():
        key = None if algorithm == "rsa 4096" else make()
        for name, write in public_grams.formats().items():
            if key and "public" not in name:
                yield from public_grams.written([key], write)


def _texts() -> Iterator[bytes]:
    for folder in FOLDERS:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and 0 < path.stat().st_size <= LARGEST_FILE:
                yield path.read_bytes()
