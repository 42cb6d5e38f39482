"""The uses of a secret: the integrations that send it, and the hosts that it is sent to, with its allowed domains.

An integration sends a secret by a reference of its own, or by one of its connection or connectors. Nothing is decrypted
or called.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef

from accounts.common.environments import Environment, in_order
from accounts.models import Organization
from integrations.inheritance import WITH_LINKS, with_parents
from integrations.kinds import KINDS
from integrations.models import Integration, SecretDestination, SecretReference
from integrations.readiness.warnings import hosts_for
from secrets_app.naming.domains import allows, matching_rule

LOOKED_AT_MOST = 100
"""How many references, and how many integrations that use their connectors, are looked at."""


@dataclass(frozen=True, slots=True)
class Use:
    """An integration that sends a secret to a host.

    Attributes:
        reference: its own, or that of its connection or of a connector.
        host: empty if the secret is not sent anywhere yet.
        rule: the allowed domain that covers the host; empty if any domain is allowed, None if no domain covers it.
    """

    reference: SecretReference
    integration: Integration
    host: str
    rule: str | None

    @property
    def via(self) -> str:
        """The name of the connection or connector that has the reference; empty for a reference of its own."""
        is_own = self.integration.pk == self.reference.integration_id
        return "" if is_own else self.reference.integration_name

    @property
    def icon(self) -> str:
        """The symbol of the integration's kind."""
        return KINDS[self.integration.kind].icon

    @property
    def environments(self) -> list[Environment]:
        """The environments in which the integration runs, in order."""
        return in_order(self.integration.environments)

    @property
    def blocked(self) -> bool:
        """Whether a run would be refused because of the host."""
        return bool(self.host) and self.rule is None


def uses_of(references: Iterable[SecretReference], domains: Sequence[str]) -> list[Use]:
    """Return all uses of references: blocked ones first, then by the integration of the reference and its slot.

    A reference of a connection or connector is followed by the integrations that use it.

    Args:
        references: with their integrations loaded.
        domains: the allowed domains to compare with; empty for any.
    """
    rows = list(references)
    users = users_of({row.integration_id for row in rows}, LOOKED_AT_MOST)
    uses = [use for row in rows for use in _uses(row, users[row.integration_id], domains)]
    return sorted(uses, key=_order)


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


def _uses(row: SecretReference, users: Sequence[Integration], domains: Sequence[str]) -> list[Use]:
    """Return the uses of a reference: by its own integration, and by those that use this one."""
    sent = [(sender, host) for sender in (row.integration, *users) for host in hosts_for(sender, row.name)]
    return [
        Use(row, sender, host, matching_rule(domains, host) if domains and host else "")
        for sender, host in sent or [(row.integration, "")]
    ]


def _order(use: Use) -> tuple[object, ...]:
    own = (use.reference.integration_name, use.reference.slot)
    return not use.blocked, *own, use.via != "", use.integration.name, use.host


def users_of(ids: Iterable[UUID], limit: int | None = None) -> dict[UUID, list[Integration]]:
    """Return the first integrations that use these connections and connectors, by name; all by default."""
    found: dict[UUID, list[Integration]] = defaultdict(list)
    wanted = set(ids)
    for user in Integration.objects.building_on(wanted).with_links().order_by("name", "pk")[:limit]:
        for link in with_parents(user)[1:]:
            if link.pk in wanted:
                found[link.pk].append(user)
    return found
