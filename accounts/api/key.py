"""`/api/v1/key` (docs/api.md, "Authentication")."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from accounts.access.route_permissions import key_requires
from accounts.api.authentication import actor_of
from accounts.api.schemas import PROBLEMS
from accounts.common.environments import Environment, in_order
from accounts.models import ApiKey
from accounts.policy import Scope

router = Router()


class OrganizationOfKeyOut(Schema):
    """The organization that the key belongs to."""

    name: str
    slug: str


class KeyOut(Schema):
    """The API key or the session that calls, and what it may do."""

    id: UUID
    name: str
    organization: OrganizationOfKeyOut
    scopes: list[Scope]
    environments: list[Environment]
    integrations: list[UUID] | None = Field(description="The only integrations that it may use; null for all.")
    secrets: list[UUID] | None = Field(description="The only secrets that `secrets.use` is good for; null for all.")
    max_concurrent: int
    max_per_minute: int | None
    expires_at: datetime | None


@router.get("", response={200: KeyOut, **PROBLEMS}, summary="This API key")
@key_requires(None)
def get_key(request: HttpRequest) -> dict[str, Any]:
    """What the key that calls may do, and in which organization. Any key may ask."""
    actor = actor_of(request)
    key = ApiKey.objects.get(pk=str(actor.id))
    bounds = ("id", "name", "scopes", "integrations", "secrets", "max_concurrent", "max_per_minute", "expires_at")
    return {
        **{name: getattr(key, name) for name in bounds},
        "organization": {"name": actor.organization.name, "slug": actor.organization.slug},
        "environments": in_order(key.environments),
    }
