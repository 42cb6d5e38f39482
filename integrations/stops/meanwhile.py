"""Looking again, while a call is under way, whether anything that it needs was stopped."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from accounts.access.callers import keys_of, refusal_meanwhile
from accounts.actors import Actor, ActorKind
from accounts.common.compiled_queries import Among, CompiledQuery
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

    It takes one query each for keys with their organizations, integrations and secrets.

    Returns:
        for each call the refusal, if its API key is no longer in force or stopped, or an integration or a secret of it
        is disabled or gone; None if it may, and for a call of None.
    """
    found = [call for call in calls if call]
    keys = keys_of({call.key for call in found if call.key})
    integrations, enabled = _integrations(found), _enabled_secrets(found)
    return [_stopped(call, keys, integrations, enabled) if call else None for call in calls]


def _integrations(calls: Sequence[UnderWay]) -> dict[UUID, Integration]:
    return {row.pk: row for row in _INTEGRATIONS.ask({(link.pk,) for call in calls for link in call.links})}


def _enabled_secrets(calls: Sequence[UnderWay]) -> set[UUID]:
    rows = _SECRETS.ask({(secret_id,) for call in calls for secret_id in call.secrets.values()})
    return {row.pk for row in rows if row.enabled}


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
