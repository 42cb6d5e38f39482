"""A request that somebody wrote down with example values, as a curl command or in a Postman collection, and its draft.

What differs from call to call becomes a parameter with the example as its default: query parameters, form fields, the
members of a JSON body, and variables such as `{{customerId}}`. What looks like a credential becomes a secret.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from accounts.common.fields import read_json, write_json
from integrations.egress.policy import FORBIDDEN_NAMES
from integrations.importing.arguments import Arguments
from integrations.importing.found import FoundSecrets
from integrations.templating.json_body import problem_with_json

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
VARIABLE = re.compile(r"\{\{\s*([\w.$-]{1,64})\s*\}\}")
_WHOLE_VARIABLE = re.compile(rf"\s*{VARIABLE.pattern}\s*")
_SEGMENT = re.compile(r":(?P<colon>[A-Za-z_]\w{0,63})|\{(?P<braces>[A-Za-z_][\w-]{0,63})\}")
_OF_BROWSERS = re.compile(
    r"sec-.*|dnt|priority|upgrade-insecure-requests|accept-(?:encoding|language|charset)|user-agent|postman-token"
    r"|cache-control|pragma|origin|referer",
    re.IGNORECASE,
)
"""Headers that a browser or another client adds on its own."""
_LONGEST_VALUE = 8000


@dataclass(frozen=True, slots=True)
class SampleField:
    """A field of a form; `is_file` says that a file stands there."""

    name: str
    value: str = ""
    is_file: bool = False


@dataclass(frozen=True, slots=True)
class SampleBody:
    """A body: a text, or the fields of a form."""

    type: str = "none"
    text: str = ""
    fields: Sequence[SampleField] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """A request with example values.

    Attributes:
        path: below the base URL, with variables.
        needs: the keys of the security schemes that it uses.
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Sequence[tuple[str, str]] = ()
    body: SampleBody = SampleBody()
    examples: Mapping[str, str] = field(default_factory=dict, hash=False)
    follow_redirects: bool = False
    timeout: float | None = None


def query_of(text: str) -> list[tuple[str, str]]:
    """Return the parameters of a query, decoded."""
    pairs = (part.partition("=") for part in text.split("&") if part)
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]


