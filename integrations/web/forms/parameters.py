"""Rows of parameters, and the JSON Schema that they stand for.

Owns: both directions, and what becomes of a schema that rows cannot show because it was written through the API. The
rule: **what a row still shows as before is not touched.** A row is compared with what the page showed for the stored
property; only a column that differs is written, all other keywords (`default`, `minLength`, `items`, …) stay, and so do
those around the properties. A type that is none of the four of the page is shown as `kept`. Each row carries the name
that it was stored under (`was`), so that a renamed parameter keeps its keywords; without it the name itself counts.
"""

import json
from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from accounts.errors import FieldError, Invalid
from integrations.web.forms.base import Values
from integrations.web.forms.rows import read_rows
from integrations.web.forms.typed import READERS, as_text

KEPT = "kept"

_WORDS = {"integer": "whole numbers", "number": "numbers", "boolean": "true or false"}
_PROPERTIES = "config.parameters.properties."
_STALE_DEFAULT = (
    "Its stored default does not fit this type and these choices. "
    "Keep those, or remove the parameter and add it again without a default."
)


def read_parameters(post: QueryDict) -> tuple[list[Values], list[FieldError]]:
    """The rows that were sent; those without name, description and choices are left out."""
    columns = {name: f"param_{name}" for name in ("name", "type", "required", "description", "choices")}
    if "param_was" in post:
        columns["was"] = "param_was"
    rows, problems = read_rows(post, columns, "parameters")
    filled = [row for row in rows if any(row[column].strip() for column in ("name", "description", "choices"))]
    return [_as_typed(row) for row in filled], problems


def rows_of(schema: Mapping[str, Any]) -> list[Values]:
    """The rows that show a stored schema."""
    required = schema.get("required", ())
    return [
        {"name": name, "was": name, "required": name in required, **_shown(declared)}
        for name, declared in schema.get("properties", {}).items()
    ]


def schema_of(rows: list[Values], stored: Mapping[str, Any]) -> dict[str, Any]:
    """The schema that the rows describe.

    Args:
        stored: the schema as it is now, empty for a new integration.

    Raises:
        Invalid: two rows of one name, or a type or choices that make no schema.
    """
    before = stored.get("properties", {})
    problems = _repeated(rows)
    properties = {}
    for index, row in enumerate(rows):
        try:
            properties[row["name"]] = _declared(row, before.get(row["was"]))
        except MisfitError as misfit:
            problems.append(FieldError(f"param_{misfit.column}-{index}", misfit.sentence))
    if problems:
        raise Invalid("The parameters cannot be used.", errors=problems)
    schema = {**(stored or {"type": "object"}), "properties": properties, "required": _required(rows, stored)}
    return {name: value for name, value in schema.items() if name in stored or name == "type" or value}


def error_at(error: FieldError, rows: list[Values]) -> FieldError:
    """An error about `config.parameters…`, at the row that it is about; else at the parameters as a whole."""
    place = error.field.removeprefix(_PROPERTIES) if error.field.startswith(_PROPERTIES) else None
    for index, row in enumerate(rows):
        if place == row["name"]:
            return FieldError(f"param_name-{index}", error.message)
        if place == f"{row['name']}.default":
            return FieldError(f"param_type-{index}", _STALE_DEFAULT)
        if place and place.startswith(f"{row['name']}."):
            return FieldError(f"param_choices-{index}", error.message)
    return FieldError("parameters", error.message)


class MisfitError(Exception):
    """A column of a row that makes no schema."""

    def __init__(self, column: str, sentence: str) -> None:
        super().__init__(sentence)
        self.column, self.sentence = column, sentence


def _as_typed(row: Mapping[str, str]) -> Values:
    name = row["name"].strip()
    return {**row, "name": name, "required": row["required"] == "yes", "was": row.get("was", name)}


def _repeated(rows: list[Values]) -> list[FieldError]:
    names = [row["name"] for row in rows]
    sentence = "This parameter is listed above already; keep one of them."
    return [FieldError(f"param_name-{index}", sentence) for index, name in enumerate(names) if name in names[:index]]


def _required(rows: list[Values], stored: Mapping[str, Any]) -> list[str]:
    """The names of rows that are needed; in the stored order where they are the same."""
    names = [row["name"] for row in rows if row["required"]]
    before = stored.get("required", [])
    return before if set(before) == set(names) else names


def _shown(declared: Mapping[str, Any]) -> Values:
    """What the columns show of a stored property."""
    kind = declared.get("type")
    kind = kind if isinstance(kind, str) and kind in READERS else KEPT
    return {
        "type": kind,
        "description": _on_one_line(declared.get("description", "")),
        "choices": _choices_as_text(kind, declared.get("enum", [])),
    }


def _on_one_line(text: str) -> str:
    """What an `<input>` makes of a text: it drops line ends."""
    return text.replace("\r", "").replace("\n", "")


def _declared(row: Values, stored: Mapping[str, Any] | None) -> dict[str, Any]:
    """The property of a row: the stored one, with the columns that differ written over it."""
    if row["type"] not in READERS and not (stored and row["type"] == KEPT):
        raise MisfitError("type", "Choose a type.")
    shown = _shown(stored) if stored is not None else {"type": "", "description": "", "choices": ""}
    declared = dict(stored or {})
    if row["description"] != shown["description"]:
        _put(declared, "description", row["description"])
    if row["type"] != shown["type"]:
        declared["type"] = row["type"]
    if (row["type"], row["choices"]) != (shown["type"], shown["choices"]):
        _put(declared, "enum", _choices(row["type"], row["choices"]))
    return declared


def _put(declared: dict[str, Any], keyword: str, value: Any) -> None:
    """Set a keyword, or take it out where its column is blank."""
    declared.pop(keyword, None)
    if value:
        declared[keyword] = value


def _choices(kind: str, text: str) -> list[Any]:
    """The choices as JSON values of the row's type."""
    entries = list(dict.fromkeys(entry.strip() for entry in text.split(",") if entry.strip()))
    if entries and kind not in READERS:
        raise MisfitError("choices", "Choose a type above to offer choices.")
    try:
        return [READERS[kind](entry) for entry in entries]
    except ValueError:
        raise MisfitError("choices", f"Write {_WORDS[kind]}, separated by commas.") from None


def _choices_as_text(kind: str, enum: Any) -> str:
    """The choices as they are typed, or nothing where typing them would not give the same."""
    if not isinstance(enum, list) or kind not in READERS:
        return ""
    text = _on_one_line(", ".join(map(as_text, enum)))
    try:
        return text if json.dumps(_choices(kind, text)) == json.dumps(enum) else ""
    except MisfitError:
        return ""
