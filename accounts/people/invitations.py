"""Invitations: sending, sending again, withdrawing, accepting.

The link holds a token of 256 random bits, of which a SHA-256 is kept. It reaches nobody but the invited mailbox, works
once and for seven days, and only the person with that very address accepts: signed in with it, or with a new account
made for it. Sending again makes another token; the one before it ends.
"""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actors import Actor, actor_for_member
from accounts.audit import trail
from accounts.errors import FieldError, Invalid, NotFound, PermissionDenied, RateLimited
from accounts.mail import messages, sending
from accounts.models import AuditEvent, Invitation, Membership, User
from accounts.people.locks import serialize
from accounts.people.organizations import as_target, locked, notify_owners, permission_to_manage
from accounts.people.people import create_person
from accounts.policy import Role

LIFETIME = timedelta(days=7)
TOKEN_BYTES = 32
AT_ONCE, OPEN_AT_MOST, A_DAY = 20, 200, 200
"""Bounds, so that nobody makes a mail server send without end."""
AGAIN_AFTER = timedelta(minutes=1)
NOT_INVITED = "Nobody was invited."
NO_SUCH = "No such invitation."
TOO_MANY_TODAY = f"An organization sends at most {A_DAY} invitations within 24 hours. Try again tomorrow."
EMAIL_LENGTH = Invitation._meta.get_field("email").max_length or 254


def invite(*, actor: Actor, emails: Sequence[str], role: Role) -> list[Invitation]:
    """Invite these addresses, all or none; each gets its link by mail once that is stored.

    What is answered depends on this organization alone: whether an address has an account elsewhere is never told.

    Raises:
        PermissionDenied: the actor may not manage people of this role.
        Invalid: no address, too many, one that is none, belongs to a member, or is invited already.
    """
    actor.check(permission_to_manage(role))
    wanted = list(dict.fromkeys(User.objects.normalize_email(email) for email in emails if email.strip()))
    with transaction.atomic():
        actor = locked(actor)
        actor.check(permission_to_manage(role))
        if sentences := _problems(actor, wanted):
            raise Invalid(NOT_INVITED, errors=[FieldError("emails", " ".join(sentences))])
        made = [_invite_one(actor, email, role) for email in wanted]
        _send(made)
    return [invitation for invitation, _ in made]


def renew(*, actor: Actor, invitation_id: UUID) -> Invitation:
    """Send an invitation again, with a new link and a new week; the link before it ends.

    Raises:
        NotFound: it was accepted or withdrawn, or is none of the organization's.
        PermissionDenied: the actor may not manage people of its role.
        RateLimited: it was sent within the last minute, or very many were sent within a day.
    """
    with transaction.atomic():
        actor, invitation = _lock(actor, invitation_id)
        if invitation.sent_at and invitation.sent_at > timezone.now() - AGAIN_AFTER:
            raise RateLimited(f"The invitation of {invitation.email} was sent just now. Wait a minute.")
        if _sent_today(actor) >= A_DAY:
            raise RateLimited(TOO_MANY_TODAY)
        token = _give_token(invitation)
        invitation.invited_by_id, invitation.invited_by = actor.id, actor.label
        invitation.save()
        trail.record(trail.Event.INVITATION_RENEWED, actor=actor, target=invitation, role=invitation.role)
        _send([(invitation, token)])
    return invitation


def withdraw(*, actor: Actor, invitation_id: UUID) -> Invitation:
    """End an invitation: its link works no more.

    Raises:
        NotFound, PermissionDenied: as for `renew`.
    """
    with transaction.atomic():
        actor, invitation = _lock(actor, invitation_id)
        Invitation.objects.filter(pk=invitation.pk).delete()
        trail.record(trail.Event.INVITATION_WITHDRAWN, actor=actor, target=invitation, role=invitation.role)
    return invitation


def not_sent(made: Sequence[Invitation]) -> list[str]:
    """The addresses among these invitations whose mail the mail server did not take."""
    unsent = Invitation.objects.filter(pk__in=[invitation.pk for invitation in made], sent_at=None)
    return list(unsent.order_by("email").values_list("email", flat=True))


