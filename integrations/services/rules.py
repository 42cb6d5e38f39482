"""What an integration's fields must satisfy, for the form and the API alike."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from accounts.actors import Actor
from accounts.errors import FieldError, Invalid, Refusal
from accounts.models import Organization
from accounts.texts import problem_with_text
from integrations import outgoing
from integrations.egress import admit_url
from integrations.kinds import KINDS
from integrations.kinds.base import Destination
from integrations.models import Integration

NOT_SAVED = "The integration was not saved."
NAME_LENGTH = Integration._meta.get_field("name").max_length or 100
DESCRIPTION_LENGTH = Integration._meta.get_field("description").max_length or 500


def check_name(name: str, organization: Organization, *, other_than: UUID | None = None) -> list[FieldError]:
    """One line of visible text, unique in the organization in any case."""
    if not name.strip() or name != name.strip() or len(name) > NAME_LENGTH or not name.isprintable():
        return [
            FieldError(
                "name", f"Enter a name of 1 to {NAME_LENGTH} characters, on one line, without spaces at the ends."
            )
        ]
    taken = Integration.objects.of(organization).filter(name__iexact=name).exclude(pk=other_than).exists()  # type: ignore[misc]
    return [FieldError("name", "There is an integration with this name already. Choose another name.")] if taken else []


def check_description(text: str) -> list[FieldError]:
    """Length, and nothing that a database cannot store."""
    problem = problem_with_text(text, DESCRIPTION_LENGTH)
    return [FieldError("description", problem)] if problem else []


def clean_config(
    actor: Actor, kind_key: str, raw: dict[str, Any], errors: list[FieldError], *, editing: Integration | None = None
) -> tuple[dict[str, Any], Integration | None]:
    """The configuration as it is stored, and the connector that it names.

    Args:
        errors: problems found so far with other fields; raised together with those of the configuration.

    Raises:
        Invalid: anything is wrong.
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
    connector, problems = _connector(actor, kind.connector_id(config), editing)
    errors += problems
    if connector:
        errors += kind.check_with_connector(config, KINDS[connector.kind].parse_config(connector.config))
    if editing and kind.is_connector:
        errors += _check_dependants(editing, config)
    if errors:
        raise Invalid(NOT_SAVED, errors=errors)
    return config.model_dump(mode="json", by_alias=True), connector


def _check_destinations(destinations: Iterable[Destination]) -> list[FieldError]:
    """What the egress rules say about the addresses, at save already."""
    errors = []
    for destination in destinations:
        try:
            admit_url(destination.url, outgoing.policy())
        except Refusal as refusal:
            errors.append(FieldError(destination.field, refusal.detail))
    return errors


def _connector(
    actor: Actor, connector_id: UUID | None, editing: Integration | None
) -> tuple[Integration | None, list[FieldError]]:
    """The connector with this id, of this organization and visible to the actor, or why not.

    A key that is limited to certain integrations may keep a connector that is not on its list, but choose none.
    """
    if connector_id is None:
        return None, []
    kept = editing is not None and editing.auth_connector_id == connector_id
    candidates = Integration.objects.of(actor.organization) if kept else Integration.objects.visible_to(actor)
    connector = candidates.filter(
        pk=connector_id, kind__in=[key for key, kind in KINDS.items() if kind.is_connector]
    ).first()
    if connector is None:
        return None, [
            FieldError("config.auth_connector", "There is no such auth connector. Choose one of the list, or none.")
        ]
    return connector, []


def _check_dependants(connector: Integration, config: Any) -> list[FieldError]:
    """An edited connector must not collide with the headers and query of those that use it."""
    errors = []
    for user in Integration.objects.filter(auth_connector=connector).order_by("name"):
        kind = KINDS[user.kind]
        for problem in kind.check_with_connector(kind.parse_config(user.config), config):
            errors.append(FieldError("config", f"{user.name}: {problem.message}"))  # noqa: PERF401 - reads better than nested
    return errors
