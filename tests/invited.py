"""Open invitations for tests, with the token that only the mail tells."""

import re

from django.core import mail
from django.test import TestCase

from accounts.actors import Actor
from accounts.models import Invitation
from accounts.people.invitations import invite
from accounts.policy import Role

LINK = re.compile(r"/invitations/([\w-]+)/")


def invited(actor: Actor, email: str = "noor@harbor.example", role: Role = Role.MEMBER) -> tuple[Invitation, str]:
    """The invitation and its token, read in the mail that was sent."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        (invitation,) = invite(actor=actor, emails=[email], role=role)
    invitation.refresh_from_db()
    return invitation, token_in(mail.outbox[-1].body)


def token_in(text: str) -> str:
    """The token of the link in a mail."""
    found = LINK.search(text)
    assert found
    return found[1]
