"""Where the value of a secret goes: its references with the hosts behind them, each judged by the allowed domains.

Opens nothing and calls nothing. An auth connector sends nothing by itself: its hosts are those of the integrations that
take their authentication from it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from accounts.models import Organization
from integrations.kinds import KINDS
from integrations.models import Integration, SecretReference
from integrations.warnings import host_of
from secrets_app.domains import matching_rule

LOOKED_AT_MOST = 500


@dataclass(frozen=True, slots=True)
class Use:
    """One reference and one host that it sends the secret to.

    `host` is empty where nothing is sent yet, `via` names the integration behind a connector, `rule` the allowed domain
    that covers the host: empty when any domain is allowed, None when none covers it.
    """

    reference: SecretReference
    host: str
    via: str
    rule: str | None

    @property
    def blocked(self) -> bool:
        """Whether a run would be refused for the host."""
        return bool(self.host) and self.rule is None


def uses_of(references: Iterable[SecretReference], domains: Sequence[str]) -> list[Use]:
    """Every use, blocked ones first, then by integration and slot.

    Args:
        references: with their integrations loaded.
        domains: the allowed domains to judge by; empty for any.
    """
    rows = list(references)
    users = _users({row.integration_id for row in rows if KINDS[row.integration.kind].is_connector})
    uses = [_use(row, host, via, domains) for row in rows for host, via in _destinations(row.integration, users)]
    return sorted(uses, key=lambda use: (not use.blocked, use.reference.integration_name, use.reference.slot, use.host))


def references_by_name(organization: Organization, name: str) -> list[SecretReference]:
    """The first `LOOKED_AT_MOST` references that name a secret, whether it exists or not, by integration."""
    rows = SecretReference.objects.filter(organization=organization, name=name).select_related("integration")
    return list(rows.order_by("integration__name", "slot", "pk")[:LOOKED_AT_MOST])


def hosts_of(organization: Organization, name: str) -> list[str]:
    """The hosts that the integrations naming a secret send it to, each once, in order."""
    return sorted({use.host for use in uses_of(references_by_name(organization, name), []) if use.host})


def _use(row: SecretReference, host: str, via: str, domains: Sequence[str]) -> Use:
    return Use(row, host, via, matching_rule(domains, host) if domains and host else "")


def _users(connectors: set[UUID]) -> dict[UUID | None, list[Integration]]:
    found: dict[UUID | None, list[Integration]] = defaultdict(list)
    for user in Integration.objects.filter(auth_connector__in=connectors).order_by("name"):
        found[user.auth_connector_id].append(user)
    return found


def _destinations(integration: Integration, users: dict[UUID | None, list[Integration]]) -> list[tuple[str, str]]:
    """Hosts, each with the integration that leads there from a connector."""
    if not KINDS[integration.kind].is_connector:
        return [(host_of(integration) or "", "")]
    return [(host_of(user) or "", user.name) for user in users[integration.pk]] or [("", "")]
