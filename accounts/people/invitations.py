"""Invitations: sending, resending, withdrawing and accepting them.

The link contains a token of 256 random bits, of which only a SHA-256 is stored. It is sent to the invited mailbox alone
and works once, within seven days. Only the person with that address can accept: signed in with it, or with a new
account created for it. Resending creates another token and invalidates the previous one.

An invitation by staff waits for an owner of the organization, who is told and approves or declines it: nobody becomes a
member by being staff. Only an organization that has no owner yet takes staff's word.
"""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actors import Actor, ActorKind, actor_for_member
from accounts.audit import trail
from accounts.errors import FieldError, Invalid, NotFound, PermissionDenied, RateLimited
from accounts.mail import messages, sending
from accounts.models import AuditEvent, Invitation, Membership, User
from accounts.people.locks import lock_organization
from accounts.people.organizations import as_target, has_owner, locked, notify_owners, permission_to_manage
from accounts.people.people import create_person
from accounts.policy import Role

LIFETIME = timedelta(days=7)
TOKEN_BYTES = 32
AT_ONCE, OPEN_AT_MOST, A_DAY = 20, 200, 200
"""Bounds, so that nobody can use the mail server to send unlimited mail."""
AGAIN_AFTER = timedelta(minutes=1)
QUOTED_AT_MOST = 60
NOT_INVITED = "Nobody was invited."
NO_SUCH = "No such invitation."
TOO_MANY_TODAY = f"An organization sends at most {A_DAY} invitations within 24 hours. Try again tomorrow."
EMAIL_LENGTH = Invitation._meta.get_field("email").max_length or 254


def invite(*, actor: Actor, emails: Sequence[str], role: Role) -> list[Invitation]:
    """Invite these addresses, all or none. Each gets its link by mail after the transaction commits.

    Invitations by staff wait for an owner (`accounts.people.approvals`); the owners get a mail instead.

    The result depends on this organization alone. It never reveals whether an address has an account elsewhere.

    Raises:
        PermissionDenied: the actor may not manage people of this role.
        Invalid: there is no address, there are too many, or an address is malformed, a member's or already invited.
    """
    actor.check(permission_to_manage(role))
    addresses = list(dict.fromkeys(User.objects.normalize_email(email) for email in emails if email.strip()))
    with transaction.atomic():
        actor = locked(actor)
        actor.check(permission_to_manage(role))
        if sentences := _problems(actor, addresses):
            raise Invalid(NOT_INVITED, errors=[FieldError("emails", " ".join(sentences))])
        waits = actor.kind is ActorKind.STAFF and has_owner(actor.organization)
        created = [_invite_one(actor, email, role, awaits_owner=waits) for email in addresses]
        if waits:
            waiting = [invitation for invitation, _ in created]
            sending.send_after_commit(messages.invitations_wait(actor, waiting), about="invitation by staff")
        else:
            send_links(created)
    return [invitation for invitation, _ in created]


def renew(*, actor: Actor, invitation_id: UUID) -> Invitation:
    """Resend an invitation with a new link that works for another week. The previous link stops working.

    Raises:
        NotFound: it was accepted or withdrawn, or belongs to another organization.
        PermissionDenied: the actor may not manage people of its role, or it waits for an owner.
        RateLimited: it was sent within the last minute, or the organization reached the daily limit.
    """
    with transaction.atomic():
        actor, invitation = lock_invitation(actor, invitation_id)
        if invitation.awaits_owner:
            raise PermissionDenied("An owner has to approve this invitation first.")
        if invitation.sent_at and invitation.sent_at > timezone.now() - AGAIN_AFTER:
            raise RateLimited(f"The invitation of {invitation.email} has just been sent. Wait a minute.")
        if _sent_today(actor) >= A_DAY:
            raise RateLimited(TOO_MANY_TODAY)
        token = give_token(invitation)
        invitation.invited_by_id, invitation.invited_by = actor.id, actor.label
        invitation.save()
        trail.record(trail.Event.INVITATION_RENEWED, actor=actor, target=invitation, role=invitation.role)
        send_links([(invitation, token)])
    return invitation


