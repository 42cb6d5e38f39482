"""Remembers from where people sign in, to report sign-ins from new places."""

import hashlib
from datetime import timedelta

from django.utils import timezone

from accounts.models import SeenSignIn, User

FORGOTTEN_AFTER = timedelta(days=180)


def note_sign_in(user: User, *, address: str, browser: str) -> bool:
    """Remember a sign-in.

    Args:
        address: the client's IP address.
        browser: the user agent, which is stored only as part of a hash.

    Returns:
        True if the person has signed in before, but never from this place.
    """
    is_first = not SeenSignIn.objects.filter(user=user).exists()
    digest = hashlib.sha256(f"{address}\n{browser}".encode()).hexdigest()
    _, is_new = SeenSignIn.objects.update_or_create(user=user, digest=digest, defaults={"seen_at": timezone.now()})
    return is_new and not is_first


def forget_old_sign_ins() -> int:
    """Delete places that were last seen long ago, and return how many there were."""
    return SeenSignIn.objects.filter(seen_at__lt=timezone.now() - FORGOTTEN_AFTER).delete()[0]
