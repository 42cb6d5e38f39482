"""Founding an organization, its address, and who belongs to it."""

import pytest

from accounts.actors import actor_for_member
from accounts.errors import Invalid, NotFound, PermissionDenied
from accounts.models import AuditEvent, Membership, Organization
from accounts.people.organizations import add_member, change_role, create_organization, free_slug, remove_member
from accounts.policy import Role
from tests import factories

pytestmark = pytest.mark.django_db


def membership_of(actor):
    return Membership.objects.get(user=actor.id, organization=actor.organization)


def test_founder_becomes_owner():
    user = factories.UserFactory()
    organization = create_organization(user=user, name="  Harbor   Clinics ")
    assert (organization.name, organization.slug) == ("Harbor Clinics", "harbor-clinics")
    assert list(organization.memberships.values_list("user", "role")) == [(user.id, "owner")]
    assert AuditEvent.objects.get().event == "organization.created"


@pytest.mark.parametrize("name", ["", "   ", "n" * 81, "a\0b", "a\u202eb"])
def test_bad_name_is_refused_and_nothing_is_stored(name):
    with pytest.raises(Invalid) as refusal:
        create_organization(user=factories.UserFactory(), name=name)
    assert [error.field for error in refusal.value.errors] == ["name"]
    assert not Organization.objects.exists()


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Harbor Clinics", "harbor-clinics"),
        ("日本", "organization"),
        ("Straße & Söhne", "strae-sohne"),
    ],
)
def test_slug_is_made_from_the_name(name, slug):
    assert free_slug(name) == slug


def test_taken_slug_is_numbered():
    user = factories.UserFactory()
    slugs = [create_organization(user=user, name="Harbor").slug for _ in range(3)]
    assert slugs == ["harbor", "harbor-2", "harbor-3"]


def test_slug_taken_in_between_is_a_refusal(monkeypatch, organization):
    monkeypatch.setattr("accounts.people.organizations.free_slug", lambda name: organization.slug)
    with pytest.raises(Invalid):
        create_organization(user=factories.UserFactory(), name="Harbor Clinics")
    assert Organization.objects.count() == 1


OWN, ADM, MEM = Role.OWNER, Role.ADMIN, Role.MEMBER
# who acts, the role concerned, may they
MANAGES = [(who, role, who is OWN or (who is ADM and role is not OWN)) for who in Role for role in Role]


@pytest.mark.parametrize(("who", "role", "allowed"), MANAGES)
def test_who_may_add_whom(request, who, role, allowed):
    actor, user = request.getfixturevalue(who.value), factories.UserFactory()
    if allowed:
        assert add_member(actor=actor, user=user, role=role).role == role.value
        return
    with pytest.raises(PermissionDenied):
        add_member(actor=actor, user=user, role=role)
    assert not user.memberships.exists()


@pytest.mark.parametrize(("who", "role", "allowed"), MANAGES)
def test_who_may_remove_whom(request, organization, who, role, allowed):
    actor, other = request.getfixturevalue(who.value), factories.MembershipFactory(organization=organization, role=role)
    if allowed:
        remove_member(actor=actor, membership_id=other.id)
    else:
        with pytest.raises(PermissionDenied):
            remove_member(actor=actor, membership_id=other.id)
    assert Membership.objects.filter(pk=other.id).exists() is not allowed


@pytest.mark.parametrize(
    ("who", "old", "new", "allowed"),
    [
        (who, old, new, who is OWN or (who is ADM and OWN not in {old, new}))
        for who in Role
        for old in Role
        for new in Role
    ],
)
def test_who_may_change_which_role(request, organization, owner, who, old, new, allowed):
    actor, other = request.getfixturevalue(who.value), factories.MembershipFactory(organization=organization, role=old)
    if allowed:
        change_role(actor=actor, membership_id=other.id, role=new)
    else:
        with pytest.raises(PermissionDenied):
            change_role(actor=actor, membership_id=other.id, role=new)
    other.refresh_from_db()
    assert other.role == (new if allowed else old)


def test_person_is_not_added_twice(owner, member):
    user = membership_of(member).user
    with pytest.raises(Invalid):
        add_member(actor=owner, user=user, role=Role.ADMIN)
    assert membership_of(member).role == "member"


def test_last_owner_is_kept(owner):
    last = membership_of(owner)
    with pytest.raises(Invalid) as refusal:
        change_role(actor=owner, membership_id=last.id, role=Role.ADMIN)
    assert "at least one owner" in refusal.value.errors[0].message
    with pytest.raises(Invalid):
        remove_member(actor=owner, membership_id=last.id)
    assert membership_of(owner).role == "owner"


def test_owner_steps_back_once_there_is_another(owner, organization):
    factories.MembershipFactory(organization=organization, role=Role.OWNER)
    change_role(actor=owner, membership_id=membership_of(owner).id, role=Role.MEMBER)
    assert membership_of(owner).role == "member"


def test_membership_of_another_organization_does_not_exist(owner, outsider):
    foreign = membership_of(outsider)
    for act in (
        lambda: change_role(actor=owner, membership_id=foreign.id, role=Role.ADMIN),
        lambda: remove_member(actor=owner, membership_id=foreign.id),
    ):
        with pytest.raises(NotFound):
            act()
    assert membership_of(outsider).role == "owner"


def test_changes_are_on_record_with_both_roles(owner, member):
    change_role(actor=owner, membership_id=membership_of(member).id, role=Role.ADMIN)
    event = AuditEvent.objects.get(event="member.role_changed")
    assert (event.actor_id, event.target_id) == (owner.id, member.id)
    assert event.data == {"old": "member", "new": "admin"}


def test_person_with_the_longest_address_can_be_added(owner):
    user = factories.UserFactory(email=f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.com", name="")
    add_member(actor=owner, user=user, role=Role.MEMBER)
    actor = actor_for_member(Membership.objects.select_related("user", "organization").get(user=user))
    assert AuditEvent.objects.get().target_label == user.email[:150]
    assert actor.label == user.email
