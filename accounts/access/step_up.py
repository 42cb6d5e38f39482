"""Step-up: an act that could cost a team its credentials asks again who is there.

A session proves who signed in, not who sits there now. Such a route says so where it is written
(`requires(permission, proof=Proof.PAGE)`, accounts/access/route_permissions.py); what was proven, and when, is kept in
the session, and only people's sessions know of it: API keys and commands prove who they are with every call.

    Proof.PAGE  the act has a page of its own. The page asks for a proof when the last one is older than five minutes
                and comes back; what is sent from it is taken with a proof of up to twenty minutes, so that nobody
                loses what was typed. Later than that it is refused, and nothing of it is kept.
    Proof.ACT   the act is a button or link on another page (a dialog, a list). It takes a proof of up to twenty
                minutes; without one it leads to the proof and back to that page, where the button is pressed again.

What counts as proof: a second factor where the person has one, else the password, else (single sign-on alone) a code
sent by e-mail. Signing in counts too when it took just that; a single sign-on does not, since nobody may have been
asked anything.
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
"""Where the session keeps the time of the last proof, in seconds since 1970."""


class Proof(StrEnum):
    """How an act asks for a proof."""

    PAGE = "page"
    ACT = "act"


class ProofKind(StrEnum):
    """What a person can prove themselves with."""

    CODE = "code"
    PASSKEY = "passkey"
    PASSWORD = "password"  # noqa: S105 - its name
    MAIL = "mail"


PROVEN_BY = {
    "mfa": frozenset({ProofKind.CODE, ProofKind.PASSKEY}),
    "password": frozenset({ProofKind.PASSWORD}),
    "code": frozenset({ProofKind.MAIL}),
}
"""What each step of a sign-in shows, by django-allauth's name for it; a single sign-on shows nothing."""


def accepted_proofs(user: User) -> frozenset[ProofKind]:
    """What this person is asked for: second factors where there are any, else the password, else a code by e-mail."""
    types = set(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    passkey = {ProofKind.PASSKEY} if Authenticator.Type.WEBAUTHN in types else set()
    code = {ProofKind.CODE} if types - {Authenticator.Type.WEBAUTHN} else set()
    return frozenset(passkey | code or {ProofKind.PASSWORD if user.has_usable_password() else ProofKind.MAIL})


def record_proof(request: HttpRequest) -> None:
    """Note that the person has just proven who they are."""
    request.session[PROVEN_AT] = time.time()


def record_sign_in_proof(request: HttpRequest, user: User) -> None:
    """Count the sign-in as proof when it took what the proof would ask for, from the moment when it did."""
    wanted = accepted_proofs(user)
    records = get_authentication_records(request, user)
    times = [record["at"] for record in records if wanted & PROVEN_BY.get(record["method"], frozenset())]
    if times:
        request.session[PROVEN_AT] = float(max(times))


def is_proven(request: HttpRequest, within: timedelta) -> bool:
    """Whether the last proof of this session is at most so old."""
    proven_at = request.session.get(PROVEN_AT)
    return isinstance(proven_at, float) and 0 <= time.time() - proven_at <= within.total_seconds()


def missing_proof(request: CofferRequest, proof: Proof) -> HttpResponse | None:
    """None where the act may go on, else the answer: the way to the proof, or a page that tells it."""
    is_look = proof is Proof.PAGE and request.method in {"GET", "HEAD"}
    if is_proven(request, ASK_AFTER if is_look else ACCEPT_FOR):
        return None
    address = _address(request, proof)
    if request.htmx:
        return HttpResponseClientRedirect(address)
    if is_look or proof is Proof.ACT:
        return HttpResponseRedirect(address)
    return render(request, "accounts/proof_needed.html", {"proof_url": address}, status=403)


def safe_path(request: HttpRequest, address: str | None) -> str:
    """The path of an address of ours, or the front page's for any other."""
    if not address or not url_has_allowed_host_and_scheme(address, {request.get_host()}, request.is_secure()):
        return reverse("home")
    parts = urlsplit(address)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    # `https://ours//elsewhere` is ours, and the path alone would lead elsewhere.
    return path if url_has_allowed_host_and_scheme(path, None) else reverse("home")


def _address(request: CofferRequest, proof: Proof) -> str:
    """The page that asks for the proof, and where it leads back to."""
    if request.htmx:
        back = safe_path(request, request.htmx.current_url)
    elif proof is Proof.ACT:
        back = safe_path(request, request.headers.get("Referer"))
    else:
        back = request.get_full_path() if request.method in {"GET", "HEAD"} else request.path
    wanted = {"next": back} | ({"again": "1"} if proof is Proof.ACT or request.htmx else {})
    return f"{reverse('proof')}?{urlencode(wanted)}"
