"""From a call to a request with its placeholders still in place, every check made.

See docs/concepts.md, "Runs", steps 2 to 4.

Nothing is looked up or opened here, and nothing is recorded: that is `admission`. The same checks serve warnings, so
that a warning and a refusal never disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from accounts.common.environments import Environment
from accounts.errors import FieldError
from integrations.errors import (
    DomainNotAllowed,
    EgressDenied,
    EnvironmentNotEnabled,
    IntegrationDisabled,
    InvalidArguments,
    SecretDisabled,
    SecretMissing,
)
from integrations.exchange.exchange import Exchange
from integrations.inheritance import Route, operations_of, parents_of, parsed, plan_of, routes_of, with_parents
from integrations.kinds import KINDS
from integrations.kinds.base import CHECK
from integrations.models import Integration
from integrations.templating.parameters import check_arguments
from secrets_app.errors import KeyUnavailable
from secrets_app.models import SecretValue
from secrets_app.naming.domains import allows
from secrets_app.sealing import keyring, resolver


@dataclass(frozen=True, slots=True)
class Call:
    """What a caller asks for. `operation` may be None where there is one; `check` means the harmless check instead.

    `staged` is the id of a staged value to try in place of its secret's current one; `integrations.rotation` sets it.
    """

    integration_id: UUID
    environment: Environment
    operation: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    check: bool = False
    staged: UUID | None = None


@dataclass(slots=True)
class Attempt:
    """What is known of a call so far: it is recorded also where the next check refuses."""

    operation: str = ""
    note: str = ""
    host: str = ""
    found: dict[str, resolver.FoundSecret] = field(default_factory=dict)

    @property
    def values(self) -> list[SecretValue]:
        """The values that the call is about to use, still sealed."""
        return [entry.value for entry in self.found.values() if entry.value]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call with its links, operation and arguments checked: its secrets and its destination are next."""

    exchange: Exchange
    params: Mapping[str, Any]


def prepare(integration: Integration, call: Call, attempt: Attempt) -> Prepared:
    """Make the checks that need no secret, in the order of docs/concepts.md, "Runs", noting on `attempt` what becomes
    known.

    Raises:
        Refusal: the code of the first check that fails.
    """
    check_links(with_parents(integration), call.environment)
    return _planned(integration, call, attempt)


def judge(integration: Integration, call: Call, attempt: Attempt, found: dict[str, resolver.FoundSecret]) -> None:
    """Make the other checks: that each secret that was looked up may be used here, and that its host may be called.

    Raises:
        Refusal: the code of the first check that fails.
    """
    routes = routes_of(integration)
    judged = [_host(route) for route in routes]
    attempt.host, attempt.found = judged[0][0] or "", found
    for name in sorted(found):
        for route, (host, _) in zip(routes, judged, strict=True):
            if name in route.secret_names:
                check_secret(name, found[name], call.environment, host)
    for _, denied in judged:
        if denied:
            raise denied


def check_links(chain: list[Integration], environment: Environment) -> None:
    """Refuse where a link is switched off or does not run in the environment.

    Raises:
        IntegrationDisabled, EnvironmentNotEnabled
    """
    for link in chain:
        if not link.enabled:
            raise IntegrationDisabled(f"{link.name} is disabled. Enable it to run it.")
        if environment not in link.environments:
            raise EnvironmentNotEnabled(
                f"{link.name} does not run in {environment.label}. Add the environment to it first."
            )


def check_secret(name: str, entry: resolver.FoundSecret, environment: Environment, host: str | None) -> None:
    """Refuse a secret that cannot be used here: exists, enabled, has a value, may go to the host, in this order.

    Args:
        host: where it would be sent; None where it is sent nowhere, or where is not known yet: the domains are not
            judged then.

    Raises:
        SecretMissing, SecretDisabled, KeyUnavailable, DomainNotAllowed
    """
    if entry.secret is None:
        raise SecretMissing(f"No secret is called {name}. Create it, or remove the reference.")
    if not entry.secret.enabled:
        raise SecretDisabled(f"The secret {name} is disabled. Enable it to use it.")
    if entry.value is None:
        raise SecretMissing(f"The secret {name} has no value in {environment.label}. Enter one.")
    if not keyring.is_openable(entry.value):
        raise cannot_open(name, environment)
    if host is not None and not allows(entry.secret.allowed_domains, host):
        raise DomainNotAllowed(f"{name} may not be sent to {host}: it is not one of its allowed domains.")


def cannot_open(name: str, environment: Environment) -> KeyUnavailable:
    """The refusal for a value that is stored but does not open."""
    return KeyUnavailable(f"The {environment.label} value of {name} cannot be opened. Enter a new value.")


def _planned(integration: Integration, call: Call, attempt: Attempt) -> Prepared:
    """The exchange with placeholders in place, and the arguments with defaults filled in."""
    if call.check:
        attempt.operation = CHECK
        declared = KINDS[integration.kind].check(parsed(integration), parents_of(integration))
        return Prepared(_declared(declared), {})
    operations = operations_of(integration)
    name = call.operation or (next(iter(operations)) if len(operations) == 1 else "")
    if name not in operations:
        raise _unknown_operation(list(operations))
    attempt.operation = name
    params = check_arguments(operations[name].parameters, call.params)
    exchange = plan_of(integration, name)
    if errors := exchange.problems(params):
        raise InvalidArguments("The arguments do not fit what the operation needs.", errors=errors)
    attempt.note = exchange.note(params)
    return Prepared(exchange, params)


def _declared(exchange: Exchange | None) -> Exchange:
    if exchange is None:
        raise InvalidArguments("No harmless check is declared for this integration.")
    return exchange


def _unknown_operation(known: list[str]) -> InvalidArguments:
    """The ledger and the answer repeat no text of the caller."""
    names = ", ".join(known) or "none"
    return InvalidArguments(
        f"Unknown operation. Operations: {names}.", errors=[FieldError("operation", f"Choose one of: {names}.")]
    )


def _host(route: Route) -> tuple[str | None, EgressDenied | None]:
    """The host, and the egress refusal to raise once the secrets have been checked.

    See docs/concepts.md, "Runs", steps 3 and 4.

    The host is None where nothing is sent: no allowed domain has a say in that.
    """
    if not route.url:
        return None, None
    try:
        return route.admit().raw_host or "", None
    except EgressDenied as refusal:
        return refusal.host, refusal
