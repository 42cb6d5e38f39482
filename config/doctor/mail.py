"""Whether mail can be sent, and what to do if not."""

from collections.abc import Iterator

from django.conf import settings
from django.core.mail import get_connection

from accounts.mail.refusals import why_refused
from accounts.mail.sending import Email, is_sent_by_a_server, message_of
from config.doctor.diagnosis import Diagnosis


def mail_server() -> Iterator[Diagnosis]:
    """Connect to the mail server and sign in there, without sending anything."""
    if not is_sent_by_a_server():
        yield Diagnosis(
            "mail",
            "No mail is sent, because EMAIL_URL is not set: mail is printed on standard error, and pages show owners "
            "and staff the links of invitations. Set EMAIL_URL=smtp+tls://user:password@host:587.",
            is_wrong=False,
        )
        return
    connection = get_connection()
    try:
        connection.open()
        connection.close()
    except Exception as fault:  # the library of a mail server has many
        yield Diagnosis("mail", why_refused(fault))


def test_mail(address: str) -> Iterator[Diagnosis]:
    """Send a mail to an address."""
    email = Email(to=address, subject="Test of Coffer's mail", paragraphs=["Mail from Coffer arrives."])
    try:
        get_connection().send_messages([message_of(email)])
    except Exception as fault:
        yield Diagnosis("mail", why_refused(fault))
        return
    how = f"The mail server {settings.EMAIL_HOST} took it" if is_sent_by_a_server() else "It was printed, not sent"
    yield Diagnosis(
        "mail",
        f"A mail from {settings.DEFAULT_FROM_EMAIL} to {address}: {how}. If it does not arrive, look into the server's "
        "log, and check that the sender may use the server (SPF, DKIM).",
        is_wrong=False,
    )
