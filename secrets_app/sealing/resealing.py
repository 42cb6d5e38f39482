"""The rotation of data keys: an organization gets a new one, its values are sealed again, and the old one is destroyed
(docs/keys.md).

Values are sealed again in short transactions, each only if it still is what was opened: whoever enters another value
meanwhile wins. An edit that has read the old key may store a value under it after the new key is there, but holds a
lock on the old key until then; so the old key is destroyed only when nothing needs it and no such edit is under way.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db.models import Q

from accounts.actors import actor_for_command
from accounts.audit import trail
from accounts.common.environments import Environment
from accounts.models import Organization
from secrets_app.models import KeyState, OrganizationKey, SealedText, SecretValue
from secrets_app.querysets import SecretValueQuerySet
from secrets_app.sealing import canaries, crypto, keyring, sealed_texts
from secrets_app.sealing.background import Progress, give_way, in_batches

BATCH = 100
COMMAND = "rotate_data_keys"


@dataclass(slots=True)
class Resealing:
    """What was done for an organization, and a sentence for each value that stays under an old data key, by its id."""

    sealed: int = 0
    destroyed: int = 0
    left: dict[UUID, str] = field(default_factory=dict)


def due(made_before: datetime) -> list[Organization]:
    """Return the organizations whose data key is older than this, or which still have an old one beside it."""
    old = Q(state=KeyState.RETIRING.value) | Q(state=KeyState.ACTIVE.value, created_at__lt=made_before)
    return list(Organization.objects.filter(pk__in=OrganizationKey.objects.filter(old).values("organization")))


def count_values(organizations: Collection[Organization], made_before: datetime) -> int:
    """Return how many values `rotate` will look at in these organizations."""
    young = Q(data_key__state=KeyState.ACTIVE.value, data_key__created_at__gte=made_before)
    stored = SecretValue.objects.filter(secret__organization__in=organizations, sealed__isnull=False)
    return stored.exclude(young).count()


def rotate(organization: Organization, *, made_before: datetime, progress: Progress) -> Resealing:
    """Replace the data key of an organization if it is old enough, seal every value with it, destroy what is unused.

    It can be interrupted and run again with the same time: it goes on where it stopped.

    Raises:
        KeyUnavailable: this process holds a wrong master key, or the data key does not open.
    """
    canaries.settle()
    give_way(partial(_replace_key, organization, made_before))
    result = Resealing()
    while True:  # edits that had read the old data key leave values for another pass
        _seal_all_again(organization, result, progress)
        _seal_texts_again(organization, result)
        result.destroyed += sum(give_way(partial(_destroy_if_unused, key)) for key in _old_keys(organization))
        if not _still_to_do(organization, result):
            return result


def _stored(organization: Organization) -> SecretValueQuerySet:
    return SecretValue.objects.filter(secret__organization=organization, sealed__isnull=False)


def _under_old_keys(organization: Organization) -> SecretValueQuerySet:
    return _stored(organization).exclude(data_key__state=KeyState.ACTIVE.value)


def _still_to_do(organization: Organization, result: Resealing) -> bool:
    if any(text.pk not in result.left for text in sealed_texts.under_old_keys(organization)):
        return True
    return _under_old_keys(organization).exclude(pk__in=result.left).exists()


def _old_keys(organization: Organization) -> list[OrganizationKey]:
    return list(organization.data_keys.filter(state=KeyState.RETIRING.value).select_related("organization"))


def _replace_key(organization: Organization, made_before: datetime) -> None:
    old = organization.data_keys.filter(state=KeyState.ACTIVE.value, created_at__lt=made_before)
    if old.select_for_update(no_key=True).first() is None:
        return
    keyring.active_key(organization)  # one that does not open is for the repair: this might be the wrong process
    old.update(state=KeyState.RETIRING.value)
    keyring.new_key(organization)
    actor = actor_for_command(organization, COMMAND)
    trail.record(trail.Event.ORGANIZATION_DATA_KEY_REPLACED, actor=actor, target=organization)


def _seal_all_again(organization: Organization, result: Resealing, progress: Progress) -> None:
    result.left.clear()
    for batch in in_batches(_under_old_keys(organization).only("pk"), BATCH):
        done = give_way(partial(_seal_batch, organization, [value.pk for value in batch]))
        result.sealed += done.sealed
        result.left |= done.left
        progress(len(batch))


def _seal_texts_again(organization: Organization, result: Resealing) -> None:
    sealed, left = give_way(partial(sealed_texts.seal_again, organization))
    result.sealed += sealed
    result.left |= left


def _seal_batch(organization: Organization, ids: list[UUID]) -> Resealing:
    """Seal these values again, in the caller's transaction, which may be undone and repeated."""
    done = Resealing()
    values = list(_under_old_keys(organization).filter(pk__in=ids).select_related("secret", "data_key").order_by("pk"))
    if values:
        key = keyring.active_key(organization)
        for value in values:
            _seal_again(value, key, done)
    return done


def _seal_again(value: SecretValue, key: OrganizationKey, done: Resealing) -> None:
    before, environment = value.sealed, Environment(value.environment)
    try:
        plaintext = keyring.unseal(value)
    except keyring.CannotOpen:
        form = "has the form of an earlier version: run `manage.py upgrade_values`"
        why = form if crypto.is_old_value(bytes(before or b"")) else "does not open: enter a new value"
        done.left[value.pk] = f"{value.secret.name}, {environment.label} ({value.state}) {why}."
        return
    context = keyring.context(value.secret, environment, value.version, key)
    sealed = crypto.seal_value(keyring.unwrap(key), plaintext, context)
    done.sealed += SecretValue.objects.filter(pk=value.pk, sealed=before).update(sealed=sealed, data_key=key)


def _destroy_if_unused(key: OrganizationKey) -> int:
    """Destroy a data key that nothing needs. Edits that have read it hold its lock until they are stored."""
    locked = OrganizationKey.objects.filter(pk=key.pk, state=KeyState.RETIRING.value).select_for_update()
    if locked.first() is None or SecretValue.objects.filter(data_key=key, sealed__isnull=False).exists():
        return 0
    if SealedText.objects.filter(data_key=key).exists():
        return 0
    organization = key.organization
    assert organization is not None  # noqa: S101 - the installation's data key is never replaced
    actor = actor_for_command(organization, COMMAND)
    trail.record(trail.Event.ORGANIZATION_DATA_KEY_DESTROYED, actor=actor, target=organization)
    return OrganizationKey.objects.filter(pk=key.pk).update(state=KeyState.DESTROYED.value, wrapped=None)
