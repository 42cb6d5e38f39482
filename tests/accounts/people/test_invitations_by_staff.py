"""Staff cannot make themselves members: an owner of the organization decides on their invitations."""

import pytest
from django.core import mail
from django.test import TestCase

from accounts.actors import Actor, actor_for_command, actor_for_staff
from accounts.errors import NotFound, PermissionDenied
from accounts.models import AuditEvent, Invitation, Membership
from accounts.people.approvals import approve
from accounts.people.invitations import accept, find_by_token, invite, renew, withdraw
from accounts.people.members import invitations
from accounts.people.organizations import add_member, change_role
from accounts.policy import Role
from tests import factories
from tests.fixtures.browsers import browser_of
from tests.support.invited import token_in
from tests.support.staff import make_staff, staff_browser

pytestmark = pytest.mark.django_db
LIST = "/o/harbor-clinics/members/"


@pytest.fixture
def rosa(owner) -> Actor:
    """A superuser, acting on the organization."""
    return actor_for_staff(make_staff(), owner.organization)


def invited_by(actor: Actor, email: str = "root@example.com", role: Role = Role.ADMIN) -> Invitation:
    with TestCase.captureOnCommitCallbacks(execute=True):
        return invite(actor=actor, emails=[email], role=role)[0]


def approved_by(actor: Actor, invitation: Invitation) -> str:
    """The token of the mail that the approval sends."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        approve(actor=actor, invitation_id=invitation.pk)
    return token_in(mail.outbox[-1].body)


def test_superuser_who_invites_themself_does_not_get_in(owner, rosa):
    """The attack: a superuser invited their own address and accepted."""
    staff = staff_browser(make_staff("second@example.com"))
    form = {"organization": owner.organization.pk, "email": "second@example.com", "role": "admin"}
    with TestCase.captureOnCommitCallbacks(execute=True):
        staff.post("/admin/accounts/invitation/add/", form)
    assert Invitation.objects.get().awaits_owner
    assert [message.to for message in mail.outbox] == [[owner_address(owner)]]
    assert "/invitations/" not in mail.outbox[0].body
    assert not Membership.objects.filter(user__email="second@example.com").exists()


def owner_address(owner: Actor) -> str:
    return Membership.objects.get(organization=owner.organization, user=owner.id).user.email


def test_owners_are_told_and_may_approve(owner, rosa):
    invitation = invited_by(rosa)
    assert "root@example.com as admin" in mail.outbox[0].body
    assert "Rosa (staff)" in mail.outbox[0].body
    token = approved_by(owner, invitation)
    assert mail.outbox[-1].to == ["root@example.com"]
    membership = accept(token=token, user=factories.UserFactory._meta.model.objects.get(email="root@example.com"))
    assert membership.role == "admin"
    events = list(AuditEvent.objects.order_by("sequence").values_list("event", "actor_id"))
    assert [event for event, _ in events] == ["invitation.created", "invitation.approved", "member.joined"]
    assert events[1][1] == owner.id


def test_link_works_only_after_the_approval(owner, rosa):
    """Whoever guesses or keeps the token of the waiting invitation gets nothing with it."""
    invitation = invited_by(rosa)
    Invitation.objects.filter(pk=invitation.pk).update(digest=__import__("hashlib").sha256(b"known").digest())
    with pytest.raises(NotFound):
        find_by_token("known")
    approved_by(owner, invitation)
    with pytest.raises(NotFound):
        find_by_token("known")


def test_only_owners_approve(rosa, owner, admin, member, outsider):
    invitation = invited_by(rosa)
    for actor in (admin, member, rosa):
        with pytest.raises(PermissionDenied):
            approve(actor=actor, invitation_id=invitation.pk)
    with pytest.raises(NotFound):
        approve(actor=outsider, invitation_id=invitation.pk)
    for actor in (rosa, admin, owner):
        with pytest.raises(PermissionDenied):
            renew(actor=actor, invitation_id=invitation.pk)
    assert Invitation.objects.get().awaits_owner


def test_ordinary_invitation_cannot_be_approved_nor_approved_twice(owner, rosa):
    ordinary = invited_by(owner, "noor@harbor.example")
    waiting = invited_by(rosa)
    approved_by(owner, waiting)
    for invitation in (ordinary, waiting):
        with pytest.raises(NotFound):
            approve(actor=owner, invitation_id=invitation.pk)


def test_declined_invitation_is_gone(owner, rosa):
    invitation = invited_by(rosa)
    withdraw(actor=owner, invitation_id=invitation.pk)
    with pytest.raises(NotFound):
        approve(actor=owner, invitation_id=invitation.pk)


def test_organization_without_an_owner_takes_the_word_of_staff():
    organization = factories.OrganizationFactory()
    invitation = invited_by(actor_for_staff(make_staff(), organization))
    assert not invitation.awaits_owner
    assert mail.outbox[0].to == ["root@example.com"]


def test_staff_add_nobody_directly_but_commands_do(owner, rosa):
    user = factories.UserFactory()
    with pytest.raises(PermissionDenied):
        add_member(actor=rosa, user=user, role=Role.MEMBER)
    add_member(actor=actor_for_command(owner.organization, "create_member"), user=user, role=Role.MEMBER)


def test_owners_are_told_when_staff_change_a_role(owner, rosa, member):
    membership = Membership.objects.get(user=member.id)
    with TestCase.captureOnCommitCallbacks(execute=True):
        change_role(actor=rosa, membership_id=membership.pk, role=Role.ADMIN)
    assert mail.outbox[0].to == [owner_address(owner)]
    assert "an admin" in mail.outbox[0].body


def test_members_page_shows_what_waits(owner, admin, rosa, as_owner):
    invitation = invited_by(rosa)
    row = invitations(owner).items[0]
    assert (row.awaits_owner, row.may_approve) == (True, True)
    assert not invitations(admin).items[0].may_approve
    page = as_owner.get(LIST).content.decode()
    assert "Waits for an owner" in page
    assert "Approve" in page
    assert "Decline" in page
    assert "Send again" not in page
    approve_path = f"/o/harbor-clinics/invitations/{invitation.pk}/approve/"
    assert approve_path not in browser_of(admin).get(LIST).content.decode()
    assert browser_of(admin).post(approve_path).status_code == 403
    with TestCase.captureOnCommitCallbacks(execute=True):
        assert as_owner.post(approve_path).status_code == 303
    assert not Invitation.objects.get().awaits_owner
    assert as_owner.post(approve_path).status_code == 404
