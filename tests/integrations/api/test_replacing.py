"""`POST /secrets/{id}/replace-references`."""

from uuid import uuid4

import pytest

from accounts.common.environments import Environment
from accounts.models import AuditEvent
from accounts.policy import Scope
from integrations.models import Integration, SecretReference
from integrations.references.replace import replace_references
from secrets_app.editing import secrets
from tests.fixtures.api import Caller
from tests.support.things import (
    key_for,
    make_action,
    make_connector,
    store_secret,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(owner):
    return store_secret(owner), store_secret(owner, "crm.second", allowed_domains=["other.org"])


def path(secret):
    return f"/secrets/{secret.id}/replace-references"


def test_all_references_use_the_other_secret(caller, owner, pair):
    make_action(owner)
    make_connector(owner)
    found = caller.post(path(pair[0]), {"replacement": str(pair[1].id)})
    assert (found["id"], found["name"], found["usage_count"]) == (str(pair[0].id), "crm.apiKey", 0)
    assert set(SecretReference.objects.values_list("name", "secret")) == {("crm.second", pair[1].id)}
    assert [(one["code"], one["secret"]) for one in found["warnings"]] == [("domain_not_allowed", "crm.second")]
    assert "api.example.com" in found["warnings"][0]["detail"]


def test_one_event_for_the_secret_and_one_for_each_integration(caller, owner, pair):
    make_action(owner)
    make_connector(owner)
    before = AuditEvent.objects.count()
    caller.post(path(pair[0]), {"replacement": str(pair[1].id)})
    events = [event.event for event in AuditEvent.objects.order_by("sequence")[before:]]
    assert events == [
        "integration.changed", "integration.changed", "secret.destination_added", "secret.changed"
    ]  # fmt: skip


def test_unused_secret_changes_nothing(caller, pair):
    before = AuditEvent.objects.count()
    assert caller.post(path(pair[0]), {"replacement": str(pair[1].id)})["warnings"] == []
    assert AuditEvent.objects.count() == before


def test_break_in_the_middle_changes_nothing(owner, pair, monkeypatch):
    for number in range(20):
        make_action(owner, f"Action {number}")
    calls, save = [], SecretReference.save

    def breaking(self, *args, **kwargs):
        calls.append(self)
        if len(calls) == 10:
            raise RuntimeError
        save(self, *args, **kwargs)

    monkeypatch.setattr(SecretReference, "save", breaking)
    with pytest.raises(RuntimeError):
        replace_references(actor=owner, secret_id=pair[0].id, replacement_id=pair[1].id)
    assert set(SecretReference.objects.values_list("name", "secret")) == {("crm.apiKey", pair[0].id)}
    assert set(Integration.objects.values_list("version", flat=True)) == {1}


@pytest.mark.parametrize(
    "limits",
    [
        {"scopes": [Scope.SECRETS_WRITE]},
        {"scopes": [Scope.INTEGRATIONS_WRITE]},
        {"environments": [Environment.DEVELOPMENT]},
        {"integrations": []},
    ],
)
def test_limited_key_may_not(owner, pair, limits):
    make_action(owner)
    limited = Caller(key_for(owner, *limits.pop("scopes", []), **limits))
    body = {"replacement": str(pair[1].id)}
    assert limited.problem("POST", path(pair[0]), body) == (403, "permission_denied")
    assert SecretReference.objects.get().secret == pair[0]


def test_replacement_must_be_another_enabled_secret_of_the_organization(caller, owner, outsider, pair):
    make_action(owner)
    secrets.set_enabled(actor=owner, secret_id=pair[1].id, enabled=False)
    for bad in (pair[0], pair[1], store_secret(outsider)):
        assert caller.errors("POST", path(pair[0]), {"replacement": str(bad.id)}) == ["replacement"]
    assert SecretReference.objects.get().secret == pair[0]


def test_all_three_scopes_together_open_it_and_no_key_does_not(owner, pair):
    body = {"replacement": str(pair[1].id)}
    make_action(owner)
    both = Caller(key_for(owner, Scope.SECRETS_WRITE, Scope.INTEGRATIONS_WRITE))
    assert both.problem("POST", path(pair[0]), body) == (403, "permission_denied")
    both = Caller(key_for(owner, Scope.SECRETS_WRITE, Scope.INTEGRATIONS_WRITE, Scope.SECRETS_USE))
    assert both.call("POST", path(pair[0]), body).status_code == 200
    assert Caller(None).problem("POST", path(pair[0]), body) == (401, "unauthenticated")


@pytest.mark.parametrize("body", [{}, {"replacement": "x"}, {"replacement": None}, {"replacement": 1}, {"other": "x"}])
def test_malformed_input_is_refused(caller, pair, body):
    assert caller.problem("POST", path(pair[0]), body) == (422, "invalid")


def test_unknown_or_foreign_secret_is_not_found(caller, outsider, pair):
    body = {"replacement": str(pair[1].id)}
    assert caller.problem("POST", f"/secrets/{uuid4()}/replace-references", body) == (404, "not_found")
    assert caller.problem("POST", path(store_secret(outsider)), body) == (404, "not_found")
