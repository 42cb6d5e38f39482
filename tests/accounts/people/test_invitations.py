"""Inviting people: who may, what the link does and for how long, and who may accept."""

import hashlib
import logging
from datetime import timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import TestCase
from django.utils import timezone

from accounts.errors import Invalid, NotFound, PermissionDenied, RateLimited
from accounts.models import AuditEvent, Invitation, Membership, User
from accounts.people import invitations
from accounts.people.invitations import accept, accept_with_new_account, find_by_token, invite, renew, withdraw
from accounts.people.organizations import add_member, change_role, remove_member
from accounts.policy import Role
from tests import factories
from tests.support.invited import invited, token_in

pytestmark = pytest.mark.django_db

NOOR = "noor@harbor.example"
PASSWORD = "correct horse battery staple"


def person(email=NOOR):
    return factories.UserFactory(email=email)


def events(organization):
    rows = AuditEvent.objects.filter(organization_id=organization.id).order_by("sequence")
    return [(row.event, row.target_label, row.actor_label) for row in rows]


def older(invitation, age):
    Invitation.objects.filter(pk=invitation.pk).update(
        sent_at=timezone.now() - age, expires_at=timezone.now() + invitations.LIFETIME - age
    )


# What works


def test_invited_person_joins_with_the_role(owner):
    _, token = invited(owner, role=Role.ADMIN)
    membership = accept(token=token, user=person())
    assert (membership.organization, membership.role) == (owner.organization, "admin")
    assert not Invitation.objects.exists()
    assert events(owner.organization) == [
        ("invitation.created", NOOR, owner.label),
        ("member.joined", NOOR, str(membership.user)),
    ]


def test_person_without_an_account_makes_one_and_joins(owner):
    _, token = invited(owner)
    membership = accept_with_new_account(token=token, name=" Noor  Haddad ", password=PASSWORD)
    user = User.objects.get(email=NOOR)
    assert (membership.user, user.name, user.check_password(PASSWORD)) == (user, "Noor Haddad", True)


def test_several_are_invited_at_once_each_with_a_link_of_their_own(owner, mailoutbox):
    with TestCase.captureOnCommitCallbacks(execute=True):
        made = invite(actor=owner, emails=[" A@x.example", "", "b@x.example", "a@X.example"], role=Role.MEMBER)
    assert [invitation.email for invitation in made] == ["a@x.example", "b@x.example"]
    assert [message.to for message in mailoutbox] == [["a@x.example"], ["b@x.example"]]
    assert len({token_in(message.body) for message in mailoutbox}) == 2
    assert not Invitation.objects.filter(sent_at=None).exists()


def test_of_the_token_a_hash_alone_is_kept(owner):
    invitation, token = invited(owner)
    assert len(token) >= 43  # 256 bits
    assert bytes(invitation.digest) == hashlib.sha256(token.encode()).digest()


def test_sending_again_makes_another_link_and_ends_the_one_before(owner):
    invitation, old = invited(owner)
    older(invitation, timedelta(days=2))
    with TestCase.captureOnCommitCallbacks(execute=True):
        renew(actor=owner, invitation_id=invitation.id)
    new = token_in(mail.outbox[-1].body)
    with pytest.raises(NotFound):
        find_by_token(old)
    assert find_by_token(new).expires_at > timezone.now() + timedelta(days=6, hours=23)


def test_invitation_that_is_over_can_be_sent_again(owner):
    invitation, _ = invited(owner)
    older(invitation, timedelta(days=8))
    with TestCase.captureOnCommitCallbacks(execute=True):
        renew(actor=owner, invitation_id=invitation.id)
    assert accept(token=token_in(mail.outbox[-1].body), user=person()).role == "member"


def test_adding_the_person_ends_the_invitation(owner):
    invited(owner)
    add_member(actor=owner, user=person(), role=Role.ADMIN)
    assert not Invitation.objects.exists()


def test_mail_server_that_is_down_leaves_the_invitation_to_be_sent_again(owner, settings, caplog):
    caplog.set_level(logging.DEBUG)
    settings.EMAIL_BACKEND = "tests.support.mail_backends.Unreachable"
    with TestCase.captureOnCommitCallbacks(execute=True):
        (invitation,) = invite(actor=owner, emails=[NOOR], role=Role.MEMBER)
    assert invitations.not_sent([invitation]) == [NOOR]
    assert NOOR not in caplog.text
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    with TestCase.captureOnCommitCallbacks(execute=True):
        renew(actor=owner, invitation_id=invitation.id)  # at once: nobody got the first one
    assert invitations.not_sent([invitation]) == []


# Who may not

