"""Everything that is checked before a value is opened (DESIGN section 6, steps 1 to 4).

`admit` answers a call with what it takes to send it, or refuses. Once the caller may run the integration, the attempt
is recorded, refused or not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from accounts.actors import Actor
from accounts.environments import Environment
from accounts.errors import FieldError, Refusal
from accounts.policy import Permission
from integrations import ledger, outgoing
from integrations.egress import admit_url
from integrations.errors import (
    DomainNotAllowed,
    EgressDenied,
    EnvironmentNotEnabled,
    IntegrationDisabled,
    InvalidArguments,
    KeyUnavailable,
    SecretDisabled,
    SecretMissing,
)
from integrations.kinds import KINDS
from integrations.kinds.base import CHECK
from integrations.models import Integration, Run
from integrations.parameters import check_arguments
from integrations.requests import RequestTemplate
from secrets_app import keyring, resolver
from secrets_app.domains import allows
from secrets_app.models import SecretValue
from secrets_app.plaintext import Plaintext


@dataclass(frozen=True, slots=True)
class Call:
    """What a caller asks for. `operation` may be None where the integration has one."""

    integration_id: UUID
    environment: Environment
    operation: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A run that may go ahead: recorded as started, its values open."""

    run: Run
    template: RequestTemplate
    params: Mapping[str, Any]
    secrets: dict[str, Plaintext] = field(repr=False)
    secret_ids: list[UUID]
    integration_ids: list[UUID]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A call that passed every check, its secrets found and still sealed."""

    operation: str
    template: RequestTemplate
    params: Mapping[str, Any]
    host: str
    found: dict[str, resolver.Found]

    @property
    def values(self) -> list[SecretValue]:
        return [entry.value for entry in self.found.values() if entry.value]


def admit(actor: Actor, call: Call) -> Admitted:
    """Check a call, record it as started, and open its values.

    Raises:
        NotFound, PermissionDenied: the caller may not run this integration here; nothing is recorded.
        Refusal: any code of API.md; recorded, with `run_id` among its members.
    """
    integration = Integration.objects.fetch(actor, call.integration_id)
    actor.check(Permission.INTEGRATIONS_RUN)
    actor.check_environments(call.environment)
    integration.organization = actor.organization
    try:
        prepared = _prepare(integration, call)
    except Refusal as refusal:
        _record_refusal(refusal, actor, integration, call)
        raise
    return _start(actor, integration, call, prepared)


def chain_of(integration: Integration) -> list[Integration]:
    """The integration and what it inherits from: every link must be enabled and run in the environment."""
    return [integration, integration.auth_connector] if integration.auth_connector else [integration]


def _prepare(integration: Integration, call: Call) -> _Prepared:
    chain = chain_of(integration)
    check_links(chain, call.environment)
    operation, params, template = _request(integration, call)
    host, denied = _destination(template)
    found = resolver.find(integration.organization, template.secret_names, call.environment)
    for name in sorted(found):
        check_secret(name, found[name], call.environment, host)
    if denied:
        raise denied
    return _Prepared(operation, template, params, host, found)


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


def _request(integration: Integration, call: Call) -> tuple[str, Mapping[str, Any], RequestTemplate]:
    """The operation asked for, its arguments with defaults filled in, and the request with placeholders in place."""
    kind = KINDS[integration.kind]
    config = kind.parse_config(integration.config)
    connector = integration.auth_connector
    connector_config = KINDS[connector.kind].parse_config(connector.config) if connector else None
    if call.operation == CHECK:
        template = kind.check_request(config, connector_config)
        if template is None:
            raise InvalidArguments(
                "This integration has no harmless check.", errors=[FieldError("operation", "There is no check.")]
            )
        return CHECK, {}, template
    operations = {operation.name: operation for operation in kind.operations(config)}
    name = call.operation or (next(iter(operations)) if len(operations) == 1 else "")
    if name not in operations:
        known = ", ".join(operations) or "none"
        raise InvalidArguments(
            f"Unknown operation. Operations: {known}.", errors=[FieldError("operation", f"Choose one of: {known}.")]
        )
    params = check_arguments(operations[name].parameters, call.params)
    built = kind.build(config, connector_config)
    assert built is not None  # noqa: S101 - a kind with operations builds their requests
    return name, params, built


def _destination(template: RequestTemplate) -> tuple[str, EgressDenied | None]:
    """The host, and the egress refusal to raise once the secrets have been checked (DESIGN section 6, steps 2 to 4)."""
    try:
        return admit_url(template.base_url, outgoing.policy()).raw_host or "", None
    except EgressDenied as refusal:
        return refusal.host, refusal


def check_secret(name: str, entry: resolver.Found, environment: Environment, host: str | None) -> None:
    """Refuse a secret that cannot be used here: exists, enabled, has a value, may go to the host, in this order.

    Args:
        host: where it would be sent; None where that is not known yet, and the domains are not judged.

    Raises:
        SecretMissing, SecretDisabled, KeyUnavailable, DomainNotAllowed
    """
    if entry.secret is None:
        raise SecretMissing(f"No secret is called {name}. Create it, or remove the reference.")
    if not entry.secret.enabled:
        raise SecretDisabled(f"The secret {name} is disabled. Enable it to use it.")
    if entry.value is None:
        raise SecretMissing(f"The secret {name} has no value in {environment.label}. Enter one.")
    if entry.value.unreadable or entry.value.data_key.master_key_id not in keyring.held_ids():
        raise _cannot_open(name, environment)
    if host is not None and not allows(entry.secret.allowed_domains, host):
        raise DomainNotAllowed(
            f"{name} may not be sent to {host}. Its allowed domains: {', '.join(entry.secret.allowed_domains)}."
        )


def _cannot_open(name: str, environment: Environment) -> KeyUnavailable:
    return KeyUnavailable(f"The {environment.label} value of {name} cannot be opened. Enter a new value.")


def _record_refusal(refusal: Refusal, actor: Actor, integration: Integration, call: Call) -> None:
    run = ledger.begin(
        actor=actor,
        integration=integration,
        environment=call.environment,
        operation=_declared_name(integration, call.operation),
        refused_with=refusal.code,
    )
    refusal.members["run_id"] = str(run.id)


def _declared_name(integration: Integration, asked: str | None) -> str:
    """The operation asked for, if there is one of this name: the ledger repeats no text of a caller."""
    kind = KINDS[integration.kind]
    known = {CHECK, *(operation.name for operation in kind.operations(kind.parse_config(integration.config)))}
    return asked if asked in known else ""


def _start(actor: Actor, integration: Integration, call: Call, prepared: _Prepared) -> Admitted:
    run = ledger.begin(
        actor=actor,
        integration=integration,
        environment=call.environment,
        operation=prepared.operation,
        host=prepared.host,
        values=prepared.values,
    )
    try:
        opened = resolver.open_values(prepared.found, actor=actor)
    except resolver.Unreadable as problem:
        refusal = _cannot_open(problem.name, call.environment)
        ledger.refuse(run, refusal.code)
        refusal.members["run_id"] = str(run.id)
        raise refusal from None
    return Admitted(
        run=run,
        template=prepared.template,
        params=prepared.params,
        secrets=opened,
        secret_ids=[value.secret_id for value in prepared.values],
        integration_ids=[link.id for link in chain_of(integration)],
    )
