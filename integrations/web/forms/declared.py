"""The form of kinds that declare their fields (`integrations/kinds/form_sections.py`)."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from django.http import QueryDict
from typing_extensions import override

from accounts.errors import FieldError
from integrations.kinds.base import Kind
from integrations.kinds.form_sections import Field, Widget
from integrations.web.forms.base import IntegrationForm, SubmittedIntegration, Values, keep_line_ends, text
from integrations.web.forms.rows import read_pairs

_PART = re.compile(r"config\.(?P<name>\w+)(?:\[(?P<index>\d+)\](?:\.(?P<part>name|value))?)?")
_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,9})?", re.ASCII)


class DeclaredForm(IntegrationForm):
    """A form built from the fields that a kind declares.

    Fields that do not apply to the current choice are shown again as typed.
    """

    template: ClassVar[str] = "integrations/kind_form.html"

    def __init__(self, kind: Kind[Any]) -> None:
        self._kind = kind
        self._fields = {field.name: field for section in kind.sections for field in section.fields}

    def config_values(self, config: Mapping[str, Any]) -> Values:
        """Return the fields by the names of their inputs, with the default of fields that are not stored."""
        return {field.input: _shown(field, config.get(field.name, field.default)) for field in self._fields.values()}

    def read_config(self, post: QueryDict) -> SubmittedIntegration:
        """Read all fields, including those that do not apply to the current choice."""
        values: Values = {}
        problems: list[FieldError] = []
        for field in self._fields.values():
            if field.widget is Widget.PAIRS:
                values[field.input], found = read_pairs(post, field.input, field.label.lower())
                problems += found
            else:
                values[field.input] = _READ.get(field.widget, _typed)(post, field.input)
        return SubmittedIntegration(values, problems)

    def config(self, values: Values, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that apply, and the parts of the stored configuration without a field."""
        kept = {name: value for name, value in stored.items() if name not in self._fields}
        entered = {
            field.name: _ENTERED.get(field.widget, _as_typed)(values[field.input])
            for field in self._fields.values()
            if self.applies(field, values) and not _left_out(field, values[field.input])
        }
        return keep_line_ends(kept | entered, stored)

    def applies(self, field: Field, values: Values) -> bool:
        """Return whether a field applies to the choice in another field."""
        if field.shown_for is None:
            return True
        other, wanted = field.shown_for
        return values[self._fields[other].input] in wanted

    @override
    def error(self, error: FieldError, values: Values) -> FieldError:
        """Return the error with the input of its field or row."""
        found = _PART.match(error.field)
        field = self._fields.get(found["name"]) if found else None
        if field is None or found is None:
            return FieldError("", error.message)
        row = f"_{found['part']}-{found['index']}" if field.widget is Widget.PAIRS and found["part"] else ""
        return FieldError(field.input + row, error.message)

    def texts(self, values: Values) -> Iterator[str]:
        """Yield the texts that may hold placeholders, as typed."""
        for field in self._fields.values():
            if not self.applies(field, values):
                continue
            if field.widget is Widget.TEMPLATE:
                yield values[field.input]
            elif field.widget is Widget.PAIRS:
                yield from (row["value"] for row in values[field.input])


def _shown(field: Field, stored: Any) -> Any:
    if field.widget is Widget.LINES:
        return "\n".join(stored or ())
    if field.widget in {Widget.PAIRS, Widget.CHOICES}:
        return list(stored or ())
    if field.widget is Widget.NUMBER:
        return "" if stored is None else str(stored).removesuffix(".0")
    return bool(stored) if field.widget is Widget.SWITCH else (stored or "")


def _typed(post: QueryDict, name: str) -> Any:
    return text(post, name)


def _trimmed(post: QueryDict, name: str) -> Any:
    return post.get(name, "").strip()


_READ: dict[Widget, Callable[[QueryDict, str], Any]] = {
    Widget.LINE: _trimmed,
    Widget.NUMBER: _trimmed,
    Widget.SWITCH: lambda post, name: name in post,
    Widget.CHOICES: lambda post, name: post.getlist(name),
}


def _as_typed(entered: Any) -> Any:
    return entered


def _number(typed: str) -> int | float | str:
    """Return the number; other text is returned unchanged for the service to refuse."""
    if not _NUMBER.fullmatch(typed):
        return typed
    return float(typed) if "." in typed else int(typed)


_ENTERED: dict[Widget, Callable[[Any], Any]] = {
    Widget.NUMBER: _number,
    Widget.LINES: lambda typed: [line.strip() for line in typed.split("\n") if line.strip()],
    Widget.CONNECTOR: lambda typed: typed or None,
    Widget.CONNECTION: lambda typed: typed or None,
}


def _left_out(field: Field, typed: Any) -> bool:
    """Return whether a field is blank and left out, so that the default of the configuration applies."""
    return typed == "" and (field.optional or field.widget is Widget.NUMBER)
