"""Where secrets are sent: the table of destinations, derived from the configurations that are stored.

A row says that a run or a check of an integration sends the secret of a reference to a host. The reference belongs to
the integration or to one of its parents, so a change of a connection or connector changes the rows of all integrations
that use it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.common.environments import Environment
from integrations.inheritance import hosts_of_links
from integrations.models import Integration, SecretDestination, SecretReference
from integrations.querysets import IntegrationQuerySet


@dataclass(frozen=True, slots=True)
class Sending:
    """The value of a secret in an environment, sent to a host because of a reference.

    Attributes:
        integration: the name of the integration that is run.
    """

    secret_id: UUID
    secret: str
    reference_id: UUID
    host: str
    environment: Environment
    integration: str

    @property
    def key(self) -> tuple[UUID, UUID, str, Environment]:
        """What makes it a destination of its own: who sends it does not count."""
        return self.secret_id, self.reference_id, self.host, self.environment


def derive_for(changed: Iterable[UUID]) -> None:
    """Bring the destinations of stored integrations, and of all that use them, up to date.

    Args:
        changed: the ids of integrations whose configuration, parents or references changed.
    """
    integrations = list(using(changed).with_links())
    wanted = _wanted(integrations)
    rows = SecretDestination.objects.filter(integration__in=integrations)
    present = {row[1:]: row[0] for row in rows.values_list("pk", "reference_id", "integration_id", "host")}
    SecretDestination.objects.filter(pk__in=[pk for row, pk in present.items() if row not in wanted]).delete()
    SecretDestination.objects.bulk_create(row for key, row in wanted.items() if key not in present)


def using(changed: Iterable[UUID]) -> IntegrationQuerySet[Integration]:
    """Return the integrations with these ids and all that use them as connection or connector."""
    ids = list(changed)
    return Integration.objects.filter(pk__in=ids) | Integration.objects.building_on(ids)


def sent_by(integrations: QuerySet[Integration]) -> list[Sending]:
    """Return what these integrations send where, as far as they are enabled.

    Called before and after a change, the difference is what a secret gains or loses. References that wait for their
    secret send nothing.
    """
    return _sendings(SecretDestination.objects.filter(integration__in=integrations))


def sent_because_of(references: Iterable[UUID], *, not_by: QuerySet[Integration] | None = None) -> list[Sending]:
    """Return where the secrets of these references are sent by enabled integrations.

    Args:
        not_by: integrations to leave out.
    """
    rows = SecretDestination.objects.filter(reference__in=list(references))
    return _sendings(rows if not_by is None else rows.exclude(integration__in=not_by))


def _sendings(rows: QuerySet[SecretDestination]) -> list[Sending]:
    rows = rows.filter(integration__enabled=True, reference__secret__isnull=False)
    found: Iterable[Any] = rows.values_list(
        "reference__secret_id",
        "reference__secret__name",
        "reference_id",
        "host",
        "integration__environments",
        "integration__name",
    )
    return [
        Sending(secret_id, secret, reference_id, host, environment, name)
        for secret_id, secret, reference_id, host, environments, name in found
        for environment in environments
    ]


def _wanted(integrations: Iterable[Integration]) -> dict[tuple[UUID, UUID, str], SecretDestination]:
    """Return the rows that the stored configurations ask for, by reference, integration and host."""
    hosts = {integration: hosts_of_links(integration) for integration in integrations}
    links = {link for of_links in hosts.values() for link in of_links}
    references: dict[UUID, list[UUID]] = {}
    for pk, link in SecretReference.objects.filter(integration__in=links).values_list("pk", "integration_id"):
        references.setdefault(link, []).append(pk)
    return {
        (reference, integration.pk, host): SecretDestination(
            organization_id=integration.organization_id, reference_id=reference, integration=integration, host=host
        )
        for integration, of_links in hosts.items()
        for link, host in of_links.items()
        for reference in references.get(link, [])
    }
