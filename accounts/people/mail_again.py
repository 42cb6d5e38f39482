"""Sends again what the mail server did not take: `manage.py send_mail`, from a timer."""

from dataclasses import dataclass

from django.core.mail import get_connection
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


def send_due() -> Sent:
    """Make the attempts that are due. Each is counted before it is made, so that a crash repeats at most one mail."""
    sent = refused = 0
    now = timezone.now()
    for mail in outbox.due(now):
        if not outbox.claim(mail, now):
            continue
        email = _rendered(mail)
        if email is None:
            outbox.is_done(mail)
        elif problem := _refusal(email):
            outbox.failed_again(mail, problem)
            refused += 1
        else:
            if mail.invitation_id:
                Invitation.objects.filter(pk=mail.invitation_id).update(sent_at=timezone.now())
            outbox.is_done(mail)
            sent += 1
    return Sent(sent, refused)


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


def _refusal(email: Email) -> str:
    try:
        get_connection().send_messages([message_of(email)])
    except Exception as fault:  # the library of a mail server has many
        return type(fault).__name__
    return ""
