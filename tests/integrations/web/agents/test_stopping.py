"""Stopping agents on pages: all of them, one, and what everybody sees meanwhile."""

import pytest

from accounts.models import ApiKey, Organization
from integrations.attention.waiting import waiting_for
from tests.support.web.api_key_forms import LIST, make, page_of

pytestmark = pytest.mark.django_db

ALL, START = "/o/harbor-clinics/stop/", "/o/harbor-clinics/start/"
WHY = {"why": "Refunds went to the wrong customers"}


def test_all_agents_are_stopped_and_started_again(as_owner, as_member, owner):
    key = make(owner)
    assert "Stop all agents…" in page_of(as_owner)
    assert "Every call with an API key" in page_of(as_owner, ALL)
    response = as_owner.post(ALL, WHY, follow=True)
    page = response.content.decode()
    assert ("Stopped all agents" in page, "Stop all agents…" in page) == (True, False)
    assert WHY["why"] in page
    assert "Start again" in page_of(as_owner, f"{LIST}{key.id}/")
    seen = page_of(as_member, "/o/harbor-clinics/secrets/")
    assert ("All agents are stopped" in seen, WHY["why"] in seen, START in seen) == (True, True, False)
    assert "All agents are stopped" in page_of(as_owner, "/o/harbor-clinics/overview/")
    assert "may call again" in as_owner.post(START, follow=True).content.decode()
    assert "All agents are stopped" not in page_of(as_member, "/o/harbor-clinics/secrets/")


def test_one_agent_is_stopped_and_started_again(as_owner, owner):
    key = make(owner)
    address = f"{LIST}{key.id}/"
    assert "Let it go on" in page_of(as_owner, f"{address}stop/")
    page = as_owner.post(f"{address}stop/", WHY, follow=True).content.decode()
    assert (f"Stopped {key.name}" in page, WHY["why"] in page, owner.label in page) == (True, True, True)
    listed = page_of(as_owner)
    assert ("Start again" in listed, "Revoke…" in listed, "Stop…" in listed) == (True, True, False)
    assert [one.title for one in waiting_for(owner)] == ["1 agent is stopped"]
    assert as_owner.post(f"{address}lift/").status_code == 303
    assert ApiKey.objects.get().stopped_by == ""
    assert "Stop…" in page_of(as_owner)


def test_without_a_reason_the_dialog_comes_back(as_owner, owner):
    key = make(owner)
    for address in (ALL, f"{LIST}{key.id}/stop/"):
        response = as_owner.post(address, {"why": "x" * 301})
        page = response.content.decode()
        assert (response.status_code, "Use at most 300 characters." in page) == (422, True)
        assert "x" * 301 in page
    assert Organization.objects.get(slug="harbor-clinics").agents_stopped_at is None


def test_starting_again_takes_a_proof(as_owner, owner, monkeypatch):
    as_owner.post(ALL, WHY)
    monkeypatch.setattr("accounts.access.route_permissions.is_proven", lambda *_: False)
    monkeypatch.setattr("accounts.access.step_up.is_proven", lambda *_: False)
    as_owner.post(START)
    assert Organization.objects.get(slug="harbor-clinics").agents_stopped_at
