"""Writing a configuration file: YAML for people, JSON for programs, the same bytes for the same state."""

import re
from enum import StrEnum
from typing import Any

import yaml

from accounts.common.fields import WrittenNumber, write_json

WIDTH, SHORT = 120, 80
"""Of a line, and of a list that stands on one; in characters."""

_FLOAT = "tag:yaml.org,2002:float"


class _Dumper(yaml.CSafeDumper):
    """Writes what `accounts.common.documents` reads: numbers as they were written, texts with line breaks as blocks.

    Texts are quoted where this reader, or one of YAML 1.1, would read something else.
    """


def _text(dumper: yaml.CSafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style=style)


def _list(dumper: yaml.CSafeDumper, entries: list[Any]) -> yaml.Node:
    is_short = (
        all(isinstance(entry, str | int) for entry in entries) and sum(len(str(entry)) for entry in entries) < SHORT
    )
    return dumper.represent_sequence("tag:yaml.org,2002:seq", entries, flow_style=is_short)


def _number(dumper: yaml.CSafeDumper, number: float) -> yaml.Node:
    text = str(number)
    return dumper.represent_scalar(dumper.resolve(yaml.ScalarNode, text, (True, False)), text)


_Dumper.add_representer(str, _text)
_Dumper.add_multi_representer(StrEnum, lambda dumper, name: _text(dumper, name.value))
_Dumper.add_representer(list, _list)
_Dumper.add_representer(float, _number)
_Dumper.add_representer(WrittenNumber, _number)
_Dumper.add_implicit_resolver(_FLOAT, re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z"), list("-0123456789"))
_Dumper.ignore_aliases = lambda *_: True  # type: ignore[method-assign]


def as_yaml(content: dict[str, Any]) -> str:
    """Return a configuration as YAML."""
    return str(yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH))


def as_json(content: dict[str, Any]) -> str:
    """Return a configuration as JSON, indented."""
    return write_json(content, is_ascii=False, indent=2) + "\n"
