"""`/api/v1/configuration`: the organization as one file (docs/configuration.md)."""

from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field

from accounts.access.route_permissions import PUBLIC, key_requires, set_permission
from accounts.api.authentication import actor_of
from accounts.api.schemas import PROBLEMS, ProblemOut
from accounts.common.environments import Environment
from integrations.declared import configuration
from integrations.declared.configuration import Plan
from integrations.declared.schema import configuration_schema
from integrations.declared.writing import as_json, as_yaml

router, schema_router = Router(), Router()

JSON, YAML = "application/json", "application/yaml"
SCHEMA = "/api/v1/configuration.schema.json"
FILE: dict[str, Any] = {
    media_type: {"schema": {"type": "object", "description": f"A configuration file. Its schema is at {SCHEMA}."}}
    for media_type in (JSON, YAML)
}
TAKES_FILE = {"requestBody": {"required": True, "content": FILE}}
GIVES_FILE = {"responses": {200: {"description": "The file", "content": FILE}}}
REFUSED = {**PROBLEMS, 409: ProblemOut, 413: ProblemOut}


class ChangeOut(Schema):
    """A member of the configuration that is created, changed or deleted."""

    action: Literal["create", "change", "delete"]
    type: Literal["secret", "integration", "webhook"]
    name: str
    fields: dict[str, list[Any]] = Field(description="What each field is before and after.")


class MissingValueOut(Schema):
    """A secret without a value where it has to have one."""

    secret: str
    environments: list[Environment]


class PlanOut(Schema):
    """What an apply of the file would do, or did."""

    plan: str = Field(description="The fingerprint: an apply that is sent it does this and nothing else.")
    changes: list[ChangeOut]
    missing: list[MissingValueOut]


@router.get("", response={200: None, **PROBLEMS}, summary="Export the configuration", openapi_extra=GIVES_FILE)
@key_requires(None)
def export_configuration(request: HttpRequest) -> HttpResponse:
    """The file has the sections that the key may read, as YAML, or as JSON by `Accept`; never a value."""
    content = configuration.export(actor_of(request))
    if request.get_preferred_type([YAML, JSON]) == JSON:
        return HttpResponse(as_json(content), content_type=JSON)
    return HttpResponse(as_yaml(content), content_type=f"{YAML}; charset=utf-8")


@router.post("/plan", response={200: PlanOut, **REFUSED}, summary="Plan a configuration", openapi_extra=TAKES_FILE)
@key_requires(None)
def plan_configuration(
    request: HttpRequest, prune: bool = False, accept_raw_credentials: bool = False
) -> dict[str, Any]:
    """What an apply would create, change and, with `prune`, delete. Nothing is changed."""
    actor = actor_of(request)
    found = configuration.make_plan(actor, request.body, prune=prune, accept_raw_credentials=accept_raw_credentials)
    return _plan_out(found)


@router.post("/apply", response={200: PlanOut, **REFUSED}, summary="Apply a configuration", openapi_extra=TAKES_FILE)
@key_requires(None)
def apply_configuration(
    request: HttpRequest, prune: bool = False, plan: str | None = None, accept_raw_credentials: bool = False
) -> dict[str, Any]:
    """Bring the organization to the state of the file, in one transaction or not at all.

    With the fingerprint of a `plan`, it is refused with 409 `plan_stale` if it would do something else.
    """
    actor = actor_of(request)
    done = configuration.apply(
        actor, request.body, prune=prune, plan=plan, accept_raw_credentials=accept_raw_credentials
    )
    return _plan_out(done)


def get_schema(request: HttpRequest) -> HttpResponse:
    """The schema of the file, for editors. It is the same for everybody."""
    del request  # ninja passes it
    return HttpResponse(as_json(configuration_schema()), content_type="application/schema+json")


set_permission(get_schema, PUBLIC)
schema_router.get("/configuration.schema.json", auth=None, response={200: None}, include_in_schema=False)(get_schema)


def _plan_out(plan: Plan) -> dict[str, Any]:
    return {
        "plan": plan.fingerprint,
        "changes": [change.as_json() for change in plan.changes],
        "missing": [{"secret": name, "environments": where} for name, where in plan.missing.items()],
    }
