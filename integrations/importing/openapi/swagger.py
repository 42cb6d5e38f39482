"""Swagger 2 as OpenAPI 3 would write it: servers, security schemes and operations. References stay as they are."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from integrations.importing.nodes import as_list, as_object, as_text

Node = Mapping[str, Any]
Follow = Callable[[object], Node]

_JSON = "application/json"
_NOT_IN_SCHEMA = frozenset({"name", "in", "required", "description", "collectionFormat", "schema", "allowEmptyValue"})
_FLOWS = {"application": "clientCredentials", "accessCode": "authorizationCode"}


def servers(root: Node) -> list[dict[str, str]]:
    """Return the addresses, HTTPS first."""
    host, base = root.get("host"), root.get("basePath")
    if not isinstance(host, str):
        return []
    path = base if isinstance(base, str) and base.startswith("/") else ""
    spoken = [each for each in ("https", "http") if each in as_list(root.get("schemes"))]
    return [{"url": f"{scheme}://{host}{path}"} for scheme in spoken or ["https"]]


def security_schemes(root: Node) -> dict[str, Any]:
    """Return the security schemes by name."""
    found = as_object(root.get("securityDefinitions"))
    return {name: _scheme(as_object(each)) for name, each in found.items()}


def _scheme(scheme: Node) -> Node:
    if scheme.get("type") == "basic":
        return {**scheme, "type": "http", "scheme": "basic"}
    if scheme.get("type") == "oauth2":
        flow = str(scheme.get("flow"))
        return {**scheme, "flows": {_FLOWS.get(flow, flow): scheme}}
    return scheme


def operation(root: Node, written: Node, parameters: Sequence[Node], follow: Follow) -> dict[str, Any]:
    """Return an operation with a request body and with schemas in its parameters.

    Args:
        parameters: its own and those of its path, with references followed.
    """
    consumes = _listed(written, root, "consumes")
    in_form = [each for each in parameters if each.get("in") == "formData"]
    changed: dict[str, Any] = {
        **written,
        "parameters": [_parameter(each) for each in parameters if as_text(each.get("in")) not in {"body", "formData"}],
        "responses": _responses(written, _listed(written, root, "produces"), follow),
    }
    for each in parameters:
        if each.get("in") == "body":
            content = {name: {"schema": each.get("schema", {})} for name in consumes or [_JSON]}
            changed["requestBody"] = {"content": content, "required": each.get("required") is True}
    return changed | ({"requestBody": _form(in_form, consumes)} if in_form else {})


def _listed(written: Node, root: Node, name: str) -> list[str]:
    return [each for each in as_list(written.get(name, root.get(name))) if isinstance(each, str)]


def _parameter(parameter: Node) -> Node:
    style = as_text(parameter.get("collectionFormat"))
    written: dict[str, Any] = {"name": parameter.get("name"), "in": parameter.get("in")}
    written |= {"required": parameter.get("required"), "description": parameter.get("description")}
    written["schema"] = _schema(parameter)
    if style in {"ssv", "tsv", "pipes"}:
        return {**written, "style": style}
    return {**written, "explode": style == "multi"}


def _schema(parameter: Node) -> Node:
    if isinstance(parameter.get("schema"), Mapping):
        return parameter["schema"]
    return {name: value for name, value in parameter.items() if name not in _NOT_IN_SCHEMA}


def _form(parameters: Iterable[Node], consumes: Sequence[str]) -> dict[str, Any]:
    fields = {str(each.get("name")): each for each in parameters}
    has_file = any(each.get("type") == "file" for each in fields.values())
    kind = "multipart/form-data"
    media_type = kind if has_file or consumes[:1] == [kind] else "application/x-www-form-urlencoded"
    members = {name: {**_schema(each), "description": each.get("description")} for name, each in fields.items()}
    required = [name for name, each in fields.items() if each.get("required") is True]
    encoding = {name: {"explode": each.get("collectionFormat") == "multi"} for name, each in fields.items()}
    schema = {"type": "object", "properties": members, "required": required}
    return {"content": {media_type: {"schema": schema, "encoding": encoding}}, "required": bool(required)}


def _responses(written: Node, produces: Sequence[str], follow: Follow) -> dict[str, Any]:
    content: dict[str, Any] = {name: {} for name in produces}
    responses = as_object(written.get("responses"))
    return {str(code): {**follow(each), "content": content} for code, each in responses.items()}
