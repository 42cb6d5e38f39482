"""The lists of held and decided calls: what each person sees, what polls, and where else held calls show."""

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.approvals.deciding import approve, deny
from integrations.models import Approval
from tests.factories import ApprovalFactory
from tests.support.things import VALUE
from tests.support.web.integration_forms import SLUG

pytestmark = pytest.mark.django_db

SITE = f"/o/{SLUG}/"
LIST = SITE + "approvals/"
HTMX = {"HX-Request": "true"}


def text_of(client, path=LIST, status=200, **headers):
    response = client.get(path, headers=headers)
    assert response.status_code == status
    return " ".join(response.content.decode().split())


# What works


def test_a_held_call_is_a_card_with_what_it_would_send(stand, as_owner):
    held = stand.held(reason="The patient asked <twice>.")
    page = text_of(as_owner)
    assert f'id="approval-{held.pk}"' in page
    for shown in (
        stand.action.name,
        "API action",
        "14 min",
        "The patient asked &lt;twice&gt;.",
        "Said by the agent, not checked",
        "A rule of",
        "/patients/p-1",
        "••••••••",
        "Approve once",
        "Approve for 1 h…",
        "Deny…",
    ):
        assert shown in page
    assert VALUE not in page


def test_the_menu_and_the_tab_count_what_waits(stand, as_owner, as_member):
    stand.held()
    page = text_of(as_owner)
    for place in ("nav-waiting", "held-number"):
        assert f'id="{place}" title="1 waiting">1' in page
    assert 'id="nav-waiting" hidden>' in text_of(as_member)


def test_an_empty_list_says_so(as_owner):
    assert "Nothing waits for you" in text_of(as_owner)
    assert "Nothing was decided yet" in text_of(as_owner, LIST + "decided/")


def test_what_polls_brings_new_cards_times_and_decisions(stand, owner, as_owner):
    seen, other = stand.held(), stand.held({"id": "p-2"})
    changes = text_of(as_owner, f"{LIST}held/?shown={seen.pk}&shown=nonsense", **HTMX)
    assert f'id="left-{seen.pk}" hx-swap-oob="true"' in changes
    assert f'id="approval-{other.pk}" data-keep aria' in changes
    assert f"{stand.action.name} by" in changes
    assert f'id="approval-{seen.pk}"' not in changes
    deny(actor=owner, approval_id=seen.pk)
    changes = text_of(as_owner, f"{LIST}held/?shown={seen.pk}&shown={other.pk}", **HTMX)
    assert f'id="approval-{seen.pk}" data-keep hx-swap-oob="true"' in changes
    assert "Denied by Mara Lindqvist" in changes
    assert "held-said" not in changes
    assert as_owner.get(LIST + "held/").url == LIST


def test_decided_calls_have_pages(owner, as_owner):
    mine = {"organization": owner.organization}
    for state in ({"used": True}, {"for_a_while": True}, {"denied": True, "note": "Keep it"}, {"expired": True}):
        ApprovalFactory(**mine, **state)
    page = text_of(as_owner, LIST + "decided/")
    for shown in ("Approved once", "Approved for 15 min, 0 calls", "Denied", "Keep it", "Nobody answered"):
        assert shown in page
    for _ in range(28):
        ApprovalFactory(**mine, denied=True)
    assert "Older decisions" in text_of(as_owner, LIST + "decided/")
    following = as_owner.get(LIST + "decided/").context["next_url"]
    assert text_of(as_owner, following, **HTMX).count("<tr>") == 3


def test_the_overview_and_the_palette_lead_to_them(stand, as_owner):
    stand.held()
    assert "1 call waits for a person" in text_of(as_owner, SITE + "overview/")
    stand.held({"id": "p-2"})
    assert "2 calls wait for a person" in text_of(as_owner, SITE + "overview/")
    assert LIST in text_of(as_owner, SITE + "find/?q=appro", **HTMX)


def test_the_run_of_a_held_call_is_held_and_leads_to_it(stand, as_owner):
    held = stand.held()
    assert 'class="st warn"' in text_of(as_owner, SITE + "runs/")
    page = text_of(as_owner, f"{SITE}runs/{held.held_run_id}/")
    assert "Not sent: it waits for a person" in page
    assert "None was opened." in page
    assert f'href="{LIST}{held.pk}/"' in page


def test_requests_are_a_tab(as_owner, as_member):
    for client in (as_owner, as_member):
        assert f'href="{LIST}"' in text_of(client, SITE + "secrets/requests/")


# Who may not


def test_a_member_sees_that_a_call_waits_for_somebody_else(stand, as_member, member):
    unseen = stand.held(reason="About Lena")
    page = text_of(as_member)
    assert "Waiting for somebody else" in page
    assert f'href="{LIST}{unseen.pk}/"' in page
    assert "p-1" not in page
    assert "Lena" not in page
    stand.ask(approvers=[str(member.id)])
    seen = stand.held({"id": "p-2"})
    page = text_of(as_member)
    assert f'id="approval-{seen.pk}"' in page
    assert 'id="nav-waiting" title="1 waiting"' in page


def test_nobody_sees_those_of_another_organization(as_owner):
    held = ApprovalFactory()
    assert str(held.pk) not in text_of(as_owner) + text_of(as_owner, f"{LIST}held/?shown={held.pk}", **HTMX)
    text_of(as_owner, f"{LIST}{held.pk}/", status=404)


def test_what_is_over_waits_for_nobody(stand, as_owner, owner):
    held = stand.held()
    past = timezone.now() - timedelta(seconds=1)
    Approval.objects.filter(pk=held.pk).update(created_at=past - timedelta(minutes=15), expires_at=past)
    approve(actor=owner, approval_id=stand.held({"id": "p-2"}).pk)
    assert "Nothing waits for you" in text_of(as_owner)
    assert "Nobody answered" in text_of(as_owner, LIST + "decided/")


@pytest.mark.parametrize("path", ["?cursor=x", "decided/?cursor=x"])
def test_a_cursor_of_another_list_is_refused(as_owner, path):
    text_of(as_owner, LIST + path, status=422)
