"""Planning and checking a call (docs/concepts.md, "Runs", steps 2 to 4).

Nothing is decrypted or recorded here; `admission` does both. Readiness uses the same checks for its warnings, so that a
warning and a refusal never disagree.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.common.observers import RunTrace
from accounts.errors import FieldError, Refusal
from integrations.budgets.spending import Charge
from integrations.errors import (
    DomainNotAllowed,
    EgressDenied,
    EnvironmentNotEnabled,
    InvalidArguments,
    PathNotAllowed,
    SecretDisabled,
    SecretMissing,
    StreamNotPossible,
)
from integrations.exchange.exchange import Exchange, Streamable
from integrations.exchange.passing import PASS_THROUGH
from integrations.exchange.returns import PassedOn
from integrations.holding.calls import NO_WISH, Wish
from integrations.inheritance import Route, operations_of, parents_of, parsed, plan_of, routes_of
from integrations.kinds import KINDS
from integrations.kinds.base import CHECK
from integrations.models import BegunRun, Integration, WhenApproved
from integrations.stops.disabled import integration_disabled
from integrations.templating.parameters import check_arguments
from secrets_app.errors import KeyUnavailable
from secrets_app.models import SecretValue
from secrets_app.naming.domains import allows
from secrets_app.plaintext import Plaintext
from secrets_app.sealing import keyring, resolver


@dataclass(frozen=True, slots=True)
class Call:
    """A run to perform, as a caller requests it.

    Attributes:
        operation: may be None if the integration has only one operation.
        check: whether to run the harmless check instead of an operation.
        staged: the id of a staged value to use instead of its secret's current value; set by rotation checks.
        wish: what the caller says about an approval, if the call needs one.
        streams: whether the answer is taken piece by piece.
    """

    integration_id: UUID
    environment: Environment
    operation: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    check: bool = False
    staged: UUID | None = None
    wish: Wish = NO_WISH
    streams: bool = False

    @classmethod
    def requested(cls, integration_id: UUID, request: "CallRequest") -> "Call":
        """Return the call that a request asks for."""
        wish = Wish(request.reason, request.when, request.approval)
        return cls(integration_id, request.environment, request.operation, request.params, wish=wish)


class CallRequest(Protocol):
    """The body of a request for a run, as the API reads it."""

    environment: Environment
    operation: str | None
    params: dict[str, Any]
    reason: str
    when: WhenApproved
    approval: UUID | None


@dataclass(slots=True)
class Attempt:
    """What is known of a call so far. The run is recorded with it even if a later check refuses the call."""

    operation: str = ""
    note: str = ""
    host: str = ""
    found: dict[str, resolver.FoundSecret] = field(default_factory=dict)

    @property
    def values(self) -> list[SecretValue]:
        """The encrypted values that the call will use."""
        return [entry.value for entry in self.found.values() if entry.value]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A planned call with checked arguments. Its secrets and destinations are checked next."""

    exchange: Exchange
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call that may be sent: the run is recorded, the values are decrypted, a concurrency slot is held.

    Attributes:
        masked: the values that nobody may see: all but those of secrets that are marked as identifiers.
        value_ids, secret_ids: of the values and of their secrets, in the same order.
        charge: what counts it towards budgets; None if there are none.
    """

    actor: Actor
    run: BegunRun
    exchange: Exchange
    params: Mapping[str, Any]
    secrets: dict[str, Plaintext] = field(repr=False)
    masked: dict[str, Plaintext] = field(repr=False)
    mask_stamp: int
    secret_ids: list[UUID]
    value_ids: dict[str, UUID]
    domains: dict[str, list[str]]
    links: Sequence[Integration]
    trace: RunTrace
    charge: Charge | None = None


def prepare(links: Sequence[Integration], call: Call, attempt: Attempt) -> Prepared:
    """Check everything that needs no secret, in the order of docs/concepts.md, "Runs".

    The operation and the note are set on `attempt` as they become known.

    Args:
        links: the integration that is called and its parents.

    Raises:
        Refusal: with the code of the first check that fails.
    """
    check_links(links, call.environment)
    return _planned(links, call, attempt)


def check_secrets(
    links: Sequence[Integration], call: Call, attempt: Attempt, found: dict[str, resolver.FoundSecret]
) -> None:
    """Check that each secret may be used here and that each host may be called; fill in `attempt`.

    Args:
        links: the integration that is called and its parents.
        found: the secrets that the call needs and their values, by name.

    Raises:
        Refusal: with the code of the first check that fails.
    """
    routes = routes_of(links)
    hosts = [_host(route) for route in routes]
    attempt.host, attempt.found = hosts[0][0] or "", found
    for name in sorted(found):
        for route, (host, _) in zip(routes, hosts, strict=True):
            if name in route.secret_names:
                _check_named(name, found[name], call.environment, host)
    for _, denied in hosts:
        if denied:
            raise denied


def check_links(integrations: Sequence[Integration], environment: Environment) -> None:
    """Check that an integration and its parents are enabled and run in the environment.

    Raises:
        IntegrationDisabled, EnvironmentNotEnabled: one of them cannot run.
    """
    for link in integrations:
        if not link.enabled:
            raise integration_disabled(link)
        if environment not in link.environments:
            raise EnvironmentNotEnabled(
                f"{link.name} does not run in {environment.label}. Add the environment to it first."
            )


def _check_named(name: str, entry: resolver.FoundSecret, environment: Environment, host: str | None) -> None:
    """Do `check_secret`; its refusal names the secret among its members too."""
    try:
        check_secret(name, entry, environment, host)
    except Refusal as refusal:
        refusal.members["secret"] = name
        raise


def check_secret(name: str, entry: resolver.FoundSecret, environment: Environment, host: str | None) -> None:
    """Check that a secret exists, is enabled, has a readable value and may be sent to the host.

    Args:
        host: None if the secret is not sent anywhere or the host is not known yet; domains are not checked then.

    Raises:
        SecretMissing, SecretDisabled, KeyUnavailable, DomainNotAllowed: the first check that fails, in this order.
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
        raise DomainNotAllowed(f"{name} may not be sent to {host}, which is not one of its allowed domains.")


