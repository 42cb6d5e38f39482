"""What stops when secrets or an integration are disabled, and what it did in the last hour. Nothing is opened."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count
from django.utils import timezone

from accounts.common.environments import Environment, in_order
from accounts.models import Organization
from integrations.inheritance import WITH_LINKS, makes_calls
from integrations.kinds import KINDS
from integrations.models import Integration, Run, RunSecret, SecretReference
from integrations.references.uses import LOOKED_AT_MOST, users_of

LATELY = timedelta(hours=1)
NAMED_AT_MOST = 12


@dataclass(frozen=True, slots=True)
class StoppedIntegration:
    """An integration that stops, and its calls in the last hour.

    Attributes:
        via: the name of the connection or connector through which it stops; empty if it stops by itself.
    """

    integration: Integration
    calls: int
    via: str

    @property
    def icon(self) -> str:
        """The symbol of its kind."""
        return KINDS[self.integration.kind].icon

    @property
    def environments(self) -> list[Environment]:
        """Where it runs, in order."""
        return in_order(self.integration.environments)


@dataclass(frozen=True, slots=True)
class Stops:
    """What stops: enabled integrations that make calls, those with the most calls first."""

    all: list[StoppedIntegration]

    @property
    def named(self) -> list[StoppedIntegration]:
        """Those that are named."""
        return self.all[:NAMED_AT_MOST]

    @property
    def more(self) -> int:
        """How many are not."""
        return len(self.all) - len(self.named)

    @property
    def calls(self) -> int:
        """Their calls in the last hour."""
        return sum(one.calls for one in self.all)


def stopped_by_secrets(organization: Organization, secret_ids: Collection[UUID]) -> Stops:
    """Return what stops when these secrets are disabled, directly or through a connection or connector."""
    references = SecretReference.objects.filter(organization=organization, secret__in=secret_ids)
    own = [row.integration for row in references.select_related(*WITH_LINKS)[:LOOKED_AT_MOST]]
    used = RunSecret.objects.filter(secret_id__in=secret_ids, started_at__gte=timezone.now() - LATELY)
    rows = used.values_list("run__integration_id").annotate(n=Count("run", distinct=True)).order_by()
    return _stops(own, dict(rows))


def stopped_by_integration(integration: Integration) -> Stops:
    """Return what stops when an integration is disabled: itself, and those that use it."""
    users = users_of({integration.pk}, LOOKED_AT_MOST)[integration.pk]
    ids = [integration.pk, *(user.pk for user in users)]
    runs = Run.objects.filter(integration_id__in=ids, started_at__gte=timezone.now() - LATELY)
    return _stops([integration], dict(runs.values_list("integration_id").annotate(n=Count("pk")).order_by()))


def _stops(own: Iterable[Integration], calls: dict[Any, int]) -> Stops:
    direct = {integration.pk: integration for integration in own}
    found = {pk: StoppedIntegration(integration, calls.get(pk, 0), "") for pk, integration in direct.items()}
    for link_id, users in users_of(direct, LOOKED_AT_MOST).items():
        for user in users:
            found.setdefault(user.pk, StoppedIntegration(user, calls.get(user.pk, 0), direct[link_id].name))
    running = [one for one in found.values() if one.integration.enabled and makes_calls(one.integration)]
    return Stops(sorted(running, key=lambda one: (-one.calls, one.integration.name)))
