"""`/api/v1/secrets/{id}/rotation/{environment}` (docs/api.md, "Rotation")."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import StrictBool

from accounts.access.route_permissions import key_requires
from accounts.api.authentication import AsyncApiKeyAuth, actor_of
from accounts.api.preconditions import expected_version
from accounts.api.schemas import PROBLEMS_OF_ONE, Payload, ProblemOut, StrictSchema
from accounts.common.environments import Environment
from accounts.policy import Permission
from integrations.rotation import rotation
from secrets_app.api.schemas import ReferenceOut, SavedSecretOut, SecretOut, ValueIn, secret_out, warning_out
from secrets_app.inventory import inventory
from secrets_app.naming.value_rules import warnings_for
from secrets_app.rotation import rotation as values

router = Router()
ADDRESS = "/{uuid:secret_id}/rotation/{environment}"
PROBLEMS = {**PROBLEMS_OF_ONE, 409: ProblemOut}


class StageIn(Payload):
    """`PUT …/rotation/{environment}`."""

    stand_ins: ClassVar[Mapping[str, Any]] = {"value": "a value to check with"}

    value: ValueIn
    allow_short: StrictBool = False


class PromoteIn(StrictSchema):
    """`POST …/promote`. An empty body promotes the value only if it passed everywhere."""

    accept_failures: StrictBool = False


class RotationResultOut(Schema):
    """The result of checking the staged value on one reference."""

    reference: ReferenceOut
    outcome: Literal["passed", "failed", "not_checkable", "missing"]
    code: str | None
    detail: str


class RotationResultsOut(Schema):
    """The results of all live references in the environment."""

    results: list[RotationResultOut]


@router.put(
    ADDRESS,
    response={200: SavedSecretOut, **PROBLEMS, 412: ProblemOut},
    summary="Stage a new value",
)
@key_requires(Permission.SECRETS_WRITE)
def stage_value(request: HttpRequest, secret_id: UUID, environment: Environment, payload: StageIn) -> dict[str, Any]:
    """The current value stays in use. A value that was staged before is destroyed."""
    with payload.faults_told():
        values.stage(
            actor=actor_of(request),
            secret_id=secret_id,
            environment=environment,
            value=payload.value,
            allow_short=payload.allow_short,
            expected_version=expected_version(request),
        )
    warnings = [warning_out(warning, "value") for warning in warnings_for(payload.value)]
    return _shown(request, secret_id) | {"warnings": warnings}


@router.delete(ADDRESS, response={204: None, **PROBLEMS}, summary="Discard the staged value")
@key_requires(Permission.SECRETS_WRITE)
def discard_staged_value(request: HttpRequest, secret_id: UUID, environment: Environment) -> Any:
    """The staged value is destroyed; the current value is not changed."""
    values.discard(actor=actor_of(request), secret_id=secret_id, environment=environment)
    return Status(204, None)


@router.post(
    ADDRESS + "/check",
    auth=AsyncApiKeyAuth(),
    response={200: RotationResultsOut, **PROBLEMS},
    summary="Try the staged value on every reference",
)
@key_requires(Permission.SECRETS_WRITE)
async def check_staged_value(request: HttpRequest, secret_id: UUID, environment: Environment) -> dict[str, Any]:
    """Each check is harmless and recorded as a run; the API key also needs the scope `run`."""
    _, checked = await rotation.check(actor_of(request), secret_id, environment)
    return {"results": [rotation.as_json(reference_check) for reference_check in checked]}


@router.post(ADDRESS + "/promote", response={200: SecretOut, **PROBLEMS}, summary="Promote the staged value")
@key_requires(Permission.SECRETS_WRITE)
def promote_value(
    request: HttpRequest, secret_id: UUID, environment: Environment, payload: PromoteIn | None = None
) -> dict[str, Any]:
    """The current value is kept, encrypted, until `rollback_until`. 409 `checks_failed` includes `results`."""
    accepts = payload is not None and payload.accept_failures
    rotation.promote(actor=actor_of(request), secret_id=secret_id, environment=environment, accept_failures=accepts)
    return _shown(request, secret_id)


@router.post(ADDRESS + "/rollback", response={200: SecretOut, **PROBLEMS}, summary="Go back to the previous value")
@key_requires(Permission.SECRETS_WRITE)
def roll_back_value(request: HttpRequest, secret_id: UUID, environment: Environment) -> dict[str, Any]:
    """Possible within the roll-back window. The value that was current is destroyed."""
    values.roll_back(actor=actor_of(request), secret_id=secret_id, environment=environment)
    return _shown(request, secret_id)


def _shown(request: HttpRequest, secret_id: UUID) -> dict[str, Any]:
    return secret_out(inventory.one(actor_of(request).organization, secret_id))
