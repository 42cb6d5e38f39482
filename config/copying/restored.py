"""Whether the master keys of this process open everything in a database: after a restore, or a move."""

from collections.abc import Callable

from secrets_app.models import OrganizationKey
from secrets_app.sealing import canaries, keyring, sealed_texts


def problems(progress: Callable[[int], object] = lambda _: None) -> list[str]:
    """Open every data key, one value and the other texts of each, and return a sentence for what does not open.

    Args:
        progress: is told after each data key.
    """
    found = canaries.mismatches()
    for key in OrganizationKey.objects.kept().select_related("organization").order_by("created_at", "pk"):
        if not keyring.opens(key):
            found.append(f"{_owner(key)}: {keyring.why_lost(key)}")
        elif not keyring.opens_a_value(key):
            found.append(f"{_owner(key)}: Data key {key.id} opens, but its oldest value does not: it was changed.")
        else:
            found += [f"{_owner(key)}: The {text} does not open." for text in sealed_texts.unreadable(key)]
        progress(1)
    return found


def _owner(key: OrganizationKey) -> str:
    return key.organization.slug if key.organization else "the installation"
