"""Connections and connectors in configurations: by name in what people declare, by id in what is stored."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from uuid import UUID

from accounts.actors import Actor
from accounts.common.proposals import no_such
from accounts.errors import FieldError
from integrations.editing.fields import CONNECTION, CONNECTOR, ParentRole
from integrations.kinds import KINDS, schemas
from integrations.models import Integration

ROLES: dict[str, ParentRole] = {"connection": CONNECTION, "auth_connector": CONNECTOR}
WORDS = {"connection": "connection", "auth_connector": "auth connector"}


@cache
def parent_fields(kind: str) -> Mapping[str, str]:
    """Return the fields of a kind's configuration that name another integration, with its role."""
    return schemas.reference_fields(kind)


def with_ids(actor: Actor, kind: str, config: Mapping[str, Any]) -> tuple[dict[str, Any], list[FieldError]]:
    """Return a configuration with the ids of the connection and connector that it names, and what is wrong with these.

    An id is kept, so that a configuration can be sent as it was read.
    """
    found, errors = dict(config), []
    fields = parent_fields(kind) if kind in KINDS else {}
    for field, role in fields.items():
        name = config.get(field)
        if not isinstance(name, str) or _is_id(name):
            continue
        known = names_of(actor, role)
        found[field] = str(known[name]) if name in known else None
        if name not in known:
            errors.append(FieldError(f"config.{field}", no_such(WORDS[role], name, known, lists=False)))
    return found, errors


def names_of(actor: Actor, role: str) -> dict[str, UUID]:
    """Return the integrations with a role that the actor may see, by name."""
    rows = Integration.objects.visible_to(actor).filter(kind__in=ROLES[role].kinds)
    return dict(rows.values_list("name", "pk"))


def with_names(kind: str, config: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return a stored configuration with the names of the connection and connector whose ids it has.

    Args:
        names: the name of each integration, by id.
    """
    ids = {field: str(config[field]) for field in parent_fields(kind) if config.get(field)}
    return {**config, **{field: names.get(integration_id, integration_id) for field, integration_id in ids.items()}}


def without_parents(kind: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without the connection and connector that it names."""
    fields: Iterable[str] = parent_fields(kind)
    return {name: value for name, value in config.items() if name not in fields}


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
