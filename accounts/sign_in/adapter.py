"""What django-allauth asks us about accounts."""

import functools
from typing import Any, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as current
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.internal.flows.connect import connect  # what allauth does next, within a transaction of ours
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from typing_extensions import override

from accounts.access.client_addresses import client_address
from accounts.access.requests import CofferRequest
from accounts.models import User
from accounts.people.people import is_installation_empty
from accounts.sign_in.atomic_with_mail import atomic_with_mail, send_or_defer

UNKNOWN_ADDRESS = "0.0.0.0"  # noqa: S104 - for a server on a Unix socket, which gives none; limits count it as one


class AccountAdapter(DefaultAccountAdapter):
    """Who may sign up, where a request comes from, what mail carries."""

    @override
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """`COFFER_SIGN_UP`: anybody, nobody, or (invited) the very first person of an installation.

        Invited people make their account where the link of their invitation leads, never here.
        """
        return settings.SIGN_UP == "anybody" or (settings.SIGN_UP == "invited" and is_installation_empty())

    def get_client_ip(self, request: HttpRequest) -> str:
        """The peer, as everywhere."""
        return client_address(request) or UNKNOWN_ADDRESS

    @override
    def is_reauthentication_required(self, *, app: str, **_: Any) -> bool:
        """Never by allauth: its rule lets people without password and second factor pass. Ours is step_up.py."""
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Every mail knows the operator's address of this installation; none is made from a request's Host."""
        told = {**context, "site_url": settings.SITE_URL}
        send_or_defer(current.request, functools.partial(super().send_mail, template_prefix, email, told))

    @override
    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Back to the account."""
        return reverse("mfa_index")

    @override
    def get_email_verification_redirect_url(self, email_address: Any) -> str:
        """Back to the account, for whoever has just confirmed another address."""
        return reverse("mfa_index")


class SingleSignOnAdapter(DefaultSocialAccountAdapter):
    """People who come from the operator's OpenID Connect provider."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """`COFFER_OIDC_SIGN_UP`: everybody whom the provider vouches for; else as for everybody."""
        return settings.OIDC_SIGN_UP or super().is_open_for_signup(request, sociallogin)

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Connect to an account in one act; the provider has answered by now, so no transaction waits for it."""
        if sociallogin.state.get("process") == AuthProcess.CONNECT:
            with atomic_with_mail(cast("CofferRequest", request)):
                response = connect(request, sociallogin)
            raise ImmediateHttpResponse(response)

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> User:
        """Address and name as the provider tells them."""
        user: User = super().populate_user(request, sociallogin, data)
        user.email = User.objects.normalize_email(user.email)
        user.name = _one_line(data.get("name") or "")[: User._meta.get_field("name").max_length]
        return user


def _one_line(text: str) -> str:
    return "".join(letter for letter in str(text) if letter.isprintable()).strip()
