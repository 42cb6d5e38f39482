"""`GET /api/v1/audit-events`: what the log gives a program, as JSON, CSV and JSON Lines."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient
from django.utils import timezone

from accounts.api import audit_export, files
from accounts.audit import log
from accounts.models import AuditEvent
from accounts.policy import Scope
from secrets_app.editing.secrets import set_enabled
from tests.fixtures.api import BASE, Caller, when
from tests.support.things import (
    VALUE,
    key_for,
    make_action,
    store_secret,
)

pytestmark = [pytest.mark.each_database, pytest.mark.django_db]

PATH = "/audit-events"


def events(caller, query=""):
    return [item["event"] for item in caller.get(f"{PATH}{query}")["items"]]


def in_csv(response):
    return list(csv.DictReader(io.StringIO(response.getvalue().decode())))


@pytest.fixture
def told(owner, caller):
    """Three acts after that of making the caller's key."""
    secret = store_secret(owner)
    set_enabled(actor=owner, secret_id=secret.id, enabled=False)
    make_action(owner, uses="")
    return secret


def test_event_says_who_did_what(owner, caller, told):
    item = caller.get(f"{PATH}?event=secret.created")["items"][0]
    row = AuditEvent.objects.get(event="secret.created")
    assert item == {
        "id": str(row.id),
        "sequence": 2,
        "event": "secret.created",
        "outcome": "done",
        "actor": {"kind": "user", "id": str(owner.id), "name": "Mara Lindqvist"},
        "target": {"kind": "secret", "id": str(told.id), "name": "crm.apiKey"},
        "environment": None,
        "address": None,
        "data": {"values": row.data["values"], "domains": []},
        "created_at": when(row.created_at),
        "chain": bytes(row.chain).hex(),
    }


def test_newest_is_first(caller, told):
    assert events(caller) == ["integration.created", "secret.disabled", "secret.created", "api_key.created"]


def test_filters(owner, caller, told):
    Caller(key_for(owner)).post("/secrets", {"name": "by.program"})
    key = AuditEvent.objects.filter(actor_kind="api_key").get()
    assert events(caller, "?event=secret.disabled") == ["secret.disabled"]
    assert events(caller, f"?target={told.id}") == ["secret.disabled", "secret.created"]
    assert events(caller, f"?target={str(told.id).upper()}") == ["secret.disabled", "secret.created"]
    assert events(caller, "?target=crm.apiKey&event=secret.created") == ["secret.created"]
    assert events(caller, f"?actor={key.actor_id}") == ["secret.created"]
    assert events(caller, f"?actor={quote('API key agent')}") == ["secret.created"]
    assert len(events(caller, f"?actor={quote('Mara Lindqvist')}")) == 5
    assert events(caller, "?target=crm.apikey") == events(caller, "?actor=nobody") == []


def test_time_bounds_are_from_and_up_to(caller, told):
    moments = list(AuditEvent.objects.order_by("sequence").values_list("created_at", flat=True))
    since, until = (quote(moment.isoformat()) for moment in (moments[1], moments[3]))
    assert events(caller, f"?since={since}&until={until}") == ["secret.disabled", "secret.created"]
    assert events(caller, f"?since={quote((timezone.now() + timedelta(hours=1)).isoformat())}") == []
    assert len(events(caller, "?since=2020-01-01&until=2999-12-31T00:00:00")) == 4