def withdraw(*, actor: Actor, invitation_id: UUID) -> Invitation:
    """Withdraw an invitation; its link stops working.

    Raises:
        NotFound: it was accepted or withdrawn, or belongs to another organization.
        PermissionDenied: the actor may not manage people of its role.
    """
    with transaction.atomic():
        actor, invitation = lock_invitation(actor, invitation_id)
        Invitation.objects.filter(pk=invitation.pk).delete()
        trail.record(trail.Event.INVITATION_WITHDRAWN, actor=actor, target=invitation, role=invitation.role)
    return invitation


def not_sent(created: Sequence[Invitation]) -> list[str]:
    """Return the addresses of those invitations whose mail the mail server did not accept."""
    unsent = Invitation.objects.filter(pk__in=[invitation.pk for invitation in created], sent_at=None)
    return list(unsent.order_by("email").values_list("email", flat=True))


def find_by_token(token: str) -> Invitation:
    """Return the open invitation of a link, with its organization loaded.

    Raises:
        NotFound: the link is unknown, used, withdrawn, replaced, expired or not approved yet. The error does not tell
            these cases apart.
    """
    found = (
        Invitation.objects.select_related("organization")
        .filter(digest=_digest(token), expires_at__gt=timezone.now(), awaits_owner=False)
        .first()
    )
    if found is None:
        raise NotFound(NO_SUCH)
    return found


def accept(*, token: str, user: User, address: str | None = None) -> Membership:
    """Join the organization and use up the link.

    Raises:
        NotFound: the link does not work (see `find_by_token`).
        PermissionDenied: the person has a different address from the invited one.
        Invalid: the person already belongs to the organization.
    """
    with transaction.atomic():
        lock_organization(find_by_token(token).organization)
        invitation = find_by_token(token)  # again: it may have been used, replaced or withdrawn meanwhile
        if user.email != invitation.email:
            raise PermissionDenied(f"This invitation is for {invitation.email}. Sign in with that address.")
        membership = _join(invitation, user)
        actor = actor_for_member(membership, address=address)
        trail.record(
            trail.Event.MEMBER_JOINED,
            actor=actor,
            target=as_target(user),
            role=membership.role,
            invited_by=invitation.invited_by,
        )
        notify_owners(actor, user, Role(membership.role))
    return membership


def may_create_account() -> bool:
    """Whether an invited person may create an account on this installation."""
    return settings.SIGN_UP != "nobody"


def accept_with_new_account(*, token: str, name: str, password: str, address: str | None = None) -> Membership:
    """Create an account for the invited address and join with it. Whoever has the link can read that address's mail.

    Raises:
        NotFound: the link does not work (see `find_by_token`).
        PermissionDenied: only the operator creates accounts (`COFFER_SIGN_UP=nobody`).
        Invalid: the name or password is not acceptable, or the address already has an account, whose owner signs in.
    """
    with transaction.atomic():
        invitation = find_by_token(token)
        if not may_create_account():
            raise PermissionDenied("The operator of this installation creates accounts. Ask for one, then sign in.")
        user = create_person(email=invitation.email, name=" ".join(name.split()), password=password)
        return accept(token=token, user=user, address=address)


def _problems(actor: Actor, emails: Sequence[str]) -> list[str]:
    """Return what is wrong with the addresses, as sentences."""
    if not emails:
        return ["Enter at least one e-mail address."]
    if len(emails) > AT_ONCE:
        return [f"Invite at most {AT_ONCE} people at once."]
    open_ones = Invitation.objects.filter(organization=actor.organization)
    if open_ones.count() + len(emails) > OPEN_AT_MOST:
        return [f"There are at most {OPEN_AT_MOST} open invitations. Withdraw some first."]
    if _sent_today(actor) + len(emails) > A_DAY:
        return [TOO_MANY_TODAY]
    members = set(
        Membership.objects.filter(organization=actor.organization, user__email__in=emails).values_list(
            "user__email", flat=True
        )
    )
    invited = set(open_ones.filter(email__in=emails).values_list("email", flat=True))
    return [sentence for email in emails if (sentence := _problem(email, members, invited))]


