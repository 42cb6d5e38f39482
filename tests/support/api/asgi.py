"""Calls of an ASGI application without a server."""

import asyncio
import re
from contextlib import asynccontextmanager, nullcontext
from unittest.mock import patch

from asgiref.sync import async_to_sync


async def call_asgi(
    application,
    method,
    path,
    body=b"",
    headers=(),
    *,
    host=b"localhost",
    scheme="http",
    content_type=b"application/json",
):
    """Status, headers and body as an ASGI server gets them."""
    sent, messages = [], [{"type": "http.request", "body": body, "more_body": False}]

    async def receive():
        return messages.pop(0) if messages else await asyncio.sleep(60)

    async def send(message):
        sent.append(message)

    address, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": address,
        "raw_path": address.encode(),
        "query_string": query.encode("latin-1"),
        "headers": [
            *([(b"host", host)] if host else []),
            *([(b"content-type", content_type)] if content_type else []),
            (b"content-length", str(len(body)).encode()),
            *headers,
        ],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
        "scheme": scheme,
        "http_version": "1.1",
        "root_path": "",
        "asgi": {"version": "3.0"},
    }
    await application(scope, receive, send)
    answer = b"".join(message.get("body", b"") for message in sent)
    found = sorted((name.lower(), value) for name, value in sent[0]["headers"])
    assert int(dict(found).get(b"content-length", len(answer))) == len(answer)
    return sent[0]["status"], found, answer


@asynccontextmanager
async def served(application):
    """The application between the server's start and stop.

    The start of a server puts all objects that exist out of the garbage collector's sight, and its stop puts them back:
    a second each time among the objects of a whole suite.
    """
    messages, sent = asyncio.Queue(), asyncio.Queue()
    await messages.put({"type": "lifespan.startup"})
    lifespan = asyncio.create_task(application({"type": "lifespan", "asgi": {}}, messages.get, sent.put))
    with patch("config.lifespan._less_garbage_collection", nullcontext):
        assert (await asyncio.wait_for(sent.get(), 30))["type"] == "lifespan.startup.complete"
    try:
        yield
    finally:
        await messages.put({"type": "lifespan.shutdown"})
        await lifespan


def without_varying_parts(status, headers, body):
    """Without what differs from call to call, the body's length too, and what is about cookies: the API has none."""
    body = re.sub(rb'("run_id": |"id": )"[^"]+"|"(duration_ms|\w+_at)": ("[^"]+"|\d+)', rb"\1", body)
    left_out = {(b"vary", b"Cookie")} | {entry for entry in headers if entry[0] in {b"set-cookie", b"content-length"}}
    return status, [entry for entry in headers if entry not in left_out], body


def same_response(both, *args, **kwargs):
    """The one answer of both applications."""

    async def each():
        return [without_varying_parts(*await call_asgi(application, *args, **kwargs)) for application in both()]

    first, second = async_to_sync(each)()
    assert first == second
    status, headers, body = first
    return status, dict(headers), body


def bearer(key):
    return [(b"authorization", f"Bearer {key}".encode())]
