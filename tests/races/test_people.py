"""Acts on people and organizations at the same moment, on PostgreSQL with real threads."""

from datetime import timedelta
from functools import partial

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actors import actor_for_member
from accounts.audit import chain
from accounts.errors import Invalid, NotFound, PermissionDenied, Refusal
from accounts.models import AuditEvent, Invitation, Membership, Organization, User
from accounts.people.invitations import accept, accept_with_new_account, invite, renew, withdraw
from accounts.people.organization_deletion import delete_organization
from accounts.people.organizations import change_role, create_organization, leave, remove_member
from accounts.policy import Role
from secrets_app.models import RotationReminder, Secret, SecretValue
from secrets_app.rotation.reminders import remind
from tests import factories
from tests.support.invited import token_in
from tests.support.things import store_secret

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

PASSWORD = "correct horse battery staple"
ROUNDS = 12


def owners_of(organization):
    return Membership.objects.filter(organization=organization, role="owner").count()


def two_owners():
    organization = factories.OrganizationFactory()
    pair = [factories.MembershipFactory(organization=organization, role=Role.OWNER) for _ in range(2)]
    return organization, pair, [actor_for_member(membership) for membership in pair]


ENDS = {
    "demote each other": lambda actors, pair: [
        partial(change_role, actor=actors[0], membership_id=pair[1].id, role=Role.MEMBER),
        partial(change_role, actor=actors[1], membership_id=pair[0].id, role=Role.MEMBER),
    ],
    "remove each other": lambda actors, pair: [
        partial(remove_member, actor=actors[0], membership_id=pair[1].id),
        partial(remove_member, actor=actors[1], membership_id=pair[0].id),
    ],
    "both leave": lambda actors, pair: [partial(leave, actor=actors[0]), partial(leave, actor=actors[1])],
    "one leaves, one is demoted": lambda actors, pair: [
        partial(leave, actor=actors[0]),
        partial(change_role, actor=actors[0], membership_id=pair[1].id, role=Role.ADMIN),
        partial(change_role, actor=actors[1], membership_id=pair[1].id, role=Role.ADMIN),
    ],
}


@pytest.mark.parametrize("end", ENDS)
def test_an_owner_stays_whatever_two_owners_do(together, end):
    for _ in range(ROUNDS):
        organization, pair, actors = two_owners()
        raised = together(*ENDS[end](actors, pair))
        assert {type(error) for error in raised if error} <= {Invalid, NotFound, PermissionDenied}
        assert owners_of(organization) == 1


def test_an_owner_stays_even_where_no_service_is_asked(together):
    def demote(membership):
        with transaction.atomic():
            Membership.objects.filter(pk=membership.pk).update(role="member")

    for _ in range(ROUNDS):
        organization, pair, _ = two_owners()
        raised = together(*(partial(demote, membership) for membership in pair))
        assert [type(error) for error in raised if error] == [IntegrityError]
        assert owners_of(organization) == 1


def invited_now(owner, email="noor@harbor.example"):
    (invitation,) = invite(actor=owner, emails=[email], role=Role.MEMBER)
    return invitation, token_in(mail.outbox[-1].body)


def test_link_works_once_for_several_at_once(owner, together):
    user = factories.UserFactory(email="noor@harbor.example")
    for _ in range(ROUNDS):
        _, token = invited_now(owner)
        raised = together(*[partial(accept, token=token, user=user)] * 4)
        assert [type(error) for error in raised].count(type(None)) == 1
        assert {type(error) for error in raised if error} <= {NotFound, Invalid}
        Membership.objects.filter(user=user).delete()


def test_one_account_is_made_from_one_link(owner, together):
    for _ in range(3):
        _, token = invited_now(owner)
        make = partial(accept_with_new_account, token=token, name="Noor", password=PASSWORD)
        raised = together(make, make, make)
        assert [type(error) for error in raised].count(type(None)) == 1
        assert {type(error) for error in raised if error} <= {NotFound, Invalid}
        User.objects.get(email="noor@harbor.example").delete()


@pytest.mark.parametrize("act", [withdraw, renew])
def test_link_is_accepted_or_ended_never_both(owner, together, act):
    user = factories.UserFactory(email="noor@harbor.example")
    for _ in range(ROUNDS):
        invitation, token = invited_now(owner)
        Invitation.objects.update(sent_at=None)
        raised = together(
            partial(accept, token=token, user=user), partial(act, actor=owner, invitation_id=invitation.id)
        )
        assert [type(error) for error in raised if error] == [NotFound]
        assert user.memberships.exists() is (raised[0] is None)
        Membership.objects.filter(user=user).delete()
        Invitation.objects.all().delete()


def test_address_is_invited_once(owner, together):
    for _ in range(ROUNDS):
        raised = together(*[partial(invite, actor=owner, emails=["a@x.example"], role=Role.MEMBER)] * 3)
        assert [type(error) for error in raised if error] == [Invalid] * 2
        Invitation.objects.all().delete()


def test_person_who_is_removed_while_they_invite_leaves_no_invitation(owner, organization, together):
    for number in range(ROUNDS):
        membership = factories.MembershipFactory(organization=organization, role=Role.ADMIN)
        raised = together(
            partial(invite, actor=actor_for_member(membership), emails=[f"{number}@x.example"], role=Role.ADMIN),
            partial(remove_member, actor=owner, membership_id=membership.id),
        )
        assert {type(error) for error in raised if error} <= {NotFound}
        assert not Invitation.objects.exists()


def test_organization_is_deleted_while_everybody_works_in_it(together):
    for _ in range(ROUNDS):
        organization, pair, actors = two_owners()
        raised = together(
            partial(delete_organization, actor=actors[0], typed=organization.name),
            partial(delete_organization, actor=actors[1], typed=organization.name),
            partial(store_secret, actors[1]),
            partial(change_role, actor=actors[0], membership_id=pair[1].id, role=Role.OWNER),
            partial(invite, actor=actors[0], emails=["a@x.example"], role=Role.MEMBER),
        )
        assert all(isinstance(error, Refusal | IntegrityError) for error in raised if error), raised
        assert not Organization.objects.exists()
        assert not (Secret.objects.exists() or Membership.objects.exists() or Invitation.objects.exists())
        assert AuditEvent.objects.filter(organization_id=organization.id, event="organization.deleted").count() == 1
        assert chain.verify(organization.id).findings == []


def test_address_of_a_deleted_organization_is_not_given_to_one_founded_meanwhile(together):
    for number in range(ROUNDS):
        user = factories.UserFactory()
        organization = create_organization(user=user, name=f"Harbor {number}")
        actor = actor_for_member(organization.memberships.get())
        together(
            partial(delete_organization, actor=actor, typed=organization.name),
            partial(create_organization, user=user, name=organization.name),
        )
        assert not Organization.objects.filter(slug=organization.slug).exists()


def test_several_runs_at_once_tell_of_a_rotation_once(owner, together):
    store_secret(owner, rotate_every_days=30)
    for days in range(40, 40 + ROUNDS):
        SecretValue.objects.update(created_at=timezone.now() - timedelta(days=days))
        mail.outbox.clear()
        assert together(remind, remind, remind) == [None] * 3
        assert len(mail.outbox) == 1
    assert RotationReminder.objects.count() == ROUNDS
