"""Deciding on the pages: approve once and for a while, deny, and what two people at the same call see."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.access import step_up
from integrations.approvals.deciding import approve, deny
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.holding import contents
from integrations.models import Approval, Run
from tests.fixtures.browsers import browser_of
from tests.support.things import VALUE
from tests.support.web.integration_forms import SLUG

pytestmark = pytest.mark.django_db

LIST = f"/o/{SLUG}/approvals/"
HTMX = {"HX-Request": "true"}


def page_of(held, act=""):
    return f"{LIST}{held.pk}/{act}"


def text(response, status=200):
    assert response.status_code == status
    return " ".join(response.content.decode().split())


def unproven(client):
    """The client, whose last proof is too old."""
    session = client.session
    session[step_up.PROVEN_AT] = 0.0
    session.save()
    return client


# What works


def test_the_page_says_what_will_be_sent_why_and_who_asks(stand, as_owner):
    stand.ask(proof=True)
    held = stand.held(reason="Asked on the phone")
    page = text(as_owner.get(page_of(held)))
    for shown in (
        "Waiting for a person",
        'GET</span> /patients/<span class="param">p-1</span>',
        "Asked on the phone",
        "A rule of",
        "API key",
        "Held; no secret was opened",
        "A fresh proof of who approves",
        f"/runs/{held.held_run_id}/",
    ):
        assert shown in page
    assert VALUE not in page


def test_the_page_says_where_the_call_came_from_and_how_many_there_were_today(stand, as_owner, owner):
    caller = replace(stand.key, address="203.0.113.41")
    held = stand.held(caller=caller)
    assert "<dt>Today</dt>" not in text(as_owner.get(page_of(held)))  # a call that is held is refused
    stand.set_rules()
    for _ in range(2):
        stand.call(caller=caller)
    page = text(as_owner.get(page_of(held)))
    assert '<dt>From</dt><dd class="mono">203.0.113.41</dd>' in page
    assert f"<dt>Today</dt><dd>2 calls of {stand.action.name}</dd>" in page
    Run.objects.update(started_at=timezone.now() - timedelta(days=1))
    deny(actor=owner, approval_id=held.pk)
    contents.destroy([held.pk])
    page = text(as_owner.get(page_of(held)))
    assert ("203.0.113.41" in page, "<dt>Today</dt>" in page) == (False, False)


def test_a_call_is_approved_once_from_its_page_and_made(stand, as_owner):
    held = stand.held()
    assert as_owner.post(page_of(held, "approve/")).url == page_of(held)
    page = text(as_owner.get(page_of(held)))
    assert "Approved once by Mara Lindqvist" in page
    assert "Approve once<" not in page
    run = Run.objects.get(pk=stand.call().run.id)
    page = text(as_owner.get(page_of(held)))
    assert "What was sent" in page
    assert f"/runs/{run.pk}/" in page


def test_a_card_is_replaced_by_what_was_decided(stand, as_owner):
    held = stand.held()
    card = text(as_owner.post(page_of(held, "approve/"), headers=HTMX))
    assert f'id="approval-{held.pk}"' in card
    assert "Approved once by Mara Lindqvist" in card
    assert 'id="nav-waiting" hx-swap-oob="true" hidden>' in card


def test_an_operation_is_approved_for_a_while(stand, as_owner):
    stand.ask(for_a_while=30)
    held = stand.held()
    assert 'value="30"' in text(as_owner.get(page_of(held, "allow/"), headers=HTMX))
    assert as_owner.post(page_of(held, "allow/"), {"minutes": "10"}).url == page_of(held)
    assert "Approved for 10 min, 0 calls" in text(as_owner.get(page_of(held)))
    stand.call({"id": "p-2"})


def test_a_call_is_denied_with_a_note(stand, as_owner):
    held = stand.held()
    assert 'id="deny"' in text(as_owner.get(page_of(held, "deny/")))
    assert as_owner.post(page_of(held, "deny/"), {"note": "Ask <billing> first"}).url == LIST
    page = text(as_owner.get(page_of(held)))
    assert "Ask &lt;billing&gt; first" in page
    assert "Denied by Mara Lindqvist" in page


def test_a_page_that_is_open_changes_once_the_call_waits_no_longer(stand, as_owner, as_member, owner):
    held = stand.held()
    for client in (as_owner, as_member):
        assert client.get(page_of(held), headers=HTMX).status_code == 204
    deny(actor=owner, approval_id=held.pk)
    assert "Denied" in text(as_owner.get(page_of(held), headers=HTMX))
    assert "Somebody else decided this" in text(as_member.get(page_of(held), headers=HTMX))


def test_a_member_whom_the_rule_names_decides(stand, as_member, member):
    stand.ask(approvers=[str(member.id)])
    held = stand.held()
    assert "/patients/" in text(as_member.get(page_of(held)))
    assert as_member.post(page_of(held, "approve/")).status_code == 303
    assert Approval.objects.get().decided_by_id == member.id


def test_what_was_destroyed_is_not_shown(stand, as_owner, owner):
    held = stand.held()
    deny(actor=owner, approval_id=held.pk)
    Approval.objects.update(destroyed_at=timezone.now())
    contents.destroy([held.pk])
    assert "It was destroyed on" in text(as_owner.get(page_of(held)))


# Who may not


def test_a_member_sees_who_decides_and_not_what_is_in_it(stand, as_member):
    held = stand.held(reason="About Lena")
    page = text(as_member.get(page_of(held)))
    assert "Somebody else decides this" in page
    assert "an owner or admin" in page
    for hidden in ("p-1", "Lena", "Approve once", "Deny"):
        assert hidden not in page
    assert as_member.post(page_of(held, "deny/")).status_code == 404


def test_a_rule_may_want_a_proof(stand, as_owner):
    stand.ask(proof=True)
    held = stand.held()
    unproven(as_owner)
    for answer in (
        as_owner.post(page_of(held, "approve/"), headers={"referer": f"http://testserver{LIST}"}),
        as_owner.get(page_of(held, "allow/")),
    ):
        assert answer.status_code == 302
        assert "/proof/" in answer.url
    assert Approval.objects.get().state == "waiting"
    assert as_owner.post(page_of(held, "deny/")).url == LIST


def test_a_rule_may_want_somebody_else(stand, as_owner, admin):
    stand.ask(four_eyes=True)
    held = stand.held()
    page = text(as_owner.get(page_of(held)))
    assert "You made the API key of this call" in page
    assert "Approve once" not in page
    text(as_owner.post(page_of(held, "approve/")), status=403)
    assert "Approve once" in text(browser_of(admin).get(page_of(held)))


# Too late, and malformed


def test_the_second_of_two_people_is_told_who_was_first(stand, as_owner, admin):
    held = stand.held()
    approve(actor=admin, approval_id=held.pk)
    page = text(as_owner.post(page_of(held, "deny/"), {"note": "Ask billing"}), status=409)
    assert f"{admin.label} has approved this call already." in page
    assert "Ask billing" in page
    card = text(as_owner.post(page_of(held, "approve/"), headers=HTMX), status=409)
    assert f"{admin.label} has approved this call already." in card


def test_what_was_changed_is_not_approved(stand, as_owner, owner):
    held = stand.held()
    update_integration(actor=owner, integration_id=stand.action.pk, changes=IntegrationChanges(description="New"))
    page = text(as_owner.post(page_of(held, "approve/")), status=409)
    assert "have changed since this call was made" in page
    text(as_owner.post(page_of(held, "allow/"), {"minutes": "5"}), status=409)


@pytest.mark.parametrize("minutes", ["", "0", "61", "1.5", "soon", "٣"])
def test_minutes_that_the_rule_does_not_allow_stay_typed(stand, as_owner, minutes):
    page = text(as_owner.post(page_of(stand.held(), "allow/"), {"minutes": minutes}), status=422)
    assert 'id="e-minutes"' in page
    assert f'value="{minutes}"' in page


def test_a_note_that_is_too_long_stays_typed(stand, as_owner):
    note = "x" * 501
    page = text(as_owner.post(page_of(stand.held(), "deny/"), {"note": note}), status=422)
    assert 'id="e-note"' in page
    assert f'value="{note}"' in page
