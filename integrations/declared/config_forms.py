"""Configurations of kinds in the forms in which they are compared and written, with names instead of ids."""

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from integrations.declared.parents import parent_fields, with_names
from integrations.editing.fields import as_stored
from integrations.kinds import KINDS


def full_form(kind: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration as it would be stored, with every default written out.

    Raises:
        Invalid: the kind refuses it.
    """
    return _form(kind, config, without_defaults=False)


def short_form(kind: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without what has its default.

    Raises:
        Invalid: the kind refuses it.
    """
    return _form(kind, config, without_defaults=True)


def _form(kind: str, config: Mapping[str, Any], *, without_defaults: bool) -> dict[str, Any]:
    """Let the kind read the configuration, with an id in the place of each name that it declares."""
    named = {field: config[field] for field in parent_fields(kind) if isinstance(config.get(field), str)}
    stand_ins = {field: str(uuid5(NAMESPACE_URL, name)) for field, name in named.items()}
    parsed = KINDS[kind].parse_config({**config, **stand_ins})
    names = {stand_ins[field]: name for field, name in named.items()}
    return with_names(kind, as_stored(parsed, without_defaults=without_defaults), names)
