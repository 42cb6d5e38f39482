"""From the events of a YAML parser to values that JSON can hold, without recursion and within bounds.

A plain scalar is what it would be in JSON, and otherwise text. So `no`, `on`, `012` and `2026-11-20` are texts, which
YAML 1.1 would read as something else. Only the schema of YAML 1.2 that JSON has is needed, and no tags.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from accounts.common.fields import WrittenNumber, as_written
from accounts.common.texts import path_in_words
from accounts.errors import DocumentUnreadable, FieldError

DEEPEST = 64
MOST_CHARACTERS = 5_242_880
"""Of all texts in a document, once its aliases are written out."""

REPEATED = "This name stands here twice. Keep one of them."

Step = str | int
Lines = dict[int, dict[Step, int]]
"""The line of each member of an object or list, by the `id` of the object or list."""

_STANDARD = "tag:yaml.org,2002:"
_CONSTANTS: dict[str, Any] = {"null": None, "~": None, "": None, "true": True, "false": False}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,999})")
_FRACTION = re.compile(r"-?(0|[1-9][0-9]{0,999})(\.[0-9]{1,999})?([eE][-+]?[0-9]{1,9})?")


def refusal_at(message: str, line: int, path: Sequence[Step] = ()) -> DocumentUnreadable:
    """Return the refusal of a document for one fault. The line is 0 if no line is to blame."""
    name = path_in_words(path) or "document"
    sentence = f"Line {line}: {message}" if line else message
    return DocumentUnreadable(sentence, errors=[FieldError(name, message, line=line)])


def too_deep(line: int, path: Sequence[Step] = ()) -> DocumentUnreadable:
    """Return the refusal of a document that is nested too deep."""
    return refusal_at(f"This is nested more than {DEEPEST} levels deep.", line, path[:DEEPEST])


def too_many(most_nodes: int, line: int = 0, path: Sequence[Step] = ()) -> DocumentUnreadable:
    """Return the refusal of a document with too many values, or with too much text."""
    return refusal_at(
        f"The document has more than {most_nodes:,} values, or too much text in them. Divide it.", line, path
    )


@dataclass(slots=True)
class _Read:
    """A value, and what it amounts to with its aliases written out.

    Attributes:
        anchor: the name that aliases have for it.
        name: of an object that has begun, the name whose value comes next.
        levels: how deep it is nested itself.
    """

    value: Any
    line: int
    anchor: str | None
    nodes: int = 1
    characters: int = 0
    levels: int = 0
    name: str | None = None


class Builder:
    """Makes the content of a YAML document of the parser's events, without recursion."""

    def __init__(self, most_nodes: int) -> None:
        self.root: Any = None
        self.lines: Lines = {}
        self._most_nodes = most_nodes
        self._open: list[_Read] = []
        self._anchored: dict[str, _Read] = {}
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """Take the next event.

        Raises:
            DocumentUnreadable: the document breaks a rule here.
        """
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.ScalarEvent):
            self._take_scalar(event, line)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._begin(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._repeat(event.anchor, line)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._refusal("There is a second document here. Send one at a time.", line)

    def _take_scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        self._check_tag(event.tag, {"str"}, line)
        if self._is_name_next():
            self._take_name(event.value, line, is_plain=event.implicit[0])
            return
        self._add(_Read(_value_of(event), line, event.anchor, characters=len(event.value)))

    def _begin(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent, line: int) -> None:
        self._check_tag(event.tag, {"map", "seq"}, line)
        if self._is_name_next():
            raise self._refusal("A name has to be text, not a list or an object.", line)
        if len(self._open) >= DEEPEST:
            raise too_deep(line, self._path())
        container: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._open.append(_Read(container, line, event.anchor, levels=1))
        self.lines[id(container)] = {}

    def _end(self) -> None:
        self._add(self._open.pop())

    def _repeat(self, anchor: str | None, line: int) -> None:
        """Put what an anchor stands for in the place of its alias."""
        if any(around.anchor == anchor for around in self._open):
            raise self._refusal("This refers to something that it is a part of.", line)
        if anchor is None or anchor not in self._anchored:
            raise self._refusal("This refers to an anchor that does not stand before it.", line)
        if self._is_name_next():
            raise self._refusal("A name has to be text, not a reference to an anchor.", line)
        self._add(replace(self._anchored[anchor], line=line))

    def _add(self, found: _Read) -> None:
        """Put a value where it belongs, and count it."""
        if found.anchor is not None:
            self._anchored[found.anchor] = found
        if not self._open:
            self.root = found.value
            return
        parent = self._open[-1]
        self._count(parent, found)
        if isinstance(parent.value, list):
            self.lines[id(parent.value)][len(parent.value)] = found.line
            parent.value.append(found.value)
        else:
            parent.value[parent.name] = found.value
            parent.name = None

    def _count(self, parent: _Read, found: _Read) -> None:
        parent.nodes += found.nodes
        parent.characters += found.characters
        parent.levels = max(parent.levels, found.levels + 1)
        if parent.nodes > self._most_nodes or parent.characters > MOST_CHARACTERS:
            raise too_many(self._most_nodes, found.line, self._path())
        if len(self._open) + found.levels > DEEPEST:
            raise too_deep(found.line, self._path())

    def _is_name_next(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._open[-1].name is None

    def _take_name(self, name: str, line: int, *, is_plain: bool) -> None:
        parent = self._open[-1]
        if is_plain and name == "<<":
            raise self._refusal("Merge keys (<<) are not read. Write the fields out.", line)
        if name in parent.value:
            raise self._refusal(REPEATED, line, name)
        parent.name = name
        self.lines[id(parent.value)][name] = line

    def _check_tag(self, tag: str | None, allowed: set[str], line: int) -> None:
        if tag not in {None, "!"} and str(tag).removeprefix(_STANDARD) not in allowed:
            raise self._refusal("Tags (!…) are not read. Remove the tag.", line)

    def _path(self, *further: Step) -> list[Step]:
        steps = [len(each.value) if isinstance(each.value, list) else each.name for each in self._open]
        return [*(step for step in steps if step is not None), *further]

    def _refusal(self, message: str, line: int, *further: Step) -> DocumentUnreadable:
        return refusal_at(message, line, self._path(*further))


def _value_of(event: yaml.ScalarEvent) -> Any:
    """Return a scalar as JSON has it; a plain one that JSON does not have is text."""
    text = event.value
    if not event.implicit[0] or event.tag is not None:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return as_written(text)
    return WrittenNumber(text) if _FRACTION.fullmatch(text) else text