def cannot_open(name: str, environment: Environment) -> KeyUnavailable:
    """Return the refusal for a stored value that cannot be decrypted."""
    refusal = KeyUnavailable(f"The {environment.label} value of {name} cannot be opened. Enter a new value.")
    refusal.members["secret"] = name
    return refusal


def _planned(links: Sequence[Integration], call: Call, attempt: Attempt) -> Prepared:
    """Plan the exchange, and check the arguments and fill in their defaults."""
    integration = links[0]
    if call.check:
        attempt.operation = CHECK
        declared = KINDS[integration.kind].check(parsed(integration), parents_of(integration))
        return Prepared(_declared(declared), {})
    operations = operations_of(integration)
    name = call.operation or (next(iter(operations)) if len(operations) == 1 else "")
    if name not in operations:
        raise _unknown_operation(name, list(operations))
    attempt.operation = name
    _check_size(call.params, operations[name].max_argument_bytes)
    params = check_arguments(operations[name].parameters, call.params)
    exchange = plan_of(links, name)
    _check_way(exchange, streams=call.streams)
    if errors := exchange.problems(params):
        raise InvalidArguments("The arguments do not match what the operation needs.", errors=errors)
    attempt.note = exchange.note(params)
    return Prepared(exchange, params)


def _check_size(params: Mapping[str, Any], most: int) -> None:
    if params and len(json.dumps(params, default=str)) > most:
        raise InvalidArguments(
            f"The arguments are larger than {most} bytes together. Send less, or let the action take more."
        )


def _check_way(exchange: Exchange, *, streams: bool) -> None:
    """Check that an answer can be taken as the caller wants to: whole, or piece by piece."""
    if streams and not isinstance(exchange, Streamable):
        raise StreamNotPossible("The answer of this operation cannot be taken piece by piece. Run it as usual.")
    if streams and exchange.returns.passed_on is not PassedOn.EVERYTHING:
        raise StreamNotPossible("This action passes on a part of the answer only. Run it as usual.")
    if isinstance(exchange, Streamable) and exchange.only_streams and not streams:
        raise InvalidArguments("This operation is not run: call its address below /proxy/ (docs/pass-through.md).")


def _declared(exchange: Exchange | None) -> Exchange:
    if exchange is None:
        raise InvalidArguments("No harmless check is declared for this integration.")
    return exchange


def _unknown_operation(name: str, known: list[str]) -> Refusal:
    """Return the refusal for an unknown operation. It does not repeat the caller's text."""
    if name == PASS_THROUGH:
        return PathNotAllowed(
            "This connection passes no requests through. An owner or admin can switch that on, on its page, under "
            "Pass-through."
        )
    names = ", ".join(known) or "none"
    return InvalidArguments(
        f"Unknown operation. Operations: {names}.", errors=[FieldError("operation", f"Choose one of: {names}.")]
    )


def _host(route: Route) -> tuple[str | None, EgressDenied | None]:
    """Return the host of a route, and the egress refusal to raise once the secrets are checked.

    The host is None if nothing is sent; no allowed domains apply then (docs/concepts.md, "Runs", steps 3 and 4).
    """
    if not route.url:
        return None, None
    try:
        return route.admit().raw_host or "", None
    except EgressDenied as refusal:
        return refusal.host, refusal
