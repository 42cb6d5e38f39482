"""Leaving, removal and what ends with it, switched-off accounts, and the owner that the database keeps."""

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client

from accounts.access.api_keys import create_api_key
from accounts.actors import actor_for_command, actor_for_key, actor_for_staff
from accounts.common.environments import ALL_ENVIRONMENTS
from accounts.errors import Invalid, NotFound, PermissionDenied
from accounts.models import ApiKey, AuditEvent, Invitation, Membership, Organization, User
from accounts.people.organizations import change_role, leave, remove_member
from accounts.policy import Role, Scope
from tests import factories
from tests.invited import invited

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"


def membership_of(actor):
    return Membership.objects.get(user=actor.id, organization=actor.organization)


def make_key(actor, name):
    return create_api_key(actor=actor, name=name, scopes=[Scope.RUN], environments=ALL_ENVIRONMENTS)[0]


def with_password(person) -> Client:
    """A browser in which the person signed in through the form, as sessions of people begin."""
    user, browser = User.objects.get(pk=person.id), Client()
    if not user.check_password(PASSWORD):
        user.set_password(PASSWORD)
        user.save()
    browser.post("/signin/", {"login": user.email, "password": PASSWORD})
    return browser


def last_event(organization):
    return AuditEvent.objects.filter(organization_id=organization.id).latest("sequence")


# Leaving


@pytest.mark.parametrize("who", ["admin", "member"])
def test_anybody_leaves(request, owner, who):
    actor = request.getfixturevalue(who)
    leave(actor=actor)
    assert not Membership.objects.filter(user=actor.id).exists()
    event = last_event(owner.organization)
    assert (event.event, event.actor_id, event.target_id, event.data) == (
        "member.left",
        actor.id,
        actor.id,
        {"role": who},
    )


def test_owner_leaves_once_there_is_another(owner, organization):
    factories.MembershipFactory(organization=organization, role=Role.OWNER)
    leave(actor=owner)
    assert not Membership.objects.filter(user=owner.id).exists()


def test_last_owner_stays(owner):
    with pytest.raises(Invalid) as refusal:
        leave(actor=owner)
    assert "at least one owner" in refusal.value.errors[0].message
    assert membership_of(owner).role == "owner"


def test_owner_who_cannot_sign_in_is_no_other_owner(owner, organization):
    factories.MembershipFactory(organization=organization, role=Role.OWNER, user__is_active=False)
    with pytest.raises(Invalid):
        leave(actor=owner)
    with pytest.raises(Invalid):
        change_role(actor=owner, membership_id=membership_of(owner).id, role=Role.MEMBER)


def test_keys_commands_and_staff_leave_nothing(owner):
    key = make_key(owner, "agent")
    others = [
        actor_for_key(key),
        actor_for_command(owner.organization, "x"),
        actor_for_staff(factories.UserFactory(), owner.organization),
    ]
    for actor in (others[0], others[2]):
        with pytest.raises(PermissionDenied):
            leave(actor=actor)
    with pytest.raises(Membership.DoesNotExist):
        leave(actor=others[1])


# Removal


def test_removed_person_is_signed_out_everywhere(owner, member):
    browsers = [with_password(member), with_password(member)]
    assert [browser.get("/").url for browser in browsers] == ["/o/harbor-clinics/secrets/"] * 2
    remove_member(actor=owner, membership_id=membership_of(member).id)
    assert [browser.get("/").url.partition("?")[0] for browser in browsers] == ["/signin/"] * 2


def test_keys_of_a_removed_person_stay_unless_they_are_to_go(owner, admin, organization):
    other = factories.MembershipFactory(organization=organization, role=Role.ADMIN)
    kept, mine = make_key(admin, "kept"), make_key(owner, "mine")
    remove_member(actor=owner, membership_id=membership_of(admin).id)
    assert not ApiKey.objects.exclude(revoked_at=None).exists()
    assert "keys_revoked" not in last_event(organization).data
    assert {kept.name, mine.name, other.role} == {"kept", "mine", "admin"}


def test_keys_that_a_removed_person_made_are_revoked_on_request(owner, admin, organization):
    make_key(admin, "theirs")
    make_key(owner, "mine")
    remove_member(actor=owner, membership_id=membership_of(admin).id, revoke_keys=True)
    assert list(ApiKey.objects.exclude(revoked_at=None).values_list("name", flat=True)) == ["theirs"]
    assert last_event(organization).data == {"role": "admin", "keys_revoked": ["theirs"]}


def test_somebody_who_was_removed_meanwhile_changes_nobody(owner, admin, member):
    Membership.objects.filter(user=admin.id).delete()
    with pytest.raises(NotFound):
        change_role(actor=admin, membership_id=membership_of(member).id, role=Role.ADMIN)
    assert membership_of(member).role == "member"


def test_somebody_who_was_demoted_meanwhile_changes_nobody(owner, admin, member):
    Membership.objects.filter(user=admin.id).update(role="member")
    for act in (
        lambda: change_role(actor=admin, membership_id=membership_of(member).id, role=Role.ADMIN),
        lambda: remove_member(actor=admin, membership_id=membership_of(member).id),
    ):
        with pytest.raises(PermissionDenied):
            act()
    assert membership_of(member).role == "member"


def test_same_role_again_is_no_event(owner, member):
    change_role(actor=owner, membership_id=membership_of(member).id, role=Role.MEMBER)
    assert not AuditEvent.objects.exists()


# Switched-off accounts


def test_switched_off_person_is_out_everywhere_at_once(owner, member, outsider, capsys):
    user = User.objects.get(pk=member.id)
    factories.MembershipFactory(organization=outsider.organization, user=user)
    browser = with_password(user)
    call_command("deactivate_person", "--email", user.email.upper())
    assert browser.get("/").url.startswith("/signin/")
    told = AuditEvent.objects.filter(event="member.deactivated")
    assert {event.organization_id for event in told} == {owner.organization.id, outsider.organization.id}
    assert {event.actor_label for event in told} == {"manage.py deactivate_person"}
    call_command("deactivate_person", "--email", user.email, "--undo")
    user.refresh_from_db()
    assert user.is_active
    assert membership_of(member).role == "member"
    assert AuditEvent.objects.filter(event="member.activated").count() == 2


def test_invitations_of_a_switched_off_person_end(owner, admin, capsys):
    invited(admin)
    call_command("deactivate_person", "--email", User.objects.get(pk=admin.id).email)
    assert not Invitation.objects.exists()
    assert last_event(owner.organization).data == {"invitations_withdrawn": ["noor@harbor.example"]}


# The database


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_membership SET role = 'admin'",
        "DELETE FROM accounts_membership",
        "UPDATE accounts_membership SET role = 'member' WHERE role = 'owner'",
    ],
)
def test_database_keeps_the_last_owner_whoever_writes(owner, member, statement):
    with pytest.raises(DatabaseError, match="at least one owner"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert membership_of(owner).role == "owner"


def test_database_lets_one_of_two_owners_go(owner, organization):
    factories.MembershipFactory(organization=organization, role=Role.OWNER)
    Membership.objects.filter(user=owner.id).delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        User.objects.filter(memberships__organization=organization).delete()
    assert organization.memberships.count() == 1
    assert Organization.objects.count() == 1
