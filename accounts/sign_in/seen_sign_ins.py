"""From where people sign in: whether a browser at an address has been seen before."""

import hashlib
from datetime import timedelta

from django.utils import timezone

from accounts.models import SeenSignIn, User

FORGOTTEN_AFTER = timedelta(days=180)


def note_sign_in(user: User, *, address: str, browser: str) -> bool:
    """Remember a sign-in. True where the person signed in before, but never from there.

    Args:
        address: the peer's IP address.
        browser: what the browser calls itself; kept as part of a hash alone.
    """
    is_first = not SeenSignIn.objects.filter(user=user).exists()
    digest = hashlib.sha256(f"{address}\n{browser}".encode()).hexdigest()
    _, is_new = SeenSignIn.objects.update_or_create(user=user, digest=digest, defaults={"seen_at": timezone.now()})
    return is_new and not is_first


def forget_old_sign_ins() -> int:
    """Drop what was last seen long ago; the number of them."""
    return SeenSignIn.objects.filter(seen_at__lt=timezone.now() - FORGOTTEN_AFTER).delete()[0]
