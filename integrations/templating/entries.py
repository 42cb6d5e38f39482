"""Entries of queries and forms: left out if their argument is absent, repeated for the elements of a list."""

from collections.abc import Callable
from enum import StrEnum

from integrations.templating.placeholders import Template
from integrations.templating.slots import Filling, argument_text

Fill = Callable[[Template, Filling], str]


class ListStyle(StrEnum):
    """How a list is sent in a query or form."""

    REPEATED = "repeated"
    """`tag=a&tag=b`"""
    COMMA = "comma"
    """`tag=a,b`"""
    BRACKETS = "brackets"
    """`tag[]=a&tag[]=b`"""


def shown_name(name: str, style: ListStyle) -> str:
    """Return the name that is sent, with brackets where the style adds them."""
    return f"{name}[]" if style is ListStyle.BRACKETS and not name.endswith("[]") else name


def fill_entries(
    name: str, template: Template, style: ListStyle, filling: Filling, fill: Fill
) -> list[tuple[str, str]]:
    """Return the entries that a query parameter or field is sent as, each with its name and its filled text.

    There is none if the text is exactly one argument that is absent or null, and one for each element of a list.

    Raises:
        InvalidArguments: an argument has no spelling as text.
    """
    param = template.whole_param
    value = filling.params.get(param) if param else ""
    shown = shown_name(name, style)
    if param is None or not isinstance(value, list):
        return [] if value is None else [(shown, fill(template, filling))]
    texts = _element_texts(param, value, filling, fill)
    if style is ListStyle.COMMA and texts:
        return [(shown, ",".join(texts))]
    return [(shown, text) for text in texts]


def _element_texts(param: str, value: list[object], filling: Filling, fill: Fill) -> list[str]:
    return [
        fill(Template((text,) if text else ()), filling)
        for text in (argument_text(f"{param}[{index}]", element) for index, element in enumerate(value))
    ]
