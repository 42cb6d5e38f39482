"""Mail that the mail server did not take, kept until it does (`accounts.people.mail_again` sends it).

A kept mail has no value and no token: of an invitation only the invitation is named, and a new link is made for each
attempt.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import F
from django.utils import timezone

from accounts.waiting_mail import WaitingMail

if TYPE_CHECKING:
    from accounts.mail.sending import Email

WAITS = (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=12), timedelta(hours=24))
"""How long after each attempt the next one is made. After the last one staff see the mail as failed."""

SUBJECT_LENGTH = WaitingMail._meta.get_field("subject").max_length or 400

KEPT = timedelta(days=7)
"""How long a failed mail stays visible to staff."""


def keep(emails: "Sequence[Email]", *, about: str) -> None:
    """Keep mails that were refused. Its first attempt was the one that failed."""
    _store(emails, about=about, attempts=1, next_at=timezone.now() + WAITS[0])


def wait(emails: "Sequence[Email]", *, about: str) -> None:
    """Let mails wait for their first attempt, in the transaction of what they tell of: so none is lost."""
    _store(emails, about=about, attempts=0, next_at=timezone.now())


def _store(emails: "Sequence[Email]", *, about: str, attempts: int, next_at: datetime) -> None:
    WaitingMail.objects.bulk_create(
        WaitingMail(
            about=about,
            to=email.to,
            subject=email.subject[:SUBJECT_LENGTH],
            paragraphs=[] if email.invitation else list(email.paragraphs),
            invitation_id=email.invitation,
            attempts=attempts,
            next_at=next_at,
        )
        for email in emails
    )


def due(now: datetime, about: Sequence[str] = ()) -> list[WaitingMail]:
    """Return the mails whose next attempt is due, oldest first; all, or those about these."""
    mails = WaitingMail.objects.filter(next_at__lte=now)
    return list((mails.filter(about__in=about) if about else mails).order_by("next_at")[:500])


def claim(mail: WaitingMail, now: datetime) -> bool:
    """Count an attempt before it is made. Returns False if another process was first."""
    wait = WAITS[mail.attempts] if mail.attempts < len(WAITS) else None
    claimed = WaitingMail.objects.filter(pk=mail.pk, attempts=mail.attempts, next_at__isnull=False)
    return bool(claimed.update(attempts=F("attempts") + 1, next_at=now + wait if wait else None))


def forget(mail: WaitingMail) -> None:
    """Forget a mail that was sent or is no longer wanted."""
    WaitingMail.objects.filter(pk=mail.pk).delete()


def note_problem(mail: WaitingMail, problem: str) -> None:
    """Note why the mail server did not take it."""
    WaitingMail.objects.filter(pk=mail.pk).update(problem=problem)


def forget_failed() -> int:
    """Delete mails that failed for good a week ago. Returns their number."""
    return WaitingMail.objects.filter(created_at__lt=timezone.now() - KEPT).delete()[0]
