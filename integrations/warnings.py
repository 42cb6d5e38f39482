"""What would stop an integration from running, found without opening or calling anything.

One list serves the warnings of a saved integration, the domain check of its page and the list of integrations.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from accounts.environments import Environment, in_order
from accounts.errors import Refusal
from integrations import outgoing
from integrations.admission import chain_of, check_secret
from integrations.egress import admit_url
from integrations.kinds import KINDS
from integrations.models import Integration
from secrets_app import resolver


@dataclass(frozen=True, slots=True)
class Warning:  # noqa: A001 - the API's word
    """One thing that stands in the way, with the code that a run would fail with."""

    code: str
    detail: str
    secret: str | None = None
    environment: Environment | None = None


def warnings_for(integration: Integration, environments: Iterable[Environment] | None = None) -> list[Warning]:
    """Everything that would refuse a run in the given environments (its own, unless said otherwise).

    Secrets are judged by the same function that a run uses, so that a warning and a refusal never disagree.
    """
    names = secret_names(integration)
    host = host_of(integration)
    found: dict[tuple[str, str], Warning] = {}
    for environment in in_order(integration.environments if environments is None else environments):
        for name, entry in sorted(resolver.find(integration.organization, names, environment).items()):
            try:
                check_secret(name, entry, environment, host)
            except Refusal as refusal:
                found.setdefault((name, refusal.detail), Warning(refusal.code, refusal.detail, name, environment))
    return list(found.values())


def secret_names(integration: Integration) -> set[str]:
    """Every secret that the whole chain names."""
    return {name for link in chain_of(integration) for slot in _slots(link) for name in slot.template.secret_names}


def host_of(integration: Integration) -> str | None:
    """Where it sends to, or None where its kind calls nobody by itself or the address is refused."""
    kind = KINDS[integration.kind]
    for destination in kind.destinations(kind.parse_config(integration.config)):
        try:
            return admit_url(destination.url, outgoing.policy()).raw_host
        except Refusal:
            return None
    return None


def _slots(integration: Integration) -> list[Any]:
    kind = KINDS[integration.kind]
    return list(kind.slots(kind.parse_config(integration.config)))
