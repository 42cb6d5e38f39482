"""Where the value of a secret goes: its references with the hosts behind them, each judged by the allowed domains.

Opens nothing and calls nothing. An auth connector without an address sends nothing itself: its hosts are those of the
integrations that take their authentication from it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from accounts.models import Organization
from integrations.inheritance import WITH_LINKS, chain_of
from integrations.models import Integration, SecretReference
from integrations.readiness.warnings import hosts_for
from secrets_app.naming.domains import matching_rule

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
    users = users_of({row.integration_id for row in rows})
    uses = [
        _use(row, host, via, domains) for row in rows for host, via in _destinations(row, users[row.integration_id])
    ]
    return sorted(uses, key=lambda use: (not use.blocked, use.reference.integration_name, use.reference.slot, use.host))


def references_by_name(organization: Organization, name: str) -> list[SecretReference]:
    """The first `LOOKED_AT_MOST` references that name a secret, whether it exists or not, by integration."""
    rows = SecretReference.objects.filter(organization=organization, name=name).select_related(*WITH_LINKS)
    return list(rows.order_by("integration__name", "slot", "pk")[:LOOKED_AT_MOST])


def hosts_of(organization: Organization, name: str) -> list[str]:
    """The hosts that the integrations naming a secret send it to, each once, in order."""
    return sorted({use.host for use in uses_of(references_by_name(organization, name), []) if use.host})


def _use(row: SecretReference, host: str, via: str, domains: Sequence[str]) -> Use:
    return Use(row, host, via, matching_rule(domains, host) if domains and host else "")


def users_of(ids: Iterable[UUID]) -> dict[UUID, list[Integration]]:
    """The integrations that build on each of these, by name; empty for one that nothing builds on."""
    found: dict[UUID, list[Integration]] = defaultdict(list)
    wanted = set(ids)
    for user in Integration.objects.building_on(wanted).with_links().order_by("name", "pk"):
        for link in chain_of(user)[1:]:
            if link.pk in wanted:
                found[link.pk].append(user)
    return found


def _destinations(row: SecretReference, users: Iterable[Integration]) -> list[tuple[str, str]]:
    """Hosts; where the integration has no address of its own, those of what builds on it, each with its name."""
    own = [(host, "") for host in hosts_for(row.integration, row.name)]
    return own or [(host, user.name) for user in users for host in hosts_for(user, row.name)] or [("", "")]
