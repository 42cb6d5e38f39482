"""Rules for the fields of an integration."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from accounts.actors import Actor
from accounts.common.fields import write_json
from accounts.common.texts import problem_with_line, problem_with_text
from accounts.errors import FieldError, Invalid, Refusal
from accounts.models import Organization
from integrations.egress import configuration
from integrations.egress.destinations import parse_url
from integrations.egress.policy import admit_url
from integrations.exchange.exchange import Destination
from integrations.inheritance import parents_of, parsed
from integrations.kinds import KINDS
from integrations.kinds.base import Parents
from integrations.models import Integration, SecretReference

NOT_SAVED = "The integration was not saved."
NAME_LENGTH = Integration._meta.get_field("name").max_length or 100
DESCRIPTION_LENGTH = Integration._meta.get_field("description").max_length or 500


@dataclass(frozen=True, slots=True)
class ParentRole:
    """A role that an integration can have for another: its field and kinds, and the message if there is none."""

    field: str
    kinds: tuple[str, ...]
    missing: str


CONNECTOR = ParentRole(
    "config.auth_connector",
    tuple(key for key, kind in KINDS.items() if kind.is_connector),
    "There is no such auth connector. Choose one from the list, or none.",
)
CONNECTION = ParentRole(
    "config.connection",
    tuple(key for key, kind in KINDS.items() if kind.is_connection),
    "There is no such connection. Choose one from the list, or enter a base URL.",
)


def check_name(name: str, organization: Organization, *, other_than: UUID | None = None) -> list[FieldError]:
    """Return what is wrong with a name: it is one line of visible text, unique in the organization in any case."""
    if not name.strip() or name != name.strip():
        return [FieldError("name", "Enter a name without spaces at the ends.")]
    if problem := problem_with_line(name, NAME_LENGTH):
        return [FieldError("name", problem)]
    taken = Integration.objects.of(organization).filter(name__iexact=name).exclude(pk=other_than).exists()  # type: ignore[misc]
    return [FieldError("name", "An integration with this name already exists. Choose another name.")] if taken else []


def check_description(text: str) -> list[FieldError]:
    """Return what is wrong with a description: it is too long, or a database cannot store it."""
    problem = problem_with_text(text, DESCRIPTION_LENGTH)
    return [FieldError("description", problem)] if problem else []


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A checked configuration.

    Attributes:
        config: as stored.
        parsed: as parsed by the kind.
        connector: the auth connector that it names.
        connection: the connection that it names.
    """

    config: dict[str, Any]
    parsed: Any
    connector: Integration | None
    connection: Integration | None


def clean_config(
    actor: Actor, kind_key: str, raw: dict[str, Any], errors: list[FieldError], *, editing: Integration | None = None
) -> Cleaned:
    """Check a configuration and look up its connection and connector.

    Args:
        raw: the configuration as entered.
        errors: problems with other fields; they are raised together with those of the configuration.
        editing: the stored integration, when it is changed.

    Raises:
        Invalid: there is any problem.
    """
    if kind_key not in KINDS:
        known = ", ".join(KINDS)
        raise Invalid(NOT_SAVED, errors=[*errors, FieldError("kind", f"Choose one of: {known}.")])
    kind = KINDS[kind_key]
    try:
        config = kind.parse_config(raw)
    except Invalid as refusal:
        raise Invalid(NOT_SAVED, errors=[*errors, *refusal.errors]) from None
    errors = [*errors, *_check_destinations(kind.destinations(config))]
    kept = {editing.auth_connector_id, editing.connection_id} if editing else set()
    connector = _parent(actor, CONNECTOR, kind.connector_id(config), kept, errors)
    connection = _parent(actor, CONNECTION, kind.connection_id(config), kept, errors)
    errors += kind.problems_with_parents(config, _parents(connector, connection))
    if editing:
        errors += _check_dependants(editing, config, connector)
    if errors:
        raise Invalid(NOT_SAVED, errors=errors)
    return Cleaned(as_stored(config), config, connector, connection)


def as_stored(config: BaseModel, *, without_defaults: bool = False) -> dict[str, Any]:
    """Return a parsed configuration as the JSON that is stored."""
    stored: dict[str, Any] = _as_json(config.model_dump(by_alias=True, exclude_defaults=without_defaults))
    return stored


