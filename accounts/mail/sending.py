"""Every mail that Coffer writes itself: plain text, short, sent after the transaction that it tells of.

A mail never holds a value, and no token but the link of an invitation. Links start with `COFFER_SITE_URL`, never with
what a request says of itself. A mail server that is down breaks no act: the log says that a mail was not sent, and
neither to whom nor with which words. Mails about signing in are allauth's (`accounts.sign_in.adapter`).
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.urls import reverse

from accounts.audit.wording import visible

logger = logging.getLogger(__name__)

FOOT = "This mail was written by Coffer"


@dataclass(frozen=True, slots=True)
class Email:
    """One mail. A line break in `to` or `subject` would begin another header, so it is a `ValueError`."""

    to: str
    subject: str
    paragraphs: Sequence[str]

    def __post_init__(self) -> None:
        """Refuse what would not stay one header."""
        if not (self.to.isprintable() and self.subject.isprintable()):
            raise ValueError("A header of a mail has one line.")


def quoted(name: str) -> str:
    """A name that somebody chose, as it stands in a mail: in quotation marks, on one line."""
    return f'"{visible(name)}"'


def link(route: str, *args: object) -> str:
    """The whole address of a page."""
    return f"{settings.SITE_URL}{reverse(route, args=args)}"


def send_after_commit(
    emails: Sequence[Email], *, about: str, then: Callable[[list[Email]], object] | None = None
) -> None:
    """Send once the transaction stands; outside of one, at once.

    Args:
        about: what the log calls these mails where they are not sent: `invitation`.
        then: is told which of them the mail server took.
    """

    def after_commit() -> None:
        taken = send(emails, about=about)
        if then:
            then(taken)

    if emails:
        transaction.on_commit(after_commit, robust=True)


def send(emails: Sequence[Email], *, about: str) -> list[Email]:
    """Send now, over one connection; those that the mail server took. Never inside a transaction."""
    connection, taken = get_connection(), []
    if _happens(connection.open, about, len(emails)):
        taken = [email for email in emails if _happens(partial(_give, connection, email), about, 1)]
        _happens(connection.close, "end of the exchange", 0)
    return taken


def _happens(step: Callable[[], object], about: str, mails: int) -> bool:
    """Take a step toward a mail server. The act is done, and stays so whatever the server or its library raises."""
    try:
        step()
    except Exception as error:
        logger.warning("E-mail not sent: %d, %s (%s).", mails, about, type(error).__name__)
        return False
    return True


def _give(connection: BaseEmailBackend, email: Email) -> None:
    connection.send_messages([_message(email)])


def _message(email: Email) -> EmailMessage:
    foot = f"{FOOT} at {settings.SITE_URL}. Nobody reads answers to it."
    return EmailMessage(
        subject=email.subject,
        body="\n\n".join([*email.paragraphs, f"-- \n{foot}"]) + "\n",
        to=[email.to],
        headers={"Auto-Submitted": "auto-generated"},  # RFC 3834: holiday notices do not answer it
    )
