"""The description of a kind's form: sections and fields.

Forms are rendered and read from this description, so a kind needs no template and no form class of its own.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Widget(StrEnum):
    """How a field is entered, and how its text is converted for the configuration."""

    LINE = "line"
    """A single line of text."""
    TEMPLATE = "template"
    """A text that may hold placeholders, with completion."""
    NUMBER = "number"
    """A number; a blank field is left out of the configuration."""
    SWITCH = "switch"
    """True or false."""
    CHOICE = "choice"
    """One of `choices`."""
    CHOICES = "choices"
    """A list of values from `choices`."""
    LINES = "lines"
    """A list of texts, one per line."""
    PAIRS = "pairs"
    """A list of names and values; the values may hold placeholders."""
    CONNECTOR = "connector"
    """The id of an auth connector; a blank field becomes null."""
    CONNECTION = "connection"
    """The id of a connection; a blank field becomes null."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a configuration, as its form shows it.

    Attributes:
        name: of the field in the configuration.
        choices: value, label and optional explanation of each choice.
        default: the value in the form of a new integration.
        shown_for: another field, and its values for which this field applies.
        control: the name of the input, if it differs from `name`.
        half: whether the field shares its row with the next field.
    """

    name: str
    label: str
    widget: Widget = Widget.LINE
    hint: str = ""
    placeholder: str = ""
    optional: bool = False
    choices: tuple[tuple[str, str, str], ...] = ()
    default: Any = ""
    shown_for: tuple[str, tuple[str, ...]] | None = None
    control: str = ""
    half: bool = False

    @property
    def input(self) -> str:
        """The name of the input."""
        return self.control or self.name


@dataclass(frozen=True, slots=True)
class Section:
    """A card of the form; `note` is shown below its fields."""

    title: str
    fields: tuple[Field, ...]
    note: str = ""

    @property
    def is_one_field(self) -> bool:
        """Whether the card's heading is that of its only field."""
        return len(self.fields) == 1
