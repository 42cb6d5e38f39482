"""URLs of signing in and of the person's account: django-allauth's views with Coffer's addresses and route permissions.

Every view that changes how somebody signs in asks for a proof first (accounts/access/step_up.py); django-allauth's own
reauthentication is switched off (accounts/sign_in/adapter.py). Changing the password asks for the old password instead
(ASVS 6.2.3). A change and its audit events are one transaction (accounts/sign_in/atomic_with_mail.py).
"""

import contextlib
import functools
from typing import Any

from allauth.account import views as account
from allauth.mfa.base import views as factors
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from allauth.socialaccount import views as social
from allauth.socialaccount.providers.openid_connect import views as openid_connect
from allauth.usersessions import views as sessions
from django.http import HttpResponseBase
from django.urls import path

from accounts.access.requests import CofferRequest
from accounts.access.route_permissions import LAST_ORGANIZATION, View, actor_of_request, public, signed_in
from accounts.access.step_up import Proof
from accounts.errors import NotFound
from accounts.sign_in.atomic_with_mail import atomic_view
from accounts.web import organizations, own_sessions


def account_page(view: Any, proof: Proof | None = None) -> View:
    """A page of the person's account, with the layout of the organization that the person used last."""

    @functools.wraps(view)
    def framed(request: CofferRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with contextlib.suppress(NotFound):
            actor_of_request(request, request.COOKIES.get(LAST_ORGANIZATION, ""))
        return view(request, *args, **kwargs)

    return signed_in(framed, proof=proof)


def credential_page(view: Any) -> View:
    """A page that changes how the person signs in: it asks for a proof and runs in a transaction."""
    return account_page(atomic_view(view), Proof.PAGE)


SIGNING_IN = [
    path("signin/", public(account.login), name="account_login"),
    path("signin/inactive/", public(account.account_inactive), name="account_inactive"),
    path("signin/code/", public(account.request_login_code), name="account_request_login_code"),
    path("signin/code/confirm/", public(account.confirm_login_code), name="account_confirm_login_code"),
    path("signin/second/", public(factors.authenticate), name="mfa_authenticate"),
    path("signin/passkey/", public(passkeys.login_webauthn), name="mfa_login_webauthn"),
    path("signin/cancelled/", public(social.login_cancelled), name="socialaccount_login_cancelled"),
    path("signin/failed/", public(social.login_error), name="socialaccount_login_error"),
    path("signin/new/", public(social.signup), name="socialaccount_signup"),
    path("signin/with/<slug:provider_id>/", public(organizations.single_sign_on), name="openid_connect_login"),
    path("signin/with/<slug:provider_id>/back/", public(openid_connect.callback), name="openid_connect_callback"),
    path("signout/", public(organizations.SignOutView.as_view()), name="account_logout"),
    path("signup/", public(account.signup), name="account_signup"),
    path(
        "signup/code/",
        public(atomic_view(account.email_verification_sent)),
        name="account_email_verification_sent",
    ),
    path("password/", public(account.password_reset), name="account_reset_password"),
    path("password/code/", public(account.confirm_password_reset_code), name="account_confirm_password_reset_code"),
    path(
        "password/new/",
        public(atomic_view(account.complete_password_reset)),
        name="account_complete_password_reset",
    ),
    path("password/done/", public(account.password_reset_from_key_done), name="account_password_reset_completed"),
]

OWN_ACCOUNT = [
    path("account/", account_page(factors.index), name="mfa_index"),
    path("account/email/", credential_page(account.email), name="account_email"),
    path("account/password/", account_page(atomic_view(account.password_change)), name="account_change_password"),
    path("account/password/set/", credential_page(account.password_set), name="account_set_password"),
    path("account/app/", credential_page(totp.activate_totp), name="mfa_activate_totp"),
    path("account/app/remove/", credential_page(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path(
        "account/recovery-codes/", credential_page(recovery_codes.view_recovery_codes), name="mfa_view_recovery_codes"
    ),
    path(
        "account/recovery-codes/new/",
        credential_page(recovery_codes.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
    path("account/passkeys/", account_page(organizations.passkeys), name="mfa_list_webauthn"),
    path("account/passkeys/new/", credential_page(passkeys.add_webauthn), name="mfa_add_webauthn"),
    path("account/passkeys/<int:pk>/", credential_page(passkeys.edit_webauthn), name="mfa_edit_webauthn"),
    path("account/passkeys/<int:pk>/remove/", credential_page(passkeys.remove_webauthn), name="mfa_remove_webauthn"),
    path("account/sessions/", account_page(sessions.list_usersessions), name="usersessions_list"),
    path("account/sessions/<int:pk>/end/", account_page(own_sessions.end), name="usersession-end"),
    path("account/connections/", credential_page(social.connections), name="socialaccount_connections"),
]

urlpatterns = SIGNING_IN + OWN_ACCOUNT
