"""The audit log's page: who may read it, what it says, its filters, its pages, its files."""

import csv
import io
import json

import pytest
from django.db import transaction

from accounts.access.api_keys import create_api_key
from accounts.actors import actor_for_command
from accounts.audit import trail, wording
from accounts.common.environments import Environment
from accounts.models import AuditEvent
from accounts.policy import Scope
from accounts.web import audit as views_audit
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.plaintext import Plaintext
from secrets_app.rotation import rotation
from tests.support.things import (
    VALUE,
    key_for,
    make_action,
    store_secret,
)

pytestmark = pytest.mark.django_db

URL = "/o/harbor-clinics/audit/"
HTMX = {"HX-Request": "true"}


def page(client, query="", **headers):
    response = client.get(URL + query, headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def rows(content):
    return content.count('class="expander"')


@pytest.fixture
def secret(owner):
    """Created, then changed in one environment, then staged."""
    made = store_secret(owner)
    values = {environment: Plaintext("another-value-0815") for environment in Environment}
    changes = SecretChanges(description="new", allowed_domains=["api.example.com"], values=values)
    update_secret(actor=owner, secret_id=made.id, changes=changes)
    rotation.stage(
        actor=owner, secret_id=made.id, environment=Environment.PRODUCTION, value=Plaintext("another-value-0815")
    )
    return made


def test_page_says_who_did_what(as_owner, secret):
    content = page(as_owner)
    assert rows(content) == 3
    table = content[content.index("<tbody>") :]
    assert table.index("Staged a new value of") < table.index("Changed secret") < table.index("Created secret")
    assert table.count("Mara Lindqvist") == 3
    assert '<td class="bare full first muted">Production</td>' in content


def test_row_opens_to_fields_address_and_environment(as_owner):
    as_owner.post("/o/harbor-clinics/secrets/new/", {"name": "crm.apiKey", "mode": "shared"}, REMOTE_ADDR="192.0.2.7")
    content = page(as_owner)
    assert "192.0.2.7" in content


def test_changed_fields_are_named(as_owner, secret):
    content = page(as_owner, "?event=secret.changed")
    assert "<dt>Changed fields</dt><dd>description, allowed_domains</dd>" in content
    assert "<dt>Allowed domains</dt><dd>api.example.com</dd>" in content


def test_no_value_is_on_the_page_or_in_a_file(as_owner, secret):
    for content in (page(as_owner), *(file(as_owner, ending) for ending in ("csv", "jsonl"))):
        assert VALUE not in content
        assert "another-value-0815" not in content


def test_filters_are_in_the_address(as_owner, owner, secret):
    key, _ = create_api_key(actor=owner, name="deploy", scopes=[Scope.RUN], environments=[Environment.STAGING])
    write_by_command(owner)
    assert rows(page(as_owner)) == 5
    assert rows(page(as_owner, "?event=secret.created")) == 1
    assert rows(page(as_owner, f"?target={secret.id}")) == 3
    assert rows(page(as_owner, "?target=crm.apiKey&event=secret.staged")) == 1
    assert rows(page(as_owner, f"?actor={owner.id}")) == 4
    assert rows(page(as_owner, f"?actor={key.id}")) == 0
    assert rows(page(as_owner, "?actor=manage.py+mend")) == 1
    assert f'<option value="{owner.id}" selected>Mara Lindqvist</option>' in page(as_owner, f"?actor={owner.id}")
    assert '<option value="manage.py mend" selected>manage.py mend</option>' in page(as_owner, "?actor=manage.py+mend")
    assert '<option value="secret.staged" selected>Staged a new value</option>' in page(
        as_owner, "?event=secret.staged"
    )


def write_by_command(owner):
    with transaction.atomic():
        command = actor_for_command(owner.organization, "mend")
        trail.record(trail.Event.SECRET_CHANGED, actor=command, target=owner.organization)


def test_days_are_inclusive(as_owner, secret):
    day = AuditEvent.objects.first().created_at.date().isoformat()
    assert rows(page(as_owner, f"?since={day}&until={day}")) == 3
    assert rows(page(as_owner, "?until=2020-01-01")) == 0
    assert rows(page(as_owner, "?since=2020-01-01&until=9999-12-30")) == 3


def test_names_lead_to_the_log_of_them(as_owner, owner, secret):
    content = page(as_owner, "?event=secret.created")
    assert f'href="?event=secret.created&amp;actor={owner.id}"' in content
    assert f'href="?event=secret.created&amp;target={secret.id}"' in content


def test_pages_follow_each_other(as_owner, owner, monkeypatch):
    monkeypatch.setattr(views_audit, "ROWS_PER_PAGE", 2)
    for number in range(3):
        store_secret(owner, f"key.number{number}")
    first = as_owner.get(f"{URL}?event=secret.created")
    assert [row.target for row in first.context["rows"]] == ["key.number2", "key.number1"]
    second = as_owner.get(first.context["next_url"])
    assert [row.target for row in second.context["rows"]] == ["key.number0"]
    assert second.context["next_url"] == ""
    assert second.context["newest_url"] == f"{URL}?event=secret.created"


def test_fragment_for_htmx_brings_the_files_of_its_filters(as_owner, secret):
    content = page(as_owner, "?event=secret.created", **HTMX)
    assert "<html" not in content
    assert rows(content) == 1
    assert 'hx-swap-oob="true"' in content
    assert f'href="{URL}csv/?event=secret.created"' in content


def test_empty_log_and_empty_answer(as_owner):
    assert "Nothing has happened yet" in page(as_owner)
    assert "Nothing matches these filters" in page(as_owner, "?target=nobody")


def test_link_is_in_the_navigation_of_those_who_may(as_owner, as_member):
    assert f'href="{URL}"' in as_owner.get("/o/harbor-clinics/secrets/").content.decode()
    assert f'href="{URL}"' not in as_member.get("/o/harbor-clinics/secrets/").content.decode()


def file(client, ending, query=""):
    response = client.get(f"{URL}{ending}/{query}")
    assert response.status_code == 200
    assert response.headers["Content-Disposition"] == f'attachment; filename="audit-harbor-clinics.{ending}"'
    assert response.headers["Cache-Control"] == "no-store"
    return response.getvalue().decode()


def test_files_hold_what_the_filters_leave(as_owner, secret):
    table = list(csv.DictReader(io.StringIO(file(as_owner, "csv", "?event=secret.staged"))))
    lines = [json.loads(line) for line in file(as_owner, "jsonl", "?event=secret.staged").splitlines()]
    assert [row["environment"] for row in table] == [line["environment"] for line in lines] == ["production"]
    assert table[0]["chain"] == lines[0]["chain"]
    assert len(file(as_owner, "jsonl").splitlines()) == 3


def test_names_with_tricks_are_shown_and_not_done(as_owner, owner):
    with transaction.atomic():
        target = type("Target", (), {"id": owner.id, "name": "<b>a\u202e\x1b[31m"})()
        trail.record(
            trail.Event.SECRET_CHANGED, actor=owner, target=target, fields=["\u202e<i>"], more={"a": [1, None]}
        )
    content = page(as_owner)
    assert "&lt;b&gt;a\\u202e\\x1b[31m" in content
    assert "<dd>\\u202e&lt;i&gt;</dd>" in content
    assert "<dt>More</dt><dd>a: 1, </dd>" in content


def test_event_that_has_no_words_is_shown(as_owner, owner, monkeypatch):
    monkeypatch.delitem(wording.SENTENCES, "secret.created")
    store_secret(owner)
    assert "Created: " in page(as_owner)


@pytest.mark.parametrize("address", [URL, f"{URL}csv/", f"{URL}jsonl/"])
def test_member_may_not_and_for_strangers_it_does_not_exist(as_member, as_outsider, client, address, secret):
    assert as_member.get(address).status_code == 403
    assert as_outsider.get(address).status_code == 404
    assert client.get(address).status_code == 302


def test_other_organization_is_not_in_the_log(as_owner, outsider, owner):
    theirs = store_secret(outsider, "theirs.key")
    make_action(owner, uses="")
    for query in ("", f"?target={theirs.id}", "?target=theirs.key", f"?actor={outsider.id}"):
        assert rows(page(as_owner, query)) == (0 if query else 1)


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_log_is_only_read(as_owner, method):
    assert getattr(as_owner, method)(URL).status_code == 405


@pytest.mark.parametrize(
    "query",
    [
        "?event=secret.revealed",
        "?since=yesterday",
        "?until=2026-13-01",
        "?until=9999-12-31",
        "?since=10000-01-01",
        "?cursor=x",
        "?cursor=WyJhIiwiYiJd",
    ],
)
def test_malformed_filter_is_refused_with_the_way_out(as_owner, secret, query):
    response = as_owner.get(URL + query)
    assert response.status_code == 422
    assert "Clear the filters" in response.content.decode()
    assert as_owner.get(URL + query, headers=HTMX).status_code == 422
    if "cursor" not in query:
        assert as_owner.get(f"{URL}csv/{query}").status_code == 422


@pytest.mark.parametrize("query", ["?target=%00", "?actor=%ED%A0%80", "?target=%27%20OR%201=1", "?actor=" + "x" * 3000])
def test_text_of_any_kind_is_taken(as_owner, owner, query):
    key_for(owner)
    page(as_owner, query)
