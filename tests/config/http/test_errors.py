"""An outage of the database is 503 with `Retry-After` wherever it strikes, and no traceback in the log."""

import logging

import psycopg
import pytest
from django.db import InterfaceError
from django.test import Client

from accounts.common import outages
from accounts.common.database import Batches
from config.api import agent_server
from config.asgi import application
from tests.support.api.asgi import bearer, call_asgi


@pytest.fixture
def outage(monkeypatch, caplog):
    """What raises as a connection does that was closed."""
    monkeypatch.setattr(outages, "_logged", {})

    def broken(*_, **__):
        raise InterfaceError("connection already closed") from psycopg.InterfaceError("the connection is closed")

    with caplog.at_level(logging.WARNING):
        yield broken


def test_page_says_so_and_uses_no_database(outage, monkeypatch, caplog):
    monkeypatch.setattr("config.sessions.SessionStore.load", outage)
    browser = Client(raise_request_exception=False)
    browser.cookies["session"] = "a" * 43
    for _ in range(3):
        response = browser.get("/")
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert "Coffer cannot reach its database" in response.text
        assert response.headers["Cache-Control"] == "no-store"
    assert len(caplog.records) == 1
    assert caplog.records[0].exc_info is None


def test_fault_of_ours_is_still_500_with_its_traceback(monkeypatch, caplog):
    def broken(*_):
        raise InterfaceError("the cursor is closed")

    monkeypatch.setattr("config.sessions.SessionStore.load", broken)
    browser = Client(raise_request_exception=False)
    browser.cookies["session"] = "a" * 43
    assert browser.get("/").status_code == 500
    assert [bool(record.exc_info) for record in caplog.records] == [True]


@pytest.mark.django_db(transaction=True)
async def test_call_whose_key_cannot_be_checked_before_its_body(outage, monkeypatch, caplog):
    monkeypatch.setattr("accounts.api.authentication._BATCHES", Batches(outage))
    length = [(b"content-length", b"9999999"), *bearer("cof_some")]
    for path in ("/mcp", "/api/v1/integrations/00000000-0000-0000-0000-000000000000/run"):
        status, headers, body = await call_asgi(application, "POST", path, b"{}", length)
        assert (status, dict(headers)[b"retry-after"]) == (503, b"5")
        assert b'"code": "database_unavailable"' in body
    assert len(caplog.records) == 1


def test_agent_is_told_by_its_tool(outage):
    with pytest.raises(agent_server.Refusal) as told, agent_server._hidden_errors():
        outage()
    assert (told.value.code, told.value.members) == ("database_unavailable", {"retry_after_seconds": 5})
