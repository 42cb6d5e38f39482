"""Looking again, while a call is under way, whether anything that it needs was stopped."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from accounts.access.callers import keys_with, refusal_meanwhile
from accounts.actors import Actor, ActorKind
from accounts.common.sql.compiled import Among, CompiledQuery, Question, ask_together
from accounts.errors import Refusal
from accounts.models import ApiKey
from integrations.errors import SecretDisabled
from integrations.models import Integration
from integrations.stops.disabled import integration_disabled
from secrets_app.models import Secret

_COLUMNS = ("name", "enabled", "disabled_at", "disabled_by", "disabled_why")
_INTEGRATIONS = CompiledQuery(lambda: Integration.objects.only(*_COLUMNS).filter(Among("pk")))
_SECRETS = CompiledQuery(lambda: Secret.objects.only("enabled").filter(Among("pk")))


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What stops a call that is under way.

    Attributes:
        links: the integration and its parents.
        secrets: the ids of the secrets, by name.
    """

    actor: Actor
    links: Sequence[Integration]
    secrets: Mapping[str, UUID]

    @property
    def key(self) -> UUID | None:
        """The id of the API key or session that calls; None for other callers."""
        return self.actor.id if self.actor.kind is ActorKind.API_KEY else None


def stopped_meanwhile(calls: Sequence[UnderWay | None]) -> list[Refusal | None]:
    """Look again whether calls may go on, or give out their answers.

    Returns:
        for each call the refusal, if its API key is no longer in force or stopped, or an integration or a secret of it
        is disabled or gone; None if it may, and for a call of None.
    """
    return judged(calls, *ask_together(*needed_by(calls)))


def needed_by(calls: Iterable[UnderWay | None]) -> tuple[Question[ApiKey], Question[Integration], Question[Secret]]:
    """Return the questions for the keys, integrations and secrets of calls; `judged` judges the answers."""
    found = [call for call in calls if call]
    return (
        keys_with({call.key for call in found if call.key}),
        _INTEGRATIONS.among({(link.pk,) for call in found for link in call.links}),
        _SECRETS.among({(secret_id,) for call in found for secret_id in call.secrets.values()}),
    )


def judged(
    calls: Iterable[UnderWay | None],
    keys: Iterable[ApiKey],
    integrations: Iterable[Integration],
    secrets: Iterable[Secret],
) -> list[Refusal | None]:
    """Do the work of `stopped_meanwhile` with the answers to `needed_by`."""
    keys_by_id = {key.pk: key for key in keys}
    links_by_id = {row.pk: row for row in integrations}
    enabled = {row.pk for row in secrets if row.enabled}
    return [_stopped(call, keys_by_id, links_by_id, enabled) if call else None for call in calls]


def _stopped(
    call: UnderWay, keys: Mapping[UUID, ApiKey], integrations: Mapping[UUID, Integration], enabled: Collection[UUID]
) -> Refusal | None:
    if call.key and (refusal := refusal_meanwhile(keys.get(call.key))):
        return refusal
    for link in call.links:
        row = integrations.get(link.pk)
        if row is None or not row.enabled:
            return integration_disabled(row or link, meanwhile=True)
    for name, secret_id in call.secrets.items():
        if secret_id not in enabled:
            return SecretDisabled(f"The secret {name} was disabled while the call was under way.")
    return None
