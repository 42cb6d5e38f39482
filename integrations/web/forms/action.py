"""The form of an API action: request, parameters, limits and check."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from django.http import QueryDict

from accounts.errors import FieldError
from integrations.exchange.messages import RESPONSE_BYTES
from integrations.kinds.config_fields import MOST_ARGUMENT_BYTES, template_of
from integrations.templating.json_body import JsonBodyError, parse_json_body
from integrations.templating.placeholders import Template
from integrations.web.forms import parameters
from integrations.web.forms.base import IntegrationForm, SubmittedIntegration, Values, keep_line_ends, text
from integrations.web.forms.rows import read_pairs

_STYLE = {"style": "repeated"}
PAIRS: dict[str, tuple[str, dict[str, str]]] = {
    "header": ("headers", {}),
    "query": ("query parameters", _STYLE),
    "form": ("fields of the body", _STYLE),
    "part": ("parts of the body", {**_STYLE, "filename": "", "content_type": ""}),
}
"""The lists of names and values: the prefix of their fields, a description for messages, and their further columns."""

_PLACES = [
    (re.compile(r"config\.headers\[(\d+)\]\.(name|value)"), "header_{1}-{0}"),
    (re.compile(r"config\.query\[(\d+)\]\.(name|value|style)"), "query_{1}-{0}"),
    (re.compile(r"config\.check\b.*"), "check_path"),
    (re.compile(r"config\.body\.type"), "body_type"),
    (re.compile(r"config\.body\.content_type"), "body_content_type"),
    (re.compile(r"config\.returns\.(type|expression)"), "returns_{0}"),
    (
        re.compile(
            r"config\.(base_url|connection|auth_connector|method|path|timeout_seconds"
            r"|max_argument_bytes|max_response_bytes|follow_redirects)"
        ),
        "{0}",
    ),
]
_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,9})?", re.ASCII)


class ActionForm(IntegrationForm):
    """The form of `api_action`."""

    template: ClassVar[str] = "integrations/action_form.html"

    def config_values(self, config: Mapping[str, Any]) -> Values:
        """Return the fields for a configuration; an empty one becomes a GET request without headers and body."""
        body, content = config.get("body", {}), config.get("body", {}).get("content")
        return {
            "base_url": config.get("base_url", ""),
            "connection": config.get("connection") or "",
            "auth_connector": config.get("auth_connector") or "",
            "method": config.get("method", "GET"),
            "path": config.get("path", ""),
            "headers": config.get("headers", []),
            "query": config.get("query", []),
            "body_type": body.get("type", "none"),
            "body_content": content if isinstance(content, str) else "",
            "form": content if isinstance(content, list) and body.get("type") == "form" else [],
            "parts": content if isinstance(content, list) and body.get("type") == "multipart" else [],
            "body_content_type": body.get("content_type", ""),
            "params": parameters.rows_of(config.get("parameters", {})),
            "timeout_seconds": _seconds_as_text(config.get("timeout_seconds", 20)),
            "max_argument_bytes": str(config.get("max_argument_bytes", MOST_ARGUMENT_BYTES)),
            "max_response_bytes": str(config.get("max_response_bytes", RESPONSE_BYTES)),
            "follow_redirects": bool(config.get("follow_redirects", False)),
            "check_path": (config.get("check") or {}).get("path", ""),
            "returns_type": config.get("returns", {}).get("type", "everything"),
            "returns_expression": config.get("returns", {}).get("expression", ""),
        }

    def read_config(self, post: QueryDict) -> SubmittedIntegration:
        """Read all fields, including bodies of types that are not selected."""
        pairs = {prefix: read_pairs(post, prefix, words, more) for prefix, (words, more) in PAIRS.items()}
        params, problems = parameters.read_parameters(post)
        values: Values = {
            "base_url": post.get("base_url", "").strip(),
            "headers": pairs["header"][0],
            "query": pairs["query"][0],
            "form": pairs["form"][0],
            "parts": pairs["part"][0],
            "body_content_type": post.get("body_content_type", "").strip(),
            "max_argument_bytes": post.get("max_argument_bytes", "").strip(),
            "max_response_bytes": post.get("max_response_bytes", "").strip(),
            "params": params,
            "timeout_seconds": post.get("timeout_seconds", "").strip(),
            "follow_redirects": "follow_redirects" in post,
        }
        values |= {
            name: text(post, name)
            for name in ("connection", "auth_connector", "method", "path", "body_type", "body_content", "check_path")
        }
        values |= {
            "returns_type": text(post, "returns_type") or "everything",
            "returns_expression": text(post, "returns_expression"),
        }
        return SubmittedIntegration(values, [problem for _, found in pairs.values() for problem in found] + problems)

    def config(self, values: Values, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Return the configuration.

        What the form does not show is kept: the method of the check.
        """
        config = {
            "base_url": values["base_url"],
            "connection": values["connection"] or None,
            "auth_connector": values["auth_connector"] or None,
            "method": values["method"],
            "path": values["path"],
            "headers": values["headers"],
            "query": values["query"],
            "body": _body(values),
            "parameters": parameters.schema_of(values["params"], stored.get("parameters", {})),
            "timeout_seconds": _seconds(values["timeout_seconds"]),
            "max_argument_bytes": _whole(
                values["max_argument_bytes"], stored.get("max_argument_bytes", MOST_ARGUMENT_BYTES)
            ),
            "max_response_bytes": _whole(
                values["max_response_bytes"], stored.get("max_response_bytes", RESPONSE_BYTES)
            ),
            "follow_redirects": values["follow_redirects"],
            "check": _check(values["check_path"], stored.get("check")),
            "returns": _returns(values["returns_type"], values["returns_expression"]),
        }
        return keep_line_ends(config, stored)

    def error(self, error: FieldError, values: Values) -> FieldError:
        """Return an error with the form's field; rows are named by their index."""
        if error.field.startswith("config.parameters"):
            return parameters.error_at(error, values["params"])
        return FieldError(_field(error.field, values), error.message)


