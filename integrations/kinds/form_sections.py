"""What a kind says of its form: sections of fields, in the words of the page.

A form is drawn and read from this alone, so a kind needs no template and no form of its own.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Widget(StrEnum):
    """How a field is entered, and what its text becomes in the configuration."""

    LINE = "line"
    """One line, as it is."""
    TEMPLATE = "template"
    """A text that may hold placeholders, with completion."""
    NUMBER = "number"
    """A number; a blank one is left out."""
    SWITCH = "switch"
    """True or false."""
    CHOICE = "choice"
    """One of `choices`."""
    CHOICES = "choices"
    """A list of some of `choices`."""
    LINES = "lines"
    """A list of texts, one a line."""
    PAIRS = "pairs"
    """A list of names and values; the values may hold placeholders."""
    CONNECTOR = "connector"
    """The id of an auth connector; a blank one is null."""
    CONNECTION = "connection"
    """The id of a connection; a blank one is null."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a configuration.

    Args:
        name: of the field in the configuration.
        control: of the input on the page; the field's own name unless that is taken by a field of every integration.
        choices: values and labels, and a line about each where there is something to say.
        default: what a new integration starts with.
        shown_for: another field of the form and the values of it for which this one counts.
        half: whether it shares its line with the next one.
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
    """A card of the form; `note` is a sentence below its fields."""

    title: str
    fields: tuple[Field, ...]
    note: str = ""
