"""E-mail backends of servers that fail."""

import smtplib

from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.locmem import EmailBackend as InMemory


class Unreachable(BaseEmailBackend):
    """A mail server that cannot be reached."""

    def open(self):
        raise ConnectionRefusedError("a@x.example")


class RefusesUnknown(InMemory):
    """A mail server that refuses one recipient."""

    def send_messages(self, messages):
        if messages[0].to == ["unknown@x.example"]:
            raise smtplib.SMTPRecipientsRefused({"unknown@x.example": (550, b"no such user")})
        return super().send_messages(messages)
