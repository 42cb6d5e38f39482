"""Second factors that people have set up in django-allauth: an authenticator app or a passkey.

Recovery codes do not count as a second factor: they exist only beside one.
"""

from collections.abc import Iterable
from uuid import UUID

from allauth.mfa.models import Authenticator

LABELS = {
    Authenticator.Type.WEBAUTHN: "Passkey",
    Authenticator.Type.TOTP: "Authenticator app",
}


def has_second_factor(user_id: UUID) -> bool:
    """Whether this person has set up a second factor."""
    return Authenticator.objects.filter(user=user_id, type__in=list(LABELS)).exists()


def second_factors(user_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the labels of each person's second factors, the strongest first.

    People without a second factor are left out. It takes one query.
    """
    rows = Authenticator.objects.filter(user__in=list(user_ids), type__in=list(LABELS))
    found = set(rows.values_list("user_id", "type"))
    people = {user_id for user_id, _ in found}
    return {
        user_id: ", ".join(label for kind, label in LABELS.items() if (user_id, kind.value) in found)
        for user_id in people
    }