def test_pages_meet_and_do_not_overlap(owner, caller, told, monkeypatch):
    now = datetime(2026, 11, 20, 14, tzinfo=UTC)
    monkeypatch.setattr("accounts.audit.trail.timezone.now", lambda: now)  # all at one moment: the number decides
    for number in range(5):
        store_secret(owner, f"key.number{number}")
    seen, cursor = [], ""
    while cursor is not None:
        page = caller.get(f"{PATH}?limit=2&cursor={cursor}")
        seen += [item["sequence"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert sorted(seen) == list(range(1, 10))
    assert [number for number in seen if number > 4] == [9, 8, 7, 6, 5]


def test_csv_has_everything_that_matches(owner, caller, told, monkeypatch):
    monkeypatch.setattr(log, "BATCH", 2)
    response = caller.call("GET", f"{PATH}?limit=1", accept="text/csv")
    rows = in_csv(response)
    assert response.streaming
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert list(rows[0]) == audit_export.COLUMNS
    assert [row["event"] for row in rows] == events(caller)
    assert json.loads(rows[2]["data"])["domains"] == []
    assert (rows[2]["actor_name"], rows[2]["target_name"]) == ("Mara Lindqvist", "crm.apiKey")


@pytest.mark.parametrize("media", ["application/x-ndjson", "application/jsonl"])
def test_json_lines_say_the_same_as_json(caller, told, media, monkeypatch):
    monkeypatch.setattr(log, "BATCH", 2)
    response = caller.call("GET", f"{PATH}?target=crm.apiKey", accept=media)
    lines = [json.loads(line) for line in response.getvalue().decode().splitlines()]
    items = caller.get(f"{PATH}?target=crm.apiKey")["items"]
    assert response.headers["Content-Type"] == "application/x-ndjson"
    assert [line | {"created_at": ""} for line in lines] == [item | {"created_at": ""} for item in items]
    assert len(lines) == 2


@pytest.mark.parametrize("accept", ["*/*", "application/json", "image/png", "text/html, */*;q=0.1", ""])
def test_everything_else_is_json(caller, told, accept):
    assert caller.call("GET", PATH, accept=accept).headers["Content-Type"].startswith("application/json")


def test_empty_files(owner, caller):
    query = "?event=secret.deleted"
    assert caller.call("GET", PATH + query, accept="text/csv").getvalue() == (
        ",".join(audit_export.COLUMNS).encode() + b"\r\n"
    )
    assert caller.call("GET", PATH + query, accept="application/x-ndjson").getvalue() == b""


def test_file_is_read_in_batches(owner, caller, told, monkeypatch):
    monkeypatch.setattr(log, "BATCH", 3)
    chunks = list(log.batches(owner, log.AuditFilters()))
    assert [len(chunk) for chunk in chunks] == [3, 1]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("crm.apiKey", "crm.apiKey"),
        ('=HYPERLINK("https://evil.example")', '\'=HYPERLINK("https://evil.example")'),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\\t=1"),
        ("\r=1", "'\\r=1"),
        ("  =1", "'  =1"),
        ("\uff1d1", "'\uff1d1"),
        ("|calc", "'|calc"),
        ("two\nlines", "two\\nlines"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\u202eb", "a\\u202eb"),
        ("", ""),
        (" ", " "),
        ("Tomás", "Tomás"),
        ("::1", "::1"),
    ],
)
def test_cell_is_safe_in_a_spreadsheet(text, cell):
    assert files.cell(text) == cell


def test_name_that_is_a_formula_is_harmless_in_the_file(owner, caller):
    make_action(owner, "=1+1", uses="")
    assert (
        in_csv(caller.call("GET", f"{PATH}?event=integration.created", accept="text/csv"))[0]["target_name"] == "'=1+1"
    )


def test_no_value_is_in_any_form_of_it(caller, told):
    for accept in ("application/json", "text/csv", "application/x-ndjson"):
        response = caller.call("GET", PATH, accept=accept)
        content = response.getvalue() if response.streaming else response.content
        assert VALUE.encode() not in content


def test_other_organization_has_its_own_log(caller, stranger, told):
    assert events(stranger) == ["api_key.created"]
    assert events(stranger, f"?target={told.id}") == []
    assert len(in_csv(stranger.call("GET", PATH, accept="text/csv"))) == 1


def test_key_for_some_integrations_does_not_see_what_happened_to_others(owner, told):
    mine, _ = make_action(owner, "Mine", uses=""), make_action(owner, "Another", uses="")
    caller = Caller(key_for(owner, Scope.AUDIT_READ, integrations=[mine.id]))
    names = [item["target"]["name"] for item in caller.get(f"{PATH}?event=integration.created")["items"]]
    assert names == ["Mine"]
    assert len(events(caller, f"?target={told.id}")) == 2


def test_scope_for_anything_else_is_not_enough(owner):
    caller = Caller(key_for(owner, *set(Scope) - {Scope.AUDIT_READ}))
    for accept in ("application/json", "text/csv"):
        assert caller.problem("GET", PATH, accept=accept) == (403, "permission_denied")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("event=secret.revealed", "event"),
        ("since=yesterday", "since"),
        ("until=0001-01-01T00:00:00%2B14:00", "until"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=WyJhIiwiYiJd", "cursor"),
        ("cursor=WyIyMDI2LTExLTIwIiwiOTk5OTk5OTk5OTk5OTk5OTk5OTkiXQ", "cursor"),
    ],
)
def test_malformed_query_is_422(caller, query, field):
    assert caller.errors("GET", f"{PATH}?{query}") == [field]


def test_text_that_no_database_keeps_matches_nothing(caller):
    assert events(caller, "?target=%00&actor=%00%ED%A0%80") in ([], ["api_key.created"])


@pytest.mark.django_db(transaction=True)
async def test_file_under_asgi_is_streamed_from_the_database_threads(owner_with_key, monkeypatch):
    monkeypatch.setattr(log, "BATCH", 1)
    headers = {"authorization": f"Bearer {owner_with_key}", "accept": "text/csv"}
    response = await AsyncClient().get(BASE + PATH, headers=headers)
    chunks = [chunk async for chunk in response.streaming_content]
    assert [chunk.count(b"\r\n") for chunk in chunks] == [1, 1, 1]  # the heading and two events
    await sync_to_async(connections.close_all)()


@pytest.fixture
def owner_with_key(transactional_db, owner):
    store_secret(owner)
    return key_for(owner)
