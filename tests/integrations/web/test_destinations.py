"""Sending a secret somewhere new on pages: a proof is asked for, and nothing that was typed is lost."""

import pytest
from django.test import Client

from accounts.access.step_up import ACCEPT_FOR
from accounts.models import AuditEvent
from integrations.editing.integrations import duplicate_integration
from integrations.models import Integration
from secrets_app.models import Secret
from tests.fixtures.browsers import browser_of
from tests.support.sign_in import set_proof, sign_in
from tests.support.things import make_action, make_connection, store_secret

pytestmark = pytest.mark.django_db
LIST = "/o/harbor-clinics/integrations/"
FORM = {
    "name": "Typed by hand",
    "description": "What it is for",
    "enabled": "on",
    "environments": ["staging"],
    "base_url": "https://api.example.com",
    "method": "GET",
    "path": "/patients",
    "header_name": ["Authorization"],
    "header_value": ["Bearer {secrets.crm.apiKey}"],
    "body_type": "none",
    "timeout_seconds": "20",
}


@pytest.fixture
def unproven(owner) -> Client:
    return sign_in(Client(), owner, proven=False)


@pytest.fixture
def secret(owner) -> Secret:
    return store_secret(owner)


def proof_link(page: str) -> str:
    """Where the form leads to in another tab."""
    start = page.index('href="/proof/?') + len('href="')
    return page[start : page.index('"', start)].replace("&amp;", "&")


def test_new_integration_waits_for_a_proof_and_keeps_what_was_typed(unproven, secret):
    response = unproven.post(f"{LIST}new/api_action/", FORM)
    page = response.content.decode()
    assert response.status_code == 403
    assert not Integration.objects.exists()
    for typed in ("Typed by hand", "What it is for", "/patients", "Bearer {secrets.crm.apiKey}"):
        assert typed in page
    assert "crm.apiKey to api.example.com" in page
    assert 'target="_blank"' in page
    assert "beside" in proof_link(page)
    refused = AuditEvent.objects.get(outcome="refused")
    assert (refused.event, refused.data["code"]) == ("integration.created", "proof_needed")
    assert unproven.get(proof_link(page)).status_code == 200
    set_proof(unproven, seconds_ago=60)
    assert unproven.post(f"{LIST}new/api_action/", FORM).status_code == 303
    added = AuditEvent.objects.get(event="secret.destination_added")
    assert (added.target_label, added.data["host"]) == ("crm.apiKey", "api.example.com")


def test_the_proof_in_the_other_tab_says_how_to_go_on(unproven, owner, secret):
    link = proof_link(unproven.post(f"{LIST}new/api_action/", FORM).content.decode())
    page = unproven.get(link).content.decode()
    assert 'name="again" value="beside"' in page


@pytest.mark.parametrize("seconds", [None, ACCEPT_FOR.total_seconds() + 60], ids=["never", "too long ago"])
def test_edit_waits_for_a_proof(unproven, owner, secret, seconds):
    action = make_action(owner)
    if seconds:
        set_proof(unproven, seconds_ago=seconds)
    form = FORM | {"base_url": "https://other.example.com", "version": "1"}
    response = unproven.post(f"{LIST}{action.id}/", form)
    assert response.status_code == 403
    assert "https://other.example.com" in response.content.decode()
    assert Integration.objects.get().config["base_url"] == "https://api.example.com"


def test_edit_that_sends_nothing_new_needs_no_proof(unproven, owner, secret):
    action = make_action(owner)
    response = unproven.post(f"{LIST}{action.id}/", FORM | {"path": "/elsewhere", "version": "1"})
    assert response.status_code == 303
    assert Integration.objects.get().config["path"] == "/elsewhere"


def test_connection_without_secrets_needs_no_proof(unproven, owner):
    make_connection(owner)
    form = {"name": "Moved", "base_url": "https://moved.example.com", "timeout_seconds": "20", "version": "1"}
    assert unproven.post(f"{LIST}{Integration.objects.get().id}/", form).status_code == 303


def test_copy_needs_a_proof_only_when_it_is_switched_on(unproven, owner, secret):
    action = make_action(owner)
    assert unproven.post(f"{LIST}{action.id}/duplicate/").status_code == 303
    copy = Integration.objects.get(enabled=False)
    form = FORM | {"name": copy.name, "description": "", "version": "1"}
    assert unproven.post(f"{LIST}{copy.id}/", form).status_code == 403
    assert not Integration.objects.get(pk=copy.pk).enabled
    assert browser_of(owner).post(f"{LIST}{copy.id}/", form).status_code == 303


def test_replace_everywhere_leads_to_the_proof_and_back(unproven, owner, secret):
    other = store_secret(owner, "crm.other")
    make_action(owner)
    path = f"/o/harbor-clinics/secrets/{secret.id}/replace/"
    response = unproven.post(
        path, {"replacement": other.name}, headers={"referer": f"http://testserver{path}?replacement=crm.other"}
    )
    assert response.status_code == 302
    assert response.url.startswith("/proof/?")
    assert "replacement%3Dcrm.other" in response.url
    assert Integration.objects.get().version == 1


def test_name_that_integrations_wait_for_asks_before_anything_is_typed(unproven, owner):
    make_action(owner)
    new = "/o/harbor-clinics/secrets/new/"
    assert unproven.get(new).status_code == 200
    assert unproven.get(f"{new}?name=crm.apiKey").url.startswith("/proof/")
    form = {"name": "crm.apiKey", "mode": "shared", "value_all": "a-value-of-some-length", "description": "Kept text"}
    response = unproven.post(new, form)
    page = response.content.decode()
    assert response.status_code == 403
    assert "Kept text" in page and "a-value-of-some-length" not in page
    assert not Secret.objects.exists()
    assert browser_of(owner).post(new, form).status_code == 302
    assert unproven.post(new, form | {"name": "nobody.waits"}).status_code == 302


def test_members_may_not_even_with_a_proof(as_member, owner):
    action = make_action(owner)
    duplicate_integration(actor=owner, integration_id=action.id)
    assert as_member.post(f"{LIST}{action.id}/", FORM).status_code == 403
