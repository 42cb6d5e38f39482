"""Destinations of a secret: its references with the hosts that it is sent to, compared with its allowed domains.

Nothing is decrypted or called. An auth connector without an address has the hosts of the integrations that use it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef

from accounts.models import Organization
from integrations.inheritance import WITH_LINKS, with_parents
from integrations.models import Integration, SecretDestination, SecretReference
from integrations.readiness.warnings import hosts_for
from secrets_app.naming.domains import allows, matching_rule

LOOKED_AT_MOST = 100
"""How many references, and how many integrations that use their connectors, are looked at."""


@dataclass(frozen=True, slots=True)
class Use:
    """A reference, and a host that it sends the secret to.

    Attributes:
        host: empty if the secret is not sent anywhere yet.
        via: the name of the integration that uses the connector; empty for the reference's own integration.
        rule: the allowed domain that covers the host; empty if any domain is allowed, None if no domain covers it.
    """

    reference: SecretReference
    host: str
    via: str
    rule: str | None

    @property
    def blocked(self) -> bool:
        """Whether a run would be refused because of the host."""
        return bool(self.host) and self.rule is None


def uses_of(references: Iterable[SecretReference], domains: Sequence[str]) -> list[Use]:
    """Return all uses of references: blocked ones first, then by integration and slot.

    Args:
        references: with their integrations loaded.
        domains: the allowed domains to compare with; empty for any.
    """
    rows = list(references)
    users = users_of({row.integration_id for row in rows}, LOOKED_AT_MOST)
    uses = [
        _use(row, host, via, domains) for row in rows for host, via in _destinations(row, users[row.integration_id])
    ]
    return sorted(uses, key=lambda use: (not use.blocked, use.reference.integration_name, use.reference.slot, use.host))


def references_by_name(organization: Organization, name: str, domains: Sequence[str] = ()) -> list[SecretReference]:
    """Return the first `LOOKED_AT_MOST` references to a secret of this name, by integration.

    The secret need not exist.

    Args:
        domains: references that send the secret to a host that these allowed domains do not cover come first.
    """
    rows = SecretReference.objects.filter(organization=organization, name=name).select_related(*WITH_LINKS)
    sent = SecretDestination.objects.filter(reference__organization=organization, reference__name=name)
    hosts = sent.values_list("host", flat=True).order_by("host").distinct() if domains else ()
    blocked = [host for host in hosts if not allows(domains, host)]
    order = [Exists(sent.filter(reference=OuterRef("pk"), host__in=blocked)).desc()] if blocked else []
    return list(rows.order_by(*order, "integration__name", "slot", "pk")[:LOOKED_AT_MOST])


def hosts_of(organization: Organization, name: str) -> list[str]:
    """Return the hosts that integrations send a secret to, sorted, without duplicates."""
    return sorted({use.host for use in uses_of(references_by_name(organization, name), []) if use.host})


def _use(row: SecretReference, host: str, via: str, domains: Sequence[str]) -> Use:
    return Use(row, host, via, matching_rule(domains, host) if domains and host else "")


def users_of(ids: Iterable[UUID], limit: int | None = None) -> dict[UUID, list[Integration]]:
    """Return the first integrations that use these connections and connectors, by name; all by default."""
    found: dict[UUID, list[Integration]] = defaultdict(list)
    wanted = set(ids)
    for user in Integration.objects.building_on(wanted).with_links().order_by("name", "pk")[:limit]:
        for link in with_parents(user)[1:]:
            if link.pk in wanted:
                found[link.pk].append(user)
    return found


def _destinations(row: SecretReference, users: Iterable[Integration]) -> list[tuple[str, str]]:
    """Return the hosts of a reference, each with the name of the integration that uses the connector."""
    own = [(host, "") for host in hosts_for(row.integration, row.name)]
    return own or [(host, user.name) for user in users for host in hosts_for(user, row.name)] or [("", "")]
