"""The rotation of the master key: every data key is wrapped again by the first master key (docs/keys.md).

Each data key is a transaction of its own, which changes the row only if it still holds the wrap that was opened. So it
can be interrupted and run again, and it can run twice at once. Values are not touched.
"""

from dataclasses import dataclass, field

from accounts.actors import actor_for_command
from accounts.audit import trail
from secrets_app.models import OrganizationKey
from secrets_app.querysets import OrganizationKeyQuerySet
from secrets_app.sealing import canaries, held_keys, keyring
from secrets_app.sealing.background import Progress, give_way, in_batches

BATCH = 200
COMMAND = "rotate_master_key"


@dataclass(slots=True)
class Rewrapping:
    """What was done: the number of data keys, and a sentence for each that does not open."""

    rewrapped: int = 0
    left: list[str] = field(default_factory=list)


def waiting() -> OrganizationKeyQuerySet:
    """Return the data keys that another master key than the first wraps."""
    return OrganizationKey.objects.kept().exclude(master_key_id=held_keys.current.primary_id)


def rewrap_all(*, progress: Progress) -> Rewrapping:
    """Wrap every data key with the first master key, those of organizations and of the installation.

    Raises:
        KeyUnavailable: this process holds a wrong master key, or the audit log cannot be written.
    """
    canaries.settle()
    result = Rewrapping()
    for batch in in_batches(waiting().select_related("organization"), BATCH):
        for key in batch:
            _rewrap(key, result)
        progress(len(batch))
    return result


def _rewrap(key: OrganizationKey, result: Rewrapping) -> None:
    stored = OrganizationKey.objects.filter(pk=key.pk, wrapped=key.wrapped)
    try:
        data_key = keyring.unwrap(key)
    except keyring.KeyLost:
        result.left.append(keyring.why_lost(key))
        return
    key.wrapped, key.master_key_id = keyring.wrap(data_key, key.id, key.organization_id)
    keyring.unwrap(key)  # nothing is stored that does not open

    def store() -> int:
        changed = stored.update(wrapped=key.wrapped, master_key_id=key.master_key_id)
        if changed and key.organization:
            actor = actor_for_command(key.organization, COMMAND)
            event = trail.Event.ORGANIZATION_DATA_KEY_REWRAPPED
            trail.record(event, actor=actor, target=key.organization, master_key=key.master_key_id)
        return changed

    result.rewrapped += give_way(store)