def secret_names(values: Values) -> Iterator[str]:
    """Yield the names of the secrets in the texts of a form, as far as they can be parsed."""
    for template in _templates(values):
        yield from template.secret_names


def _templates(values: Values) -> Iterator[Template]:
    texts = [values["path"], *(row["value"] for row in (*values["headers"], *values["query"]))]
    if values["body_type"] == "json":
        yield from _json_templates(values["body_content"])
    elif values["body_type"] in {"text", "binary"}:
        texts += [values["body_content"], values["body_content_type"]]
    elif values["body_type"] == "form":
        texts += [row["value"] for row in values["form"]]
    elif values["body_type"] == "multipart":
        texts += [row.get(part, "") for row in values["parts"] for part in ("value", "filename", "content_type")]
    yield from filter(None, map(template_of, [*texts, values["check_path"]]))


def _json_templates(content: str) -> Iterator[Template]:
    """Yield the templates of a JSON body; of the whole text while it is not valid JSON."""
    try:
        yield from parse_json_body(content).templates
    except JsonBodyError:
        yield from filter(None, [template_of(content)])


def _body(values: Values) -> dict[str, Any]:
    kind = values["body_type"]
    if kind == "none":
        return {"type": "none", "content": None}
    if kind in {"form", "multipart"}:
        return {"type": kind, "content": values["form" if kind == "form" else "parts"]}
    media_type = {"content_type": values["body_content_type"]} if kind == "binary" else {}
    return {"type": kind, "content": values["body_content"], **media_type}


def _check(path: str, stored: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the check with this path. It keeps the stored method; an unchanged stored check is kept as it is."""
    if stored and stored["path"] == path:
        return dict(stored)
    return {"method": stored["method"] if stored else "GET", "path": path} if path else None


def _returns(kind: str, expression: str) -> dict[str, str]:
    """Return what is passed on. The form keeps the expression while another choice is made."""
    return {"type": kind, "expression": expression if kind == "fields" else ""}


def _seconds(typed: str) -> float | str:
    """Return the number; other text is returned unchanged for the service to refuse."""
    return float(typed) if _NUMBER.fullmatch(typed) else typed


def _whole(typed: str, stored: int) -> int | str:
    """Return the number; blank text keeps the stored one, and the service refuses other text."""
    if not typed:
        return stored
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else typed  # noqa: PLR2004


def _seconds_as_text(seconds: float) -> str:
    return str(seconds).removesuffix(".0")


_ENTRY = re.compile(r"config\.body\.content\[(\d+)\]\.(\w+)")


def _field(path: str, values: Values) -> str:
    if found := _ENTRY.fullmatch(path):
        return f"{'part' if values['body_type'] == 'multipart' else 'form'}_{found[2]}-{found[1]}"
    for pattern, field in _PLACES:
        if found := pattern.fullmatch(path):
            return field.format(*found.groups())
    if path.startswith("config.body"):
        return "body_type" if values["body_type"] in {"form", "multipart"} else "body_content"
    return ""
