"""What is stored, in the words of a configuration file."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.actors import Actor
from accounts.common.environments import ALL_ENVIRONMENTS, Environment, in_order
from integrations.alerts.endpoints import endpoints_of
from integrations.declared.document import DeclaredIntegration, DeclaredSecret, DeclaredWebhook
from integrations.declared.parents import with_names
from integrations.declared.rules import KnownNames, declared_rules, names_of
from integrations.editing.fields import as_stored
from integrations.inheritance import parsed
from integrations.models import AlertEndpoint, EndpointKind, Integration, Pause
from secrets_app.models import Secret, SecretValue
from secrets_app.sealing import keyring

SEALED = {EndpointKind.SLACK, EndpointKind.TEAMS}
"""Their address is a credential, so that no file has them."""


@dataclass(frozen=True, slots=True)
class StoredMember:
    """A secret, an integration or a webhook that is stored.

    Attributes:
        is_listed: whether a list shows it to the actor: only then it is exported, and deleted if a file lacks it.
        valued: of a secret, the environments in which it has a value.
    """

    id: UUID
    declared: Any
    is_listed: bool = True
    valued: frozenset[Environment] = frozenset()


def stored_members(actor: Actor, section: str) -> dict[str, StoredMember]:
    """Return what is stored of a section, by name. Names are sorted as Python does, the same on every database.

    Raises:
        PermissionDenied: the actor may not see webhooks.
    """
    found = {"secrets": _secrets, "integrations": _integrations, "webhooks": _webhooks}[section](actor)
    return dict(sorted(found.items()))


def readable_in(actor: Actor) -> dict[str, set[Environment]]:
    """Return the environments in which each secret has a value that can be opened."""
    values = SecretValue.objects.current().readable(keyring.held_ids())
    found = defaultdict(set)
    rows = values.filter(secret__organization=actor.organization).values_list("secret__name", "environment")
    for name, environment in rows:
        found[name].add(Environment(environment))
    return found


def _secrets(actor: Actor) -> dict[str, StoredMember]:
    secrets = Secret.objects.of(actor.organization)
    is_bounded = actor.environments != ALL_ENVIRONMENTS
    listed = set(secrets.concerning(actor.environments).values_list("pk", flat=True)) if is_bounded else None
    valued = defaultdict(set)
    values = SecretValue.objects.current().filter(secret__organization=actor.organization)
    for secret_id, environment in values.values_list("secret_id", "environment"):
        valued[secret_id].add(Environment(environment))
    return {
        secret.name: StoredMember(
            secret.pk, _secret(secret), listed is None or secret.pk in listed, frozenset(valued[secret.pk])
        )
        for secret in secrets
    }


def _secret(secret: Secret) -> DeclaredSecret:
    return DeclaredSecret.model_construct(
        description=secret.description,
        allowed_domains=secret.allowed_domains,
        enabled=secret.enabled,
        is_identifier=secret.is_identifier,
        rotate_every_days=secret.rotate_every_days,
        required_in=in_order(secret.required_in),
    )


def _integrations(actor: Actor) -> dict[str, StoredMember]:
    rows = list(Integration.objects.visible_to(actor))
    listed = set(Integration.objects.listed_for(actor).values_list("pk", flat=True))
    names = {str(row.pk): row.name for row in rows}
    named = names_of(actor) if any(row.rules for row in rows) else KnownNames({}, {})
    return {row.name: StoredMember(row.pk, _integration(row, names, named), row.pk in listed) for row in rows}


def _integration(row: Integration, names: dict[str, str], named: KnownNames) -> DeclaredIntegration:
    return DeclaredIntegration.model_construct(
        kind=row.kind,
        description=row.description,
        tool_name=row.tool_name or None,
        only_approved_tools=row.only_approved_tools,
        enabled=row.enabled,
        environments=in_order(row.environments),
        config=with_names(row.kind, as_stored(parsed(row)), names),
        rules=declared_rules(row, named),
    )


def _webhooks(actor: Actor) -> dict[str, StoredMember]:
    """Return the webhooks in the order of their creation. The second of a name is called `NAME (2)`."""
    found, used = {}, Counter[str]()
    for endpoint in endpoints_of(actor).exclude(kind__in=[kind.value for kind in SEALED]):
        used[endpoint.name] += 1
        number = used[endpoint.name]
        name = endpoint.name if number == 1 else f"{endpoint.name} ({number})"
        found[name] = StoredMember(endpoint.pk, _webhook(endpoint))
    return found


def _webhook(endpoint: AlertEndpoint) -> DeclaredWebhook:
    return DeclaredWebhook.model_construct(
        kind=endpoint.kind,
        address=endpoint.url,
        recipients=endpoint.recipients,
        digest=endpoint.is_digest,
        events=endpoint.events,
        after_minutes=endpoint.after_minutes,
        paused=endpoint.paused == Pause.PERSON,
    )
