"""The client package against Coffer in this process: its connections end in the application."""

import coffer
import httpx2
import pytest
from asgiref.sync import sync_to_async
from coffer.commands.main import app
from django.test import Client as Browser
from typer.testing import CliRunner

from tests.support.things import key_for

ADDRESS = "http://localhost"


def answered(request: httpx2.Request) -> httpx2.Response:
    """What Coffer answers to a request."""
    headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
    address = request.url.raw_path.decode()
    kind = headers.get("content-type", "application/json")
    response = Browser(raise_request_exception=False).generic(
        request.method, address, request.read(), content_type=kind, headers=headers
    )
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return httpx2.Response(response.status_code, headers=list(response.items()), content=body, request=request)


@pytest.fixture
def connected(monkeypatch, inline):
    """Every connection of httpx2 leads to Coffer."""
    monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", lambda self, request: answered(request))

    async def at_once(self, request):
        return await sync_to_async(answered)(request)

    monkeypatch.setattr(httpx2.AsyncHTTPTransport, "handle_async_request", at_once)


@pytest.fixture
def key(owner) -> str:
    return key_for(owner)


@pytest.fixture
def client(connected, key):
    with coffer.Client(ADDRESS, key) as found:
        yield found


@pytest.fixture
def command(connected, key, monkeypatch, tmp_path):
    """Runs `coffer` with these words; `entered` is its standard input."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COFFER_URL", ADDRESS)
    monkeypatch.setenv("COFFER_API_KEY", key)

    def run(*words: str, entered: str | None = None):
        return CliRunner().invoke(app, [*words], input=entered)

    return run
