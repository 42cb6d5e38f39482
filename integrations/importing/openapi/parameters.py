"""Parameters of an operation in its path, query and headers, as parameters of an action and entries that send them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from integrations.egress.policy import problem_with_header_name
from integrations.importing import texts
from integrations.importing.arguments import Arguments
from integrations.importing.drafts import NotImportable
from integrations.importing.nodes import as_text
from integrations.importing.openapi.schemas import SchemaReader, only_value_of, required_of
from integrations.importing.samples import query_of
from integrations.templating.parameter_schemas import may_be_text

_IN_PATH = re.compile(r"\{([^{}/]{1,200})\}")
_SET_BY_OTHERS = frozenset({"accept", "content-type", "authorization", "user-agent"})
_SEPARATORS = {"pipeDelimited": "|", "spaceDelimited": " ", "pipes": "|", "ssv": " ", "tsv": "a tab"}
_AS_JSON = "Written as JSON."
_OF_LISTS = frozenset({"description", "minItems", "maxItems"})
MOST_ENTRIES = 64

Parameter = Mapping[str, Any]


class ParameterReader:
    """Reads the parameters of one operation."""

    def __init__(self, schemas: SchemaReader, arguments: Arguments, notes: list[str]) -> None:
        """Start without parameters.

        Args:
            arguments: receives the declarations.
            notes: receives what was left out.
        """
        self._schemas, self._arguments, self._notes = schemas, arguments, notes

    def path(self, written: str, parameters: Sequence[Parameter]) -> tuple[str, list[dict[str, str]]]:
        """Return the path with placeholders, and the query that stands in it."""
        declared = {each["name"]: each for each in parameters if each.get("in") == "path"}
        path, _, query = written.partition("#")[0].partition("?")
        filled = _IN_PATH.sub(lambda match: self._in_path(match[1], declared.get(match[1], {})), path)
        fixed = [{"name": name, "value": value} for name, value in query_of(query) if not _IN_PATH.search(value)]
        return filled if filled.startswith("/") else f"/{filled}", fixed

    def query(self, parameters: Iterable[Parameter]) -> list[dict[str, str]]:
        """Return the entries of the query."""
        return [
            entry for each in parameters if each.get("in") == "query" for entry in self._optional(each, self._in_query)
        ]

    def headers(self, parameters: Iterable[Parameter]) -> list[dict[str, str]]:
        """Return the entries of the headers, without those that Coffer or the credential sets."""
        found = [each for each in parameters if each.get("in") == "header"]
        kept = [each for each in found if each["name"].lower() not in _SET_BY_OTHERS]
        sent = [each for each in kept if problem_with_header_name(each["name"]) is None]
        return [entry for each in sent for entry in self._optional(each, self._in_header)]

    def _optional(self, parameter: Parameter, read: Any) -> list[dict[str, str]]:
        """Return the entries of a parameter; none if it cannot be sent and nobody has to."""
        try:
            return list(read(parameter))
        except NotImportable as problem:
            if parameter.get("required") is True:
                raise
            self._notes.append(f"{texts.plain(parameter['name'], 60)} was left out. {problem}")
            return []

    def _in_path(self, name: str, parameter: Parameter) -> str:
        schema = parameter.get("schema", {})
        value = only_value_of(self._schemas.flat(schema))
        if isinstance(value, str) and value.isascii() and value.isalnum():
            return value
        declared = _as_one_text(self._schemas.declared(schema, parameter.get("description")))
        return self._arguments.add(name, declared, required=True, place="path")

    def _in_query(self, parameter: Parameter) -> Iterator[dict[str, str]]:
        name, raw = parameter["name"], self._schemas.flat(_schema_of(parameter))
        if (
            raw.get("properties")
            and as_text(parameter.get("style", "form")) in {"form", "deepObject"}
            and "schema" in parameter
        ):
            yield from self._members(parameter, raw)
            return
        if (fixed := _fixed(parameter, raw)) is not None:
            yield {"name": name, "value": fixed}
            return
        declared = self._declared(parameter)
        style = {"style": "comma"} if _is_comma(parameter, declared) else {}
        yield {"name": name, "value": self._add(parameter, declared), **style}

    def _declared(self, parameter: Parameter) -> dict[str, Any]:
        declared = self._schemas.declared(_schema_of(parameter), parameter.get("description"))
        separator = _SEPARATORS.get(as_text(parameter.get("style")))
        if separator and declared.get("type") == "array":
            return _text(declared, f"Several are separated by “{separator}”.")
        return as_entry(declared)

    def _members(self, parameter: Parameter, raw: Mapping[str, Any]) -> Iterator[dict[str, str]]:
        """Yield an entry for each member of an object: `filter[status]`, or `status` in the style `form`."""
        name, is_deep = parameter["name"], parameter.get("style") == "deepObject"
        required = required_of(raw) if parameter.get("required") is True else ()
        for member, schema in self._schemas.members_of(raw).items():
            shown = f"{name}[{member}]" if is_deep else member
            one = {"name": shown, "in": "query", "required": member in required, "schema": schema}
            yield from self._optional(one, self._in_query if not is_deep else self._in_deep_query)

    def _in_deep_query(self, parameter: Parameter) -> Iterator[dict[str, str]]:
        yield {"name": parameter["name"], "value": self._add(parameter, self._declared(parameter))}

    def _in_header(self, parameter: Parameter) -> Iterator[dict[str, str]]:
        name, raw = parameter["name"], self._schemas.flat(_schema_of(parameter))
        if (fixed := _fixed(parameter, raw)) is not None:
            yield {"name": name, "value": fixed}
            return
        declared = _as_one_text(self._schemas.declared(_schema_of(parameter), parameter.get("description")))
        yield {"name": name, "value": self._add(parameter, declared)}

    def _add(self, parameter: Parameter, declared: dict[str, Any]) -> str:
        required = parameter.get("required") is True
        return self._arguments.add(parameter["name"], declared, required=required, place=parameter["in"])


def in_place(path: str, parameters: Sequence[Parameter]) -> list[Parameter]:
    """Return parameters, with those in the path that are only declared as parameters of the query."""
    declared = {each["name"] for each in parameters if each.get("in") == "path"}
    missing = set(_IN_PATH.findall(path)) - declared
    return [
        {**each, "in": "path"} if each.get("in") == "query" and each["name"] in missing else each for each in parameters
    ]


def _schema_of(parameter: Parameter) -> object:
    """Return the schema of a parameter, which may stand in `content`."""
    content = parameter.get("content")
    if "schema" in parameter or not isinstance(content, Mapping):
        return parameter.get("schema", {})
    return {"type": "string", "description": _AS_JSON}


def _fixed(parameter: Parameter, raw: Mapping[str, Any]) -> str | None:
    """Return what a required parameter always is, such as the version of the API in a header."""
    if parameter.get("required") is not True:
        return None
    value = only_value_of(raw)
    if value is None and parameter["in"] == "header":
        value = raw.get("default")
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _is_comma(parameter: Parameter, declared: Mapping[str, Any]) -> bool:
    return declared.get("type") == "array" and parameter.get("explode") is False


def as_entry(declared: dict[str, Any]) -> dict[str, Any]:
    """Return a declaration whose values fit in an entry of a query or form: a text, or a list of texts."""
    if _fits(declared, may_be_list=True):
        return declared
    if "array" in declared.get("type", ()):
        kept: dict[str, Any] = {
            name: declared[name] for name in ("description", "minItems", "maxItems") if name in declared
        }
        items = declared.get("items", {})
        return {**kept, "type": "array", "items": _text(items, _AS_JSON if items.get("type") == "object" else "")}
    return _as_one_text(declared)


def _as_one_text(declared: dict[str, Any]) -> dict[str, Any]:
    """Return a declaration whose values have one spelling as text."""
    if _fits(declared, may_be_list=False):
        return declared
    types = declared.get("type", ())
    note = "Several are separated by commas." if "array" in types else _AS_JSON if "object" in types else ""
    return _text(declared, note)


def _text(declared: Mapping[str, Any], note: str) -> dict[str, Any]:
    said = texts.sentences([declared.get("description", ""), note], texts.LONGEST_HINT)
    return {"type": "string", **({"description": said} if said else {})}


def _fits(declared: dict[str, Any], *, may_be_list: bool) -> bool:
    if not declared.get("type") and declared.get("anyOf"):
        return all(_fits(each, may_be_list=False) for each in declared["anyOf"])
    schema = {"properties": {"it": declared}}
    return "type" in declared and may_be_text(schema, "it", may_be_list=may_be_list)
