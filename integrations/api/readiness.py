"""`/api/v1/readiness` (docs/api.md, "Integrations")."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema

from accounts.access.route_permissions import key_requires
from accounts.api.authentication import actor_of
from accounts.api.schemas import PROBLEMS, Limit
from accounts.common.environments import Environment
from accounts.common.paging import DEFAULT_LIMIT
from accounts.policy import Permission
from integrations.readiness import matrix

router = Router()


class IntegrationOfReadinessOut(Schema):
    """The integration."""

    id: UUID
    name: str
    kind: str


class ProblemOfReadinessOut(Schema):
    """What would refuse a run: the error code, and the secret that causes it."""

    code: str
    detail: str
    secret: str | None


class ReadinessOut(Schema):
    """One integration in one environment; `environment` is null for an integration without environments."""

    integration: IntegrationOfReadinessOut
    environment: Environment | None
    ready: bool
    problems: list[ProblemOfReadinessOut]


class ReadinessPageOut(Schema):
    """One page; `limit` counts integrations."""

    items: list[ReadinessOut]
    next_cursor: str | None


@router.get("", response={200: ReadinessPageOut, **PROBLEMS}, summary="Whether each integration would run")
@key_requires(Permission.INTEGRATIONS_READ)
def list_readiness(
    request: HttpRequest, environment: Environment | None = None, limit: Limit = DEFAULT_LIMIT, cursor: str = ""
) -> dict[str, Any]:
    """In one environment, or in each environment of the integration. Nothing is decrypted or called."""
    page = matrix.page(actor_of(request), environment, cursor=cursor, limit=limit)
    return {"items": [_shown(item) for item in page.items], "next_cursor": page.next_cursor}


def _shown(item: matrix.Readiness) -> dict[str, Any]:
    integration = item.integration
    return {
        "integration": {"id": integration.id, "name": integration.name, "kind": integration.kind},
        "environment": item.environment,
        "ready": not item.problems,
        "problems": [
            {"code": problem.code, "detail": problem.detail, "secret": problem.secret} for problem in item.problems
        ],
    }
