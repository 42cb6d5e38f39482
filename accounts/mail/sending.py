"""Sends the mail that Coffer writes itself: plain text, after the transaction that it reports.

A mail never contains a value, and no token but the link of an invitation. Links start with `COFFER_SITE_URL`, never
with a header of the request. If the mail server is down, the action still succeeds: the log says that a mail was not
sent, without its recipient or text, and the mail waits to be sent again (`outbox`). Mail about signing in is sent by
django-allauth (`accounts.sign_in.adapter`).
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.urls import reverse

from accounts.audit.wording import visible
from accounts.mail import outbox

logger = logging.getLogger(__name__)

CONSOLE = "accounts.mail.console_backend.EmailBackend"
FOOTER = "This e-mail was sent by Coffer"


@dataclass(frozen=True, slots=True)
class Email:
    """One mail.

    Attributes:
        invitation: the id of the invitation whose link it has. Such a text is never stored.

    Raises:
        ValueError: `to` or `subject` contains a line break, which would start another header.
    """

    to: str
    subject: str
    paragraphs: Sequence[str]
    invitation: UUID | None = None

    def __post_init__(self) -> None:
        if not (self.to.isprintable() and self.subject.isprintable()):
            raise ValueError("A mail header must be a single line.")


def quoted(name: str) -> str:
    """Return a name that somebody chose in quotation marks, on one line."""
    return f'"{visible(name)}"'


def link(route: str, *args: object) -> str:
    """Return the absolute URL of a page."""
    return f"{settings.SITE_URL}{reverse(route, args=args)}"


def send_after_commit(
    emails: Sequence[Email], *, about: str, then: Callable[[list[Email]], object] | None = None
) -> None:
    """Send the mails after the current transaction commits, or at once outside of a transaction.

    Args:
        about: what the log calls these mails if they are not sent, such as `invitation`.
        then: is called with the mails that the mail server accepted.
    """

    def after_commit() -> None:
        accepted = send(emails, about=about)
        if refused := [email for email in emails if email not in accepted]:
            outbox.keep(refused, about=about)
        if then:
            then(accepted)

    if emails:
        transaction.on_commit(after_commit, robust=True)


def send(emails: Sequence[Email], *, about: str) -> list[Email]:
    """Send the mails over one connection, outside of any transaction. Returns those that the mail server accepted."""
    connection, accepted = get_connection(), []
    if _succeeds(connection.open, about, len(emails)):
        accepted = [email for email in emails if _succeeds(partial(_send_one, connection, email), about, 1)]
        _succeeds(connection.close, "end of the exchange", 0)
    return accepted


def _succeeds(step: Callable[[], object], about: str, mails: int) -> bool:
    """Run one step of the exchange with a mail server and return whether it succeeded.

    The action is complete, so no error of the server or its library may be raised.
    """
    try:
        step()
    except Exception as error:
        logger.warning("E-mail not sent: %d, %s (%s).", mails, about, type(error).__name__)
        return False
    return True


def _send_one(connection: BaseEmailBackend, email: Email) -> None:
    connection.send_messages([message_of(email)])


def is_sent_by_a_server() -> bool:
    """Return whether there is a mail server; otherwise mail is printed for the operator."""
    return settings.EMAIL_BACKEND != CONSOLE


def message_of(email: Email) -> EmailMessage:
    """Return the mail as Django sends it."""
    footer = f"{FOOTER} at {settings.SITE_URL}. Replies are not read."
    return EmailMessage(
        subject=email.subject,
        body="\n\n".join([*email.paragraphs, f"-- \n{footer}"]) + "\n",
        to=[email.to],
        headers={"Auto-Submitted": "auto-generated"},  # RFC 3834: no out-of-office replies
    )
