"""The endpoints of `/api/v1/secrets` (docs/api.md, "Secrets"). Each calls a service or the inventory."""

from typing import Annotated, Any, Literal
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest
from ninja import Query, Router, Status

from accounts.access.route_permissions import key_requires
from accounts.actors import Actor
from accounts.api.authentication import actor_of, searchable
from accounts.api.preconditions import expected_version
from accounts.api.schemas import PROBLEMS, PROBLEMS_OF_ONE, Limit, ProblemOut
from accounts.common.environments import ALL_ENVIRONMENTS, Environment
from accounts.common.fields import concerns
from accounts.common.paging import DEFAULT_LIMIT, Page, decode_cursor, encode_cursor
from accounts.errors import FieldError, Invalid
from accounts.policy import Permission
from secrets_app.api.schemas import (
    ReferencesOut,
    SavedSecretOut,
    SecretIn,
    SecretOut,
    SecretPatch,
    SecretsOut,
    reference_out,
    secret_out,
)
from secrets_app.editing import deleting, secrets
from secrets_app.errors import SecretInUse
from secrets_app.inventory import inventory
from secrets_app.models import Secret, reference_model

router = Router()


@router.get("", response={200: SecretsOut, **PROBLEMS}, summary="The inventory")
@key_requires(Permission.SECRETS_READ)
def list_secrets(
    request: HttpRequest,
    status: Literal["", "active", "disabled", "missing"] = "",
    environment: Environment | None = None,
    q: str = "",
    name: str = "",
    unused_days: Annotated[int | None, Query(ge=0, le=36500)] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: str = "",
) -> dict[str, Any]:
    """Names that are referenced but do not exist come first, with `id: null`, then secrets by name."""
    actor = actor_of(request)
    filters = inventory.InventoryFilters(
        status=status,
        environment=environment,
        text=searchable(q),
        name=searchable(name),
        unused_days=unused_days,
        integrations=actor.integrations,
        concerning=actor.environments,
    )
    page = inventory.page(actor.organization, filters, cursor=cursor, limit=limit)
    return {"items": [secret_out(row) for row in page.items], "next_cursor": page.next_cursor}


@router.post("", response={201: SavedSecretOut, **PROBLEMS, 409: ProblemOut}, summary="Store a secret")
@key_requires(Permission.SECRETS_WRITE)
def create_secret(request: HttpRequest, payload: SecretIn) -> Any:
    """Store a secret with one value for all environments, a value for each, or no value yet."""
    actor = actor_of(request)
    values = {environment: value for environment, value in payload.given_values().items() if value is not None}
    with payload.faults_told():
        secret = secrets.create_secret(
            actor=actor,
            name=payload.name,
            values=values,
            description=payload.description or "",
            allowed_domains=payload.allowed_domains or [],
            enabled=payload.enabled is not False,
            is_identifier=bool(payload.is_identifier),
            required_in=payload.required_in or (),
            rotate_every_days=payload.rotate_every_days,
            expires_on=payload.expires_on,
            expires_with_values=payload.expires_with_values,
            entered_once=payload.entered_once and not payload.values,
            allow_short=payload.allow_short,
        )
    return Status(201, _shown(actor, secret.id) | {"warnings": payload.warnings()})


@router.get("/{uuid:secret_id}", response={200: SecretOut, **PROBLEMS_OF_ONE}, summary="One secret")
@key_requires(Permission.SECRETS_READ)
def get_secret(request: HttpRequest, secret_id: UUID) -> dict[str, Any]:
    """Return everything about a secret except its values."""
    return _shown(actor_of(request), secret_id)


@router.patch(
    "/{uuid:secret_id}",
    response={200: SavedSecretOut, **PROBLEMS_OF_ONE, 409: ProblemOut, 412: ProblemOut},
    summary="Edit a secret",
)
@key_requires(Permission.SECRETS_WRITE)
def edit_secret(request: HttpRequest, secret_id: UUID, payload: SecretPatch) -> dict[str, Any]:
    """Change the given fields. An empty value keeps the current value, null removes it."""
    actor = actor_of(request)
    changes = payload.changes(payload.name)
    with payload.faults_told():
        secrets.update_secret(
            actor=actor, secret_id=secret_id, changes=changes, expected_version=expected_version(request)
        )
    return _shown(actor, secret_id) | {"warnings": payload.warnings()}


@router.delete(
    "/{uuid:secret_id}", response={204: None, **PROBLEMS_OF_ONE, 409: ProblemOut}, summary="Delete an unused secret"
)
@key_requires(Permission.SECRETS_WRITE)
def delete_secret(request: HttpRequest, secret_id: UUID) -> Any:
    """Delete a secret. While it has references, the response is 409 `secret_in_use` with `references`."""
    actor = actor_of(request)
    try:
        deleting.delete_secret(actor=actor, secret_id=secret_id)
    except SecretInUse as refusal:
        seen = [reference for reference in refusal.references if actor.sees(reference.integration_id)]
        refusal.members["references"] = [reference_out(reference) for reference in seen]
        raise
    return Status(204, None)


@router.get(
    "/{uuid:secret_id}/references", response={200: ReferencesOut, **PROBLEMS_OF_ONE}, summary="Where it is used"
)
@key_requires(Permission.SECRETS_READ)
def list_references(
    request: HttpRequest, secret_id: UUID, limit: Limit = DEFAULT_LIMIT, cursor: str = ""
) -> dict[str, Any]:
    """List the references of a secret, by integration name."""
    actor = actor_of(request)
    secret = Secret.objects.fetch(actor.organization, secret_id)
    page = references_page(actor, secret, cursor=cursor, limit=limit)
    return {"items": [reference_out(reference) for reference in page.items], "next_cursor": page.next_cursor}


def references_page(actor: Actor, secret: Secret, *, cursor: str, limit: int) -> Page[Any]:
    """Return a page of the references that the actor may see, by integration name, with their integrations loaded."""
    rows = reference_model()._default_manager.filter(organization=actor.organization, secret=secret)
    if actor.integrations is not None:
        rows = rows.filter(integration__in=actor.integrations)
    if actor.environments != ALL_ENVIRONMENTS:
        rows = rows.filter(concerns("integration__environments", actor.environments))
    rows = rows.select_related("integration").order_by("integration__name", "pk")
    if cursor:
        name, last = decode_cursor(cursor, length=2)
        rows = rows.filter(Q(integration__name__gt=name) | Q(integration__name=name, pk__gt=_uuid(last)))
    found: list[Any] = list(rows[: limit + 1])
    key = [found[limit - 1].integration.name, str(found[limit - 1].pk)] if len(found) > limit else None
    return Page(found[:limit], encode_cursor(key) if key else None)


def _shown(actor: Actor, secret_id: UUID) -> dict[str, Any]:
    return secret_out(inventory.one(actor.organization, secret_id))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid(
            "The cursor does not belong to this list.",
            errors=[FieldError("cursor", "Use the next_cursor of the previous page.")],
        ) from None
