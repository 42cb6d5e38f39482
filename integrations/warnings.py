"""What would stop an integration from running, found without opening or calling anything.

One list serves the warnings of a saved integration, the domain check of its page and the list of integrations.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from yarl import URL

from accounts.environments import Environment, in_order
from accounts.errors import Refusal
from integrations import outgoing
from integrations.egress import admit_url, is_judged_at_run
from integrations.errors import EgressDenied
from integrations.kinds import KINDS
from integrations.models import Integration
from integrations.preparation import chain_of, check_links, check_secret
from secrets_app import resolver


@dataclass(frozen=True, slots=True)
class Warning:  # noqa: A001 - the API's word
    """One thing that stands in the way, with the code that a run would fail with; not `certain` where it may not."""

    code: str
    detail: str
    secret: str | None = None
    environment: Environment | None = None
    certain: bool = True


Finder = Callable[[Environment], Mapping[str, resolver.Found]]
"""Looks up the secrets of an integration, by name, with their values in an environment."""


def warnings_for(integration: Integration, environments: Iterable[Environment] | None = None) -> list[Warning]:
    """Everything that would refuse a run in the given environments (its own, unless said otherwise)."""
    names = secret_names(integration)
    chosen = in_order(integration.environments if environments is None else environments)
    return judge(integration, chosen, lambda environment: resolver.find(integration.organization, names, environment))


def judge(integration: Integration, environments: Iterable[Environment], find: Finder) -> list[Warning]:
    """The same with secrets that were looked up before, so that a list of integrations needs no query for each.

    What the integration builds on and the secrets are judged by the same functions that a run uses, so that a warning
    and a refusal never disagree. Its own switch and environments are no warnings: they are shown as what they are.
    """
    host, about_host = _judged_host(integration)
    return [*_about_links(integration, environments), *about_host, *_about_secrets(environments, host, find)]


def _about_links(integration: Integration, environments: Iterable[Environment]) -> list[Warning]:
    found: dict[str, Warning] = {}
    for environment in environments:
        try:
            check_links(chain_of(integration)[1:], environment)
        except Refusal as refusal:
            found.setdefault(refusal.detail, Warning(refusal.code, refusal.detail, environment=environment))
    return list(found.values())


def _about_secrets(environments: Iterable[Environment], host: str | None, find: Finder) -> list[Warning]:
    found: dict[tuple[str, str], Warning] = {}
    for environment in environments:
        for name, entry in sorted(find(environment).items()):
            try:
                check_secret(name, entry, environment, host)
            except Refusal as refusal:
                found.setdefault((name, refusal.detail), Warning(refusal.code, refusal.detail, name, environment))
    return list(found.values())


def secret_names(integration: Integration) -> set[str]:
    """Every secret that the whole chain names."""
    return {name for link in chain_of(integration) for slot in _slots(link) for name in slot.template.secret_names}


def host_of(integration: Integration) -> str | None:
    """Where it sends to, or None where its kind calls nobody by itself or the address is malformed."""
    return _judged_host(integration)[0]


def _judged_host(integration: Integration) -> tuple[str | None, list[Warning]]:
    """The host, and what the egress rules say about it. A name that needs an opened network is judged at run
    (DESIGN section 6, "Egress"): until then nobody knows where it leads.
    """
    kind = KINDS[integration.kind]
    for destination in kind.destinations(kind.read(integration.config)):
        try:
            url = admit_url(destination.url, outgoing.policy())
        except EgressDenied as refusal:
            return refusal.host, [Warning(refusal.code, refusal.detail)]
        except Refusal as refusal:
            return None, [Warning(refusal.code, refusal.detail)]
        return url.raw_host, [_at_run(url)] if is_judged_at_run(url) else []
    return None, []


def _at_run(url: URL) -> Warning:
    sentence = f"{url.raw_host} is called only if all its addresses lie in networks that the operator opened."
    return Warning(EgressDenied.code, f"{sentence} A run finds out.", certain=False)


def _slots(integration: Integration) -> list[Any]:
    kind = KINDS[integration.kind]
    return list(kind.slots(kind.parse_config(integration.config)))
