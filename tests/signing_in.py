"""Signing people in, in one place, for tests that use Django's test client."""

import time

from allauth.core.context import request_context
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.test import Client, RequestFactory

from accounts.actors import Actor
from accounts.models import User
from accounts.step_up import PROVEN_AT

SEED = "JBSWY3DPEHPK3PXP"


def sign_in(client: Client, person: Actor | User, *, proven: bool = True) -> Client:
    """Sign in without a password; `proven` also puts a recent proof into the session (accounts/step_up.py)."""
    client.force_login(person if isinstance(person, User) else User.objects.get(pk=person.id))
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
    request = RequestFactory().get("/")
    request.user = user
    with request_context(request):
        TOTP.activate(user, SEED)


def totp_code(seed: str = SEED) -> str:
    """What the app shows now."""
    return format_hotp_value(hotp_value(seed, int(time.time()) // 30))
