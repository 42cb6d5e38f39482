"""Seeds of second factors (authenticator apps, recovery codes) are stored sealed, each bound to its person.

django-allauth hands over a seed without saying whose it is; it is always the person who is signing in or signed in.
A seed that somebody copied from another person's row does not open.
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
    """What allauth's second factors ask us."""

    def encrypt(self, text: str) -> str:
        """Seal a seed for its person."""
        return seeds.seal_seed(_person(context.request), text)

    def decrypt(self, encrypted_text: str) -> str:
        """Open a seed of this person.

        Raises:
            SecondFactorUnavailable: its key is lost, it was changed, or it is somebody else's.
        """
        try:
            return seeds.open_seed(_person(context.request), encrypted_text)
        except keyring.CannotOpen:
            sentence = "Use another second factor, or ask whoever runs this installation to remove this one."
            raise SecondFactorUnavailable(sentence) from None

    def generate_authenticator_name(self, user: Any, type: Authenticator.Type) -> str:  # noqa: A002 - allauth's name
        """What a passkey is called until its person says otherwise: `Passkey`, `Passkey 2`, …"""
        number = Authenticator.objects.filter(user=user, type=type).count() + 1
        return "Passkey" if number == 1 else f"Passkey {number}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Passkeys belong to the operator's address, whatever Host a request names."""
        return {"id": urlsplit(settings.SITE_URL).hostname or "", "name": "Coffer"}


class ActivateTotpForm(ActivateTOTPForm):
    """Setting up an authenticator app: the seed that waits for its first code lies sealed in the session, too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Open what waits, let allauth use or replace it, and seal it again. What does not open any more is replaced.

        Raises:
            SecondFactorUnavailable: the installation's data key is missing; looking at a page makes none.
        """
        if not seeds.has_installation_key():
            raise SecondFactorUnavailable("Ask whoever runs this installation to run `manage.py migrate` once.")
        session, person = context.request.session, kwargs["user"].pk
        if WAITING in session:
            with suppress(keyring.CannotOpen):
                session[SECRET_SESSION_KEY] = seeds.open_seed(person, session[WAITING])
        super().__init__(*args, **kwargs)
        session[WAITING] = seeds.seal_seed(person, session.pop(SECRET_SESSION_KEY))


def _person(request: HttpRequest) -> UUID:
    """Whoever is asked for a second factor: half signed in, or signed in."""
    stage = getattr(request, "_login_stage", None)
    return stage.login.user.pk if stage else request.user.pk  # type: ignore[return-value]
