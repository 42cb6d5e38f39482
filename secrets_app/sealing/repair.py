"""Which keys there are and what depends on them, and the repair of data keys that do not open: `manage.py keys`.

A process with a wrong master key once retired good data keys and sealed values with keys of its own. The repair makes
the good data key active again. Values under a key that does not open stay: they open when the right master key is back.
"""

from collections import Counter
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F

from accounts.actors import actor_for_command
from accounts.audit import trail
from accounts.common.environments import Environment
from accounts.models import Organization
from secrets_app.models import KeyState, MasterKeyCanary, OrganizationKey, SealedText, SecretValue
from secrets_app.querysets import OrganizationKeyQuerySet
from secrets_app.sealing import canaries, held_keys, keyring

COMMAND = "keys --repair"


@dataclass(frozen=True, slots=True)
class MasterKeyUse:
    """A master key that this process holds or that data keys need, the number of those and of their values."""

    id: str
    is_held: bool
    is_primary: bool
    data_keys: int
    values: int

    @property
    def may_be_removed(self) -> bool:
        """Whether the setting lists it and nothing needs it."""
        return self.is_held and not self.is_primary and not self.data_keys


def master_keys() -> list[MasterKeyUse]:
    """Return the master keys, those of this process first."""
    kept = OrganizationKey.objects.kept()
    needed = dict.fromkeys(MasterKeyCanary.objects.values_list("pk", flat=True), 0)
    needed |= Counter(kept.values_list("master_key_id", flat=True))
    values = Counter(
        SecretValue.objects.filter(sealed__isnull=False).values_list("data_key__master_key_id", flat=True).iterator()
    )
    keys = held_keys.current
    return [
        MasterKeyUse(key_id, key_id in keys.ids, key_id == keys.primary_id, needed.get(key_id, 0), values[key_id])
        for key_id in sorted(needed.keys() | keys.ids, key=lambda key_id: (key_id not in keys.ids, key_id))
    ]


def data_keys() -> OrganizationKeyQuerySet:
    """Return the data keys with their organizations and the number of their values, first the installation's."""
    rows = OrganizationKey.objects.kept().select_related("organization").with_value_count()
    return rows.order_by(F("organization__slug").asc(nulls_first=True), "created_at", "pk")


def lost_values(key: OrganizationKey) -> list[str]:
    """Return the secret and environment of each stored value that this data key sealed, and its other texts."""
    rows = SecretValue.objects.filter(data_key=key, sealed__isnull=False).select_related("secret")
    ordered = rows.order_by("secret__name", "environment", "version")
    values = [f"{row.secret.name}, {Environment(row.environment).label} ({row.state})" for row in ordered]
    return values + [str(text) for text in SealedText.objects.filter(data_key=key).order_by("pk")]


def organizations_to_repair() -> list[Organization | None]:
    """Return the organizations without an active data key that opens, first None where the installation is one."""
    lost = {key.organization_id: key.organization for key in keyring.lost_keys() if key.state == KeyState.ACTIVE.value}
    return sorted(lost.values(), key=lambda organization: organization.slug if organization else "")


def repair(organization: Organization | None) -> OrganizationKey:
    """Make a data key that opens the active one: the newest of those that there are, or a new one.

    Raises:
        KeyUnavailable: this process holds a wrong master key.
    """
    canaries.settle()
    with transaction.atomic():
        keys = OrganizationKey.objects.select_for_update().filter(organization=organization)
        kept = list(keys.kept().order_by("-created_at", "pk"))
        opening = [key for key in kept if keyring.opens(key)]
        keys.filter(state=KeyState.ACTIVE.value).update(state=KeyState.RETIRING.value)
        if opening:
            keys.filter(pk=opening[0].pk).update(state=KeyState.ACTIVE.value)
        active = opening[0] if opening else keyring.new_key(organization)
        if organization:
            lost = sum(len(lost_values(key)) for key in kept if key not in opening)
            actor = actor_for_command(organization, COMMAND)
            trail.record(trail.Event.ORGANIZATION_KEYS_REPAIRED, actor=actor, target=organization, values_left=lost)
    return active
