"""Endpoints of `/api/v1/secrets` that need integrations (docs/api.md, "Secrets")."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router

from accounts.access.route_permissions import key_requires
from accounts.api.authentication import actor_of
from accounts.api.schemas import PROBLEMS_OF_ONE, StrictSchema
from accounts.policy import Permission
from integrations.api.schemas import WarningOut
from integrations.errors import DomainNotAllowed
from integrations.references import replace
from integrations.references.uses import references_by_name, uses_of
from secrets_app.api.schemas import SecretOut, secret_out
from secrets_app.inventory import inventory
from secrets_app.inventory.rows import InventoryRow

router = Router()


class ReplacementIn(StrictSchema):
    """`POST /secrets/{id}/replace-references`."""

    replacement: UUID


class ReplacedOut(SecretOut):
    """The secret, which is no longer used, and warnings about the allowed domains of the replacement."""

    warnings: list[WarningOut]


@router.post(
    "/{uuid:secret_id}/replace-references", response={200: ReplacedOut, **PROBLEMS_OF_ONE}, summary="Replace everywhere"
)
@key_requires(Permission.SECRETS_WRITE)
def replace_references(request: HttpRequest, secret_id: UUID, payload: ReplacementIn) -> dict[str, Any]:
    """Replaces the secret in all references. The permission to write integrations is required as well."""
    actor = actor_of(request)
    replace.replace_references(actor=actor, secret_id=secret_id, replacement_id=payload.replacement)
    replacement = inventory.one(actor.organization, payload.replacement)
    domains = replacement.allowed_domains
    uses = uses_of(references_by_name(actor.organization, replacement.name, domains), domains)
    hosts = sorted({use.host for use in uses if use.blocked})
    return {
        **secret_out(inventory.one(actor.organization, secret_id)),
        "warnings": [_warning(replacement, host) for host in hosts],
    }


def _warning(replacement: InventoryRow, host: str) -> dict[str, Any]:
    detail = f"{replacement.name} may not be sent to {host}, which is not one of its allowed domains."
    return {"code": DomainNotAllowed.code, "detail": detail, "secret": replacement.name, "environment": None}
