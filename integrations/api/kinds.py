"""`/api/v1/kinds` (docs/api.md, "Kinds")."""

import json
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from accounts.access.route_permissions import key_requires
from accounts.api.authentication import actor_of
from accounts.api.schemas import PROBLEMS, Limit
from accounts.common.paging import DEFAULT_LIMIT, page_of
from integrations.kinds import KINDS
from integrations.kinds.base import Kind
from integrations.kinds.schemas import config_schemas, reference_fields, schema_name

router = Router()


class SlotFieldOut(Schema):
    """A field of the configuration that may hold placeholders."""

    field: str = Field(description="`headers[].value` is the value of each header.")
    arguments: bool = Field(description="Whether it may hold `{params.NAME}` besides `{secrets.NAME}`.")


class OperationOfKindOut(Schema):
    """An operation that integrations of the kind may have. Its parameters may depend on the configuration."""

    name: str
    description: str
    read_only: bool


class KindOut(Schema):
    """A kind of integration."""

    kind: str
    label: str
    about: str
    config_schema: dict[str, Any] = Field(description="The configuration as JSON Schema, 2020-12.")
    references: dict[str, str] = Field(
        description="The fields that hold the id of another integration, each with its role: `connection` or "
        "`auth_connector`."
    )
    slots: list[SlotFieldOut]
    operations: list[OperationOfKindOut]


class KindsOut(Schema):
    """One page, by key."""

    items: list[KindOut]
    next_cursor: str | None


@router.get("", response={200: KindsOut, **PROBLEMS}, summary="The kinds of integrations")
@key_requires(None)
def list_kinds(request: HttpRequest, limit: Limit = DEFAULT_LIMIT, cursor: str = "") -> dict[str, Any]:
    """What the configuration of each kind holds, where placeholders may stand in it, and what it can do."""
    actor_of(request)
    page = page_of(sorted(KINDS.values(), key=_key), _key, cursor=cursor, limit=limit)
    schemas = config_schemas("#/$defs/{model}")
    return {"items": [_kind_out(kind, schemas) for kind in page.items], "next_cursor": page.next_cursor}


def _key(kind: Kind[Any]) -> str:
    return kind.key


def _kind_out(kind: Kind[Any], schemas: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": kind.key,
        "label": kind.label,
        "about": kind.about,
        "config_schema": _with_parts(schema_name(kind.key), schemas),
        "references": reference_fields(kind.key),
        "slots": kind.slot_fields(),
        "operations": kind.all_operations(),
    }


def _with_parts(name: str, schemas: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that stands alone: with the schemas that it refers to, and those that they refer to."""
    needed: dict[str, Any] = {}
    waiting = [name]
    while waiting:
        found = waiting.pop()
        if found not in needed:
            needed[found] = schemas[found]
            waiting += [other for other in schemas if f'"#/$defs/{other}"' in _written(schemas[found])]
    own = needed.pop(name)
    return {**own, "$defs": dict(sorted(needed.items()))} if needed else dict(own)


def _written(schema: dict[str, Any]) -> str:
    return json.dumps(schema)
