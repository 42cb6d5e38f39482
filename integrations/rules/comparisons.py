"""Conditions on arguments as people choose them, and the JSON Schema that they stand for.

A condition of a rule that allows is a must. One of a rule that asks or denies holds unless an argument surely does not
meet it, so that a missing argument, or one of another type, is asked about or denied too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from integrations.rules.shape import Decision

Schema = dict[str, Any]


class Operator(StrEnum):
    """How an argument is compared."""

    IS = "is"
    IS_NOT = "is_not"
    ONE_OF = "one_of"
    AT_MOST = "at_most"
    AT_LEAST = "at_least"
    MORE_THAN = "more_than"
    LESS_THAN = "less_than"
    MATCHES = "matches"

    @property
    def label(self) -> str:
        """The words of the page, such as `is at most`."""
        return _LABELS.get(self, f"is {self.value.replace('_', ' ')}")

    @property
    def is_numeric(self) -> bool:
        """Whether it compares numbers."""
        return self in _NUMBERS


_LABELS = {Operator.IS: "is", Operator.IS_NOT: "is not", Operator.MATCHES: "matches"}
_NUMBERS = {
    Operator.AT_MOST: ("maximum", "exclusiveMinimum"),
    Operator.AT_LEAST: ("minimum", "exclusiveMaximum"),
    Operator.MORE_THAN: ("exclusiveMinimum", "maximum"),
    Operator.LESS_THAN: ("exclusiveMaximum", "minimum"),
}
"""The keyword of each comparison of numbers, and that of its opposite."""
_OTHERS = {Operator.IS: "const", Operator.ONE_OF: "enum", Operator.MATCHES: "pattern"}


@dataclass(frozen=True, slots=True)
class ArgumentCheck:
    """A condition on one argument; of `ONE_OF`, `value` is a list."""

    argument: str
    operator: Operator
    value: Any


def schema_of(comparisons: Sequence[ArgumentCheck], decision: Decision) -> Schema | None:
    """Return the schema of conditions that all have to hold; None without any."""
    if not comparisons:
        return None
    each = [_must(one) if decision is Decision.ALLOW else _may(one) for one in comparisons]
    return each[0] if len(each) == 1 else {"allOf": each}


def comparisons_of(schema: Mapping[str, Any] | None, decision: Decision) -> list[ArgumentCheck] | None:
    """Return the conditions that a schema stands for; None if it says something else."""
    if schema is None:
        return []
    each = schema["allOf"] if schema.keys() == {"allOf"} else _apart(schema) if decision is Decision.ALLOW else [schema]
    found = [_read(one, decision) for one in each if isinstance(one, Mapping)]
    read = [one for one in found if one]
    return read if len(read) == len(each) else None


def _must(one: ArgumentCheck) -> Schema:
    return {"properties": {one.argument: _meets(one.operator, one.value)}, "required": [one.argument]}


def _may(one: ArgumentCheck) -> Schema:
    return {"not": {"properties": {one.argument: _fails(one.operator, one.value)}, "required": [one.argument]}}


def _meets(operator: Operator, value: Any) -> Schema:
    if operator in _NUMBERS:
        return {"type": "number", _NUMBERS[operator][0]: value}
    if operator is Operator.MATCHES:
        return {"type": "string", "pattern": value}
    return {"not": {"const": value}} if operator is Operator.IS_NOT else {_OTHERS[operator]: value}


def _fails(operator: Operator, value: Any) -> Schema:
    if operator in _NUMBERS:
        return {"type": "number", _NUMBERS[operator][1]: value}
    if operator is Operator.MATCHES:
        return {"type": "string", "not": {"pattern": value}}
    return {"const": value} if operator is Operator.IS_NOT else {"not": {_OTHERS[operator]: value}}


def _apart(schema: Mapping[str, Any]) -> list[Any]:
    """Return the schemas of single arguments that a schema of several stands for; else the schema itself."""
    properties = schema.get("properties")
    plain = schema.keys() - {"type"} == {"properties", "required"} and schema.get("type", "object") == "object"
    if not plain or not isinstance(properties, Mapping) or set(properties) != set(schema["required"]):
        return [schema]
    return [{"properties": {name: fragment}, "required": [name]} for name, fragment in properties.items()]


def _read(schema: Mapping[str, Any], decision: Decision) -> ArgumentCheck | None:
    inner = schema if decision is Decision.ALLOW else schema.get("not")
    properties = inner.get("properties") if isinstance(inner, Mapping) else None
    if not isinstance(properties, Mapping) or len(properties) != 1:
        return None
    ((argument, fragment),) = properties.items()
    candidates = [
        ArgumentCheck(argument, operator, value) for operator in Operator for value in _values(operator, fragment)
    ]
    make = _must if decision is Decision.ALLOW else _may
    return next((one for one in candidates if make(one) == schema), None)


def _values(operator: Operator, fragment: Any) -> list[Any]:
    """Return what a comparison could compare with, if it made this fragment."""
    if not isinstance(fragment, Mapping):
        return []
    nested = fragment.get("not")
    places = [fragment, nested] if isinstance(nested, Mapping) else [fragment]
    keywords = _NUMBERS.get(operator) or (_OTHERS.get(operator, "const"),)
    return [place[keyword] for place in places for keyword in keywords if keyword in place]
