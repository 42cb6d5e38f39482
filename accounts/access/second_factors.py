"""Who has set up a second factor to sign in with (allauth's): an authenticator app or a passkey.

Recovery codes alone are none: they come with one of the two.
"""

from collections.abc import Iterable
from uuid import UUID

from allauth.mfa.models import Authenticator

LABELS = {
    Authenticator.Type.WEBAUTHN: "Passkey",
    Authenticator.Type.TOTP: "Authenticator app",
}


def has_second_factor(user_id: UUID) -> bool:
    """Whether this person has one."""
    return Authenticator.objects.filter(user=user_id, type__in=list(LABELS)).exists()


def second_factors(user_ids: Iterable[UUID]) -> dict[UUID, str]:
    """What each of these people has, in words, the stronger one first; nothing for those who have none. One query."""
    rows = Authenticator.objects.filter(user__in=list(user_ids), type__in=list(LABELS))
    found = set(rows.values_list("user_id", "type"))
    people = {user_id for user_id, _ in found}
    return {
        user_id: ", ".join(label for kind, label in LABELS.items() if (user_id, kind.value) in found)
        for user_id in people
    }
