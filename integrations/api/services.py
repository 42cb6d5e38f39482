"""`/api/v1/services` (docs/services.md)."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from accounts.access.route_permissions import key_requires
from accounts.api.authentication import actor_of
from accounts.api.schemas import PROBLEMS, Limit
from accounts.common.paging import DEFAULT_LIMIT, page_of
from accounts.policy import Permission
from integrations.known_services.catalogue import KnownService, services

router = Router()


class OperationOfServiceOut(Schema):
    """An action that is useful with the service."""

    name: str
    description: str
    source: str
    config: dict[str, Any] = Field(description="The configuration of an `api_action`, without its connection.")


class ServiceOut(Schema):
    """A well-known service. Nothing here is stored in the organization."""

    key: str
    name: str
    category: str
    source: str = Field(description="The page of its documentation that describes how requests are authenticated.")
    note: str
    tenant: str = Field(description="The part of addresses to replace with one's own; empty if there is none.")
    allowed_domains: list[str] = Field(description="What to propose for its secrets.")
    connection: dict[str, Any] = Field(description="The configuration of an `api_connection`.")
    auth_connector: dict[str, Any] | None = Field(description="The configuration of the connector that it needs.")
    operations: list[OperationOfServiceOut]


class ServicePageOut(Schema):
    """One page, by name."""

    items: list[ServiceOut]
    next_cursor: str | None


@router.get("", response={200: ServicePageOut, **PROBLEMS}, summary="Well-known services")
@key_requires(Permission.INTEGRATIONS_READ)
def list_services(request: HttpRequest, limit: Limit = DEFAULT_LIMIT, cursor: str = "") -> dict[str, Any]:
    """Configurations to start with, each with its source. They are data of this version of Coffer."""
    actor_of(request)
    page = page_of(services(), lambda service: service.name.lower(), cursor=cursor, limit=limit)
    return {"items": [_shown(service) for service in page.items], "next_cursor": page.next_cursor}


def _shown(service: KnownService) -> dict[str, Any]:
    return {
        "key": service.key,
        "name": service.name,
        "category": service.category,
        "source": service.source,
        "note": service.note,
        "tenant": service.tenant,
        "allowed_domains": list(service.hosts),
        "connection": service.connection,
        "auth_connector": service.connector,
        "operations": [operation.model_dump() for operation in service.operations],
    }
