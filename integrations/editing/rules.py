"""Setting the rules of an integration's calls."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.actors import Actor
from accounts.audit import trail
from accounts.errors import FieldError, Invalid
from accounts.models import ApiKey, Membership
from accounts.people.locks import lock_organization
from accounts.policy import Permission
from integrations.editing.bounds import check_bounds
from integrations.editing.locking import lock_integration
from integrations.inheritance import operations_of
from integrations.kinds import KINDS
from integrations.kinds.base import CHECK
from integrations.models import Integration
from integrations.rules.reading import NOT_SAVED
from integrations.rules.shape import Rule

_AROUND = ("not", "anyOf", "oneOf", "allOf")


def set_rules(
    *, actor: Actor, integration_id: UUID, rules: Sequence[Rule], expected_version: int | None = None
) -> Integration:
    """Replace the rules of an integration. What changes nothing writes nothing.

    Args:
        rules: as `rules.reading.read_rules` returns them.

    Raises:
        NotFound, PermissionDenied: the actor may not see the integration or set its rules (`check_bounds`).
        EditConflict: somebody saved since `expected_version`.
        Invalid: a rule names an operation, argument, key or person that does not exist.
    """
    actor.check(Permission.RULES_WRITE)
    with transaction.atomic():
        lock_organization(actor.organization)
        integration = lock_integration(actor, integration_id, expected_version)
        check_bounds(actor, integration)
        errors = [*_problems(integration, rules), *_strangers(actor, rules)]
        if errors:
            raise Invalid(NOT_SAVED, errors=errors)
        before, integration.rules = integration.rules, [rule.as_json() for rule in rules]
        if integration.rules != before:
            integration.version += 1
            integration.save(update_fields=["rules", "version", "updated_at"])
            trail.record(
                trail.Event.INTEGRATION_RULES_CHANGED,
                actor=actor,
                target=integration,
                rules=[_summary(rule) for rule in rules],
                rules_before=len(before),
            )
    return integration


def unknown_arguments(integration: Integration, rule: Rule) -> set[str]:
    """Return the arguments that a rule is about and that its operation does not have (any more)."""
    operation = operations_of(integration).get(rule.operation or "")
    if operation is None or rule.arguments is None:
        return set()
    return set(_named(rule.arguments)) - set(operation.parameters.get("properties", {}))


def is_operation(integration: Integration, name: str) -> bool:
    """Return whether rules of an integration may be about what is called so."""
    calling = KINDS[integration.kind].calling_operation
    is_tool = bool(calling) and name.startswith(f"{calling}:") and len(name) > len(calling) + 1
    return is_tool or name == CHECK or name in operations_of(integration)


def _problems(integration: Integration, rules: Sequence[Rule]) -> Iterator[FieldError]:
    for index, rule in enumerate(rules):
        place = f"rules[{index}]"
        if rule.operation is not None and not is_operation(integration, rule.operation):
            known = ", ".join([*operations_of(integration), CHECK])
            yield FieldError(f"{place}.operation", f"Choose one of: {known}; or leave it out for every operation.")
        elif unknown := sorted(unknown_arguments(integration, rule)):
            yield FieldError(f"{place}.arguments", f"The operation has no argument called {unknown[0]}.")


def _strangers(actor: Actor, rules: Sequence[Rule]) -> Iterator[FieldError]:
    """Yield an error for each rule that names a key or a person whom the organization does not have."""
    keys = {key for rule in rules for key in rule.keys}
    people = {person for rule in rules for person in _approvers(rule)}
    mine = ApiKey.objects.filter(organization=actor.organization, parent=None)
    members = Membership.objects.filter(organization=actor.organization)
    known = set(mine.filter(pk__in=keys).values_list("pk", flat=True)) if keys else set()
    known |= set(members.filter(user__in=people).values_list("user", flat=True)) if people else set()
    for index, rule in enumerate(rules):
        if not known.issuperset(rule.keys):
            yield FieldError(f"rules[{index}].keys", "The organization has no API key with one of these ids.")
        if not known.issuperset(_approvers(rule)):
            yield FieldError(f"rules[{index}].ask.approvers", "One of these people is no member of the organization.")


def _approvers(rule: Rule) -> Sequence[UUID]:
    return rule.ask.approvers if rule.ask else ()


def _named(schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the arguments that a schema is about."""
    yield from schema.get("properties", {})
    yield from schema.get("required", ())
    for keyword in _AROUND:
        around = schema.get(keyword, [])
        for each in around if isinstance(around, list) else [around]:
            yield from _named(each)


def _summary(rule: Rule) -> dict[str, Any]:
    """Return what the audit log says of a rule: no condition, which may quote what people typed."""
    return rule.model_dump(mode="json", exclude_defaults=True, include={"operation", "environments", "decision"})