OWN, ADM = Role.OWNER, Role.ADMIN
MAY = [(who, role, who is OWN or (who is ADM and role is not OWN)) for who in Role for role in Role]


@pytest.mark.parametrize(("who", "role", "allowed"), MAY)
def test_who_may_invite_whom(request, who, role, allowed):
    actor = request.getfixturevalue(who.value)
    if allowed:
        assert invited(actor, role=role)[0].role == role.value
        return
    with pytest.raises(PermissionDenied):
        invite(actor=actor, emails=[NOOR], role=role)
    assert not Invitation.objects.exists()
    assert mail.outbox == []


@pytest.mark.parametrize("act", [renew, withdraw])
@pytest.mark.parametrize(("who", "role", "allowed"), MAY)
def test_who_may_send_again_and_withdraw(request, owner, act, who, role, allowed):
    actor, (invitation, token) = request.getfixturevalue(who.value), invited(owner, role=role)
    older(invitation, timedelta(hours=1))
    if allowed:
        act(actor=actor, invitation_id=invitation.id)
        with pytest.raises(NotFound):
            find_by_token(token)
        return
    with pytest.raises(PermissionDenied):
        act(actor=actor, invitation_id=invitation.id)
    assert find_by_token(token)


def test_person_with_another_address_does_not_accept(owner):
    _, token = invited(owner)
    somebody = person("somebody@else.example")
    with pytest.raises(PermissionDenied):
        accept(token=token, user=somebody)
    assert not somebody.memberships.exists()
    assert find_by_token(token)


@pytest.mark.parametrize("act", [renew, withdraw])
def test_invitation_of_another_organization_does_not_exist(owner, outsider, act):
    invitation, _ = invited(outsider)
    with pytest.raises(NotFound):
        act(actor=owner, invitation_id=invitation.id)
    assert Invitation.objects.count() == 1


def test_admin_who_was_demoted_meanwhile_invites_nobody(owner, admin):
    Membership.objects.filter(user=admin.id).update(role="member")
    with pytest.raises(PermissionDenied):
        invite(actor=admin, emails=[NOOR], role=Role.MEMBER)


def test_invitations_of_somebody_who_goes_are_withdrawn(owner, admin):
    _, token = invited(admin)
    remove_member(actor=owner, membership_id=Membership.objects.get(user=admin.id).id)
    with pytest.raises(NotFound):
        find_by_token(token)
    assert AuditEvent.objects.get(event="member.removed").data["invitations_withdrawn"] == [NOOR]


@pytest.mark.parametrize(
    ("becomes", "stay"), [(Role.ADMIN, ["a@x.example", "m@x.example"]), (Role.MEMBER, [])], ids=["admin", "member"]
)
def test_owner_who_steps_down_keeps_the_invitations_that_they_could_still_send(owner, organization, becomes, stay):
    other = factories.MembershipFactory(organization=organization, role=Role.OWNER)
    for name, role in (("o", Role.OWNER), ("a", Role.ADMIN), ("m", Role.MEMBER)):
        invited(owner, f"{name}@x.example", role)
    change_role(actor=owner, membership_id=Membership.objects.get(user=owner.id).id, role=becomes)
    assert list(Invitation.objects.order_by("email").values_list("email", flat=True)) == stay
    assert other.role == Role.OWNER


# Malformed, too old, too many


def test_link_works_once(owner):
    _, token = invited(owner)
    user = person()
    accept(token=token, user=user)
    Membership.objects.filter(user=user).delete()
    with pytest.raises(NotFound):
        accept(token=token, user=user)


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "\udc80", "\0", "ü" * 2000])
def test_unknown_token_is_not_found(owner, token):
    invited(owner)
    with pytest.raises(NotFound):
        find_by_token(token)


def test_link_is_over_after_seven_days(owner):
    invitation, token = invited(owner)
    older(invitation, timedelta(days=6, hours=23))
    assert find_by_token(token)
    older(invitation, timedelta(days=7))
    with pytest.raises(NotFound):
        accept(token=token, user=person())


def test_member_accepts_nothing(owner, organization):
    _, token = invited(owner)
    user = person()
    factories.MembershipFactory(organization=organization, user=user, role=Role.ADMIN)
    with pytest.raises(Invalid):
        accept(token=token, user=user)
    assert user.memberships.get().role == "admin"


