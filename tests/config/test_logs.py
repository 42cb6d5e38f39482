"""The log as lines of JSON: one for each request and each run, with ids and codes, and nothing that was sent."""

import io
import json
import logging
import logging.config
import sys

import pytest
from django.conf import settings

from accounts.common.request_notes import REQUESTS, RUNS
from accounts.errors import PermissionDenied
from config import logs
from config.api import fast_path
from config.asgi import application
from integrations.exchange.messages import UpstreamResponse
from integrations.models import Run
from tests.log_watch import watch_all_loggers
from tests.support.api.asgi import bearer, call_asgi
from tests.support.things import key_for, make_action, store_secret

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]
GIVEN, WORD = b"job-7:retry/2", "plum-tree"


@pytest.fixture
def lines():
    """A function that returns the lines of a logger as JSON, as the product writes them."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.JsonLines())
    logging.getLogger().addHandler(handler)

    def of(name):
        return [line for line in map(json.loads, written.getvalue().splitlines()) if line["logger"] == name]

    yield of
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def action(owner, monkeypatch):
    async def answer_at_once(*_, **__):
        return UpstreamResponse(200, b"OK", (), b"{}", readable=True)

    monkeypatch.setattr("integrations.transport.client.send", answer_at_once)
    store_secret(owner)
    return make_action(owner)


def call(key, method, path, body=b"{}"):
    return call_asgi(application, method, path, body, [*bearer(key), (b"x-request-id", GIVEN)])


@pytest.fixture
def key(owner):
    return key_for(owner)


async def test_run_is_a_line_and_so_is_its_request(owner, action, key, lines):
    path = f"/api/v1/integrations/{action.id}/run"
    for body in (b'{"environment": "staging"}', b'{"environment": "production"}'):
        await call(key, "POST", path, body)
    runs = [run async for run in Run.objects.order_by("started_at")]
    ids = {"organization": str(owner.organization.pk), "integration": str(action.id), "key": str(runs[0].caller_id)}
    assert [line | {"time": 0} for line in lines(RUNS)] == [
        {
            "time": 0, "level": "INFO", "logger": RUNS, "message": "run", "run_id": str(run.pk), **ids,
            "kind": "api_action", "environment": run.environment, "outcome": run.outcome, "code": run.error_code,
            "status": run.status, "milliseconds": run.duration_ms, "request_id": GIVEN.decode(),
        }
        for run in runs
    ]  # fmt: skip
    assert [run.outcome for run in runs] == ["succeeded", "refused"]
    first, second = lines(REQUESTS)
    assert (first["status"], second["status"], second["code"]) == (200, 409, runs[1].error_code)
    for line, run in zip((first, second), runs, strict=True):
        expected = {"method": "POST", "route": fast_path.ROUTE, "run_id": str(run.pk), "request_id": GIVEN.decode()}
        assert line.items() >= {**ids, **expected}.items()
        assert isinstance(line["milliseconds"], int)


async def test_line_of_a_request_holds_ids_and_no_text_of_the_caller(owner, action, key, lines):
    requests = [
        ("GET", f"/api/v1/secrets?q={WORD}", "api/v1/secrets", ""),
        ("GET", f"/api/v1/integrations/{action.id}", "api/v1/integrations/<uuidstr:integration_id>", ""),
        ("GET", f"/api/v1/secrets/{WORD}", "an unknown path", "not_found"),
        ("GET", f"/o/{WORD}/secrets/", "o/<slug:slug>/secrets/", ""),
        ("POST", "/mcp", "mcp", "permission_denied"),
        ("GET", f"/mcp?q={WORD}", "mcp", "method_not_allowed"),
    ]
    for method, path, _, _ in requests:
        await call(key, method, path)
    found = lines(REQUESTS)
    assert [(line["route"], line.get("code", "")) for line in found] == [entry[2:] for entry in requests]
    assert [line["organization"] for line in found if "key" in line] == [str(owner.organization.pk)] * 3
    assert found[1]["integration"] == str(action.id)
    assert WORD not in json.dumps(found)
    await call(key, "GET", "/readyz")
    assert len(lines(REQUESTS)) == len(requests)


def test_other_lines_and_tracebacks_are_json_too():
    try:
        int("broken")
    except ValueError:
        record = logging.LogRecord("some", logging.ERROR, "", 1, "two\nlines %s", ("here",), sys.exc_info())
    line = json.loads(logs.JsonLines().format(record))
    assert (line["message"], line["level"], "\n" in logs.JsonLines().format(record)) == (
        "two\nlines here",
        "ERROR",
        False,
    )
    assert line["traceback"].endswith("with base 10: 'broken'")
    assert "request_id" not in line


def test_setting_chooses_the_format():
    as_text, as_json = logs.logging("INFO", "text"), logs.logging("INFO", "json")
    assert [entry["handlers"]["stderr"]["formatter"] for entry in (as_text, as_json)] == ["text", "json"]
    assert as_text["loggers"][REQUESTS] == as_text["loggers"][RUNS] == {"level": "WARNING"}
    assert {REQUESTS, RUNS}.isdisjoint(as_json["loggers"])


def test_server_composes_no_line_for_a_request():
    lines_of_server = logging.getLogger("uvicorn.access")
    lines_of_server.addHandler(logging.NullHandler())  # as uvicorn does before it loads the application
    logging.config.dictConfig(settings.LOGGING)
    try:
        assert not lines_of_server.hasHandlers()
    finally:
        watch_all_loggers()


async def test_line_of_a_refused_page_has_its_code(lines, monkeypatch):
    def refused(*_):
        raise PermissionDenied("Not for you.")

    monkeypatch.setattr("allauth.account.views.LoginView.get_context_data", refused)
    await call_asgi(application, "GET", "/signin/")
    assert [(line["status"], line["code"], line["route"]) for line in lines(REQUESTS)] == [
        (403, "permission_denied", "signin/")
    ]
