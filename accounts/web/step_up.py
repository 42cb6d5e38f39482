"""The page that asks again who is there (accounts/access/step_up.py), with what this very person can prove it with."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from allauth.mfa.base.forms import ReauthenticateForm
from allauth.mfa.webauthn.forms import ReauthenticateWebAuthnForm
from allauth.mfa.webauthn.internal import auth as webauthn  # what allauth's own page for this calls
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.access import step_up
from accounts.access.route_permissions import signed_in
from accounts.access.sessions import rotate_session
from accounts.access.step_up import Kind
from accounts.errors import FieldError
from accounts.models import User
from accounts.sign_in import proof_codes

FIELDS = {Kind.CODE: "code", Kind.PASSKEY: "credential", Kind.PASSWORD: "password", Kind.MAIL: "mailed_code"}
WRONG = {
    Kind.CODE: "This code is not right, or it was used already. Wait for the next one.",
    Kind.PASSKEY: "This passkey was not accepted. Try again.",
    Kind.PASSWORD: "This is not your password.",
    Kind.MAIL: "This code is not right, or it is too old. Have another one sent.",
}


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters()
@signed_in
def proof(request: HttpRequest) -> HttpResponse:
    """Ask; go back where the person came from once it is proven."""
    user: Any = request.user
    kinds = step_up.kinds_of(user)
    if request.method != "POST":
        return _page(request, user, kinds)
    if limited := ratelimit.consume_or_429(request, action="reauthenticate", user=user):
        return limited
    if Kind.MAIL in kinds and "send" in request.POST:
        return _send_code(request, user, kinds)
    kind = next((kind for kind in kinds if FIELDS[kind] in request.POST), None)
    if kind is None or not _is_right(request, user, kind):
        sentence = WRONG[kind] if kind else "Nothing was sent. Try again."
        return _page(request, user, kinds, [FieldError(FIELDS[kind] if kind else "", sentence)])
    return _go_on(request)


def _is_right(request: HttpRequest, user: User, kind: Kind) -> bool:
    if kind is Kind.PASSWORD:
        return _is_password(user, request.POST["password"])
    if kind is Kind.MAIL:
        return proof_codes.takes(request, user, request.POST["mailed_code"])
    form_class = ReauthenticateForm if kind is Kind.CODE else ReauthenticateWebAuthnForm
    form = form_class(user=user, data=request.POST)
    if not form.is_valid():
        return False
    form.save()
    return True


def _is_password(user: User, password: str) -> bool:
    """Counted like an attempt to sign in."""
    try:
        return get_adapter().reauthenticate(user, password)
    except ValidationError:
        return False


def _send_code(request: HttpRequest, user: User, kinds: frozenset[Kind]) -> HttpResponse:
    get_adapter().send_mail("accounts/email/proof_code", user.email, {"code": proof_codes.new_code(request, user)})
    return _page(request, user, kinds)


def _go_on(request: HttpRequest) -> HttpResponse:
    rotate_session(request.session)
    step_up.remember(request)
    if request.POST.get("again"):
        messages.info(request, "Confirmed. Press the button again")
    return HttpResponseRedirect(step_up.safe_path(request, request.POST.get("next")))


def _page(
    request: HttpRequest, user: User, kinds: frozenset[Kind], errors: list[FieldError] | None = None
) -> HttpResponse:
    sent = request.POST if request.method == "POST" else request.GET
    context = {
        "kinds": {kind.value for kind in kinds},
        "errors": errors or [],
        "next": step_up.safe_path(request, sent.get("next")),
        "again": "1" if sent.get("again") else "",
        "is_code_sent": proof_codes.is_waiting(request),
        "passkey_data": {"request_options": webauthn.begin_authentication(user)} if Kind.PASSKEY in kinds else None,
    }
    return render(request, "accounts/proof.html", context, status=422 if errors else 200)