def find_by_token(token: str) -> Invitation:
    """The open invitation of a link, its organization loaded. Nothing is written.

    Raises:
        NotFound: unknown, used, withdrawn, replaced by a newer link or too old; the five are not told apart.
    """
    found = (
        Invitation.objects.select_related("organization")
        .filter(digest=_digest(token), expires_at__gt=timezone.now())
        .first()
    )
    if found is None:
        raise NotFound(NO_SUCH)
    return found


def accept(*, token: str, user: User, address: str | None = None) -> Membership:
    """Join, and use the link up.

    Raises:
        NotFound: as for `find_by_token`.
        PermissionDenied: the person has another address than the one invited.
        Invalid: the person belongs to the organization already.
    """
    with transaction.atomic():
        serialize(find_by_token(token).organization)
        invitation = find_by_token(token)  # somebody may have used, replaced or withdrawn it meanwhile
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
    """Whether an invited person may make an account here."""
    return settings.SIGN_UP != "nobody"


def accept_with_new_account(*, token: str, name: str, password: str, address: str | None = None) -> Membership:
    """Make an account for the invited address and join with it: who holds the link reads that address's mail.

    Raises:
        NotFound: as for `find_by_token`.
        PermissionDenied: accounts are made by the operator alone (`COFFER_SIGN_UP=nobody`).
        Invalid: a bad name or password, or there is an account with this address: its owner signs in instead.
    """
    with transaction.atomic():
        invitation = find_by_token(token)
        if not may_create_account():
            raise PermissionDenied("The operator of this installation makes the accounts. Ask for one, then sign in.")
        user = create_person(email=invitation.email, name=" ".join(name.split()), password=password)
        return accept(token=token, user=user, address=address)


def _problems(actor: Actor, emails: Sequence[str]) -> list[str]:
    """What is wrong with the addresses, as sentences."""
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
    """How many invitations the organization sent within 24 hours, told by its audit log."""
    sent = AuditEvent.objects.filter(
        organization_id=actor.organization.id,
        event__in=[trail.Event.INVITATION_CREATED.value, trail.Event.INVITATION_RENEWED.value],
        created_at__gt=timezone.now() - timedelta(days=1),
    )
    return sent.count()


def _problem(email: str, members: set[str], invited: set[str]) -> str:
    if email in members:
        return f"{email} belongs to the organization already."
    if email in invited:
        return f"{email} is invited already: send that invitation again, or withdraw it."
    try:
        validate_email(email)
    except ValidationError:
        return "One of the lines is not an e-mail address."
    return "" if len(email) <= EMAIL_LENGTH else "One of the addresses is too long."


def _invite_one(actor: Actor, email: str, role: Role) -> tuple[Invitation, str]:
    invitation = Invitation(
        organization=actor.organization,
        email=email,
        role=role.value,
        invited_by_id=actor.id,
        invited_by=actor.label,
    )
    token = _give_token(invitation)
    invitation.save(force_insert=True)
    trail.record(trail.Event.INVITATION_CREATED, actor=actor, target=invitation, role=role.value)
    return invitation, token


def _give_token(invitation: Invitation) -> str:
    """A new token for the (unsaved) invitation, whose hash alone stays on it."""
    token, now = secrets.token_urlsafe(TOKEN_BYTES), timezone.now()
    invitation.digest, invitation.sent_at = _digest(token), None
    invitation.renewed_at, invitation.expires_at = now, now + LIFETIME
    return token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _send(made: Sequence[tuple[Invitation, str]]) -> None:
    """Mail the links once they are stored, and note which the mail server took: the list says so where it did not."""
    digests = {invitation.email: invitation.digest for invitation, _ in made}

    def note(taken: list[sending.Email]) -> None:
        now = timezone.now()
        Invitation.objects.filter(digest__in=[digests[email.to] for email in taken]).update(sent_at=now)

    written = [messages.invitation(invitation, token, days=LIFETIME.days) for invitation, token in made]
    sending.send_after_commit(written, about="invitation", then=note)


def _lock(actor: Actor, invitation_id: UUID) -> tuple[Actor, Invitation]:
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
        raise Invalid("Not accepted.", errors=[FieldError("", "You belong to this organization already.")]) from None
    Invitation.objects.filter(pk=invitation.pk).delete()
    return membership
