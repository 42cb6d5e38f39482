"""Updating what was imported from a newer description: what differs, and what of it a person takes over.

An update writes only what the API changed since the last import, so what somebody edited otherwise stays.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.actors import Actor
from accounts.errors import EditConflict, NotFound
from accounts.people.locks import lock_organization
from accounts.policy import Permission
from integrations.editing.bounds import check_bounds
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.importing.drafts import MOST_OPERATIONS, Draft, Outline
from integrations.importing.made import DESCRIPTION, WORDS, differing, marks, marks_of
from integrations.importing.making import Maker, remember, telling, visible_import
from integrations.importing.plan import NONE, ImportOptions, ImportPlan, PlannedAction, plan_import
from integrations.models import ApiImport, ImportedAction, Integration

NO_SUCH = "No such import."


class ChangeKind(StrEnum):
    """What happened to an operation since the last import."""

    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"
    OFFERED = "offered"
    """It was there before, and was not chosen."""


@dataclass(frozen=True, slots=True)
class OperationChange:
    """What differs for one operation.

    Attributes:
        fields: what the API changed, in words.
        edited: which of these somebody edited as well; an update replaces that edit.
        integration: the action that was made of it.
        problem: why it cannot be taken over.
    """

    key: str
    kind: ChangeKind
    name: str
    fields: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    integration: Integration | None = None
    outline: Outline | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class UpdateOptions:
    """What a person takes over: operations to add, to change and to switch off, by their keys."""

    add: tuple[str, ...] = ()
    change: tuple[str, ...] = ()
    switch_off: tuple[str, ...] = ()
    action_names: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """What an update did."""

    record: ApiImport
    added: list[Integration]
    changed: list[Integration]
    switched_off: list[Integration]


def find_import(actor: Actor, import_id: UUID) -> ApiImport:
    """Return an import.

    Raises:
        NotFound: there is none whose connection the actor may see.
    """
    found = visible_import(actor, import_id)
    if found is None:
        raise NotFound(NO_SUCH)
    found.connection.organization = actor.organization
    return found


def compare(actor: Actor, record: ApiImport, draft: Draft) -> list[OperationChange]:
    """Return what differs between an import and a newer description. Nothing is written."""
    imported = _imported(record)
    there = [key for key in imported if draft.outline(key)]
    plan = plan_import(actor, draft, _options(record, there))
    planned = {each.outline.key: each for each in plan.actions}
    changes = [_changed(imported[key], planned[key]) for key in there]
    found = [each for each in changes if each.fields or each.problem]
    return [*found, *_gone(imported, draft), *_others(record, imported, draft)]


def _gone(imported: Mapping[str, ImportedAction], draft: Draft) -> Iterator[OperationChange]:
    for key, each in imported.items():
        if draft.outline(key) is None and each.integration.enabled:
            yield OperationChange(key, ChangeKind.GONE, each.integration.name, integration=each.integration)


def _others(record: ApiImport, imported: Mapping[str, ImportedAction], draft: Draft) -> Iterator[OperationChange]:
    known = set(record.operations)
    for outline in draft.outlines:
        if outline.key not in imported:
            kind = ChangeKind.OFFERED if outline.key in known else ChangeKind.NEW
            yield OperationChange(outline.key, kind, outline.name, outline=outline)


def update_import(*, actor: Actor, import_id: UUID, draft: Draft, options: UpdateOptions) -> UpdateResult:
    """Take over the chosen differences, in one transaction.

    Raises:
        NotFound: there is no such import.
        PermissionDenied: it takes effect where the actor may not act (`check_bounds`).
        ProofNeeded, Invalid: as the services that create and change integrations.
        EditConflict: what was chosen does not differ any more.
    """
    actor.check(Permission.INTEGRATIONS_WRITE)
    with transaction.atomic():
        lock_organization(actor.organization)
        record = find_import(actor, import_id)
        check_bounds(actor, record.connection)
        _check(options, compare(actor, record, draft))
        chosen = _options(record, [*options.change, *options.add], options.action_names)
        maker = Maker(actor, _plan(actor, draft, chosen), chosen)
        maker.secrets()
        connectors = maker.connectors()
        imported = _imported(record)
        changed, added = [], []
        for planned in maker.plan.actions:
            if planned.outline.key in imported:
                changed.append(_take_over(actor, imported[planned.outline.key], planned))
            else:
                added.append(maker.action(planned, record, connectors))
        off = [_switch_off(actor, imported[key]) for key in options.switch_off]
        remember(record, draft, maker.plan, connectors)
        return UpdateResult(record, added, changed, off)


def _plan(actor: Actor, draft: Draft, chosen: ImportOptions) -> ImportPlan:
    """Return the plan; without chosen operations, an empty one."""
    if chosen.operations:
        return plan_import(actor, draft, chosen)
    return ImportPlan("", chosen.base_url, "", {}, [], [], [])


def _imported(record: ApiImport) -> dict[str, ImportedAction]:
    rows = record.actions.select_related("integration").order_by("pk")
    return {each.operation: each for each in rows}


def _options(record: ApiImport, keys: Iterable[str], action_names: Mapping[str, str] | None = None) -> ImportOptions:
    """Return the choices of the last import, for these operations."""
    stored = {str(pk) for pk in Integration.objects.filter(pk__in=_ids(record)).values_list("pk", flat=True)}
    kept = {key: choice for key, choice in record.connectors.items() if choice == NONE or choice in stored}
    return ImportOptions(
        operations=list(keys),
        base_url=record.connection.config["base_url"],
        action_names=action_names or {},
        secret_names=record.secret_names,
        connectors=kept,
        environments=record.connection.environments,
        most=MOST_OPERATIONS,
    )


def _ids(record: ApiImport) -> list[str]:
    return [choice for choice in record.connectors.values() if choice != NONE]


def _changed(imported: ImportedAction, planned: PlannedAction) -> OperationChange:
    action = imported.integration
    if planned.draft.problem:
        return OperationChange(
            imported.operation, ChangeKind.CHANGED, action.name, integration=action, problem=planned.draft.problem
        )
    fields = differing(imported.made, marks_of(planned))
    edited = set(differing(imported.made, marks(action.config, action.description)))
    return OperationChange(
        imported.operation,
        ChangeKind.CHANGED,
        action.name,
        tuple(WORDS[name] for name in fields),
        tuple(WORDS[name] for name in fields if name in edited),
        action,
        planned.outline,
    )


def _check(options: UpdateOptions, changes: Iterable[OperationChange]) -> None:
    found: dict[ChangeKind, set[str]] = {kind: set() for kind in ChangeKind}
    for each in changes:
        found[each.kind].add(each.key)
    is_there = (
        set(options.add) <= found[ChangeKind.NEW] | found[ChangeKind.OFFERED]
        and set(options.change) <= found[ChangeKind.CHANGED]
        and set(options.switch_off) <= found[ChangeKind.GONE]
    )
    if not is_there:
        raise EditConflict("What you chose does not differ any more. Compare again.")


def _take_over(actor: Actor, imported: ImportedAction, planned: PlannedAction) -> Integration:
    action, new = imported.integration, marks_of(planned)
    fields = differing(imported.made, new)
    config: dict[str, Any] = {
        **action.config,
        **{name: planned.config.get(name) for name in fields if name != DESCRIPTION},
    }
    changes = IntegrationChanges(config=config, description=planned.description if DESCRIPTION in fields else None)
    with telling(f"operations.{imported.operation}", action.name):
        changed = update_integration(actor=actor, integration_id=action.pk, changes=changes)
    imported.made = new
    imported.save(update_fields=["made"])
    return changed


def _switch_off(actor: Actor, imported: ImportedAction) -> Integration:
    changes = IntegrationChanges(enabled=False)
    return update_integration(actor=actor, integration_id=imported.integration_id, changes=changes)
