"""What would stop an integration from running, found without opening or calling anything.

One list serves the warnings of a saved integration, the domain check of its page and the list of integrations.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from yarl import URL

from accounts.common.environments import Environment, in_order
from accounts.errors import Refusal
from integrations.broker.preparation import check_links, check_secret
from integrations.egress.policy import is_judged_at_run
from integrations.errors import EgressDenied
from integrations.inheritance import Route, routes_of, secret_names, with_parents
from integrations.models import Integration
from secrets_app.sealing import resolver


@dataclass(frozen=True, slots=True)
class Warning:  # noqa: A001 - the API's word
    """One thing that stands in the way, with the code that a run would fail with; not `certain` where it may not.

    `integration` is the link of the chain that it is about, `secret` the name of the secret.
    """

    code: str
    detail: str
    secret: str | None = None
    environment: Environment | None = None
    certain: bool = True
    integration: UUID | None = None


Finder = Callable[[Environment], Mapping[str, resolver.FoundSecret]]
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
    judged = [_judged(route) for route in routes_of(integration)]
    return [
        *_about_links(integration, environments),
        *(warning for _, _, about in judged for warning in about),
        *_about_secrets(environments, [(names, host) for names, host, _ in judged], find),
    ]


def _about_links(integration: Integration, environments: Iterable[Environment]) -> list[Warning]:
    found: dict[str, Warning] = {}
    for environment in environments:
        if problem := problem_with_links(with_parents(integration)[1:], environment):
            found.setdefault(problem.detail, problem)
    return list(found.values())


def problem_with_links(chain: Iterable[Integration], environment: Environment) -> Warning | None:
    """The first link that is switched off or does not run in the environment."""
    for link in chain:
        try:
            check_links([link], environment)
        except Refusal as refusal:
            return Warning(refusal.code, refusal.detail, environment=environment, integration=link.pk)
    return None


def _about_secrets(
    environments: Iterable[Environment], hosts: Iterable[tuple[frozenset[str], str | None]], find: Finder
) -> list[Warning]:
    found: dict[tuple[str, str], Warning] = {}
    pairs = [(name, host) for names, host in hosts for name in sorted(names)]
    for environment in environments:
        entries = find(environment)
        for name, host in sorted(pairs, key=lambda pair: pair[0]):
            try:
                check_secret(name, entries[name], environment, host)
            except Refusal as refusal:
                found.setdefault((name, refusal.detail), Warning(refusal.code, refusal.detail, name, environment))
    return list(found.values())


def host_of(integration: Integration) -> str | None:
    """Where it sends to, or None where its kind calls nobody by itself or the address is malformed."""
    return _judged(routes_of(integration)[0])[1]


def hosts_for(integration: Integration, name: str) -> list[str]:
    """The hosts that it sends one secret to."""
    return [host for names, host, _ in map(_judged, routes_of(integration)) if host and name in names]


def _judged(route: Route) -> tuple[frozenset[str], str | None, list[Warning]]:
    """The secrets, their host, and what the egress rules say about it. A name that needs an opened network is judged at
    run (docs/security-rules.md, "Destinations"): until then nobody knows where it leads.
    """
    if not route.url:
        return route.secret_names, None, []
    try:
        url = route.admit()
    except EgressDenied as refusal:
        return route.secret_names, refusal.host, [Warning(refusal.code, refusal.detail, integration=route.owner)]
    except Refusal as refusal:
        return route.secret_names, None, [Warning(refusal.code, refusal.detail, integration=route.owner)]
    return route.secret_names, url.raw_host, [_at_run(url)] if is_judged_at_run(url) else []


def _at_run(url: URL) -> Warning:
    sentence = f"{url.raw_host} is called only if all its addresses lie in networks that the operator opened."
    return Warning(EgressDenied.code, f"{sentence} A run finds out.", certain=False)
