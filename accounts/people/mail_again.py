"""Sends again what the mail server did not take: `manage.py send_mail`, from a timer."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone

from accounts.mail import messages, outbox
from accounts.mail.sending import Email, message_of
from accounts.models import Invitation
from accounts.people.invitations import LIFETIME, give_token
from accounts.people.locks import lock_organization
from accounts.waiting_mail import WaitingMail


@dataclass(frozen=True, slots=True)
class Sent:
    """How many waiting mails were sent, and how many were refused again."""

    sent: int
    refused: int


def send_due(about: Sequence[str] = ()) -> Sent:
    """Make the attempts that are due, over one connection.

    Each is counted before it is made, so that a crash repeats at most one mail. A mail server that cannot be reached is
    asked once, for all of them.

    Args:
        about: what the mails are about; empty for all mail.
    """
    now = timezone.now()
    due = outbox.due(now, about)
    if not due:
        return Sent(0, 0)
    connection, claimed = get_connection(), (mail for mail in due if outbox.claim(mail, now))
    if unreachable := _problem_of(connection.open):
        unsent = list(claimed)
        for mail in unsent:
            outbox.note_problem(mail, unreachable)
        return Sent(0, len(unsent))
    counted = Counter(_attempt(connection, mail) for mail in claimed)
    _problem_of(connection.close)
    return Sent(counted["sent"], counted["refused"])


def _attempt(connection: BaseEmailBackend, mail: WaitingMail) -> str:
    """Send a mail. Returns `sent`, `refused`, or `unwanted` of an invitation that needs no link any more."""
    email = _rendered(mail)
    if email is None:
        outbox.forget(mail)
        return "unwanted"
    if problem := _problem_of(partial(connection.send_messages, [message_of(email)])):
        outbox.note_problem(mail, problem)
        return "refused"
    if mail.invitation_id:
        Invitation.objects.filter(pk=mail.invitation_id).update(sent_at=timezone.now())
    outbox.forget(mail)
    return "sent"


def _rendered(mail: WaitingMail) -> Email | None:
    """Return the mail; of an invitation with a new link, or None if it was sent meanwhile."""
    if mail.invitation_id is None:
        return Email(to=mail.to, subject=mail.subject, paragraphs=mail.paragraphs)
    with transaction.atomic():
        found = Invitation.objects.select_related("organization").filter(pk=mail.invitation_id).first()
        if found is None:
            return None
        lock_organization(found.organization)
        invitation = Invitation.objects.select_related("organization").filter(pk=mail.invitation_id).first()
        if invitation is None or invitation.sent_at or invitation.expires_at <= timezone.now():
            return None
        expires_at = invitation.expires_at
        token = give_token(invitation)
        invitation.expires_at = expires_at  # attempts of the mail server do not make an invitation last longer
        invitation.save()
    return messages.invitation(invitation, token, days=LIFETIME.days)


def _problem_of(step: Callable[[], object]) -> str:
    """Run one step of the exchange with a mail server. Returns the kind of its failure, "" if there is none."""
    try:
        step()
    except Exception as fault:  # the library of a mail server has many
        return type(fault).__name__
    return ""
