"""Rows of parameters in the form, and the JSON Schema that they describe.

Schemas written through the API may contain parts that rows cannot show. **A column that is unchanged does not change
the schema**: each row is compared with what the page showed for the stored property, and only changed columns are
written. The column of rules holds all other keywords (`default`, `minLength`, `items`, …) as JSON. Types other than
those of the page are shown as `kept`. A row carries the stored name of its parameter (`was`), so that a renamed
parameter keeps its keywords.
"""

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from accounts.common.fields import read_json, write_json
from accounts.errors import FieldError, Invalid
from integrations.templating.files import is_file
from integrations.web.forms.base import Values
from integrations.web.forms.rows import read_rows
from integrations.web.forms.typed import READERS, as_text

KEPT = "kept"
TYPES: dict[str, dict[str, Any]] = {
    **{name: {"type": name} for name in READERS},
    "array": {"type": "array"},
    "object": {"type": "object"},
    "file": {"type": "object", "format": "file"},
}
"""The types of the page, each with its keywords."""
_TEXTS: dict[str, Any] = {"items": {"type": "string"}}

_WORDS = {"integer": "whole numbers", "number": "numbers", "boolean": "true or false"}
_PROPERTIES = "config.parameters.properties."
_STALE_DEFAULT = (
    "Its stored default does not fit this type and these choices. "
    "Keep type and choices, or remove the parameter and add it again without a default."
)


def read_parameters(post: QueryDict) -> tuple[list[Values], list[FieldError]]:
    """Read the rows; those without name, description and choices are left out."""
    columns = {name: f"param_{name}" for name in ("name", "type", "required", "description", "choices")}
    columns |= {name: f"param_{name}" for name in ("was", "rules") if f"param_{name}" in post}
    rows, problems = read_rows(post, columns, "parameters")
    filled = [row for row in rows if any(row.get(column, "").strip() for column in ("name", "description", "choices"))]
    return [_as_typed(row) for row in filled], problems


def rows_of(schema: Mapping[str, Any]) -> list[Values]:
    """Return the rows for a stored schema."""
    required = schema.get("required", ())
    return [
        {"name": name, "was": name, "required": name in required, **_shown(declared)}
        for name, declared in schema.get("properties", {}).items()
    ]


