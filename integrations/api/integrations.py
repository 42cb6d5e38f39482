"""`/api/v1/integrations` (docs/api.md, "Integrations")."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from accounts.access.route_permissions import key_requires
from accounts.api.authentication import AsyncApiKeyAuth, actor_of, searchable
from accounts.api.preconditions import expected_version
from accounts.api.schemas import PROBLEMS, PROBLEMS_OF_ONE, Limit, ProblemOut
from accounts.common.environments import Environment
from accounts.common.paging import DEFAULT_LIMIT, decode_cursor, encode_cursor, page_of
from accounts.policy import Permission
from integrations.api import named
from integrations.api.approvals.schemas import HeldCallOut
from integrations.api.run_schemas import RunIn
from integrations.api.schemas import (
    CheckIn,
    CheckOut,
    IntegrationIn,
    IntegrationOut,
    IntegrationPatch,
    IntegrationsOut,
    OperationsOut,
    RunResultOut,
    fetched_out,
    integration_out,
    operations_out,
)
from integrations.broker import broker
from integrations.broker.checking import check
from integrations.broker.preparation import Call
from integrations.editing import integrations
from integrations.errors import IntegrationInUse, StreamNotPossible
from integrations.kinds import KINDS
from integrations.models import Integration
from integrations.readiness import matrix, overview

router = Router()

_NO_STREAM = "An answer that is streamed is not kept. Send the same call without Idempotency-Key, or leave stream out."

KindName = StrEnum("KindName", {key.upper(): key for key in KINDS})  # type: ignore[misc] # the kinds of this installation

PROBLEMS_OF_RUN = {**PROBLEMS_OF_ONE, 409: ProblemOut, 429: ProblemOut, 502: ProblemOut, 504: ProblemOut}


@router.get("", response={200: IntegrationsOut, **PROBLEMS}, summary="All integrations")
@key_requires(Permission.INTEGRATIONS_READ)
def list_integrations(
    request: HttpRequest,
    kind: KindName | None = None,
    environment: Environment | None = None,
    q: str = "",
    secret: str = "",
    limit: Limit = DEFAULT_LIMIT,
    cursor: str = "",
) -> dict[str, Any]:
    """By name. `secret` filters by the name or id of a secret that an integration uses."""
    actor = actor_of(request)
    rows = overview.with_secrets(Integration.objects.listed_for(actor).search(searchable(q))).matching(
        kind=kind.value if kind else "", environment=environment, secret=named.secret_name(actor, searchable(secret))
    )
    if cursor:
        rows = rows.filter(name__gt=decode_cursor(cursor, length=1)[0])
    found = list(rows.order_by("name")[: limit + 1])
    next_cursor = encode_cursor([found[limit - 1].name]) if len(found) > limit else None
    shown = zip(found[:limit], matrix.warnings_of(found[:limit]), strict=True)
    return {"items": [integration_out(*row) for row in shown], "next_cursor": next_cursor}


@router.post("", response={201: IntegrationOut, **PROBLEMS}, summary="Create an integration")
@key_requires(Permission.INTEGRATIONS_WRITE)
def create_integration(request: HttpRequest, payload: IntegrationIn) -> Any:
    """Names of secrets that do not exist yet are accepted, with a warning."""
    actor = actor_of(request)
    with payload.faults_told():
        integration = integrations.create_integration(
            actor=actor,
            kind=payload.kind,
            name=payload.name,
            config=payload.config,
            description=payload.description,
            tool_name=payload.tool_name,
            only_approved_tools=payload.only_approved_tools,
            enabled=payload.enabled,
            environments=payload.environments,
            accept_raw_credentials=payload.accept_raw_credentials,
        )
    return Status(201, fetched_out(actor, integration.id))


@router.get("/{uuid:integration_id}", response={200: IntegrationOut, **PROBLEMS_OF_ONE}, summary="One integration")
@key_requires(Permission.INTEGRATIONS_READ)
def get_integration(request: HttpRequest, integration_id: UUID) -> dict[str, Any]:
    """With references, and warnings about what would stop a run."""
    return fetched_out(actor_of(request), integration_id)


@router.patch(
    "/{uuid:integration_id}",
    response={200: IntegrationOut, **PROBLEMS_OF_ONE, 412: ProblemOut},
    summary="Edit an integration",
)
@key_requires(Permission.INTEGRATIONS_WRITE)
def edit_integration(request: HttpRequest, integration_id: UUID, payload: IntegrationPatch) -> dict[str, Any]:
    """References are derived again in the same transaction."""
    actor = actor_of(request)
    changes = payload.changes(payload.name)
    version = expected_version(request)
    with payload.faults_told():
        integrations.update_integration(
            actor=actor, integration_id=integration_id, changes=changes, expected_version=version
        )
    return fetched_out(actor, integration_id)


@router.delete(
    "/{uuid:integration_id}", response={204: None, **PROBLEMS_OF_ONE, 409: ProblemOut}, summary="Delete an integration"
)
@key_requires(Permission.INTEGRATIONS_WRITE)
def delete_integration(request: HttpRequest, integration_id: UUID) -> Any:
    """Refused with 409 `integration_in_use` and `dependants` while other integrations use it."""
    actor = actor_of(request)
    try:
        integrations.delete_integration(actor=actor, integration_id=integration_id)
    except IntegrationInUse as refusal:
        refusal.members["dependants"] = [
            {"id": str(user.id), "name": user.name, "kind": user.kind}
            for user in refusal.dependants
            if actor.sees(user.id)
        ]
        raise
    return Status(204, None)


@router.post(
    "/{uuid:integration_id}/duplicate",
    response={201: IntegrationOut, **PROBLEMS_OF_ONE},
    summary="Duplicate an integration",
)
@key_requires(Permission.INTEGRATIONS_WRITE)
def duplicate_integration(request: HttpRequest, integration_id: UUID) -> Any:
    """The copy gets a free name and is disabled."""
    actor = actor_of(request)
    copy = integrations.duplicate_integration(actor=actor, integration_id=integration_id)
    return Status(201, fetched_out(actor, copy.id))


@router.get(
    "/{uuid:integration_id}/operations",
    response={200: OperationsOut, **PROBLEMS_OF_ONE},
    summary="List operations",
)
@key_requires(Permission.INTEGRATIONS_READ)
def list_operations(
    request: HttpRequest, integration_id: UUID, limit: Limit = DEFAULT_LIMIT, cursor: str = ""
) -> dict[str, Any]:
    """Each operation with its parameters as JSON Schema, in the order of the kind."""
    found = operations_out(Integration.objects.fetch(actor_of(request), integration_id))
    page = page_of(enumerate(found), lambda numbered: f"{numbered[0]:04}", cursor=cursor, limit=limit)
    return {"items": [operation for _, operation in page.items], "next_cursor": page.next_cursor}


@router.post(
    "/{uuid:integration_id}/run",
    auth=AsyncApiKeyAuth(),
    response={200: RunResultOut, 202: HeldCallOut, **PROBLEMS_OF_RUN},
    summary="Run an operation",
    openapi_extra={"responses": {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}},
)
@key_requires(Permission.INTEGRATIONS_RUN)
async def run_integration(request: HttpRequest, integration_id: UUID, payload: RunIn) -> Any:
    """Runs the operation with the values of one environment, and returns the upstream's masked response.

    A call that a person has to approve is answered with 202 and the approval. Nothing was sent. Send the same call
    again once it is approved; or say with `when: approved` that Coffer makes the call then.

    With `stream`, the answer comes as events while it arrives.
    """
    if payload.stream:
        raise StreamNotPossible(_NO_STREAM)
    result = await broker.run(actor_of(request), Call.requested(integration_id, payload))
    return HttpResponse(result.text_of(result.as_json()), content_type="application/json; charset=utf-8")


@router.post(
    "/{uuid:integration_id}/test",
    auth=AsyncApiKeyAuth(),
    response={200: CheckOut, **PROBLEMS_OF_ONE},
    summary="The harmless check",
)
@key_requires(Permission.INTEGRATIONS_RUN)
async def test_integration(request: HttpRequest, integration_id: UUID, payload: CheckIn) -> dict[str, Any]:
    """A check is harmless. If an integration has none, the step is `not_checkable`."""
    steps = await check(actor_of(request), integration_id, payload.environment)
    return {"ok": all(step.outcome == "passed" for step in steps), "steps": [step.as_json() for step in steps]}