@pytest.mark.parametrize(
    ("emails", "sentence"),
    [
        ([], "at least one"),
        ([" "], "at least one"),
        (["nobody"], "not an e-mail address"),
        (["a@x.example", "b@x.example\nBcc: c@x.example"], "not an e-mail address"),
        ([f"{n}@x.example" for n in range(21)], "at most 20"),
        (["n" * 250 + "@x.example"], "too long"),
    ],
)
def test_bad_addresses_are_refused_and_nobody_is_invited(owner, emails, sentence):
    with pytest.raises(Invalid) as refusal:
        invite(actor=owner, emails=emails, role=Role.MEMBER)
    assert sentence in refusal.value.errors[0].message
    assert not Invitation.objects.exists()


def test_member_and_invited_address_are_not_invited_again(owner, member):
    invited(owner)
    theirs = User.objects.get(pk=member.id).email
    with pytest.raises(Invalid) as refusal:
        invite(actor=owner, emails=[theirs, NOOR.upper(), "new@x.example"], role=Role.MEMBER)
    assert refusal.value.errors[0].message == (
        f"{theirs} already belongs to the organization. "
        f"{NOOR} is already invited: send that invitation again, or withdraw it."
    )
    assert Invitation.objects.count() == 1


def test_answer_is_the_same_whether_somebody_has_an_account(owner):
    person("known@x.example")
    made = [invited(owner, email)[0] for email in ("known@x.example", "unknown@x.example")]
    told = [{**invitation.__dict__, "email": ""} for invitation in made]
    same = {"role", "invited_by", "invited_by_id", "organization_id"}
    assert {name: told[0][name] for name in same} == {name: told[1][name] for name in same}
    first, second = (
        message.body.replace(email, "")
        for message, email in zip(mail.outbox, ("known@x.example", "unknown@x.example"), strict=True)
    )
    assert first.replace(token_in(first), "") == second.replace(token_in(second), "")


def test_open_invitations_are_bounded(owner, monkeypatch):
    monkeypatch.setattr(invitations, "OPEN_AT_MOST", 1)
    invited(owner)
    with pytest.raises(Invalid) as refusal:
        invite(actor=owner, emails=["b@x.example"], role=Role.MEMBER)
    assert "at most 1 open" in refusal.value.errors[0].message


def test_mails_of_a_day_are_bounded(owner, monkeypatch):
    monkeypatch.setattr(invitations, "A_DAY", 2)
    invitation, _ = invited(owner)
    older(invitation, timedelta(hours=1))
    renew(actor=owner, invitation_id=invitation.id)
    withdraw(actor=owner, invitation_id=invitation.id)
    with pytest.raises(Invalid) as refusal:
        invite(actor=owner, emails=["b@x.example"], role=Role.MEMBER)
    assert "Try again tomorrow" in refusal.value.errors[0].message
    monkeypatch.setattr(invitations, "A_DAY", 3)
    other, _ = invited(owner, "b@x.example")
    older(other, timedelta(hours=1))
    with pytest.raises(RateLimited):
        renew(actor=owner, invitation_id=other.id)


def test_invitation_is_not_sent_twice_within_a_minute(owner):
    invitation, token = invited(owner)
    with pytest.raises(RateLimited):
        renew(actor=owner, invitation_id=invitation.id)
    assert find_by_token(token)


@pytest.mark.parametrize(("name", "password"), [("Noor", "short"), ("a\0b", PASSWORD), ("n" * 151, PASSWORD)])
def test_bad_account_is_refused_and_the_link_stays(owner, name, password):
    _, token = invited(owner)
    with pytest.raises(Invalid):
        accept_with_new_account(token=token, name=name, password=password)
    assert not User.objects.filter(email=NOOR).exists()
    assert find_by_token(token)


def test_account_that_exists_gets_no_new_password(owner):
    _, token = invited(owner)
    user = person()
    with pytest.raises(Invalid) as refusal:
        accept_with_new_account(token=token, name="Noor", password=PASSWORD)
    user.refresh_from_db()
    assert refusal.value.errors[0].field == "email"
    assert not user.check_password(PASSWORD)
    assert not user.memberships.exists()


def test_database_keeps_one_invitation_for_an_address_in_lower_case(owner):
    invitation, _ = invited(owner)
    for email, digest, role in (
        (NOOR, b"1" * 32, "member"),
        ("Upper@x.example", b"2" * 32, "member"),
        ("other@x.example", bytes(invitation.digest), "member"),
        ("role@x.example", b"3" * 32, "boss"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            factories.InvitationFactory(organization=owner.organization, email=email, digest=digest, role=role)


def test_the_wrong_address_among_many_is_named(owner):
    with pytest.raises(Invalid) as refused:
        invite(actor=owner, emails=["good@x.example", "b ad@x.example", f"{'x' * 90}@"], role=Role.MEMBER)
    assert refused.value.errors[0].message == (
        f"“b ad@x.example” is not an e-mail address. “{'x' * 60}…” is not an e-mail address."
    )