def schema_of(rows: list[Values], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema that the rows describe.

    Args:
        stored: the stored schema, empty for a new integration.

    Raises:
        Invalid: two rows have the same name, or the type or choices of a row make no schema.
    """
    before = stored.get("properties", {})
    problems = _repeated(rows)
    properties = {}
    for index, row in enumerate(rows):
        try:
            properties[row["name"]] = _declared(row, before.get(row["was"]))
        except ColumnError as error:
            problems.append(FieldError(f"param_{error.column}-{index}", error.sentence))
    if problems:
        raise Invalid("The parameters cannot be used.", errors=problems)
    schema = {**(stored or {"type": "object"}), "properties": properties, "required": _required(rows, stored)}
    return {name: value for name, value in schema.items() if name in stored or name == "type" or value}


def error_at(error: FieldError, rows: list[Values]) -> FieldError:
    """Return an error about `config.parameters…` with the field of its row, otherwise of all parameters."""
    place = error.field.removeprefix(_PROPERTIES) if error.field.startswith(_PROPERTIES) else None
    for index, row in enumerate(rows):
        if place == row["name"]:
            return FieldError(f"param_name-{index}", error.message)
        if place == f"{row['name']}.default":
            return FieldError(f"param_type-{index}", _STALE_DEFAULT)
        if place and place.startswith(f"{row['name']}.") and not place.startswith(f"{row['name']}.enum"):
            return FieldError(f"param_rules-{index}", error.message)
        if place and place.startswith(f"{row['name']}."):
            return FieldError(f"param_choices-{index}", error.message)
    return FieldError("parameters", error.message)


class ColumnError(Exception):
    """A column of a row cannot be converted to a schema."""

    def __init__(self, column: str, sentence: str) -> None:
        super().__init__(sentence)
        self.column, self.sentence = column, sentence


def _as_typed(row: Mapping[str, str]) -> Values:
    name = row["name"].strip()
    return {"rules": None, **row, "name": name, "required": row["required"] == "yes", "was": row.get("was", name)}


def _repeated(rows: list[Values]) -> list[FieldError]:
    names = [row["name"] for row in rows]
    sentence = "This parameter is already listed above; keep one of them."
    return [FieldError(f"param_name-{index}", sentence) for index, name in enumerate(names) if name in names[:index]]


def _required(rows: list[Values], stored: Mapping[str, Any]) -> list[str]:
    """Return the names of required parameters, in the stored order if they are unchanged."""
    names = [row["name"] for row in rows if row["required"]]
    before = stored.get("required", [])
    return before if set(before) == set(names) else names


def _shown(declared: Mapping[str, Any]) -> Values:
    """Return the columns for a stored property."""
    kind = _kind_of(declared)
    own = {"description", *TYPES.get(kind, {"type": ""})}
    choices = _choices_as_text(kind, declared.get("enum", []))
    rules = {name: value for name, value in declared.items() if name not in own and not (name == "enum" and choices)}
    return {
        "type": kind,
        "description": _on_one_line(declared.get("description", "")),
        "choices": choices,
        "rules": write_json(rules, is_ascii=False) if rules else "",
    }


def _kind_of(declared: Mapping[str, Any]) -> str:
    if is_file(declared) and "type" in declared:
        return "file"
    kind = declared.get("type")
    return kind if isinstance(kind, str) and kind in TYPES else KEPT


def _on_one_line(text: str) -> str:
    """Remove line ends, as `<input>` does."""
    return text.replace("\r", "").replace("\n", "")


def _declared(row: Values, stored: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the stored property with the changed columns written over it."""
    if row["type"] not in TYPES and not (stored and row["type"] == KEPT):
        raise ColumnError("type", "Choose a type.")
    shown = _shown(stored) if stored is not None else {"type": "", "description": "", "choices": "", "rules": ""}
    declared = _with_rules(row, shown, dict(stored or {}))
    if row["description"] != shown["description"]:
        _put(declared, "description", row["description"])
    if row["type"] != shown["type"]:
        declared = _with_type(row["type"], shown["type"], declared)
    if (row["type"], row["choices"]) != (shown["type"], shown["choices"]):
        _put(declared, "enum", _choices(row["type"], row["choices"]))
    return declared


def _with_rules(row: Values, shown: Values, declared: dict[str, Any]) -> dict[str, Any]:
    if row["rules"] is None or _on_one_line(row["rules"]) == shown["rules"]:
        return declared
    columns = {"type": True, "description": True, "enum": shown["choices"], "format": shown["type"] == "file"}
    return {name: value for name, value in declared.items() if columns.get(name)} | _rules(row["rules"])


def _with_type(kind: str, before: str, declared: dict[str, Any]) -> dict[str, Any]:
    if before == "file":
        declared.pop("format", None)
    return (_TEXTS if kind == "array" else {}) | declared | TYPES[kind]


def _put(declared: dict[str, Any], keyword: str, value: Any) -> None:
    """Set a keyword, or remove it if its column is blank."""
    declared.pop(keyword, None)
    if value:
        declared[keyword] = value


def _rules(text: str) -> dict[str, Any]:
    """Return the keywords of the column of rules."""
    if not text.strip():
        return {}
    try:
        rules = read_json(text)
    except (ValueError, RecursionError):
        rules = None
    if not isinstance(rules, dict) or {"type", "description"} & rules.keys():
        raise ColumnError("rules", 'Write further JSON Schema keywords as an object, such as {"minimum": 1}.')
    return rules


def _choices(kind: str, text: str) -> list[Any]:
    """Return the choices as JSON values of the row's type."""
    entries = list(dict.fromkeys(entry.strip() for entry in text.split(",") if entry.strip()))
    if entries and kind not in READERS:
        raise ColumnError("choices", "Choose a type above to offer choices.")
    try:
        return [READERS[kind](entry) for entry in entries]
    except ValueError:
        raise ColumnError("choices", f"Write {_WORDS[kind]}, separated by commas.") from None


def _choices_as_text(kind: str, enum: Any) -> str:
    """Return the choices as text; empty if the text would not yield the same choices."""
    if not isinstance(enum, list) or kind not in READERS:
        return ""
    text = _on_one_line(", ".join(map(as_text, enum)))
    try:
        return text if write_json(_choices(kind, text)) == write_json(enum) else ""
    except ColumnError:
        return ""