def _as_json(value: Any) -> Any:
    """Return a dumped configuration as JSON. Pydantic's own way of doing so writes numbers anew."""
    if isinstance(value, dict):
        return {name: _as_json(child) for name, child in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(child) for child in value]
    return str(value) if isinstance(value, UUID) else value


def differs(before: Any, after: Any) -> bool:
    """Return whether a value changes; parameters also by the spelling of a number."""
    if before == after and isinstance(after, dict) and "parameters" in after:
        return write_json(before["parameters"]) != write_json(after["parameters"])
    return bool(before != after)


def name_of_copy(source: Integration) -> str:
    """Return the first free name of `NAME (copy)`, `NAME (copy 2)` and so on. Long names are shortened."""
    endings = chain([" (copy)"], (f" (copy {number})" for number in count(2)))
    names = (source.name[: NAME_LENGTH - len(ending)].rstrip() + ending for ending in endings)
    return next(name for name in names if not check_name(name, source.organization))


def destinations_of(kind: str, config: Any, references: Iterable[SecretReference]) -> dict[str, Any]:
    """Return the secrets and hosts of a saved configuration, for the audit log."""
    return {"secrets": sorted({row.name for row in references}), "hosts": hosts_of(kind, config)}


def hosts_of(kind: str, config: Any) -> list[str]:
    """Return the hosts of a parsed configuration."""
    destinations = KINDS[kind].destinations(config)
    return [parse_url(destination.url, destination.schemes).raw_host or "" for destination in destinations]


def dependants_of(integration: Integration, limit: int | None = None) -> list[Integration]:
    """Return the first integrations that use this one, directly or through a connection, by name; all by default."""
    return list(Integration.objects.building_on([integration.pk]).with_links().order_by("name")[:limit])


def secrets_through(integration: Integration, limit: int) -> frozenset[str]:
    """Return secrets of the integrations that use this one; they are sent to its address as well."""
    users = Integration.objects.building_on([integration.pk]).values("pk")
    names = SecretReference.objects.filter(integration__in=users).order_by("name").values_list("name", flat=True)
    return frozenset(names.distinct()[:limit])


def _check_destinations(destinations: Iterable[Destination]) -> list[FieldError]:
    """Return what the egress policy says about the destinations."""
    errors = []
    for destination in destinations:
        try:
            admit_url(destination.url, configuration.policy(), destination.schemes)
        except Refusal as refusal:
            errors.append(FieldError(destination.field, refusal.detail))
    return errors


def _parent(
    actor: Actor, role: ParentRole, parent_id: UUID | None, kept: set[UUID | None], errors: list[FieldError]
) -> Integration | None:
    """Return the visible integration of the organization with this id and role.

    An API key that is limited to certain integrations may keep a parent that is not on its list, but not choose one.

    Args:
        kept: the ids that are stored already.
        errors: receives an error if there is no such integration.
    """
    if parent_id is None:
        return None
    seen = Integration.objects.of(actor.organization) if parent_id in kept else Integration.objects.visible_to(actor)
    parent = seen.filter(pk=parent_id, kind__in=role.kinds).select_related("auth_connector").first()
    if parent is None:
        errors.append(FieldError(role.field, role.missing))
    return parent


def _parents(connector: Integration | None, connection: Integration | None) -> Parents:
    connector = connector or (connection.auth_connector if connection else None)
    return Parents(
        connection=parsed(connection) if connection else None, connector=parsed(connector) if connector else None
    )


def _check_dependants(edited: Integration, config: Any, connector: Integration | None) -> list[FieldError]:
    """Return conflicts with the integrations that use the edited one."""
    errors = []
    for user in dependants_of(edited):
        parents = _parents_after(parents_of(user), user, edited, config, connector)
        for problem in KINDS[user.kind].problems_with_parents(parsed(user), parents):
            errors.append(FieldError("config", f"{user.name}: {problem.message}"))  # noqa: PERF401 - reads better than nested
    return errors


def _parents_after(
    parents: Parents, user: Integration, edited: Integration, config: Any, connector: Integration | None
) -> Parents:
    """Return the parents that an integration will have after the edit; a connection's connector is inherited."""
    if KINDS[edited.kind].is_connector:
        return replace(parents, connector=config)
    inherited = user.auth_connector or connector
    return replace(parents, connection=config, connector=parsed(inherited) if inherited else None)
