"""Raw credentials in the texts of an integration, and replacing them by placeholders.

Name, description and every string of the configuration are searched. This module depends on no particular kind.
"""

import copy
import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from integrations.kinds.config_fields import field_path
from integrations.paste_guard import credentials
from integrations.references.rename import steps
from integrations.templating.placeholders import MalformedPlaceholder, SecretPlaceholder, parse
from secrets_app.naming.names import propose_name

Step = str | int

_HOLDS_PLACEHOLDERS = re.compile(
    r"config\b.*\.(?:value|path|content|token|username|password|client_id|client_secret|scope|audience|api_key)"
)
_WORDS = {"headers": "Header", "query": "Query parameter", "base_url": "URL", "check": "Check path"}


@dataclasses.dataclass(frozen=True, slots=True)
class Pasted:
    """A raw credential.

    Attributes:
        field: the field as refusals name it (`config.headers[0].value`, `description`).
        place: the field in words.
        start: the position in the text of the field.
        end: the position after the last character.
    """

    field: str
    place: str
    start: int
    end: int
    looks_like: str
    text: str = dataclasses.field(repr=False)

    @property
    def key(self) -> str:
        """The identity of the finding within an integration."""
        return f"{self.field}:{self.start}"

    @property
    def proposed_name(self) -> str:
        """A name for the secret, from the service of the credential or from the place."""
        known = self.looks_like not in credentials.UNNAMED
        return propose_name(self.looks_like.partition(" ")[2] if known else self.place)

    @property
    def can_be_replaced(self) -> bool:
        """Whether a placeholder can replace it; in a base URL, the text can be moved to the path."""
        return bool(_HOLDS_PLACEHOLDERS.fullmatch(self.field)) or self.is_in_base_path

    @property
    def is_in_base_path(self) -> bool:
        """Whether it is part of the path of a base URL."""
        return self.field == "config.base_url" and self.looks_like != credentials.ADDRESS


def find(name: str, description: str, config: Mapping[str, Any]) -> list[Pasted]:
    """Return all raw credentials of an integration in the order of its fields. The configuration need not be valid."""
    texts = [("name", "Name", "", name), ("description", "Description", "", description), *_texts_of(config)]
    return [pasted for where, place, under, text in texts for pasted in _find_in(where, place, under, text)]


def new_since(found: list[Pasted], stored: list[Pasted]) -> list[Pasted]:
    """Return the findings that are not among the stored ones, which somebody has accepted already."""
    known = {pasted.text for pasted in stored}
    return [pasted for pasted in found if pasted.text not in known]


def replaced_everywhere(config: Mapping[str, Any], text: str, name: str) -> dict[str, Any]:
    """Return a copy of the configuration with a placeholder for `name` in all places of a credential."""
    changed: dict[str, Any] = copy.deepcopy(dict(config))
    while standing := [each for each in find("", "", changed) if each.text == text and each.can_be_replaced]:
        _replace(changed, standing[0], name)
    return changed


def _replace(changed: dict[str, Any], pasted: Pasted, name: str) -> None:
    *parents, last = steps(pasted.field)
    holder: Any = changed
    for step in parents:
        holder = holder[step]
    text = holder[last]
    written = text[: pasted.start] + str(SecretPlaceholder(name)) + text[pasted.end :]
    if pasted.is_in_base_path:
        split = text.rindex("/", 0, pasted.start)
        holder[last], changed["path"] = written[:split], written[split:] + changed.get("path", "")
    else:
        holder[last] = written


def _texts_of(config: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Yield every string with its field, the field in words and its name."""
    for way, under, text in _strings(config, (), ""):
        yield field_path(way), _in_words(way, under), under, text


def _strings(node: object, way: tuple[Step, ...], under: str) -> Iterator[tuple[tuple[Step, ...], str, str]]:
    if isinstance(node, str):
        yield way, under, node
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from _strings(item, (*way, index), under)
    elif isinstance(node, Mapping):
        for key, item in node.items():
            named = node.get("name") if key == "value" else None
            yield from _strings(item, (*way, str(key)), named if isinstance(named, str) else str(key))


def _in_words(way: tuple[Step, ...], under: str) -> str:
    place = str(way[0])
    words = _WORDS.get(place, place.replace("_", " ").capitalize())
    return f"{words} {under}" if way[-1] == "value" and len(way) > 1 else words


def _find_in(where: str, place: str, under: str, text: str) -> Iterator[Pasted]:
    for start, literal in _literals(text):
        for found in credentials.find(literal, under=under):
            first, end = start + found.start, start + found.end
            yield Pasted(where, place, first, end, found.looks_like, _unescaped(text, text[first:end]))


def _literals(text: str) -> Iterator[tuple[int, str]]:
    """Yield the literals between placeholders with their positions; the whole text if a placeholder is malformed."""
    try:
        parts = parse(text).parts
    except MalformedPlaceholder:
        parts = (text,)
    start = 0
    for part in parts:
        if isinstance(part, str):
            yield start, part
        start += len(str(part))


def _unescaped(whole: str, written: str) -> str:
    """Return a piece of a JSON document without escapes; a piece of any other text is returned unchanged."""
    if not whole.lstrip().startswith(("{", "[")) or "\\" not in written:
        return written
    try:
        json.loads(whole)
        return str(json.loads(f'"{written}"'))
    except ValueError:
        return written
