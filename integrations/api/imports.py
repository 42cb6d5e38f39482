"""`/api/v1/imports`: descriptions of APIs, collections and curl commands (docs/imports.md)."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status

from accounts.access.route_permissions import key_requires
from accounts.api.authentication import actor_of
from accounts.api.schemas import PROBLEMS, PROBLEMS_OF_ONE, ProblemOut
from accounts.policy import Permission
from integrations.api.import_schemas import (
    ApiImportIn,
    ApiImportOut,
    ImportChangesOut,
    ImportDocumentIn,
    ImportPreviewOut,
    ImportUpdateIn,
    ImportUpdateOut,
)
from integrations.importing import updating
from integrations.importing.making import make_import
from integrations.importing.plan import ImportPlan, plan_import
from integrations.importing.reading import read_draft
from integrations.importing.updating import UpdateOptions, compare, find_import

router = Router()

WRITES = {**PROBLEMS_OF_ONE, 413: ProblemOut}


@router.post("/preview", response={200: ImportPreviewOut, **PROBLEMS, 413: ProblemOut}, summary="Look at a document")
@key_requires(Permission.INTEGRATIONS_WRITE)
def preview_import(request: HttpRequest, payload: ApiImportIn) -> dict[str, Any]:
    """Nothing is written. Choose operations to see what would be made of them."""
    with payload.faults_told():
        draft = read_draft(payload.document)
        plan = plan_import(actor_of(request), draft, payload.options()) if payload.operations else None
    return {
        "form": draft.form,
        "title": draft.title,
        "version": draft.version,
        "addresses": list(draft.addresses),
        "notes": list(draft.notes),
        "operations": [
            {name: getattr(each, name) for name in ("key", "name", "method", "path", "summary")}
            | {"tags": list(each.tags)}
            for each in draft.outlines
        ],
        "schemes": [
            {"key": each.key, "label": each.label, "problem": each.problem, "note": each.note}
            for each in draft.schemes.values()
        ],
        "plan": _plan(plan) if plan else None,
    }


@router.post("", response={201: ApiImportOut, **WRITES}, summary="Import operations of a document")
@key_requires(Permission.INTEGRATIONS_WRITE)
def create_import(request: HttpRequest, payload: ApiImportIn) -> Any:
    """Make connection, auth connectors, secrets and actions in one transaction, or nothing.

    New secrets take the scope `secrets.write` as well.
    """
    with payload.faults_told():
        draft = read_draft(payload.document)
        made = make_import(actor=actor_of(request), draft=draft, options=payload.options())
    shown = {"id": made.record.pk, "connection": _made(made.connection)}
    lists: dict[str, list[Any]] = {"connectors": made.connectors, "secrets": made.secrets, "actions": made.actions}
    return Status(201, shown | {name: [_made(each) for each in rows] for name, rows in lists.items()})


@router.post(
    "/{uuidstr:import_id}/preview", response={200: ImportChangesOut, **WRITES}, summary="Compare with a newer document"
)
@key_requires(Permission.INTEGRATIONS_WRITE)
def preview_import_update(request: HttpRequest, import_id: UUID, payload: ImportDocumentIn) -> dict[str, Any]:
    """Nothing is written."""
    actor = actor_of(request)
    record = find_import(actor, import_id)
    with payload.faults_told():
        changes = compare(actor, record, read_draft(payload.document))
    return {
        "changes": [
            {
                "key": each.key,
                "kind": each.kind,
                "name": each.name,
                "fields": list(each.fields),
                "edited": list(each.edited),
                "integration": each.integration.pk if each.integration else None,
                "problem": each.problem,
            }
            for each in changes
        ]
    }


@router.post(
    "/{uuidstr:import_id}/update",
    response={200: ImportUpdateOut, **WRITES, 412: ProblemOut},
    summary="Update from a newer document",
)
@key_requires(Permission.INTEGRATIONS_WRITE)
def update_import(request: HttpRequest, import_id: UUID, payload: ImportUpdateIn) -> dict[str, Any]:
    """Take over the chosen differences in one transaction, or nothing (412 if they do not differ any more)."""
    actor = actor_of(request)
    find_import(actor, import_id)
    options = UpdateOptions(tuple(payload.add), tuple(payload.change), tuple(payload.switch_off), payload.action_names)
    with payload.faults_told():
        draft = read_draft(payload.document)
        done = updating.update_import(actor=actor, import_id=import_id, draft=draft, options=options)
    lists: dict[str, list[Any]] = {"added": done.added, "changed": done.changed, "switched_off": done.switched_off}
    return {"id": done.record.pk} | {name: [_made(each) for each in rows] for name, rows in lists.items()}


def _made(row: Any) -> dict[str, Any]:
    return {"id": row.pk, "name": row.name}


def _plan(plan: ImportPlan) -> dict[str, Any]:
    return {
        "connection_name": plan.connection_name,
        "base_url": plan.base_url,
        "scheme": plan.connector,
        "secrets": [
            {
                "proposed_name": each.draft.name,
                "name": each.name,
                "place": each.draft.place,
                "has_value": each.draft.has_value,
                "exists": each.exists,
                "allowed_domains": list(each.domains),
            }
            for each in plan.secrets
        ],
        "actions": [
            {
                "operation": each.outline.key,
                "name": each.name,
                "description": each.description,
                "scheme": each.connector,
                "config": dict(each.config),
                "notes": list(each.notes),
                "problem": each.draft.problem,
            }
            for each in plan.actions
        ],
        "problems": [each.message for each in plan.errors],
    }
