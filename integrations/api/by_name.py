"""Secrets and integrations by name (docs/api.md, "By name")."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from accounts.access.route_permissions import key_requires
from accounts.api.authentication import actor_of
from accounts.api.preconditions import expected_version
from accounts.api.schemas import PROBLEMS_OF_ONE, ProblemOut
from accounts.errors import FieldError, Invalid
from accounts.policy import Permission
from integrations.api.schemas import IntegrationFieldsIn, IntegrationOut, fetched_out
from integrations.declared import by_name
from integrations.declared.by_name import KnownState
from secrets_app.api.schemas import SavedSecretOut, SecretFieldsIn, SecretOut, secret_out
from secrets_app.inventory import inventory

secrets_by_name, integrations_by_name = Router(), Router()

PUT = {**PROBLEMS_OF_ONE, 409: ProblemOut, 412: ProblemOut}


class SecretPut(SecretFieldsIn):
    """The body of `PUT /secrets/by-name/{name}`. What is left out stays as it is; a value that is given is stored."""


class IntegrationPut(IntegrationFieldsIn):
    """The body of `PUT /integrations/by-name/{name}`. What is left out stays as it is.

    A new integration needs `kind` and `config`. In `config`, a connection and a connector are named; ids are read too.
    """

    kind: str | None = None


@secrets_by_name.get(
    "/by-name/{str:secret_name}", response={200: SecretOut, **PROBLEMS_OF_ONE}, summary="A secret by name"
)
@key_requires(Permission.SECRETS_READ)
def get_secret_by_name(request: HttpRequest, secret_name: str) -> dict[str, Any]:
    """The name has to be spelled as it is stored."""
    actor = actor_of(request)
    return secret_out(inventory.one(actor.organization, by_name.find_secret(actor, secret_name).pk))


@secrets_by_name.put(
    "/by-name/{str:secret_name}",
    response={200: SavedSecretOut, 201: SavedSecretOut, **PUT},
    summary="Create or edit by name",
)
@key_requires(Permission.SECRETS_WRITE)
def put_secret_by_name(request: HttpRequest, secret_name: str, payload: SecretPut) -> Any:
    """Create a secret (201), or bring the one of this name to the declared state (200)."""
    actor = actor_of(request)
    with payload.faults_told():
        secret, is_new = by_name.put_secret(
            actor=actor, name=secret_name, changes=payload.changes(), seen=_seen(request)
        )
    shown = secret_out(inventory.one(actor.organization, secret.pk)) | {"warnings": payload.warnings()}
    return Status(201 if is_new else 200, shown)


@integrations_by_name.get(
    "/by-name/{path:integration_name}",
    response={200: IntegrationOut, **PROBLEMS_OF_ONE},
    summary="An integration by name",
)
@key_requires(Permission.INTEGRATIONS_READ)
def get_integration_by_name(request: HttpRequest, integration_name: str) -> dict[str, Any]:
    """The name has to be spelled as it is stored."""
    actor = actor_of(request)
    return fetched_out(actor, by_name.find_integration(actor, integration_name).pk)


@integrations_by_name.put(
    "/by-name/{path:integration_name}",
    response={200: IntegrationOut, 201: IntegrationOut, **PUT},
    summary="Create or edit by name",
)
@key_requires(Permission.INTEGRATIONS_WRITE)
def put_integration_by_name(request: HttpRequest, integration_name: str, payload: IntegrationPut) -> Any:
    """Create an integration (201), or bring the one of this name to the declared state (200)."""
    actor = actor_of(request)
    with payload.faults_told():
        integration, is_new = by_name.put_integration(
            actor=actor, name=integration_name, kind=payload.kind, changes=payload.changes(), seen=_seen(request)
        )
    return Status(201 if is_new else 200, fetched_out(actor, integration.pk))


def _seen(request: HttpRequest) -> KnownState:
    """Return what `If-Match` and `If-None-Match` say.

    Raises:
        Invalid: `If-None-Match` says anything but `*`.
    """
    none_match = request.headers.get("If-None-Match", "").strip()
    if none_match not in {"", "*"}:
        sentence = "To create something only if nothing has its name, send If-None-Match: *."
        raise Invalid("If-None-Match is not *.", errors=[FieldError("If-None-Match", sentence)])
    return KnownState(version=expected_version(request), absent=none_match == "*")
