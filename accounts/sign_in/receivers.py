"""Receivers of django-allauth's signals: what happens after a sign-in or a change of how somebody signs in."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.account.signals import email_changed, password_changed, password_reset, password_set, user_logged_in
from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.access.client_addresses import client_address
from accounts.access.step_up import record_sign_in_proof
from accounts.audit.trail import Event
from accounts.models import User
from accounts.people.own_account import record_in_organizations, record_often
from accounts.sign_in import session_limits
from accounts.sign_in.seen_sign_ins import note_sign_in

KINDS = {
    Authenticator.Type.TOTP: "authenticator app",
    Authenticator.Type.WEBAUTHN: "passkey",
    Authenticator.Type.RECOVERY_CODES: "recovery codes",
}


@receiver(user_logged_in)
def signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    """Start the session's clock, count the sign-in as a proof if it is one, record it, and report an unknown place."""
    session_limits.begin(request.session)
    record_sign_in_proof(request, user)
    methods = sorted({record["method"] for record in get_authentication_records(request, user)})
    record_often(Event.MEMBER_SIGNED_IN, user=user, address=client_address(request), methods=methods)
    adapter = get_adapter(request)
    address, browser = adapter.get_client_ip(request), adapter.get_http_user_agent(request)
    if note_sign_in(user, address=address, browser=browser):
        adapter.send_notification_mail("accounts/email/new_sign_in", user)


@receiver(user_logged_out)
def signed_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    """Record the end of the session, by the person or because it reached its limits."""
    if user is not None:
        reason = "limit" if session_limits.is_over(request.session) else "signed out"
        record_often(Event.MEMBER_SESSION_ENDED, user=user, address=client_address(request), reason=reason)


@receiver(post_save, sender=Authenticator)
def factor_added(instance: Authenticator, *, created: bool, **_: Any) -> None:
    """Record a new second factor in the transaction that adds it, so that none is added without an audit event."""
    if created:
        is_codes = instance.type == Authenticator.Type.RECOVERY_CODES
        event = Event.MEMBER_RECOVERY_CODES_MADE if is_codes else Event.MEMBER_SECOND_FACTOR_ADDED
        _record(event, instance.user, factor=KINDS[Authenticator.Type(instance.type)])


@receiver(post_delete, sender=Authenticator)
def factor_removed(instance: Authenticator, origin: Any = None, **_: Any) -> None:
    """Record the removal of a second factor.

    Recovery codes are not recorded here: they are removed with the last factor or replaced by new codes, and both have
    an event of their own.
    """
    if instance.type != Authenticator.Type.RECOVERY_CODES and not isinstance(origin, User):
        _record(Event.MEMBER_SECOND_FACTOR_REMOVED, instance.user, factor=KINDS[Authenticator.Type(instance.type)])


@receiver([password_changed, password_reset, password_set])
def password_replaced(user: User, **_: Any) -> None:
    """Record a changed password in the transaction of the change."""
    _record(Event.MEMBER_PASSWORD_CHANGED, user)


@receiver(email_changed)
def address_replaced(user: User, from_email_address: Any, to_email_address: Any, **_: Any) -> None:
    """Record a changed e-mail address in the transaction of the change."""
    before = from_email_address.email if from_email_address else None
    _record(Event.MEMBER_EMAIL_CHANGED, user, email=to_email_address.email, email_before=before)


@receiver(post_save, sender=SocialAccount)
def single_sign_on_connected(instance: SocialAccount, *, created: bool, **_: Any) -> None:
    """Record a new connection in the transaction that creates it."""
    if created:
        _record(Event.MEMBER_SINGLE_SIGN_ON_CONNECTED, instance.user)


@receiver(post_delete, sender=SocialAccount)
def single_sign_on_disconnected(instance: SocialAccount, origin: Any = None, **_: Any) -> None:
    """Record the end of a connection, unless the person is being deleted and so belongs to no organization."""
    if not isinstance(origin, User):
        _record(Event.MEMBER_SINGLE_SIGN_ON_DISCONNECTED, instance.user)


def _record(event: Event, user: Any, **data: Any) -> None:
    request = context.request
    record_in_organizations(event, user=user, address=client_address(request) if request else None, **data)
