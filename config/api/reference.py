"""The readable page of the API, `/api/v1/docs`: its OpenAPI document as a page of Coffer, without scripts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase
from typing_extensions import override

Schema = Mapping[str, Any]
NO_KIND = "any"


@dataclass(frozen=True, slots=True)
class DocumentedField:
    """A field of a body, or a parameter of an address."""

    name: str
    kind: str
    is_required: bool
    default: str
    description: str


@dataclass(frozen=True, slots=True)
class DocumentedAnswer:
    """An answer to an operation, with the fields of its JSON; refusals have none of their own."""

    status: str
    words: str
    fields: list[DocumentedField]


@dataclass(frozen=True, slots=True)
class DocumentedOperation:
    """An operation of the API."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[DocumentedField]
    body: list[DocumentedField]
    answers: list[DocumentedAnswer]
    refusals: list[DocumentedAnswer]


class Reference(DocsBase):
    """Renders the page."""

    @override
    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        """Return the page with every operation, by tag."""
        context = {"groups": groups_of(api.get_openapi_schema()), "document": self.get_openapi_url(api, kwargs)}
        return render(request, "api_reference.html", context)


def groups_of(document: Schema) -> dict[str, list[DocumentedOperation]]:
    """Return the operations of an OpenAPI document, by their first tag, in its order."""
    groups: dict[str, list[DocumentedOperation]] = {}
    parts = document["components"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = operation.get("tags", ["Others"])[0]
            groups.setdefault(tag, []).append(_operation(path, method, operation, parts))
    return groups


def _operation(path: str, method: str, operation: Schema, parts: Schema) -> DocumentedOperation:
    schemas = parts["schemas"]
    answers = [
        _answer(status, _resolved(answer, parts["responses"]), schemas)
        for status, answer in operation["responses"].items()
    ]
    return DocumentedOperation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        parameters=[_parameter(parameter, schemas) for parameter in operation.get("parameters", [])],
        body=_fields(operation.get("requestBody", {}), schemas),
        answers=[answer for answer in answers if answer.status < "3"],
        refusals=[answer for answer in answers if answer.status >= "4"],
    )


def _answer(status: Any, answer: Schema, schemas: Schema) -> DocumentedAnswer:
    return DocumentedAnswer(str(status), answer.get("description", ""), _fields(answer, schemas))


def _fields(holder: Schema, schemas: Schema) -> list[DocumentedField]:
    """Return the fields of the JSON object that a body or an answer holds."""
    schema = _resolved(holder.get("content", {}).get("application/json", {}).get("schema", {}), schemas)
    if "oneOf" in schema:
        schema = _merged([_resolved(variant, schemas) for variant in schema["oneOf"]])
    required = schema.get("required", [])
    return [_field(name, field, name in required, schemas) for name, field in schema.get("properties", {}).items()]


def _merged(variants: list[Schema]) -> Schema:
    """Return the fields that variants have in common; where these differ, each has the alternatives."""
    fields = {
        name: field if all(variant["properties"][name] == field for variant in variants) else _any_of(name, variants)
        for name, field in variants[0]["properties"].items()
    }
    return {**variants[0], "properties": fields}


def _any_of(name: str, variants: list[Schema]) -> Schema:
    return {"anyOf": [variant["properties"][name] for variant in variants]}


def _parameter(parameter: Schema, schemas: Schema) -> DocumentedField:
    return _field(parameter["name"], parameter["schema"], parameter.get("required", False), schemas)


def _field(name: str, schema: Schema, is_required: bool, schemas: Schema) -> DocumentedField:
    default = schema.get("default")
    shown = "" if default in (None, "", [], {}) else ", ".join(default) if isinstance(default, list) else str(default)
    return DocumentedField(name, kind_of(schema, schemas), is_required, shown, schema.get("description", ""))


def kind_of(schema: Schema, schemas: Schema) -> str:
    """Return the type of a value in words, such as `list of uuid, or null`."""
    found = _resolved(schema, schemas)
    alternatives = [*found.get("anyOf", ()), *found.get("oneOf", ())]
    if alternatives:
        return ", or ".join(dict.fromkeys(kind_of(one, schemas) for one in alternatives))
    if "enum" in found or "const" in found:
        return " | ".join(str(one) for one in found.get("enum", [found.get("const")]))
    if found.get("type") == "array":
        return f"list of {kind_of(found.get('items', {}), schemas)}"
    return _name_of(found)


def _name_of(schema: Schema) -> str:
    named = schema.get("title") if "properties" in schema else schema.get("format")
    return str(named or schema.get("type") or NO_KIND)


def _resolved(schema: Schema, schemas: Schema) -> Schema:
    """Return what a reference names, such as a schema; anything else as it is."""
    found: Schema = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return found
