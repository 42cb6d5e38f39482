"""Codes sent by e-mail, for people who have neither a password nor a second factor here (single sign-on alone).

A code works once, within ten minutes and five attempts, in the session that requested it. The session stores a keyed
hash, so a copy of the database reveals no code.
"""

import secrets
import time

from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.models import User

KEPT = "proof_code"
SECONDS, ATTEMPTS, DIGITS = 600, 5, 6


def new_code(request: HttpRequest, user: User) -> str:
    """Return a new code for this session. A previous code stops working."""
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    request.session[KEPT] = {"digest": _digest(user, code), "at": time.time(), "attempts": 0}
    return code


def is_waiting(request: HttpRequest) -> bool:
    """Whether this session has a code that still works."""
    kept = request.session.get(KEPT)
    return kept is not None and 0 <= time.time() - kept["at"] <= SECONDS and kept["attempts"] < ATTEMPTS


def check_code(request: HttpRequest, user: User, typed: str) -> bool:
    """Whether the typed code is the one that was sent. A correct code is used up; a wrong one counts as an attempt."""
    if not is_waiting(request):
        return False
    kept = request.session[KEPT]
    if constant_time_compare(kept["digest"], _digest(user, "".join(typed.split()))):
        del request.session[KEPT]
        return True
    request.session[KEPT] = {**kept, "attempts": kept["attempts"] + 1}
    return False


def _digest(user: User, code: str) -> str:
    return salted_hmac("accounts.proof_codes", f"{user.pk}:{code}", algorithm="sha256").hexdigest()
