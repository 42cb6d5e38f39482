"""Seals the seeds of second factors (authenticator apps, recovery codes), each bound to its person.

django-allauth passes a seed without its owner, which is always the person who is signing in or signed in. A seed that
was copied from another person's row cannot be opened.
"""

from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from django.conf import settings
from django.http import HttpRequest

from accounts.errors import SecondFactorUnavailable
from secrets_app.sealing import keyring, seeds

WAITING = "sealed_totp_seed"


class SecondFactorAdapter(DefaultMFAAdapter):
    """django-allauth's adapter for second factors."""

    def encrypt(self, text: str) -> str:
        """Seal a seed for the person of the request."""
        return seeds.seal_seed(_person(context.request), text)

    def decrypt(self, encrypted_text: str) -> str:
        """Open a seed of the person of the request.

        Raises:
            SecondFactorUnavailable: the key is lost, the seed was changed, or it belongs to somebody else.
        """
        try:
            return seeds.open_seed(_person(context.request), encrypted_text)
        except keyring.CannotOpen:
            sentence = "Use another second factor, or ask the operator of this installation to remove this one."
            raise SecondFactorUnavailable(sentence) from None

    def generate_authenticator_name(self, user: Any, type: Authenticator.Type) -> str:  # noqa: A002 - allauth's name
        """Return the name of a new passkey, which its person can change: `Passkey`, `Passkey 2`, …"""
        number = Authenticator.objects.filter(user=user, type=type).count() + 1
        return "Passkey" if number == 1 else f"Passkey {number}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Bind passkeys to the host of `COFFER_SITE_URL`, whatever host a request names."""
        return {"id": urlsplit(settings.SITE_URL).hostname or "", "name": "Coffer"}


class ActivateTotpForm(ActivateTOTPForm):
    """The form that sets up an authenticator app.

    The seed that waits for its first code is sealed in the session, too.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Open the waiting seed, let django-allauth use or replace it, and seal it again.

        A seed that cannot be opened is replaced.

        Raises:
            SecondFactorUnavailable: the installation's data key is missing or does not open. Showing a page does not
            create one.
        """
        if not seeds.has_installation_key():
            raise SecondFactorUnavailable(
                "Ask the operator of this installation to run `manage.py migrate` once, and then `manage.py keys`."
            )
        session, person = context.request.session, kwargs["user"].pk
        if WAITING in session:
            with suppress(keyring.CannotOpen):
                session[SECRET_SESSION_KEY] = seeds.open_seed(person, session[WAITING])
        super().__init__(*args, **kwargs)
        session[WAITING] = seeds.seal_seed(person, session.pop(SECRET_SESSION_KEY))


def _person(request: HttpRequest) -> UUID:
    """Return the id of the person who is asked for a second factor, during the sign-in or after it."""
    stage = getattr(request, "_login_stage", None)
    return stage.login.user.pk if stage else request.user.pk  # type: ignore[return-value]