def _sent_today(actor: Actor) -> int:
    """Return the number of invitations that the organization sent within 24 hours, counted in its audit log."""
    sent = AuditEvent.objects.filter(
        organization_id=actor.organization.id,
        event__in=[trail.Event.INVITATION_CREATED.value, trail.Event.INVITATION_RENEWED.value],
        created_at__gt=timezone.now() - timedelta(days=1),
    )
    return sent.count()


def _problem(email: str, members: set[str], invited: set[str]) -> str:
    if email in members:
        return f"{email} already belongs to the organization."
    if email in invited:
        return f"{email} is already invited: send that invitation again, or withdraw it."
    try:
        validate_email(email)
    except ValidationError:
        return f"“{_shortened(email)}” is not an e-mail address."
    return "" if len(email) <= EMAIL_LENGTH else f"“{_shortened(email)}” is too long for an e-mail address."


def _shortened(text: str) -> str:
    return text if len(text) <= QUOTED_AT_MOST else f"{text[:QUOTED_AT_MOST]}…"


def _invite_one(actor: Actor, email: str, role: Role, *, awaits_owner: bool) -> tuple[Invitation, str]:
    invitation = Invitation(
        organization=actor.organization,
        email=email,
        role=role.value,
        invited_by_id=actor.id,
        invited_by=actor.label,
        awaits_owner=awaits_owner,
    )
    token = give_token(invitation)
    invitation.save(force_insert=True)
    details: dict[str, Any] = {"awaits_owner": True} if awaits_owner else {}
    trail.record(trail.Event.INVITATION_CREATED, actor=actor, target=invitation, role=role.value, **details)
    return invitation, token


def give_token(invitation: Invitation) -> str:
    """Give the unsaved invitation a new token and return it. Only its hash is kept."""
    token, now = secrets.token_urlsafe(TOKEN_BYTES), timezone.now()
    invitation.digest, invitation.sent_at, invitation.token = _digest(token), None, token
    invitation.renewed_at, invitation.expires_at = now, now + LIFETIME
    return token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def send_links(created: Sequence[tuple[Invitation, str]]) -> None:
    """Mail the links after the transaction commits, and record which mails the mail server accepted."""
    digests = {invitation.email: invitation.digest for invitation, _ in created}

    def record(accepted: list[sending.Email]) -> None:
        now = timezone.now()
        if sending.is_sent_by_a_server():
            Invitation.objects.filter(digest__in=[digests[email.to] for email in accepted]).update(sent_at=now)

    emails = [messages.invitation(invitation, token, days=LIFETIME.days) for invitation, token in created]
    sending.send_after_commit(emails, about="invitation", then=record)


def lock_invitation(actor: Actor, invitation_id: UUID) -> tuple[Actor, Invitation]:
    """Take the organization's lock; return the actor as they are now, and the invitation.

    Raises:
        NotFound: it was accepted or withdrawn, or belongs to another organization.
        PermissionDenied: the actor may not manage people of its role.
    """
    actor = locked(actor)
    invitation = (
        Invitation.objects.select_related("organization")
        .filter(organization=actor.organization, pk=invitation_id)
        .first()
    )
    if invitation is None:
        raise NotFound(NO_SUCH)
    actor.check(permission_to_manage(Role(invitation.role)))
    return actor, invitation


def _join(invitation: Invitation, user: User) -> Membership:
    try:
        with transaction.atomic():
            membership = Membership.objects.create(
                organization=invitation.organization, user=user, role=invitation.role
            )
    except IntegrityError:
        raise Invalid("Not accepted.", errors=[FieldError("", "You already belong to this organization.")]) from None
    Invitation.objects.filter(pk=invitation.pk).delete()
    return membership
