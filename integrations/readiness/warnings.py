"""Reasons that would stop an integration from running. Nothing is decrypted or called.

The warnings of a saved integration, the readiness matrix and the list of integrations use the same functions.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from uuid import UUID

from yarl import URL

from accounts.common.environments import Environment, in_order
from accounts.errors import Invalid, Refusal
from integrations.broker.preparation import check_links, check_secret
from integrations.egress.policy import is_judged_at_run
from integrations.errors import EgressDenied, InvalidHeaderValue
from integrations.inheritance import Route, parsed, routes_of, secret_names, with_parents
from integrations.kinds import KINDS
from integrations.kinds.base import slot_label
from integrations.models import Integration
from integrations.readiness.slots import places_of
from integrations.templating.near_misses import near_misses
from secrets_app.naming import expiry
from secrets_app.naming.hosts import imitated_name
from secrets_app.sealing import resolver

LOOKALIKE_HOST = "lookalike_host"
LITERAL_PLACEHOLDER = "literal_placeholder"
EXPIRES = "secret_expires"
NOT_FOUND = resolver.FoundSecret(None, None)
"""What a list has of a secret whose reference has no row (`inconsistent`)."""

MOST_TEXTS = 10
"""Warnings about the texts of one integration."""


@dataclass(frozen=True, slots=True)
class Warning:  # noqa: A001 - the API's word
    """A reason why a run would be refused.

    Attributes:
        code: the error code of the run.
        certain: whether a run would certainly be refused.
        integration: the id of the integration or parent that causes it.
        secret: the name of the secret that causes it.
        also: further environments in which it is the same.
    """

    code: str
    detail: str
    secret: str | None = None
    environment: Environment | None = None
    certain: bool = True
    integration: UUID | None = None
    also: frozenset[Environment] = frozenset()

    @property
    def environments(self) -> frozenset[Environment]:
        """Where it is so; empty for everywhere."""
        return self.also | ({self.environment} if self.environment else set())


Finder = Callable[[Environment], Mapping[str, resolver.FoundSecret]]
"""Looks up the secrets of an integration by name, with their values in an environment."""


def warnings_for(integration: Integration, environments: Iterable[Environment] | None = None) -> list[Warning]:
    """Return what would refuse a run in these environments; by default in the integration's own."""
    names = secret_names(integration)
    chosen = in_order(integration.environments if environments is None else environments)
    return judge(integration, chosen, lambda environment: resolver.find(integration.organization, names, environment))


def judge(integration: Integration, environments: Iterable[Environment], find: Finder) -> list[Warning]:
    """Return what would refuse a run, with secrets that `find` looks up, so that lists need no query per integration.

    Parents and secrets are checked by the functions that a run uses, so a warning and a refusal never disagree. That
    the integration itself is disabled, or does not run in an environment, is shown elsewhere and is not a warning.
    """
    try:
        return _judge(integration, environments, find)
    except Invalid as problem:  # a stored configuration, which must not hide the rest of a list
        return [Warning(problem.code, problem.detail)]


def _judge(integration: Integration, environments: Iterable[Environment], find: Finder) -> list[Warning]:
    routes = [_judge_route(route) for route in routes_of(with_parents(integration))]
    return [
        *_link_warnings(integration, environments),
        *(warning for _, _, about in routes for warning in about),
        *_text_warnings(integration),
        *_secret_warnings(environments, [(names, host) for names, host, _ in routes], find),
        *_value_warnings(integration, environments, find),
        *_expiry_warnings(environments, find),
    ]


def _link_warnings(integration: Integration, environments: Iterable[Environment]) -> list[Warning]:
    found: dict[str, Warning] = {}
    for environment in environments:
        if problem := problem_with_links(with_parents(integration)[1:], environment):
            _keep(found, problem.detail, problem)
    return list(found.values())


def _keep(found: dict[Any, Warning], key: Hashable, warning: Warning) -> None:
    """Keep a warning once, with all environments in which it is the same."""
    known = found.setdefault(key, warning)
    if known is not warning:
        found[key] = replace(known, also=known.also | warning.environments)


def problem_with_links(integrations: Iterable[Integration], environment: Environment) -> Warning | None:
    """Return the first of the integrations that is disabled or does not run in the environment."""
    for link in integrations:
        try:
            check_links([link], environment)
        except Refusal as refusal:
            return Warning(refusal.code, refusal.detail, environment=environment, integration=link.pk)
    return None


