"""Signing people in, in one place, for tests that use Django's test client."""

import time

from allauth.core.context import request_context
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.http import HttpRequest
from django.test import Client, RequestFactory

from accounts.access.step_up import PROVEN_AT
from accounts.actors import Actor
from accounts.models import User
from accounts.sign_in.session_limits import begin

SEED = "JBSWY3DPEHPK3PXP"


def sign_in(client: Client, person: Actor | User, *, proven: bool = True) -> Client:
    """Sign in without a password; `proven` also puts a recent proof into the session (accounts/access/step_up.py)."""
    client.force_login(person if isinstance(person, User) else User.objects.get(pk=person.id))
    session = client.session
    begin(session)
    session.save()
    if proven:
        set_proof(client, seconds_ago=0)
    return client


def set_proof(client: Client, *, seconds_ago: float) -> None:
    """Make the last proof so old."""
    session = client.session
    session[PROVEN_AT] = time.time() - seconds_ago
    session.save()


def add_totp(user: User) -> None:
    """Give the person an authenticator app."""
    with request_context(_request_of(user)):
        TOTP.activate(user, SEED)


def add_recovery_codes(user: User) -> list[str]:
    """Give the person recovery codes; the codes."""
    with request_context(_request_of(user)):
        return RecoveryCodes.activate(user).generate_codes()


def _request_of(user: User) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = user
    return request


def totp_code(seed: str = SEED) -> str:
    """What the app shows now."""
    return format_hotp_value(hotp_value(seed, int(time.time()) // 30))