class SampleReader:
    """Makes the configuration of an action from a sample."""

    def __init__(self, sample: Sample, secrets: FoundSecrets) -> None:
        """Start with an empty declaration of parameters.

        Args:
            secrets: receives the credentials.
        """
        self.sample, self.secrets, self.arguments = sample, secrets, Arguments()
        self.notes: list[str] = []
        self._variables: dict[str, str] = {}

    def config(self) -> dict[str, Any]:
        """Return the configuration of an API action, without connection and connector.

        Raises:
            NotImportable: something in it cannot be in an action.
        """
        sample = self.sample
        config: dict[str, Any] = {
            "method": sample.method,
            "path": self.path(),
            "query": self._entries(sample.query, "query"),
            "headers": [*self._headers()],
            "body": self._body(),
            "follow_redirects": sample.follow_redirects,
        }
        if sample.timeout:
            config["timeout_seconds"] = min(120.0, max(1.0, sample.timeout))
        return config | {"parameters": self.arguments.declared()}

    def path(self) -> str:
        """Return the path with placeholders; each variable, `:id` and `{id}` becomes a required parameter."""
        return "/".join(self._segment(segment) for segment in self.sample.path.split("/"))

    def _segment(self, segment: str) -> str:
        whole = _SEGMENT.fullmatch(segment)
        if whole:
            return self._variable(whole["colon"] or whole["braces"], required=True)
        filled = VARIABLE.sub(lambda match: self._variable(match[1], required=True), segment)
        return self.secrets.hide(filled, "path", "Path")

    def _variable(self, name: str, *, required: bool) -> str:
        """Return the placeholder of a variable: a secret if its name or its value says so, else a parameter."""
        if name not in self._variables:
            self._variables[name] = self._declared_variable(name, required=required)
        return self._variables[name]

    def _declared_variable(self, name: str, *, required: bool) -> str:
        example = self.sample.examples.get(name, "")
        if found := self.secrets.of_variable(name, example):
            return found
        schema = _scalar(example) if example else {"type": "string"}
        return self.arguments.add(name, schema, required=required and not example, place="variable")

    def _headers(self) -> Iterator[dict[str, str]]:
        for name, value in self.sample.headers:
            if name.lower() in FORBIDDEN_NAMES or _OF_BROWSERS.fullmatch(name):
                continue
            if name.lower() == "content-type" and self._brings_media_type(value):
                continue
            text = self._text(value, name, f"Header {name}")
            if text.strip():
                yield {"name": name, "value": text.strip()}

    def _brings_media_type(self, value: str) -> bool:
        """Return whether the kind of the body says its media type already."""
        media_type = value.partition(";")[0].strip().lower()
        return self.sample.body.type == "multipart" or media_type == {
            "json": "application/json",
            "form": "application/x-www-form-urlencoded",
        }.get(self.sample.body.type)

    def _entries(self, pairs: Sequence[tuple[str, str]], place: str) -> list[dict[str, str]]:
        return [{"name": name, "value": self._entry(name, value, place)} for name, value in pairs if name]

    def _entry(self, name: str, value: str, place: str) -> str:
        """Return the text of a query parameter or form field; an example becomes the default of a parameter."""
        if VARIABLE.search(value) or self.secrets.is_credential(value, name):
            return self._text(value, name, f"{place.capitalize()} {name}")
        if self.arguments.is_full or len(value) > _LONGEST_VALUE:
            return value
        return self.arguments.add(name, _scalar(value), required=False, place=place)

    def _text(self, value: str, under: str, place: str) -> str:
        whole = _WHOLE_VARIABLE.fullmatch(value)
        if whole:
            return self._variable(whole[1], required=False)
        filled = VARIABLE.sub(lambda match: self._variable(match[1], required=True), value)
        return self.secrets.hide(filled, under, place)

    def _body(self) -> dict[str, Any]:
        body = self.sample.body
        if body.type in {"form", "multipart"}:
            return {"type": body.type, "content": [self._field(each, body.type) for each in body.fields if each.name]}
        if body.type == "json":
            return self._json(body.text)
        if body.type == "text":
            return {"type": "text", "content": self._text(body.text, "body", "Body")}
        if body.type == "binary":
            file = self.arguments.add("file", {"type": "object", "format": "file"}, required=True, place="body")
            return {"type": "binary", "content": file}
        return {"type": "none"}

    def _field(self, each: SampleField, place: str) -> dict[str, str]:
        if each.is_file:
            schema = {"type": "object", "format": "file"}
            return {"name": each.name, "value": self.arguments.add(each.name, schema, required=True, place="body")}
        return {"name": each.name, "value": self._entry(each.name, each.value, place)}

    def _json(self, text: str) -> dict[str, Any]:
        document = _read_json(text)
        if document is None:
            self.notes.append("The body is not JSON, so it is sent as a text.")
            return {"type": "text", "content": self._text(text, "body", "Body")}
        if isinstance(document, dict):
            content: Any = {name: self._member(name, value) for name, value in document.items()}
        else:
            content = self._inside("body", document)
        return {"type": "json", "content": write_json(content, indent=2)}

    def _member(self, name: str, value: Any) -> Any:
        """Return a member of the body: a parameter with the example as its default, unless a credential is in it."""
        text = value if isinstance(value, str) else write_json(value)
        plain = not VARIABLE.search(text) and not self._holds_credential(name, value)
        if plain and not self.arguments.is_full and problem_with_json(value, depth=3) is None:
            return self.arguments.add(name, _schema_of(value), required=False, place="body")
        return self._inside(name, value)

    def _holds_credential(self, name: str, value: Any) -> bool:
        if isinstance(value, dict):
            return any(self._holds_credential(str(key), child) for key, child in value.items())
        if isinstance(value, list):
            return any(self._holds_credential(name, child) for child in value)
        return isinstance(value, str) and self.secrets.is_credential(value, name)

    def _inside(self, name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._inside(str(key), child) for key, child in value.items()}
        if isinstance(value, list):
            return [self._inside(name, child) for child in value]
        return self._text(value, name, f"Body {name}") if isinstance(value, str) else value


def _read_json(text: str) -> Any:
    """Return a JSON document; variables may stand in it without quotes. None if it is no JSON."""
    for attempt in (text, VARIABLE.sub(lambda match: f'"{match[0]}"', text)):
        try:
            found = read_json(attempt)
        except (ValueError, RecursionError):
            continue
        return found
    return None


def _scalar(example: str) -> dict[str, Any]:
    """Return the declaration of a text, number or boolean with an example as its default."""
    if example in {"true", "false"}:
        return {"type": "boolean", "default": example == "true"}
    if re.fullmatch(r"-?(?:0|[1-9][0-9]{0,14})", example):
        return {"type": "integer", "default": int(example)}
    return {"type": "string", "default": example}


def _schema_of(value: Any) -> dict[str, Any]:
    """Return the declaration of a JSON value with the value as its default."""
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    found = next((name for kind, name in names.items() if isinstance(value, kind)), None)
    return {"type": found, "default": value} if found else {}