def _secret_warnings(
    environments: Iterable[Environment], hosts: Iterable[tuple[frozenset[str], str | None]], find: Finder
) -> list[Warning]:
    found: dict[tuple[str, str], Warning] = {}
    pairs = [(name, host) for names, host in hosts for name in sorted(names)]
    for environment in environments:
        entries = find(environment)
        for name, host in sorted(pairs, key=lambda pair: pair[0]):
            try:
                check_secret(name, entries.get(name, NOT_FOUND), environment, host)
            except Refusal as refusal:
                _keep(found, (name, refusal.detail), Warning(refusal.code, refusal.detail, name, environment))
    return list(found.values())


def _value_warnings(integration: Integration, environments: Iterable[Environment], find: Finder) -> list[Warning]:
    """Return which saved values cannot go into the place where they are sent."""
    found: dict[str, Warning] = {}
    places = places_of(integration)
    for environment in environments if places else ():
        entries = find(environment)
        for place in places:
            value = entries[place.secret].value if place.secret in entries else None
            if value and value.traits and (problem := place.problem(value.traits, environment)):
                _keep(found, problem, Warning(InvalidHeaderValue.code, problem, place.secret, environment))
    return list(found.values())


def _expiry_warnings(environments: Iterable[Environment], find: Finder) -> list[Warning]:
    """Return which secrets expire soon or have expired. Only the provider knows whether it still accepts them."""
    secrets = {name: entry.secret for environment in environments for name, entry in find(environment).items()}
    return [
        Warning(EXPIRES, f"{name}: {expiry.in_words(last)}.", name, certain=False)
        for name, secret in sorted(secrets.items())
        if secret and (last := secret.expires_on) and expiry.is_soon(last)
    ]


def _text_warnings(integration: Integration) -> list[Warning]:
    """Return what of the texts looks like a placeholder and is sent as it is."""
    kind, config = KINDS[integration.kind], parsed(integration)
    declared = {name for operation in kind.operations(config) for name in operation.parameters.get("properties", ())}
    found = (
        f"{slot_label(slot.path)}: {miss.text} is no placeholder and is sent as it is. Write {miss.meant}, "
        "unless these characters are meant."
        for slot in kind.slots(config)
        for miss in near_misses(slot.path, slot.template, declared)
    )
    return [
        Warning(LITERAL_PLACEHOLDER, sentence, certain=False) for sentence in islice(dict.fromkeys(found), MOST_TEXTS)
    ]


def host_of(integration: Integration) -> str | None:
    """Return the host that an integration calls; None if it calls nothing itself or its URL is malformed."""
    return _judge_route(routes_of(with_parents(integration))[0])[1]


def hosts_for(integration: Integration, name: str) -> list[str]:
    """Return the hosts that an integration sends a secret to."""
    return [
        host for names, host, _ in map(_judge_route, routes_of(with_parents(integration))) if host and name in names
    ]


def _judge_route(route: Route) -> tuple[frozenset[str], str | None, list[Warning]]:
    """Return the secrets of a route, their host, and what the egress policy says about it.

    A name that needs an opened network is judged at run (docs/security-rules.md, "Destinations"), because its addresses
    are not known before.
    """
    if not route.url:
        return route.secret_names, None, []
    try:
        url = route.admit()
    except EgressDenied as refusal:
        return route.secret_names, refusal.host, [Warning(refusal.code, refusal.detail, integration=route.owner)]
    except Refusal as refusal:
        return route.secret_names, None, [Warning(refusal.code, refusal.detail, integration=route.owner)]
    return route.secret_names, url.raw_host, _about(url)


def _about(url: URL) -> list[Warning]:
    """Return what a person should know about a URL that may be called."""
    found, host = [], url.raw_host or ""
    if is_judged_at_run(url):
        sentence = f"{host} is called only if all its addresses lie in networks that the operator opened."
        found.append(Warning(EgressDenied.code, f"{sentence} This is checked at each run.", certain=False))
    if imitated := imitated_name(host):
        sentence = f"{host} is shown as {imitated} elsewhere: its letters look Latin and belong to another alphabet."
        found.append(Warning(LOOKALIKE_HOST, f"{sentence} Make sure that it is the host that you mean.", certain=False))
    return found
