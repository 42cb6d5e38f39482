"""Sign-ins, failed proofs and ends of sessions are in the log of each of the person's organizations, within bounds."""

import time

import pytest
from django.test import Client

from accounts.audit import refused_attempts
from accounts.models import AuditEvent
from accounts.sign_in import session_limits
from tests import factories
from tests.fixtures.browsers import browser_of
from tests.support.audit import chain_holds
from tests.support.sign_in import sign_in
from tests.support.web.sign_in_forms import EMAIL, is_in, password_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def belongs(mara, organization):
    """Mara belongs to two organizations."""
    for place in (organization, factories.OrganizationFactory()):
        factories.MembershipFactory(organization=place, user=mara)


def told(event):
    """The details of the events of this type, in the log of one organization."""
    rows = AuditEvent.objects.filter(event=event).order_by("organization_id", "sequence")
    first = rows.first()
    return [row.data for row in rows if row.organization_id == first.organization_id]


def test_sign_in_is_told_in_every_organization_with_how_and_from_where(mara, belongs):
    password_in(Client(REMOTE_ADDR="203.0.113.7"))
    rows = AuditEvent.objects.filter(event="member.signed_in")
    assert {(row.address, row.actor_id, tuple(row.data["methods"])) for row in rows} == {
        ("203.0.113.7", mara.pk, ("password",))
    }
    assert len({row.organization_id for row in rows}) == len(rows) == 2


def test_end_of_a_session_is_told_with_its_reason(mara, belongs):
    here, there = Client(), Client()
    for browser in (here, there):
        password_in(browser)
    here.post("/account/sessions/")
    assert not is_in(there)
    assert {data["reason"] for data in told("member.session_ended")} == {"ended elsewhere"}
    session = here.session
    session[session_limits.BEGAN] = time.time() - 8 * 24 * 3600
    session.save()
    assert not is_in(here)
    assert told("member.session_ended")[-1]["reason"] == "limit"
    sign_in(here, mara).post("/signout/")
    assert told("member.session_ended")[-1]["reason"] == "signed out"


def test_failed_proof_is_told_and_a_right_one_is_not(mara, belongs):
    browser = sign_in(Client(), mara, proven=False)
    browser.post("/proof/", {"password": "wrong password"})
    assert told("member.proof_failed") == [{"proof": "password"}]
    browser.post("/proof/", {"password": "correct horse battery staple"})
    assert len(told("member.proof_failed")) == 1


def test_attempt_that_fails_and_a_person_without_an_organization_leave_nothing(mara):
    password_in(Client(), EMAIL, "wrong password")
    password_in(Client())
    assert not AuditEvent.objects.exists()


def test_nobody_floods_the_log(mara, belongs):
    for _ in range(refused_attempts.RECORDED_SINGLY + 5):
        browser_of(mara).post("/signout/")
    assert len(told("member.session_ended")) == refused_attempts.RECORDED_SINGLY
    assert chain_holds(mara.memberships.first().organization)
