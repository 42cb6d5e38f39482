"""Step-up: an action that could cost a team its credentials asks the person to confirm who they are.

A session proves who signed in, not who sits at the keyboard now. A route that needs a proof declares it
(`requires(permission, proof=Proof.PAGE)`, accounts/access/route_permissions.py). The session stores the time of the
last proof. Only people's sessions are affected: API keys and commands authenticate with every call.

    Proof.PAGE  The action has a page of its own. The page asks for a proof if the last one is older than five minutes,
                and comes back. A form sent from it is accepted with a proof of up to twenty minutes, so that nobody
                loses what they typed. After that it is refused, and nothing of it is kept.
    Proof.ACT   The action is a button or link on another page (a dialog, a list). It accepts a proof of up to twenty
                minutes. Without one it leads to the proof and back to that page, where the person presses the button
                again.

A form that needs a proof only for some of what it may change (an integration that sends a secret somewhere new) is
shown again as it was sent, with a link that opens the proof in another tab (`proof_beside`): nothing typed is lost.

A proof is a second factor if the person has one, otherwise the password, otherwise (for single sign-on alone) a code
sent by e-mail. Signing in counts as a proof if it took the same. Single sign-on does not, because the provider may not
have asked anything.
"""

import time
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlencode, urlsplit

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect

from accounts.access.requests import CofferRequest
from accounts.models import User

ASK_AFTER = timedelta(minutes=5)
ACCEPT_FOR = timedelta(minutes=20)
PROVEN_AT = "proven_at"
"""The session key of the time of the last proof, in seconds since 1970."""
PRESS_AGAIN, BESIDE = "1", "beside"
"""What the person does after the proof: press the button once more, or go back to a form in another tab."""


class Proof(StrEnum):
    """How a route asks for a proof."""

    PAGE = "page"
    ACT = "act"


class ProofKind(StrEnum):
    """The ways in which a person can prove who they are."""

    CODE = "code"
    PASSKEY = "passkey"
    PASSWORD = "password"  # noqa: S105 - its name
    MAIL = "mail"


PROVEN_BY = {
    "mfa": frozenset({ProofKind.CODE, ProofKind.PASSKEY}),
    "password": frozenset({ProofKind.PASSWORD}),
    "code": frozenset({ProofKind.MAIL}),
}
"""What each step of a sign-in proves, by django-allauth's name for the step. Single sign-on proves nothing here."""


def accepted_proofs(user: User) -> frozenset[ProofKind]:
    """Return the proofs that this person is asked for.

    These are their second factors if they have any, otherwise the password, otherwise a code by e-mail.
    """
    types = set(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    passkey = {ProofKind.PASSKEY} if Authenticator.Type.WEBAUTHN in types else set()
    code = {ProofKind.CODE} if types - {Authenticator.Type.WEBAUTHN} else set()
    return frozenset(passkey | code or {ProofKind.PASSWORD if user.has_usable_password() else ProofKind.MAIL})


def record_proof(request: HttpRequest) -> None:
    """Store in the session that the person has just proven who they are."""
    request.session[PROVEN_AT] = time.time()


def record_sign_in_proof(request: HttpRequest, user: User) -> None:
    """Count the sign-in as a proof if it took what a proof would ask for, from the time at which it did."""
    accepted = accepted_proofs(user)
    records = get_authentication_records(request, user)
    times = [record["at"] for record in records if accepted & PROVEN_BY.get(record["method"], frozenset())]
    if times:
        request.session[PROVEN_AT] = float(max(times))


def is_proven(request: HttpRequest, within: timedelta) -> bool:
    """Whether the last proof of this session is at most this old."""
    proven_at = request.session.get(PROVEN_AT)
    return isinstance(proven_at, float) and 0 <= time.time() - proven_at <= within.total_seconds()


def missing_proof(request: CofferRequest, proof: Proof) -> HttpResponse | None:
    """Return None if the request may go on, otherwise the response that asks for a proof.

    The response is a redirect to the page of the proof, or a page that explains why a sent form was refused.
    """
    shows_page = proof is Proof.PAGE and request.method in {"GET", "HEAD"}
    return None if is_proven(request, ASK_AFTER if shows_page else ACCEPT_FOR) else ask_for_proof(request, proof)


def ask_for_proof(request: CofferRequest, proof: Proof) -> HttpResponse:
    """Return the response that leads to the page of the proof, or explains why a sent form was refused."""
    address = _address(request, proof)
    if request.htmx:
        return HttpResponseClientRedirect(address)
    if proof is Proof.ACT or request.method in {"GET", "HEAD"}:
        return HttpResponseRedirect(address)
    return render(request, "accounts/proof_needed.html", {"proof_url": address}, status=403)


def proof_beside(request: HttpRequest) -> str:
    """Return the URL of the proof page for another tab, so that a form that waits for a proof keeps what was typed."""
    return f"{reverse('proof')}?{urlencode({'next': request.path, 'again': BESIDE})}"


def safe_path(request: HttpRequest, address: str | None) -> str:
    """Return the path of an address on this site, or the path of the home page for any other address."""
    if not address or not url_has_allowed_host_and_scheme(address, {request.get_host()}, request.is_secure()):
        return reverse("home")
    parts = urlsplit(address)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    # The URL `https://ours//elsewhere` is on this site, but its path alone would lead to another one.
    return path if url_has_allowed_host_and_scheme(path, None) else reverse("home")


def _address(request: CofferRequest, proof: Proof) -> str:
    """Return the URL of the proof page, with the page to return to."""
    if request.htmx:
        back = safe_path(request, request.htmx.current_url)
    elif proof is Proof.ACT:
        back = safe_path(request, request.headers.get("Referer"))
    else:
        back = request.get_full_path() if request.method in {"GET", "HEAD"} else request.path
    query = {"next": back} | ({"again": PRESS_AGAIN} if proof is Proof.ACT or request.htmx else {})
    return f"{reverse('proof')}?{urlencode(query)}"
