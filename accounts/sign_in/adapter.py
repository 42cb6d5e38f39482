"""django-allauth's adapters: Coffer's decisions about accounts and single sign-on."""

import functools
import logging
from collections.abc import Callable
from typing import Any, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as current
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.internal.flows.connect import connect  # called here to run it in a transaction
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from typing_extensions import override

from accounts.access.client_addresses import client_address
from accounts.access.requests import CofferRequest
from accounts.audit.trail import Event
from accounts.models import User
from accounts.people.own_account import record_often
from accounts.people.people import is_installation_empty
from accounts.sign_in.atomic_with_mail import atomic_with_mail, send_or_defer

NOT_SENT = "The mail server did not take the mail. Try again in a few minutes, or tell the operator of Coffer."
UNKNOWN_ADDRESS = "0.0.0.0"  # noqa: S104 - stands for all clients of a Unix socket; rate limits count them together

logger = logging.getLogger(__name__)


class SessionsAdapter(DefaultUserSessionsAdapter):
    """Records sessions that a person ends from another one."""

    @override
    def end_sessions(self, sessions: list[UserSession]) -> None:
        super().end_sessions(sessions)
        address = client_address(current.request)
        for session in sessions:
            record_often(Event.MEMBER_SESSION_ENDED, user=session.user, address=address, reason="ended elsewhere")


class AccountAdapter(DefaultAccountAdapter):
    """Decides who may sign up, which address a request comes from, and how mail is sent."""

    @override
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Apply `COFFER_SIGN_UP`: anybody, nobody, or (`invited`) only the first person of an installation.

        Invited people create their account on the page of their invitation, not here.
        """
        return settings.SIGN_UP == "anybody" or (settings.SIGN_UP == "invited" and is_installation_empty())

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the client's address as the rest of Coffer determines it."""
        return client_address(request) or UNKNOWN_ADDRESS

    @override
    def is_reauthentication_required(self, *, app: str, **_: Any) -> bool:
        """Return False: Coffer asks for proofs itself (accounts/access/step_up.py).

        django-allauth's rule would let people pass who have neither a password nor a second factor.
        """
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail after the current transaction.

        Its links start with `COFFER_SITE_URL`, not with the request's host.
        """
        context = {**context, "site_url": settings.SITE_URL}
        send = functools.partial(super().send_mail, template_prefix, email, context)
        send_or_defer(current.request, functools.partial(_send, current.request, send))

    @override
    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Return the account page."""
        return reverse("mfa_index")

    @override
    def get_email_verification_redirect_url(self, email_address: Any) -> str:
        """Return the account page, for people who have just confirmed another address."""
        return reverse("mfa_index")


class SingleSignOnAdapter(DefaultSocialAccountAdapter):
    """Handles people who come from the operator's OpenID Connect provider."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Apply `COFFER_OIDC_SIGN_UP`: everybody from the provider, otherwise the rule for everybody."""
        return settings.OIDC_SIGN_UP or super().is_open_for_signup(request, sociallogin)

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Connect the provider's account in one transaction.

        The provider has already answered, so the transaction does not wait for it.
        """
        if sociallogin.state.get("process") == AuthProcess.CONNECT:
            with atomic_with_mail(cast("CofferRequest", request)):
                response = connect(request, sociallogin)
            raise ImmediateHttpResponse(response)

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> User:
        """Take the address and name from the provider."""
        user: User = super().populate_user(request, sociallogin, data)
        user.email = User.objects.normalize_email(user.email)
        user.name = _one_line(data.get("name") or "")[: User._meta.get_field("name").max_length]
        return user


def _send(request: HttpRequest | None, send: Callable[[], None]) -> None:
    """Send a mail about signing in. If the mail server refuses it, the page says so, whatever the address is."""
    try:
        send()
    except Exception as fault:  # the library of a mail server has many
        logger.warning("E-mail not sent: 1, signing in (%s).", type(fault).__name__)
        if request is not None and hasattr(request, "_messages"):
            messages.error(request, NOT_SENT)


def _one_line(text: str) -> str:
    return "".join(letter for letter in str(text) if letter.isprintable()).strip()
