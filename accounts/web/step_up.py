"""The page that asks for a proof (accounts/access/step_up.py), with the proofs that this person can give."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from allauth.mfa.base.forms import ReauthenticateForm
from allauth.mfa.webauthn.forms import ReauthenticateWebAuthnForm
from allauth.mfa.webauthn.internal import auth as webauthn  # as allauth's own reauthentication does
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.access import step_up
from accounts.access.client_addresses import client_address
from accounts.access.route_permissions import signed_in
from accounts.access.sessions import rotate_session
from accounts.access.step_up import ProofKind
from accounts.audit.trail import Event
from accounts.errors import FieldError
from accounts.models import User
from accounts.people.own_account import record_often
from accounts.sign_in import proof_codes

FIELDS = {
    ProofKind.CODE: "code",
    ProofKind.PASSKEY: "credential",
    ProofKind.PASSWORD: "password",
    ProofKind.MAIL: "mailed_code",
}
WRONG = {
    ProofKind.CODE: "This code is wrong or has already been used. Wait for the next one.",
    ProofKind.PASSKEY: "This passkey was not accepted. Try again.",
    ProofKind.PASSWORD: "This is not your password.",
    ProofKind.MAIL: "This code is wrong or has expired. Send another one.",
}

CONFIRMED = {
    step_up.PRESS_AGAIN: "Confirmed. Press the button again",
    step_up.BESIDE: "Confirmed. Go back to the tab with your form and save again",
}
"""What the next page says, by what the person has to do then."""


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters()
@signed_in
def proof(request: HttpRequest) -> HttpResponse:
    """GET shows the form; POST checks the proof and returns to the page that asked for it."""
    user: Any = request.user
    kinds = step_up.accepted_proofs(user)
    if request.method != "POST":
        return _page(request, user, kinds)
    if limited := ratelimit.consume_or_429(request, action="reauthenticate", user=user):
        return limited
    if ProofKind.MAIL in kinds and "send" in request.POST:
        return _send_code(request, user, kinds)
    kind = next((kind for kind in kinds if FIELDS[kind] in request.POST), None)
    if kind is None:
        return _page(request, user, kinds, [FieldError("", "Nothing was sent. Try again.")])
    if not _is_right(request, user, kind):
        record_often(Event.MEMBER_PROOF_FAILED, user=user, address=client_address(request), proof=kind.value)
        return _page(request, user, kinds, [FieldError(FIELDS[kind], WRONG[kind])])
    return _go_on(request)


def _is_right(request: HttpRequest, user: User, kind: ProofKind) -> bool:
    if kind is ProofKind.PASSWORD:
        return _is_password(user, request.POST["password"])
    if kind is ProofKind.MAIL:
        return proof_codes.check_code(request, user, request.POST["mailed_code"])
    form_class = ReauthenticateForm if kind is ProofKind.CODE else ReauthenticateWebAuthnForm
    form = form_class(user=user, data=request.POST)
    if not form.is_valid():
        return False
    form.save()
    return True


def _is_password(user: User, password: str) -> bool:
    """Check the password. The attempt counts like an attempt to sign in."""
    try:
        return get_adapter().reauthenticate(user, password)
    except ValidationError:
        return False


def _send_code(request: HttpRequest, user: User, kinds: frozenset[ProofKind]) -> HttpResponse:
    get_adapter().send_mail("accounts/email/proof_code", user.email, {"code": proof_codes.new_code(request, user)})
    return _page(request, user, kinds)


def _go_on(request: HttpRequest) -> HttpResponse:
    rotate_session(request.session)
    step_up.record_proof(request)
    if sentence := CONFIRMED.get(request.POST.get("again", "")):
        messages.info(request, sentence)
    return HttpResponseRedirect(step_up.safe_path(request, request.POST.get("next")))


def _page(
    request: HttpRequest, user: User, kinds: frozenset[ProofKind], errors: list[FieldError] | None = None
) -> HttpResponse:
    sent = request.POST if request.method == "POST" else request.GET
    context = {
        "kinds": {kind.value for kind in kinds},
        "errors": errors or [],
        "next": step_up.safe_path(request, sent.get("next")),
        "again": sent.get("again", "") if sent.get("again") in CONFIRMED else "",
        "is_code_sent": proof_codes.is_waiting(request),
        "passkey_data": {"request_options": webauthn.begin_authentication(user)}
        if ProofKind.PASSKEY in kinds
        else None,
    }
    return render(request, "accounts/proof.html", context, status=422 if errors else 200)
