"""A body that is too large is refused before it is read, and no part of it reaches a file."""

import asyncio
import json
import tempfile

import pytest

from config.asgi import application

LIMIT = 2_621_440


async def call(path, chunks, headers=()):
    """Status, headers and body of the answer, and how many chunks were taken."""
    sent, waiting = [], [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})
    total = len(waiting)

    async def receive():
        return waiting.pop(0) if waiting else await asyncio.sleep(60)

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
        "asgi": {"version": "3.0"},
    }
    await application(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], dict(sent[0]["headers"]), body, total - len(waiting)


@pytest.fixture
def no_files(monkeypatch):
    """A temporary file that is written to disk fails the test."""

    def rollover(self):
        raise AssertionError("A body was written to disk.")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", rollover)


@pytest.mark.parametrize("declared", [True, False])
async def test_larger_body_is_413_and_its_rest_is_not_taken(no_files, declared):
    headers = [(b"content-length", str(64 * 65_536).encode())] if declared else []
    status, headers, body, taken = await call("/api/v1/secrets/import", [b"x" * 65_536] * 64, headers)
    assert (status, headers[b"content-type"], headers[b"cache-control"]) == (
        413,
        b"application/problem+json",
        b"no-store",
    )
    assert json.loads(body)["code"] == "too_large"
    assert taken == (0 if declared else 41)


async def test_page_has_a_page(no_files):
    status, headers, body, _ = await call("/o/harbor-clinics/secrets/import/", [b"x" * (LIMIT + 1)])
    assert (status, headers[b"content-type"]) == (413, b"text/html; charset=utf-8")
    assert b"up to 1 MiB" in body


@pytest.mark.django_db(transaction=True)
async def test_body_of_just_the_limit_is_passed_on(no_files):
    length = [(b"content-length", str(LIMIT).encode())]
    status, _, body, _ = await call("/api/v1/secrets/import", [b"x" * LIMIT], length)
    assert (status, json.loads(body)["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("length", [b"-1", b"x", b"", "²".encode()])
async def test_odd_length_is_counted_instead(no_files, length):
    status, _, _, _ = await call("/api/v1/secrets/import", [b"x" * (LIMIT + 1)], [(b"content-length", length)])
    assert status == 413
