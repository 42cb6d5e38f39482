"""Marked values, and where they must not be: shared by the tests that look for leaks."""

import base64
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from django.core.cache import cache
from django.db import connection
from django.test import Client

from accounts.common.environments import Environment
from tests.support.things import key_for

VALUES = {environment: f'canary/{environment.value}+7f3a="91\\bc"' for environment in Environment}


def forms_of(text: str) -> dict[str, bytes]:
    """The spellings in which a value must appear nowhere."""
    raw = text.encode()
    forms = {
        "raw": text,
        "base64": base64.b64encode(raw).decode(),
        "base64url": base64.urlsafe_b64encode(raw).decode().rstrip("="),
        "hex": raw.hex(),
        "HEX": raw.hex().upper(),
        "percent": quote(text, safe=""),
        "percent, slash safe": quote(text),
        "JSON": json.dumps(text)[1:-1],
        "JSON in JSON": json.dumps(json.dumps(text))[3:-3],
    }
    return {name: form.encode() for name, form in forms.items()}


def inside_base64(text: str) -> bytes:
    """A longer text in base64 that holds the value, as a Basic credential does."""
    return base64.b64encode(b"x:" + text.encode() + b"yz")


FORMS = {
    (environment.value, name): form for environment, text in VALUES.items() for name, form in forms_of(text).items()
}
FORMS |= {(environment.value, "inside base64"): inside_base64(text)[4:-4] for environment, text in VALUES.items()}


def leaks(surfaces: Mapping[str, bytes]) -> list[tuple[str, str, str]]:
    """Every (surface, environment, spelling) that holds a marked value."""
    return [(place, *which) for place, content in surfaces.items() for which, form in FORMS.items() if form in content]


def echo_of(text: str) -> bytes:
    """What a hostile upstream answers: the value in every spelling, as JSON."""
    forms = {**forms_of(text), "inside base64": inside_base64(text)}
    return json.dumps({name: form.decode() for name, form in forms.items()}).encode()


def database_surfaces() -> dict[str, bytes]:
    """Every column of every table, and on SQLite the files themselves."""
    surfaces = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            surfaces[f"table {table}"] = b"\n".join(map(_as_bytes, _cells(cursor.fetchall())))
    if connection.vendor == "sqlite":
        name = Path(connection.settings_dict["NAME"])
        surfaces |= {f"file {path.name}": path.read_bytes() for path in name.parent.glob(name.name + "*")}
    return surfaces


def cache_surface() -> bytes:
    """Everything in the suite's cache, which keeps it in this process."""
    return b"\n".join(_as_bytes(entry) for entry in cache._cache.values())


class LeakSeen(AssertionError):
    """A log line holds a marked value."""


class LogCanary(logging.Handler):
    """Raises at the very call that would log a value, and remembers it in case somebody swallows that."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(message)s"))
        self.seen: list[str] = []
        self.lines = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Look at the message, its arguments and its traceback."""
        self.lines += 1
        text = f"{self.format(record)} {record.args!r} {record.__dict__.get('request', '')!r}".encode()
        if leaks({"log": text}):
            self.seen.append(record.name)
            raise LeakSeen(record.name)


@contextmanager
def watched_logs() -> Iterator[LogCanary]:
    """Every logger at DEBUG, with the canary at the root."""
    root, canary = logging.getLogger(), LogCanary()
    loggers = [
        root,
        *(found for found in logging.Logger.manager.loggerDict.values() if isinstance(found, logging.Logger)),
    ]
    levels = {logger: logger.level for logger in loggers}
    root.addHandler(canary)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    try:
        yield canary
    finally:
        root.removeHandler(canary)
        for logger, level in levels.items():
            logger.setLevel(level)


def _cells(rows: Iterable[Iterable[object]]) -> Iterator[object]:
    for row in rows:
        yield from row


def _as_bytes(cell: object) -> bytes:
    return bytes(cell) if isinstance(cell, bytes | memoryview | bytearray) else str(cell).encode()


class Program:
    """Calls the API and keeps every answer, headers included."""

    def __init__(self, actor):
        self._client = Client(raise_request_exception=False)
        self._headers = {"authorization": f"Bearer {key_for(actor)}"}
        self.answers: dict[str, bytes] = {}

    def call(self, method, path, body=None):
        data = b"" if body is None else json.dumps(body).encode()
        response = self._client.generic(
            method, f"/api/v1{path}", data, content_type="application/json", headers=self._headers
        )
        heads = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        name = f"{len(self.answers)} {method} {path} {response.status_code}"
        self.answers[name] = heads.encode() + b"\n\n" + response.content
        return response.json() if response.content else None
